"""What the numbers of this machine were computed with: versions, processor level, threads, devices.

    python scripts/about.py

A number that differs in its last digits on another machine mostly differs because of one of these.
"""

import argparse
import os
import platform
import re
from importlib import metadata
from pathlib import Path

LIBRARIES = ("numpy", "scipy", "jax", "jaxlib", "optax", "diffrax", "optimistix", "scikit-learn", "matplotlib")
LOCK = Path(__file__).resolve().parent.parent / "requirements.txt"
# a level of x86-64: what NumPy's list of found extensions and XLA's list of features say of it
LEVELS = (("AVX-512", {"X86_V4", "AVX512_SKX"}, b"+avx512f"), ("AVX2", {"X86_V3", "AVX2"}, b"+avx2"))


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that the chapters compute with."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in LIBRARIES}


def off_the_lock(found: dict[str, str]) -> dict[str, str]:
    """The libraries whose version is not the lock's, with the lock's."""
    locked = dict(re.findall(r"^([a-z-]+)==([^ ;]+)", LOCK.read_text(), re.MULTILINE))
    return {name: locked[name] for name, version in found.items() if locked.get(name, version) != version}


def processor() -> str:
    """The processor's name as the system knows it."""
    information = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.*)$", information.read_text(), re.MULTILINE) if information.exists() else []
    return f"{platform.machine()}, {(names or [platform.processor() or 'name unknown'])[0]}"


def _level(has) -> str:
    if platform.machine() not in {"x86_64", "AMD64"}:
        return platform.machine()
    return next((name for name, *marks in LEVELS if has(*marks)), "SSE4.2")


def numpy_level() -> str:
    """The level of the processor that NumPy uses: what the processor has, less NPY_DISABLE_CPU_FEATURES."""
    import numpy as np

    found = {*np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])}
    return _level(lambda extensions, _: bool(found & extensions))


def xla_level() -> str:
    """The level of the processor that XLA compiles for: read from a program that it has compiled."""
    import jax

    with jax.default_device(jax.devices("cpu")[0]):
        program = jax.jit(lambda x: x + 1).lower(1.0).compile().runtime_executable()
    try:
        code = jax.devices("cpu")[0].client.serialize_executable(program)
    except AttributeError:  # it is no part of JAX's public interface
        return "unknown level"
    return _level(lambda _, feature: feature in code)


def threads() -> int:
    """The threads that XLA computes with: the processor's cores, or NPROC."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return int(os.environ.get("NPROC") or cores or 1)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    import jax

    for name, version in (found := versions()).items():
        print(f"{name:14}{version}")
    for name, version in off_the_lock(found).items():
        print(f"{'':14}{name} is {version} in requirements.txt")
    print(f"{'system':14}{platform.platform()}")
    print(f"{'processor':14}{processor()}")
    print(f"{'level':14}{numpy_level()} to NumPy, {xla_level()} to XLA")
    print(f"{'threads':14}{threads()} to XLA, {os.cpu_count()} cores")
    print(f"{'devices':14}{', '.join(str(device) for device in jax.devices())}")
    for name in ("XLA_FLAGS", "NPY_DISABLE_CPU_FEATURES", "JAX_PLATFORMS", "JAX_ENABLE_X64"):
        if name in os.environ:
            print(f"{name}={os.environ[name]}")


if __name__ == "__main__":
    main()

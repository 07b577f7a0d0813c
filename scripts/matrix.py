"""Test that every chapter gives the same text at every level of the processor, on one thread and on two.

    python -m scripts.matrix [NAME ...]

The levels are those of x86-64 up to this processor's, SSE4.2, AVX2 and AVX-512: NumPy, OpenBLAS and XLA are limited to
each in turn. Another processor has one level. The comparison is that of `make test`. Exit status 1 if a text differs.
"""

import itertools
import os
import subprocess
import sys
import time

import numpy as np

from scripts import about, check
from scripts.execute_chapters import ROOT

THREADS = (1, 2)
LEVELS = {  # what of NumPy's extensions stays on, the most that XLA may use, the processor that OpenBLAS takes it for
    "SSE4.2": (set(), "SSE4_2", "Nehalem"),
    "AVX2": ({"X86_V3", "AVX", "F16C", "FMA3", "AVX2"}, "AVX2", "Haswell"),
    "AVX-512": (None, None, None),
}


def limits(level: str, threads: int, extensions: list[str]) -> dict[str, str]:
    """The variables that limit a process to a level and to so many threads; `extensions` are what NumPy finds here."""
    settings = {"CHAPTER_THREADS": str(threads)}
    stay, most, core = LEVELS.get(level, (None, None, None))
    if most:
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_max_isa={most}"
        off = " ".join(name for name in extensions if name not in stay)
        settings |= {"NPY_DISABLE_CPU_FEATURES": off, "XLA_FLAGS": flags.strip(), "OPENBLAS_CORETYPE": core}
    return settings


def levels_here() -> list[str]:
    """The levels up to this processor's."""
    highest, names = about.numpy_level(), list(LEVELS)
    return names[: names.index(highest) + 1] if highest in names else [highest]


def main() -> int:
    if wrong := [name for name in sys.argv[1:] if name not in check.NAMES]:
        message = f"make matrix NAME=...: NAME must be chapters, of {', '.join(check.NAMES)}; got {' '.join(wrong)}"
        print(message, file=sys.stderr)
        return 2
    notebooks = [f"chapters/{name}.ipynb" for name in sys.argv[1:]] or ["chapters"]
    extensions = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    here = levels_here()
    differ = False
    for level in [name for name in LEVELS if name not in here and here[0] in LEVELS]:
        print(f"{level}: this processor has none", flush=True)
    for level, threads in itertools.product(here, THREADS):
        environment = os.environ | limits(level, threads, extensions)

        def run(*arguments, environment=environment):
            command = [sys.executable, *arguments]
            return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)

        begin = time.perf_counter()
        done = run("-c", "from scripts import about; print(about.numpy_level(), about.xla_level())")
        if done.stdout.split() != [level, level]:
            print(f"{level} could not be set: NumPy and XLA say {done.stdout or done.stderr}", file=sys.stderr)
            return 1
        done = run("-m", "pytest", "-p", "no:cacheprovider", "--color=no", *notebooks)
        verdict = "the same text" if done.returncode == 0 else "ANOTHER TEXT, or an error:"
        print(f"{level}, threads {threads}: {verdict} ({time.perf_counter() - begin:.0f} s)", flush=True)
        if done.returncode:
            print(done.stdout + done.stderr, flush=True)
            differ = True
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())

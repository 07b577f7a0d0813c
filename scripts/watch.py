"""Runs unseen in the kernel that executes a chapter: counts what XLA compiles, and notes which files are opened.

A request to compile is counted also where the compiled program comes from the cache on disk.
"""

import builtins
import functools
import io
import json
import os

from IPython.core import interactiveshell

_opened: set[str] = set()
_compilations: int | None = None
_plain_open = open


@functools.wraps(open)
def _open(file, *arguments, **options):
    if isinstance(file, str | bytes | os.PathLike):
        _opened.add(os.path.realpath(os.fsdecode(file)))
    return _plain_open(file, *arguments, **options)


def _count(event: str, seconds: float, **_) -> None:
    global _compilations
    _compilations += event == "/jax/core/compile/backend_compile_duration"


def begin() -> None:
    """Start to count and to note."""
    global _compilations
    _compilations = 0
    # before NumPy is imported, which keeps what it finds; an audit hook would be called whenever JAX looks at a frame
    builtins.open = io.open = interactiveshell.io_open = _open

    import jax

    jax.monitoring.register_event_duration_secs_listener(_count)


def report() -> None:
    """Print the count, the files and what computes here, as JSON."""
    if _compilations is None:
        raise RuntimeError("nobody called begin: nothing was counted")
    from scripts import about

    said = {"compilations": _compilations, "opened": sorted(_opened)}  # before the level is looked up: it compiles
    versions = about.versions()
    machine = f"{about.processor()}, {about.numpy_level()} to NumPy, {about.xla_level()} to XLA"
    print(json.dumps(said | {"versions": versions, "machine": machine, "threads": about.threads()}))

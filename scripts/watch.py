"""Runs unseen in the kernel that executes a chapter: counts what XLA compiles, and notes which files are opened.

A request to compile is counted also where the compiled program comes from the cache on disk.
"""

import json
import os
import sys

import jax

from scripts import about

_opened: set[str] = set()
_compilations: int | None = None


def _note_file(event: str, arguments: tuple) -> None:
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        _opened.add(os.path.realpath(os.fsdecode(arguments[0])))


def _count(event: str, seconds: float, **_) -> None:
    global _compilations
    _compilations += event == "/jax/core/compile/backend_compile_duration"


def begin() -> None:
    """Start to count and to note."""
    global _compilations
    _compilations = 0
    jax.monitoring.register_event_duration_secs_listener(_count)
    sys.addaudithook(_note_file)


def report() -> None:
    """Print the count, the files and what computes here, as JSON."""
    if _compilations is None:
        raise RuntimeError("nobody called begin: nothing was counted")
    said = {"compilations": _compilations, "opened": sorted(_opened)}  # before the level is looked up: it compiles
    versions = about.versions()
    machine = f"{about.processor()}, {about.numpy_level()} to NumPy, {about.xla_level()} to XLA"
    print(json.dumps(said | {"versions": versions, "machine": machine, "threads": about.threads()}))

"""Execute chapters: make each `.ipynb` from its `.py`, where the `.py` or something it uses has changed.

    python scripts/execute_chapters.py chapters/tango.py [more.py ...] [--force]

A notebook records a digest of what made it: the `.py`, the helper package, and the published numbers or the other
notebooks if it reads them. If the digest still fits, nothing is done. The old notebook is replaced in one step, and
only by a notebook whose cells all ran without an error and without a warning.
"""

import argparse
import hashlib
import os
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "straightlines"
ENVIRONMENT = {  # of the tests, too
    "JAX_PLATFORMS": "cpu",  # the committed outputs are the processor's, also where there is a GPU
    "NPROC": "1",  # XLA's threads: the arrays of a chapter are too small to share
    # what is compiled is kept, and compiled anew when the code, JAX or its settings change
    "JAX_COMPILATION_CACHE_DIR": str(ROOT / "_build" / "jax-cache"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    # what another process is about to write is compiled here as well
    "PYTHONWARNINGS": "ignore:Error reading persistent compilation cache entry",
}
INLINE = "module://matplotlib_inline.backend_inline"


def digest(source: Path) -> str:
    """Digest of the `.py`, the helper package and the files that the chapter reads."""
    files = [source, *sorted(PACKAGE.glob("*.py")), PACKAGE / "book.mplstyle"]
    text = source.read_text()
    if "published.toml" in text:
        files.append(ROOT / "published.toml")
    if "*.ipynb" in text:
        files += [path for path in sorted(source.parent.glob("*.ipynb")) if path.stem != source.stem]
    hashed = hashlib.sha256()
    for path in files:
        hashed.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return hashed.hexdigest()[:16]


def name_cells(notebook) -> None:
    """Give each cell an id that depends on its text alone, so that a new cell changes no other one's id."""
    seen: set[str] = set()
    for cell in notebook.cells:
        name = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        while name in seen:
            name = hashlib.sha256(name.encode()).hexdigest()[:8]
        seen.add(name)
        cell.id = name


def execute(source: Path, force: bool = False) -> bool:
    """Make the notebook of one chapter; whether it had to be executed. Raises if a cell fails or warns."""
    target = source.with_suffix(".ipynb")
    notebook = jupytext.read(source)
    fingerprint = digest(source)
    if target.exists() and not force:
        made_from = nbformat.read(target, as_version=4).metadata.get("made_from")
        if made_from == fingerprint:
            return False
    name_cells(notebook)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(source.parent)}},
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    client.execute(env=os.environ | ENVIRONMENT | {"MPLBACKEND": INLINE})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times differ from run to run
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                raise RuntimeError(f"{source}: a cell wrote to stderr:\n{cell.source}\n\n{output.text}")
    notebook.metadata.pop("language_info", None)  # it names the Python version of this machine
    notebook.metadata["made_from"] = fingerprint
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        nbformat.write(notebook, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="+", type=Path, help="the .py files")
    parser.add_argument("--force", action="store_true", help="execute even if nothing has changed")
    arguments = parser.parse_args()
    for source in arguments.chapters:
        if source.suffix != ".py" or not source.is_file():
            parser.error(f"a chapter must be an existing .py file, got {source}")
    for source in arguments.chapters:
        start = time.perf_counter()
        try:
            executed = execute(source.resolve(), arguments.force)
        except (CellExecutionError, RuntimeError) as error:
            print(f"{source}: failed, the old notebook is kept\n{error}", file=sys.stderr)
            return 1
        outcome = f"executed in {time.perf_counter() - start:.1f} s" if executed else "up to date"
        print(f"{source}: {outcome}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

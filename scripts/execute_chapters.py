"""Execute chapters: make each `.ipynb` from its `.py`, where the code or something it uses has changed.

    python scripts/execute_chapters.py chapters/tango.py [more.py ...] [--force]

A notebook records in its metadata a digest of what made its outputs, `made_from`: the code of the chapter; the code of
the modules of the package that it imports, and of those that they import, without comments and docstrings; the lock;
the style of the figures; and the files that the header of the `.py` declares under `reads`, as names or patterns beside
the chapter. If the digest still fits, nothing is executed, and the text around the code is brought up to date. A
chapter that reads a file of the book which it does not declare fails.

`execution_record` in the metadata says what made the outputs, so it is written anew whenever they are: seconds, the
programs that XLA was asked to compile, versions, processor and threads. The old notebook is replaced in one step, and
only by a notebook whose cells all ran without an error and without a warning.
"""

import argparse
import ast
import hashlib
import json
import os
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src"
PACKAGE = SOURCES / "straightlines"
LOCK = ROOT / "requirements.txt"
NOT_READ = [
    ROOT / name for name in ("src", "scripts", ".venv", "_build", ".git", "pyproject.toml")
]  # of the book, that is
THREADS = os.environ.get("CHAPTER_THREADS", "1")  # scripts/matrix.py tries others
ENVIRONMENT = {  # of the tests, too
    "JAX_PLATFORMS": "cpu",  # the committed outputs are the processor's, also where there is a GPU
    # XLA's and BLAS's: the arrays of a chapter are too small to share, and a second thread waits by spinning
    "NPROC": THREADS,
    "OPENBLAS_NUM_THREADS": THREADS,
    # what is compiled is kept, and compiled anew when the code, JAX or its settings change
    "JAX_COMPILATION_CACHE_DIR": str(ROOT / "_build" / "jax-cache" / THREADS),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    # what another process is about to write is compiled here as well
    "PYTHONWARNINGS": "ignore:Error reading persistent compilation cache entry",
}
INLINE = "module://matplotlib_inline.backend_inline"


def meaning(node) -> object:
    """A piece of syntax as nested lists, the same in every version of Python, without comments and docstrings."""
    if isinstance(node, list):
        first = node[0] if node else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            node = node[1:]
        return [meaning(part) for part in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [(name, meaning(value)) for name, value in ast.iter_fields(node) if value is not None and value != []]
    return [type(node).__name__, *fields]


def file_of(module: str) -> Path | None:
    """The file of a module of the package, if it is one."""
    path = SOURCES / module.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def imported(path: Path, name: str = "") -> dict[str, Path]:
    """The modules of the package that a file imports itself, and their files; `name` is its own, if it is one."""
    package = (name if path.name == "__init__.py" else name.rpartition(".")[0]).split(".")
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    packages = [".".join(long.split(".")[:depth]) for long in names for depth in range(1, long.count(".") + 1)]
    return {module: file for module in [*packages, *names] if (file := file_of(module))}


def modules_of(source: Path) -> dict[str, Path]:
    """The modules of the package that a chapter imports, directly or through another one, and their files."""
    found: dict[str, Path] = {}
    waiting = imported(source)
    while waiting:
        found |= waiting
        waiting = {
            module: file
            for name, path in waiting.items()
            for module, file in imported(path, name).items()
            if module not in found
        }
    return found


def reads(source: Path, notebook) -> list[Path]:
    """The files that a chapter declares in its header."""
    found, patterns = [], notebook.metadata.get("reads", [])
    if not isinstance(patterns, list):
        raise ValueError(f"{source}: the header's reads must be a list of names or patterns, got {patterns!r}")
    for pattern in patterns:
        files = sorted(file.resolve() for file in source.parent.glob(pattern))
        if not files:
            raise ValueError(f"{source}: the header declares reads: {pattern}, and there is no such file")
        found += [file for file in files if file != source.with_suffix(".ipynb") and not file.name.startswith(".")]
    return found


def digest(source: Path) -> str:
    """Digest of what makes a chapter's outputs: its code, the modules it imports, the lock and what it reads."""
    notebook = jupytext.read(source)
    hashed = hashlib.sha256(LOCK.read_bytes())
    parts = {"code": [cell.source for cell in notebook.cells if cell.cell_type == "code"]}
    parts |= {name: meaning(ast.parse(path.read_text())) for name, path in modules_of(source).items()}
    parts |= {path.name: path.read_text() for path in PACKAGE.glob("*.mplstyle")}
    for path in reads(source, notebook):
        if path.suffix == ".ipynb":  # nobody reads how long it took
            parts[path.name] = nbformat.read(path, as_version=4).cells
        else:
            parts[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    hashed.update(json.dumps(parts, sort_keys=True).encode())
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


def run(notebook, source: Path) -> dict:
    """Execute the cells in a new kernel; the record of it. Raises if one fails, warns or reads what is not declared."""
    notebook.cells.append(nbformat.v4.new_code_cell("__import__('scripts.watch').watch.report()"))
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(source.parent)}},
        coalesce_streams=True,
        extra_arguments=[
            "--IPKernelApp.log_level=ERROR",
            "--IPKernelApp.exec_lines=__import__('scripts.watch').watch.begin()",
        ],
    )
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    start = time.perf_counter()
    client.execute(env=os.environ | ENVIRONMENT | {"MPLBACKEND": INLINE, "PYTHONPATH": paths})
    seconds = time.perf_counter() - start
    record = {"seconds": max(1, round(seconds))} | json.loads(notebook.cells.pop().outputs[0].text)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times differ from run to run
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                raise RuntimeError(f"{source}: a cell wrote to stderr:\n{cell.source}\n\n{output.text}")
    opened = {path for path in map(Path, record.pop("opened")) if any(map(path.is_relative_to, (ROOT, source.parent)))}
    opened = {path for path in opened if not any(map(path.is_relative_to, NOT_READ))}
    if undeclared := opened - {*reads(source, notebook), source.with_suffix(".ipynb")}:
        names = ", ".join(os.path.relpath(path, source.parent) for path in sorted(undeclared))
        raise RuntimeError(f"{source}: it reads what its header does not declare; add to the header reads: [{names}]")
    return record


def execute(source: Path, force: bool = False) -> str:
    """Make the notebook of one chapter; what had to be done. Raises as `run` does."""
    target = source.with_suffix(".ipynb")
    notebook = jupytext.read(source)
    fingerprint = digest(source)
    old = nbformat.read(target, as_version=4) if target.exists() and not force else None
    executed = old is None or old.metadata.get("made_from") != fingerprint
    name_cells(notebook)
    if executed:
        record = run(notebook, source)
    else:
        record = old.metadata.execution_record
        for cell, before in zip(*(filter(is_code, book.cells) for book in (notebook, old)), strict=True):
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
    notebook.metadata.pop("language_info", None)  # it names the Python version of this machine
    notebook.metadata.get("jupytext", {}).pop("notebook_metadata_filter", None)  # it stands in jupytext.toml
    notebook.metadata |= {"made_from": fingerprint, "execution_record": record}
    if notebook == old:
        return "up to date"
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        nbformat.write(notebook, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return f"executed in {record['seconds']} s" if executed else "executed before; its text is brought up to date"


def is_code(cell) -> bool:
    return cell.cell_type == "code"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="+", type=Path, help="the .py files")
    parser.add_argument("--force", action="store_true", help="execute even if nothing has changed")
    arguments = parser.parse_args()
    for source in arguments.chapters:
        if source.suffix != ".py" or not source.is_file():
            parser.error(f"a chapter must be an existing .py file, got {source}")
    for source in arguments.chapters:
        try:
            outcome = execute(source.resolve(), arguments.force)
        except Exception as error:
            print(f"{source}: failed, the old notebook is kept\n{type(error).__name__}: {error}", file=sys.stderr)
            return 1
        print(f"{source}: {outcome}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

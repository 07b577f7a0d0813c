"""Each chapter is a `.py` and the `.ipynb` that its execution made, and the table of contents knows it."""

from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml

from scripts import execute_chapters

ROOT = Path(__file__).resolve().parent.parent
NAMES = sorted({path.stem for path in (ROOT / "chapters").glob("*.*") if path.suffix in {".py", ".ipynb"}})


def test_chapters_are_found():
    assert {"update_rules", "tango", "physical_gradients", "reproduction"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_twins_have_the_same_content(name):
    source, twin = (ROOT / "chapters" / f"{name}{suffix}" for suffix in (".py", ".ipynb"))
    assert source.exists(), f"{twin.name} has no .py twin"
    assert twin.exists(), f"{source.name} has no .ipynb twin: run make chapters"

    def content(notebook):
        return [
            (cell.cell_type, cell.source, {key: cell.metadata.get(key) for key in ("tags", "mystnb")})
            for cell in notebook.cells
        ]

    ours, theirs = content(jupytext.read(source)), content(nbformat.read(twin, as_version=4))
    assert len(ours) == len(theirs), (
        f"{name}.py has {len(ours)} cells and {name}.ipynb {len(theirs)}: run make chapters"
    )
    for position, (here, there) in enumerate(zip(ours, theirs, strict=True)):
        assert here == there, f"cell {position} of {name} differs between .py and .ipynb: run make chapters"


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_was_executed_in_order_and_without_an_error(name):
    notebook = nbformat.read(ROOT / "chapters" / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code, f"{name} has no code"
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert "nbval" not in cell.source.lower(), "a cell must not switch its own check off"
        assert not [tag for tag in cell.metadata.get("tags", []) if tag.startswith(("nbval", "raises"))]
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", cell.source


@pytest.mark.parametrize("name", NAMES)
def test_outputs_were_made_by_the_code_that_is_here(name):
    source = ROOT / "chapters" / f"{name}.py"
    made_from = nbformat.read(source.with_suffix(".ipynb"), as_version=4).metadata.get("made_from")
    assert made_from == execute_chapters.digest(source), (
        f"{name}, or what it imports or reads, has changed since it was executed: if it should, run make chapters"
    )


def compilations(name):
    notebook = nbformat.read(ROOT / "chapters" / f"{name}.ipynb", as_version=4)
    return notebook.metadata["execution_record"]["compilations"]


@pytest.mark.parametrize("name", NAMES)
def test_a_chapter_compiles_few_programs(name):
    """Most of the waiting is compilation, and unlike a time, a count is the same on every machine."""
    assert compilations(name) <= 100


def test_all_chapters_compile_few_programs():
    assert sum(map(compilations, NAMES)) <= 600, {name: compilations(name) for name in NAMES}


def test_the_table_of_contents_has_every_chapter_once():
    table = yaml.safe_load((ROOT / "_toc.yml").read_text())

    def files(entry):
        if isinstance(entry, dict):
            yield from ([entry["file"]] if "file" in entry else [])
            for value in entry.values():
                yield from files(value)
        elif isinstance(entry, list):
            for item in entry:
                yield from files(item)

    listed = [name for name in files(table) if name.startswith("chapters/")]
    assert sorted(listed) == [f"chapters/{name}" for name in NAMES], "_toc.yml must list each chapter once"

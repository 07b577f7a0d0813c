"""The form of the book: short functions, short cells that fit a page, and few words where numbers belong."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import jupytext
import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("*.py"))
MODULES = sorted(path for path in (ROOT / "src" / "straightlines").rglob("*.py"))
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
WIDTH, CELL, CODE, WORDS, TRUTHS = 76, 25, 250, 2500, 40
LINES = 1099  # of the package without its figures
# what opens and closes a folded solution or aside
OPENS, CLOSES = re.compile(r"\{(?:solution|exercise)-start\}"), re.compile(r"\{(?:solution|exercise)-end\}")


@cache
def cells(chapter):
    return jupytext.read(ROOT / "chapters" / f"{chapter}.py").cells


def visible(chapter):
    """The code cells that a reader sees."""
    return [c for c in cells(chapter) if c.cell_type == "code" and not HIDDEN & set(c.metadata.get("tags", []))]


def main_line(chapter):
    """Cells outside exercises and solutions, and what their text says outside directives that are folded."""
    inside = False
    for cell in cells(chapter):
        text = cell.source
        if cell.cell_type == "markdown":
            pieces = []
            for line in text.splitlines():
                inside = inside or bool(OPENS.search(line))
                if not inside:
                    pieces.append(line)
                inside = inside and not CLOSES.search(line)
            yield cell, "\n".join(pieces)
        elif not inside:
            yield cell, text


def prose(text):
    """The words of Markdown that a reader reads in the main line: no folded directive, formula, label or option."""
    text = re.sub(r"(?ms)^(`{3,})\{(?:exercise|solution|dropdown|admonition\} .*?dropdown)[^\n]*\n.*?^\1\s*$", "", text)
    text = re.sub(r"(?ms)^(`{3,})\{admonition\}[^\n]*\n:class:[^\n]*dropdown.*?^\1\s*$", "", text)
    text = re.sub(r"\$\$.*?\$\$(?: *\([\w-]+\))?", " ", text, flags=re.S)
    text = re.sub(r"(?m)^\s*:[\w-]+:.*$|^`{3,}.*$|^\([\w-]+\)=$|^\s*\|.*\|\s*$", " ", text)
    return re.findall(r"[^\W\d_][\w'’-]*", re.sub(r"\$[^$]*\$", " x ", text))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_functions_are_short_and_take_few_arguments(module):
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert node.end_lineno - node.lineno < 60, f"{node.name} is longer than 60 lines"
            assert len(arguments) <= 10, f"{node.name} takes {len(arguments)} arguments"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_cells_are_short_and_fit_the_page(chapter):
    for cell in cells(chapter):
        if cell.cell_type == "code":
            lines = cell.source.splitlines()
            assert len(lines) <= (30 if HIDDEN & set(cell.metadata.get("tags", [])) else CELL), cell.source
            for line in lines:
                assert len(line) <= WIDTH, f"wider than the page: {line}"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_visible_cell_teaches(chapter):
    for cell in visible(chapter):
        assert not re.search(r"\bglue\(|\bkeep\(", cell.source), (
            f"fold what only keeps a number or a figure: tag it hide-input or remove-cell:\n{cell.source}"
        )
    first = next(cell for cell in cells(chapter) if cell.cell_type == "code")
    assert "hide-input" in first.metadata.get("tags", []), "fold the imports"
    for cell in visible(chapter):
        assert not re.search(r"^(?:import|from) ", cell.source, flags=re.M), f"import at the top:\n{cell.source}"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_main_line_is_short(chapter):
    shown = {id(cell) for cell in visible(chapter)}
    code = sum(len(text.splitlines()) for cell, text in main_line(chapter) if id(cell) in shown)
    text = "\n\n".join(text for cell, text in main_line(chapter) if cell.cell_type == "markdown")
    assert code <= CODE, f"{code} lines of visible code"
    assert len(prose(text)) <= WORDS, f"{len(prose(text))} words"


def test_yes_and_no_stand_where_they_answer():
    printed = []
    for chapter in CHAPTERS:
        for cell in nbformat.read(ROOT / "chapters" / f"{chapter}.ipynb", as_version=4).cells:
            for output in cell.get("outputs", []):
                if output.output_type == "stream":
                    printed += [chapter] * len(re.findall(r"\b(?:True|False)\b", output.text))
    assert len(printed) <= TRUTHS, {chapter: printed.count(chapter) for chapter in CHAPTERS}


def test_what_contributing_names_is_there_and_it_names_all_of_ext():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for file in (ROOT / "_ext").iterdir():
        if file.name != "__pycache__":
            assert re.search(rf"`{re.escape(file.name)}/?`", text), (
                f"CONTRIBUTING.md does not say what {file.name} is for"
            )
    for name in re.findall(r"`((?:_ext|assets|explorers|scripts|sweeps|src|tests)/[\w./]*)`", text):
        assert (ROOT / name).exists() or "NAME" in name, f"CONTRIBUTING.md names {name}, which is not there"


def test_the_package_is_small():
    lines = {path.name: len(path.read_text().splitlines()) for path in MODULES if path.parent.name == "straightlines"}
    total = sum(lines.values())
    assert total <= LINES, f"{total} lines, more than the {LINES} that test_house.py allows: {lines}"


def test_the_book_is_rendered_again_when_something_it_is_made_of_has_changed():
    rules = subprocess.run(["make", "--print-data-base", "--question"], cwd=ROOT, capture_output=True, text=True).stdout
    named = set(re.search(r"^_build/html/\.rendered: (.*)$", rules, flags=re.M)[1].split())
    made_of = [
        path for folder in ("_ext", "assets", "chapters", "explorers", "src") for path in (ROOT / folder).rglob("*.*")
    ]
    made_of += [path for pattern in ("*.md", "*.bib", "*.cff", "*.toml", "_*.yml") for path in ROOT.glob(pattern)]
    left_out = {path.relative_to(ROOT).as_posix() for path in made_of if path.is_file()} - named
    assert not [name for name in left_out if not re.search(r"__pycache__|\.ipynb_checkpoints|/\.", name)]

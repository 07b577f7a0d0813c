"""Execution of chapters, and the comparison of printed text."""

import shutil
import subprocess
import sys

import nbformat
import numpy as np
import pytest

from scripts import execute_chapters as script
from scripts.drawn_figure import DrawnFigure
from scripts.printed_text import PrintedText

HEADER = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

"""


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the script: its exit status and what it printed to stdout and to stderr."""

    def main(*arguments):
        monkeypatch.setattr(sys, "argv", ["execute_chapters.py", *map(str, arguments)])
        try:
            status = script.main()
        except SystemExit as ended:
            status = ended.code
        return status, *capsys.readouterr()

    return main


@pytest.fixture
def chapter(tmp_path):
    path = tmp_path / "chapter.py"
    path.write_text(HEADER + "# %% [markdown]\n# # Title\n\n# %%\nprint(1 + 1)\n")
    return path


def read(chapter):
    return nbformat.read(chapter.with_suffix(".ipynb"), as_version=4)


def test_a_chapter_is_executed_once_and_again_only_when_its_code_changes(chapter, run, monkeypatch, tmp_path_factory):
    """The second time, what XLA is asked to compile is in the cache: it counts as well."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setitem(script.ENVIRONMENT, "JAX_COMPILATION_CACHE_DIR", str(cache))
    twin = chapter.with_suffix(".ipynb")
    (chapter.parent / "numbers.toml").write_text("a = 1")
    code = "import jax, numpy\nf = jax.jit(lambda x: 2 * x)\nfor n in (2, 3, 3):\n    f(numpy.ones(n))"
    text = chapter.read_text().replace("# ---\n\n", "#   reads: [numbers.toml]\n# ---\n\n")
    chapter.write_text(f"{text}\n# %%\n{code}\nopen('numbers.toml').close()\n")

    assert "executed in" in run(chapter)[1]
    notebook = read(chapter)
    assert notebook.cells[1].outputs[0].text == "2\n"
    assert [cell.get("execution_count") for cell in notebook.cells] == [None, 1, 2]
    assert "language_info" not in notebook.metadata
    assert notebook.metadata.reads == ["numbers.toml"]
    record = notebook.metadata.execution_record
    assert record["compilations"] == 2
    assert record["seconds"] >= 1
    assert record["threads"] == 1
    assert record["versions"]["python"] == sys.version.split()[0]
    assert "to NumPy" in record["machine"]
    before = twin.read_bytes()
    assert "up to date" in run(chapter)[1]
    assert twin.read_bytes() == before

    chapter.write_text(chapter.read_text().replace("# Title", "# Another title"))
    assert "executed before" in run(chapter)[1]
    changed = read(chapter)
    assert changed.cells[0].source == "# Another title"
    assert changed.cells[1:] == notebook.cells[1:]
    assert changed.metadata == notebook.metadata

    assert list(cache.iterdir())
    chapter.write_text(chapter.read_text().replace("1 + 1", "1 + 2"))
    assert "executed in" in run(chapter)[1]
    assert read(chapter).cells[1].outputs[0].text == "3\n"
    assert read(chapter).metadata.execution_record["compilations"] == 2


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of two modules and a lock in place of the book's."""
    package = tmp_path / "src" / "straightlines"
    package.mkdir(parents=True)
    for name, text in {
        "__init__": '"""The package."""',
        "lines": '"""Lines."""\nfrom . import points\n\ndef line():\n    """A line."""\n    return points.ORIGIN\n',
        "points": "ORIGIN = 0",
        "unused": "A = 1",
    }.items():
        (package / f"{name}.py").write_text(text)
    (tmp_path / "lock.txt").write_text("jax==1")
    monkeypatch.setattr(script, "SOURCES", package.parent)
    monkeypatch.setattr(script, "PACKAGE", package)
    monkeypatch.setattr(script, "LOCK", tmp_path / "lock.txt")
    return package


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("src/straightlines/lines.py", "return", "# why\n    return", False),
        ("src/straightlines/lines.py", "A line", "One line", False),
        ("src/straightlines/lines.py", '"""Lines', '"""Straight lines', False),
        ("src/straightlines/unused.py", "1", "2", False),
        ("src/straightlines/lines.py", "points.ORIGIN", "-points.ORIGIN", True),
        ("src/straightlines/points.py", "0", "1", True),  # imported by what is imported
        ("src/straightlines/__init__.py", '"""The package."""', "B = 1", True),
        ("lock.txt", "jax==1", "jax==2", True),
        ("chapter.py", "# Title", "# Another title", False),
        ("chapter.py", "1 + 1", "1 + 2", True),
        ("chapter.py", "import lines", "import unused", True),
        ("numbers.toml", "a = 1", "a = 2", True),
        ("numbers.txt", "a = 1", "a = 2", False),  # not declared
    ],
)
@pytest.mark.parametrize("form", ["from straightlines import lines", "import straightlines.lines as lines"])
def test_digest_changes_with_what_makes_the_outputs_and_with_nothing_else(
    chapter, package, tmp_path, file, old, new, changes, form
):
    if "import" in old:
        form = "from straightlines import lines"
    for name in ("numbers.toml", "numbers.txt"):
        (tmp_path / name).write_text("a = 1")
    declared = HEADER.replace("# ---\n\n", "#   reads: [numbers.toml]\n# ---\n\n")
    chapter.write_text(chapter.read_text().replace(HEADER, declared) + f"\n# %%\n{form}\n")
    before = script.digest(chapter)
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1))
    assert (script.digest(chapter) != before) is changes


def test_all_modules_are_found_however_they_are_imported(chapter):
    chapter.write_text("from straightlines.ensembles import ensemble\nimport straightlines.figures, os\n")
    found = {name.removeprefix("straightlines.") for name in script.modules_of(chapter)}
    assert {"straightlines", "ensembles", "paths", "gaussian", "streams", "_checks", "figures"} <= found
    assert not {"steps", "os"} & found


def test_what_a_chapter_reads_is_declared(chapter, run):
    ways = {
        "a.toml": "open('a.toml').close()",
        "b.txt": "__import__('pathlib').Path('b.txt').read_text()",
        "c.csv": "import numpy; numpy.loadtxt('c.csv')",
        "d.npy": "numpy.load('d.npy')",
    }
    for name in ways:
        (chapter.parent / name).write_text("1")
    np.save(chapter.parent / "d.npy", np.ones(1))
    chapter.write_text(HEADER + "# %%\n" + "\n".join([*ways.values(), "None"]))
    status, _, said = run(chapter)
    assert status == 1
    assert "add to the header reads: [a.toml, b.txt, c.csv, d.npy]" in said
    assert not chapter.with_suffix(".ipynb").exists()


def test_what_a_chapter_declares_is_there(chapter, run):
    chapter.write_text(chapter.read_text().replace("# ---\n\n", "#   reads: [absent.toml]\n# ---\n\n"))
    status, _, said = run(chapter)
    assert status == 1
    assert "reads: absent.toml, and there is no such file" in said


def test_what_a_chapter_declares_is_a_list(chapter, run):
    chapter.write_text(chapter.read_text().replace("# ---\n\n", "#   reads: 3\n# ---\n\n"))
    status, _, said = run(chapter)
    assert status == 1
    assert "reads must be a list of names or patterns, got 3" in said


def test_a_notebook_that_is_read_counts_but_not_how_long_it_took(chapter, tmp_path):
    other = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("Text")], metadata={"seconds": 1})
    nbformat.write(other, tmp_path / "other.ipynb")
    chapter.write_text(chapter.read_text().replace("# ---\n\n", "#   reads: ['*.ipynb']\n# ---\n\n"))
    before = script.digest(chapter)
    shutil.copy(tmp_path / "other.ipynb", chapter.with_suffix(".ipynb"))  # its own
    other.metadata.seconds = 2
    nbformat.write(other, tmp_path / "other.ipynb")
    assert script.digest(chapter) == before
    other.cells[0].source = "Other text"
    nbformat.write(other, tmp_path / "other.ipynb")
    assert script.digest(chapter) != before


@pytest.mark.parametrize("code", ["1 / 0", "import warnings; warnings.warn('careful')", "x = ("])
def test_a_chapter_that_fails_leaves_the_old_notebook_whole(chapter, run, code):
    twin = chapter.with_suffix(".ipynb")
    twin.write_text("the old notebook")
    chapter.write_text(chapter.read_text() + f"\n# %%\n{code}\n")
    status, _, said = run("--force", chapter)
    assert status == 1
    assert "failed, the old notebook is kept" in said
    assert twin.read_text() == "the old notebook"
    assert sorted(path.name for path in chapter.parent.iterdir()) == ["chapter.ipynb", "chapter.py"]


def test_an_interrupted_chapter_leaves_the_old_notebook_whole(chapter):
    twin = chapter.with_suffix(".ipynb")
    twin.write_text("the old notebook")
    started = chapter.parent / "started"
    chapter.write_text(chapter.read_text() + f"\n# %%\nimport time\nopen({str(started)!r}, 'w')\ntime.sleep(60)\n")
    process = subprocess.Popen([sys.executable, script.__file__, "--force", chapter], stderr=subprocess.DEVNULL)
    while not started.exists():
        assert process.poll() is None
    process.terminate()
    process.wait(timeout=20)
    assert twin.read_text() == "the old notebook"


@pytest.mark.parametrize("name", ["missing.py", "chapter.ipynb"])
def test_what_is_not_a_chapter_is_refused(chapter, run, name):
    status, _, said = run(chapter.parent / name)
    assert status == 2
    assert "a chapter must be an existing .py file" in said


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("converged in 82826 iterations", "converged in 82826 iterations", True),
        ("converged in 82826 iterations", "converged in 82827 iterations", False),
        ("9.99267179", "9.99267180", True),
        ("9.99267179", "9.99269", False),
        ("-1.5e-3", "1.5e-3", False),
        ("x = 1.0", "y = 1.0", False),
        ("1.0", "1", False),
        ("0.0", "1e-9", False),
        ("True", "False", False),
        ("[1.0, 2.0]", "[1.0, 2.0, 3.0]", False),
    ],
)
def test_printed_text_is_compared_exactly_but_floats_to_a_relative_tolerance(expected, actual, same):
    assert (PrintedText(expected) == PrintedText(actual)) is same
    assert (PrintedText(expected) != PrintedText(actual)) is not same


LINE = '<path d="M 10 20 \nL 15 21 \nL 30 40 \n" clip-path="url(#p1)" style="fill: none; stroke: #1a7fc0"/>'
MARKER = '<use xlink:href="#m1" x="50" y="60" style="stroke: #222222"/>'
WORD = '<!-- TANGO -->\n<g style="fill: #222222" transform="translate(70 80) scale(0.1 -0.1)">'


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("M 10 20", "M 10.4 19.6", True),
        ("L 15 21 \n", "", True),  # a point on the way
        ('x="50"', 'x="50.3"', True),
        ("#p1", "#p2", True),
        ("M 10 20", "M 10.6 20", False),
        ("L 30 40", "L 30 39", False),
        ("L 15 21", "L 15 91", False),  # out of the box
        ('x="50"', 'x="50.8"', False),
        ('y="60"', 'y="61"', False),
        ("#1a7fc0", "#cf5a00", False),
        ("stroke: #222222", "stroke: #555555", False),
        ("TANGO", "SGD", False),
        ("70 80", "75 80", False),
        (MARKER, "", False),
        (MARKER, MARKER + MARKER, False),
        (MARKER, f'{MARKER}<g id="chaotic">{MARKER}</g>', True),
    ],
)
def test_figures_are_compared_to_half_a_point_and_looks_and_words_exactly(old, new, same):
    drawn = "".join([LINE, MARKER, WORD])
    assert old in drawn
    assert (DrawnFigure(drawn) == DrawnFigure(drawn.replace(old, new))) is same
    assert (DrawnFigure(drawn) != DrawnFigure(drawn.replace(old, new))) is not same

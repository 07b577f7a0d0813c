"""Execution of chapters, and the comparison of printed text."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from conftest import PrintedText

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "execute_chapters.py"
HEADER = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

"""


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("execute_chapters", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def run(script, monkeypatch, capsys):
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


def test_a_chapter_is_executed_once_and_again_only_when_it_changes(chapter, run):
    assert "executed" in run(chapter)[1]
    twin = chapter.with_suffix(".ipynb")
    notebook = nbformat.read(twin, as_version=4)
    assert notebook.cells[1].outputs[0].text == "2\n"
    assert "language_info" not in notebook.metadata
    before = twin.read_bytes()
    assert "up to date" in run(chapter)[1]
    assert twin.read_bytes() == before
    chapter.write_text(chapter.read_text().replace("1 + 1", "1 + 2"))
    assert "executed" in run(chapter)[1]
    assert nbformat.read(twin, as_version=4).cells[1].outputs[0].text == "3\n"


@pytest.mark.parametrize("code", ["1 / 0", "import warnings; warnings.warn('careful')"], ids=["an error", "a warning"])
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
    process = subprocess.Popen([sys.executable, SCRIPT, "--force", chapter], stderr=subprocess.DEVNULL)
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


def test_digest_changes_with_what_a_chapter_reads(chapter, script):
    alone = script.digest(chapter)
    chapter.write_text(chapter.read_text() + "# reads *.ipynb\n")
    before = script.digest(chapter)
    chapter.with_name("other.ipynb").write_text("{}")
    assert len({alone, before, script.digest(chapter)}) == 3


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

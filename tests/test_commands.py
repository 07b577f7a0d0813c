"""A wrong argument of a command is named before the command does anything."""

import subprocess
import sys

import pytest

from scripts import about, bench, check, copy_picture, matrix, mutants, set_up

PICTURE = ["chapters/straight_lines.ipynb", "straight_lines-figure-book"]


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        (about, ["--threads"], "unrecognized arguments: --threads"),
        (set_up, ["--threads"], "unrecognized arguments: --threads"),
        (bench, ["--only", "all"], "argument --only: invalid choice: 'all' (choose from"),
        (check, [], "NAME must be a chapter, one of first_hits"),
        (check, ["tango.py"], "NAME must be a chapter, one of first_hits"),
        (matrix, ["tango", "../README"], "NAME must be chapters, of first_hits"),
        (matrix, ["--help"], "NAME must be chapters, of first_hits"),
        (mutants, ["--number", "0"], "argument --number: must be at least 1, got 0"),
        (mutants, ["scripts/mutants.py"], "FILE must be a module of the package or a chapter, got"),
        (mutants, ["src/straightlines/__init__.py"], "FILE must hold something to change, got"),
        (copy_picture, PICTURE, "the following arguments are required: target"),
        (copy_picture, ["chapters/nothing.ipynb", "name", "a.svg"], "chapters/nothing.ipynb must be a notebook"),
        (copy_picture, ["chapters/tango.py", "name", "a.svg"], "chapters/tango.py must be a notebook"),
        (copy_picture, ["chapters/tango.ipynb", "name", "a.svg"], "keeps no picture under the name 'name'"),
        (copy_picture, [*PICTURE, "nowhere/a.svg"], "argument target: nowhere/a.svg cannot be written"),
    ],
)
def test_a_wrong_argument_is_named(command, arguments, message, monkeypatch, capsys):
    monkeypatch.chdir(check.ROOT)
    monkeypatch.setattr(sys, "argv", [command.__name__, *arguments])
    try:
        status = command.main()
    except SystemExit as ended:
        status = ended.code
    said, complaint = capsys.readouterr()
    assert (status, said) == (2, "")
    assert message in complaint


def test_a_chapter_is_checked_with_the_tests_of_its_names_and_of_what_it_imports():
    tests = ("pairing", "house", "published", "paths", "optimizers", "gaussian", "plotting")
    assert {"chapters/tango.ipynb", *(f"tests/test_{name}.py" for name in tests)} <= set(check.files("tango"))


@pytest.mark.parametrize("target", ["check", "matrix"])
def test_the_shell_does_not_run_what_a_name_says(target):
    """The recipe takes NAME from the environment, where make puts it, and does not paste it."""
    recipe = subprocess.run(
        ["make", "--dry-run", target, "NAME=a; ls"], cwd=check.ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "a; ls" not in recipe
    assert f"scripts.{target} $NAME" in recipe

"""The mistakes that `make mutants` makes."""

import ast

from scripts import mutants

CODE = "def f(x):\n    '''Adds 1.'''\n    return not x < 2 and -x + 1 * 0.5 == 3\n"


def test_every_mistake_is_one_small_change():
    number = mutants.changeable(CODE)
    made = [mutants.mutated(CODE, wanted) for wanted in range(number)]
    assert len({text for text, _ in made}) == number == 11
    assert all(text != ast.unparse(ast.parse(CODE)) for text, _ in made)
    assert "line 3: -x became x" in {said for _, said in made}
    assert mutants.mutated(CODE, number)[1] == ""


def test_the_cells_that_readers_see_are_changed_and_every_module():
    chapter = mutants.ROOT / "chapters" / "tango.py"
    assert {(path.name, cell is None) for path, cell, _ in mutants.places(chapter)} == {("tango.ipynb", False)}
    assert {(path.name, cell) for path, cell, _ in mutants.places(mutants.PACKAGE / "paths.py")} == {("paths.py", None)}


def test_a_modules_mistake_is_looked_for_where_it_is_imported():
    ways = mutants.witnesses(mutants.PACKAGE / "streams.py")
    assert ways[0] == "tests/test_streams.py"
    assert {"tests/test_ensembles.py", "chapters/first_hits.ipynb"} < {*ways}  # by way of `ensembles`
    assert not {"tests/test_paths.py", "chapters/tango.ipynb", "tests/test_explorers.py"} & {*ways}

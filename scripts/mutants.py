"""How many small mistakes do the tests notice? Make some, one at a time, in a copy of the book, and see.

    python -m scripts.mutants [--number 20] [--seed 0] [FILE ...]

A FILE is a module of the package or a chapter's `.py`; without one, all of them. A mistake swaps an operator, turns a
condition, drops a sign or changes a number, in a module or in a cell that readers see. A module's mistake must fail a
test or a chapter that imports the module, a chapter's its own cells; what only compares files with one another does not
count. Exit status 1 if fewer than 95 of 100 are noticed. A mistake that changes nothing that is promised is for a
reader to recognise.
"""

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.execute_chapters import PACKAGE, ROOT, modules_of

SWAPPED = [(ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.Lt, ast.GtE), (ast.Gt, ast.LtE), (ast.Eq, ast.NotEq)]
SWAPPED += [(ast.And, ast.Or), (ast.BitAnd, ast.BitOr), (ast.LShift, ast.RShift)]
SWAP = {a: b for pair in SWAPPED for a, b in (pair, pair[::-1])}
SWAP |= {ast.Pow: ast.Mult, ast.MatMult: ast.Mult, ast.FloorDiv: ast.Mult, ast.BitXor: ast.BitOr}
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}


def mistake(node: ast.AST) -> ast.AST | None:
    """What stands in place of a node in a mutant, if the node can be changed."""
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAP:
        return type(node)(**{**dict(ast.iter_fields(node)), "op": SWAP[type(node.op)]()})
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAP:
        return ast.Compare(node.left, [SWAP[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        return node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        value = node.value
        if isinstance(value, int) and value in (0, 1):  # JAX takes an index past the end for the last one
            return ast.Constant(type(value)(1 - value))
        return ast.Constant(value + 1 if isinstance(value, int) else 1.25 * value + (value == 0))
    return None


class Change(ast.NodeTransformer):
    """Makes the mistake at the node with a number, counted over all nodes that can be changed."""

    def __init__(self, wanted: int):
        self.wanted, self.seen, self.said = wanted, -1, ""

    def visit(self, node: ast.AST) -> ast.AST:
        new = mistake(node)
        self.seen += new is not None
        if new is not None and self.seen == self.wanted:
            self.said = f"line {node.lineno}: {ast.unparse(node)} became {ast.unparse(new)}"
            return ast.copy_location(new, node)
        return self.generic_visit(node)


def mutated(text: str, number: int) -> tuple[str, str]:
    """The code with a mistake, and what was done."""
    change = Change(number)
    tree = change.visit(ast.parse(text))
    return ast.unparse(ast.fix_missing_locations(tree)), change.said


def changeable(text: str) -> int:
    """How many mistakes can be made."""
    return sum(mistake(node) is not None for node in ast.walk(ast.parse(text)))


def places(path: Path) -> list[tuple[Path, int | None, int]]:
    """File, cell (None in a module) and number of every mistake that can be made in a module or a chapter."""
    if path.parent.name != "chapters":
        return [(path, None, number) for number in range(changeable(path.read_text()))]
    path = path.with_suffix(".ipynb")
    found = []
    for position, cell in enumerate(json.loads(path.read_text())["cells"]):
        if cell["cell_type"] == "code" and not HIDDEN & {*cell["metadata"].get("tags", [])}:
            found += [(path, position, number) for number in range(changeable("".join(cell["source"])))]
    return found


def witnesses(path: Path) -> list[str]:
    """The tests that import a module, directly or through another one, its own first, and then the chapters that do."""
    tests = [file for file in sorted(ROOT.glob("tests/test_*.py")) if "browser" not in file.read_text()]
    tests.sort(key=lambda file: file.stem != f"test_{path.stem.strip('_')}")
    users = [file for file in [*tests, *sorted(ROOT.glob("chapters/*.py"))] if path in modules_of(file).values()]
    return [str(file.relative_to(ROOT)).replace(".py", ".py" if file in tests else ".ipynb") for file in users]


def noticed(copy: Path, path: Path, cell: int | None, number: int) -> tuple[bool, str]:
    """Whether the tests notice a mistake, and what was done. The file in the copy is as before afterwards."""
    file = copy / path.relative_to(ROOT)
    before = file.read_text()
    if cell is None:
        text, said = mutated(before, number)
        tests = witnesses(path)
    else:
        notebook = json.loads(before)
        notebook["cells"][cell]["source"], said = mutated("".join(notebook["cells"][cell]["source"]), number)
        text, said = json.dumps(notebook), f"cell {cell}, {said}"
        tests = [str(file)]
    file.write_text(text)
    environment = os.environ | {"PYTHONPATH": str(copy / "src")}
    try:
        for some in filter(None, (tests[:1], tests[1:])):  # what is not collected costs no time
            command = [sys.executable, "-m", "pytest", "-x", "-n0", "-p", "no:cacheprovider", *some]
            done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=900)
            if done.returncode not in (0, 1, 2):
                raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
            if done.returncode:
                return True, said
    except subprocess.TimeoutExpired:
        return True, said
    finally:
        file.write_text(before)
    return False, said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="modules or chapters (default: all)")
    parser.add_argument("--number", type=int, default=20, help="how many mistakes (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="which ones (default 0)")
    args = parser.parse_args()
    everything = [*sorted(PACKAGE.rglob("*.py")), *sorted((ROOT / "chapters").glob("*.py"))]
    files = [path.resolve() for path in args.files] or everything
    if wrong := [str(path) for path in files if path not in everything]:
        parser.error(f"FILE must be a module of the package or a chapter, got {', '.join(wrong)}")
    if args.number < 1:
        parser.error(f"argument --number: must be at least 1, got {args.number}")
    pool = [place for path in files for place in places(path)]
    if not pool:
        parser.error(f"FILE must hold something to change, got {', '.join(map(str, args.files))}")
    chosen = random.Random(args.seed).sample(pool, min(args.number, len(pool)))
    with tempfile.TemporaryDirectory() as folder:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, Path(folder) / name)
        killed = 0
        for place in chosen:
            found, said = noticed(Path(folder), *place)
            killed += found
            print("noticed " if found else "SURVIVED", place[0].relative_to(ROOT), said, flush=True)
    print(f"{killed} of {len(chosen)} noticed")
    return int(killed < 0.95 * len(chosen))


if __name__ == "__main__":
    sys.exit(main())

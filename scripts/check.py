"""Test what concerns one chapter: its cells, pairing, form, names and published numbers, and the modules it imports.

python -m scripts.check tango
"""

import subprocess
import sys

from scripts.execute_chapters import ROOT, imported

NAMES = sorted(path.stem for path in (ROOT / "chapters").glob("*.py"))


def files(name: str) -> list[str]:
    """The notebook and the tests that concern a chapter."""
    modules = [module.rpartition(".")[2] for module in imported(ROOT / "chapters" / f"{name}.py")]
    tests = [f"tests/test_{stem.strip('_')}.py" for stem in ("pairing", "house", "published", name, *modules)]
    return [f"chapters/{name}.ipynb", *(file for file in dict.fromkeys(tests) if (ROOT / file).exists())]


def main() -> int:
    asked = sys.argv[1:]
    if len(asked) != 1 or asked[0] not in NAMES:
        got = f"got {' '.join(asked)}" if asked else "got none"
        print(f"make check NAME=...: NAME must be a chapter, one of {', '.join(NAMES)}; {got}", file=sys.stderr)
        return 2
    print("Testing", *(what := files(asked[0])), flush=True)
    return subprocess.run([sys.executable, "-m", "pytest", "--chapter", asked[0], *what], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())

"""Copy the picture that carries the book from its chapter to the readme and the introduction.

python scripts/copy_picture.py chapters/straight_lines.ipynb fig-straight-lines-book assets/straight-lines.svg
"""

import sys
from pathlib import Path

import nbformat


def picture(notebook: Path, name: str) -> str:
    """The drawing that a chapter keeps under a name. Raises KeyError if it keeps none."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if output.get("metadata", {}).get("scrapbook", {}).get("name") == name and "image/svg+xml" in output.data:
                return output.data["image/svg+xml"]
    raise KeyError(f"{notebook} keeps no drawing under the name {name!r}")


if __name__ == "__main__":
    notebook, name, target = sys.argv[1:]
    Path(target).write_text(picture(Path(notebook), name))

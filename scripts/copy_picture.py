"""Copy the picture that carries the book from its chapter to the readme and the introduction.

python scripts/copy_picture.py chapters/straight_lines.ipynb fig-straight-lines-book assets/straight-lines.png
"""

import base64
import sys
from pathlib import Path

import nbformat


def picture(notebook: Path, name: str) -> bytes:
    """The PNG that a chapter keeps under a name. Raises KeyError if it keeps none."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if output.get("metadata", {}).get("scrapbook", {}).get("name") == name and "image/png" in output.data:
                return base64.b64decode(output.data["image/png"])
    raise KeyError(f"{notebook} keeps no picture under the name {name!r}")


if __name__ == "__main__":
    notebook, name, target = sys.argv[1:]
    Path(target).write_bytes(picture(Path(notebook), name))

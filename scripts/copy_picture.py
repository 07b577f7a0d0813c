"""Copy the picture that carries the book from its chapter to the readme and the introduction.

python -m scripts.copy_picture chapters/straight_lines.ipynb straight_lines-figure-book assets/straight-lines.svg

Beside it, with "-dark" in its name, stands the same picture with light ink, for hosts that show the readme on a dark
ground.
"""

import argparse
import sys
from pathlib import Path

import nbformat

LIGHT_INK = {"#222222": "#dddddd", "#555555": "#aaaaaa"}  # the inks of book.mplstyle


def picture(notebook: Path, name: str) -> str:
    """The SVG that a chapter keeps under a name. Raises KeyError if it keeps none."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if output.get("metadata", {}).get("scrapbook", {}).get("name") == name and "image/svg+xml" in output.data:
                return output.data["image/svg+xml"]
    raise KeyError(f"{notebook} keeps no picture under the name {name!r}")


def on_dark(svg: str) -> str:
    """The picture with light ink."""
    for dark, light in LIGHT_INK.items():
        svg = svg.replace(dark, light)
    return svg


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path, help="the executed chapter")
    parser.add_argument("name", help="under which it keeps the picture")
    parser.add_argument("target", type=Path, help="the .svg file to write")
    args = parser.parse_args()
    try:
        svg = picture(args.notebook, args.name)
    except (OSError, ValueError, KeyError) as error:
        parser.error(f"arguments notebook and name: {args.notebook} must be a notebook with such a picture: {error}")
    try:
        args.target.write_text(svg, encoding="utf-8")
        args.target.with_stem(f"{args.target.stem}-dark").write_text(on_dark(svg), encoding="utf-8")
    except OSError as error:
        parser.error(f"argument target: {args.target} cannot be written: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

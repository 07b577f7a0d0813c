"""The book to take away.

LaTeX knows no SVG, so drawings become PDF, and long tables may break there; an ePub has its own style sheet and no
script.
"""

import re
import shutil
import subprocess
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.transforms.post_transforms.images import ImageConverter

LONG = 8  # rows: a longer table may go on on the next page
WIDE = 60  # letters: a cell that is longer than this is broken


class DrawingToPdf(ImageConverter):
    """An SVG as PDF, by librsvg."""

    default_priority = 100
    conversion_rules = [("image/svg+xml", "application/pdf")]  # noqa: RUF012

    def is_available(self) -> bool:
        return shutil.which("rsvg-convert") is not None

    def convert(self, source: str, target: str) -> bool:
        made = subprocess.run(
            ["rsvg-convert", "--format=pdf", f"--output={target}", source], capture_output=True, text=True
        )
        if made.returncode:
            raise ExtensionError(f"rsvg-convert could not read {source}: {made.stderr}")
        return True


class LongTable(SphinxPostTransform):
    """In the PDF a long table may break between its rows; its columns are wide enough for their longest words."""

    default_priority = 500
    builders = ("latex",)

    def run(self, **kwargs: Any) -> None:
        for table in list(self.document.findall(nodes.table)):
            rows = [[cell.astext() for cell in row.findall(nodes.entry)] for row in table.findall(nodes.row)]
            if len(rows) <= LONG or len(set(map(len, rows))) > 1:
                continue
            needs = [
                max(4 * max(map(len, text.split()), default=0) + min(len(text), WIDE) for text in column)
                for column in zip(*rows, strict=True)
            ]
            spec = "".join(rf">{{\raggedright\arraybackslash}}\Y{{{need / sum(needs):.3f}}}" for need in needs)
            table["classes"].append("longtable")
            table.parent.insert(table.parent.index(table), addnodes.tabular_col_spec(spec=spec))


class ProofTitle(SphinxPostTransform):
    """In the PDF the box of a proof has its word as the title: without one it would be empty."""

    default_priority = 500
    builders = ("latex",)

    def run(self, **kwargs: Any) -> None:
        for proof in self.document.findall(nodes.admonition):
            text = next(iter(proof.findall(nodes.Text)), "")
            if "proof" in proof["classes"] and text.startswith("Proof. "):
                text.parent.replace(text, nodes.Text(text.removeprefix("Proof. ")))
                proof.insert(0, nodes.title("", "Proof"))


def use_its_own_static_files(app: Sphinx) -> None:
    if app.builder.name == "epub":
        app.config.html_static_path = ["_ext/epub"]


def for_readers(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Leave what is made for browsers out of the ePub."""
    if app.builder.name == "epub":
        context["script_files"] = []
        kept = ("epub.css", "pygments.css")
        context["css_files"] = [sheet for sheet in context["css_files"] if str(sheet.filename).endswith(kept)]
        body = context.get("body", "")
        body = body.replace("<details ", '<details open="open" ')
        context["body"] = re.sub(r"<(/?)p\b(?=[^<]*(?:</p>)?\s*(?:<p [^<]*</p>\s*)?</summary>)", r"<\1span", body)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(DrawingToPdf)
    app.add_post_transform(LongTable)
    app.add_post_transform(ProofTitle)
    app.connect("builder-inited", use_its_own_static_files, priority=100)
    app.connect("html-page-context", for_readers, priority=990)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

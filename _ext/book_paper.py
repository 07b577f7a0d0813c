"""The book on paper: drawings become PDF for LaTeX, which knows no SVG."""

import shutil
import subprocess

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms.images import ImageConverter


class DrawingToPdf(ImageConverter):
    """An SVG as PDF, by librsvg."""

    default_priority = 100
    conversion_rules = [("image/svg+xml", "application/pdf")]  # noqa: RUF012

    def is_available(self) -> bool:
        return shutil.which("rsvg-convert") is not None

    def convert(self, source: str, target: str) -> bool:
        made = subprocess.run(["rsvg-convert", "--format=pdf", f"--output={target}", source], capture_output=True, text=True)
        if made.returncode:
            raise ExtensionError(f"rsvg-convert could not read {source}: {made.stderr}")
        return True


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(DrawingToPdf)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

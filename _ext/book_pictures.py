"""Pictures on a page: their size is known before they load, they load when they come near, and drawings follow the theme.

A drawing is an SVG of a chapter. It gets a twin for the dark theme, whose inks are light, and, where `<view>`s say where
its panels lie, a file for each panel: a narrow window shows the panels below each other, so that their labels stay legible.
"""

import html
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.images import get_image_size
from sphinx.writers.html5 import HTML5Translator

PIXELS = 4 / 3  # a point of a drawing on the screen
DOTS = 0.6  # a dot of a picture at 160 dots an inch
LARGEST = 1.2  # of a panel that stands alone
LEAST = 0.675  # of any drawing: its smallest letters are 10 points high, and stay above 9 pixels
DARK = {
    "#222222": "#d7dbe0",
    "#555555": "#a8b0b9",
    "#bbbbbb": "#4a525b",
    "#dddddd": "#3a4149",
    "#ffffff": "#16191d",
}
SVG, LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", LINK)
VIEW = re.compile(r'<view id="view\.([^"]*)" viewBox="([^"]*)"/>\n?')


def dark(svg: str) -> str:
    """The drawing for a dark ground."""
    svg = re.sub(r"#[0-9a-fA-F]{6}\b", lambda match: DARK.get(match[0].lower(), match[0]), svg)
    return svg.replace("<svg ", f'<svg fill="{DARK["#222222"]}" ', 1)  # what names no colour is ink as well


def size(svg: str) -> tuple[float, float]:
    """Width and height of a drawing, in points."""
    root = ElementTree.fromstring(svg)
    return float(root.get("width").removesuffix("pt")), float(root.get("height").removesuffix("pt"))


def drop(root: ElementTree.Element, unwanted: Callable[[ElementTree.Element], bool]) -> None:
    """Remove all elements of a drawing that are unwanted."""
    for parent in list(root.iter()):
        for child in list(parent):
            if unwanted(child):
                parent.remove(child)


def panels(svg: str) -> list[str]:
    """A drawing for each view; the panels of other views are left out."""
    views = VIEW.findall(svg)
    names = {name for listed, _ in views for name in listed.split(".")}
    cut = []
    for listed, box in views:
        root = ElementTree.fromstring(VIEW.sub("", svg))
        shared = ElementTree.Element(f"{{{SVG}}}defs")  # a letter is defined where it is drawn first
        shared.extend(shape for shapes in root.iter(shared.tag) for shape in shapes)
        root.insert(0, shared)
        others = names - set(listed.split("."))
        drop(root, lambda element, others=others: element.get("id") in others)
        text = ElementTree.tostring(root, encoding="unicode")
        used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
        inner = [shapes for shapes in root.iter(shared.tag) if shapes is not shared]
        drop(root, lambda element, inner=inner: element in inner)
        drop(shared, lambda element, used=used: element.get("id", "") not in used | {""})
        width, height = box.split()[2:]
        root.attrib |= {"width": f"{width}pt", "height": f"{height}pt", "viewBox": box}
        cut.append(ElementTree.tostring(root, encoding="unicode"))
    return cut


def strict(svg: str) -> str:
    """The drawing as an ePub allows it: no views, no document type, no path without points, such as a blank's."""
    root = ElementTree.fromstring(VIEW.sub("", svg))
    for path in root.iter(f"{{{SVG}}}path"):
        path.set("d", path.get("d") or "M 0 0")
    return ElementTree.tostring(root, encoding="unicode")


class Pictures:
    """What writes the pictures of one build."""

    def __init__(self, writer: Any) -> None:
        self.writer = writer
        self.target = Path(writer.builder.outdir, writer.builder.imagedir)
        self.target.mkdir(exist_ok=True)

    def image(self, address: str, alt: str, width: float, height: float, classes: str, least: float = 0) -> str:
        style = f' style="min-width: {least:.0f}px"' if least else ""
        return (
            f'<img class="{classes}" src="{address}" alt="{html.escape(alt)}" width="{width:.0f}" height="{height:.0f}"'
            f'{style} loading="lazy" decoding="async">'
        )

    def drawing(self, svg: str, name: str, alt: str, largest: float = 1) -> str:
        """A drawing in both themes."""
        width, height = (side * PIXELS for side in size(svg))
        found = []
        for theme, text in (("light", svg), ("dark", dark(svg))):
            path = self.target / f"{name}{'-dark' if theme == 'dark' else ''}.svg"
            path.write_text(text)
            address = f"{self.writer.builder.imgpath}/{path.name}"
            shown = (width * largest, height * largest)
            found.append(self.image(address, alt, *shown, f"only-{theme}", least=width * LEAST))
        return "".join(found)

    def write(self, svg: str, name: str, alt: str) -> str:
        """A drawing, and its panels for narrow windows."""
        whole = self.drawing(VIEW.sub("", svg), name, alt)
        cut = panels(svg)
        if not cut:
            return f'<span class="picture">{whole}</span>'
        shown = [self.drawing(one, f"{name}-{i}", alt if i == 1 else "", LARGEST) for i, one in enumerate(cut, 1)]
        strips = "".join(f'<span class="panel">{one}</span>' for one in shown)
        return f'<span class="picture whole">{whole}</span><span class="picture panels">{strips}</span>'


def visit_image(self: HTML5Translator, node: nodes.image) -> None:
    source = Path(self.builder.srcdir, node["uri"])
    if self.builder.name == "epub" and source.suffix == ".svg":
        name = self.builder.images.pop(node["uri"])
        copy = Path(self.builder.doctreedir, name)
        copy.write_text(strict(source.read_text()))
        node["uri"] = os.path.relpath(copy, self.builder.srcdir)
        self.builder.images[node["uri"]] = name
    if self.builder.name != "html" or not source.is_file():
        HTML5Translator.visit_image(self, node)
        return
    name = self.builder.images.get(node["uri"], source.name)
    pictures, alt = Pictures(self), node.get("alt", "")
    if source.suffix == ".svg":
        self.body.append(pictures.write(source.read_text(), Path(name).stem, alt))
        return
    width, height = get_image_size(str(source))
    address = f"{self.builder.imgpath}/{name}"
    self.body.append(pictures.image(address, alt, width * DOTS, height * DOTS, " ".join(node["classes"])))


def depart_image(self: HTML5Translator, node: nodes.image) -> None:
    pass


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

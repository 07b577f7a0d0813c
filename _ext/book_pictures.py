"""Pictures on a page: their size is known before they load, they load when near, and drawings follow the theme.

A drawing is an SVG of a chapter. It gets a twin for the dark theme, whose inks are light, and, if it has
several panels, a file for each: a narrow window shows the panels below each other, so that their labels stay legible.
"""

import html
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.images import get_image_size
from sphinx.writers.html5 import HTML5Translator

PIXELS = 4 / 3  # a point of a drawing on the screen
DOTS = 0.6  # a dot of a picture at 160 dots an inch
LARGEST = 1.2  # of a panel that stands alone
LEGIBLE = 9  # pixels: no letter is shown smaller; a drawing that cannot be shrunk so far scrolls
DARK = {
    "#222222": "#d7dbe0",
    "#555555": "#a8b0b9",
    "#666666": "#9ba3ac",
    "#bbbbbb": "#4a525b",
    "#dddddd": "#3a4149",
    "#ffffff": "#16191d",
}
SVG, LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", LINK)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
MARGIN = 3  # points around a panel
NARROW = 30  # points: axes that are narrower are the colour bar of those before them


def dark(svg: str) -> str:
    """The drawing for a dark ground."""
    svg = re.sub(r"#[0-9a-fA-F]{6}\b", lambda match: DARK.get(match[0].lower(), match[0]), svg)
    return svg.replace("<svg ", f'<svg fill="{DARK["#222222"]}" ', 1)  # what names no colour is ink as well


def size(svg: str) -> tuple[float, float]:
    """Width and height of a drawing, in points."""
    root = ElementTree.fromstring(svg)
    return float(root.get("width").removesuffix("pt")), float(root.get("height").removesuffix("pt"))


def smallest(svg: str) -> float:
    """How high the smallest letters of a drawing are, in points; infinite if it has none."""
    return min((100 * float(part) for part in re.findall(r"scale\((0\.\d+) -0\.\d+\)", svg)), default=math.inf)


def drop(root: ElementTree.Element, unwanted: Callable[[ElementTree.Element], bool]) -> None:
    """Remove all elements of a drawing that are unwanted."""
    for parent in list(root.iter()):
        for child in list(parent):
            if unwanted(child):
                parent.remove(child)


Matrix = tuple[float, float, float, float, float, float]


def transform(element: ElementTree.Element, matrix: Matrix) -> Matrix:
    """Where an element's coordinates lie: the matrix of what is around it, and its own transforms after that."""
    steps = re.findall(r"(\w+)\(([^)]*)\)", element.get("transform", ""))
    if element.tag == f"{{{SVG}}}use":
        steps.append(("translate", f"{element.get('x', 0)} {element.get('y', 0)}"))
    for name, text in steps:
        given = [float(number) for number in NUMBER.findall(text)]
        if name == "translate":
            own = (1, 0, 0, 1, given[0], given[1])
        elif name == "scale":
            own = (given[0], 0, 0, given[-1], 0, 0)
        elif name == "rotate":
            sin, cos = math.sin(math.radians(given[0])), math.cos(math.radians(given[0]))
            own = (cos, sin, -sin, cos, 0, 0)
        else:
            own = tuple(given)
        a, b, c, d, e, f = matrix
        g, h, i, j, k, m = own
        matrix = (a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * m + e, b * k + d * m + f)
    return matrix


def points(
    element: ElementTree.Element, shapes: dict[str, ElementTree.Element], matrix: Matrix
) -> Iterator[tuple[float, float]]:
    """The points of all that an element draws, in the drawing's coordinates; not of what is clipped to its axes."""
    if element.tag == f"{{{SVG}}}defs" or element.get("clip-path"):
        return
    matrix = transform(element, matrix)
    shape = shapes.get(element.get(f"{{{LINK}}}href", "#")[1:], element)
    if shape is not element:
        matrix = transform(shape, matrix)
    numbers = [float(number) for number in NUMBER.findall(shape.get("d", ""))]
    a, b, c, d, e, f = matrix
    for x, y in zip(numbers[::2], numbers[1::2], strict=False):
        yield a * x + c * y + e, b * x + d * y + f
    for child in element:
        yield from points(child, shapes, matrix)


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other: "Box") -> bool:
        """Whether the middle of another box lies in this one."""
        across, down = (other.left + other.right) / 2, (other.top + other.bottom) / 2
        return self.left < across < self.right and self.top < down < self.bottom

    def with_(self, other: "Box") -> "Box":
        return Box(*map(min, self[:2], other[:2]), *map(max, self[2:], other[2:]))


def extent(element: ElementTree.Element, shapes: dict[str, ElementTree.Element]) -> Box:
    """The box around what an element draws."""
    found = list(points(element, shapes, (1, 0, 0, 1, 0, 0))) or [(0.0, 0.0)]
    across, down = zip(*found, strict=True)
    return Box(min(across), min(down), max(across), max(down))


def views(root: ElementTree.Element) -> list[tuple[Box, set[str]]]:
    """The panels of a drawing, each with the groups of its axes; and its legends and texts that belong to none.

    A chapter calls the groups of its axes `panel-1`, `panel-2`, and so on. Axes that lie on others, and narrow ones,
    which are colour bars, belong to the panel before them.
    """
    shapes = {shape.get("id", ""): shape for shape in root.iter(f"{{{SVG}}}path") if shape.get("id")}
    loose: list[tuple[Box, set[str]]] = []
    found: list[tuple[Box, set[str], Box]] = []
    for group in root.iter(f"{{{SVG}}}g"):
        name = group.get("id", "")
        if re.fullmatch(r"panel-\d+", name):
            around, ground = extent(group, shapes), extent(group[0], shapes)
            last = found[-1] if found else None
            if last and (last[2].holds(ground) or ground.right - ground.left < NARROW):
                found[-1] = (last[0].with_(around), last[1] | {name}, last[2])
            else:
                found.append((around, {name}, ground))
        elif name.startswith("figure_"):
            others = [child for child in group if re.match("text|legend", child.get("id", ""))]
            loose = [(extent(child, shapes), set()) for child in others]
    return [*loose, *((box, names) for box, names, _ in found)] if len(found) > 1 else []


def panels(svg: str) -> list[str]:
    """A drawing for each view; the panels of other views are left out."""
    seen = views(ElementTree.fromstring(svg))
    names = {name for _, own in seen for name in own}
    cut = []
    for box, own in seen:
        root = ElementTree.fromstring(svg)
        shared = ElementTree.Element(f"{{{SVG}}}defs")  # a letter is defined where it is drawn first
        shared.extend(shape for shapes in root.iter(shared.tag) for shape in shapes)
        root.insert(0, shared)
        drop(root, lambda element, others=names - own: element.get("id") in others)
        used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', ElementTree.tostring(root, encoding="unicode")))
        inner = [shapes for shapes in root.iter(shared.tag) if shapes is not shared]
        drop(root, lambda element, inner=inner: element in inner)
        drop(shared, lambda element, used=used: element.get("id", "") not in used | {""})
        left, top = box.left - MARGIN, box.top - MARGIN
        width, height = box.right - box.left + 2 * MARGIN, box.bottom - box.top + 2 * MARGIN
        root.attrib |= {"width": f"{width:.1f}pt", "height": f"{height:.1f}pt"}
        root.set("viewBox", f"{left:.1f} {top:.1f} {width:.1f} {height:.1f}")
        cut.append(ElementTree.tostring(root, encoding="unicode"))
    return cut


def strict(svg: str) -> str:
    """The drawing as an ePub allows it: no document type, no path without points, such as a blank's, each id once."""
    root = ElementTree.fromstring(svg)
    seen: set[str | None] = {None}
    for element in root.iter():
        if element.get("id") in seen:  # matplotlib names an image by its content, and may show it twice
            element.attrib.pop("id", None)
        seen.add(element.get("id"))
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
        style = f' style="min-width: {math.ceil(least)}px"' if least else ""
        return (
            f'<img class="{classes}" src="{address}" alt="{html.escape(alt)}" width="{width:.0f}" height="{height:.0f}"'
            f'{style} loading="lazy" decoding="async">'
        )

    def drawing(self, svg: str, name: str, alt: str, largest: float = 1) -> str:
        """A drawing in both themes."""
        width, height = (side * PIXELS for side in size(svg))
        least = width / PIXELS * LEGIBLE / smallest(svg)
        found = []
        for theme, text in (("light", svg), ("dark", dark(svg))):
            path = self.target / f"{name}{'-dark' if theme == 'dark' else ''}.svg"
            path.write_text(text)
            address = f"{self.writer.builder.imgpath}/{path.name}"
            shown = (width * largest, height * largest)
            found.append(self.image(address, alt, *shown, f"only-{theme}", least=least))
        return "".join(found)

    def write(self, svg: str, name: str, alt: str) -> str:
        """A drawing, and its panels for narrow windows."""
        whole = self.drawing(svg, name, alt)
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

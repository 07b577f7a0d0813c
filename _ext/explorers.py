"""The directive `explorer`: a figure that a reader can move where scripts run, and the figure itself everywhere else.

The script and its style sheet are written when the book is built, from the files in `explorers/` and from what they
share with the chapters: the looks of the methods, the names of the coordinates and the published counts. Only pages
with an explorer load them.
"""

import json
import re
import tomllib
import zlib
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "explorers"
MATHEMATICS = ["random.js", "rules.js", "gaussian.js", "families.js", "tango.js"]
PAGE = ["page.js", "plane.js", "panel.js"]
EXPLORERS = {
    "two-planes": "two-planes.js",
    "gaussian": "gaussian-plane.js",
    "figure-1": "figure-1.js",
    "tango-line": "tango-line.js",
    "what-bends": "what-bends.js",
}
SCRIPT, STYLE = "explorers.js", "explorers.css"
HERE = "<!-- after an explorer -->"
LATER = """<script>
  addEventListener("load", () => {{
    document.body.append(Object.assign(document.createElement("script"), {{ src: "{}" }}));
  }});
</script>"""
GROUNDS = {"light": "#ffffff", "dark": "#16191d"}  # of the book's pages, see assets/book.css
# WCAG 2.2, 1.4.11 and 1.4.3; and what is strong on a light page is strong on a dark one, up to this
LINE_CONTRAST, TEXT_CONTRAST, STRONG_CONTRAST = 3.0, 4.5, 11.0

# matplotlib's dashes, in line widths
DASHES = {"-": [], "--": [3.7, 1.6], "-.": [6.4, 1.6, 1, 1.6], ":": [1, 1.65]}
# the TeX that labels of coordinates use, as plain text; longer commands first
PLAIN = {r"\mathrm{E}\,": "E ", r"\ln\sigma": "ln σ", r"\sigma": "σ", r"\mu": "μ", "^2": "²", "-": "−", "$": ""}


def _luminance(color: tuple[int, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _channels(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color.lstrip("#")))


def contrast(color: str, ground: str) -> float:
    """Contrast ratio of two colours, from 1 to 21, by the definition of WCAG."""
    high, low = sorted((_luminance(_channels(color)), _luminance(_channels(ground))), reverse=True)
    return (high + 0.05) / (low + 0.05)


def readable(color: str, ground: str, least: float) -> str:
    """The colour, mixed with as little black or white as it takes to stand out from the ground."""
    end = (255, 255, 255) if _luminance(_channels(ground)) < 0.18 else (0, 0, 0)
    for percent in range(101):
        mixed = [round(c + (e - c) * percent / 100) for c, e in zip(_channels(color), end, strict=True)]
        found = "#" + bytes(mixed).hex()
        if contrast(found, ground) >= least:
            return found
    raise ValueError(f"least must be a contrast that {ground} allows, got {least}")


def _slug(name: str) -> str:
    """As in page.js."""
    return re.sub("[^a-z]+", "-", name.lower())


def plain(label: str) -> str:
    """A label of a coordinate without TeX."""
    for command, text in PLAIN.items():
        label = label.replace(command, text)
    if "\\" in label or "{" in label:
        raise ValueError(f"label must be made of the commands in PLAIN, got {label!r}")
    return label


def data() -> dict[str, Any]:
    """What the script takes from the package and from `published.toml`."""
    from straightlines.gaussian import COORDINATES
    from straightlines.plotting import LOOKS

    def dashes(linestyle):
        return DASHES[linestyle] if isinstance(linestyle, str) else list(linestyle[1])

    published = {row["id"]: row["value"] for row in tomllib.loads((ROOT / "published.toml").read_text())["published"]}
    counts = {"tango": "tango", "sgd": "sgd", "averagedSgd": "averaged-sgd"}
    return {
        "looks": {name: {"dash": dashes(look.linestyle), "marker": look.marker} for name, look in LOOKS.items()},
        "coordinates": {name: [plain(label) for label in system.labels] for name, system in COORDINATES.items()},
        "published": {key: published[f"tango-iterations-{name}"] for key, name in counts.items()},
    }


def script() -> str:
    """The whole script: one function, which a worker gets as text, called with the data.

    Indentation and lines of comment stay in the sources; no text in them spans lines.
    """
    names = [*MATHEMATICS, *PAGE, *EXPLORERS.values(), "start.js"]
    lines = [line.strip() for name in names for line in (SOURCES / name).read_text("utf-8").splitlines()]
    code = "\n".join(line for line in lines if line and not line.startswith("//"))
    return f'"use strict";\n(function wholeScript(DATA) {{\n{code}\n}})({json.dumps(data(), ensure_ascii=False)});\n'


def style() -> str:
    """The style sheet, with each method's colour as it can be seen on a light and on a dark page."""
    from straightlines.plotting import LOOKS

    def strength(color):
        return min(STRONG_CONTRAST, contrast(color, GROUNDS["light"]))

    rules = []
    for mode, ground in GROUNDS.items():
        selector = ".explorer" if mode == "light" else 'html[data-theme="dark"] .explorer'
        colors = [
            f"  --look-{_slug(name)}{suffix}: {readable(look.color, ground, max(least, strength(look.color)))};"
            for name, look in LOOKS.items()
            for suffix, least in (("", LINE_CONTRAST), ("-text", TEXT_CONTRAST))
        ]
        rules.append(f"{selector} {{\n" + "\n".join(colors) + "\n}\n")
    return (SOURCES / STYLE).read_text("utf-8") + "\n" + "\n".join(rules)


class explorer(nodes.General, nodes.Element):  # noqa: N801 (docutils names nodes so)
    """An explorer around the figure that stands in for it."""


class still(nodes.General, nodes.Element):  # noqa: N801
    """What is shown where scripts do not run, in print and in other formats."""


class Explorer(SphinxDirective):
    """````{explorer} name, with the static figure as its content."""

    has_content = True
    required_arguments = 1
    option_spec = {  # noqa: RUF012
        "preset": directives.unchanged_required,  # the name of the preset to begin with
        "problems": directives.unchanged_required,  # for two-planes: which of its problems, in which order
    }

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in EXPLORERS:
            raise self.error(f"explorer must be one of {', '.join(EXPLORERS)}, got {name}")
        self.assert_has_content()
        options: dict[str, Any] = dict(self.options)
        if "problems" in options:
            options["problems"] = [problem.strip() for problem in options["problems"].split(",")]
        inside = still("", *self.parse_content_to_nodes())
        found = explorer("", inside, name=name, settings=options)
        self.set_source_info(found)
        return [found]


def visit_explorer(translator, node: nodes.Element) -> None:
    attributes = {"data-explorer": node["name"]}
    if node["settings"]:
        attributes["data-options"] = json.dumps(node["settings"], ensure_ascii=False)
    if translator.builder.name == "epub":
        attributes = {}
    translator.body.append(translator.starttag(node, "div", "", **attributes))


def visit_still(translator, node: nodes.Element) -> None:
    translator.body.append(translator.starttag(node, "div", "", CLASS="explorer-still"))


def depart_explorer(translator, node: nodes.Element) -> None:
    translator.body.append("</div>\n" + (HERE if translator.builder.name != "epub" else ""))


def depart_still(translator, node: nodes.Element) -> None:
    translator.body.append("</div>\n")


def pass_through(translator, node: nodes.Element) -> None:
    """Other formats show the figure alone."""


def load(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load the script where a page has an explorer.

    At the beginning of a page it runs right after the explorer, so that nothing below is shown before the explorer's
    height is known; farther down, the explorer starts when a reader comes near it, and the script waits for the page.
    """
    if app.builder.format != "html" or app.builder.name == "epub":
        return
    app.add_css_file(STYLE)  # on every page: it goes into their one style sheet
    if doctree is not None and next(doctree.findall(explorer), None) is not None:
        address = f"{context['pathto'](f'_static/{SCRIPT}', 1)}?v={zlib.crc32(script().encode()):08x}"
        before, after = context["body"].split(HERE, 1)
        run = LATER.format(address) if "<h2" in before else f'<script data-at-once src="{address}"></script>'
        context["body"] = f"{before}{run}{after.replace(HERE, '')}"


def write(app: Sphinx) -> None:
    """Write script and style among the files of the book, before their checksums are taken."""
    if app.builder.format != "html" or app.builder.name == "epub":
        return
    folder = Path(app.outdir, "_static")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ((SCRIPT, script()), (STYLE, style())):
        Path(folder, name).write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    html, other = (visit_explorer, depart_explorer), (pass_through, pass_through)
    app.add_node(explorer, html=html, latex=other, text=other, man=other, texinfo=other)
    app.add_node(
        still,
        html=(visit_still, depart_still),
        latex=other,
        text=other,
        man=other,
        texinfo=other,
    )
    app.add_directive("explorer", Explorer)
    app.connect("builder-inited", write)
    app.connect("html-page-context", load)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

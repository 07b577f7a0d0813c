"""Formulas, typeset when the book is built: MathJax itself, in a small JavaScript engine, so pages need no script.

Pages get MathJax's HTML, its style sheet and, for screen readers, MathML; the ePub gets MathML alone. What was typeset
is kept beside the doctrees, so that only new formulas take time.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import quickjs
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

PARTS = [
    "loader.js",
    "core.js",
    "adaptors/liteDOM.js",
    "input/tex-full.js",
    "output/chtml.js",
    "output/chtml/fonts/tex.js",
    "a11y/assistive-mml.js",
]
SETUP = r"""
const _ = MathJax._;
const adaptor = _.adaptors.liteAdaptor.liteAdaptor();
_.a11y["assistive-mml"].AssistiveMmlHandler(_.handlers.html_ts.RegisterHTMLHandler(adaptor));
const tex = new _.input.tex_ts.TeX({
  packages: ["base", "ams", "newcommand", "configmacros", "boldsymbol"],
  formatError(jax, error) { throw new Error(error.message); },
});
const output = new _.output.chtml_ts.CHTML({
  font: new _.output.chtml.fonts.tex_ts.TeXFont({fontURL: "woff-v2"}),
  adaptiveCSS: false, matchFontHeight: false,
});
const page = _.mathjax.mathjax.document("", {InputJax: tex, OutputJax: output});
const words = new _.core.MmlTree.SerializedMmlVisitor.SerializedMmlVisitor();
const metrics = {em: 16, ex: 8, containerWidth: 1280};
function html(source, display) { return [adaptor.outerHTML(page.convert(source, {display, ...metrics}))]; }
function width(source, display) {
  const item = new page.options.MathItem(source, tex, display);
  item.start.node = adaptor.body(page.document);
  item.setMetrics(16, 8, 1280, 1280, 1);
  item.compile(page);
  return [output.getBBox(item, page).w];
}
function mathml(source, display) {
  return [words.visitTree(page.convert(source, {display, ...metrics, end: _.core.MathItem.STATE.CONVERT}))];
}
function css() { return [adaptor.textContent(output.styleSheet(page))]; }
"""
LONG = 14  # in MathJax's em: an inline formula that is wider does not fit a line of a phone


def mathjax() -> Path:
    """Where MathJax lies."""
    package = importlib.util.find_spec("sphinx-mathjax-offline")
    if package is None or package.origin is None:
        raise ExtensionError("sphinx-mathjax-offline is in requirements.txt, but is not installed")
    return Path(package.origin).parent / "static" / "mathjax"


class Typesetter:
    """TeX to HTML or MathML, each formula once; what an earlier build typeset is taken from its `store`."""

    def __init__(self) -> None:
        self.store: Path | None = None
        self.known: dict[str, Any] = {}
        self.used: dict[str, Any] = {}

    @cached_property
    def engine(self) -> quickjs.Context:
        engine = quickjs.Context()
        engine.eval("var window = globalThis, MathJax = {}, console = {warn(text) { throw new Error(text); }};")
        for part in PARTS:
            engine.eval((mathjax() / part).read_text())
        engine.eval(SETUP)
        return engine

    def open(self, store: Path) -> None:
        """Take up what an earlier build with the same engine and settings has left in `store`."""
        versions = [importlib.metadata.version(name) for name in ("quickjs-ng", "sphinx-mathjax-offline")]
        digest = hashlib.sha256(" ".join([SETUP, *PARTS, *versions]).encode()).hexdigest()[:12]
        self.store, self.used = store.with_name(f"{store.stem}-{digest}.json"), {}
        self.known = json.loads(self.store.read_text()) if self.store.exists() else {}

    def close(self) -> None:
        """Leave what was typeset to the next build."""
        if self.store and (self.known | self.used) != self.known:
            self.store.write_text(json.dumps(self.known | self.used))

    def call(self, function: str, *arguments: Any) -> Any:
        call = f"{function}({', '.join(map(json.dumps, arguments))})"
        if call not in self.used:
            # json() rather than the value, since the engine's binding knows no long strings made of pieces
            self.used[call] = self.known[call] if call in self.known else json.loads(self.engine.eval(call).json())[0]
        return self.used[call]

    def html(self, source: str, display: bool) -> str:
        """A formula as HTML, with MathML for screen readers. Raises ValueError with MathJax's complaint."""
        try:
            text = self.call("html", source, display)
        except quickjs.JSException as error:
            raise ValueError(str(error).splitlines()[0]) from None
        if "<mjx-utext" in text:  # its width could only be guessed
            raise ValueError("MathJax's fonts lack a character")
        return text.replace(' style="position: relative;"', "").replace('class=" MJX-TEX"', 'class="MJX-TEX"')

    def mathml(self, source: str, display: bool) -> str:
        """A formula as MathML."""
        try:
            text = self.call("mathml", source, display)
        except quickjs.JSException as error:
            raise ValueError(str(error).splitlines()[0]) from None
        return re.sub(r' data-mjx-[a-z]+="[^"]*"', "", re.sub(r">\n\s*<", "><", text))

    def width(self, source: str, display: bool) -> float:
        """How wide a formula is, in MathJax's em."""
        return self.call("width", source, display)

    def is_long(self, source: str) -> bool:
        """Whether an inline formula is wider than a line of a phone."""
        return len(source) > LONG and self.width(source, False) > LONG

    def css(self) -> str:
        """MathJax's style sheet, for all that it could have typeset."""
        return self.call("css")


typesetter = Typesetter()


def formula(self: Any, node: nodes.Element, source: str, display: bool) -> str:
    """A formula for the page that is being written; what MathJax does not understand is a warning."""
    set_formula: Callable[[str, bool], str] = typesetter.mathml if self.builder.name == "epub" else typesetter.html
    try:
        return set_formula(source, display)
    except ValueError as error:
        logging.getLogger(__name__).warning("MathJax: %s in %r", error, source, location=node)
        return self.encode(source)


def visit_math(self: Any, node: nodes.math) -> None:
    source = node.astext()
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    self.body.append(formula(self, node, source, False) + "</span>")
    raise nodes.SkipNode


def visit_math_block(self: Any, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node.get("number") and not node.get("nowrap"):
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    source = node.astext()
    if not node.get("nowrap"):  # as Sphinx does: several lines are aligned, several paragraphs are several equations
        parts = [part for part in source.split("\n\n") if part.strip()]
        parts = [rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in parts]
        source = r" \\ ".join(parts)
        if len(parts) > 1:
            source = rf"\begin{{aligned}}{source}\end{{aligned}}"
    text = formula(self, node, source, True)
    width = f' data-width="{typesetter.width(source, True):.1f}"' if "<mjx-container" in text else ""
    self.body.append(f'<div class="formula"{width}>{text}</div></div>\n')
    raise nodes.SkipNode


class KeepPunctuation(SphinxPostTransform):
    """Let no line break between an inline formula and the bracket before it or the comma after it."""

    default_priority = 900
    formats = ("html",)

    def run(self, **options: Any) -> None:
        for node in list(self.document.findall(nodes.math)):
            parent, place = node.parent, node.parent.index(node)
            before = parent[place - 1] if place else None
            after = parent[place + 1] if place + 1 < len(parent) else None
            opening = re.search(r"[(\[“‘—–]+$", before.astext()) if isinstance(before, nodes.Text) else None
            closing = re.match(r"[^\s\w(\[“‘—–]+|-\w+|s\b", after.astext()) if isinstance(after, nodes.Text) else None
            long = typesetter.is_long(node.astext())
            if not (opening or closing or long):
                continue
            whole = nodes.inline(classes=["with-formula", *(["long"] if long else [])])
            parent.replace(node, whole)
            if closing:
                parent.replace(after, nodes.Text(after.astext()[closing.end() :]))
            if opening:
                parent.replace(before, nodes.Text(before.astext()[: opening.start()]))
                whole += nodes.Text(opening[0])
            whole += node
            if closing:
                whole += nodes.Text(closing[0])


def open_store(app: Sphinx) -> None:
    if app.builder.format == "html":
        typesetter.open(Path(app.doctreedir, "formulas.json"))


def close_store(app: Sphinx, error: Exception | None) -> None:
    if app.builder.format == "html" and not error:
        typesetter.close()


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("typeset", (visit_math, None), (visit_math_block, None))
    app.config.html_math_renderer = "typeset"
    app.add_post_transform(KeepPunctuation)
    app.connect("builder-inited", open_store)
    app.connect("build-finished", close_store)
    return {"parallel_read_safe": True, "parallel_write_safe": False}

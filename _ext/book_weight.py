"""Light pages: one style sheet, one script, and fonts that hold what the book uses of them.

The theme and the extensions bring a dozen style sheets and scripts, and fonts of thousands of icons. Once all pages are
written, what every page loads becomes one file of each kind, without the rules that no page and no script could ever
match; each font keeps the characters that the style sheet names.
"""

import base64
import hashlib
import io
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tinycss2
from book_math import mathjax, typesetter
from fontTools import subset, ttLib
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

LICENCES = """/*! From the style sheets of Sphinx, its extensions, the PyData and Sphinx Book themes (BSD, MIT),
Bootstrap (MIT), Font Awesome Free (CC BY 4.0, OFL 1.1) and MathJax (Apache 2.0), and of the book. */
"""
# The theme measures every box of a page when it opens, for seconds on a phone; names.js does it as boxes come near.
MEASURE = '"complete"===document.readyState?I():window.addEventListener("load",I)'
UNUSED = ["scripts/fontawesome.js", "styles", "vendor", "webpack-macros.html", "sbt-webpack-macros.html"]
STYLE = re.compile(r'\s*<link (?=[^>]*rel="stylesheet")[^>]*?href="[^"]*?_static/([^"?]+)[^"]*"[^>]*>')
# MathJax gives the lines of a formula their heights by a font of nothing. From a script it is there before the first
# line is laid out; from the style sheet it comes a moment later, and every line with a formula would move.
STRUT = """<script>
    document.fonts.add(new FontFace("MJXZERO", Uint8Array.from(atob("{}"), c => c.charCodeAt())));
  </script>
  """
SCRIPT = re.compile(r'\s*<script ([^>]*?)src="([^"]*?)_static/([^"?]+)[^"]*"[^>]*></script>')


def could_match(selector: list[Any], words: set[str]) -> bool:
    """Whether each element, class and id that a selector asks for is a word of some page or script."""
    last = ""
    for token in selector:
        if token.type == "ident" and last != ":" and token.value not in words:
            return False
        if token.type == "hash" and token.value not in words:
            return False
        last = token.value if token.type == "literal" else ""
    return True


def split(tokens: list[Any]) -> Iterator[list[Any]]:
    """The selectors of a rule, which commas separate."""
    one: list[Any] = []
    for token in tokens:
        if token == ",":
            yield one
            one = []
        else:
            one.append(token)
    yield one


def plain(tokens: list[Any]) -> str:
    """The tokens as text, with each white space one blank."""
    kept = [token for token in tokens if token.type != "comment"]
    return re.sub(r"\s+", " ", tinycss2.serialize(kept)).strip() if kept else ""


def prune(rules: list[Any], words: set[str]) -> Iterator[Any]:
    """The rules that could match, as pairs of what stands before the braces and what in them."""
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = [plain(one) for one in split(rule.prelude) if could_match(one, words)]
            if selectors:
                yield ",".join(selectors), plain(rule.content)
        elif rule.type == "at-rule" and rule.lower_at_keyword in {"media", "supports"}:
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            text = "".join(f"{before}{{{within}}}" for before, within in prune(inner, words))
            if text:
                yield f"@{rule.at_keyword} {plain(rule.prelude)}", text
        elif rule.type == "at-rule" and rule.content is not None:
            yield f"@{rule.at_keyword} {plain(rule.prelude)}".strip(), plain(rule.content)


logging.getLogger("fontTools").setLevel(logging.ERROR)


def shrink(font: Path, characters: set[str]) -> bytes:
    """A font with these characters alone, as WOFF; empty if it has none of them."""
    loaded = ttLib.TTFont(font, recalcTimestamp=False)
    found = {chr(code) for code in loaded.getBestCmap()}
    if len(found) == 1:  # MathJax has a font of one empty letter, for the height of lines
        characters = found
    if not found & characters - ({" "} if len(found) > 1 else set()):
        return b""
    subsetter = subset.Subsetter(subset.Options(layout_features=[], name_IDs=[0, 13], notdef_outline=True))
    subsetter.populate(text="".join(sorted(characters)))
    subsetter.subset(loaded)
    loaded.flavor = "woff"
    written = io.BytesIO()
    loaded.save(written)
    return written.getvalue()


def hashed(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]


class Bundle:
    """What every page of one build loads."""

    def __init__(self, outdir: Path) -> None:
        self.static = outdir / "_static"
        paths = [path for path in sorted(outdir.rglob("*.html")) if not path.is_relative_to(self.static)]
        self.pages = {path: path.read_text() for path in paths}
        self.pages = {path: text for path, text in self.pages.items() if "</head>" in text}
        self.styles = self.shared([STYLE.findall(text) for text in self.pages.values()])
        self.scripts = self.shared([[name for _, _, name in SCRIPT.findall(text)] for text in self.pages.values()])
        self.scripts.remove("documentation_options.js")

    def shared(self, lists: list[list[str]]) -> list[str]:
        """What all lists have, in their order."""
        return [name for name in lists[0] if all(name in other for other in lists) and (self.static / name).is_file()]

    def script(self) -> bytes:
        if not any("sd-tab-set" in text for text in self.pages.values()):
            self.scripts.remove("design-tabs.js")
        parts = [(self.static / name).read_text() for name in self.scripts]
        if sum(MEASURE in part for part in parts) != 1:
            raise ExtensionError("the theme's script has changed: see MEASURE in _ext/book_weight.py")
        parts = [part.replace(MEASURE, "0") for part in parts]
        # the empty part keeps one script's "use strict" from ruling all
        return ";\n".join(["", *(re.sub(r"(?m)^//# sourceMappingURL=.*$", "", part) for part in parts)]).encode()

    def style(self, words: set[str]) -> bytes:
        sources = [(typesetter.css(), mathjax() / "output" / "chtml" / "fonts")]
        sources += [((self.static / name).read_text(), (self.static / name).parent) for name in self.styles]
        written, faces = [LICENCES], []
        for text, home in sources:
            rules = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
            for before, within in prune(rules, words):
                if before == "@font-face":
                    faces.append((within, home))
                else:
                    written.append(f"{before}{{{within}}}\n")
        text = "".join(written)
        named = {token.value for token in strings(tinycss2.parse_component_value_list(text))}
        return (text + "".join(self.font(*face, set("".join(named))) for face in faces)).encode()

    def font(self, face: str, home: Path, characters: set[str]) -> str:
        """The rule for a font, which it makes; empty if the book uses none of it."""
        found = [home / name for name in re.findall(r'url\("?([^")]+)', face)]
        source = min((path for path in found if path.suffix in {".ttf", ".woff"}), key=lambda path: path.suffix)
        small = shrink(source, characters)
        if not small:
            return ""
        if len(small) < 1000:
            address = f"data:font/woff;base64,{base64.b64encode(small).decode()}"
        else:
            target = self.static / "fonts" / f"{source.stem}-{hashed(small)}.woff"
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(small)
            address = f"fonts/{target.name}"
        rules = [rule.strip() for rule in face.split(";") if rule.strip() and not rule.strip().startswith("src")]
        return f'@font-face{{{";".join(rules)};src:url("{address}") format("woff")}}\n'

    def write(self) -> None:
        shutil.rmtree(self.static / "fonts", ignore_errors=True)
        script = self.script()
        named = {name for text in self.pages.values() for name in re.findall(r'_static/([^"?]+\.js)\b', text)}
        loose = [(self.static / name).read_text() for name in named if (self.static / name).is_file()]
        words = set(re.findall(r"[\w-]+", " ".join([*self.pages.values(), script.decode(), *loose])))
        style = self.style(words)
        (self.static / "pages.css").write_bytes(style)
        (self.static / "pages.js").write_bytes(script)
        versions = {"pages.css": hashed(style), "pages.js": hashed(script)}
        zero = mathjax() / "output" / "chtml" / "fonts" / "woff-v2" / "MathJax_Zero.woff"
        self.strut = STRUT.format(base64.b64encode(shrink(zero, set())).decode())
        for path, text in self.pages.items():
            path.write_text(self.lighten(text, versions))
        for name in {*self.styles, *self.scripts}:  # they are in the bundles
            (self.static / name).unlink(missing_ok=True)
        for name in UNUSED:
            shutil.rmtree(self.static / name) if (self.static / name).is_dir() else (self.static / name).unlink()

    def lighten(self, text: str, versions: dict[str, str]) -> str:
        """A page that loads the one style sheet and the one script."""
        root = SCRIPT.search(text)[2]
        options = (self.static / "documentation_options.js").read_text()

        def script(match: re.Match[str]) -> str:
            if match[3] == "documentation_options.js":
                return f"\n    <script>{options}</script>"
            if match[3] in self.scripts or match[3] == "design-tabs.js":
                return ""
            return (
                match[0]
                if re.search(r"\b(defer|async|data-at-once)\b", match[1])
                else match[0].replace("<script", "<script defer")
            )

        bundle = f'<script defer src="{root}_static/pages.js?v={versions["pages.js"]}"></script>'
        style = f'<link rel="stylesheet" href="{root}_static/pages.css?v={versions["pages.css"]}">'
        text = STYLE.sub(lambda match: "" if match[1] in self.styles else match[0], text)
        text = SCRIPT.sub(script, text)
        text = re.sub(r'<script src="([^"]*searchindex\.js)"', r'<script defer src="\1"', text)
        text = text.replace('data-theme="auto"', 'data-theme="light"', 1)  # for those without scripts
        if "<mjx-container" in text:
            text = text.replace("<noscript>", f"{self.strut}<noscript>", 1)
        # the script is first, since a page's own may need it; the style sheet is last, since it holds scripts up
        return text.replace("</title>", f"</title>\n    {bundle}", 1).replace("</head>", f"  {style}\n  </head>", 1)


def strings(tokens: list[Any]) -> Iterator[Any]:
    """All strings of a style sheet, however deep they stand."""
    for token in tokens:
        if token.type == "string":
            yield token
        else:
            yield from strings(getattr(token, "content", None) or getattr(token, "arguments", None) or [])


def make_light(app: Sphinx, error: Exception | None) -> None:
    if app.builder.name == "html" and not error:
        Bundle(Path(app.outdir)).write()


def setup(app: Sphinx) -> dict[str, bool]:
    app.config.templates_path.append(str(Path(__file__).with_name("templates")))
    app.connect("build-finished", make_light, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""What the book's pages need beyond the theme: the repository's address, descriptions, downloads of both twins."""

import html
import re
import shutil
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

NOT_FOUND = "<h1>Page not found</h1><p>The book has no such page. The table of contents and the search lead on.</p>"


def site_address(repository: str) -> str:
    """Where GitHub or GitLab Pages serves the book of this repository; empty for none or another host."""
    parts = urlsplit(repository)
    host = {"github.com": "github.io", "gitlab.com": "gitlab.io"}.get(parts.netloc)
    owner, _, name = parts.path.strip("/").partition("/")
    return f"https://{owner.lower()}.{host}/{name}/" if host and name else ""


def use_repository(app: Sphinx, config: Config) -> None:
    """Derive from the one address all that needs it, or leave all of it out."""
    options = config.html_theme_options
    repository = (options.get("repository_url") or "").strip().rstrip("/").removesuffix(".git")
    options["repository_url"] = repository
    for button in ("use_repository_button", "use_source_button", "use_issues_button"):
        options[button] = bool(repository)
    options["launch_buttons"] = (
        {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"} if repository else {}
    )
    config.html_baseurl = config.ogp_site_url = site_address(repository)
    if config.html_baseurl:
        config.sitemap_url_scheme, config.sitemap_excludes = "{link}", ["404.html", "search.html"]
        config.notfound_urls_prefix = urlsplit(config.html_baseurl).path
        config.notfound_context = {"title": "Page not found", "body": NOT_FOUND}
        config.ogp_image = config.html_baseurl + "_static/card.png"
        config.ogp_image_alt = "Straight Lines: natural and physical gradients, reproduced"


def drop_unknown_address(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Say nothing about where a page is while nobody knows."""
    if not app.config.html_baseurl and "metatags" in context:
        context["metatags"] = re.sub(r'<meta property="og:(url|image)[^>]*>\s*', "", context["metatags"])


def spoken(tex: str) -> str:
    """A short formula as plain text."""

    def letter(match: re.Match[str]) -> str:
        try:
            size = "CAPITAL" if match[1].istitle() else "SMALL"
            return unicodedata.lookup(f"GREEK {size} LETTER {match[1]}")
        except KeyError:
            return match[1] + " "

    text = re.sub(r"\\(?:math\w+|text|operatorname)(?=\W)|\\!|[{}]", "", tex)
    text = re.sub(r"\\[,; ]", " ", re.sub(r"\\([A-Za-z]+) ?", letter, text))
    return " ".join(text.replace("^2", "²").replace("^*", "*").split())


def summary(doctree: nodes.document, most: int = 200) -> str:
    """The first sentences of a page, as plain text."""
    text = ""
    for paragraph in doctree.findall(nodes.paragraph):
        plain = paragraph.deepcopy()
        for formula in list(plain.findall(nodes.math)):
            formula.replace_self(nodes.Text(spoken(formula.astext())))
        text = " ".join(f"{text} {plain.astext()}".split())
        if len(text) > most:
            break
    if len(text) <= most:
        return text
    whole = re.match(rf".{{60,{most - 1}}}[.?!](?= )", text)
    return whole[0] if whole else text[: most - 1].rsplit(" ", 1)[0] + "…"


def describe(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Say what a page is about in whole sentences, with formulas that can be read; of the search, too."""
    if app.builder.name != "html":
        return
    text = summary(doctree) if doctree else "Search the book." if pagename == "search" else ""
    tags = re.sub(r'<meta (?:name|property)="(?:og:)?description"[^>]*>\s*', "", context.get("metatags", ""))
    if text:
        for name in ('name="description"', *(['property="og:description"'] if doctree else [])):
            tags += f'<meta {name} content="{html.escape(text)}" />\n'
        context["metatags"] = tags


def drop_odd_roles(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Leave the list of references without roles: the ones it gets are deprecated, and do not fit each other."""
    if "citation-list" in context.get("body", ""):
        context["body"] = re.sub(r' role="(list|doc-biblioentry)"', "", context["body"])


def mend_markup(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Give each id once on a page, where extensions repeat it, and let what is folded be called what it says."""
    seen: set[str] = set()

    def first(match: re.Match[str]) -> str:
        new = match[1] not in seen
        seen.add(match[1])
        return match[0] if new else ""

    context["body"] = context.get("body", "").replace(' aria-label="Toggle hidden content"', "")  # its words say more
    context["body"] = re.sub(r'(?<=[\w"]) id="([^"]*)"(?=[^<>]*>)', first, context["body"])


def add_downloads(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Offer the `.py` and the `.ipynb` of a chapter, under its title and in the theme's menu."""
    source = Path(app.srcdir, pagename).with_suffix(".py")
    if app.builder.name != "html" or not doctree or not source.is_file():
        return
    copy = Path(app.outdir, "_sources", pagename).with_suffix(".py")
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, copy)
    addresses = {suffix: context["pathto"](f"_sources/{pagename}{suffix}", 1) for suffix in (".py", ".ipynb")}
    links = " or ".join(f'<a href="{url}" download>{source.stem}{suffix}</a>' for suffix, url in addresses.items())
    context["body"] = context["body"].replace("</h1>", f'</h1>\n<p class="chapter-downloads">Run it: {links}</p>', 1)
    for group in context["header_buttons"]:
        if group.get("label") == "download-buttons":
            script = {"type": "link", "url": addresses[".py"], "text": ".py", "icon": "fas fa-code"}
            script |= {"tooltip": "Download the chapter's script", "label": "download-script-button"}
            group["buttons"].insert(0, script)


def setup(app: Sphinx) -> dict[str, bool]:
    # jupyter-book sets this one even without the extension that reads it
    app.add_config_value("comments_config", {}, "html")
    if site_address((app.config.html_theme_options or {}).get("repository_url") or ""):
        app.setup_extension("sphinx_sitemap")  # both write whole addresses
        app.setup_extension("notfound.extension")
    app.add_js_file("names.js")
    app.add_js_file("previews.js")
    app.connect("config-inited", use_repository, priority=100)
    app.connect("html-page-context", drop_unknown_address, priority=900)
    app.connect("html-page-context", describe, priority=900)
    app.connect("html-page-context", drop_odd_roles)
    app.connect("html-page-context", mend_markup)
    app.connect("html-page-context", add_downloads, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

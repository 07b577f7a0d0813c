"""The rendered book, as files: it asks no other host for anything, and all its links, figures and numbers are there.

`make test` renders the book first. What only a browser can tell is in `test_pages.py`.
"""

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup, NavigableString, Tag
from docutils.nodes import make_id

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "_build" / "html"
CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("*.py"))
# attributes that make a browser fetch something as soon as it sees them
FETCHED = {
    "script": ["src"], "img": ["src", "srcset"], "source": ["src", "srcset"], "iframe": ["src"], "object": ["data"],
    "embed": ["src"], "video": ["src", "poster"], "audio": ["src"], "track": ["src"], "image": ["href"],
    "use": ["href"], "input": ["src"],
}  # fmt: skip
CSS_ADDRESS = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
SCRIPT_ADDRESS = re.compile(
    r"""(?:\bimport\s*\(?|\bfrom|\bfetch\(|importScripts\(|\.src\s*=|\.open\(\s*["']GET["'],)\s*["'`]((?:https?:)?//[^"'`]+)"""
)


@cache
def parse(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def anchors(path: Path) -> frozenset[str]:
    return frozenset(
        element.get("id") or element.get("name")
        for element in parse(path)(lambda tag: tag.get("id") or tag.get("name"))
    )


@pytest.fixture(scope="module")
def pages() -> list[Path]:
    """Every page that has text; the first one only leads on to the introduction."""
    found = sorted(BOOK.rglob("*.html")) if BOOK.is_dir() else []
    found = [path for path in found if "_static" not in path.parts]
    if not found:
        pytest.fail("there is no rendered book in _build/html: run make book")
    return found


@pytest.fixture(scope="module")
def articles(pages) -> dict[str, BeautifulSoup]:
    """What a reader reads: page name to the article in it."""
    found = {path.relative_to(BOOK).as_posix(): parse(path).select_one("article.bd-article") for path in pages}
    return {name: article for name, article in found.items() if article is not None}


def prose(element):
    """The text of an element without code and formulas."""
    for child in element.children:
        if isinstance(child, Tag):
            if child.name not in {"pre", "code", "script", "style"} and "math" not in child.get("class", []):
                yield from prose(child)
        elif type(child) is NavigableString:
            yield child


def name(path: Path) -> str:
    return path.relative_to(BOOK).as_posix()


def fetched(page: BeautifulSoup):
    """The addresses that a browser asks for by itself when it shows the page."""
    for element in page.descendants:  # once: a page has ten thousand elements
        if not isinstance(element, Tag):
            continue
        for attribute in FETCHED.get(element.name, ()):
            value = element.get(attribute, "")
            for candidate in value.split(",") if attribute == "srcset" else [value]:
                if candidate.strip():
                    yield candidate.split()[0]
        leads_on = {"next", "prev", "index", "search", "canonical", "author", "license"}
        if element.name == "link" and not leads_on & set(element.get("rel", [])):
            yield element["href"]
        style = element.get("style", "") + (element.get_text() if element.name == "style" else "")
        yield from filter(None, sum(CSS_ADDRESS.findall(style), ()))
        if element.name == "script" and not element.get("src"):
            yield from SCRIPT_ADDRESS.findall(element.get_text())


def test_every_chapter_has_its_page(pages):
    expected = {"index.html", "intro.html", "references.html", *(f"chapters/{chapter}.html" for chapter in CHAPTERS)}
    assert expected <= set(map(name, pages)), "run make book"


def test_pages_ask_no_other_host_for_anything(pages):
    foreign = [
        f"{name(path)} asks for {address}"
        for path in pages
        for address in fetched(parse(path))
        if urlsplit(address).scheme not in {"", "data"} or urlsplit(address).netloc
    ]
    assert not foreign, "\n".join(foreign)


def test_style_sheets_and_scripts_ask_no_other_host_for_anything(pages):
    foreign = []
    for path in BOOK.rglob("*.css"):
        for address in filter(None, sum(CSS_ADDRESS.findall(path.read_text(encoding="utf-8")), ())):
            if address.startswith("data:"):
                continue
            if urlsplit(address).netloc:
                foreign.append(f"{name(path)} asks for {address}")
            elif not (path.parent / unquote(urlsplit(address).path)).exists() and not address.startswith("#"):
                foreign.append(f"{name(path)} asks for {address}, which is not there")
    for path in BOOK.rglob("*.js"):
        if path.name == "searchindex.js":
            continue  # the text of the book, not code
        foreign += [
            f"{name(path)} asks for {address}" for address in SCRIPT_ADDRESS.findall(path.read_text(encoding="utf-8"))
        ]
    assert not foreign, "\n".join(foreign)


def test_maths_comes_with_the_book_and_needs_no_script(pages, articles):
    scripts = {script.get("src", "").partition("?")[0] for path in pages for script in parse(path)("script")}
    assert not [script for script in scripts if "mathjax" in script.lower()]
    for chapter in set(CHAPTERS) - {"reproduction"}:
        formulas = articles[f"chapters/{chapter}.html"]("mjx-container")
        assert formulas, f"{chapter} has no formula"
        assert all(formula.find("math") for formula in formulas), "a formula that cannot be read aloud"
    assert list((BOOK / "_static" / "fonts").glob("*.woff"))


def test_every_image_is_there_and_can_be_read_aloud(pages):
    wrong = []
    for path in pages:
        for image in parse(path)("img"):
            source, alt = image.get("src", ""), image.get("alt")
            where = f"{name(path)}: {source}"
            if not source.startswith("data:") and not (path.parent / unquote(urlsplit(source).path)).is_file():
                wrong.append(f"{where} is not there")
            if alt is None:
                wrong.append(f"{where} has no alt text")
            elif not alt.strip():
                # an ornament beside the words that say the same, or a panel or twin of a picture that has them
                figure = image.find_parent("figure")
                if figure and any(other.get("alt", "").strip() for other in figure("img")):
                    continue
                link = image.find_parent("a")
                if image.find_parent("article") or link is None or not link.get_text(strip=True):
                    wrong.append(f"{where} has an empty alt text")
            elif re.search(r"\.(png|svg|jpe?g|gif|webp|pdf)\b", alt) or re.fullmatch(r"\S*[/\\]\S*", alt.strip()):
                wrong.append(f"{where} has a path for its alt text: {alt}")
            elif image.find_parent("article") and len(alt.split()) < 4:
                wrong.append(f"{where} has an alt text that says too little: {alt}")
    assert not wrong, "\n".join(wrong)


def test_every_link_inside_the_book_leads_somewhere(pages):
    broken = []
    for path in pages:
        page = parse(path)
        addresses = [element["href"] for element in page(["a", "link"], href=True)]
        addresses += [element["src"] for element in page(["script", "img"], src=True)]
        addresses += [
            meta["content"].partition("url=")[2]
            for meta in page("meta", attrs={"http-equiv": re.compile("refresh", re.I)})
        ]
        for address in addresses:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            assert not parts.path.startswith("/"), f"{name(path)}: {address} breaks where the book is not at the root"
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                broken.append(f"{name(path)}: {address} is not there")
            elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in anchors(target):
                broken.append(f"{name(path)}: {address} has no such place")
    assert not broken, "\n".join(sorted(set(broken)))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_shows_all_its_figures(chapter, articles):
    notebook = json.loads((ROOT / "chapters" / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    placed = [
        key for cell in notebook["cells"] for key in re.findall(r"\{glue:figure\}\s+(\S+)", "".join(cell["source"]))
    ]
    outputs = [
        output
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if {"image/svg+xml", "image/png"} & set(output.get("data", {}))
    ]
    drawn = [output["metadata"].get("scrapbook", {}).get("name", "an image outside keep()") for output in outputs]
    assert sorted(placed) == sorted(drawn), "each figure that a chapter draws stands on its page, once"
    assert placed or chapter == "reproduction", "a chapter without a figure"
    article = articles[f"chapters/{chapter}.html"]
    for key in placed:
        figure = article.find("figure", id=make_id(key))
        assert figure is not None, f"{key} is not on the page"
        assert figure.find("img"), f"{key} has no image"
        number = figure.select_one("figcaption .caption-number")
        assert number, f"{key} has no number"
        assert re.match(r"Fig\. \d", number.get_text())
        assert len(figure.select_one("figcaption .caption-text").get_text().split()) > 2, f"{key} has no caption"
    assert not [image for image in article("img") if not image.find_parent("figure")], (
        "an image without number and caption: tag the cell that keeps it remove-output"
    )


def test_references_are_resolved_and_nothing_is_left_raw(articles):
    left = []
    for page, article in articles.items():
        left += [
            f"{page}: {code.get_text()} leads nowhere"
            for code in article.select("code.xref")
            if not code.find_parent("a")
        ]
        left += [f"{page}: {element.get_text()[:80]}" for element in article.select(".problematic, .system-message")]
        text = "".join(prose(article))
        left += [
            f"{page}: {match}"
            for match in re.findall(r".{0,30}(?:\?\?|\{[a-z:]+\}`|\$\$|<Figure|np\.\w+\(|<\w+ object).{0,30}", text)
        ]
    assert not left, "\n".join(left)


@pytest.mark.parametrize("suffix", [".py", ".ipynb"])
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_can_be_downloaded_as_it_was_committed(chapter, suffix, articles):
    page = f"chapters/{chapter}.html"
    offered = {unquote(urljoin(page, link["href"])) for link in articles[page]("a", href=True, download=True)}
    assert f"_sources/chapters/{chapter}{suffix}" in offered
    assert (BOOK / "_sources" / "chapters" / f"{chapter}{suffix}").read_bytes() == (
        ROOT / "chapters" / f"{chapter}{suffix}"
    ).read_bytes()


def test_the_package_page_explains_the_fields_of_an_ensemble(articles):
    """Fields are explained beside them or in the docstring of their class, and Python's own words for them left out."""
    page = articles["package.html"]
    said = page.find(id="straightlines.ensembles.Ensemble.largest_scale").find_next("dd").text
    assert "the largest standard deviation on the way" in said
    assert page.find(id="straightlines.paths.Fit.start") is None
    assert "Alias for field" not in page.text


def test_nothing_names_a_place_on_the_machine_that_built_it(pages):
    place = re.compile(rf"{re.escape(str(ROOT))}|file://|(?<![\w.:/-])(?:/home/|/Users/|/root/|/tmp/|[A-Z]:\\)\w")
    texts = [*pages, BOOK / "searchindex.js", *(path for path in (BOOK / "_sources").rglob("*") if path.is_file())]
    found = [f"{name(path)}: {match}" for path in texts for match in place.findall(path.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


def test_pages_are_quick_to_load(pages):
    heavy = []
    for path in pages:
        parts = {(path.parent / unquote(urlsplit(address).path)).resolve() for address in fetched(parse(path))}
        # the icon font is the theme's, of which a browser takes one format, later
        size = path.stat().st_size + sum(part.stat().st_size for part in parts if part.is_file())
        if size > 5e6:
            heavy.append(f"{name(path)}: {size / 1e6:.1f} MB")
    assert not heavy, "\n".join(heavy)


def test_every_page_says_its_language_and_title(articles):
    for page in articles:
        document = parse(BOOK / page)
        assert document.html.get("lang") == "en", page
        assert document.title.get_text(strip=True), page
        headings = [heading for heading in document("h1") if not heading.find_parent(class_="onlyprint")]
        assert len(headings) == 1, f"{page} has {len(headings)} main headings"


# The repository's address stands in one place, `repository: url:` of _config.yml.

ADDRESS = "https://github.com/Someone/some-book"
NOTEBOOK = {
    "cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# A chapter"}],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def said_of_addresses(book: Path) -> str:
    """All that pages say of where they are or where their sources are."""
    said = []
    for path in sorted(book.glob("*.html")) + sorted(book.glob("chapters/*.html")):
        page = parse(path)
        said += [meta["content"] for meta in page("meta", property=re.compile("^og:(url|image)$"))]
        said += [link["href"] for link in page("link", rel="canonical")]
        said += [link["href"] for link in page.select(".bd-header-article a[href]")]
    return "\n".join(said)


def build_small_book(folder: Path, address: str) -> Path:
    """A book of one chapter, with this one's settings but for the address."""
    for part in ("_ext", "assets", "explorers"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("references.bib", "references.md", "CITATION.cff", "published.toml"):
        shutil.copy(ROOT / part, folder)
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    config["repository"]["url"] = address
    (folder / "_config.yml").write_text(yaml.safe_dump(config))
    (folder / "_toc.yml").write_text("{format: jb-book, root: intro, chapters: [file: chapters/one, file: references]}")
    (folder / "intro.md").write_text("# Introduction\n\nIt cites {cite:t}`ollivier2017tango`.\n")
    (folder / "chapters").mkdir()
    (folder / "chapters" / "one.py").write_text("# %% [markdown]\n# # A chapter\n")
    (folder / "chapters" / "one.ipynb").write_text(json.dumps(NOTEBOOK))
    command = [Path(sys.executable).with_name("jupyter-book"), "build", folder, "-W", "-n", "--keep-going"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "_build" / "html"


def test_an_unset_address_leaves_no_trace(tmp_path):
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    book = build_small_book(tmp_path, "") if config["repository"]["url"] else BOOK
    assert "://" not in said_of_addresses(book)
    assert not (book / "sitemap.xml").exists()
    assert not (book / "404.html").exists()
    pages = list(book.glob("chapters/*.html"))
    assert pages
    for path in pages:
        assert not re.search("og:url|og:image|mybinder|source-buttons|launch-buttons|github", path.read_text())


def test_a_set_address_turns_everything_on(tmp_path):
    book = build_small_book(tmp_path, ADDRESS)
    said = said_of_addresses(book).splitlines()
    assert "https://someone.github.io/some-book/chapters/one.html" in said
    assert "https://someone.github.io/some-book/_static/card.png" in said
    assert "https://mybinder.org/v2/gh/Someone/some-book/main?urlpath=lab/tree/chapters/one.ipynb" in said
    assert {ADDRESS, f"{ADDRESS}/blob/main/chapters/one.ipynb?plain=1"} < set(said)
    assert (book / "_static" / "card.png").is_file()
    assert "<loc>https://someone.github.io/some-book/chapters/one.html</loc>" in (book / "sitemap.xml").read_text()
    assert 'href="/some-book/intro.html"' in (book / "404.html").read_text()


def test_this_book_keeps_to_its_address(pages):
    address = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    said = said_of_addresses(BOOK)
    assert bool(address) == ("://" in said)
    assert address in said

"""The rendered pages in a browser: `make test-pages`, which renders the book and needs Chromium.

Pages are opened from a server on loopback and as files. A request that would leave the machine is refused and counts
as a failure.
"""

import functools
import http.server
import re
import shutil
import threading
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "_build" / "html"
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 375, "height": 740}


@pytest.fixture(scope="module")
def names() -> list[str]:
    """Every page, by its path in the book; `index.html` only leads on to the introduction."""
    found = [
        path for path in [*BOOK.glob("*.html"), *BOOK.glob("chapters/*.html")] if path.stem not in {"index", "404"}
    ]
    if not found:
        pytest.fail("there is no rendered book in _build/html: run make book")
    return sorted(path.relative_to(BOOK).as_posix() for path in found)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    candidates = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    program = next(filter(None, map(shutil.which, candidates)), None)
    if program is None:
        pytest.fail(f"the page tests need Chromium: none of {', '.join(candidates)} is on the PATH")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        opened = playwright.chromium.launch(executable_path=program, args=arguments)
        yield opened
        opened.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    """The address of the book on a server on loopback."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=BOOK)) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


@pytest.fixture(params=["server", "file"])
def base(request):
    return request.getfixturevalue("server") if request.param == "server" else BOOK.as_uri()


class Watched:
    """A page in a fresh window that refuses requests to other hosts and notes them, and all errors."""

    def __init__(self, browser, **options):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.route("**/*", self._let_through)
        self.page.on(
            "console", lambda message: message.type == "error" and self.wrong.append(f"console: {message.text}")
        )
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("requestfailed", lambda request: self.wrong.append(f"failed: {request.url} {request.failure}"))

    def _let_through(self, route):
        address = urlsplit(route.request.url)
        if address.scheme in {"file", "data", "blob"} or address.hostname == "127.0.0.1":
            route.continue_()
        else:
            self.wrong.append(f"asks another host: {route.request.url}")
            route.abort()

    def open(self, address: str):
        self.wrong.clear()
        self.page.goto(address, wait_until="load")
        self.page.wait_for_function(
            "!window.MathJax || (MathJax.startup?.promise && MathJax.startup.promise.then(() => true))", timeout=30_000
        )
        return self.page

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.context.close()


def test_pages_open_without_an_error_and_with_their_maths(names, browser, base):
    wrong = []
    with Watched(browser, viewport=WIDE) as watched:
        for name in names:
            page = watched.open(f"{base}/{name}")
            formulas = page.locator(".math.notranslate").count()
            rendered = page.locator(".math.notranslate mjx-container").count()
            if rendered < formulas:
                wrong.append(f"{name}: {rendered} of {formulas} formulas are rendered")
            wrong += [f"{name}: {text}" for text in page.locator("mjx-merror, [data-mjx-error]").all_inner_texts()]
            # what TeX did not know it sets in red
            wrong += [
                f"{name}: unknown command {text}" for text in page.locator('mjx-mtext[style*="red"]').all_inner_texts()
            ]
            broken = "[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)"
            page.evaluate("document.querySelectorAll('img[loading=lazy]').forEach(i => i.loading = 'eager')")
            wrong += [f"{name}: image {source} does not show" for source in page.evaluate(broken)]
            wrong += [f"{name}: {text}" for text in watched.wrong]
    assert not wrong, "\n".join(wrong)


# text whose contrast with its ground is below 4.5
FAINT = """() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const luminance = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const found = new Set();
  const read = "article :is(p, li, a, td, th, h1, h2, h3, code, pre span, figcaption span), .bd-sidebar a";
  for (const e of document.querySelectorAll(read)) {
    if (!e.textContent.trim() || !e.offsetParent || e.closest(".onlyprint, .headerlink, mjx-container")) continue;
    const [a, b] = [luminance(parse(getComputedStyle(e).color)), luminance(behind(e))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) found.add(`${contrast.toFixed(2)} for ${e.tagName} "${e.textContent.slice(0, 40)}"`);
  }
  return [...found];
}"""
HEADING_LEVELS = """() => [...document.querySelectorAll("main :is(h1, h2, h3, h4, h5, h6)")]
  .filter(h => h.offsetParent).map(h => Number(h.tagName[1]))"""
NAMELESS = """() => [...document.querySelectorAll("a[href], button, summary")]
  .filter(e => e.offsetParent && !e.textContent.trim() && !e.ariaLabel && !e.title)
  .filter(e => !e.querySelector("img[alt]:not([alt=''])"))
  .map(e => e.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_pages_fit_the_window_and_can_be_read(names, browser, server, size, mode):
    wrong = []
    with Watched(browser, viewport=size, color_scheme=mode) as watched:
        for name in names:
            page = watched.open(f"{server}/{name}")
            assert page.evaluate("document.documentElement.dataset.theme") == mode
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if over > 0:
                wrong.append(f"{name}: {over} pixels wider than the window")
            for width, natural in page.evaluate(
                "[...document.querySelectorAll('article figure img')].map(i => [i.clientWidth, i.naturalWidth])"
            ):
                if width > min(size["width"], natural + 16):
                    wrong.append(f"{name}: an image of {natural} pixels is {width} wide")
            wrong += [f"{name}: faint, {found}" for found in page.evaluate(FAINT)]
    assert not wrong, "\n".join(wrong)


def test_pages_have_their_landmarks_headings_and_names(names, browser, server):
    wrong = []
    with Watched(browser, viewport=WIDE) as watched:
        for name in names:
            page = watched.open(f"{server}/{name}")
            assert page.locator("html[lang]").count() == 1
            assert page.get_by_role("main").count() == 1, name
            assert page.get_by_role("navigation").count() >= 1, name
            levels = page.evaluate(HEADING_LEVELS)
            if levels[:1] != [1] or levels.count(1) != 1:
                wrong.append(f"{name}: main headings {levels}")
            wrong += [
                f"{name}: h{upper} is followed by h{lower}" for upper, lower in pairwise(levels) if lower > upper + 1
            ]
            wrong += [f"{name}: nobody can name {element}" for element in page.evaluate(NAMELESS)]
    assert not wrong, "\n".join(wrong)


def test_the_first_page_leads_to_the_introduction(browser, base):
    with Watched(browser, viewport=WIDE) as watched:
        watched.page.goto(f"{base}/index.html")
        watched.page.wait_for_url(re.compile("intro.html"))
        assert not watched.wrong


def test_search_finds_a_chapter(browser, base):
    with Watched(browser, viewport=WIDE) as watched:
        watched.page.goto(f"{base}/search.html?q=tango")
        watched.page.wait_for_selector("#search-results li a")
        found = [link.get_attribute("href") for link in watched.page.locator("#search-results li a").all()]
        assert any("chapters/tango.html" in address for address in found), found
        assert not [text for text in watched.wrong if text.startswith("asks")]


def test_solutions_and_hidden_code_open(browser, base):
    with Watched(browser, viewport=WIDE) as watched:
        page = watched.open(f"{base}/chapters/tango.html")
        hidden = page.locator("details.hide").first
        assert not hidden.locator("pre").first.is_visible()
        hidden.locator("summary").click()
        assert hidden.locator("pre").first.is_visible()
        solution = page.locator("div.solution.dropdown").first
        assert "toggle-hidden" in solution.get_attribute("class")
        solution.locator("button.toggle-button").click()
        assert "toggle-hidden" not in solution.get_attribute("class")
        assert not watched.wrong


@pytest.mark.parametrize("suffix", [".py", ".ipynb"])
def test_downloads_arrive_whole(browser, server, suffix):
    with Watched(browser, viewport=WIDE, accept_downloads=True) as watched:
        page = watched.open(f"{server}/chapters/tango.html")
        with page.expect_download() as started:
            page.locator(f'.chapter-downloads a[href$="{suffix}"]').click()
        assert started.value.suggested_filename == f"tango{suffix}"
        assert Path(started.value.path()).read_bytes() == (ROOT / "chapters" / f"tango{suffix}").read_bytes()

"""The rendered pages in a browser: `make test-pages`, which renders the book and needs Chromium.

Pages are opened from a server on loopback and as files. A request that would leave the machine is refused and counts
as a failure.
"""

import functools
import gzip
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
    """Serves texts with gzip, as hosts of pages do."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        content, kind = path.read_bytes(), self.guess_type(path)
        self.send_response(200)
        if re.search("text|javascript|svg|json", kind):
            content = gzip.compress(content, 6)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


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
        return self.page

    def scroll(self):
        """Go down the page as a reader does, and wait for what comes near."""
        self.page.evaluate(
            """async () => {
              for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight / 2) {
                scrollTo(0, y);
                await new Promise(done => setTimeout(done, 60));
              }
            }"""
        )
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_timeout(300)

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
            rendered = page.locator(".math.notranslate mjx-container math").count()
            if rendered != formulas:
                wrong.append(f"{name}: {rendered} of {formulas} formulas are set")
            if page.locator("script[src*=mathjax i]").count():
                wrong.append(f"{name}: loads MathJax")
            page.evaluate("document.querySelectorAll('img[loading=lazy]').forEach(i => i.loading = 'eager')")
            page.wait_for_load_state("networkidle")
            shown = "[...document.images].filter(i => getComputedStyle(i).display !== 'none')"
            broken = f"{shown}.filter(i => !i.complete || !i.naturalWidth).map(i => i.src)"
            wrong += [f"{name}: image {source} does not show" for source in page.evaluate(broken)]
            wrong += [f"{name}: {text}" for text in watched.wrong]
    assert not wrong, "\n".join(wrong)


SHIFTS = """() => new Promise(done => {
  let shift = 0;
  new PerformanceObserver(list => list.getEntries().forEach(e => shift += e.value))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(shift), 300);
})"""


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_pages_are_light_and_stay_where_they_are(names, browser, server, size):
    wrong = []
    for name in names:
        first, whole, shift, loaded, sizeless = weigh(browser, f"{server}/{name}", size)
        for _ in range(4):  # a busy machine may show a page before its fonts: what moves by itself moves again
            if shift <= 0.02:
                break
            shift = min(shift, weigh(browser, f"{server}/{name}", size)[2])
        if first > 300_000 or whole > 800_000:
            wrong.append(f"{name}: {first / 1000:.0f} kB, {whole / 1000:.0f} kB in all")
        if shift > 0.02:
            wrong.append(f"{name}: what is shown moves by {shift:.3f}")
        if "search" not in name and any("searchindex" in url for url in loaded):
            wrong.append(f"{name}: loads the index before anyone searches")
        wrong += [f"{name}: {source} has no size or loads at once" for source in sizeless]
    assert not wrong, "\n".join(wrong)


SIZELESS = "[...document.querySelectorAll('article img:not([width][height][loading=lazy])')].map(i => i.src)"


def weigh(browser, address, size):
    """Bytes that a page transfers before and after scrolling, its shift, what it loads, and images without a size."""
    with Watched(browser, viewport=size) as watched:
        network = watched.context.new_cdp_session(watched.page)
        network.send("Network.enable")
        transferred: list[float] = []
        network.on("Network.loadingFinished", lambda event: transferred.append(event["encodedDataLength"]))
        page = watched.open(address)
        page.wait_for_load_state("networkidle")
        shift = page.evaluate(SHIFTS)
        first = sum(transferred)
        watched.scroll()
        loaded = page.evaluate("performance.getEntries().map(e => e.name)")
        return first, sum(transferred), shift, loaded, page.evaluate(SIZELESS)


# what leaves the window, or its box, to the right, and cannot be brought into sight with the keyboard
CUT = """async () => {
  const reachable = e => {
    for (; e && e.tagName !== "ARTICLE"; e = e.parentElement) {
      const scrolls = /auto|scroll/.test(getComputedStyle(e).overflowX);
      if (scrolls && e.scrollWidth > e.clientWidth + 1) return e.tabIndex === 0;
    }
    return false;
  };
  const right = document.querySelector("article").getBoundingClientRect().right;
  const boxes = "mjx-container, table, pre, img, code";
  const found = [];
  for (const e of document.querySelectorAll(`article :is(${boxes})`)) {
    // what is folded is measured when it opens
    if (!e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const wide = e.tagName === "PRE" ? e.scrollWidth > e.clientWidth + 1 : e.getBoundingClientRect().right > right + 1;
    if (wide && !reachable(e)) found.push(`${e.tagName} ${e.textContent.slice(0, 50)}`);
  }
  return found;
}"""
# how far a drawing is shrunk: its smallest letters are 10 points, 13.3 pixels, high
SMALL = """() => [...document.querySelectorAll("article .picture img")]
  .filter(i => i.checkVisibility() && i.naturalWidth)
  .filter(i => i.clientWidth / i.naturalWidth * 40 / 3 < 8.99).map(i => `${i.clientWidth} of ${i.naturalWidth}`)"""


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_on_a_phone_nothing_is_cut_and_labels_are_legible(names, browser, server, mode):
    wrong = []
    with Watched(browser, viewport=NARROW, color_scheme=mode) as watched:
        for name in names:
            if name == "search.html":
                continue
            page = watched.open(f"{server}/{name}")
            watched.scroll()
            wrong += [f"{name}: cut, {text}" for text in page.evaluate(CUT)]
            wrong += [f"{name}: labels too small, {text}" for text in page.evaluate(SMALL)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_drawings_follow_the_theme(browser, server, mode):
    with Watched(browser, viewport=WIDE, color_scheme=mode) as watched:
        page = watched.open(f"{server}/chapters/tango.html")
        page.locator(f"article .picture .only-{mode}").first.wait_for(state="visible")
        other = {"light": "dark", "dark": "light"}[mode]
        assert not page.locator(f"article .only-{other}").first.is_visible()
        page.locator("button.theme-switch-button:visible").first.click()
        if page.evaluate("document.documentElement.dataset.theme") == mode:
            page.locator("button.theme-switch-button:visible").first.click()
        page.locator(f"article .picture .only-{other}").first.wait_for(state="visible")


HIDDEN_ON_PAPER = """() => {
  const found = [];
  const right = document.documentElement.clientWidth;
  for (const e of document.querySelectorAll(".bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, button")) {
    if (e.checkVisibility()) found.push(`${e.tagName} ${e.className} is on the paper`);
  }
  for (const e of document.querySelectorAll("article :is(h1, pre, table, img, figcaption, p, mjx-container)")) {
    if (!e.checkVisibility({ contentVisibilityAuto: false })) {
      // of an explorer, the figure that stands in for it is printed
      const apart = ".chapter-downloads, .only-dark, .panels, .whole, summary, mjx-assistive-mml";
      if (!e.closest(`${apart}, [data-explorer] > :not(.explorer-still)`))
        found.push(`${e.tagName} "${e.textContent.slice(0, 40)}" is not printed`);
    } else if (e.tagName === "PRE" ? e.scrollWidth > e.clientWidth + 1 : e.getBoundingClientRect().right > right + 1) {
      found.push(`${e.tagName} "${e.textContent.slice(0, 40)}" is cut`);
    }
  }
  return found;
}"""


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_paper_shows_everything(names, browser, server, mode):
    wrong = []
    # the width of A4 between its margins
    with Watched(browser, viewport={"width": 672, "height": 980}, color_scheme=mode) as watched:
        for name in names:
            if name == "search.html":
                continue
            page = watched.open(f"{server}/{name}")
            page.emulate_media(media="print", color_scheme=mode)
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
            wrong += [f"{name}: {text}" for text in page.evaluate(HIDDEN_ON_PAPER)]
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            if ground not in {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}:
                wrong.append(f"{name}: is printed on {ground}")
            page.evaluate("dispatchEvent(new Event('afterprint'))")
            assert page.evaluate("document.documentElement.dataset.theme") == mode
            page.emulate_media(media="screen", color_scheme=mode)
    assert not wrong, "\n".join(wrong)


def test_pages_can_be_printed(browser, server):
    with Watched(browser, viewport=WIDE) as watched:
        page = watched.open(f"{server}/chapters/tango.html")
        assert page.pdf(format="A4").count(b"/Type /Page\n") > 5


def test_pages_can_be_read_without_scripts(names, browser, base):
    wrong = []
    with Watched(browser, viewport=WIDE, java_script_enabled=False) as watched:
        for name in names:
            page = watched.open(f"{base}/{name}")
            for selector in ("h1", ".math mjx-container", "div.solution p", "figure .picture"):
                found = page.locator(f"article {selector}")
                if found.count() and not found.first.is_visible():
                    wrong.append(f"{name}: {selector} is not shown")
            page.wait_for_load_state("networkidle")
            wrong += [f"{name}: {text}" for text in watched.wrong]
    assert not wrong, "\n".join(wrong)


def test_the_first_page_says_how_to_cite_and_offers_what_was_built(browser, base):
    # without scripts, since an explorer takes the place of the picture
    with Watched(browser, viewport=WIDE, java_script_enabled=False) as watched:
        page = watched.open(f"{base}/intro.html")
        assert "@misc{straightlines" in page.locator("#how-to-cite-it pre").text_content()
        assert page.locator("#fig-intro .picture").first.bounding_box()["y"] < WIDE["height"] / 2
        offered = [link.get_attribute("href") for link in page.locator(".take-away a").all()]
        built = [path.name for path in BOOK.parent.glob("straight-lines.*")]
        assert sorted(offered) == sorted(name for name in built if (BOOK / name).is_file())


def test_the_package_has_a_page_with_its_formulas(browser, base):
    with Watched(browser, viewport=WIDE) as watched:
        page = watched.open(f"{base}/package.html")
        assert page.locator("dt.sig").count() > 20
        assert page.locator("dd .math mjx-container").count() > 20
        assert not re.search(r"\$\S[^$]*\$", page.locator("article").text_content())


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
    if (!e.textContent.trim() || !e.offsetParent || e.closest(".onlyprint, .headerlink, mjx-container, .sig")) continue;
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
            widths = "map(i => [i.clientWidth, i.naturalWidth])"
            images = "[...document.querySelectorAll('article figure img')].filter(i => i.naturalWidth)"
            for width, natural in page.evaluate(f"{images}.{widths}"):
                if width > min(size["width"], 1.25 * natural + 16):
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

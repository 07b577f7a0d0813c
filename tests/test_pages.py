"""The rendered pages in a browser: `make test-pages`, which renders the book and needs Chromium.

Each page is opened once for every way of reading it (window, theme, from a server or as a file, without scripts), and
all that must hold there is looked at. A request that would leave the machine is refused and counts as a failure. What
is waited for is what is meant, never a while: a machine may be slow.
"""

import functools
import gzip
import http.server
import re
import threading
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "_build" / "html"
WIDE, NARROW, PAPER = ({"width": width, "height": height} for width, height in [(1400, 900), (375, 740), (672, 980)])
PATIENCE = 120  # seconds
# every page, by its path in the book; `index.html` only leads on to the introduction
FOUND = [path for path in [*BOOK.glob("*.html"), *BOOK.glob("chapters/*.html")] if path.stem not in {"index", "404"}]
NAMES = sorted(path.relative_to(BOOK).as_posix() for path in FOUND)


def test_there_are_pages():
    assert "intro.html" in NAMES, "there is no rendered book in _build/html: run make book"


@functools.cache
def zipped(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 6)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves texts with gzip, as hosts of pages do."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if path.name == "favicon.ico":  # a browser may ask for one on the page that only leads on
            self.send_response(204)
            self.end_headers()
            return
        if not path.is_file():
            self.send_error(404)
            return
        kind = self.guess_type(path)
        small = re.search("text|javascript|svg|json", kind)
        content = zipped(path) if small else path.read_bytes()
        self.send_response(200)
        if small:
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


# each shift of what is shown, with what moved
SHIFTS = """
  window.shifts = [];
  const name = node => (node?.nodeType === 3 ? name(node.parentElement) : node?.outerHTML?.slice(0, 90));
  const note = entries => {
    for (const { value, sources } of entries) {
      const moved = sources.map(s => `${name(s.node)} from ${s.previousRect.y} to ${s.currentRect.y}`);
      shifts.push([value, moved]);
    }
  };
  const watching = new PerformanceObserver(list => note(list.getEntries()));
  watching.observe({ type: "layout-shift", buffered: true });
  window.takeShifts = () => (note(watching.takeRecords()), shifts.splice(0));
"""
# pictures that the window shows
NEAR = """[...document.images].filter(i => {
    const { top, bottom } = i.getBoundingClientRect();
    return i.checkVisibility() && bottom > 0 && top < innerHeight;
  })"""
FRAMES = "await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));"


class Watched:
    """A page in a fresh window: what it asks for, what of that is still to come, and all that goes wrong."""

    def __init__(self, browser, **options):
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(1000 * PATIENCE)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.coming: set[object] = set()
        self.transferred: list[float] = []
        self.page.on("request", self._asked)
        self.page.on("requestfinished", lambda request: self.coming.discard(request))
        self.page.on("requestfailed", self._failed)
        self.page.on(
            "console", lambda message: message.type == "error" and self.wrong.append(f"console: {message.text}")
        )
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        network = self.context.new_cdp_session(self.page)
        network.send("Network.enable")
        network.on("Network.loadingFinished", lambda event: self.transferred.append(event["encodedDataLength"]))

    def _asked(self, request):
        address = urlsplit(request.url)
        if address.scheme in {"http", "file"}:
            self.coming.add(request)
        if address.scheme not in {"file", "data", "blob"} and address.hostname != "127.0.0.1":
            self.wrong.append(f"asks another host: {request.url}")

    def _failed(self, request):
        self.coming.discard(request)
        self.wrong.append(f"failed: {request.url} {request.failure}")

    def open(self, address: str):
        self.page.goto(address, wait_until="load")
        return self.page

    def arrive(self):
        """Wait until nothing that was asked for is still to come."""
        given_up = time.monotonic() + PATIENCE
        while self.coming and time.monotonic() < given_up:
            self.page.wait_for_timeout(20)
        self.wrong += [f"does not arrive: {request.url}" for request in self.coming]

    def settle(self):
        """Wait until what the window shows is whole: its pictures and fonts, and what it was laid out with."""
        self.page.wait_for_function(f"document.fonts.status === 'loaded' && {NEAR}.every(i => i.complete)")
        self.arrive()
        self.page.evaluate(f"async () => {{ {FRAMES} }}")

    def scroll(self):
        """Go down the page as a reader does, and wait at each step for the pictures that come into sight."""
        self.page.evaluate(
            f"""async () => {{
              for (let y = 0; y < document.documentElement.scrollHeight; y += 0.75 * innerHeight) {{
                scrollTo({{ top: y, behavior: "instant" }});
                const givenUp = performance.now() + {1000 * PATIENCE};
                do {{ {FRAMES} }} while (!{NEAR}.every(i => i.complete) && performance.now() < givenUp);
              }}
            }}"""
        )
        self.arrive()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.context.close()


# --- what must hold on a page ---


def opens(watched):
    """Without an error, with all its pictures, and with formulas that need no script."""
    page = watched.page
    page.evaluate("document.querySelectorAll('img[loading=lazy]').forEach(i => i.loading = 'eager')")
    with suppress(TimeoutError):  # it is said below which of them
        page.wait_for_function("[...document.images].every(i => i.complete)")
    watched.arrive()
    yield from watched.wrong
    for source in page.evaluate("[...document.images].filter(i => !i.naturalWidth).map(i => i.src)"):
        yield f"image {source} does not show"
    for font in page.evaluate("[...document.fonts].filter(f => f.status === 'error').map(f => f.family)"):
        yield f"font {font} cannot be read"
    formulas = page.locator(".math.notranslate").count()
    rendered = page.locator(".math.notranslate mjx-container math").count()
    if rendered != formulas:
        yield f"{rendered} of {formulas} formulas are set"
    if page.locator("script[src*=mathjax i]").count():
        yield "loads MathJax"


def is_light(watched, name):
    """Few bytes before a reader scrolls, few in all; what is shown stays where it is; pictures have their size."""
    page = watched.page
    first, shifts = sum(watched.transferred), page.evaluate("takeShifts()")
    watched.scroll()
    whole = sum(watched.transferred)
    if first > 300_000 or whole > 800_000:
        yield f"{first / 1000:.0f} kB, {whole / 1000:.0f} kB in all"
    for when, found in (("when the page opens", shifts), ("while one scrolls", page.evaluate("takeShifts()"))):
        shift = sum(value for value, _ in found)
        if shift > SHIFT:
            yield f"what is shown moves by {shift:.3f} {when}: {[source for _, own in found for source in own][:4]}"
    loaded = page.evaluate("performance.getEntries().map(e => e.name)")
    if "search" not in name and any("searchindex" in url for url in loaded):
        yield "loads the index before anyone searches"
    for source in page.evaluate(SIZELESS):
        yield f"{source} has no size or loads at once"


SHIFT = 0.005
SIZELESS = "[...document.querySelectorAll('article img:not([width][height][loading=lazy])')].map(i => i.src)"

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
DRAWINGS = """() => [...document.querySelectorAll("article .picture img")]
  .filter(i => i.checkVisibility() && i.naturalWidth).map(i => [i.src, i.clientWidth])"""


def fits_a_phone(watched):
    """Nothing is cut, and labels are legible."""
    for text in watched.page.evaluate(CUT):
        yield f"cut, {text}"
    for source, width in watched.page.evaluate(DRAWINGS):
        drawing = (BOOK / "_images" / Path(source).name).read_text()
        points = float(re.search(r'viewBox="\S+ \S+ (\S+) ', drawing)[1])
        # matplotlib draws letters a hundred units high
        letters = [100 * float(part) for part in re.findall(r"scale\((0\.\d+) -0\.\d+\)", drawing)]
        if letters and min(letters) * width / points < 8.99:
            yield f"letters of {min(letters) * width / points:.1f} pixels in {Path(source).name}"


def fits_the_window(watched):
    page = watched.page
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if over > 0:
        yield f"{over} pixels wider than the window"
    images = "[...document.querySelectorAll('article figure img')].filter(i => i.naturalWidth)"
    for width, natural in page.evaluate(f"{images}.map(i => [i.clientWidth, i.naturalWidth])"):
        if width > 1.25 * natural + 16:
            yield f"an image of {natural} pixels is {width} wide"


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


def can_be_read(watched):
    """Text stands out from its ground; landmarks, headings and names lead those who have the page read to them."""
    page = watched.page
    for found in page.evaluate(FAINT):
        yield f"faint, {found}"
    for what, count in (("html[lang]", 1), ("main", 1)):
        if page.locator(what).count() != count:
            yield f"{page.locator(what).count()} of {what}"
    if page.viewport_size == WIDE and page.get_by_role("navigation").count() == 0:
        yield "has no navigation"
    described = page.evaluate("[...document.querySelectorAll('meta[name=description]')].map(m => m.content)")
    if len(described) != 1 or "\\" in described[0]:
        yield f"is described as {described}"
    levels = page.evaluate(HEADING_LEVELS)
    if levels[:1] != [1] or levels.count(1) != 1:
        yield f"main headings {levels}"
    for upper, lower in pairwise(levels):
        if lower > upper + 1:
            yield f"h{upper} is followed by h{lower}"
    for element in page.evaluate(NAMELESS):
        yield f"nobody can name {element}"


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


def can_be_printed(watched, mode):
    """All of it, on white."""
    page = watched.page
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print", color_scheme=mode)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    watched.settle()
    yield from page.evaluate(HIDDEN_ON_PAPER)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    if ground not in {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}:
        yield f"is printed on {ground}"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    if page.evaluate("document.documentElement.dataset.theme") != mode:
        yield "has another theme after it was printed"


# --- the pages ---


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", NAMES)
def test_page(browser, server, name, size, mode):
    with Watched(browser, viewport=size, color_scheme=mode) as watched:
        watched.page.add_init_script(SHIFTS)
        page = watched.open(f"{server}/{name}")
        watched.settle()
        wrong = [*is_light(watched, name), *fits_the_window(watched), *can_be_read(watched)]
        if page.evaluate("document.documentElement.dataset.theme") != mode:
            wrong.append(f"is not {mode}")
        if size is NARROW and name != "search.html":
            wrong += fits_a_phone(watched)
        wrong += opens(watched)
        if size is WIDE and name != "search.html":
            wrong += can_be_printed(watched, mode)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_page_as_a_file(browser, name):
    with Watched(browser, viewport=WIDE) as watched:
        watched.open(f"{BOOK.as_uri()}/{name}")
        wrong = list(opens(watched))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_page_without_scripts(browser, base, name):
    with Watched(browser, viewport=WIDE, java_script_enabled=False) as watched:
        page = watched.open(f"{base}/{name}")
        watched.arrive()
        wrong = watched.wrong
        for selector in ("h1", ".math mjx-container", "div.solution p", "figure .picture"):
            found = page.locator(f"article {selector}")
            if found.count() and not found.first.is_visible():
                wrong.append(f"{selector} is not shown")
    assert not wrong, "\n".join(wrong)


# --- what one page shows for all ---


# parts of a page that are laid out late, and are not as high as what is in them
UNKNOWN = """() => {
  const late = e => getComputedStyle(e).contentVisibility === "auto";
  const parts = [...document.querySelectorAll("article *")].filter(late);
  const before = parts.map(e => e.getBoundingClientRect().height);
  parts.forEach(e => (e.style.contentVisibility = "visible"));
  const after = parts.map(e => e.getBoundingClientRect().height);
  parts.forEach(e => (e.style.contentVisibility = ""));
  return [parts.length, before.filter((height, i) => Math.abs(height - after[i]) > 1).length];
}"""


def test_what_is_laid_out_late_gets_its_own_height(browser, server):
    """So that what leads down the page leads to the right place, and nothing seems to stand where it does not."""
    with Watched(browser, viewport=NARROW) as watched:
        page = watched.open(f"{server}/chapters/other_optimizers.html")
        assert page.evaluate(UNKNOWN)[0] > 3
        given_up = time.monotonic() + PATIENCE
        while (unknown := page.evaluate(UNKNOWN)[1]) and time.monotonic() < given_up:
            page.wait_for_timeout(200)
        assert unknown == 0


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


def test_pages_can_be_printed(browser, server):
    with Watched(browser, viewport=WIDE) as watched:
        page = watched.open(f"{server}/chapters/tango.html")
        assert page.pdf(format="A4").count(b"/Type /Page\n") > 5


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


def test_the_first_page_leads_to_the_introduction(browser, base):
    with Watched(browser, viewport=WIDE) as watched:
        watched.page.goto(f"{base}/index.html")
        watched.page.wait_for_url(re.compile("intro.html"))
        assert not watched.wrong


def test_search_finds_a_chapter(browser, base):
    with Watched(browser, viewport=WIDE) as watched:
        watched.page.goto(f"{base}/search.html?q=tango")
        watched.page.get_by_text("Search finished").wait_for()  # results come one by one
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


# --- previews ---


def link_out_of_sight(page, start):
    """A link to what the window does not show, brought into sight."""
    link = page.locator(f"article a.internal[href^='#{start}']").last
    link.scroll_into_view_if_needed()
    page.wait_for_function(
        """link => {
          const { top, bottom } = document.getElementById(link.hash.slice(1)).getBoundingClientRect();
          return bottom < 0 || top > innerHeight; }""",
        arg=link.element_handle(),
    )
    return link


@pytest.mark.parametrize(("start", "inside"), [("equation-", "mjx-container"), ("tango-limits-figure-", "figcaption")])
def test_a_link_shows_what_it_leads_to(browser, base, start, inside):
    with Watched(browser, viewport={"width": 1280, "height": 500}) as watched:
        page = watched.open(f"{base}/chapters/tango_limits.html")
        link, card = link_out_of_sight(page, start), page.locator(".preview")
        ids = page.evaluate("document.querySelectorAll('[id]').length")
        link.hover()
        card.locator(inside).first.wait_for(state="visible")
        box = card.bounding_box()
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= 1280
        assert box["y"] + box["height"] <= 500
        assert page.evaluate("document.querySelectorAll('[id]').length") == ids  # each stays the only one
        assert card.get_attribute("aria-hidden") == "true"
        assert card.locator("[href], [tabindex]").count() == 0
        card.hover()
        page.wait_for_timeout(500)  # longer than the card waits for the mouse to come back
        assert card.is_visible()
        page.mouse.move(1, 1)
        card.wait_for(state="detached")
        link.hover()
        card.wait_for(state="visible")
        page.keyboard.press("Escape")
        assert card.count() == 0
        assert not watched.wrong


def test_the_keyboard_brings_a_preview_and_paper_has_none(browser, server):
    with Watched(browser, viewport={"width": 1280, "height": 500}) as watched:
        page = watched.open(f"{server}/chapters/tango_limits.html")
        link, card = link_out_of_sight(page, "equation-"), page.locator(".preview")
        page.keyboard.press("Shift")  # the keyboard was used last, so that its focus is shown
        link.focus()
        card.wait_for(state="visible")
        page.emulate_media(media="print")
        assert not card.is_visible()
        page.emulate_media(media="screen")
        link.blur()
        card.wait_for(state="detached")


def test_a_page_that_still_settles_defers_a_preview_and_scrolling_takes_it_away(browser, server):
    with Watched(browser, viewport={"width": 1280, "height": 500}) as watched:
        page = watched.open(f"{server}/chapters/tango_limits.html")
        link, card = link_out_of_sight(page, "equation-"), page.locator(".preview")
        link.hover()
        page.evaluate("dispatchEvent(new Event('scroll'))")
        card.wait_for(state="visible", timeout=5000)
        page.evaluate("dispatchEvent(new Event('scroll'))")
        assert card.count() == 0


def test_touch_brings_no_preview(browser, server):
    with Watched(browser, viewport=NARROW, has_touch=True, is_mobile=True) as watched:
        page = watched.open(f"{server}/chapters/tango_limits.html")
        link = link_out_of_sight(page, "equation-")
        link.evaluate("link => link.addEventListener('click', event => event.preventDefault())")
        link.tap()
        page.wait_for_timeout(500)
        assert page.locator(".preview").count() == 0

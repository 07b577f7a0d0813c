"""What makes the pages: formulas, light files, drawings, and what the book says of itself."""

import io
import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "_ext"), str(ROOT / "scripts")]

import book_about  # noqa: E402
import book_math  # noqa: E402
import book_pages  # noqa: E402
import book_paper  # noqa: E402
import book_pictures  # noqa: E402
import book_weight  # noqa: E402
import take_away  # noqa: E402
import tinycss2  # noqa: E402
from book_math import Typesetter  # noqa: E402
from docutils import nodes  # noqa: E402
from docutils.core import publish_doctree  # noqa: E402
from docutils.utils import new_document  # noqa: E402
from fontTools import ttLib  # noqa: E402
from sphinx import addnodes  # noqa: E402

from tests.test_plotting import contrast  # noqa: E402


def test_formulas_are_html_with_mathml_beside_it():
    text = Typesetter().html(r"\frac{1}{2} \mathcal{N}(\mu)", False)
    assert text.startswith("<mjx-container")
    assert "<mfrac>" in text
    assert "<mjx-mfrac>" in text
    assert "mjx-cal" in text  # the letter keeps its face
    assert Typesetter().mathml("x^2", False).startswith("<math")
    assert "mjx" not in Typesetter().mathml("x^2", False)


@pytest.mark.parametrize("source", [r"\nosuchcommand x", r"\frac{1}{", r"\text{ж}"])
def test_what_mathjax_cannot_set_is_an_error(source):
    with pytest.raises(ValueError, match=r"\w+"):
        Typesetter().html(source, False)


def test_a_second_build_takes_formulas_from_the_first(tmp_path):
    first = Typesetter()
    first.open(tmp_path / "formulas.json")
    text = first.html("x^2", True)
    first.close()
    second = Typesetter()
    second.open(tmp_path / "formulas.json")
    assert second.html("x^2", True) == text
    assert "engine" not in vars(second), "the engine was started for a formula that was known"


def test_long_formulas_are_known():
    assert not Typesetter().is_long(r"\mathrm{E}_{\theta}")  # long to write, short to read
    assert Typesetter().is_long(r"m(\theta) = \nabla A(\theta) = \mathrm{E}_\theta T(y) = a + b + c + d + e")


def test_rules_that_nothing_matches_are_left_out():
    css = ".used, .unused > p { color: red } .unused { top: 0 } @media print { .unused { top: 0 } p { left: 0 } }"
    rules = tinycss2.parse_stylesheet(css, skip_whitespace=True)
    kept = list(book_weight.prune(rules, {"used", "p"}))
    assert kept == [(".used", "color: red"), ("@media print", "p{left: 0}")]


def test_selectors_are_kept_for_what_a_script_may_add():
    (rule,) = tinycss2.parse_stylesheet("a:not(.x):hover::before, [data-theme=dark] a { top: 0 }")
    assert all(book_weight.could_match(one, {"a"}) for one in book_weight.split(rule.prelude))


@pytest.fixture
def drawing() -> str:
    """Two axes and a colour bar as a chapter's SVG."""
    fig, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    axes[0].plot([0, 1], color="#222222")
    axes[0].set_ylabel("left")
    image = axes[1].imshow([[0, 1]])
    fig.colorbar(image)
    for number, ax in enumerate(fig.axes, 1):
        ax.set_gid(f"panel-{number}")
    written = io.StringIO()
    fig.savefig(written, format="svg", transparent=True)
    plt.close(fig)
    return written.getvalue()


def test_panels_are_found_in_a_drawing(drawing):
    found = book_pictures.views(ElementTree.fromstring(drawing))
    assert [names for _, names in found] == [{"panel-1"}, {"panel-2", "panel-3"}]  # a colour bar stays with its panel
    width, height = book_pictures.size(drawing)
    for box, _ in found:
        assert -1 < box.left < box.right < width + 1
        assert -1 < box.top < box.bottom < height + 1
    left, right = (box for box, _ in found)
    assert left.right < right.left, "the panels overlap"
    assert left.left < 20, "the label of the axis is cut off"


def test_each_panel_has_its_own_drawing(drawing):
    left, right = book_pictures.panels(drawing)
    assert 'id="panel-1"' in left
    assert 'id="panel-2"' not in left
    assert 'id="panel-2"' in right
    assert 'id="panel-3"' in right
    assert 'id="panel-1"' not in right
    for text in (left, right):
        referred = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
        assert referred <= set(re.findall(r'id="([^"]+)"', text)), "a letter of this panel was left out"
        assert len(text) < len(drawing)


def test_no_drawing_is_shrunk_until_its_letters_are_too_small(drawing):
    assert book_pictures.smallest(drawing) == pytest.approx(10, abs=2)
    assert book_pictures.smallest('<g transform="scale(0.1 -0.1)"/><g transform="scale(0.09 -0.09)"/>') == 9
    assert book_pictures.smallest("<svg/>") == float("inf")


def test_inks_follow_the_theme_and_colours_stay():
    svg = '<svg width="1pt"><path style="stroke: #222222; fill: #B37400"/></svg>'
    dark = book_pictures.dark(svg)
    assert "#d7dbe0" in dark
    assert "#B37400" in dark
    assert "#222222" not in dark


@pytest.mark.parametrize("ink", ["#222222", "#555555", "#666666"])
def test_words_in_a_drawing_can_be_read_on_a_dark_page(ink):
    assert contrast(ink, "#ffffff") >= 4.5
    assert contrast(book_pictures.dark(ink), book_pictures.DARK["#ffffff"]) >= 4.5


def test_an_epub_gets_each_id_once():
    svg = f'<svg xmlns="{book_pictures.SVG}"><image id="same"/><g><image id="same"/><path id="other"/></g></svg>'
    assert re.findall('id="([^"]+)"', book_pictures.strict(svg)) == ["same", "other"]
    assert 'd="M 0 0"' in book_pictures.strict(svg)


def test_the_font_that_gives_formulas_their_height_stays_a_font():
    zero = book_math.mathjax() / "output" / "chtml" / "fonts" / "woff-v2" / "MathJax_Zero.woff"
    small = ttLib.TTFont(io.BytesIO(book_weight.shrink(zero, {"x"})))
    assert len(small.getBestCmap()) == 1  # a browser refuses a font without any character
    assert book_weight.shrink(zero.with_name("MathJax_Size3-Regular.woff"), {"x"}) == b""


def test_the_citation_is_that_of_the_file():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    text = book_about.bibtex(citation, "https://example.org/book")
    assert text.startswith("@misc{straightlines,\n")
    assert text.endswith("}")
    assert f"title = {{{{{citation['title']}}}}}" in text
    assert f"year = {{{str(citation['date-released'])[:4]}}}" in text
    assert citation["version"] in text
    person = {
        "authors": [{"family-names": "Doe", "given-names": "Jo"}],
        "title": "T",
        "version": 1,
        "date-released": "2020-1-1",
    }
    assert "author = {Doe, Jo}" in book_about.bibtex(person)


def test_the_page_of_times_is_made_from_the_notebooks(tmp_path):
    record = {"seconds": 2.5, "compilations": 7, "versions": {"numpy": "2.4.6"}, "machine": "2 cores"}
    for name, metadata in (("one", {"execution_record": record}), ("two", {"execution_record": record}), ("old", {})):
        (tmp_path / f"{name}.ipynb").write_text(json.dumps({"cells": [], "metadata": metadata}))
    text = book_about.execution_table(tmp_path)
    assert "| {ref}`one` | 2.5 | 7 |" in text
    assert "| **all** | **5.0** | **14** |" in text
    assert "`old`" not in text
    assert "All chapters ran on 2 cores; numpy 2.4.6." in text
    assert "no record" in book_about.execution_table(tmp_path / "none")


def test_docstrings_become_restructured_text():
    lines = [
        "A norm $|x|$ of `x`s, of `y` and `z`.",
        "",
        "$$a",
        "= b$$ holds.",
        "",
        "Raises: ValueError for",
        "  a wrong shape.",
    ]
    book_about.read_docstring(None, "function", "f", None, None, lines)
    text = "\n".join(lines)
    assert ":math:`|x|`" in text
    assert r"``x``\ s" in text
    assert "\n\n.. math:: a = b\n\nholds." in text
    assert "``y`` and ``z``." in text
    assert "*Raises:* ValueError for a wrong shape." in text


def test_every_public_module_has_a_section():
    text = book_about.module_sections()
    public = [path.stem for path in (ROOT / "src" / "straightlines").glob("*.py") if not path.stem.startswith("_")]
    assert public
    assert all(f".. automodule:: straightlines.{name}\n" in text for name in public)


def test_the_log_of_the_pdf_is_read_closely():
    assert not take_away.complaints(
        "Overfull \\hbox (9.0pt too wide) in paragraph at lines 1--2\n[]\\TU/FreeSerif(0)/m/n/10 text\n"
    )
    log = (
        "Overfull \\hbox (9.0pt too wide) in paragraph at lines 1--2\n[]\\TU/DejaVuSansMono(0)/m/n/8 code\n"
        "LaTeX Warning: Hyper reference `x' on page 1 undefined on input line 2.\n"
        "Missing character: There is no ᵀ in font FreeMono!\n"
        "LaTeX Warning: Float too large for page by 36.17998pt on input line 8126.\n"
        "Overfull \\vbox (69.04266pt too high) has occurred while \\output is active []\n"
    )
    assert len(take_away.complaints(log)) == 5


@pytest.mark.parametrize("rows", [book_paper.LONG, book_paper.LONG + 1])
def test_a_long_table_may_break_in_the_pdf(rows):
    border = "====  " + "=" * 40 + "\n"
    text = border + "one   two\n" + border + f"a     {'reproduced ' * 3}\n" * (rows - 1) + border
    document = publish_doctree(text)
    book_paper.LongTable(document).run()
    (table,) = document.findall(nodes.table)
    specs = [re.findall(r"Y{(.*?)}", node["spec"]) for node in document.findall(addnodes.tabular_col_spec)]
    assert ("longtable" in table["classes"]) == bool(specs) == (rows > book_paper.LONG)
    for narrow, wide in specs:
        assert float(narrow) < float(wide) == pytest.approx(1 - float(narrow), abs=0.002)


def test_a_proof_has_a_title_in_the_pdf():
    proof = nodes.admonition("", nodes.paragraph("", "Proof. By symmetry."), classes=["proof"])
    document = publish_doctree("")
    document += proof
    book_paper.ProofTitle(document).run()
    assert [child.astext() for child in proof] == ["Proof", "By symmetry."]


def test_what_the_pdf_needs_is_named(monkeypatch):
    monkeypatch.setattr(take_away.shutil, "which", lambda program: None)
    assert {"latexmk", "texlive-xetex", "librsvg2-bin", "fonts-dejavu-core"} <= set(take_away.missing())
    with pytest.raises(SystemExit, match=r"apt-get install .*texlive-xetex"):
        take_away.pdf()


def test_the_workflow_installs_what_the_pdf_needs():
    asked = (ROOT / ".github" / "workflows" / "book.yml").read_text().split("apt-get install")[1].split("make pdf")[0]
    needed = {*take_away.PROGRAMS.values(), *take_away.TEX_FILES.values(), "epubcheck"}
    assert needed <= set(asked.split())


def test_punctuation_stays_with_its_formula():
    paragraph = nodes.paragraph("", "", nodes.Text("with ("), nodes.math("", "x"), nodes.Text("), and"))
    document = type("Document", (), {"findall": lambda self, kind: list(paragraph.findall(kind))})()
    from book_math import KeepPunctuation

    transform = object.__new__(KeepPunctuation)
    transform.document = document
    transform.run()
    assert [child.astext() for child in paragraph] == ["with ", "(x),", " and"]


# --- what a page is about ---


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"N(\mu, \sigma^2)", "N(μ, σ²)"),
        (r"(\mu, \ln\sigma)", "(μ, ln σ)"),
        (r"\mathrm{E}\,y^2", "E y²"),
        (r"\Theta", "Θ"),
        ("y^*", "y*"),
    ],
)
def test_a_formula_is_spoken(tex, text):
    assert book_pages.spoken(tex) == text


def test_a_page_is_described_in_whole_sentences():
    def page(text):
        document = new_document("page")
        document += nodes.paragraph("", "", nodes.Text(text))
        return document

    first = "A first sentence that is long enough to say what the page is about, in so many words."
    assert book_pages.summary(page(first)) == first
    assert book_pages.summary(page(f"{first} {'more ' * 40}")) == first
    endless = book_pages.summary(page("word " * 80))
    assert len(endless) <= 200
    assert endless.endswith("word…")

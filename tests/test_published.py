"""Every number that a source printed is recomputed by a chapter, once, and found by the reproduction page.

And names: what a chapter keeps and labels begins with its name, and it speaks of what it keeps.
"""

import re
import tomllib
from ast import literal_eval
from collections import Counter
from pathlib import Path

import jax.numpy as jnp
import jupytext
import nbformat
import numpy as np
import pytest

from scripts.copy_picture import on_dark, picture
from straightlines.problems import walkthrough
from straightlines.steps import STEPS, descend

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = tomllib.loads((ROOT / "published.toml").read_text(encoding="utf-8"))["published"]


def glued():
    """All (chapter, key, text) that the committed chapters keep; of a figure the text is empty."""
    for file in sorted((ROOT / "chapters").glob("[!.]*.ipynb")):
        for cell in nbformat.read(file, as_version=4).cells:
            for output in cell.get("outputs", []):
                if "scrapbook" in output.get("metadata", {}):
                    text = output.data.get("application/papermill.record/text/plain", "")
                    yield file.stem, output.metadata.scrapbook.name, text


GLUED = list(glued())
TEXTS = {key: text for _, key, text in GLUED}
CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("*.py"))


def test_published_entries_are_complete():
    references = (ROOT / "references.bib").read_text()
    assert len(PUBLISHED) > 20
    for entry in PUBLISHED:
        assert {"id", "source", "what", "value", "tolerance"} <= set(entry), entry
        assert f"{{{entry['source']}," in references, f"{entry['id']}: no such reference {entry['source']}"
        assert entry["tolerance"] >= 0
        whole = (np.ravel(entry["value"]) % 1 == 0).all()
        assert entry["tolerance"] > 0 or whole, f"{entry['id']}: only whole numbers are exact"
    assert max(Counter(entry["id"] for entry in PUBLISHED).values()) == 1


def test_no_key_is_glued_twice():
    assert [key for key, number in Counter(key for _, key, _ in GLUED).items() if number > 1] == []


def test_a_kept_number_is_a_plain_one():
    """A page drops a formatted `np.float64(1.5)` without a word."""
    wrong = [key for _, key, text in GLUED if text.startswith("np.")]
    assert not wrong, f"glue float(...) or int(...) under {wrong}"


@pytest.mark.parametrize("entry", PUBLISHED, ids=lambda entry: entry["id"])
def test_published_number_is_recomputed(entry):
    recomputed = TEXTS.get(entry["id"])
    assert recomputed is not None, f"no chapter glues {entry['id']}"
    value, expected = np.array(literal_eval(recomputed), float), np.array(entry["value"], float)
    assert value.shape == expected.shape
    within = np.abs(value - expected).max() <= entry["tolerance"] * (1 + 1e-9)
    if "why" in entry:
        assert not within, f"{entry['id']} is reproduced after all: remove its 'why'"
    else:
        assert within, f"{entry['id']}: published {expected}, recomputed {value}"


def test_reproduction_page_lists_every_entry_with_its_verdict():
    page = nbformat.read(ROOT / "chapters" / "reproduction.ipynb", as_version=4)
    outputs = [output.get("data", {}) for cell in page.cells for output in cell.get("outputs", [])]
    lines = "\n".join(data["text/markdown"] for data in outputs if "text/markdown" in data).splitlines()
    rows = [re.split(r" *\| *", line.strip("| ")) for line in lines if re.match(r"\| [^|]", line)]
    found, section = {}, ""
    for what, *cells in rows:
        if len(cells) == 4:
            found[what] = (*cells, section)
        else:
            section = what
    for entry in PUBLISHED:
        published, recomputed, _, verdict, section = found[entry["what"]]
        assert verdict == ("not reproduced: " + entry["why"] if "why" in entry else "reproduced")
        first = np.ravel(entry["value"])[0]
        for text in (published, recomputed):
            assert float(re.search(r"[-\d.]+", text).group()) == pytest.approx(first, rel=0, abs=2 * entry["tolerance"])
        chapter = re.fullmatch(r"\*\*\[.+\]\((\w+)\.ipynb#[\w-]+\)\*\*", section).group(1)
        assert entry["id"].startswith(f"{chapter}-")


# --- names ---


def spoken_of(chapter):
    """The keys that the text of a chapter glues."""
    cells = jupytext.read(ROOT / "chapters" / f"{chapter}.py").cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return set(re.findall(r"\{glue(?::\w+)?\}[` ]([^`:\s]+)", text))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_speaks_of_what_it_keeps_itself(chapter):
    kept = {key for stem, key, _ in GLUED if stem == chapter}
    assert spoken_of(chapter) <= kept, f"no cell of {chapter} keeps {sorted(spoken_of(chapter) - kept)}"


LABELS = (  # of figures, theorems and exercises; of equations; of sections
    r"^:(?:name|label): (\S+)$",
    r"^```+\{solution(?:-start)?\} (\S+)$",
    r"\$\$ *\(([^()\s]+)\)",
    r"^\(([^()\s]+)\)=$",
)


def labels(text):
    """The names that a piece of Markdown gives to its parts."""
    return {name for pattern in LABELS for name in re.findall(pattern, text, re.MULTILINE)}


def test_labels_of_every_kind_are_found():
    text = "(a)=\n# Title\n$$x$$ (b)\n```{exercise}\n:label: c\n```\n````{solution-start} d\n````\n:name: e\n(no)"
    assert labels(text) == set("abcde")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_a_chapter_names_begins_with_its_own_name(chapter):
    cells = jupytext.read(ROOT / "chapters" / f"{chapter}.py").cells
    given = set().union(*(labels(cell.source) for cell in cells if cell.cell_type == "markdown"))
    given |= {key for stem, key, _ in GLUED if stem == chapter}
    wrong = {name for name in given - {chapter} if not re.fullmatch(rf"{chapter}-[a-z0-9][\w-]*", name)}
    assert chapter in given, f"the text of {chapter} does not begin with ({chapter})="
    assert not wrong, f"these names of {chapter} do not begin with {chapter}-: {sorted(wrong)}"


# --- the first pages ---


def test_the_readme_and_the_first_page_state_the_published_counts():
    entries = {entry["id"]: entry["value"] for entry in PUBLISHED}
    counts = [entries[f"tango-iterations-{method}"] for method in ("tango", "sgd", "averaged-sgd")]
    assert " / ".join(map(str, counts)) in (ROOT / "README.md").read_text()
    assert f'"converged in {counts[0]} iterations"' in (ROOT / "intro.md").read_text()


def test_the_picture_of_the_first_page_is_the_one_that_its_chapter_draws():
    drawn = picture(ROOT / "chapters" / "straight_lines.ipynb", "straight_lines-figure-book")
    copies = {"straight-lines.svg": drawn, "straight-lines-dark.svg": on_dark(drawn)}
    for name, expected in copies.items():
        assert (ROOT / "assets" / name).read_text(encoding="utf-8") == expected, f"{name}: run make chapters"
    assert "#222222" not in copies["straight-lines-dark.svg"]


# --- the walkthrough's runs, from `src` alone ---

RUNS = {  # method: its key among the published numbers, its rate there
    "gradient descent": ("gradient-descent", 0.01),
    "Newton": ("newton", 1 / 3),
    "physical gradient": ("physical-gradient", 0.3),
}
START = (3.0, 3.0)


def walked(method, name):
    """What the walkthrough printed of a method."""
    ids = {entry["id"]: entry for entry in PUBLISHED}
    return ids[f"physical_gradients-{RUNS[method][0]}-{name}"]


@pytest.mark.parametrize("method", RUNS)
def test_the_rules_print_the_published_positions_to_the_last_digit(method):
    """One operation at a time, in 32-bit floats, as the walkthrough made them."""
    problem, x, path = walkthrough(), jnp.array(START, jnp.float32), []
    for _ in range(10):
        x = STEPS[method](problem, x, RUNS[method][1])
        path.append(np.asarray(x))
    assert np.array(path).dtype == np.float32
    printed = [[float(number) for number in str(x).strip("[]").split()] for x in path]
    assert printed == walked(method, "positions")["value"]


@pytest.mark.parametrize("method", RUNS)
def test_compiled_runs_pass_through_the_published_positions(method):
    path = descend(walkthrough(), STEPS[method], START, RUNS[method][1], 10)
    # ten updates in 32-bit floats, as published, are off by a few roundings
    np.testing.assert_allclose(path[1:], walked(method, "positions")["value"], rtol=1e-6, atol=0)
    update = path[0] - path[1]
    measured = {"distance": np.linalg.norm(path[-1]), "alignment": update.sum() / np.linalg.norm(update)}
    for name, value in measured.items():
        entry = walked(method, name)
        assert abs(value - entry["value"]) <= entry["tolerance"], name

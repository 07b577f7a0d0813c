"""Every number that a source printed is recomputed by a chapter, once, and found by the reproduction page."""

import re
import tomllib
from ast import literal_eval
from collections import Counter
from pathlib import Path

import nbformat
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = tomllib.loads((ROOT / "published.toml").read_text(encoding="utf-8"))["published"]


def glued():
    """All (key, text) that the committed chapters keep."""
    for file in sorted((ROOT / "chapters").glob("[!.]*.ipynb")):
        for cell in nbformat.read(file, as_version=4).cells:
            for output in cell.get("outputs", []):
                text = output.get("data", {}).get("application/papermill.record/text/plain")
                if text is not None:
                    yield output.metadata.scrapbook.name, text


GLUED = list(glued())


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
    assert [key for key, number in Counter(key for key, _ in GLUED).items() if number > 1] == []


@pytest.mark.parametrize("entry", PUBLISHED, ids=lambda entry: entry["id"])
def test_published_number_is_recomputed(entry):
    recomputed = dict(GLUED).get(entry["id"])
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
    tables = [
        output.data["text/markdown"] for cell in page.cells for output in cell.get("outputs", []) if "data" in output
        if "text/markdown" in output.data
    ]  # fmt: skip
    rows = re.findall(r"^\| (.+?) \| .*? \| .*? \| .*? \| (.*?) \| (.*?) \|$", "\n".join(tables), re.MULTILINE)
    by_name = {what: (verdict, where) for what, verdict, where in rows if what not in {"what", "---"}}
    for entry in PUBLISHED:
        verdict, where = by_name[entry["what"]]
        assert verdict == ("not reproduced: " + entry["why"] if "why" in entry else "reproduced")
        assert re.fullmatch(r"\[.+\]\(\w+\.ipynb#[\w-]+\)", where)


def test_every_number_in_a_sentence_is_kept_by_its_own_chapter():
    for file in sorted((ROOT / "chapters").glob("*.py")):
        text = file.read_text()
        kept = set(re.findall(r"glue\(\s*f?[\"']([^\"']+)[\"']", text)) | {key for key, _ in GLUED}
        for key in re.findall(r"\{glue(?::text)?\}`([^`:]+)", text):
            assert key in kept, f"{file.name} speaks of {key}, which no cell keeps"


def test_the_readme_and_the_first_page_state_the_published_counts():
    entries = {entry["id"]: entry["value"] for entry in PUBLISHED}
    counts = [entries[f"tango-iterations-{method}"] for method in ("tango", "sgd", "averaged-sgd")]
    assert " / ".join(map(str, counts)) in (ROOT / "README.md").read_text()
    assert f'"converged in {counts[0]} iterations"' in (ROOT / "intro.md").read_text()


def test_the_picture_of_the_first_page_is_the_one_that_its_chapter_draws(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    from copy_picture import picture

    drawn = picture(ROOT / "chapters" / "straight_lines.ipynb", "straight_lines-figure-book")
    assert drawn == (ROOT / "assets" / "straight-lines.png").read_bytes(), "run make chapters"

# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   reads: [../published.toml, '[!.]*.ipynb']
# ---

# %% [markdown]
# (reproduction)=
# # Reproduction
#
# The numbers that the sources of this book print, beside those that the chapters compute today. No number on this page is typed by hand.
#
# The published numbers stand in one file, `published.toml`, each with an id and a tolerance: half a unit of its last printed digit (in a list, of the longest number), and 0 for a whole number. A chapter that computes such a number keeps it under the same id. This page reads both and compares them; no chapter does so for itself. ({ref}`first_hits` reads the file, too, but to ask what the published counts are worth.)

# %% tags=["hide-input"]
import re
import tomllib
from ast import literal_eval
from pathlib import Path

import nbformat
import numpy as np
from IPython.display import Markdown, display
from myst_nb import glue

# %%
ledger = Path("../published.toml").read_text(encoding="utf-8")
published = tomllib.loads(ledger)["published"]
recorded = "application/papermill.record/text/plain"

# %% [markdown]
# The numbers of a chapter lie in the outputs of its notebook. The last heading above the cell says where it is.

# %%
recomputed = {}
for file in sorted(Path().glob("[!.]*.ipynb")):
    section = file.stem
    for cell in nbformat.read(file, as_version=4).cells:
        if cell.cell_type == "markdown":
            headings = re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE)
            section = headings[-1] if headings else section
        for output in cell.get("outputs", []):
            kept = output.get("metadata", {}).get("scrapbook", {})
            if recorded in output.get("data", {}):
                value = output["data"][recorded]
                recomputed[kept.get("name")] = (value, file.name, section)


# %% [markdown]
# A number is *reproduced* if it differs from the published one by no more than the tolerance, in every component. The folded cells below only write the table.


# %%
def verdict(entry):
    """The recomputed value, its largest difference, and the verdict."""
    if entry["id"] not in recomputed:
        return None, np.nan, "missing"
    value = np.array(literal_eval(recomputed[entry["id"]][0]), float)
    difference = np.abs(value - np.array(entry["value"], float)).max()
    slack = 1e-9 * entry["tolerance"]  # the tolerance itself is rounded
    if difference <= entry["tolerance"] + slack:
        return value, difference, "reproduced"
    reason = f": {entry['why']}" if "why" in entry else ""
    return value, difference, f"not reproduced{reason}"


# %% tags=["hide-input"]
def written(value, tolerance):
    """A number, or the first and last of many, as it was published."""
    if value is None:
        return ""
    digits = -np.log10(2 * tolerance) - 1e-9 if tolerance else 0
    decimals = max(0, int(np.ceil(digits)))
    flat = np.asarray(value, float)
    if flat.ndim == 0:
        return f"{flat:.{decimals}f}"
    if flat.ndim == 1:
        return f"({', '.join(f'{number:.{decimals}f}' for number in flat)})"
    return f"{written(flat[0], tolerance)} … {written(flat[-1], tolerance)}"


def section_of(entry):
    """A link to the section in which a chapter computes the number."""
    if entry["id"] not in recomputed:
        return "missing"
    _, file, section = recomputed[entry["id"]]
    slug = re.sub(r"[^\w -]", "", section.lower()).replace(" ", "-")
    return f"[{section}]({file}#{slug})"


# %% tags=["hide-input"]
def table(source):
    """The published numbers of one source, section by section."""
    sections = {}
    for entry in published:
        if entry["source"] == source:
            sections.setdefault(section_of(entry), []).append(entry)
    rows = [
        "| what | published | recomputed | difference | verdict |",
        "|---|--:|--:|--:|---|",
    ]
    for section, entries in sections.items():
        rows.append(f"| **{section}** |")
        for entry in entries:
            value, difference, word = verdict(entry)
            numbers = [
                written(number, entry["tolerance"])
                for number in (entry["value"], value, difference)
            ]
            rows.append(
                f"| {entry['what']} | {' | '.join(numbers)} | {word} |"
            )
    return Markdown("\n".join(rows))


# %% [markdown]
# Under the name of each section, which leads there, stand the numbers that it computes. Where a number is a path of ten points, you see its first and last point, and the largest difference of all.
#
# ## The TANGO notebook
#
# {cite:t}`notwa2019tango`, a public notebook for Figure 1 of {cite:t}`ollivier2017tango`.

# %% tags=["hide-input"]
display(table("notwa2019tango"))

# %% [markdown]
# ## Physics-based Deep Learning
#
# {cite:t}`thuerey2021pbdl`: an early version of its page that compares physical gradients with gradient descent and Newton's method, and what its page on half-inverse gradients says of a toy problem.

# %% tags=["hide-input"]
display(table("thuerey2021pbdl"))

# %% [markdown]
# ## In one line

# %%
words = [verdict(entry)[2] for entry in published]
count = {word: words.count(word) for word in dict.fromkeys(words)}
said = ", ".join(f"{number} {word}" for word, number in count.items())
print(f"{len(published)} published numbers: {said}")

# %% tags=["remove-cell"]
glue("reproduction-published", len(published), display=False)
glue("reproduction-reproduced", count.get("reproduced", 0), display=False)

# %% [markdown]
# Of {glue:text}`reproduction-published` published numbers or lists of numbers, {glue:text}`reproduction-reproduced` come out to the last printed digit.

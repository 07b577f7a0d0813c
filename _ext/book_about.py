"""What the book says of itself: how to cite it, what to take away, what its package offers, how its chapters ran."""

import json
import pkgutil
import re
import shutil
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

import straightlines

TAKE_AWAY = {
    "straight-lines.pdf": "PDF, to print",
    "straight-lines.epub": "ePub, for a reader",
    "straight-lines.zip": "these pages in one file, to read without a network",
}


def bibtex(cited: dict[str, Any], address: str = "") -> str:
    """The BibTeX entry of a book from what its `CITATION.cff` says."""
    names = [
        f"{author['family-names']}, {author['given-names']}" if "family-names" in author else f"{{{author['name']}}}"
        for author in cited["authors"]
    ]
    fields = {
        "title": f"{{{cited['title']}}}",
        "author": " and ".join(names),
        "year": str(cited["date-released"])[:4],
        "note": f"Version {cited['version']}",
    }
    if address:
        fields["url"] = address
    return "@misc{straightlines,\n" + "".join(f"  {key} = {{{value}}},\n" for key, value in fields.items()) + "}"


def citation(home: Path | str) -> dict[str, Any]:
    """What `CITATION.cff` says."""
    return yaml.safe_load(Path(home, "CITATION.cff").read_text())


class CiteThisBook(SphinxDirective):
    """The BibTeX entry of this book."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency("CITATION.cff")
        text = bibtex(citation(self.env.srcdir), self.config.html_theme_options.get("repository_url", ""))
        return [nodes.literal_block(text, text, language="bibtex")]


class take_away(nodes.General, nodes.Element):  # noqa: N801
    """Where the page offers the files that were built."""


class TakeAway(SphinxDirective):
    """Links to the PDF, the ePub and the archive of the book, as far as they were built."""

    def run(self) -> list[nodes.Node]:
        return [take_away()]


def visit_take_away(self: Any, node: take_away) -> None:
    if self.builder.name == "html":
        built = Path(self.builder.outdir).parent
        found = [(name, text) for name, text in TAKE_AWAY.items() if (built / name).is_file()]
        for name, _ in found:
            shutil.copyfile(built / name, Path(self.builder.outdir, name))
        links = " · ".join(f'<a href="{name}" download>{text}</a>' for name, text in found)
        if links:
            self.body.append(f'<p class="take-away"><strong>To take away:</strong> {links}</p>')
    raise nodes.SkipNode


def skip(self: Any, node: nodes.Node) -> None:
    raise nodes.SkipNode


def records(chapters: Path) -> dict[str, dict[str, Any]]:
    """What each chapter's notebook says of its last execution, in the order of their names; empty if nothing."""
    found = {path: json.loads(path.read_text())["metadata"] for path in sorted(chapters.glob("*.ipynb"))}
    return {path.stem: metadata.get("execution_record", {}) for path, metadata in found.items()}


def execution_table(chapters: Path) -> str:
    """The records as Markdown: a table, and the versions and the machine, once if all agree."""
    found = {name: record for name, record in records(chapters).items() if record}
    if not found:
        return "The chapters carry no record of their last execution yet."
    lines = ["| chapter | seconds | programs asked for |", "|---|--:|--:|"]
    for name, record in found.items():
        lines.append(f"| {{ref}}`{name}` | {record['seconds']} | {record['compilations']} |")
    total = [sum(record[key] for record in found.values()) for key in ("seconds", "compilations")]
    lines.append(f"| **all** | **{total[0]}** | **{total[1]}** |")
    groups: dict[str, list[str]] = {}
    for name, record in found.items():
        versions = ", ".join(f"{library} {version}" for library, version in sorted(record["versions"].items()))
        groups.setdefault(f"{record['machine']}; {versions}", []).append(name)
    for text, names in groups.items():
        whose = "All chapters" if len(groups) == 1 else ", ".join(f"{{ref}}`{name}`" for name in names)
        lines += ["", f"{whose} ran on {text}."]
    return "\n".join(lines)


def module_sections() -> str:
    """A section for each public module of the package, as Markdown that asks autodoc for it."""
    names = [module.name for module in pkgutil.iter_modules(straightlines.__path__)]
    public = [name for name in names if not name.startswith("_") and name != "figures"]
    asked = (
        "## {0}\n\n```{{eval-rst}}\n.. automodule:: straightlines.{0}\n   :members:\n   :member-order: bysource\n```\n"
    )
    return "\n".join(asked.format(name) for name in public)


def fill_in(app: Sphinx, docname: str, source: list[str]) -> None:
    """Write what is known only now into the pages that ask for it."""
    if docname == "package":
        source[0] = source[0].replace("<!-- modules -->", module_sections())
    if docname == "execution":
        source[0] = source[0].replace("<!-- records -->", execution_table(Path(app.srcdir, "chapters")))


def read_docstring(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are Markdown: formulas stand between dollars, code between backticks, `Raises:` before its text."""
    text = "\n".join(lines)
    pieces = re.split(r"(``?[^`\n]+``?|\$\$.+?\$\$|\$[^$]+\$)", text, flags=re.S)
    for place, piece in enumerate(pieces):
        if piece.startswith("$$"):
            indent = re.search(r"[ ]*$|(?<=\n)[ ]*(?=\S[^\n]*$)", "".join(pieces[:place]))[0]
            pieces[place] = f"\n\n{indent}.. math:: {' '.join(piece.strip('$').split())}\n\n{indent}"
            pieces[place + 1] = pieces[place + 1].lstrip()
        elif piece.startswith("$"):
            pieces[place] = f":math:`{' '.join(piece.strip('$').split())}`"
        elif piece.startswith("`"):
            pieces[place] = f"``{piece.strip('`')}``"
        if piece.startswith(("$", "`")) and not piece.startswith("$$") and re.match(r"\w", pieces[place + 1]):
            pieces[place] += "\\ "  # a letter may follow, as in a plural
    sections = r"(?m)^(Raises|Returns|Sources?):\s+(\S.*(?:\n +\S.*)*)"
    text = re.sub(sections, lambda found: f"*{found[1]}:* {' '.join(found[2].split())}", "".join(pieces))
    lines[:] = text.splitlines()


def skip_field(app: Sphinx, what: str, name: str, thing: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out what Python says of a named tuple's fields, unless a comment `#:` says more."""
    if not str(getattr(thing, "__doc__", "")).startswith("Alias for field number"):
        return None
    source = ModuleAnalyzer.for_module(app.env.temp_data["autodoc:module"])
    source.analyze()
    return (app.env.temp_data["autodoc:class"], name) not in source.attr_docs


def setup(app: Sphinx) -> dict[str, bool]:
    app.config.version = app.config.release = str(citation(app.srcdir)["version"])
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.add_directive("cite-this-book", CiteThisBook)
    app.add_directive("take-away", TakeAway)
    app.add_node(take_away, html=(visit_take_away, None), latex=(skip, None))
    app.config.napoleon_custom_sections = [("Fields", "params_style")]
    app.connect("autodoc-skip-member", skip_field)
    app.connect("source-read", fill_in)
    app.connect("autodoc-process-docstring", read_docstring, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

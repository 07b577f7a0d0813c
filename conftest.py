"""The settings of every test, and how nbval compares what chapters print and draw."""

import os

import pytest

from scripts.drawn_figure import DrawnFigure
from scripts.execute_chapters import ENVIRONMENT
from scripts.printed_text import PrintedText

os.environ.update(ENVIRONMENT)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chapter", help="of the tests that there are for every chapter, run only this one's")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("--chapter")

    def concerns(item: pytest.Item) -> bool:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        of = parameters.get("chapter", parameters.get("name"))
        return of == wanted or not (config.rootpath / "chapters" / f"{of}.py").exists()

    if wanted:
        items[:] = filter(concerns, items)


def pytest_configure(config: pytest.Config) -> None:
    from nbval.plugin import IPyNbCell

    sanitize = IPyNbCell.sanitize
    if not getattr(sanitize, "compares_numbers", False):

        def compare_numbers(self, text):
            if not isinstance(text, str):
                return text
            return DrawnFigure(text) if text.startswith("<svg") else PrintedText(sanitize(self, text))

        compare_numbers.compares_numbers = True  # type: ignore[attr-defined]
        IPyNbCell.sanitize = compare_numbers


@pytest.fixture(scope="session", autouse=True)
def _x64():
    """64-bit floats, unless a test passes 32-bit ones."""
    import jax

    jax.config.update("jax_enable_x64", True)

"""How nbval compares printed text: exactly, but floats to a relative 1e-6. And the settings of every test."""

import math
import os
import re

import pytest

from scripts.execute_chapters import ENVIRONMENT

os.environ.update(ENVIRONMENT)

RELATIVE_TOLERANCE = 1e-6
NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")


def _same_number(expected: str, actual: str) -> bool:
    if expected == actual:
        return True
    if re.fullmatch(r"[-+]?\d+", expected) or re.fullmatch(r"[-+]?\d+", actual):
        return False  # integers are exact
    return math.isclose(float(expected), float(actual), rel_tol=RELATIVE_TOLERANCE)


class PrintedText(str):
    """Text whose floats count as equal within the relative tolerance; all else, integers too, must be the same."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str) or NUMBER.sub("#", self) != NUMBER.sub("#", other):
            return False
        return all(map(_same_number, NUMBER.findall(self), NUMBER.findall(other)))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def pytest_configure(config: pytest.Config) -> None:
    from nbval.plugin import IPyNbCell, IPyNbFile

    collect = IPyNbFile.__init__
    if not getattr(collect, "leaves_pictures_out", False):

        def leave_pictures_out(self, *arguments, **options):
            collect(self, *arguments, **options)
            self.skip_compare += ("image/svg+xml",)  # as it does with PNG: the last digits differ between processors

        leave_pictures_out.leaves_pictures_out = True  # type: ignore[attr-defined]
        IPyNbFile.__init__ = leave_pictures_out

    sanitize = IPyNbCell.sanitize
    if not getattr(sanitize, "compares_numbers", False):

        def compare_numbers(self, text):
            return PrintedText(sanitize(self, text)) if isinstance(text, str) else text

        compare_numbers.compares_numbers = True  # type: ignore[attr-defined]
        IPyNbCell.sanitize = compare_numbers


@pytest.fixture(scope="session", autouse=True)
def _x64():
    """64-bit floats, unless a test passes 32-bit ones."""
    import jax

    jax.config.update("jax_enable_x64", True)

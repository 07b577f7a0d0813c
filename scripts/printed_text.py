"""How the tests compare what a chapter prints: exactly, but floats to a relative 1e-6."""

import math
import re

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

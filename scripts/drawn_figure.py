"""How the tests compare what a chapter draws: where everything lies to half a point, looks and words exactly."""

import re

TOLERANCE = 0.5  # points
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
# what a figure gives this gid changes with the last digits: runs that are chaotic
CHAOTIC = re.compile(r'<g id="chaotic">.*?</g>\s*(?:</g>)?', re.DOTALL)
MARK = re.compile(
    r'<!-- (.*?) -->|<path (?:id="[^"]*" )?d="([^"]*)"([^>]*)/>|<use ([^>]*)/>|<g style="([^"]*)" transform="([^"]*)'
)
PLACE = re.compile(r'style="([^"]*)"|\b(?:x|y)="([^"]*)"')


def _marks(svg: str):
    """Every line, area, marker and text of a drawing by matplotlib: its look or words, and some of its places.

    A line is known by its box and its ends: which points on the way matplotlib leaves out hangs on the last digits.
    """
    for words, shape, rest, use, look, place in MARK.findall(CHAOTIC.sub("", svg)):
        if words or look:
            yield words or look, place
        elif shape and "transform=" not in rest:  # what has one is a letter
            numbers = [float(number) for number in NUMBER.findall(shape)] or [0.0, 0.0]
            x, y = numbers[::2], numbers[1::2]
            ends = (min(x), max(x), min(y), max(y), x[0], y[0], x[-1], y[-1])
            yield " ".join(look for look, _ in PLACE.findall(rest)), " ".join(f"{number:.2f}" for number in ends)
        elif "style=" in use:  # without one, it is a letter
            found = PLACE.findall(use)
            yield found[-1][0], " ".join(number for _, number in found if number)


class DrawnFigure(str):
    """The marks of an SVG, a line each. Equal if they are as many, look alike and lie within half a point."""

    def __new__(cls, svg: str) -> "DrawnFigure":
        return super().__new__(cls, "\n".join(f"{look} | {place}" for look, place in _marks(svg)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str):
            return False
        ours, theirs = (text.splitlines() for text in (self, other))
        return len(ours) == len(theirs) and all(map(_alike, ours, theirs))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def _alike(one: str, other: str) -> bool:
    (look, _, place), (other_look, _, other_place) = one.rpartition(" | "), other.rpartition(" | ")
    if look != other_look or NUMBER.sub("#", place) != NUMBER.sub("#", other_place):
        return False
    near = zip(map(float, NUMBER.findall(place)), map(float, NUMBER.findall(other_place)), strict=True)
    return all(abs(a - b) <= TOLERANCE for a, b in near)

"""The book's look: one style, one map from method to colour, line and marker, and the drawing of paths and bands."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from straightlines import _checks

# The pages show light figures on a light and on a dark ground. Every colour has a contrast of 3:1 or more with both;
# the ink of text and of what is no method follows the page.
INK = "#222222"
BLUE, ORANGE, GREEN, VERMILION = "#1a7fc0", "#b37400", "#008c66", "#cf5a00"  # after Okabe and Ito's palette
PURPLE, VIOLET, GREY = "#b0509b", "#7f6fd0", "#777777"


class Look(NamedTuple):
    """How a method is drawn: readable without colour, too."""

    color: str
    linestyle: str | tuple
    marker: str


LOOKS: dict[str, Look] = {
    # deterministic
    "gradient descent": Look(BLUE, "-", "o"),
    "Newton": Look(VERMILION, "--", "s"),
    "Gauss-Newton": Look(ORANGE, "-.", "^"),
    "physical gradient": Look(GREEN, (0, (5, 1, 1, 1, 1, 1)), "D"),
    "half-inverse": Look(PURPLE, (0, (4, 1, 1, 1)), "<"),
    "hybrid": Look(ORANGE, "-", "|"),
    "natural gradient": Look(INK, (0, (1, 1.2)), "v"),
    "Fisher-Rao geodesic": Look(GREY, (0, (3, 1.5)), "X"),
    # stochastic
    "TANGO": Look(VERMILION, "-", "h"),
    "SGD": Look(BLUE, "--", "8"),
    "averaged SGD": Look(GREEN, "-.", ">"),
    "moving average": Look(VIOLET, (0, (6, 2)), "H"),
    # optimisers of other libraries
    "Adam": Look(VIOLET, "-", "p"),
    "AdaGrad": Look(GREY, "--", "d"),
    "RMSProp": Look(GREY, "-.", "1"),
    "Lion": Look(GREY, (0, (3, 1, 1, 1)), "*"),
    "sign SGD": Look(GREY, ":", "x"),
    "Polyak": Look(ORANGE, "--", "2"),
    "L-BFGS": Look(VERMILION, ":", "3"),
    "Levenberg-Marquardt": Look(BLUE, ":", "4"),
    "dogleg": Look(GREEN, ":", "+"),
}

# for what is not a method: coordinate systems, values of γ, controls; label such lines at their ends
NEUTRAL: tuple[dict[str, Any], ...] = tuple(
    {"color": color, "linestyle": line}
    for color, line in [("#666666", "-"), ("#888888", "--"), ("#666666", ":"), ("#888888", "-."), ("#888888", "-")]
)

WIDTH, SINGLE = 8.0, 5.2  # inches: several axes in a row, as wide as the text; one axes, still legible on a phone


def use_style() -> None:
    """Switch matplotlib to the book's style."""
    plt.style.use(Path(__file__).with_name("book.mplstyle"))


def figure(columns: int = 1, rows: int = 1, *, height: float | None = None, **options: Any):
    """A figure and its axes in the book's style, as `plt.subplots`, which gets the `options`, returns them.

    `columns` and `rows` count the axes each way; `height` is in inches, by default what the columns suggest. The width
    is one of two for the whole book. Raises ValueError for a number out of its range.
    """
    _checks.count("columns", columns)
    _checks.count("rows", rows)
    height = rows * {1: 3.7, 2: 3.6, 3: 2.9}.get(columns, 2.4) if height is None else height
    _checks.array("height", height, (), "greater than 0")
    use_style()
    fig, axes = plt.subplots(rows, columns, figsize=(SINGLE if columns == 1 else WIDTH, height), **options)
    for ax in fig.axes:
        ax.tick_params(labelleft=True, labelbottom=True)  # each panel stands alone in a narrow window
    return fig, axes


def keep(name: str, fig: Figure) -> None:
    """Display a figure once, as SVG, keep it under `name` for a `{glue:figure}` directive of the book, and close it.

    The group of each axes is called `panel-1`, `panel-2`, …, so that a page can show them one by one.
    """
    _checks.instance("name", name, str, "a string")
    _checks.instance("fig", fig, Figure, "a figure of matplotlib")
    from IPython.display import SVG  # only a chapter needs these, and they load much
    from myst_nb import glue

    for number, ax in enumerate(fig.axes, 1):
        ax.set_gid(f"panel-{number}")
    svg = io.StringIO()
    fig.savefig(svg, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    glue(name, SVG(svg.getvalue()))
    plt.close(fig)


def _style(ax, method, label=None):
    """What `ax.plot` gets for a method that is about to be drawn on axes."""
    _checks.instance("ax", ax, Axes, "axes of matplotlib")
    _checks.member("method", method, LOOKS)
    return LOOKS[method]._asdict() | {"label": method if label is None else label}


def draw_path(
    ax: Axes, path: ArrayLike, method: str, *, label: str | None = None, markers=True, start=True, **options: Any
) -> None:
    """Draw a path of shape (steps + 1, 2) in the look of its method, a name in `LOOKS`.

    A line with its marker at the end, with `markers` at each other point, too, and with `start` a ring at the first.
    `label` is for the legend, by default the method; the `options` go to `ax.plot`. Raises ValueError for an unknown
    method or a path of the wrong shape.
    """
    style, path = _style(ax, method, label), _checks.array("path", path, (None, 2), "real")
    ax.plot(*path.T, **(style | ({} if markers else {"marker": None}) | options))
    if start:
        ax.plot(*path[0], "o", markersize=9, color="none", markeredgecolor=INK, markeredgewidth=1.3, zorder=4)
    ax.plot(*path[-1], marker=style["marker"], color=style["color"], markersize=7, zorder=5)


def draw_band(
    ax: Axes, across: ArrayLike, band: ArrayLike, method: str, *, label: str | None = None, **options: Any
) -> None:
    """Draw a line in the look of its method, a name in `LOOKS`, and the band around it.

    `across`, shape (n,), is where the points lie; `band`, shape (3, n), has the lower edge, the line and the upper
    edge, as `np.quantile(runs, [0, 0.5, 1], axis=0)` gives them. `label` is for the legend, by default the method; the
    `options` go to `ax.plot`. Raises ValueError for an unknown method or a wrong shape.
    """
    style, across = _style(ax, method, label), _checks.array("across", across, (None,), "real")
    low, line, high = _checks.array("band", band, (3, across.size), "real")
    ax.fill_between(across, low, high, color=style["color"], alpha=0.2, linewidth=0)
    ax.plot(across, line, **(style | options))


def draw_target(ax: Axes, target: Sequence[float], label: str | None = None) -> None:
    """Mark the point that a method should reach with a cross."""
    _checks.instance("ax", ax, Axes, "axes of matplotlib")
    _checks.array("target", target, (2,))
    ax.plot(*target, "x", markersize=10, markeredgewidth=2.2, color=INK, label=label, zorder=6)


def name_line(ax: Axes, method: str, at: tuple[float, float], *, text: str | None = None, **options: Any) -> None:
    """Write a method's name, or `text`, beside its line and in its colour, where others would put a legend.

    `at` is where, in the coordinates of the data; the `options` go to `ax.annotate`, for instance `xytext`, an offset
    in points, (6, 0) by default. Raises ValueError for an unknown method.
    """
    color = _style(ax, method)["color"]
    _checks.array("at", at, (2,))
    style = {"xytext": (6, 0), "textcoords": "offset points", "va": "center", "color": color}
    ax.annotate(text or method, at, **(style | {"fontweight": "bold", "fontsize": 10} | options))

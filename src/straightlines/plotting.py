"""The book's look: one style, one map from method to colour, line and marker, and the drawing of paths and bands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from straightlines import _checks


class Look(NamedTuple):
    """How a method is drawn: readable without colour, too."""

    color: str
    linestyle: str | tuple
    marker: str


_BLUE, _ORANGE, _GREEN, _VERMILION = "#0072b2", "#e69f00", "#009e73", "#d55e00"  # Okabe and Ito's palette
_PURPLE, _SKY, _BLACK, _GREY = "#b0509b", "#56b4e9", "#222222", "#777777"

LOOKS: dict[str, Look] = {
    # deterministic
    "gradient descent": Look(_BLUE, "-", "o"),
    "Newton": Look(_VERMILION, "--", "s"),
    "Gauss-Newton": Look(_ORANGE, "-.", "^"),
    "physical gradient": Look(_GREEN, (0, (5, 1, 1, 1, 1, 1)), "D"),
    "half-inverse": Look(_PURPLE, (0, (4, 1, 1, 1)), "<"),
    "natural gradient": Look(_BLACK, (0, (1, 1.2)), "v"),
    "mirror descent": Look(_PURPLE, (0, (6, 2)), "P"),
    "Fisher-Rao geodesic": Look(_GREY, (0, (3, 1.5)), "X"),
    # stochastic
    "TANGO": Look(_VERMILION, "-", "s"),
    "SGD": Look(_BLUE, "--", "o"),
    "averaged SGD": Look(_GREEN, "-.", "^"),
    "moving average": Look(_PURPLE, (0, (6, 2)), "P"),
    # optimisers of other libraries
    "Adam": Look(_SKY, "-", "p"),
    "AdaGrad": Look(_PURPLE, "--", "h"),
    "RMSProp": Look(_GREY, "-.", "d"),
    "Lion": Look(_BLACK, (0, (3, 1, 1, 1)), "*"),
    "sign SGD": Look(_PURPLE, ":", "x"),
    "Polyak": Look(_ORANGE, "--", "<"),
    "L-BFGS": Look(_VERMILION, ":", ">"),
    "Levenberg-Marquardt": Look(_BLUE, ":", "X"),
    "dogleg": Look(_GREEN, ":", "8"),
}


def use_style() -> None:
    """Switch matplotlib to the book's style."""
    plt.style.use(Path(__file__).with_name("book.mplstyle"))


def figure(columns: int = 1, rows: int = 1, *, size: tuple[float, float] | None = None, **options: Any):
    """A figure and its axes in the book's style, as `plt.subplots` returns them.

    Args:
      columns, rows: the number of axes each way.
      size: width and height in inches; by default 7 by 4.2 for one axes, less high for several in a row.
      options: passed to `plt.subplots`.
    """
    _checks.count("columns", columns)
    _checks.count("rows", rows)
    use_style()
    size = size or (7.0 if columns == 1 else 8.4, rows * {1: 4.2, 2: 3.9, 3: 3.1}.get(columns, 2.6))
    return plt.subplots(rows, columns, figsize=size, **options)


def show(name: str, fig: Figure) -> None:
    """Display a figure once and keep it under `name`, for a `{glue:figure}` directive of the book."""
    from myst_nb import glue  # only a chapter needs it, and it loads Sphinx

    glue(name, fig)
    plt.close(fig)


def draw_path(
    ax: Axes,
    path: ArrayLike,
    method: str,
    *,
    label: str | None = None,
    markers: bool = True,
    start: bool = True,
    **options: Any,
) -> None:
    """Draw a path in the look of its method: a line, a marker at each point, a ring at the start, a dot at the end.

    Args:
      ax: where to draw.
      path: shape (steps + 1, 2).
      method: a name in `LOOKS`.
      label: legend entry, by default the method's name.
      markers: whether to mark each point; leave out on long paths.
      start: whether to ring the first point.
      options: passed to `ax.plot`.

    Raises: ValueError for an unknown method or a path of the wrong shape.
    """
    _checks.member("method", method, LOOKS)
    path = np.asarray(path)
    if path.ndim != 2 or path.shape[1] != 2:
        raise ValueError(f"path must have shape (steps + 1, 2), got {path.shape}")
    look = LOOKS[method]
    style = {"color": look.color, "linestyle": look.linestyle, "label": label or method}
    ax.plot(path[:, 0], path[:, 1], marker=look.marker if markers else None, **(style | options))
    if start:
        ax.plot(*path[0], "o", markersize=9, color="none", markeredgecolor="#222222", markeredgewidth=1.3, zorder=4)
    ax.plot(*path[-1], marker=look.marker, color=look.color, markersize=7, markeredgecolor="white", zorder=5)


def draw_band(
    ax: Axes, across: ArrayLike, band: ArrayLike, method: str, *, label: str | None = None, **options: Any
) -> None:
    """Draw a line in the look of its method, and the band around it.

    Args:
      ax: where to draw.
      across: shape (n,), where the points lie across.
      band: shape (3, n): lower edge, line and upper edge, as `np.quantile(runs, [0, 0.5, 1], axis=0)` gives them.
      method: a name in `LOOKS`.
      label: legend entry, by default the method's name.
      options: passed to `ax.plot`.

    Raises: ValueError for an unknown method or a band of the wrong shape.
    """
    _checks.member("method", method, LOOKS)
    if np.shape(band) != (3, *np.shape(across)):
        raise ValueError(f"band must have shape {(3, *np.shape(across))} to match across, got {np.shape(band)}")
    low, line, high = np.asarray(band)
    look = LOOKS[method]
    style = {"color": look.color, "linestyle": look.linestyle, "marker": look.marker, "label": label or method}
    ax.fill_between(across, low, high, color=look.color, alpha=0.2, linewidth=0)
    ax.plot(across, line, **(style | options))


def draw_target(ax: Axes, target: Sequence[float], label: str | None = None) -> None:
    """Mark the point that a method should reach with a cross."""
    ax.plot(*target, "x", markersize=10, markeredgewidth=2.2, color="#222222", label=label, zorder=6)

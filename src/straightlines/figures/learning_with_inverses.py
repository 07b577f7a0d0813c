"""The figures of the chapter on networks that learn with inverses."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import ArrayLike

from straightlines.plotting import INK, LOOKS, NEUTRAL, WIDTH, draw_band, figure, name_line, use_style

QUANTILES = [0.1, 0.5, 0.9]


def _plain_ticks(axis: Axis) -> None:
    """Ticks of a logarithmic axis at 1, 2 and 5, as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def wave(updates: ArrayLike, curves: Mapping[str, Mapping[str, tuple]]) -> Figure:
    """Errors in x (above) and y (below) against updates: setting → method → two arrays of shape (seeds, blocks)."""
    updates = np.asarray(updates)
    fig, axes = figure(2, 2, height=6.6, sharex=True)
    for column, (title, methods) in zip(axes.T, curves.items(), strict=True):
        for ax, part, name in zip(column, (0, 1), "xy", strict=True):
            for method, errors in methods.items():
                band = np.quantile(errors[part], QUANTILES, axis=0)
                draw_band(ax, updates, band, method, markevery=2, markersize=5)
            ax.set(yscale="log", title=title, xlabel="updates", ylabel=f"mean error in ${name}$")
            _plain_ticks(ax.yaxis)
    for ax, methods in zip(axes[0], curves.values(), strict=True):
        ax.set_ylim(0.6 * ax.get_ylim()[0], None)
        for method, (errors, _) in methods.items():
            at = updates[-1], np.median(np.asarray(errors)[:, -1])
            name_line(ax, method, at, xytext=(0, -14 if method == "physical gradient" else 12), ha="right")
    return fig


def seeds(ends: Mapping[str, Mapping[str, tuple]]) -> Figure:
    """One point a seed, error in y against error in x; setting → method → both errors and which seeds to ring."""
    fig, axes = figure(2, height=3.8)
    for ax, (title, methods) in zip(axes, ends.items(), strict=True):
        for method, (in_x, in_y, ringed) in methods.items():
            look = LOOKS[method]
            ax.plot(
                in_x, in_y, look.marker, color=look.color, markersize=6, markeredgewidth=1.5, alpha=0.8, label=method
            )
            ax.plot(in_x[ringed], in_y[ringed], "o", markersize=12, color="none", markeredgecolor=INK)
        ax.set(xscale="log", yscale="log", xlabel="error in $x$", ylabel="error in $y$", title=title)
        _plain_ticks(ax.xaxis)
        _plain_ticks(ax.yaxis)
    axes[1].legend(loc="lower right")
    return fig


def toy(rows: Mapping[str, tuple[list[str], ArrayLike]]) -> Figure:
    """Final losses up to 1, a dot for each seed, a column a setting: method → settings, losses (settings, seeds)."""
    use_style()
    fig, ax = plt.subplots(figsize=(WIDTH, 3.8))
    ticks: list[str] = []
    for method, (settings, losses) in rows.items():
        look = LOOKS[method.split(",")[0]]
        first = len(ticks)
        chaotic = "chaotic" if method.startswith("Gauss-Newton") else None  # no test compares these
        for losses_of in np.minimum(losses, 1):
            column = np.full(len(losses_of), len(ticks))
            style: dict[str, Any] = {"color": look.color, "gid": chaotic}
            ax.plot(column, losses_of, look.marker, alpha=0.8, **style)
            ax.plot(len(ticks), np.median(losses_of), "_", markersize=22, markeredgewidth=2.4, **style)
            ticks.append("")
        ticks[first:] = settings
        middle = (first + len(ticks) - 1) / 2
        ax.text(middle, 1.05, method.replace(", ", ",\n"), color=look.color, fontweight="bold", ha="center",
                transform=ax.get_xaxis_transform())  # fmt: skip
        if len(ticks) < sum(len(names) for names, _ in rows.values()):
            ax.axvline(len(ticks) - 0.5, color="#999999", linewidth=0.8)
    ax.axhline(0.2, **NEUTRAL[1], linewidth=1)
    ax.set(yscale="log", ylabel="loss $L$ at the end", xticks=range(len(ticks)), xticklabels=ticks)
    return fig


def images(pictures: Mapping[str, ArrayLike], source: ArrayLike) -> Figure:
    """Images in two rows of three on one scale of colours, with the error of each against the source."""
    source = np.asarray(source)
    fig, axes = figure(3, 2, height=6.6)
    for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
        shown = ax.imshow(picture, vmin=-0.2 * source.max(), vmax=source.max(), rasterized=True)
        error = np.sqrt(np.mean((np.asarray(picture) - source) ** 2))
        ax.set(xticks=[], yticks=[], title=title, xlabel="" if title.startswith("its") else f"error {error:.2g}")
    fig.colorbar(shown, ax=axes, location="bottom", shrink=0.5, aspect=30, label="heat")
    return fig


def answers(where: ArrayLike, lines: Mapping[str, ArrayLike], readings: tuple, ends: Mapping[str, Any]) -> Figure:
    """One flow and its answers (left); the errors of all answers (right), a number or a value for each seed."""
    fig, (left, right) = figure(2, height=4.2)
    styles = iter(NEUTRAL[1:])
    for name, line in lines.items():
        if name == "start":
            left.plot(where, line, color=INK, linewidth=1.2, label=name)
        elif name in LOOKS:
            left.plot(where, line, color=LOOKS[name].color, linestyle=LOOKS[name].linestyle, label=name)
        else:
            left.plot(where, line, **next(styles), label=name)
    left.plot(*readings, "o", color="none", markeredgecolor=INK, markersize=6, label="readings")
    low, high = left.get_ylim()
    left.set(xlabel="place", ylabel="velocity", ylim=(low, high + 0.4 * (high - low)))
    left.legend(loc="upper left")
    for height, (name, values) in enumerate(ends.items()):
        method = name.split(",")[0]
        color, marker = (LOOKS[method].color, LOOKS[method].marker) if method in LOOKS else ("#666666", "o")
        right.plot(values, np.full(np.shape(values), height), marker, color=color, markersize=6)
    right.set(xscale="linear", xlim=(0, None), yticks=range(len(ends)), yticklabels=list(ends), xlabel="error in $x$")
    right.invert_yaxis()
    right.grid(axis="y")
    return fig

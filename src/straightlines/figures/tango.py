"""Figures of the chapter `tango`."""

import numpy as np

from straightlines.plotting import INK, LOOKS, draw_path, draw_target, figure, name_line


def iterates(runs):
    """Fast iterate and average of two methods in (μ, ln σ): `runs` maps a method to (averages, fast iterates)."""
    fig, axes = figure(2, height=3.9, sharex=True, sharey=True)
    for ax, (method, (average, fast)) in zip(axes, runs.items(), strict=True):
        color = LOOKS[method].color
        early = np.r_[0:2000:8, 2000:40_000:160]
        ax.plot(*fast[early].T, color=color, linewidth=0.6, alpha=0.75)
        for k in (100, 1000, 5000, 20_000):
            tie = np.array([average[k - 1], fast[k - 1]])
            ax.plot(*tie.T, color=INK, linewidth=0.7, linestyle=":", zorder=3)
            ax.plot(*tie[1], "o", color=INK, markersize=3, zorder=6)
            ax.plot(*tie[0], "o", color=INK, markersize=3, zorder=6)
        draw_path(ax, average[::160], method, markers=False, linewidth=3)
        draw_target(ax, (10, 0))
        ax.set_yscale("symlog", linthresh=2, linscale=1.6)
        ax.set_yticks([0, 1, 2, 5, 10, 20, 50], ["0", "1", "2", "5", "10", "20", "50"])
        ax.set(title=method, xlabel=r"mean $\mu$", ylabel=r"$\ln\sigma$", ylim=(-1, 60))
        ax.minorticks_off()
    for ax, fast_at, average_at in zip(axes, [(7, 24), (5.5, 2.4)], [(4.8, 0.35), (3.6, -0.35)], strict=True):
        ax.annotate("fast iterate", fast_at, color=INK, va="center")
        ax.annotate("average", average_at, color=INK, va="center", ha="center")
    return fig


def paths(published, in_moments, exact, target):
    """Figure 1 in (μ, σ), left, and the methods in the expectation parameters, right, each with the exact curve."""
    fig, (left, right) = figure(2, height=3.9, sharex=True, sharey=True)
    for ax in (left, right):
        draw_path(ax, exact[::200], "natural gradient", markers=False, linewidth=2.6, zorder=4)
        draw_target(ax, target)
        ax.set(xlabel=r"mean $\mu$", ylabel=r"standard deviation $\sigma$", xlim=(-1, 12.5), ylim=(0, 10))
    for method, path in published.items():
        draw_path(left, path[::200], method, markers=False, start=False)
    left.set_title("as published")
    right.set_title("in the expectation parameters")
    name_line(left, "SGD", (4.2, 7.6))
    name_line(left, "TANGO", (3.0, 4.0), xytext=(6, -8))
    name_line(left, "averaged SGD", (2.6, 0.8), xytext=(0, 0))
    for name, path in in_moments.items():
        draw_path(right, path[::200], name.partition(",")[0], markers=False, start=False)
    name_line(right, "natural gradient", (3.2, 6.3), xytext=(0, 0))
    name_line(right, "moving average", (5, 2.9), xytext=(0, 0), ha="center")
    name_line(right, "TANGO", (5, 1.9), text="TANGO, warm start", xytext=(0, 0), ha="center")
    return fig


def source(published, grid, guess):
    """The notebook's own picture, with its guess, in its colours as far as both grounds let them be seen."""
    fig, ax = figure(height=4.0)
    for method, color, line in [("TANGO", "#e03030", "-"), ("SGD", "#189a18", "--"), ("averaged SGD", "#5f6fff", ":")]:
        ax.plot(*published[method][::200].T, color=color, linestyle=line, label=method)
    ax.plot(grid, guess, color="#d030d0", linestyle=":", label="“true natural gradient”, a guess")
    ax.set(xlabel=r"$\mu$", ylabel=r"$\sigma$", xlim=(-2, 12), ylim=(0, 10))
    ax.legend(loc="upper right")
    return fig

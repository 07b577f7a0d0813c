"""The figures of the chapter `first_hits`: arrays in, figure out."""

import numpy as np
from matplotlib.patches import Rectangle

from straightlines.plotting import INK, LOOKS, draw_band, draw_path, draw_target, figure, name_line

THOUSAND = 1000


def strips(hits, published, latest):
    """First hits of several methods, a row of dots each, with the median and the published count."""
    fig, ax = figure(height=3.9)
    random = np.random.RandomState(0)
    for row, (method, first) in enumerate(hits.items()):
        look = LOOKS[method]
        across = np.minimum(first, latest) / THOUSAND
        up = row + random.uniform(-0.28, 0.28, first.size)
        ax.plot(across, up, ".", color=look.color, markersize=2.5, alpha=0.55, rasterized=True)
        ax.plot([np.median(across)] * 2, [row - 0.36, row + 0.36], color=INK, linewidth=1.8)
        if method in published:
            count = published[method]
            ax.plot([count / THOUSAND] * 2, [row - 0.36, row + 0.36], color=INK, linestyle=":", linewidth=1.6)
            ax.annotate(f"published {count}", (count / THOUSAND, row - 0.42), ha="center", va="bottom", fontsize=10)
    ax.set_yticks(range(len(hits)), hits)
    for label, method in zip(ax.get_yticklabels(), hits, strict=True):
        label.set(color=LOOKS[method].color, fontweight="bold")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set(xlabel="first hit, thousands of iterations", ylim=(len(hits) - 0.45, -0.75), xlim=(52, 121))
    return fig


def million(edges, counts, without_hit, published, tail):
    """The histogram of a sweep, and the share that still waits, with the exponential tail (begin, rate)."""
    fig, (left, right) = figure(2, height=3.3)
    runs, width = counts.sum() + without_hit, edges[1] - edges[0]
    color = LOOKS["TANGO"].color
    many = 500 // width
    whole = counts[: counts.size // many * many].reshape(-1, many).sum(axis=1)
    left.fill_between(edges[::many][: whole.size] / THOUSAND, 100 * whole / runs, step="post", color=color, alpha=0.55)
    inside = np.flatnonzero(edges[::many][: whole.size] < published)
    across, up = np.append(edges[::many][inside], published), 100 * whole[np.append(inside, inside[-1])] / runs
    left.fill_between(across / THOUSAND, up, step="post", color=color)
    left.axvline(published / THOUSAND, color=INK, linestyle=":", linewidth=1.6)
    left.annotate(f"published\n{published}", (published / THOUSAND, 4.95), (-4, 0), textcoords="offset points",
                  ha="right", va="top", fontsize=9)  # fmt: skip
    left.set(xlabel="first hit, thousands of iterations", ylabel="% of the runs", xlim=(70, 112), ylim=(0, 5))
    waiting = runs - np.cumsum(counts)
    right.semilogy((edges + width) / THOUSAND, waiting / runs, color=color)
    begin, rate = tail
    share = waiting[np.searchsorted(edges, begin)] / runs
    across = np.array([begin - 12 * THOUSAND, 120 * THOUSAND])
    right.semilogy(across / THOUSAND, share * np.exp(-rate * (across - begin) / 1e4), color=INK, linestyle="--")
    right.annotate("the law of the tail", (104, 0.012), fontsize=9.5)
    name_line(right, "TANGO", (96, 0.03), xytext=(-4, -4), ha="right")
    right.axvline(100, color=INK, linestyle=":", linewidth=1.2)
    right.annotate("the source\ngives up", (100, 0.5), (5, 0), textcoords="offset points", va="top", fontsize=9)
    right.set(xlabel="iterations, thousands", ylabel="share without a hit", xlim=(70, 120), ylim=(1e-4, 1.6))
    return fig


def pairs(first, second, other, latest):
    """First hits of two methods, run by run: on the same samples, and on those of another run."""
    fig, axes = figure(2, height=3.9, sharex=True, sharey=True)
    for ax, across, title in zip(axes, (second, other), ("the same samples", "other samples"), strict=True):
        shown = [np.minimum(hits, latest) / THOUSAND for hits in (across, first)]
        ax.plot(*shown, "o", color=LOOKS["TANGO"].color, markersize=3, alpha=0.65, markeredgewidth=0, rasterized=True)
        ax.plot([74, 112], [74, 112], color=INK, linewidth=1)
        above = (first > across)[first != across].mean()
        ax.annotate(f"TANGO is later in {above:.0%}", (75, 111), va="top", fontsize=9.5)
        ax.set(title=title, xlim=(74, 112), ylim=(74, 112), aspect="equal")
        ax.set(xlabel="moving average, thousands of iterations", ylabel="TANGO, thousands of iterations")
    return fig


def clouds(ends, shares, target, half_width):
    """Where the runs of each method are at the end, around the box of the convergence test."""
    fig, axes = figure(len(ends), height=2.9, sharex=True, sharey=True)
    for ax, (method, end) in zip(axes, ends.items(), strict=True):
        ax.plot(*end.T, ".", color=LOOKS[method].color, markersize=2.5, alpha=0.6, rasterized=True)
        corner = np.array(target) - half_width
        ax.add_patch(Rectangle(corner, *(2 * half_width), fill=False, edgecolor=INK, linewidth=1.3, zorder=3))
        ax.set_title(f"{method}\n{shares[method]:.0%} in the box")
        ax.set(xlim=(9.95, 10.05), ylim=(0.95, 1.05), aspect="equal", xlabel=r"mean $\mu$")
        ax.set_xticks([9.96, 10, 10.04], ["9.96", "10", "10.04"])
        ax.set_yticks([0.96, 1, 1.04], ["0.96", "1", "1.04"])
    axes[0].set_ylabel(r"standard deviation $\sigma$")
    return fig


def race(samples, constant, decreasing):
    """Root-mean-square error in ln σ against the number of samples, with the Cramér-Rao bound.

    Both dictionaries map methods to errors, one a number of samples; a run may have fewer.
    """
    fig, axes = figure(2, height=3.9, sharex=True, sharey=True)
    labels = (
        {"SGD": (1100, 3.4), "TANGO": (1100, 0.9), "moving average": (2700, 0.9), "averaged SGD": (1100, 0.13)},
        {"SGD": (6300, 0.15), "TANGO": (17_500, 0.15), "moving average": (1100, 0.06)},
    )
    for ax, errors, places in zip(axes, (constant, decreasing), labels, strict=True):
        for method, error in errors.items():
            look = LOOKS[method]
            ax.loglog(samples[: error.size], error, color=look.color, linestyle=look.linestyle)
            text = method if ax is axes[0] else method.replace(" ", "\n")
            name_line(ax, method, places[method], text=text, xytext=(0, 0))
        ax.loglog(samples, 1 / np.sqrt(2 * samples), color=INK, linewidth=4, alpha=0.3)
        ax.annotate("Cramér-Rao bound", (1100, 0.0055), fontsize=9.5)
        ax.set(xlabel="samples", ylabel=r"error in $\ln\sigma$", xlim=(samples[0], samples[-1]), ylim=(1.2e-3, 8))
    axes[0].set_title("constant rates")
    axes[1].set_title("decreasing rates")
    return fig


def bands(paths, curve, target, times, quantiles, exact):
    """Single TANGO paths around the exact curve, and the standard deviation over time as bands."""
    fig, (plane, time) = figure(2, height=3.7)
    for path in paths:
        plane.plot(*path.T, color=LOOKS["TANGO"].color, linewidth=0.6, alpha=0.5)
    draw_path(plane, curve, "natural gradient", markers=False)
    draw_target(plane, target)
    name_line(plane, "TANGO", (1.2, 6.3), text=f"TANGO, {len(paths)} runs", xytext=(0, 0), ha="left")
    name_line(plane, "natural gradient", (5, 2.9), xytext=(0, 0), ha="center")
    plane.annotate("", (5, 5.0), (5, 3.2), arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.7})
    plane.set(xlabel=r"mean $\mu$", ylabel=r"standard deviation $\sigma$", ylim=(0, 7.2))
    for method, band in quantiles.items():
        draw_band(time, times, band, method, marker=None)
    time.plot(times, exact, color=INK, linestyle=LOOKS["natural gradient"].linestyle)
    name_line(time, "TANGO", (1.6, 5.75), xytext=(0, 0))
    name_line(time, "averaged SGD", (1.0, 0.3), xytext=(0, 0))
    name_line(time, "moving average", (2.75, 4.0), text="moving average\nand natural gradient")
    time.set(xlabel=r"time $t = k\,\delta t$", ylabel=r"standard deviation $\sigma$", xlim=(0, 8), ylim=(0, 7.2))
    return fig

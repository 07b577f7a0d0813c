"""Figures of the chapter on other functions and other optimisers."""

import numpy as np

from straightlines.plotting import GREY, LOOKS, NEUTRAL, draw_path, draw_target, figure, name_line

NAMED = ("gradient descent", "Newton", "Gauss-Newton", "physical gradient", "Polyak", "L-BFGS")


def problems(problems, paths, images):
    """The grid of problems: a row each, its paths in x over the lines of equal loss, and the same paths in z.

    Args: name to (losses on a grid, extents of x and of z, minima, target), to the paths in x, and to those in z.
    """
    fig, axes = figure(2, len(problems), height=2.75 * len(problems))
    for (left, right), (name, (losses, x_extent, z_extent, minima, target)) in zip(axes, problems.items(), strict=True):
        across, up = (np.linspace(*extent, n) for extent, n in zip(x_extent, losses.shape[::-1], strict=True))
        style = {"colors": NEUTRAL[1]["color"], "linewidths": 0.4, "linestyles": "solid", "alpha": 0.6}
        left.contour(across, up, np.log10(losses + 1e-3), 12, **style)
        for method in paths[name]:
            draw_path(left, paths[name][method], method, markersize=3.5)
            draw_path(right, images[name][method], method, markersize=3.5)
        for minimum in minima:
            draw_target(left, minimum)
        draw_target(right, target)
        left.set(xlim=x_extent[0], ylim=x_extent[1], ylabel="$x_1$", title=f"{name}: in x")
        right.set(xlim=z_extent[0], ylim=z_extent[1], ylabel="$z_1$", title="in z")
    axes[-1, 0].set_xlabel("$x_0$")
    axes[-1, 1].set_xlabel("$z_0$")
    axes[0, 1].legend(loc="lower left", handlelength=2.6, fontsize=8.5)
    return fig


def rotation(degrees, turned):
    """Distance after ten steps against the rotation: what depends on the axes in colour, what does not in grey."""
    fig, ax = figure(height=4.2)
    for method, gaps in turned.items():
        look = LOOKS[method]
        if np.ptp(gaps) > 1e-9:
            ax.plot(degrees, gaps, color=look.color, linestyle=look.linestyle, marker=look.marker, markevery=4)
            at = {"Lion": np.argmax(gaps), "sign SGD": np.searchsorted(degrees, 30)}.get(method, -1)
            place = {"xytext": (0, 14), "ha": "center"} if method == "sign SGD" else {}
            name_line(ax, method, (degrees[at], gaps[at]), annotation_clip=False, **place)
        else:
            ax.plot(degrees, gaps, **NEUTRAL[4], linewidth=1)
    ax.set(xlabel="rotation (degrees)", ylabel="distance after ten steps", xlim=(0, 90), ylim=(-0.08, None))
    return fig


def cost(results, arrived=0.01):
    """Median distance against steps and against passes: some methods by name, the others grey."""
    fig, axes = figure(2, height=4.4, sharey=True)
    for ax, xlabel in zip(axes, ["steps", "passes through z"], strict=True):
        ends = []
        for method, (gaps, passes) in results.items():
            medians = np.maximum(np.median(gaps, axis=0), 1e-12)
            x = np.arange(len(medians)) if xlabel == "steps" else np.median(passes, axis=0)
            look, named = LOOKS[method], method in NAMED
            color, line = (look.color, look.linestyle) if named else (GREY, look.linestyle)
            chaotic = "chaotic" if method in ("RMSProp", "L-BFGS") else None  # no test compares these
            ax.plot(x, medians, color=color, linestyle=line, linewidth=1.8 if named else 1, gid=chaotic)
            if named:
                inside = (x <= 60) & (medians > (4e-6 if method == "Gauss-Newton" else 1e-6))
                ends.append((method, x[inside][-1], medians[inside][-1]))
        ax.axhline(arrived, **NEUTRAL[2], linewidth=0.8)
        ax.set(yscale="log", xlabel=xlabel, xlim=(0, 60), ylim=(1e-6, 8))
        for method, x, y in ends:
            if method == "Gauss-Newton":  # dogleg lies on it
                place = {"text": "Gauss-\nNewton,\ndogleg", "xytext": (-6 if ax is axes[0] else -14, 0), "ha": "right"}
            else:
                place = {"xytext": (3, 3)}
            name_line(ax, method, (x, y), fontsize=8.5, annotation_clip=False, **place)
    axes[0].set_ylabel("median distance to the minimum")
    return fig


def overshoot(paths, losses):
    """The second coordinate, which overshoots, and the loss, which does not say to which side."""
    fig, (left, right) = figure(2)
    for method, path in paths.items():
        look = LOOKS[method]
        style = {"color": look.color, "linestyle": look.linestyle, "marker": look.marker, "markevery": 10}
        left.plot(path[:, 1], **style)
        right.plot(np.maximum(losses[method], 1e-9), **style)
        at, offset, side = {"Adam": (20, (-4, -12), "right"), "Lion": (51, (6, -9), "left")}.get(
            method, (70, (0, 9), "left")
        )
        name_line(left, method, (at, path[at, 1]), xytext=offset, ha=side)
    left.axhline(0, **NEUTRAL[4], linewidth=0.8, zorder=0)
    left.set(xlabel="step", ylabel="$x_1$", title="position", ylim=(-2.7, 3.2))
    right.set(xlabel="step", ylabel="loss $L$", yscale="log", ylim=(1e-7, 200), title="loss")
    return fig


def basins(side, gaps, minima):
    """A map of starts for each method: the distance to a minimum; hatched where a run is not finite."""
    fig, axes = figure(3, 2, height=6.4, sharex=True, sharey=True)
    for ax, (method, gap) in zip(axes.flat, gaps.items(), strict=True):
        lost = np.isinf(gap).reshape(len(side), -1)
        shade = np.log10(np.clip(gap, 1e-4, 10)).reshape(lost.shape)
        picture = ax.pcolormesh(side, side, np.where(lost, np.nan, shade), vmin=-4, vmax=1, rasterized=True)
        if lost.any():
            hatch = ax.contourf(side, side, lost, [0.5, 1], colors="none", hatches=["////"])
            hatch.set_edgecolor(GREY)
        for minimum in minima:
            for color, width in [("#202020", 4), ("#f8f8f8", 2)]:  # the same on both grounds
                ax.plot(*minimum, "x", color=color, markersize=8 + (width > 2), markeredgewidth=width)
        ax.set(title=method, aspect="equal", xticks=[-5, 0, 5], yticks=[-5, 0, 5])
        ax.set(xlabel="$x_0$ of the start", ylabel="$x_1$ of the start")
    bar = {"location": "bottom", "shrink": 0.5, "aspect": 30}
    fig.colorbar(picture, ax=axes, label="log₁₀ of the distance to a minimum", **bar)
    return fig

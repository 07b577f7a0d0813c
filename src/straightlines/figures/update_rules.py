"""Figures of the chapter `update_rules`. Paths are arrays of shape (steps + 1, 2), by the names of their methods."""

import numpy as np

from straightlines.figures.levels import draw_levels
from straightlines.plotting import INK, LOOKS, draw_path, draw_target, figure, name_line


def rescaled(paths):
    """Paths on two problems, by their scale alpha; the rules that agree are one line in ink."""
    fig, axes = figure(2, height=4.2, sharey=True)
    for ax, (alpha, runs) in zip(axes, paths.items(), strict=True):
        together = {"color": INK, "linestyle": "-", "marker": "o", "markersize": 4, "linewidth": 1.2}
        ax.plot(*runs["Newton"][:11].T, **together)
        draw_path(ax, runs["gradient descent"][:11], "gradient descent")
        draw_target(ax, (0, 0))
        ax.set(title=rf"$\alpha = {alpha}$", xlabel="$x_0$", ylabel="$x_1$", xlim=(-0.6, 3.4), ylim=(-2.6, 3.4))
        ax.set_aspect("equal")
    name_line(axes[1], "gradient descent", (1.6, -2.3), ha="center", xytext=(0, 0))
    axes[1].annotate("Newton,\nGauss-Newton,\nphysical gradient", (-0.5, 2.6), va="center", fontsize=9.5)
    axes[0].annotate("all four,\non one line", (0.2, 2.5), va="center", fontsize=9.5)
    for ax, alpha in zip(axes, paths, strict=True):
        levels = np.array([0.5, 1, 2, 3, 4]) ** 2 * alpha
        draw_levels(ax, lambda x0, x1, alpha=alpha: x0**2 + (alpha * x1) ** 2, levels)
    return fig


def two_steps(loss, steps, along):
    """A step of two methods on the lines of equal loss, and the loss along the two steps.

    `loss`: of points, shape (..., 2); `steps`: the two points of each; `along`: fractions of the full step, and the
    loss there.
    """
    fig, (left, right) = figure(2, height=3.9)
    for method, path in steps.items():
        draw_path(left, path, method)
        fractions, losses = along[method]
        look = LOOKS[method]
        right.plot(fractions, losses, color=look.color, linestyle=look.linestyle)
        at = np.interp(0.3, fractions, losses)
        right.plot(0.3, at, look.marker, color=look.color, markersize=7)
    draw_target(left, (0, 1))
    left.plot(0, 0, "o", color="none", markeredgecolor=INK, markersize=6)
    left.annotate("saddle", (0, 0), (0, -8), textcoords="offset points", ha="center", va="top", fontsize=9.5)
    left.annotate("minimum", (0, 1), (0, -10), textcoords="offset points", ha="center", va="top", fontsize=9.5)
    name_line(left, "Newton", steps["Newton"][1], xytext=(-4, -12), ha="center")
    name_line(left, "Gauss-Newton", steps["Gauss-Newton"][1], xytext=(0, 12), ha="center")
    name_line(right, "Newton", (0.44, 1.0), xytext=(0, 0), ha="center")
    name_line(right, "Gauss-Newton", (0.27, 3.6), xytext=(0, 0), ha="right")
    right.axvline(0.3, color="#88888899", linewidth=0.8, linestyle=":", zorder=0)
    left.set(xlabel="$x_0$", ylabel="$x_1$", xlim=(-0.4, 1.4), ylim=(-0.45, 1.9), xticks=[0, 0.5, 1])
    right.set(xlabel=r"rate $\eta$", ylabel="loss after the step", xlim=(0, 0.5), ylim=(0, 5))
    levels = [0.1, 0.3, 0.6, 1, 1.5, 2, 2.8, 4, 6]
    draw_levels(left, lambda x0, x1: loss(np.stack([x0, x1], axis=-1)), levels)
    return fig


def near(regular, degenerate):
    """The distance to a regular and to a degenerate minimum after each step, by method."""
    fig, axes = figure(2, sharex=True, sharey=True)
    for ax, runs in zip(axes, [regular, degenerate], strict=True):
        for offset, (name, distance) in enumerate(runs.items()):
            look = LOOKS[name]
            style = {"color": look.color, "linestyle": look.linestyle, "marker": look.marker}
            ax.semilogy(distance, markevery=(3 * offset, 12), **style)
        ax.set(xlabel="step $k$", xlim=(-3, 104), ylim=(1e-5, 10), xticks=range(0, 61, 20))
        ax.spines["bottom"].set_bounds(-3, 60)
    axes[0].set(title=r"regular: $z(x) = (x_0, 4 x_1)$", ylabel="distance to the minimum")
    axes[1].set(title=r"degenerate: $z(x) = (x_0, x_1^2)$", ylabel="its part along $x_1$")
    name_line(axes[0], "gradient descent", (60, regular["gradient descent"][60]))
    axes[0].annotate("the other three", (36, 1e-4), fontsize=9.5)
    for name, shift in [("gradient descent", 0), ("Newton", 0), ("Gauss-Newton", 5), ("physical gradient", -5)]:
        name_line(axes[1], name, (60, degenerate[name][60]), xytext=(6, shift))
    return fig

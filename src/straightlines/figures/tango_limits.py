"""Figures of the chapter `tango_limits`."""

import numpy as np

from straightlines.gaussian import natural_gradient_flow
from straightlines.plotting import INK, NEUTRAL, draw_path, draw_target, figure, name_line


def _to_moments(path):
    return np.stack([path[:, 0], path[:, 0] ** 2 + path[:, 1] ** 2], axis=1)


def line(cold, cold_fast, warm, target):
    """Mean motion and a run in (μ, σ), left, and in the expectation parameters, right.

    `cold` and `cold_fast`, in the expectation parameters, are average and fast iterate of the mean motion from v = 0;
    `warm`, in (μ, σ), is one run from a warm start.
    """
    fig, (left, right) = figure(2, height=4.0)
    exact = natural_gradient_flow((0, 1), target, np.linspace(0, 4, 200))
    shown = np.unique(np.geomspace(1, len(cold_fast), 400).astype(int)) - 1
    for ax, moments in ((left, False), (right, True)):

        def here(m, moments=moments):
            return m if moments else np.stack([m[:, 0], np.sqrt(m[:, 1] - m[:, 0] ** 2)], axis=1)

        run = _to_moments(warm) if moments else warm
        draw_path(ax, run[::200], "TANGO", markers=False, start=False)
        draw_path(
            ax, _to_moments(exact) if moments else exact, "natural gradient", markers=False, linewidth=2.6, zorder=4
        )
        ax.plot(*here(cold[::400]).T, **NEUTRAL[0], linewidth=2.6)
        ax.plot(*here(cold_fast[shown]).T, **NEUTRAL[1], linewidth=1)
        draw_target(ax, _to_moments(np.array([target]))[0] if moments else target)
    left.set(xlabel=r"$\mu$", ylabel=r"$\sigma$", xlim=(-0.5, 11.5), ylim=(0, 7))
    right.set(xlabel=r"$\mathrm{E}\,y$", ylabel=r"$\mathrm{E}\,y^2$", xlim=(-0.5, 11.5), ylim=(-3, 115))
    parabola = np.linspace(-0.5, 11.5, 100)
    right.fill_between(parabola, parabola**2, -3, color="#888888", alpha=0.25, linewidth=0)
    left.axhspan(-1, 0, color="#888888", alpha=0.25, linewidth=0)
    name_line(left, "TANGO", (4.6, 6.2), text="TANGO, warm start", xytext=(0, 0), ha="center")
    name_line(right, "TANGO", (4.9, 85), text="TANGO, warm start", xytext=(0, 0), ha="center")
    for ax, cold_at, fast_at, line_at in (
        (left, (4.3, 3.7), (3.0, 2.5), (9.5, 5.0)),
        (right, (4.3, 30), (2.9, 17), (7.7, 52)),
    ):
        ax.annotate("mean motion,\ncold start", cold_at, color=INK, va="center")
        ax.annotate("its fast iterate", fast_at, color=INK, va="center")
        ax.annotate("mean motion,\nwarm start", line_at, color=INK, va="center", ha="center")
    return fig


def stability(gammas, mean_square, single, bound):
    """Growth of the fast iterate's error per step, against γ."""
    fig, ax = figure(height=3.6)
    ax.plot(gammas, mean_square, **NEUTRAL[0])
    ax.plot(gammas, single, **NEUTRAL[1])
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.axvline(bound, color=INK, linewidth=0.8, linestyle=":")
    ax.set(xscale="log", xlabel=r"$\gamma$", ylabel="growth a step (logarithm)", ylim=(-0.2, 0.3))
    ax.annotate("bound", (bound, 0.27), xytext=(-4, 0), textcoords="offset points", ha="right")
    ax.annotate("root mean square", (0.13, 0.17), xytext=(8, 0), textcoords="offset points")
    ax.annotate("single run", (0.35, -0.1), xytext=(0, 10), textcoords="offset points")
    return fig


def outer_product(flow, dots, target):
    """The flow of the outer product in (μ, σ), some points of it as dots, beside the exact natural gradient."""
    fig, ax = figure(height=3.2)
    exact = natural_gradient_flow((0, 1), target, np.linspace(0, 4, 200))
    draw_path(ax, exact, "natural gradient", markers=False, linewidth=2.6)
    ax.plot(*flow.T, **NEUTRAL[0])
    ax.plot(*dots.T, "o", color=NEUTRAL[0]["color"], markersize=4)
    draw_target(ax, target)
    ax.set(xlabel=r"mean $\mu$", ylabel=r"standard deviation $\sigma$", xlim=(-0.5, 11.5), ylim=(0, 5.8))
    name_line(ax, "natural gradient", (5, 4.4), xytext=(0, 0), ha="center")
    ax.annotate("outer product", (5, 1.05), color=INK, ha="center")
    return fig

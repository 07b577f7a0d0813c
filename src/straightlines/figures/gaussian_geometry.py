"""Figures of the chapter `gaussian_geometry`. Curves are arrays of (μ, σ), shape (n, 2)."""

import numpy as np
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator

from straightlines.gaussian import COORDINATES
from straightlines.plotting import INK, LOOKS, NEUTRAL, draw_path, draw_target, figure, name_line

MEAN, SCALE = r"mean $\mu$", r"standard deviation $\sigma$"
FORBIDDEN = {"color": "#88888833", "linewidth": 0}  # where there is no distribution


def _to(coordinates, curve):
    return COORDINATES[coordinates].from_mean_scale(np.asarray(curve).T).T


def _nearest(curve, mean):
    return curve[np.argmin(np.abs(curve[:, 0] - mean))]


def two_planes(dots):
    """The flow in (μ, σ) and in the expectation parameters, with a marker at equal intervals of time."""
    fig, (left, right) = figure(2, height=3.9)
    fine = np.linspace(0, 10, 400)
    exact = np.stack([fine, np.sqrt(1 + fine * (10 - fine))], axis=1)
    for ax, coordinates in [(left, "scale"), (right, "expectation")]:
        draw_path(ax, _to(coordinates, exact), "natural gradient", markers=False)
        ax.plot(*_to(coordinates, dots).T, LOOKS["natural gradient"].marker, color=INK)
        draw_target(ax, _to(coordinates, dots)[-1])
    left.set(xlabel=MEAN, ylabel=SCALE, xlim=(-1, 11), ylim=(0, 6), aspect="equal", title="An arc of a circle")
    edge = np.linspace(-0.5, 10.8, 400)
    right.fill_between(edge, -5, edge**2, **FORBIDDEN)
    right.annotate("no distribution here", (7.3, 14), ha="center")
    right.set(xlabel=r"$\mathrm{E}\,y$", ylabel=r"$\mathrm{E}\,y^2$", xlim=(-0.5, 10.8), ylim=(-5, 112))
    right.set_title("A straight line")
    return fig


def guess(means, exact, guessed):
    """The source's guess beside the exact curve, and the height of both above the straight line in the m-plane."""
    fig, (left, right) = figure(2)
    line = 1 + 10 * means
    natural = {"color": INK, "linestyle": LOOKS["natural gradient"].linestyle}
    for curve, style in [(exact, natural), (guessed, NEUTRAL[4])]:
        left.plot(means, curve, **style)
        right.plot(means, curve**2 + means**2 - line, **style)
    name_line(left, "natural gradient", (5, 5.1), text="exact curve", xytext=(0, -32), ha="center")
    left.annotate("guess", (8.9, 3.57), xytext=(7, 5), textcoords="offset points", color="#666666")
    name_line(right, "natural gradient", (5, 0), text="exact curve", xytext=(0, -9), ha="center")
    right.annotate("guess", (2.7, 0.9), xytext=(7, 5), textcoords="offset points", color="#666666")
    left.set(xlabel=MEAN, ylabel=SCALE, xlim=(-0.6, 11.2), ylim=(0.8, 5.6))
    right.set(xlabel=r"$\mathrm{E}\,y$", ylabel=r"$\mathrm{E}\,y^2$ above the straight line", ylim=(-0.2, 2.25))
    return fig


def geodesics(curves):
    """The α-geodesics from start to target, in (μ, σ) and in the expectation parameters; `curves` is keyed by α."""
    fig, (left, right) = figure(2, height=4.0)
    named = {-1.0: "natural gradient", 0.0: "Fisher-Rao geodesic"}
    for alpha, curve in curves.items():
        for ax, coordinates in [(left, "scale"), (right, "expectation")]:
            points = _to(coordinates, curve)
            if coordinates == "expectation":
                points = points - np.outer(points[:, 0], [0, 10]) - [0, 1]
            if alpha in named:
                draw_path(ax, points, named[alpha], markers=False, start=alpha == -1)
            else:
                ax.plot(*points.T, **NEUTRAL[0 if alpha == 1 else 3])
            if alpha == -1:
                draw_target(ax, points[-1])
    texts = {-1.0: "α = −1: m-geodesic, circle", -0.5: "−½", 0.0: "0: Levi-Civita, ellipse", 0.5: "½"}
    texts[1.0] = "α = 1: e-geodesic, flat"
    for alpha, text in texts.items():
        color = LOOKS[named[alpha]].color if alpha in named else "#666666"
        left.annotate(text, (5, curves[alpha][:, 1].max()), xytext=(0, 5), textcoords="offset points",
                      ha="center", color=color, fontsize=9)  # fmt: skip
        short, middle = text.partition(":")[0], _nearest(curves[alpha], 5.0)
        right.annotate(short, (5, middle[1] ** 2 + 25 - 51), xytext=(0, 5), textcoords="offset points",
                       ha="center", color=color, fontsize=9)  # fmt: skip
    edge = np.linspace(-0.6, 10.6, 200)
    right.fill_between(edge, -29, edge**2 - 10 * edge - 1, **FORBIDDEN)
    left.set(xlabel=MEAN, ylabel=SCALE, xlim=(-0.6, 10.6), ylim=(0, 6.2))
    right.set(xlabel=r"$\mathrm{E}\,y$", ylabel=r"$\mathrm{E}\,y^2$ above the line", xlim=(-0.6, 10.6), ylim=(-29, 3.5))
    return fig


def three_curves(curves):
    """Gradient descent, natural gradient and geodesic in (μ, σ); `curves` is keyed by method."""
    fig, ax = figure(height=4.0)
    for name, curve in curves.items():
        draw_path(ax, curve, name, markers=False, start=name == "natural gradient")
    draw_target(ax, (10, 1))
    for name, mean, text, shift in [
        ("gradient descent", 2.0, "gradient descent: along\n$\\sigma^2 \\approx 1 + (10-\\mu)^2$", (9, 10)),
        ("natural gradient", 7.6, "natural gradient:\narc of a circle", (10, 6)),
        ("Fisher-Rao geodesic", 3.0, "geodesic:\narc of an ellipse", (4, -24)),
    ]:
        name_line(ax, name, _nearest(curves[name], mean), text=text, xytext=shift)
    ax.annotate("start", (0, 1), xytext=(-8, -3), textcoords="offset points", ha="right", va="top")
    ax.annotate("target", (10, 1), xytext=(8, -3), textcoords="offset points", va="top")
    ax.set(xlabel=MEAN, ylabel=SCALE, xlim=(-1.7, 12.4), ylim=(0, 10.6))
    return fig


def fields(mean, scale, panels):
    """Stream lines of four rules.

    A panel is a title, a field, a path, its method and the size of one step, (width, height) as a function of σ.
    """
    fig, axes = figure(2, 2, height=6.6, sharex=True, sharey=True)
    members = [(0.5, 1.2), (5, 1.2), (9.7, 2.6), (0.5, 4.5), (5, 4.5), (2.5, 8), (9, 8)]
    for ax, (title, field, path, method, ellipse) in zip(axes.flat, panels, strict=True):
        flow = field[..., 0], field[..., 1]
        ax.streamplot(mean, scale, *flow, color="#8a9aa3b0", linewidth=0.8, density=1.1, arrowsize=0.8)
        for m, s in members:
            width, height = ellipse(s)
            ax.add_patch(Ellipse((m, s), width, height, facecolor="#88888855", edgecolor="#666666", zorder=3))
        draw_path(ax, path, method, markers=False, linewidth=2.6)
        draw_target(ax, (10, 1))
        ax.set(title=title, xlim=(-2, 12), ylim=(0, 10.5), aspect="equal")
        ax.set(xlabel=MEAN, ylabel=SCALE)
    return fig


def six_descents(descents, exact):
    """Gradient descent in six coordinate systems, `descents` keyed by their names, and the one natural gradient."""
    fig, ax = figure(height=4.3)
    for curve in descents.values():
        draw_path(ax, curve, "gradient descent", markers=False, start=False, linewidth=1.4)
    draw_path(ax, exact, "natural gradient", markers=False, linewidth=3.2)
    draw_target(ax, (10, 1))
    # name: a mean where its curve is free, the place of the text from there, in points
    for name, mean, shift, side in [
        ("log scale", 1.2, (7, 4), "left"), ("scale", 2.5, (2, -14), "left"), ("variance", 3.6, (2, -11), "left"),
        ("precision", 0.25, (3, 3), "left"), ("natural", 6.5, (6, 4), "left"), ("expectation", 3.3, (0, -14), "center"),
    ]:  # fmt: skip
        options = {"fontweight": "normal", "va": "baseline", "ha": side, "xytext": shift}
        name_line(ax, "gradient descent", _nearest(descents[name], mean), text=name, **options)
    ax.set(xlabel=MEAN, ylabel=SCALE)
    return fig


def coordinates(curves, descents):
    """Natural gradient, geodesic and gradient descent in six coordinate systems, each drawn in its own axes."""
    fig, axes = figure(3, 2, height=5.4)
    for ax, (name, system) in zip(axes.flat, COORDINATES.items(), strict=True):
        for method, curve in (curves | {"gradient descent": descents[name]}).items():
            draw_path(ax, _to(name, curve), method, markers=False, start=method == "natural gradient")
        draw_target(ax, _to(name, [[10.0, 1.0]])[0])
        ax.set(xlabel=system.labels[0], ylabel=system.labels[1], title=name)
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    for method, text, height in [
        ("natural gradient", "natural\ngradient", 19),
        ("Fisher-Rao geodesic", "geodesic", 10.5),
        ("gradient descent", None, 3),
    ]:
        name_line(axes[0, 2], method, (5, height), text=text, xytext=(0, 0), ha="center", fontsize=9)
    return fig

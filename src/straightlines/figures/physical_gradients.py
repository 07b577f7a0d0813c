"""Figures of the chapter `physical_gradients`. Paths are arrays of shape (updates + 1, 2)."""

import numpy as np
from matplotlib.patches import FancyArrowPatch

from straightlines.figures.levels import draw_levels
from straightlines.plotting import INK, LOOKS, draw_path, draw_target, figure, name_line

LEVELS = [0.5, 2, 6, 14, 28, 50, 90]
GREY = "#888888"


def two_planes(paths, paths_in_z):
    """The updates of the four methods in x and in z, side by side."""
    fig, (left, right) = figure(2, height=4.0)
    right.plot([3, 0], [9, 0], color="#88888866", linewidth=6, zorder=0.5)
    for ax, drawn in [(left, paths), (right, paths_in_z)]:
        for method, path in drawn.items():
            draw_path(ax, path, method, markersize=5)
        draw_target(ax, (0, 0))
    left.set(xlabel="$x_0$", ylabel="$x_1$", title="parameters $x$", xlim=(-0.3, 3.9), ylim=(-0.3, 3.6))
    right.set(xlabel="$z_0$", ylabel="$z_1$", title="output $z$", xlim=(-0.3, 3.9), ylim=(-0.8, 10.2))
    for ax, method, at, text, place in [
        (left, "Newton", (1.33, 2.37), "Newton", (0.85, 2.72)),
        (left, "gradient descent", (2.55, 1.05), "gradient descent", (2.5, 0.7)),
        (left, "Gauss-Newton", (1.47, 2.17), "Gauss-Newton", (2.0, 1.65)),
        (left, "physical gradient", (0.72, 1.47), "physical gradient", (1.5, 1.15)),
        (right, "Newton", (1.33, 5.62), "Newton", (0.75, 6.6)),
        (right, "gradient descent", (2.55, 1.1), "gradient descent", (2.6, 0.2)),
        (right, "Gauss-Newton", (1.47, 4.7), "Gauss-Newton", (2.15, 3.7)),
        (right, "physical gradient", (1.03, 3.09), "physical gradient", (1.9, 2.2)),
    ]:
        leader = {"arrowprops": {"arrowstyle": "-", "color": LOOKS[method].color, "linewidth": 0.8, "shrinkB": 4}}
        options = {} if method in ("Newton", "gradient descent") else leader
        name_line(ax, method, at, text=text, xytext=place, textcoords="data", ha="center", **options)
    draw_levels(left, lambda x0, x1: x0**2 + x1**4, LEVELS)
    draw_levels(right, lambda z0, z1: z0**2 + z1**2, LEVELS)
    return fig


def _draw_arrow(ax, points, color, linestyle="-"):
    """A line through the points that ends in an arrow head."""
    ax.plot(*points[:-3].T, color=color, linestyle=linestyle, linewidth=2.2 if linestyle == "-" else 1.4)
    head = {"arrowstyle": "-|>", "color": color, "mutation_scale": 15, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", points[-1], points[-5], arrowprops=head)


def _draw_values(ax, values):
    """Losses on a line: the start, and after one update of two methods."""
    sides = {"start": ("center", 0), "physical gradient": ("bottom", -5), "gradient descent": ("top", 5)}
    for name, (side, shift) in sides.items():
        look = LOOKS.get(name)
        color, marker = (look.color, look.marker) if look else (INK, "o")
        ax.plot(0, values[name], marker, color=color, markersize=8, clip_on=False, mfc=color if look else "none")
        text = f"{name.replace(' ', chr(10))}\n{values[name]:.1f}"
        ax.text(0.8, values[name] + shift, text, color=color, va=side)
    ax.plot(0, 0, "x", color=INK, markersize=9, markeredgewidth=2.2, clip_on=False)
    ax.set(xlim=(0, 1), ylim=(0, 100), xticks=[], ylabel="$L$")
    ax.spines["bottom"].set_visible(False)


def _draw_maps(fig, axes):
    """The maps from space to space above the axes, and the way back below them.

    They belong to the axes of the space they start from, so that they stay with its panel in a narrow window.
    """
    centres, over = [], {"transform": fig.transFigure, "ha": "center"}
    for ax, name in zip(axes, ["x: parameters", "z: output", "L: loss"], strict=True):
        box = ax.get_position()
        centres.append((box.x0 + box.x1) / 2 + (0.015 if ax is axes[-1] else 0))
        ax.text(centres[-1], 0.9, name, va="center", weight="bold", **over)
    for i, (forward, back) in enumerate([("$z$", r"$J^\top$  or  $z^{-1}$"), ("$L$", r"$\nabla_z L$")]):
        left, right = centres[i] + 0.095, centres[i + 1] - (0.08 if i == 0 else 0.055)
        for y, ends, text in [(0.9, (left, right), forward), (0.06, (right, left), back)]:
            arrow = FancyArrowPatch((ends[0], y), (ends[1], y), arrowstyle="-|>", mutation_scale=15, color=INK)
            arrow.set(transform=fig.transFigure, clip_on=False)
            axes[i].add_artist(arrow)
            axes[i].text((left + right) / 2, y + 0.015, text, va="bottom", **over)


def three_spaces(descent, first_order, values):
    """One update of gradient descent and one of the physical gradient, followed through x, z and L.

    `descent`: the straight step of gradient descent in x; `first_order`: its step in z to first order, both (n, 2).
    `values`: the loss at the start and after an update, by name.
    """
    layout = {"left": 0.07, "right": 0.87, "bottom": 0.24, "top": 0.8, "wspace": 0.45, "width_ratios": [1, 1, 0.05]}
    fig, (ax_x, ax_z, ax_l) = figure(3, height=4.2, layout="none", gridspec_kw=layout)
    s = np.linspace(0, 1, 60)[:, None]
    line, update = np.array([3.0, 9.0]) * s, np.array([3.0, 9.0]) * (1 - 0.3 * s)
    blue, green = LOOKS["gradient descent"].color, LOOKS["physical gradient"].color
    for ax, power, top in [(ax_x, 4, 3.5), (ax_z, 2, 10)]:
        in_axes = [p ** (1, 2 / power) for p in (line, update)]  # x1 is the square root of z1
        ax.plot(*in_axes[0].T, color=GREY, linewidth=1.2, linestyle=":", zorder=0.5)
        _draw_arrow(ax, in_axes[1], green)
        ax.plot(*in_axes[0][-1], "o", color="none", markersize=9, markeredgecolor=INK, zorder=5)
        draw_target(ax, (0, 0))
        ax.set(xlim=(-0.3, 4), ylim=(-0.05 * top, top))
    _draw_arrow(ax_z, first_order, blue, "--")
    _draw_arrow(ax_z, np.stack([descent[:, 0], descent[:, 1] ** 2], 1), blue)
    _draw_arrow(ax_x, descent, blue)
    for ax, at, text, color in [
        (ax_x, (3.1, 2.3), "gradient\ndescent", blue),
        (ax_x, (1.65, 2.95), "physical\ngradient", green),
        (ax_z, (3.12, 6.0), "gradient\ndescent", blue),
        (ax_z, (2.2, 1.9), "its first order", blue),
        (ax_z, (1.45, 7.9), "physical\ngradient", green),
    ]:
        ax.text(*at, text, color=color, va="center", ha="left" if at[0] > 3 else "center")
    draw_levels(ax_x, lambda x0, x1: x0**2 + x1**4, LEVELS)
    draw_levels(ax_z, lambda z0, z1: z0**2 + z1**2, LEVELS)
    ax_x.set(xlabel="$x_0$", ylabel="$x_1$")
    ax_z.set(xlabel="$z_0$", ylabel="$z_1$")
    _draw_values(ax_l, values)
    _draw_maps(fig, (ax_x, ax_z, ax_l))
    return fig

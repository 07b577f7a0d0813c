"""Figures of the chapter `straight_lines`. Paths are arrays of shape (n, 2); shares left run from (1, 1) to (0, 0)."""

import numpy as np

from straightlines.plotting import LOOKS, NEUTRAL, WIDTH, draw_path, draw_target, figure, name_line, plt, use_style

MEAN, SCALE = r"mean $\mu$", r"standard deviation $\sigma$"
FORBIDDEN = {"color": "#88888833", "linewidth": 0}  # where there is no distribution


def _dots(ax, path, method, **options):
    look = LOOKS[method]
    ax.plot(*path.T, look.marker, color=look.color, **({"markersize": 5.5, "zorder": 5} | options))


def book(fit, toy, fit_shares, toy_shares):
    """The picture of the book: two problems in their own parameters, and both in the right space.

    Each argument is a dict from method to path: in (μ, σ), in (x0, x1), and the shares left of both.
    """
    use_style()
    fig, axes = plt.subplot_mosaic(
        [["fit", "right"], ["toy", "right"]], figsize=(WIDTH, 5.0), width_ratios=[1, 1.5]
    )  # fmt: skip
    fig.get_layout_engine().set(w_pad=0.1, h_pad=0.06)

    ax = axes["fit"]
    draw_path(ax, fit["gradient descent"], "gradient descent", markers=False)
    draw_path(ax, fit["natural gradient"], "natural gradient", markers=False, start=False, linewidth=2.2)
    _dots(ax, fit["TANGO"], "TANGO")
    draw_target(ax, (10, 1))
    name_line(ax, "gradient descent", (2.3, 8.3))
    name_line(ax, "natural gradient", (4.1, 2.75), ha="center", xytext=(0, 0))
    name_line(ax, "TANGO", (4.1, 1.45), ha="center", xytext=(0, 0))
    ax.set(xlim=(-0.8, 10.8), ylim=(0, 10.4), title="Fitting a Gaussian", xlabel=MEAN, ylabel=SCALE)

    ax = axes["toy"]
    draw_path(ax, toy["Newton"], "Newton")
    draw_path(ax, toy["physical gradient"], "physical gradient", start=False)
    draw_target(ax, (0, 0))
    name_line(ax, "Newton", (0.75, 2.5), ha="right", xytext=(0, 0))
    name_line(ax, "physical gradient", (1.35, 1.3))
    ax.set(xlim=(-0.22, 3.4), ylim=(-0.25, 3.4), title="Inverting a process")
    ax.set(xlabel="input $x_0$", ylabel="input $x_1$")

    ax = axes["right"]
    ax.set_zorder(1)  # the last panel in a narrow window
    draw_path(ax, fit_shares["gradient descent"], "gradient descent", markers=False)
    draw_path(ax, toy_shares["Newton"], "Newton", start=False)
    draw_path(ax, fit_shares["natural gradient"], "natural gradient", markers=False, start=False, linewidth=2.2)
    _dots(ax, fit_shares["TANGO"], "TANGO")
    _dots(ax, toy_shares["physical gradient"], "physical gradient")
    draw_target(ax, (0, 0))
    along = {"fontsize": 9, "rotation": 45, "rotation_mode": "anchor", "ha": "center", "va": "top"}
    for k, (method, text) in enumerate([
        ("natural gradient", "natural gradient,"), ("TANGO", "TANGO's mean motion,"),
        ("physical gradient", "physical gradient"),
    ]):  # fmt: skip
        name_line(ax, method, (0.72, 0.72), text=text, xytext=(6 + 10 * k, -6 - 10 * k), **along)
    name_line(ax, "Newton", (0.40, 0.64), ha="right", xytext=(0, 0))
    name_line(ax, "gradient descent", (0.66, 0.09), ha="center", xytext=(0, 0))
    ax.annotate("start", (1, 1), xytext=(-9, 5), textcoords="offset points", ha="right")
    ax.annotate("target", (0, 0), xytext=(10, -4), textcoords="offset points")
    ax.set(xlim=(-0.06, 1.07), ylim=(-0.06, 1.07), aspect="equal", title="Both, in the right space: one straight line")
    ax.set(xlabel="way still to go, first coordinate (share)", ylabel="way still to go, second coordinate (share)")
    return fig


def gamma(flow, steps, euler, target):
    """A gamma distribution: flow, physical steps, Euler steps and target, each a pair (shape and rate, m)."""
    fig, axes = figure(2, height=3.8)
    for ax, view in zip(axes, range(2), strict=True):
        ax.plot(*euler[view].T, marker=".", markersize=4, markevery=2, **NEUTRAL[1])
        draw_path(ax, flow[view], "natural gradient", markers=False)
        _dots(ax, steps[view], "physical gradient")
        draw_target(ax, target[view])
    edge = np.linspace(0.2, 3.6, 200)
    axes[1].fill_between(np.log(edge), 0, edge, **FORBIDDEN)
    axes[1].annotate(r"no distribution here", (0.42, 0.62), ha="center", fontsize=9)
    name_line(axes[0], "natural gradient", (3.6, 0.95), xytext=(0, 0))
    name_line(axes[0], "physical gradient", (1.2, 2.6), text="physical gradient,\nmirror descent", xytext=(0, 0))
    axes[1].annotate("natural-gradient\nsteps, η = 0.1", (-0.45, 1.75), color="#666666", fontsize=9, ha="right")
    axes[0].set(xlabel=r"shape $\alpha$", ylabel=r"rate $\beta$", title="Parameters")
    axes[1].set(xlabel=r"$m_0 = \mathrm{E}\,\ln y$", ylabel=r"$m_1 = \mathrm{E}\,y$", title="Expectation parameters")
    axes[1].set(xlim=(-1.45, 1.25), ylim=(0.3, 3.4))
    return fig


def departure(rates, departures):
    """How far Euler steps leave the line, for several rates; `departures` is keyed by the coordinates."""
    fig, ax = figure()
    labels = {
        "log scale": r"in $(\mu, \ln\sigma)$",
        "scale": r"in $(\mu, \sigma)$",
        "variance": r"in $(\mu, \sigma^2)$",
    }
    beside = {"xytext": (9, -3), "textcoords": "offset points", "color": "#666666"}
    for name, label in labels.items():
        ax.loglog(rates, departures[name], marker=".", **NEUTRAL[0])
        ax.annotate(label, (rates[0], departures[name][0]), **beside)
    ax.loglog(rates[[0, -1]], 0.3 * rates[[0, -1]], color="#999999", linewidth=0.8)
    ax.annotate("slope 1", (rates[0], 0.3 * rates[0]), **beside)
    ax.set(xlabel=r"rate $\eta$", ylabel="distance from the line", xlim=(8.5e-4, 1.3e-2))
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.set_yticks([3e-4, 1e-3, 3e-3], ["0.0003", "0.001", "0.003"])
    ax.minorticks_off()
    return fig


def bends(steps, outcomes, surface):
    """Three things that bend the line, as shares left; two paths each."""
    fig, axes = figure(3, height=3.2, sharey=True)
    # what is named, at which share of the first outcome, and where its name stands
    names = [
        ((r"$(\mu, \ln\sigma)$, η = 0.02", 0.55, (0.0, 0.88)), (r"$(\mu, \sigma)$, η = 0.1", 0.5, (0.42, 0.08))),
        ((r"$(z_0, e^{z_1})$", 0.1, (0.0, 0.95)), (r"$(\mu, \sigma)$", 0.3, (0.5, 0.2))),
        (("second", 0.6, (0.1, 0.62)), ("third", 0.65, (0.65, 0.03))),
    ]
    titles = ["Long steps", "Other outcomes", "Too many outcomes"]
    for ax, title, paths, labels in zip(axes, titles, (steps, outcomes, surface), names, strict=True):
        ax.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, zorder=0)
        for path, (name, share, place), style in zip(paths, labels, NEUTRAL, strict=False):
            ax.plot(*path.T, **style)
            at = path[np.argmin(np.abs(path[:, 0] - share))]
            leader = {"arrowstyle": "-", "color": "#999999", "linewidth": 0.7}
            ax.annotate(name, at, xytext=place, color="#666666", fontsize=9, arrowprops=leader)
        draw_target(ax, (0, 0))
        ax.set(xlim=(-0.06, 1.07), ylim=(-0.06, 1.07), aspect="equal", title=title)
        ax.set(xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        ax.set(xlabel="share left, first outcome", ylabel="share left, another")
    return fig


def fails(exact, newton_in_m, newton_in_x):
    """Two ways of using Newton's method on the likelihood, in (μ, σ) and in the expectation parameters."""
    fig, (left, right) = figure(2, height=3.8)
    for ax, view in [(left, lambda p: p), (right, lambda p: np.stack([p[:, 0], (p**2).sum(axis=1)], axis=1))]:
        draw_path(ax, view(exact), "natural gradient", markers=False)
        ax.plot(*view(newton_in_m).T, marker=".", **NEUTRAL[0])
        draw_path(ax, view(newton_in_x), "Newton", start=False)
        draw_target(ax, view(exact)[-1])
    name_line(left, "natural gradient", (5, 5.7), ha="center", xytext=(0, 0))
    left.annotate("Newton in $m$", (2.2, 2.6), va="center", color="#666666")
    name_line(left, "Newton", (-2.2, 7.5), text="Newton in $(\\mu, \\ln\\sigma)$", xytext=(0, 0))
    left.set(xlim=(-8, 13), ylim=(0, 12), xlabel=MEAN, ylabel=SCALE)
    edge = np.linspace(-8, 11, 300)
    right.fill_between(edge, -6, edge**2, **FORBIDDEN)
    right.set_xticks([-5, 0, 5, 10])
    right.set(xlim=(-8, 11), ylim=(-6, 130), xlabel=r"$\mathrm{E}\,y$", ylabel=r"$\mathrm{E}\,y^2$")
    return fig

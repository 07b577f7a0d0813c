# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# (physical_gradients)=
# # Physical gradients
#
# A loss often sits at the end of a longer calculation: parameters $x$ go into a physical process $z(x)$, and the loss
# $L$ looks at its output. A *physical gradient* first improves the output $z$, where the loss is simple, and then asks
# which $x$ gives that output. Later papers call the method scale-invariant physics (SIP) or an inverse simulator; this
# book keeps the first name {cite:p}`holl2022scale`.
#
# This chapter recomputes an early walkthrough of the method from {cite:t}`thuerey2021pbdl`: gradient descent, Newton's
# method and the physical gradient on one small problem, ten updates each. Every number that it prints comes back, to
# the last digit.
#
# It then does three things that the walkthrough does not. It adds Gauss-Newton, without which the comparison
# misleads. It draws the three spaces of the problem, for which the walkthrough has an empty place. And where a
# statement there does not hold, it puts one that does, with a cell that would show it if it were false.
#
# You need the chain rule, and what {ref}`update_rules` says about the four methods.

# %%
import jax
import jax.numpy as jnp
import numpy as np
from myst_nb import glue
from scipy.optimize import fmin_l_bfgs_b

from straightlines.plotting import LOOKS, draw_path, draw_target, figure, keep
from straightlines.problems import walkthrough
from straightlines.steps import STEPS, descend, physical_step

# %% [markdown]
# JAX computes in 32-bit floats unless told otherwise. The walkthrough's digits are those of 32-bit floats, so this
# chapter leaves the setting alone.

# %%
print("64-bit floats:", jax.config.jax_enable_x64)

# %% [markdown]
# ## The problem
#
# There are two parameters. The physical process leaves the first one alone and squares the second. The loss is the
# squared length of the output.
#
# $$z(x) = (x_0,\; x_1^2), \qquad L(z) = z_0^2 + z_1^2$$ (physical_gradients-eq-problem)
#
# We start at $(3, 3)$ and look for the minimum at $(0, 0)$.


# %%
def z(x):
    return jnp.stack([x[0], x[1] ** 2])


def loss(z):
    return jnp.sum(z**2)


def objective(x):
    return loss(z(x))


start = jnp.array([3.0, 3.0])

# %% [markdown]
# First the test calls. By hand, $L = 3^2 + (3^2)^2 = 9 + 81$.

# %%
by_hand = 3**2 + (3**2) ** 2
print("z =", np.asarray(z(start)))
print(f"L = {by_hand} by hand, {objective(start):.1f} by function")
glue("physical_gradients-z-at-start", z(start).tolist(), display=False)
glue("physical_gradients-loss-by-hand", by_hand, display=False)
glue("physical_gradients-loss-by-function", objective(start).item(), display=False)

# %% [markdown]
# The derivatives that the methods need are the gradient of $L$ at $z$, the Jacobian $J = \partial z / \partial x$,
# and, by the chain rule, the gradient of $L(z(x))$ at $x$:
#
# $$\nabla_x L = J^\top \nabla_z L$$ (physical_gradients-eq-chain-rule)

# %%
J = jax.jacobian(z)(start)
loss_gradient = jax.grad(loss)(z(start))
objective_gradient = jax.grad(objective)(start)
print("gradient of L at z:   ", np.asarray(loss_gradient))
print("Jacobian of z:        ", np.asarray(J).tolist())
print("gradient of L at x:   ", np.asarray(objective_gradient))
print("J^T times the first:  ", np.asarray(J.T @ loss_gradient))

# %% tags=["remove-output"]
glue("physical_gradients-loss-gradient", loss_gradient.tolist(), display=False)
glue("physical_gradients-jacobian", J.tolist(), display=False)
gradient_list = objective_gradient.tolist()
glue("physical_gradients-objective-gradient", gradient_list, display=False)

# %% [markdown]
# The last component of the gradient is eighteen times the first. This is the whole difficulty of the problem: at the
# start both parameters are equally far from their goal, and the gradient looks almost only at one of them.
#
# ### The inverse, and a check that checks it
#
# The process has an inverse where $x_1 \ge 0$.
#
# $$z^{-1}(z) = (z_0,\; \sqrt{z_1})$$ (physical_gradients-eq-inverse)


# %%
def z_inverse(z):
    return jnp.stack([z[0], jnp.sqrt(z[1])])


# %% [markdown]
# The walkthrough tests the Jacobian by solving $J u = J x$ for $u$, and gets $x$ back.

# %%
solved = jnp.linalg.solve(J, J @ start)
print(np.asarray(solved))
glue("physical_gradients-solve", solved.tolist(), display=False)

# %% [markdown]
# But that is true of any invertible matrix in the place of $J$, so it says nothing about $J$.

# %%
unrelated = jnp.array([[1.0, 2.0], [3.0, 4.0]])
print(np.round(np.asarray(jnp.linalg.solve(unrelated, unrelated @ start)), 4))

# %% [markdown]
# What should be checked is that the derivative of the inverse is the inverse of the derivative.
#
# $$\left.\frac{\partial z^{-1}}{\partial z}\right|_{z(x)} = J^{-1}$$ (physical_gradients-eq-inverse-derivative)

# %%
derivative_of_inverse = np.asarray(jax.jacobian(z_inverse)(z(start)))
inverse_of_derivative = np.linalg.inv(np.asarray(J))
print("derivative of the inverse:")
print(np.round(derivative_of_inverse, 4))
print("inverse of the derivative:")
print(np.round(inverse_of_derivative, 4))

# %% [markdown]
# ## Four updates
#
# Each method is one line. Gradient descent {eq}`update_rules-eq-gradient-descent` goes against the gradient.


# %%
def gradient_descent(x, rate):
    return x - rate * jax.grad(objective)(x)


# %% [markdown]
# Newton's method {eq}`update_rules-eq-newton` divides the gradient by the Hessian of the whole objective.


# %%
def newton(x, rate):
    hessian, gradient = jax.hessian(objective)(x), jax.grad(objective)(x)
    return x - rate * jnp.linalg.solve(hessian, gradient)


# %% [markdown]
# The physical gradient {eq}`update_rules-eq-physical-gradient` makes a Newton step for $L$ in $z$, where $L$ is a plain quadratic,
# and maps the result back with the inverse.


# %%
def physical_gradient(x, rate):
    hessian, gradient = jax.hessian(loss)(z(x)), jax.grad(loss)(z(x))
    return z_inverse(z(x) - rate * jnp.linalg.solve(hessian, gradient))


# %% [markdown]
# Gauss-Newton {eq}`update_rules-eq-gauss-newton` is not in the walkthrough. It has the Hessian of $L$ in $z$, like the physical
# gradient, and takes it to $x$ with the Jacobian instead of the inverse.


# %%
def gauss_newton(x, rate):
    J, hessian = jax.jacobian(z)(x), jax.hessian(loss)(z(x))
    return x - rate * jnp.linalg.solve(J.T @ hessian @ J, jax.grad(objective)(x))


# %% [markdown]
# The walkthrough gives each method a rate of its own: $\eta = 0.01$ for gradient descent, $1/3$ for Newton, and $0.3$
# for the physical gradient. Gauss-Newton gets $0.3$, too. The loop is a plain one.


# %%
def walk(step, rate, updates=10):
    path = [start]
    for _ in range(updates):
        path.append(step(path[-1], rate))
    return np.stack(path)


rates = {
    "gradient descent": 0.01,
    "Newton": 1 / 3,
    "Gauss-Newton": 0.3,
    "physical gradient": 0.3,
}
rules = [gradient_descent, newton, gauss_newton, physical_gradient]
paths = {}
for (method, rate), rule in zip(rates.items(), rules, strict=True):
    paths[method] = walk(rule, rate)

# %% [markdown]
# These are the ten positions of each of the published runs, and then those of Gauss-Newton.

# %%
for method in ["gradient descent", "Newton", "physical gradient", "Gauss-Newton"]:
    print(method)
    print(paths[method][1:])


# %% [markdown]
# The book keeps every number that the walkthrough prints, to set it beside the published one in {ref}`reproduction`. A
# position is kept as it is printed: NumPy prints the fewest digits that tell a 32-bit float from its neighbours.


# %% tags=["remove-output"]
def glue_each(quantity, values):
    for method, value in values.items():
        method = method.lower().replace(" ", "-")
        glue(f"physical_gradients-{method}-{quantity}", value, display=False)


def as_printed(path):
    return [[float(str(number)) for number in position] for position in path]


glue_each("positions", {method: as_printed(path[1:]) for method, path in paths.items()})

# %% [markdown]
# And how far from the minimum they end.

# %%
distances = {}
for method, path in paths.items():
    distances[method] = float(np.linalg.norm(path[-1]))
    print(f"{method:17}  {distances[method]:.3f}")
glue_each("distance", distances)

# %% [markdown]
# Gradient descent is still {glue:text}`physical_gradients-gradient-descent-distance:.2f` away, Newton's method
# {glue:text}`physical_gradients-newton-distance:.3f`, Gauss-Newton
# {glue:text}`physical_gradients-gauss-newton-distance:.3f` and the physical gradient
# {glue:text}`physical_gradients-physical-gradient-distance:.2f`. The rates differ, so this is not yet a comparison; that
# comes [below](physical_gradients-equal-rates).

# %% [markdown]
# ### Digits: one operation at a time, or compiled
#
# `walk` runs one operation after the other, as the walkthrough does, and that gives its digits. The book's own
# functions are the same rules: run one operation at a time, they agree to the last bit.

# %%
problem = walkthrough()
for method, rate in rates.items():
    rule = STEPS[method]
    again = walk(lambda x, rate, rule=rule: rule(problem, x, rate), rate)
    print(f"{method:17}  same bits: {np.array_equal(again, paths[method])}")

# %% [markdown]
# `descend` compiles the whole run. A compiler may fuse a multiplication and an addition, which rounds once instead of
# twice, so the last digit can move. The difference stays at the size of rounding: one unit in the last place of a
# 32-bit float near 3 is $2.4 \cdot 10^{-7}$.

# %%
unit = np.spacing(np.float32(2.5))
for method, rate in rates.items():
    compiled = descend(problem, method, start, rate, 10)
    units = np.abs(compiled - paths[method]).max() / unit
    print(f"{method:17}  within two units in the last place: {units <= 2}")

# %% [markdown]
# ## The paths in x


# %% tags=["hide-input", "remove-output"]
def draw_paths(ax, paths):
    """Every path from its start to its end, and the minimum."""
    for method, path in paths.items():
        draw_path(ax, path, method)
    draw_target(ax, (0, 0))


def draw_levels(ax, across, up, loss):
    """Lines of equal loss."""
    grid = np.meshgrid(np.linspace(*across, 200), np.linspace(*up, 200))
    levels = [0.5, 2, 6, 14, 28, 50, 90]
    ax.contour(*grid, loss(*grid), levels, colors="#cccccc", linewidths=0.8, zorder=0)


fig, ax = figure()
draw_levels(ax, (-0.2, 3.4), (-0.2, 3.4), lambda x0, x1: x0**2 + x1**4)
draw_paths(ax, paths)
ax.annotate("start", (3, 3), (8, 6), textcoords="offset points")
ax.annotate("minimum", (0, 0), (10, -3), textcoords="offset points", va="center")
ax.set(xlabel="$x_0$", ylabel="$x_1$", xlim=(-0.2, 3.4), ylim=(-0.2, 3.4), aspect="equal")
ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), handlelength=3.6)
keep("physical_gradients-figure-x", fig)

# %% [markdown]
# ```{glue:figure} physical_gradients-figure-x
# :name: physical_gradients-figure-x
# :alt: Four paths in the plane of x from the start at (3, 3). Gradient descent falls almost straight down and then crawls left. Newton swings far to the left and stays high. Gauss-Newton and the physical gradient bend gently towards the minimum at the origin, the physical gradient slightly below.
#
# Ten updates of each method in $x$. Ring: the start. Cross: the minimum. Grey: lines of equal loss.
# ```
#
# In {numref}`physical_gradients-figure-x` gradient descent falls down the steep wall of the loss, along $x_1$, and
# then has hardly any slope left. Newton's method does the opposite: it corrects $x_0$ first. The other two keep both
# coordinates on their way.
#
# ## The paths in z
#
# The loss does not see $x$. It sees $z$, and there its lines of equal loss are circles, so the best way from anywhere
# is the straight line to the origin.

# %%
paths_in_z = {}
for method, path in paths.items():
    paths_in_z[method] = np.stack([path[:, 0], path[:, 1] ** 2], axis=1)

# %% tags=["hide-input", "remove-output"]
fig, ax = figure()
draw_levels(ax, (-0.4, 3.9), (-0.5, 9.8), lambda z0, z1: z0**2 + z1**2)
ax.plot(
    [3, 0], [9, 0], color="#999999", linewidth=5, alpha=0.35, label="straight line", zorder=0.5
)
draw_paths(ax, paths_in_z)
ax.annotate("start", (3, 9), (9, 0), textcoords="offset points", va="center")
ax.set(xlabel="$z_0$", ylabel="$z_1$", xlim=(-0.4, 3.9), ylim=(-0.5, 9.8))
ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), handlelength=3.6)
keep("physical_gradients-figure-z", fig)

# %% [markdown]
# ```{glue:figure} physical_gradients-figure-z
# :name: physical_gradients-figure-z
# :alt: The four paths in the plane of z from the start at (3, 9). The physical gradient lies on the straight line to the origin, Gauss-Newton just above it. Newton bows to the left, above the line. Gradient descent drops far below it, almost vertically.
#
# The same paths, mapped to $z$. The wide grey band is the straight line from the start to the minimum. The axes have
# different scales, so the circles of equal loss look like ellipses.
# ```
#
# In {numref}`physical_gradients-figure-z` the physical gradient is a straight line. This is no discovery; it is how the
# method is made. Its update in $z$ is $-\eta\, (\nabla_z^2 L)^{-1} \nabla_z L = -\eta\, z$, so each $z$ is a fraction
# $1 - \eta$ of the one before. The other methods choose their step in $x$, and $z$ bends it.
#
# The walkthrough has this figure as well, but without the start, and without the last point of gradient descent and
# Newton. Here all eleven points are drawn.

# %%
for method, path in paths_in_z.items():
    print(f"{method:17}  {len(path)} points, from {path[0].tolist()}")

# %% [markdown]
# (physical_gradients-three-spaces)=
# ## Three spaces
#
# The problem lives in three spaces: $x$, $z$, and the line of values of $L$. The process takes $x$ to $z$, the loss takes $z$
# to $L$. Derivatives come back the other way: $\nabla_z L$ from $L$ to $z$, and $J^\top$ from $z$ to $x$.
#
# Follow one update of gradient descent and one of the physical gradient through the three.

# %%
first = {}
for method in ["gradient descent", "physical gradient"]:
    x = first[method] = paths[method][1]
    print(method)
    print(f"  x = ({x[0]:.2f}, {x[1]:.2f})", end="  ")
    print(f"z = ({x[0]:.2f}, {x[1] ** 2:.2f})  L = {objective(x):.2f}")

# %% tags=["hide-input", "remove-output"]
from matplotlib.patches import FancyArrowPatch

layout = {
    "left": 0.07,
    "right": 0.87,
    "bottom": 0.24,
    "top": 0.8,
    "wspace": 0.45,
    "width_ratios": [1, 1, 0.05],
}
fig, (ax_x, ax_z, ax_l) = figure(3, size=(8.2, 4.3), layout="none", gridspec_kw=layout)
white = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}


def draw_arrow(ax, points, color, linestyle="-"):
    """A line through the points that ends in an arrow head."""
    ax.plot(
        *np.transpose(points[:-3]),
        color=color,
        linestyle=linestyle,
        linewidth=2.2 if linestyle == "-" else 1.4,
    )
    head = {
        "arrowstyle": "-|>",
        "color": color,
        "mutation_scale": 15,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    ax.annotate("", points[-1], points[-5], arrowprops=head)


s = np.linspace(0, 1, 60)[:, None]
start_z = np.asarray(z(start))
gradient_arrow = np.asarray(start) + s * (first["gradient descent"] - np.asarray(start))
physical_arrow = start_z * (1 - 0.3 * s)
line = start_z * s
first_order = start_z - s * np.asarray(0.01 * J @ J.T @ loss_gradient)
blue, green = LOOKS["gradient descent"].color, LOOKS["physical gradient"].color
for ax, power in [(ax_x, 4), (ax_z, 2)]:
    to_axes = (
        (lambda p: p) if ax is ax_z else (lambda p: np.stack([p[:, 0], np.sqrt(p[:, 1])], 1))
    )
    top = {ax_x: 3.5, ax_z: 10}[ax]
    draw_levels(ax, (-0.3, 4), (-0.05 * top, top), lambda a, b, power=power: a**2 + b**power)
    ax.plot(*to_axes(line).T, color="#777777", linewidth=1.2, linestyle=":", zorder=0.5)
    draw_arrow(ax, to_axes(physical_arrow), green)
    ax.plot(
        *to_axes(line)[-1], "o", color="none", markersize=9, markeredgecolor="#222222", zorder=5
    )
    draw_target(ax, (0, 0))
    ax.set(xlim=(-0.3, 4), ylim=(-0.05 * top, top))
draw_arrow(ax_z, first_order, blue, "--")
draw_arrow(ax_z, np.stack([gradient_arrow[:, 0], gradient_arrow[:, 1] ** 2], 1), blue)
draw_arrow(ax_x, gradient_arrow, blue)
ax_x.text(3.1, 2.3, "gradient\ndescent", color=blue, va="center", bbox=white)
ax_x.text(1.75, 2.95, "physical\ngradient", color=green, ha="center", va="center", bbox=white)
ax_z.text(3.12, 6.0, "gradient\ndescent", color=blue, va="center", bbox=white)
ax_z.text(2.82, 1.9, "its first order", color=blue, ha="center", va="center", bbox=white)
ax_z.text(1.65, 7.9, "physical\ngradient", color=green, ha="center", va="center", bbox=white)
ax_x.set(xlabel="$x_0$", ylabel="$x_1$")
ax_z.set(xlabel="$z_0$", ylabel="$z_1$")

values = {
    "start": (start, "#222222", "none", "o", "center"),
    "physical\ngradient": (first["physical gradient"], green, green, "D", "bottom"),
    "gradient\ndescent": (first["gradient descent"], blue, blue, "o", "top"),
}
for name, (x, color, fill, marker, side) in values.items():
    ax_l.plot(
        0, objective(x), marker, color=fill, markeredgecolor=color, markersize=8, clip_on=False
    )
    shift = {"center": 0, "bottom": -5, "top": 5}[side]
    ax_l.text(0.8, objective(x) + shift, f"{name}\n{objective(x):.1f}", color=color, va=side)
ax_l.plot(0, 0, "x", color="#222222", markersize=9, markeredgewidth=2.2, clip_on=False)
ax_l.set(xlim=(0, 1), ylim=(0, 100), xticks=[], ylabel="$L$")
ax_l.spines["bottom"].set_visible(False)

centres = []
for ax, name in [(ax_x, "x: parameters"), (ax_z, "z: output"), (ax_l, "L: loss")]:
    box = ax.get_position()
    centres.append((box.x0 + box.x1) / 2 + (0.015 if ax is ax_l else 0))
    fig.text(centres[-1], 0.9, name, ha="center", va="center", weight="bold")
for i, (forward, back) in enumerate(
    [("$z$", "$J^\\top$  or  $z^{-1}$"), ("$L$", "$\\nabla_z L$")]
):
    left, right = centres[i] + 0.095, centres[i + 1] - (0.08 if i == 0 else 0.055)
    for y, ends, text in [(0.9, (left, right), forward), (0.06, (right, left), back)]:
        arrow = FancyArrowPatch(
            (ends[0], y), (ends[1], y), arrowstyle="-|>", mutation_scale=15, color="#444444"
        )
        arrow.set_transform(fig.transFigure)
        fig.add_artist(arrow)
        fig.text((left + right) / 2, y + 0.015, text, ha="center", va="bottom")
keep("physical_gradients-figure-three-spaces", fig)

# %% [markdown]
# ```{glue:figure} physical_gradients-figure-three-spaces
# :name: physical_gradients-figure-three-spaces
# :alt: Three panels joined by arrows, x to z to L, and arrows back. In x, gradient descent points almost straight down and the physical gradient bends to the lower left along a dotted curve. In z, the image of the gradient descent step points straight down, the physical gradient points straight at the origin along a dotted line. On the line of L, gradient descent reaches a lower value than the physical gradient.
#
# One update in the three spaces. Left: parameters. Middle: the output. Right: the loss. The dotted line is
# straight in $z$ and bent in $x$. The dashed arrow is what the first-order term says about the gradient descent step.
# ```
#
# In {numref}`physical_gradients-figure-three-spaces`, gradient descent takes its direction in $x$. The direction came from
# $L$ through $\nabla_z L$, which points straight at the origin, and then through $J^\top$, which turned it: the second
# component was multiplied by 6. On the way forward to $z$ it is multiplied by 6 again. The step in $z$ is thus turned twice.
#
# The physical gradient takes its step in $z$ and comes back through the inverse. To first order that is $J^{-1}$ in the place
# of $J^\top$, and the way forward undoes it.
#
# Gradient descent has the lower loss after this one update. A loss says how high one stands, and nothing of the way
# ahead.
#
# ### How a gradient step looks from z
#
# Put the step into $z$ and expand:
#
# $$z(x - \eta \nabla_x L) = z - \eta\, J J^\top \nabla_z L + O(\eta^2)$$ (physical_gradients-eq-taylor)
#
# The walkthrough writes $(\partial z / \partial x)^2$ for $J J^\top$. On its own problem that cannot be told apart,
# because there $J$ is diagonal. On another process it can: take $z(x) = (x_0 + x_1,\; x_1^2)$, and differentiate the
# left side of {eq}`physical_gradients-eq-taylor` with respect to $\eta$.


# %%
def sheared(x):
    return jnp.stack([x[0] + x[1], x[1] ** 2])


def after_step(eta):
    return sheared(start - eta * jax.grad(lambda x: loss(sheared(x)))(start))


A, g = jax.jacobian(sheared)(start), jax.grad(loss)(sheared(start))
print("derivative:        ", np.asarray(jax.jacobian(after_step)(0.0)))
print("-J J^T grad:       ", np.asarray(-A @ A.T @ g))
print("-J J grad:         ", np.asarray(-A @ A @ g))
print("-(J squared) grad: ", np.asarray(-(A**2) @ g))

# %% [markdown]
# Only $J J^\top$ is right. It is also only a first order. At $\eta = 0.01$ the step is already long enough for the
# next term to matter.

# %%
predicted = (0.01 * J @ J.T @ loss_gradient)[1]
moved = (z(start) - z(paths["gradient descent"][1]))[1]
print(f"z1 falls by {predicted:.2f} to first order, and in truth by {moved:.2f}")
glue("physical_gradients-taylor", round(float(predicted), 5), display=False)
glue("physical_gradients-taylor-true", round(float(moved), 5), display=False)

# %% [markdown]
# The first order says {glue:text}`physical_gradients-taylor:.2f`, the truth is
# {glue:text}`physical_gradients-taylor-true:.2f`. The two arrows of the middle panel differ by this much.

# %% [markdown]
# (physical_gradients-equal-rates)=
# ## The same rate for all
#
# The walkthrough lets Newton's method run at $\eta = 1/3$ and the physical gradient at $0.3$. This handicaps the physical
# gradient. The three methods that know a curvature can share a rate; here they share each of the two.

# %%
curved = ["Newton", "Gauss-Newton", "physical gradient"]
for rate in [1 / 3, 0.3]:
    ends = {}
    for method in curved:
        end = descend(problem, method, start, rate, 10)[-1]
        ends[method] = float(np.linalg.norm(end))
        print(f"rate {rate:.3f}  {method:17}  {ends[method]:.3f}")
glue_each("equal-rate", ends)

# %% [markdown]
# How much of the way from Newton's distance to that of the physical gradient does Gauss-Newton make?

# %%
gain = ends["Newton"] - ends["Gauss-Newton"]
share = gain / (ends["Newton"] - ends["physical gradient"])
print(f"{share:.0%}")
glue("physical_gradients-metric-share", round(100 * share), display=False)

# %% [markdown]
# At $\eta = 0.3$ Newton's method ends {glue:text}`physical_gradients-newton-equal-rate:.3f` from the minimum, Gauss-Newton
# {glue:text}`physical_gradients-gauss-newton-equal-rate:.3f` and the physical gradient
# {glue:text}`physical_gradients-physical-gradient-equal-rate:.3f`. Gauss-Newton makes
# {glue:text}`physical_gradients-metric-share` % of the way from the first to the last.
#
# Gauss-Newton differs from Newton's method by its metric, $J^\top \nabla_z^2 L\, J$ in the place of $\nabla_x^2 L$. The
# physical gradient has the same metric and, through the inverse, all the higher orders of $z$. So most of the gain here
# is the metric, and the smaller part is the higher orders.
#
# ## Why Newton's method is slow here
#
# The walkthrough says that Newton's method has trouble finding the direction. The cause is more particular. Along $x_1$ the
# objective is $x_1^4$. It has a minimum at 0 with no curvature: the Hessian is singular there. A quadratic fitted to a
# quartic always falls short, by the same factor at every step, at any rate up to 1.
#
# | method | update of $x_1$ | factor of $x_1$ a step |
# |---|---|---|
# | Newton | $x_1 - \eta\, 4x_1^3 / 12x_1^2$ | $1 - \eta/3$ |
# | Gauss-Newton | $x_1 - \eta\, 4x_1^3 / 8x_1^2$ | $1 - \eta/2$ |
# | physical gradient | $\sqrt{x_1^2 - \eta\, x_1^2}$ | $\sqrt{1 - \eta}$ |

# %%
formulas = {
    "Newton": lambda rate: 1 - rate / 3,
    "Gauss-Newton": lambda rate: 1 - rate / 2,
    "physical gradient": lambda rate: np.sqrt(1 - rate),
}
for method, factor in formulas.items():
    x1 = paths[method][:, 1]
    predicted = factor(rates[method])
    same = np.allclose(x1[1:] / x1[:-1], predicted, atol=1e-6)
    print(f"{method:17}  every factor is {predicted:.4f}: {same}")

# %% [markdown]
# The full step, $\eta = 1$, shows it best. $x_0$ arrives at once with all three methods; $x_1$ arrives only with the
# physical gradient.

# %%
for method in curved:
    x = np.asarray(STEPS[method](problem, start, 1.0))
    print(f"{method:17}  x0 = {abs(x[0]):.2f}  x1 = {x[1]:.2f}")

# %% [markdown]
# Gradient descent has no factor at all. From $x_1 \leftarrow x_1 - 4\eta x_1^3$ follows, for small rates,
# $\mathrm{d}(x_1^{-2})/\mathrm{d}k = 8\eta$, so after $k$ steps $x_1 \approx 1/\sqrt{8 \eta k}$. It is sublinear: a hundred
# times the steps for one more digit.

# %%
steps = np.array([100, 1000, 10000])
long_path = descend(problem, "gradient descent", start, 0.01, 10000)
for k in steps:
    formula = 1 / np.sqrt(8 * 0.01 * k)
    print(f"{k:5d} steps  x1 = {long_path[k, 1]:.4f}  formula {formula:.4f}")

# %% [markdown]
# ## How straight is a path?
#
# The walkthrough scores the first update $u$ by its alignment with the diagonal, $-u/|u| \cdot (1, 1)$. The best possible
# score is $\sqrt 2$.


# %%
def alignment(path):
    update = path[1] - path[0]
    return float(-update @ np.ones(2, np.float32) / np.linalg.norm(update))


for method, path in paths.items():
    print(f"{method:17}  {alignment(path):.6f}")
glue_each("alignment", {method: alignment(path) for method, path in paths.items()})

# %% [markdown]
# But the diagonal is not the ideal direction. The ideal path is straight in $z$, and what is straight in $z$ is bent
# in $x$: see the dotted line in {numref}`physical_gradients-figure-three-spaces`. The score of the physical gradient, which
# does nothing but follow that line, depends on how far one update goes.

# %%
for rate in [0.001, 0.1, 0.3, 0.6, 0.9, 1.0]:
    x = np.asarray(physical_step(problem, start, rate))
    print(f"rate {rate:5.3f}  score {alignment([np.asarray(start), x]):.3f}")

# %% [markdown]
# It rises from $3/\sqrt5$, the direction of Gauss-Newton, to $\sqrt 2$, where one step lands at the minimum.
#
# A better score asks about the whole path, and asks in $z$: the largest distance of its points from the straight
# line between the start and the minimum. Zero is straight.


# %%
def largest_distance(path_in_z):
    z0, z1 = path_in_z[0] / np.linalg.norm(path_in_z[0])  # the minimum is at 0
    return float(np.abs(path_in_z @ np.array([-z1, z0])).max())


bends = {method: largest_distance(path) for method, path in paths_in_z.items()}
for method, bend in bends.items():
    print(f"{method:17}  {bend:.2f}")
glue_each("bend", {method: round(bend, 5) for method, bend in bends.items()})

# %% [markdown]
# Gradient descent strays by {glue:text}`physical_gradients-gradient-descent-bend:.2f`, Newton's method by
# {glue:text}`physical_gradients-newton-bend:.2f`, Gauss-Newton by {glue:text}`physical_gradients-gauss-newton-bend:.2f`, and the
# physical gradient by rounding only. {ref}`straight_lines` says why Gauss-Newton is so close: it follows the line to
# first order, and leaves it by the square of the rate at every step.

# %%
for rate in [0.4, 0.2, 0.1]:
    step = np.stack([z(start), z(gauss_newton(start, rate))])
    strays = largest_distance(step)
    print(f"rate {rate}  one step of Gauss-Newton strays by {strays:.4f}")

# %% [markdown]
# ### The size of the first updates
#
# The rates of the walkthrough are chosen so that the first updates are roughly of one size. They are, in $x$. In $z$
# they are not.

# %%
for method in ["gradient descent", "Newton", "physical gradient"]:
    in_x = np.linalg.norm(np.diff(paths[method], axis=0)[0])
    in_z = np.linalg.norm(np.diff(paths_in_z[method], axis=0)[0])
    print(f"{method:17}  {in_x:.3f} in x  {in_z:.2f} in z")

# %% [markdown]
# A word of caution for those who have its code at hand: it stores the updates of gradient descent and Newton's method
# without the rate, as directions, and those of the physical gradient with it, as steps. The alignment divides by the
# length and does not notice. The lengths themselves cannot be compared.

# %%
H = jax.hessian(objective)(start)
stored = {
    "gradient descent": objective_gradient,
    "Newton": jnp.linalg.solve(H, objective_gradient),
    "physical gradient": start - paths["physical gradient"][1],
}
for method, update in stored.items():
    print(f"{method:17}  length of what is stored {np.linalg.norm(update):7.3f}")

# %% [markdown]
# ## What the inverse gives, and what it does not
#
# ### One step
#
# The walkthrough concludes that the physical gradient wins wherever there is an inverse. With $\eta = 1$ it even lands at
# the minimum in one step.

# %%
print(np.asarray(physical_step(problem, start, 1.0)))

# %% [markdown]
# This is less of a triumph than it looks. At $\eta = 1$ the Newton step in $z$ goes to the minimum of $L$, which is $z = 0$, and the
# method returns $z^{-1}(0)$. That *is* the answer, from any start. Who has an inverse and one known target needs no
# optimiser.
#
# The method earns its keep where there are many targets, or where $x$ is not free but comes out of a network that must
# serve all of them. {ref}`learning_with_inverses` does that. Here are three targets $t$, with $L_t(z) = |z - t|^2$. One
# full step is one evaluation of the inverse for each.

# %%
for target in [(2.0, 4.0), (-1.0, 1.0), (0.5, 0.25)]:
    goal = jnp.array(target)
    fit = problem._replace(loss=lambda z, goal=goal: jnp.sum((z - goal) ** 2))
    x, answer = physical_step(fit, start, 1.0), z_inverse(goal)
    print(f"target {target}  full step {x.tolist()}  inverse {answer.tolist()}")

# %% [markdown]
# ### Branches
#
# The process squares $x_1$ and so forgets its sign. The inverse {eq}`physical_gradients-eq-inverse` always answers with the
# positive root. From a start with negative $x_1$ the first update jumps across. The inverse in `src` takes the sign of
# the current point along, and stays on its branch.

# %%
below = jnp.array([3.0, -3.0])
print("square root alone:", np.asarray(physical_gradient(below, 0.3)))
print("with the sign:    ", np.asarray(physical_step(problem, below, 0.3)))

# %% [markdown]
# With $\eta > 1$ the step in $z$ overshoots the origin, to a negative $z_1$ that no $x$ has. Then there is no answer, and
# the result says so.

# %%
print(np.asarray(physical_gradient(start, 1.1)))

# %% [markdown]
# ## An approximate inverse
#
# Often the inverse is not known as a formula. Then it can be computed: find the $x$ that minimises $|z(x) - y|^2$ for the
# wanted output $y$. The walkthrough uses L-BFGS from SciPy with finite differences, and starts from the current $x$, which
# also keeps the branch.


# %%
def z_numpy(x):
    return np.array([x[0], x[1] ** 2])


def approximate_inverse(y, x, **options):
    options = {"approx_grad": True} | options

    def distance(p):
        return np.sum((z_numpy(p) - y) ** 2)

    return fmin_l_bfgs_b(distance, x, **options)[0]


test_call = approximate_inverse(np.array([2.0, 2.0]), np.array([3.0, 3.0]))
print(test_call)
glue("physical_gradients-approximate-test", test_call.tolist(), display=False)

# %% [markdown]
# The second component should be $\sqrt 2$. Now the ten updates. The update of $z$ is computed in 32-bit floats, as before;
# `warm_start` says what becomes of $x$ before SciPy sees it.


# %%
def walk_approximately(warm_start):
    path = [start]
    for _ in range(10):
        output = jnp.array(z_numpy(path[-1]), jnp.float32)
        hessian, gradient = jax.hessian(loss)(output), jax.grad(loss)(output)
        y = output - 0.3 * jnp.linalg.solve(hessian, gradient)
        path.append(approximate_inverse(np.asarray(y), warm_start(path[-1])))
    return np.stack(path)


approximate = walk_approximately(lambda x: np.asarray(x, np.float64))
positions = approximate[1:]
print(positions)
glue("physical_gradients-approximate-positions", positions.tolist(), display=False)

# %% [markdown]
# The mean absolute difference (MAE) to the run with the formula is taken over all eleven points, the start among them.


# %%
def mean_difference(path):
    return float(np.abs(path - paths["physical gradient"]).mean())


kept = mean_difference(approximate)
print(f"{kept:.6f}")
glue("physical_gradients-approximate-mae", round(kept, 9), display=False)

# %% [markdown]
# ### What has rotted
#
# These are the published numbers. The published code does not give them any more. It hands $x$ to SciPy as it
# comes, and the first $x$ is a 32-bit array.

# %%
rotten_path = walk_approximately(np.asarray)
rotten = mean_difference(rotten_path)
print(f"32-bit start, as published:  {rotten:.6f}")
print(f"64-bit start:                {kept:.6f}")
glue("physical_gradients-rotten", f"{rotten:.6f}", display=False)
glue("physical_gradients-kept", f"{kept:.6f}", display=False)

# %% [markdown]
# The difference is {glue:text}`physical_gradients-rotten` instead of {glue:text}`physical_gradients-kept`. The reason is the step of the
# finite differences. SciPy's L-BFGS asks for $10^{-8}$. The published digits come from such differences in
# 64-bit floats. Today SciPy computes them in the precision of the start, where adding $10^{-8}$ to 3 changes nothing. So it takes another step, the
# square root of the rounding unit of 32-bit floats times $x$, and that is coarse.


# %%
def finite_difference_step(start):
    asked = []

    def distance(p):
        asked.append(p.copy())
        return np.sum(z_numpy(p) ** 2)

    fmin_l_bfgs_b(distance, start, approx_grad=True)
    return asked[1][0] - asked[0][0]


x = np.float32(3)
print("3 + 1e-8 is 3 in 32 bits:", x + np.float32(1e-8) == x)
for dtype in [np.float64, np.float32]:
    step = finite_difference_step(np.array([3, 3], dtype))
    print(f"step from a start in {dtype.__name__}: {step:.0e}")

# %% [markdown]
# Only the first update suffers. It misses, and L-BFGS returns 64-bit floats, so the other nine inverses are good ones of an
# $x$ that is off. The physical gradient shrinks the error in $x_0$ by the factor $1 - \eta$ at every step.

# %%
error = np.abs(rotten_path - paths["physical gradient"])[1:, 0]
print(f"first error above 1e-4: {error[0] > 1e-4}")
print("ratios of successive errors:", np.round(error[1:6] / error[:5], 1))

# %% [markdown]
# ### What sets the 0.000001
#
# The walkthrough calls the remaining difference floating point accuracy. Then it should disappear with 64-bit floats and
# exact gradients. It does not. It is set by the two numbers that tell L-BFGS when to stop: `pgtol`, the largest gradient that
# it accepts, and `factr`, the smallest relative decrease that it takes for progress, in units of rounding.


# %%
def walk_in_64_bits(**options):
    path = [np.array([3.0, 3.0])]
    for _ in range(10):
        y = 0.7 * z_numpy(path[-1])

        def gradient(p, y=y):
            return 2 * (z_numpy(p) - y) * np.array([1, 2 * p[1]])

        exact_gradient = {"fprime": gradient, "approx_grad": False}
        path.append(approximate_inverse(y, path[-1], **exact_gradient, **options))
    return np.stack(path)


# %% [markdown]
# Here the exact path is known in closed form: $x_0$ shrinks by $0.7$ and $x_1$ by $\sqrt{0.7}$ an update.

# %%
k = np.arange(11)
exact = 3 * np.stack([0.7**k, 0.7 ** (k / 2)], axis=1)
trials = {
    "default": {},
    "tight factr": {"factr": 10},
    "tight pgtol": {"pgtol": 1e-10},
    "both tight": {"factr": 10, "pgtol": 1e-10},
}
for name, options in trials.items():
    mae = f"{np.abs(walk_in_64_bits(**options) - exact).mean():.1e}"
    print(f"{name:12}  {mae}")
    glue(f"physical_gradients-mae-{name.replace(' ', '-')}", mae, display=False)

# %% [markdown]
# With the default tolerances the difference stays {glue:text}`physical_gradients-mae-default`. With both tight it falls to
# {glue:text}`physical_gradients-mae-both-tight`. It takes both: `pgtol` stops the search first, and when it does not, `factr` does.
#
# ## What remains
#
# On this problem the physical gradient takes the straight line in $z$ by construction, and the inverse does the
# bending. Gauss-Newton takes nearly the same line without an inverse. {ref}`other_optimizers` brings harder processes and other optimisers, the
# walkthrough's own next steps, and {ref}`learning_with_inverses` the networks.
#
# ## Exercises
#
# ```{exercise}
# :label: physical_gradients-ex-straight
#
# Which process would make gradient descent in $x$ straight in $z$? Find a condition on $J$ from
# {eq}`physical_gradients-eq-taylor`, and test it with a rotation.
# ```
#
# ````{solution-start} physical_gradients-ex-straight
# :class: dropdown
# ````
#
# To first order the step in $z$ is $-\eta J J^\top \nabla_z L$. It points along $\nabla_z L$ if $J J^\top = c(x)\, I$ at every $x$:
# if $z$ keeps angles. A rotation, times a scale, does, and it is linear, so there is no other order. Here is one by 30
# degrees. A map that keeps angles and is not linear squares a complex number: see {ref}`other_optimizers`.

# %%
angle = np.pi / 6
c, s = np.cos(angle), np.sin(angle)
rotation = jnp.array([[c, -s], [s, c]])
rotated = problem._replace(z=lambda x: rotation @ x, z_inverse=None)
path = descend(rotated, "gradient descent", start, 0.1, 10)
distance = largest_distance(np.asarray(path @ rotation.T))
print("strays by less than 1e-5:", distance < 1e-5)

# %% [markdown]
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: physical_gradients-ex-rate
#
# Newton's method multiplies $x_1$ by $1 - \eta/3$. Which rate brings $x_1$ to the minimum in one step, and what does
# it do to $x_0$?
# ```
#
# ````{solution-start} physical_gradients-ex-rate
# :class: dropdown
# ````
#
# The rate 3. But $x_0$ is multiplied by $1 - \eta = -2$. No single rate suits both.

# %%
print(np.round(np.asarray(newton(start, 3.0)), 4) + 0.0)

# %% [markdown]
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: physical_gradients-ex-exponential
#
# Write the parameter as $x_1 = e^w$. Which of the four methods take the same path in $z$ as before?
# ```
#
# ````{solution-start} physical_gradients-ex-exponential
# :class: dropdown
# ````
#
# The new process is $z(x_0, w) = (x_0, e^{2w})$, with the inverse $(z_0, \tfrac12 \ln z_1)$.

# %%
renamed = problem._replace(
    z=lambda p: jnp.stack([p[0], jnp.exp(2 * p[1])]),
    z_inverse=lambda z, p: jnp.stack([z[0], jnp.log(z[1]) / 2]),
)
start_renamed = jnp.array([3.0, np.log(3.0)])
for method, rate in rates.items():
    x = descend(problem, method, start, rate / 5, 10)
    p = descend(renamed, method, start_renamed, rate / 5, 10)
    moved = np.abs(np.exp(2 * p[:, 1]) - x[:, 1] ** 2).max()
    print(f"{method:17}  same: {moved < 1e-4}  z1 differs by up to {moved:.3f}")

# %% [markdown]
# Only the physical gradient does. Gauss-Newton stays close to its old path: to first order in the rate it is the same.
#
# ```{solution-end}
# ```

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
# A loss often sits at the end of a longer calculation: parameters $x$ go into a physical process $z(x)$, and the loss $L$ looks at its output. A *physical gradient* first improves the output, where the loss is simple, and then asks which $x$ gives that output. Later texts call the method scale-invariant physics (SIP) {cite:p}`holl2022scale` or an inverse simulator {cite:p}`thuerey2021pbdl`; this book keeps the first name.
#
# In this chapter you recompute an early walkthrough of the method from {cite:t}`thuerey2021pbdl`: gradient descent, Newton's method and the physical gradient on one small problem, ten updates each. Every number that it prints comes back. For those of its approximate inverse the code needs a repair, a start in 64-bit floats, and an exercise at the end says why.
#
# Then we ask what the walkthrough leaves open. Gauss-Newton joins the race: it uses the same curvature of the loss and no inverse, and so it tells what the physical gradient owes to each of the two. And where a statement of the walkthrough does not hold, we put one that does, with a cell that would show it if it were false.
#
# You need the chain rule, and what {ref}`update_rules` says about the four methods.

# %% tags=["hide-input"]
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from myst_nb import glue
from scipy.optimize import fmin_l_bfgs_b

from straightlines.figures import physical_gradients as figures
from straightlines.paths import distance_from_line
from straightlines.plotting import INK, figure, keep
from straightlines.problems import Problem
from straightlines.steps import STEPS, descend

# %% [markdown]
# ## The problem
#
# There are two parameters. The physical process leaves the first one alone and squares the second, and the loss is the squared length of the output:
#
# $$z(x) = (x_0,\; x_1^2), \qquad L(z) = z_0^2 + z_1^2$$ (physical_gradients-eq-problem)
#
# We start at $(3, 3)$ and look for the minimum at $(0, 0)$. JAX computes in 32-bit floats unless told otherwise, and the walkthrough's digits are those of 32-bit floats, so we leave that setting alone.


# %%
def z(x):
    return jnp.stack([x[0], x[1] ** 2])


def loss(z):
    return jnp.sum(z**2)


def objective(x):
    return loss(z(x))


start = np.array([3, 3], np.float32)

# %% [markdown]
# Does the code say what the formula says? By hand, the loss at the start is $3^2 + (3^2)^2$.

# %%
by_hand = 3**2 + (3**2) ** 2
z_start, by_function = np.asarray(z(start)), float(objective(start))
print(f"z = {z_start}, L = {by_hand} by hand and {by_function} by function")

# %% [markdown]
# The methods need derivatives: gradient and Hessian of $L$ at $z$, the Jacobian $J = \partial z / \partial x$, and gradient and Hessian of $L(z(x))$ at $x$. By the chain rule
#
# $$\nabla_x L = J^\top \nabla_z L .$$ (physical_gradients-eq-chain-rule)

# %%
loss_gradient = jax.jit(jax.grad(loss))
loss_hessian = jax.jit(jax.hessian(loss))
jacobian = jax.jit(jax.jacobian(z))
gradient = jax.jit(jax.grad(objective))
hessian = jax.jit(jax.hessian(objective))

J, at_z, at_x = (
    np.asarray(value)
    for value in [jacobian(start), loss_gradient(z_start), gradient(start)]
)
print("gradient of L at z: ", at_z)
print("Jacobian of z:      ", J.tolist())
print("gradient of L at x: ", at_x)
print("J^T times the first:", J.T @ at_z)

# %% [markdown]
# The last component of the gradient is eighteen times the first. This is one difficulty of the problem: at the start both parameters are equally far from their goal, and the gradient looks almost only at one of them.
#
# ### The inverse, and a check that checks it
#
# Where $x_1 \ge 0$ the process has the inverse
#
# $$z^{-1}(z) = (z_0,\; \sqrt{z_1}) .$$ (physical_gradients-eq-inverse)
#
# The function below takes the current point $x$, too. It has no use for it yet.


# %%
def z_inverse(z, x):
    return jnp.stack([z[0], jnp.sqrt(z[1])])


# %% [markdown]
# The walkthrough tests the Jacobian by solving $J u = J x$ for $u$, and gets $x$ back. But put any other invertible matrix in its place, and you get $x$ back just as well:

# %%
solved = np.linalg.solve(J, J @ start)
unrelated = np.array([[1.0, 2.0], [3.0, 4.0]])
print("Jacobian:        ", solved)
print(
    "unrelated matrix:",
    np.linalg.solve(unrelated, unrelated @ start).round(4),
)

# %% [markdown]
# So this says nothing about $J$. What you want to know is whether the derivative of the inverse is the inverse of the derivative, $\partial z^{-1} / \partial z = J^{-1}$ at $z(x)$:

# %%
inverse_jacobian = np.asarray(
    jax.jit(jax.jacobian(z_inverse))(z_start, start)
)
print(
    "derivative of the inverse:",
    inverse_jacobian.astype(float).round(4).tolist(),
)
print(
    "inverse of the derivative:",
    np.linalg.inv(J.astype(float)).round(4).tolist(),
)

# %% tags=["remove-cell"]
for key, value in {
    "z-at-start": z_start.tolist(),
    "loss-by-hand": by_hand,
    "loss-by-function": by_function,
    "loss-gradient": at_z.tolist(),
    "jacobian": J.tolist(),
    "objective-gradient": at_x.tolist(),
    "solve": solved.tolist(),
}.items():
    glue(f"physical_gradients-{key}", value, display=False)

# %% [markdown]
# ## Four updates
#
# A rule is a function of the problem, of $x$ and of the rate $\eta$ that returns the next $x$. Here there is only the walkthrough's problem, so we write its derivatives straight into the rules. Gradient descent {eq}`update_rules-eq-gradient-descent` goes against the gradient.


# %%
def gradient_descent(problem, x, rate):
    return x - rate * gradient(x)


# %% [markdown]
# Newton's method {eq}`update_rules-eq-newton` divides the gradient by the Hessian of the whole objective.


# %%
def newton(problem, x, rate):
    return x - rate * jnp.linalg.solve(hessian(x), gradient(x))


# %% [markdown]
# The physical gradient {eq}`update_rules-eq-physical-gradient` makes a Newton step for $L$ in $z$, where $L$ is a plain quadratic, and the inverse maps the result back.


# %%
def physical_gradient(problem, x, rate):
    step = jnp.linalg.solve(loss_hessian(z(x)), loss_gradient(z(x)))
    return z_inverse(z(x) - rate * step, x)


# %% [markdown]
# Gauss-Newton {eq}`update_rules-eq-gauss-newton` is not in the walkthrough. It has the Hessian of $L$ in $z$, like the physical gradient, and takes it to $x$ with the Jacobian instead of the inverse.


# %%
def gauss_newton(problem, x, rate):
    J = jacobian(x)
    return x - rate * jnp.linalg.solve(
        J.T @ loss_hessian(z(x)) @ J, gradient(x)
    )


# %% [markdown]
# The walkthrough gives each method a rate of its own: 0.01 for gradient descent, $1/3$ for Newton, 0.3 for the physical gradient. We give Gauss-Newton 0.3, too. `descend` repeats a rule and returns the start and every iterate.

# %%
problem = Problem(z, loss, z_inverse)
rules = {
    "gradient descent": (gradient_descent, 0.01),
    "Newton": (newton, 1 / 3),
    "Gauss-Newton": (gauss_newton, 0.3),
    "physical gradient": (physical_gradient, 0.3),
}
paths = {
    method: descend(problem, rule, start, rate, 10)
    for method, (rule, rate) in rules.items()
}
distances = {
    method: np.linalg.norm(path[-1]) for method, path in paths.items()
}
for method, path in paths.items():
    print(
        f"{method:17}  first {path[1].round(4)}  tenth {path[-1].round(4)}",
        end="",
    )
    print(f"  distance {distances[method]:.3f}")


# %% tags=["remove-cell"]
def glue_each(quantity, values):
    for method, value in values.items():
        method = method.lower().replace(" ", "-")
        glue(
            f"physical_gradients-{method}-{quantity}",
            float(value),
            display=False,
        )


glue_each("distance", distances)

# %% [markdown]
# Gradient descent is still {glue:text}`physical_gradients-gradient-descent-distance:.2f` away from the minimum, Newton's method {glue:text}`physical_gradients-newton-distance:.3f`, Gauss-Newton {glue:text}`physical_gradients-gauss-newton-distance:.3f` and the physical gradient {glue:text}`physical_gradients-physical-gradient-distance:.2f`. The rates differ, so this is not yet a comparison; that comes [below](physical_gradients-equal-rates). All ten positions, to the last published digit, are in {ref}`physical_gradients-ex-digits`.
#
# ## In x and in z
#
# How do the paths look, and where would you look for a straight one? The loss does not see $x$. It sees $z$, and there its lines of equal loss are circles around the origin, so that a straight line to the origin is the steepest way down in $z$, everywhere.

# %%
paths_in_z = {
    method: path ** np.array([1, 2]) for method, path in paths.items()
}

# %% tags=["hide-input", "remove-output"]
keep("physical_gradients-figure-x-z", figures.two_planes(paths, paths_in_z))

# %% [markdown]
# ````{explorer} two-planes
# ```{glue:figure} physical_gradients-figure-x-z
# :name: physical_gradients-figure-x-z
# :alt: Two panels. On the left, in the plane of x from (3, 3), gradient descent falls almost straight down and then crawls further down and to the left, Newton swings far to the left and stays high, and Gauss-Newton and the physical gradient bend gently towards the minimum at the origin. On the right, in the plane of z from (3, 9), the physical gradient lies on the straight line to the origin, Gauss-Newton just above it, Newton bows to the left, and gradient descent drops far below.
#
# Ten updates of each method in $x$ (left), and the same points in $z$ (right). Ring: the start. Cross: the minimum. Thin lines: equal loss; they are circles on the right, drawn with different scales on the axes. The wide grey band on the right is the straight line to the minimum.
# ```
# ````
#
# In $x$, gradient descent falls down the steep wall along $x_1$ and then crawls. At its small rate each update takes only the fraction $2\eta$ off $x_0$, and the fraction $4\eta x_1^2$ that it takes off $x_1$ has shrunk. Newton's method corrects $x_0$ faster than $x_1$. In $z$ the physical gradient is a straight line. This is no discovery; it is how the method is made. Its update in $z$ is $-\eta\, (\nabla_z^2 L)^{-1} \nabla_z L = -\eta\, z$, so each $z$ is a fraction $1 - \eta$ of the one before. The other methods choose their step in $x$, and nothing holds its image in $z$ to the line. How far do they stray, each at its own rate? We measure the largest distance of a path's points from the straight line in $z$:

# %%
bends = {
    method: distance_from_line(path, path[0], [0, 0])
    for method, path in paths_in_z.items()
}
for method, bend in bends.items():
    print(f"{method:17}  {bend:.2f}")

# %% tags=["remove-cell"]
glue_each(
    "bend", {method: round(bend, 5) for method, bend in bends.items()}
)

# %% [markdown]
# Gradient descent strays by {glue:text}`physical_gradients-gradient-descent-bend:.2f`, Newton's method by {glue:text}`physical_gradients-newton-bend:.2f`, Gauss-Newton by {glue:text}`physical_gradients-gauss-newton-bend:.2f`, and the physical gradient by rounding only. Why is Gauss-Newton so close without an inverse? To first order in the rate it takes the same step, so halving the rate should divide by four what one of its steps strays.

# %%
for rate in [0.4, 0.2, 0.1]:
    step = descend(problem, gauss_newton, start, rate, 1) ** np.array(
        [1, 2]
    )
    bend = distance_from_line(step, step[0], [0, 0])
    print(f"rate {rate}  strays by {bend:.4f}")


# %% [markdown]
# It does, and {ref}`straight_lines` says what this line is good for.
#
# (physical_gradients-three-spaces)=
# ## Three spaces
#
# The problem lives in three spaces: $x$, $z$, and the line of values of $L$. Derivatives come back the other way, $\nabla_z L$ from $L$ to $z$ and $J^\top$ from $z$ to $x$. The walkthrough has an empty place for the picture of them. Let us follow one update of gradient descent and one of the physical gradient through all three.

# %%
values = {"start": by_function}
for method in ["gradient descent", "physical gradient"]:
    x0, x1 = paths[method][1]
    values[method] = x0**2 + x1**4
    point, image = f"({x0:.2f}, {x1:.2f})", f"({x0:.2f}, {x1**2:.2f})"
    print(f"{method:17}  x {point}  z {image}  L {values[method]:.2f}")
first_order = 0.01 * J @ J.T @ at_z
s = np.linspace(0, 1, 60)[:, None]
descent = start - s * 0.01 * at_x

# %% tags=["hide-input", "remove-output"]
fig = figures.three_spaces(descent, z_start - s * first_order, values)
keep("physical_gradients-figure-three-spaces", fig)

# %% [markdown]
# ```{glue:figure} physical_gradients-figure-three-spaces
# :name: physical_gradients-figure-three-spaces
# :alt: Three panels joined by arrows, x to z to L, and arrows back. In x, gradient descent points almost straight down and the physical gradient bends to the lower left along a dotted curve. In z, the image of the gradient descent step points straight down, the physical gradient points straight at the origin along a dotted line. On the line of L, gradient descent reaches a lower value than the physical gradient.
#
# One update in the three spaces. The dotted line is straight in $z$ and bent in $x$. The dashed arrow is what the first-order term says about the gradient descent step.
# ```
#
# Gradient descent takes its direction in $x$, see {numref}`physical_gradients-figure-three-spaces`. It came from $-\nabla_z L$, which points straight at the origin, and then through $J^\top$, which turned it: the second component was multiplied by 6. On the way forward to $z$ it is multiplied, to first order, by 6 again. The physical gradient takes its step in $z$ and comes back through the inverse, to first order by $J^{-1}$ in the place of $J^\top$, and the way forward undoes that.
#
# Gradient descent has the lower loss after this one update. A loss says how high one stands, and nothing of the way ahead.
#
# ### How a gradient step looks from z
#
# Put the step into $z$ and expand:
#
# $$z(x - \eta \nabla_x L) = z - \eta\, J J^\top \nabla_z L + O(\eta^2)$$ (physical_gradients-eq-taylor)
#
# The walkthrough writes $(\partial z / \partial x)^2$ for $J J^\top$. On its own problem that cannot be told apart, because there $J$ is diagonal. So take another process, $z(x) = (x_0 + x_1,\; x_1^2)$, and differentiate the left side with respect to $\eta$ by a difference.


# %%
def sheared(x):
    return np.array([x[0] + x[1], x[1] ** 2])


x, h = np.array([3.0, 3.0]), 1e-6
A, g = np.array([[1, 1], [0, 6]]), 2 * sheared(x)
after, before = (sheared(x - eta * A.T @ g) for eta in [h, -h])
print("derivative:       ", ((after - before) / (2 * h)).round(3))
print("-J J^T grad:      ", -A @ A.T @ g)
print("-J J grad:        ", -A @ A @ g)
print("-(J squared) grad:", -(A**2) @ g)

# %% [markdown]
# Only $J J^\top$ is right, and it is right only to first order. Is $\eta = 0.01$ small enough for it?

# %%
moved = z_start - paths_in_z["gradient descent"][1]
print(f"z1 falls by {first_order[1]:.2f} to first order,", end=" ")
print(f"and in truth by {moved[1]:.2f}")


# %% [markdown]
# Not quite. The two arrows of the middle panel differ by this much.
#
# (physical_gradients-equal-rates)=
# ## The same rate for all
#
# The walkthrough lets Newton's method run at $1/3$ and the physical gradient at 0.3, which handicaps the physical gradient. The three methods that know a curvature can share a rate. Which of them ends nearest?

# %%
curved = ["Newton", "Gauss-Newton", "physical gradient"]
for rate in [1 / 3, 0.3]:
    for method in curved:
        end = descend(problem, rules[method][0], start, rate, 10)[-1]
        print(f"rate {rate:.3f}  {method:17}  {np.linalg.norm(end):.3f}")

# %% [markdown]
# The order is the same at both rates, and the table below shows that it is so at every rate up to 1. Why is Newton's method last? The walkthrough says that it has trouble finding the direction. The cause is more particular: along $x_1$ the objective is $x_1^4$. A quadratic fitted to a quartic falls short, and by the same factor at every step, since no term in $x_1^2$ takes over near the minimum.
#
# | method | update of $x_1$ | factor of $x_1$ a step |
# |---|---|---|
# | Newton | $x_1 - \eta\, 4x_1^3 / 12x_1^2$ | $1 - \eta/3$ |
# | Gauss-Newton | $x_1 - \eta\, 4x_1^3 / 8x_1^2$ | $1 - \eta/2$ |
# | physical gradient | $\sqrt{x_1^2 - \eta\, x_1^2}$ | $\sqrt{1 - \eta}$ |

# %%
print("factors of ten steps, and the formula")
for method, formula in zip(
    curved, [1 - 1 / 9, 1 - 0.15, 0.7**0.5], strict=True
):
    low, *_, high = np.sort(paths[method][1:, 1] / paths[method][:-1, 1])
    print(f"{method:17}  {low:.4f} to {high:.4f}  {formula:.4f}")


# %% [markdown]
# Gradient descent has no factor at all. From $x_1 \leftarrow x_1 - 4\eta x_1^3$ follows, for small steps, $\mathrm{d}(x_1^{-2})/\mathrm{d}k = 8\eta$, so after $k$ steps $x_1 \approx 1/\sqrt{8 \eta k}$: a hundred times the steps for one more digit. {ref}`update_rules` draws this decay beside the others.
#
# (physical_gradients-share)=
# ### How much of the gain is the metric?
#
# Gauss-Newton differs from Newton's method by its metric, $J^\top \nabla_z^2 L\, J$ in the place of $\nabla_x^2 L$. The physical gradient has the same metric and, through the inverse, all the higher orders of $z$ besides. So Gauss-Newton stands between the two, and we can ask how far along it stands. We measure in convergence rates: $r = -\ln f$, where $f$ is the factor of $x_1$ a step, and the share of the metric is
#
# $$\frac{r_{\text{Gauss-Newton}} - r_{\text{Newton}}}{r_{\text{physical}} - r_{\text{Newton}}} .$$ (physical_gradients-eq-share)
#
# Would you expect this to depend on the rate?


# %%
def convergence_rate(rule, rate):
    x1 = descend(problem, rule, start, rate, 10)[:, 1]
    return jnp.log(x1[0] / x1[-1]) / 10


def share_of_metric(rates):
    newtons, metric, all_orders = (
        np.asarray(
            jax.vmap(partial(convergence_rate, rules[method][0]))(rates)
        )
        for method in curved
    )
    return (metric - newtons) / (all_orders - newtons)


grid = np.float32([*np.linspace(0.01, 0.99, 99), 0.995, 0.998, 0.999])
share = share_of_metric(grid)
for rate, part in zip(grid, share, strict=True):
    if np.isclose(rate, [0.01, 0.3, 0.9, 0.99, 0.999]).any():
        print(f"rate {rate:.3f}  share of the metric {part:.0%}")

# %% tags=["hide-input", "remove-output"]
for rate in [1, 30, 90]:
    percent = round(100 * float(share[rate - 1]))
    glue(f"physical_gradients-metric-share-{rate}", percent, display=False)
fig, ax = figure()
ax.fill_between(grid, share, color="#88888855", linewidth=0)
ax.plot(grid, share, color=INK)
for rate, side in [(1, (12, 1)), (30, (8, 4)), (90, (8, 4))]:
    at = (grid[rate - 1], share[rate - 1])
    ax.plot(*at, "o", color=INK)
    text = f"{at[1]:.0%} at {at[0]:.2g}"
    ax.annotate(text, at, side, textcoords="offset points")
ax.text(0.3, 0.3, "the metric", ha="center", fontsize=11)
ax.text(0.8, 0.83, "higher orders\nof $z$", ha="center", fontsize=11)
ax.set(xlabel=r"rate $\eta$", ylabel="share of the gain over Newton")
ax.set(xlim=(0, 1), ylim=(0, 1.05))
keep("physical_gradients-figure-share", fig)

# %% [markdown]
# ```{glue:figure} physical_gradients-figure-share
# :name: physical_gradients-figure-share
# :alt: A curve falls from 1 at small rates, almost straight at first and then steeply, to less than 0.1 just below rate 1. The area below it is labelled the metric, the area above it higher orders of z. Marked points are at the rates 0.01, 0.3 and 0.9.
#
# Of what the physical gradient gains over Newton's method in convergence rate along $x_1$, the share that Gauss-Newton has already, {eq}`physical_gradients-eq-share`, against the rate that all three use. Along $x_0$ the three do the same.
# ```
#
# It does, and strongly. The metric is {glue:text}`physical_gradients-metric-share-1` % of the gain at $\eta = 0.01$, {glue:text}`physical_gradients-metric-share-30` % at 0.3 and {glue:text}`physical_gradients-metric-share-90` % at 0.9. As $\eta \to 1$ it falls to 0, because $\sqrt{1 - \eta}$ goes to zero and its rate to infinity, while $1 - \eta/2$ goes to one half and Newton's factor to two thirds. So on this problem small steps have nearly all their gain from the metric, and only large ones need the inverse.
#
# ## How straight does a first update look?
#
# The walkthrough scores the first update $u$ by its alignment with the diagonal of $x$, $u/|u| \cdot (1, 1)$ up to a sign. The largest possible score is $\sqrt 2$.


# %%
def alignment(update):
    return -update.sum() / np.linalg.norm(update)


scores = {
    method: alignment(path[1] - path[0]) for method, path in paths.items()
}
for method, score in scores.items():
    print(f"{method:17}  {score:.6f}")

# %% tags=["remove-cell"]
glue_each("alignment", scores)

# %% [markdown]
# But is the diagonal the ideal direction? What is straight in $z$ is bent in $x$: see the dotted line in {numref}`physical_gradients-figure-three-spaces`. The physical gradient does nothing but follow that line, and yet its score depends on how far one update goes.

# %%
for rate in [0.001, 0.3, 0.6, 0.9, 1.0]:
    step = descend(problem, physical_gradient, start, rate, 1)
    print(f"rate {rate:5.3f}  score {alignment(step[1] - step[0]):.3f}")

# %% [markdown]
# It rises from $3/\sqrt{5}$, the direction of Gauss-Newton, to $\sqrt 2$, where one step lands at the minimum. The distance from the line in $z$, which we used above, has no such trouble.
#
# ## What the inverse gives, and what it does not
#
# ### One step
#
# The walkthrough concludes that the physical gradient, given its inverse, outperforms the other two methods. With $\eta = 1$ it even lands in one step, from any start:

# %%
for here in [(3, 3), (-1, 0.5)]:
    here = np.array(here, np.float32)
    end = descend(problem, physical_gradient, here, 1.0, 1)[-1]
    print(f"from {here}: {end}")

# %% [markdown]
# This is less of a triumph than it looks. At $\eta = 1$ the Newton step in $z$ goes to $z = 0$, and the method returns $z^{-1}(0)$, which *is* the answer. If you have an inverse and a known target, you need no optimiser; with many targets, you call the inverse once for each. The method is of use where $x$ comes out of a network that must serve all of them: {ref}`learning_with_inverses` tries that.
#
# ### Branches, in any units
#
# The process squares $x_1$ and so forgets its sign. The inverse {eq}`physical_gradients-eq-inverse` always answers with the positive root. A local inverse, as {ref}`update_rules-physical-gradient` defines it, keeps the branch of the current point. Is a method that does not care about units safe from such jumps? We put a unit $c$ on $x_1$, so that $z = (x_0, (x_1/c)^2)$, start on the lower branch, and print in that unit where one step ends.


# %%
def in_units(c, sign):
    return Problem(
        lambda x: jnp.stack([x[0], (x[1] / c) ** 2]),
        loss,
        lambda z, x: jnp.stack([z[0], sign(x[1]) * c * jnp.sqrt(z[1])]),
    )


for c in [1, 32]:
    here = np.array([3, -3 * c], np.float32)
    for name, sign in {
        "square root alone": jnp.ones_like,
        "local": jnp.sign,
    }.items():
        rule = STEPS["physical gradient"]
        end = descend(in_units(c, sign), rule, here, 0.3, 1)[-1] / [1, c]
        print(f"unit {c:2d}  {name:17}  to {end.round(3)}")

# %% [markdown]
# The end is the same in both units, and so is the jump. Units and branches are two different matters: the method answers for the first, and whoever writes the inverse for the second. With $\eta > 1$ the step in $z$ overshoots to a negative $z_1$ that no $x$ has. Then there is no answer on any branch, and the result says so:

# %%
print(descend(problem, physical_gradient, start, 1.1, 1)[-1].round(4))

# %% [markdown]
# (physical_gradients-coordinates-of-z)=
# ### The coordinates of z
#
# The physical gradient does not depend on the coordinates of $x$. Does it depend on those of $z$? Let the process report $\tilde z = (z_0, e^{z_1})$ and read it back with $\tilde L = \tilde z_0^2 + (\ln \tilde z_1)^2$. Every $x$ has the same loss as before, and the inverse is as exact. Only the paper on which $z$ is drawn has changed.

# %%
new = Problem(
    lambda x: jnp.stack([x[0], jnp.exp(x[1] ** 2)]),
    lambda z: z[0] ** 2 + jnp.log(z[1]) ** 2,
    lambda z, x: jnp.stack(
        [z[0], jnp.sign(x[1]) * jnp.sqrt(jnp.log(z[1]))]
    ),
)
for method in curved:
    for name, form in {"z": problem, "(z0, exp z1)": new}.items():
        x0, x1 = descend(form, STEPS[method], start, 0.5, 1)[-1]
        after = x0**2 + x1**4
        print(f"{method:17}  {name:12}  x1 {x1:.3f}  loss {after:5.2f}")


# %% [markdown]
# It does. From the same point, with the same rate and the same loss of {glue:text}`physical_gradients-loss-by-function:.0f`, the physical gradient takes $x_1$ down in one system and *up* in the other, and the loss rises. Gauss-Newton, which uses the metric of $z$, goes up as well; Newton's method in $x$ sees only $L(z(x))$ and does not notice. The reason is the curvature of $(\ln \tilde z_1)^2$, which is negative beyond $\tilde z_1 = e$, so that a Newton step in $\tilde z$ climbs.
#
# An affine change $\tilde z = Az + b$ with a regular $A$ would have done no harm, since Newton's step in $z$ goes along with it. So "straight in $z$" is a statement about chosen coordinates of the output: those in which the loss is a quadratic. {ref}`straight_lines` asks which coordinates deserve that choice, and what bends the line when they are changed.
#
# ## An approximate inverse
#
# Often there is no formula for the inverse. Then it can be computed: find the $x$ that minimises $|z(x) - y|^2$ for the wanted output $y$. The walkthrough uses L-BFGS from SciPy with finite differences and starts from the current $x$. That usually keeps the branch, but nothing guarantees it:


# %%
def z_numpy(x):
    return np.array([x[0], x[1] ** 2])


def approximate_inverse(y, x, **options):
    def distance(p):
        return np.sum((z_numpy(p) - y) ** 2)

    return fmin_l_bfgs_b(distance, x, **({"approx_grad": True} | options))[
        0
    ]


test_call = approximate_inverse(np.array([2.0, 2.0]), np.array([3.0, 3.0]))
print(
    "z^-1 of (2, 2):",
    test_call.round(6),
    " exact:",
    np.round([2, np.sqrt(2)], 6),
)
here = np.array([0.4, 0.7])
there = approximate_inverse(0.3 * z_numpy(here), here)
print(f"from {here}, for 0.3 of its z: {there.round(2)}")

# %% [markdown]
# The second search crossed to the lower branch. Now the ten updates. The step in $z$ is computed in 32-bit floats, as before. The search gets $x$ as 64-bit floats. The walkthrough leaves this out, and it is the repair without which its numbers do not come back today: see {ref}`physical_gradients-ex-rot`.


# %%
def walk_approximately(warm_start):
    path = [start]
    for _ in range(10):
        output = z_numpy(path[-1]).astype(np.float32)
        direction = jnp.linalg.solve(
            loss_hessian(output), loss_gradient(output)
        )
        y = output - np.float32(0.3) * np.asarray(direction)
        path.append(approximate_inverse(y, warm_start(path[-1])))
    return np.stack(path)


def mean_difference(path):
    return float(np.abs(path - paths["physical gradient"]).mean())


approximate = walk_approximately(partial(np.asarray, dtype=np.float64))
kept = mean_difference(approximate)
print("last position:", approximate[-1].round(6))
print(f"mean absolute difference to the run with the formula: {kept:.6f}")

# %% tags=["remove-cell"]
glue(
    "physical_gradients-approximate-test", test_call.tolist(), display=False
)
positions = approximate[1:].tolist()
glue("physical_gradients-approximate-positions", positions, display=False)
glue("physical_gradients-approximate-mae", round(kept, 6), display=False)
glue("physical_gradients-kept", f"{kept:.6f}", display=False)

# %% [markdown]
# Position by position, the path is the same to a few millionths. {ref}`other_optimizers` counts what such a search costs.
#
# ## What remains
#
# On this problem the physical gradient takes the straight line in $z$ by construction, and the inverse does the bending. Gauss-Newton takes nearly the same line without an inverse, as long as the steps are small. {ref}`other_optimizers` brings harder processes and other optimisers, the walkthrough's own next steps, and {ref}`learning_with_inverses` the networks.
#
# ## Exercises
#
# ```{exercise}
# :label: physical_gradients-ex-digits
#
# `descend` compiles a whole run, and a compiler may fuse a multiplication and an addition, which rounds once instead of twice. The walkthrough ran one operation at a time. Do that, and print all positions. How far apart are the two runs, in units of the last place?
# ```
#
# ````{solution-start} physical_gradients-ex-digits
# :class: dropdown
# ````

# %%
plain = {}
for method, (rule, rate) in rules.items():
    plain[method] = [jnp.asarray(start)]
    for _ in range(10):
        plain[method].append(rule(problem, plain[method][-1], rate))
    plain[method] = np.stack(plain[method])
    print(method)
    print(plain[method][1:])

# %%
apart = max(
    (np.abs(paths[method] - path) / np.spacing(np.abs(path))).max()
    for method, path in plain.items()
)
print("units in the last place:", "up to 4" if apart <= 4 else f"{apart:g}")


# %% tags=["remove-cell"]
def as_printed(path):
    return [
        [float(str(number)) for number in position] for position in path
    ]


for method, path in plain.items():
    key = f"physical_gradients-{method.lower().replace(' ', '-')}-positions"
    glue(key, as_printed(path[1:]), display=False)

# %% [markdown]
# These are the published positions, to the last digit, and those of Gauss-Newton, which are our own. NumPy prints as few digits as tell a 32-bit float from its neighbours, but no more than eight decimals, and {ref}`reproduction` compares the positions to the decimals that were published. Only the compiled run differs, by a few units in the last place of each number; how many, and whether at all, depends on the processor. Near 3 one unit in the last place of a 32-bit float is $2.4 \cdot 10^{-7}$.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: physical_gradients-ex-rot
#
# The published code hands $x$ to SciPy as it comes, and the first $x$ is a 32-bit array. What does that do to the mean difference, and why?
# ```
#
# ````{solution-start} physical_gradients-ex-rot
# :class: dropdown
# ````

# %%
rotten_path = walk_approximately(np.asarray)
rotten = mean_difference(rotten_path)
print(f"32-bit start, as published: {rotten:.6f}")
print(f"64-bit start:               {kept:.6f}")


# %%
def finite_difference_step(start):
    asked = []

    def distance(p):
        asked.append(p.copy())
        return np.sum(z_numpy(p) ** 2)

    fmin_l_bfgs_b(distance, start, approx_grad=True)
    return asked[1][0] - asked[0][0]


for dtype in [np.float64, np.float32]:
    step = finite_difference_step(np.array([3, 3], dtype))
    print(f"step from a start in {dtype.__name__}: {step:.0e}")

# %% tags=["remove-cell"]
glue("physical_gradients-rotten", f"{rotten:.6f}", display=False)

# %% [markdown]
# The difference is {glue:text}`physical_gradients-rotten` instead of {glue:text}`physical_gradients-kept`. SciPy's L-BFGS asks for differences with a step of $10^{-8}$. Today it computes them in the precision of the start, where adding $10^{-8}$ to 3 changes nothing, and so it takes another step, which is coarse. A start in 64-bit floats mends it. Only the first update suffers, since L-BFGS returns 64-bit floats; after it the physical gradient shrinks the error in $x_0$ by the factor $1 - \eta$ at every step:

# %%
error = np.abs(rotten_path - paths["physical gradient"])[1:, 0]
print("ratios of successive errors:", np.round(error[1:6] / error[:5], 1))

# %% [markdown]
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: physical_gradients-ex-tolerance
#
# The walkthrough calls the remaining mean difference floating point accuracy. Then it should disappear with 64-bit floats and exact gradients. Does it? Try `factr` and `pgtol`, the two numbers that tell L-BFGS when to stop.
# ```
#
# ````{solution-start} physical_gradients-ex-tolerance
# :class: dropdown
# ````


# %%
def walk_in_64_bits(**options):
    path = [np.array([3.0, 3.0])]
    for _ in range(10):
        y = 0.7 * z_numpy(path[-1])

        def slope(p, y=y):
            return 2 * (z_numpy(p) - y) * np.array([1, 2 * p[1]])

        given = {"fprime": slope, "approx_grad": False} | options
        path.append(approximate_inverse(y, path[-1], **given))
    return np.stack(path)


k = np.arange(11)
exact = 3 * np.stack([0.7**k, 0.7 ** (k / 2)], axis=1)
tight = {"tight factr": {"factr": 10}, "tight pgtol": {"pgtol": 1e-10}}
both = {"factr": 10, "pgtol": 1e-10}
tight |= {"default": {}, "both tight": both}
tight["differences"] = both | {"approx_grad": True, "fprime": None}
for name, options in tight.items():
    print(
        f"{name:12} {np.abs(walk_in_64_bits(**options) - exact).mean():.1e}"
    )

# %% [markdown]
# It stays with the default tolerances, and it takes both to remove it: `pgtol`, the largest gradient that is accepted, stops the search first, and when it does not, `factr` does. Times the machine precision, it is the smallest decrease that counts as progress; SciPy takes it relative to the loss only where the loss is above 1. The last line has both tight and finite differences again: of the walkthrough's error they explain little.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: physical_gradients-ex-first-updates
#
# The rates of the walkthrough are chosen so that the first updates are roughly of one size. Are they, in $x$ and in $z$?
# ```
#
# ````{solution-start} physical_gradients-ex-first-updates
# :class: dropdown
# ````

# %%
for method in ["gradient descent", "Newton", "physical gradient"]:
    in_x, in_z = (
        np.linalg.norm(drawn[method][1] - drawn[method][0])
        for drawn in [paths, paths_in_z]
    )
    print(f"{method:17}  {in_x:.3f} in x  {in_z:.2f} in z")

# %% [markdown]
# In $x$ they are, in $z$ they are not. If you have the walkthrough's code at hand, mind that it stores the updates of gradient descent and Newton's method without the rate, as directions, and those of the physical gradient with it. The alignment divides by the length and does not notice; the lengths themselves cannot be compared.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: physical_gradients-ex-straight
#
# Which process would make gradient descent in $x$ straight in $z$? Find a condition on $J$ from {eq}`physical_gradients-eq-taylor`, and test it with a rotation.
# ```
#
# ````{solution-start} physical_gradients-ex-straight
# :class: dropdown
# ````
#
# To first order the step in $z$ is $-\eta J J^\top \nabla_z L$. It points along $-\nabla_z L$ if $J J^\top = c(x)\, I$ at every $x$: if $z$ keeps angles. A rotation, times a scale, does, and it is linear, so there is no other order. Here is one by 30 degrees.

# %%
c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
rotation = np.array([[c, -s], [s, c]], np.float32)
rotated = Problem(lambda x: rotation @ x, loss)
path = (
    descend(rotated, STEPS["gradient descent"], start, 0.1, 10) @ rotation.T
)
print(f"strays by {distance_from_line(path, path[0], [0, 0]):.4f}")

# %% [markdown]
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: physical_gradients-ex-rate
#
# Newton's method multiplies $x_1$ by $1 - \eta/3$. Which rate brings $x_1$ to the minimum in one step, and what does it do to $x_0$?
# ```
#
# ````{solution-start} physical_gradients-ex-rate
# :class: dropdown
# ````
#
# The rate 3. But $x_0$ is multiplied by $1 - \eta = -2$. No single rate suits both.

# %%
print(descend(problem, newton, start, 3.0, 1)[-1].round(4) + 0.0)

# %% [markdown]
# ```{solution-end}
# ```

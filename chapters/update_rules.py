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
# (update_rules)=
# # Update rules
#
# This chapter puts seven update rules side by side: gradient descent, Newton and quasi-Newton, Gauss-Newton, the natural gradient,
# the inverse Jacobian and the physical gradient.
# Each of them turns a point into a better one. They differ in what they take a step *of*.
#
# You will see each rule as an equation and as a few lines of code. Then the same five questions are put to it:
# which unit does its step have, how does it answer a rescaled problem, what does it do near the optimum, does it compose, and what does it cost?
# The other chapters cite the equations of this one.
#
# You need derivatives of functions of several variables, and a little [JAX](https://docs.jax.dev): `jax.grad` makes the function that computes a gradient.
#
# ## The problem and two examples
#
# Every problem in this chapter has two stages. A map $z$ takes the unknowns $x \in \mathbb{R}^n$ to an outcome $z(x) \in \mathbb{R}^m$. A loss $L$ takes the outcome to a number.
# We look for the $x$ with the smallest $L(z(x))$. The unknowns live in *x-space*, the outcomes in *z-space*. In a physical problem $z$ is the simulator, and {cite:t}`holl2022scale` write $P$ for it.
#
# Three derivatives appear again and again: the Jacobian $J = \partial z / \partial x$, the gradient $\nabla_z L$ and the Hessian $H_z = \nabla_z^2 L$ of the loss in z-space.
# The chain rule gives the gradient in x-space,
#
# $$
# \nabla_x L = J^\top \nabla_z L .
# $$ (update_rules-eq-chain-rule)
#
# ```{prf:definition} Update rule
# :label: update_rules-update-rule
#
# An update rule takes a problem, a point $x$ and a rate $\eta > 0$ to a step $\Delta x$. The next point is $x + \Delta x$.
# ```

# %%
import jax
import jax.numpy as jnp
import numpy as np
from myst_nb import glue

from straightlines.plotting import LOOKS, draw_path, draw_target, figure, keep
from straightlines.problems import Problem, scaled, walkthrough
from straightlines.steps import STEPS, descend

jax.config.update("jax_enable_x64", True)
START = jnp.array([3.0, 3.0])
SCALED = {alpha: scaled(alpha) for alpha in [1, 4, 16]}
WALKTHROUGH = walkthrough()

# %% [markdown]
# The first example is linear: $P(x) = (x_0, \alpha x_1)$ with $L = |P|^2$. The number $\alpha$ says how much more the outcome feels $x_1$ than $x_0$.
# The second is the problem of the {ref}`walkthrough <physical_gradients>`: $z(x) = (x_0, x_1^2)$ with $L = |z|^2$. Its minimum is degenerate, since $L$ grows like $x_1^4$ there.
# Components are counted from 0, as in Python: `x[0]` is $x_0$.

# %%
print("scaled, alpha = 4:", SCALED[4].z(START), float(SCALED[4].objective(START)))
print("walkthrough:      ", WALKTHROUGH.z(START), float(WALKTHROUGH.objective(START)))

# %% [markdown]
# ## Three tools
#
# The first question is about units. Say that $x$ is in metres and $L$ in joules. To find the unit of a step, measure the same problem in other units and see what the number does.
# In units of 10 cm, every $x$ becomes ten times as large. A step in metres becomes ten times as large, too. A step in joules per metre becomes ten times *smaller*.


# %%
def rescaled(problem, c=1.0, b=1.0):
    """The same problem, with numbers c times as large for x and b times as large for L."""
    return Problem(
        lambda x: problem.z(x / c),
        lambda z: b * problem.loss(z),
        lambda z, x: c * problem.z_inverse(z, x / c),
    )


def exponents(rule, rate=0.01):
    """The powers p, q for which the length of a step goes as c^p b^q."""
    length = {}
    for c, b in [(1, 1), (10, 1), (1, 10)]:
        length[c, b] = jnp.linalg.norm(
            rule(rescaled(WALKTHROUGH, c, b), c * START, rate) - c * START
        )
    powers = jnp.log10(jnp.array([length[10, 1], length[1, 10]]) / length[1, 1])
    return (np.round(powers, 6) + 0.0).tolist()


# %% [markdown]
# The second tool takes a step on $P(x) = (x_0, \alpha x_1)$ for several $\alpha$. The third compares the rule written out here with the one in `straightlines.steps`, which the other chapters use.


# %%
def report(rule, name):
    p, q = exponents(rule)
    print(f"unit of the step: metre^{p:g} joule^{q:g}")
    unit = {(-1, 1): "J/m", (1, 0): "m", (1, 1): "m J"}[p, q]
    glue(f"update_rules-unit-{name}", unit, display=False)
    for alpha, problem in SCALED.items():
        step = rule(problem, START, 0.1) - START
        print(f"alpha = {alpha:2d}: step {step[0]:8.2f} {step[1]:8.2f}")


def check(rule, method):
    points = [START, jnp.array([-1.0, 2.0]), jnp.array([0.5, -1.5])]
    pairs = [(problem, x) for problem in [SCALED[4], WALKTHROUGH] for x in points]
    largest = max(
        float(abs(rule(*pair, 0.1) - STEPS[method](*pair, 0.1)).max()) for pair in pairs
    )
    print(f"{method}: agrees with straightlines.steps to 1e-12: {largest < 1e-12}")


# %% [markdown]
# ## Gradient descent
#
# Gradient descent follows the slope:
#
# $$
# \Delta x = -\eta\, \nabla_x L .
# $$ (update_rules-eq-gradient-descent)


# %%
def gradient_descent(problem, x, rate):
    return x - rate * jax.grad(problem.objective)(x)


check(gradient_descent, "gradient descent")
report(gradient_descent, "gradient-descent")

# %% [markdown]
# The step has the unit of the slope, {glue:text}`update_rules-unit-gradient-descent`, and not that of $x$. So the rate has to bring a unit of its own, m²/J:
# a rate that works in metres does not work in centimetres.
#
# The step in $x_1$ grows as $\alpha^2$: one factor $\alpha$ from the map, one from the slope of the loss. The one place that needs a smaller step, the steep direction, gets the largest.
#
# Each step multiplies $x_0$ by $1 - 2\eta$ and $x_1$ by $1 - 2\eta\alpha^2$. For $\alpha \ge 1$ gradient descent is stable while $\eta < 1/\alpha^2$. One per cent on either side decides:

# %%
for alpha, problem in SCALED.items():
    below, above = (
        jnp.linalg.norm(descend(problem, "gradient descent", START, rate, 3000)[-1])
        for rate in [0.99 / alpha**2, 1.01 / alpha**2]
    )
    print(f"alpha = {alpha:2d}: converges below: {below < 1e-6}, diverges above: {above > 1e6}")

# %% [markdown]
# ## Newton
#
# Newton's method goes to where the parabola that fits the loss at $x$ is flat: its minimum, if the Hessian is positive definite. With $H_x = \nabla_x^2 L(z(x))$,
#
# $$
# \Delta x = -\eta\, H_x^{-1}\, \nabla_x L .
# $$ (update_rules-eq-newton)


# %%
def newton(problem, x, rate):
    hessian = jax.hessian(problem.objective)(x)
    return x - rate * jnp.linalg.solve(hessian, jax.grad(problem.objective)(x))


check(newton, "Newton")
report(newton, "newton")

# %% [markdown]
# The Hessian has the unit J/m². It turns the slope's J/m into {glue:text}`update_rules-unit-newton`: the rate is a pure number, and $\eta = 1$ means "all the way". The step does not change with $\alpha$.
#
# The Hessian of a composition has two parts. Differentiating {eq}`update_rules-eq-chain-rule` once more gives
#
# $$
# H_x = J^\top H_z J + \sum_k \frac{\partial L}{\partial z_k}\, \nabla_x^2 z_k .
# $$ (update_rules-eq-hessian-composition)
#
# The first part is the *metric part*: it measures steps in $x$ by what they do to $z$. The second, the *curvature part*, is there only when the map is curved. It mixes the curvature of $z$ with the slope of $L$, and it can have any sign. For the walkthrough at $(3, 3)$ it is a large part of the Hessian:

# %%
problem, z = WALKTHROUGH, WALKTHROUGH.z(START)
J = jax.jacobian(problem.z)(START)
metric_part = J.T @ jax.hessian(problem.loss)(z) @ J
curvature_part = jnp.tensordot(jax.grad(problem.loss)(z), jax.hessian(problem.z)(START), 1)
print("J^T H_z J:", np.diag(metric_part), "  dL/dz . d2z/dx2:", np.diag(curvature_part))
hessian = jax.hessian(problem.objective)(START)
print("sum is the Hessian:", np.allclose(metric_part + curvature_part, hessian))
glue("update_rules-hessian", round(float(hessian[1, 1]), 6), display=False)
glue("update_rules-metric", round(float(metric_part[1, 1]), 6), display=False)
glue("update_rules-share", round(float(metric_part[1, 1] / hessian[1, 1]), 6), display=False)

# %% [markdown]
# Along $x_1$, Newton divides by {glue:text}`update_rules-hessian:.0f` where the metric part alone is {glue:text}`update_rules-metric:.0f`. So its step is only {glue:text}`update_rules-share:.2f` times the step with the metric part alone.
# Where the second part makes the Hessian indefinite, Newton walks *uphill*: see {ref}`update_rules-ex-newton`.
#
# ## Quasi-Newton
#
# A quasi-Newton method does not compute the Hessian. It keeps a matrix $B$ in place of $H_x^{-1}$ and corrects it after each step from the change of the gradient:
#
# $$
# \begin{aligned}
# \Delta x &= -\eta\, B_k \nabla_x L, \qquad B_{k+1}\, y_k = s_k, \\
# s_k &= x_{k+1} - x_k, \qquad y_k = \nabla_x L(x_{k+1}) - \nabla_x L(x_k) .
# \end{aligned}
# $$ (update_rules-eq-quasi-newton)
#
# The condition $B_{k+1} y_k = s_k$ is the secant equation. It asks that $B$ explains the last step, and it leaves the rest of $B$ open. BFGS {cite:p}`nocedal2006numerical` fills the rest with
# $B_{k+1} = (I - \rho s y^\top) B_k (I - \rho y s^\top) + \rho s s^\top$, where $\rho = 1/(y^\top s)$.


# %%
def bfgs_update(B, s, y):
    M = jnp.eye(len(s)) - jnp.outer(s, y) / (s @ y)
    return M @ B @ M.T + jnp.outer(s, s) / (s @ y)


def bfgs(problem, x, rate, iterations, B):
    gradient = jax.grad(problem.objective)
    path = [x]
    for _ in range(iterations):
        x = path[-1] - rate * B @ gradient(path[-1])
        s, y = x - path[-1], gradient(x) - gradient(path[-1])
        B, path = bfgs_update(B, s, y), [*path, x]
    return jnp.stack(path), B, s, y


# %% [markdown]
# Two checks: the secant equation holds, and the matrix is the one that SciPy computes.

# %%
from itertools import pairwise

from scipy.optimize import BFGS

path, B, s, y = bfgs(SCALED[4], START, 0.05, 10, jnp.eye(2))
oracle = BFGS(init_scale=1.0)
oracle.initialize(2, "inv_hess")
gradient = jax.grad(SCALED[4].objective)
for here, there in pairwise(path):
    oracle.update(there - here, gradient(there) - gradient(here))
print("secant equation holds:", np.allclose(B @ y, s, rtol=1e-9, atol=0))
print("same matrix as SciPy: ", np.allclose(B, oracle.get_matrix(), rtol=1e-9))

# %% [markdown]
# With nothing known, BFGS begins with $B_0 = I$. Its first step is gradient descent's, with gradient descent's unit and its sensitivity to $\alpha$:


# %%
def first_bfgs_step(problem, x, rate):
    return bfgs(problem, x, rate, 1, jnp.eye(2))[0][1]


report(first_bfgs_step, "quasi-newton")

# %% [markdown]
# Then it learns. On the problem with $\alpha = 4$ the first step throws $x_1$ to the other side. From the second step on, $x_1$ shrinks by nearly the factor $1 - \eta$ that Newton has.

# %%
newton_path = descend(SCALED[4], "Newton", START, 0.05, 60)
print("BFGS:  ", np.round(path[1:5, 1] / path[:4, 1], 2))
print("Newton:", np.round(newton_path[1:5, 1] / newton_path[:4, 1], 2))

# %% [markdown]
# ## Gauss-Newton
#
# Gauss-Newton keeps the first part of {eq}`update_rules-eq-hessian-composition` and drops the second:
#
# $$
# \Delta x = -\eta\, (J^\top H_z J)^{-1}\, \nabla_x L .
# $$ (update_rules-eq-gauss-newton)


# %%
def gauss_newton(problem, x, rate):
    J = jax.jacobian(problem.z)(x)
    metric = J.T @ jax.hessian(problem.loss)(problem.z(x)) @ J
    return x - rate * jnp.linalg.solve(metric, jax.grad(problem.objective)(x))


check(gauss_newton, "Gauss-Newton")
report(gauss_newton, "gauss-newton")

# %% [markdown]
# The unit and the answer to $\alpha$ are Newton's. On a linear map the two rules are the same.
# The matrix $J^\top H_z J$ pulls the metric of z-space back to x-space. If $H_z$ is positive definite and $J$ has full column rank, the step never goes uphill.
#
# ## Natural gradient
#
# The natural gradient {cite:p}`amari1998natural` measures a step by how much it changes a probability distribution $p(y; x)$. The derivative $\nabla_x \ln p$ is called the score. The measure is the Fisher matrix, the mean outer product of the score with itself:
#
# $$
# \Delta x = -\eta\, F^{-1} \nabla_x L, \qquad F = \mathrm{E}_{y \sim p}\!\left[ \nabla_x \ln p(y; x)\, \nabla_x \ln p(y; x)^\top \right] .
# $$ (update_rules-eq-natural-gradient)
#
# A problem with the loss $|z|^2$ has a model behind it: outcomes $y$ scatter around $z(x)$ as $N(z(x), \tfrac12 I)$, and we have seen $y = 0$. Then $-\ln p(0; x) = |z(x)|^2 + \ln \pi$ in two dimensions.
#
# The mean over $y$ needs no sampling. The outer product is quadratic in $y$, so a Gauss-Hermite quadrature with three nodes an axis is exact.

# %%
nodes, weights = np.polynomial.hermite.hermgauss(3)  # weight exp(-t^2), t = y - z
NOISE = jnp.array([[s, t] for s in nodes for t in nodes])
WEIGHTS = jnp.array([v * w for v in weights for w in weights]) / np.pi


def fisher(z, x):
    def log_density(x, y):
        return -jnp.sum((y - z(x)) ** 2) - jnp.log(jnp.pi)

    scores = jax.vmap(jax.grad(log_density), (None, 0))(x, z(x) + NOISE)
    return jnp.einsum("k,ki,kj->ij", WEIGHTS, scores, scores)


# %% [markdown]
# By hand: the score is $2 J^\top (y - z)$ and $y - z$ has the covariance $\tfrac12 I$, so $F = 4 J^\top (\tfrac12 I) J = 2 J^\top J$. Here $H_z = 2 I$, so this is the Gauss-Newton matrix. The quadrature agrees:

# %%
for problem in [SCALED[4], WALKTHROUGH]:
    J = jax.jacobian(problem.z)(START)
    F = fisher(problem.z, START)
    same = np.allclose(F, 2 * J.T @ J, atol=1e-9)
    print("Fisher:", (np.round(F, 6) + 0.0).tolist(), " equals 2 J^T J:", same)

# %% [markdown]
# So on these problems the natural gradient and Gauss-Newton take the same step:


# %%
def natural_gradient(problem, x, rate):
    return x - rate * jnp.linalg.solve(fisher(problem.z, x), jax.grad(problem.objective)(x))


check(natural_gradient, "Gauss-Newton")
report(natural_gradient, "natural-gradient")

# %% [markdown]
# The unit is not the same. The Fisher matrix belongs to the model and knows nothing of $L$: it has the unit 1/m². If $L$ is the model's own negative log-likelihood, it is a pure number and the step is in metres.
# If $L$ is in joules, the step is in {glue:text}`update_rules-unit-natural-gradient`, and the rate needs the unit 1/J. The natural gradient is invariant to the coordinates of $x$, and not to the scale of $L$.
#
# ## Inverse Jacobian
#
# All rules so far begin in x-space. The next two begin in z-space. There the loss is simple, and a Newton step for it is
#
# $$
# \Delta z = -\eta\, H_z^{-1}\, \nabla_z L .
# $$ (update_rules-eq-newton-in-z)
#
# What remains is the way back to x-space. Where $J$ is square and regular, its inverse takes a small step in $z$ to the step in $x$ that causes it:
#
# $$
# \Delta x = J^{-1} \Delta z = -\eta\, J^{-1} H_z^{-1}\, \nabla_z L .
# $$ (update_rules-eq-inverse-jacobian)


# %%
def newton_step_in_z(problem, z, rate):
    return -rate * jnp.linalg.solve(jax.hessian(problem.loss)(z), jax.grad(problem.loss)(z))


def inverse_jacobian(problem, x, rate):
    step_in_z = newton_step_in_z(problem, problem.z(x), rate)
    return x + jnp.linalg.solve(jax.jacobian(problem.z)(x), step_in_z)


check(inverse_jacobian, "Gauss-Newton")
report(inverse_jacobian, "inverse-jacobian")

# %% [markdown]
# It is Gauss-Newton in other words: $(J^\top H_z J)^{-1} J^\top = J^{-1} H_z^{-1}$. The joules cancel in z-space already, in {eq}`update_rules-eq-newton-in-z`. The Jacobian only changes the unit of $z$ into metres.
#
# Two warnings. First, the inverse must be taken of $z$, not of the loss. A loss has a vanishing derivative at its minimum, so the inverse of *that* grows without bound. For $L = x^2$:

# %%
for x in [1.0, 0.1, 0.01]:
    print(f"x = {x:4.2f}: dx/dL = {1 / jax.grad(lambda x: x**2)(x):5.1f}")

# %% [markdown]
# Second, if $z$ has fewer components than $x$, a pseudo-inverse has to choose among many steps. It takes the shortest, and what is shortest depends on units.
# For $z = x_0 + x_1$, ask for a step of 1, measure $x_1$ in units of 10 cm ($c = 10$), and go back to metres afterwards:

# %%
for c in [1, 10]:
    step = jnp.linalg.pinv(jnp.array([[1.0, 1.0 / c]])) @ jnp.ones(1)
    print(f"c = {c:2d}: x_0 moves by {step[0]:.3f} m and x_1 by {step[1] / c:.3f} m")

# %% [markdown]
# (update_rules-physical-gradient)=
# ## Physical gradient
#
# The inverse Jacobian is the linear part of the inverse map. If the inverse map itself can be computed, there is no need to linearise. Make the step in z-space and invert:
#
# $$
# \Delta x = z^{-1}\big(z(x) + \Delta z;\ x\big) - x, \qquad \Delta z = -\eta\, H_z^{-1}\, \nabla_z L .
# $$ (update_rules-eq-physical-gradient)
#
# This is the *physical gradient*. {cite:t}`holl2022scale` call the update scale-invariant physics (SIP), and its way back an inverse simulator. The inverse is local: $z^{-1}(\,\cdot\,; x)$ gives the solution near $x$.


# %%
def physical_gradient(problem, x, rate):
    z = problem.z(x)
    return problem.z_inverse(z + newton_step_in_z(problem, z, rate), x)


check(physical_gradient, "physical gradient")
report(physical_gradient, "physical-gradient")

# %% [markdown]
# The unit is that of $x$, because an inverse returns an $x$. The derivative of the inverse is $J^{-1}$, so for a small rate the physical gradient becomes the inverse Jacobian:

# %%
J, z = jax.jacobian(WALKTHROUGH.z)(START), WALKTHROUGH.z(START)
inverse_derivative = jax.jacobian(WALKTHROUGH.z_inverse)(z, START)
print("derivative of the inverse is J^-1:", np.allclose(inverse_derivative @ J, np.eye(2)))
for rate in [0.1, 0.01, 0.001]:
    exact = physical_gradient(WALKTHROUGH, START, rate) - START
    linear = inverse_jacobian(WALKTHROUGH, START, rate) - START
    print(f"rate {rate:5.3f}: ratio of the steps in x_1: {exact[1] / linear[1]:.4f}")

# %% [markdown]
# ## A rescaled problem
#
# {numref}`update_rules-figure-scaled` puts the answers to $\alpha$ in one picture. Gradient descent has one rate for both problems, 0.05, and the other rules have 0.3.

# %%
TOGETHER = ["Newton", "Gauss-Newton", "physical gradient"]
RATE = dict.fromkeys(STEPS, 0.3) | {"gradient descent": 0.05}
paths = {
    alpha: {m: descend(SCALED[alpha], m, START, RATE[m], 60) for m in STEPS} for alpha in [1, 4]
}
largest = max(
    abs(runs[m] - paths[1]["Newton"]).max() for runs in paths.values() for m in TOGETHER
)
print(f"Newton, Gauss-Newton, physical gradient: one path for both alpha: {largest < 1e-12}")
for alpha, runs in paths.items():
    change = runs["gradient descent"][1, 1] - 3
    print(f"gradient descent, alpha = {alpha}: x_1 changes by {change:.2f} in the first step")

# %% tags=["hide-input", "remove-output"]
fig, axes = figure(2, size=(6.6, 4.3), sharey=True)
grid = np.meshgrid(np.linspace(-0.6, 3.4, 121), np.linspace(-2.6, 3.4, 121))
for ax, (alpha, methods) in zip(axes, paths.items(), strict=True):
    ax.contour(
        *grid,
        grid[0] ** 2 + (alpha * grid[1]) ** 2,
        levels=np.array([0.5, 1, 2, 3, 4]) ** 2 * alpha,
        colors="#cccccc",
        linewidths=0.8,
    )
    draw_path(
        ax,
        methods["Newton"][:11],
        "Newton",
        label="Newton, Gauss-Newton,\nphysical gradient",
        markersize=9,
        markerfacecolor="none",
    )
    draw_path(ax, methods["gradient descent"][:11], "gradient descent")
    draw_target(ax, (0, 0))
    ax.set(title=rf"$\alpha = {alpha}$", xlabel=r"$x_0$", aspect="equal")
axes[0].set_ylabel(r"$x_1$")
axes[0].legend(loc="lower right", frameon=True, framealpha=1, edgecolor="none")
keep("update_rules-figure-scaled", fig)

# %% [markdown]
# ```{glue:figure} update_rules-figure-scaled
# :name: update_rules-figure-scaled
# :alt: Two panels with contour lines of the loss, circles on the left and flat ellipses on the right. On the left all paths run along the diagonal to the origin. On the right one path still does, while gradient descent zigzags across the horizontal axis with small progress to the left.
#
# Ten steps on $P(x) = (x_0, \alpha x_1)$ from $(3, 3)$ (ring) to the minimum (cross). Grey: lines of equal loss. Newton, Gauss-Newton and the physical gradient take the same steps in both problems. Gradient descent zigzags in the steep direction and creeps in the flat one.
# ```
#
# Why this is so takes three lines.
#
# ```{prf:proposition} Change of coordinates
# :label: update_rules-affine
#
# Replace $x$ by $x' = Tx + t$ with a regular matrix $T$. Newton, Gauss-Newton, the natural gradient, the inverse Jacobian and the physical gradient then take the step $\Delta x' = T \Delta x$, the same step in other coordinates.
# Gradient descent takes $\Delta x' = T^{-\top} \Delta x$.
# ```
#
# ```{prf:proof}
# In the new coordinates the gradient is $T^{-\top} \nabla_x L$ and the Jacobian is $J T^{-1}$. The matrices $H_x$, $J^\top H_z J$ and $F$ each become $T^{-\top} (\,\cdot\,) T^{-1}$, so their inverse times the gradient becomes $T$ times what it was.
# For the inverse Jacobian, $(J T^{-1})^{-1} = T J^{-1}$. The physical gradient's new point in z-space does not depend on the coordinates of $x$, and its inverse image is one point with two names.
# ```
#
# The change of metres above is the case $T = c I$. The problem with $\alpha$ is the problem with $\alpha = 1$ in the coordinates $x' = (x_0, \alpha x_1)$, where these five rules take the step $-\eta x'$. So they take $-\eta x$ for every $\alpha$. A test with a $T$ that mixes the coordinates:

# %%
RULES = {
    "gradient descent": gradient_descent,
    "Newton": newton,
    "Gauss-Newton": gauss_newton,
    "natural gradient": natural_gradient,
    "inverse Jacobian": inverse_jacobian,
    "physical gradient": physical_gradient,
}
T = jnp.array([[2.0, 1.0], [-1.0, 3.0]])
old, back = WALKTHROUGH, lambda x: jnp.linalg.solve(T, x)
new = Problem(lambda x: old.z(back(x)), old.loss, lambda z, x: T @ old.z_inverse(z, back(x)))
for name, rule in RULES.items():
    step, new_step = rule(old, START, 0.1) - START, rule(new, T @ START, 0.1) - T @ START
    same, transposed = np.allclose(new_step, T @ step), np.allclose(T.T @ new_step, step)
    print(f"{name:18s} T times the step: {same!s:6s} T^-T times the step: {transposed}")

# %% [markdown]
# (update_rules-compose)=
# ## Does it compose?
#
# Real problems are chains: parameters, a simulator, a loss. One would like to understand a step in the whole chain from steps in its links.
#
# ```{prf:definition} A rule that composes
# :label: update_rules-composes
#
# Let $\Delta z$ be the step that the rule takes for the loss $L(z)$ alone, with $z$ as the unknown, and $\Delta x$ its step for $L(z(x))$. The rule composes if $z(x + \Delta x) = z(x) + \Delta z$. It composes to first order if the two sides differ by $O(\eta^2)$.
# ```
#
# What a step in $x$ does to $z$ is $J \Delta x$, up to second order. For gradient descent,
#
# $$
# z(x - \eta \nabla_x L) = z(x) - \eta\, J J^\top \nabla_z L + O(\eta^2) .
# $$ (update_rules-eq-gradient-descent-in-z)
#
# Gradient descent on $L$ alone would have $\Delta z = -\eta \nabla_z L$. The matrix $J J^\top$ comes in between: it stretches and turns the step. Both directions at $(3, 3)$ in the walkthrough, per unit of the rate:

# %%
identity = Problem(lambda z: z, WALKTHROUGH.loss, lambda z, x: z)
J, z = jax.jacobian(WALKTHROUGH.z)(START), WALKTHROUGH.z(START)
for name, rule in RULES.items():
    in_x, in_z = (
        (rule(p, u, 1e-3) - u) / 1e-3 for p, u in [(WALKTHROUGH, START), (identity, z)]
    )
    print(f"{name:18s} J dx: {np.round(J @ in_x, 1)}   dz: {np.round(in_z, 1)}")
    glue(f"update_rules-turn-{name}", round(float((J @ in_x)[1] / in_z[1]), 6), display=False)

# %% [markdown]
# Gradient descent makes the second component {glue:text}`update_rules-turn-gradient descent:.0f` times as long, by $J_{11}^2$. Newton moves it only {glue:text}`update_rules-turn-Newton:.2f` times as far as Newton in z-space asks: the curvature part of {eq}`update_rules-eq-hessian-composition` is in the way.
# The rest agree, to first order. The order shows when the rate is halved: a difference of first order is divided by 2, one of second order by 4.
# Here are the difference at a rate of 0.1, and the ratio of the differences at two small rates, one twice the other:


# %%
def miss(rule, rate):
    """How far from z + dz the step in x ends."""
    end = WALKTHROUGH.z(rule(WALKTHROUGH, START, rate))
    return float(jnp.linalg.norm(end - rule(identity, z, rate)))


for name, rule in RULES.items():
    exact = miss(rule, 1e-4) < 1e-10
    ratio = "exact" if exact else f"ratio {miss(rule, 2e-4) / miss(rule, 1e-4):.2f}"
    print(f"{name:18s} at rate 0.1 off by {miss(rule, 0.1):7.4f}, {ratio}")

# %% [markdown]
# Only the physical gradient composes exactly, and it does so through chains of any length: the inverse of $z = g \circ h$ is $h^{-1} \circ g^{-1}$.
# As a test, put $x = h(w) = (w_0, e^{w_1})$ before the walkthrough's map. A rule that does not care steps to the same point, whether it works in $w$ or in $x$. For the others, the cell prints the same ratio as before.


# %%
def to_x(w):
    return jnp.array([w[0], jnp.exp(w[1])])


def to_w(x):
    return jnp.array([x[0], jnp.log(x[1])])


chain = Problem(
    lambda w: old.z(to_x(w)), old.loss, lambda z, w: to_w(old.z_inverse(z, to_x(w)))
)


def disagreement(rule, rate):
    return jnp.linalg.norm(to_x(rule(chain, to_w(START), rate)) - rule(old, START, rate))


for name, rule in RULES.items():
    coarse, fine = disagreement(rule, 2e-4), disagreement(rule, 1e-4)
    print(f"{name:18s}", f"ratio {coarse / fine:.2f}" if fine > 1e-12 else "the same point")

# %% [markdown]
# The straight line of the physical gradient in z-space is the subject of {ref}`straight_lines`, and {ref}`physical_gradients` draws it.
#
# ## Near the optimum
#
# Near a regular minimum, with a positive definite Hessian, the loss is a parabola. Gradient descent multiplies each principal component of the distance by $1 - \eta\lambda$, where $\lambda$ is the curvature: steep components vanish fast, flat ones stay.
# Newton multiplies all components by $1 - \eta$. Where $\nabla_z L = 0$ at the minimum, the curvature part of {eq}`update_rules-eq-hessian-composition` vanishes there, and Gauss-Newton, the inverse Jacobian and the physical gradient have the same factor.
#
# At $\eta = 1$ that factor is 0. For a quadratic $L(z)$, what is left of the error after a step is due to the curvature of the map: it is proportional to the error squared.
# A map with the regular minima $(0, \pm 1)$ shows it, $z(x) = (x_0, x_1^2 - 1)$. The physical gradient has no error left.

# %%
two_wells = Problem(
    lambda x: jnp.stack([x[0], x[1] ** 2 - 1]),
    lambda z: jnp.sum(z**2),
    lambda z, x: jnp.stack([z[0], jnp.sign(x[1]) * jnp.sqrt(z[1] + 1)]),
)
for name, rule in [
    ("Newton", newton),
    ("Gauss-Newton", gauss_newton),
    ("physical gradient", physical_gradient),
]:
    ratios = [
        (rule(two_wells, jnp.array([0, 1 + e]), 1.0)[1] - 1) / e**2 for e in [0.1, 0.01, 0.001]
    ]
    print(
        f"{name:18s} error after a step / error squared:", np.round(jnp.array(ratios), 2) + 0.0
    )

# %% [markdown]
# The walkthrough's minimum is not regular. Along $x_1$ the loss is $x_1^4$: the slope is $4 x_1^3$, the Hessian is $12 x_1^2$, the Gauss-Newton matrix is $8 x_1^2$, and $z_1 = x_1^2$ shrinks by $1 - \eta$ in z-space. So each step multiplies $x_1$ by
#
# $$
# \underbrace{1 - \eta/3}_{\text{Newton}}, \qquad \underbrace{1 - \eta/2}_{\text{Gauss-Newton}}, \qquad \underbrace{\sqrt{1 - \eta}}_{\text{physical gradient}} .
# $$ (update_rules-eq-degenerate-factors)

# %%
rate = 0.3
theory = {
    "Newton": 1 - rate / 3,
    "Gauss-Newton": 1 - rate / 2,
    "physical gradient": (1 - rate) ** 0.5,
}
near = {m: descend(WALKTHROUGH, m, START, rate, 60) for m in theory}
for name, path in near.items():
    factors = path[1:, 1] / path[:-1, 1]
    same = np.allclose(factors, theory[name], rtol=1e-9)
    print(f"{name:18s} factor {factors[-1]:.6f}, at each step: {same}")
    glue(f"update_rules-factor-{name}", round(float(factors[-1]), 6), display=False)

# %% [markdown]
# At the same rate, the factors {glue:text}`update_rules-factor-Newton:.3f`, {glue:text}`update_rules-factor-Gauss-Newton:.3f` and {glue:text}`update_rules-factor-physical gradient:.3f` are close to each other.
# They part at $\eta = 1$: Newton keeps two thirds of $x_1$, Gauss-Newton one half, and the physical gradient lands. It lands because $z^{-1}(0)$ is the answer, and the inverse was given.
#
# Gradient descent has no factor at all. From $x_1 \leftarrow x_1 - 4 \eta x_1^3$ follows $1/x_1^2 \approx 8 \eta k$ after many steps $k$, so $x_1 \approx 1/\sqrt{8 \eta k}$. The product below tends to 1:

# %%
slow = descend(WALKTHROUGH, "gradient descent", START, 0.01, 100_000)
for k in [100, 1000, 10_000, 100_000]:
    product = slow[k, 1] * (8 * 0.01 * k) ** 0.5
    print(f"k = {k:6d}: x_1 = {slow[k, 1]:.5f}, x_1 sqrt(8 rate k) = {product:.4f}")

# %% tags=["hide-input", "remove-output"]
regular = {name: jnp.linalg.norm(path, axis=1) for name, path in paths[4].items()}
near_and_slow = {"gradient descent": slow[:61]} | near
degenerate = {name: path[:, 1] for name, path in near_and_slow.items()}
fig, axes = figure(2, sharey=True)
for ax, runs in zip(axes, [regular, degenerate], strict=True):
    for offset, (name, distance) in enumerate(runs.items()):
        look = LOOKS[name]
        ax.semilogy(
            distance,
            color=look.color,
            linestyle=look.linestyle,
            marker=look.marker,
            markevery=(3 * offset, 12),
            label=name,
        )
    ax.set(xlabel=r"step $k$", ylim=(1e-5, 10))
axes[0].set(title=r"regular: $P(x) = (x_0, 4 x_1)$", ylabel=r"distance to the minimum, $|x|$")
axes[1].set(title=r"degenerate: $z(x) = (x_0, x_1^2)$", ylabel="its degenerate part, $x_1$")
axes[1].legend(loc="lower left")
keep("update_rules-figure-near", fig)

# %% [markdown]
# ```{glue:figure} update_rules-figure-near
# :name: update_rules-figure-near
# :alt: Two panels with the distance on a logarithmic axis against the step. On the left three curves fall together on one steep straight line and gradient descent falls on a flatter one. On the right the three are straight lines that spread apart, the physical gradient steepest, then Gauss-Newton, then Newton, and gradient descent drops at first and then levels off.
#
# Distance to the minimum (left) and its part along $x_1$ (right), at a rate of 0.3, for gradient descent 0.05 (left) and 0.01 (right). At the regular minimum the three rules coincide. At the degenerate one their slopes are the factors of {eq}`update_rules-eq-degenerate-factors`, and gradient descent has no slope to keep.
# ```
#
# {numref}`update_rules-figure-near` shows both cases. A straight line on the logarithmic axis is a constant factor a step.
#
# ## What a step costs
#
# Let $n$ be the number of unknowns and $m$ that of outcomes. A gradient takes one backward pass, whatever $n$ is. A Jacobian takes $m$ backward or $n$ forward passes, a Hessian $n$ products with a vector.
#
# | rule | derivatives | linear system | numbers kept | it also needs |
# |---|---|---|---|---|
# | gradient descent | one gradient | none | $n$ | a rate that fits |
# | quasi-Newton (BFGS) | one gradient | none, one $n \times n$ product | $n^2$ | a line search, in practice |
# | Newton | gradient, Hessian in x | $n \times n$ | $n^2$ | a positive definite Hessian |
# | Gauss-Newton | gradient, Jacobian, Hessian in z | $n \times n$ | $mn + m^2 + n^2$ | $J$ of full column rank |
# | natural gradient | gradient, Fisher matrix | $n \times n$ | $n^2$ | a model, and a mean over it |
# | inverse Jacobian | gradient and Hessian in z, Jacobian | two, $m \times m$ | $mn + m^2$ | $m = n$, $J$ regular |
# | physical gradient | gradient and Hessian in z | $m \times m$ | $m^2$ | an inverse of the map |
#
# For a thousand unknowns and outcomes, the arrays have these sizes. JAX tells them from the shapes alone, without computing anything:

# %%
x = jnp.zeros(1000)
large = Problem(lambda x: x**2, lambda z: jnp.sum(z**2))
for name, derivative in {
    "gradient in x": jax.grad(large.objective),
    "Hessian in x": jax.hessian(large.objective),
    "Jacobian": jax.jacobian(large.z),
    "Hessian in z": jax.hessian(large.loss),
}.items():
    print(f"{name:14s}{jax.eval_shape(derivative, x).size:10,d}")

# %% [markdown]
# For a separable loss such as $|z|^2$ the Hessian in z is diagonal and costs as little as a gradient. The physical gradient then needs no derivative of the map at all, only its inverse. That inverse is the price: {ref}`other_optimizers` measures what a numerical one costs.
#
# ## Side by side
#
# | rule | unit of the step | $P = (x_0, \alpha x_1)$ | factor of $x_1$ at the degenerate minimum, $\eta = 0.3$ | composes |
# |---|---|---|---|---|
# | gradient descent {eq}`update_rules-eq-gradient-descent` | {glue:text}`update_rules-unit-gradient-descent` | step grows as $\alpha^2$, stable rate shrinks as $1/\alpha^2$ | none: $x_1 \approx 1/\sqrt{8\eta k}$ | no: $J J^\top$ in between |
# | quasi-Newton {eq}`update_rules-eq-quasi-newton`, first step | {glue:text}`update_rules-unit-quasi-newton` | first step as gradient descent, then learns | | no |
# | Newton {eq}`update_rules-eq-newton` | {glue:text}`update_rules-unit-newton` | no change | {glue:text}`update_rules-factor-Newton:.3f` | no: curvature of $z$ enters |
# | Gauss-Newton {eq}`update_rules-eq-gauss-newton` | {glue:text}`update_rules-unit-gauss-newton` | no change | {glue:text}`update_rules-factor-Gauss-Newton:.3f` | to first order |
# | natural gradient {eq}`update_rules-eq-natural-gradient` | {glue:text}`update_rules-unit-natural-gradient`; m for its own likelihood | no change | as Gauss-Newton here | to first order |
# | inverse Jacobian {eq}`update_rules-eq-inverse-jacobian` | {glue:text}`update_rules-unit-inverse-jacobian` | no change | as Gauss-Newton here | to first order |
# | physical gradient {eq}`update_rules-eq-physical-gradient` | {glue:text}`update_rules-unit-physical-gradient` | no change | {glue:text}`update_rules-factor-physical gradient:.3f` | exactly |
#
# Read from top to bottom, the table is the plan of the book. Gradient descent uses the metric of x-space, which is an accident of units. Gauss-Newton and the natural gradient use the metric of the outcome. The physical gradient makes the step in the outcome itself.
#
# ## Exercises
#
# ```{exercise}
# :label: update_rules-ex-damping
#
# Levenberg and Marquardt add $\lambda I$ to the Gauss-Newton matrix, so that it can always be solved. Which unit must $\lambda$ have? What are the exponents of the step for $\lambda = 0$, 10 and $10^6$?
# ```
#
# ````{solution-start} update_rules-ex-damping
# :class: dropdown
# ````


# %%
def damped(damping):
    def rule(problem, x, rate):
        J = jax.jacobian(problem.z)(x)
        metric = J.T @ jax.hessian(problem.loss)(problem.z(x)) @ J + damping * jnp.eye(2)
        return x - rate * jnp.linalg.solve(metric, jax.grad(problem.objective)(x))

    return rule


for damping in [0, 10, 1e6]:
    p, q = exponents(damped(damping))
    print(f"damping {damping:9,.0f}: metre^{p:.2f} joule^{q:.2f}")

# %% [markdown]
# $\lambda$ has the unit of the matrix, J/m². A fixed number breaks the invariance. The more damping, the more the step is gradient descent's; in between it has no unit at all, and the exponents are not whole numbers.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: update_rules-ex-bfgs
#
# BFGS with $B_0 = I$ depends on $\alpha$. Show that the rest of the method does not: find a $B_0$ for which $x_k$ is the same for $\alpha = 1$ and $\alpha = 16$.
# ```
#
# ````{solution-start} update_rules-ex-bfgs
# :class: dropdown
# ````

# %%
for alpha in [1, 16]:
    path, *_ = bfgs(SCALED[alpha], START, 0.3, 8, jnp.diag(jnp.array([1, 1 / alpha**2])))
    print(f"alpha = {alpha:2d}: after 8 steps at", np.round(path[-1], 6))

# %% [markdown]
# The two problems differ by a change of the map, $z = Ax$ with $A = \mathrm{diag}(1, \alpha)$. With $B_0 = (A^\top A)^{-1}$ the first step is Gauss-Newton's, up to a factor, and each later $B_k$ follows from steps and gradients that carry the right units. BFGS inherits its sensitivity from $B_0$ alone.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: update_rules-ex-newton
#
# Take `two_wells` again, $z(x) = (x_0, x_1^2 - 1)$ with $L = |z|^2$. Where do Newton, Gauss-Newton and the physical gradient go from $(1, 0.1)$, with $\eta = 0.3$? What does the Hessian say?
# ```
#
# ````{solution-start} update_rules-ex-newton
# :class: dropdown
# ````

# %%
begin = jnp.array([1.0, 0.1])
for name in TOGETHER:
    path = descend(two_wells, name, begin, 0.3, 100)
    print(
        f"{name:18s} x_1 after one step: {path[1, 1]:.3f}, end: {np.round(path[-1], 3) + 0.0}"
    )
hessian = jax.hessian(two_wells.objective)(begin)
print("Hessian at the start:", np.round(np.diag(hessian), 2))

# %% [markdown]
# Along $x_1$ the Hessian is negative, because the curvature part of {eq}`update_rules-eq-hessian-composition` is $2 z_1 \cdot 2 < 0$. Newton goes up to the saddle at $x_1 = 0$ and stays. The other two reach the minimum at $(0, 1)$.
# Gauss-Newton overshoots it first: its step is long because $J$ is small at the start. The physical gradient follows the bend of the map and approaches from one side.
#
# ```{solution-end}
# ```

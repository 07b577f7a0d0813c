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
# This chapter puts seven update rules side by side: gradient descent, Newton and quasi-Newton, Gauss-Newton, the natural gradient, the inverse Jacobian and the physical gradient. Each turns a point into another one that should be better. They differ in where they make the step, and in how they measure it.
#
# Each rule is an equation and a few lines of code. Then we put five questions to them (quasi-Newton, which has a memory, gets only some): which unit does its step have, how does it answer a rescaled problem, does it compose, what does it do near the optimum, and what does it cost?
#
# You need derivatives of functions of several variables, and a little [JAX](https://docs.jax.dev): `jax.grad` makes the function that computes a gradient.
#
# ## The problem and two examples
#
# Every problem in this chapter has two stages. A map $z$ takes the unknowns $x \in \mathbb{R}^n$ to an outcome $z(x) \in \mathbb{R}^m$. A loss $L$ takes the outcome to a number. We look for the $x$ with the smallest $L(z(x))$. The unknowns live in *x-space*, the outcomes in *z-space*. In a physical problem $z$ is the simulator.
#
# Three derivatives appear again and again: the Jacobian $J = \partial z / \partial x$, the gradient $\nabla_z L$ and the Hessian $H_z = \nabla_z^2 L$ of the loss in z-space. The chain rule gives the gradient in x-space,
#
# $$
# \nabla_x L = J^\top \nabla_z L .
# $$ (update_rules-eq-chain-rule)
#
# ```{prf:definition} Update rule
# :label: update_rules-update-rule
#
# An update rule takes a problem, a point $x$, a rate $\eta > 0$ and possibly a memory to a step $\Delta x$. The next point is $x + \Delta x$.
# ```
#
# The first example is linear: $z(x) = (x_0, \alpha x_1)$ with $L = |z|^2$. The number $\alpha$ says how much more the outcome feels $x_1$ than $x_0$. The second is the problem of the {ref}`walkthrough <physical_gradients>`: $z(x) = (x_0, x_1^2)$ with $L = |z|^2$. Its minimum is degenerate, since $L$ grows like $x_1^4$ there. Components are counted from 0, as in Python.

# %% tags=["hide-input"]
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from myst_nb import glue
from scipy.optimize import BFGS
from scipy.sparse.linalg import LinearOperator, cg

from straightlines.figures import update_rules as figures
from straightlines.plotting import keep
from straightlines.problems import Problem, walkthrough
from straightlines.steps import STEPS, descend

jax.config.update("jax_enable_x64", True)


# %%
def square(z):
    return jnp.sum(z**2)


def scaled(alpha):
    """The problem with z = (x0, alpha x1)."""
    weights = np.array([1.0, alpha])
    return Problem(lambda x: weights * x, square, lambda z, x: z / weights)


WALKTHROUGH, START = walkthrough(), np.array([3.0, 3.0])

# %% [markdown]
# ## Seven rules
#
# ### Gradient descent
#
# Gradient descent follows the slope:
#
# $$
# \Delta x = -\eta\, \nabla_x L .
# $$ (update_rules-eq-gradient-descent)


# %%
def gradient_descent(problem, x, rate):
    return x - rate * jax.grad(problem.objective)(x)


# %% [markdown]
# ### Newton
#
# Newton's method aims at where the quadratic that fits the loss at $x$ is flat: its minimum, if the Hessian is positive definite. With $H_x = \nabla_x^2 L(z(x))$,
#
# $$
# \Delta x = -\eta\, H_x^{-1}\, \nabla_x L .
# $$ (update_rules-eq-newton)


# %%
def newton(problem, x, rate):
    gradient, hessian = (
        jax.grad(problem.objective),
        jax.hessian(problem.objective),
    )
    return x - rate * jnp.linalg.solve(hessian(x), gradient(x))


# %% [markdown]
# The Hessian of a composition has two parts. Differentiating {eq}`update_rules-eq-chain-rule` once more gives
#
# $$
# H_x = J^\top H_z J + \sum_k \frac{\partial L}{\partial z_k}\, \nabla_x^2 z_k .
# $$ (update_rules-eq-hessian-composition)
#
# The first part is the *metric part*: it measures steps in $x$ by what they do to $z$. The second, the *curvature part*, is there only when the map is curved. It mixes the curvature of $z$ with the slope of $L$, and it can have any sign. How large is it for the walkthrough at $(3, 3)$?


# %%
@jax.jit
def parts(x):
    J, z = jax.jacobian(WALKTHROUGH.z)(x), WALKTHROUGH.z(x)
    metric = J.T @ jax.hessian(square)(z) @ J
    curvature = jnp.tensordot(
        jax.grad(square)(z), jax.hessian(WALKTHROUGH.z)(x), 1
    )
    return metric, curvature, jax.hessian(WALKTHROUGH.objective)(x)


metric_part, curvature_part, hessian = map(np.asarray, parts(START))
print("metric:   ", np.diag(metric_part))
print("curvature:", np.diag(curvature_part))
print("Hessian:  ", np.diag(hessian))

# %% tags=["remove-cell"]
share = float(metric_part[1, 1] / hessian[1, 1])
glue("update_rules-share", round(share, 6), display=False)

# %% [markdown]
# Along $x_1$ the metric part is {glue:text}`update_rules-share:.2f` of the Hessian, so Newton's step is shorter than the step with the metric part alone by this factor.
#
# ### Quasi-Newton
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
# The condition $B_{k+1} y_k = s_k$ is the secant equation. It asks that $B$ explains the last step, and it leaves the rest of $B$ open. As long as $y^\top s > 0$, BFGS {cite:p}`nocedal2006numerical` fills it with
#
# $$
# B_{k+1} = (I - \rho s y^\top) B_k (I - \rho y s^\top) + \rho s s^\top, \qquad \rho = 1/(y^\top s) .
# $$ (update_rules-eq-bfgs)


# %%
def bfgs(problem, x, rate, iterations, B):
    gradient = jax.grad(problem.objective)

    def step(state, _):
        x, B = state
        s = -rate * B @ gradient(x)
        y = gradient(x + s) - gradient(x)
        M = jnp.eye(len(s)) - jnp.outer(s, y) / (s @ y)
        B = M @ B @ M.T + jnp.outer(s, s) / (s @ y)
        return (x + s, B), (x + s, s, y)

    (_, B), (path, *changes) = jax.lax.scan(step, (x, B), length=iterations)
    return path, B, *changes


# %% [markdown]
# With nothing known it begins with $B_0 = I$, and its first step is gradient descent's. For the linear problem with $\alpha = 4$ we print the factor of $x_1$ at each step, beside Newton's. SciPy's BFGS, given the same steps, tells whether the matrix is right.

# %% tags=["hide-input"]
path, B, *changes = jax.jit(
    partial(bfgs, scaled(4), rate=0.05, iterations=10)
)(x=START, B=np.eye(2))
oracle = BFGS(init_scale=1.0)
oracle.initialize(2, "inv_hess")
for s, y in zip(*map(np.asarray, changes), strict=True):
    oracle.update(s, y)
x1 = np.append(START[1], path[:, 1])
print("factors of BFGS:  ", (x1[1:6] / x1[:5]).round(2))
print("factor of Newton: ", 1 - 0.05)
print("B, ten steps:     ", np.diag(B).round(4))
print("B, SciPy:         ", np.diag(oracle.get_matrix()).round(4))

# %% [markdown]
# The first step throws $x_1$ to the other side. Then it shrinks by nearly Newton's factor. The inverse Hessian is $\mathrm{diag}(1/2,\, 1/32)$. After ten steps BFGS knows its second entry well, the first roughly.
#
# ### Gauss-Newton
#
# Gauss-Newton keeps the metric part of {eq}`update_rules-eq-hessian-composition` and drops the other:
#
# $$
# \Delta x = -\eta\, (J^\top H_z J)^{-1}\, \nabla_x L .
# $$ (update_rules-eq-gauss-newton)


# %%
def gauss_newton(problem, x, rate):
    J, hessian = jax.jacobian(problem.z)(x), jax.hessian(problem.loss)
    metric = J.T @ hessian(problem.z(x)) @ J
    return x - rate * jnp.linalg.solve(
        metric, jax.grad(problem.objective)(x)
    )


# %% [markdown]
# The matrix $J^\top H_z J$ pulls the metric of z-space back to x-space. If $H_z$ is positive definite and $J$ has full column rank, the step has a descent *direction*: a short enough step goes down. A step of a given length need not, as we see [below](update_rules-safe).
#
# ### Natural gradient
#
# The natural gradient {cite:p}`amari1998natural` measures a step by how much it changes a probability distribution $p(y; x)$. The measure is the Fisher matrix, the mean outer product of the score $\nabla_x \ln p$ with itself:
#
# $$
# \begin{aligned}
# \Delta x &= -\eta\, F^{-1} \nabla_x L, \\
# F &= \mathrm{E}_{y \sim p}\!\left[ \nabla_x \ln p(y; x)\, \nabla_x \ln p(y; x)^\top \right] .
# \end{aligned}
# $$ (update_rules-eq-natural-gradient)
#
# A problem with the loss $|z|^2$ has a model behind it: outcomes $y$ scatter around $z(x)$ as $N(z(x), \tfrac12 I)$, and we have seen $y = 0$. The mean over $y$ needs no sampling. The outer product is quadratic in $y$, so a Gauss-Hermite quadrature with three nodes an axis is exact.

# %%
nodes, weights = np.polynomial.hermite.hermgauss(3)  # weight exp(-t^2)
NOISE = np.array([[s, t] for s in nodes for t in nodes])  # y - z
WEIGHTS = np.array([v * w for v in weights for w in weights]) / np.pi


def fisher(z, x):
    def log_density(x, y):
        return -jnp.sum((y - z(x)) ** 2) - jnp.log(jnp.pi)

    scores = jax.vmap(jax.grad(log_density), (None, 0))(x, z(x) + NOISE)
    return jnp.einsum("k,ki,kj->ij", WEIGHTS, scores, scores)


def natural_gradient(problem, x, rate):
    gradient = jax.grad(problem.objective)(x)
    return x - rate * jnp.linalg.solve(fisher(problem.z, x), gradient)


# %% [markdown]
# By hand, the score is $2 J^\top (y - z)$ and $y - z$ has the covariance $\tfrac12 I$, so $F = 2 J^\top J$. And $H_z = 2 I$, so this should be the Gauss-Newton matrix:

# %%
F = jax.jit(partial(fisher, WALKTHROUGH.z))(START)
print("Fisher, by quadrature:", np.diag(F).round(6))
print("Gauss-Newton matrix:  ", np.diag(metric_part))

# %% [markdown]
# ### Inverse Jacobian
#
# All rules so far begin in x-space, the next two in z-space. There a Newton step for the loss is
#
# $$
# \Delta z = -\eta\, H_z^{-1}\, \nabla_z L .
# $$ (update_rules-eq-newton-in-z)
#
# Where $J$ is square and regular, its inverse takes a small step in $z$ back to the step in $x$ that causes it:
#
# $$
# \Delta x = J^{-1} \Delta z = -\eta\, J^{-1} H_z^{-1}\, \nabla_z L .
# $$ (update_rules-eq-inverse-jacobian)


# %%
def newton_step_in_z(problem, z, rate):
    hessian, gradient = (
        jax.hessian(problem.loss)(z),
        jax.grad(problem.loss)(z),
    )
    return -rate * jnp.linalg.solve(hessian, gradient)


def inverse_jacobian(problem, x, rate):
    step_in_z = newton_step_in_z(problem, problem.z(x), rate)
    return x + jnp.linalg.solve(jax.jacobian(problem.z)(x), step_in_z)


# %% [markdown]
# It is Gauss-Newton's step, since $(J^\top H_z J)^{-1} J^\top = J^{-1} H_z^{-1}$.
#
# (update_rules-physical-gradient)=
# ### Physical gradient
#
# The inverse Jacobian is the linear part of the inverse map. If the inverse map itself can be computed, why linearise? Make the step in z-space and invert:
#
# $$
# \Delta x = z^{-1}\big(z(x) + \Delta z;\ x\big) - x, \qquad \Delta z = -\eta\, H_z^{-1}\, \nabla_z L .
# $$ (update_rules-eq-physical-gradient)
#
# This is the *physical gradient* {cite:p}`holl2022scale`. The inverse is local: what does that mean where several $x$ have the same outcome?
#
# ```{prf:definition} The branch of a point
# :label: update_rules-branch
#
# Go from $z(x)$ to $z(x) + \Delta z$ on the straight segment. As long as $J$ stays regular and $x$ does not run off to infinity or to the edge of the domain, exactly one continuous curve from $x$ is mapped onto the segment. Where this curve comes to the end of the segment, its end (or its limit, if $J$ becomes singular only there) is $z^{-1}(z(x) + \Delta z;\ x)$: the solution *by continuation*, for $z = x^2$ the root with the sign of $x$. A map that is one-to-one has no branches, and this is its inverse, singular $J$ or not.
# ```


# %%
def physical_gradient(problem, x, rate):
    z = problem.z(x)
    return problem.z_inverse(z + newton_step_in_z(problem, z, rate), x)


RULES = {
    "gradient descent": gradient_descent,
    "Newton": newton,
    "Gauss-Newton": gauss_newton,
    "natural gradient": natural_gradient,
    "inverse Jacobian": inverse_jacobian,
    "physical gradient": physical_gradient,
}

# %% [markdown]
# The other chapters use `straightlines.steps`. Its rules should be those above, and the natural gradient and the inverse Jacobian should be Gauss-Newton's step in these problems. The largest differences, over both examples:


# %% tags=["hide-input"]
@jax.jit
def differences():
    twins = dict.fromkeys(RULES, "Gauss-Newton") | {
        name: name for name in STEPS
    }

    def apart(rule, twin, problem):
        gap = jax.vmap(
            lambda x: rule(problem, x, 0.1) - twin(problem, x, 0.1)
        )
        return jnp.abs(gap(POINTS)).max()

    return {
        name: jnp.maximum(
            apart(rule, STEPS[twins[name]], scaled(4)),
            apart(rule, STEPS[twins[name]], WALKTHROUGH),
        )
        for name, rule in RULES.items()
    }


POINTS = np.array([[3.0, 3.0], [-1.0, 2.0], [0.5, -1.5]])
for name, largest in differences().items():
    print(f"{name:18s} {float(largest):.6f}")

# %% [markdown]
# ## Units
#
# Say that $x$ is in metres and $L$ in joules. To find the unit of a step, measure the same problem in other units and see what the number does. In units of 10 cm, every $x$ becomes ten times as large. A step in metres becomes ten times as large, too; a step in joules per metre becomes ten times *smaller*.


# %%
def rescaled(problem, c, b):
    """The problem with numbers c times as large for x, b times for L."""
    return Problem(
        lambda x: problem.z(x / c),
        lambda z: b * problem.loss(z),
        lambda z, x: c * problem.z_inverse(z, x / c),
    )


# %% tags=["hide-input"]
@jax.jit
def lengths(c, b):
    problem, x = rescaled(WALKTHROUGH, c, b), c * START
    return {
        name: jnp.linalg.norm(rule(problem, x, 0.01) - x)
        for name, rule in RULES.items()
    }


here, metres, joules = (
    lengths(1.0, 1.0),
    lengths(10.0, 1.0),
    lengths(1.0, 10.0),
)
for name in RULES:
    p, q = (
        np.log10(there[name] / here[name]) for there in [metres, joules]
    )
    p, q = round(float(p), 6) + 0.0, round(float(q), 6) + 0.0
    print(f"{name:18s} metre^{p:+.0f} joule^{q:+.0f}")


# %% [markdown]
# Gradient descent's step is in J/m, not in metres. So its rate has a unit, m²/J, and a number that suits metres does not suit centimetres. For Newton, Gauss-Newton, the inverse Jacobian and the physical gradient the rate is a pure number, and $\eta = 1$ means "all the way".
#
# The odd one is the natural gradient. The Fisher matrix belongs to the model and knows nothing of $L$: it has the unit 1/m². If $L$ is the model's own negative log-likelihood, it is a pure number and the step is in metres. If $L$ is in joules, the step is in m J. So the natural gradient does not depend on the units of $x$, but it does on the scale of $L$.
#
# ## A rescaled problem
#
# How do the rules answer the number $\alpha$? Here are their steps from $(3, 3)$ at the rate 0.1.


# %%
@jax.jit
def first_steps():
    return {
        alpha: {
            n: rule(scaled(alpha), START, 0.1) - START
            for n, rule in RULES.items()
        }
        for alpha in [1, 4, 16]
    }


# %% tags=["hide-input"]
answers = first_steps()
print(f"{'alpha':18s} {1:15d} {4:15d} {16:15d}")
for name in RULES:
    steps = [
        f"({u:5.1f}, {v:6.1f})"
        for u, v in (answers[a][name] for a in answers)
    ]
    print(f"{name:18s}", *steps)

# %% [markdown]
# Gradient descent's step in $x_1$ grows as $\alpha^2$: one factor $\alpha$ from the map, one from the slope of the loss. The direction that bears only a small rate gets the largest step. Each step multiplies $x_1$ by $1 - 2\eta\alpha^2$, so for $\alpha \ge 1$ it converges only for $\eta < 1/\alpha^2$. {numref}`update_rules-figure-scaled` shows it at a stable rate.


# %%
def together(problem, start, rates, iterations):
    """The paths of several methods, compiled as one program."""

    @jax.jit
    def run(start):
        return {
            m: descend(problem, STEPS[m], start, rate, iterations)
            for m, rate in rates.items()
        }

    found = run(start)
    return {m: np.asarray(found[m]) for m in rates}


RATE = dict.fromkeys(STEPS, 0.3) | {"gradient descent": 0.05}
paths = {a: together(scaled(a), START, RATE, 60) for a in [1, 4]}

# %% tags=["hide-input"]
for m in STEPS:
    print(
        f"{m:18s} after ten steps:",
        *(paths[alpha][m][10].round(3) for alpha in paths),
    )

# %% tags=["hide-input", "remove-output"]
keep("update_rules-figure-scaled", figures.rescaled(paths))

# %% [markdown]
# ```{glue:figure} update_rules-figure-scaled
# :name: update_rules-figure-scaled
# :alt: Two panels with contour lines of the loss, circles on the left and flat ellipses on the right. On the left all paths run along the diagonal towards the origin. On the right one path still does, while gradient descent zigzags across the horizontal axis, less and less, and ends near (1, 0).
#
# Ten steps on $z(x) = (x_0, \alpha x_1)$ from $(3, 3)$ (ring) towards the minimum (cross). Thin lines: equal loss. Newton, Gauss-Newton and the physical gradient take the same steps in both problems, at the rate 0.3, and share one line with small dots. Gradient descent has the rate 0.05.
# ```
#
# ```{prf:proposition} Change of coordinates
# :label: update_rules-affine
#
# Replace $x$ by $x' = Tx + t$ with a regular matrix $T$. Newton, Gauss-Newton, the natural gradient, the inverse Jacobian and the physical gradient then take the step $\Delta x' = T \Delta x$, the same step in other coordinates. Gradient descent takes $\Delta x' = T^{-\top} \Delta x$.
# ```
#
# ```{prf:proof}
# In the new coordinates the gradient is $T^{-\top} \nabla_x L$ and the Jacobian is $J T^{-1}$. The matrices $H_x$, $J^\top H_z J$ and $F$ each become $T^{-\top} (\,\cdot\,) T^{-1}$, so their inverse times the gradient becomes $T$ times what it was. For the inverse Jacobian, $(J T^{-1})^{-1} = T J^{-1}$. The physical gradient's segment in z-space does not depend on the coordinates of $x$, and the curve above it is one curve with two names, by {prf:ref}`update_rules-branch`.
# ```
#
# The problem with $\alpha$ is the problem with $\alpha = 1$ in the coordinates $x' = (x_0, \alpha x_1)$, where these five rules take the step $-\eta x'$. So they take $-\eta x$ for every $\alpha$.
#
# The proof's last sentence hangs on how the branch is defined. "The solution nearest to $x$" would be another definition, but nearness depends on coordinates. We try both on a map with two solutions everywhere but at 0, the square of a complex number, with coordinates that mix: $T$ has the rows $(1, -1)$ and $(0, 1)$. Each inverse works with the numbers of its own coordinates.


# %%
def complex_square(x):
    return jnp.stack([x[0] ** 2 - x[1] ** 2, 2 * x[0] * x[1]])


def by_continuation(z, target, x, pieces=200):
    def follow(x, wanted):
        return x + jnp.linalg.solve(jax.jacobian(z)(x), wanted - z(x)), None

    fractions = jnp.linspace(0, 1, pieces)[:, None]
    return jax.lax.scan(follow, x, z(x) + fractions * (target - z(x)))[0]


def nearest(x, known):
    candidates = np.stack([known, -known])
    distance = np.linalg.norm(candidates - x, axis=1)
    return candidates[np.argmin(distance)]


# %%
T = np.array([[1.0, -1.0], [0.0, 1.0]])
back, x = np.linalg.inv(T), np.array([1.0, 0.0])
root = np.array([np.cos(0.45 * np.pi), np.sin(0.45 * np.pi)])
target = np.array([np.cos(0.9 * np.pi), np.sin(0.9 * np.pi)])


def mixed(x):
    return complex_square(back @ x)


follow = jax.jit(by_continuation, static_argnums=0)
for name, z, S in [("x", complex_square, np.eye(2)), ("x'", mixed, T)]:
    followed = np.linalg.solve(S, follow(z, target, S @ x))
    closest = np.linalg.solve(S, nearest(S @ x, S @ root))
    print(f"in {name:3} continuation {followed.round(4)}", end="  ")
    print(f"nearest {closest.round(4)}")

# %% [markdown]
# Continuation gives one point, the nearest solution gives two: with it the physical gradient would depend on the coordinates of $x$ after all.
#
# What about the coordinates of $z$? Rules that use $H_z$ depend on *them*, unless the change is affine: {ref}`physical_gradients-coordinates-of-z` has a change of $z$ that turns a step down into a step up.
#
# (update_rules-compose)=
# ## Does it compose?
#
# Real problems are chains: parameters, a simulator, a loss. Can a step in the whole chain be understood from steps in its links?
#
# ```{prf:definition} A rule that composes
# :label: update_rules-composes
#
# Let $\Delta z$ be the step that the rule takes for the loss $L(z)$ alone, with $z$ as the unknown, and $\Delta x$ its step for $L(z(x))$. The rule composes if $z(x + \Delta x) = z(x) + \Delta z$. It composes to first order if the two sides differ by $O(\eta^2)$.
# ```
#
# What a step in $x$ does to $z$ is $J \Delta x$, to first order. For gradient descent,
#
# $$
# z(x - \eta \nabla_x L) = z(x) - \eta\, J J^\top \nabla_z L + O(\eta^2) .
# $$ (update_rules-eq-gradient-descent-in-z)
#
# Gradient descent on $L$ alone would have $\Delta z = -\eta \nabla_z L$. The matrix $J J^\top$ comes in between: it stretches and turns the step. How far from $z + \Delta z$ do the rules end in the walkthrough? The second number is the ratio of two such misses, at a rate and at half of it: 2 for a miss of first order, 4 for one of second.

# %%
identity = Problem(lambda z: z, square, lambda z, x: z)


@jax.jit
def misses(rate):
    return {
        name: jnp.linalg.norm(
            WALKTHROUGH.z(rule(WALKTHROUGH, START, rate))
            - rule(identity, WALKTHROUGH.z(START), rate)
        )
        for name, rule in RULES.items()
    }


large, coarse, fine = misses(0.1), misses(2e-4), misses(1e-4)
for name in RULES:
    order = coarse[name] / fine[name] if fine[name] > 1e-10 else None
    ratio = "exact" if order is None else f"ratio {float(order):.2f}"
    print(
        f"{name:18s} at rate 0.1 off by {float(large[name]):7.4f}, {ratio}"
    )

# %% [markdown]
# Only the physical gradient composes exactly, and it does so through chains of any length: where $z = g \circ h$, the curve that defines the branch for $z$ is carried by $h$ to the one for $g$. The last link, the loss and the coordinates of what it sees, is fixed in all this. {ref}`straight_lines` is about the line that comes of it.
#
# ### When is it Gauss-Newton's step?
#
# Where $J$ is square and regular, both rules take the same $\Delta z$; one returns by $J^{-1}$, the other by $z^{-1}$. If $z$ is affine they agree. And otherwise? Where the steps agree, $z(x + J^{-1} \Delta z) = z(x) + \Delta z$. If that is to hold for all losses, then for all $\Delta z$, and this says that $z$ is affine. For one fixed loss $|z - z^*|^2$ only $\Delta z = -\eta (z - z^*)$ counts, and then a map suffices that is homogeneous of degree 1 about a point $x^*$:
#
# $$
# \begin{aligned}
# & z(x^* + s d) - z^* \\
# & \quad = s\, \big(z(x^* + d) - z^*\big), \quad s > 0 .
# \end{aligned}
# $$ (update_rules-eq-homogeneous)
#
# By Euler's theorem $J (x - x^*) = z - z^*$, so that both rules step straight towards $x^*$. Here is such a map, $z = (x_0, |x|)$, with the loss $|z|^2$ and with another target.


# %%
@jax.jit
def two_ways(goal):
    problem = Problem(
        lambda x: jnp.stack([x[0], jnp.linalg.norm(x)]),
        lambda z: jnp.sum((z - goal) ** 2),
        lambda z, x: jnp.stack([z[0], jnp.sqrt(z[1] ** 2 - z[0] ** 2)]),
    )
    rules = [gauss_newton, physical_gradient]
    return jnp.stack([rule(problem, START, 0.3) for rule in rules])


for goal in [(0.0, 0.0), (1.0, 2.0)]:
    ends = two_ways(np.array(goal)).round(4)
    print(f"target {goal}  Gauss-Newton {ends[0]}  physical {ends[1]}")


# %% [markdown]
# Equal for the first target only.
#
# (update_rules-safe)=
# ## Up and down
#
# Two sayings about curvature are worth a test: Newton's method goes uphill where its Hessian is indefinite, and Gauss-Newton is safe because its matrix is positive definite. We take $z(x) = (x_0, x_1^2 - 1)$ with $L = |z|^2$, which has minima at $(0, \pm 1)$ and a saddle between them, and start at $(1, 0.1)$.

# %%
two_wells = Problem(
    lambda x: jnp.stack([x[0], x[1] ** 2 - 1]),
    square,
    lambda z, x: jnp.stack([z[0], jnp.sign(x[1]) * jnp.sqrt(z[1] + 1)]),
)


def wells(x):
    return x[..., 0] ** 2 + (x[..., 1] ** 2 - 1) ** 2


begin = np.array([1.0, 0.1])
curvature = 12 * begin[1] ** 2 - 4
print(f"Hessian diag(2, {curvature:.2f})  loss {wells(begin):.3f}")
curved = ["Newton", "Gauss-Newton", "physical gradient"]
runs = together(two_wells, begin, dict.fromkeys(curved, 0.3), 100)
for m in curved:
    first, last = wells(runs[m][1]), runs[m][-1].round(3) + 0.0
    print(f"{m:18s} loss after one step {first:.3f}  end {last}")

# %% tags=["hide-input", "remove-output"]
pair = {m: runs[m][:2] for m in ["Newton", "Gauss-Newton"]}
fractions = np.linspace(0, 0.5, 101)
along = {
    m: (
        fractions,
        wells(begin + fractions[:, None] / 0.3 * (path[1] - path[0])),
    )
    for m, path in pair.items()
}
keep("update_rules-figure-steps", figures.two_steps(wells, pair, along))

# %% [markdown]
# ```{glue:figure} update_rules-figure-steps
# :name: update_rules-figure-steps
# :alt: On the left, lines of equal loss with a saddle at the origin and a minimum above it. From (1, 0.1) the Newton step goes left and slightly down towards the saddle, the Gauss-Newton step goes left and far up, past the height of the minimum. On the right the loss along the Newton step falls steadily, while along the Gauss-Newton step it falls at first and then rises above the start.
#
# One step from $(1, 0.1)$ (ring). Left: where it goes. Right: the loss against the rate; the dotted line is the rate 0.3 of the steps on the left. Newton's Hessian is indefinite here, and at 0.3 its loss has fallen. Gauss-Newton's matrix is positive definite, and its loss has risen.
# ```
#
# Neither saying holds. Newton's indefinite step lowers the loss: it gains more along $x_0$ than it loses along $x_1$. With a growing rate the safe step of Gauss-Newton falls faster than Newton's at first, as {numref}`update_rules-figure-steps` shows, but where $J$ is small it is so long that at 0.3 it ends higher than it began. What does hold is weaker: Gauss-Newton has a descent direction, and Newton *may* lack one. From $(0.1, 0.5)$ it does, since the slope of the loss in the direction of its step is positive:

# %%
here = np.array([0.1, 0.5])
end = descend(two_wells, newton, here, 0.3, 1)[1]
slope = jax.jit(jax.grad(two_wells.objective))(here) @ (end - here)
print(f"slope in the direction of Newton's step {slope:+.2f}")
print(f"loss {wells(here):.3f}, after the step {wells(end):.3f}")


# %% [markdown]
# And a lower loss is not yet a good course: in the end Newton sits on the saddle, the other two at a minimum.
#
# ## Near the optimum
#
# Near a regular minimum, with a positive definite Hessian, the loss is a quadratic to leading order. Gradient descent multiplies each principal component of the distance by $1 - \eta\lambda$, where $\lambda$ is the curvature: at a rate that suits the steep components, the flat ones hardly move. Newton multiplies all components by $1 - \eta$. Where $\nabla_z L = 0$ at the minimum, the curvature part of {eq}`update_rules-eq-hessian-composition` vanishes there, and Gauss-Newton, the inverse Jacobian and the physical gradient have the same factor ({numref}`update_rules-figure-near`, left).
#
# The walkthrough's minimum is not regular. Along $x_1$ the loss is $x_1^4$: the slope is $4 x_1^3$, the Hessian is $12 x_1^2$, the Gauss-Newton matrix is $8 x_1^2$, and $z_1 = x_1^2$ shrinks by $1 - \eta$ in z-space. So each step multiplies $x_1$ by
#
# $$
# \underbrace{1 - \eta/3}_{\text{Newton}}, \qquad \underbrace{1 - \eta/2}_{\text{Gauss-Newton}}, \qquad \underbrace{\sqrt{1 - \eta}}_{\text{physical gradient}} .
# $$ (update_rules-eq-degenerate-factors)

# %%
theory = {
    "Newton": 1 - 0.3 / 3,
    "Gauss-Newton": 1 - 0.3 / 2,
    "physical gradient": 0.7**0.5,
}
near = together(WALKTHROUGH, START, dict.fromkeys(theory, 0.3), 60)
near = {m: path[:, 1] for m, path in near.items()}
for m, x1 in near.items():
    low, *_, high = np.sort(x1[1:] / x1[:-1])
    print(f"{m:18s} {low:.6f} to {high:.6f}, theory {theory[m]:.6f}")


# %% tags=["remove-cell"]
for m, factor in theory.items():
    key = f"update_rules-factor-{m.replace(' ', '-')}"
    glue(key, round(factor, 6), display=False)

# %% [markdown]
# They part most at $\eta = 1$: Newton keeps two thirds of $x_1$, Gauss-Newton one half, and the physical gradient lands, because $z^{-1}(0)$ is the answer and the inverse was given.
#
# Gradient descent has no factor. From $x_1 \leftarrow x_1 - 4 \eta x_1^3$ follows $1/x_1^2 \approx 8 \eta k$ after many steps $k$, so $x_1 \approx 1/\sqrt{8 \eta k}$. The product below should tend to 1:

# %%
slow = descend(
    WALKTHROUGH, STEPS["gradient descent"], START, 0.01, 100_000
)[:, 1]
for k in [100, 1000, 10_000, 100_000]:
    product = slow[k] * (8 * 0.01 * k) ** 0.5
    print(f"k = {k:6d}: x_1 sqrt(8 rate k) = {product:.4f}")


# %% tags=["hide-input", "remove-output"]
regular = {m: np.linalg.norm(path, axis=1) for m, path in paths[4].items()}
fig = figures.near(regular, {"gradient descent": slow[:61]} | near)
keep("update_rules-figure-near", fig)

# %% [markdown]
# ```{glue:figure} update_rules-figure-near
# :name: update_rules-figure-near
# :alt: Two panels with the distance on a logarithmic axis against the step. On the left three curves fall together on one steep straight line and gradient descent falls on a flatter one. On the right the three are straight lines that spread apart, the physical gradient steepest, then Gauss-Newton, then Newton, and gradient descent drops at first and then levels off.
#
# Distance to the minimum (left) and its part along $x_1$ (right), at a rate of 0.3, for gradient descent 0.05 (left) and 0.01 (right). A straight line is a constant factor a step: those on the right are {eq}`update_rules-eq-degenerate-factors`.
# ```
#
# ## What a step costs
#
# Let $n$ be the number of unknowns and $m$ that of outcomes. A gradient takes one backward pass, whatever $n$ is. A Jacobian takes $m$ backward or $n$ forward passes, a Hessian $n$ products with a vector.
#
# | rule | derivatives | linear system | numbers kept | it also needs |
# |---|---|---|---|---|
# | gradient descent | one gradient | none | $n$ | a rate that fits |
# | quasi-Newton (BFGS) | one gradient | none, an $n \times n$ matrix times vectors | $n^2$ | a line search, in practice |
# | Newton | gradient, Hessian in x | $n \times n$ | $n^2$ | a regular Hessian |
# | Gauss-Newton | gradient, Jacobian, Hessian in z | $n \times n$ | $mn + m^2 + n^2$ | $J^\top H_z J$ regular |
# | Gauss-Newton, matrix-free | gradient; $Jv$, $H_z u$ and $J^\top w$ in each iteration | conjugate gradients | a few $n$ and $m$ | $H_z$ positive definite |
# | natural gradient | gradient, Fisher matrix | $n \times n$ | $n^2$ | a model, and a mean over it |
# | inverse Jacobian | gradient and Hessian in z, Jacobian | two, $m \times m$ | $mn + m^2$ | $m = n$, $J$ and $H_z$ regular |
# | physical gradient | gradient and Hessian in z | $m \times m$ | $m^2$ | an inverse of the map, $H_z$ regular |
#
# The fifth row is for large $n$. Conjugate gradients ask only for products of $J^\top H_z J$ with a vector $v$. Such a product is a forward pass for $Jv$, a product with $H_z$, and a backward pass for $J^\top w$. How many products does a thousand unknowns need, to a relative residual of $10^{-8}$? Here the map is $z_i = x_i + x_i x_{i+1} / 4$, and we count.

# %%
chain = Problem(lambda x: x + x * jnp.roll(x, -1) / 4, square)


@jax.jit
def metric_times(x, v):
    z, forward = jax.linearize(chain.z, x)
    backward = jax.linear_transpose(forward, x)
    return backward(jax.jvp(jax.grad(square), (z,), (forward(v),))[1])[0]


# %% tags=["hide-input"]
x = np.cos(np.arange(1000.0))
gradient = np.asarray(jax.jit(jax.grad(chain.objective))(x))
products = 0


def counted(v):
    global products
    products += 1
    return metric_times(x, v)


matrix_free = LinearOperator((1000, 1000), matvec=counted, dtype=float)
step, _ = cg(matrix_free, -gradient, rtol=1e-8)
dense = np.asarray(jax.jit(partial(gauss_newton, chain))(x, 1.0)) - x
print(f"products: {products}, numbers in the matrix: {1000**2:,}")
apart = np.abs(step - dense).max() / np.abs(dense).max()
print(f"largest relative difference to the dense step: {apart:.7f}")


# %% tags=["remove-cell"]
glue("update_rules-products", products, display=False)

# %% [markdown]
# So {glue:text}`update_rules-products` products, each a forward and a backward pass, replace a matrix of a million numbers. The count depends on the spread of the eigenvalues of the matrix {cite:p}`nocedal2006numerical`: a badly conditioned map usually needs more. The same device serves the natural gradient and, where the Hessian is positive definite, Newton.
#
# For a separable loss such as $|z|^2$ the Hessian in z is diagonal and costs as little as a gradient. The physical gradient needs no derivative of the map at all, only its inverse. That inverse is the price, and {ref}`other_optimizers` measures what a numerical one costs.
#
# ## Side by side
#
# | rule | unit of the step | answer to $\alpha$ in $z = (x_0, \alpha x_1)$ | factor of $x_1$ at the degenerate minimum, $\eta = 0.3$ | composes |
# |---|---|---|---|---|
# | gradient descent {eq}`update_rules-eq-gradient-descent` | J/m | step grows as $\alpha^2$, stable rate shrinks as $1/\alpha^2$ | none: $x_1 \approx 1/\sqrt{8\eta k}$ | no: $J J^\top$ in between |
# | quasi-Newton {eq}`update_rules-eq-quasi-newton` from $B_0 = I$ | first step J/m | first step as gradient descent, then learns | not asked here | no |
# | Newton {eq}`update_rules-eq-newton` | m | no change | {glue:text}`update_rules-factor-Newton:.3f` | no: curvature of $z$ enters |
# | Gauss-Newton {eq}`update_rules-eq-gauss-newton` | m | no change | {glue:text}`update_rules-factor-Gauss-Newton:.3f` | to first order, if $m = n$ |
# | natural gradient {eq}`update_rules-eq-natural-gradient` | m J; m for its own likelihood | no change | as Gauss-Newton here | to first order, if $m = n$ |
# | inverse Jacobian {eq}`update_rules-eq-inverse-jacobian` | m | no change | as Gauss-Newton here | to first order |
# | physical gradient {eq}`update_rules-eq-physical-gradient` | m | no change | {glue:text}`update_rules-factor-physical-gradient:.3f` | exactly |
#
# Gradient descent uses the metric of x-space, an accident of units. Gauss-Newton and the natural gradient use the metric of the outcome. The physical gradient makes the step in the outcome itself.
#
# ## Exercises
#
# ```{exercise}
# :label: update_rules-ex-damping
#
# The method of Levenberg and Marquardt, in its plainest form, adds $\lambda I$ to the Gauss-Newton matrix, so that for a convex loss the system can always be solved. Which unit must $\lambda$ have? With which powers of the units does the step go for $\lambda = 0$, 10 and $10^6$? What could you add instead, so that $\lambda$ is a pure number?
# ```
#
# ````{solution-start} update_rules-ex-damping
# :class: dropdown
# ````


# %%
@jax.jit
def damped_length(identity, diagonal, c, b):
    problem, x = rescaled(WALKTHROUGH, c, b), c * START
    J, hessian = jax.jacobian(problem.z)(x), jax.hessian(problem.loss)
    metric = J.T @ hessian(problem.z(x)) @ J
    metric += identity * jnp.eye(2) + diagonal * jnp.diag(jnp.diag(metric))
    return jnp.linalg.norm(
        jnp.linalg.solve(metric, jax.grad(problem.objective)(x))
    )


for a, d in [(0.0, 0.0), (10.0, 0.0), (1e6, 0.0), (0.0, 10.0)]:
    base = damped_length(a, d, 1.0, 1.0)
    p = round(float(np.log10(damped_length(a, d, 10.0, 1.0) / base)), 6)
    q = round(float(np.log10(damped_length(a, d, 1.0, 10.0) / base)), 6)
    print(f"I times {a:9,.0f}, diagonal times {d:2.0f}: "
          f"metre^{p + 0.0:+.2f} joule^{q + 0.0:+.2f}")  # fmt: skip

# %% [markdown]
# $\lambda$ has the unit of the matrix, J/m². A fixed number breaks the invariance. The more damping, the more the step is gradient descent's; in between it has no unit at all, and the exponents are not whole numbers. The diagonal of the Gauss-Newton matrix itself has the right units, whatever the unit of each unknown. Add $\lambda$ times that, and $\lambda$ is a pure number. The price: where a whole column of $J$ is zero, as on the line $x_1 = 0$ of the walkthrough, nothing is added to it, and the matrix stays singular.
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
    begin_with = np.diag([1, 1 / alpha**2])
    run = jax.jit(partial(bfgs, scaled(alpha), rate=0.3, iterations=8))
    print(
        f"alpha = {alpha:2d}: ",
        np.round(run(x=START, B=begin_with)[0][-1], 6),
    )

# %% [markdown]
# The two problems differ by a change of the map, $z = Ax$ with $A = \mathrm{diag}(1, \alpha)$. With $B_0 = (A^\top A)^{-1}$ the first step is Gauss-Newton's, up to a factor, and each later $B_k$ follows from steps and gradients that carry the right units.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: update_rules-ex-shortest
#
# If $z$ has fewer components than $x$, a pseudoinverse of $J$ has to choose among many steps, and takes the shortest. For $z = x_0 + x_1$ ask for a step of 1, measure $x_1$ in units of 10 cm, and go back to metres afterwards. Is the step the same?
# ```
#
# ````{solution-start} update_rules-ex-shortest
# :class: dropdown
# ````

# %%
for c in [1, 10]:
    step = np.linalg.pinv(np.array([[1.0, 1.0 / c]])) @ np.ones(1)
    print(f"c = {c:2d}: x_0 by {step[0]:.3f} m, x_1 by {step[1] / c:.3f} m")

# %% [markdown]
# No. What is shortest depends on units.
#
# ```{solution-end}
# ```

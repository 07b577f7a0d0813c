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
# (straight_lines)=
# # One theorem
#
# The two halves of this book tell one story. A natural gradient fits a distribution to data. A physical gradient inverts a process.
# Both go straight to their target, in a space that is not the space of the parameters. This chapter says which space that is, proves it in a page, and
# tests every part of the proof on a computer.
#
# You will see one straight line appear five times: as the flow of the natural gradient, as a Newton flow, as the physical gradient, as mirror descent, and
# in six coordinate systems. You will also see what bends it: long steps, and Newton's method in the wrong place. The last sections look for the edges
# of the theorem, where a matrix becomes singular or the target does not exist.
#
# You need calculus in several variables: the chain rule, Jacobians, positive definite matrices. The words of statistics are defined where they come up.
# The methods themselves are those of {ref}`update_rules`, {ref}`gaussian_geometry` and {ref}`physical_gradients`. The physical gradient is called
# scale-invariant physics (SIP) or an inverse simulator in later papers {cite:p}`holl2022scale`.

# %%
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import digamma, gammaln, polygamma
from myst_nb import glue
from scipy.integrate import solve_ivp
from scipy.optimize import minimize, root

from straightlines import gaussian
from straightlines.plotting import LOOKS, draw_path, draw_target, figure, plt, keep, use_style
from straightlines.problems import Problem, gaussian_fit, walkthrough
from straightlines.steps import STEPS, descend

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# ## The picture
#
# Two problems stand for the two halves. The first fits a Gaussian: from $(\mu, \sigma) = (0, 1)$ to $(10, 1)$, as in {ref}`tango`.
# The expectation parameters are $m = (\mathrm{E}\,y, \mathrm{E}\,y^2)$.
# The second is the walkthrough's: from $x = (3, 3)$ to the minimum of $z_0^2 + z_1^2$, where $z(x) = (x_0, x_1^2)$.
#
# Gradient descent goes down the expected negative log-likelihood of the Gaussian. As a `Problem` this is a loss of $m$.

# %%
start, target = np.array([0.0, 1.0]), np.array([10.0, 1.0])


@cache
def each(function):
    """The function, for each row of an array."""
    return jax.jit(jax.vmap(function))


def likelihood_fit(target, coordinates="log scale"):
    """The expected negative log-likelihood: quadratic in y, so its mean over the two points μ* ± σ* is exact."""
    fit = gaussian_fit(target, coordinates)
    points = jnp.array([target[0] - target[1], target[0] + target[1]])
    nll = jax.vmap(gaussian.negative_log_likelihood, (None, 0, None))
    return fit._replace(loss=lambda m: nll(m, points, "expectation").mean())


# %%
fit, toy = gaussian_fit(target), walkthrough()
mean_scale = each(gaussian.COORDINATES["log scale"].to_mean_scale)
fit_descent = descend(likelihood_fit(target), "gradient descent", [0.0, 0.0], 1e-3, 100_000)
fit_physical = descend(fit, "physical gradient", [0.0, 0.0], 0.3, 24)
toy_newton = descend(toy, "Newton", [3.0, 3.0], 1 / 3, 36)
toy_physical = descend(toy, "physical gradient", [3.0, 3.0], 0.3, 24)

# %% [markdown]
# The natural-gradient flow of the Gaussian is the closed form of {ref}`gaussian_geometry`. That of the toy is $x(t) = (3 e^{-t}, 3 e^{-t/2})$, which this
# chapter will confirm.

# %%
times = np.concatenate([np.linspace(0, 0.5, 101), np.linspace(0.5, 8, 101)])
fit_flow = gaussian.natural_gradient_flow(start, target, times)
toy_flow = np.stack([3 * np.exp(-times), 3 * np.exp(-times / 2)], axis=1)

# %% [markdown]
# To lay both problems on one sheet, measure what is left to go. In the right space, $m$ for the Gaussian and $z$ for the toy, each coordinate starts
# at some distance from the target. Its *share left* is 1 at the start and 0 at the target:
#
# $$
# s_i = \frac{m_i - m^*_i}{m_i^{\text{start}} - m^*_i} .
# $$ (straight_lines-eq-share-left)


# %%
def shares_left(z, target):
    """Share of the way still to go, coordinate by coordinate, of a path in z-space: shape (steps + 1, n)."""
    return (z - np.asarray(target)) / (z[0] - np.asarray(target))


fit_target = gaussian.mean_map(target, "scale")
shares = {
    "fit, gradient descent": shares_left(each(fit.z)(fit_descent), fit_target),
    "fit, natural gradient": shares_left(
        jax.vmap(lambda p: gaussian.mean_map(p, "scale"))(fit_flow), fit_target
    ),
    "fit, physical gradient": shares_left(each(fit.z)(fit_physical), fit_target),
    "toy, Newton": shares_left(each(toy.z)(toy_newton), np.zeros(2)),
    "toy, natural gradient": shares_left(each(toy.z)(toy_flow), np.zeros(2)),
    "toy, physical gradient": shares_left(each(toy.z)(toy_physical), np.zeros(2)),
}

# %% [markdown]
# A path is straight, and aims at the target, when all its shares are equal at every moment. The largest difference of the two shares is how far it bends.

# %%
for name, share in shares.items():
    bend = float(np.abs(share[:, 0] - share[:, 1]).max())
    print(f"{name:24s} bends by {bend:.3f}   straight to 1e-12: {bend < 1e-12}")
both = np.abs(shares["fit, physical gradient"] - shares["toy, physical gradient"]).max()
print(f"steps of the two problems are at the same shares to 1e-12: {both < 1e-12}")

# %% tags=["hide-input", "remove-output"]
use_style()
fig, axes = plt.subplot_mosaic(
    [["fit", "right"], ["toy", "right"]], figsize=(9.4, 5.8), width_ratios=[1, 1.5]
)
fig.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
flow_line = {"method": "natural gradient", "markers": False, "start": False, "linewidth": 2.2}
physical = LOOKS["physical gradient"]
dots = {
    "color": physical.color,
    "marker": physical.marker,
    "linestyle": "none",
    "markersize": 5.5,
    "zorder": 5,
}
thin = np.unique(np.concatenate([np.arange(0, 500, 4), np.arange(500, 100_000, 50)]))


def word(ax, text, at, method, **options):
    ax.annotate(text, at, color=LOOKS[method].color, fontsize=10, **options)


ax = axes["fit"]
draw_path(ax, mean_scale(fit_descent)[thin], "gradient descent", markers=False)
draw_path(ax, fit_flow, **flow_line)
draw_target(ax, target)
ax.set(
    xlim=(-0.8, 10.8),
    ylim=(0, 10.4),
    title="Fitting a Gaussian",
    xlabel=r"mean $\mu$",
    ylabel=r"standard deviation $\sigma$",
)
word(ax, "gradient descent", (2.4, 8.4), "gradient descent")
word(ax, "natural gradient", (3.75, 2.8), "natural gradient", ha="center")

ax = axes["toy"]
draw_path(ax, toy_newton, "Newton")
draw_path(ax, toy_physical, "physical gradient", start=False)
draw_target(ax, (0, 0))
ax.set(
    xlim=(-0.22, 3.25),
    ylim=(-0.25, 3.3),
    title="Inverting a process",
    xlabel="input $x_0$",
    ylabel="input $x_1$",
)
word(ax, "Newton", (0.75, 2.45), "Newton", ha="right")
word(ax, "physical gradient", (1.45, 1.35), "physical gradient")

ax = axes["right"]
draw_path(ax, shares["fit, gradient descent"][thin], "gradient descent", markers=False)
draw_path(ax, shares["toy, Newton"], "Newton", start=False)
draw_path(ax, shares["fit, natural gradient"], **flow_line)
ax.plot(*shares["toy, physical gradient"].T, **dots)
draw_target(ax, (0, 0))
ax.set(xlim=(-0.06, 1.07), ylim=(-0.06, 1.07), aspect="equal", title="Both, in the right space")
ax.set(
    xlabel="way still to go, first coordinate (share)",
    ylabel="way still to go, second coordinate (share)",
)
along = {
    "rotation": 45,
    "rotation_mode": "anchor",
    "ha": "center",
    "va": "top",
    "textcoords": "offset points",
}
middle = (0.75, 0.75)
word(ax, "natural gradient,", middle, "natural gradient", xytext=(6, -6), **along)
word(ax, "physical gradient:", middle, "physical gradient", xytext=(17, -17), **along)
word(
    ax,
    "one straight line",
    middle,
    "natural gradient",
    xytext=(28, -28),
    fontweight="bold",
    **along,
)
word(ax, "Newton", (0.40, 0.63), "Newton", ha="right")
word(ax, "gradient descent", (0.70, 0.1), "gradient descent", ha="center")
ax.annotate("start", (1, 1), xytext=(-9, 5), textcoords="offset points", ha="right")
ax.annotate("target", (0, 0), xytext=(10, -4), textcoords="offset points")
keep("straight_lines-figure-book", fig)

# %% [markdown]
# ```{glue:figure} straight_lines-figure-book
# :name: straight_lines-figure-book
# :alt: Two small panels on the left. Above, mean against standard deviation of a Gaussian, gradient descent climbs to 9.6 and slides down to the target, the natural gradient goes over in an arch. Below, two arcs from (3, 3) to the origin, Newton above, the physical gradient below. A large panel on the right shows the same four paths from a start at the upper right to a target at the lower left. Gradient descent and Newton are still curved. The natural gradient and the physical gradient lie on the diagonal.
#
# Four methods, four bent curves in the parameters (left). In the right space (right) gradient descent and Newton's method stay bent; the natural gradient and the physical gradient become the same straight line.
# Diamonds are steps of the physical gradient with η = 0.3, squares of Newton's method with η = 1/3. The right space is that of $m = (\mathrm{E}\,y, \mathrm{E}\,y^2)$ for the Gaussian and of $z(x)$ for the process; the axes show {eq}`straight_lines-eq-share-left`.
# ```
#
# On the left of {numref}`straight_lines-figure-book` nothing is straight. On the right the two problems share axes. Gradient descent and Newton's method still
# bend. The natural gradient and the physical gradient do not: both run down the diagonal. The physical gradient of the Gaussian, printed above, even makes the same steps as that of the process.
#
# The rest of the chapter says why.

# %% [markdown]
# ## The words
#
# ```{prf:definition} Exponential family
# :label: straight_lines-exponential-family
#
# An *exponential family* is a set of densities (or probabilities, with a sum for the integral)
#
# $$
# p_\theta(y) = h(y)\, \exp\big(\theta \cdot T(y) - A(\theta)\big), \qquad A(\theta) = \ln \int h(y)\, e^{\theta \cdot T(y)}\, dy .
# $$
#
# $\theta \in \mathbb{R}^k$ is the *natural parameter*, $T(y) \in \mathbb{R}^k$ the *sufficient statistic*, $A$ the *log-partition*. The family is *regular* if the set $\Theta$ of all
# $\theta$ for which the integral is finite is open. It is *minimal* if no combination $c \cdot T(y)$ with $c \ne 0$ is constant (almost everywhere).
# ```
#
# For the Gaussian, $T(y) = (y, y^2)$ and $\theta = (\mu/\sigma^2, -1/(2\sigma^2))$. The log-partition makes the density integrate to one. It does more: its derivatives are moments.
#
# $$
# m(\theta) = \nabla A(\theta) = \mathrm{E}_\theta\, T(y), \qquad F_\theta = \nabla^2 A(\theta) = \mathrm{Cov}_\theta\, T(y) .
# $$ (straight_lines-eq-mean-map)
#
# Both follow by differentiating $A$ under the integral: $\nabla A = \int T\, p_\theta\, dy$, and once more $\nabla^2 A = \int T\, T^\top p_\theta\, dy - m\, m^\top$.
# The first is the *mean map*; its value $m$ is the *expectation parameter*, and the set $M$ of all its values is the *mean domain*.
# The second is the *Fisher matrix* in $\theta$: the covariance of the score $\nabla_\theta \ln p_\theta(y) = T(y) - m$.
#
# In a minimal family $F_\theta$ is positive definite, for $c^\top F_\theta\, c$ is the variance of $c \cdot T$. The set $\Theta$ is convex, by Hölder's inequality. So $A$ is strictly convex, and the mean map is one-to-one. Its Jacobian $F_\theta$ is invertible: it has a differentiable
# inverse, and $M$ is open. For a regular family $M$ is also convex: a classical result, which the proof below does not use.
#
# Other coordinates $\xi$ of the family, such as $(\mu, \ln\sigma)$, have Fisher matrix
# $F_\xi = K^\top F_\theta K$ with $K = \partial\theta/\partial\xi$, by the chain rule for the score.
#
# The data enter through one vector. With $m^* = \mathrm{E}_{\text{data}}\, T(y)$, the expected negative log-likelihood is, up to a constant,
#
# $$
# L = \mathrm{E}_{\text{data}}\big[-\ln p_\theta(y)\big] = A(\theta) - \theta \cdot m^* .
# $$ (straight_lines-eq-family-loss)
#
# The data need not come from the family. Two data sets with the same $m^*$ give the same $L$.

# %% [markdown]
# ## The theorem
#
# ````{prf:theorem} One straight line
# :label: straight_lines-theorem
#
# Take a minimal regular exponential family, and coordinates $\xi$ in which $\xi \mapsto m(\xi)$ is a diffeomorphism from an open set onto an open set $U \subseteq M$: one-to-one, and
# differentiable both ways. Let $m_0 \in U$, and let $U$ contain the segment from $m_0$ to $m^*$, except perhaps its end $m^*$. Then from $m_0$:
#
# 1. **Natural-gradient flow** $\dot\xi = -F_\xi^{-1} \nabla_\xi L$ satisfies $\dot m = -(m - m^*)$, so that
#    $\xi(t) = m^{-1}\big(m^* + e^{-t}(m_0 - m^*)\big)$, in every such coordinate system.
# 2. It is the **Newton flow** of $L$ in $\theta$: there $\nabla^2_\theta L = \nabla^2 A = F_\theta$.
# 3. It is the limit $\eta \to 0$ of the **physical gradient** with $z = m$ and the surrogate loss
#    $\tfrac12 (m - m^*)^\top Q\, (m - m^*)$, for any constant positive definite $Q$. For $0 < \eta < 1$ the physical-gradient step is
#    $m^+ = m - \eta\, (m - m^*)$ exactly.
# 4. **Mirror descent** in $\theta$ with potential $A$,
#    $\theta^+ = \arg\min_\vartheta\, \eta\, \nabla_\theta L(\theta) \cdot \vartheta + D_A(\vartheta, \theta)$, where
#    $D_A(\vartheta, \theta) = A(\vartheta) - A(\theta) - \nabla A(\theta) \cdot (\vartheta - \theta)$, makes exactly this step for every $0 < \eta < 1$.
#
# If $m^* \in U$, it is the only minimum of $L$. Then 3 and 4 also hold for $\eta = 1$, and land on $m^*$ in one step.
# ````
#
# `````{prf:proof}
# Write $J = \partial m/\partial\xi$ and $K = \partial\theta/\partial\xi$. Since $m = \nabla A(\theta)$, the chain rule gives $J = F_\theta K$, that is
# $K = F_\theta^{-1} J$. By {eq}`straight_lines-eq-family-loss`, $\nabla_\theta L = m - m^*$.
#
# *Part 1.* Carry both to $\xi$, and use that $F_\theta$ is symmetric:
#
# $$
# \nabla_\xi L = K^\top (m - m^*) = J^\top F_\theta^{-1} (m - m^*), \qquad
# F_\xi = K^\top F_\theta K = J^\top F_\theta^{-1} J .
# $$
#
# $J$ is square and invertible, because $\xi \mapsto m$ is a diffeomorphism. So $F_\xi^{-1} = J^{-1} F_\theta J^{-\top}$ and
#
# $$
# F_\xi^{-1} \nabla_\xi L = J^{-1} F_\theta J^{-\top} J^\top F_\theta^{-1} (m - m^*) = J^{-1} (m - m^*) .
# $$ (straight_lines-eq-natural-direction)
#
# Along the flow $\dot m = J \dot\xi = -(m - m^*)$. Its solution is $m(t) = m^* + e^{-t}(m_0 - m^*)$: it moves along the segment, which is in $U$, for all $t \ge 0$. There the inverse of
# $\xi \mapsto m$ is defined, and gives $\xi(t)$.
#
# *Part 2.* $L$ and $A$ differ by a linear function of $\theta$. So $\nabla_\theta^2 L = \nabla^2 A = F_\theta$, and
# $-(\nabla^2_\theta L)^{-1} \nabla_\theta L = -F_\theta^{-1} \nabla_\theta L$ is the flow of part 1 with $\xi = \theta$.
#
# *Part 3.* The surrogate has gradient $Q(m - m^*)$ and Hessian $Q$, so its Newton step in $m$ is
# $-\eta\, Q^{-1} Q (m - m^*) = -\eta\, (m - m^*)$: $Q$ cancels. The new point is on the segment. The inverse of $\xi \mapsto m$ brings it back, by {eq}`update_rules-eq-physical-gradient`:
# $\xi^+ = m^{-1}\big(m - \eta\, (m - m^*)\big)$. Its derivative with respect to $\eta$ at $\eta = 0$ is $-J^{-1}(m - m^*)$, which is {eq}`straight_lines-eq-natural-direction`.
# After $k = t/\eta$ steps $m = m^* + (1-\eta)^{t/\eta}\, (m_0 - m^*)$, and $(1-\eta)^{t/\eta} \to e^{-t}$ as $\eta \to 0$: the path becomes that of part 1.
#
# *Part 4.* $D_A$ is strictly convex in $\vartheta$, so a point where the gradient vanishes is the only minimum. The gradient is
# $\eta\, (m - m^*) + \nabla A(\vartheta) - \nabla A(\theta)$. It vanishes where $m(\vartheta) = m - \eta\, (m - m^*)$, and such a $\vartheta$ exists since the right-hand side is in $U \subseteq M$.
#
# If $m^* \in U$, then $\nabla_\theta L = m - m^*$ vanishes there and nowhere else. Like $A$, $L$ is strictly convex in $\theta$, so this is its only minimum, and the arguments of 3 and 4 include $\eta = 1$.
# `````
#
# The facts are known in pieces. Part 1 belongs to information geometry {cite:p}`amari1998natural,fujiwara1995gradient`; that mirror descent is a natural
# gradient in the dual space is the result of {cite:t}`raskutti2015mirror`; mirror descent as a proximal step goes back to {cite:t}`beck2003mirror`. What the theorem
# adds for this book is the third part: the physical gradient is on the same line.
#
# Read the proof once more for what cancels. In {eq}`straight_lines-eq-natural-direction` the Fisher matrix disappears, and only the Jacobian of the mean map remains. In part 3 the loss disappears, up to its minimum.
# The natural gradient knows where it goes, and that $m$ is the map in which to go there.

# %% [markdown]
# ## The walkthrough is a Gaussian
#
# ````{prf:corollary}
# :label: straight_lines-walkthrough
#
# Let $z(x)$ be a process, and observe $y = 0$ under the model $N(z(x), \tfrac12 I)$. Then $-\ln p_x(0) = |z(x)|^2$ up to a constant: the walkthrough's loss. The mean map is $z$ itself, and the Fisher
# matrix in $x$ is $2 J^\top J$ with $J = \partial z/\partial x$: the matrix of Gauss-Newton, {eq}`update_rules-eq-gauss-newton`.
# ````
#
# Here $T(y) = y$, $\theta = 2z$, $A(\theta) = |\theta|^2/4$. So $m = \nabla A = \theta/2 = z$ and $F_\theta = \tfrac12 I$, and $F_x = J^\top F_\theta^{-1} J = 2 J^\top J$.
# The natural-gradient step, Gauss-Newton's step and the linearised physical gradient are one and the same here. The observation is a single point, $m^* = 0$.
#
# The Fisher matrix is the mean of score times score. The score at $y$ is $2 J^\top (y - z)$, linear in $y$, so that four points with the mean and the covariance of the model give the exact answer.

# %%
x = jnp.array([3.0, 3.0])
offsets = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])  # mean 0, covariance I/2


def log_density(x, y):
    return -jnp.sum((y - toy.z(x)) ** 2)


scores = jax.jit(jax.vmap(jax.grad(log_density), (None, 0)))(x, toy.z(x) + offsets)
J = jax.jacobian(toy.z)(x)
print("Fisher matrix:", (scores.T @ scores / 4).tolist())
print("2 JᵀJ:        ", (2 * J.T @ J).tolist())

# %% [markdown]
# ## Three families
#
# The tests take only $A$, the map $\xi \mapsto \theta$, a start and $m^*$. The third family is new to the book, and less obliging: the gamma distribution, with density
# $p(y) \propto y^{\alpha - 1} e^{-\beta y}$ on $y > 0$. It has $T(y) = (\ln y, y)$, $\theta = (\alpha, -\beta)$, and
#
# $$
# A(\theta) = \ln\Gamma(\alpha) - \alpha \ln\beta, \qquad m = \big(\psi(\alpha) - \ln\beta,\ \alpha/\beta\big), \qquad \psi = (\ln\Gamma)' .
# $$
#
# Its mean map has no inverse in closed form.
#
# The parts of the theorem are tested in the order in which they need tools: 1, 4, 3, 2.


# %%
class Family(NamedTuple):
    """A family by its log-partition, coordinates ξ as a map to θ, where to start and the data's mean of T."""

    log_partition: Callable[[Array], Array]
    natural: Callable[[Array], Array]
    start: tuple[float, ...]
    target: tuple[float, ...]

    @partial(jax.jit, static_argnums=0)
    def mean(self, xi):
        """m = ∇A(θ(ξ))."""
        return jax.grad(self.log_partition)(self.natural(jnp.asarray(xi)))


def numbers(values):
    return tuple(float(value) for value in values)


# %%
@cache
def gaussian_family(coordinates):
    here, natural = gaussian.COORDINATES[coordinates], gaussian.COORDINATES["natural"]
    return Family(
        lambda theta: -(theta[0] ** 2) / (4 * theta[1]) - jnp.log(-2 * theta[1]) / 2,
        lambda xi: natural.from_mean_scale(here.to_mean_scale(xi)),
        numbers(here.from_mean_scale(start)),
        numbers(fit_target),
    )


# %%
gamma_target = numbers([digamma(9.0) - jnp.log(3.0), 9.0 / 3.0])  # shape 9, rate 3
families = {
    "Gaussian": gaussian_family("log scale"),
    "toy": Family(
        lambda theta: theta @ theta / 4, lambda x: 2 * toy.z(x), (3.0, 3.0), (0.0, 0.0)
    ),
    "gamma": Family(
        lambda theta: gammaln(theta[0]) - theta[0] * jnp.log(-theta[1]),
        lambda xi: jnp.stack([jnp.exp(xi[0]), -jnp.exp(xi[1])]),  # ξ = (ln shape, ln rate)
        numbers(np.log([1.0, 2.0])),
        gamma_target,
    ),
}

# %% [markdown]
# The mean of $T$ by $\nabla A$ must be the mean of samples. Two million draws from the gamma start show it, to two digits.

# %%
sample = np.random.RandomState(0).gamma(shape=1.0, scale=1 / 2.0, size=2_000_000)
m = families["gamma"].mean(families["gamma"].start)
print(f"mean of ln y, y by ∇A:      {m[0]:.2f} {m[1]:.2f}")
print(f"mean of ln y, y by samples: {np.log(sample).mean():.2f} {sample.mean():.2f}")

# %% [markdown]
# ## Part 1: the flow
#
# The natural-gradient direction is written from its definition, $-F_\xi^{-1} \nabla_\xi L$. It is made of $A$ and of automatic differentiation, and never asks for $J$ or an inverse of the mean map.


# %%
@partial(jax.jit, static_argnums=0)
def natural_direction(family, xi):
    """-F⁻¹∇L in the coordinates ξ, with F = Kᵀ ∇²A K and L = A(θ) - θ·m*."""

    def loss(xi):
        return family.log_partition(family.natural(xi)) - family.natural(xi) @ jnp.array(
            family.target
        )

    K = jax.jacobian(family.natural)(xi)
    F = K.T @ jax.hessian(family.log_partition)(family.natural(xi)) @ K
    return -jnp.linalg.solve(F, jax.grad(loss)(xi))


# %%
xi = jnp.array(families["Gaussian"].start)
slope = jax.jit(jax.grad(likelihood_fit(target).objective))(xi)
same = np.allclose(
    natural_direction(families["Gaussian"], xi),
    -np.linalg.solve(gaussian.fisher_matrix(xi), slope),
    rtol=1e-12,
)
print("same direction from src:", same)
for name, family in families.items():
    xi = jnp.array(family.start)
    J, to_go = jax.jit(jax.jacobian(family.mean))(xi), family.mean(xi) - np.array(family.target)
    same = np.allclose(natural_direction(family, xi), -np.linalg.solve(J, to_go), rtol=1e-12)
    print(f"{name:9s} -F⁻¹∇L = -J⁻¹(m - m*) to 1e-12: {same}")

# %% [markdown]
# An ODE solver of order eight follows the flow to $t = 8$, with tolerances of $10^{-12}$. The straight line says that at time $t$ the share left
# {eq}`straight_lines-eq-share-left` is $e^{-t}$ in every coordinate of $m$.

# %%
clock = np.linspace(0, 8, 81)


def flow(direction, start):
    """Solve ξ' = direction(ξ) at the times of `clock`, times the first axis."""
    span, tolerances = (0, clock[-1]), {"rtol": 1e-12, "atol": 1e-12}
    solution = solve_ivp(
        lambda t, xi: np.asarray(direction(xi)), span, start, "DOP853", clock, **tolerances
    )
    return solution.y.T


# %%
flows = {}
for name, family in families.items():
    flows[name] = flow(partial(natural_direction, family), family.start)
    share = shares_left(each(family.mean)(flows[name]), family.target)
    gap = float(np.abs(share - np.exp(-clock)[:, None]).max())
    print(f"{name:9s} share left - exp(-t): below 1e-9: {gap < 1e-9}")

# %% [markdown]
# Three families, one line. Another solver, of another library, finds the same flow of the Gaussian:

# %%
family = families["Gaussian"]
other = diffrax.diffeqsolve(
    diffrax.ODETerm(lambda t, xi, args: natural_direction(family, xi)),
    diffrax.Dopri8(), 0.0, clock[-1], None, jnp.array(family.start),
    saveat=diffrax.SaveAt(ts=jnp.asarray(clock)),
    stepsize_controller=diffrax.PIDController(rtol=1e-12, atol=1e-12),
).ys  # fmt: skip
print("same flow to 1e-9:", bool(np.abs(other - flows["Gaussian"]).max() < 1e-9))

# %% [markdown]
# And the toy's $x(t)$, claimed above, is confirmed:

# %%
closed = np.stack([3 * np.exp(-clock), 3 * np.exp(-clock / 2)], axis=1)
gap = np.abs(flows["toy"] - closed).max()
print(f"toy, x(t) = (3 exp(-t), 3 exp(-t/2)) to 1e-9: {gap < 1e-9}")

# %% [markdown]
# ## Part 4: mirror descent
#
# Mirror descent is a minimisation in each step. Setting its gradient to zero gives one equation for $\vartheta$, which a root finder solves without knowing any inverse. It starts from the
# current point.


# %%
def mirror_step(family, xi, eta):
    """The root of η∇L(θ) + ∇A(ϑ) - ∇A(θ), as coordinates ξ of ϑ."""
    m = np.asarray(family.mean(xi))
    goal = m - eta * (m - family.target)
    return root(lambda new: np.asarray(family.mean(new)) - goal, xi, tol=1e-14).x


# %% [markdown]
# Is that root the minimum of the definition? Minimise the definition itself with BFGS, from the start of each family. BFGS sees values and gradients only, and
# finds a flat minimum to about half the digits.


# %%
def proximal_loss(family, xi, eta, new):
    """η∇L(θ)·ϑ + D_A(ϑ, θ), with ϑ and θ by their coordinates."""
    A, here, there = family.log_partition, family.natural(xi), family.natural(new)
    bregman = A(there) - A(here) - jax.grad(A)(here) @ (there - here)
    return eta * (jax.grad(A)(here) - jnp.array(family.target)) @ there + bregman


for name, family in families.items():
    xi = jnp.array(family.start)
    value = jax.jit(jax.value_and_grad(partial(proximal_loss, family, xi, 0.3)))
    found = minimize(value, xi, jac=True, method="BFGS", options={"gtol": 1e-8}).x
    gap = np.abs(found - mirror_step(family, xi, 0.3)).max()
    print(f"{name:9s} root is the minimum to 1e-6: {gap < 1e-6}")

# %% [markdown]
# ## Part 3: the physical gradient
#
# The physical gradient needs a process with an inverse. The Gaussian and the toy are `Problem`s of the package. The gamma family becomes one here. To invert its mean map, note that
# $\ln m_1 - m_0 = \ln\alpha - \psi(\alpha)$ depends on $\alpha$ alone and falls from $\infty$ to 0: a few Newton steps in $\ln\alpha$ find the shape, and $\beta = \alpha/m_1$.


# %%
def gamma_inverse(m, xi):
    """(ln shape, ln rate) from (E ln y, E y); NaN where ln m₁ ≤ m₀, outside the mean domain."""
    s = jnp.log(m[1]) - m[0]

    def newton(_, log_shape):
        shape = jnp.exp(log_shape)
        return log_shape - (log_shape - digamma(shape) - s) / (1 - shape * polygamma(1, shape))

    # first guess, right to about 1.5 %
    first = jnp.log((3 - s + jnp.sqrt((s - 3) ** 2 + 24 * s)) / (12 * s))
    log_shape = jax.lax.fori_loop(0, 5, newton, jnp.where(s > 0, first, jnp.nan))
    return jnp.stack([log_shape, log_shape - jnp.log(m[1])])


gamma_fit = Problem(
    families["gamma"].mean,
    lambda m: jnp.sum((m - jnp.array(gamma_target)) ** 2) / 2,
    gamma_inverse,
)
back = gamma_inverse(families["gamma"].mean(jnp.log(jnp.array([0.2, 7.0]))), None)
print("inverse of the mean map, shape and rate:", np.round(np.exp(back), 12))

# %% [markdown]
# Now ten steps of mirror descent and of the physical gradient, side by side, at three rates. After $k$ steps the share left must be $(1-\eta)^k$.

# %%
fits = {"Gaussian": fit, "toy": toy, "gamma": gamma_fit}
for name, family in families.items():
    for eta in (0.1, 0.3, 0.9):
        physical = descend(fits[name], "physical gradient", family.start, eta, 10)
        mirror = [np.array(family.start)]
        for _ in range(10):
            mirror.append(mirror_step(family, mirror[-1], eta))
        paths_in_m = [each(family.mean)(np.stack(path)) for path in (physical, mirror)]
        gaps = [
            np.abs(shares_left(m, family.target) - (1 - eta) ** np.arange(11)[:, None]).max()
            for m in paths_in_m
        ]
        print(
            f"{name:9s} η = {eta}   on the line to 1e-9: "
            f"physical gradient {gaps[0] < 1e-9}, mirror descent {gaps[1] < 1e-9}"
        )

# %% [markdown]
# The surrogate's $Q$ cancels, as the proof says. A random positive definite $Q$ in place of the identity leaves the path as it is.

# %%
mixed = np.random.RandomState(3).normal(size=(2, 2))
weighted = fit._replace(
    loss=lambda m: (m - fit_target) @ (mixed @ mixed.T) @ (m - fit_target) / 2
)
paths = [
    descend(problem, "physical gradient", [0.0, 0.0], 0.3, 24) for problem in (fit, weighted)
]
print("same path for another Q to 1e-9:", bool(np.abs(paths[0] - paths[1]).max() < 1e-9))

# %% [markdown]
# With $\eta = 1$ it lands at once, in each of the three families.

# %%
for name, problem in fits.items():
    landed = problem.z(descend(problem, "physical gradient", families[name].start, 1.0, 1)[-1])
    gap = np.abs(landed - np.array(families[name].target)).max()
    print(f"{name:9s} one step with η = 1 lands on m* to 1e-9: {gap < 1e-9}")

# %% [markdown]
# {numref}`straight_lines-figure-gamma` shows the gamma family. Nothing in its parameters suggests a line.

# %% tags=["hide-input", "remove-output"]
family = families["gamma"]
marks = descend(gamma_fit, "physical gradient", family.start, 0.3, 12)
euler = descend(gamma_fit, "Gauss-Newton", family.start, 0.1, 80)
fig, axes = figure(2)
for ax, view in zip(axes, (jnp.exp, each(family.mean)), strict=True):
    draw_path(
        ax, view(euler), "Gauss-Newton", label="natural gradient, Euler steps", markevery=4
    )
    draw_path(
        ax,
        view(flows["gamma"]),
        "natural gradient",
        label="natural gradient, flow",
        markers=False,
        start=False,
    )
    ax.plot(
        *view(marks).T,
        "D",
        color=LOOKS["physical gradient"].color,
        markersize=5.5,
        label="physical gradient, mirror descent",
    )
    draw_target(ax, np.asarray(view(jnp.log(jnp.array([[9.0, 3.0]]))))[0])
edge = np.linspace(0.2, 3.6, 200)
axes[1].fill_between(np.log(edge), 0, edge, color="#e4e4e4", linewidth=0)
axes[1].annotate(
    r"not a mean: $\mathrm{E}\,\ln y > \ln\mathrm{E}\,y$", (0.30, 0.62), ha="center", fontsize=9
)
axes[0].set(xlabel=r"shape $\alpha$", ylabel=r"rate $\beta$", title="Parameters")
axes[1].set(
    xlabel=r"$m_0 = \mathrm{E}\,\ln y$",
    ylabel=r"$m_1 = \mathrm{E}\,y$",
    title="Expectation parameters",
)
axes[1].set(xlim=(-1.45, 1.25), ylim=(0.3, 3.4))
axes[0].legend(loc="upper left", fontsize=8.5)
keep("straight_lines-figure-gamma", fig)

# %% [markdown]
# ```{glue:figure} straight_lines-figure-gamma
# :name: straight_lines-figure-gamma
# :alt: Left, shape against rate. The natural-gradient flow first falls, then rises steeply to the target at (9, 3), with diamonds on it. Euler steps leave it. Right, the mean of ln y against the mean of y. The flow is a straight line, the diamonds are on it, the Euler steps bow away from it. A grey region at the lower right holds no member of the family.
#
# A gamma distribution fitted from shape 1 and rate 2 to shape 9 and rate 3. Bent in the parameters, straight in the expectation parameters. Diamonds: physical gradient, which is mirror descent, η = 0.3. Triangles: every fourth natural-gradient step with
# η = 0.1 in (ln α, ln β). These leave the line.
# ```

# %% [markdown]
# ## Part 2: Newton in the natural parameter
#
# The Hessian of $L$ in $\theta$ is the Fisher matrix, at every point and not only at the minimum. The Hessian is taken from the negative log-likelihood of the package, the Fisher matrix from its closed form.
# In $(\mu, \ln\sigma)$ the two differ.

# %%
points = [np.array([0.0, 1.0]), np.array([4.0, 0.3]), np.array([-7.0, 5.0])]
for coordinates in ("natural", "log scale"):
    here = gaussian.COORDINATES[coordinates].from_mean_scale
    loss = likelihood_fit(target, coordinates).objective
    hessian = jax.jit(jax.hessian(loss))
    pairs = [(hessian(here(p)), gaussian.fisher_matrix(here(p), coordinates)) for p in points]
    same = [np.allclose(computed, fisher, rtol=1e-9) for computed, fisher in pairs]
    print(f"{coordinates:9s} Hessian equals Fisher at three points: {same}")

# %% [markdown]
# So the Newton flow in $\theta$ is the natural gradient. Newton's method in other coordinates is not, and there is a reason.
# Along any Newton flow $\dot\xi = -(\nabla^2_\xi L)^{-1} \nabla_\xi L$ the gradient obeys $\frac{d}{dt} \nabla_\xi L = -\nabla_\xi L$. It shrinks on a straight line, in every coordinate system.
# Only in $\theta$ is that gradient $m - m^*$.
#
# The toy shows it. Its gradient in $x$ is $(2 x_0, 4 x_1^3)$.

# %%
slope, hessian = jax.grad(toy.objective), jax.hessian(toy.objective)
newton_direction = jax.jit(lambda x: -jnp.linalg.solve(hessian(x), slope(x)))
toy_newton_flow = flow(newton_direction, [3.0, 3.0])
gradient = shares_left(each(slope)(toy_newton_flow), np.zeros(2))
z = shares_left(each(toy.z)(toy_newton_flow), np.zeros(2))
gap = np.abs(gradient - np.exp(-clock)[:, None]).max()
print(f"Newton flow in x: gradient straight to 1e-9: {gap < 1e-9}")
print(f"                  z bends by {np.abs(z[:, 0] - z[:, 1]).max():.3f}")

# %% [markdown]
# The bend has a closed form. The gradient says $x_1 = 3 e^{-t/3}$, so the shares are $e^{-t}$ and $e^{-2t/3}$. Their largest difference is $4/27 = 0.148$.

# %% [markdown]
# ## Any coordinates
#
# Parts 1, 3 and 4 hold in every coordinate system. Six of them for the Gaussian: the flow is integrated in each, and the physical gradient is taken in each.

# %%
log_scale_path = mean_scale(fit_physical)
for coordinates, system in gaussian.COORDINATES.items():
    family = gaussian_family(coordinates)
    path = flow(partial(natural_direction, family), family.start)
    share = shares_left(each(family.mean)(path), family.target)
    flow_gap = np.abs(share - np.exp(-clock)[:, None]).max()
    problem = gaussian_fit(target, coordinates)
    path = descend(problem, "physical gradient", family.start, 0.3, 24)
    step_gap = np.abs(each(system.to_mean_scale)(path) - log_scale_path).max()
    print(
        f"{coordinates:12s} flow on the line to 1e-9: {flow_gap < 1e-9}   "
        f"same physical gradient to 1e-9: {step_gap < 1e-9}"
    )

# %% [markdown]
# The toy may be written in $w$ with $x_1 = e^{w}$. Ten physical-gradient steps do not notice. Newton's method does.

# %%
renamed = Problem(
    lambda w: toy.z(jnp.stack([w[0], jnp.exp(w[1])])),
    toy.loss,
    lambda z, w: jnp.stack([z[0], jnp.log(z[1]) / 2]),
)
for method in ("physical gradient", "Newton"):
    x = descend(toy, method, [3.0, 3.0], 0.3, 10)[-1]
    w = descend(renamed, method, [3.0, np.log(3.0)], 0.3, 10)[-1]
    print(f"{method:18s} in x: x₁ = {x[1]:.4f}   in w: x₁ = {np.exp(w[1]):.4f}")

# %% [markdown]
# ## Steps bend
#
# The natural gradient is a flow. An algorithm takes steps $\xi^+ = \xi - \eta F^{-1} \nabla L$, {eq}`update_rules-eq-natural-gradient`. By {eq}`straight_lines-eq-natural-direction` this is
# $\xi - \eta J^{-1} (m - m^*)$: Gauss-Newton on the surrogate. Taylor's theorem says what it does in $m$:
#
# $$
# m^+ = m - \eta\, (m - m^*) + \tfrac12 \eta^2\, \nabla^2 m\,[v, v] + O(\eta^3), \qquad v = J^{-1}(m - m^*) .
# $$ (straight_lines-eq-euler-departure)
#
# Each step leaves the line by $O(\eta^2)$, unless $m$ is linear in $\xi$. About $1/\eta$ steps are made in a unit of time, so the path leaves the line by $O(\eta)$. The physical gradient takes the step in
# $m$ and has no such term: this is all that the two differ by.

# %%
for name, family in families.items():
    xi = jnp.array(family.start) + 0.1
    euler = xi + 0.01 * natural_direction(family, xi)
    same = np.allclose(euler, STEPS["Gauss-Newton"](fits[name], xi, 0.01), rtol=1e-12)
    print(f"{name:9s} natural-gradient step is Gauss-Newton's step on the surrogate: {same}")

# %% [markdown]
# The departure is the largest difference of the two shares along the path. Four rates, in four coordinate systems, each until $t = 8$ at least.

# %%
rates, departures = np.array([8e-3, 4e-3, 2e-3, 1e-3]), {}
for coordinates in ("log scale", "scale", "variance", "expectation"):
    family, problem = gaussian_family(coordinates), gaussian_fit(target, coordinates)
    paths = [descend(problem, "Gauss-Newton", family.start, rate, 8000) for rate in rates]
    path_shares = [shares_left(each(problem.z)(path), fit_target) for path in paths]
    departures[coordinates] = np.array(
        [np.abs(share[:, 0] - share[:, 1]).max() for share in path_shares]
    )
    printed = " ".join(f"{value:.5f}" for value in departures[coordinates])
    print(f"{coordinates:12s} departure {printed}")

# %%
slopes = {
    name: np.log2(value[-2] / value[-1])
    for name, value in departures.items()
    if name != "expectation"
}
print("slopes:", ", ".join(f"{name} {slope:.3f}" for name, slope in slopes.items()))
print(
    "in the expectation parameters below 1e-12:", bool(departures["expectation"].max() < 1e-12)
)
glue("straight_lines-slope-log", round(float(slopes["log scale"]), 3), display=False)
glue("straight_lines-slope-variance", round(float(slopes["variance"]), 3), display=False)

# %% tags=["hide-input", "remove-output"]
fig, ax = figure()
for (name, label, marker, line), color in zip(
    (
        ("log scale", r"in $(\mu, \ln\sigma)$", "o", "-"),
        ("scale", r"in $(\mu, \sigma)$", "s", "--"),
        ("variance", r"in $(\mu, \sigma^2)$", "^", "-."),
    ),
    (LOOKS["gradient descent"].color, LOOKS["Newton"].color, LOOKS["Gauss-Newton"].color),
    strict=True,
):
    ax.loglog(rates, departures[name], marker=marker, linestyle=line, color=color)
    ax.annotate(
        label,
        (rates[0], departures[name][0]),
        xytext=(9, -3),
        textcoords="offset points",
        color=color,
    )
ax.loglog(rates[[0, -1]], 0.42 * rates[[0, -1]], color="#777777", linewidth=1)
ax.annotate(
    "slope 1",
    (rates[0], 0.42 * rates[0]),
    xytext=(9, -3),
    textcoords="offset points",
    color="#555555",
)
ax.set(
    xlabel=r"step size $\eta$",
    ylabel="departure from the line (difference of shares)",
    xlim=(8.5e-4, 1.25e-2),
)
ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
ax.minorticks_off()
keep("straight_lines-figure-departure", fig)

# %% [markdown]
# ```{glue:figure} straight_lines-figure-departure
# :name: straight_lines-figure-departure
# :alt: Three lines in a log-log plot, parallel to a grey line of slope 1. The departure falls from 0.011 to 0.0012 in (μ, ln σ), is about half of that in (μ, σ), and least in (μ, σ²).
#
# How far natural-gradient steps leave the straight line, for the Gaussian. The departure is proportional to the step size. Its size depends on the coordinates; in the expectation parameters it is rounding error, and off the chart.
# ```
#
# The slopes are {glue:text}`straight_lines-slope-log:.2f` in $(\mu, \ln\sigma)$ and {glue:text}`straight_lines-slope-variance:.2f` in $(\mu, \sigma^2)$: order one
# ({numref}`straight_lines-figure-departure`). "Invariant" is a property of the flow. The steps are not invariant, and a rate that is harmless in one coordinate system can leave the domain in another:

# %%
for coordinates in ("log scale", "precision", "natural"):
    problem, first = gaussian_fit(target, coordinates), gaussian_family(coordinates).start
    path = descend(problem, "Gauss-Newton", first, 0.01, 1000)
    members = each(gaussian.COORDINATES[coordinates].to_mean_scale)(path)
    inside = np.isfinite(members).all(axis=1)
    left = f"has left the family at step {int(np.argmin(inside))}"
    print(f"{coordinates:12s} {'stays in the family' if inside.all() else left}")

# %% [markdown]
# In the precision and the natural parameter, one hundredth of the way is too far: the first step makes $\sigma^2$ negative, and the path is NaN from there on. Mirror descent at $\eta = 0.9$ had no trouble with the same problem.

# %% [markdown]
# ## What fails
#
# Each part of the theorem carries weight: the surrogate loss, the natural parameter of Newton's method, the diffeomorphism, the place of the target. Here each is changed in turn.
#
# ### Newton on the likelihood, in the right space
#
# The physical gradient takes a Newton step in $m$. On the surrogate that is exact. On the likelihood itself it is not. In $m$ the gradient of $L$ is $F_\theta^{-1}(m - m^*)$, so its Hessian is $F_\theta^{-1}$ plus a term with the derivative of $F_\theta^{-1}$, which vanishes at the minimum only. Here are its full steps, $\eta = 1$.

# %%
likelihood = likelihood_fit(target)
newton_in_m = descend(likelihood, "physical gradient", [0.0, 0.0], 1.0, 12)
family_until = int(np.argmin(np.isfinite(newton_in_m).all(axis=1)))
covered = 1 - shares_left(each(likelihood.z)(newton_in_m[:family_until]), fit_target)
line = fit_target - fit.z(newton_in_m[0])
share = float(100 * np.linalg.norm(covered[1] * line) / np.linalg.norm(line))
glue("straight_lines-kl-covered", share, display=False)
glue("straight_lines-kl-last", family_until - 1, display=False)
for k in (1, 5, family_until - 1):
    first, second = 100 * covered[k]
    print(f"covered after step {k}: {first:6.3f} % of m₀, {second:6.3f} % of m₁")

# %% [markdown]
# With the surrogate, one full step lands on the target. With the likelihood it covers {glue:text}`straight_lines-kl-covered:.2f` % of the way. The further steps grow, and bend. After step
# {glue:text}`straight_lines-kl-last` the next one asks for a point outside the mean domain, where there is no inverse: the path is NaN from there on, and stops in {numref}`straight_lines-figure-fails`.
# A physical gradient with the true likelihood as its loss is a different method from the natural gradient, and here a poor one.
#
# ### An indefinite Hessian
#
# Newton's method in $(\mu, \ln\sigma)$ does not even set out in the right direction.

# %%
hessian = jax.jit(jax.hessian(likelihood.objective))
low, high = (float(value) for value in np.linalg.eigvalsh(hessian(jnp.zeros(2))))
glue("straight_lines-low", low, display=False)
glue("straight_lines-high", high, display=False)
newton_in_x = descend(likelihood, "Newton", [0.0, 0.0], 1.0, 6)
print(f"eigenvalues {low:.3f} and {high:.3f}")
print("mean after each step:", " ".join(f"{value:.3f}" for value in newton_in_x[1:, 0]))

# %% tags=["hide-input", "remove-output"]
fig, ax = figure()
draw_path(ax, fit_flow, "natural gradient", label="natural gradient", markers=False)
draw_path(
    ax,
    mean_scale(newton_in_m[:family_until]),
    "physical gradient",
    label="physical gradient (Newton in $m$)",
    start=False,
)
draw_path(
    ax, mean_scale(newton_in_x), "Newton", label=r"Newton in $(\mu, \ln\sigma)$", start=False
)
draw_target(ax, target)
ax.set(
    xlim=(-8, 11.5), ylim=(0, 12), xlabel=r"mean $\mu$", ylabel=r"standard deviation $\sigma$"
)
ax.legend(loc="upper right")
keep("straight_lines-figure-fails", fig)

# %% [markdown]
# ```{glue:figure} straight_lines-figure-fails
# :name: straight_lines-figure-fails
# :alt: Mean against standard deviation. The natural gradient makes an arch from (0, 1) to (10, 1). Newton's steps in m follow its left half at first, fall below it, and stop after nine steps under its top. Newton's steps in (μ, ln σ) go up and to the left, out of the picture.
#
# Two ways of using Newton's method on the likelihood, with η = 1. In m it creeps along the line, then steps off the mean domain. In (μ, ln σ) it runs away from the target.
# ```
#
# The Hessian at the start has the eigenvalues {glue:text}`straight_lines-low:.2f` and {glue:text}`straight_lines-high:.0f`. Where a curvature is negative, Newton's method climbs:
# it looks for any point where the gradient vanishes. It sends $\mu$ to the left, away from the target, faster with every step. The Fisher matrix, positive definite everywhere, cannot do this. In $(\mu, \ln\sigma)$ the Hessian is positive definite only where $|\mu - \mu^*| < \sigma^*$.

# %%
for offset in (0.99, 1.01):
    lowest = np.linalg.eigvalsh(hessian(jnp.array([10.0 - offset, 0.4])))[0]
    print(f"|μ - μ*| = {offset} σ*: lowest eigenvalue {lowest:+.4f}")

# %% [markdown]
# ### A singular Jacobian
#
# The toy's map folds the plane: $x_1$ and $-x_1$ have the same $z$. So $\xi \mapsto m$ is a diffeomorphism only on $x_1 > 0$, whose image is $U = \{z_1 > 0\}$. The target $m^* = 0$ is on the boundary of $U$. That is allowed by the theorem, with the end
# of the segment left out: the line is followed for all time. But the coordinates get worse on the way. $F = 2 J^\top J = \mathrm{diag}(2, 8 x_1^2)$.

# %%
for k in (0, 40, 80):
    J = jax.jacobian(toy.z)(flows["toy"][k])
    smallest = np.linalg.eigvalsh(2 * J.T @ J)[0]
    print(f"t = {clock[k]:.0f}   smallest eigenvalue of F {smallest:.5f}")

# %% [markdown]
# On the fold itself there is no natural gradient. Put the target at $z^* = (0, 4)$ and start on the fold, at $x = (3, 0)$. The Gauss-Newton matrix cannot be inverted. The physical gradient asks $z^{-1}$ instead, and leaves.

# %%
shifted = toy._replace(loss=lambda z: jnp.sum((z - jnp.array([0.0, 4.0])) ** 2))
on_fold = jnp.array([3.0, 0.0])
J = jax.jacobian(toy.z)(on_fold)
print(f"determinant of the Gauss-Newton matrix: {np.linalg.det(2 * J.T @ J):.1f}")
step = STEPS["Gauss-Newton"](shifted, on_fold, 0.3)
print("Gauss-Newton step is finite:", bool(np.isfinite(step).all()))
for eta in (0.3, 0.003):
    step = STEPS["physical gradient"](shifted, on_fold, eta)
    print(f"physical gradient, η = {eta}: x₁ = {step[1]:.4f}")

# %% [markdown]
# A step a hundred times shorter moves $x_1$ only ten times less: $x_1 = \sqrt{4\eta}$. There is no velocity at the fold, and $-x_1$ would have served as well. The inverse chose the branch.
#
# ### Targets at the edge, and beyond
#
# What matters of the data is $m^*$, and where it is.
#
# *Inside the mean domain.* The data may look nothing like the family. The two points 9 and 11 have $m^* = (10, 101)$, the target of this chapter, and lead along the same path: `likelihood_fit` uses exactly them. And the mean of counts is no count: a Poisson
# family fits a data mean of 1.5 as well as any other.
#
# *On its boundary.* A single datum $y = 10$ has $m^* = (10, 100)$, with variance zero. No Gaussian has it, $L$ has no minimum, and the theorem holds without its last sentence. The flow is straight for all time, and $\sigma^2$ shrinks like $e^{-t}$ as it approaches what it cannot reach.


# %%
def variance_left(second_moment, time):
    """Variance at a time on the line from (0, 1) to (10, second moment)."""
    m = np.array([10.0, second_moment]) + np.exp(-time) * np.array([-10.0, 1.0 - second_moment])
    return m[1] - m[0] ** 2


left = [f"t = {time}: σ² = {variance_left(100.0, time):.4f}" for time in (1, 4, 8, 12)]
print("one datum:", ", ".join(left))
print(f"σ² eᵗ at t = 12: {variance_left(100.0, 12) * np.exp(12):.2f}")

# %% [markdown]
# Physical gradient and mirror descent go along while $\eta < 1$. At $\eta = 1$ they would land on a Gaussian with $\sigma = 0$, and the inverse refuses.

# %%
try:
    gaussian.inverse_mean_map(np.array([10.0, 100.0]))
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# *Outside its closure.* No data set gives such an $m^*$, since a mean of points $(y, y^2)$ is above the parabola or on it. A noisy estimate of the two moments can: say $m^* = (10, 99)$. The line then leaves the mean domain after a finite time, and so does the flow.

# %%
# variance on the line, with u = exp(-t): (99 - 98u) - 100 (1 - u)² = -1 + 102 u - 100 u²
exit_time = -np.log(np.min(np.roots([-100.0, 102.0, -1.0])))
left = abs(variance_left(99.0, exit_time))
print(f"the line leaves the family at t = {exit_time:.3f}: σ² = {left:.6f}")
outside = fit._replace(loss=lambda m: jnp.sum((m - jnp.array([10.0, 99.0])) ** 2) / 2)
finite = np.isfinite(descend(outside, "physical gradient", [0.0, 0.0], 0.3, 20)).all(axis=1)
last = int(np.argmin(finite)) - 1
print(
    f"physical gradient, η = 0.3: last member of the family after step {last}, "
    f"t = {-last * np.log(0.7):.3f}"
)

# %% [markdown]
# The step after that has no inverse, and the path is NaN from there on. Mirror descent has no minimum to find.
#
# ## One line for each method
#
# | method | the metric it uses | in the right space |
# |---|---|---|
# | gradient descent | the identity, in whatever coordinates | bent |
# | Newton in $x$ | the one pulled back from $z$, plus $\partial L/\partial z \cdot \nabla^2 z$ | bent; its flow is straight in the gradient |
# | Gauss-Newton, natural-gradient steps | pulled back from $z = m$ | off the line by $O(\eta)$ |
# | natural-gradient flow, Newton flow in $\theta$ | pulled back from $z = m$ | straight |
# | physical gradient, mirror descent | none needed: they step in $z = m$ | straight, for every $\eta$ |
#
# The price is in the last row. It needs the inverse of the mean map: a formula for the Gaussian, a root for the gamma family, a simulator run backwards for a process.
# Where the inverse is at hand, there is no reason to bend.

# %% [markdown]
# ## Exercises
#
# ```{exercise}
# :label: straight_lines-ex-poisson
#
# Three independent Poisson counts with rates $\lambda_i = e^{\xi_i}$ have $T(y) = y$, $\theta = \xi$ and $A(\theta) = \sum_i e^{\theta_i}$. The first counter has recorded 4 and 5, the second 0 and 1, the third 0 and 0.
# Start at $\lambda = (1, 1, 1)$. What are $m^*$ and the mean domain? Is the path straight in the rates, and where does it end? How does $\xi_3$ behave?
# ```
#
# ````{solution-start} straight_lines-ex-poisson
# :class: dropdown
# ````

# %%
poisson = Family(
    lambda theta: jnp.exp(theta).sum(), lambda xi: xi, (0.0, 0.0, 0.0), (4.5, 0.5, 0.0)
)
path = flow(partial(natural_direction, poisson), poisson.start)
share = shares_left(np.exp(path), poisson.target)
print("rates on the line to 1e-9:", bool(np.abs(share - np.exp(-clock)[:, None]).max() < 1e-9))
print("ξ₃ at t = 2, 4, 8:", " ".join(f"{path[k, 2]:.6f}" for k in (20, 40, 80)))

# %% [markdown]
# $m = \lambda$, the mean domain is $\lambda_i > 0$, and $m^* = (4.5, 0.5, 0)$ is on its boundary, because one counter has seen nothing. The path is straight in the rates and tends to $m^*$. No member of the family is there: $\xi_3 = -t$ falls forever,
# at a steady pace.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: straight_lines-ex-online
#
# Feed mirror descent one datum at a time: at step $k = 1, 2, \dots$ take $m^* = T(y_k)$ and $\eta_k = 1/(k+1)$. Start with the member of the gamma family whose shape is 1 and rate 2, as if it were one datum. What has the method computed after $n$ steps? Check it
# with 500 draws.
# ```
#
# ````{solution-start} straight_lines-ex-online
# :class: dropdown
# ````

# %%
y = np.random.RandomState(5).gamma(9.0, 1 / 3.0, size=500)
statistics = np.stack([np.log(y), y], axis=1)
xi, first = jnp.array(families["gamma"].start), families["gamma"].mean(families["gamma"].start)
invert = jax.jit(gamma_inverse)
for k, T in enumerate(statistics, start=1):
    m = families["gamma"].mean(xi)
    xi = invert(m - (m - T) / (k + 1), xi)
batch = invert((first + statistics.sum(axis=0)) / 501, xi)
print("equal to the batch answer to 1e-9:", bool(np.abs(xi - batch).max() < 1e-9))
print(f"shape {np.exp(xi[0]):.1f}, rate {np.exp(xi[1]):.1f}")

# %% [markdown]
# With these rates $m$ is the running mean of all statistics so far, the start included. So each step is the exact maximum of the likelihood of the data seen, in one pass. A constant rate
# gives the moving average of {ref}`gaussian_geometry` instead.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: straight_lines-ex-affine
#
# In which coordinates are natural-gradient steps, with a finite $\eta$, exactly on the line? Try $\xi = a m + b$ with a random matrix $a$ and vector $b$, and then $\xi_i = m_i^3$ for the toy's $z$. Explain with {eq}`straight_lines-eq-euler-departure`.
# ```
#
# ````{solution-start} straight_lines-ex-affine
# :class: dropdown
# ````

# %%
a, b = np.random.RandomState(1).normal(size=(2, 2)), np.array([1.0, -2.0])
affine = Problem(lambda xi: jnp.linalg.solve(a, xi - b), toy.loss)
cubic = Problem(jnp.cbrt, toy.loss)
off = cubic._replace(loss=lambda z: jnp.sum((z - jnp.array([1.0, 2.0])) ** 2))
z_start = np.array([3.0, 9.0])
cases = {
    "affine": (affine, a @ z_start + b, 0),
    "cubic": (cubic, z_start**3, 0),
    "cubic, target (1, 2)": (off, z_start**3, [1, 2]),
}
for name, (problem, xi, goal) in cases.items():
    path = descend(problem, "Gauss-Newton", xi, 0.2, 20)
    share = shares_left(each(problem.z)(path), goal)
    bend = np.abs(share[:, 0] - share[:, 1]).max()
    exact = np.abs(share - 0.8 ** np.arange(21)[:, None]).max() < 1e-9
    print(f"{name:21s} bends by {bend:.3f}, follows (1 - η)ᵏ to 1e-9: {exact}")

# %% [markdown]
# An affine map has $\nabla^2 m = 0$: the step is exact. The cubic map is a surprise. It does not follow $(1-\eta)^k$, but it does not bend either: each $\xi_i$ is a power of its own $z_i$ with the target at 0, so that each step multiplies both shares by the same factor, $(1 - 3\eta)^{1/3}$.
# Straightness alone is cheaper than the theorem. With the target off the origin the cubic map bends.
#
# ```{solution-end}
# ```

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
# The two halves of this book tell one story. A natural gradient fits a distribution to data. A physical gradient inverts a process. Both go straight to their target, in a space that is not that of the parameters. Which space is it, why, and how much of this is true by construction?
#
# You will meet one straight line five times: as the flow of the natural gradient, as a Newton flow, as the path of the physical gradient, as mirror descent, and as the mean motion of TANGO. Then you will bend it: by long steps, by other coordinates of the outcome, by more outcomes than unknowns, and by Newton's method in the wrong place.
#
# You need calculus in several variables: the chain rule, Jacobians, positive definite matrices. The methods are those of {ref}`update_rules`, {ref}`gaussian_geometry` and {ref}`physical_gradients`.

# %% tags=["hide-input"]
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import digamma, gammaln, polygamma
from jax.tree_util import Partial
from myst_nb import glue
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

from straightlines import gaussian
from straightlines.figures import straight_lines as figures
from straightlines.gaussian import COORDINATES, expected_loss
from straightlines.optimizers import tango_mean_motion
from straightlines.paths import distance_from_line
from straightlines.plotting import keep
from straightlines.problems import Problem, gaussian_fit, walkthrough
from straightlines.steps import (
    descend,
    gauss_newton_step,
    gradient_step,
    newton_step,
    physical_step,
)

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# ## The picture
#
# Two problems stand for the two halves. The first fits a Gaussian, from $(\mu, \sigma) = (0, 1)$ to $(10, 1)$, as in {ref}`tango`. Its expectation parameters are $m = (\mathrm{E}\,y, \mathrm{E}\,y^2)$. The second is the walkthrough's: from $x = (3, 3)$ to the minimum of $z_0^2 + z_1^2$, where $z(x) = (x_0, x_1^2)$. As a `Problem`, the fit has the *surrogate loss* $\tfrac12 |m - m^*|^2$; gradient descent, in $(\mu, \ln\sigma)$, goes down the expected negative log-likelihood instead, which is another loss of the same $m$.

# %%
start, target = np.array([0.0, 1.0]), np.array([10.0, 1.0])
m_start, m_target = (gaussian.mean_map(p, "scale") for p in (start, target))
fit, toy = gaussian_fit(target), walkthrough()
nll = partial(expected_loss, target=target, coordinates="expectation")
likelihood = fit._replace(loss=nll)
fit_descent = descend(likelihood, gradient_step, [0.0, 0.0], 1e-3, 100_000)
toy_newton = descend(toy, newton_step, [3.0, 3.0], 1 / 3, 36)
toy_physical = descend(toy, physical_step, [3.0, 3.0], 0.3, 80)[:25]

# %% [markdown]
# The natural-gradient flow of the Gaussian is the closed form of {ref}`gaussian_geometry`. To it we add TANGO, run in $m$, averaged over its samples and started warm, which a later section explains.

# %%
times = np.append(np.linspace(0, 0.5, 101), np.linspace(0.52, 8, 100))
fit_flow = gaussian.natural_gradient_flow(start, target, times)
step_sizes = np.append(0.16, np.full(23, 0.3))
warm = (m_start - m_target) / (1 - step_sizes[0])
mean_motion = partial(
    tango_mean_motion, start, target, coordinates="expectation"
)
fit_tango = mean_motion(step_sizes, 1e-3, velocity=warm)

# %% [markdown]
# To lay both problems on one sheet, measure what is left to go, in $m$ for the Gaussian and in $z$ for the process. The *share left* of a coordinate is 1 at the start and 0 at the target:
#
# $$
# s_i = \frac{m_i - m^*_i}{m_i^{\text{start}} - m^*_i} .
# $$ (straight_lines-eq-share-left)
#
# A path is straight, and aims at the target, when its shares are equal at every moment: it lies on the diagonal from $(1, 1)$ to $(0, 0)$. How far off is each path?


# %%
def shares_left(z, goal):
    """Shares of the way still to go along a path, shape (steps + 1, n)."""
    z, goal = np.asarray(z), np.asarray(goal)
    return (z - goal) / (z[0] - goal)


def bend(shares):
    """Largest distance of the shares from the diagonal."""
    n = shares.shape[1]
    return distance_from_line(shares, np.ones(n), np.zeros(n))


def shown(gap):
    return "below 1e-9" if gap < 1e-9 else f"{gap:.3f}"


# %%
def to_m(path, coordinates="scale"):
    """The expectation parameters along a path of members."""
    mean_scale = COORDINATES[coordinates].to_mean_scale(path.T)
    return COORDINATES["expectation"].from_mean_scale(mean_scale).T


def to_z(path):
    """The outcomes of a path of the process."""
    return np.stack([path[:, 0], path[:, 1] ** 2], axis=1)


log_scale = COORDINATES["log scale"]
fit_paths = {
    "gradient descent": log_scale.to_mean_scale(fit_descent.T).T,
    "natural gradient": fit_flow,
    "TANGO": fit_tango,
}
toy_paths = {"Newton": toy_newton, "physical gradient": toy_physical}
fit_shares = {
    k: shares_left(to_m(p), m_target) for k, p in fit_paths.items()
}
toy_shares = {k: shares_left(to_z(p), [0, 0]) for k, p in toy_paths.items()}
for name, shares in (fit_shares | toy_shares).items():
    print(f"{name:<18} off the diagonal: {shown(bend(shares))}")

# %% tags=["hide-input", "remove-output"]
thin = np.unique(
    np.append(np.arange(0, 500, 4), np.arange(500, 100_000, 200))
)
for paths in (fit_paths, fit_shares):
    paths["gradient descent"] = paths["gradient descent"][thin]
picture = figures.book(fit_paths, toy_paths, fit_shares, toy_shares)
keep("straight_lines-figure-book", picture)

# %% [markdown]
# ```{glue:figure} straight_lines-figure-book
# :name: straight_lines-figure-book
# :alt: Two small panels on the left. Above, mean against standard deviation of a Gaussian: gradient descent climbs to 9.6 and slides down to the target, the natural gradient goes over in an arch, and the points of TANGO's mean motion are on the arch. Below, two arcs from (3, 3) to the origin, Newton above, the physical gradient below. A large panel on the right shows the same paths from a start at the upper right to a target at the lower left. Gradient descent and Newton are still curved. The natural gradient, TANGO's mean motion and the physical gradient lie on the diagonal.
#
# Left: two problems in their parameters, where every path bends. Right: the same paths in the right space, that of $m = (\mathrm{E}\,y, \mathrm{E}\,y^2)$ for the Gaussian and of $z(x)$ for the process, as the shares {eq}`straight_lines-eq-share-left`. Diamonds are steps of the physical gradient with η = 0.3, squares of Newton's method with η = 1/3, hexagons of TANGO's mean motion, δt = 0.16 first and then 0.3.
# ```
#
# On the left of {numref}`straight_lines-figure-book` nothing is straight. On the right, gradient descent and Newton's method still bend. The other three run down the diagonal. Why?

# %% [markdown]
# ## The words
#
# ```{prf:definition} Exponential family
# :label: straight_lines-exponential-family
#
# An *exponential family* is a set of densities (or probabilities, with a sum for the integral)
#
# $$
# \begin{aligned}
# p_\theta(y) &= h(y)\, e^{\theta \cdot T(y) - A(\theta)}, \\
# A(\theta) &= \ln \int h(y)\, e^{\theta \cdot T(y)}\, dy .
# \end{aligned}
# $$
#
# $T(y) \in \mathbb{R}^k$ is the *sufficient statistic*, $A$ the *log-partition*. The *natural parameter* $\theta$ runs through the whole set $\Theta \subseteq \mathbb{R}^k$ on which the integral is finite. The family is *regular* if $\Theta$ is open. It is *minimal* if no combination $c \cdot T(y)$ with $c \ne 0$ is constant almost everywhere where $h > 0$.
# ```
#
# For the Gaussian, $T(y) = (y, y^2)$ and $\theta = (\mu/\sigma^2, -1/(2\sigma^2))$. Why open? Inside $\Theta$ the integral may be differentiated under its sign as often as one likes {cite:p}`brown1986fundamentals`; at an edge that can fail. The derivatives are moments:
#
# $$
# \begin{aligned}
# m(\theta) &= \nabla A(\theta) = \mathrm{E}_\theta\, T(y), \\
# F_\theta &= \nabla^2 A(\theta) = \mathrm{Cov}_\theta\, T(y) .
# \end{aligned}
# $$ (straight_lines-eq-mean-map)
#
# The first is the *mean map*; its value $m$ is the *expectation parameter*, and the set $M$ of all its values is the *mean domain*. The second is the *Fisher matrix* in $\theta$: the covariance of the score $\nabla_\theta \ln p_\theta(y) = T(y) - m$. In a minimal family it is positive definite, for $c^\top F_\theta\, c$ is the variance of $c \cdot T$. The set $\Theta$ is convex, by Hölder's inequality. So $A$ is strictly convex, the mean map is one-to-one with an invertible Jacobian $F_\theta$, and $M$ is open.
#
# Other coordinates $\xi$ of the family, such as $(\mu, \ln\sigma)$, have the Fisher matrix $F_\xi = K^\top F_\theta K$ with $K = \partial\theta/\partial\xi$, by the chain rule for the score. The data enter through one vector, $m^* = \mathrm{E}_{\text{data}}\, T(y)$: up to a constant, the expected negative log-likelihood is
#
# $$
# \begin{aligned}
# L &= \mathrm{E}_{\text{data}}\big[-\ln p_\theta(y)\big] \\
# &= A(\theta) - \theta \cdot m^* .
# \end{aligned}
# $$ (straight_lines-eq-family-loss)
#
# The data need not come from the family.

# %% [markdown]
# ## The theorem
#
# ````{prf:theorem} One straight line
# :label: straight_lines-theorem
#
# Take a minimal regular exponential family, and coordinates $\xi$ in which $\xi \mapsto m(\xi)$ is a diffeomorphism from an open set onto an open set $U \subseteq M$: one-to-one, and differentiable both ways. Let $U$ contain the segment from $m_0$ to $m^*$, except perhaps its end $m^*$. Then from $m_0$:
#
# 1. **Natural-gradient flow** $\dot\xi = -F_\xi^{-1} \nabla_\xi L$ satisfies $\dot m = -(m - m^*)$, in every such coordinate system: $m(t) = m^* + e^{-t}(m_0 - m^*)$.
# 2. It is the **Newton flow** of $L$ in $\theta$, $\dot\theta = -(\nabla^2_\theta L)^{-1} \nabla_\theta L$, because $\nabla^2_\theta L = F_\theta$.
# 3. The **physical gradient** with $z = m$ and the surrogate loss $\tfrac12 (m - m^*)^\top Q\, (m - m^*)$, for any constant symmetric positive definite $Q$, makes the step $m^+ = m - \eta\, (m - m^*)$ for every $0 < \eta < 1$, and becomes the flow of part 1 as $\eta \to 0$.
# 4. **Mirror descent** in $\theta$ with potential $A$ makes exactly this step, too. Its definition is
#
#    $$\begin{aligned}
#    \theta^+ &= \arg\min_{\vartheta \in \Theta} \big[ \eta\, \nabla_\theta L(\theta) \cdot \vartheta \\
#    &\qquad {} + D_A(\vartheta, \theta) \big], \\
#    D_A(\vartheta, \theta) &= A(\vartheta) - A(\theta) \\
#    &\qquad {} - \nabla A(\theta) \cdot (\vartheta - \theta).
#    \end{aligned}$$
#
# If $m^* \in U$, it is the only minimum of $L$. Then 3 and 4 also hold for $\eta = 1$, and land on $m^*$ in one step.
# ````
#
# `````{prf:proof}
# Write $J = \partial m/\partial\xi$ and $K = \partial\theta/\partial\xi$. Since $m = \nabla A(\theta)$, the chain rule gives $J = F_\theta K$, that is $K = F_\theta^{-1} J$. By {eq}`straight_lines-eq-family-loss`, $\nabla_\theta L = m - m^*$.
#
# *Part 1.* Carry both to $\xi$, and use that $F_\theta$ is symmetric:
#
# $$
# \begin{aligned}
# \nabla_\xi L &= K^\top (m - m^*) \\
# &= J^\top F_\theta^{-1} (m - m^*), \\
# F_\xi &= K^\top F_\theta K = J^\top F_\theta^{-1} J .
# \end{aligned}
# $$
#
# $J$ is square and invertible, because $\xi \mapsto m$ is a diffeomorphism. So
#
# $$
# \begin{aligned}
# F_\xi^{-1} \nabla_\xi L &= J^{-1} F_\theta J^{-\top} \\
# &\qquad J^\top F_\theta^{-1} (m - m^*) \\
# &= J^{-1} (m - m^*) .
# \end{aligned}
# $$ (straight_lines-eq-natural-direction)
#
# Along the flow $\dot m = J \dot\xi = -(m - m^*)$. The solution moves along the segment, which is in $U$, and the inverse of $\xi \mapsto m$ brings it back for all $t \ge 0$.
#
# *Part 2.* $L$ and $A$ differ by a linear function of $\theta$, so $\nabla_\theta^2 L = \nabla^2 A = F_\theta$: in $\theta$ the flows are one.
#
# *Part 3.* The surrogate has gradient $Q(m - m^*)$ and Hessian $Q$, so its Newton step in $m$ is $-\eta\, Q^{-1} Q (m - m^*)$: $Q$ cancels. The new point is on the segment, and the inverse of $\xi \mapsto m$ brings it back, by {eq}`update_rules-eq-physical-gradient`. After $k = t/\eta$ steps the share $(1-\eta)^k = (1-\eta)^{t/\eta}$ of the way is left, which tends to $e^{-t}$.
#
# *Part 4.* $D_A$ is strictly convex in $\vartheta$, so a point where the gradient vanishes is the only minimum. The gradient is $\eta\, (m - m^*) + \nabla A(\vartheta) - \nabla A(\theta)$. It vanishes where $m(\vartheta) = m - \eta\, (m - m^*)$, and such a $\vartheta$ exists since the right-hand side is in $U \subseteq M$.
#
# If $m^* \in U$, then $\nabla_\theta L = m - m^*$ vanishes there and nowhere else. $L$ is strictly convex in $\theta$, so this is its only minimum, and 3 and 4 include $\eta = 1$.
# `````
#
# Part 1 belongs to information geometry {cite:p}`amari1998natural,fujiwara1995gradient`; that mirror descent is a natural gradient in the dual space is the result of {cite:t}`raskutti2015mirror`; mirror descent as a proximal step goes back to {cite:t}`beck2003mirror`.
#
# ### What is true by construction
#
# How surprised should you be by {numref}`straight_lines-figure-book`? By the diamonds, not at all. With a quadratic loss the physical gradient is *made* to step straight in whatever we call the outcome, and part 3 calls $m$ the outcome. That two problems share one diagonal means nothing either: shares put every straight path to a target there.
#
# The discovery is in the other parts. The natural gradient is defined by the covariance of scores, and no plane is mentioned. In {eq}`straight_lines-eq-natural-direction` the Fisher matrix disappears, and what remains is the Jacobian of the mean map. So it is the likelihood that singles out $m$. For a process nothing does: *you* choose the outcome and its coordinates.

# %% [markdown]
# ## The walkthrough is a Gaussian
#
# ````{prf:corollary}
# :label: straight_lines-walkthrough
#
# Let the process $z$ be a diffeomorphism from an open set onto an open set, and observe $y = 0$ under the model $N(z(x), \tfrac12 I)$. Then $-\ln p_x(0) = |z(x)|^2$ up to a constant: the walkthrough's loss. The mean map is $z$ itself, and the Fisher matrix in $x$ is $2 J^\top J$ with $J = \partial z/\partial x$: the matrix of Gauss-Newton, {eq}`update_rules-eq-gauss-newton`.
# ````
#
# Here $T(y) = y$, $\theta = 2z$, $A(\theta) = |\theta|^2/4$. So $m = \nabla A = \theta/2 = z$ and $F_\theta = \tfrac12 I$, and $F_x = J^\top F_\theta^{-1} J = 2 J^\top J$. The natural-gradient step and Gauss-Newton's step are the same here. The walkthrough's $z$ is a diffeomorphism on $x_1 > 0$, with its target $m^* = 0$ on the boundary of the image, which the theorem allows (see the exercise on the fold).

# %% [markdown]
# ## TANGO is on it
#
# {ref}`tango` estimates the natural gradient from one sample of the data and one of the model. Its velocity $v$ follows at the rate $\gamma$, its steps are $\delta t$. Average each update over both samples and call the result the *mean motion*. {prf:ref}`tango_limits-line` of {ref}`tango_limits`, proved there, says what it is if TANGO runs in the expectation parameters and starts with the velocity $v_0 = (m_0 - m^*)/(1 - \delta t_0)$: exactly, for every $\gamma > 0$ and all $\delta t_0, \delta t_1, \dots$ between 0 and 1,
#
# $$
# \begin{aligned}
# & m_k - m^* \\
# & \quad = \prod_{i=1}^{k} (1 - \delta t_i)\, (m_0 - m^*) .
# \end{aligned}
# $$ (straight_lines-eq-tango)
#
# This is the step of parts 3 and 4 with $\eta = \delta t$, from a rule that forms no Fisher matrix. But its gradient in $m$ needs the inverse mean map, and the warm start needs $m^*$. We try it with $\delta t$ smaller than $\gamma$, equal to it, far larger, and falling, always with $\delta t_0 = \delta t_1$; then from a cold start, $v_0 = 0$.


# %%
gamma, n = 1e-3, 80_000
schedules = {f"δt = {r:g} γ": np.full(n, r * gamma) for r in (0.1, 1, 100)}
schedules["δt falls"] = 1 / (10 + np.arange(n))
for name, dt in schedules.items():
    law = np.append(1, np.cumprod(1 - dt))[:, None]
    shares = []
    for velocity in ((m_start - m_target) / (1 - dt[0]), np.zeros(2)):
        m = to_m(mean_motion(dt, gamma, velocity=velocity))
        shares.append(shares_left(m, m_target))
    off_law = [shown(np.abs(share - law).max()) for share in shares]
    print(f"{name:<11} warm: off the law {off_law[0]}; cold: {off_law[1]}, "
          f"and off the line {bend(shares[1]):.3f}")  # fmt: skip

# %% [markdown]
# Warm, it follows {eq}`straight_lines-eq-tango` in every case, but for rounding, which a large $\gamma$ would magnify. Cold, it follows neither the law nor the line. {ref}`tango_limits` asks how much of this a noisy run keeps.

# %% [markdown]
# ## Three families
#
# The tests of parts 1 and 4 take only $A$, the map $\xi \mapsto \theta$, a start and $m^*$. The third is less obliging: the gamma distribution, with density $p(y) \propto y^{\alpha - 1} e^{-\beta y}$ on $y > 0$. It has $T(y) = (\ln y, y)$, $\theta = (\alpha, -\beta)$, and with $\psi = (\ln\Gamma)'$
#
# $$
# \begin{aligned}
# A(\theta) &= \ln\Gamma(\alpha) - \alpha \ln\beta, \\
# m &= \big(\psi(\alpha) - \ln\beta,\ \alpha/\beta\big).
# \end{aligned}
# $$


# %%
class Family(NamedTuple):
    """Log-partition, coordinates ξ as a map to θ, start in ξ, target m*."""

    log_partition: Callable[[Array], Array]
    natural: Callable[[Array], Array]
    start: np.ndarray
    target: np.ndarray

    def mean(self, xi):
        """m = ∇A(θ(ξ))."""
        return jax.grad(self.log_partition)(self.natural(xi))

    def loss(self, xi):
        """L = A(θ) - θ·m*."""
        theta = self.natural(xi)
        return self.log_partition(theta) - theta @ self.target


def gaussian_natural(xi):
    return COORDINATES["natural"].from_mean_scale(
        log_scale.to_mean_scale(xi)
    )


# %%
families = {
    "Gaussian": Family(
        lambda t: -(t[0] ** 2) / (4 * t[1]) - jnp.log(-2 * t[1]) / 2,
        gaussian_natural, np.zeros(2), m_target,
    ),
    "process": Family(
        lambda t: t @ t / 4, lambda x: 2 * toy.z(x),
        np.full(2, 3.0), np.zeros(2),
    ),
    "gamma": Family(
        lambda t: gammaln(t[0]) - t[0] * jnp.log(-t[1]),
        lambda xi: jnp.stack([jnp.exp(xi[0]), -jnp.exp(xi[1])]),
        np.log([1.0, 2.0]),
        np.array([float(digamma(9.0)) - np.log(3.0), 3.0]),
    ),
}  # fmt: skip

# %% [markdown]
# The gamma family runs in $\xi = (\ln\alpha, \ln\beta)$ from shape 1 and rate 2 to shape 9 and rate 3. Its mean map has no inverse in closed form. But $\ln m_1 - m_0 = \ln\alpha - \psi(\alpha)$ depends on $\alpha$ alone and falls from $\infty$ to 0: a few Newton steps in $\ln\alpha$ find the shape, and $\beta = \alpha/m_1$. With this inverse all three have a physical gradient.


# %% tags=["hide-input"]
def gamma_inverse(m, xi):
    """(ln shape, ln rate) from (E ln y, E y); NaN where ln m₁ ≤ m₀."""
    s = jnp.log(m[1]) - m[0]

    def newton(_, log_shape):
        shape = jnp.exp(log_shape)
        slope = 1 - shape * polygamma(1, shape)
        return log_shape - (log_shape - digamma(shape) - s) / slope

    # first guess, right to about 1.5 %
    first = jnp.log((3 - s + jnp.sqrt((s - 3) ** 2 + 24 * s)) / (12 * s))
    found = jax.lax.fori_loop(
        0, 5, newton, jnp.where(s > 0, first, jnp.nan)
    )
    return jnp.stack([found, found - jnp.log(m[1])])


def half_squared_distance(goal, z):
    return jnp.sum((z - goal) ** 2) / 2


gamma_loss = Partial(half_squared_distance, families["gamma"].target)
gamma_fit = Problem(families["gamma"].mean, gamma_loss, gamma_inverse)
problems = {"Gaussian": fit, "process": toy, "gamma": gamma_fit}

# %% [markdown]
# **Part 1**, from the definition. A solver of order eight follows $-F_\xi^{-1} \nabla_\xi L$, made of $A$ by automatic differentiation, to $t = 8$. The share left should be $e^{-t}$.


# %%
def natural_direction(family, xi):
    """-F⁻¹∇L in the coordinates ξ, with F = Kᵀ ∇²A K."""
    K = jax.jacobian(family.natural)(xi)
    F = K.T @ jax.hessian(family.log_partition)(family.natural(xi)) @ K
    return -jnp.linalg.solve(F, jax.grad(family.loss)(xi))


clock, flows, directions = np.linspace(0, 8, 81), {}, {}
means = {
    k: jax.jit(jax.vmap(family.mean)) for k, family in families.items()
}
for name, family in families.items():
    directions[name] = jax.jit(partial(natural_direction, family))
    flows[name] = solve_ivp(
        lambda t, xi, rule=directions[name]: rule(xi),
        (0, 8), family.start, "DOP853", clock, rtol=1e-12, atol=1e-12,
    ).y.T  # fmt: skip
    shares = shares_left(means[name](flows[name]), family.target)
    gap = np.abs(shares - np.exp(-clock)[:, None]).max()
    print(f"{name:<9} share left against exp(-t): {shown(gap)}")

# %% [markdown]
# **Parts 3 and 4.** After $k$ steps of the physical gradient $(1 - \eta)^k$ of the way should be left ({numref}`straight_lines-figure-gamma`), and with $\eta = 1$ the first one lands. For mirror descent, BFGS minimises the definition as it stands; it finds a flat minimum to about half the digits.


# %%
def proximal_loss(family, new, xi, eta):
    """η∇L(θ)·ϑ + D_A(ϑ, θ), with ϑ and θ by their coordinates."""
    A, here, there = (
        family.log_partition, family.natural(xi), family.natural(new)
    )  # fmt: skip
    slope = jax.grad(A)(here)
    bregman = A(there) - A(here) - slope @ (there - here)
    return eta * (slope - family.target) @ there + bregman


# %%
for name, family in families.items():
    value = jax.jit(jax.value_and_grad(partial(proximal_loss, family)))
    for eta in (0.1, 0.5, 1.0):
        path = descend(problems[name], physical_step, family.start, eta, 80)
        shares = shares_left(means[name](path), family.target)
        gap = np.abs(shares - (1 - eta) ** np.arange(81)[:, None]).max()
        line = f"{name:<9} η = {eta}: share left {shown(gap)}"
        if eta < 1:
            args = value, family.start, (family.start, eta)
            mirror = minimize(*args, "BFGS", jac=True, tol=1e-8).x
            gap = np.abs(mirror - path[1]).max()
            line += f"; mirror step {'below 1e-6' if gap < 1e-6 else gap}"
        print(line)

# %% tags=["hide-input", "remove-output"]
first = families["gamma"].start
steps = descend(gamma_fit, physical_step, first, 0.3, 80)
euler = [first]
for _ in range(80):
    euler.append(
        euler[-1] + 0.1 * np.asarray(directions["gamma"](euler[-1]))
    )
views = [
    (np.exp(p)[:n], np.asarray(means["gamma"](p))[:n])
    for p, n in ((flows["gamma"], 81), (steps, 11), (np.array(euler), 81))
]
goal = np.array([9.0, 3.0]), families["gamma"].target
keep("straight_lines-figure-gamma", figures.gamma(*views, goal))

# %% [markdown]
# ```{glue:figure} straight_lines-figure-gamma
# :name: straight_lines-figure-gamma
# :alt: Left, shape against rate. The natural-gradient flow first falls, then rises to the target at (9, 3), with diamonds on it. A dashed line of steps leaves it. Right, the mean of ln y against the mean of y. The flow is a straight line, the diamonds are on it, the dashed steps bow away from it. A grey region at the lower right holds no member of the family.
#
# A gamma distribution fitted from shape 1 and rate 2 to shape 9 and rate 3. Bent in the parameters, straight in the expectation parameters. Diamonds: physical gradient, which is mirror descent, η = 0.3. Dashed: natural-gradient steps in $(\ln\alpha, \ln\beta)$ with η = 0.1.
# ```

# %% [markdown]
# **Part 2.** The Hessian of $L$ in $\theta$ is the Fisher matrix, at every point and not only at the minimum. Here are both at one member, in $\theta$ and in $(\mu, \ln\sigma)$.


# %%
hessian = jax.jit(jax.hessian(expected_loss), static_argnums=2)
for coordinates in ("natural", "log scale"):
    here = COORDINATES[coordinates].from_mean_scale(np.array([4.0, 0.5]))
    for name, matrix in [
        ("Hessian", hessian(here, target, coordinates)),
        ("Fisher", gaussian.fisher_matrix(here, coordinates)),
    ]:
        (a, b), (_, c) = np.asarray(matrix).round(6) + 0.0
        print(f"{coordinates:<9} {name:<7} {a:8.3f} {b:8.3f} {c:8.3f}")

# %% [markdown]
# So in $\theta$ Newton's flow is the natural gradient; in $(\mu, \ln\sigma)$ it is not. Along any Newton flow $\dot\xi = -(\nabla^2_\xi L)^{-1} \nabla_\xi L$ the gradient obeys $\frac{d}{dt} \nabla_\xi L = -\nabla_\xi L$: it shrinks on a straight line, in every coordinate system. In $\theta$ that gradient is $m - m^*$.

# %% [markdown]
# ## What bends the line
#
# ### The size of the step
#
# The natural gradient is a flow. An algorithm takes steps, $\xi^+ = \xi - \eta F^{-1} \nabla L$, {eq}`update_rules-eq-natural-gradient`. By {eq}`straight_lines-eq-natural-direction` this is $\xi - \eta J^{-1} (m - m^*)$: Gauss-Newton on the surrogate. With $v = J^{-1}(m - m^*)$, Taylor's theorem says what it does in $m$, for smooth coordinates:
#
# $$
# \begin{aligned}
# m^+ &= m - \eta\, (m - m^*) \\
# &\; {} + \tfrac12 \eta^2\, \nabla^2 m\,[v, v] + O(\eta^3) .
# \end{aligned}
# $$ (straight_lines-eq-euler-departure)
#
# Each step leaves the line by $O(\eta^2)$, unless $m$ is affine in $\xi$. About $1/\eta$ steps are made in a unit of time, so the path should leave the line by $O(\eta)$. Four rates, each until $t = 8$ at least:

# %%
rates, departures = np.array([8e-3, 4e-3, 2e-3, 1e-3]), {}
print(f"{'η':<11}", *(f"{rate:8.3f}" for rate in rates))
for name in ("log scale", "scale", "variance", "expectation"):
    problem = gaussian_fit(target, name)
    first, row = COORDINATES[name].from_mean_scale(start), []
    for rate in rates:
        path = descend(problem, gauss_newton_step, first, rate, 8000)
        row.append(bend(shares_left(to_m(path, name), m_target)))
    departures[name] = row
    order = f"{np.log2(row[-2] / row[-1]):.2f}" if row[-1] > 1e-9 else "-"
    digits = [f"{gap:.5f}" if gap > 1e-9 else "< 1e-9" for gap in row]
    print(
        f"{name:<11}", *(f"{text:>8}" for text in digits), " order", order
    )

# %% tags=["hide-input", "remove-output"]
keep(
    "straight_lines-figure-departure", figures.departure(rates, departures)
)

# %% [markdown]
# ```{glue:figure} straight_lines-figure-departure
# :name: straight_lines-figure-departure
# :alt: Three lines in a log-log plot, parallel to a thin line of slope 1. The distance from the line is largest in (μ, ln σ), about half of that in (μ, σ), and least in (μ, σ²).
#
# How far natural-gradient steps leave the straight line, for the Gaussian, as a distance of shares. In the expectation parameters it is rounding, and off the chart.
# ```
#
# Order one ({numref}`straight_lines-figure-departure`). In the precision and the natural parameter longer steps do worse than bend: from $\eta = 1/100$ on, the first one leaves the family ({ref}`gaussian_geometry` has the table).
#
# ### Other coordinates of the outcome
#
# The physical gradient takes its step in $z$ and has no such error. Nor does it depend on the coordinates of $x$: the inverse translates the same $z$ into either. But does it depend on those of $z$? Let $w = \varphi(z)$ be the same outcome on another scale, with the same loss. Newton's step in $w$ contains the second derivative of $\varphi$; unless $\varphi$ is affine, it is another step in general. For the walkthrough with $w = (z_0, e^{z_1})$ the loss is $w_0^2 + (\ln w_1)^2$, and from $z_1 = 9$, where its second derivative in $w_1$ is negative, Newton's step goes *up*.


# %%
def rescaled(to_w, to_z):
    """The walkthrough's problem with the outcome w = φ(z)."""
    return Problem(
        lambda x: to_w(toy.z(x)),
        lambda w: toy.loss(to_z(w)),
        lambda w, x: toy.z_inverse(to_z(w), x),
    )


# %%
mix, x = np.array([[2.0, 1.0], [0.5, 3.0]]), jnp.array([3.0, 3.0])
outcomes = {
    "z": toy,
    "affine w": rescaled(
        lambda z: mix @ z + 1, lambda w: jnp.linalg.solve(mix, w - 1)
    ),
    "w = (z₀, exp z₁)": rescaled(
        lambda z: z.at[1].set(jnp.exp(z[1])),
        lambda w: w.at[1].set(jnp.log(w[1])),
    ),
}
for name, problem in outcomes.items():
    x0, x1 = np.asarray(jax.jit(partial(physical_step, problem))(x, 0.5))
    loss = x0**2 + x1**4
    print(f"{name:<17} x₁ from 3 to {x1:.4f}, loss from 90 to {loss:.2f}")

# %% [markdown]
# So say in which outcome, on which scale, the way should be straight.
#
# ### More outcomes than unknowns
#
# The theorem wants $m$ and $\xi$ to have equally many components. With more outcomes than unknowns, what can be reached is a curved surface (in statistics, a *curved* exponential family), and there is no inverse. Gauss-Newton still works, and its flow for $\tfrac12 |z - z^*|^2$ is
#
# $$
# \begin{aligned}
# \dot z &= -P\, (z - z^*), \\
# P &= J (J^\top J)^{-1} J^\top,
# \end{aligned}
# $$ (straight_lines-eq-projected)
#
# where $P$ projects on the plane that touches the surface. It follows the line only where the line lies in the surface, even if $z^*$ can be reached. Add a third outcome to the walkthrough, $z = (x_0, x_1^2, x_0 x_1^2)$, and aim at $z(1, 1)$:


# %%
def three(x):
    return np.array([x[0], x[1] ** 2, x[0] * x[1] ** 2])


def pulled_back(t, x):
    J = np.array([[1, 0], [0, 2 * x[1]], [x[1] ** 2, 2 * x[0] * x[1]]])
    return -np.linalg.lstsq(J, three(x) - np.ones(3))[0]


surface = solve_ivp(
    pulled_back, (0, 12), [3.0, 3.0], "DOP853", np.linspace(0, 12, 121),
    rtol=1e-10, atol=1e-12,
).y  # fmt: skip
shares = shares_left(three(surface).T, np.ones(3))
end = f"({surface[0, -1]:.3f}, {surface[1, -1]:.3f})"
print(f"ends at x = {end}, off the diagonal: {bend(shares):.3f}")

# %% [markdown]
# {numref}`straight_lines-figure-bends` sets the three causes side by side, with longer steps than before.

# %%
long_steps = []
for name, eta in [("log scale", 0.02), ("scale", 0.1)]:
    problem = gaussian_fit(target, name)
    first = COORDINATES[name].from_mean_scale(start)
    path = descend(problem, gauss_newton_step, first, eta, 8000)[:200]
    long_steps.append(shares_left(to_m(path, name), m_target))
u = np.linspace(1, 0, 201)
flat = to_m(np.stack([10 * (1 - u), np.ones(201)], axis=1))
other_outcomes = [
    np.stack([u, np.log(1 + (np.exp(9) - 1) * u) / 9], axis=1),
    shares_left(flat, m_target),
]
for paths in (long_steps, other_outcomes):
    print("off the diagonal:", *(f"{bend(path):.3f}" for path in paths))

# %% tags=["hide-input", "remove-output"]
too_many = [shares[:, [0, 1]], shares[:, [0, 2]]]
picture = figures.bends(long_steps, other_outcomes, too_many)
keep("straight_lines-figure-bends", picture)

# %% [markdown]
# ````{explorer} what-bends
# ```{glue:figure} straight_lines-figure-bends
# :name: straight_lines-figure-bends
# :alt: Three panels of shares left, each with the diagonal as a thin line. First, natural-gradient steps of a Gaussian sag below the diagonal, those in (μ, σ) most. Second, both paths bulge above it, that of the process most. Third, the second and third outcome fall below the diagonal.
#
# What bends the line, as shares left; straight is the diagonal. Left: long natural-gradient steps of the Gaussian, in two coordinate systems and at two rates. Middle: straight in another outcome, $(\mu, \sigma)$ for the Gaussian and $(z_0, e^{z_1})$ for the process, seen in $m$ and $z$. Right: three outcomes of two unknowns, the second and the third share against the first.
# ```
# ````

# %% [markdown]
# ### Newton's method on the likelihood
#
# In part 3 the $Q$ of the surrogate cancels. May we put the likelihood itself in its place? It has the same minimum. But in $m$ its gradient is $F_\theta^{-1}(m - m^*)$, so its Hessian is $F_\theta^{-1}$ plus a term with the derivative of $F_\theta^{-1}$, and nothing cancels. Here are full Newton steps, $\eta = 1$, in $m$ (the physical gradient with this loss) and in $(\mu, \ln\sigma)$.

# %%
in_m = descend(likelihood, physical_step, [0.0, 0.0], 1.0, 12)
until = int(np.argmin(np.isfinite(in_m).all(axis=1)))
in_x = descend(likelihood, newton_step, [0.0, 0.0], 1.0, 6)
paths = [log_scale.to_mean_scale(p.T).T for p in (in_m[:until], in_x)]
covered = 100 * (1 - shares_left(to_m(paths[0]), m_target))
for k in (1, 5, until - 1):
    first, second = covered[k]
    print(f"in m, step {k}: covered {first:.2f} and {second:.2f} %")
for k, (mean, scale) in enumerate(paths[1]):
    loss = expected_loss(np.array([mean, scale]), target, "scale")
    print(f"in (μ, ln σ), step {k}: μ = {mean:7.2f}, loss {loss:5.2f}")

# %%
matrix = hessian(np.zeros(2), target, "log scale")
low, high = np.linalg.eigvalsh(matrix)
print(f"eigenvalues of the Hessian at the start: {low:.3f} and {high:.2f}")

# %% tags=["hide-input", "remove-output"]
keep("straight_lines-figure-fails", figures.fails(fit_flow, *paths))
glue("straight_lines-kl-covered", float(covered[1, 0]), display=False)
glue("straight_lines-kl-last", until - 1, display=False)

# %% [markdown]
# ```{glue:figure} straight_lines-figure-fails
# :name: straight_lines-figure-fails
# :alt: Two panels. Left, mean against standard deviation. The natural gradient makes an arch from (0, 1) to (10, 1). Newton's steps in m, a grey line with dots, follow its left half at first, fall below it, and stop under its top. Newton's steps in (μ, ln σ) go up and to the left, out of the picture. Right, the same in the expectation plane, where the natural gradient is a straight line, the first steps in m are close to it, and the last ones approach the shaded region.
#
# Newton's method on the likelihood, two ways, with η = 1. Left in $(\mu, \sigma)$, right in the expectation parameters. In $m$ it creeps along the line, then off it.
# ```
#
# In $m$ the first step covers {glue:text}`straight_lines-kl-covered:.2f` % of the way, and the one after step {glue:text}`straight_lines-kl-last` asks for a point outside the mean domain. In $(\mu, \ln\sigma)$ the mean moves *away* from the target, faster with every step ({numref}`straight_lines-figure-fails`). Does Newton's method climb there, because its Hessian is indefinite? Not at first: the loss falls for four steps and then rises. A step with a negative curvature in it may go down, as here, or up, as above; it looks for a vanishing gradient, wherever that is. The Fisher matrix is positive definite everywhere. This Hessian is so only where $|\mu - \mu^*| < \sigma^*$, for its determinant is $2\,(\sigma^{*2} - (\mu - \mu^*)^2)/\sigma^4$.

# %% [markdown]
# ## When Gauss-Newton is enough
#
# Gauss-Newton needs no inverse. When does it make the same step as the physical gradient?
#
# ````{prf:proposition}
# :label: straight_lines-affine
#
# Let $z$ be a diffeomorphism between open sets of $\mathbb{R}^n$, and take the steps of Gauss-Newton and of the physical gradient from $x$.
#
# 1. If $z$ is affine, they are equal, for every $\eta$ and every loss for which both exist.
# 2. If, for one $\eta > 0$, they are equal for all losses $\tfrac12|z - z^*|^2$ with $z^*$ near $z(x)$, then $z$ is affine near $x$; if at every $x$ of a connected open set, on all of it.
# 3. For one such loss $z$ may be curved. The steps are equal for all $0 < \eta < 1$ if $z - z^*$ is homogeneous of degree 1 about a point $x^*$: for $0 < s \le 1$
#
#    $$
#    \begin{aligned}
#    & z\big(x^* + s\,(x - x^*)\big) - z^* \\
#    & \qquad = s\,\big(z(x) - z^*\big) .
#    \end{aligned}
#    $$
# ````
#
# The proof is an exercise. A curved example of part 3 is $z = (|x|, x_1)$ on $x_0 > 0$, with $x^*$ and $z^*$ at the origin. Move the target to $(5, 3)$, and the two steps part.


# %%
def polar(x):
    return jnp.stack([jnp.hypot(x[0], x[1]), x[1]])


def polar_inverse(z, x):
    return jnp.stack([jnp.sqrt(z[0] ** 2 - z[1] ** 2), z[1]])


for goal in (np.zeros(2), np.array([5.0, 3.0])):
    loss = Partial(half_squared_distance, goal)
    problem = Problem(polar, loss, polar_inverse)
    for step in (gauss_newton_step, physical_step):
        x0, x1 = np.asarray(descend(problem, step, [3.0, 3.0], 0.3, 1))[1]
        print(f"target {goal}: {step.__name__:<17} to ({x0:.4f}, {x1:.4f})")

# %% [markdown]
# ## One line for each method
#
# | method | the metric it uses | in the right space |
# |---|---|---|
# | gradient descent | the identity, in whatever coordinates | bent in general |
# | Newton in $x$ | the one pulled back from $z$, plus $\partial L/\partial z \cdot \nabla^2 z$ | bent in general; its flow is straight in the gradient |
# | Gauss-Newton, natural-gradient steps | pulled back from $z = m$ | off the line by $O(\eta)$ |
# | natural-gradient flow, Newton flow in $\theta$ | pulled back from $z = m$ | straight |
# | TANGO's mean motion, warm, in $m$ | the same, never inverted | straight, for every $\gamma$ and $\delta t < 1$, but for rounding |
# | physical gradient on the surrogate, mirror descent | none needed: they step in $z = m$ | straight, for every $\eta < 1$ |
#
# The price is in the last two rows: the inverse of the mean map, be it a formula for the Gaussian, a few Newton steps for the gamma family, or a simulator run backwards. And straight in $z$ promises nothing about other quantities.

# %% [markdown]
# ## Exercises
#
# ```{exercise}
# :label: straight_lines-ex-affine
#
# Prove {prf:ref}`straight_lines-affine`.
# ```
#
# ````{solution} straight_lines-ex-affine
# :class: dropdown
#
# Write $d = (\nabla_z^2 L)^{-1} \nabla_z L$. With $J$ square and invertible, Gauss-Newton's step is $-\eta J^{-1} d$, and the two are equal if and only if $z(x - \eta J^{-1} d) = z(x) - \eta\, d$. Part 1: this holds for affine $z$. Part 2: if it holds for all $d = z(x) - z^*$ in a ball, then $z(x + v) = z(x) + J v$ for all small $v = -\eta J^{-1} d$: $z$ is affine there. A map that is affine near every point of a connected open set has a constant Jacobian there, so it is affine on all of it.
#
# Part 3: if $z - z^*$ is homogeneous of degree 1 about $x^*$, its derivative in $s$ at $s = 1$ says $J\, (x - x^*) = z - z^*$. So $J^{-1} d = x - x^*$, and with $s = 1 - \eta$
#
# $$
# \begin{aligned}
# & z\big(x - \eta\, (x - x^*)\big) - z^* \\
# & \qquad = (1 - \eta)\,(z - z^*) .
# \end{aligned}
# $$
#
# Such a $z$ can be curved only if it has no derivative at $x^*$: with one it is linear about that point. And it is more than one loss needs. For the two steps to be equal at $x$ for all $0 < \eta < 1$, what $z$ maps to the segment from $z(x)$ to $z^*$ must be a segment that starts at $x$, run through at a constant pace; homogeneous is the case in which all these segments meet in one point.
# ````
#
# ```{exercise}
# :label: straight_lines-ex-poisson
#
# Three independent Poisson counts with rates $\lambda_i = e^{\xi_i}$ have $T(y) = y$, $\theta = \xi$ and $A(\theta) = \sum_i e^{\theta_i}$. The counters have recorded 4 and 5, 0 and 1, and 0 and 0. Start at $\lambda = (1, 1, 1)$. What are $m^*$ and the mean domain? Is the path straight in the rates, and where does it end? How does $\xi_2$, the last of the three, behave?
# ```
#
# ````{solution-start} straight_lines-ex-poisson
# :class: dropdown
# ````

# %%
poisson = Family(
    lambda theta: jnp.exp(theta).sum(),
    lambda xi: xi,
    np.zeros(3),
    np.array([4.5, 0.5, 0.0]),
)
rule = jax.jit(partial(natural_direction, poisson))
path = solve_ivp(
    lambda t, xi: rule(xi), (0, 8), poisson.start, "DOP853", clock,
    rtol=1e-12, atol=1e-12,
).y.T  # fmt: skip
gap = shares_left(np.exp(path), poisson.target) - np.exp(-clock)[:, None]
print(f"rates: share left against exp(-t): {shown(np.abs(gap).max())}")
print("ξ₂ at t = 2, 4, 8:", *(f"{path[k, 2]:.4f}" for k in (20, 40, 80)))

# %% [markdown]
# $m = \lambda$, the mean domain is $\lambda_i > 0$, and $m^* = (4.5, 0.5, 0)$ is on its boundary, because one counter has seen nothing. The path is straight in the rates and tends to $m^*$. No member of the family is there: $\xi_2 = -t$ falls forever, at a steady pace.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: straight_lines-ex-online
#
# Feed mirror descent one datum at a time: at step $k = 1, 2, \dots$ take $m^* = T(y_k)$ and $\eta_k = 1/(k+1)$. Start with the member of the gamma family whose shape is 1 and rate 2, as if it were one datum. What has the method computed after $n$ steps? Check it with 500 draws.
# ```
#
# ````{solution-start} straight_lines-ex-online
# :class: dropdown
# ````

# %%
y = np.random.RandomState(5).gamma(9.0, 1 / 3.0, size=500)
statistics = np.stack([np.log(y), y], axis=1)
family = families["gamma"]
first = np.asarray(means["gamma"](flows["gamma"]))[0]


@jax.jit
def online(statistics):
    def step(xi, given):
        T, eta = given
        m = family.mean(xi)
        return gamma_inverse(m - eta * (m - T), xi), None

    etas = 1 / jnp.arange(2.0, len(statistics) + 2)
    return jax.lax.scan(step, family.start, (statistics, etas))[0]


batch = jax.jit(gamma_inverse)((first + statistics.sum(axis=0)) / 501, None)
for name, xi in [
    ("one by one", online(statistics)),
    ("all at once", batch),
]:
    shape, rate = np.exp(xi)
    print(f"{name:<12} shape {shape:.6f}, rate {rate:.6f}")

# %% [markdown]
# With these rates $m$ is the running mean of all statistics so far, the start included. So each step is the exact maximum of the likelihood of the data seen, the start counted as one of them, in one pass. A constant rate gives the moving average of {ref}`tango` instead.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: straight_lines-ex-fold
#
# The walkthrough's map folds the plane: $x_1$ and $-x_1$ have the same $z$. What does Gauss-Newton do on the fold $x_1 = 0$, if the target is $z^* = (0, 4)$ and $x = (3, 0)$? And the physical gradient?
# ```
#
# ````{solution-start} straight_lines-ex-fold
# :class: dropdown
# ````

# %%
shifted = toy._replace(
    loss=lambda z: jnp.sum((z - jnp.array([0.0, 4.0])) ** 2)
)
for step in (gauss_newton_step, physical_step):
    rule = jax.jit(partial(step, shifted))
    for eta in (0.3, 0.003):
        x0, x1 = rule(jnp.array([3.0, 0.0]), eta)
        print(f"{step.__name__:<17} η = {eta:<5}: ({x0:.4f}, {x1:.4f})")

# %% [markdown]
# The Gauss-Newton matrix $2 J^\top J = \mathrm{diag}(2, 8 x_1^2)$ cannot be inverted on the fold, and there is no step. The physical gradient asks $z^{-1}$ instead, and leaves. A step a hundred times shorter moves $x_1$ only ten times less: $x_1 = \sqrt{4\eta}$. There is no velocity at the fold, and $-x_1$ would have served as well. The inverse chose the branch. With the target $z^* = 0$ on the edge of the image, as in the walkthrough, the line is followed for all time, and the smallest eigenvalue of $F$ tends to 0 with $8 x_1^2$. That a step with $\eta = 1$ landed there is more than the theorem says: $z^{-1}$ goes on to the edge.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: straight_lines-ex-edge
#
# What matters of the data is $m^*$, and where it is. What do flow and steps from $(0, 1)$ do if the data are (a) the two points 9 and 11, (b) the single point 10, or (c) not data at all but a noisy estimate of the two moments, $m^* = (10, 99)$?
# ```
#
# ````{solution-start} straight_lines-ex-edge
# :class: dropdown
# ````
#
# (a) $m^* = (10, 101)$, the target of this chapter, and the same path. (b) $m^* = (10, 100)$ is on the boundary of the mean domain, with variance zero. The theorem holds, but for its last paragraph: straight for all time, while $\sigma^2$ shrinks like $e^{-t}$. At $\eta = 1$ a step would land on a Gaussian with $\sigma = 0$, and the inverse refuses. (c) is outside the closure: no data set has a mean of points $(y, y^2)$ below the parabola. The line leaves the mean domain after a finite time.


# %%
def variance(second_moment, t):
    """On the line from (0, 1) to (10, second moment)."""
    u = np.exp(-t)
    mean = 10 * (1 - u)
    return second_moment + (1 - second_moment) * u - mean**2


print(
    "(b) σ² at t = 1, 4, 8:",
    *(f"{variance(100, t):.4f}" for t in (1, 4, 8)),
)
leaves = -np.log(
    np.min(np.roots([-100.0, 102.0, -1.0]))
)  # -1 + 102u - 100u²
outside = fit._replace(
    loss=lambda m: jnp.sum((m - jnp.array([10, 99])) ** 2)
)
path = descend(outside, physical_step, [0.0, 0.0], 0.3, 20)
last = int(np.argmin(np.isfinite(path).all(axis=1))) - 1
print(f"(c) the line leaves at t = {leaves:.3f}")
print(f"steps of 0.3 leave after t = {-last * np.log(0.7):.3f}")

# %% [markdown]
# The step after that has no inverse, and the path is NaN from there on.
#
# ```{solution-end}
# ```

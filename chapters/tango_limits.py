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
# (tango_limits)=
# # The line that TANGO is on
#
# TANGO's average $\theta$ follows a fast iterate $f$, and $f$ runs after the landing point of one full natural-gradient step ({ref}`tango-two-iterates`). In $(\mu, \ln\sigma)$ this point moves as $\theta$ moves. But there are coordinates in which it stands still. In them, if the samples of each step are replaced by their averages, TANGO can run on *exactly* the straight line of the natural-gradient flow, for every $\gamma$ and all step sizes between 0 and 1, however large their ratio. Only its usual start, $v_0 = 0$, keeps this mean motion off the line.
#
# We prove this and check each part. Then we switch the causes of TANGO's error off one at a time, find a start that needs only a few samples, and ask how much noise can be borne. You need {ref}`tango` for the method and {ref}`gaussian_geometry` for the exact curve.

# %% tags=["hide-input"]
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial
from myst_nb import glue
from scipy.integrate import solve_ivp

from straightlines import gaussian
from straightlines.figures import tango_limits as figures
from straightlines.gaussian import COORDINATES, natural_gradient_flow
from straightlines.optimizers import tango_mean_motion
from straightlines.paths import Fit, path
from straightlines.plotting import keep
from straightlines.problems import walkthrough
from straightlines.steps import STEPS, descend

jax.config.update("jax_enable_x64", True)
START, TARGET = (0.0, 1.0), (10.0, 1.0)  # (μ, σ)

# %% [markdown]
# ## The theorem
#
# Let the model be a regular minimal exponential family with statistic $T$, and use its expectation parameters $m = \mathrm{E}\,T$. The data's own mean of $T$ is $m^*$. In these coordinates the Fisher matrix $F(m)$ is the inverse of the covariance of $T$, and the expected gradient is
#
# $$\bar g(m) = F(m)\,(m - m^*) .$$ (tango_limits-eq-gradient)
#
# That is one line: in the natural parameters the gradient is $m - m^*$, and $F(m)$ is the Jacobian of the natural parameters by $m$. A full natural-gradient step, $m - F(m)^{-1}\bar g(m)$, therefore lands on $m^*$ from wherever you stand.
#
# Now average TANGO's update {eq}`tango-eq-two-iterates` over both of its samples: $\bar g$ takes the place of $g_k$, and $F$ that of $\tilde g_k\tilde g_k^\top$. We call this the *mean motion*. It reads, in the two iterates,
#
# $$\begin{aligned}
# f_k &= f_{k-1} - \gamma\,\big[\,\bar g(m_{k-1}) + F(m_{k-1})\,(f_{k-1} - m_{k-1})\,\big], \\
# m_k &= (1 - \delta t_k)\, m_{k-1} + \delta t_k\, f_k .
# \end{aligned}$$ (tango_limits-eq-mean-motion)
#
# ```{prf:theorem} The line that TANGO is on
# :label: tango_limits-line
#
# Let $\gamma > 0$, let every $\delta t_k$ with $k \ge 0$ lie in $(0, 1)$, and let $m^*$ and the $m_k$ lie in the mean domain, the open convex set of all $m$ of the family. Let $f_0 = m_0 - (1 - \delta t_0)\,v_0$. Then the mean motion in the expectation parameters has these properties, for all $k \ge 1$.
#
# 1. The error of the fast iterate obeys a recursion of its own,
#
#    $$f_k - m^* = (I - \gamma F(m_{k-1}))\,(f_{k-1} - m^*) .$$
#
# 2. If $f_0 = m^*$, that is $v_0 = (m_0 - m^*)/(1 - \delta t_0)$, then $f_k = m^*$, and
#
#    $$m_k - m^* = \prod_{i=1}^k (1 - \delta t_i)\,(m_0 - m^*) .$$
#
# 3. From any $f_0$, what is added to this line is a weighted sum of the fast iterate's errors: $\sum_{j=1}^k w_{jk}\,(f_j - m^*)$, with $w_{jk} = \delta t_j \prod_{i=j+1}^k (1 - \delta t_i)$.
# 4. All this stays true, with the Fisher matrix of the new coordinates, for the mean motion in every invertible affine image of $m$.
# ```
#
# ```{prf:proof}
# Put {eq}`tango_limits-eq-gradient` into the bracket of {eq}`tango_limits-eq-mean-motion`. It becomes
#
# $$\begin{aligned}
# & F(m_{k-1})\,(m_{k-1} - m^* + f_{k-1} - m_{k-1}) \\
# &\quad = F(m_{k-1})\,(f_{k-1} - m^*) :
# \end{aligned}$$
#
# the average drops out. This is part 1. If $f_0 = m^*$, the bracket is zero for ever, so $f_k = m^*$ and $m_k - m^* = (1 - \delta t_k)(m_{k-1} - m^*)$, which is part 2; the definition of $f_0$ turns $f_0 = m^*$ into the named $v_0$. The $m_k$ then lie between $m_0$ and $m^*$, in the mean domain, because it is convex: here nothing need be assumed of them. Part 3 is the second equation of {eq}`tango_limits-eq-mean-motion`, solved from $m_0 - m^*$ on. For part 4 let $m' = Am + b$ with $A$ invertible. In $m'$ the Fisher matrix is $F' = A^{-\top} F A^{-1}$ and the gradient is $A^{-\top} F (m - m^*) = F'(m' - m'^*)$, which is {eq}`tango_limits-eq-gradient` again, and nothing else was used.
# ```
#
# For the direction $v$ of the published rule, let
#
# $$u_k = (1 - \delta t_{k-1})\, v_{k-1} - (m_{k-1} - m^*)$$
#
# be the error of the decayed direction before step $k$. Then $u_k = m^* - f_{k-1}$, and by part 1
#
# $$u_{k+1} = (I - \gamma F(m_{k-1}))\, u_k .$$ (tango_limits-eq-error)
#
# The step sizes enter it only through the place $m_{k-1}$ at which $F$ is taken. Note what is *not* needed: that $\delta t/\gamma$ is small, that $\gamma$ is small, that the data come from the model. Stability is not promised either: where $\gamma$ times an eigenvalue of $F$ exceeds 2, part 1 magnifies an error, and rounding alone leads off the line ({ref}`tango_limits-stability`).
#
# We derived the theorem for this book. Of {cite:t}`ollivier2017tango` we could read only the abstract and the beginning of its first definition, which do not state it; whether the rest does, we cannot say.
#
# ## Each part, checked
#
# Here is the mean motion from the published rule {eq}`tango-eq-tango`, with nothing but NumPy. The family and the start are Figure 1's: $T(y) = (y, y^2)$, $m_0 = (0, 1)$ and $m^* = (10, 101)$.


# %%
M_START, M_TARGET = np.array([0.0, 1.0]), np.array([10.0, 101.0])


def fisher(m):
    """The inverse covariance of T = (y, y²), at one m or at many."""
    mean, variance = m[..., 0], m[..., 1] - m[..., 0] ** 2
    off = 2 * mean * variance
    last = 4 * mean**2 * variance + 2 * variance**2
    return np.linalg.inv(np.array([[variance, off], [off, last]]).T)


# %% [markdown]
# Is {eq}`tango_limits-eq-gradient` right? Its left side by automatic differentiation, its right by hand:


# %%
@partial(jax.jit, static_argnums=1)
def mean_gradient(xi, name):
    return jax.grad(gaussian.expected_loss)(xi, TARGET, name)


somewhere = np.array([3.0, 17.0])
slope = mean_gradient(somewhere, "expectation")
print("gradient:     ", np.round(np.asarray(slope), 8))
print(
    "F(m) (m - m*):",
    np.round(fisher(somewhere) @ (somewhere - M_TARGET), 8),
)


# %%
def mean_motion(step_sizes, gamma, f, index=-1):
    """Averages m and fast iterates f of the mean motion, from f_0 = f.

    index: v decays by the previous step size (-1), the present one (0)
        or not at all (None).
    """
    sizes = np.concatenate([step_sizes[:1], step_sizes])
    keep = (
        np.ones(len(sizes))
        if index is None
        else 1 - np.roll(sizes, -1 - index)
    )
    m, v = M_START, (M_START - f) / keep[0]
    averages, fast = [m], [f]
    for kept, step_size in zip(keep, step_sizes, strict=False):
        F, decayed = fisher(m), kept * v
        v = decayed + gamma * (F @ (m - M_TARGET) - F @ decayed)
        fast.append(m - v)
        m = m - step_size * v
        averages.append(m)
    return np.array(averages), np.array(fast)


# %% [markdown]
# **However large $\delta t/\gamma$.** The smaller the ratio, the closer you would expect TANGO to come to the natural gradient. From $f_0 = m^*$, which share of the way is left, in each of the two moments, and by the theorem?

# %%
print("δt/γ      δt      γ   left in E y  left in E y²   by the theorem")
for step_size, gamma in [(5e-5, 5e-3), (1e-3, 1e-3), (1e-2, 1e-4)]:
    steps = round(1 / step_size)
    m, _ = mean_motion(np.full(steps, step_size), gamma, M_TARGET)
    left = (m[-1] - M_TARGET) / (M_START - M_TARGET)
    print(f"{step_size / gamma:4} {step_size:7} {gamma:6}  {left[0]:.10f}",
          f" {left[1]:.10f}   {(1 - step_size) ** steps:.10f}")  # fmt: skip

# %% [markdown]
# Ten digits, at every ratio. From the cold start, too, `tango_mean_motion` of the package should agree with our loop:


# %%
def largest(differences):
    return f"{np.abs(differences).max():.9f}"


def to_mean_scale(m):
    return np.stack([m[:, 0], np.sqrt(m[:, 1] - m[:, 0] ** 2)], axis=1)


sizes = np.full(40_000, 1e-4)
cold, cold_fast = mean_motion(sizes, 1e-3, M_START)
package = tango_mean_motion(
    START, TARGET, sizes, 1e-3, coordinates="expectation"
)
print("largest difference:", largest(package - to_mean_scale(cold)))

# %% [markdown]
# **The error's own recursion**, part 1, along this path:

# %%
errors = cold_fast - M_TARGET
steps = np.einsum("kij,kj->ki", fisher(cold), errors)
predicted = errors - 1e-3 * steps
print("largest difference:", largest(errors[1:] - predicted[:-1]))

# %% [markdown]
# **Decreasing steps, and the odd indices.** Let $\delta t_k = 1/(300 + k)$. The rule decays $v$ by the step size of the *previous* step. Would not the present one do as well? And what if $v$ does not decay at all, since $F$ pulls it to its place anyway?

# %%
decreasing = 1 / (300 + np.arange(1, 2001))
steady = np.full(2000, 1e-3)
print("distance from the line's point     δt = 1/(300+k)    δt = 0.001")
for name, index in [("previous", -1), ("present", 0), ("none", None)]:
    off = []
    for step_sizes in (decreasing, steady):
        m, _ = mean_motion(step_sizes, 1e-3, M_TARGET, index)
        left = np.cumprod(1 - step_sizes)[:, None]
        line = M_TARGET + left * (M_START - M_TARGET)
        off.append(np.linalg.norm(m[1:] - line, axis=1).max())
    print(f"{name:9}{off[0]:39.8f} {off[1]:14.8f}")

# %% [markdown]
# As soon as the steps vary, the present step size loses the points of the line, by little here; without the factor the motion shoots past a target 100 units away. This is what the factor is for: the natural-gradient direction $m - m^*$ itself shrinks by $1 - \delta t_k$ in step $k$, and the factor lets $v$ shrink with it.
#
# ## The cold start
#
# Why is TANGO off the line at all? By part 3, the only error of the mean motion is that of its fast iterate, and with $v_0 = 0$ this begins as the whole way: $f_0 = m_0$. It shrinks by the factor $1 - \gamma\lambda$ a step in a direction in which $F$ has the eigenvalue $\lambda$. How fast is that?

# %%
print(
    "       k   f − m*             eigenvalues of F  steps to halve there"
)
for k in (100, 1000, 10_000, 40_000):
    values = np.linalg.eigvalsh(fisher(cold[k]))
    error, halving = cold_fast[k] - M_TARGET, np.log(2) / (1e-3 * values)
    print(f"{k:8}  ({error[0]:5.1f}, {error[1]:6.1f})",
          f"  {values[0]:9.5f} {values[1]:6.3f}",
          f"{halving[0]:11.0f} {halving[1]:8.0f}")  # fmt: skip

# %% tags=["hide-input"]
line_points = natural_gradient_flow(
    START, TARGET, -np.arange(40_001) * np.log1p(-1e-4)
)
cold_points = to_mean_scale(cold)
cold_error = np.linalg.norm(cold_points - line_points, axis=1).max()
gaps = cold_points[::100, None] - line_points[None, ::40]
cold_nearest = np.linalg.norm(gaps, axis=2).min(axis=1).max()
glue("tango_limits-cold-nearest", float(cold_nearest), display=False)
glue("tango_limits-cold-error", float(cold_error), display=False)

# %% [markdown]
# Too slowly for the 40,000 steps that four units of time take at $\delta t = 10^{-4}$. In $(\mu, \sigma)$ the cold mean motion is up to {glue:text}`tango_limits-cold-error:.1f` from the line's point *at the same step*, and up to {glue:text}`tango_limits-cold-nearest:.1f` from the nearest point of the line: it is late, much more than it is astray. From here on an error is a distance from the point of the same step, so that lateness counts. {numref}`tango_limits-figure-line` shows both, and beside them a run with all its noise. Its start is *warm*, that is, $f_0$ is close to $m^*$, in a way that needs no target: $f_0$ is the mean of $(y, y^2)$ over 100 samples.


# %%
WAIT = 1000  # steps before the average begins to move


def follow(settings, gradient, state, m, *, sample, pseudo_gradient, **_):
    """TANGO in m; its fast iterate is the mean over the first samples."""
    gamma, samples, metric = settings[0], settings[1], settings[2:]
    k, f = state
    mean = f + (jnp.stack([sample, sample**2]) - f) / (k + 1)
    overlap = (pseudo_gradient * (f - m)).sum()
    slope = gradient + pseudo_gradient * overlap
    moved = f - gamma * (metric.reshape(2, 2) * slope).sum(axis=1)
    f = jnp.where(k < samples, mean, jnp.where(k < WAIT, f, moved))
    return jnp.where(k < WAIT, 0, 1e-4 * (f - m)), (k + 1, f)


def fit(rule, settings, coordinates, state=None):
    """What is run: the rule with its settings."""
    update = Partial(rule, settings)
    optimizer = optax.GradientTransformationExtraArgs(
        optax.identity().init, update
    )
    return Fit(optimizer, START, TARGET, coordinates, initial_state=state)


# %% [markdown]
# To compare starts of different length later, the average waits for a thousand steps while the fast iterate takes its samples; the clock begins after them.

# %%
# γ, samples, metric: the identity
hundred = np.array([1e-3, 100, 1, 0, 0, 1])
cold_state = np.asarray(0.0), M_START
normals = np.random.RandomState(3).standard_normal((WAIT + 40_000, 2))
warm = path(fit(follow, hundred, "expectation", cold_state), normals)[WAIT:]

# %% tags=["remove-cell"]
keep(
    "tango_limits-figure-line", figures.line(cold, cold_fast, warm, TARGET)
)

# %% [markdown]
# ````{explorer} tango-line
# ```{glue:figure} tango_limits-figure-line
# :name: tango_limits-figure-line
# :alt: Two panels. Left, over mean and standard deviation, the exact arch from (0, 1) to (10, 1); a run of TANGO from a warm start follows it a little outside, and the mean motion from a cold start falls below it and has come only to a mean of 4. Right, over the first and the second moment, the arch is a straight line; the warm run stays beside it, and the cold mean motion bends away below it, behind its fast iterate.
#
# The same paths in $(\mu, \sigma)$ and in the expectation parameters, $\delta t = 10^{-4}$, $\gamma = 10^{-3}$, up to $t = 4$. The dotted line is also the mean motion from $f_0 = m^*$, whose fast iterate stays at the target; that of the cold one is dashed. The grey area holds no member of the family.
# ```
# ````
#
# ## Coordinates that turn
#
# TANGO is usually run in other coordinates than $m$. Part 1 then has one more term. In any coordinates, and for any model with an invertible $F$, the mean motion's fast iterate steps towards the landing point $a(\theta) = \theta - F(\theta)^{-1}\bar g(\theta)$, and with $e_k = f_{k-1} - a(\theta_{k-1})$,
#
# $$e_{k+1} = (I - \gamma F(\theta_{k-1}))\, e_k + a(\theta_{k-1}) - a(\theta_k) .$$ (tango_limits-eq-turning)
#
# The last two terms, the landing point's movement, vanish in $m$; elsewhere they are of order $\delta t$ a step, are forgotten at the rate $\gamma\lambda$, and so leave an error of order $\delta t/(\gamma\lambda_{\min})$, $\lambda_{\min}$ being the smallest eigenvalue of $F$. How large is it in our six coordinate systems? We start with $f_0$ *on* the landing point and give each system a $\gamma$ of a quarter of its bound ({ref}`tango_limits-stability`), the smallest on the way.


# %% tags=["hide-input"]
def from_line(points, step_size):
    """Largest distance in (μ, σ) from the line's point at the same step."""
    points = points[: round(4 / step_size) + 1]
    time = -np.log1p(-step_size) * np.arange(len(points))
    line = natural_gradient_flow(START, TARGET, time)
    return np.linalg.norm(points - line, axis=1).max()


def settled(name, step_size):
    """The v_0 that puts f_0 on the landing point of the start."""
    # The full step F⁻¹ḡ is the derivative of the coordinates along m - m*:
    # by a complex step, which loses no digits.
    m = M_START + 1e-20j * (M_START - M_TARGET)
    mean_scale = COORDINATES["expectation"].to_mean_scale(m)
    full_step = COORDINATES[name].from_mean_scale(mean_scale).imag / 1e-20
    return full_step / (1 - step_size)


def averages(name, xi, v):
    """The expected gradient, and F v, by products with J = ∂(μ, σ)/∂ξ."""
    to_mean_scale = COORDINATES[name].to_mean_scale
    (mean, scale), along = jax.linearize(to_mean_scale, xi)
    back = jax.linear_transpose(along, xi)
    square = (mean - TARGET[0]) ** 2 + TARGET[1] ** 2
    slope = jnp.stack([mean - TARGET[0], scale - square / scale])
    stretched = along(v) * jnp.array([1.0, 2.0])
    return back(slope / scale**2)[0], back(stretched / scale**2)[0]


# %% tags=["hide-input"]
@jax.jit
def mean_motions(cases):
    """Paths of the mean motion: several v_0, δt and γ a system."""

    def motion(name, v, step_size, gamma):
        def step(carry, _):
            xi, v = carry
            decayed = (1 - step_size) * v
            gradient, product = averages(name, xi, decayed)
            v = decayed + gamma * (gradient - product)
            xi = xi - step_size * v
            return (xi, v), COORDINATES[name].to_mean_scale(xi)

        xi = COORDINATES[name].from_mean_scale(jnp.array(START))
        points = jax.lax.scan(step, (xi, v), length=200_000)[1]
        return jnp.concatenate([jnp.array([START]), points])

    return {
        name: jax.vmap(partial(motion, name))(*case)
        for name, case in cases.items()
    }


# %% tags=["hide-input"]
cases, sizes = {}, np.array([1e-4, 2e-5])
for name, system in COORDINATES.items():
    exact = natural_gradient_flow(START, TARGET, np.linspace(0, 4, 11))
    points = [system.from_mean_scale(point) for point in exact]
    bounds = [gaussian.tango_gamma_bound(point, name) for point in points]
    starts = np.array([settled(name, step_size) for step_size in sizes])
    cases[name] = starts, sizes, np.full(2, min(bounds) / 4)
ratios = np.array([0.0025, 0.01, 0.1, 1, 10, 100])
cold_cases = np.zeros((6, 2)), np.full(6, 1e-4), 1e-4 / ratios
both = zip(cases["variance"], cold_cases, strict=True)
cases["variance"] = tuple(map(np.concatenate, both))
means = jax.tree.map(np.asarray, mean_motions(cases))
off = {
    name: list(map(from_line, means[name], case[1]))
    for name, case in cases.items()
}
print("coordinates     γ       error at δt = 1e-4     at δt = 2e-5")
for name, (error, smaller, *_) in off.items():
    gamma = cases[name][2][0]
    print(f"{name:12} {gamma:.0e} {error:16.2f} {smaller:20.2f}")

# %% [markdown]
# Does `tango_mean_motion`, which forms $F$, take the same paths in all six?

# %% tags=["hide-input"]
steps, gaps = np.full(40_000, 1e-4), []
for name, (v, _, gamma, *_) in cases.items():
    package = tango_mean_motion(
        START, TARGET, steps, gamma[0], coordinates=name, velocity=v[0]
    )
    gaps.append(largest(package - means[name][0, :40_001]))
print("largest difference:", max(gaps))

# %% [markdown]
# Only the expectation parameters are without error. The others approach the line as $\delta t$ shrinks, some from afar: in $(\mu, \sigma^2)$, $\lambda_{\min} = 1/(2\sigma^4)$ is below $10^{-3}$ at the top of the arch, and $\delta t = 10^{-4}$ is still more than $\gamma\lambda_{\min}$. There, not even a smaller $\delta t/\gamma$ need be better. From the cold start:

# %%
errors = off["variance"][2:]
print("δt/γ              " + "".join(f"{ratio:8}" for ratio in ratios))
print("error at δt = 1e-4" + "".join(f"{error:8.2f}" for error in errors))

# %% [markdown]
# The error falls, and rises again: the best $\gamma$ of this row has nothing to do with the limit. In $(\mu, \ln\sigma)$ with the published $\gamma = 10^{-2}$ and $\delta t = 10^{-4}$:

# %%
sizes = np.full(40_000, 1e-4)
cold_mean = tango_mean_motion(START, TARGET, sizes, 1e-2)
v = settled("log scale", 1e-4)
settled_mean = tango_mean_motion(START, TARGET, sizes, 1e-2, velocity=v)
for start, points in [
    ("cold", cold_mean),
    ("on the landing point", settled_mean),
]:
    error, top = from_line(points, 1e-4), points[:, 1].max()
    print(f"{start:21} error {error:.2f}, top at σ = {top:.2f}")

# %% [markdown]
# The arch has its top at $\sqrt{26} = 5.10$. That TANGO's paths tend to climb above it, as {ref}`first_hits` finds, is already in the mean motion.
#
# ## The noise
#
# Put the samples back. In $m$ the fast iterate obeys
#
# $$f_k - m^* = (I - \gamma\,\tilde g_k\tilde g_k^\top)(f_{k-1} - m^*) - \gamma\,\big[\,g_k - \tilde g_k\tilde g_k^\top (m_{k-1} - m^*)\,\big],$$ (tango_limits-eq-noise)
#
# as in the proof. Given the past, both terms of the bracket have the mean $F(m_{k-1})\,(m_{k-1} - m^*)$, so that the bracket has the mean 0. From $f_0 = m^*$ TANGO is the line, then, plus an unbiased noise that passes two filters: $f$ forgets it at the rate $\gamma\lambda$, and the average takes a share $\delta t$ of it.
#
# Unbiased *given the past*: is the average over all runs on the line? Not quite, because $F(m_{k-1})$ and $f_{k-1}$ are both random and correlated. A function `many` makes many runs, of several settings at once; all settings see the same normals, so that their runs are paired.


# %% tags=["hide-input"]
@partial(jax.jit, static_argnums=(0, 1, 5))
def many(rule, name, settings, states, normals, every):
    """(μ, σ) every so many steps; settings last but one, runs last."""
    count, runs = settings.shape[-1], normals.shape[-1]
    lanes = partial(jnp.repeat, repeats=runs, axis=-1)
    settings, states = jax.tree.map(lanes, (settings, states))

    def begin(settings, state):
        return fit(rule, settings, name, state).begin()

    def step(settings, carry, normals):
        return fit(rule, settings, name).step(carry, normals)

    def steps(carry, normals):
        normals = jnp.tile(normals, count)
        return jax.vmap(step, -1, -1)(settings, carry, normals), None

    def block(carry, normals):
        shown = jax.vmap(fit(rule, None, name).shown, -1, -1)(carry)
        return jax.lax.scan(steps, carry, normals)[0], shown

    carry = jax.vmap(begin, -1, -1)(settings, states)
    blocks = normals.reshape(-1, every, 2, runs)
    shown = jax.lax.scan(block, carry, blocks)[1]
    return shown.reshape(len(shown), 2, count, runs)


# %% [markdown]
# Here is the mean of $m$ over 512 runs from $f_0 = m^*$, less the line, with its standard error, and the standard deviation of one run.

# %% tags=["hide-input"]
checkpoints = [5000, 10_000, 20_000]
settings = np.array([[1e-3, 0, 1, 0, 0, 1]]).T
states = np.array([float(WAIT)]), M_TARGET[:, None]
normals = np.random.RandomState(9).standard_normal((21_000, 2, 512))
runs = many(follow, "expectation", settings, states, normals, 1000)
runs = np.asarray(runs)[:, :, 0]
for k in checkpoints:
    mean, scale = runs[k // 1000]
    off = np.stack([mean, mean**2 + scale**2]) - M_TARGET[:, None]
    off -= ((1 - 1e-4) ** k * (M_START - M_TARGET))[:, None]
    bias, error = off.mean(axis=1), off.std(axis=1) / np.sqrt(512)
    print(f"{k:6}: E y {bias[0]:.3f} ± {error[0]:.3f}",
          f"  E y² {bias[1]:.2f} ± {error[1]:.2f}",
          f"  one run: {off[0].std():.2f}, {off[1].std():.2f}")  # fmt: skip

# %% [markdown]
# In the last row the first moment is biased by several standard errors, yet by about a fifth of a single run's deviation. The line is TANGO's mean to first order in the noise.
#
# ## Figure 1's error, taken apart
#
# Four causes, then, keep TANGO off the line: the cold start, the turning of the coordinates, and the noise of the pseudo-samples and of the data. Each has a switch. The cold start is switched off by $v_0$, the pseudo-sample by the exact $F$, the data's noise by the exact $\bar g$. And the turning? After each step, carry $v$ along: multiply it by $J(\theta_k)^{-1} J(\theta_{k-1})$, with $J = \partial m/\partial\theta$.


# %%
def carry_along(new, old, v):
    """J(new)⁻¹ J(old) v in (μ, ln σ), where m = (μ, μ² + σ²)."""
    second = 2 * old[0] * v[0] + 2 * jnp.exp(2 * old[1]) * v[1]
    return jnp.stack(
        [v[0], (second - 2 * new[0] * v[0]) / (2 * jnp.exp(2 * new[1]))]
    )


# %%
def switched(name, settings, gradient, state, xi, *, pseudo_gradient, **_):
    """TANGO with a switch, 0 or 1, for each of three causes of error."""
    step_size, gamma, turning, pseudo, data = settings
    v, old = state
    decayed = (1 - step_size) * v
    if name == "log scale":
        carried = carry_along(xi, old, decayed)
        decayed = turning * decayed + (1 - turning) * carried
    mean_gradient, product = averages(name, xi, decayed)
    g = data * gradient + (1 - data) * mean_gradient
    sampled = pseudo_gradient * (pseudo_gradient * decayed).sum()
    v = decayed + gamma * (g - pseudo * sampled - (1 - pseudo) * product)
    return -step_size * v, (v, xi)


RULES = {
    name: partial(switched, name) for name in ("log scale", "expectation")
}

# %% [markdown]
# A run's error is its largest distance in $(\mu, \sigma)$ from the line's point at the same step, at 200 moments up to $t = 4$. We make 48 runs of each, and give the median with its interval at 95 %.


# %% tags=["hide-input"]
def off_line(states, step_size=1e-4):
    """Where settings and runs are, less the line at the same step."""
    moments = np.arange(len(states)) * 4 / len(states) / step_size
    time = -np.log1p(-step_size) * moments
    line = natural_gradient_flow(START, TARGET, time)
    return np.asarray(states) - line[:, :, None, None]


def largest_distance(off):
    """Over all moments; shape (settings, runs)."""
    distance = np.hypot(off[:, 0], off[:, 1]).max(axis=0)
    return np.where(np.isfinite(distance), distance, np.inf)


def errors(states, step_size=1e-4):
    """The largest distance of every run from the line."""
    return largest_distance(off_line(states, step_size))


def median(values):
    """The median with its bootstrap interval at 95 %."""
    draws = np.random.RandomState(0).randint(
        len(values), size=(2000, len(values))
    )
    medians = np.median(values[draws], axis=1)
    low, high = np.quantile(medians, [0.025, 0.975], method="nearest")
    return f"{np.median(values):6.3f} [{low:.3f}, {high:.3f}]"


# %% [markdown]
# Eleven rows: TANGO, one cause switched off, one alone, none. The last row asks whether the causes add up: it takes TANGO's displacement from the line, run by run, less those of the four causes alone.

# %%
causes = ("cold start", "turning", "pseudo-samples", "data")
rows = {"TANGO": (1, 1, 1, 1)}
rows |= {f"without {c}": tuple(int(d != c) for d in causes) for c in causes}
rows |= {f"only {c}": tuple(int(d == c) for d in causes) for c in causes}
rows["none of them"] = (0, 0, 0, 0)
cold_start, *switches = np.array(list(rows.values()), float).T
normals = np.random.RandomState(4).standard_normal((WAIT + 40_000, 2, 48))
parts, alone = {}, [f"only {cause}" for cause in causes]
for name, gamma in [("log scale", 1e-2), ("expectation", 1e-3)]:
    pace = np.full((2, len(rows)), [[1e-4], [gamma]])
    v = settled(name, 1e-4)[:, None] * (1 - cold_start)
    xi = COORDINATES[name].from_mean_scale(np.array(START))
    states = v, np.repeat(xi[:, None], len(rows), axis=1)
    settings = np.concatenate([pace, switches])
    shown = many(RULES[name], name, settings, states, normals[WAIT:], 200)
    off = dict(zip(rows, np.moveaxis(off_line(shown), 2, 0), strict=True))
    off["TANGO - sum of four"] = off["TANGO"] - sum(map(off.get, alone))
    parts[name] = {row: largest_distance(off[row]) for row in off}
behind_cold = largest_distance(off["TANGO"] - off["only cold start"])

# %%
print(f"{'':24}(μ, ln σ), γ = 0.01      m, γ = 0.001")
for row in off:
    columns = [parts["log scale"][row]]
    if "turning" not in row:  # nothing turns in m
        columns.append(parts["expectation"][row])
    print(f"{row:22}" + "   ".join(map(median, columns)))

# %% tags=["hide-input"]
for row in (
    "TANGO",
    "only pseudo-samples",
    "only turning",
    "only cold start",
    "only data",
    "TANGO - sum of four",
):
    key = row.lower().replace(" - ", "-less-").replace(" ", "-")
    glue(
        f"tango_limits-{key}",
        round(float(np.median(parts["log scale"][row])), 2),
        display=False,
    )
in_log_scale = parts["log scale"]
worse = int(
    (in_log_scale["without cold start"] > in_log_scale["TANGO"]).sum()
)
glue("tango_limits-settled-worse", worse, display=False)
glue(
    "tango_limits-noise-behind-cold",
    round(float(np.median(behind_cold)), 2),
    display=False,
)

# %% [markdown]
# Read the right column first. In $m$ nothing turns, and three causes are left: the cold start is practically all of the error, without it the noise of the pseudo-samples remains, and the data's hardly counts. The last row is as large as the pseudo-samples' own, because a cold start hides them: the pseudo-sample enters {eq}`tango-eq-two-iterates` through $\tilde g_k\cdot(f_{k-1} - m_{k-1})$ only, and behind a cold start this gap stays small. There both noises together move a run by only {glue:text}`tango_limits-noise-behind-cold`.
#
# In $(\mu, \ln\sigma)$, the setting of Figure 1, three causes are of one order: pseudo-samples {glue:text}`tango_limits-only-pseudo-samples`, turning {glue:text}`tango_limits-only-turning`, cold start {glue:text}`tango_limits-only-cold-start`, of {glue:text}`tango_limits-tango` in all. They do not add up, even as displacements: {glue:text}`tango_limits-tango-less-sum-of-four` is left over. Nor do these runs show that it helps to mend the start alone; in {glue:text}`tango_limits-settled-worse` of 48 pairs TANGO is then *further* from the line. The data's noise hardly counts here either. With all four switched off, the length of the steps remains: they are straight in $(\mu, \ln\sigma)$, where the line is curved.
#
# ## A warm start that needs no target
#
# In $m$ the cold start is the main difficulty, and the cure is cheap: begin $f$ at the mean of $T$ over the first $n$ samples. What does $n$ buy?

# %%
COUNTS = (0, 1, 10, 100, 1000, "m*")


def warm_errors(gammas):
    """Errors for each start and each of two γ; shape (starts, γ, runs)."""
    cases = [(gamma, n) for n in COUNTS for gamma in gammas]
    settings = [(g, 0 if n == "m*" else n, 1, 0, 0, 1) for g, n in cases]
    begin = [M_TARGET if n == "m*" else M_START for _, n in cases]
    states = np.zeros(len(cases)), np.array(begin).T
    settings = np.array(settings).T
    shown = many(follow, "expectation", settings, states, normals, 200)
    return errors(shown[WAIT // 200 :]).reshape(len(COUNTS), 2, -1)


print("start of f          γ = 0.001                γ = 0.0001")
for n, pair in zip(COUNTS, warm_errors((1e-3, 1e-4)), strict=True):
    start = "m* itself   " if n == "m*" else f"{n:4} samples"
    print(f"{start}     " + "   ".join(map(median, pair)))

# %% [markdown]
# A single sample takes most of the error away: any sample near $y = 10$ gives a $T$ far nearer to $m^*$ than $m_0$ is. From a hundred on, no more is gained at $\gamma = 10^{-3}$ than the intervals hide: what is left is the error of a start at $m^*$ itself, the noise of the pseudo-samples. A smaller $\gamma$ filters it better, and needs the good start more.
#
# Affine images of $m$ have the same line and another noise. Centre the statistics, $T' = (y - c, (y - c)^2)$, with the target's own mean $c = 10$, and TANGO in $m'$ is TANGO in $m$ with the metric $P = A^{-1}A^{-\top}$ before its gradients.

# %% tags=["hide-input"]
A = np.array([[1.0, 0.0], [-20.0, 1.0]])  # m' = A m + b
images = np.eye(2), np.linalg.inv(A.T @ A)
gammas = (1e-6, 1e-5, 1e-4, 1e-3, 2e-3, 4e-3)
settings = [(g, 100, *metric.ravel()) for g in gammas for metric in images]
begin = np.repeat(M_START[:, None], len(settings), axis=1)
states, settings = (np.zeros(len(settings)), begin), np.array(settings).T
shown = many(follow, "expectation", settings, states, normals, 200)
values = errors(shown[WAIT // 200 :]).reshape(len(gammas), 2, -1)
print("γ            m                       centred              m nearer")
for gamma, (own, centred) in zip(gammas, values, strict=True):
    print(f"{gamma:.0e}  {median(own)}   {median(centred)}",
          f"  in {(own < centred).sum():2} of 48")  # fmt: skip

# %% [markdown]
# Both images have the line; which of them has less noise depends on $\gamma$. The runs are paired, so count: without a difference, $m$ would be nearer in 17 to 31 of the pairs, more than 19 times out of 20. At $10^{-4}$ it is nearer more often, at $10^{-3}$ less often; elsewhere these runs do not decide. But the same $\gamma$ is not the same rate in both. As $\gamma \to 0$ they become one.
#
# (tango_limits-stability)=
# ## How large may γ be?
#
# With $\theta$ held still, $f$ follows a linear recursion with random coefficients, $e \leftarrow (I - \gamma\,\tilde g\,\tilde g^\top)\, e$ plus noise. When does it forget its start? There are two answers. Its *mean square* shrinks if
#
# $$\gamma\;\mathrm{E}\big[\,|\tilde g|^2\,\tilde g\,\tilde g^\top\big] \prec 2F .$$ (tango_limits-eq-stability)
#
# ```{prf:proof}
# Let $S$ be the mean of $e e^\top$. One step changes it by $-\gamma(FS + SF) + \gamma^2\,\mathrm{E}[\tilde g\,\tilde g^\top S\,\tilde g\,\tilde g^\top]$. The trace of this is $\mathrm{tr}\,\big(S\,(\gamma^2\,\mathrm{E}[|\tilde g|^2\tilde g\,\tilde g^\top] - 2\gamma F)\big)$, which is negative for every $S \neq 0$ under {eq}`tango_limits-eq-stability`.
# ```
#
# For the Gaussian in $(\mu, \ln\sigma)$ the moments of the normal distribution give $\gamma < 2/(30 + 5/\sigma^2)$, and `tango_gamma_bound` computes it in any coordinates. The exact limit is where the linear map $S \mapsto \mathrm{E}\,(I - \gamma\tilde g\tilde g^\top)\, S\, (I - \gamma\tilde g\tilde g^\top)$ has the spectral radius 1.
#
# A mean square, though, is carried by rare large values. A *single* run grows or shrinks by the top Lyapunov exponent, the mean of $\ln$ of the factor by which one step stretches $e$. The two need not have the same sign.

# %%
nodes, weights = np.polynomial.hermite_e.hermegauss(
    12
)  # exact up to degree 23
scores = np.stack(
    [-nodes, 1 - nodes**2], axis=1
)  # the pseudo-gradients at σ = 1
random = np.random.RandomState(0)


def mean_square_exponent(gamma):
    factor = np.eye(2) - gamma * scores[:, :, None] * scores[:, None, :]
    chances = weights / weights.sum()
    square = np.einsum("n,nij,nkl->ikjl", chances, factor, factor).reshape(
        4, 4
    )
    return np.log(np.abs(np.linalg.eigvals(square)).max()) / 2


# %%
def lyapunov_exponent(gamma, chains=300, steps=400):
    e, growth = random.standard_normal((chains, 2)), np.zeros(chains)
    for step in range(steps):
        n = random.standard_normal(chains)
        score = np.stack([-n, 1 - n**2], axis=1)
        e = e - gamma * score * (score * e).sum(axis=1, keepdims=True)
        length = np.linalg.norm(e, axis=1)
        e, growth = (
            e / length[:, None],
            growth + (step >= 100) * np.log(length),
        )
    return growth / (steps - 100)  # of each chain


# %%
gammas = np.geomspace(0.01, 2, 25)
mean_square = np.array([mean_square_exponent(gamma) for gamma in gammas])
chains = np.array([lyapunov_exponent(gamma) for gamma in gammas])
single, spread = chains.mean(axis=1), chains.std(axis=1)
fine = np.linspace(0.03, 0.12, 901)
sharp = fine[
    np.argmax([mean_square_exponent(gamma) >= 0 for gamma in fine])
]
print(f"bound {2 / 35:.4f}; the mean square grows from γ = {sharp:.4f} on")
last = np.argmax(single >= 0)
for i in (last - 1, last):
    print(f"single runs at γ = {gammas[i]:.2f}: {single[i]:5.2f}",
          f"± {spread[i] / np.sqrt(300):.3f} a step (s.e.)")  # fmt: skip

# %% tags=["remove-cell"]
keep(
    "tango_limits-figure-stability",
    figures.stability(gammas, mean_square, single, 2 / 35),
)

# %% [markdown]
# ```{glue:figure} tango_limits-figure-stability
# :name: tango_limits-figure-stability
# :alt: Two growth rates per step against gamma on a logarithmic axis. The root mean square begins to grow just above the bound of 0.057. A single run goes on shrinking, fastest near gamma of 1, and grows only beyond about 1.5.
#
# Growth of the fast iterate's error a step, at $\sigma = 1$ in $(\mu, \ln\sigma)$: of its root mean square, by quadrature, and of a single run, the average of 300 simulated chains over 300 steps.
# ```
#
# The bound is safe and nearly sharp for the mean square. Single runs are stable for a $\gamma$ more than twenty times as large, with $\theta$ held still. In whole runs at $\delta t = 10^{-4}$, where the noise and the moving $\theta$ come in too, does that help?

# %% tags=["hide-input"]
past = np.array([0.03, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6])
on = np.ones((3, len(past)))
settings = np.concatenate([[np.full(len(past), 1e-4), past], on])
nothing = np.zeros((2, len(past)))
states = nothing, nothing  # v and (μ, ln σ)
rule = RULES["log scale"]
shown = many(rule, "log scale", settings, states, normals[WAIT:], 200)
for gamma, values in zip(past, errors(shown), strict=True):
    print(f"γ = {gamma:4}: {np.isinf(values).sum():2} of 48 runs diverge,",
          f"{(values > 2).sum():2} are off by more than 2")  # fmt: skip
settings[0] = 0  # θ does not move, and v does not decay
still = many(rule, "log scale", settings, states, normals[WAIT:], 200)
lost = np.isinf(errors(still)).sum()
print(f"θ held still, all ten γ: {lost} of {48 * len(past)} runs diverge")

# %% [markdown]
# A little. Just past the bound all survive, some with excursions: almost sure stability means that a large value is forgotten, not that there is none. Far past it most diverge, though no $v$ overflows on the same samples while $\theta$ is held still. What the frozen picture leaves out is that a large $v$ moves $\theta$.
#
# (tango_limits-names)=
# ## One recursion, three names
#
# Two other methods of this book are this recursion. First the physical gradient. The walkthrough's problem ({ref}`physical_gradients`) is the family $N(z(x), I/2)$, seen at 0: its expectation parameters are $z$ itself, and $m^* = 0$. From $f_0 = m^*$ TANGO's mean motion in $z$ takes, by part 2, the steps $z_k = (1 - \delta t)\, z_{k-1}$, which are those of the physical gradient with $\eta = \delta t$.

# %%
steps = descend(
    walkthrough(), STEPS["physical gradient"], np.array([3.0, 3.0]), 0.3, 10
)
z, f = np.array([3.0, 9.0]), np.zeros(2)  # z, and f begun at m* = 0
for _ in range(10):
    f = f - 1e-2 * (
        2 * z + 2 * (f - z)
    )  # the gradient of |z|² is 2z, and F = 2I
    z = 0.7 * z + 0.3 * f
print(
    "physical gradient:",
    np.round(np.asarray(walkthrough().z(steps[-1])), 8),
)
print("mean motion:      ", np.round(z, 8))

# %% [markdown]
# And averaged SGD: where the loss is quadratic, the average drops out of the bracket of {eq}`tango-eq-two-iterates` in the same way, and sample by sample, if only the pseudo-sample gives the Hessian of the data's own loss. An exercise below finds such pseudo-samples for linear regression.
#
# ## What the name claims
#
# TANGO stands for *True Asymptotic Natural Gradient Optimization*, and the abstract promises a true natural gradient descent in the limit of small learning rates. Does the path approach that of the natural gradient as $\delta t$ shrinks? In $(\mu, \ln\sigma)$ and from the cold start, {eq}`tango_limits-eq-turning` says that it needs $\delta t \ll \gamma\lambda_{\min}$, so that $\gamma = 100\,\delta t$ must fail.

# %% tags=["hide-input"]
sizes = (4e-4, 2e-4, 1e-4)
cases = [(size, gamma) for size in sizes for gamma in (1e-2, 100 * size)]
cases = cases[:-1]  # at 1e-4 the two are the same
settings = [(*case, 1, noise, noise) for case in cases for noise in (0, 1)]
states = np.zeros((2, 10)), np.zeros((2, 10))
shown = many(
    rule, "log scale", np.array(settings).T, states, normals[WAIT:], 200
)
shown = np.asarray(shown)
print("          γ = 0.01                         γ = 100 δt")
print("δt        mean motion, 48 runs             mean motion, 48 runs")
for i, size in enumerate(sizes):
    until = round(4 / size / 200)
    off = errors(shown[:until, :, 4 * i : 4 * i + 4], size)
    pairs = [f"{off[k][0]:.2f}  {median(off[k + 1])}"
             for k in range(0, len(off), 2)]  # fmt: skip
    print(f"{size:.0e}    {pairs[0]}     {pairs[-1]}")

# %% [markdown]
# At a fixed $\gamma$ both come closer. With $\gamma = 100\,\delta t$ the runs lose noise too, but the error of their mean motion stays where it is, and will be left when the noise is gone. In $m$, from $f_0 = m^*$, the mean motion needs no such window. This is a theorem about exponential families. What it leaves open, noise in many dimensions and networks, is the subject of {ref}`tango_networks`.
#
# ## Exercises
#
# ```{exercise}
# :label: tango_limits-ex-data
#
# The theorem asks nothing of the data but their mean of $T$. Let the samples come from two points, $y = 0$ and $y = 4$, each with probability $\frac{1}{2}$. Where does the mean motion go, and is it on a line?
# ```
#
# ````{solution-start} tango_limits-ex-data
# :class: dropdown
# ````

# %%
aim = np.array([2.0, 8.0])  # the means of y and of y²
m, f = M_START, aim
for _ in range(500):
    f = f - 1e-3 * (fisher(m) @ (m - aim) + fisher(m) @ (f - m))
    m = 0.99 * m + 0.01 * f
print(
    "left of the way:",
    np.round((m - aim) / (M_START - aim), 8),
    "end:",
    np.round(m, 3),
)

# %% [markdown]
# On the line to $m^* = (2, 8)$, that is to the Gaussian with $\mu = 2$, $\sigma = 2$. No Gaussian has produced these data, and the fit is still the one with the right moments.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: tango_limits-ex-averaged-sgd
#
# Take linear regression with unit noise, $y = x^\top\theta + n$. The Hessian of one sample's loss is $x\,x^\top$. Find pseudo-labels $\tilde y$ for which TANGO *is* averaged SGD, step for step. Does it stay so with pseudo-labels from the model, $\tilde y = x^\top\theta + \tilde n$ with a normal $\tilde n$?
# ```
#
# ````{solution-start} tango_limits-ex-averaged-sgd
# :class: dropdown
# ````
#
# With $\tilde y = x^\top\theta \pm 1$ we have $\tilde g = \mp x$, so $\tilde g\,\tilde g^\top = x\,x^\top$ every time. Normal pseudo-labels have this on average only.

# %%
random = np.random.RandomState(0)
x = random.standard_normal((10_000, 5))
y = x @ np.arange(1.0, 6) + random.standard_normal(10_000)
labels = {"±1": np.ones(10_000), "normal": random.standard_normal(10_000)}


def regression(noise=None, step_size=1e-3, gamma=2e-2):
    """TANGO's averages; without pseudo-labels those of averaged SGD."""
    theta, f, averages = np.zeros(5), np.zeros(5), []
    for k, row in enumerate(x):
        slope = (row @ f - y[k]) * row
        if noise is not None:
            pseudo = noise[k] * row
            slope = (row @ theta - y[k]) * row + pseudo * (
                pseudo @ (f - theta)
            )
        f = f - gamma * slope
        theta = (1 - step_size) * theta + step_size * f
        averages.append(theta)
    return np.array(averages)


for name, noise in labels.items():
    off = largest(regression(noise) - regression())
    print(f"{name:7} pseudo-labels: off averaged SGD by {off}")

# %% [markdown]
# The equality is one of samples, not of averages.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: tango_limits-ex-outer-product
#
# What if you save the pseudo-sample and use the data's own gradient twice, $g_k g_k^\top$ in place of $\tilde g_k\tilde g_k^\top$? This is known as the *outer product* or *empirical Fisher* approximation {cite:p}`kunstner2019limitations`. Take its ideal, noiseless flow, $\dot\theta = -\mathrm{E}[g g^\top]^{-1}\bar g$ in $(\mu, \ln\sigma)$. Where does it lead? Draw its path.
# ```
#
# ````{solution-start} tango_limits-ex-outer-product
# :class: dropdown
# ````


# %%
def outer_product_flow(t, xi):
    mean, scale = xi[0], np.exp(xi[1])
    residual = (10 + nodes - mean) / scale  # the data are N(10, 1)
    g = np.stack([-residual / scale, 1 - residual**2])
    chances = weights / weights.sum()
    return -np.linalg.solve((g * chances) @ g.T, g @ chances)


print("at the start:", np.round(outer_product_flow(0, np.zeros(2)), 4))
times = np.linspace(0, 100, 2001)
flow = solve_ivp(
    outer_product_flow, (0, 100), [0, 0], "LSODA", times, rtol=1e-9
)
mean, scale = flow.y[0], np.exp(flow.y[1])
low = scale.argmin()
print(f"smallest σ: {scale[low]:.3f}, at μ = {mean[low]:.1f}")
print(f"at t = 100: μ = {mean[-1]:.3f}, σ = {scale[-1]:.3f}")

# %% [markdown]
# Where the natural gradient starts with $(10, 50)$, this one has a fiftieth of its speed in $\mu$, and in $\ln\sigma$ it goes *downwards*: it shrinks $\sigma$ on the way to the data, where the natural gradient widens it.

# %% tags=["remove-cell"]
path_of_flow = np.stack([mean, scale], axis=1)
keep(
    "tango_limits-figure-outer-product",
    figures.outer_product(path_of_flow, path_of_flow[::200], TARGET),
)

# %% [markdown]
# ```{glue:figure} tango_limits-figure-outer-product
# :name: tango_limits-figure-outer-product
# :alt: Two paths over mean and standard deviation from (0, 1) to (10, 1). The natural gradient's is an arch whose top is above 5. The flow of the outer product sinks in an almost straight line to a standard deviation of 0.4 near a mean of 9 and then rises steeply to the target.
#
# The exact flow of the outer product, with a dot after every ten units of time, and the natural gradient's, dotted, up to $t = 4$.
# ```
#
# It does arrive: $\mathrm{E}[g g^\top]$ is positive definite, so that the loss falls all the way to its only minimum, where $\mathrm{E}[g g^\top] = F$. But on the way it is another flow than the natural gradient's, however small the steps.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: tango_limits-ex-small-gamma
#
# The smallest error of the two tables of warm starts stands at $\gamma = 10^{-6}$. Why is this not a good $\gamma$? What will the error be long after $t = 4$?
# ```
#
# ````{solution-start} tango_limits-ex-small-gamma
# :class: dropdown
# ````

# %%
first = TARGET[0] + TARGET[1] * normals[:100, 0]
more = np.random.RandomState(5).standard_normal((80_200, 2, 48))
settings = np.array([[1e-6, 100, 1, 0, 0, 1]]).T
states = np.zeros(1), M_START[:, None]
longer = np.concatenate([normals, more])
later = many(follow, "expectation", settings, states, longer, 200)
print("off the target     in μ                    in σ")
for when, (mean, scale) in [
    ("hundred samples", (first.mean(axis=0), first.std(axis=0))),
    ("run at t = 12", np.asarray(later)[-1, :, 0]),
]:
    off = [median(np.abs(mean - 10)), median(np.abs(scale - 1))]
    print(f"{when:16}", "  ".join(off))
small, large = np.linalg.eigvalsh(fisher(M_TARGET))
print(f"eigenvalues of F at the target: {small:.4f}, {large:.1f}")

# %% [markdown]
# With so small a $\gamma$ the fast iterate hardly leaves the mean of its hundred samples while the average is on its way, and the path is a straight line to *that* point. At the target one eigenvalue of $F$ is large. Along its direction $f$ goes on learning, and the error in $\sigma$ becomes small. The other eigenvalue is small, and the error in $\mu$ stays where the hundred samples left it: what comes after them is hardly learnt any more. A good $\gamma$ is large enough to go on learning and small enough to filter the noise.
#
# ```{solution-end}
# ```

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
# (gaussian_geometry)=
# # The geometry of the Gaussian
#
# One Gaussian $N(\mu, \sigma^2)$ has two parameters, so its whole family fits on a page.
# In this chapter we fit it to data, and look at the path that each method takes.
#
# You will see that
#
# - the natural gradient follows a curve with a closed form, $\sigma = \sqrt{1 + \mu(10 - \mu)}$ in the setting of {ref}`tango`,
#   because in the right plane it is a straight line;
# - gradient descent, the natural gradient and the geodesic of Fisher and Rao are three different curves;
# - a change of coordinates bends the first one and leaves the other two alone.
#
# You need the gradient descent update {eq}`update_rules-eq-gradient-descent` and the natural gradient {eq}`update_rules-eq-natural-gradient` from {ref}`update_rules`.
# Nothing is random in this chapter: the limit of many samples and small steps is an ordinary differential equation.

# %%
from functools import partial
from itertools import pairwise

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator
from myst_nb import glue
from scipy.integrate import quad, solve_ivp
from scipy.optimize import minimize_scalar

from straightlines import gaussian
from straightlines.gaussian import COORDINATES, fisher_matrix, mean_map
from straightlines.plotting import LOOKS, draw_path, draw_target, figure, keep

jax.config.update("jax_enable_x64", True)
compiled = partial(jax.jit, static_argnames="coordinates")  # once for each coordinate system
solve_positive = partial(jax.scipy.linalg.solve, assume_a="pos")  # a Fisher matrix is positive

# %% [markdown]
# ## The family and its loss
#
# A member of the family is a point $(\mu, \sigma)$ with $\sigma > 0$. We start at $(0, 1)$, and the data come from the target $(\mu^*, \sigma^*) = (10, 1)$.

# %%
START, TARGET = np.array([0.0, 1.0]), np.array([10.0, 1.0])

# %% [markdown]
# The same member has many addresses. A *coordinate system* names a member by two numbers $\xi$, from which a smooth, invertible map leads to $(\mu, \sigma)$.
# We use six of them: $(\mu, \ln\sigma)$, $(\mu, \sigma)$, $(\mu, \sigma^2)$, $(\mu, 1/\sigma^2)$, and the natural and the expectation parameters, which are defined below.

# %%
for name, system in COORDINATES.items():
    there = system.from_mean_scale(jnp.array([2.0, 0.5]))
    back = system.to_mean_scale(there)
    shown = [f"{x:8.4f}" for x in [*there, *back]]
    print(f"{name:<12}", *shown[:2], "  and back", *shown[2:])

# %% [markdown]
# The loss is the expected negative log-likelihood, with $y$ drawn from the target:
#
# $$L(\xi) = \mathrm{E}\left[-\ln p_\xi(y)\right] = \frac{(\mu^* - \mu)^2 + \sigma^{*2}}{2 \sigma^2} + \ln\sigma + \tfrac{1}{2} \ln 2\pi.$$ (gaussian_geometry-eq-gaussian-loss)
#
# The negative log-likelihood is quadratic in $y$.
# So the mean over the two values $\mu^* \pm \sigma^*$, which have the right mean and variance, is the expectation itself.
# (It also follows that the data need not be Gaussian: only their mean and variance matter.)


# %%
@compiled
def loss(xi, coordinates="scale", target=TARGET):
    low, high = target[0] - target[1], target[0] + target[1]
    nll = gaussian.negative_log_likelihood
    return (nll(xi, low, coordinates) + nll(xi, high, coordinates)) / 2


# %%
def by_algebra(mean, scale, target=TARGET):
    squares = (target[0] - mean) ** 2 + target[1] ** 2
    return squares / (2 * scale**2) + np.log(scale) + np.log(2 * np.pi) / 2


members = np.random.RandomState(0).uniform([-5, 0.3], [15, 6], size=(200, 2))
gap = np.max(np.abs(jax.vmap(loss)(members) - by_algebra(*members.T)))
print(f"loss at the start: {loss(START):.4f}, at the target: {loss(TARGET):.4f}")
print(f"two values against the formula, difference < 1e-10: {gap < 1e-10}")

# %% [markdown]
# ## The Fisher matrix
#
# How far apart are two members? The difference of their parameters depends on the coordinates, so it cannot be the answer.
# The distributions themselves give an answer that does not.
#
# The *score* is the gradient of the log-likelihood, $s(y) = \nabla_\xi \ln p_\xi(y)$.
# Its mean under $p_\xi$ itself is zero, and its covariance is the *Fisher matrix*:
#
# $$F(\xi) = \mathrm{E}_{y \sim p_\xi}\left[s(y)\, s(y)^\top\right].$$ (gaussian_geometry-eq-fisher)
#
# For a Gaussian, $s(y) s(y)^\top$ is a polynomial of degree four in $y$.
# Gauss-Hermite quadrature with three nodes integrates polynomials up to degree five exactly, so it evaluates the definition as it stands.


# %%
@compiled
def fisher_by_quadrature(xi, coordinates):
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    mean, scale = COORDINATES[coordinates].to_mean_scale(xi)
    samples = mean + scale * nodes
    scores = jax.vmap(lambda y: gaussian.score(xi, y, coordinates))(samples)
    return jnp.einsum("k,ki,kj->ij", weights / weights.sum(), scores, scores)


# %%
xi = jnp.array([2.0, 0.5])
print(np.round(fisher_by_quadrature(xi, "scale"), 6) + 0.0)

# %% [markdown]
# Algebra gives the same matrix. In $(\mu, \sigma)$, with $e = (y - \mu)/\sigma$ a standard normal number,
#
# $$\begin{aligned}
#   s &= \frac{1}{\sigma} \begin{pmatrix} e \\ e^2 - 1 \end{pmatrix}, \\
#   F(\mu, \sigma) &= \frac{1}{\sigma^2} \begin{pmatrix} \mathrm{E}\,e^2 & \mathrm{E}(e^3 - e) \\ \mathrm{E}(e^3 - e) & \mathrm{E}(e^2 - 1)^2 \end{pmatrix}
#   = \frac{1}{\sigma^2} \begin{pmatrix} 1 & 0 \\ 0 & 2 \end{pmatrix},
#   \end{aligned}$$ (gaussian_geometry-eq-fisher-gaussian)
#
# because the first four moments of $e$ are 0, 1, 0 and 3. In other coordinates the score is multiplied by the Jacobian matrix
# $J = \partial(\mu, \sigma)/\partial\xi$, hence $F(\xi) = J^\top F(\mu, \sigma)\, J$. This is `gaussian.fisher_matrix`.


# %%
def relative_gap(a, b):
    gaps, sizes = (np.reshape(np.abs(c), (len(c), -1)).max(axis=1) for c in (a - b, b))
    return np.max(gaps / sizes)


for name, system in COORDINATES.items():
    points = jax.vmap(system.from_mean_scale)(members)
    quadrature, algebra = (
        jax.jit(jax.vmap(partial(rule, coordinates=name)))(points)
        for rule in (fisher_by_quadrature, fisher_matrix)
    )  # fmt: skip
    gap = relative_gap(quadrature, algebra)
    print(f"{name:<12} 200 members, relative difference < 1e-10: {gap < 1e-10}")

# %% [markdown]
# The Fisher matrix measures distance between distributions. The Kullback-Leibler divergence of two members is
# $\mathrm{KL}(\xi \,\|\, \xi') = \mathrm{E}_{y \sim p_\xi}[\ln p_\xi(y) - \ln p_{\xi'}(y)]$. From a member to a neighbour it is
#
# $$\mathrm{KL}(\xi \,\|\, \xi + d) = \tfrac{1}{2}\, d^\top F(\xi)\, d + O(|d|^3).$$ (gaussian_geometry-eq-kl-fisher)
#
# The divergence is the loss, with the member as target, less its smallest value.
# Halving $d$ should make the remainder eight times smaller.

# %%
direction, remainders = jnp.array([0.6, 0.8]), []
for length in [0.02, 0.01, 0.005]:
    d = length * direction
    divergence = loss(xi + d, target=xi) - loss(xi, target=xi)
    rest = divergence - d @ fisher_matrix(xi, "scale") @ d / 2
    remainders.append(rest)
    print(f"|d| = {length:.3f}  KL {divergence:.5e}  remainder {rest:.2e}")
ratios = [f"{a / b:.1f}" for a, b in pairwise(remainders)]
print("ratios of the remainders:", *ratios)

# %% [markdown]
# ## Two descents
#
# *Steepest descent* asks for the direction in which the loss falls fastest. The answer depends on what counts as one unit of length.
# With the lengths of the coordinates it is the gradient; with the lengths of {eq}`gaussian_geometry-eq-kl-fisher` it is the natural gradient
# {cite}`amari1998natural`. In the limit of small steps each becomes a flow:
#
# $$\begin{aligned}
#   \text{gradient descent:}\quad & \dot\xi = -\nabla L(\xi), \\
#   \text{natural gradient:}\quad & \dot\xi = -F(\xi)^{-1}\, \nabla L(\xi).
#   \end{aligned}$$ (gaussian_geometry-eq-two-flows)


# %%
@compiled
def gradient_descent(xi, coordinates="scale", target=TARGET):
    return -jax.grad(loss)(xi, coordinates, target)


@compiled
def natural_gradient(xi, coordinates="scale", target=TARGET):
    descent = gradient_descent(xi, coordinates, target)
    return solve_positive(fisher_matrix(xi, coordinates), descent)


# %% [markdown]
# A test of "fastest". Take one unit of length at $(2, 3)$, in any of 3600 directions, and see where the slope of the loss is steepest.

# %%
angles = np.radians(np.arange(0, 360, 0.1))
circle = np.stack([np.cos(angles), np.sin(angles)])


def degrees(vector):
    return np.degrees(np.arctan2(vector[1], vector[0]))


# %%
here = np.array([2.0, 3.0])
slope = np.asarray(jax.grad(loss)(here)) @ circle
fisher = fisher_matrix(here, "scale")
length = np.sqrt(np.einsum("ik,ij,jk->k", circle, fisher, circle))
for name, steepness, rule in [
    ("coordinate", slope, gradient_descent),
    ("Fisher", slope / length, natural_gradient),
]:
    found, said = degrees(circle[:, np.argmin(steepness)]), degrees(rule(here))
    print(f"per {name} length: steepest at {found:.1f} degrees, rule {said:.1f}")

# %% [markdown]
# ## The straight line
#
# The *expectation parameters* of a member are $m = (\mathrm{E}\,y, \mathrm{E}\,y^2) = (\mu, \mu^2 + \sigma^2)$.
# In them the natural-gradient flow is a straight line. The proof takes four lines.
#
# Write the density with its *natural parameters* $\theta = (\mu/\sigma^2, -1/(2\sigma^2))$:
#
# $$\begin{aligned}
#   \ln p(y) &= \theta_0\, y + \theta_1\, y^2 - A(\theta), \\
#   A(\theta) &= -\frac{\theta_0^2}{4 \theta_1} - \tfrac{1}{2} \ln(-2\theta_1) + \tfrac{1}{2} \ln 2\pi.
#   \end{aligned}$$ (gaussian_geometry-eq-exponential-family)
#
# 1. The mean of the score in $\theta$ is zero, so $\nabla A = m$.
# 2. Hence $\nabla_\theta L = \nabla A - (\mathrm{E}\,y, \mathrm{E}\,y^2)_\text{data} = m - m^*$.
# 3. The score is $(y, y^2) - m$, so its covariance is $F_\theta = \nabla^2 A = \partial m / \partial\theta$.
# 4. Along the flow, $\dot m = \dfrac{\partial m}{\partial\theta}\, \dot\theta = -F_\theta F_\theta^{-1} \nabla_\theta L = -(m - m^*)$.
#
# The solution is a straight line, and it is run through at a falling speed:
#
# $$m(t) = m^* + e^{-t} (m_0 - m^*).$$ (gaussian_geometry-eq-straight-line)
#
# Nothing in step 4 is special to $\theta$: {ref}`straight_lines` proves it for every exponential family and every coordinate system.
# Here we test it. In each of the six systems, push the natural gradient forward by $\partial m/\partial\xi$, at 200 members and for two targets.


# %%
@compiled
@partial(jax.vmap, in_axes=(0, None, None))
def velocity_in_m(xi, coordinates, target):
    jacobian = jax.jacobian(mean_map)(xi, coordinates)
    return jacobian @ natural_gradient(xi, coordinates, target)


# %%
m = jax.vmap(partial(mean_map, coordinates="scale"))(members)
for name, system in COORDINATES.items():
    points, gaps = jax.vmap(system.from_mean_scale)(members), []
    for target in [TARGET, np.array([-2.0, 2.0])]:
        straight = mean_map(target, "scale") - m
        gaps.append(relative_gap(velocity_in_m(points, name, target), straight))
    print(f"{name:<12} velocity against m* - m, within 1e-9: {max(gaps) < 1e-9}")

# %% [markdown]
# ## The exact curve
#
# The line gives the curve. With $u = e^{-t}$, equation {eq}`gaussian_geometry-eq-straight-line` says $\mu = \mu^* + (\mu_0 - \mu^*) u$ and
# $\sigma^2 + \mu^2 = \sigma^{*2} + \mu^{*2} + (\sigma_0^2 + \mu_0^2 - \sigma^{*2} - \mu^{*2}) u$. Subtract the square of the first:
#
# $$\sigma^2 = \sigma_0^2\, u + \sigma^{*2} (1 - u) + (\mu_0 - \mu^*)^2\, u (1 - u).$$ (gaussian_geometry-eq-flow-in-time)
#
# From $(0, 1)$ to $(10, 1)$ this is $\mu = 10 (1 - u)$ and $\sigma^2 = 1 + 100\, u (1 - u)$. Now $10 u = 10 - \mu$, so
#
# $$\sigma = \sqrt{1 + \mu (10 - \mu)}.$$ (gaussian_geometry-eq-exact-curve)
#
# Put differently, $(\mu - 5)^2 + \sigma^2 = 26$: the curve is an arc of a circle around $(5, 0)$, and its apex is $(5, \sqrt{26})$.

# %%
exact_flow = jax.jit(gaussian.natural_gradient_flow)
times = np.linspace(0, 20, 2001)
exact = np.asarray(exact_flow(START, TARGET, times))
gap = np.max(np.abs(exact[:, 1] - np.sqrt(1 + exact[:, 0] * (10 - exact[:, 0]))))
apex = np.asarray(exact_flow(START, TARGET, np.log(2)))
print(f"flow against the curve, difference < 1e-12: {gap < 1e-12}")
print(f"largest standard deviation {exact[:, 1].max():.3f}")
print(f"at t = ln 2: ({apex[0]:.4f}, {apex[1]:.4f}), squared {apex[1] ** 2:.6f}")
glue("gaussian_geometry-apex", round(float(apex[1]), 6), display=False)

# %% [markdown]
# {numref}`gaussian_geometry-figure-two-planes` shows both pictures. On the right, the points at equal intervals of time lie on one straight line and crowd towards the target.
# On the left the same points rise to $\sigma = {}${glue:text}`gaussian_geometry-apex:.3f` and come down.
# The hump has a plain meaning: halfway along the line, the mean is between start and target, and data on both sides of it look like a wide distribution.

# %% tags=["hide-input", "remove-output"]
dots = np.asarray(exact_flow(START, TARGET, np.append(np.arange(0, 3.1, 0.25), 20)))
look = LOOKS["natural gradient"]
fig, (left, right) = figure(2, size=(8.4, 3.9))
for ax, change in [
    (left, lambda p: p),
    (right, jax.vmap(COORDINATES["expectation"].from_mean_scale)),
]:
    line, points = np.asarray(change(exact)), np.asarray(change(dots))
    ax.plot(*line.T, color=look.color, linestyle="-", linewidth=1.6)
    draw_path(ax, points, "natural gradient", linestyle="none")
    draw_target(ax, points[-1])
    ax.annotate("start", points[0], xytext=(8, -3), textcoords="offset points", va="top")
left.annotate(
    "target", TARGET, xytext=(-10, -3), textcoords="offset points", ha="right", va="top"
)
left.annotate(
    r"apex $(5, \sqrt{26})$", apex, xytext=(0, 9), textcoords="offset points", ha="center"
)
left.set(
    xlabel=r"mean $\mu$",
    ylabel=r"standard deviation $\sigma$",
    ylim=(0, 6.4),
    title="Curved here",
)
grid = np.linspace(-0.7, 10.7, 200)
right.fill_between(grid, grid**2, -8, color="#e6e6e6", linewidth=0)
right.text(
    7.3,
    18,
    "no distribution:\n" + r"$\mathrm{E}\,y^2 < (\mathrm{E}\,y)^2$",
    ha="center",
    color="#555555",
)
right.annotate("target", (10, 101), xytext=(-10, 3), textcoords="offset points", ha="right")
right.set(
    xlabel=r"$\mathrm{E}\,y$",
    ylabel=r"$\mathrm{E}\,y^2$",
    xlim=(-0.7, 10.7),
    ylim=(-8, 112),
    title="Straight here",
)
keep("gaussian_geometry-figure-two-planes", fig)

# %% [markdown]
# ```{glue:figure} gaussian_geometry-figure-two-planes
# :name: gaussian_geometry-figure-two-planes
# :alt: Two panels. Left, in the plane of mean and standard deviation, an arc of a circle, marked by triangles, rises from the start at (0, 1) to an apex near 5.1 and falls to the target at (10, 1). Right, in the plane of the two expectations, the same points lie on one straight line above a shaded parabola.
#
# The natural-gradient flow, with a triangle at every 0.25 units of time. Left: in $(\mu, \sigma)$ it is the arc {eq}`gaussian_geometry-eq-exact-curve`.
# Right: in the expectation parameters it is a straight line. Below the parabola, where the variance would be negative, there is no distribution.
# ```

# %% [markdown]
# ## The same curve three ways
#
# A closed form can hide an error of algebra. So we make the curve in two more ways, which share no formula with it.
#
# **An ODE solver.** It integrates $\dot\xi = -F^{-1} \nabla L$ in $(\mu, \ln\sigma)$, with the gradient from automatic differentiation
# and the Fisher matrix of the definition, by quadrature.


# %%
@jax.jit
def solve_flow(start, target, times):
    def velocity(t, xi, args):
        fisher = fisher_by_quadrature(xi, "log scale")
        return solve_positive(fisher, gradient_descent(xi, "log scale", target))

    accuracy = diffrax.PIDController(rtol=1e-11, atol=1e-11)
    return diffrax.diffeqsolve(
        diffrax.ODETerm(velocity),
        diffrax.Dopri8(),
        *(0, times[-1], 1e-3),
        COORDINATES["log scale"].from_mean_scale(start),
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=diffrax.ClipStepSizeController(accuracy, step_ts=times),
    ).ys


# %% [markdown]
# We also take a second pair, whose target is nowhere special.

# %%
PAIRS = [(START, TARGET), (np.array([3.0, 0.5]), np.array([-2.0, 2.0]))]
to_plane = jax.vmap(COORDINATES["log scale"].to_mean_scale)
for start, target in PAIRS:
    solved = to_plane(solve_flow(start, target, times[::10]))
    gap = np.max(np.abs(solved - exact_flow(start, target, times[::10])))
    print(f"{start} to {target}: ODE solver, difference < 1e-8: {gap < 1e-8}")

# %% [markdown]
# **Mirror descent** {cite}`beck2003mirror` takes the gradient in one space and the step in another.
# With the potential $A$ of {eq}`gaussian_geometry-eq-exponential-family`, the gradient is taken in $\theta$ and the step is made in $\nabla A(\theta) = m$:
#
# $$\nabla A(\theta_{k+1}) = \nabla A(\theta_k) - \eta\, \nabla_\theta L(\theta_k).$$ (gaussian_geometry-eq-mirror-descent)
#
# It needs no Fisher matrix at all. As $\eta$ shrinks it becomes the natural-gradient flow {cite}`raskutti2015mirror`.


# %%
def log_partition(theta):
    return -(theta[0] ** 2) / (4 * theta[1]) - jnp.log(-2 * theta[1]) / 2


@jax.jit
def mirror_descent(start, target, rate):
    natural = COORDINATES["natural"]

    def step(theta, _):
        gradient = jax.grad(loss)(theta, "natural", target)
        m = jax.grad(log_partition)(theta) - rate * gradient
        theta = gaussian.inverse_mean_map(m, "natural")
        return theta, natural.to_mean_scale(theta)

    return jax.lax.scan(step, natural.from_mean_scale(start), length=4000)[1]


# %% [markdown]
# For comparison, the plain discrete natural gradient: steps of the same size along the velocity of the flow, in $(\mu, \sigma)$.


# %%
@jax.jit
def natural_gradient_descent(start, target, rate):
    def step(xi, _):
        xi = xi + rate * natural_gradient(xi, "scale", target)
        return xi, xi

    return jax.lax.scan(step, jnp.asarray(start), length=4000)[1]


# %% [markdown]
# Two errors are to be told apart. One is the distance from the *curve*, wherever on it the iterate is: for an arc of a circle, the difference to its radius.
# The other is the distance from the *flow* at the same time $t = k \eta$. Both are the largest up to $t = 4$.


# %%
def off_circle(path):
    return np.max(np.abs(np.hypot(path[:, 0] - 5, path[:, 1]) - np.sqrt(26)))


def off_flow(path, rate, pair):
    flow = exact_flow(*pair, rate * np.arange(1, len(path) + 1))
    return np.max(np.linalg.norm(path - flow, axis=1))


# %%
euler = {}
for run in [mirror_descent, natural_gradient_descent]:
    for rate in [0.02, 0.01, 0.005]:
        path = np.asarray(run(START, TARGET, rate))[: round(4 / rate)]
        gap, late = off_circle(path), off_flow(path, rate, PAIRS[0])
        euler[rate] = gap
        shown = "< 1e-9" if gap < 1e-9 else f"{gap:.4f}"
        print(f"{run.__name__:<25} rate {rate:.3f}  curve {shown}  flow {late:.4f}")

# %%
path = np.asarray(mirror_descent(*PAIRS[1], 0.001))
gap = off_flow(path, 0.001, PAIRS[1])
print(f"mirror descent for the second pair, rate 0.001: {gap:.5f} from the flow")
glue("gaussian_geometry-euler-off-curve", round(float(euler[0.01]), 4), display=False)

# %% [markdown]
# All errors but one shrink in proportion to $\eta$, or nearly: three independent ways, one curve. The exception is the distance of mirror descent from the curve, which is zero.
# Mirror descent is on the curve at *every* step size up to one, because its step {eq}`gaussian_geometry-eq-mirror-descent` is $m - \eta (m - m^*)$, a step along the line.
# Small steps are needed only to be there at the right time.
# Discrete natural-gradient steps leave the curve, by {glue:text}`gaussian_geometry-euler-off-curve:.4f` at $\eta = 0.01$.

# %% [markdown]
# ## The guess
#
# The notebook that we reproduce in {ref}`tango` did not know the curve. It drew $\sigma = 4.1 \sqrt{1 - (\mu/5 - 1)^2} + 1$, marked as a guess {cite}`notwa2019tango`.


# %%
def exact_curve(mean):
    return np.sqrt(1 + mean * (10 - mean))


def guess(mean):
    return 4.1 * np.sqrt(1 - (mean / 5 - 1) ** 2) + 1


# %%
def closeness(mean):
    return -abs(guess(mean) - exact_curve(mean))


worst = minimize_scalar(closeness, bounds=(0, 5), method="bounded")
apex_gap = guess(5.0) - exact_curve(5.0)
print(f"gap at the apex {apex_gap:.4f}")
print(f"largest gap {-worst.fun:.4f}, at a mean of {worst.x:.3f}")
glue("gaussian_geometry-guess-gap", round(float(-worst.fun), 4), display=False)
glue("gaussian_geometry-guess-where", round(float(worst.x), 3), display=False)
glue("gaussian_geometry-guess-apex", round(float(apex_gap), 4), display=False)

# %% [markdown]
# The guess is good at the apex, where it is {glue:text}`gaussian_geometry-guess-apex:.4f` too high.
# It is worst near the ends, where it is too steep: {glue:text}`gaussian_geometry-guess-gap:.3f` too high at
# $\mu = $ {glue:text}`gaussian_geometry-guess-where:.2f`, and by symmetry at $10 - \mu$.
# In the expectation plane it is no straight line ({numref}`gaussian_geometry-figure-guess`).

# %% tags=["hide-input", "remove-output"]
means = 5 - 5 * np.cos(np.linspace(0, np.pi, 400))
fig, (left, right) = figure(2, size=(8.4, 3.6))
for name, curve, style in [
    ("exact curve", exact_curve, {"color": "#222222", "linestyle": "-"}),
    ("guess", guess, {"color": "#b0509b", "linestyle": (0, (5, 2))}),
]:
    left.plot(means, curve(means), label=name, **style)
    right.plot(means, curve(means) ** 2 + means**2 - (1 + 10 * means), label=name, **style)
left.plot([worst.x] * 2, [exact_curve(worst.x), guess(worst.x)], color="#d55e00", linewidth=2.4)
left.annotate(
    "largest gap",
    (worst.x, (exact_curve(worst.x) + guess(worst.x)) / 2),
    xytext=(1.2, 1.85),
    color="#a84400",
    arrowprops={"arrowstyle": "-", "color": "#a84400"},
)
left.set(xlabel=r"mean $\mu$", ylabel=r"standard deviation $\sigma$", ylim=(0.8, 5.6))
left.legend(loc="lower center", bbox_to_anchor=(0.55, 0.02))
right.set(xlabel=r"$\mathrm{E}\,y$", ylabel=r"$\mathrm{E}\,y^2$ above the straight line")
keep("gaussian_geometry-figure-guess", fig)

# %% [markdown]
# ```{glue:figure} gaussian_geometry-figure-guess
# :name: gaussian_geometry-figure-guess
# :alt: Two panels. Left, a solid arc and a dashed curve share their ends and their apex, and the dashed one runs outside near both ends. Right, measured from the straight line, the solid curve is flat at zero and the dashed one has two humps.
#
# The exact curve and the source's guess. Left: in $(\mu, \sigma)$. Right: their height above the straight line from start to target in the expectation plane.
# The exact curve is the line; the guess has two humps.
# ```

# %% [markdown]
# ## The geodesic
#
# The Fisher matrix turns the family into a curved surface, where a small step has the length $\sqrt{d^\top F d}$. The shortest path between two members is
# their *geodesic*, and its length the *Fisher-Rao distance*. From {eq}`gaussian_geometry-eq-fisher-gaussian`, with $x = \mu/\sqrt{2}$,
#
# $$\mathrm{d}s^2 = \frac{\mathrm{d}\mu^2 + 2\, \mathrm{d}\sigma^2}{\sigma^2} = 2\, \frac{\mathrm{d}x^2 + \mathrm{d}\sigma^2}{\sigma^2}.$$ (gaussian_geometry-eq-fisher-rao)
#
# This is twice the metric of Poincaré's half-plane {cite}`costa2015fisher`. Its geodesics are known: half-circles with their centre on the line $\sigma = 0$.
# A half-circle in $(x, \sigma)$ is a half-*ellipse* in $(\mu, \sigma)$:
#
# $$\tfrac{1}{2} (\mu - c)^2 + \sigma^2 = r^2, \qquad c = \frac{\mu_1^2 - \mu_0^2 + 2 (\sigma_1^2 - \sigma_0^2)}{2 (\mu_1 - \mu_0)},$$ (gaussian_geometry-eq-geodesic)
#
# where $c$ follows from both ends lying on it. With $\mu = c + \sqrt{2}\, r \tanh\tau$ and $\sigma = r / \cosh\tau$ the speed $\mathrm{d}s/\mathrm{d}\tau$ is $\sqrt{2}$,
# so $\tau$ is length up to a factor. (For $\mu_0 = \mu_1$ the geodesic is a vertical line.)


# %%
def geodesic(start, target, fraction):
    (mean0, scale0), (mean1, scale1) = start, target
    heights = (scale1**2 - scale0**2) / (mean1 - mean0)
    centre = (mean0 + mean1) / 2 + heights
    radius = jnp.sqrt((mean0 - centre) ** 2 / 2 + scale0**2)
    width = jnp.sqrt(2) * radius
    tau0, tau1 = (jnp.arctanh((mean - centre) / width) for mean in (mean0, mean1))
    tau = tau0 + fraction * (tau1 - tau0)
    return jnp.stack([centre + width * jnp.tanh(tau), radius / jnp.cosh(tau)])


# %% [markdown]
# The half-plane also has a closed form for the distance,
#
# $$d = \sqrt{2}\, \operatorname{arcosh}\left(1 + \frac{(\mu_1 - \mu_0)^2/2 + (\sigma_1 - \sigma_0)^2}{2 \sigma_0 \sigma_1}\right).$$ (gaussian_geometry-eq-fisher-rao-distance)
#
# With $\operatorname{arcosh}(1 + 2 q^2) = 2 \operatorname{arsinh} q$ it loses no digits between neighbours, so that we can also add up the lengths of short pieces.
# It is to agree with the length of the half-ellipse, which we integrate with the Fisher matrix.


# %%
def distance(p, q):
    squared = ((p[0] - q[0]) ** 2 / 2 + (p[1] - q[1]) ** 2) / (4 * p[1] * q[1])
    return 2 * np.sqrt(2) * np.arcsinh(np.sqrt(squared))


# %%
@jax.jit
def speed(fraction, start, target):
    there = partial(geodesic, start, target)
    point, velocity = jax.jvp(there, (fraction,), (1.0,))
    return jnp.sqrt(velocity @ fisher_matrix(point, "scale") @ velocity)


for start, target in PAIRS:
    formula, integral = distance(start, target), quad(speed, 0, 1, (start, target))[0]
    print(f"{start} to {target}: formula {formula:.6f}, integral {integral:.6f}")
nearest = float(distance(START, TARGET))
glue("gaussian_geometry-distance", round(nearest, 5), display=False)

# %% [markdown]
# That the half-ellipse is a geodesic can be tested without Poincaré. A geodesic makes $\int \tfrac{1}{2} v^\top F v$ stationary. The equation of Euler and Lagrange for it is
#
# $$\frac{\mathrm{d}}{\mathrm{d}s} (F v) = \nabla_\xi \left(\tfrac{1}{2} v^\top F v\right), \qquad v = \frac{\mathrm{d}\xi}{\mathrm{d}s},$$ (gaussian_geometry-eq-euler-lagrange)
#
# and automatic differentiation gives both sides. We start with the position and the velocity of the half-ellipse, and let the solver find the rest, in any coordinates.


# %%
def geodesic_equation(xi, v, coordinates):
    fisher = partial(fisher_matrix, coordinates=coordinates)
    f, change = jax.jvp(fisher, (xi,), (v,))
    pull = jax.grad(lambda xi: v @ fisher(xi) @ v / 2)(xi)
    return solve_positive(f, pull - change @ v)


# %%
@compiled
def departure(start, target, coordinates):
    """Position and velocity of the half-ellipse at its start."""
    ellipse = partial(geodesic, start, target)
    into = COORDINATES[coordinates].from_mean_scale
    return jnp.append(*jax.jvp(lambda s: into(ellipse(s)), (0.0,), (1.0,)))


@compiled
def motion(s, state, coordinates):
    xi, v = state[:2], state[2:]
    return jnp.append(v, geodesic_equation(xi, v, coordinates))


def solve_geodesic(start, target, coordinates, fractions):
    begin = departure(start, target, coordinates)
    accuracy = {"rtol": 1e-11, "atol": 1e-12, "args": (coordinates,)}
    solution = solve_ivp(motion, (0, 1), begin, "DOP853", fractions, **accuracy)
    return np.asarray(jax.vmap(COORDINATES[coordinates].to_mean_scale)(solution.y[:2].T))


# %%
fractions = np.linspace(0, 1, 401)
for start, target in PAIRS:
    solved = solve_geodesic(start, target, "log scale", fractions)
    ellipse = jax.vmap(partial(geodesic, start, target))(fractions)
    gap = np.max(np.abs(solved - ellipse))
    print(f"{start} to {target}: half-ellipse within 1e-7: {gap < 1e-7}")

# %% [markdown]
# ## Three curves in one picture
#
# Now all three from the same start to the same target. Gradient descent depends on its coordinates; first we take $(\mu, \ln\sigma)$, those of the TANGO figure.
# Its flow is stiff: fast and slow directions differ by orders of magnitude. So a solver for stiff equations integrates it. The slowest rate near the target is the smallest eigenvalue of the Hessian matrix, which there is the Fisher matrix.


# %%
def solve(rule, coordinates, start=START, target=TARGET, slowest=1.0, duration=25.0):
    system = COORDINATES[coordinates]
    begin, end = system.from_mean_scale(start), duration / slowest
    moments = end * np.append(0, np.geomspace(1e-9, 1, 3000))

    def velocity(t, xi):
        return rule(xi, coordinates, target)

    accuracy = {"rtol": 1e-10, "atol": 1e-12}
    solution = solve_ivp(velocity, (0, end), begin, "LSODA", moments, **accuracy)
    return np.asarray(jax.vmap(system.to_mean_scale)(solution.y.T))


def descend(coordinates, start=START, target=TARGET, duration=200.0):
    there = COORDINATES[coordinates].from_mean_scale(target)
    slowest = np.linalg.eigvalsh(fisher_matrix(there, coordinates))[0]
    return solve(gradient_descent, coordinates, start, target, slowest, duration)


# %%
def fisher_length(curve):
    return float(np.sum(distance(curve[:-1].T, curve[1:].T)))


curves = {
    "gradient descent": descend("log scale"),
    "natural gradient": exact,
    "Fisher-Rao geodesic": np.asarray(jax.vmap(partial(geodesic, START, TARGET))(fractions)),
}
for name, curve in curves.items():
    highest, there = curve[:, 1].max(), np.linalg.norm(curve[-1] - TARGET) < 1e-5
    length = fisher_length(curve)
    print(f"{name:<20} up to {highest:.3f}  length {length:.3f}  arrives: {there}")

# %%
for key, curve in zip(["gradient", "natural", "geodesic"], curves.values(), strict=True):
    highest, length = float(curve[:, 1].max()), fisher_length(curve)
    glue(f"gaussian_geometry-highest-{key}", round(highest, 4), display=False)
    glue(f"gaussian_geometry-length-{key}", round(length, 3), display=False)

# %% tags=["hide-input", "remove-output"]
fig, ax = figure(size=(7, 4.6))
for name, curve in curves.items():
    draw_path(ax, curve, name, markers=False, start=name == "natural gradient")
draw_target(ax, TARGET)
for name, where, text, shift in [
    (
        "gradient descent",
        2.0,
        "gradient descent:\nalong $\\sigma^2 \\approx 1 + (10-\\mu)^2$",
        (10, 4),
    ),
    ("natural gradient", 7.6, "natural gradient:\narc of a circle", (12, 2)),
    ("Fisher-Rao geodesic", 3.0, "geodesic:\narc of an ellipse", (6, -34)),
]:
    curve = curves[name]
    at = curve[np.argmin(np.abs(curve[:, 0] - where))]
    ax.annotate(text, at, xytext=shift, textcoords="offset points", color=LOOKS[name].color)
ax.annotate("start", START, xytext=(-8, -3), textcoords="offset points", ha="right", va="top")
ax.annotate("target", TARGET, xytext=(8, -3), textcoords="offset points", va="top")
ax.set(
    xlabel=r"mean $\mu$", ylabel=r"standard deviation $\sigma$", xlim=(-1.4, 12), ylim=(0, 10.6)
)
keep("gaussian_geometry-figure-three-curves", fig)

# %% [markdown]
# ```{glue:figure} gaussian_geometry-figure-three-curves
# :name: gaussian_geometry-figure-three-curves
# :alt: Three curves from (0, 1) to (10, 1). A solid blue one shoots up almost vertically to a standard deviation above 9 and slides down a nearly straight slope. A dotted black arc reaches 5.1. A dashed grey arc of an ellipse below it reaches 3.7.
#
# Gradient descent in $(\mu, \ln\sigma)$, the natural gradient and the Fisher-Rao geodesic, from the same start to the same target.
# ```
#
# {numref}`gaussian_geometry-figure-three-curves` has three curves because three questions were asked.
#
# - **Gradient descent** asks which direction is steepest with the lengths of the coordinates. At the start the target is ten standard deviations off, and the
#   loss is steepest in $\ln\sigma$. So the distribution first widens, to $\sigma = $ {glue:text}`gaussian_geometry-highest-gradient:.2f`, until it covers the data.
#   After that $\sigma$ is nearly the best one for the current mean, and $\mu$ creeps.
# - **The natural gradient** asks the same with the lengths of the Fisher matrix. It is straight in the expectation parameters, and a circle here.
# - **The geodesic** asks for the shortest way to a target that it must know in advance. It never looks at the loss. It rises only to
#   {glue:text}`gaussian_geometry-highest-geodesic:.3f`, and its length is the distance, {glue:text}`gaussian_geometry-distance:.3f`.
#   The natural gradient's way is {glue:text}`gaussian_geometry-length-natural:.3f` long, gradient descent's {glue:text}`gaussian_geometry-length-gradient:.3f`.
#
# A direction that is steepest at every point does not make a shortest path. The slopes at the start say so: per unit of Fisher length, the loss falls
# fastest along the natural gradient, although the geodesic is shorter.


# %%
def log_scale_descent(p):
    """Gradient descent in (μ, ln σ), as a velocity in (μ, σ)."""
    xi = COORDINATES["log scale"].from_mean_scale(p)
    return gradient_descent(xi, "log scale") * jnp.stack([1.0, p[1]])


def geodesic_direction(p):
    return jax.jvp(partial(geodesic, p, TARGET), (0.0,), (1.0,))[1]


# %%
directions = [log_scale_descent, natural_gradient, geodesic_direction]
for rule in directions:
    v = rule(START)
    unit = v / jnp.sqrt(v @ fisher_matrix(START, "scale") @ v)
    slope = jax.grad(loss)(START) @ unit
    print(f"{rule.__name__:<20} at {degrees(v):5.2f} degrees, slope {slope:.3f}")

# %% [markdown]
# No path is shorter than the geodesic. When its middle is pushed up or down, it gets longer:

# %%
bump = np.stack([0 * fractions, np.sin(np.pi * fractions)], axis=1)
for height in [-0.2, -0.1, 0.0, 0.1, 0.2]:
    bent = curves["Fisher-Rao geodesic"] + height * bump
    print(f"middle pushed by {height:+.1f}: length {fisher_length(bent):.4f}")

# %% [markdown]
# ## The field of update directions
#
# What each rule would do elsewhere is a field of directions over the plane. {numref}`gaussian_geometry-figure-fields` shows four of them.
# In each panel the ellipses are the steps of one fixed length: what the rule counts as equally far.
# Each of the first three rules goes to where its ellipse, made very small, reaches lowest on the loss.
#
# The first two rules measure lengths by coordinates: one unit of $\mu$ is as far for a wide distribution as for a narrow one.
# The ellipses of the Fisher matrix grow with $\sigma$: where distributions are wide, one unit of $\mu$ matters less. That is all the difference.
# The last field follows geodesics to the target. It has the same ellipses, but does not look at the loss.

# %%
mu, sigma = np.linspace(-2.03, 12, 57), np.linspace(0.3, 10.5, 52)
plane = np.stack(np.meshgrid(mu, sigma), axis=-1)
rules = {
    r"gradient descent in $(\mu, \sigma)$": gradient_descent,
    r"gradient descent in $(\mu, \ln\sigma)$": log_scale_descent,
    "natural gradient": natural_gradient,
    "along geodesics": geodesic_direction,
}
fields = {
    name: np.asarray(jax.jit(jax.vmap(jax.vmap(rule)))(plane)) for name, rule in rules.items()
}  # fmt: skip

# %%
below = plane[..., 1] ** 2 < TARGET[1] ** 2 + (TARGET[0] - plane[..., 0]) ** 2
for rule, field in zip(rules.values(), fields.values(), strict=True):
    up = field[..., 1] > 0
    share, same = 100 * up.mean(), np.array_equal(up, below)
    name = rule.__name__
    print(f"{name:<19} raises sigma in {share:.1f} %, just where too small: {same}")

# %% [markdown]
# Both gradient descents and the natural gradient agree on *where* to raise $\sigma$: wherever $\sigma^2 < \sigma^{*2} + (\mu - \mu^*)^2$, the best variance for that mean.
# They differ in how much. The geodesic raises it in a smaller region.

# %% tags=["hide-input", "remove-output"]
fig, axes = figure(2, 2, size=(8.4, 6.7), sharex=True, sharey=True)
paths = [descend("scale"), *curves.values()]
names = ["gradient descent", *curves]
ellipse_at = [(0.5, 1.2), (5, 1.2), (9.7, 2.6), (0.5, 4.5), (5, 4.5), (2.5, 8), (9, 8)]
for ax, (title, field), path, name in zip(axes.flat, fields.items(), paths, names, strict=True):
    ax.streamplot(
        mu,
        sigma,
        field[..., 0],
        field[..., 1],
        color="#9db4c0",
        linewidth=0.8,
        density=1.1,
        arrowsize=0.8,
    )
    for m, s in ellipse_at:
        width, height = {0: (1, 1), 1: (1, s)}.get(
            list(fields).index(title), (s, s / np.sqrt(2))
        )
        size = {r"gradient descent in $(\mu, \sigma)$": 0.55}.get(title, 0.28)
        ax.add_patch(
            Ellipse(
                (m, s),
                2 * size * width,
                2 * size * height,
                facecolor="#e69f0055",
                edgecolor="#a86f00",
            )
        )
    draw_path(ax, path, name, markers=False, linewidth=2.4)
    draw_target(ax, TARGET)
    ax.set(title=title, xlim=(-2, 12), ylim=(0, 10.5), aspect="equal")
for ax in axes[:, 0]:
    ax.set_ylabel(r"standard deviation $\sigma$")
for ax in axes[1]:
    ax.set_xlabel(r"mean $\mu$")
keep("gaussian_geometry-figure-fields", fig)

# %% [markdown]
# ```{glue:figure} gaussian_geometry-figure-fields
# :name: gaussian_geometry-figure-fields
# :alt: Four panels of stream lines to the target at (10, 1), each with the path from (0, 1) and a few shaded ellipses. Top left, the ellipses are circles of one size and the path is an arc that rises above 6. Top right, they are narrow and grow taller with height, and the path shoots up to 9.6 and slides down. Lower left, the ellipses grow both ways and the path is an arc of a circle. Lower right, the ellipses are the same and the path is a flatter arc.
#
# Update directions over the plane, with the path from $(0, 1)$. Shaded: steps that the rule of the panel counts as equally long, at seven members.
# ```

# %% [markdown]
# ## What changing coordinates does
#
# We now run each method in each of the six coordinate systems and compare the curves in one of them, $(\mu, \sigma)$.
# A method that knows only the distributions gives the same curve six times.


# %%
def gap_to(curve, reference):
    """Largest distance of a point of `curve` from the polygon `reference`."""
    a, side = reference[:-1], np.diff(reference, axis=0)
    along = np.einsum("pki,ki->pk", curve[:, None] - a, side)
    along = np.clip(along / np.maximum(np.sum(side**2, axis=1), 1e-300), 0, 1)
    away = curve[:, None] - (a + along[..., None] * side)
    return np.max(np.min(np.linalg.norm(away, axis=-1), axis=1))


# %%
for name in COORDINATES:
    natural = off_circle(solve(natural_gradient, name))
    shortest = solve_geodesic(START, TARGET, name, fractions)
    gap = np.max(np.abs(shortest - curves["Fisher-Rao geodesic"]))
    same = natural < 1e-6, gap < 1e-6
    print(f"{name:<12} same natural gradient: {same[0]}, same geodesic: {same[1]}")

# %%
descents = {name: descend(name) for name in COORDINATES}
for name, curve in descents.items():
    gap = gap_to(curve[::10], descents["log scale"])
    highest = curve[:, 1].max()
    print(f"gradient descent in {name:<12} up to {highest:.2f}, off by {gap:.2f}")

# %% [markdown]
# Six runs of the natural gradient give one curve, six solutions of the geodesic equation give one curve, and six runs of gradient descent give six,
# up to several units away from the run in $(\mu, \ln\sigma)$ ({numref}`gaussian_geometry-figure-six-descents`).
# In {numref}`gaussian_geometry-figure-coordinates` the same curves are drawn in their own coordinates.
# The natural gradient bends in all panels but the expectation parameters. It is the same curve all the same: only the paper is different.

# %% tags=["hide-input", "remove-output"]
fig, axes = figure(3, 2, size=(8.4, 5.8))
for ax, (name, system) in zip(axes.flat, COORDINATES.items(), strict=True):
    change = jax.vmap(system.from_mean_scale)
    for method, curve in (curves | {"gradient descent": descents[name]}).items():
        draw_path(
            ax,
            np.asarray(change(curve)),
            method,
            markers=False,
            start=method == "natural gradient",
        )
    draw_target(ax, system.from_mean_scale(TARGET))
    ax.set(xlabel=system.labels[0], ylabel=system.labels[1], title=name)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.yaxis.set_major_locator(MaxNLocator(5))
inset = axes.flat[4].inset_axes(
    [0.55, 0.55, 0.45, 0.36], xlim=(-0.03, 0.63), ylim=(-0.065, 0.004), xticks=[], yticks=[]
)
for method, curve in (curves | {"gradient descent": descents["natural"]}).items():
    points = np.asarray(jax.vmap(COORDINATES["natural"].from_mean_scale)(curve))
    inset.plot(*points.T, color=LOOKS[method].color, linestyle=LOOKS[method].linestyle)
inset.spines[["top", "right"]].set_visible(True)
inset.set_title("the corner, enlarged", fontsize=8.5, fontweight="normal", pad=3, loc="right")
handles, labels = axes.flat[0].get_legend_handles_labels()
fig.legend(handles, labels, loc="outside lower center", ncols=3, handlelength=3)
keep("gaussian_geometry-figure-coordinates", fig)

# %% [markdown]
# ```{glue:figure} gaussian_geometry-figure-coordinates
# :name: gaussian_geometry-figure-coordinates
# :alt: Six panels, one for each coordinate system, each with three curves from start to target. The black dotted natural gradient is a straight line only in the expectation panel. The blue curve of gradient descent and the dashed geodesic bend in every panel.
#
# The three methods in six coordinate systems, each drawn in its own axes. Gradient descent is run in the coordinates of the panel.
# ```

# %% tags=["hide-input", "remove-output"]
fig, ax = figure(size=(7, 4.4))
styles = ["-", "--", "-.", ":", (0, (6, 2, 1, 2, 1, 2)), (0, (8, 3))]
shades = ["#0072b2", "#56b4e9", "#009e73", "#d55e00", "#e69f00", "#b0509b"]
for (name, curve), style, shade in zip(descents.items(), styles, shades, strict=True):
    ax.plot(*curve.T, linestyle=style, color=shade, label=name)
ax.plot(*exact.T, color="#222222", linewidth=3.2, label="natural gradient, all six")
ax.plot(*START, "o", markersize=9, color="none", markeredgecolor="#222222", markeredgewidth=1.3)
draw_target(ax, TARGET)
ax.set(xlabel=r"mean $\mu$", ylabel=r"standard deviation $\sigma$")
ax.legend(
    title="gradient descent in",
    loc="center left",
    bbox_to_anchor=(1.0, 0.5),
    handlelength=3.5,
    alignment="left",
)
keep("gaussian_geometry-figure-six-descents", fig)

# %% [markdown]
# ```{glue:figure} gaussian_geometry-figure-six-descents
# :name: gaussian_geometry-figure-six-descents
# :alt: In the plane of mean and standard deviation, six different thin curves of gradient descent leave the start at (0, 1), and one thick dark arc of the natural gradient lies among them.
#
# Gradient descent from one start to one target, in six coordinate systems, drawn in one plane. The natural gradient has one curve for all of them.
# ```

# %% [markdown]
# ## Exercises
#
# ```{exercise}
# :label: gaussian_geometry-ex-iterations
#
# The source of {ref}`tango` stops when $|\sigma - 1| \le 0.01001$ and $|\mu - 10| \le 0.0101$, and takes steps of $10^{-4}$ units of time.
# How many steps does the exact flow need? Which of the two parameters decides?
# ```
#
# ````{solution-start} gaussian_geometry-ex-iterations
# :class: dropdown
# ````
#
# The flow gives $\mu$ and $\sigma$ as functions of $u = e^{-t}$. For $\mu$, $10 u = 0.0101$. For $\sigma$, solve $1 + 100\,u(1 - u) = 1.01001^2$.

# %%
u_mean = 0.0101 / 10
u_scale = (1 - np.sqrt(1 - 4 * (1.01001**2 - 1) / 100)) / 2
for name, u in [("mean", u_mean), ("standard deviation", u_scale)]:
    time = -np.log(u)
    print(f"{name:<18} at time {time:.4f}: {np.ceil(time / 1e-4):.0f} steps")
print(np.round(exact_flow(START, TARGET, -np.log(u_scale)), 6))

# %% [markdown]
# The standard deviation decides. Near the target it is $1 + 50 u$, so it needs $u$ to be five times smaller than the mean does.
# {ref}`first_hits` compares this number with a thousand runs.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: gaussian_geometry-ex-reverse
#
# Turn the divergence round: let the loss be $\mathrm{KL}(\xi \,\|\, \xi^*)$, the divergence from the model to the target.
# Show that its natural-gradient flow is straight in the natural parameters $\theta$. What is the curve from $(0, 1)$ to $(10, 1)$, and how long is it?
# ```
#
# ````{solution-start} gaussian_geometry-ex-reverse
# :class: dropdown
# ````
#
# Now model and target have changed places: $\nabla_m \mathrm{KL}(\xi \,\|\, \xi^*) = \theta - \theta^*$, and the Fisher matrix in $m$ is $\partial\theta/\partial m$.
# So $\dot\theta = -(\theta - \theta^*)$. Both ends have $\theta_1 = -\tfrac{1}{2}$. Hence $\sigma$ stays at 1, and the length is $\int \mathrm{d}\mu/\sigma = 10$.


# %%
@compiled
def reverse(xi, coordinates="scale", target=TARGET):
    def divergence(xi):
        here = COORDINATES[coordinates].to_mean_scale(xi)
        return loss(target, target=here) - loss(here, target=here)

    descent = -jax.grad(divergence)(xi)
    return solve_positive(fisher_matrix(xi, coordinates), descent)


curve = solve(reverse, "log scale")
print(f"largest |sigma - 1| < 1e-7: {np.max(np.abs(curve[:, 1] - 1)) < 1e-7}")
print(f"length {fisher_length(curve):.2f}, ends at {curve[-1].round(4)}")

# %% [markdown]
# The two lines, one straight in $m$ and one straight in $\theta$, lie on either side of the geodesic.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: gaussian_geometry-ex-units
#
# Measure $y$ in other units: multiply $\mu$ and $\sigma$ of start and target by 10, or by 0.1. Which methods notice?
# ```
#
# ````{solution-start} gaussian_geometry-ex-units
# :class: dropdown
# ````
#
# We run each method in the new units, and print its highest $\sigma$ in the old ones.

# %%
runs = {
    "natural gradient": lambda *ends: solve(natural_gradient, "log scale", *ends),
    "gradient descent in scale": lambda *ends: descend("scale", *ends, 2000),
    "gradient descent in log scale": lambda *ends: descend("log scale", *ends, 2000),
}
for name, run in runs.items():
    highest = [run(unit * START, unit * TARGET)[:, 1].max() / unit for unit in [0.1, 1, 10]]
    print(f"{name:<30}", *(f"{height:7.3f}" for height in highest))

# %% [markdown]
# A change of units is a change of coordinates, so the natural gradient does not notice. Gradient descent in $(\mu, \sigma)$ follows the same curve too, at another pace, because both of its
# coordinates are stretched alike. In $(\mu, \ln\sigma)$ only one of them is, and the curve changes.
#
# ```{solution-end}
# ```

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
# One Gaussian $N(\mu, \sigma^2)$ has two parameters, so its whole family fits on a page. We fit it to data and look at the path that each method takes. Which of these paths deserves to be called straight? Several do, each by its own ruler, and here they get their names.
#
# You will see that
#
# - the natural gradient follows a curve with a closed form, $\sigma = \sqrt{1 + \mu(10 - \mu)}$ in the setting of {ref}`tango`, because in the expectation parameters it is a straight line;
# - it is one end of a family of geodesics that one formula draws, here from the circle of the natural gradient through the ellipse of Fisher and Rao to a flat line;
# - a change of coordinates as a rule gives gradient descent another path, and leaves all of these alone, the natural gradient as long as its steps are small.
#
# You need the gradient descent update {eq}`update_rules-eq-gradient-descent` and the natural gradient {eq}`update_rules-eq-natural-gradient` from {ref}`update_rules`. Nothing is random in this chapter: the limit of many samples and small steps is an ordinary differential equation.

# %% tags=["hide-input"]
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from myst_nb import glue
from scipy.integrate import solve_ivp
from scipy.optimize import minimize_scalar

from straightlines import gaussian
from straightlines.figures import gaussian_geometry as figures
from straightlines.gaussian import COORDINATES, expected_loss, fisher_matrix
from straightlines.plotting import keep

jax.config.update("jax_enable_x64", True)
compiled = partial(
    jax.jit, static_argnames="coordinates"
)  # once for each coordinate system

# %% [markdown]
# ## The family and its loss
#
# A member of the family is a point $(\mu, \sigma)$ with $\sigma > 0$. We start at $(0, 1)$, and the data come from the target $(\mu^*, \sigma^*) = (10, 1)$. The same member has many addresses: a *coordinate system* names it by two numbers $\xi$, from which a smooth, invertible map leads to $(\mu, \sigma)$. We use six systems. Here are the addresses of one member, $(2, \tfrac12)$, in each of them.

# %%
START, TARGET = np.array([0.0, 1.0]), np.array([10.0, 1.0])
member = np.array([2.0, 0.5])
for name, system in COORDINATES.items():
    first, second = system.from_mean_scale(member)
    print(f"{name:<12} {first:8.4f} {second:8.4f}")

# %% [markdown]
# The first four keep $\mu$ and pair it with $\ln\sigma$, $\sigma$, $\sigma^2$ or $1/\sigma^2$. The natural and the expectation parameters are defined below.
#
# The loss is the expected negative log-likelihood, with $y$ drawn from the target:
#
# $$\begin{aligned}
#   L(\xi) &= \mathrm{E}\left[-\ln p_\xi(y)\right] \\
#   &= \frac{(\mu^* - \mu)^2 + \sigma^{*2}}{2 \sigma^2} \\
#   &\qquad {} + \ln\sigma + \tfrac{1}{2} \ln 2\pi.
#   \end{aligned}$$ (gaussian_geometry-eq-gaussian-loss)
#
# How much of the data does it see? The negative log-likelihood is quadratic in $y$, so only their mean and variance. Two data points, $\mu^* \pm \sigma^*$, have the same mean and variance as the target, and must give the same loss.

# %%
nll = gaussian.negative_log_likelihood
for place in [START, member, TARGET]:
    formula = expected_loss(place, TARGET, "scale")
    two = [nll(place, y, "scale") for y in (9.0, 11.0)]
    print(f"{place}: formula {formula:.6f}, two points {np.mean(two):.6f}")

# %% [markdown]
# ## The Fisher matrix
#
# How far apart are two members? The difference of their parameters depends on the coordinates, so it cannot be the answer. The distributions themselves give an answer that does not.
#
# The *score* is the gradient of the log-likelihood, $s(y) = \nabla_\xi \ln p_\xi(y)$. Its mean under $p_\xi$ itself is zero, and its covariance is the *Fisher matrix*:
#
# $$F(\xi) = \mathrm{E}_{y \sim p_\xi}\left[s(y)\, s(y)^\top\right].$$ (gaussian_geometry-eq-fisher)
#
# For a Gaussian, $s(y) s(y)^\top$ is a polynomial of degree four in $y$. Gauss-Hermite quadrature with three nodes integrates polynomials up to degree five exactly, so it evaluates the definition as it stands.


# %%
@compiled
def fisher_by_quadrature(xi, coordinates):
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    mean, scale = COORDINATES[coordinates].to_mean_scale(xi)
    slopes = jax.vmap(jax.grad(nll), (None, 0, None))  # minus the scores
    scores = slopes(xi, mean + scale * nodes, coordinates)
    return (weights / weights.sum() * scores.T) @ scores


# %% [markdown]
# Algebra gives the same matrix. In $(\mu, \sigma)$, with $e = (y - \mu)/\sigma$ a standard normal number,
#
# $$\begin{aligned}
#   s &= \frac{1}{\sigma} \begin{pmatrix} e \\ e^2 - 1 \end{pmatrix}, \\
#   F(\mu, \sigma) &= \frac{1}{\sigma^2} \begin{pmatrix} 1 & 0 \\ 0 & 2 \end{pmatrix},
#   \end{aligned}$$ (gaussian_geometry-eq-fisher-gaussian)
#
# because the first four moments of $e$ are 0, 1, 0 and 3. In other coordinates the score is $J^\top s$, with the Jacobian matrix $J = \partial(\mu, \sigma)/\partial\xi$, hence $F(\xi) = J^\top F(\mu, \sigma)\, J$. This is `gaussian.fisher_matrix`. Both, at our member:


# %%
rules = fisher_by_quadrature, fisher_matrix


@jax.jit
def fisher_matrices(member):
    found = {}
    for name, system in COORDINATES.items():
        xi = system.from_mean_scale(member)
        found[name] = [rule(xi, coordinates=name) for rule in rules]
    return found


both = jax.device_get(fisher_matrices(member))
for name in COORDINATES:
    for rule, matrix in zip(rules, both[name], strict=True):
        (a, b), (_, c) = matrix.round(6) + 0.0
        print(f"{name:<12} {a:9.4f} {b:9.4f} {c:9.4f}  {rule.__name__}")

# %% [markdown]
# Six matrices, and the two ways agree on each. What they measure is how far apart two neighbours are as distributions. The *Kullback-Leibler divergence* compares any two members,
#
# $$\mathrm{KL}(\xi \,\|\, \xi') = \mathrm{E}_{y \sim p_\xi}\left[\ln p_\xi(y) - \ln p_{\xi'}(y)\right],$$
#
# and from a member to a neighbour it is half the square of a length, which the Fisher matrix defines:
#
# $$\begin{aligned}
#   & \mathrm{KL}(\xi \,\|\, \xi + d) \\
#   & \qquad = \tfrac{1}{2}\, d^\top F(\xi)\, d + O(|d|^3).
#   \end{aligned}$$ (gaussian_geometry-eq-kl-fisher)
#
# The divergence is the loss, with the member as target, less its smallest value. If the formula holds, halving $d$ makes the remainder about eight times smaller.

# %%
remainders = []
for length in [0.02, 0.01, 0.005]:
    d = length * np.array([0.6, 0.8])
    lowest = expected_loss(member, member, "scale")
    divergence = expected_loss(member + d, member, "scale") - lowest
    rest = divergence - d @ fisher_matrix(member, "scale") @ d / 2
    remainders.append(rest)
    print(f"|d| = {length:.3f}  KL {divergence:.4e}  remainder {rest:.1e}")
print("ratios:", *(f"{a / b:.1f}" for a, b in pairwise(remainders)))

# %% [markdown]
# ## Two descents
#
# *Steepest descent* asks for the direction in which the loss falls fastest. The answer depends on what counts as one unit of length. With the lengths of the coordinates it is $-\nabla L$; with the lengths of {eq}`gaussian_geometry-eq-kl-fisher` it is $-F^{-1} \nabla L$, and $F^{-1} \nabla L$ is called the *natural gradient* {cite}`amari1998natural`. In the limit of small steps each becomes a flow:
#
# $$\begin{aligned}
#   & \text{gradient descent:} \\
#   & \qquad \dot\xi = -\nabla L(\xi), \\
#   & \text{natural gradient:} \\
#   & \qquad \dot\xi = -F(\xi)^{-1}\, \nabla L(\xi).
#   \end{aligned}$$ (gaussian_geometry-eq-two-flows)


# %%
@compiled
def gradient_descent(xi, coordinates="scale", target=TARGET):
    return -jax.grad(expected_loss)(xi, target, coordinates)


@compiled
def natural_gradient(xi, coordinates="scale", target=TARGET):
    descent = gradient_descent(xi, coordinates, target)
    return jnp.linalg.solve(fisher_matrix(xi, coordinates), descent)


# %% [markdown]
# Is it really the fastest? Take the slope of the loss for one unit of length at $(2, 3)$, in each of {glue:text}`gaussian_geometry-directions` directions, and see where it falls most.


# %%
def degrees(vector):
    return np.degrees(np.arctan2(vector[1], vector[0]))


here, angles = np.array([2.0, 3.0]), np.radians(np.arange(0, 360, 0.1))
circle = np.stack([np.cos(angles), np.sin(angles)])
slope = -np.asarray(gradient_descent(here)) @ circle
squares = circle * (np.asarray(fisher_matrix(here, "scale")) @ circle)
for unit, steepness, rule in [
    ("coordinate", slope, gradient_descent),
    ("Fisher", slope / np.sqrt(squares.sum(axis=0)), natural_gradient),
]:
    found = degrees(circle[:, np.argmin(steepness)])
    print(f"{unit}: found {found:.1f}°, rule {degrees(rule(here)):.1f}°")

# %% [markdown]
# ## The straight line
#
# The *expectation parameters* of a member are $m = (\mathrm{E}\,y, \mathrm{E}\,y^2) = (\mu, \mu^2 + \sigma^2)$. In them the natural-gradient flow is a straight line, and the proof takes four lines. Write the density with its *natural parameters* $\theta = (\mu/\sigma^2, -1/(2\sigma^2))$:
#
# $$\begin{aligned}
#   \ln p(y) &= \theta_0\, y + \theta_1\, y^2 - A(\theta), \\
#   A(\theta) &= -\frac{\theta_0^2}{4 \theta_1} - \tfrac{1}{2} \ln(-2\theta_1) \\
#   &\qquad {} + \tfrac{1}{2} \ln 2\pi.
#   \end{aligned}$$ (gaussian_geometry-eq-exponential-family)
#
# 1. The score in $\theta$ is $(y, y^2) - \nabla A$. Its mean is zero, so $\nabla A = m$.
# 2. The loss is $A(\theta) - \theta \cdot m^*$, with the $m^*$ of the data. Hence $\nabla_\theta L = m - m^*$.
# 3. Differentiate $m$ under its integral: $\partial m/\partial\theta$ is the covariance of $(y, y^2)$ with the score, that is $F_\theta$.
# 4. Along the flow, therefore,
#
#    $$\begin{aligned}
#      \dot m &= \frac{\partial m}{\partial\theta}\, \dot\theta = -F_\theta F_\theta^{-1} \nabla_\theta L \\
#      &= -(m - m^*).
#      \end{aligned}$$
#
# The solution is a straight line, and it is run through at a falling speed:
#
# $$m(t) = m^* + e^{-t} (m_0 - m^*).$$ (gaussian_geometry-eq-straight-line)
#
# We wrote the flow in $\theta$, but it is one curve in all coordinates. {ref}`straight_lines` proves this and the line, for every exponential family that is regular and minimal (two words explained there). Let us see it at our member. In each of the six systems we compute $-F^{-1}\nabla L$ and ask how fast it moves $m$.


# %%
@jax.jit
def velocities_of_m(member):
    found = {}
    for name, system in COORDINATES.items():
        xi = system.from_mean_scale(member)
        to_m = partial(gaussian.mean_map, coordinates=name)
        _, found[name] = jax.jvp(to_m, (xi,), (natural_gradient(xi, name),))
    return found


# %%
m, goal = (gaussian.mean_map(p, "scale") for p in (member, TARGET))
moves = jax.device_get(velocities_of_m(member))
for name in COORDINATES:
    print(f"{name:<12} moves m by", *(f"{x:.6f}" for x in moves[name]))
print("m* - m                  ", *(f"{x:.6f}" for x in goal - m))

# %% [markdown]
# ## The exact curve
#
# The line gives the curve. With $u = e^{-t}$, subtract the square of the first component of {eq}`gaussian_geometry-eq-straight-line` from the second:
#
# $$\begin{aligned}
#   \mu &= \mu^* + (\mu_0 - \mu^*)\, u, \\
#   \sigma^2 &= \sigma_0^2\, u + \sigma^{*2} (1 - u) \\
#   &\qquad {} + (\mu_0 - \mu^*)^2\, u (1 - u).
#   \end{aligned}$$ (gaussian_geometry-eq-flow-in-time)
#
# From $(0, 1)$ to $(10, 1)$ this is $\mu = 10 (1 - u)$ and $\sigma^2 = 1 + 100\, u (1 - u)$. Now $10 u = 10 - \mu$, so
#
# $$\sigma = \sqrt{1 + \mu (10 - \mu)}.$$ (gaussian_geometry-eq-exact-curve)
#
# Put differently, $(\mu - 5)^2 + \sigma^2 = 26$: the curve is an arc of a circle around $(5, 0)$, and its apex is $(5, \sqrt{26})$. {numref}`gaussian_geometry-figure-two-planes` shows both pictures.

# %% tags=["hide-input", "remove-output"]
dot_times = np.append(np.arange(0, 3.1, 0.25), 20)
dots = gaussian.natural_gradient_flow(START, TARGET, dot_times)
keep("gaussian_geometry-figure-two-planes", figures.two_planes(dots))
glue("gaussian_geometry-apex", round(float(np.sqrt(26)), 6), display=False)
glue("gaussian_geometry-directions", angles.size, display=False)

# %% [markdown]
# ```{glue:figure} gaussian_geometry-figure-two-planes
# :name: gaussian_geometry-figure-two-planes
# :alt: Two panels. Left, in the plane of mean and standard deviation, an arc of a circle, marked by triangles, rises from the start at (0, 1) to an apex near 5.1 and falls to the target at (10, 1). Right, in the plane of the two expectations, the same points lie on one straight line above a shaded parabola.
#
# The natural-gradient flow, with a triangle at every 0.25 units of time up to 3, and one at 20. Left: in $(\mu, \sigma)$ it is the arc {eq}`gaussian_geometry-eq-exact-curve`. Right: in the expectation parameters it is a straight line. Below the parabola, where the variance would be negative, there is no distribution.
# ```
#
# On the right, the points at equal intervals of time lie on one straight line and crowd towards the target. On the left the same points rise to $\sigma = {}${glue:text}`gaussian_geometry-apex:.3f` and come down. The hump has a plain meaning: halfway along the line, $\mathrm{E}\,y$ and $\mathrm{E}\,y^2$ are those of a mixture of start and target in equal parts, and a mixture of two distant Gaussians is wide.

# %% [markdown]
# ### An independent check
#
# A closed form can hide an error of algebra. So we hand the definition to a solver of differential equations: $\dot\xi = -F^{-1} \nabla L$ in $(\mu, \ln\sigma)$, the gradient by automatic differentiation, the Fisher matrix by quadrature, and no word of expectation parameters. A second pair of start and target stands at no special place.


# %%
@jax.jit
def flow_by_definition(xi, target):
    descent = gradient_descent(xi, "log scale", target)
    return jnp.linalg.solve(fisher_by_quadrature(xi, "log scale"), descent)


PAIRS = [(START, TARGET), (np.array([3.0, 0.5]), np.array([-2.0, 2.0]))]
log_scale, times = COORDINATES["log scale"], [0, 0.25, np.log(2), 4]
for start, target in PAIRS:
    begin = log_scale.from_mean_scale(start)
    solution = solve_ivp(
        lambda t, xi, goal: flow_by_definition(xi, goal), (0, 4), begin,
        "DOP853", times, args=(target,), rtol=1e-11, atol=1e-11,
    )  # fmt: skip
    solved = log_scale.to_mean_scale(solution.y).T
    exact = gaussian.natural_gradient_flow(start, target, times)
    for t, *row in zip(times[1:], solved[1:], exact[1:], strict=True):
        shown = [f"({mu:8.5f}, {sigma:8.5f})" for mu, sigma in row]
        print(f"t = {t:.3f}: solver {shown[0]}, formula {shown[1]}")

# %% [markdown]
# ### Steps leave the curve
#
# An algorithm takes steps, $\xi^+ = \xi - \eta F^{-1} \nabla L$. Does it still follow the curve? "The natural gradient does not depend on the coordinates" suggests so. We run the steps in each of the six systems until $t = k\eta = 20$, and print the largest distance from the circle in $(\mu, \sigma)$.


# %%
@jax.jit
def euler_paths(eta):
    def path(name, system):
        def step(xi, _):
            xi = xi + eta * natural_gradient(xi, name)
            return xi, system.to_mean_scale(xi)

        begin = system.from_mean_scale(jnp.array(START))
        return jax.lax.scan(step, begin, length=4500)[1]

    return {name: path(name, s) for name, s in COORDINATES.items()}


def off_circle(path):
    """Largest distance of a path in (μ, σ) from the exact curve."""
    radius = np.hypot(path[:, 0] - 5, path[:, 1])
    return float(np.max(np.abs(radius - np.sqrt(26))))


# %%
etas = [0.02, 0.011, 0.009, 0.0045]
gaps = {name: [] for name in COORDINATES}
for eta in etas:
    for name, path in jax.device_get(euler_paths(eta)).items():
        gaps[name].append(off_circle(path[: round(20 / eta)]))
print(f"{'η':<12}", *(f"{eta:>9}" for eta in etas))
for name, row in gaps.items():
    shown = ["< 1e-12" if gap < 1e-12 else f"{gap:.4f}" for gap in row]
    shown = ["leaves" if gap == "nan" else gap for gap in shown]
    print(f"{name:<12}", *(f"{gap:>9}" for gap in shown))

# %% [markdown]
# In the expectation parameters the steps stay on the curve, at every $\eta$ up to 1. There the step is $m^+ = m - \eta (m - m^*)$, a piece of the line itself. It has a name of its own, *mirror descent* {cite}`beck2003mirror,raskutti2015mirror`. This is no further evidence for the curve, since it is the fourth line of the proof once more.
#
# Everywhere else the departure shrinks with $\eta$, and its size is a matter of the coordinates; {ref}`straight_lines` shows that the order is one. The word "leaves" says that the path left the family. The first step in the precision shows why. By {eq}`gaussian_geometry-eq-flow-in-time`, $\sigma^2$ begins to grow at the rate $100$, so $1/\sigma^2$ begins to fall at the rate $100$, from 1. From $\eta = 1/100$ on, one step takes it to zero or below, and the natural parameter $-1/(2\sigma^2)$ to zero or above. Invariance is a property of the flow, and steps inherit it only as they become small, or where the change of coordinates is affine ({prf:ref}`update_rules-affine`).

# %% [markdown]
# ## The guess
#
# The notebook that we reproduce in {ref}`tango` did not know the curve. It drew $\sigma = 4.1 \sqrt{1 - (\mu/5 - 1)^2} + 1$, marked as a guess {cite}`notwa2019tango`. How good is it?


# %%
def exact_curve(mean):
    return np.sqrt(1 + mean * (10 - mean))


def guess(mean):
    return 4.1 * np.sqrt(1 - (mean / 5 - 1) ** 2) + 1


worst = minimize_scalar(
    lambda mean: -abs(guess(mean) - exact_curve(mean)),
    bounds=(0, 5), method="bounded",
)  # fmt: skip
print(f"gap at the apex {guess(5.0) - exact_curve(5.0):.4f}")
print(f"largest gap {-worst.fun:.4f}, at a mean of {worst.x:.2f}")

# %% tags=["hide-input", "remove-output"]
means = 5 - 5 * np.cos(np.linspace(0, np.pi, 400))
curves = exact_curve(means), guess(means)
keep("gaussian_geometry-figure-guess", figures.guess(means, *curves))
glue(
    "gaussian_geometry-guess-gap",
    round(float(-worst.fun), 4),
    display=False,
)
glue(
    "gaussian_geometry-guess-where", round(float(worst.x), 3), display=False
)

# %% [markdown]
# ```{glue:figure} gaussian_geometry-figure-guess
# :name: gaussian_geometry-figure-guess
# :alt: Two panels. Left, a dotted arc, the exact curve, and a solid grey one, the guess, share their ends and nearly their apex, and the grey one runs outside near both ends. Right, measured from the straight line, the exact curve is flat at zero and the guess has two humps.
#
# The exact curve and the source's guess. Left: in $(\mu, \sigma)$. Right: their height above the straight line from start to target in the expectation plane. The exact curve is the line; the guess has two humps.
# ```
#
# Good at the apex, and too steep near the ends: {glue:text}`gaussian_geometry-guess-gap:.2f` too high at $\mu = $ {glue:text}`gaussian_geometry-guess-where:.2f`, and by symmetry at $10 - \mu$. In the expectation plane it is no straight line ({numref}`gaussian_geometry-figure-guess`).

# %% [markdown]
# ## Geodesics by name
#
# The Fisher matrix turns the family into a curved surface, on which a small step has the length $\sqrt{d^\top F d}$. From {eq}`gaussian_geometry-eq-fisher-gaussian`, with $x = \mu/\sqrt{2}$,
#
# $$\begin{aligned}
#   \mathrm{d}s^2 &= \frac{\mathrm{d}\mu^2 + 2\, \mathrm{d}\sigma^2}{\sigma^2} \\
#   &= \lambda\, (\mathrm{d}x^2 + \mathrm{d}\sigma^2), \;\; \lambda = \frac{2}{\sigma^2}.
#   \end{aligned}$$ (gaussian_geometry-eq-fisher-rao)
#
# A surface with such a metric has the Gaussian curvature $-\frac{1}{2\lambda} \nabla^2 \ln\lambda$, here $-\frac{\sigma^2}{4} \cdot \frac{2}{\sigma^2} = -\tfrac12$, the same everywhere. It is twice the metric of Poincaré's half-plane {cite}`costa2015fisher`. The shortest path between two members is the *geodesic* of this metric, and its length is the *Fisher-Rao distance*,
#
# $$\begin{aligned}
#   d &= \sqrt{2}\, \operatorname{arcosh}(1 + 2 q^2), \\
#   q^2 &= \frac{(\mu_1 - \mu_0)^2/2 + (\sigma_1 - \sigma_0)^2}{4 \sigma_0 \sigma_1}.
#   \end{aligned}$$ (gaussian_geometry-eq-fisher-rao-distance)
#
# Shortest is one meaning of straight. Another is *never turning*, and it needs a rule that says which directions at neighbouring members count as the same: a *connection*. Statistics has a whole family of them, one for each real number $\alpha$ {cite}`amari2000methods`. With $\ell = \ln p_\xi(y)$, the $\alpha$-connection compares directions by
#
# $$\begin{aligned}
#   \Gamma^{(\alpha)}_{ij,k} &= \mathrm{E}\big[\big(\partial_i \partial_j \ell \\
#   &\qquad {} + \tfrac{1 - \alpha}{2}\, \partial_i \ell\, \partial_j \ell\big)\, \partial_k \ell\big],
#   \end{aligned}$$ (gaussian_geometry-eq-connection)
#
# and its geodesics obey $\sum_j F_{kj}\, \ddot\xi_j + \sum_{ij} \Gamma^{(\alpha)}_{ij,k}\, \dot\xi_i\, \dot\xi_j = 0$. Three have names. For $\alpha = 1$ the geodesics are straight in the natural parameters $\theta$, and are called *exponential* or e-geodesics. For $\alpha = -1$ they are straight in $m$: *mixture* or m-geodesics, and the natural gradient runs along one. For $\alpha = 0$ they are the shortest paths, and the connection is named after Levi-Civita.
#
# For the Gaussian one formula draws them all, from $\alpha = -1$ to 1. In $(\mu, \sigma)$ the equation says
#
# $$\begin{aligned}
#   \ddot\mu &= 2(1 + \alpha)\, \frac{\dot\mu \dot\sigma}{\sigma}, \\
#   \ddot\sigma &= -\frac{1 - \alpha}{2}\, \frac{\dot\mu^2}{\sigma} + (1 + 2\alpha)\, \frac{\dot\sigma^2}{\sigma}.
#   \end{aligned}$$
#
# Eliminate time, and $\sigma^2$ as a function of $\mu$ has the constant second derivative $-(1 - \alpha)$. With $u = (\mu - \mu_1)/(\mu_0 - \mu_1)$, the $\alpha$-geodesic from $(\mu_0, \sigma_0)$ to $(\mu_1, \sigma_1)$ is the conic
#
# $$\begin{aligned}
#   \sigma^2 &= \sigma_0^2\, u + \sigma_1^2\, (1 - u) \\
#   &\; {} + \tfrac{1 - \alpha}{2}\, (\mu_0 - \mu_1)^2\, u (1 - u).
#   \end{aligned}$$ (gaussian_geometry-eq-geodesic)
#
# (If the two means are equal, all of them are the vertical line.) Put $\alpha = -1$ and you are back at {eq}`gaussian_geometry-eq-flow-in-time`.


# %%
def geodesic(start, target, alpha, u):
    """The point of an α-geodesic where u of the mean's way is left."""
    mean = target[0] + (start[0] - target[0]) * u
    ends = start[1] ** 2 * u + target[1] ** 2 * (1 - u)
    bulge = (1 - alpha) / 2 * (start[0] - target[0]) ** 2 * u * (1 - u)
    return jnp.stack([mean, jnp.sqrt(ends + bulge)])


# %% [markdown]
# That was two lines of algebra, so we test it on the definition. The expectations in {eq}`gaussian_geometry-eq-connection` are of degree six in $y$, and four nodes integrate them exactly. A curve is a geodesic, at whatever pace we run through it, if its acceleration, $\Gamma$ included, points along its velocity $v$. What remains is how fast it turns.


# %%
def turning(curve, alpha, coordinates, u):
    """How fast a curve in (μ, σ) turns under the α-connection."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    mean, scale = curve(u)
    samples, weights = mean + scale * nodes, weights / weights.sum()

    def path(u):
        return COORDINATES[coordinates].from_mean_scale(curve(u))

    def log_densities(xi):
        return -jax.vmap(nll, (None, 0, None))(xi, samples, coordinates)

    def slopes(xi):
        return jax.jvp(log_densities, (xi,), (v,))[1]

    v, change = jax.jvp(jax.jacfwd(path), (u,), (1.0,))
    first, second = jax.jvp(slopes, (path(u),), (v,))
    scores = jax.jacfwd(log_densities)(path(u))
    weighted = weights * scores.T
    bracket = second + (1 - alpha) / 2 * first**2
    a = change + jnp.linalg.solve(weighted @ scores, weighted @ bracket)
    return (v[0] * a[1] - v[1] * a[0]) / (v @ v)


# %%
@jax.jit
@partial(jax.vmap, in_axes=(None, None, 0, 0, None))
@partial(jax.vmap, in_axes=(None, None, None, None, 0))
def turnings(start, target, alpha, connection, u):
    """In each coordinate system, under a connection, for one point."""
    curve = partial(geodesic, start, target, alpha)
    return [turning(curve, connection, name, u) for name in COORDINATES]


alphas = np.array([-1, -0.5, 0, 0.5, 1])
shares = np.linspace(0.01, 0.99, 99)
for pair in PAIRS:
    own = np.abs(turnings(*pair, alphas, alphas, shares)).max()
    other = np.abs(turnings(*pair, alphas, alphas + 0.5, shares))
    least = other[list(COORDINATES).index("scale")].max(axis=1).min()
    shown = "below 1e-9" if own < 1e-9 else f"{own:.1e}"
    print(f"five α, six systems: {shown}; under α + 1/2: {least:.2f}")

# %% [markdown]
# In all six coordinate systems and for both pairs, each of the five conics keeps its direction under its own connection. Under a neighbouring one, with $\alpha + \tfrac12$, each of them turns in $(\mu, \sigma)$; the last number is the fastest turn of the one that turns least.

# %% tags=["hide-input", "remove-output"]
fractions = np.linspace(1, 0, 401)
family = {
    float(alpha): np.asarray(geodesic(START, TARGET, alpha, fractions)).T
    for alpha in alphas
}
keep("gaussian_geometry-figure-geodesics", figures.geodesics(family))

# %% [markdown]
# ````{explorer} gaussian
# ```{glue:figure} gaussian_geometry-figure-geodesics
# :name: gaussian_geometry-figure-geodesics
# :alt: Two panels with five curves from start to target. Left, in mean and standard deviation, the highest is the circle of the m-geodesic, below it come flatter and flatter ellipses with the Levi-Civita geodesic in the middle, and the e-geodesic is the flat line of standard deviation 1. Right, in the expectation plane and measured from the straight line, the m-geodesic is flat at zero, the others sag below it, the e-geodesic most, along the edge of a shaded region.
#
# The $\alpha$-geodesics from $(0, 1)$ to $(10, 1)$ for $\alpha = -1, -\tfrac12, 0, \tfrac12, 1$. Left: in $(\mu, \sigma)$, from the circle through three ellipses to the flat line. Right: in the expectation plane, as the height above the m-geodesic; in the shaded region there is no distribution.
# ```
# ````
#
# {numref}`gaussian_geometry-figure-geodesics` draws them. From the wide Gaussians of the m-geodesic to the e-geodesic, on which $\sigma$ does not change at all, five curves are straight, each by its own rule. By {eq}`gaussian_geometry-eq-geodesic` each rule even has a plane of its own: in $(\mu, \sigma^2 + \frac{1 - \alpha}{2} \mu^2)$ all $\alpha$-geodesics are straight lines. What sets the two ends apart is that $\theta$ and $m$ make them straight at constant speed, for the curvature of the $\alpha$-connection is $-\tfrac12 (1 - \alpha^2)$ {cite}`amari2000methods`, and vanishes there.
#
# Which is the shortest? We measure all with one ruler, the sum of the distances {eq}`gaussian_geometry-eq-fisher-rao-distance` of neighbours. Written with $\operatorname{arcosh}(1 + 2 q^2) = 2 \operatorname{arsinh} q$, it loses no digits.


# %%
def distance(p, q):
    squared = (p[0] - q[0]) ** 2 / 2 + (p[1] - q[1]) ** 2
    return 2 * np.sqrt(2) * np.arcsinh(np.sqrt(squared / (4 * p[1] * q[1])))


def fisher_length(curve):
    return float(np.sum(distance(curve[:-1].T, curve[1:].T)))


for alpha, curve in family.items():
    print(f"α = {alpha:4.1f}: length {fisher_length(curve):.3f}")
print(f"distance from start to target {distance(START, TARGET):.3f}")

# %% [markdown]
# The Levi-Civita geodesic is the shortest, and as long as the formula says. The circle of the natural gradient is a few per cent longer. Longest is the e-geodesic, although it looks the shortest on the page: it never widens, and a narrow distribution has far to go.

# %% [markdown]
# ## Three curves in one picture
#
# Where does gradient descent go? It depends on its coordinates; first we take $(\mu, \ln\sigma)$, those of the TANGO figure. A solver that copes with stiff equations integrates its flow, for a time set by the slowest rate near the target: the smallest eigenvalue of the Hessian matrix, which there is the Fisher matrix.


# %%
def descend(coordinates, start=START, target=TARGET):
    system = COORDINATES[coordinates]
    begin = system.from_mean_scale(start)
    slowest = np.linalg.eigvalsh(fisher_matrices(target)[coordinates][1])[0]
    moments = 200 / slowest * np.append(0, np.geomspace(1e-9, 1, 3000))
    solution = solve_ivp(
        lambda t, xi: gradient_descent(xi, coordinates, target),
        (0, moments[-1]), begin, "LSODA", moments, rtol=1e-10, atol=1e-12,
    )  # fmt: skip
    return system.to_mean_scale(solution.y).T


# %%
descents = {name: descend(name) for name in COORDINATES}
curves = {
    "gradient descent": descents["log scale"],
    "natural gradient": family[-1.0],
    "Fisher-Rao geodesic": family[0.0],
}
for name, curve in curves.items():
    highest, length = curve[:, 1].max(), fisher_length(curve)
    print(f"{name:<19} up to {highest:.3f}, length {length:.3f}, "
          f"ends at ({curve[-1, 0]:.4f}, {curve[-1, 1]:.4f})")  # fmt: skip

# %% tags=["hide-input", "remove-output"]
keep("gaussian_geometry-figure-three-curves", figures.three_curves(curves))
highest = float(curves["gradient descent"][:, 1].max())
glue("gaussian_geometry-highest-gradient", round(highest, 4), display=False)
path = curves["gradient descent"]
path = path[np.argmax(path[:, 1]) :]
off = np.max(np.abs(path[:, 1] / np.hypot(1, 10 - path[:, 0]) - 1))
glue("gaussian_geometry-valley", float(100 * off), display=False)
begin = log_scale.from_mean_scale(START)
slope = np.asarray(gradient_descent(begin, "log scale", TARGET))
glue(
    "gaussian_geometry-start-ratio",
    float(slope[1] / slope[0]),
    display=False,
)

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
# - **Gradient descent** asks which direction is steepest with the lengths of the coordinates. At the start the loss falls {glue:text}`gaussian_geometry-start-ratio:.0f` times as fast along $\ln\sigma$ as along $\mu$. So the distribution first widens, to $\sigma = $ {glue:text}`gaussian_geometry-highest-gradient:.2f`, the best value for the mean that it then has, $\sigma^2 = \sigma^{*2} + (\mu - \mu^*)^2$. From there on $\sigma$ stays within {glue:text}`gaussian_geometry-valley:.1f` % of the best, while $\mu$ comes in.
# - **The natural gradient** asks the same with the lengths of the Fisher matrix.
# - **The geodesic** asks for the shortest way to a target that it must know in advance. It never looks at the loss.
#
# Should a path that is steepest at every point not be a shortest path? Only under a condition. The acceleration of a gradient field $X = F^{-1}\nabla L$ along itself, by the Levi-Civita connection, is $\tfrac12 F^{-1} \nabla |X|^2$, with $|X|^2 = X^\top F X$. It points along $X$ everywhere only if $|X|$ is constant on each level set of the loss. Here it is not: these are two members with one loss.

# %%
one = np.array([10.0, 0.1])
value = expected_loss(one, TARGET, "scale")
offset = np.sqrt(2 * value - np.log(2 * np.pi) - 1)  # at σ = 1
for place in [one, np.array([10 - offset, 1.0])]:
    x = np.asarray(natural_gradient(place))
    size = np.sqrt(x @ np.asarray(fisher_matrix(place, "scale")) @ x)
    loss = expected_loss(place, TARGET, "scale")
    print(
        f"({place[0]:.3f}, {place[1]:.1f}): "
        f"loss {loss:.4f}, |X| = {size:.2f}"
    )

# %% [markdown]
# ## The field of update directions
#
# What each rule would do elsewhere is a field of directions over the plane. {numref}`gaussian_geometry-figure-fields` shows four of them. In each panel the ellipses are the steps of one fixed length: what the rule counts as equally far. Each of the first three rules goes to where its ellipse, made very small, reaches lowest on the loss.


# %%
@jax.jit
@jax.vmap
def fields(p):
    """Four velocities in (μ, σ)."""
    xi = COORDINATES["log scale"].from_mean_scale(p)
    log_scale = gradient_descent(xi, "log scale") * jnp.stack([1.0, p[1]])
    toward = jax.jvp(partial(geodesic, p, TARGET, 0.0), (1.0,), (-1.0,))[1]
    return gradient_descent(p), log_scale, natural_gradient(p), toward


# %%
mu, sigma = np.linspace(-2.03, 12, 57), np.linspace(0.3, 10.5, 52)
plane = np.stack(np.meshgrid(mu, sigma), axis=-1)
found = np.reshape(fields(plane.reshape(-1, 2)), (4, *plane.shape))
small = plane[..., 1] ** 2 < 1 + (10 - plane[..., 0]) ** 2
titles = ["gradient descent in (μ, σ)", "gradient descent in (μ, ln σ)"]
titles += ["natural gradient", "along Levi-Civita geodesics"]
print("raises σ where too small, where too large")
for title, field in zip(titles, found, strict=True):
    raises = 100 * (field[..., 1] > 0)
    below, above = raises[small].mean(), raises[~small].mean()
    print(f"{below:14.1f} % {above:15.1f} %  {title}")

# %% tags=["hide-input", "remove-output"]
half = 1 / np.sqrt(2)
ellipses = [lambda s: (1.1, 1.1), lambda s: (0.56, 0.56 * s)]
ellipses += 2 * [lambda s: (0.56 * s, 0.56 * s * half)]
methods = ["gradient descent", *curves]
paths = [descents["scale"], *curves.values()]
panels = list(zip(titles, found, paths, methods, ellipses, strict=True))
keep("gaussian_geometry-figure-fields", figures.fields(mu, sigma, panels))

# %% [markdown]
# ```{glue:figure} gaussian_geometry-figure-fields
# :name: gaussian_geometry-figure-fields
# :alt: Four panels of stream lines to the target at (10, 1), each with the path from (0, 1) and a few shaded ellipses. Top left, the ellipses are circles of one size and the path is an arc that rises above 6. Top right, they are narrow and grow taller with height, and the path shoots up to 9.6 and slides down. Lower left, the ellipses grow both ways and the path is an arc of a circle. Lower right, the ellipses are the same and the path is a flatter arc.
#
# Update directions over the plane, with the path from $(0, 1)$. Shaded: steps that the rule of the panel counts as equally long, at seven members.
# ```
#
# The first two rules measure $\mu$ by its coordinate: one unit is as far for a wide distribution as for a narrow one. The ellipses of the Fisher matrix grow with $\sigma$: where distributions are wide, one unit of $\mu$ matters less. Both gradient descents and the natural gradient agree on *where* to raise $\sigma$, wherever it is smaller than the best one for that mean, because each of them multiplies the slopes along $\mu$ and $\sigma$ by positive numbers, and these turn no sign. They differ in how much. The geodesic raises it in a smaller region.

# %% [markdown]
# ## What changing coordinates does
#
# We have run gradient descent in each of the six systems. How do the six runs compare in one plane?

# %%
for name, curve in descents.items():
    highest, length = curve[:, 1].max(), fisher_length(curve)
    print(f"gradient descent in {name:<12} up to {highest:5.2f}, "
          f"length {length:6.3f}")  # fmt: skip

# %% tags=["hide-input", "remove-output"]
exact = family[-1.0]
keep("gaussian_geometry-figure-six-descents",
     figures.six_descents(descents, exact))  # fmt: skip
others = {name: curves[name] for name in list(curves)[1:]}
keep("gaussian_geometry-figure-coordinates",
     figures.coordinates(others, descents))  # fmt: skip

# %% [markdown]
# ```{glue:figure} gaussian_geometry-figure-six-descents
# :name: gaussian_geometry-figure-six-descents
# :alt: In the plane of mean and standard deviation, six different thin blue curves of gradient descent, each labelled with its coordinates, leave the start at (0, 1), and one thick dotted arc of the natural gradient lies among them.
#
# Gradient descent from one start to one target, in six coordinate systems, drawn in one plane. The natural gradient, thick and dotted, has one curve for all of them.
# ```
#
# Six coordinate systems make six different paths, from one loss and one start ({numref}`gaussian_geometry-figure-six-descents`). In {numref}`gaussian_geometry-figure-coordinates` the curves are drawn in their own coordinates. The natural gradient bends in all panels but the expectation parameters. It is the same curve all the same: only the paper is different.
#
# ```{glue:figure} gaussian_geometry-figure-coordinates
# :name: gaussian_geometry-figure-coordinates
# :alt: Six panels, one for each coordinate system, each with three curves from start to target. The black dotted natural gradient is a straight line only in the last panel, that of the expectation parameters. The blue curve of gradient descent and the dashed geodesic bend in every panel.
#
# The three methods in six coordinate systems, each drawn in its own axes. Gradient descent is run in the coordinates of the panel. Only in the last one is the natural gradient straight.
# ```

# %% [markdown]
# ## Exercises
#
# ```{exercise}
# :label: gaussian_geometry-ex-iterations
#
# The source of {ref}`tango` stops when $|\sigma - 1| \le 0.01001$ and $|\mu - 10| \le 0.0101$, and takes steps of $10^{-4}$ units of time. How many steps does the exact flow need? Which of the two parameters decides?
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
    print(
        f"{name:<18} at time {time:.4f}: {np.ceil(time / 1e-4):.0f} steps"
    )

# %% [markdown]
# The standard deviation decides. Near the target it is $1 + 50 u$, so it needs $u$ to be five times smaller than the mean does. {ref}`first_hits` compares this number with many runs.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: gaussian_geometry-ex-reverse
#
# Turn the divergence round: let the loss be $\mathrm{KL}(\xi \,\|\, \xi^*)$, the divergence from the model to the target. Show that its natural-gradient flow runs along an e-geodesic. What is the curve from $(0, 1)$ to $(10, 1)$, and how long is it?
# ```
#
# ````{solution-start} gaussian_geometry-ex-reverse
# :class: dropdown
# ````
#
# Now model and target have changed places: $\nabla_m \mathrm{KL}(\xi \,\|\, \xi^*) = \theta - \theta^*$, and the Fisher matrix in $m$ is $\partial\theta/\partial m$. So $\dot\theta = -(\theta - \theta^*)$, a straight line in $\theta$. Both ends have $\theta_1 = -\tfrac{1}{2}$. Hence $\sigma$ stays at 1, and the length is $\int \mathrm{d}\mu/\sigma = 10$.


# %%
@jax.jit
def reverse(xi):
    def divergence(xi):
        here = log_scale.to_mean_scale(xi)
        own = expected_loss(here, here, "scale")
        return expected_loss(TARGET, here, "scale") - own

    fisher = fisher_matrix(xi, "log scale")
    return -jnp.linalg.solve(fisher, jax.grad(divergence)(xi))


begin, moments = log_scale.from_mean_scale(START), np.linspace(0, 20, 20001)
solution = solve_ivp(
    lambda t, xi: reverse(xi), (0, 20), begin, "DOP853", moments,
    rtol=1e-10, atol=1e-12,
)  # fmt: skip
curve = log_scale.to_mean_scale(solution.y).T
print(f"σ between {curve[:, 1].min():.6f} and {curve[:, 1].max():.6f}")
print(f"length {fisher_length(curve):.4f}")

# %% [markdown]
# The two directions of the divergence are the two ends of the $\alpha$-family.
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
# We run each method in the new units, and print its highest $\sigma$ in the old ones. For the natural gradient {eq}`gaussian_geometry-eq-flow-in-time` is enough: its first line is multiplied by the factor, its second by the square of it, and the curve is the same. So is every $\alpha$-geodesic {eq}`gaussian_geometry-eq-geodesic`.

# %%
for name in ("scale", "log scale"):
    highest = [
        descend(name, unit * START, unit * TARGET)[:, 1].max() / unit
        for unit in (0.1, 1, 10)
    ]
    print(f"gradient descent in {name:<10}", *(f"{h:.3f}" for h in highest))

# %% [markdown]
# Gradient descent in $(\mu, \sigma)$ follows the same curve too, at another pace, because both of its coordinates are stretched alike. In $(\mu, \ln\sigma)$ only one of them is, and the curve changes.
#
# ```{solution-end}
# ```

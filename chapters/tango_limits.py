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
# # The limits of TANGO
#
# TANGO stands for *True Asymptotic Natural Gradient Optimization*. The name makes a claim: as the step size shrinks, the path approaches the path of the exact natural gradient.
#
# This chapter measures that. The reader sees at which rate the error falls, what it is made of, how far $\gamma$ may grow, what a change of coordinates does, and what becomes of the method in many dimensions. The last section trains a classifier on real images.
#
# You need {ref}`tango` for the method, {ref}`gaussian_geometry` for the exact curve, and {ref}`first_hits` for the mean field and the ensemble of runs.

# %%
from functools import partial
from time import perf_counter

import jax
import jax.numpy as jnp
import numpy as np
import optax
from myst_nb import glue
from scipy.integrate import solve_ivp
from sklearn.datasets import load_digits

from straightlines.gaussian import COORDINATES, fisher_matrix, natural_gradient_flow
from straightlines.optimizers import moving_average, tango, tango_gamma_bound
from straightlines.plotting import draw_band, figure, keep
from straightlines.simulate import ensemble

jax.config.update("jax_enable_x64", True)
START, TARGET = (0.0, 1.0), (10.0, 1.0)  # (μ, σ)

# %% [markdown]
# ## Does it approach the natural gradient?
#
# Equation {eq}`tango-eq-tango` has two time scales. The parameters move at the speed $\delta t$. The direction $v$ follows the natural gradient at the speed $\gamma$. Their ratio
#
# $$\varepsilon = \frac{\delta t}{\gamma}$$ (tango_limits-eq-ratio)
#
# says how far $v$ lags behind. In the time $t = k\,\delta t$, and with every random term replaced by its mean, TANGO becomes for small $\delta t$
#
# $$\dot\theta = -v, \qquad \varepsilon\,\dot v = \bar g(\theta) - (F(\theta) + \varepsilon I)\, v .$$ (tango_limits-eq-mean-field)
#
# So TANGO is the natural gradient with two blemishes: a *lag*, because $v$ needs the time $\varepsilon$ to settle, and a *damping*, because $F + \varepsilon I$ stands in for $F$. Both vanish with $\varepsilon$.
#
# How far is a path from the exact one? Take the largest distance in $(\mu, \sigma)$ between the run at iteration $k$ and the exact curve at $t = k\,\delta t$, over 201 moments of $0 \le t \le 4$.

# %%
RUNS, HORIZON = 64, 4.0


def distance(optimizer, step_size, runs=RUNS, **options):
    """Largest distance of each run from the exact curve, and how many of the runs diverge."""
    steps = round(HORIZON / step_size)
    checkpoints = np.linspace(0, steps, 201).round().astype(int).tolist()
    outcome = ensemble(
        optimizer,
        START,
        TARGET,
        jax.random.key(4),
        runs=runs,
        steps=steps,
        checkpoints=checkpoints,
        **options,
    )
    exact = np.asarray(natural_gradient_flow(START, TARGET, outcome.checkpoints * step_size))
    largest = np.linalg.norm(outcome.states - exact[:, None], axis=-1).max(axis=0)
    return np.where(outcome.diverged, np.inf, largest), int(outcome.diverged.sum())


# %% [markdown]
# The two settings vary from experiment to experiment. `optax.inject_hyperparams` moves them into the state of the optimiser, so that one compiled loop serves them all.

# %%
rule = optax.inject_hyperparams(tango, hyperparam_dtype=jnp.float32)(step_size=1e-4, gamma=1e-2)
ORIGIN = np.zeros(2, np.float32)


def with_settings(step_size, gamma, parameters=ORIGIN):
    settings = {"step_size": jnp.float32(step_size), "gamma": jnp.float32(gamma)}
    return rule.init(parameters)._replace(hyperparams=settings)


def interval(values, level=0.95):
    """Bootstrap interval of the median."""
    draws = np.random.RandomState(0).randint(len(values), size=(1000, len(values)))
    return np.quantile(np.median(values[draws], axis=1), [(1 - level) / 2, (1 + level) / 2])


# %% [markdown]
# Three ways to shrink $\delta t$: with $\gamma$ fixed, with $\gamma = \sqrt{\delta t}$, and with $\gamma = 100\,\delta t$. The last one keeps $\varepsilon$ at 0.01. It is the negative control: it must not converge.

# %%
STEP_SIZES = (1e-3, 3e-4, 1e-4, 3e-5, 1e-5)
GAMMAS = {"γ = 0.01": lambda dt: 0.01, "γ = √δt": np.sqrt, "γ = 100 δt": lambda dt: 100 * dt}
errors = {
    name: [
        distance(rule, dt, initial_state=with_settings(dt, gamma(dt)))[0] for dt in STEP_SIZES
    ]
    for name, gamma in GAMMAS.items()
}


# %% [markdown]
# The mean field is the same loop without any randomness.


# %%
@partial(jax.jit, static_argnums=0)
def mean_field_distance(dt, gamma):
    def step(carry, _):
        theta, v = carry
        variance = jnp.exp(2 * theta[1])
        gradient = jnp.stack(
            [(theta[0] - 10) / variance, 1 - ((theta[0] - 10) ** 2 + 1) / variance]
        )
        fisher = jnp.stack([1 / variance, 2.0])  # its diagonal; off it there is nothing
        decayed = (1 - dt) * v
        v = decayed + gamma * (gradient - fisher * decayed)
        theta = theta - dt * v
        return (theta, v), theta

    _, theta = jax.lax.scan(step, (jnp.zeros(2), jnp.zeros(2)), length=round(HORIZON / dt))
    exact = natural_gradient_flow(START, TARGET, dt * jnp.arange(1, len(theta) + 1))
    return jnp.linalg.norm(
        jnp.stack([theta[:, 0], jnp.exp(theta[:, 1])], axis=1) - exact, axis=1
    ).max()


mean_field = [float(mean_field_distance(dt, 0.01)) for dt in STEP_SIZES]

# %%
print("δt           " + "".join(f"{dt:>9.0e}" for dt in STEP_SIZES))
for name, values in errors.items():
    print(f"{name:12} " + "".join(f"{np.median(one):9.2f}" for one in values))
print("mean field   " + "".join(f"{one:9.2f}" for one in mean_field))

# %% tags=["hide-input", "remove-output"]
fig, ax = figure()
shapes = {
    "γ = 0.01": ("#d55e00", "s", "-"),
    "γ = √δt": ("#0072b2", "o", "--"),
    "γ = 100 δt": ("#777777", "^", "-."),
}
for name, values in errors.items():
    color, marker, line = shapes[name]
    middle = np.array([np.median(one) for one in values])
    low, high = np.array([interval(one) for one in values]).T
    ax.errorbar(
        STEP_SIZES,
        middle,
        [middle - low, high - middle],
        color=color,
        marker=marker,
        linestyle=line,
        label=name,
        capsize=3,
    )
ax.plot(
    STEP_SIZES,
    mean_field,
    color="#222222",
    linestyle=":",
    marker="x",
    label="mean field, γ = 0.01",
)
ax.set(
    xscale="log",
    yscale="log",
    xlabel=r"step size $\delta t$",
    ylabel="largest distance from the exact curve",
)
ax.legend()
keep("tango_limits-figure-rate", fig)

# %% [markdown]
# ```{glue:figure} tango_limits-figure-rate
# :name: tango_limits-figure-rate
# :alt: Log-log plot of the largest distance from the exact curve against the step size, for three choices of gamma. All fall, and meet at a step size of one ten-thousandth. Below it, the line of gamma equal to a hundred step sizes flattens, while the two others go on falling. The mean field falls faster than any of them.
#
# Median of 64 runs, with bootstrap intervals at 95 %. The control with $\varepsilon$ kept at 0.01 levels off.
# ```

# %%
slopes = np.diff(np.log([np.median(one) for one in errors["γ = 0.01"]])) / np.diff(
    np.log(STEP_SIZES)
)
print("local slopes at γ = 0.01:", " ".join(f"{slope:.1f}" for slope in slopes))
control = [float(np.median(one)) for one in errors["γ = 100 δt"]]
print(f"the control, δt = 3e-5 and 1e-5: {control[-2]:.1f} and {control[-1]:.1f}")
print(
    "the mean field falls below a quarter of the median:",
    mean_field[-1] < np.median(errors["γ = 0.01"][-1]) / 4,
)

# %% [markdown]
# {numref}`tango_limits-figure-rate` agrees with the name. With $\gamma$ fixed, or falling more slowly than $\delta t$, the path approaches the exact one. With $\gamma \propto \delta t$ it does not: lag and damping stay.
#
# No single power of $\delta t$ fits. Above $10^{-4}$ the systematic error of {eq}`tango_limits-eq-mean-field` rules, of order $\delta t/\gamma$. Below $3\cdot 10^{-5}$ a random error of order $\sqrt{\delta t}$ takes over, which the mean field does not have.
#
# ## What the error is made of
#
# At the published setting, $\delta t = 10^{-4}$ and $\gamma = 10^{-2}$, parts of TANGO can be exchanged one at a time. The variants of TANGO share one frame, and differ in what stands for $F v$.

# %%
STEP_SIZE, GAMMA = 1e-4, 1e-2


def variant(fisher_product):
    """TANGO with another estimate of the Fisher matrix times a vector: (vector, parameters, gradient, pseudo)."""

    def update(gradient, velocity, parameters, *, pseudo_gradient=None, **_):
        decayed = (1 - STEP_SIZE) * velocity
        estimate = fisher_product(decayed, parameters, gradient, pseudo_gradient)
        velocity = decayed + GAMMA * (gradient - estimate)
        return -STEP_SIZE * velocity, velocity

    return optax.GradientTransformationExtraArgs(jnp.zeros_like, update)


# %%
def exact_fisher(v, parameters, gradient, pseudo):
    return fisher_matrix(parameters) @ v


def pseudo_samples(v, parameters, gradient, pseudo):
    return (pseudo * (pseudo * v).sum(axis=-1, keepdims=True)).mean(axis=0)


def outer_product(v, parameters, gradient, pseudo):
    return gradient * (gradient * v).sum()


# %% [markdown]
# The last variant uses the data's gradient twice, in place of a pseudo-sample. It is known as the *outer product* or *empirical Fisher* approximation {cite:p}`kunstner2019limitations`.
#
# A start at $v = F^{-1}\bar g$ takes the initial lag away. At $(0, 1)$ the mean gradient is $(-10, -100)$, and $F = \mathrm{diag}(1, 2)$.

# %%
settled = np.array([-10.0, -50.0], np.float32)
variants = {
    "TANGO": dict(optimizer=tango(STEP_SIZE, GAMMA)),
    "4 pseudo-samples": dict(optimizer=variant(pseudo_samples), pseudo_samples=4),
    "16 pseudo-samples": dict(optimizer=variant(pseudo_samples), pseudo_samples=16),
    "exact Fisher": dict(optimizer=variant(exact_fisher), pseudo_samples=0),
    "exact Fisher, v settled": dict(
        optimizer=variant(exact_fisher), pseudo_samples=0, initial_state=settled
    ),
    "moving average": dict(
        optimizer=moving_average(STEP_SIZE), coordinates="expectation", pseudo_samples=0
    ),
    "outer product": dict(optimizer=variant(outer_product), pseudo_samples=0),
}

# %%
parts = {name: distance(step_size=STEP_SIZE, **options) for name, options in variants.items()}
for name, (values, diverged) in parts.items():
    print(f"{name:24} {np.median(values):5.2f}   diverged: {diverged} of {RUNS}")
    glue(
        f"tango_limits-{name.lower().replace(' ', '-').replace(',', '')}",
        round(float(np.median(values)), 2),
        display=False,
    )

# %% [markdown]
# Read the list from the top. TANGO is off by {glue:text}`tango_limits-tango`. Sixteen pseudo-samples an iteration bring the error down to {glue:text}`tango_limits-16-pseudo-samples`, close to the {glue:text}`tango_limits-exact-fisher` of the exact Fisher matrix: what TANGO has above it is the noise of its single pseudo-sample. A settled start takes the initial lag away and leaves {glue:text}`tango_limits-exact-fisher-v-settled`: damping, and the lag on the way. The moving average makes none of these errors, and its {glue:text}`tango_limits-moving-average` is all that the noise of the data contributes.
#
# At the apex of the curve $F_{\mu\mu} = 1/26$, about four times $\varepsilon = 0.01$. The damping is not small there. It slows $\mu$, while $\sigma$ grows on. The flow $\dot\theta = -(F + \varepsilon I)^{-1}\, \bar g$, without lag or noise, shows what this does:


# %%
def damped(t, theta, epsilon):
    variance, d = np.exp(2 * theta[1]), theta[0] - 10
    mean_gradient = np.array([d / variance, 1 - (d**2 + 1) / variance])
    return -mean_gradient / (np.array([1 / variance, 2]) + epsilon)


for epsilon in (0.0, STEP_SIZE / GAMMA):
    times = np.linspace(0, HORIZON, 401)
    curve = solve_ivp(
        damped, (0, HORIZON), [0, 0], "DOP853", times, args=(epsilon,), rtol=1e-9
    ).y
    print(f"ε = {epsilon}: largest σ {np.exp(curve[1]).max():.2f}")

# %% [markdown]
# It overshoots the apex, as the paths of {ref}`first_hits` do.
#
# The outer product fails: most runs diverge. Far from the target the gradients are so large that $\gamma\,|g|^2$ exceeds 2 and $v$ explodes.
#
# ## How large may γ be?
#
# With $\theta$ held still, $v$ follows a linear recursion with random coefficients, $v \leftarrow (I - \gamma\,\tilde g\,\tilde g^\top)\, v$ plus noise. Its mean is stable for $\gamma$ up to $2/\lambda_{\max}(F)$, but its mean square may not be. It is stable under the condition
#
# $$\gamma\;\mathrm{E}\big[\,|\tilde g|^2\,\tilde g\,\tilde g^\top\big] \prec 2F .$$ (tango_limits-eq-stability)
#
# ```{prf:proof}
# Leave out the noise term, and let $S$ be the mean of $v v^\top$. One step changes it by $-\gamma(FS + SF) + \gamma^2\,\mathrm{E}[\tilde g\,\tilde g^\top S\,\tilde g\,\tilde g^\top]$. The trace of this is $\mathrm{tr}\,\big(S\,(\gamma^2\,\mathrm{E}[|\tilde g|^2\tilde g\,\tilde g^\top] - 2\gamma F)\big)$, and it is negative for every $S$ exactly under {eq}`tango_limits-eq-stability`. So the condition is sufficient: the mean of $|v|^2$ then shrinks at every step.
# ```
#
# For the Gaussian in $(\mu, \ln\sigma)$, the moments of the normal distribution up to the eighth give
#
# $$\gamma < \frac{2}{30 + 5/\sigma^2} .$$

# %%
for scale in (0.5, 1.0, 5.0):
    bound = tango_gamma_bound([0.0, np.log(scale)])
    print(f"σ = {scale}: bound {bound:.4f}, formula {2 / (30 + 5 / scale**2):.4f}")

# %% [markdown]
# How sharp is it? The change of $S$ is a linear map on 2 by 2 matrices, whose expectation is an exact sum by Gauss-Hermite quadrature. The mean square is stable as long as the map's spectral radius stays below 1.

# %%
nodes, weights = np.polynomial.hermite_e.hermegauss(12)
g = np.stack([-nodes, 1 - nodes**2], axis=1)  # the pseudo-gradient at σ = 1


def spectral_radius(gamma):
    factor = np.eye(2) - gamma * g[:, :, None] * g[:, None, :]
    moment = np.einsum("n,nij,nkl->ikjl", weights / weights.sum(), factor, factor).reshape(4, 4)
    return np.abs(np.linalg.eigvals(moment)).max()


grid = np.linspace(0.03, 0.12, 901)
sharp = grid[np.argmax([spectral_radius(gamma) >= 1 for gamma in grid])]
print(f"bound {2 / 35:.4f}, mean square unstable from {sharp:.4f}")
glue("tango_limits-sharp", round(float(sharp), 4), display=False)
glue("tango_limits-bound", 2 / 35, display=False)

# %% [markdown]
# The bound of {glue:text}`tango_limits-bound:.4f` is safe, and the exact limit of {glue:text}`tango_limits-sharp` is not far above it.
#
# A mean square that grows is carried by rare large values. Single runs may survive it for a while. These are whole runs, up to $t = 4$, at $\delta t = 10^{-4}$:

# %%
for gamma in (0.05, 0.1, 0.2, 0.4):
    _, diverged = distance(rule, 1e-4, runs=256, initial_state=with_settings(1e-4, gamma))
    print(f"γ = {gamma:4}: {diverged / 256:5.0%} of 256 runs diverge")

# %% [markdown]
# ## Other coordinates
#
# The exact flow does not depend on the coordinates. TANGO does: its damping $\varepsilon I$, its start $v = 0$ and its stability bound are all tied to them. Here are the six systems of {ref}`gaussian_geometry`. The bound of $\gamma$ changes along the way, so the table gives the smallest one for $t \le 4$. The best $\gamma$ is picked from a grid of four, once from all of it and once from those below the bound.

# %%
curve = natural_gradient_flow(START, TARGET, np.linspace(0, HORIZON, 41))
print("             bound   error       best γ   its error         its error")
print("             of γ    below it             at δt = 1e-4      at δt = 3e-5")
for name, system in COORDINATES.items():
    bound = min(tango_gamma_bound(system.from_mean_scale(point), name) for point in curve)
    tried = {
        gamma: distance(
            rule, 1e-4, 32, coordinates=name, initial_state=with_settings(1e-4, gamma)
        )
        for gamma in (3e-5, 1e-4, 1e-3, 4e-2)
    }
    best = min(tried, key=lambda gamma: (np.median(tried[gamma][0]), gamma))
    below = min(np.median(values) for gamma, (values, _) in tried.items() if gamma < bound)
    finer = distance(rule, 3e-5, 32, coordinates=name, initial_state=with_settings(3e-5, best))
    cells = [
        f"{np.median(values):6.1f} ({diverged} diverge)"
        for values, diverged in (tried[best], finer)
    ]
    print(f"{name:12} {bound:.0e}  {below:5.1f}       {best:.0e}  {cells[0]}  {cells[1]}")

# %% [markdown]
# The invariance of the natural gradient is an asymptotic one here. It needs $\delta t \ll \gamma\,\lambda_{\min}(F)$ with $\gamma$ below its bound, and this window differs from system to system. In $(\mu, \ln\sigma)$ and $(\mu, \sigma)$ it is open. In $(\mu, \sigma^2)$ the error is several times as large.
#
# In the last three systems the best $\gamma$ of the grid lies above the smallest bound. Below it $v$ is stable, but lags too far behind. Above it $v$ is unstable on a part of the way, and some runs may not survive that: the window has not opened at these step sizes.
#
# ## Where TANGO is averaged SGD
#
# On a quadratic model TANGO can be averaged SGD, step for step {cite:p}`ollivier2017tango`. Put $v_k = \theta_{k-1} - \theta^{\mathrm{fast}}_k$, the gap between the average and the fast iterate. The recursion of averaged SGD then reads like {eq}`tango-eq-tango`, with the Hessian of one sample in place of $\tilde g\,\tilde g^\top$.
#
# Take linear regression with unit noise, $y = x^\top\theta + n$. The Hessian of one sample is $x\,x^\top$. A pseudo-label $\tilde y = x^\top\theta \pm 1$ gives $\tilde g = \mp x$, so that $\tilde g\,\tilde g^\top = x\,x^\top$: not on average, but every time.

# %%
stream = np.random.RandomState(0)
count, size, dt, gamma = 20_000, 5, 1e-3, 2e-2
x = stream.standard_normal((count, size))
y = x @ np.arange(1.0, size + 1) + stream.standard_normal(count)
labels = {
    "±1": np.sign(stream.standard_normal(count)),
    "Gaussian": stream.standard_normal(count),
}


# %%
def tango_regression(noise):
    optimizer = tango(dt, gamma)

    def step(carry, row):
        theta, state = carry
        x, y, n = row
        updates, state = optimizer.update((x @ theta - y) * x, state, pseudo_gradient=-n * x)
        theta = optax.apply_updates(theta, updates)
        return (theta, state), theta

    start = jnp.zeros(size)
    return jax.lax.scan(step, (start, optimizer.init(start)), (x, y, noise))[1]


def averaged_regression():
    fast, average, path = np.zeros(size), np.zeros(size), []
    for row, label in zip(x, y, strict=True):
        fast = fast - gamma * (row @ fast - label) * row
        average = (1 - dt) * average + dt * fast
        path.append(average)
    return np.array(path)


# %%
averaged = averaged_regression()
for name, noise in labels.items():
    gap = np.abs(np.asarray(tango_regression(noise)) - averaged).max()
    print(
        f"{name:8} pseudo-labels: equal to averaged SGD to 1e-12: {gap < 1e-12}, "
        f"largest difference above 0.01: {gap > 0.01}"
    )

# %% [markdown]
# With labels of $\pm 1$ the two paths are one. Gaussian pseudo-labels have the same mean and variance, and still the paths differ: the equality is one of samples, not of averages.
#
# ## Many dimensions
#
# Let the model be a Gaussian in $d$ dimensions, with a mean and a scale for each. The Fisher matrix of each pair is the one above, but the mean square of the pseudo-gradient is $d$ times as large: $\mathrm{E}\,|\tilde g|^2 = \mathrm{tr}\,F = 3d$ at $\sigma = 1$. Condition {eq}`tango_limits-eq-stability` becomes $\gamma < 2/(32 + 3d)$. TANGO takes any tree of parameters, so nothing else changes.


# %%
def bound(d):
    return 2 / (32 + 3 * d)


def gradient(theta, residual):
    """Gradient of the negative log-likelihood for the residual (y - μ)/σ of each component."""
    return {"mean": -residual * jnp.exp(-theta["log_scale"]), "log_scale": 1 - residual**2}


def origin(d):
    return {"mean": jnp.zeros(d, jnp.float32), "log_scale": jnp.zeros(d, jnp.float32)}


# %% [markdown]
# To spend the same work on every dimension, $100/d$ runs are made, and at least one; the tables give their median. Their normals are drawn a hundred steps at a time, and the compiled function `advance` goes on from what it returned before.


# %%
def repeat(tree, times):
    return jax.tree.map(lambda leaf: jnp.repeat(leaf[None], times, axis=0), tree)


def hundreds(advance, carry, count, d):
    """What each run carries after so many hundreds of steps."""
    runs, stream = max(1, 100 // d), np.random.RandomState(1)
    carry = repeat(carry, runs)
    for _ in range(count):
        carry = advance(carry, stream.standard_normal((100, runs, 2, d)).astype(np.float32))
    return carry


# %% [markdown]
# First the bound. The parameters are held at the target, and $v$ starts at 0 and makes ten steps divided by the bound, rounded to hundreds, for three values of $\gamma$.


# %%
@jax.jit
def hold(states, normals):
    """TANGO's states after more steps at the target, shape (runs, values of γ)."""
    theta = origin(normals.shape[-1])

    def one(state, normals):
        data, pseudo = (gradient(theta, part) for part in normals)
        return rule.update(data, state, pseudo_gradient=pseudo)[1]

    def step(states, normals):
        return jax.vmap(jax.vmap(one, (0, None)))(states, normals), None

    return jax.lax.scan(step, states, normals)[0]


# %%
print("   d   bound of γ    rms of v at 0.5, 1 and 2 times the bound")
for d in (1, 10, 100, 1000):
    gammas = bound(d) * np.array([0.5, 1.0, 2.0])
    states = jax.vmap(lambda gamma: with_settings(1e-9, gamma, origin(d)))(gammas)  # noqa: B023
    v = hundreds(hold, states, round(0.1 / bound(d)), d).inner_state.velocity
    rms = np.sqrt((np.square(v["mean"]) + np.square(v["log_scale"])).mean(axis=-1) / 2)
    cells = (f"{size:8.2f}" if size < 10 else "   grows" for size in np.median(rms, axis=0))
    print(f"{d:4}   {bound(d):10.5f}   " + "".join(cells))

# %% [markdown]
# With one dimension $v$ stays finite at twice the bound, as most single runs above did. With ten and more it grows: $|\tilde g|^2$ varies less from sample to sample, and a run no longer escapes its mean square.
#
# Now the price. From $(0, 1)$ to $(1, 1)$ in every component, $\gamma$ is a quarter of its bound. The error is the largest distance from the exact curve, root mean square over the components, for $t \le 2$.


# %%
@jax.jit
def follow(carry, normals):
    """Parameters and states of the runs, and their largest errors, after more steps."""

    def one(theta, state, normals):
        data, pseudo = normals
        residual = (1 + data - theta["mean"]) * jnp.exp(-theta["log_scale"])
        updates, state = rule.update(
            gradient(theta, residual), state, pseudo_gradient=gradient(theta, pseudo)
        )
        return optax.apply_updates(theta, updates), state

    def step(carry, normals):
        theta, state, worst = carry
        theta, state = jax.vmap(one)(theta, state, normals)
        time = state.count[0] * state.hyperparams["step_size"][0]
        mean, scale = natural_gradient_flow((0, 1), (1, 1), time)
        squares = (theta["mean"] - mean) ** 2 + (jnp.exp(theta["log_scale"]) - scale) ** 2
        return (theta, state, jnp.maximum(worst, jnp.sqrt(squares.mean(axis=-1)))), None

    return jax.lax.scan(step, carry, normals)[0]


def error(d, step_size):
    state = with_settings(step_size, bound(d) / 4, origin(d))
    carry = origin(d), state, jnp.zeros(())
    return float(np.median(hundreds(follow, carry, round(0.02 / step_size), d)[2]))


# %%
print("   d    error at δt = 2e-3    error at δt = 2e-3/d    iterations")
for d in (1, 10, 100, 1000):
    line = f"{d:4}  {error(d, 2e-3):20.2f}"
    if d < 1000:
        line += f"  {error(d, 2e-3 / d):20.2f}  {1000 * d:16}"
    print(line)

# %% [markdown]
# At a fixed step size the error grows with the dimension, because $\gamma \propto 1/d$ makes the lag and the damping $\varepsilon = \delta t/\gamma$ grow with it. At $d = 1000$ little of the natural gradient is left. A step size of $\delta t \propto 1/d$ keeps the error small, at the price of $d$ times as many iterations. The abstract of {cite:t}`ollivier2017tango` says so in advance: large dimensions need small learning rates.
#
# ## Real images
#
# The last test is a model that nobody solves in closed form: multinomial logistic regression on the 1797 images of digits that come with scikit-learn. There are ten classes and 64 pixels and a constant, so 650 parameters.

# %%
images, classes = load_digits(return_X_y=True)
x = jnp.asarray(np.column_stack([images / 16, np.ones(len(images))]), jnp.float32)
labels = jax.nn.one_hot(classes, 10, dtype=jnp.float32)


def loss(weights):
    return -(jax.nn.log_softmax(x @ weights) * labels).sum(axis=1).mean()


# %% [markdown]
# The gradient at one image is an outer product: the input times the difference of predicted and true label. TANGO's pseudo-label is drawn from the predicted probabilities: it is the class whose logit is the largest once Gumbel noise is added. SGD and Adam take one image a step as well, and ignore the pseudo-gradient.


# %%
@partial(jax.jit, static_argnames="make")
def train(make, rate, indices, noise):
    """Loss after every row of indices of images, from weights 0."""
    optimizer = optax.with_extra_args_support(make(rate))

    def step(carry, inputs):
        (weights, state), (index, noise) = carry, inputs
        logits = x[index] @ weights
        probabilities = jax.nn.softmax(logits)
        drawn = jax.nn.one_hot(jnp.argmax(logits + noise), 10, dtype=jnp.float32)
        g, pseudo_g = (
            jnp.outer(x[index], probabilities - label) for label in (labels[index], drawn)
        )
        updates, state = optimizer.update(g, state, weights, pseudo_gradient=pseudo_g)
        return (optax.apply_updates(weights, updates), state), None

    def round_(carry, inputs):
        carry, _ = jax.lax.scan(step, carry, inputs)
        return carry, loss(carry[0])

    weights = jnp.zeros((65, 10), jnp.float32)
    return jax.lax.scan(round_, (weights, optimizer.init(weights)), (indices, noise))[1]


def draws(seed):
    """Images and Gumbel noise for 20,000 steps, in rows of 200."""
    stream = np.random.RandomState(seed)
    noise = stream.gumbel(size=(100, 200, 10)).astype(np.float32)
    return stream.randint(len(x), size=(100, 200)), noise


# %% [markdown]
# The exact natural gradient inverts the Fisher matrix of all images, $F = \frac{1}{n}\sum x x^\top \otimes (\mathrm{diag}\,p - p\,p^\top)$, a matrix of 650 by 650. It is singular: a pixel that is always empty has no effect, and only differences of logits count. A damping of $10^{-3}$ makes it invertible.


# %%
@jax.jit
def fisher(weights):
    p = jax.nn.softmax(x @ weights)
    curvature = jax.vmap(jnp.diag)(p) - p[:, :, None] * p[:, None, :]
    products = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
    blocks = (products.T @ curvature.reshape(len(x), -1) / len(x)).reshape(65, 65, 10, 10)
    return blocks.transpose(0, 2, 1, 3).reshape(650, 650)


@jax.jit
def natural_gradient_descent(weights, step_size):
    damped = fisher(weights) + 1e-3 * jnp.eye(650, dtype=jnp.float32)
    direction = jnp.linalg.solve(damped, jax.grad(loss)(weights).ravel())
    return weights - step_size * direction.reshape(65, 10)


# %% [markdown]
# Each method gets the best rate of a small grid, judged by the final loss of one seed, and then five new seeds. For TANGO the grid is one of $\gamma$, with $\delta t = 0.03$. Times are measured here and now; they appear in the figure only.


# %%
def tango_with_gamma(gamma):
    return tango(0.03, gamma)


GRID = {
    "TANGO": (tango_with_gamma, (0.05, 0.1, 0.2)),
    "SGD": (optax.sgd, (0.1, 0.3, 1.0)),
    "Adam": (optax.adam, (3e-3, 1e-2, 3e-2)),
}
SEEDS = 5
curves, seconds, best_rates = {}, {}, {}
for method, (make, rates) in GRID.items():
    final = {rate: float(train(make, rate, *draws(100))[-1]) for rate in rates}
    best = best_rates[method] = min(final, key=final.get)
    begin = perf_counter()
    curves[method] = np.array([train(make, best, *draws(seed)) for seed in range(SEEDS)])
    seconds[method] = (perf_counter() - begin) / SEEDS
    print(f"{method:6} best rate {best}, loss {np.median(curves[method][:, -1]):.2f}")

# %%
weights = natural_gradient_descent(jnp.zeros((65, 10), jnp.float32), 0.5)  # compiled
begin, weights, exact_losses = perf_counter(), jnp.zeros((65, 10), jnp.float32), []
for _ in range(20):
    weights = natural_gradient_descent(weights, 0.5)
    exact_losses.append(float(loss(weights)))
seconds["natural gradient"] = perf_counter() - begin
print("natural gradient, 20 steps over all images, loss:", f"{exact_losses[-1]:.2f}")
glue("tango_limits-images", 20 * len(x), display=False)

# %% tags=["hide-input", "remove-output"]
fig, (left, right) = figure(2, sharey=True)
curves["natural gradient"] = np.array([exact_losses])
for method, losses in curves.items():
    steps = np.arange(1, losses.shape[1] + 1) * (1 if method == "natural gradient" else 200)
    band, every = np.quantile(losses, [0, 0.5, 1], axis=0), len(steps) // 12
    draw_band(left, steps, band, method, markevery=every, markersize=4)
    times = steps / steps[-1] * seconds[method]
    draw_band(right, times, band, method, markevery=every, markersize=4)
left.set(xscale="log", yscale="log", xlabel="iterations", ylabel="loss over all images")
right.set(xscale="log", xlabel="seconds, on the machine that made this page")
left.legend()
keep("tango_limits-figure-digits", fig)

# %% [markdown]
# ```{glue:figure} tango_limits-figure-digits
# :name: tango_limits-figure-digits
# :alt: The loss on the digits falls over iterations, left, and over seconds, right, both on logarithmic axes. The exact natural gradient needs twenty iterations, each of which uses all images. The three methods that use one image an iteration end close to each other after twenty thousand of them.
#
# Loss on the digits, median and range of five seeds. The exact natural gradient uses all images in each of its twenty steps; the other methods use one image a step.
# ```
#
# Counted in iterations, nothing comes near the exact natural gradient in {numref}`tango_limits-figure-digits`. Counted in images it is another matter: twenty of its steps look at as many images as {glue:text}`tango_limits-images:,` steps of the others.
#
# TANGO ends a little above SGD and Adam. It begins wildly, and single seeds jump even late. A closer look says what it does here: its result hardly depends on $\delta t$, and is close to that of plain SGD with the rate $\gamma$.

# %%
tango_with_step_size = partial(tango, gamma=0.1)
for step_size in (0.003, 0.01, 0.1):
    final = float(train(tango_with_step_size, step_size, *draws(100))[-1])
    print(f"TANGO, γ = 0.1, δt = {step_size}: loss {final:.2f}")
final = float(train(optax.sgd, 0.1, *draws(100))[-1])
print(f"SGD, rate 0.1:             loss {final:.2f}")

# %%
fisher_at = {"at weights 0": fisher(jnp.zeros_like(weights)), "at the end": fisher(weights)}
for where, F in fisher_at.items():
    print(f"tr F {where}: {jnp.trace(F):4.1f}, which limits γ to about {2 / jnp.trace(F):.2f}")
for method in ("TANGO", "SGD"):
    print(
        f"{method:5} after 200 steps: highest loss of the seeds {curves[method][:, 0].max():.1f}"
    )
eigenvalues = np.linalg.eigvalsh(np.asarray(fisher_at["at the end"], float))
slow = (best_rates["TANGO"] * 20_000 * eigenvalues < 1).mean()
print(f"directions in which v settles more slowly than in 20,000 steps: {slow:.0%}")

# %% [markdown]
# The trace of $F$ limits $\gamma$, as in the section on dimensions. At weights 0 the best $\gamma$ of the grid lies above that limit, so the first iterations are wild. At the weights that the natural gradient has found, $F$ is so much smaller that the same $\gamma$ is far below its limit. In a direction with the eigenvalue $\lambda$ of $F$, $v$ needs about $1/(\gamma\lambda)$ steps to settle. At these weights, and with the best $\gamma$, that is more than 20,000 steps in most directions. In those directions TANGO behaves as on the regression above, as the average of SGD with rate $\gamma$. The asymptotic regime of its name is out of reach here. SGD gives the same for less.
#
# ## Exercises
#
# ```{exercise}
# :label: tango_limits-ex-lag
#
# In the table of variants, what would TANGO's error be if only the start were repaired: the usual single pseudo-sample, but $v$ settled at $F^{-1}\bar g$ from the first step?
# ```
#
# ````{solution-start} tango_limits-ex-lag
# :class: dropdown
# ````


# %%
def one_pseudo_sample(v, parameters, gradient, pseudo):
    return pseudo * (pseudo * v).sum()


values, _ = distance(variant(one_pseudo_sample), STEP_SIZE, initial_state=settled)
print(
    f"TANGO, v settled: {np.median(values):.2f}; from v = 0: {np.median(parts['TANGO'][0]):.2f}"
)

# %% [markdown]
# It does not help. The noise of the pseudo-sample multiplies $v$, and a settled $v$ is large from the first step on. What the start gains is lost to noise. With the exact Fisher matrix there is no such noise, and the settled start is the better one.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: tango_limits-ex-gamma
#
# At $\delta t = 10^{-4}$, which $\gamma$ gives the smallest error? Lag and damping ask for a large one, pseudo-sample noise for a small one.
# ```
#
# ````{solution-start} tango_limits-ex-gamma
# :class: dropdown
# ````

# %%
for gamma in (3e-3, 1e-2, 2e-2, 3e-2, 5e-2):
    values, _ = distance(rule, 1e-4, initial_state=with_settings(1e-4, gamma))
    print(f"γ = {gamma:.0e}: {np.median(values):.2f}")

# %% [markdown]
# The error has a flat minimum between the two. The published $\gamma = 10^{-2}$ is a fair choice.
#
# ```{solution-end}
# ```

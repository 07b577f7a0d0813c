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
# (tango)=
# # TANGO: Figure 1, reproduced
#
# Fit a Gaussian to samples, one sample at a time. Three online methods start at the same point and aim at the same target. Each of them takes a different path.
#
# {cite:t}`ollivier2017tango` draws these paths in his Figure 1 to introduce TANGO, a method that follows the natural gradient without ever forming the Fisher matrix. A public notebook {cite:p}`notwa2019tango` reproduces the figure and prints how many iterations each of them takes.
#
# This chapter computes the figure and its numbers anew, from the same stream of random numbers. It then draws the curve that the notebook guesses: the exact natural gradient.
#
# You need derivatives and the normal distribution. Equation {eq}`update_rules-eq-natural-gradient` recalls what a natural gradient is.

# %%
import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from myst_nb import glue
from scipy.stats import norm

from straightlines.gaussian import fisher_matrix, natural_gradient_flow
from straightlines.optimizers import tango
from straightlines.plotting import draw_path, draw_target, figure, keep
from straightlines.simulate import first_hit, path

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# ## One Gaussian, one sample at a time
#
# The model is $N(\mu, \sigma^2)$. Its negative log-likelihood at a sample $y$ is
#
# $$\ell(y; \mu, \sigma) = \frac{(y - \mu)^2}{2\sigma^2} + \ln\sigma + \frac{1}{2}\ln 2\pi .$$ (tango-eq-negative-log-likelihood)


# %%
def negative_log_likelihood(y, mean, scale):
    return (y - mean) ** 2 / (2 * scale**2) + np.log(scale) + np.log(2 * np.pi) / 2


# %% [markdown]
# Three derivatives follow by hand:
#
# $$\frac{\partial\ell}{\partial y} = \frac{y - \mu}{\sigma^2}, \qquad \frac{\partial\ell}{\partial\mu} = \frac{\mu - y}{\sigma^2}, \qquad
# \frac{\partial\ell}{\partial\sigma} = \frac{1}{\sigma}\left(1 - \Big(\frac{y - \mu}{\sigma}\Big)^2\right).$$

# %%
derivatives = [
    lambda y, mean, scale: (y - mean) / scale**2,
    lambda y, mean, scale: (mean - y) / scale**2,
    lambda y, mean, scale: (1 - ((y - mean) / scale) ** 2) / scale,
]

# %% [markdown]
# The notebook opens with four checks, each on a thousand random points $(y, \mu, \sigma)$. They matter twice. They test the formulas, and they use up random numbers: every result below depends on where in the stream it starts.
#
# NumPy's legacy stream `RandomState` is frozen, so the stream of the year 2019 is still here.

# %%
stream = np.random.RandomState(1234)


def points():
    return stream.uniform(size=(3, 1000)) * 0.999 + 0.001


y, mean, scale = points()
density = np.exp(-negative_log_likelihood(y, mean, scale))
print("density:", np.allclose(density, norm.pdf(y, mean, scale)))

# %% [markdown]
# Each derivative is compared with a central difference of step $10^{-7}$, on a fresh block of points.

# %%
for argument, (name, derivative) in enumerate(zip(["y", "μ", "σ"], derivatives, strict=True)):
    at = points()
    shift = 1e-7 * np.eye(3)[argument][:, None]
    above, below = (negative_log_likelihood(*p) for p in (at + shift, at - shift))
    print(f"derivative in {name}:", np.allclose(derivative(*at), (above - below) / 2e-7))

# %% [markdown]
# ## The three methods
#
# The parameters are $\theta = (\mu, \ln\sigma)$, so that $\sigma$ stays positive. By the chain rule the second component of the gradient is $\sigma\,\partial\ell/\partial\sigma$:


# %%
def gradient(theta, y):
    residual = (y - theta[0]) / jnp.exp(theta[1])
    return jnp.array([-residual / jnp.exp(theta[1]), 1 - residual**2])


# %% [markdown]
# Three numbers set the pace: the step size $\delta t$, the rate $\gamma$ and SGD's own rate. The start, the target and the limit of iterations complete the setting.

# %%
START, TARGET = (0.0, 1.0), (10.0, 1.0)  # (μ, σ)
STEP_SIZE, GAMMA, SGD_RATE = 1e-4, 1e-2, 1e-3
LIMIT = 100_000

# %% [markdown]
# **SGD** draws one sample and steps down its gradient, $\theta_k = \theta_{k-1} - \eta\, g_k$.
#
# **Averaged SGD** runs SGD with the large rate $\gamma$ and reports a moving average of its iterates, $\theta_k = (1 - \delta t)\,\theta_{k-1} + \delta t\, \theta^{\mathrm{fast}}_k$.
#
# **TANGO** draws two samples an iteration: $y$ from the data, and then a *pseudo-sample* $\tilde y$ from the current model.
#
# ```{prf:algorithm} TANGO
# :label: tango-algorithm
#
# **Inputs** A start $\theta_0$, a step size $\delta t$, a rate $\gamma$. Set $v_0 = 0$.
#
# For $k = 1, 2, \dots$
#
# 1. Draw $y$ from the data. Set $g_k = \nabla\ell(y; \theta_{k-1})$.
# 2. Draw $\tilde y$ from the model at $\theta_{k-1}$. Set $\tilde g_k = \nabla\ell(\tilde y; \theta_{k-1})$.
# 3. Update the direction $v$ and the parameters $\theta$ by {eq}`tango-eq-tango`.
# ```
#
# $$\begin{aligned}
# v_k &= (1 - \delta t_{k-1})\, v_{k-1} + \gamma\, g_k - \gamma\,(1 - \delta t_{k-1})\,(v_{k-1}\cdot\tilde g_k)\,\tilde g_k, \\
# \theta_k &= \theta_{k-1} - \delta t_k\, v_k .
# \end{aligned}$$ (tango-eq-tango)
#
# The indices matter only if $\delta t$ varies: the direction decays by the previous step size.
#
# Why does this follow the natural gradient? Freeze $\theta$ and let $v$ settle. On average the pseudo-sample term is $F v$, because the Fisher matrix $F$ is the mean of $\tilde g\,\tilde g^\top$. The direction comes to rest where $F v$ is close to the mean of $g$: at the natural gradient $v \approx F^{-1}\,\mathrm{E}\,g$. No matrix is ever formed.


# %%
def tango_step(carry, normals):
    theta, v = carry
    g = gradient(theta, TARGET[0] + TARGET[1] * normals[0])
    pseudo_g = gradient(theta, theta[0] + jnp.exp(theta[1]) * normals[1])
    decay = 1 - STEP_SIZE
    v = decay * v + GAMMA * g - GAMMA * decay * jnp.dot(v, pseudo_g) * pseudo_g
    theta = theta - STEP_SIZE * v
    return (theta, v), theta


# %% [markdown]
# ## Three runs on one stream
#
# The three runs follow each other on one stream: SGD begins where TANGO stopped drawing. A legacy normal is `loc + scale * standard_normal`, so one block of standard normals serves all of them, with some to spare.

# %%
normals = stream.standard_normal(5 * LIMIT)

# %% [markdown]
# First TANGO as it is written above. `lax.scan` repeats the step in one compiled loop.

# %%
start = jnp.array([START[0], jnp.log(START[1])])
_, written_out = jax.lax.scan(
    tango_step, (start, jnp.zeros(2)), normals[: 2 * LIMIT].reshape(LIMIT, 2)
)

# %% [markdown]
# A path stops at its first iteration, counted from 0, that lies in a small box around the target: within 0.01 in both $\mu$ and $\sigma$, and a relative $10^{-5}$ on top.

# %%
mean, scale = written_out[:, 0], jnp.exp(written_out[:, 1])
arrived = np.isclose(mean, TARGET[0], atol=0.01) & np.isclose(scale, TARGET[1], atol=0.01)
print(f"converged in {arrived.argmax()} iterations" if arrived.any() else "did not converge")

# %% [markdown]
# That is the published number. The package `straightlines` holds the same rule as an optax transformation, `tango`, together with `path`, which runs any such rule, and `first_hit`. From here on the chapter uses them.


# %%
def run(optimizer, normals, samples, **options):
    """The path up to its first hit, and the normals that it leaves for the next run."""
    block = normals[: LIMIT * samples].reshape(LIMIT, samples)
    points = np.asarray(path(optimizer, START, TARGET, block, **options))
    hit = first_hit(points, TARGET, absolute_tolerance=0.01)
    if hit is None:
        print(f"did not converge in {LIMIT} iterations")
        return points, normals[block.size :]
    print(f"converged in {hit} iterations")
    return points[: hit + 2], normals[(hit + 1) * samples :]


# %%
tango_path, rest = run(tango(STEP_SIZE, GAMMA), normals, samples=2)

# %%
sgd_path, rest = run(optax.sgd(SGD_RATE), rest, samples=1)

# %%
averaged_path, rest = run(optax.sgd(GAMMA), rest, samples=1, averaging=STEP_SIZE)

# %% [markdown]
# All three counts are the published ones. So are the end points and the largest $\sigma$ on the way; {ref}`reproduction` sets them side by side.

# %%
paths = {"TANGO": tango_path, "SGD": sgd_path, "averaged SGD": averaged_path}
for method, points in paths.items():
    end, largest = points[-1], points[:, 1].max()
    print(f"{method:12}  end ({end[0]:.8f}, {end[1]:.8f})  largest σ {largest:.8f}")
    key = method.lower().replace(" ", "-")
    glue(f"tango-iterations-{key}", len(points) - 2, display=False)
    glue(f"tango-end-{key}", end.tolist(), display=False)
    glue(f"tango-largest-scale-{key}", float(largest), display=False)

# %% [markdown]
# ### Checked against a plain loop
#
# A compiled scan, automatic differentiation and an optax transformation stand between equation {eq}`tango-eq-tango` and these numbers. A loop in plain Python, with the derivatives by hand and no library at all, must give the same path.

# %%
from math import exp

mean, log_scale, v, plain = 0.0, 0.0, (0.0, 0.0), []
pairs = normals[: 2 * (len(tango_path) - 1)].reshape(-1, 2).tolist()
for data_normal, pseudo_normal in pairs:
    scale = exp(log_scale)
    residual = (TARGET[0] + TARGET[1] * data_normal - mean) / scale
    g = (-residual / scale, 1 - residual**2)
    pseudo_g = (-pseudo_normal / scale, 1 - pseudo_normal**2)
    overlap = v[0] * pseudo_g[0] + v[1] * pseudo_g[1]
    v = [
        (1 - STEP_SIZE) * v[i] + GAMMA * (g[i] - (1 - STEP_SIZE) * overlap * pseudo_g[i])
        for i in (0, 1)
    ]
    mean, log_scale = mean - STEP_SIZE * v[0], log_scale - STEP_SIZE * v[1]
    plain.append((mean, exp(log_scale)))

# %%
steps = len(plain)
in_chapter = np.column_stack([written_out[:steps, 0], np.exp(written_out[:steps, 1])])
print("steps:", steps)
print("chapter and package agree to 1e-12:", np.abs(in_chapter - tango_path[1:]).max() < 1e-12)
gap = np.abs(np.array(plain) - tango_path[1:]).max()
print("plain loop and package agree to 1e-12:", gap < 1e-12)

# %% [markdown]
# ## The exact natural gradient
#
# The notebook draws a "true natural gradient" too, but marks it as a guess: half an ellipse, $\sigma = 4.1\sqrt{1 - (\mu/5 - 1)^2} + 1$. No guess is needed.
#
# The natural-gradient flow is the path of infinitely small steps along $-F^{-1}\nabla L$, where $L = \mathrm{E}\,\ell$ is the expected loss under the target $N(\mu^*, \sigma^{*2})$:
#
# $$L(\mu, \sigma) = \frac{(\mu - \mu^*)^2 + \sigma^{*2}}{2\sigma^2} + \ln\sigma + \mathrm{const}.$$
#
# In $(\mu, \ln\sigma)$ the Fisher matrix is $F = \mathrm{diag}(1/\sigma^2,\, 2)$. The flow is therefore
#
# $$\dot\mu = -\sigma^2\,\frac{\partial L}{\partial\mu} = -(\mu - \mu^*), \qquad
# \frac{\mathrm{d}\ln\sigma}{\mathrm{d}t} = -\frac{1}{2}\frac{\partial L}{\partial\ln\sigma} = \frac{(\mu - \mu^*)^2 + \sigma^{*2} - \sigma^2}{2\sigma^2}.$$ (tango-eq-natural-gradient-flow)
#
# The second equation says $\frac{\mathrm{d}}{\mathrm{d}t}\sigma^2 = (\mu - \mu^*)^2 + \sigma^{*2} - \sigma^2$. Add $\frac{\mathrm{d}}{\mathrm{d}t}\mu^2 = -2\mu(\mu - \mu^*)$, and the second moment obeys
#
# $$\frac{\mathrm{d}}{\mathrm{d}t}(\mu^2 + \sigma^2) = -\big((\mu^2 + \sigma^2) - (\mu^{*2} + \sigma^{*2})\big).$$
#
# The mean and the second moment both decay exponentially to their targets, at the same rate. So the flow runs *on a straight line* in the plane of these two moments. Seen in $(\mu, \sigma)$ the line bends. From $(0, 1)$ to $(10, 1)$ the second moment is $1 + 10\mu$ along it, and
#
# $$\sigma = \sqrt{1 + 10\mu - \mu^2} = \sqrt{1 + \mu\,(10 - \mu)} .$$ (tango-eq-exact-curve)

# %%
time = np.linspace(0, 12, 400)
exact = np.asarray(natural_gradient_flow(START, TARGET, time))
on_curve = np.sqrt(1 + exact[:, 0] * (10 - exact[:, 0]))
print("the flow lies on the curve to 1e-12:", np.abs(exact[:, 1] - on_curve).max() < 1e-12)

# %% [markdown]
# An ODE solver that knows only the gradient and the Fisher matrix finds the same points.


# %%
def expected_loss(theta):
    squares = (theta[0] - TARGET[0]) ** 2 + TARGET[1] ** 2
    return squares / 2 * jnp.exp(-2 * theta[1]) + theta[1]


def velocity(t, theta, _):
    return -jnp.linalg.solve(fisher_matrix(theta), jax.grad(expected_loss)(theta))


# %%
solution = diffrax.diffeqsolve(
    diffrax.ODETerm(velocity),
    diffrax.Dopri8(),
    t0=0, t1=12, dt0=None, y0=start,
    saveat=diffrax.SaveAt(ts=jnp.asarray(time)),
    stepsize_controller=diffrax.PIDController(rtol=1e-11, atol=1e-11),
)  # fmt: skip
solved = np.column_stack([solution.ys[:, 0], np.exp(solution.ys[:, 1])])
print("formula and ODE solver agree to 1e-8:", np.abs(solved - exact).max() < 1e-8)

# %%
apex = float(np.sqrt(26))
grid = np.linspace(0, 10, 2001)
guess = 4.1 * np.sqrt(1 - (grid / 5 - 1) ** 2) + 1
gap = np.abs(guess - np.sqrt(1 + grid * (10 - grid)))
glue("tango-apex", apex, display=False)
glue("tango-guess-gap", float(gap.max()), display=False)
glue("tango-guess-gap-at", float(grid[gap.argmax()]), display=False)
print(f"apex of the curve {apex:.4f}, of the guess {guess.max():.4f}")
print(f"largest gap {gap.max():.3f} at μ = {grid[gap.argmax()]:.2f}")

# %% [markdown]
# The curve's apex is $\sqrt{26} = {}${glue:text}`tango-apex:.3f` at $\mu = 5$. The guess is good at the apex and off by up to {glue:text}`tango-guess-gap:.2f` near the ends.
#
# ## The figure

# %% tags=["hide-input", "remove-output"]
fig, ax = figure(size=(7, 4.8))
for method in ("SGD", "TANGO", "averaged SGD"):
    draw_path(ax, paths[method][::200], method, markers=False, start=False)
draw_path(
    ax,
    np.column_stack([grid, np.sqrt(1 + grid * (10 - grid))]),
    "natural gradient",
    markers=False,
    linewidth=2.4,
)
draw_target(ax, TARGET)
ax.annotate("start", START, (-0.25, 0.35), ha="center")
ax.annotate("target", TARGET, (10.25, 0.35), ha="center")
ax.set(xlabel=r"mean $\mu$", ylabel=r"standard deviation $\sigma$", xlim=(-1, 12), ylim=(0, 10))
ax.legend(loc="upper right")
keep("tango-figure-paths", fig)

# %% [markdown]
# ```{glue:figure} tango-figure-paths
# :name: tango-figure-paths
# :alt: Four paths from (0, 1) to (10, 1) in the plane of mean and standard deviation. SGD climbs to a standard deviation above 9 and slides down on the right. Averaged SGD rises to 2 and comes down slowly. TANGO follows the arch of the natural gradient, whose top is at 5.1, and stays slightly below it.
#
# Figure 1 of {cite:t}`ollivier2017tango`, computed anew, with the exact natural gradient {eq}`tango-eq-exact-curve` as the dotted black arch. One seed.
# ```
#
# In {numref}`tango-figure-paths` SGD goes up before it goes right. Far from the data, a wide Gaussian is less wrong than a narrow one, and the gradient in $\ln\sigma$ is by far the larger component. Then the path slides down along $\sigma^2 = 1 + (10 - \mu)^2$, where $\sigma$ is the best one for the current $\mu$:

# %%
for method in ("SGD", "TANGO"):
    mean, scale = paths[method][paths[method][:, 0] > 1].T
    off = np.abs(scale / np.sqrt(1 + (10 - mean) ** 2) - 1)
    print(f"{method:5} beyond μ = 1: σ is off the best one by at most {100 * off.max():.0f} %")

# %% [markdown]
# Averaged SGD runs down the same slide with its fast iterate, ten times as fast as SGD. The average has covered only part of the way when the fast iterate arrives. From then on it heads straight for the target in $(\mu, \ln\sigma)$, and $\sigma$ stays small.

# %%
block = normals[-LIMIT:, None]  # another part of the stream
fast = np.asarray(path(optax.sgd(GAMMA), START, TARGET, block))
average = np.asarray(path(optax.sgd(GAMMA), START, TARGET, block, averaging=STEP_SIZE))
arrival = first_hit(fast, TARGET, absolute_tolerance=0.5)
print(f"the fast iterate comes within 0.5 of the target after {arrival} iterations")
print(f"the average is then at μ = {average[arrival, 0]:.1f}")

# %% [markdown]
# TANGO runs close to the arch of the natural gradient, for this seed a little below it:

# %%
middle = tango_path[(tango_path[:, 0] > 1) & (tango_path[:, 0] < 9)]
below = np.sqrt(1 + middle[:, 0] * (10 - middle[:, 0])) - middle[:, 1]
print(f"between μ = 1 and 9, TANGO is {below.min():.2f} to {below.max():.2f} below the arch")

# %% [markdown]
# It begins with $v = 0$ and has to learn its direction, and its pseudo-samples are random. {ref}`tango_limits` takes this error apart.
#
# The notebook draws the picture in its own colours. {numref}`tango-figure-source` redraws it with its guess, which can be set against the exact arch above.

# %% tags=["hide-input", "remove-output"]
fig, ax = figure(size=(6, 4.6))
ax.plot(*tango_path[::200].T, color="red", linestyle="-", label="TANGO")
ax.plot(*sgd_path[::200].T, color="lime", linestyle="--", label="SGD")
ax.plot(*averaged_path[::200].T, color="blue", linestyle=":", label="averaged SGD")
ax.plot(grid, guess, color="magenta", linestyle=":", label="“true natural gradient”, a guess")
ax.set(xlabel=r"$\mu$", ylabel=r"$\sigma$", xlim=(-2, 12), ylim=(0, 10))
ax.legend(loc="upper right")
keep("tango-figure-source", fig)

# %% [markdown]
# ```{glue:figure} tango-figure-source
# :name: tango-figure-source
# :alt: The same three paths in the colours of the source, red for TANGO, lime dashes for SGD, blue dots for averaged SGD, and half an ellipse of magenta dots as the guessed natural gradient.
#
# A redraw of the figure as {cite:t}`notwa2019tango` publishes it, with its guessed curve.
# ```
#
# ## What the source leaves open
#
# **The rates are unequal.** SGD's rate is ten times the step size of the other two. Its smaller count says nothing about the method. At the step size of the others it is far from done when the iterations run out:

# %%
slow_path, _ = run(optax.sgd(STEP_SIZE), rest[-LIMIT:], samples=1)
print(f"SGD at rate {STEP_SIZE}: μ = {slow_path[-1, 0]:.2f}, σ = {slow_path[-1, 1]:.2f}")

# %% [markdown]
# **There is one seed.** Each count is a first hit of a random path: another stream gives another count. Five more seeds already spread widely.

# %%
hits, tops = [], []
for seed in range(5):
    block = np.random.RandomState(seed).standard_normal((2 * LIMIT, 2))
    points = path(tango(STEP_SIZE, GAMMA), START, TARGET, block)
    hits.append(first_hit(points, TARGET))
    tops.append(float(points[:, 1].max()))
print("iterations:", hits)
print("largest σ: ", np.round(tops, 2))

# %%
glue("tango-fewest", min(hits), display=False)
glue("tango-most", max(hits), display=False)
glue("tango-above", sum(top > apex for top in tops), display=False)
glue("tango-highest", max(tops), display=False)

# %% [markdown]
# They run from {glue:text}`tango-fewest` to {glue:text}`tango-most` iterations; the published run took {glue:text}`tango-iterations-tango`. Of these five, {glue:text}`tango-above` climb above the arch, up to $\sigma = {}${glue:text}`tango-highest:.2f`; the published run has its top below. {ref}`first_hits` draws a thousand seeds and says what such a number is worth.
#
# **One line of the notebook has aged.** Its call `plt.show(fig)` fails on today's matplotlib outside a notebook, because `show` takes no figure. The numbers have not moved.
#
# ## Exercises
#
# ```{exercise}
# :label: tango-ex-target
#
# The exact curve from $(0, 1)$ to $(10, 1)$ is an arch. What does it look like from $(0, 3)$ to $(0, 1)$, where only $\sigma$ has to change? Predict the shape from the moments, then check.
# ```
#
# ````{solution-start} tango-ex-target
# :class: dropdown
# ````

# %%
shrink = natural_gradient_flow((0.0, 3.0), (0.0, 1.0), np.array([0.0, 1.0, 2.0, 4.0]))
print(np.round(shrink, 4))

# %% [markdown]
# The mean stays at 0: its start and its target agree, so the line in the moments is vertical. The variance decays as $1 + 8 e^{-t}$.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: tango-ex-average
#
# Along the exact flow, the two moments decay to those of the data. A moving average of $y$ and $y^2$ does the same. Take it over TANGO's data samples, with the same $\delta t$. How far is each method from the exact flow at the same iteration?
# ```
#
# ````{solution-start} tango-ex-average
# :class: dropdown
# ````

# %%
samples = TARGET[0] + TARGET[1] * normals[: 2 * LIMIT : 2]
moments = np.stack([samples, samples**2], axis=1)
first, second = START[0], START[0] ** 2 + START[1] ** 2
averages = []
for one, two in moments[:40_000].tolist():
    first, second = first + STEP_SIZE * (one - first), second + STEP_SIZE * (two - second)
    averages.append((first, (second - first**2) ** 0.5))

# %%
at = np.arange(1, 40_001) * STEP_SIZE
curve = np.asarray(natural_gradient_flow(START, TARGET, at))
for name, points in [("moving average", np.array(averages)), ("TANGO", tango_path[1:40_001])]:
    print(f"{name:14} largest distance {np.linalg.norm(points - curve, axis=1).max():.2f}")

# %% [markdown]
# The moving average follows the flow better by far. In the moments, its mean step is the one of the natural gradient. It needs a mean map that can be inverted, which this model has and a neural network has not. TANGO needs gradients only.
#
# ```{solution-end}
# ```

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
# (first_hits)=
# # First hits: a thousand seeds
#
# "Converged in {glue:text}`first_hits-published-tango` iterations", says the TANGO notebook. {ref}`tango` reproduces this count, and those of SGD and averaged SGD. This chapter asks what they are worth.
#
# The answer takes a thousand runs of each method. The reader sees how widely the counts scatter, how high each method's noise floor lies, and why the order of the three says little about the methods.
#
# You need {ref}`tango` for the setting and {ref}`gaussian_geometry` for the exact curve.

# %%
import tomllib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.patches import Rectangle
from myst_nb import glue
from scipy.optimize import brentq

from straightlines import streams
from straightlines.gaussian import natural_gradient_flow
from straightlines.optimizers import moving_average, tango
from straightlines.plotting import LOOKS, draw_band, draw_path, draw_target, figure, keep
from straightlines.simulate import ensemble, first_hit, path

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# ## Four methods
#
# The three methods of {ref}`tango` keep their published settings. A fourth joins them: the **moving average** of $y$ and $y^2$. In the expectation parameters it is the exact online natural gradient, so it shows what TANGO would do without any error of its own.

# %%
START, TARGET = (0.0, 1.0), (10.0, 1.0)  # (μ, σ)
STEP_SIZE, GAMMA, SGD_RATE = 1e-4, 1e-2, 1e-3
METHODS = {
    "TANGO": dict(optimizer=tango(STEP_SIZE, GAMMA)),
    "SGD": dict(optimizer=optax.sgd(SGD_RATE), pseudo_samples=0),
    "averaged SGD": dict(optimizer=optax.sgd(GAMMA), averaging=STEP_SIZE, pseudo_samples=0),
    "moving average": dict(
        optimizer=moving_average(STEP_SIZE), coordinates="expectation", pseudo_samples=0
    ),
}

# %% [markdown]
# The counts that the source prints for them:

# %%
entries = {
    entry["id"]: entry["value"]
    for entry in tomllib.loads(Path("../published.toml").read_text())["published"]
}
PUBLISHED = {
    method: entries[f"tango-iterations-{method.lower().replace(' ', '-')}"]
    for method in ("TANGO", "SGD", "averaged SGD")
}
glue("first_hits-published-tango", PUBLISHED["TANGO"], display=False)
print(PUBLISHED)

# %% [markdown]
# `ensemble` makes many runs at once. It draws the random numbers inside the compiled loop, keeps the first hit and the end of each run, and quantiles over the runs at a few checkpoints.

# %%
RUNS, STEPS = 1000, 150_000
checkpoints = np.arange(0, 100_001, 1000).tolist()
runs = {
    method: ensemble(
        start=START, target=TARGET, key=jax.random.key(2017), runs=RUNS, steps=STEPS,
        checkpoints=checkpoints, quantiles=(0.05, 0.5, 0.95), **options,
    )
    for method, options in METHODS.items()
}  # fmt: skip
print("diverged:", {method: int(run.diverged.sum()) for method, run in runs.items()})
print(
    f"no hit in {STEPS} steps:",
    {method: int((run.first_hit < 0).sum()) for method, run in runs.items()},
)

# %% [markdown]
# Does the engine do what a single run does? One of its runs, replayed with the same normals by `path`, must hit at the same iteration, give or take what rounding moves.

# %%
normals = streams.normals(jax.random.key(2017), 7, 100_000)
replay = path(tango(STEP_SIZE, GAMMA), START, TARGET, normals)
moved = abs(first_hit(replay, TARGET) - int(runs["TANGO"].first_hit[7]))
print("run 7 replayed, first hit within 50 iterations:", moved < 50)

# %% [markdown]
# ## How the counts scatter
#
# The first hit of each run, in thousands of iterations. A run that does not hit within the steps counts as later than all others.

# %%
hits = {
    method: np.where(run.first_hit < 0, STEPS, run.first_hit) for method, run in runs.items()
}
print(f"{'':15}mean   5 %  25 %  50 %  75 %  95 %   over 100 000")
for method, first in hits.items():
    percentiles = "  ".join(
        f"{q / 1000:4.0f}" for q in np.percentile(first, [5, 25, 50, 75, 95])
    )
    print(
        f"{method:15}{first.mean() / 1000:4.0f}  {percentiles}   {(first > 100_000).mean():5.0%}"
    )
    glue(
        f"first_hits-median-{method.lower().replace(' ', '-')}",
        round(float(np.median(first)) / 1000),
        display=False,
    )

# %%
for method, count in PUBLISHED.items():
    rank = round(float((hits[method] <= count).mean()), 2)
    glue(f"first_hits-rank-{method.lower().replace(' ', '-')}", rank, display=False)
    print(f"{method:13} {count}: {rank:.0%} of the runs hit earlier")

# %% tags=["hide-input", "remove-output"]
fig, axes = figure(1, 4, size=(7, 5.4), sharex=True)
bins = np.arange(50, 125, 1.0)
for ax, (method, first) in zip(axes, hits.items(), strict=True):
    ax.hist(first / 1000, bins, color=LOOKS[method].color, alpha=0.75, density=True)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_title(method)
    if method in PUBLISHED:
        count = PUBLISHED[method] / 1000
        ax.axvline(count, color="#222222", linestyle="--", linewidth=1.2)
        ax.set_ylim(0, ax.get_ylim()[1] * 1.25)
        ax.annotate(
            f" published: {PUBLISHED[method]}", (count, ax.get_ylim()[1]), va="top", fontsize=9
        )
axes[-1].set_xlabel("first hit, thousands of iterations")
keep("first_hits-figure-counts", fig)

# %% [markdown]
# ```{glue:figure} first_hits-figure-counts
# :name: first_hits-figure-counts
# :alt: Four histograms over one axis of first hits from 50 to 125 thousand iterations. SGD is narrow around 56 thousand. TANGO and the moving average are wide, around 85 thousand. Averaged SGD starts at 60 thousand and has a long tail to the right. A dashed line marks the published count in each of the first three, inside the histogram.
#
# First hits of a thousand runs of each method. The dashed lines are the counts that the source prints for its one seed.
# ```
#
# {numref}`first_hits-figure-counts` puts the published counts where they belong: each is one draw. The published TANGO run is rather early: {glue:text}`first_hits-rank-tango:.0%` of the runs are earlier. SGD's is late, with {glue:text}`first_hits-rank-sgd:.0%` before it.
#
# TANGO's scatter is not TANGO's own. The moving average, which has no error of its own, scatters nearly as much.
#
# ## Where the typical count comes from
#
# Take the noise away and the count remains. For the exact natural gradient, $\sigma$ is the last to arrive: near the end $\sigma - 1 \approx 50\, e^{-t}$. The flow enters the box where $\sigma = 1.01001$, and one unit of $t$ is $1/\delta t$ iterations.

# %%
box = 0.01 + 1e-5
arrival = brentq(lambda t: natural_gradient_flow(START, TARGET, t)[1] - (1 + box), 1, 20)
print(f"exact flow: t = {arrival:.3f}, {arrival / STEP_SIZE / 1000:.1f} thousand iterations")
glue("first_hits-flow", float(arrival) / STEP_SIZE / 1000, display=False)

# %% [markdown]
# SGD first makes $\sigma$ large, and then slides down along $\sigma^2 = 1 + d^2$ with $d = 10 - \mu$, where the mean gradient in $\ln\sigma$ vanishes. On the slide $\dot d = -\eta\, d/(1 + d^2)$, so it takes $\frac{1}{\eta}\int (1 + d^2)/d\;\mathrm{d}d$ iterations from $d = 10$ down to the box:

# %%
distance = 0.01 + 1e-4
slide = (50 + np.log(10 / distance)) / SGD_RATE
print(f"SGD's slide: {slide / 1000:.1f} thousand iterations")
glue("first_hits-slide", float(slide) / 1000, display=False)


# %% [markdown]
# For TANGO and averaged SGD, replace each random term of the update by its mean: $g$ by $\bar g = \nabla L$, and $\tilde g\,\tilde g^\top$ by the Fisher matrix. This is the *mean field* of the method, a loop without any randomness.


# %%
def mean_gradient(theta):
    variance = jnp.exp(2 * theta[1])
    return jnp.stack([(theta[0] - 10) / variance, 1 - ((theta[0] - 10) ** 2 + 1) / variance])


def tango_mean_field(carry, _):
    theta, v = carry
    decayed = (1 - STEP_SIZE) * v
    fisher = jnp.stack([jnp.exp(-2 * theta[1]), 2.0])  # its diagonal; off it there is nothing
    v = decayed + GAMMA * (mean_gradient(theta) - fisher * decayed)
    theta = theta - STEP_SIZE * v
    return (theta, v), theta


def averaged_mean_field(carry, _):
    average, fast = carry
    fast = fast - GAMMA * mean_gradient(fast)
    average = (1 - STEP_SIZE) * average + STEP_SIZE * fast
    return (average, fast), average


# %%
for method, step in [("TANGO", tango_mean_field), ("averaged SGD", averaged_mean_field)]:
    _, theta = jax.lax.scan(step, (jnp.zeros(2), jnp.zeros(2)), length=120_000)
    points = np.array([theta[:, 0], np.exp(theta[:, 1])]).T
    hit = first_hit(np.array([START, *points]), TARGET)
    print(f"{method}: {hit / 1000:.1f} thousand iterations")

# %% [markdown]
# These four numbers are close to the medians. For the exact flow, {glue:text}`first_hits-flow:.1f` thousand stand against {glue:text}`first_hits-median-moving-average`; for SGD, {glue:text}`first_hits-slide:.1f` against {glue:text}`first_hits-median-sgd`. The geometry sets the count. The noise scatters it.
#
# ## The noise floor
#
# At the end a path no longer approaches the target. It wanders around it, because each step follows one random sample. For small rates theory gives the width of the cloud {cite:p}`dieuleveut2020bridging`. In $(\mu, \ln\sigma)$ at the target, the gradient of one sample has covariance $F = \mathrm{diag}(1, 2)$, which is also the Hessian. SGD then has covariance $\frac{\eta}{2} I$. A method that follows the natural gradient has $\frac{\delta t}{2} F^{-1}$, and so has averaged SGD.

# %%
EXPECTED = {
    "TANGO": (np.sqrt(STEP_SIZE / 2), np.sqrt(STEP_SIZE / 4)),
    "SGD": (np.sqrt(SGD_RATE / 2), np.sqrt(SGD_RATE / 2)),
    "averaged SGD": (np.sqrt(STEP_SIZE / 2), np.sqrt(STEP_SIZE / 4)),
    "moving average": (np.sqrt(STEP_SIZE / 2), np.sqrt(STEP_SIZE / 4)),
}
error = 1.96 / np.sqrt(2 * RUNS)  # of a standard deviation, relative, at 95 %
print(f"standard deviations ± {error:.0%}          in box")
for method, run in runs.items():
    end = np.column_stack([run.end[:, 0], np.log(run.end[:, 1])])
    inside = (np.abs(run.end - TARGET) <= box + 1e-5 * np.array([9.0, 0.0])).all(axis=1).mean()
    (mu, log_sigma), (mu_expected, log_sigma_expected) = end.std(axis=0), EXPECTED[method]
    print(
        f"{method:15} μ {mu:.4f} (theory {mu_expected:.4f})  "
        f"ln σ {log_sigma:.4f} ({log_sigma_expected:.4f})  {inside:4.0%}"
    )

# %% [markdown]
# The theory holds within the interval for SGD, averaged SGD and the moving average. TANGO's cloud is a little wider: its pseudo-samples add noise, which vanishes only as $\gamma$ does. Runs that begin at the target, with four times and with a quarter of the $\gamma$, show it:

# %%
for gamma in (4 * GAMMA, GAMMA / 4):
    end = ensemble(
        tango(STEP_SIZE, gamma), TARGET, TARGET, jax.random.key(6), runs=RUNS, steps=40_000
    ).end
    ratio = np.log(end[:, 1]).std() / np.sqrt(STEP_SIZE / 4)
    print(f"γ = {gamma}: the standard deviation of ln σ is {ratio:.2f} times the theory's")

# %% [markdown]
# Set the clouds against the box, which reaches 0.01 to each side. SGD's standard deviations are more than twice that. Its runs "converge" when they first stumble into the box, and are out again most of the time. Of the other methods, more than half of the runs are inside.

# %% tags=["hide-input", "remove-output"]
fig, axes = figure(4, 1, size=(8.4, 2.9), sharex=True, sharey=True)
for ax, (method, run) in zip(axes, runs.items(), strict=True):
    ax.plot(*run.end.T, ".", color=LOOKS[method].color, markersize=2.5, alpha=0.6)
    ax.add_patch(Rectangle((9.99, 0.99), 0.02, 0.02, fill=False, linewidth=1.3, zorder=3))
    ax.set(
        title=method,
        xlabel=r"mean $\mu$",
        xlim=(9.92, 10.08),
        ylim=(0.92, 1.08),
        aspect="equal",
    )
axes[0].set_ylabel(r"standard deviation $\sigma$")
keep("first_hits-figure-floor", fig)

# %% [markdown]
# ```{glue:figure} first_hits-figure-floor
# :name: first_hits-figure-floor
# :alt: Four clouds of a thousand points around (10, 1), with the small square box of the convergence test in the middle. The cloud of SGD is several times wider than the box. The other three are hardly wider than the box and spill over its left and right sides; the one of averaged SGD sits a little above its centre.
#
# Where the thousand runs of each method are after 150,000 steps. The square is the box of the convergence test.
# ```
#
# ## SGD at an equal floor
#
# A fair race gives every method the same floor in $\mu$. SGD has to lower its rate to $\delta t$ for that, ten times less, and its slide takes ten times as long.

# %%
slow = optax.sgd(STEP_SIZE)
slow_hits, tails = [], []
for seed in range(16):
    block = np.random.RandomState(seed).standard_normal((700_000, 1))
    points = np.asarray(path(slow, START, TARGET, block))
    slow_hits.append(first_hit(points, TARGET))
    tails.append(points[-100_000:, 0] - TARGET[0])
assert None not in slow_hits

# %%
median = float(np.median(slow_hits)) / 1000
theory = (SGD_RATE / STEP_SIZE) * slide / 1000
print(f"SGD at rate {STEP_SIZE}: median {median:.0f} thousand, theory {theory:.0f} thousand")
print(f"its floor: μ {np.std(tails):.3f}, theory {np.sqrt(STEP_SIZE / 2):.3f}")
glue("first_hits-equal", round(median), display=False)
ratio = round(1000 * median / float(np.median(hits["TANGO"])), 1)
glue("first_hits-equal-ratio", ratio, display=False)

# %% [markdown]
# It needs {glue:text}`first_hits-equal` thousand iterations, {glue:text}`first_hits-equal-ratio` times TANGO's. The ranking of the source turns round.
#
# ## The bias of averaged SGD
#
# Averaged SGD looks as good as TANGO, and cheaper. But its cloud does not sit on the target. Its fast iterate fluctuates with variance of order $\gamma$, the loss is not quadratic, and the mean of the fluctuation does not vanish. To first order the bias is $\frac{3}{4}\gamma$ in $\ln\sigma$.
#
# ```{prf:proof}
# In $s = \ln\sigma$ near the target the mean gradient is $1 - \mathrm{E}(y - \mu)^2 e^{-2s} = 1 - (1 + d^2)\, e^{-2s}$ with $d = \mu - 10$. Expand to second order: $2s - 2s^2 - d^2$. In the stationary state its mean vanishes, so $\mathrm{E}\,s = \mathrm{E}\,s^2 + \frac{1}{2}\mathrm{E}\,d^2$. SGD's floor says $\mathrm{E}\,s^2 = \mathrm{E}\,d^2 = \frac{\gamma}{2}$, which gives $\frac{3}{4}\gamma$.
# ```

# %%
print("γ        bias of ln σ       3γ/4     hit by 100 000")
bias = {}
for gamma in (5e-3, 1e-2, 2e-2, 3e-2):
    run = ensemble(
        optax.sgd(gamma), START, TARGET, jax.random.key(3), runs=256, steps=100_000,
        averaging=STEP_SIZE, pseudo_samples=0,
    )  # fmt: skip
    log_sigma = np.log(run.end[:, 1])
    bias[gamma] = log_sigma.mean(), 1.96 * log_sigma.std() / 16
    (center, error), hit = bias[gamma], (run.first_hit >= 0).mean()
    print(f"{gamma:.3f}  {center:.3f} ± {error:.3f}  {0.75 * gamma:8.4f}  {hit:8.0%}")

# %%
log_sigma = np.log(runs["TANGO"].end[:, 1])
print(f"TANGO: {log_sigma.mean():.4f} ± {1.96 * log_sigma.std() / np.sqrt(RUNS):.4f}")

# %% [markdown]
# The box reaches 0.01 to each side. At $\gamma = 0.02$ the centre of averaged SGD's cloud lies outside it, and at $\gamma = 0.03$ hardly any run converges in time. TANGO's interval contains 0.
#
# ## Bands around the exact curve
#
# The last picture leaves the counts and looks at the paths.

# %% tags=["hide-input", "remove-output"]
fig, (plane, time) = figure(2, 1, size=(8.4, 3.8))
sample = ensemble(
    tango(STEP_SIZE, GAMMA), START, TARGET, jax.random.key(2017), runs=40, steps=100_000,
    checkpoints=np.arange(0, 100_001, 500).tolist(),
)  # fmt: skip
for one in np.moveaxis(sample.states, 1, 0):
    plane.plot(*one.T, color=LOOKS["TANGO"].color, linewidth=0.6, alpha=0.5)
plane.plot([], [], color=LOOKS["TANGO"].color, label="TANGO, 40 runs")
curve = np.asarray(natural_gradient_flow(START, TARGET, np.linspace(0, 14, 400)))
draw_path(plane, curve, "natural gradient", markers=False)
draw_target(plane, TARGET)
plane.set(xlabel=r"mean $\mu$", ylabel=r"standard deviation $\sigma$", ylim=(0.5, 7.4))
plane.legend(loc="upper left", ncols=2, fontsize=8.5)
at = np.array(checkpoints) * STEP_SIZE
for method in ("TANGO", "averaged SGD", "moving average"):
    draw_band(time, at, runs[method].quantiles[..., 1].T, method, marker=None)
time.plot(
    at,
    natural_gradient_flow(START, TARGET, at)[:, 1],
    color="#222222",
    linestyle=(0, (1, 1.2)),
    label="natural gradient",
)
time.set(xlabel=r"time $t = k\,\delta t$", ylabel=r"standard deviation $\sigma$", xlim=(0, 8))
time.legend()
keep("first_hits-figure-bands", fig)

# %% [markdown]
# ```{glue:figure} first_hits-figure-bands
# :name: first_hits-figure-bands
# :alt: Left, forty TANGO paths form a loose bundle around the dotted arch of the natural gradient; most of them overshoot its top. Right, sigma over time. The band of the moving average is hardly wider than the exact curve, the band of TANGO is wide around the apex and lies a little higher, and averaged SGD peaks at 2 early on.
#
# Left: forty TANGO runs and the exact curve. Right: the standard deviation over time, with the median and the range from 5 % to 95 % of a thousand runs.
# ```

# %%
largest = {method: run.largest_scale for method, run in runs.items()}
for method, top in largest.items():
    print(f"{method:15} largest σ {top.mean():.2f} ± {top.std():.2f}")
print(f"exact           largest σ {np.sqrt(26):.2f}")
print(f"TANGO above the exact apex: {(largest['TANGO'] > np.sqrt(26)).mean():.0%}")
top = entries["tango-largest-scale-tango"]
glue("first_hits-published-top", top, display=False)
glue("first_hits-apex-rank", round(float((largest["TANGO"] < top).mean()), 2), display=False)

# %% [markdown]
# In {numref}`first_hits-figure-bands` the moving average hides the exact curve. TANGO's band is centred above it around the apex, and wide: the error there is TANGO's own, and {ref}`tango_limits` finds its causes. The published run, whose largest $\sigma$ is {glue:text}`first_hits-published-top:.2f`, is an unusual one: only {glue:text}`first_hits-apex-rank:.0%` of the runs stay lower.
#
# So what does the ranking of the source say? SGD "wins" because its rate is ten times TANGO's, and pays with a floor outside the box. Averaged SGD comes second and is biased. TANGO's count is the one that the natural gradient itself would take. None of it can be read off one run.
#
# ## Exercises
#
# ```{exercise}
# :label: first_hits-ex-tolerance
#
# Halve the tolerance of the convergence test to 0.005. Which method's count changes most, and why? Predict first.
# ```
#
# ````{solution-start} first_hits-ex-tolerance
# :class: dropdown
# ````

# %%
for method, options in METHODS.items():
    strict = ensemble(
        start=START, target=TARGET, key=jax.random.key(5), runs=64, steps=150_000,
        absolute_tolerance=0.005, **options,
    ).first_hit  # fmt: skip
    first = np.where(strict < 0, 150_000, strict)
    median, missing = np.median(first) / 1000, (strict < 0).mean()
    print(f"{method:15} median {median:4.0f} thousand, no hit {missing:4.0%}")

# %% [markdown]
# Averaged SGD suffers most: the centre of its cloud now lies outside the box, and it has to wait for a fluctuation that brings it in. The natural gradient needs $\ln 2$ more time, $10^4 \ln 2 \approx 7000$ iterations, and TANGO has nearly no bias to overcome. SGD hardly notices: it enters a box by chance anyway, and its steps are ten times as large.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: first_hits-ex-confidence
#
# How many runs does it take to say that the mean count of TANGO is above that of the moving average, at 95 % confidence?
# ```
#
# ````{solution-start} first_hits-ex-confidence
# :class: dropdown
# ````

# %%
one, other = hits["TANGO"], hits["moving average"]
gap, spread = one.mean() - other.mean(), np.sqrt(one.var() + other.var())
needed = round((1.96 * spread / gap) ** 2, -1)
print(f"mean gap {gap / 1000:.1f} thousand, spread {spread / 1000:.0f} thousand")
print(f"about {needed:.0f} runs of each method")

# %% [markdown]
# The gap is a fraction of the spread, so it takes the square of their ratio: tens of runs of each method, not one.
#
# ```{solution-end}
# ```

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
#   reads: [../published.toml, ../sweeps/tango.json, ../sweeps/tango.npz]
# ---

# %% [markdown]
# (first_hits)=
# # First hits: a million seeds
#
# "Converged in {glue:text}`first_hits-published` iterations", says the TANGO notebook, and {ref}`tango` reproduces the number, with those of SGD and averaged SGD. Each counts the iterations to a *first hit* of a small *box*, within about $0.01$ of the target in both $\mu$ and $\sigma$. But each of the three is one run on one stream of random numbers. What are they worth?
#
# To find out we let every method run on hundreds of streams, and TANGO on a million. You will see how the counts scatter and by what law the last runs come home, how to compare two methods without being fooled by that scatter, and why the order of the three published counts says next to nothing about the methods.
#
# You need {ref}`tango` for the methods and {ref}`gaussian_geometry` for the exact curve.

# %% tags=["hide-input"]
import json
import textwrap
import tomllib
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.sparse as sparse
from jax.tree_util import Partial
from myst_nb import glue
from scipy import stats
from scipy.optimize import brentq
from scipy.sparse.linalg import eigsh

from straightlines import streams
from straightlines.ensembles import Keep, ensemble
from straightlines.figures import first_hits as figures
from straightlines.gaussian import natural_gradient_flow
from straightlines.optimizers import (
    moving_average,
    tango,
    tango_mean_motion,
)
from straightlines.paths import Fit, first_hit, path
from straightlines.plotting import keep

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# ## Four methods on the same samples
#
# The three methods keep their published settings. A fourth joins them, the **moving average** of $y$ and $y^2$: in the expectation parameters it is the natural gradient itself, followed one sample at a time without an error of its own. Later on each method will get other rates, some of which fall on the way; the folded cell makes rates that can, and a rate that is given one number is constant.


# %% tags=["hide-input"]
@jax.jit
def falling(shortest, longest, shift, count):
    return 1 / jnp.clip(count + shift, shortest, longest)


def schedule(first, duration=0, last=None):
    """The rate `first` for a time `duration`, then 1/j down to `last`."""
    periods = 1 / first, 1 / (last or first), (1 - duration) / first
    return Partial(falling, *map(np.float32, periods))


def scheduled_init(rule, xi):
    return rule.init(xi), jnp.zeros([], jnp.int32)


def scheduled_update(rule, rate, gradient, state, xi, **samples):
    update = optax.with_extra_args_support(rule).update
    step, inner = update(gradient, state[0], xi, **samples)
    return rate(state[1]) * step, (inner, state[1] + 1)


def scheduled(rule, rate):
    """A rule of rate 1 at another rate: one program for all rates."""
    return optax.GradientTransformationExtraArgs(
        Partial(scheduled_init, rule), Partial(scheduled_update, rule, rate)
    )


# %%
START, TARGET = np.float32([0, 1]), (10.0, 1.0)  # (μ, σ)
STEP_SIZE, GAMMA, SGD_RATE = 1e-4, 1e-2, 1e-3
SGD, AVERAGE = optax.sgd(1.0), moving_average(1.0)
data_only = partial(Fit, start=START, target=TARGET, pseudo_samples=0)


def tango_fit(rate, gamma=GAMMA, start=START):
    return Fit(tango(rate, np.float32(gamma)), start, TARGET)


def sgd_fit(rate, averaging=1):  # 1: the iterate itself
    return data_only(scheduled(SGD, rate), averaging=np.float32(averaging))


def average_fit(rate):
    return data_only(scheduled(AVERAGE, rate), coordinates="expectation")


# %%
FITS = {
    "TANGO": tango_fit(schedule(STEP_SIZE)),
    "SGD": sgd_fit(schedule(SGD_RATE)),
    "averaged SGD": sgd_fit(schedule(GAMMA), averaging=STEP_SIZE),
    "moving average": average_fit(schedule(STEP_SIZE)),
}

# %% [markdown]
# `ensemble` makes many runs of a fit at once. All the randomness of a run follows from a key and from the run's number, so that run 7 of SGD is shown the samples that run 7 of TANGO is shown. Keep that in mind, we shall need it. And run 7 alone, by `path`, must hit where it does among the others.

# %%
KEY, RUNS, STEPS = jax.random.key(1), 512, 120_000
checkpoints = np.arange(0, STEPS + 1, 1000)
made = {
    method: ensemble(
        fit, KEY, runs=RUNS, steps=STEPS, keep=Keep(checkpoints)
    )
    for method, fit in FITS.items()
}
normals = jax.jit(lambda key: streams.normals(key, 7, 100_000))(KEY)
alone = path(FITS["TANGO"], normals)
print(f"run 7 alone: {first_hit(alone, TARGET) / 1000:.1f} thousand,")
print(f"in company:  {made['TANGO'].first_hit[7] / 1000:.1f} thousand")

# %% tags=["remove-cell"]
entries = {
    entry["id"]: entry["value"]
    for entry in tomllib.loads(Path("../published.toml").read_text())[
        "published"
    ]
}
PUBLISHED = {
    method: entries[f"tango-iterations-{method.lower().replace(' ', '-')}"]
    for method in ("TANGO", "SGD", "averaged SGD")
}
glue("first_hits-published", PUBLISHED["TANGO"], display=False)
glue("first_hits-runs", RUNS, display=False)
glue("first_hits-fresh", 2 * RUNS, display=False)
glue("first_hits-steps", f"{STEPS:,}", display=False)

# %% [markdown]
# Before you read on, guess: how far apart do two seeds of TANGO lie, a hundred iterations, a thousand, ten thousand? A run that has not hit when it ends is a *late* one. It has no number, but it has a place in the order, after all the others, and for a median the place is all that counts.

# %%
LATE = 10**9  # after every count there is
hits = {
    method: np.where(run.first_hit < 0, LATE, run.first_hit)
    for method, run in made.items()
}
print("thousands:       5 %  50 %  95 %   published is above")
for method, first in hits.items():
    line = "".join(
        f"{q / 1000:6.0f}" for q in np.percentile(first, [5, 50, 95])
    )
    earlier = (first < PUBLISHED.get(method, 0)).mean()
    print(f"{method:14}{line}", f"{earlier:11.0%}" if earlier else "")

# %% tags=["remove-cell"]
fig = figures.strips(hits, PUBLISHED, STEPS)
keep("first_hits-figure-counts", fig)

# %% [markdown]
# ```{glue:figure} first_hits-figure-counts
# :name: first_hits-figure-counts
# :alt: Four rows of dots over first hits from 52 to 120 thousand iterations. The row of SGD is narrow, around 56 thousand. Those of TANGO and the moving average spread from 75 to 105 thousand, with single dots beyond. Averaged SGD begins at 60 thousand and has a long tail to the right. A dotted mark in each of the first three rows is the published count, inside the dots.
#
# First hits of the same {glue:text}`first_hits-runs` streams by four methods. Solid marks are medians, dotted ones the counts that the source prints. A late run is drawn at the right edge.
# ```
#
# Two seeds of TANGO differ by thousands of iterations, and {numref}`first_hits-figure-counts` shows the published counts for what they are: three ordinary draws.
#
# ## One of a million
#
# How ordinary? For TANGO we can say it to three digits. The repository has a command that makes as many runs as one likes, on any number of machines, and beside its result it notes how that was made. Here and below, ± gives a 95 % interval.

# %%
note = json.loads(Path("../sweeps/tango.json").read_text())
print(textwrap.fill(note["command"], 76, break_on_hyphens=False))
sweep = np.load("../sweeps/tango.npz")
million, counts = int(sweep["runs"]), sweep["counts"].astype(int)
width, after = int(sweep["bin_width"]), int(sweep["first_bin"])
edges = after + width * np.arange(counts.size)
print(f"{million} runs, {int(sweep['without_hit'])} of them without a hit")


# %%
def share(number):
    """A share of the million runs, with its 95 % interval."""
    part = number / million
    error = 1.96 * np.sqrt(part * (1 - part) / million)
    return f"{part:.2%} ± {error:.2%}"


earlier = np.interp(PUBLISHED["TANGO"], edges + width, np.cumsum(counts))
too_late = million - counts[edges < 100_000].sum()
print("earlier than the published run:", share(earlier))
print("not there after 100 000:       ", share(too_late))

# %% tags=["remove-cell"]
rank = float(100 * earlier / million)
glue("first_hits-rank", rank, display=False)
glue("first_hits-one-in", round(million / too_late), display=False)

# %% [markdown]
# {glue:text}`first_hits-rank:.1f` % of the seeds are earlier than the published one. And the source stops after 100,000 iterations: with one seed in {glue:text}`first_hits-one-in` it would have printed nothing at all.
#
# ## Where the typical count comes from
#
# Can we predict the medians without any random number? For the exact natural gradient the standard deviation arrives last: near the end $\sigma - 1 \approx 50\, e^{-t}$. The flow enters the box of the convergence test where $\sigma = 1.01001$, and one unit of $t$ is $1/\delta t$ iterations. SGD climbs fast and then slides down along $\sigma^2 = 1 + d^2$, with $d = 10 - \mu$, where the mean gradient in $\ln\sigma$ vanishes. On that slide $\dot d = -\eta\, d/(1 + d^2)$, which takes
#
# $$\frac{1}{\eta} \int_{d_1}^{10} \frac{1 + d^2}{d}\, \mathrm{d}d \approx \frac{1}{\eta} \Big( 50 + \ln\frac{10}{d_1} \Big)$$ (first_hits-eq-slide)
#
# iterations down to the box, at $d_1 = 0.0101$.

# %%
BOX = 0.01 + 1e-5 * np.array(TARGET)  # its half widths, in μ and σ
top = TARGET[1] + BOX[1]
arrival = brentq(
    lambda t: natural_gradient_flow(START, TARGET, t)[1] - top, 1, 20
)
slide = 50 + np.log(10 / BOX[0])
predicted = {
    "moving average": arrival / STEP_SIZE,
    "SGD": slide / SGD_RATE,
}


# %% [markdown]
# For the other two, put the mean of every random term in its place. Of TANGO this makes the *mean motion*, which {ref}`tango_limits` is about; averaged SGD's takes a few lines.


# %%
@jax.jit
def averaged_mean_motion(gamma):
    def step(carry, _):
        average, fast = carry
        gap, variance = fast[0] - 10, jnp.exp(2 * fast[1])
        gradient = jnp.stack([gap / variance, 1 - (gap**2 + 1) / variance])
        fast = fast - gamma * gradient
        average = (1 - STEP_SIZE) * average + STEP_SIZE * fast
        return (average, fast), average

    start = jnp.array([0.0, 0.0])  # (μ, ln σ)
    return jax.lax.scan(step, (start, start), length=100_000)[1]


# %%
mean_motion = tango_mean_motion(
    START, TARGET, np.full(100_000, STEP_SIZE), GAMMA
)
averaged = np.array(averaged_mean_motion(GAMMA))
averaged[:, 1] = np.exp(averaged[:, 1])
predicted["TANGO"] = first_hit(mean_motion, TARGET)
predicted["averaged SGD"] = 1 + first_hit(averaged, TARGET)
print("thousands:      predicted  median of the runs, ± 95 %")
ranks = 0.5 + 0.98 * np.array([-1, 0, 1]) / np.sqrt(RUNS)
for method, first in hits.items():
    low, middle, high = np.quantile(first, ranks) / 1000
    line = f"{method:14}{predicted[method] / 1000:9.1f} {middle:12.0f}"
    print(f"{line} ± {(high - low) / 2:.1f}")

# %% [markdown]
# The geometry of the path sets the count, to two per cent, and the noise scatters it. That is no exact law: a run may be carried into the box before the mean motion is there, or out of its way. But it explains the gap between the methods. The count of TANGO is that of the natural gradient at rate $\delta t$; SGD is down earlier because its rate $\eta$ is ten times $\delta t$, and {eq}`first_hits-eq-slide` is proportional to $1/\eta$.
#
# ## The noise floor
#
# Once it is there, a path does not stay. Each step follows one random sample, so the iterate wanders around the target in a cloud. For small rates theory gives the cloud's width {cite:p}`dieuleveut2020bridging`: at the target, the gradient of one sample in $(\mu, \ln\sigma)$ has the covariance $F = \mathrm{diag}(1, 2)$, which is the Hessian, too. SGD then has the covariance $\frac{\eta}{2} I$; the natural gradient has $\frac{\delta t}{2} F^{-1}$, and so has averaged SGD.

# %%
followers = np.sqrt(STEP_SIZE / np.array([2, 4]))  # of μ, of ln σ
ends = {method: run.end for method, run in made.items()}
shares = {}
print(f"standard deviations, ± {1.96 / np.sqrt(2 * RUNS):.0%}:")
for method, end in ends.items():
    mu, log_sigma = end[:, 0].std(), np.log(end[:, 1]).std()
    theory = np.sqrt(SGD_RATE / 2) if method == "SGD" else followers
    one, other = np.broadcast_to(theory, 2)
    shares[method] = (np.abs(end - TARGET) <= BOX).all(axis=1).mean()
    print(
        f"{method:14}  μ {mu:.4f} (theory {one:.4f})"
        f"   ln σ {log_sigma:.4f} (theory {other:.4f})"
    )

# %% tags=["remove-cell"]
keep("first_hits-figure-floor", figures.clouds(ends, shares, TARGET, BOX))

# %% [markdown]
# ```{glue:figure} first_hits-figure-floor
# :name: first_hits-figure-floor
# :alt: Four clouds of dots around (10, 1), each with the small square box of the convergence test. The cloud of SGD fills the picture and reaches beyond it. The other three are little wider than the box; that of averaged SGD sits above its centre.
#
# Where the runs of each method are after {glue:text}`first_hits-steps` iterations, and how many of them are in the box just then. Some runs of SGD lie outside the picture.
# ```
#
# SGD's standard deviations are more than twice the half width of the box. Its runs "converge" when they first stumble into it, and most of the time they are out again. Averaged SGD's cloud sits too high, to which we come back. TANGO's cloud is a little wider in $\ln\sigma$ than the natural gradient's. If its own pseudo-samples are the reason, a larger $\gamma$ must widen it further and a smaller one close the gap. Begin at the target, with four times and with a quarter of the $\gamma$:

# %%
for gamma in (4 * GAMMA, GAMMA / 4):
    fit = tango_fit(schedule(STEP_SIZE), gamma, start=np.float32(TARGET))
    cloud = ensemble(fit, KEY, runs=RUNS, steps=25_000)
    ratio = np.log(cloud.end[:, 1]).std() / followers[1]
    print(f"γ = {gamma:6}: ln σ is {ratio:.2f} times as wide as in theory")

# %% [markdown]
# Both come true. Four times the $\gamma$ makes the cloud wider by more than half, and with a quarter of it nothing is left to see. But $\gamma$ does more than weigh the pseudo-samples. So keep it at its largest and take only them away: the folded cell puts their mean, the Fisher matrix, in their place.


# %% tags=["hide-input"]
def width_without_pseudo_samples(gamma):
    """The cloud's width in ln σ if the Fisher matrix itself is used."""
    random, decay = np.random.default_rng(0), 1 - STEP_SIZE
    mu, log_sigma = np.full(RUNS, TARGET[0]), np.zeros(RUNS)
    velocity = np.zeros((2, RUNS))
    for _ in range(25_000):
        precision = np.exp(-2 * log_sigma)
        gap = mu - TARGET[0] - random.standard_normal(RUNS)
        gradient = np.array([gap * precision, 1 - gap**2 * precision])
        fisher = np.array([precision, np.full(RUNS, 2.0)])
        velocity = decay * velocity
        velocity = velocity + gamma * (gradient - fisher * velocity)
        mu = mu - STEP_SIZE * velocity[0]
        log_sigma = log_sigma - STEP_SIZE * velocity[1]
    return log_sigma.std()


ratio = width_without_pseudo_samples(4 * GAMMA) / followers[1]
print(f"γ = {4 * GAMMA}, no pseudo-samples: {ratio:.2f} times as wide")

# %% [markdown]
# The widening is gone, to within the error of 6 %: the pseudo-samples are its cause.
#
# ## The law of the last runs
#
# Now you know enough to say why some runs take so long. Their mean has long arrived, but the cloud around it is about as wide as the box, and they have to wait for a fluctuation that carries them in. A path near the target forgets where it was within some $1/\delta t$ iterations. So a run that has waited long has no better prospects than one that has waited longer still: its chance to hit in the next thousand iterations should be constant, and the tail of the distribution an exponential one. Is it?

# %%
waiting = million - np.cumsum(counts)  # at the end of each bin


def hit_rate(begin, end):
    """Hits per run and 10⁴ iterations of waiting, and 95 % error."""
    here = (edges >= begin) & (edges < end)
    number = counts[here].sum()
    rate = number / (waiting[here].sum() * width) * 1e4
    return rate, 1.96 * rate / np.sqrt(number)


for begin in range(75_000, 120_000, 5000):
    rate, error = hit_rate(begin, begin + 5000)
    print(f"{begin:6} to {begin + 5000:6}: {rate:.3f} ± {error:.3f}")

# %% [markdown]
# From about 95,000 iterations on it looks constant, within intervals that widen as the runs run out. (One of the last five just misses the common rate. Among five such intervals that happens about one time in four.) What number is it? Near the target, in units of the cloud's own widths and of $1/\delta t$ iterations, both coordinates are pulled to 0 at rate 1 and kicked at random: nearly an Ornstein-Uhlenbeck process. Let the box absorb whoever enters. The density of those outside then decays, in the long run, with the smallest eigenvalue of $x \cdot \nabla - \Delta$ outside the box, whatever it began with. The folded cell computes this eigenvalue on a grid.


# %% tags=["hide-input"]
def slowest_rate(half_widths, fineness=12, extent=6.0):
    """Smallest rate at which an Ornstein-Uhlenbeck process hits a box.

    By symmetry on one quadrant, in cells whose centres the edges meet;
    jumps between neighbouring cells balance the stationary density.
    """
    pieces, inside = [], []
    for half_width in half_widths:
        cell = half_width / (fineness - 0.5)
        centre = np.arange(cell / 2, extent, cell)
        density = np.exp(-(centre**2) / 2)
        between = np.exp(-((centre[:-1] + cell / 2) ** 2) / 2) / cell**2
        leave = np.append(between, 0) + np.insert(between, 0, 0)
        jump = -between / np.sqrt(density[:-1] * density[1:])
        pieces.append(
            sparse.diags([leave / density, jump, jump], [0, 1, -1])
        )
        inside.append(centre < half_width + cell / 4)
    across, up = (sparse.eye(len(part)) for part in inside)
    generator = sparse.kron(pieces[0], up) + sparse.kron(across, pieces[1])
    outside = ~np.outer(*inside).ravel()
    generator = generator.tocsc()[outside][:, outside]
    return eigsh(generator, k=1, sigma=0, return_eigenvectors=False)[0]


# %%
measured, error = hit_rate(95_000, STEPS)
cloud = np.column_stack([ends["TANGO"][:, 0], np.log(ends["TANGO"][:, 1])])
own, ideal = (slowest_rate(BOX / w) for w in (cloud.std(axis=0), followers))
print(f"measured from 95 000 on:              {measured:.2f} ± {error:.2f}")
widths = cloud.std(axis=0) * [1 + 1.96 / np.sqrt(2 * RUNS), 1]
error = own - slowest_rate(BOX / widths)  # mostly that of μ's width
print(f"eigenvalue, with TANGO's own cloud:   {own:.1f} ± {error:.1f}")
print(f"eigenvalue, with the ideal one:       {ideal:.2f}")

# %% tags=["remove-cell"]
tail = (95_000, measured)
fig = figures.million(
    edges, counts, int(sweep["without_hit"]), PUBLISHED["TANGO"], tail
)
keep("first_hits-figure-million", fig)
half_life = float(1e4 * np.log(2) / measured)
glue("first_hits-half", round(half_life, -2), display=False)

# %% [markdown]
# ```{glue:figure} first_hits-figure-million
# :name: first_hits-figure-million
# :alt: Left, the histogram of a million first hits, from 73 to 110 thousand with its top near 84 thousand and a longer tail to the right; a dotted line marks the published count, left of the top. Right, the share of runs without a hit, on a logarithmic axis, falls along a straight dashed line from 95 thousand on.
#
# A million first hits of TANGO. Left, the histogram, in full colour before the published count. Right, the share that still waits; the dashed line is the exponential of the rate measured from 95,000 iterations on.
# ```
#
# Nothing about TANGO entered the eigenvalue but the step size and the width of its cloud, known to a few per cent from {glue:text}`first_hits-runs` runs, and within that error the two numbers agree (the ideal cloud gives slightly more). Of the runs that still wait, half come home within the next {glue:text}`first_hits-half:.0f` iterations, and half of the rest within as many again ({numref}`first_hits-figure-million`).
#
# ## Is TANGO later than the natural gradient?
#
# The median of TANGO lies above that of the moving average, which has no error of its own. Is this TANGO's doing, or the luck of these seeds? Two columns of numbers would be compared by their spreads, and the spreads are wide. But our runs are **paired**: the same number means the same samples, so that each stream asks the question for itself.

# %%
first, second = hits["TANGO"], hits["moving average"]
other = np.roll(second, 1)  # the next run's: other samples
for name, column in [("the same", second), ("other", other)]:
    rank = stats.spearmanr(first, column).statistic
    later = (first > column)[first != column].mean()
    error = 1.96 * np.sqrt(later * (1 - later) / RUNS)
    print(f"{name:9} samples: correlation {rank:5.2f}", end=", ")
    print(f"later {later:.0%} ± {error:.0%}")

# %% tags=["remove-cell"]
fig = figures.pairs(first, second, other, STEPS)
keep("first_hits-figure-pairs", fig)
rank = stats.spearmanr(first, second).statistic
shared = rank**2
error = 1.96 * np.sqrt((1 + shared / 2) / (RUNS - 3))  # of artanh(rank)
low, high = np.tanh(np.arctanh(rank) + error * np.array([-1, 1])) ** 2
glue("first_hits-shared-error", round(50 * (high - low)), display=False)
glue("first_hits-shared", round(100 * shared), display=False)

# %% [markdown]
# ```{glue:figure} first_hits-figure-pairs
# :name: first_hits-figure-pairs
# :alt: Two clouds of dots with a diagonal. On the same samples the cloud is a slanted band, most of it above the diagonal. On other samples it is a round heap on both sides of it.
#
# Each dot is one run of TANGO (up) and one of the moving average (across): left on the same samples, right on those of the next run. Above the diagonal TANGO is later. The few latest runs lie outside the picture.
# ```
#
# The correlation is one of ranks, since a late run has a rank but no number. Knowing the rank of the moving average accounts for {glue:text}`first_hits-shared` % ± {glue:text}`first_hits-shared-error` % of the variance of TANGO's. As the samples are all that the two share, this is the least that they decide; the rest comes from TANGO's pseudo-samples, and from answering the same samples in another way.
#
# To decide the question honestly, choose the test and the number of runs *beforehand*, and then take fresh seeds: whoever looks first and picks the test that says what they hoped for will find something in any noise. Ours is the **sign test** {cite:p}`dixon1946sign`. If neither method were earlier, TANGO would be the later one of a pair as often as not, like heads and tails. The test needs only the order within each pair, so that late runs count as what they are; ties are left out. How many pairs does it take to notice, nine times out of ten, a difference as large as in the runs above? And how many runs of each method, if we gave the pairing away and compared ranks (by Mann and Whitney's test, {cite:t}`noether1987sample`)?

# %%
level, power = stats.norm.ppf(0.975), stats.norm.ppf(0.9)
chance = (first > second)[first != second].mean()
spread = np.sqrt(chance * (1 - chance))
paired = ((level / 2 + power * spread) / (chance - 0.5)) ** 2
mixed = (first[:, None] > second).mean()
unpaired = (level + power) ** 2 / (6 * (mixed - 0.5) ** 2)
paired, unpaired = (20 * round(n / 20) for n in (paired, unpaired))
print(f"about {paired} pairs, or {unpaired} unpaired runs of each method")

# %% [markdown]
# (Both are as rough as the shares they come from.) Now the fresh seeds. The summary of the million keeps the exact counts of its first 4096 runs, which were made with our key; we take {glue:text}`first_hits-fresh` after the {glue:text}`first_hits-runs` already used, cut the first of them into independent sets, and pool all. The unpaired test gets the moving average on other samples, those of the next set. Eight sets cannot tell nine in ten from eight in ten. But the share of pairs in which TANGO is later gives the exact power of the sign test, and the share among all combinations about that of the other.

# %%
first = sweep["first_hits"][RUNS : 3 * RUNS]
second = np.concatenate([
    ensemble(
        FITS["moving average"],
        KEY, runs=RUNS, steps=STEPS, first_run=begin,
    ).first_hit
    for begin in range(RUNS, 3 * RUNS, RUNS)
])  # fmt: skip
first, second = (np.where(c < 0, LATE, c) for c in (first, second))
signs, ranks = [], []
for begin in range(0, RUNS - paired + 1, paired):
    one, two = (c[begin : begin + paired] for c in (first, second))
    pair = stats.binomtest((one > two).sum(), (one != two).sum())
    signs.append(pair.pvalue < 0.05 and pair.statistic > 0.5)
    other = second[begin + paired : begin + 2 * paired]
    rank = stats.mannwhitneyu(one, other)
    ranks.append(rank.pvalue < 0.05 and rank.statistic > paired**2 / 2)
print(f"{len(signs)} sets of {paired}; TANGO later with p < 0.05:")
print(f"sign test {sum(signs)}, unpaired ranks {sum(ranks)}")

# %%
later = (first > second)[first != second].mean()
error = 1.96 * np.sqrt(later * (1 - later) / first.size)
few = stats.binom.ppf(0.025, paired, 0.5)
low, high = later - error, later + error
least, most = stats.binom.sf(paired - few, paired, [low, high])
above = first[:, None] > second
error = 1.96 * (above.mean(axis=0) + above.mean(axis=1)).std()
mixed = above.mean() + error / np.sqrt(first.size) * np.array([-1, 1])
without = stats.norm.cdf((mixed - 0.5) * np.sqrt(6 * paired) - level)
print(f"TANGO is later in {low:.0%} to {high:.0%} of pairs ({first.size})")
print(f"{paired} pairs notice it in {least:.0%} to {most:.0%} of cases,")
print("as many unpaired runs in {:.0%} to {:.0%}".format(*without))

# %% [markdown]
# TANGO is later, on most streams though not on all, and by an amount that the scatter of as many unpaired runs often hides. The nine times out of ten that we planned for lie within the range.
#
# ## What the count is up against
#
# Is any of these counts good? There is a yardstick that knows nothing of optimisers. Of $N$ samples, no unbiased estimator has a standard deviation below $1/\sqrt{N}$ in $\mu$ or $1/\sqrt{2N}$ in $\ln\sigma$: the Cramér-Rao bound {cite:p}`rao1945information`. The floor $\sqrt{\delta t/2}$ of the natural gradient meets it at $N = 2/\delta t$.

# %%
enough = 2 / STEP_SIZE
print(f"samples that such a floor is worth: {enough:.0f}")
for method in ("TANGO", "moving average"):
    ratio = np.median(hits[method]) / enough
    print(f"{method}: its median first hit takes {ratio:.1f} times as many")

# %% [markdown]
# Four times as many, and even the exact natural gradient pays it. (It is a rough comparison: a first hit is an event, a floor is a width.) What costs so much is the *constant rate*: small enough for the floor, it is too small for the way. SGD at the same floor as TANGO in $\mu$, that is with $\eta = \delta t$, pays more by far.

# %%
slow = sgd_fit(schedule(STEP_SIZE))._replace(start=[0, 1])  # 64 bits
slow_hits = []
for seed in range(5):
    block = np.random.RandomState(seed).standard_normal((650_000, 1))
    slow_hits.append(len(path(slow, block, until=0.01)) - 2)
low, middle, high = np.quantile(slow_hits, [0, 0.5, 1]) / 1000
print(f"predicted {slide / STEP_SIZE / 1000:.0f} thousand")
print(f"median of 5 runs {middle:.0f}, from {low:.0f} to {high:.0f}")

# %% [markdown]
# But nobody has to keep a rate constant. Let each method begin with a large one, for as long as its noise-free motion takes to arrive, and then lower it as $1/j$ down to $\delta t$. For the moving average no first phase is needed: with the rate $1/k$ from the start it is the mean of all samples so far, the maximum-likelihood estimate, and we let it go on below $\delta t$.


# %% tags=["hide-input"]
def tango_from(first):
    """TANGO at the rate `first` until its mean motion is there."""
    rates = np.full(100_000, first)
    motion = tango_mean_motion(START, TARGET, rates, GAMMA)
    duration = first * first_hit(motion, TARGET)
    return tango_fit(schedule(first, duration, last=STEP_SIZE))


# %%
DECREASING = {
    "TANGO": tango_from(5e-4),
    "SGD": sgd_fit(schedule(1e-2, slide, last=STEP_SIZE)),
    "moving average": average_fit(schedule(1, last=1 / STEPS)),
}

# %%
lowered = {
    method: ensemble(
        fit, KEY, runs=RUNS, steps=50_000, keep=Keep(checkpoints[:51])
    )
    for method, fit in DECREASING.items()
}
print("a decreasing rate, thousands:    5 %    50 %    95 %")
for method, run in lowered.items():
    first = np.where(run.first_hit < 0, LATE, run.first_hit)
    line = np.percentile(first, [5, 50, 95]) / 1000
    print(f"{method:26}" + "".join(f"{q:8.2g}" for q in line))


# %%
def error_of(states):
    """Root-mean-square error in ln σ, over the runs."""
    return np.sqrt((np.log(states[..., 1]) ** 2).mean(axis=-1))


print("error in ln σ after 20 000 samples")
print(f"{'Cramér-Rao':20}{1 / np.sqrt(40_000):.4f}")
for method, run in lowered.items():
    print(f"{method:20}{error_of(run.states[20]):.4f}")

# %% tags=["remove-cell"]
constant, lower = (
    {name: error_of(run.states[1:]) for name, run in runs.items()}
    for runs in (made, lowered)
)
fig = figures.race(checkpoints[1:], constant, lower)
keep("first_hits-figure-race", fig)

# %% [markdown]
# ```{glue:figure} first_hits-figure-race
# :name: first_hits-figure-race
# :alt: Two panels of error against samples on logarithmic axes, each with the straight falling line of the Cramér-Rao bound. Left, with constant rates, all four methods stay far above it until they level off: averaged SGD falls from 5 thousand samples on, TANGO and the moving average together between 30 and 100 thousand, SGD abruptly at 50 thousand. Right, with decreasing rates, SGD falls at 5 thousand and TANGO between 10 and 30 thousand, and the moving average lies on the bound from the beginning.
#
# The error in $\ln\sigma$, as a root mean square over the {glue:text}`first_hits-runs` runs, against the number of samples: left with constant rates, right with decreasing ones. The grey line is the Cramér-Rao bound.
# ```
#
# So the order of the source turns round, and round again: with constant rates at one floor SGD is the slowest by far, with decreasing ones it is there well before TANGO. Neither is the last word, because neither schedule is fair. We took the length of the first phase from a prediction that needs the target, and the first rates are not tuned: an exercise finds better ones for both. Nor does this problem ask for a natural gradient where it matters in the end. At the target the Fisher matrix is $\mathrm{diag}(1, 2)$, so that a plain gradient loses little there: at rate $\delta t$ its floor in $\ln\sigma$ is $\sqrt 2$ times that of the natural gradient.
#
# And look at the moving average in the table: half of its runs hit within a few hundred samples, long before they can know the target to a hundredth. {numref}`first_hits-figure-race` shows that it has not arrived; it has been lucky. A first hit is a stumble into a box, and a path need not have settled to stumble. An error against the number of samples says what a count cannot.
#
# ## The bias of averaged SGD
#
# Averaged SGD looks as good as TANGO, and cheaper. But in {numref}`first_hits-figure-floor` its cloud does not sit on the target. Its fast iterate fluctuates with a variance of order $\gamma$, the loss is not quadratic, and the mean of the fluctuation does not vanish.
#
# ```{prf:proof}
# In $s = \ln\sigma$ near the target the mean gradient is $1 - (1 + d^2)\, e^{-2s}$ with $d = \mu - 10$. To second order it is $2s - 2s^2 - d^2$. In the stationary state its mean vanishes, so that $\mathrm{E}\,s = \mathrm{E}\,s^2 + \frac{1}{2}\mathrm{E}\,d^2$. SGD's floor says $\mathrm{E}\,s^2 = \mathrm{E}\,d^2 = \frac{\gamma}{2}$, which gives a bias of $\frac{3}{4}\gamma$.
# ```
#
# Halve the $\gamma$, and the bias should be halved. The price is a slower fast iterate.

# %%
fit = sgd_fit(schedule(GAMMA / 2), averaging=STEP_SIZE)
half = ensemble(fit, KEY, runs=RUNS, steps=STEPS)
print("γ        bias of ln σ      3γ/4   in the box   median hit")
for gamma, run in [(GAMMA, made["averaged SGD"]), (GAMMA / 2, half)]:
    s = np.log(run.end[:, 1])
    inside = (np.abs(run.end - TARGET) <= BOX).all(axis=1).mean()
    first = np.where(run.first_hit < 0, LATE, run.first_hit)
    print(
        f"{gamma:.3f}  {s.mean():.4f} ± {1.96 * s.std() / RUNS**0.5:.4f}"
        f"  {0.75 * gamma:.4f}  {inside:9.0%}"
        f"  {np.median(first) / 1000:8.0f} thousand"
    )
s = np.log(made["TANGO"].end[:, 1])
middle = np.median(hits["TANGO"]) / 1000
print(
    f"TANGO  {s.mean():.4f} ± {1.96 * s.std() / RUNS**0.5:.4f}"
    f"          {shares['TANGO']:9.0%}  {middle:8.0f} thousand"
)

# %% [markdown]
# At the published $\gamma$ the bias is three quarters of the box's half width. With half the $\gamma$, averaged SGD is still earlier than TANGO and nearly as often in the box, without a pseudo-sample. On this problem, with these rates, it is the better bargain of the two.
#
# ## Around the exact curve
#
# The last picture leaves the counts and looks at the paths.

# %%
highest = {name: run.largest_scale for name, run in made.items()}
for method, scale in highest.items():
    low, middle, high = np.quantile(scale, [0.05, 0.5, 0.95])
    print(
        f"{method:15} largest σ {middle:.2f}, from {low:.2f} to {high:.2f}"
    )
print(f"{'exact':15} largest σ {np.sqrt(26):.2f}")
print(f"{'mean motion':15} largest σ {mean_motion[:, 1].max():.2f}")

# %% tags=["remove-cell"]
upto = checkpoints[:81]
times = upto * STEP_SIZE
exact = natural_gradient_flow(START, TARGET, times)[:, 1]
curve = natural_gradient_flow(START, TARGET, np.linspace(0, 14, 400))
quantiles = {
    name: np.quantile(
        made[name].states[:81, :, 1], [0.05, 0.5, 0.95], axis=1
    )
    for name in ("TANGO", "averaged SGD", "moving average")
}
sample = np.moveaxis(made["TANGO"].states[:, :40], 1, 0)
fig = figures.bands(sample, curve, TARGET, times, quantiles, exact)
keep("first_hits-figure-bands", fig)
top = entries["tango-largest-scale-tango"]
glue("first_hits-published-top", top, display=False)
lower = float((highest["TANGO"] < top).mean())
glue("first_hits-apex-rank", round(100 * lower), display=False)
error = 196 * np.sqrt(lower * (1 - lower) / RUNS)
glue("first_hits-apex-error", round(error), display=False)

# %% [markdown]
# ```{glue:figure} first_hits-figure-bands
# :name: first_hits-figure-bands
# :alt: Left, forty TANGO paths form a loose bundle around the dotted arch of the natural gradient, most of them above its top. Right, sigma over time. The band of the moving average is hardly wider than the dotted exact curve, which lies in it; the band of TANGO is wide around the top and lies a little higher; averaged SGD peaks at 2 early on.
#
# Left: forty TANGO runs and the exact curve. Right: the standard deviation over time, with the median and the range from 5 % to 95 % of {glue:text}`first_hits-runs` runs.
# ```
#
# The moving average cannot be told from the exact curve. TANGO's paths tend to climb above it, and so does its mean motion, to the same height as their median: that part is no noise, and {ref}`tango_limits` takes it apart. The published run, ordinary in its count, is a low one here: its largest $\sigma$ is {glue:text}`first_hits-published-top:.2f`, and only {glue:text}`first_hits-apex-rank` % ± {glue:text}`first_hits-apex-error` % of the runs stay lower. Make nothing of it. We looked at the number before we asked, and with enough questions every run is odd in some way. But a picture of this one run shows TANGO lower than it usually is.
#
# What, then, does "converged in {glue:text}`first_hits-published` iterations" say? That the natural gradient at this rate needs so long, give or take some thousands. It does not say that TANGO is slower than SGD, nor faster than anything; for that you need many runs, paired, at rates that are chosen alike.
#
# ## Exercises
#
# ```{exercise}
# :label: first_hits-ex-tolerance
#
# Halve the half width of the box. By how much does the count of the exact flow grow, and what becomes of the tail? Predict first: how much rarer is it that a path in the cloud meets a box of half the size?
# ```
#
# ````{solution-start} first_hits-ex-tolerance
# :class: dropdown
# ````

# %%
for box in (BOX, BOX / 2):
    reach = TARGET[1] + box[1]
    time = brentq(
        lambda t, reach=reach: (
            natural_gradient_flow(START, TARGET, t)[1] - reach
        ),
        1,
        20,
    )
    rate = slowest_rate(box / followers)
    wait = 1e4 / rate
    print(f"flow {time / STEP_SIZE:.0f}, mean wait in the tail {wait:.0f}")

# %% [markdown]
# The flow needs $\ln 2$ more time, about 7000 iterations. The tail becomes slower, but by less than one may fear: the box has a quarter of the area, and the wait for a fluctuation that leads into it is not even twice as long. A wandering path that is near the box comes by many times.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: first_hits-ex-schedule
#
# TANGO's decreasing $\delta t$ began at $5\cdot 10^{-4}$, SGD's rate at $10^{-2}$. Would other first rates have brought them home earlier?
# ```
#
# ````{solution-start} first_hits-ex-schedule
# :class: dropdown
# ````

# %%
errors = [error_of(lowered["TANGO"].states[20])]
for start in (3e-4, 1e-3):
    fit, keep_one = tango_from(start), Keep([20_000])
    run = ensemble(fit, KEY, runs=RUNS, steps=50_000, keep=keep_one)
    errors.append(error_of(run.states[0]))
    first = np.where(run.first_hit < 0, LATE, run.first_hit)
    middle, late = np.median(first) / 1000, (first == LATE).mean()
    print(f"TANGO from {start} on: {middle:.0f} thousand, late {late:.0%}")
print("error after 20 000 samples, from 0.0005, 0.0003 and 0.001 on:")
print("  ".join(f"{error:.3f}" for error in errors))

# %%
larger = sgd_fit(schedule(3e-2, slide, last=STEP_SIZE))
run = ensemble(
    larger, KEY, runs=RUNS, steps=STEPS // 4, keep=Keep([4000, 8000])
)
middle = np.median(np.where(run.first_hit < 0, LATE, run.first_hit))
print(f"SGD from 0.03 on: {middle / 1000:.1f} thousand")
print("its error in ln σ after 4000 and 8000 samples, and from 0.01 on:")
for states in (run.states, lowered["SGD"].states[[4, 8]]):
    print("  ".join(f"{error:.3f}" for error in error_of(states)))

# %% [markdown]
# The counts are medians, the errors those in $\ln\sigma$. From the larger rate each would have been home earlier, by its first hits and by its error at an early count: TANGO, too, though $\delta t$ is then a tenth of $\gamma$ for the first phase. With the better rates of both SGD is still the earlier one.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: first_hits-ex-design
#
# You have two optimisers and a budget of a hundred runs. A colleague proposes fifty runs of each with fresh seeds, a histogram of both, and then "whatever test fits". Write down a better plan.
# ```
#
# ```{solution} first_hits-ex-design
# :class: dropdown
#
# Fifty pairs on the same samples, if both methods can be shown the same. Fix before the first run: what counts as a hit, how long a run may take, that one without a hit counts as later than all, the test (the sign test, say), its level, and how the rates of both are tuned, with a budget for that which is the same. A few pilot runs, which are not used again, say whether fifty pairs can show a difference of the size you care about. Report the share of pairs with its interval, not only whether it is significant.
# ```

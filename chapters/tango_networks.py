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
# (tango_networks)=
# # TANGO in many dimensions, and in a network
#
# From a warm start in the expectation parameters, TANGO's mean motion is on the natural gradient's line, for every $\gamma$ and $\delta t$ ({ref}`tango_limits`). The abstract of {cite:t}`ollivier2017tango` warns that large dimensions need small learning rates. Which of the two wins when the dimension grows? And what is left in a network, where there are no expectation parameters to work in?
#
# This short chapter answers both by experiment: with a product of many Gaussians, and with a classifier of real images.

# %% tags=["hide-input"]
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from myst_nb import glue
from sklearn.datasets import load_digits

from straightlines.optimizers import tango
from straightlines.plotting import INK, NEUTRAL, figure, keep

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# ## Many dimensions
#
# Let the model be a product of $d$ Gaussians, each with a mean and a standard deviation of its own. The Fisher matrix of each pair is the one that we know, but $\mathrm{E}\,|\tilde g|^2 = \mathrm{tr}\,F = 3d$ at $\sigma = 1$, and the bound {eq}`tango_limits-eq-stability` becomes $\gamma < 2/(32 + 3d)$. It is a bound of the mean square. In one dimension a single run was stable far past it. Is that so in many?


# %%
def bound(d):
    return 2 / (32 + 3 * d)


def lyapunov_exponent(gamma, d, chains=300, steps=400):
    """Growth of ln |e| a step, and its standard error."""
    random = np.random.RandomState(d)
    e, growth = random.standard_normal((chains, 2 * d)), np.zeros(chains)
    for step in range(steps):
        n = random.standard_normal((chains, d))
        score = np.concatenate([-n, 1 - n**2], axis=1)
        e = e - gamma * score * (score * e).sum(axis=1, keepdims=True)
        length = np.linalg.norm(e, axis=1, keepdims=True)
        growth = growth + (step >= 100) * np.log(length[:, 0])
        e = e / length
    growth = growth / (steps - 100)
    return growth.mean(), growth.std() / np.sqrt(chains)


# %%
print(
    "   d   bound of γ   growth of a single run a step, at twice the bound"
)
for d in (1, 2, 3, 10, 30):
    rate, error = lyapunov_exponent(2 * bound(d), d)
    print(f"{d:4} {bound(d):10.4f} {rate:14.3f} ± {error:.3f}")

# %% [markdown]
# With one, two or three dimensions single runs shrink at twice the bound; with ten and more they grow. So $\gamma$ must fall like $1/d$, and at a fixed step size $\delta t/\gamma$ rises like $d$. From a cold start in $(\mu, \ln\sigma)$ this should cost dearly. From a warm start in $m$ the theorem says that it costs the mean motion nothing, so that only noise is left. We go from $(0, 1)$ to $(1, 1)$ in every component, with $\delta t = 2\cdot 10^{-3}$ and $\gamma$ a quarter or a sixteenth of this bound in both systems. To see which of the two changes matters, the start or the coordinates, we run a cold start in $m$ as well. For each coordinate system we need the model's $(\mu, \sigma)$ and the gradient:


# %%
def log_scale(xi, y=None):
    """(μ, σ), or the gradient at y, in (μ, ln σ)."""
    mean, scale = xi[0], np.exp(xi[1])
    if y is None:
        return mean, scale
    residual = (y - mean) / scale
    return np.stack([-residual / scale, 1 - residual**2])


def expectation(m, y=None):
    """The same in m; the gradient is F (m - T), with T = (y, y²)."""
    variance = m[1] - m[0] ** 2
    if y is None:
        return m[0], np.sqrt(variance)
    first, second = m[0] - y, m[1] - y**2
    along = (second - 2 * m[0] * first) / (2 * variance**2)
    return np.stack([first / variance - 2 * m[0] * along, along])


# %% [markdown]
# The second gradient is worth a check against the first one, by the chain rule:

# %%
mean, scale, y = 0.3, 1.7, 2.2
jacobian = np.array([[1, 0], [2 * mean, 2 * scale**2]])  # of m by (μ, ln σ)
in_moments = expectation(np.array([mean, mean**2 + scale**2]), y)
print("by the chain rule:", np.round(jacobian.T @ in_moments, 8))
print(
    "by hand:          ", np.round(log_scale([mean, np.log(scale)], y), 8)
)


# %%
def largest_error(system, d, theta, f, gamma, step_size=2e-3):
    """Largest distance of 16 runs from the line's points, rms over d."""
    random, worst = np.random.RandomState(1), 0
    theta = theta + np.zeros((2, 16, d))
    for k in range(1, round(2 / step_size) + 1):
        mean, scale = system(theta)
        y, n = (
            1 + random.standard_normal((16, d)),
            random.standard_normal((16, d)),
        )
        pseudo = system(theta, mean + scale * n)
        overlap = (pseudo * (f - theta)).sum(axis=(0, 2))[:, None]
        f = f - gamma * (system(theta, y) + pseudo * overlap)
        theta = (1 - step_size) * theta + step_size * f
        mean, scale = system(theta)
        left = (1 - step_size) ** k
        off = (mean - 1 + left) ** 2
        off += (scale - np.sqrt(2 - left - (1 - left) ** 2)) ** 2
        worst = np.maximum(worst, np.sqrt(off.mean(axis=1)))
    return "{:.2f} [{:.2f}, {:.2f}]".format(
        *np.quantile(worst, [0.5, 0, 1])
    )


# %%
print("   d  start             γ: bound/4        bound/16     δt/γ there")
for d in (1, 4, 16, 64):
    y = 1 + np.random.RandomState(2).standard_normal((100, 16, d))
    warm = np.stack([y.mean(axis=0), (y**2).mean(axis=0)])
    cold, moments = (np.array(a)[:, None, None] for a in ([0, 0], [0, 1]))
    starts = {
        "cold, (μ, ln σ)": (log_scale, cold, cold),
        "cold, m": (expectation, moments, moments),
        "100 samples, m": (expectation, moments, warm),
    }
    for name, (system, theta, f) in starts.items():
        one, other = (
            largest_error(system, d, theta, f, bound(d) / share)
            for share in (4, 16)
        )
        ratio = 2e-3 / (bound(d) / 16)
        print(f"{d:4}  {name:16}  {one}  {other} {ratio:9.1f}")

# %% [markdown]
# Medians and ranges of 16 runs; a run's error is its largest distance from the line's point at the same step, up to $t = 2$. The cold start grows dear with the dimension, as the abstract says, and a smaller $\gamma$ makes it worse. It costs much the same in both coordinate systems, so the start is to blame. From the warm start the smaller $\gamma$ does no harm. Its median stays at or below about $1/\sqrt{100} = 0.1$, the standard deviation of a mean of a hundred samples, up to the largest ratio $\delta t/\gamma$ of the table. There both cold starts are off by more than half the way in $\mu$. Large dimensions ask a cold start for small steps; from a warm one, in $m$, only the noise asks.
#
# ## A network
#
# Now a model that has no such coordinates: multinomial logistic regression, a network of one layer, on the 1797 images of digits that come with scikit-learn. There are ten classes, 64 pixels and a constant, so 650 weights. A fifth of the images is held out.

# %%
images, classes = load_digits(return_X_y=True)
order = np.random.RandomState(0).permutation(len(images))
x = np.column_stack([images / 16, np.ones(len(images))])[order]
x, x_held_out = jnp.asarray(x[:1437]), jnp.asarray(x[1437:])
labels, held_out = (
    jax.nn.one_hot(classes[order[:1437]], 10),
    classes[order[1437:]],
)


def loss(weights):
    return -(jax.nn.log_softmax(x @ weights) * labels).sum(axis=1).mean()


def accuracy(weights):
    return (jnp.argmax(x_held_out @ weights, axis=1) == held_out).mean()


# %% [markdown]
# The gradient at one image is an outer product: the input times the difference of predicted and true label. TANGO's pseudo-label is a draw from the predicted probabilities. Every method sees one image a step, for 14 times the number of images, some 20,000 steps. All settings of a method, and all seeds, run at once.


# %%
def one_step(optimizer, weights, state, image, noise):
    """A step on one image; Gumbel's noise draws the pseudo-label."""
    logits = x[image] @ weights
    probabilities = jax.nn.softmax(logits)
    drawn = jax.nn.one_hot(jnp.argmax(logits + noise), 10)
    g = jnp.outer(x[image], probabilities - labels[image])
    pseudo = jnp.outer(x[image], probabilities - drawn)
    update = optax.with_extra_args_support(optimizer).update
    updates, state = update(g, state, weights, pseudo_gradient=pseudo)
    return weights + updates, state


# %%
@partial(jax.jit, static_argnums=0)
def train(make, settings, images, noise):
    """Weights after all steps, shape (settings, seeds, 65, 10)."""

    def run(setting, images, noise):
        optimizer, weights = make(setting), jnp.zeros((65, 10))

        def step(carry, drawn):
            return one_step(optimizer, *carry, *drawn), None

        carry = weights, optimizer.init(weights)
        return jax.lax.scan(step, carry, (images, noise))[0][0]

    return jax.vmap(jax.vmap(run, (None, 1, 1)), (0, None, None))(
        settings, images, noise
    )


# %%
def draws(seeds, steps=14 * 1437):
    streams = [np.random.RandomState(seed) for seed in seeds]
    images = [stream.randint(1437, size=steps) for stream in streams]
    noise = [stream.gumbel(size=(steps, 10)) for stream in streams]
    return np.stack(images, axis=1), np.stack(noise, axis=1)


score = jax.jit(
    jax.vmap(jax.vmap(lambda w: jnp.stack([loss(w), accuracy(w)])))
)


def spread(values, digits=3):
    low, middle, high = np.quantile(values, [0, 0.5, 1])
    return f"{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


# %% [markdown]
# First the question that matters: does TANGO's pseudo-sample do anything here? Leave its term out, and what remains is $v \leftarrow (1 - \delta t)\,v + \gamma g$, SGD with momentum and the effective rate $\gamma$. And leave out the momentum as well: SGD at rate $\gamma$.


# %%
def full(setting):
    return tango(setting[0], setting[1])


def without_pseudo_sample(setting):
    def update(gradient, v, params=None, **_):
        v = (1 - setting[0]) * v + setting[1] * gradient
        return -setting[0] * v, v

    return optax.GradientTransformationExtraArgs(jnp.zeros_like, update)


def sgd(setting):
    return optax.sgd(setting[-1])


# %%
settings = np.array([(0.01, 0.05), (0.03, 0.05), (0.01, 0.1), (0.03, 0.1)])
seen = draws(range(3))
rules = full, without_pseudo_sample, sgd
trained = [train(rule, settings, *seen) for rule in rules]
final = [np.asarray(score(weights)) for weights in trained]
print(
    "loss  δt     γ    TANGO                 no pseudo-sample      SGD at γ"
)
for (step_size, gamma), *cells in zip(settings, *final, strict=True):
    row = "  ".join(spread(cell[:, 0]) for cell in cells)
    print(f"     {step_size:5} {gamma:5}  {row}")

# %% [markdown]
# Median and range of three seeds, on the same images. In no row do the three ranges come apart. Three seeds would show a large effect only; of the pseudo-sample, and of the momentum, there is none. Why does the natural gradient not come through? Look at the Fisher matrix of all images, $F = \frac{1}{n}\sum x x^\top \otimes (\mathrm{diag}\,p - p\,p^\top)$.


# %%
products = np.einsum("ni,nj->ijn", x, x).reshape(65**2, -1) / len(x)


@jax.jit
def fisher(weights):
    p = jax.nn.softmax(x @ weights)
    curvature = jax.vmap(jnp.diag)(p) - p[:, :, None] * p[:, None, :]
    blocks = products @ curvature.reshape(len(x), -1)
    return (
        blocks.reshape(65, 65, 10, 10)
        .transpose(0, 2, 1, 3)
        .reshape(650, 650)
    )


@jax.jit
def natural_gradient_step(weights, damping):
    F, slope = fisher(weights), jax.grad(loss)(weights).ravel()
    step = jax.scipy.linalg.solve(
        F + damping * jnp.eye(650), slope, assume_a="pos"
    )
    return weights - step.reshape(65, 10)


# %%
weights = jnp.zeros((65, 10))
points = {"at weights 0": weights, "after SGD, rate 0.1": trained[2][2, 0]}
matrices = {
    where: np.asarray(fisher(point)) for where, point in points.items()
}
for _ in range(14):
    weights = natural_gradient_step(weights, 1e-3)
natural = np.asarray(score(weights[None, None]))[0, 0]
print(
    "share of F's eigenvalues below    10⁻⁸   0.01    0.1    0.3     tr F"
)
eigenvalues = {
    where: np.linalg.eigvalsh(F) for where, F in matrices.items()
}
for where, values in eigenvalues.items():
    shares = "  ".join(
        f"{(values < e).mean():5.1%}" for e in (1e-8, 0.01, 0.1, 0.3)
    )
    print(f"{where:31}  {shares}   {values.sum():5.1f}")

# %% tags=["hide-input"]
near = eigenvalues["after SGD, rate 0.1"]
glue("tango_networks-below", float((near < 0.1).mean()), display=False)
glue("tango_networks-null", float((near < 1e-8).mean()), display=False)

# %% [markdown]
# With $\theta$ held still, the mean of $v$ settles where $(F + \varepsilon I)\, v \approx \bar g$ with $\varepsilon = \delta t/\gamma$: the decay by $\delta t$, which belongs to the line in $m$, acts as a *damping* where there is no such line. In an eigendirection of $F$ it settles at the rate $\delta t + \gamma\lambda$ a step, so within some $1/\delta t$ steps *everywhere*; nothing here is slow. But at $\gamma = 0.1$ and $\delta t = 0.01$ or 0.03, $\varepsilon$ is 0.1 or 0.3, and {glue:text}`tango_networks-below:.1%` of the eigenvalues after training lie below 0.1 ({glue:text}`tango_networks-null:.0%` of them are zero to rounding: pixels that are always empty, and logits of which only differences count). There $v \approx \bar g/\varepsilon$, and a step $-\delta t\, v$ is $-\gamma\,\bar g$, SGD's. How close is the damped direction to either side? Take the natural gradient with a damping of 0.001 for the other side; without any, the zero eigenvalues make it meaningless.


# %%
def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


slope_at = jax.jit(jax.grad(loss))
print("cosine of the damped direction with   gradient, natural gradient")
for where, F in matrices.items():
    slope, identity = (
        np.asarray(slope_at(points[where])).ravel(),
        np.eye(650),
    )
    natural_direction = np.linalg.solve(F + 1e-3 * identity, slope)
    for epsilon in (0.3, 0.1, 0.01, 0.003):
        damped = np.linalg.solve(F + epsilon * identity, slope)
        print(f"{where:20} ε = {epsilon:5} {cosine(damped, slope):16.2f}",
              f"{cosine(damped, natural_direction):14.2f}")  # fmt: skip

# %% tags=["remove-cell"]
fig, ax = figure(height=3.4)
for look, (where, values) in zip(
    NEUTRAL, eigenvalues.items(), strict=False
):
    ordered = np.sort(np.maximum(values, 1e-9))
    ax.plot(ordered, np.arange(1, 651) / 650, **look)
    side, shift = ("left", 8) if where == "at weights 0" else ("right", -8)
    ax.annotate(where, (ordered[290], 0.45), xytext=(shift, 0), ha=side,
                textcoords="offset points")  # fmt: skip
for epsilon in (0.1, 0.3):
    ax.axvline(epsilon, color=INK, linewidth=0.8, linestyle=":")
ax.annotate("ε = 0.1, 0.3", (0.085, 0.06), ha="right")
ax.set(
    xscale="log",
    xlabel="eigenvalue of $F$",
    ylabel="share below",
    ylim=(0, 1.04),
)
keep("tango_networks-figure-eigenvalues", fig)

# %% [markdown]
# ```{glue:figure} tango_networks-figure-eigenvalues
# :name: tango_networks-figure-eigenvalues
# :alt: The share of eigenvalues of the Fisher matrix below a value, on a logarithmic axis, at weights 0 and after training. At both, nearly all eigenvalues lie left of the two dotted lines at 0.1 and 0.3; after training they lie further left.
#
# The 650 eigenvalues of $F$, before training and after it; those below $10^{-9}$ are drawn there. TANGO's $\varepsilon$ lies to the right of nearly all of them.
# ```
#
# Why not take a smaller $\varepsilon$, then? The trace of $F$ bounds $\gamma$, so it would have to be a smaller $\delta t$; and $1/\delta t$ steps are what the average takes to forget its start. An $\varepsilon$ of $10^{-3}$ with $\gamma = 0.1$ has $\delta t = 10^{-4}$, and 20,000 steps are then two units of time.
#
# Last, each method at the best setting of a grid, judged by the loss of three seeds and then run on five others. TANGO's $\gamma$ stops at 0.1: the bound is about $2/\mathrm{tr}\,F = 0.14$ at weights 0, and past it single seeds begin so wildly that their results are not the same on every processor. The natural gradient takes fourteen full steps over all images, which is as many images as the others see.

# %%
GRIDS = {
    "TANGO": (
        full,
        [(dt, g) for dt in (0.01, 0.03, 0.1) for g in (0.05, 0.1)],
    ),
    "SGD": (sgd, [(rate,) for rate in (0.1, 0.2, 0.4, 0.8)]),
    "Adam": (
        lambda s: optax.adam(s[0]),
        [(rate,) for rate in (1e-3, 3e-3, 1e-2, 3e-2)],
    ),
}
fresh = draws(range(10, 15))
print(
    "                 best setting  loss                  held-out accuracy"
)
for method, (make, grid) in GRIDS.items():
    grid = np.array(grid)
    tried = np.median(score(train(make, grid, *seen))[..., 0], axis=1)
    best = grid[[tried.argmin()]]
    found, held = np.asarray(score(train(make, best, *fresh)))[0].T
    setting = ", ".join(map(str, best[0]))
    print(f"{method:16} {setting:12} {spread(found)}  {spread(held)}")
print("natural gradient 1, damped {:8.3f} {:21.3f}".format(*natural))

# %% [markdown]
# Medians and ranges of five seeds; the natural gradient has no seed. One held-out image is 0.003 of the accuracy, so the last column separates nobody. The losses are those of these grids: the pseudo-sample's noise bounds TANGO's $\gamma$, while SGD may take a larger rate. For a network the theorem gives no line to be on, and at such step sizes TANGO is SGD with momentum at twice the price. What would change that is a small $\varepsilon$, for many more steps than these. (At $\delta t = 1$ TANGO *is* SGD, as you may show now.)
#
# ## Exercises
#
# ```{exercise}
# :label: tango_networks-ex-sgd
#
# Show that TANGO with $\delta t = 1$ is SGD at rate $\gamma$, whatever its pseudo-samples are. What are its two iterates then?
# ```
#
# ```{solution} tango_networks-ex-sgd
# :class: dropdown
#
# With $1 - \delta t = 0$ the first line of {eq}`tango-eq-tango` is $v_k = \gamma g_k$, and the second $\theta_k = \theta_{k-1} - \gamma g_k$. The average equals the fast iterate, so there is no gap for the curvature to act on.
# ```

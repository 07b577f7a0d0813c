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
# In the expectation parameters $m$, with a fast iterate that begins at the target, TANGO's mean motion is on the natural gradient's line, for every $\gamma$ and every $\delta t$ between 0 and 1 ({ref}`tango_limits`). The abstract of {cite:t}`ollivier2017tango` warns that large dimensions need small learning rates. Which of the two wins when the dimension grows? And what is left in a network, which has to be trained in its weights?
#
# This short chapter answers both by experiment: with a product of many Gaussians, and with a classifier of real images. You need {ref}`tango` and {ref}`tango_limits`.

# %% tags=["hide-input"]
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from myst_nb import glue
from scipy.linalg import solve
from scipy.special import logsumexp, softmax
from scipy.stats import t
from sklearn.datasets import load_digits

from straightlines.optimizers import tango
from straightlines.plotting import INK, NEUTRAL, figure, keep

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# ## Many dimensions
#
# Let the model be a product of $d$ Gaussians, each with a mean and a standard deviation of its own. The Fisher matrix of each pair is the one that we know, but $\mathrm{E}\,|\tilde g|^2 = \mathrm{tr}\,F = 3d$ at $\sigma = 1$, and the bound {eq}`tango_limits-eq-stability` becomes $\gamma < 2/(32 + 3d)$: every Gaussian after the first adds its 3 to the 35 of one. It is a bound of the mean square. With one Gaussian a single run with $\theta$ held still was stable far past it. Is that so with many?


# %%
def bound(d):
    return 2 / (32 + 3 * d)


def lyapunov_exponent(gamma, d, chains=300, steps=400):
    """Growth of ln |e| a step, and its 95 % error."""
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
    return growth.mean(), 1.96 * growth.std() / np.sqrt(chains)


# %%
print(
    "   d   bound of γ   growth of a single run a step, at twice the bound"
)
for d in (1, 2, 3, 10, 30):
    rate, error = lyapunov_exponent(2 * bound(d), d)
    print(f"{d:4} {bound(d):10.4f} {rate:14.4f} ± {error:.4f}")

# %% [markdown]
# Here and below, ± gives a 95 % interval. With one, two or three Gaussians single runs shrink at twice the bound; with ten and thirty they grow. So $\gamma$ must fall like $1/d$, and at a fixed step size $\delta t/\gamma$ rises like $d$. From a cold start in $(\mu, \ln\sigma)$ this should cost dearly. From $f_0 = m^*$ the theorem says that in $m$ it costs the mean motion nothing, and a warm start, the mean of a hundred samples, is near that. We go from $(0, 1)$ to $(1, 1)$ in every component, with $\delta t = 2\cdot 10^{-3}$ and $\gamma$ a quarter or a sixteenth of this bound in both systems. To see which of the two changes matters, the start or the coordinates, we run a cold start in $m$ as well, and in $(\mu, \ln\sigma)$ a warm one, with $f_0$ on the landing point {eq}`tango-eq-landing` that the hundred samples give. For each coordinate system we need the model's $(\mu, \sigma)$ and the gradient:


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
def largest_errors(system, d, theta, f, gammas, step_size=2e-3):
    """Largest distance of 16 runs from the line's points, rms over d."""
    random, worst = np.random.RandomState(1), 0
    theta = theta + np.zeros((2, len(gammas), 16, d))
    gammas = np.reshape(gammas, (-1, 1, 1))
    for k in range(1, round(2 / step_size) + 1):
        mean, scale = system(theta)
        noise, n = random.standard_normal((2, 16, d))
        pseudo = system(theta, mean + scale * n)
        overlap = (pseudo * (f - theta)).sum(axis=(0, 3))[..., None]
        f = f - gammas * (system(theta, 1 + noise) + pseudo * overlap)
        theta = (1 - step_size) * theta + step_size * f
        mean, scale = system(theta)
        left = (1 - step_size) ** k
        off = (mean - 1 + left) ** 2
        off += (scale - np.sqrt(2 - left - (1 - left) ** 2)) ** 2
        worst = np.maximum(worst, np.sqrt(off.mean(axis=-1)))
    return worst


# %%
print("   d  start                   γ: bound/4        bound/16 its δt/γ")
for d in (1, 4, 16, 64):
    y = 1 + np.random.RandomState(2).standard_normal((100, 16, d))
    warm = np.stack([y.mean(axis=0), (y**2).mean(axis=0)])[:, None]
    cold, moments = (
        np.array(a)[:, None, None, None] for a in ([0, 0], [0, 1])
    )
    landing = np.stack([warm[0], (warm[1] - 1) / 2])
    starts = {
        "cold, (μ, ln σ)": (log_scale, cold, cold),
        "cold, m": (expectation, moments, moments),
        "100 samples, (μ, ln σ)": (log_scale, cold, landing),
        "100 samples, m": (expectation, moments, warm),
    }
    gammas = [bound(d) / 4, bound(d) / 16]
    for name, (system, theta, f) in starts.items():
        line = f"{d:4}  {name:22}"
        for worst in largest_errors(system, d, theta, f, gammas):
            line += "  {:.2f} [{:.2f}, {:.2f}]".format(
                *np.quantile(worst, [0.5, 0, 1])
            )
        print(f"{line} {2e-3 / gammas[1]:9.1f}")

# %% [markdown]
# Medians and ranges of 16 runs; a run's error is its largest distance from the line's point at the same step, as a root mean square over the $d$ components, up to $t = 2$. The cold start grows dear with the dimension, and a smaller $\gamma$ makes it worse. It costs much the same in both coordinate systems, so most of it is the start's. Warm, the error in $(\mu, \ln\sigma)$ is smaller, by half or more at the smaller $\gamma$, but from 16 Gaussians on the smaller $\gamma$ still does harm: the landing point moves with $\theta$. In $m$ it stands still, and the smaller $\gamma$ does none; its median stays at or below about $1/\sqrt{100} = 0.1$, the standard deviation of a mean of a hundred samples, up to the largest ratio $\delta t/\gamma$ of the table. There both cold starts are off by more than half the distance from the start to the target. Large dimensions ask a cold start for small steps; from a warm one, in $m$, only the noise asks.
#
# ## A network
#
# Now multinomial logistic regression, a network of one layer, on the 1797 images of digits that come with scikit-learn. There are ten classes, 64 pixels and a constant, so 650 weights. A fifth of the images is held out.

# %%
images, classes = load_digits(return_X_y=True)
order = np.random.RandomState(0).permutation(len(images))
x = np.column_stack([images / 16, np.ones(len(images))])[order]
x, x_held_out = x[:1437], x[1437:]
labels, held_out = np.eye(10)[classes[order[:1437]]], classes[order[1437:]]


def loss(weights):
    logits = x @ weights
    own = (logits * labels).sum(axis=-1)
    return (logsumexp(logits, axis=-1) - own).mean(axis=-1)


def right(weights):
    """Which of the held-out images are recognised."""
    return (x_held_out @ weights).argmax(axis=-1) == held_out


# %% [markdown]
# The gradient at one image is an outer product: the input times the difference of predicted and true label. TANGO's pseudo-label is a draw from the predicted probabilities. The stochastic methods see one image a step, for 14 times the number of images, some 20,000 steps. Twelve runs, each with a seed of its own, go at once.


# %%
def one_step(optimizer, weights, state, image, noise):
    """A step on one image; Gumbel's noise draws the pseudo-label."""
    pixels, label = jnp.asarray(x)[image], jnp.asarray(labels)[image]
    logits = pixels @ weights
    probabilities = jax.nn.softmax(logits)
    drawn = jax.nn.one_hot(jnp.argmax(logits + noise), 10)
    g = jnp.outer(pixels, probabilities - label)
    pseudo = jnp.outer(pixels, probabilities - drawn)
    update = optax.with_extra_args_support(optimizer).update
    updates, state = update(g, state, weights, pseudo_gradient=pseudo)
    return weights + updates, state


# %%
@partial(jax.jit, static_argnums=0)
def trained(make, setting, images, noise):
    """Weights after all steps, shape (runs, 65, 10)."""
    optimizer = make(setting)

    def step(carry, drawn):
        return one_step(optimizer, *carry, *drawn), None

    def run(images, noise):
        weights = jnp.zeros((65, 10))
        carry = weights, optimizer.init(weights)
        return jax.lax.scan(step, carry, (images, noise))[0][0]

    return jax.vmap(run, (1, 1))(images, noise)


# %%
def train(make, settings, first_seed=0, steps=14 * 1437):
    """Weights of 12 seeds a setting, shape (settings, 12, 65, 10)."""
    seeds = range(first_seed, first_seed + 12)
    streams = [np.random.RandomState(seed) for seed in seeds]
    images = [stream.randint(1437, size=steps) for stream in streams]
    noise = [stream.gumbel(size=(steps, 10)) for stream in streams]
    drawn = np.stack(images, axis=1), np.stack(noise, axis=1)
    return np.stack(
        [trained(make, setting, *drawn) for setting in settings]
    )


def interval(values):
    """Mean over the last axis, and its 95 % error by Student's t."""
    number = values.shape[-1]
    error = t.ppf(0.975, number - 1) * values.std(axis=-1, ddof=1)
    return values.mean(axis=-1), error / np.sqrt(number)


# %% [markdown]
# First the question that matters: does TANGO's pseudo-sample do anything here? Leave its term out, and what remains is $v \leftarrow (1 - \delta t)\,v + \gamma g$, SGD with momentum and the effective rate $\gamma$. And leave out the momentum as well: SGD at rate $\gamma$. We keep $\gamma = 0.1$ and vary $\delta t$.


# %%
def full(setting):
    return tango(setting[0], setting[1])


def without_pseudo_sample(setting):
    def update(gradient, v, params=None, **_):
        v = (1 - setting[0]) * v + setting[1] * gradient
        return -setting[0] * v, v

    return optax.GradientTransformationExtraArgs(jnp.zeros_like, update)


def sgd(setting):
    return optax.sgd(setting[0])


# %%
SETTINGS = np.array([(0.0003, 0.1), (0.003, 0.1), (0.03, 0.1)])  # δt, γ
RATES = np.array([[0.1], [0.2], [0.4]])
by_tango, by_momentum = (
    train(rule, SETTINGS) for rule in (full, without_pseudo_sample)
)
by_sgd = train(sgd, RATES)
print("                TANGO's      more than with      more than by")
print("   δt   δt/γ       loss    no pseudo-sample     SGD at rate γ")
for row, (step_size, gamma) in enumerate(SETTINGS):
    own = loss(by_tango[row])
    line = f"{step_size:6}  {step_size / gamma:5.3f}     {own.mean():.3f}"
    for other in (by_momentum[row], by_sgd[0]):
        line += "   {:7.3f} ± {:.3f}".format(*interval(own - loss(other)))
    print(line)

# %% [markdown]
# Means of twelve seeds, and intervals of their differences, which are paired: all rules see the same images. At the two larger $\delta t$ there is little between TANGO and SGD, with momentum or without: no interval reaches as far as an eighth of the loss. At the smallest one the pseudo-sample has an effect, but a bad one. After these steps the loss is higher with it. Why does nothing of the natural gradient come through?
#
# Is there no line, perhaps? There is. Given the images, the model's labels form an exponential family, whose natural parameters are the weights. Its expectation parameters are $m = \frac{1}{n}\sum x\,p^\top$, the mean of input times prediction, and $m^*$ has the labels in place of $p$. So the gradient in the weights is $m - m^*$, and the Fisher matrix $F = \frac{1}{n}\sum x x^\top \otimes (\mathrm{diag}\,p - p\,p^\top)$ is the Jacobian of $m$. Small steps along $-F^{-1}(m - m^*)$ should then leave $m - m^*$ its direction, and only make it shorter. Here is what is left of its length, and the cosine of the angle by which it has turned, beside those of plain gradient descent. ($F$ has no inverse, as we shall see; a tiny multiple of the identity helps.)

# %%
i, j = np.triu_indices(65)
products = (x[:, i] * x[:, j]).T / len(x)


def fisher(weights):
    p = softmax(x @ weights, axis=1)
    curvature = p[:, :, None] * (np.eye(10) - p[:, None, :])
    blocks = products @ curvature.reshape(len(x), -1)
    F = np.empty((65, 10, 65, 10))
    F[i, :, j] = F[j, :, i] = blocks.reshape(-1, 10, 10)
    return F.reshape(650, 650)


def slope(weights):
    return (x.T @ (softmax(x @ weights, axis=1) - labels)).ravel() / len(x)


def damped(F, slope, damping):
    return solve(F + damping * np.eye(650), slope, assume_a="pos")


# %%
def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


natural = plain = np.zeros((65, 10))
first = slope(natural)
for _ in range(20):
    step = damped(fisher(natural), slope(natural), 1e-9)
    natural = natural - 0.05 * step.reshape(65, 10)
for _ in range(40):
    plain = plain - 0.5 * slope(plain).reshape(65, 10)
for way, point in [("natural", natural), ("plain", plain)]:
    length = np.linalg.norm(slope(point)) / np.linalg.norm(first)
    turned = cosine(slope(point), first)
    print(f"{way:8}gradient: length {length:.3f}, cosine {turned:.4f}")

# %% tags=["hide-input"]
point = np.zeros((65, 10))
for _ in range(4):
    step = damped(fisher(point), slope(point), 1e-5)
    point = point - step.reshape(65, 10)
wrong = (x @ point).argmax(axis=1) != labels.argmax(axis=1)
print(f"after four full steps {wrong.sum()} of {len(x)} images are wrong")

# %% [markdown]
# The natural gradient stays on its line, to four digits of the cosine; the plain one, with about as much of the way left, has turned aside. Only the end of the line is out of reach: weights that err on no image can grow for ever, and the loss falls towards 0. So $m^*$ is on the edge of the mean domain, and all that comes before it is inside.
#
# But TANGO cannot well run in $m$: there the gradients are those in the weights, multiplied by $F^{-1}$, and not to form $F$ is what TANGO is for. It has to run in the weights, as it would in a network of more layers, which is no exponential family in its weights. What does it do there? Look at the eigenvalues of $F$.

# %%
weights = np.zeros((65, 10))
points = {"at weights 0": weights, "after SGD, rate 0.1": by_sgd[0, 0]}
matrices = {where: fisher(point) for where, point in points.items()}

# %% tags=["hide-input"]
print(
    "share of F's eigenvalues below    10⁻⁸   0.003   0.03    0.3     tr F"
)
eigenvalues = {
    where: np.linalg.eigvalsh(F) for where, F in matrices.items()
}
for where, values in eigenvalues.items():
    shares = "  ".join(
        f"{(values < e).mean():5.1%}" for e in (1e-8, 0.003, 0.03, 0.3)
    )
    print(f"{where:31}  {shares}   {values.sum():5.1f}")

# %% tags=["remove-cell"]
near = eigenvalues["after SGD, rate 0.1"]
null = eigenvalues["at weights 0"] < 1e-8
bounded = float(2 / eigenvalues["at weights 0"].sum())
glue("tango_networks-bound", bounded, display=False)
glue("tango_networks-below", float((near < 0.03).mean()), display=False)
glue("tango_networks-null", float(null.mean()), display=False)

# %% [markdown]
# While $F$ and $\bar g$ hardly change, the mean of $v$ settles where $(F + \varepsilon I)\, v \approx \bar g$ with $\varepsilon = \delta t/\gamma$: the decay by $\delta t$ acts as a *damping*. (On the line in $m$ it damps nothing: there $m - m^*$ shrinks at the decay's own pace.) In an eigendirection of $F$ it settles at the rate $\delta t + \gamma\lambda$ a step, so within some $1/\delta t$ steps *everywhere*. At $\delta t = 0.03$ nothing is slow, then. But $\varepsilon$ is 0.3 there, and no eigenvalue after training (of one run) reaches it; at $\delta t = 0.003$ it is 0.03, and {glue:text}`tango_networks-below:.0%` of them lie below. ({glue:text}`tango_networks-null:.0%` are zero at any weights: pixels that are always empty, and logits of which only differences count.) In those directions $v \approx \bar g/\varepsilon$, and a step $-\delta t\, v$ is $-\gamma\,\bar g$, SGD's. How close is the damped direction to either side? For the other side take the natural gradient with a damping of $10^{-3}$ and of $10^{-5}$; without any, $F$ has no inverse.


# %% tags=["hide-input"]
quiet = np.zeros((65, 10))
for _ in range(2000):  # as far as 20,000 steps at rate 0.1, without noise
    quiet = quiet - slope(quiet).reshape(65, 10)
points["after plain descent"] = quiet
print("cosine of the damped direction with          natural gradient")
print(f"{'gradient':>44} {'10⁻³':>10} {'10⁻⁵':>8}")
for where, point in points.items():
    F, gradient = fisher(point), slope(point)
    ways = [gradient] + [damped(F, gradient, e) for e in (1e-3, 1e-5)]
    for epsilon in (0.3, 0.03, 0.003):
        own = damped(F, gradient, epsilon)
        cosines = "  ".join(f"{cosine(own, way):7.2f}" for way in ways)
        print(f"{where:20} ε = {epsilon:5}        {cosines}")

# %% tags=["remove-cell"]
fig, ax = figure(height=3.4)
for look, (where, values) in zip(
    NEUTRAL, eigenvalues.items(), strict=False
):
    ordered = np.sort(np.maximum(values, 1e-9))
    ax.plot(ordered, np.arange(1, 651) / 650, **look)
    row, side, shift = (350, "right", -12)
    if where == "at weights 0":
        row, side, shift = (150, "left", 0)
    ax.annotate(where, (ordered[row], row / 650), xytext=(shift, -12),
                ha=side, textcoords="offset points")  # fmt: skip
for epsilon in (0.003, 0.03, 0.3):
    ax.axvline(epsilon, color=INK, linewidth=0.8, linestyle=":")
    ax.annotate(f"{epsilon}", (epsilon * 0.85, 0.03), ha="right")
ax.annotate("ε =", (0.00011, 0.03), ha="right")
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
# :alt: The share of eigenvalues of the Fisher matrix below a value, on a logarithmic axis, at weights 0 and after training. Three dotted lines stand at 0.003, 0.03 and 0.3. After training nearly all eigenvalues lie left of the first line; at weights 0 a third lie right of it, and nearly none right of the last.
#
# The 650 eigenvalues of $F$, before training and after it; those below $10^{-9}$ are drawn there. The dotted lines are TANGO's $\varepsilon$ at the three values of $\delta t$.
# ```
#
# At weights 0, and where a run of SGD ends, the damped direction turns away from the gradient as $\varepsilon$ shrinks. It comes close to that of the natural gradient whose damping is a third of its own, never to that with hardly any. But what does it turn away from? In an eigendirection the settled $v$ is $\bar g/(\lambda + \varepsilon)$, *shorter* than $\bar g/\varepsilon$, SGD's. So the pseudo-sample's mean only brakes, and the steeper the direction, the more. Where SGD ends there is something to brake, because its noise keeps a gradient alive in the steep directions. Plain descent, which has no noise, has long finished there: what is left of its gradient is flat, and the damped direction is the gradient's at every $\varepsilon$.
#
# Is it this brake that raises the loss at $\delta t = 0.0003$, or the pseudo-sample's noise? Take all noise away: the mean motion, with ten times the $\gamma$ and the $\delta t$, which leaves $\varepsilon$ as it is, over the same six units of time.


# %%
def without_noise(pseudo):
    """Losses of the mean motion with δt = 0.003 and γ = 1."""
    weights = v = np.zeros((65, 10))
    losses = []
    for _ in range(2000):
        p, v = softmax(x @ weights, axis=1), (1 - 0.003) * v
        change = p * (x @ v - (p * (x @ v)).sum(axis=1, keepdims=True))
        v = v + x.T @ (p - labels - pseudo * change) / len(x)
        weights = weights - 0.003 * v
        losses.append(loss(weights))
    return losses


# %% tags=["hide-input"]
def natural_gradient(damping, rate, steps):
    """Weights of the damped natural gradient after each step."""
    weights, path = np.zeros((65, 10)), []
    for _ in range(steps):
        step = damped(fisher(weights), slope(weights), damping)
        weights = weights - rate * step.reshape(65, 10)
        path.append(weights)
    return np.array(path)


curves = {
    "TANGO's mean": without_noise(1),
    "no pseudo-sample": without_noise(0),
    "natural, damped by 0.003": loss(natural_gradient(3e-3, 0.1, 60)),
    "natural, by 10⁻⁷": loss(natural_gradient(1e-7, 0.1, 60)),
}
print("loss after                one unit   six units")
for name, losses in curves.items():
    early = losses[round(len(losses) / 6) - 1]
    print(f"{name:24}    {early:6.3f}      {losses[-1]:6.3f}")

# %% [markdown]
# The brake is enough. It acts on the way down, while the gradient is steep: after one unit of time TANGO's mean is far behind the motion without pseudo-samples. So is the natural gradient, which has one pace for all directions. What it loses in the steep ones it wins back in the flat ones, where it takes longer steps than SGD. There TANGO takes them of SGD's own length $\gamma\,\bar g$: what has come through is the brake. Damp the natural gradient by TANGO's $\varepsilon$, and it ends where TANGO's mean does; with hardly any damping, six units of time are enough for less than a tenth of that loss. Longer steps take a larger $\gamma$. But the trace of $F$ bounds $\gamma$, so that a smaller $\varepsilon$ asks for a smaller $\delta t$, and then 20,000 steps are fewer than six units.
#
# Last, each method at the best setting of three, judged by the mean loss of these twelve seeds and then run on twelve others. At a small $\delta t$ the bound on $\gamma$ is at most $2/\mathrm{tr}\,F$, at weights 0 {glue:text}`tango_networks-bound:.2f`. (It rises as $F$ shrinks; we try no schedule.) A large $\delta t$ holds $v$ down as well. So for its $\gamma$ TANGO gets SGD's three rates, with a $\delta t$ that grows with them. The natural gradient takes fourteen full steps over all images, which is as many images as the others see, but each step forms $F$ and solves 650 equations. Its rate 1 is not tuned, and its damping is not chosen: we show three.

# %%
RACE = np.array([(0.03, 0.1), (0.1, 0.2), (0.3, 0.4)])  # δt, γ
GRIDS = {
    "TANGO": (full, RACE, train(full, RACE)),
    "SGD": (sgd, RATES, by_sgd),
}
ADAM, adam = np.array([[3e-3], [1e-2], [3e-2]]), lambda s: optax.adam(s[0])
GRIDS["Adam"] = adam, ADAM, train(adam, ADAM)
final = {}
print("                 best setting  loss            held-out accuracy")
for method, (make, grid, tried) in GRIDS.items():
    best = grid[[loss(tried).mean(axis=1).argmin()]]
    final[method] = train(make, best, first_seed=12)[0]
    setting = ", ".join(map(str, best[0]))
    own, error = interval(loss(final[method]))
    print(f"{method:16} {setting:12} {own:.3f} ± {error:.3f}", end="")
    own, error = interval(right(final[method]).mean(axis=-1))
    print(f"   {own:.3f} ± {error:.3f}")

# %%
natural = {}
print("natural gradient, damped by    loss            held-out accuracy")
for damping in (1e-2, 1e-3, 1e-4):
    weights = natural_gradient(damping, 1, 14)[-1]
    natural[damping] = right(weights)
    print(f"{damping:27g}    {loss(weights):.3f}", end="")
    print(f"           {natural[damping].mean():.3f}")

# %% [markdown]
# Means of twelve seeds; the natural gradient has no seed. Its loss falls with its damping. These intervals are about the seeds. What would other held-out images say? All methods are judged on the same ones, so that they are paired, image by image:

# %% tags=["hide-input"]
print("natural gradient's accuracy, at three dampings, less that of")
print("      " + "".join(f"{damping:17g}" for damping in natural))
for method, trained_weights in final.items():
    print(f"{method:6}", end="")
    for own in natural.values():
        ahead = own - right(trained_weights).mean(axis=0)
        error = 1.96 * ahead.std(ddof=1) / np.sqrt(len(ahead))
        mean = ahead.mean().round(3) + 0.0  # no -0
        print(f"   {mean:6.3f} ± {error:.3f}", end="")
    print()

# %% [markdown]
# At a damping of $10^{-3}$ the natural gradient is ahead of all three. With ten times more or less, no interval excludes 0, and the damping with the smallest training loss is not the one with the best accuracy. A single damping would have told either story: on held-out images these runs do not rank the natural gradient.
#
# The losses are those of these grids. At their best, which is one rate, there is little between TANGO and SGD: TANGO's $\varepsilon = \delta t/\gamma$ is above every eigenvalue of $F$ that training left in the table, so that its pseudo-samples hardly count. With $\delta t = 1$ it *is* SGD, as you may show now.
#
# The line is there, then, but the theorem does not put TANGO on it in the weights. Where TANGO is quick in these runs, it does what SGD with momentum does, at the price of a second gradient a step. At smaller step sizes the natural gradient's brake comes through, and its long steps do not. Whether a small $\varepsilon$ pays after many more steps, these runs do not say.
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

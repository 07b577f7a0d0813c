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
# (learning_with_inverses)=
# # Learning with inverses
#
# A physical gradient solves one inverse problem. A network can learn to solve all of them: it gets a wanted outcome $y^*$ and answers with a cause $x$.
#
# This chapter trains such networks on three problems: a map of the plane that is badly scaled and turned, a toy curve, and the heat equation. Each time, only the way in which the update passes through the physics changes. You will see what the inverse gains, and what it costs: an error that gets smaller in $x$ can get larger in $y$.
#
# You need the physical gradient, {eq}`update_rules-eq-physical-gradient`, and Gauss-Newton, {eq}`update_rules-eq-gauss-newton`. Networks come from Equinox and optimisers from optax {cite:p}`deepmind2020optax`.

# %%
import time
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from myst_nb import glue

from straightlines.plotting import LOOKS, draw_band, figure, keep
from straightlines.problems import Problem
from straightlines.steps import physical_step

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# ## A network in front of a process
#
# A process $\mathcal{P}$ maps a cause $x$ to an outcome $y = \mathcal{P}(x)$. A network $f$ with weights $\theta$ answers a target $y^*$ with $x = f(y^*; \theta)$. No one tells it the right $x$. It is judged by the outcome:
#
# $$L(\theta) = \mathrm{E}_{y^*}\, \tfrac{1}{2} \big|\mathcal{P}(f(y^*; \theta)) - y^*\big|^2 .$$ (learning_with_inverses-eq-output-loss)
#
# Its gradient passes through the process by the transposed Jacobian $J = \partial\mathcal{P}/\partial x$,
#
# $$\nabla_\theta L = \mathrm{E}_{y^*} \Big(\frac{\partial x}{\partial\theta}\Big)^{\!\top} J^\top (y - y^*) ,$$ (learning_with_inverses-eq-transposed-jacobian)
#
# and so it inherits the scales of $J$, as gradient descent does in {ref}`update_rules`.
#
# The physical gradient replaces $J^\top$. It makes a step of rate $\eta$ towards $y^*$ in the space of outcomes, and maps it back by the local inverse:
#
# $$\tilde{x} = \mathcal{P}^{-1}\big((1 - \eta)\, y + \eta\, y^*;\ x\big) .$$ (learning_with_inverses-eq-physical-goal)
#
# The network then learns to answer with $\tilde{x}$. The goal is held constant, written $\mathrm{sg}$ for *stop gradient*:
#
# $$\tilde{L}(\theta) = \mathrm{E}_{y^*}\, \tfrac{1}{2} \big|x - \mathrm{sg}(\tilde{x})\big|^2 , \qquad \nabla_\theta \tilde{L} = -\mathrm{E}_{y^*} \Big(\frac{\partial x}{\partial\theta}\Big)^{\!\top} (\tilde{x} - x) .$$ (learning_with_inverses-eq-proxy-loss)
#
# This $\tilde{L}$ is a proxy. Its value means little, but its gradient carries the physical gradient to the weights, and any optimiser can take it from there.
#
# The method appeared as *physical gradients* in 2021. The paper became *scale-invariant physics training* (SIP) at NeurIPS 2022 {cite:p}`holl2022scale`. This book says physical gradient.
#
# One training loop serves the whole chapter. It takes a rule for the gradient and an optimiser, and keeps a score after every block of batches.


# %%
def train(gradient, optimizer, net, batches, score):
    """The trained network and its scores; batches are (blocks, batches per block, ...)."""
    weights, rest = eqx.partition(net, eqx.is_array)

    def update(state, batch):
        weights, memory = state
        step, memory = optimizer.update(gradient(eqx.combine(weights, rest), batch), memory)
        return (eqx.apply_updates(weights, step), memory), None

    def block(state, batches):
        state, _ = jax.lax.scan(update, state, batches)
        return state, score(eqx.combine(state[0], rest))

    (weights, _), scores = jax.lax.scan(block, (weights, optimizer.init(weights)), batches)
    return eqx.combine(weights, rest), scores


# %% [markdown]
# Every run is repeated with several seeds, side by side. The clock starts after the compiler is done.


# %%
seconds = {}


def timed(name, updates, run, *arguments):
    """The result of `run`; its time for one update of one network is kept under `name`."""
    compiled = eqx.filter_jit(run).lower(*arguments).compile()
    start = time.perf_counter()
    result = jax.block_until_ready(compiled(*arguments))
    seconds[name] = (time.perf_counter() - start) / updates
    return result


def stack(make, seeds=4):
    """Networks made from the keys of several seeds, in one stack."""
    parts = [
        eqx.partition(eqx.filter_jit(make)(jax.random.key(seed)), eqx.is_array)
        for seed in range(seeds)
    ]
    return eqx.combine(
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *(weights for weights, _ in parts)),
        parts[0][1],
    )


def over_seeds(run):
    """`run(net, ...)` for a stack of networks."""
    return eqx.filter_vmap(run, in_axes=(eqx.if_array(0), None))


# %% [markdown]
# ## A wave, scaled and turned
#
# The first process is the two-dimensional experiment of {cite:t}`holl2022scale`, in the form in which their published code defines it. Turn $x$ by an angle $\varphi$, scale it by a factor $\xi$ one way and $1/\xi$ the other way, and take the sine of the first component:
#
# $$u = \begin{pmatrix} 10/\xi & 0 \\ 0 & 10\,\xi \end{pmatrix} \begin{pmatrix} \cos\varphi & -\sin\varphi \\ \sin\varphi & \cos\varphi \end{pmatrix} x , \qquad \mathcal{P}(x) = (\sin u_1,\ u_2) .$$ (learning_with_inverses-eq-wave)


# %%
class Wave(NamedTuple):
    stretch: float
    to_phase: np.ndarray
    to_x: np.ndarray


def wave(stretch, degrees):
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    to_phase = np.diag([10 / stretch, 10 * stretch]) @ np.array(
        [[cosine, -sine], [sine, cosine]]
    )
    return Wave(float(stretch), to_phase, np.linalg.inv(to_phase))


def process(wave, x):
    phase = wave.to_phase @ x
    return jnp.stack([jnp.sin(phase[0]), phase[1]])


# %% [markdown]
# The sine takes each value on every one of its rising and falling pieces. Piece number $k$ lies within $\pi/2$ of $u_1 = k\pi$, and there
#
# $$\sin u_1 = y_1 \iff u_1 = k\pi + (-1)^k \arcsin y_1 .$$
#
# The local inverse stays on the piece of the current point. An outcome outside $[-1, 1]$ has no cause: the inverse raises an error, or returns NaN inside `jit`, where it cannot raise.


# %%
def local_inverse(wave, y, x, shift=0):
    if not isinstance(y, jax.core.Tracer) and abs(y[0]) > 1:
        raise ValueError(f"y must have a first component in [-1, 1], got {y[0]:g}")
    piece = jnp.round((wave.to_phase @ x)[0] / jnp.pi) + shift
    phase = piece * jnp.pi + (1 - 2 * (piece % 2)) * jnp.arcsin(y[0])
    return wave.to_x @ jnp.stack([phase, y[1]])


# %% [markdown]
# Three checks on a thousand random points: the inverse inverts, it stays on its piece, and its derivative is the inverse of the Jacobian.

# %%
hard = wave(32, 45)
random = np.random.RandomState(1)
xs, goals = 5 * random.standard_normal((1000, 2)), random.uniform(-1, 1, (1000, 2))
back = jax.jit(jax.vmap(partial(local_inverse, hard)))(goals, xs)
print(
    "inverts:", np.allclose(jax.jit(jax.vmap(partial(process, hard)))(back), goals, atol=1e-9)
)
pieces = [
    np.round((np.asarray(points) @ hard.to_phase.T)[:, 0] / np.pi) for points in (xs, back)
]
print("stays on its piece:", np.array_equal(*pieces))

# %%
J = jax.jit(jax.vmap(jax.jacobian(partial(process, hard))))(back)
slope = jax.jit(jax.vmap(jax.jacobian(partial(local_inverse, hard))))(goals, back)
print(
    "derivative times Jacobian is the identity:", np.allclose(slope @ J, np.eye(2), atol=1e-6)
)

# %% [markdown]
# And the two answers outside the image:

# %%
outside = np.array([1.5, 0.0])
try:
    local_inverse(hard, outside, np.zeros(2))
except ValueError as error:
    print(error)
print("inside jit:", np.asarray(jax.jit(local_inverse)(hard, outside, np.zeros(2))))

# %% [markdown]
# ### Two losses
#
# Equations {eq}`learning_with_inverses-eq-output-loss` and {eq}`learning_with_inverses-eq-proxy-loss`, for one target. The rate is $\eta = 1$ throughout: the goal $\tilde{x}$ is the solution on the current piece.


# %%
def output_loss(wave, x, target):
    return jnp.sum((process(wave, x) - target) ** 2) / 2


def physical_goal(wave, x, target, rate=1.0):
    return local_inverse(wave, (1 - rate) * process(wave, x) + rate * target, x)


def proxy_loss(wave, x, target):
    return jnp.sum((x - jax.lax.stop_gradient(physical_goal(wave, x, target))) ** 2) / 2


# %% [markdown]
# The goal is one physical-gradient step on $|\mathcal{P}(x) - y^*|^2/2$, as in the other chapters:


# %%
def package_step(x, target, rate):
    problem = Problem(
        partial(process, hard),
        lambda y: jnp.sum((y - target) ** 2) / 2,
        partial(local_inverse, hard),
    )
    return physical_step(problem, x, rate)


both = [
    jax.jit(jax.vmap(partial(step, rate=0.5)))(xs, goals)
    for step in (partial(physical_goal, hard), package_step)
]
print("largest difference below 1e-9:", bool(np.abs(both[0] - both[1]).max() < 1e-9))

# %% [markdown]
# ### Two errors
#
# The error in $y$ is the distance of the outcome from the target. The error in $x$ is the distance to the nearest solution, which may lie on a neighbouring piece.


# %%
def errors(wave, net, targets):
    x = jax.vmap(net)(targets)
    solutions = [
        jax.vmap(partial(local_inverse, wave, shift=shift))(targets, x) for shift in (-1, 0, 1)
    ]
    in_x = jnp.min(jnp.linalg.norm(jnp.stack(solutions) - x, axis=-1), axis=0)
    in_y = jnp.linalg.norm(jax.vmap(partial(process, wave))(x) - targets, axis=-1)
    return in_x.mean(), in_y.mean()


# %% [markdown]
# ### Training
#
# Targets are uniform in $[-1, 1]^2$, a hundred in a batch, as in the published code. So are the rates: $10^{-3}$ for Adam, which also drives the physical gradient, and $10^{-2}/\xi^2$ for SGD.
#
# Three things differ from that code. Its network has hidden layers of 32, 64 and 32 units; ours has two of 32. It steps to $\tilde{x}$ by a Newton step with a guard against wrong signs and large steps; ours uses the inverse. And it measures $x - \tilde{x}$ by absolute values; ours takes squares, equation {eq}`learning_with_inverses-eq-proxy-loss`.

# %%
SEEDS, BLOCKS, PER_BLOCK = 4, 20, 80
SETTINGS = [(stretch, degrees) for stretch in (1, 32) for degrees in (0, 15, 45)]
waves = jax.tree.map(lambda *parts: jnp.stack(parts), *(wave(*setting) for setting in SETTINGS))
batches = random.uniform(-1, 1, (BLOCKS, PER_BLOCK, 100, 2))
targets = random.uniform(-1, 1, (500, 2))
nets = stack(lambda key: eqx.nn.MLP(2, 2, 32, 2, key=key))


# %%
def fit(loss, optimizer, net, wave):
    def gradient(net, targets):
        return eqx.filter_grad(
            lambda net: jax.vmap(partial(loss, wave))(jax.vmap(net)(targets), targets).mean()
        )(net)

    return train(
        gradient, optimizer(wave), net, batches, lambda net: errors(wave, net, targets)
    )


RULES = {
    "physical gradient": (proxy_loss, lambda wave: optax.adam(1e-3)),
    "Adam": (output_loss, lambda wave: optax.adam(1e-3)),
    "SGD": (output_loss, lambda wave: optax.sgd(1e-2 / wave.stretch**2)),
}

# %% [markdown]
# The settings and the seeds run side by side, by two nested `vmap`.

# %%
in_x, in_y, trained = {}, {}, {}
for method, (loss, optimizer) in RULES.items():
    run = eqx.filter_vmap(over_seeds(partial(fit, loss, optimizer)), in_axes=(None, 0))
    updates = len(SETTINGS) * SEEDS * BLOCKS * PER_BLOCK
    trained[method], scores = timed(f"wave: {method}", updates, run, nets, waves)
    in_x[method], in_y[method] = map(np.asarray, scores)  # (settings, seeds, blocks)
print(
    "not a number:",
    sum(int(np.isnan(errors).sum()) for errors in [*in_x.values(), *in_y.values()]),
)


# %% tags=["hide-input", "remove-output"]
def draw_seeds(ax, steps, runs, method):
    """The median over seeds as a line, their range as a band."""
    band = np.quantile(runs, [0, 0.5, 1], axis=0)
    draw_band(ax, steps, band, method, markevery=4, markersize=5)


steps = PER_BLOCK * np.arange(1, BLOCKS + 1)
fig, axes = figure(3, 2, size=(8.6, 5.6), sharex=True)
for column, setting in enumerate([(1, 45), (32, 0), (32, 45)]):
    index = SETTINGS.index(setting)
    for row, (name, curves) in enumerate([("$x$", in_x), ("$y$", in_y)]):
        ax = axes[row, column]
        for method in RULES:
            draw_seeds(ax, steps, curves[method][index], method)
        ax.set(yscale="log", ylim=(5e-4, 4) if row == 0 else (3e-3, 100))
        if column == 0:
            ax.set_ylabel(f"mean error in {name}")
        if row == 0:
            ax.set_title(f"$\\xi = {setting[0]}$, $\\varphi = {setting[1]}°$")
        else:
            ax.set_xlabel("updates")
axes[0, 0].legend(loc="upper right")
keep("learning_with_inverses-figure-wave", fig)

# %% [markdown]
# ```{glue:figure} learning_with_inverses-figure-wave
# :name: learning_with_inverses-figure-wave
# :alt: Six panels of error against updates, x above and y below. In the left column, well scaled, the physical gradient and Adam fall together and SGD lags. In the two right columns the physical gradient falls far below the others in x and stays above them in y.
#
# Errors of networks that invert the wave: medians over the seeds as lines, their range as bands. Above the error in $x$, below the error in $y$.
# ```
#
# {numref}`learning_with_inverses-figure-wave` shows both errors. With $\xi = 1$ nothing needs to be inverted, and Adam does as well as the physical gradient. With $\xi = 32$ the physical gradient hardly notices the angle in $x$. Adam advances in $x$ when the scaling is aligned with the axes, and does not when it is turned: it rescales weight by weight, and no single weight belongs to the bad direction any more.

# %%
final_x = {method: np.median(in_x[method][..., -1], axis=1) for method in RULES}
final_y = {method: np.median(in_y[method][..., -1], axis=1) for method in RULES}
print("median over seeds       error in x                     error in y")
print("  ξ    φ    physical     Adam      SGD     physical     Adam      SGD")
for row, (stretch, degrees) in enumerate(SETTINGS):
    numbers = [final[method][row] for final in (final_x, final_y) for method in RULES]
    print(f"{stretch:3} {degrees:3}°  " + "  ".join(f"{number:9.2g}" for number in numbers))

# %%
bad = [row for row, (stretch, degrees) in enumerate(SETTINGS) if stretch == 32]
ratio_x = final_x["Adam"][bad] / final_x["physical gradient"][bad]
ratio_y = final_y["physical gradient"][bad] / final_y["Adam"][bad]
print(
    "ξ = 32, at each angle: x error at least 5 times smaller than Adam's:",
    bool((ratio_x > 5).all()),
)
print("ξ = 32, at each angle: y error larger than Adam's:", bool((ratio_y > 1).all()))
glue("learning_with_inverses-gain-least", round(float(ratio_x.min())), display=False)
glue("learning_with_inverses-gain-most", round(float(ratio_x.max())), display=False)
glue("learning_with_inverses-loss-least", round(float(ratio_y.min()), 1), display=False)
glue("learning_with_inverses-loss-most", round(float(ratio_y.max()), 1), display=False)

# %% [markdown]
# At $\xi = 1$ the band of the physical gradient is wide: one network does worse than the others. Staying on a piece has its price. A network that starts with answers on several pieces may keep them, and then has to jump in between. Adam's networks, from the same starts, slide over the crests and end on one piece. These are the pieces on which the networks answer, before training and after:


# %%
def pieces_used(net, wave):
    return jnp.round((jax.vmap(net)(targets) @ wave.to_phase.T)[:, 0] / jnp.pi)


row = SETTINGS.index((1, 45))
one_wave = jax.tree.map(lambda part: part[row], waves)
stacks = {"untrained": nets}
for method in ("physical gradient", "Adam"):
    stacks[method] = jax.tree.map(
        lambda leaf: leaf[row] if eqx.is_array(leaf) else leaf, trained[method]
    )
print("pieces of each seed")
for name, stacked in stacks.items():
    used = np.asarray(eqx.filter_jit(over_seeds(pieces_used))(stacked, one_wave)).astype(int)
    print(f"{name:18}", [np.unique(numbers).tolist() for numbers in used])

# %% [markdown]
# With $\xi = 32$ the error in $x$ is smaller by a factor between {glue:text}`learning_with_inverses-gain-least` and {glue:text}`learning_with_inverses-gain-most`. The error in $y$ is *larger*, by a factor between {glue:text}`learning_with_inverses-loss-least` and {glue:text}`learning_with_inverses-loss-most`.
#
# Both follow from the units. The proxy loss counts in units of $x$, and one unit of $x$ in the steep direction is $10\,\xi = 320$ units of $y_2$. An error in $x$ that is too small for the proxy loss to bother with is a large one in $y_2$. The split of the error in $y$ shows it:


# %%
def split(net, wave):
    return jnp.abs(jax.vmap(partial(process, wave))(jax.vmap(net)(targets)) - targets).mean(
        axis=0
    )


everywhere = eqx.filter_vmap(eqx.filter_vmap(split, in_axes=(eqx.if_array(0), None)))
parts = {
    method: np.median(eqx.filter_jit(everywhere)(trained[method], waves), axis=1)
    for method in RULES
}
for method in RULES:
    first, second = parts[method][-1]
    print(f"ξ = 32, φ = 45°, {method:18} mean error in y₁ {first:.2g}, in y₂ {second:.2g}")

# %% [markdown]
# Adam gets $y_2$ right and gives up on $y_1$. The physical gradient gets $y_1$ right, which needs the large movements in $x$, and is coarse in $y_2$. Which error counts is not the method's to decide: say in which space the answer must be good before you choose.
#
# ## Half an inverse
#
# What if the process has no inverse in closed form? Half-inverse gradients (HIG) {cite:p}`schnell2022half` need only the Jacobian, of the outcomes of a whole batch with respect to the weights. Stack it to one matrix $J = \partial y/\partial\theta$ and decompose it, $J = U \Lambda V^\top$. Then
#
# $$\theta' = \theta - \eta\, J^{-1/2}\, \nabla_y L , \qquad J^{-1/2} = V \Lambda^{-1/2} U^\top ,$$ (learning_with_inverses-eq-half-inverse)
#
# where singular values below a threshold, a fraction of the largest, are dropped. With a general exponent, $J^{-\kappa} = V \Lambda^{-\kappa} U^\top$, the same line gives a family.


# %%
def power(J, kappa, threshold=1e-6):
    U, singular, Vt = jnp.linalg.svd(J, full_matrices=False)
    kept = singular > threshold * singular[0]
    return (Vt.T * jnp.where(kept, singular**-kappa, 0)) @ U.T


# %% [markdown]
# Its ends are known: $\kappa = -1$ is the transposed Jacobian, so gradient descent, and $\kappa = 1$ the pseudoinverse, so Gauss-Newton, {eq}`update_rules-eq-gauss-newton`, for a loss of squares. Half-inverse gradients sit between them. On a positive definite matrix two half inverses make one inverse.

# %%
A = random.standard_normal((64, 30))
S = A.T @ A
print("κ = -1 is the transpose:", np.allclose(power(A, -1.0), A.T))
print("κ = 1 is the pseudoinverse:", np.allclose(power(A, 1.0), np.linalg.pinv(A)))
print(
    "half twice is the inverse:", np.allclose(power(S, 0.5) @ power(S, 0.5), np.linalg.inv(S))
)

# %% [markdown]
# ### A toy with two scales
#
# The toy example of the method, as {cite:t}`thuerey2021pbdl` describe it: a network with one hidden layer of 7 tanh units learns the curve $(\sin 6x, \cos 9x)$ on $[-1, 1]$, and the loss scales the second output by $\lambda$:
#
# $$L = \tfrac{1}{2} \big(y_1 - \sin 6x\big)^2 + \tfrac{1}{2} \big(\lambda\, y_2 - \cos 9x\big)^2 .$$ (learning_with_inverses-eq-toy-loss)
#
# At $\lambda = 0.01$ the network's second output must grow a hundredfold. We count $\lambda$ as the process, so the outcome is $(y_1, \lambda y_2)$.


# %%
def curve(inputs):
    return jnp.concatenate([jnp.sin(6 * inputs), jnp.cos(9 * inputs)], axis=1)


def residuals(net, inputs, scale):
    return jax.vmap(net)(inputs) * jnp.stack([1.0, scale]) - curve(inputs)


def inverse_gradient(kappa, threshold, scale, net, inputs):
    weights, rest = eqx.partition(net, eqx.is_array)
    flat, unravel = ravel_pytree(weights)

    def residual(flat):
        return residuals(eqx.combine(unravel(flat), rest), inputs, scale).ravel()

    return unravel(power(jax.jacobian(residual)(flat), kappa, threshold) @ residual(flat))


# %% [markdown]
# The residuals are the gradient of the summed loss with respect to the outcomes, and they have the outcomes' Jacobian. At $\kappa = -1$ this is the gradient of the summed loss:

# %%
inputs = random.uniform(-1, 1, (64, 1))
curves = stack(lambda key: eqx.nn.MLP(1, 2, 7, 1, activation=jnp.tanh, key=key))
first = jax.tree.map(lambda leaf: leaf[0] if eqx.is_array(leaf) else leaf, curves)
plain = eqx.filter_jit(
    eqx.filter_grad(lambda net: jnp.sum(residuals(net, inputs, 0.01) ** 2) / 2)
)(first)
ours = eqx.filter_jit(inverse_gradient)(-1.0, 0.0, 0.01, first, inputs)
print("same gradient:", np.allclose(ravel_pytree(plain)[0], ravel_pytree(ours)[0]))

# %% [markdown]
# Three methods, each at $\lambda = 1$ and $\lambda = 0.01$, in batches of 64 points. Adam has rate 0.01 and five times as many updates as the others. Half-inverse gradients have rate 0.03 and threshold $10^{-6}$. Gauss-Newton inverts small singular values in full and needs a higher threshold to be stable: it gets $10^{-2}$, at rate 0.3. An exercise lowers it.


# %%
def mean_gradient(scale, net, inputs):
    return eqx.filter_grad(
        lambda net: (residuals(net, inputs, scale) ** 2).sum(axis=1).mean() / 2
    )(net)


TOY = {
    "Adam": (mean_gradient, optax.adam(0.01), 250),
    "half-inverse": (partial(inverse_gradient, 0.5, 1e-6), optax.sgd(0.03), 50),
    "Gauss-Newton": (partial(inverse_gradient, 1.0, 1e-2), optax.sgd(0.3), 50),
}
SCALES = np.array([1.0, 0.01])
grid = np.linspace(-1, 1, 201)[:, None]
points = random.uniform(-1, 1, (20, 250, 64, 1))


# %%
def fit_toy(gradient, optimizer, per_block, net, scale):
    def score(net):
        return (residuals(net, grid, scale) ** 2).sum(axis=1).mean() / 2

    return train(partial(gradient, scale), optimizer, net, points[:, :per_block], score)[1]


toy = {}
for method, rule in TOY.items():
    run = eqx.filter_vmap(over_seeds(partial(fit_toy, *rule)), in_axes=(None, 0))
    toy[method] = np.asarray(
        timed(f"toy: {method}", 2 * 4 * 20 * rule[-1], run, curves, SCALES)
    )
print("not a number:", sum(int(np.isnan(runs).sum()) for runs in toy.values()))

# %%
loss = {method: np.median(runs[:, :, -1], axis=1) for method, runs in toy.items()}
print("median loss           λ = 1   λ = 0.01")
for method, numbers in loss.items():
    print(f"{method:18} {numbers[0]:8.1g} {numbers[1]:10.1g}")
learned = [int((runs[0, :, -1] < 0.05).sum()) for runs in toy.values()]
print("λ = 1: every method below 0.05 in more than half of its runs:", min(learned) > 2)
print(
    "λ = 0.01: less than a tenth of Adam's loss:",
    bool(loss["half-inverse"][1] < loss["Adam"][1] / 10),
)
print(
    "λ = 0.01: less than a fifth of Gauss-Newton's:",
    bool(loss["half-inverse"][1] < loss["Gauss-Newton"][1] / 5),
)

# %% tags=["hide-input", "remove-output"]
fig, axes = figure(2, sharey=True)
for index, ax in enumerate(axes):
    for method, runs in toy.items():
        draw_seeds(ax, TOY[method][-1] * np.arange(1, 21), runs[index], method)
    ax.set(
        xscale="log", yscale="log", xlabel="updates", title=f"$\\lambda = {SCALES[index]:g}$"
    )
axes[0].set_ylabel("loss $L$")
axes[0].legend(loc="lower left")
keep("learning_with_inverses-figure-toy", fig)

# %% [markdown]
# ```{glue:figure} learning_with_inverses-figure-toy
# :name: learning_with_inverses-figure-toy
# :alt: Two panels of loss against updates. On the left, at lambda 1, half-inverse gradients and Gauss-Newton fall early and Adam later. On the right, at lambda 0.01, the half-inverse gradients fall far below the others; Adam stays near 0.2.
#
# The toy example: medians over the seeds as lines, their range as bands.
# ```
#
# {numref}`learning_with_inverses-figure-toy`: at $\lambda = 1$ every method learns the curve in most of its runs. At $\lambda = 0.01$ Adam ends at a loss of about {glue:text}`learning_with_inverses-hig-adam-loss`. That is little less than the loss of a network that answers $y_1$ exactly and $y_2$ with 0. Half-inverse gradients end below a tenth of that.
#
# The book from which the toy comes says that at $\lambda = 0.01$ neither Adam nor Gauss-Newton gets below a loss of around 0.2. It prints no rates, thresholds, batch sizes or numbers of updates. These are our two values:

# %%
glue("learning_with_inverses-hig-adam-loss", round(float(loss["Adam"][1]), 2), display=False)
glue("learning_with_inverses-hig-gauss-newton-loss", round(float(loss["Gauss-Newton"][1]), 2), display=False)
print(f"Adam {loss['Adam'][1]:.2f}, Gauss-Newton {loss['Gauss-Newton'][1]:.2f}")
print(f"y₁ exact, y₂ = 0: {float((curve(grid)[:, 1] ** 2).mean()) / 2:.2f}")

# %% [markdown]
# Both agree with the level that the book states. Both are about what $y_1$ alone is worth. Adam has hardly begun with $y_2$; a stable Gauss-Newton drops the directions in which $y_2$ could be learned, because $\lambda$ makes their singular values small.
#
# ## Heat, backwards
#
# Now a piece of physics. Heat $x$ on a square with periodic edges spreads for a while and leaves $y$. In Fourier space each wave fades on its own:
#
# $$\partial_t u = \nabla^2 u , \qquad \hat{y}_k = g_k\, \hat{x}_k , \qquad g_k = e^{-|k|^2 t} .$$ (learning_with_inverses-eq-heat)

# %%
N, DURATION = 12, 0.1
k = np.hypot(np.fft.fftfreq(N, 1 / N)[:, None], np.fft.rfftfreq(N, 1 / N))
gain = np.exp(-(k**2) * DURATION)


def filtered(factor, image):
    return jnp.fft.irfft2(factor * jnp.fft.rfft2(image), s=(N, N))


# %% [markdown]
# A source is an image of four soft blocks of heat. Two facts check the solver: the heat is kept, and two half durations make a whole one.


# %%
def sources(count):
    centre, half = (
        random.uniform(0, N, (count, 4, 2, 1)),
        random.uniform(0.06 * N, 0.2 * N, (count, 4, 2, 1)),
    )
    away = np.abs((np.arange(N) - centre + N / 2) % N - N / 2)
    block = random.uniform(0, 1, (count, 4, 1, 1)) / (1 + np.exp(4 * (away - half)))
    return (block[:, :, 0, :, None] * block[:, :, 1, None, :]).sum(axis=1)


causes = sources(200)
outcomes = np.asarray(filtered(gain, causes))
print("heat is kept:", np.allclose(causes.sum((1, 2)), outcomes.sum((1, 2))))
halves = filtered(np.sqrt(gain), filtered(np.sqrt(gain), causes))
print("two halves make a whole:", np.allclose(halves, outcomes))

# %% [markdown]
# The inverse divides by $g_k$. Fine waves have faded to almost nothing, and division makes them large again, with all the noise they have picked up. So we invert only what survived: $w_k = 1/g_k$ where $g_k > 1/100$, and $0$ elsewhere. The local inverse corrects the waves that can be seen and leaves the others of $x$ as they are:
#
# $$\mathcal{P}^{-1}(y;\ x) = x + w * \big(y - \mathcal{P}(x)\big) ,$$ (learning_with_inverses-eq-heat-inverse)
#
# where $w *$ multiplies each wave by its $w_k$.

# %%
kept = gain > 1e-2
inverse_gain = np.where(kept, 1 / gain, 0)
noisy = outcomes + 1e-3 * random.standard_normal(outcomes.shape)
naive, stable = (
    np.std(filtered(factor, noisy) - causes) for factor in (1 / gain, inverse_gain)
)
print(f"waves kept: {kept.mean():.0%}")
print(f"largest gain: {1 / gain.min():.0f} of the inverse", end=", ")
print(f"{inverse_gain.max():.0f} of the stable one")
print(f"error from noise of 0.001: {naive:.2f} by the inverse, {stable:.3f} by the stable one")
print(f"the sources themselves vary by {causes.std():.2f}")

# %% [markdown]
# ### A network that looks back
#
# The network sees a target image and answers with a source image. It has one hidden layer of 144 units and never sees a source. The rules are those of the wave: the proxy loss, driven by Adam, and the output loss, driven by Adam or SGD. Adam's rate falls to zero along a cosine.


# %%
def heat_output_loss(x, target):
    return jnp.sum((filtered(gain, x) - target) ** 2) / 2


def heat_proxy_loss(x, target):
    goal = x + filtered(inverse_gain, target - filtered(gain, x))
    return jnp.sum((x - jax.lax.stop_gradient(goal)) ** 2) / 2


def answer(net, targets):
    return jax.vmap(net)(targets.reshape(-1, N * N)).reshape(targets.shape)


# %%
def fit_heat(loss, optimizer, net, images):
    def gradient(net, targets):
        return eqx.filter_grad(
            lambda net: jax.vmap(loss)(answer(net, targets), targets).mean()
        )(net)

    def score(net):
        x = answer(net, outcomes)
        return jnp.std(x - causes), jnp.std(filtered(gain, x) - outcomes)

    return train(gradient, optimizer, net, images, score)


cosine = optax.adam(optax.cosine_decay_schedule(3e-3, 800))
HEAT = {
    "physical gradient": (heat_proxy_loss, cosine),
    "Adam": (heat_output_loss, cosine),
    "SGD": (heat_output_loss, optax.sgd(0.03)),
}

# %%
images = np.asarray(filtered(gain, sources(20 * 40 * 32))).reshape(20, 40, 32, N, N)
heat_nets = stack(lambda key: eqx.nn.MLP(N * N, N * N, N * N, 1, key=key), seeds=3)
heat_x, heat_y, heat_trained = {}, {}, {}
for method, rule in HEAT.items():
    run = over_seeds(partial(fit_heat, *rule))
    heat_trained[method], scores = timed(f"heat: {method}", 3 * 800, run, heat_nets, images)
    heat_x[method], heat_y[method] = map(np.asarray, scores)
print(
    "not a number:",
    sum(int(np.isnan(errors).sum()) for errors in [*heat_x.values(), *heat_y.values()]),
)

# %%
print("median over seeds    error in x   error in y")
for method in HEAT:
    ends = (np.median(errors[method][:, -1]) for errors in (heat_x, heat_y))
    print(f"{method:18}", *(f"{end:12.2g}" for end in ends))
for name, curves_of in [("x", heat_x), ("y", heat_y)]:
    better = curves_of["physical gradient"][:, -1].max() < curves_of["Adam"][:, -1].min()
    print(f"physical gradient: worst seed below Adam's best in {name}:", bool(better))

# %% [markdown]
# ### Which waves come back
#
# The error wave by wave, relative to the size of that wave in the sources:


# %%
def by_wave(net):
    wrong = jnp.abs(jnp.fft.rfft2(answer(net, outcomes) - causes)) ** 2
    return jnp.sqrt(wrong.mean(axis=0) / (jnp.abs(jnp.fft.rfft2(causes)) ** 2).mean(axis=0))


rings = np.arange(1, 9)
ring, lost = {}, {}
for method, net in heat_trained.items():
    spectra = np.asarray(eqx.filter_jit(eqx.filter_vmap(by_wave))(net))
    ring[method] = np.stack([spectra[:, np.round(k) == r].mean(axis=1) for r in rings], axis=1)
    lost[method] = np.median(spectra[:, ~kept].mean(axis=1))
print(
    "dropped waves: wrong by more than their own size:",
    all(bool(error > 1) for error in lost.values()),
)

# %% tags=["hide-input", "remove-output"]
fig, axes = figure(3, size=(9.4, 3.3))
for method in HEAT:
    draw_seeds(axes[0], 40 * np.arange(1, 21), heat_x[method], method)
    draw_seeds(axes[1], 40 * np.arange(1, 21), heat_y[method], method)
    draw_seeds(axes[2], rings, ring[method], method)
axes[0].set(yscale="log", xlabel="updates", ylabel="error in $x$")
axes[1].set(yscale="log", xlabel="updates", ylabel="error in $y$")
axes[2].set(xlabel="wave number $|k|$", ylabel="relative error in $x$", yscale="log")
axes[2].axhline(1, color="#777777", linewidth=1)
axes[2].axvspan(k[~kept].min(), rings[-1], color="#999999", alpha=0.2, linewidth=0)
axes[1].legend(loc="upper right", fontsize=8)
keep("learning_with_inverses-figure-heat", fig)

# %% [markdown]
# ```{glue:figure} learning_with_inverses-figure-heat
# :name: learning_with_inverses-figure-heat
# :alt: Three panels. The error in x and the error in y fall with the updates, lowest for the physical gradient, then Adam, then SGD. In the third panel the error rises with the wave number, for the physical gradient latest; all lines end far above one in a grey band on the right.
#
# The heat equation backwards: errors against updates, and the final error wave by wave. In the grey band the stable inverse is silent.
# ```
#
# {numref}`learning_with_inverses-figure-heat` shows a gain that is real and modest. Here the physical gradient wins in $x$ and in $y$. The output loss weighs the error of a wave by $g_k^2$; the proxy loss weighs all kept waves alike, and so it gets further up the wave numbers.
#
# The finest waves are worse than lost. No rule asks anything of them, and what remains there is the network's random start, many times larger than the waves themselves. So we drop from each answer the waves that the stable inverse drops.


# %%
def filtered_error(net):
    return jnp.std(filtered(kept, answer(net, outcomes)) - causes)


for method, net in heat_trained.items():
    after = np.median(eqx.filter_jit(eqx.filter_vmap(filtered_error))(net))
    before = np.median(heat_x[method][:, -1])
    print(f"{method:18} error in x {before:.2g}, without the dropped waves {after:.2g}")

# %% [markdown]
# The checkered noise in the answers below comes from those waves and their neighbours.

# %% tags=["hide-input", "remove-output"]
fig, axes = figure(4, 2, size=(8.4, 4.4))
nets_seen = {
    method: jax.tree.map(
        lambda leaf: leaf[0] if eqx.is_array(leaf) else leaf, heat_trained[method]
    )
    for method in ("physical gradient", "Adam")
}
for row in (0, 1):
    pictures = {"target $y^*$": outcomes[row], "source": causes[row]}
    pictures |= {
        method: np.asarray(answer(net, outcomes[row : row + 1]))[0]
        for method, net in nets_seen.items()
    }
    for ax, (title, picture) in zip(axes[row], pictures.items(), strict=True):
        ax.imkeep(picture, cmap="cividis", vmin=0, vmax=causes[row].max())
        ax.set(xticks=[], yticks=[], title=title if row == 0 else None)
keep("learning_with_inverses-figure-images", fig)

# %% [markdown]
# ```{glue:figure} learning_with_inverses-figure-images
# :name: learning_with_inverses-figure-images
# :alt: Two rows of four small images. The targets are smooth blurs, the sources have blocks with clear edges, and the two networks' answers show the blocks with softened edges and faint checkered noise.
#
# Two targets that no network saw in training, the sources that made them, and the answers of two networks.
# ```
#
# ## What it costs
#
# An update of the physical gradient runs the process and its inverse; an update by the output loss runs the process forwards and backwards. Half-inverse gradients and Gauss-Newton need a singular value decomposition of the whole batch's Jacobian. Times depend on the machine and on what else it does, so {numref}`learning_with_inverses-figure-time` shows those of the run that made this page.

# %% tags=["hide-input", "remove-output"]
fig, ax = figure(size=(7, 3.6))
colors = [LOOKS[name.split(": ")[1]].color for name in seconds]
bars = ax.barh(list(seconds), [1e6 * value for value in seconds.values()], color=colors)
ax.bar_label(bars, fmt="%.0f", padding=3)
ax.set(
    xscale="log",
    xlabel="microseconds for one update of one network",
    xlim=(1, 4e6 * max(seconds.values())),
)
ax.invert_yaxis()
keep("learning_with_inverses-figure-time", fig)

# %% [markdown]
# ```{glue:figure} learning_with_inverses-figure-time
# :name: learning_with_inverses-figure-time
# :alt: Nine horizontal bars on a logarithmic axis, three for each problem. Within the wave and within the heat problem the bars are of similar length; in the toy the half-inverse and Gauss-Newton bars are many times longer than Adam's.
#
# Time for one update of one network, in the run that made this page. The decomposition adds far more than the inverse.
# ```

# %%
print(
    "a half-inverse update takes more than four of Adam's:",
    seconds["toy: half-inverse"] > 4 * seconds["toy: Adam"],
)

# %% [markdown]
# ## Exercises
#
# ```{exercise}
# :label: learning_with_inverses-ex-supervised
#
# Let the process be linear and invertible, and take the exact inverse with $\eta = 1$. Show that the gradient of the proxy loss is the gradient of supervised learning, which knows the true sources. Check it on the heat equation: how far apart are the two gradients in $x$ with the exact inverse, and on which waves do they differ with the stable one?
# ```
#
# ````{solution-start} learning_with_inverses-ex-supervised
# :class: dropdown
# ````
#
# If $y^* = \mathcal{P}(x^*)$ and $\mathcal{P}$ is linear, then $\tilde{x} = x + \mathcal{P}^{-1}(y^* - \mathcal{P}(x)) = x^*$, whatever $x$ is. The proxy loss is $|x - x^*|^2/2$, the supervised one.

# %%
guess = random.standard_normal(causes.shape)
supervised = guess - causes
for name, factor in [("exact", 1 / gain), ("stable", inverse_gain)]:
    proxy = -filtered(factor, outcomes - filtered(gain, guess))
    gap = np.abs(np.fft.rfft2(proxy - supervised)).max(axis=0) > 1e-6
    print(f"{name} inverse: {gap[kept].sum()} of {kept.sum()} kept waves differ", end=", ")
    print(f"{gap[~kept].sum()} of {(~kept).sum()} others")

# %% [markdown]
# The exact inverse turns training by outcomes into supervised training, without the sources. The stable inverse does so on the waves that it keeps, and says nothing about the others.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: learning_with_inverses-ex-threshold
#
# Lower the threshold of Gauss-Newton to $10^{-3}$, at rate 0.1 and $\lambda = 0.01$. Does every seed profit?
# ```
#
# ````{solution-start} learning_with_inverses-ex-threshold
# :class: dropdown
# ````

# %%
run = over_seeds(partial(fit_toy, partial(inverse_gradient, 1.0, 1e-3), optax.sgd(0.1), 50))
ends = np.asarray(eqx.filter_jit(run)(curves, SCALES[1]))[:, -1]
print(
    "the best seed halves the loss of the stable run:",
    bool(ends.min() < loss["Gauss-Newton"][1] / 2),
)
print(
    "the worst is worse than five times any half-inverse run:",
    bool(ends.max() > 5 * toy["half-inverse"][1, :, -1].max()),
)

# %% [markdown]
# No. Some seeds now learn $y_2$, and others stop where they were. The runs are sensitive, too: the same seed can end elsewhere on another processor. So the cell prints comparisons only. The exponent $1/2$ is what makes the low threshold safe.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: learning_with_inverses-ex-absolute
#
# The published code of the wave experiment measures $x - \tilde{x}$ by the sum of absolute values, $|x_1 - \tilde{x}_1| + |x_2 - \tilde{x}_2|$. Train so at $\xi = 32$ and $\varphi = 0°$ and $45°$. Which errors change, and where?
# ```
#
# ````{solution-start} learning_with_inverses-ex-absolute
# :class: dropdown
# ````


# %%
def absolute_loss(wave, x, target):
    return jnp.sum(jnp.abs(x - jax.lax.stop_gradient(physical_goal(wave, x, target))))


two = [SETTINGS.index((32, degrees)) for degrees in (0, 45)]
two_waves = jax.tree.map(lambda part: part[np.array(two)], waves)
run = eqx.filter_vmap(
    over_seeds(partial(fit, absolute_loss, lambda wave: optax.adam(1e-3))), in_axes=(None, 0)
)
absolute = [
    np.median(scores[..., -1], axis=1) for scores in eqx.filter_jit(run)(nets, two_waves)[1]
]
for column, row in enumerate(two):
    squares = final_x["physical gradient"][row], final_y["physical gradient"][row]
    changes = [
        f"{old:.2g} → {new[column]:.2g}" for old, new in zip(squares, absolute, strict=True)
    ]
    print(f"φ = {SETTINGS[row][1]:2}°: x {changes[0]}, y {changes[1]}")

# %% [markdown]
# Both errors get smaller, at both angles. The gradient of a square fades as the error does; that of an absolute value does not, and so the steep direction, where errors in $x$ are small and errors in $y$ large, keeps its pull. The error in $y$ is still above Adam's.
#
# ```{solution-end}
# ```

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
# (other_optimizers)=
# # Other functions, other optimisers
#
# The walkthrough of {ref}`physical_gradients` ends with two suggestions: try the methods on harder functions, and draw
# other optimisers beside them. This chapter does both.
#
# You will see
#
# - five other problems: a linear map as the control, and four that are chosen to break something: Rosenbrock's, one with
#   its minimum away from the origin, one with two branches, and one whose Jacobian is singular on the way;
# - optimisers of two libraries, optax and optimistix {cite:p}`deepmind2020optax,rader2024optimistix`, from many starts
#   and in many rotations, against steps and against gradient evaluations;
# - from which starts each method arrives at all;
# - what it costs to replace the inverse $z^{-1}$ by a numerical one, and how to differentiate through that.
#
# You need the update rules of {ref}`update_rules`. The physical gradient is called *scale-invariant physics* (SIP), or
# *inverse simulator*, in later work {cite:p}`holl2022scale,thuerey2021pbdl`; the code of this chapter computes in 64-bit floats.

# %%
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optimistix
from myst_nb import glue
from scipy.optimize import fmin_l_bfgs_b

from straightlines.plotting import LOOKS, draw_path, draw_target, figure, keep
from straightlines.problems import Problem, rosenbrock, walkthrough
from straightlines.steps import STEPS, descend

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# ## Other functions
#
# Every problem here is a map $z(x)$ from the plane to the plane and the squared distance from a target, $L(z) = |z - z^*|^2$.
# A physical-gradient step {eq}`update_rules-eq-physical-gradient` with rate $\eta$ then goes the fraction $\eta$ of the way from $z$ to $z^*$:
#
# $$
# z' = z - \eta\, (\nabla_z^2 L)^{-1} \nabla_z L = z - \eta\, (z - z^*), \qquad x' = z^{-1}(z'; x).
# $$ (other_optimizers-eq-line)
#
# The path in z is a straight line towards $z^*$, whatever the map is. The other methods step in x, and what their path
# looks like in z depends on the map.
#
# Newton {eq}`update_rules-eq-newton`, Gauss-Newton {eq}`update_rules-eq-gauss-newton` and the physical gradient all take $\eta = 0.3$ and ten
# steps. Gradient descent {eq}`update_rules-eq-gradient-descent` has a rate with units, so no one value suits every problem. It gets
# the best of a grid, judged by the distance to the nearest minimum after the same ten steps.

# %%
RATES = [0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001]


def distance(points, minima):
    """Distance to the nearest minimum; infinite where a path has diverged."""
    gaps = np.linalg.norm(
        np.asarray(points)[..., None, :] - np.array(minima, float), axis=-1
    ).min(-1)
    return np.where(np.isfinite(gaps), gaps, np.inf)


def best_rate(problem, start, minima):
    ends = [
        descend(problem, "gradient descent", np.array(start), rate, 10)[-1] for rate in RATES
    ]
    return RATES[int(np.argmin(distance(ends, minima)))]


# %% [markdown]
# The same four methods run on each problem, and the same two numbers are printed for each: the distance to the nearest
# minimum, and how far the path strays from the straight line in z, as a fraction of that line's length.


# %%
def bend(z, target):
    """Largest distance of a path in z from the line start to target, as a share of it."""
    line = target - z[0]
    across = (z - z[0]) @ np.array([-line[1], line[0]])
    return np.abs(across).max() / (line @ line)


def compare(problem, start, minima):
    rates = dict.fromkeys(STEPS, 0.3) | {"gradient descent": best_rate(problem, start, minima)}
    target = np.asarray(problem.z(jnp.array(minima[0], float)))
    paths = {
        method: np.asarray(descend(problem, method, np.array(start), rate, 10))
        for method, rate in rates.items()
    }
    for method, path in paths.items():
        assert np.isfinite(path).all(), method
        print(
            f"{method:17}  rate {rates[method]:<5}  distance {distance(path[-1], minima):.3f}"
            f"  bend in z {bend(np.asarray(jax.vmap(problem.z)(path)), target):.2f}"
        )
    return paths


# %% tags=["hide-input"]
def draw_problem(name, problem, paths, minima, limits, z_limits):
    """One problem: the paths in x over contours of the loss, and the same paths in z."""
    fig, (left, right) = figure(2, size=(8.4, 4.5))
    across, up = (np.linspace(*limit, 121) for limit in limits)
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    levels = np.log10(np.asarray(jax.vmap(jax.vmap(problem.objective))(grid)) + 1e-3)
    left.contour(across, up, levels, 12, colors="#cccccc", linewidths=0.6, linestyles="solid")
    for method, path in paths.items():
        draw_path(left, path, method)
        draw_path(right, np.asarray(jax.vmap(problem.z)(path)), method)
    for minimum in minima:
        draw_target(left, minimum)
    draw_target(right, np.asarray(problem.z(jnp.array(minima[0], float))))
    left.set(xlabel="$x_0$", ylabel="$x_1$", xlim=limits[0], ylim=limits[1], title="in x")
    right.set(xlabel="$z_0$", ylabel="$z_1$", xlim=z_limits[0], ylim=z_limits[1], title="in z")
    handles, labels = left.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=4, handlelength=3.5)
    keep(name, fig)


# %% [markdown]
# ### A rotated and scaled map
#
# $z(x) = A x$ rotates the plane by 30° and stretches its second axis by 4. This is the control: a linear map has no
# curvature, so Newton, Gauss-Newton and the physical gradient are one method.


# %%
def rotation(angle):
    return jnp.array([[jnp.cos(angle), -jnp.sin(angle)], [jnp.sin(angle), jnp.cos(angle)]])


A = np.diag([1.0, 4.0]) @ np.asarray(rotation(np.pi / 6))
linear = Problem(lambda x: A @ x, lambda z: jnp.sum(z**2), lambda z, x: jnp.linalg.solve(A, z))
linear_paths = compare(linear, (3.0, 1.0), [(0, 0)])

# %% tags=["hide-input", "remove-output"]
draw_problem(
    "other_optimizers-figure-linear",
    linear,
    linear_paths,
    [(0, 0)],
    [(-1.5, 3.5), (-2.6, 2.4)],
    [(-0.8, 3), (-7, 10.5)],
)

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-linear
# :name: other_optimizers-figure-linear
# :alt: Two panels. Newton, Gauss-Newton and the physical gradient lie on top of each other on a straight line to the minimum in both. Gradient descent zigzags across the valley.
#
# A linear map. Three methods share one straight line, in x and in z. Gradient descent crosses the valley at every step.
# Contours: the loss, on a logarithmic scale. Ring: the start. Cross: the minimum.
# ```
#
# {numref}`other_optimizers-figure-linear` shows it. All differences below come from the curvature of $z$.
#
# ### Rosenbrock
#
# Rosenbrock's function $(1 - x_0)^2 + 100 (x_1 - x_0^2)^2$ is the standard curved valley of optimisation. It is a
# problem of our form, with an inverse that is exact everywhere:
#
# $$
# z(x) = \begin{pmatrix} 1 - x_0 \\ 10\, (x_1 - x_0^2) \end{pmatrix}, \qquad
# z^{-1}(z) = \begin{pmatrix} 1 - z_0 \\ z_1/10 + (1 - z_0)^2 \end{pmatrix}.
# $$ (other_optimizers-eq-rosenbrock)

# %%
valley = rosenbrock()
point = np.array([-1.2, 1.0])
z = np.array([1 - point[0], 10 * (point[1] - point[0] ** 2)])
back = np.array([1 - z[0], z[1] / 10 + (1 - z[0]) ** 2])
print(
    f"loss at the start: {(1 - point[0]) ** 2 + 100 * (point[1] - point[0] ** 2) ** 2:.1f}, "
    f"as |z|²: {z @ z:.1f}"
)
pairs = [(valley.z(point), z), (valley.z_inverse(jnp.array(z), point), back), (back, point)]
agree = all(np.allclose(one, other, 0, 1e-12) for one, other in pairs)
print(f"z and its inverse as in the package, and back at the start, to 1e-12: {agree}")

# %%
rosenbrock_paths = compare(valley, (-1.2, 1.0), [(1, 1)])

# %% tags=["hide-input", "remove-output"]
draw_problem(
    "other_optimizers-figure-rosenbrock",
    valley,
    rosenbrock_paths,
    [(1, 1)],
    [(-1.6, 1.5), (-1.1, 1.8)],
    [(-0.3, 2.5), (-10, 15)],
)

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-rosenbrock
# :name: other_optimizers-figure-rosenbrock
# :alt: Two panels. In x the physical gradient and Gauss-Newton swing below the curved valley and up to the minimum, Newton creeps along the valley near the start, gradient descent jumps into the valley and stays. In z the physical gradient is a straight line, Gauss-Newton a bent one.
#
# Rosenbrock's function. Newton and gradient descent go to the valley and creep along it; Gauss-Newton and the physical gradient come to the minimum from outside it.
# ```
#
# In z the valley is the line $z_1 = 0$. Newton and gradient descent first go to that line and then follow it ({numref}`other_optimizers-figure-rosenbrock`).
# The physical gradient shrinks both components of $z$ by the same factor, valley or not.
#
# With $\eta = 1$ it needs one step. That is no feat of the method: $z^{-1}(z^*)$ *is* the answer.

# %%
landing = descend(valley, "physical gradient", (-1.2, 1.0), 1.0, 1)[-1]
print("after one step with η = 1:", np.round(np.asarray(landing), 9))

# %% [markdown]
# ### A minimum away from the origin
#
# The walkthrough's map $z(x) = (x_0, x_1^2)$, with the target moved to $z^* = (1, 4)$. There are two minima now,
# $(1, 2)$ and $(1, -2)$, with a saddle point of the loss between them at $(1, 0)$.


# %%
def target(*point):
    return lambda z: jnp.sum((z - jnp.array(point)) ** 2)


shifted = Problem(walkthrough().z, target(1.0, 4.0), walkthrough().z_inverse)
shifted_minima = [(1, 2), (1, -2)]
shifted_paths = compare(shifted, (3.0, 0.6), shifted_minima)
print("Newton ends at", np.round(shifted_paths["Newton"][-1], 2))

# %% tags=["hide-input", "remove-output"]
draw_problem(
    "other_optimizers-figure-shifted",
    shifted,
    shifted_paths,
    shifted_minima,
    [(0.4, 3.4), (-2.4, 3.0)],
    [(0.7, 3.2), (-0.5, 5)],
)

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-shifted
# :name: other_optimizers-figure-shifted
# :alt: Two panels. Gauss-Newton and the physical gradient approach the upper minimum. Newton turns down to the saddle point between the two minima. Gradient descent first rises to the height of the upper minimum and then creeps along it.
#
# Two minima. Newton goes to the saddle point between them; the physical gradient keeps to the branch on which it started.
# ```
#
# Newton looks for a point where the gradient is zero, and a saddle point is one ({numref}`other_optimizers-figure-shifted`). At the start the
# second derivative along $x_1$, $12 x_1^2 - 16$, is negative, and a negative curvature turns Newton's step round.
# Gauss-Newton drops the term that makes it negative.

# %%
curvature = jax.jit(jax.hessian(shifted.objective))(jnp.array([3.0, 0.6]))
print(f"second derivative along x1 at the start: {curvature[1, 1]:.2f}")

# %% [markdown]
# ### Two branches
#
# Read a point of the plane as a complex number and square it:
#
# $$
# z(x) = (x_0^2 - x_1^2,\; 2 x_0 x_1).
# $$ (other_optimizers-eq-complex-square)
#
# Every $z \neq 0$ has two sources, $x$ and $-x$, so there is no inverse. There is a local inverse: of the two square
# roots, take the one on the side of the current point. With $z^* = (3, 4)$ the minima are $(2, 1)$ and $(-2, -1)$.


# %%
def nearest_root(z, x):
    root = jnp.sqrt(jax.lax.complex(z[0], z[1]))
    root = jnp.stack([root.real, root.imag])
    return jnp.where(root @ x < 0, -root, root)


square = Problem(
    lambda x: jnp.stack([x[0] ** 2 - x[1] ** 2, 2 * x[0] * x[1]]),
    target(3.0, 4.0),
    nearest_root,
)
square_minima = [(2, 1), (-2, -1)]
square_paths = compare(square, (-0.6, 1.8), square_minima)

# %% [markdown]
# A local inverse is one whose derivative is $J^{-1}$ (see {eq}`update_rules-eq-inverse-jacobian`). The cell checks that on both branches.


# %%
@jax.jit
def product(x):
    return jax.jacobian(square.z_inverse)(square.z(x), x) @ jax.jacobian(square.z)(x)


for x in (jnp.array([-0.6, 1.8]), jnp.array([0.6, -1.8])):
    back = np.round(np.asarray(square.z_inverse(square.z(x), x)), 9)
    identity = np.allclose(product(x), np.eye(2), 0, 1e-12)
    print(f"{np.asarray(x)} comes back as {back}; D(z⁻¹) J = I to 1e-12: {identity}")

# %% tags=["hide-input", "remove-output"]
draw_problem(
    "other_optimizers-figure-square",
    square,
    square_paths,
    square_minima,
    [(-2.5, 2.6), (-1.7, 2.3)],
    [(-3.6, 5), (-3.2, 5)],
)

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-square
# :name: other_optimizers-figure-square
# :alt: Two panels. In x the physical gradient curves from the upper left to the right-hand minimum, gradient descent stays close to it, Gauss-Newton takes one long step past the origin, Newton stops at the origin. In z the physical gradient is straight and gradient descent nearly so.
#
# A map with two branches. In z the physical gradient passes close to the origin, the branch point, and in x it turns a corner there.
# ```
#
# The line in z passes close to $z = 0$, where the branches meet and $J = 0$. There Gauss-Newton takes a step that is
# far too long, and Newton stops: the origin is a saddle point of the loss ({numref}`other_optimizers-figure-square`). Below, a map of many starts shows how often that happens.
#
# Gradient descent is nearly straight in z. Here $J J^\top = 4 |x|^2 I$: squaring a complex number keeps angles, so a short step against the
# gradient in x points at the target in z.
#
# ### A singular Jacobian on the way
#
# The cube $z(x) = (x_0, x_1^3)$ has an inverse everywhere, the cube root. But its Jacobian is singular on the whole
# line $x_1 = 0$. The target $z^* = (0, -1)$ lies beyond that line.

# %%
cubic = Problem(
    lambda x: jnp.stack([x[0], x[1] ** 3]),
    target(0.0, -1.0),
    lambda z, x: jnp.stack([z[0], jnp.cbrt(z[1])]),
)
cubic_paths = compare(cubic, (2.0, 1.0), [(0, -1)])

# %% tags=["hide-input", "remove-output"]
draw_problem(
    "other_optimizers-figure-cubic",
    cubic,
    cubic_paths,
    [(0, -1)],
    [(-0.4, 2.4), (-2.8, 1.3)],
    [(-0.4, 2.4), (-17, 2)],
)

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-cubic
# :name: other_optimizers-figure-cubic
# :alt: Two panels. The physical gradient crosses the line x1 = 0 and reaches the minimum below it. Gauss-Newton is thrown far below it and returns slowly. Newton stops above the line. Gradient descent crosses and creeps.
#
# The Jacobian is singular on $x_1 = 0$. Newton does not get across; Gauss-Newton is thrown far beyond the minimum.
# ```
#
# Near the line Gauss-Newton divides by $3 x_1^2$ and lands wherever that takes it. Newton stops short, because
# along $x_1$ the gradient is zero on the whole line. The physical gradient never asks for $J$: it needs the inverse, and the cube root is there
# ({numref}`other_optimizers-figure-cubic`).
#
# ### Outside the image
#
# A local inverse is not always there. The image of the walkthrough's map is $z_1 \ge 0$. Asked for a point outside it, the inverse raises an
# error. Under `jit` no value can be looked at, and there the answer is NaN.

# %%
toy = walkthrough()
outside, here = jnp.array([2.0, -1.0]), jnp.array([3.0, 3.0])
try:
    toy.z_inverse(outside, here)
except ValueError as error:
    print("ValueError:", error)
print("under jit:", np.asarray(jax.jit(toy.z_inverse)(outside, here)))

# %% [markdown]
# For the walkthrough's problem this happens when $\eta > 1$: the straight line then runs past the origin. A path that has
# become NaN stays NaN, and every table below counts such paths.
#
# ## Other optimisers
#
# Now one problem, the walkthrough's, and many methods. Each is a `Rule`: a state, and a step that returns the new point,
# the new state and what the step cost. `optimize` repeats a rule and keeps the history.


# %%
class Rule(NamedTuple):
    init: Callable  # (problem, x) -> state
    step: Callable  # (problem, x, state) -> (x, state, passes)


def optimize(rule, problem, start, steps):
    """Points, shape (steps + 1, 2), and the passes made up to each, shape (steps + 1,)."""

    def body(carry, _):
        x, state, passes = carry
        x, state, cost = rule.step(problem, x, state)
        return (x, state, passes + cost), (x, passes + cost)

    zero = jnp.zeros([])
    _, (path, passes) = jax.lax.scan(
        body, (start, rule.init(problem, start), zero), length=steps
    )
    return jnp.concatenate([start[None], path]), jnp.concatenate([zero[None], passes])


# %% [markdown]
# ### What a step costs
#
# Steps of different methods are not equally dear. The unit of this chapter is one *pass* through $z$ with its derivative in one
# direction, forward or backward: what one gradient of $L(z(x))$ costs.
#
# | method | passes a step, in two dimensions |
# |---|---|
# | gradient descent, AdaGrad, RMSProp, Adam, Lion, sign SGD, Polyak | 1: the gradient (Polyak's loss value comes with it) |
# | L-BFGS | 1 for each trial of its line search, 1 for the first gradient |
# | Gauss-Newton, Levenberg-Marquardt, dogleg | 2: the rows of $J$, which give the gradient too; also for a rejected trial |
# | Newton | 3: the gradient, and 2 products with the Hessian |
# | physical gradient | 2: one evaluation of $z$, one of $z^{-1}$, taken to be equally dear |
#
# In $n$ dimensions Gauss-Newton needs $n$ and Newton $n + 1$. The physical gradient's 2 stays, if $z^{-1}$ is a formula. If it
# is not, the section on numerical inverses says what that costs.


# %%
def from_steps(method, rate):
    passes = {"gradient descent": 1, "Newton": 3, "Gauss-Newton": 2, "physical gradient": 2}[
        method
    ]
    return Rule(
        lambda problem, x: None,
        lambda problem, x, state: (STEPS[method](problem, x, rate), None, passes),
    )


def from_optax(optimizer):
    update = optax.with_extra_args_support(optimizer).update

    def step(problem, x, state):
        value, gradient = jax.value_and_grad(problem.objective)(x)
        updates, state = update(
            gradient, state, x, value=value
        )  # Polyak's rule asks for the value
        return optax.apply_updates(x, updates), state, 1

    return Rule(lambda problem, x: optimizer.init(x), step)


# %% [markdown]
# optax's L-BFGS ends its step with a line search, and the state of that search says how many trials it made. The value and
# gradient of the last trial serve the next step.


# %%
def from_lbfgs(optimizer):
    def step(problem, x, state):
        first = jnp.isinf(optax.tree.get(state, "value"))  # nothing to reuse yet
        value, gradient = optax.value_and_grad_from_state(problem.objective)(x, state=state)
        updates, state = optimizer.update(
            gradient, state, x, value=value, grad=gradient, value_fn=problem.objective
        )
        return (
            optax.apply_updates(x, updates),
            state,
            first + state[-1].info.num_linesearch_steps,
        )

    return Rule(lambda problem, x: optimizer.init(x), step)


# %% [markdown]
# optimistix solves least-squares problems: it gets $z(x) - z^*$, here $z$ itself. Its first call evaluates the start and
# returns it, so that call belongs to the initialisation.


# %%
def from_optimistix(solver):
    def call(problem, x, state):
        return solver.step(
            lambda x, _: (problem.z(x), None), x, None, {"jac": "bwd"}, state, frozenset()
        )

    def init(problem, x):
        shape = jax.eval_shape(problem.z, x)
        function = lambda x, _: (problem.z(x), None)  # noqa: E731
        return call(
            problem, x, solver.init(function, x, None, {"jac": "bwd"}, shape, None, frozenset())
        )[1]

    def step(problem, x, state):
        x, state, _ = call(problem, x, state)
        return x, state, 2

    return Rule(init, step)


# %% [markdown]
# Two checks. The first: optax's SGD, run by `optimize`, is gradient descent as `descend` runs it. The second: the trials
# that L-BFGS reports are the calls that are made, counted by a callback in the loss.

# %%
start = jnp.array([3.0, 3.0])
sgd_path, _ = optimize(from_optax(optax.sgd(0.01)), toy, start, 10)
largest = jnp.abs(sgd_path - descend(toy, "gradient descent", start, 0.01, 10)).max()
print("largest difference < 1e-12:", bool(largest < 1e-12))

# %%
calls = []


def counted_loss(z):
    jax.debug.callback(lambda: calls.append(1))
    return jnp.sum(z**2)


_, passes = optimize(from_lbfgs(optax.lbfgs()), Problem(toy.z, counted_loss), start, 10)
jax.effects_barrier()
print(f"calls made in ten steps of L-BFGS: {len(calls)}, reported: {int(passes[-1])}")

# %% [markdown]
# ### Winning by walking the diagonal
#
# The walkthrough starts at $(3, 3)$ and its minimum is at the origin. That suits some methods. To find out which, turn
# the problem: with a rotation matrix $R$ the rotated problem is $z(Rx)$, and the start $u$ becomes $R^\top u$. Nothing has changed but the
# axes. Look at the result in $u = Rx$, and a method that does not care for axes draws the same path for every $R$.


# %%
def rotated(problem, angle):
    R = rotation(angle)
    return Problem(
        lambda x: problem.z(R @ x), problem.loss, lambda z, x: R.T @ problem.z_inverse(z, R @ x)
    )


def run(rule, angle, start, steps):
    """Points in u = R x, and passes, on the rotated problem from the rotated start."""
    R = rotation(angle)
    path, passes = optimize(rule, rotated(toy, angle), R.T @ start, steps)
    return path @ R.T, passes


# %% [markdown]
# Thirteen methods. The first six have a rate that must be chosen. optimistix's solvers take full steps.

# %%
exactly = {"rtol": 1e-12, "atol": 1e-12}
METHODS = {
    "gradient descent": lambda rate: from_optax(optax.sgd(rate)),
    "AdaGrad": lambda rate: from_optax(optax.adagrad(rate)),
    "RMSProp": lambda rate: from_optax(optax.rmsprop(rate)),
    "Adam": lambda rate: from_optax(optax.adam(rate)),
    "Lion": lambda rate: from_optax(optax.lion(rate)),
    "sign SGD": lambda rate: from_optax(optax.sign_sgd(rate)),
    "Polyak": lambda rate: from_optax(optax.polyak_sgd()),
    "L-BFGS": lambda rate: from_lbfgs(optax.lbfgs()),
    "Newton": lambda rate: from_steps("Newton", 0.3),
    "Gauss-Newton": lambda rate: from_steps("Gauss-Newton", 0.3),
    "Levenberg-Marquardt": lambda rate: from_optimistix(
        optimistix.LevenbergMarquardt(**exactly)
    ),
    "dogleg": lambda rate: from_optimistix(optimistix.Dogleg(**exactly)),
    "physical gradient": lambda rate: from_steps("physical gradient", 0.3),
}
TUNED = list(METHODS)[:6]


@partial(jax.jit, static_argnums=0)
def histories(method, rate, angles, starts):
    """Distances to the minimum and passes, each of shape (runs, 101)."""
    path, passes = jax.vmap(lambda angle, start: run(METHODS[method](rate), angle, start, 100))(
        angles, starts
    )
    return jnp.linalg.norm(path, axis=-1), passes


# %% [markdown]
# Ten steps from $(3, 3)$ with the rates that one would first try, in 32 rotations:

# %%
first_rates = {
    "gradient descent": 0.01,
    "AdaGrad": 0.5,
    "RMSProp": 0.1,
    "Adam": 0.3,
    "Lion": 0.3,
    "sign SGD": 0.3,
}
degrees = np.linspace(0, 90, 32)
turned, report = {}, []
for label in METHODS:
    gaps, _ = histories(
        label, first_rates.get(label, 0.3), jnp.deg2rad(degrees), jnp.tile(start, (32, 1))
    )
    now = turned[label] = np.asarray(gaps)[:, 10]
    report.append(
        f"{label:20}  at 0°: {now[0]:.3f}  worst: {now.max():.2f}"
        f"  depends on the axes: {np.ptp(now) > 1e-9}"
    )
print("\n".join(report))

# %% [markdown]
# At 0° sign SGD is first, and Lion third, behind dogleg. Sign SGD moves each coordinate by its rate, whatever the gradient: ten steps of 0.3 along
# the diagonal lead from 3 to 0. It is the start that suits it. Lion does nearly the same.

# %% tags=["hide-input", "remove-output"]
fig, ax = figure(size=(8.4, 4.8))
for position, (label, gaps) in enumerate(turned.items()):
    look = LOOKS[label]
    style = {"color": look.color, "linestyle": look.linestyle, "marker": look.marker}
    ax.plot(degrees, gaps, markevery=(position % 6, 6), label=label, **style)
ax.set(
    xlabel="rotation (degrees)",
    ylabel="distance after ten steps",
    xlim=(0, 90),
    ylim=(-0.08, None),
)
fig.legend(loc="outside right center", handlelength=3.5)
keep("other_optimizers-figure-rotation", fig)

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-rotation
# :name: other_optimizers-figure-rotation
# :alt: Distance after ten steps against the rotation of the axes. Sign SGD and Lion touch zero at 0 and 90 degrees, and Adam is below one there; between, all three rise above one. AdaGrad and RMSProp rise too. The other eight methods are level lines.
#
# The same start, the same function, other axes. Methods that scale each coordinate by itself depend on the axes; the level lines do not.
# ```
#
# {numref}`other_optimizers-figure-rotation` tells the two kinds apart. AdaGrad, RMSProp, Adam, Lion and sign SGD scale each
# coordinate by itself, so the answer depends on the axes, and a win at 0° says nothing. The others see only the function.
#
# ### Many starts, many rotations
#
# A fair comparison takes several starts and several rotations: eight points on the circle through $(3, 3)$, none on an axis or a diagonal, and four
# rotations, 32 runs for each method. A method with a rate gets the best of a grid, chosen by the median distance over
# the 32 runs, once for ten steps and once for a hundred. Newton, Gauss-Newton and the physical gradient keep
# $\eta = 0.3$, for with $\eta = 1$ the physical gradient just evaluates the answer.

# %%
phase = np.deg2rad(10 + 45 * np.arange(8))
circle = 3 * np.sqrt(2) * np.stack([np.cos(phase), np.sin(phase)], axis=1)
runs = [
    jnp.repeat(jnp.deg2rad(np.array([0, 22.5, 45, 67.5])), 8),
    jnp.tile(jnp.array(circle), (4, 1)),
]
GRID = [5.0, 3.0, 2.0, 1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005]

results = {}
for label in METHODS:
    rates = GRID if label in TUNED else [0.3]
    tried = [tuple(map(np.asarray, histories(label, rate, *runs))) for rate in rates]
    # a run that is not finite counts as infinitely far
    gaps = [np.nan_to_num(gap, nan=np.inf, posinf=np.inf) for gap, _ in tried]
    for steps in (10, 100):
        best = int(np.argmin([np.median(gap[:, steps]) for gap in gaps]))
        results[label, steps] = rates[best], gaps[best], tried[best][1]

# %% [markdown]
# The table gives the median and the worst distance to the minimum.

# %%
print(f"{'':20}  after ten steps           after a hundred")
print(f"{'':20}  rate   median   worst      rate   median   worst")
for label in METHODS:
    cells = []
    for steps in (10, 100):
        rate, gaps, _ = results[label, steps]
        cells.append(
            f"{format(rate, 'g') if label in TUNED else '':5}"
            f"  {np.median(gaps[:, steps]):6.2f}  {gaps[:, steps].max():6.2f}"
        )
    print(f"{label:20}  {cells[0]}      {cells[1]}")
lost = {key: int(np.isinf(gaps[:, key[1]]).sum()) for key, (_, gaps, _) in results.items()}
print(
    "runs that are not finite:",
    {f"{label}, {steps} steps": n for (label, steps), n in lost.items() if n},
)
glue("other_optimizers-lost", lost["gradient descent", 100], display=False)

# %% [markdown]
# The rate that serves gradient descent best in the median is too large for
# {glue:text}`other_optimizers-lost` of its 32 runs, which diverge: one rate does not suit all starts.
#
# Sign SGD is no longer first. After a hundred steps all methods that were not tuned are ahead of all that were: those with $J$, with the
# Hessian or an approximation of it, and Polyak's, which uses the value of the loss.

# %% tags=["hide-input", "remove-output"]
fig, (left, right) = figure(2, size=(8.4, 5.4), sharey=True)
for label in [name for name in METHODS if name != "sign SGD"]:
    _, gaps, passes = results[label, 100]
    look = LOOKS[label]
    style = {
        "color": look.color,
        "linestyle": look.linestyle,
        "marker": look.marker,
        "label": label,
    }
    medians = np.maximum(np.median(gaps, axis=0), 1e-12)
    left.plot(np.arange(101), medians, markevery=(5, 20), **style)
    right.plot(np.median(passes, axis=0), medians, markevery=(5, 20), **style)
for ax, xlabel in [(left, "steps"), (right, "passes through z")]:
    ax.set(yscale="log", xlabel=xlabel, xlim=(0, 100), ylim=(1e-8, 8))
left.set_ylabel("median distance to the minimum")
handles, labels = left.get_legend_handles_labels()
fig.legend(handles, labels, loc="outside lower center", ncols=4, handlelength=3.5)
keep("other_optimizers-figure-cost", fig)

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-cost
# :name: other_optimizers-figure-cost
# :alt: Two panels on a logarithmic scale. Against steps, dogleg and L-BFGS fall steepest, then the physical gradient, Gauss-Newton and Newton as straight lines; the first-order methods level off between 0.3 and 0.03. Against passes the slopes of Newton, Gauss-Newton, dogleg and the physical gradient are two to three times smaller, and Newton falls behind.
#
# Median distance over 32 runs, with the rate that is best for a hundred steps: left against steps, right against what they cost. Sign SGD is left out to keep the picture legible.
# ```
#
# Two groups stand out in {numref}`other_optimizers-figure-cost`. The minimum is flat along $x_1$, the loss is a fourth power there, and first-order methods
# slow down on it. Methods that use $J$, the Hessian or an approximation of it, go down geometrically.
#
# Against passes the distances between the methods shrink, and Newton, the dearest per step, loses most. Levenberg-Marquardt is
# the exception among the methods with $J$: its damping holds it back where $J$ becomes singular. Here is how many passes the methods need
# to come within 0.01.


# %%
def passes_to(gaps, passes, radius=0.01):
    """Passes of each run at its first arrival within the radius; infinity if there is none."""
    inside = gaps < radius
    return np.where(
        inside.any(axis=1), passes[np.arange(len(gaps)), inside.argmax(axis=1)], np.inf
    )


for label in METHODS:
    needed = passes_to(*results[label, 100][1:])
    arrived = (
        "all"
        if np.isfinite(needed).all()
        else "fewer than half"
        if np.isfinite(needed).mean() < 0.5
        else "most"
    )
    print(f"{label:20}  runs that arrive: {arrived:15}  median passes: {np.median(needed):g}")

# %% [markdown]
# optimistix's solvers can also run until they are content. Levenberg-Marquardt gets there, in many more steps.

# %%
for solver in (optimistix.Dogleg, optimistix.LevenbergMarquardt):
    solution = optimistix.least_squares(
        lambda x, _: toy.z(x), solver(**exactly), start, max_steps=2000
    )
    steps = int(solution.stats["num_steps"])
    near = bool(jnp.linalg.norm(solution.value) < 1e-6)
    print(f"{solver.__name__:18}  steps, to the nearest ten: {round(steps, -1):3}", end="   ")
    print(f"within 1e-6: {near}")

# %% [markdown]
# ### Overshoot
#
# A hundred steps show what ten hide. Adam and Lion keep a moving average of the gradient, and carry on in its direction
# when the gradient has turned. The loss does not tell: $L$ is even in both coordinates, and $x_1 = -2$ is as good as
# $x_1 = 2$. The positions do.

# %%
overshoot = {
    label: np.asarray(optimize(from_optax(rule), toy, start, 100)[0])
    for label, rule in {
        "Adam": optax.adam(0.3),
        "Lion": optax.lion(0.1),
        "Polyak": optax.polyak_sgd(),
    }.items()
}
for label, path in overshoot.items():
    print(f"{label:7} lowest x1 in a hundred steps: {path[:, 1].min():.2f}")

# %% tags=["hide-input", "remove-output"]
fig, (left, right) = figure(2)
for label, path in overshoot.items():
    look = LOOKS[label]
    style = {
        "color": look.color,
        "linestyle": look.linestyle,
        "marker": look.marker,
        "label": label,
    }
    left.plot(path[:, 1], markevery=10, **style)
    right.plot(np.maximum(jax.vmap(toy.objective)(path), 1e-9), markevery=10, **style)
left.axhline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
left.set(xlabel="step", ylabel="$x_1$", title="position")
right.set(xlabel="step", ylabel="loss $L$", yscale="log", ylim=(1e-7, 200), title="loss")
handles, labels = left.get_legend_handles_labels()
fig.legend(handles, labels, loc="outside lower center", ncols=3, handlelength=3.5)
keep("other_optimizers-figure-overshoot", fig)

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-overshoot
# :name: other_optimizers-figure-overshoot
# :alt: Left, x1 against the step: Lion sinks from 3 to about minus 2 and returns, Adam dips below zero, Polyak approaches zero from above. Right, the loss of the same runs on a logarithmic scale.
#
# Adam and Lion run through the minimum and come back. The loss, right, shows a bump, but not to which side.
# ```
#
# ## From which starts
#
# One start is an anecdote. Here are 6400, on a grid, for the map with two branches, all run at once by `vmap`. The picture shows the
# distance to the nearest minimum after 25 steps, the table the share of runs within 0.0001 of a minimum then, and what has become of the runs after 100.

# %%
side = np.linspace(-6, 6, 80)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
basin_rules = {
    "gradient descent": from_optax(optax.sgd(0.02)),
    "Newton": from_steps("Newton", 0.3),
    "Gauss-Newton": from_steps("Gauss-Newton", 0.3),
    "physical gradient": from_steps("physical gradient", 0.3),
    "Adam": from_optax(optax.adam(0.3)),
    "Polyak": from_optax(optax.polyak_sgd()),
}
basins, report = {}, []
for label, rule in basin_rules.items():
    paths = jax.jit(jax.vmap(lambda x, rule=rule: optimize(rule, square, x, 100)[0]))(
        jnp.array(grid)
    )
    basins[label], ends = (
        distance(paths[:, 25], square_minima),
        distance(paths[:, 100], square_minima),
    )
    shares = (basins[label] < 1e-4).mean(), (ends < 0.1).mean(), np.isinf(ends).mean()
    report.append(f"{label:17}  {shares[0]:8.0%}  {shares[1]:8.0%}  {shares[2]:8.0%}")
print(f"{'':17}  25 steps   100 steps     not")
print(f"{'':17}  < 0.0001       < 0.1  finite")
print("\n".join(report))

# %% tags=["hide-input", "remove-output"]
fig, axes = figure(3, 2, size=(8.4, 5.7), sharex=True, sharey=True)
for ax, (label, gaps) in zip(axes.flat, basins.items(), strict=True):
    shade = np.where(np.isinf(gaps), np.nan, np.log10(np.clip(gaps, 1e-4, 10))).reshape(80, 80)
    ax.set_facecolor("#d9d9d9")
    picture = ax.pcolormesh(side, side, shade, vmin=-4, vmax=1, rasterized=True)
    if np.isinf(gaps).any():
        ax.contourf(
            side,
            side,
            np.isinf(gaps).reshape(80, 80),
            [0.5, 1],
            colors="none",
            hatches=["////"],
        )
    for minimum in square_minima:
        ax.plot(*minimum, "x", color="white", markersize=8, markeredgewidth=2)
    ax.set(title=label, aspect="equal", xticks=[-5, 0, 5], yticks=[-5, 0, 5])
for ax in axes[1]:
    ax.set_xlabel("$x_0$ of the start")
for ax in axes[:, 0]:
    ax.set_ylabel("$x_1$ of the start")
fig.colorbar(picture, ax=axes, label="log₁₀ of the distance to a minimum", shrink=0.9)
keep("other_optimizers-figure-basins", fig)

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-basins
# :name: other_optimizers-figure-basins
# :alt: Six maps of the square of starts. The physical gradient's map is dark and smooth. Newton's has a bright lens round the origin and a bright line through it; Gauss-Newton's a thin, less bright line. Gradient descent's is dark in a disc and hatched outside it. Adam's is bright nearly everywhere, Polyak's dark everywhere.
#
# Distance to the nearest minimum (white crosses) after 25 steps, by start; dark is near. Hatched: the run is no longer finite.
# ```
#
# In {numref}`other_optimizers-figure-basins` the physical gradient approaches a minimum from every start, and at one pace. Newton has a basin round the saddle
# point at the origin, where it stays for good. Gauss-Newton loses time on the line of starts that lead it past the branch
# point. Gradient descent with a fixed rate is lost far out, because the gradient grows with the third power of the distance.
#
# Polyak's rule is the nearest of all: after 25 steps it alone is within 0.0001 from every start. Two things help it: $J$ is regular at these minima, unlike at the walkthrough's, and the rule is
# told the smallest value of the loss.
#
# ## Numerical inverses
#
# All this needs $z^{-1}$. The walkthrough shows that an approximate one will do: SciPy's L-BFGS-B minimises $|z(x) - y|^2$ from the current
# point, with gradients by finite differences. The current point keeps the branch. Every evaluation of $z$ is counted.


# %%
def inverse_by_minimising(z, x):
    """SciPy's L-BFGS-B as it comes: the point, the squared misfit, the evaluations of z(x)."""
    evaluations = 0

    def misfit(x):
        nonlocal evaluations
        evaluations += 1
        return (x[0] - z[0]) ** 2 + (x[1] ** 2 - z[1]) ** 2

    x, value, _ = fmin_l_bfgs_b(misfit, np.array(x, float), approx_grad=True)
    return x, value, evaluations


# %% [markdown]
# A root finder solves $z(x) = y$ itself. optimistix's Newton method uses $J$ by automatic differentiation, and each of its
# steps costs one evaluation of $z$ and one of $J$.

# %%
newton_root = optimistix.Newton(rtol=1e-10, atol=1e-10)


@partial(jax.jit, static_argnames="throw")
def root(z, x, throw=True):
    return optimistix.root_find(
        lambda x, z: toy.z(x) - z, newton_root, x, args=z, max_steps=64, throw=throw
    )


y = np.array([2.0, 2.0])
print("L-BFGS-B:   ", np.round(inverse_by_minimising(y, start)[0], 6))
print("root finder:", np.round(np.asarray(root(y, start).value), 6))

# %% [markdown]
# Side by side on the walkthrough's run, ten steps with $\eta = 0.3$:

# %%
exact = np.asarray(descend(toy, "physical gradient", start, 0.3, 10))[1:]
minimised, found, evaluations, root_steps = [start], [start], 0, 0
for _ in range(10):
    x, _, spent = inverse_by_minimising(0.7 * np.asarray(toy.z(minimised[-1])), minimised[-1])
    solution = root(0.7 * toy.z(found[-1]), found[-1])
    minimised, found = [*minimised, jnp.array(x)], [*found, solution.value]
    evaluations, root_steps = evaluations + spent, root_steps + int(solution.stats["num_steps"])

# %%
error_minimised = np.abs(np.array(minimised[1:]) - exact).mean()
error_found = np.abs(np.array(found[1:]) - exact).mean()
print(
    f"L-BFGS-B:    mean error {error_minimised:.6f}, "
    f"evaluations of z, to the nearest ten: {round(evaluations, -1)}"
)
print(
    f"root finder: mean error below 1e-12: {error_found < 1e-12}, "
    f"evaluations of z: {root_steps}, and as many of J"
)
ratio = evaluations / (3 * root_steps)
print(f"evaluations of z, L-BFGS-B to root finder, more than 5 to 1: {3 * ratio > 5}")
print(f"ratio with each J counted as two evaluations more: {ratio:.1f}")
glue("other_optimizers-inverse-cost", round(ratio, 1), display=False)

# %% [markdown]
# The root finder is exact to rounding, and cheaper: by a factor of
# {glue:text}`other_optimizers-inverse-cost:.1f`, with the cost of its Jacobians counted. The error of L-BFGS-B comes from its
# stopping rule and its finite differences, and does not add up over the steps: each step starts from the $z(x)$ that was reached, and shrinks its error by $1 - \eta$.
#
# ### Derivatives of the inverse
#
# A network that is trained through a simulator needs the derivative of $z^{-1}$. By the implicit function theorem it is
# $J^{-1}$ at the solution; the steps of the solver do not matter. optimistix does that by itself: `jax.jacobian` of the
# root is exact. With SciPy there are only finite differences, of something that was itself found with errors.

# %%
inverse_jacobian = np.linalg.inv(jax.jacobian(toy.z)(root(y, start).value))
implicit = jax.jacobian(lambda z: root(z, start).value)(jnp.array(y))
step = 1e-4
finite = np.stack(
    [
        (
            inverse_by_minimising(y + step * e, start)[0]
            - inverse_by_minimising(y - step * e, start)[0]
        )
        / (2 * step)
        for e in np.eye(2)
    ],
    axis=1,
)
off_implicit, off_finite = (
    float(np.abs(derivative - inverse_jacobian).max()) for derivative in (implicit, finite)
)
print("implicit derivative = J⁻¹ to 1e-9:", off_implicit < 1e-9)
print("finite differences of L-BFGS-B to 1e-9:", off_finite < 1e-9)
print("finite differences of L-BFGS-B to 1e-2:", off_finite < 1e-2)

# %% [markdown]
# ### When there is no inverse
#
# Ask for $y = (2, -1)$, outside the image. The minimiser returns a point as if nothing were wrong: it is the nearest it could
# find, and only the misfit tells. The root finder reports that it did not converge; by default it raises an error.

# %%
nearest, value, _ = inverse_by_minimising(np.array([2.0, -1.0]), start)
print("L-BFGS-B returns", np.abs(np.round(nearest, 3)), f"with a misfit of {value:.3f}")
attempt = root(jnp.array([2.0, -1.0]), start, throw=False)
print("root finder converged:", bool(attempt.result == optimistix.RESULTS.successful))

# %% [markdown]
# ## What to keep
#
# - The physical gradient is straight in z for every map with a local inverse, and passes saddle points and singular
#   Jacobians that hold up the others. It needs the inverse; where there is none it must say so.
# - A method that scales coordinates one by one can win on one pair of axes. Turn the axes before you believe it.
# - Count passes, not steps; look at positions, not losses; and say from how many starts a method arrived.
# - A root finder with implicit derivatives is an inverse that one can train through. {ref}`learning_with_inverses` puts inverses into the
#   training of networks.
#
# ## Exercises
#
# ```{exercise}
# :label: other_optimizers-ex-polyak
#
# The docstring of `optax.polyak_sgd` (0.2.8) writes `params, opt_state = solver.update(...)` and prints the falling
# loss $|x|^2$. `update` returns the *change* of the parameters, not the parameters. Why does the loss fall, and at the right speed, all the same? Where is $x$?
# ```
#
# ````{solution-start} other_optimizers-ex-polyak
# :class: dropdown
# ````

# %%
polyak = optax.polyak_sgd()


def bowl(x):
    return jnp.sum(x**2)


right = wrong = jnp.array([1.0, 2.0])
state = polyak.init(right)
for _ in range(3):
    right = right + polyak.update(jax.grad(bowl)(right), state, right, value=bowl(right))[0]
    wrong = polyak.update(jax.grad(bowl)(wrong), state, wrong, value=bowl(wrong))[0]
    print(f"right: loss {bowl(right):.4f} at {np.asarray(right)}", end="   ")
    print(f"wrong: loss {bowl(wrong):.4f} at {np.asarray(wrong)}")

# %% [markdown]
# Polyak's step on $|x|^2$ is $-x/2$. Applied, it leads to $x/2$; mistaken for the parameters, to $-x/2$. The loss is even and cannot tell. The positions
# alternate in sign.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: other_optimizers-ex-floor
#
# Polyak's rule needs the smallest value of the loss, `f_min`, 0 by default. Add 10 to the loss of the walkthrough's problem. Where does
# Polyak's rule end after a hundred steps with the wrong `f_min`, and with the right one?
# ```
#
# ````{solution-start} other_optimizers-ex-floor
# :class: dropdown
# ````

# %%
raised = Problem(toy.z, lambda z: jnp.sum(z**2) + 10, toy.z_inverse)
for f_min in (0.0, 10.0):
    path, _ = optimize(from_optax(optax.polyak_sgd(f_min=f_min)), raised, start, 100)
    before, after = np.abs(np.round(path[-2:], 2))
    print(f"f_min = {f_min:2.0f}: |x| = {before}, then {after}", end="")
    print(f"   x0 has changed its sign: {bool(path[-1, 0] * path[-2, 0] < 0)}")

# %% [markdown]
# With the wrong value the step is too long, and only the largest allowed rate, 1, holds it. The gradient along $x_0$ is $2 x_0$, so $x_0$ jumps
# to $-x_0$ and back for ever. With the right value the jumps die out.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: other_optimizers-ex-branch-point
#
# For the map with two branches, find a start from which the physical gradient runs straight into the branch point $z = 0$. Then
# both branches are equally near. Does the method still reach a minimum?
# ```
#
# ````{solution-start} other_optimizers-ex-branch-point
# :class: dropdown
# ````

# %%
meeting = jnp.array([-1.0, 2.0])
print("z at the start:", np.round(np.asarray(square.z(meeting)), 9))
path = np.asarray(descend(square, "physical gradient", meeting, 0.3, 20))
print(
    "all finite:",
    bool(np.isfinite(path).all()),
    f"; distance to the nearest minimum: {distance(path[-1], square_minima):.4f}",
)

# %% [markdown]
# From $z = -z^*$ the line in z runs through 0. There the two roots are at right angles to the current point, and rounding decides which is
# taken; both lead to a minimum. A step that lands on $z = 0$ itself also has a next one, since $J$ is never needed.
#
# ```{solution-end}
# ```

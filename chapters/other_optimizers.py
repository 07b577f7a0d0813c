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
# One function, one start, three rates that somebody chose: that is what the walkthrough of {ref}`physical_gradients` compares its methods on. Would the ranking survive another function? And the optimisers that everyone uses? Where a ranking counts, each method gets the best rate of a grid.
#
# You will see five other problems, chosen to break something, then thirteen optimisers, nine of them from optax and optimistix {cite:p}`deepmind2020optax,rader2024optimistix`, from many starts and on many pairs of axes. Last, a numerical inverse replaces $z^{-1}$, which the physical gradient takes for granted.
#
# You need the update rules of {ref}`update_rules`. We compute in 64-bit floats.

# %% tags=["hide-input"]
# ruff: noqa: E731
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import optimistix
from myst_nb import glue
from scipy.optimize import fmin_l_bfgs_b, least_squares

from straightlines.figures import other_optimizers as figures
from straightlines.paths import distance_from_line
from straightlines.plotting import keep
from straightlines.problems import Problem, walkthrough
from straightlines.steps import STEPS, descend

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# ## Five other functions
#
# Every problem here is a map $z(x)$ from the plane to the plane, and a target $z^*$ with the loss $L(z) = |z - z^*|^2$. A step of the physical gradient {eq}`update_rules-eq-physical-gradient` then goes the fraction $\eta$ of the way to the target:
#
# $$
# z' = z - \eta\, (z - z^*), \qquad x' = z^{-1}(z'; x).
# $$ (other_optimizers-eq-line)
#
# Its path in z is straight by construction, whatever the map is.
#
# - **Rotated**: $z = A x$ turns the plane by 30° and stretches its second axis by 4. This control has no curvature, so Newton, Gauss-Newton and the physical gradient are one method.
# - **Rosenbrock**: $z = (1 - x_0,\, 10\,(x_1 - x_0^2))$ makes $L$ the standard curved valley of optimisation. The inverse is exact everywhere.
# - **Two minima**: the walkthrough's map $(x_0, x_1^2)$ with the target $(1, 4)$. The minima are $(1, \pm 2)$, and between them, at $(1, 0)$, lies a saddle point of the loss.
# - **Two branches**: $z = (x_0^2 - x_1^2,\, 2 x_0 x_1)$, which squares a complex number. Every $z \ne 0$ comes from two points, $x$ and $-x$. The local inverse takes the square root on the side of the current point.
# - **Singular**: $z = (x_0, x_1^3)$ has an inverse everywhere, but its Jacobian is singular on the line $x_1 = 0$, and the target $(0, -1)$ lies beyond that line.

# %% [markdown]
# These maps are polynomials. Kept as rows of coefficients, they share one compiled program.

# %%
turn = np.array([[np.cos(np.pi / 6), -0.5], [0.5, np.cos(np.pi / 6)]])
A = np.diag([1.0, 4.0]) @ turn
PROBLEMS = {  # start, minima
    "rotated": ((3.0, 1.0), [(0, 0)]),
    "Rosenbrock": ((-1.2, 1.0), [(1, 1)]),
    "two minima": ((3.0, 0.6), [(1, 2), (1, -2)]),
    "two branches": ((-0.6, 1.8), [(2, 1), (-2, -1)]),
    "singular": ((2.0, 1.0), [(0, -1)]),
}
NAMES = ["walkthrough", *PROBLEMS]
TARGETS = np.array([[0, 0], [0, 0], [0, 0], [1, 4], [3, 4], [0, -1.0]])
MAPS = np.array(  # z0 and z1 in 1, x0, x1, x0^2, x0 x1, x1^2, x1^3
    [
        [[0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0]],
        [[0, *A[0], 0, 0, 0, 0], [0, *A[1], 0, 0, 0, 0]],
        [[1, -1, 0, 0, 0, 0, 0], [0, 0, 10, -10, 0, 0, 0]],
        [[0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0]],
        [[0, 0, 0, 1, 0, -1, 0], [0, 0, 0, 0, 2, 0, 0]],
        [[0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1]],
    ]
)


# %%
def nearest_root(z, x):
    root = jnp.sqrt(jax.lax.complex(z[0], z[1]))
    root = jnp.stack([root.real, root.imag])
    return jnp.where(root @ x < 0, -root, root)


INVERSES = [
    walkthrough().z_inverse,
    lambda z, x: np.linalg.inv(A) @ z,
    lambda z, x: jnp.stack([1 - z[0], z[1] / 10 + (1 - z[0]) ** 2]),
    walkthrough().z_inverse,
    nearest_root,
    lambda z, x: jnp.stack([z[0], jnp.cbrt(z[1])]),
]


# %%
def numbered(k, R):
    """The problem NAMES[k] on axes turned by R."""

    def z(x):
        a, b = R @ x
        terms = [jnp.ones_like(a), a, b, a * a, a * b, b * b, b * b * b]
        return jnp.asarray(MAPS)[k] @ jnp.stack(terms)

    def z_inverse(z, x):
        points = [inverse(z, R @ x) for inverse in INVERSES]
        return R.T @ jax.lax.select_n(jnp.asarray(k, jnp.int32), *points)

    target = jnp.asarray(TARGETS)[k]
    return Problem(z, lambda z: jnp.sum((z - target) ** 2), z_inverse)


# %% [markdown]
# Every method runs a hundred steps with every rate of a grid, and its best rate is the one that first comes within 0.01 of a minimum. The bend is the largest distance of the path in z, up to its arrival, from the straight line to the target, as a share of that line's length.

# %%
RATES = [3, 2, 1.5, 1, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01]
RATES = np.array([*RATES, 0.005, 0.002, 0.001])


def distance(points, minima):
    """To the nearest minimum; infinite where a path has diverged."""
    gaps = points[..., None, :] - np.array(minima, float)
    gaps = np.linalg.norm(gaps, axis=-1).min(-1)
    return np.where(np.isfinite(gaps), gaps, np.inf)


# %% tags=["hide-input"]
def turning(angle):
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.array([[cos, -sin], [sin, cos]])


@jax.jit
def step_paths(k, rates, angles, starts):
    """Method to paths of a hundred steps, shape (450, 101, 2)."""

    def run(k, rate, angle, start):
        R = turning(angle)
        go = partial(descend, numbered(k, R), iterations=100)
        steps = STEPS.items()
        return {m: go(s, R.T @ start, rate[m]) @ R.T for m, s in steps}

    return jax.vmap(run)(k, rates, angles, starts)


# %% tags=["hide-input"]
def batched(program, k, rates, angles, starts, rows=450):
    """Any number of runs, by a program that is compiled for 450."""
    n = len(starts)
    shaped = {m: np.broadcast_to(rate, n) for m, rate in rates.items()}
    k, angles = np.broadcast_to(k, n), np.broadcast_to(angles, n)

    def piece(first):
        some = np.arange(first, first + rows) % n
        cut = {
            m: np.asarray(rate, float)[some] for m, rate in shaped.items()
        }
        return program(k[some], cut, angles[some] + 0.0, starts[some])

    pieces = [piece(first) for first in range(0, n, rows)]
    paths = jax.tree.map(lambda *p: np.concatenate(p)[:n], *pieces)
    bounded = lambda path: np.where(np.abs(path) < 1e6, path, np.nan)
    return jax.tree.map(bounded, paths)


def z_of(name, x):
    """The map of a problem, for points of any shape (..., 2)."""
    a, b = x[..., 0], x[..., 1]
    terms = [np.ones_like(a), a, b, a * a, a * b, b * b, b * b * b]
    return np.stack(terms, axis=-1) @ MAPS[NAMES.index(name)].T


# %%
runs = {}
for name, (start, _) in PROBLEMS.items():
    k, starts = NAMES.index(name), np.tile(start, (len(RATES), 1))
    x = batched(step_paths, k, dict.fromkeys(STEPS, RATES), 0.0, starts)
    runs[name] = x, {m: z_of(name, p) for m, p in x.items()}


# %% [markdown]
# The physical gradient with $\eta = 1$ should land in one step, because $z^{-1}(z^*)$ *is* the answer.


# %%
def steps_needed(path, minima, radius=0.01):
    """Steps until a path comes within the radius; infinite if never."""
    inside = distance(path, minima) < radius
    return float(inside.argmax()) if inside.any() else np.inf


def bend(z, target):
    """Departure from the line, as a share of the line's length."""
    gap = distance_from_line(z, z[0], target)
    return gap / np.linalg.norm(target - z[0])


print(f"{'':13}{'':18}rate  steps  bend in z")
for name, (_, minima) in PROBLEMS.items():
    (x, z), target = runs[name], TARGETS[NAMES.index(name)]
    for method in STEPS:
        needed = [steps_needed(path, minima) for path in x[method]]
        i, fewest = int(np.argmin(needed)), min(needed)
        bent = bend(z[method][i][: int(min(fewest, 100)) + 1], target)
        cells = f"{RATES[i]:5g}{fewest:7g}{bent:9.2f}"
        cells = cells if fewest < np.inf else "    -  never        -"
        print(f"{name:13}{method:18}{cells}")

# %% [markdown]
# From these starts a full Gauss-Newton step is nearly as good as the physical gradient: a handful of steps against one. So is Newton's on two of the five. With two branches Newton arrives at one rate, 1.5, whose steps throw it far across the plane, and on the other two at none. Gradient descent is the slowest wherever it arrives. But the grid is coarse: with two branches gradient descent needs {glue:text}`other_optimizers-finer` steps at 0.04 and Newton {glue:text}`other_optimizers-newton-finer` at 1.2, fewer than Gauss-Newton; with two minima Newton at 1.7 arrives in {glue:text}`other_optimizers-newton-late`. Are the starts typical? Here are 450 others, from the square $[-3, 3]^2$, with full steps:

# %% tags=["remove-cell"]
for key, name, method, rate in [
    ("finer", "two branches", "gradient descent", 0.04),
    ("newton-finer", "two branches", "Newton", 1.2),
    ("newton-late", "two minima", "Newton", 1.7),
]:
    (begin, minima), k = PROBLEMS[name], NAMES.index(name)
    between = dict.fromkeys(STEPS, rate)
    x = batched(step_paths, k, between, 0.0, np.array([begin]))
    needed = int(steps_needed(x[method][0], minima))
    glue(f"other_optimizers-{key}", needed, display=False)

# %% tags=["hide-input"]
others = np.random.RandomState(0).uniform(-3, 3, (450, 2))
ones = dict.fromkeys(STEPS, 1.0)
for name, (_, minima) in PROBLEMS.items():
    x = batched(step_paths, NAMES.index(name), ones, 0.0, others)
    needed = {
        method: np.array([steps_needed(path, minima) for path in x[method]])
        for method in ("Gauss-Newton", "Newton")
    }
    few, most = (
        np.median(needed["Gauss-Newton"]),
        needed["Gauss-Newton"].max(),
    )
    share = np.isfinite(needed["Newton"]).mean()
    print(
        f"{name:13}Gauss-Newton {few:2g} steps in the median, {most:2g}",
        end="",
    )
    print(f" at most; Newton arrives from {share:.0%}")

# %% [markdown]
# Gauss-Newton arrives from all, on the singular map sometimes late. On the last three, Newton depends on the start.
#
# The table's last column seems to tell the methods apart: Gauss-Newton strays from the line by several times the line's length on three of the problems. Is that the method, or its long steps? For a square $J$ the step solves $J\, \delta x = -\eta\, (z - z^*)$, so that to first order it moves z along the very same line. The same runs with other rates decide:

# %% tags=["hide-input"]
print("Gauss-Newton, bend in z in a hundred steps or on arrival")
print(f"{'rate':13}{1:8g}{0.3:8g}{0.2:8g}{0.1:8g}{0.01:8g}")
for name, (_, minima) in PROBLEMS.items():
    x, z = (space["Gauss-Newton"] for space in runs[name])
    target = TARGETS[NAMES.index(name)]
    bends = []
    for rate in (1, 0.3, 0.2, 0.1, 0.01):
        i = list(RATES).index(rate)
        last = int(min(steps_needed(x[i], minima), 100))
        bends.append(bend(z[i][: last + 1], target))
    print(f"{name:13}" + "".join(f"{bent:8.2f}" for bent in bends))

# %% [markdown]
# Short steps keep Gauss-Newton on the line, but for a jump where $J$ is nearly singular. On the singular map chance decides how close to $x_1 = 0$ a step ends, and how long the next one is, at any rate. So the two methods differ in what a *long* step does: the physical gradient stays on the line at any rate up to 1, and its best rate is known beforehand. What it asks for instead is the inverse.
#
# {numref}`other_optimizers-figure-problems` takes shorter steps.

# %% tags=["hide-input", "remove-output"]
extents = {
    "rotated": ([(-1.5, 3.5), (-2.6, 2.4)], [(-0.8, 3), (-7, 10.5)]),
    "Rosenbrock": ([(-1.6, 1.5), (-1.1, 1.8)], [(-0.3, 2.5), (-10, 15)]),
    "two minima": ([(0.4, 3.4), (-2.4, 3.0)], [(0.7, 3.2), (-0.5, 5)]),
    "two branches": ([(-2.5, 2.6), (-1.7, 2.3)], [(-3.6, 5), (-3.2, 5)]),
    "singular": ([(-0.4, 2.4), (-2.8, 1.3)], [(-0.4, 2.4), (-4.6, 1.6)]),
}
backdrops, drawn_x, drawn_z = {}, {}, {}
for name, (_, minima) in PROBLEMS.items():
    (x, z), target = runs[name], TARGETS[NAMES.index(name)]
    ten = distance(x["gradient descent"][:, 10], minima)
    chosen = dict.fromkeys(STEPS, list(RATES).index(0.3))
    chosen["gradient descent"] = int(ten.argmin())
    drawn_x[name] = {m: x[m][i][:11] for m, i in chosen.items()}
    drawn_z[name] = {m: z[m][i][:11] for m, i in chosen.items()}
    across, up = (np.linspace(*e, 81) for e in extents[name][0])
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    losses = np.sum((z_of(name, grid) - target) ** 2, axis=-1)
    backdrops[name] = (losses, *extents[name], minima, target)
fig = figures.problems(backdrops, drawn_x, drawn_z)
keep("other_optimizers-figure-problems", fig)

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-problems
# :name: other_optimizers-figure-problems
# :alt: Five rows of two panels, x on the left and z on the right. Rotated map, three methods share a straight line and gradient descent zigzags. Rosenbrock, Newton and gradient descent creep along the valley, the other two come from outside it. Two minima, Newton turns down to the saddle point. Two branches, Newton runs into the origin and Gauss-Newton shoots past it. Singular, Newton slows down above the line on which the Jacobian is singular, Gauss-Newton is thrown far below it. In every panel of z the physical gradient is a straight line.
#
# Ten steps on five problems: $\eta = 0.3$, for gradient descent the rate of the grid that is best for ten steps. Ring: the start. Cross: a minimum, or its image. Thin lines: equal loss. Singular: Gauss-Newton leaves the last panel and comes back.
# ```
#
# ````{explorer} two-planes
# :problems: rotated, rosenbrock, shifted, square, cubic
# {numref}`other_optimizers-figure-problems` shows one setting of each problem; the page of the book on a screen lets you choose others.
# ````
#
# With **two minima**, Newton looks for a point where the gradient is zero, and a saddle point is one. At the start the loss has a negative curvature along $x_1$, which turns Newton's step round; Gauss-Newton drops the term that makes it negative. With **two branches**, the origin is a saddle point too, and Newton ends there. The line in z passes close by, and near $z = 0$, where $J$ is small, Gauss-Newton's longest step in x leads off it. On the **singular** map Newton creeps up to the line and does not cross it: the gradient along $x_1$ vanishes there like $x_1^2$, so that near the line each step takes the share $\eta/2$ of what is left of $x_1$. Gauss-Newton divides by $3 x_1^2$.
#
# Gradient descent is not held by the saddle: on the map with two branches it is the nearest of the four after ten steps, but only its own rate was tuned. It crosses the singular line, too. Or does it jump?

# %%
print(
    f"two minima, curvature along x1 at the start: {12 * 0.6**2 - 16:.2f}"
)
for name in ("two branches", "singular"):
    for method, path in drawn_x[name].items():
        left = distance(path[-1], PROBLEMS[name][1])
        x1 = path[-1, 1]
        print(f"{name:13}{method:18}distance {left:.2f}  x1 {x1:5.2f}")
for rate in (0.1, 0.05):
    path = runs["singular"][0]["gradient descent"][list(RATES).index(rate)]
    print(f"singular, gradient descent, rate {rate:4}: x1", end=" ")
    print(f"{path[1, 1]:.2f} after one step, {path[-1, 1]:.2f} after 100")

# %% [markdown]
# It jumps: with half the rate it creeps up to the line like Newton. For a method that follows the gradient in short steps, this line is a wall.
#
# Why is gradient descent nearly straight on the map with two branches? Squaring a complex number keeps angles: $J J^\top = 4 |x|^2 I$, so that a short step against the gradient in x points at the target in z.
#
# A local inverse is not always to be had. The image of the walkthrough's map is $z_1 \ge 0$; asked for a point outside it, this book's inverse raises an error, and under `jit`, where no value can be looked at, it answers NaN. A path that has become NaN stays NaN and counts as infinitely far, but not, in the next section, if it came within $10^{-6}$ of the minimum, where rounding makes the matrices singular and a run may rest.

# %%
start, toward = np.array([3.0, 3.0]), walkthrough()
try:
    toward.z_inverse(np.array([2.0, -1.0]), start)
except ValueError as error:
    print("ValueError:", error)
under_jit = jax.jit(toward.z_inverse)(np.array([2.0, -1.0]), start)
print("under jit:", np.asarray(under_jit))

# %% [markdown]
# ## Thirteen optimisers
#
# Now one problem, the walkthrough's, and many methods: the four from above, and nine of two packages. A package's is a `Rule` here, which `optimize` repeats.


# %%
class Rule(NamedTuple):
    init: Callable  # (problem, x) -> state
    step: Callable  # (problem, x, state) -> (x, state, passes)


def optimize(rule, problem, start, steps):
    """Points, shape (steps + 1, 2), and the passes made up to each."""

    def body(carry, _):
        x, state, passes = carry
        x, state, cost = rule.step(problem, x, state)
        return (x, state, passes + cost), (x, passes + cost)

    carry = start, rule.init(problem, start), jnp.zeros([])
    _, (path, passes) = jax.lax.scan(body, carry, length=steps)
    path = jnp.concatenate([start[None], path])
    return path, jnp.concatenate([jnp.zeros(1), passes])


# %% [markdown]
# Our unit of cost is one *pass* through $z$ with its derivative in one direction, forward or backward: what one gradient of $L(z(x))$ costs.
#
# | method | passes a step, in two dimensions |
# |---|---|
# | gradient descent, AdaGrad, RMSProp, Adam, Lion, sign SGD, Polyak | 1: the gradient (Polyak's loss value comes with it) |
# | L-BFGS | 1 for each trial of its line search, 1 for the first gradient |
# | Gauss-Newton, Levenberg-Marquardt, dogleg | 2: the rows of $J$, which give the gradient too; also for a rejected trial |
# | Newton | 3: the gradient, and 2 products with the Hessian |
# | physical gradient | 2: one evaluation of $z$, and one of $z^{-1}$, if that costs as much |
#
# These round numbers flatter Newton, whose products with the Hessian cost more than a gradient; an evaluation without a derivative and a rejected trial cost less than we count.
#
# In $n$ dimensions Gauss-Newton needs $n$ and Newton $n + 1$, if they form their matrices; the physical gradient's 2 stays, where $z^{-1}$ is a formula.


# %% tags=["hide-input"]
PASSES = {"Newton": 3, "Gauss-Newton": 2, "physical gradient": 2}


def from_optax(optimizer):
    update = optax.with_extra_args_support(optimizer).update

    def step(problem, x, state):  # Polyak's rule asks for the value, too
        value, gradient = jax.value_and_grad(problem.objective)(x)
        updates, state = update(gradient, state, x, value=value)
        return optax.apply_updates(x, updates), state, 1

    return Rule(lambda problem, x: optimizer.init(x), step)


# %% [markdown]
# optax's L-BFGS ends its step with a line search, whose state says how many trials it made; optimistix solves least-squares problems and gets $z(x) - z^*$, here $z$ itself.


# %% tags=["hide-input"]
def from_lbfgs(optimizer):
    def step(problem, x, state):
        first = jnp.isinf(optax.tree.get(state, "value"))
        loss = problem.objective
        value, grad = optax.value_and_grad_from_state(loss)(x, state=state)
        updates, state = optimizer.update(
            grad, state, x, value=value, grad=grad, value_fn=loss
        )
        trials = first + state[-1].info.num_linesearch_steps
        return optax.apply_updates(x, updates), state, trials

    return Rule(lambda problem, x: optimizer.init(x), step)


# %% tags=["hide-input"]
def from_optimistix(solver):
    options = {"jac": "bwd"}

    def call(problem, x, state):
        residual = lambda x, _: (problem.z(x), None)
        return solver.step(residual, x, None, options, state, frozenset())

    def init(problem, x):  # the first call evaluates the start
        residual, shape = (lambda x, _: (problem.z(x), None)), problem.z(x)
        state = solver.init(
            residual, x, None, options, shape, None, frozenset()
        )
        return call(problem, x, state)[1]

    def step(problem, x, state):
        x, state, _ = call(problem, x, state)
        return x, state, 2

    return Rule(init, step)


# %% tags=["hide-input"]
calls = []


def counted(z):
    jax.debug.callback(lambda: calls.append(1))
    return jnp.sum(z**2)


counting = Problem(toward.z, counted)
search = jax.jit(
    partial(optimize, from_lbfgs(optax.lbfgs()), counting, steps=10)
)
reported = int(search(start)[1][-1])
jax.effects_barrier()
glue("other_optimizers-calls", len(calls), display=False)
glue("other_optimizers-reported", reported, display=False)

# %% [markdown]
# A callback in the loss counted {glue:text}`other_optimizers-calls` calls in ten steps of L-BFGS, and its state reports {glue:text}`other_optimizers-reported`.
#
# All rules but Polyak's, L-BFGS and optimistix's two have a rate, and all of those get the same grid. Their other settings are the packages' defaults, but for one: we switch off the weight decay of optax's Lion, which pulls towards $x = 0$, and here that is the answer.

# %% tags=["hide-input"]
OPTAX = {
    "AdaGrad": optax.adagrad,
    "RMSProp": optax.rmsprop,
    "Adam": optax.adam,
    "Adam, no average": partial(optax.adam, b1=0.0),  # for later
    "Lion": partial(optax.lion, weight_decay=0.0),  # a pull to x = 0
    "sign SGD": optax.sign_sgd,
    "Polyak": lambda rate: optax.polyak_sgd(),
}
exactly = {"rtol": 1e-12, "atol": 1e-12}
SEARCHING = {
    "L-BFGS": lambda cutoff: from_lbfgs(optax.lbfgs()),
    "Levenberg-Marquardt": lambda cutoff: from_optimistix(
        with_cutoff(optimistix.LevenbergMarquardt(**exactly), cutoff)
    ),
    "dogleg": lambda cutoff: from_optimistix(optimistix.Dogleg(**exactly)),
}
TUNED = [*STEPS, *OPTAX][:-1]
METHODS = [m for m in [*TUNED, "Polyak", *SEARCHING] if "average" not in m]
GRID = [5, 3, 2, 1.5, 1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01]


def with_cutoff(solver, cutoff):  # 0.99 by default, see below
    search = eqx.tree_at(
        lambda search: search.high_cutoff, solver.search, cutoff
    )
    return eqx.tree_at(lambda solver: solver.search, solver, search)


# %% [markdown]
# ### Winning by walking the diagonal
#
# The walkthrough starts at $(3, 3)$, and its minimum is at the origin. Whom does that suit? Turn the problem: with a rotation matrix $R$ the rotated problem is $z(Rx)$, and the start $u$ becomes $R^\top u$. Look at the result in $u = Rx$, and a method that does not care for axes draws the same path for every $R$.


# %% tags=["hide-input"]
@jax.jit
def optax_paths(k, rates, angles, starts):
    """As `step_paths`, for the rules of optax."""

    def run(k, rate, angle, start):
        R = turning(angle)
        go = partial(optimize, problem=numbered(k, R), start=R.T @ start)
        rules = {m: from_optax(OPTAX[m](rate[m])) for m in OPTAX}
        return {m: go(rules[m], steps=100)[0] @ R.T for m in OPTAX}

    return jax.vmap(run)(k, rates, angles, starts)


@jax.jit
def search_paths(targets, cutoffs, angles, starts):
    """Paths in x and passes of the rules that search for their step."""

    def run(target, cutoff, angle, start):
        R, residual = turning(angle), lambda x: toward.z(x) - target
        problem = Problem(lambda x: residual(R @ x), toward.loss)
        go = partial(optimize, problem=problem, start=R.T @ start)
        found = {m: go(r(cutoff), steps=100) for m, r in SEARCHING.items()}
        return {m: (x @ R.T, passes) for m, (x, passes) in found.items()}

    return jax.vmap(run)(targets, cutoffs, angles, starts)


# %% tags=["hide-input"]
def histories(k, rates, angles, starts):
    """Method to paths, for all methods with a rate, and Polyak's."""
    cut = lambda methods: {m: rates.get(m, 1.0) for m in methods}
    paths = batched(step_paths, k, cut(STEPS), angles, starts)
    return paths | batched(optax_paths, k, cut(OPTAX), angles, starts)


# %% [markdown]
# We turn the axes 32 times between 0° and 90° and make ten steps from $(3, 3)$, with the rates that one would try first: 0.3 for most. The same call makes the runs of the next section, with all rates of the grid: eight starts on a quarter of the circle through $(3, 3)$ (the loss is even in both coordinates), none on an axis or a diagonal, times four rotations. A method that does not see the axes makes eight different runs.

# %% tags=["hide-input"]
first = dict.fromkeys(TUNED, 0.3)
first |= {"gradient descent": 0.01, "AdaGrad": 0.5, "RMSProp": 0.1}
degrees = np.linspace(0, 90, 32)
phase = np.deg2rad(5 + 11.25 * np.arange(8))
circle = 3 * np.sqrt(2) * np.stack([np.cos(phase), np.sin(phase)], axis=1)
angles = np.repeat(np.deg2rad([0, 22.5, 45, 67.5]), 8)
starts = np.tile(circle, (4, 1))

times = len(GRID)
turns = np.concatenate([np.deg2rad(degrees), np.tile(angles, times)])
begin = np.vstack([np.tile(start, (32, 1)), np.tile(starts, (times, 1))])
rates = {m: np.repeat([first[m], *GRID], 32) for m in TUNED}
both = [  # the second time with other rounding errors
    histories(0, rates, turns, scale * begin) for scale in (1, 1 + 1e-13)
]
paths = both[0]
searches = search_paths(
    np.repeat([[0, 0.0]] * 8 + [[0, 0.0], [0, 4.0]] * 2, 8, axis=0),
    np.repeat([0.99] * 10 + [0.9] * 2, 8),  # the cutoff, for below
    np.concatenate([turns[:64], np.zeros(32)]),
    np.vstack([begin[:64], np.tile(circle, (4, 1))]),
)


# %% tags=["hide-input"]
def distances(paths):
    """To the minimum at 0; a run that was within 1e-6 does not leave."""
    gaps = np.linalg.norm(paths, axis=-1)
    gaps = np.where(np.isfinite(gaps), gaps, np.inf)
    least = np.minimum.accumulate(gaps, axis=-1)
    return np.where(least < 1e-6, least, gaps)


turned, tried, moved = {}, {}, {}
for method in METHODS:
    if method in SEARCHING:
        path, passes = (np.asarray(a)[:64] for a in searches[method])
    else:
        path = paths[method] if method in TUNED else paths[method][:64]
        passes = PASSES.get(method, 1) * np.arange(101.0)
        passes = np.broadcast_to(passes, path.shape[:2])
        ends = [distances(p[method][32:])[:, 100] for p in both]
        ends = np.minimum(ends, 9)
        change = np.abs(ends[1] - ends[0]).reshape(-1, 32).max(axis=1)
        moved[method] = change > 1e-3
    gaps = distances(path).reshape(-1, 32, 101)
    turned[method] = gaps[0, :, 10]
    tried[method] = gaps[1:], passes[32:].reshape(gaps[1:].shape)

# %%
for method in sorted(METHODS, key=lambda m: round(turned[m][0], 9)):
    now = turned[method]
    print(
        f"{method:20}at 0°: {now[0]:4.2f}   over 90°: up to {now.max():.2f}"
    )

# %% [markdown]
# At 0° Lion and sign SGD are first. Both move each coordinate by the rate, however large the gradient is: ten steps of 0.3 along the diagonal lead from 3 to 0.

# %% tags=["hide-input", "remove-output"]
fig = figures.rotation(degrees, turned)
keep("other_optimizers-figure-rotation", fig)
axes_matter = sum(np.ptp(gaps) > 1e-6 for gaps in turned.values())
glue("other_optimizers-axes-matter", int(axes_matter), display=False)

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-rotation
# :name: other_optimizers-figure-rotation
# :alt: Distance after ten steps against the rotation of the axes. Sign SGD and Lion touch zero at 0 and 90 degrees, and Adam is below one there; between, all three rise above one. AdaGrad and RMSProp rise too. The other eight methods are level grey lines.
#
# The same start, the same function, other axes. The level grey lines are the other methods.
# ```
#
# AdaGrad, RMSProp, Adam, Lion and sign SGD, {glue:text}`other_optimizers-axes-matter` of the thirteen, scale each coordinate by itself, so that their answer depends on the axes, and a win at 0° says nothing.
#
# ### Many starts, many rotations
#
# Now 32 runs for each method, and the rate whose median distance over them is smallest, once after ten steps and once after a hundred; below $10^{-6}$ the ten steps decide. RMSProp gets one digit there: at its best rate it is chaotic, and rounding decides where it ends.

# %% tags=["hide-input"]
chosen = {}
print(f"{'':20}after ten steps        after a hundred")
print(f"{'':20}rate  median  worst    rate  median  worst")
for method, (gaps, passes) in tried.items():
    row = f"{method:20}"
    soon, late = np.median(gaps, axis=1)[:, [10, 100]].T
    for steps, order in ((10, [soon]), (100, [soon, late.clip(1e-6)])):
        i = np.lexsort(order)[0]
        ends = gaps[i, :, steps]
        rate = f"{GRID[i]:4g}" if method in TUNED else "    "
        chaos = steps == 100 and method in moved and moved[method][i]
        middle, worst = np.median(ends), ends.max()
        row += (
            f"   -{middle:8.1f}      -    "
            if chaos
            else f"{rate}{middle:8.2f}{worst:7.2f}    "
        )
        chosen[method, steps] = gaps[i], passes[i]
    print(row.rstrip())

# %% tags=["hide-input"]
lost = int(np.isinf(chosen["gradient descent", 100][0][:, 100]).sum())
glue("other_optimizers-lost", lost, display=False)
steps = np.ceil(np.log(np.linalg.norm(start) / 0.01) / np.log(3))
glue("other_optimizers-thirds", 2 * int(steps), display=False)

# %% [markdown]
# Newton, Gauss-Newton and the physical gradient are at the front after ten steps, together with dogleg, and L-BFGS is close behind. Gradient descent's best rate in the median is too large, at a hundred steps, for {glue:text}`other_optimizers-lost` of its 32 runs, which diverge: one rate does not suit all starts. After a hundred steps all methods with the inverse, $J$, the Hessian or an approximation of it are within about 0.01 in the median. None of the others is; the nearest is Polyak's rule, which is told the smallest value of the loss. But the walkthrough's minimum is flat along $x_1$, which is hard on first-order methods, and those with a rate kept it constant; a schedule was not tried.

# %% tags=["hide-input", "remove-output"]
hundred = {method: chosen[method, 100] for method in METHODS}
keep("other_optimizers-figure-cost", figures.cost(hundred))

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-cost
# :name: other_optimizers-figure-cost
# :alt: Two panels on a logarithmic scale. Against steps, the physical gradient drops at once, dogleg, L-BFGS, Gauss-Newton and Newton fall as steep lines, Polyak falls more slowly, and grey first-order methods level off above 0.01. Against passes the same lines are stretched to the right by the passes that a step costs.
#
# Median distance over 32 runs at the rate that is best for a hundred steps: left against steps, right against what they cost. Grey: AdaGrad, RMSProp, Adam, Lion, sign SGD, Levenberg-Marquardt, and dogleg, which lies on Gauss-Newton. Dotted: 0.01, the mark of the table below.
# ```
#
# How many passes does it take to come within 0.01? Each method has the rate that gets there in the fewest passes in the median; where none does, the one with which most runs arrive. Passing by counts as arriving.


# %%
def passes_to(gaps, passes, radius=0.01):
    """Passes of each run at its first arrival; infinite if never."""
    inside, run = gaps < radius, np.arange(len(gaps))
    first = passes[run, inside.argmax(axis=1)]
    return np.where(inside.any(axis=1), first, np.inf)


for method, (gaps, passes) in tried.items():
    needed = np.array(list(map(passes_to, gaps, passes)))
    typical, arrived = np.median(needed, 1), np.isfinite(needed).mean(1)
    i = np.lexsort((-arrived, typical))[0]
    rate = (
        "-" if arrived[i] < 0.5 or method not in TUNED else f"{GRID[i]:g}"
    )
    print(f"{method:20}rate {rate:5}", end=" ")
    share = f"{arrived[i]:4.0%}"
    if arrived[i] < 1 and method in moved and moved[method][i]:
        share = " few"  # rounding decides how many
    print(f"arrive {share}   passes {typical[i]:g}")

# %% [markdown]
# At the rate 1.5 Newton and Gauss-Newton turn $x_0$ round and halve it; Newton halves $x_1$, Gauss-Newton quarters it, by {eq}`update_rules-eq-degenerate-factors`. So both make as many steps, of three passes and of two. At $4/3$, off the grid, Gauss-Newton would divide both by three and arrive in {glue:text}`other_optimizers-thirds` passes. Levenberg-Marquardt stands out among the methods with $J$. Is that the method, or this implementation of it? SciPy wraps MINPACK's, and we count its evaluations (medians over the same starts). optimistix's own has a threshold: it reduces its damping after a step only if the loss fell by more than 0.99 of what the linear model of $z$ promised. We try 0.9, too, and a minimum that is regular.


# %% tags=["hide-input"]
def minpack(start):
    """Evaluations of z with its Jacobian until within 0.01."""
    visited = []

    def residual(x):
        visited.append(np.linalg.norm(x))
        return np.array([x[0], x[1] ** 2])

    jacobian = lambda x: np.array([[1.0, 0.0], [0.0, 2 * x[1]]])
    least_squares(residual, start, jacobian, method="lm", xtol=1e-12)
    inside = np.array(visited) < 0.01
    return 1 + int(inside.argmax()) if inside.any() else np.inf


# %% tags=["hide-input"]
evaluations = np.median([minpack(start) for start in circle])
print(f"MINPACK: {evaluations:g} evaluations, of 2 passes each at most")
path = np.asarray(searches["Levenberg-Marquardt"][0])[64:]
cases = [(c, m) for c in (0.99, 0.9) for m in ((0, 0), (0, 2))]
for (cutoff, minimum), eight in zip(cases, np.split(path, 4), strict=True):
    steps = np.median([steps_needed(one, [minimum]) for one in eight])
    print(
        f"optimistix, cutoff {cutoff}, minimum {minimum}: {steps:g} steps"
    )

# %% [markdown]
# It is the threshold and the flat minimum together. Say that the damping leaves the share $s$ of Gauss-Newton's step along $x_1$, where the loss is $x_1^4$. Then $z_1$ should fall by the share $s$, and $x_1$ falls by $s/2$, so that the loss falls by
#
# $$
# \frac{1 - (1 - s/2)^4}{1 - (1 - s)^2}
# $$ (other_optimizers-eq-promise)
#
# of what was promised. That is never less than 0.90, and more than 0.99 only for $s < 0.05$: the damping is not reduced before it has cut the step to a twentieth, while $J^\top J$ goes to zero along $x_1$. With a threshold of 0.9, or at a regular minimum, the same code is quick.
#
# ### Overshoot
#
# Adam and Lion keep a moving average of the gradient, and carry on when the gradient has turned; without the average ($\beta_1 = 0$; Lion without any is sign SGD) they should not. We start at $(3.05, 3.05)$, since from $(3, 3)$ sign SGD would hit 0 exactly. Does the loss tell? It is even in both coordinates, so that $x_1 = -2$ is as good as $x_1 = 2$.

# %%
chosen_rates = dict.fromkeys(TUNED, 0.3) | {"Lion": 0.1, "sign SGD": 0.1}
paths = histories(0, chosen_rates, 0.0, start[None] + 0.05)
methods = ["Adam", "Lion", "Polyak", "sign SGD", "Adam, no average"]
overshoot = {method: paths[method][0] for method in methods}
for method, path in overshoot.items():
    lowest = np.round(path[:, 1].min(), 2) + 0.0  # no -0
    print(f"{method:17}lowest x1: {lowest:5.2f}")

# %% tags=["hide-input", "remove-output"]
overshoot = {m: overshoot[m] for m in ("Adam", "Lion", "Polyak")}
losses = {m: x[:, 0] ** 2 + x[:, 1] ** 4 for m, x in overshoot.items()}
keep(
    "other_optimizers-figure-overshoot",
    figures.overshoot(overshoot, losses),
)

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-overshoot
# :name: other_optimizers-figure-overshoot
# :alt: Left, x1 against the step: Lion sinks from 3 to about minus 2 and returns, Adam dips below zero, Polyak approaches zero from above. Right, the loss of the same runs on a logarithmic scale.
#
# One run each from $(3.05, 3.05)$. Adam (rate 0.3) and Lion (0.1) run through the minimum and come back. The loss, right, shows a bump, but not to which side.
# ```
#
# Without the average Adam stays above 0, and sign SGD passes it by half a step.
#
# ## From which starts
#
# Here are 3600 starts, on a grid, for the map with two branches. Every method with a rate gets the one of ten, from 3 to 0.002, that brings most of every 97th start within 0.1 of a minimum in a hundred steps; among equals, the nearest after 25.

# %%
side = np.linspace(-6, 6, 60)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
MINIMA = PROBLEMS["two branches"][1]
few = grid[37::97]
ten = [3, 1.5, 1, 0.3, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002]


def after(rates, starts):
    """Method to the distance after 25 and after 100 steps."""
    paths = histories(NAMES.index("two branches"), rates, 0.0, starts)
    return {m: distance(p[:, [25, 100]], MINIMA) for m, p in paths.items()}


rates = dict.fromkeys(TUNED, np.repeat(ten, len(few)))
sampled, best = after(rates, np.tile(few, (10, 1))), {}
for method in TUNED:
    soon, late = sampled[method].reshape(10, -1, 2).transpose(2, 0, 1)
    order = np.median(soon, axis=1), -(late < 0.1).mean(axis=1)
    best[method] = ten[np.lexsort(order)[0]]

# %%
ends, basins = after(best, grid), {}
print(f"{'':18}rate  25 steps < 0.0001   100 steps < 0.1   not finite")
for method in ["gradient descent", "Adam", "Polyak", *list(STEPS)[1:]]:
    soon, late = ends[method].T
    basins[method] = soon
    shares = [soon < 1e-4, late < 0.1, np.isinf(late)]
    a, b, c = (f"{share.mean():.1%}" for share in shares)
    shown = f"{best[method]:g}" if method in best else ""
    print(f"{method:18}{shown:6}{a:>17}{b:>18}{c:>13}")

# %% tags=["hide-input", "remove-output"]
ends = after({"gradient descent": 0.02}, grid)["gradient descent"]
share = np.isinf(ends[:, 1]).mean()
glue("other_optimizers-far", f"{share:.0%}", display=False)
keep("other_optimizers-figure-basins", figures.basins(side, basins, MINIMA))

# %% [markdown]
# ```{glue:figure} other_optimizers-figure-basins
# :name: other_optimizers-figure-basins
# :alt: Six maps of the square of starts. The physical gradient's, Gauss-Newton's and Polyak's are dark everywhere, Newton's is dark but for a bright lens round the origin and thin bright streaks that run out of it to the top and the bottom. Gradient descent's is grey, with a bright stripe through the origin and bright arcs in the corners. Adam's is bright nearly everywhere.
#
# Distance to the nearest minimum (white crosses) after 25 steps, by start; dark is near. Each method at the rate of the table.
# ```
#
# Three methods come near a minimum from every start in 25 steps. Polyak's rule, told the smallest loss, needs neither $J$ nor an inverse for that; the minima are regular here, unlike the walkthrough's. Newton has a basin round the saddle point at the origin, where it stays for good. The gradient grows with the third power of the distance. So gradient descent needs a small rate for the sake of the far starts, and is slow near the minima; with 0.02 it diverges from {glue:text}`other_optimizers-far` of the starts. Adam needs more than 25 steps.
#
# ## Numerical inverses
#
# All this needs $z^{-1}$. Must it be a formula? The walkthrough approximates it: SciPy's L-BFGS-B minimises $|z(x) - y|^2$ from the current point, with gradients by finite differences. A root finder solves $z(x) = y$ itself; each step of optimistix's Newton method costs one evaluation of $z$ and one of $J$.


# %%
def by_minimising(y, x):
    """SciPy's L-BFGS-B: the point, the misfit, the evaluations."""
    misfit = lambda x: (x[0] - y[0]) ** 2 + (x[1] ** 2 - y[1]) ** 2
    x, value, info = fmin_l_bfgs_b(misfit, np.array(x), approx_grad=True)
    return x, value, info["funcalls"]


newton = optimistix.Newton(rtol=1e-10, atol=1e-10)


@jax.jit
def root(y, x):
    residual = lambda x, y: toward.z(x) - y
    options = {"args": y, "max_steps": 64, "throw": False}
    return optimistix.root_find(residual, newton, x, **options)


# %% [markdown]
# On the walkthrough's run, ten steps with $\eta = 0.3$:

# %%
z = lambda x: np.array([x[0], x[1] ** 2])
exact = descend(toward, STEPS["physical gradient"], start, 0.3, 10)[1:]
minimised, found, evaluations, root_steps = [start], [start], 0, 0
for _ in range(10):
    x, _, spent = by_minimising(0.7 * z(minimised[-1]), minimised[-1])
    solution = root(0.7 * z(found[-1]), found[-1])
    minimised.append(x)
    found.append(np.asarray(solution.value))
    evaluations += spent
    root_steps += int(solution.stats["num_steps"])
for name, points in [("L-BFGS-B", minimised), ("root finder", found)]:
    error = np.abs(np.array(points[1:]) - exact).mean()
    shown = f"{error:.6f}" if error > 1e-12 else "below 1e-12"
    print(f"{name:12} mean error {shown}")
print(
    f"evaluations: L-BFGS-B {evaluations}, root finder {root_steps}, with J"
)

# %% tags=["hide-input"]
cost = round(evaluations / (3 * root_steps), 1)
glue("other_optimizers-inverse-cost", cost, display=False)

# %% [markdown]
# The root finder is exact to rounding, and cheaper by a factor of {glue:text}`other_optimizers-inverse-cost:.1f`, if we count each Jacobian as two evaluations more. L-BFGS-B errs mostly by its stopping rule ({ref}`physical_gradients`). Errors do not add up: each step multiplies those so far, in z, by $1 - \eta$.
#
# A network that is trained through a simulator needs the derivative of $z^{-1}$, too. By the implicit function theorem it is $J^{-1}$ at the solution, whatever steps the solver took, and optimistix knows that: `jax.jacobian` of the root does not differentiate the iteration. With SciPy you write $J^{-1}$ yourself, or take finite differences of something that was itself found with errors.

# %%
y, h = np.array([2.0, 2.0]), 1e-4
at = np.asarray(root(y, start).value)
inverse_jacobian = np.array([[1.0, 0.0], [0.0, 1 / (2 * at[1])]])
implicit = jax.jit(jax.jacobian(lambda y: root(y, start).value))(y)
sides = [
    [by_minimising(y + sign * h * e, start)[0] for sign in (1, -1)]
    for e in np.eye(2)
]
finite = np.array([(a - b) / (2 * h) for a, b in sides]).T
for name, derivative in [("implicit", implicit), ("differences", finite)]:
    off = np.abs(derivative - inverse_jacobian).max()
    bound = max(1e-9, 10 ** np.ceil(np.log10(off + 1e-30)))
    print(f"{name:12} off by less than {bound:.0e}")

# %% [markdown]
# And where there is no inverse? Ask both for $y = (2, -1)$, outside the image. The minimiser returns a point as if nothing were wrong, and only the misfit tells. The root finder reports that it did not converge, or raises an error if you let it.

# %%
nearest, value, _ = by_minimising(np.array([2.0, -1.0]), start)
print(
    "L-BFGS-B returns", np.abs(np.round(nearest, 2)), f"misfit {value:.2f}"
)
attempt = root(np.array([2.0, -1.0]), start)
met = attempt.result == optimistix.RESULTS.successful
print("root finder:", "converged" if met else "did not converge")

# %% [markdown]
# ## What to keep
#
# - The physical gradient is straight in z for every map with a local inverse, by construction, and its best rate is 1. On these problems full Gauss-Newton steps get there without the inverse, in the median a handful; in z it is straight only while its steps are short.
# - A method that scales coordinates one by one can win on one pair of axes. Turn the axes before you believe it.
# - Give every method its own best rate; count passes, not steps; look at positions, not losses; and say from how many starts a method arrived.
# - A root finder with implicit derivatives is an inverse that one can train through. {ref}`learning_with_inverses` puts inverses into the training of networks.
#
# ## Exercises
#
# ```{exercise}
# :label: other_optimizers-ex-polyak
#
# The docstring of `optax.polyak_sgd` (0.2.8) writes `params, opt_state = solver.update(...)` and prints the falling loss $|x|^2$. `update` returns the *change* of the parameters, not the parameters. Why does the loss fall, and at the right speed, all the same? Where is $x$?
# ```
#
# ````{solution-start} other_optimizers-ex-polyak
# :class: dropdown
# ````

# %%
update = jax.jit(optax.polyak_sgd().update)
right = wrong = np.array([1.0, 2.0])
state = optax.polyak_sgd().init(right)
for _ in range(3):
    right = right + update(2 * right, state, right, value=right @ right)[0]
    wrong = update(2 * wrong, state, wrong, value=wrong @ wrong)[0]
    right, wrong = np.asarray(right), np.asarray(wrong)
    print(f"right: loss {right @ right:.4f} at {right}", end="   ")
    print(f"wrong: loss {wrong @ wrong:.4f} at {wrong}")

# %% [markdown]
# Polyak's step on $|x|^2$ is $-x/2$. Applied, it leads to $x/2$; mistaken for the parameters, to $-x/2$. The loss is even and cannot tell. The positions alternate in sign.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: other_optimizers-ex-floor
#
# Polyak's rule needs the smallest value of the loss, `f_min`, 0 by default. Add 10 to the loss of the walkthrough's problem. Where does Polyak's rule end after a hundred steps with the wrong `f_min`, and with the right one?
# ```
#
# ````{solution-start} other_optimizers-ex-floor
# :class: dropdown
# ````

# %%
raised = toward._replace(loss=lambda z: jnp.sum(z**2) + 10)
for f_min in (0.0, 10.0):
    rule = from_optax(optax.polyak_sgd(f_min=f_min))
    path = jax.jit(partial(optimize, rule, raised, steps=100))(start)[0]
    last, end = np.round(np.abs(np.asarray(path[-2:])), 2)
    print(f"f_min = {f_min:2.0f}: |x| = {last}, then {end}")

# %% [markdown]
# With the wrong value the step is too long, and only the largest allowed rate, 1, holds it. The gradient along $x_0$ is $2 x_0$, so that $x_0$ jumps to $-x_0$ and back for ever. With the right value the jumps die out.
#
# ```{solution-end}
# ```
#
# ```{exercise}
# :label: other_optimizers-ex-branch-point
#
# For the map with two branches, find a start from which the physical gradient runs straight into the branch point $z = 0$. Then both branches are equally near. Does the method still reach a minimum?
# ```
#
# ````{solution-start} other_optimizers-ex-branch-point
# :class: dropdown
# ````

# %%
meeting = np.array([-1.0, 2.0])
k, rates = NAMES.index("two branches"), dict.fromkeys(STEPS, 0.3)
path = batched(step_paths, k, rates, 0.0, meeting[None])[
    "physical gradient"
][0]
print("z at the start:", z_of("two branches", meeting))
print(f"distance after twenty steps: {distance(path[20], MINIMA):.4f}")

# %% [markdown]
# From $z = -z^*$ the line in z runs through 0. There the two roots are at right angles to the current point, and rounding decides which is taken; both lead to a minimum. A step that lands on $z = 0$ itself also has a next one, since $J$ is never needed.
#
# ```{solution-end}
# ```

"""One fit of a Gaussian to samples: what is run, its path over given normals, and the first hit of the target."""

from functools import partial
from typing import NamedTuple

import equinox
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from straightlines import _checks
from straightlines.gaussian import COORDINATES, Vector, negative_log_likelihood

RELATIVE_TOLERANCE = 1e-5  # of a first hit: NumPy's, in `np.allclose`


class Fit(NamedTuple):
    r"""An online fit of $N(\mu, \sigma^2)$ to samples of a target Gaussian: what `path` and `ensemble` run.

    A step draws $1 + \text{pseudo-samples}$ standard normals. The first one, $n$, gives the data sample
    $y = \mu^* + \sigma^* n$, each other one a pseudo-sample $\tilde y = \mu + \sigma n$ of the current model. The
    optimiser gets the gradient of the negative log-likelihood at $y$ and, as keyword arguments, $y$ itself as `sample`
    and, with one pseudo-sample or more, the gradient at $\tilde y$ as `pseudo_gradient` (stacked if several).

    Fields:
      optimizer: an optax transformation.
      start, target: $(\mu, \sigma)$ of the first model and of the data. The dtype of `start`, if it is an array, is
        that of the run: an ensemble is faster with 32-bit floats.
      coordinates: a name in `COORDINATES`: the parameters that are optimised.
      averaging: $\delta t$ in (0, 1] of the moving average $a \leftarrow (1 - \delta t) a + \delta t\, \xi$ that is
        shown in place of the iterates $\xi$, or None. It begins at the start.
      pseudo_samples: how many a step draws, from 0. TANGO takes one.
      initial_state: state of the optimiser before the first step; by default what its `init` returns.
    """

    optimizer: optax.GradientTransformation
    start: Vector
    target: Vector
    coordinates: str = "log scale"
    averaging: float | None = None
    pseudo_samples: int = 1
    initial_state: optax.OptState | None = None

    def begin(self):
        """What the first step gets: parameters, state of the optimiser and moving average, if there is one."""
        parameters = COORDINATES[self.coordinates].from_mean_scale(jnp.asarray(self.start))
        state = self.optimizer.init(parameters) if self.initial_state is None else self.initial_state
        return parameters, state, None if self.averaging is None else parameters

    def step(self, carry, normals):
        """What the next step gets, from what this one got and its normals."""
        parameters, state, average = carry
        normals = normals.astype(parameters.dtype)
        gradient = partial(jax.grad(negative_log_likelihood), coordinates=self.coordinates)
        data = self.target[0] + self.target[1] * normals[0]
        extra = {"sample": data}
        if self.pseudo_samples:
            mean, scale = COORDINATES[self.coordinates].to_mean_scale(parameters)
            pseudo = jax.vmap(gradient, (None, 0))(parameters, mean + scale * normals[1:])
            extra["pseudo_gradient"] = pseudo[0] if self.pseudo_samples == 1 else pseudo
        update = optax.with_extra_args_support(self.optimizer).update
        updates, new_state = update(gradient(parameters, data), state, parameters, **extra)
        parameters = optax.apply_updates(parameters, updates)
        if self.averaging is not None:
            # not (1 - δt) a + δt ξ: in 32 bits the two weights do not add up to 1, and the average is off by 1.7e-4
            average = (average + self.averaging * (parameters - average)).astype(average.dtype)
        return parameters, optax.tree.cast_like(new_state, state), average

    def shown(self, carry) -> jax.Array:
        r"""$(\mu, \sigma)$ of the iterate, or of the moving average if there is one."""
        return COORDINATES[self.coordinates].to_mean_scale(carry[0] if self.averaging is None else carry[2])

    def is_hit(self, shown, tolerance):
        """Whether a shown state is in the box around the target."""
        box = jnp.asarray(tolerance, shown.dtype) + RELATIVE_TOLERANCE * jnp.abs(self.target)
        return (jnp.abs(shown - self.target) <= box).all()


def checked(fit: Fit) -> Fit:
    """The fit with start and target as arrays. Raise TypeError or ValueError for a wrong field."""
    _checks.instance("fit", fit, Fit, "a Fit")
    _checks.instance("optimizer", fit.optimizer, optax.GradientTransformation, "an optax gradient transformation")
    start, target = _checks.mean_scale("start", fit.start), _checks.mean_scale("target", fit.target)
    target = target.astype(jax.dtypes.canonicalize_dtype(start.dtype))
    _checks.member("coordinates", fit.coordinates, COORDINATES)
    if fit.averaging is not None:
        _checks.array("averaging", fit.averaging, (), "in (0, 1]")
    pseudo_samples = _checks.count("pseudo_samples", fit.pseudo_samples, least=0)
    return fit._replace(start=start, target=target, pseudo_samples=pseudo_samples)


@equinox.filter_jit
def _run(fit, normals, tolerance):
    """The number of steps made and the states, of which those after the last step are left as they began."""

    def goes_on(state):
        return (state[0] < len(normals)) & ~state[-1]

    def step(state):
        steps, carry, states, _ = state
        carry = fit.step(carry, normals[steps])
        shown = fit.shown(carry)
        return steps + 1, carry, states.at[steps + 1].set(shown), tolerance is not None and fit.is_hit(shown, tolerance)

    states = jnp.broadcast_to(jnp.asarray(fit.start), (len(normals) + 1, 2))
    steps, _, states, _ = jax.lax.while_loop(goes_on, step, (0, fit.begin(), states, False))
    return steps, states


def path(fit: Fit, normals: ArrayLike, *, until: float | None = None) -> jax.Array:
    r"""Path of a fit over given standard normals, of shape (steps, 1 + pseudo-samples).

    `until` is the absolute tolerance of a `first_hit` that ends the path, or None, the only choice under `jit` or
    `vmap`. Returns $(\mu, \sigma)$ at the start and after every step, shape (steps + 1, 2). Raises TypeError or
    ValueError for a field or an argument that is not what it should be.
    """
    fit = checked(fit)
    normals = _checks.array("normals", normals, (None, 1 + fit.pseudo_samples))
    tolerance = None if until is None else _checks.array("until", until, (), "at least 0")
    steps, states = map(_checks.concrete, _run(fit, normals, tolerance))
    return states if until is None else states[: int(steps) + 1]


def first_hit(path: ArrayLike, target: ArrayLike, *, absolute_tolerance: float = 0.01) -> int | None:
    r"""First iteration of a path that lies in the box around the target, counted from 0; None if none does.

    $$|x - x^*| \le \text{absolute tolerance} + 10^{-5}\, |x^*|$$ in every component, the test of `np.allclose`.
    Iteration $i$ is row $i + 1$ of `path`: row 0 is the start.

    Shapes (steps + 1, n) of `path` and (n,) of `target`. Raises ValueError for a wrong shape or a negative tolerance.
    """
    target = _checks.array("target", target, (None,))
    path = _checks.array("path", path, (None, target.size), "real")
    _checks.array("absolute_tolerance", absolute_tolerance, (), "at least 0")
    box = absolute_tolerance + RELATIVE_TOLERANCE * np.abs(target)
    inside = np.logical_and.reduce([np.abs(x - c) <= b for x, c, b in zip(path[1:].T, target, box, strict=True)])
    return int(inside.argmax()) if inside.any() else None


def distance_from_line(path: ArrayLike, start: ArrayLike, end: ArrayLike) -> float:
    r"""Largest distance of the points of a path from the straight line through two points: 0 is straight.

    $$\max_k \big| (I - d d^\top) (x_k - x_0) \big|, \qquad d = (x_1 - x_0) / |x_1 - x_0|$$

    Shapes (steps + 1, n) of `path`, (n,) of the points `start` and `end`, $x_0 \ne x_1$. Raises ValueError for a wrong
    shape, a number of the line that is not finite, or a line through one point only.
    """
    path = _checks.array("path", path, (None, None), "real")
    start, end = _checks.array("start", start, path.shape[1:]), _checks.array("end", end, path.shape[1:])
    path, start, end = path.astype(float), start.astype(float), end.astype(float)
    length = np.linalg.norm(end - start)
    if length == 0:
        raise ValueError(f"end must differ from start, got {end} for both")
    direction = (end - start) / length
    off = (path - start) - np.outer((path - start) @ direction, direction)
    return float(np.linalg.norm(off, axis=1).max())

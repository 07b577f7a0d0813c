"""One fit of a Gaussian to samples: what is run, its path over given normals, and the first hit of the target."""

from functools import partial
from typing import NamedTuple

import equinox
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
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
      start, target: $(\mu, \sigma)$ of the first model and of the data.
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

    def cast(self, dtype) -> "Fit":
        """The same fit with start and target as arrays of the dtype."""
        library = jnp if any(isinstance(value, jax.core.Tracer) for value in (self.start, self.target)) else np
        start, target = library.asarray(self.start, dtype), library.asarray(self.target, dtype)
        return self._replace(start=start, target=target, pseudo_samples=int(self.pseudo_samples))

    def begin(self):
        """What the first step gets: parameters, state of the optimiser and moving average, if there is one."""
        parameters = COORDINATES[self.coordinates].from_mean_scale(jnp.asarray(self.start))
        state = self.optimizer.init(parameters) if self.initial_state is None else self.initial_state
        return parameters, state, None if self.averaging is None else parameters

    def step(self, carry, normals):
        """What the next step gets, from what this one got and its normals."""
        parameters, state, average = carry
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
            average = average + self.averaging * (parameters - average)
        return parameters, optax.tree.cast_like(new_state, state), average

    def shown(self, carry) -> Array:
        r"""$(\mu, \sigma)$ of the iterate, or of the moving average if there is one."""
        return COORDINATES[self.coordinates].to_mean_scale(carry[0] if self.averaging is None else carry[2])


def check_fit(fit: Fit) -> None:
    """Raise TypeError or ValueError unless `fit` is a Fit whose fields are what they should be."""
    _checks.instance("fit", fit, Fit, "a Fit")
    _checks.instance("optimizer", fit.optimizer, optax.GradientTransformation, "an optax gradient transformation")
    _checks.mean_scale("start", fit.start)
    _checks.mean_scale("target", fit.target)
    _checks.member("coordinates", fit.coordinates, COORDINATES)
    if fit.averaging is not None:
        _checks.within("averaging", fit.averaging, "in (0, 1]")
    _checks.count("pseudo_samples", fit.pseudo_samples, least=0)


@equinox.filter_jit
def _begin(fit):
    return fit.begin()


@equinox.filter_jit
def _continue(fit, carry, normals):
    """What is carried on after some more steps, and the states after each of them."""

    def step(carry, normal):
        carry = fit.step(carry, normal)
        return carry, carry[0] if fit.averaging is None else carry[2]

    carry, shown = jax.lax.scan(step, carry, normals)
    return carry, jax.vmap(COORDINATES[fit.coordinates].to_mean_scale)(shown)


@equinox.filter_jit
def _whole(fit, normals):
    return jnp.concatenate([fit.start[None], _continue(fit, fit.begin(), normals)[1]])


_PIECE = 21_000  # steps after which a path that may end early looks whether it should


def _until_hit(fit, normals, tolerance):
    """The states after each step, piece by piece up to the one with the first hit."""
    carry, pieces = _begin(fit), [fit.start[None]]
    for begin in range(0, len(normals), _PIECE):
        piece = normals[begin : begin + _PIECE]
        steps = len(piece)
        piece = np.pad(piece, ((0, _PIECE - steps), (0, 0)))  # one shape, compiled once
        carry, states = _continue(fit, carry, piece)
        pieces.append(np.asarray(states)[:steps])
        hit = first_hit(np.concatenate([fit.start[None], pieces[-1]]), fit.target, absolute_tolerance=tolerance)
        if hit is not None:
            pieces[-1] = pieces[-1][: hit + 1]
            break
    return np.concatenate(pieces)


def path(fit: Fit, normals: ArrayLike, *, until: float | None = None) -> Array:
    r"""Path of a fit over given normals.

    Args:
      fit: what is run.
      normals: shape (steps, 1 + pseudo-samples), standard normals; their dtype is the dtype of the run.
      until: the absolute tolerance of a `first_hit` that ends the path, which saves the steps after it; or None.

    Returns $(\mu, \sigma)$ at the start and after every step, shape (steps + 1, 2). Raises TypeError or ValueError for
    a field or an argument that is not what it should be, or for float64 normals while JAX's x64 mode is off.
    """
    check_fit(fit)
    _checks.finite_array("normals", normals, (None, 1 + fit.pseudo_samples))
    _checks.count("the number of steps, normals.shape[0],", np.shape(normals)[0])
    if until is not None:
        _checks.within("until", until, "at least 0")
    normals = normals if isinstance(normals, Array) else np.asarray(normals)
    if normals.dtype == np.float64 and not jax.config.read("jax_enable_x64"):
        raise ValueError("normals has dtype float64, but JAX's x64 mode is off: set jax_enable_x64, or pass float32")
    dtype = normals.dtype if normals.dtype.kind == "f" else np.dtype(float)
    fit = fit.cast(dtype)
    return _checks.concrete(_whole(fit, normals)) if until is None else _until_hit(fit, np.asarray(normals), until)


def first_hit(path: ArrayLike, target: ArrayLike, *, absolute_tolerance: float = 0.01) -> int | None:
    r"""First iteration of a path that lies in the box around the target, counted from 0; None if none does.

    $$|x - x^*| \le \text{absolute tolerance} + 10^{-5}\, |x^*|$$ in every component, the test of `np.allclose`.
    Iteration $i$ is row $i + 1$ of `path`: row 0 is the start.

    Shapes (steps + 1, n) of `path` and (n,) of `target`. Raises ValueError for a wrong shape or a negative tolerance.
    """
    _checks.finite_array("target", target, (None,))
    target = np.asarray(target)
    path = _checks.path(path, target.size)
    _checks.within("absolute_tolerance", absolute_tolerance, "at least 0")
    inside = np.ones(len(path) - 1, bool)
    for column, center in zip(path[1:].T, target, strict=True):
        inside &= np.abs(column - center) <= absolute_tolerance + RELATIVE_TOLERANCE * np.abs(center)
    return int(inside.argmax()) if inside.any() else None


def distance_from_line(path: ArrayLike, start: ArrayLike, end: ArrayLike) -> float:
    r"""Largest distance of the points of a path from the straight line through two points: 0 is straight.

    $$\max_k \big| (I - d d^\top) (x_k - x_0) \big|, \qquad d = (x_1 - x_0) / |x_1 - x_0|$$

    Shapes (steps + 1, n) of `path`, (n,) of the points `start` and `end`, $x_0 \ne x_1$. Raises ValueError for a wrong
    shape, a number of the line that is not finite, or a line through one point only.
    """
    path = _checks.path(path)
    _checks.finite_array("start", start, path.shape[1:])
    _checks.finite_array("end", end, path.shape[1:])
    path, start, end = (np.asarray(value, float) for value in (path, start, end))
    length = np.linalg.norm(end - start)
    if length == 0:
        raise ValueError(f"end must differ from start, got {end} for both")
    direction = (end - start) / length
    off = (path - start) - np.outer((path - start) @ direction, direction)
    return float(np.linalg.norm(off, axis=1).max())

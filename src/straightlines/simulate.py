"""Stochastic runs on the Gaussian family: one path over given normals, and its first hit."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.typing import ArrayLike

from straightlines import _checks
from straightlines.gaussian import COORDINATES, negative_log_likelihood


def _update(optimizer, target, coordinates, parameters, state, normals):
    """One update of `parameters`: the first normal makes the data sample, the others make pseudo-samples."""
    gradient = partial(jax.grad(negative_log_likelihood), coordinates=coordinates)
    data = target[0] + target[1] * normals[0]
    extra = {}
    if normals.shape[0] > 1:
        mean, scale = COORDINATES[coordinates].to_mean_scale(parameters)
        pseudo = jax.vmap(gradient, (None, 0))(parameters, mean + scale * normals[1:])
        extra["pseudo_gradient"] = pseudo[0] if normals.shape[0] == 2 else pseudo
    updates, state = optimizer.update(gradient(parameters, data), state, parameters, **extra)
    return optax.apply_updates(parameters, updates), state


@partial(jax.jit, static_argnames=("optimizer", "coordinates", "averaging"))
def _path(optimizer, start, target, normals, coordinates, averaging):
    optimizer = optax.with_extra_args_support(optimizer)
    coordinate_map = COORDINATES[coordinates]
    parameters = coordinate_map.from_mean_scale(start)

    def step(carry, normal):
        parameters, state, average = carry
        parameters, state = _update(optimizer, target, coordinates, parameters, state, normal)
        average = parameters if averaging is None else (1 - averaging) * average + averaging * parameters
        return (parameters, state, average), average

    _, path = jax.lax.scan(step, (parameters, optimizer.init(parameters), parameters), normals)
    return jnp.concatenate([start[None], jax.vmap(coordinate_map.to_mean_scale)(path)])


def path(
    optimizer: optax.GradientTransformation,
    start: ArrayLike,
    target: ArrayLike,
    normals: ArrayLike,
    *,
    coordinates: str = "log scale",
    averaging: float | None = None,
) -> Array:
    r"""Path of an online optimiser that fits $N(\mu, \sigma^2)$ to samples of a target Gaussian.

    Row $k$ of `normals` serves step $k$: its first entry $n$ gives the data sample $y = \mu^* + \sigma^* n$, each
    other entry a pseudo-sample $\tilde y = \mu + \sigma n$ of the current model. The optimiser gets the gradient of
    the negative log-likelihood at $y$ and, with one pseudo-sample or more, `pseudo_gradient` (stacked if several).

    Args:
      optimizer: an optax transformation.
      start, target: $(\mu, \sigma)$ of the first model and of the data.
      normals: shape (steps, samples per step), standard normals; their dtype is the dtype of the run.
      coordinates: a name in `COORDINATES`: the parameters that are optimised.
      averaging: $\delta t$ in (0, 1] of the moving average $a \leftarrow (1 - \delta t) a + \delta t\, \xi$ that is
        returned in place of the iterates $\xi$, or None.

    Returns: $(\mu, \sigma)$ at the start and after every step, shape (steps + 1, 2).

    Raises: ValueError for a wrong shape, a number that is not finite, $\sigma \le 0$, an unknown coordinate system,
      no steps, an averaging outside (0, 1], or float64 normals while JAX's x64 mode is off.
    """
    _checks.mean_scale("start", start)
    _checks.mean_scale("target", target)
    _checks.finite_array("normals", normals, (None, None))
    _checks.count("the number of steps, normals.shape[0],", np.shape(normals)[0])
    _checks.count("the samples per step, normals.shape[1],", np.shape(normals)[1])
    _checks.member("coordinates", coordinates, COORDINATES)
    if averaging is not None:
        _checks.unit_interval("averaging", averaging)
    dtype = np.asarray(normals).dtype if not isinstance(normals, Array) else normals.dtype
    normals = jnp.asarray(normals)
    if dtype == np.float64 and normals.dtype != dtype:
        raise ValueError("normals has dtype float64, but JAX's x64 mode is off: set jax_enable_x64, or pass float32")
    start, target = jnp.asarray(start, normals.dtype), jnp.asarray(target, normals.dtype)
    return _path(optimizer, start, target, normals, coordinates, averaging)


def first_hit(
    path: ArrayLike, target: ArrayLike, *, absolute_tolerance: float = 0.01, relative_tolerance: float = 1e-5
) -> int | None:
    r"""First iteration of a path that lies in the box around the target, counted from 0; None if none does.

    $$|x - x^*| \le \text{absolute tolerance} + \text{relative tolerance} \cdot |x^*|$$ in every component, the test
    of `np.allclose`. Iteration $i$ is row $i + 1$ of `path`: row 0 is the start.

    Args:
      path: shape (steps + 1, n).
      target: shape (n,), in the units of `path`.
      absolute_tolerance, relative_tolerance: at least 0.

    Raises: ValueError for a wrong shape or a negative tolerance.
    """
    path, target = np.asarray(path), np.asarray(target)
    if path.ndim != 2 or target.shape != path.shape[1:]:
        raise ValueError(f"path must have shape (steps + 1, {target.size}) to match target, got {path.shape}")
    _checks.finite_array("target", target)
    for name, value in [("absolute_tolerance", absolute_tolerance), ("relative_tolerance", relative_tolerance)]:
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0, got {value}")
    inside = np.isclose(path[1:], target, rtol=relative_tolerance, atol=absolute_tolerance).all(axis=1)
    return int(inside.argmax()) if inside.any() else None

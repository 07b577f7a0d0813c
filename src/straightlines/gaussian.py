r"""The Gaussian family $N(\mu, \sigma^2)$: coordinates, likelihood, Fisher matrix and exact natural-gradient flow.

A member of the family is an array of shape (2,) in one of the coordinate systems of `COORDINATES`.
All functions but `tango_gamma_bound` work under `jit`, `grad` and `vmap`. There, names and shapes are still checked,
but values cannot be: one outside its domain gives NaN. Elsewhere NumPy computes, so that less is compiled.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from straightlines import _checks

Vector = Array | np.ndarray | Sequence[float]


class Coordinates(NamedTuple):
    r"""A coordinate system $\xi$ of the family: names of its axes, the map to $(\mu, \sigma)$ and the map back."""

    labels: tuple[str, str]
    to_mean_scale: Callable[[Any], Any]
    from_mean_scale: Callable[[Any], Any]


def _pair(first, second):
    return _numpy(first).stack([first, second])


def _numpy(array):
    """The library of an array: NumPy, or JAX's NumPy."""
    return jnp if isinstance(array, jax.Array) else np


def _mean_and(label, of_scale, to_scale):
    """The system of the mean and of a function of the standard deviation."""
    return Coordinates((r"$\mu$", label), lambda x: _pair(x[0], to_scale(x[1])), lambda p: _pair(p[0], of_scale(p[1])))


COORDINATES: dict[str, Coordinates] = {
    "log scale": _mean_and(r"$\ln\sigma$", lambda s: _numpy(s).log(s), lambda x: _numpy(x).exp(x)),
    "scale": _mean_and(r"$\sigma$", lambda s: s, lambda x: x),
    "variance": _mean_and(r"$\sigma^2$", lambda s: s**2, lambda x: _numpy(x).sqrt(x)),
    "precision": _mean_and(r"$1/\sigma^2$", lambda s: 1 / s**2, lambda x: 1 / _numpy(x).sqrt(x)),
    "natural": Coordinates(
        (r"$\mu/\sigma^2$", r"$-1/(2\sigma^2)$"),
        lambda x: _pair(-x[0] / (2 * x[1]), _numpy(x).sqrt(-1 / (2 * x[1]))),
        lambda p: _pair(p[0] / p[1] ** 2, -1 / (2 * p[1] ** 2)),
    ),
    "expectation": Coordinates(
        (r"$\mathrm{E}\,y$", r"$\mathrm{E}\,y^2$"),
        lambda x: _pair(x[0], _numpy(x).sqrt(x[1] - x[0] ** 2)),
        lambda p: _pair(p[0], p[0] ** 2 + p[1] ** 2),
    ),
}


def _as_parameters(parameters, coordinates):
    """`parameters` as an array. Raise unless they are a member of the family in the coordinate system."""
    _checks.member("coordinates", coordinates, COORDINATES)
    parameters = _checks.array("parameters", parameters, (2,))
    if not isinstance(parameters, jax.core.Tracer):
        with np.errstate(all="ignore"):
            scale = COORDINATES[coordinates].to_mean_scale(parameters)[1]
        if not (np.isfinite(scale) and scale > 0):
            got = f"{parameters} with standard deviation {scale} (coordinates {coordinates!r})"
            raise ValueError(f"parameters must have a finite standard deviation greater than 0, got {got}")
    return parameters


def negative_log_likelihood(parameters: Vector, sample: ArrayLike, coordinates: str = "log scale") -> Array:
    r"""Negative log-likelihood of one sample.

    $$-\ln p(y) = \frac{(y - \mu)^2}{2 \sigma^2} + \ln\sigma + \frac{1}{2} \ln 2\pi$$

    `parameters`, shape (2,), are in the coordinate system with the name `coordinates` in `COORDINATES`; `sample` is
    $y$, a number, in the units of $\mu$. Raises ValueError for an unknown coordinate system, a wrong shape, a number
    that is not finite or parameters outside the family, that is $\sigma$ not greater than 0 or, because of rounding,
    not finite.
    """
    parameters = _as_parameters(parameters, coordinates)
    _checks.array("sample", sample, ())
    if coordinates == "log scale":  # ln(exp(x)) would cost an exponential and a rounding
        residual, log_scale = (sample - parameters[0]) * _numpy(parameters).exp(-parameters[1]), parameters[1]
    else:
        mean, scale = COORDINATES[coordinates].to_mean_scale(parameters)
        residual, log_scale = (sample - mean) / scale, _numpy(scale).log(scale)
    return residual**2 / 2 + log_scale + math.log(2 * math.pi) / 2


def expected_loss(parameters: Vector, target: Vector, coordinates: str = "log scale") -> Array:
    r"""Expected negative log-likelihood of samples of $N(\mu^*, \sigma^{*2})$: the mean of the online losses.

    $$L = \frac{(\mu - \mu^*)^2 + \sigma^{*2}}{2 \sigma^2} + \ln\sigma + \frac{1}{2} \ln 2\pi$$

    `target` is $(\mu^*, \sigma^*)$; the other arguments and errors are those of `negative_log_likelihood`.
    """
    _checks.mean_scale("target", target)
    at_mean = negative_log_likelihood(parameters, target[0], coordinates)
    scale = COORDINATES[coordinates].to_mean_scale(_as_parameters(parameters, coordinates))[1]
    return at_mean + (target[1] / scale) ** 2 / 2


def mean_map(parameters: Vector, coordinates: str = "log scale") -> Array:
    r"""Expectation parameters $m = (\mathrm{E}\,y, \mathrm{E}\,y^2) = (\mu, \mu^2 + \sigma^2)$.

    Arguments and errors are those of `negative_log_likelihood`. Returns shape (2,).
    """
    parameters = _as_parameters(parameters, coordinates)
    return COORDINATES["expectation"].from_mean_scale(COORDINATES[coordinates].to_mean_scale(parameters))


@partial(jax.jit, static_argnames="coordinates")
def _jacobian(parameters, coordinates):
    """The Jacobian of (μ, σ) in the parameters, and σ."""
    to_mean_scale = COORDINATES[coordinates].to_mean_scale
    return jax.jacobian(to_mean_scale)(parameters), to_mean_scale(parameters)[1]


def fisher_matrix(parameters: Vector, coordinates: str = "log scale") -> Array:
    r"""Fisher matrix $F = J^\top \mathrm{diag}(1, 2) J / \sigma^2$, with $J = \partial(\mu, \sigma)/\partial\xi$.

    Arguments and errors are those of `negative_log_likelihood`. Returns shape (2, 2).

    Source: Amari, Natural gradient works efficiently in learning, Neural Computation 10 (1998).
    """
    jacobian, scale = map(_checks.concrete, _jacobian(_as_parameters(parameters, coordinates), coordinates))
    return jacobian.T @ _pair(jacobian[0], 2 * jacobian[1]) / scale**2


def tango_gamma_bound(parameters: Vector, coordinates: str = "log scale") -> float:
    r"""Bound of TANGO's $\gamma$ at one point of the family, below which the mean square of its velocity stays bounded.

    It does while $\gamma\, \mathrm{E}[|\tilde g|^2 \tilde g \tilde g^\top] \prec 2 F$, with gradients $\tilde g$ at
    samples of the model and the Fisher matrix $F$: $A \prec B$ if $B - A$ is positive definite. In $(\mu, \ln\sigma)$
    this says $\gamma < 2 / (30 + 5 / \sigma^2)$. Single runs may stay finite past it.

    Arguments and errors are those of `fisher_matrix`. Returns the bound, in the limit of small steps.
    """
    jacobian, scale = map(np.asarray, _jacobian(_as_parameters(parameters, coordinates), coordinates))
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)  # exact up to degree 15, and the fourth moments have 8
    gradients = np.stack([nodes, nodes**2 - 1], axis=1) @ jacobian / scale
    fourth = np.einsum("n,ni,nj->ij", weights / weights.sum() * (gradients**2).sum(axis=1), gradients, gradients)
    return float(2 / np.linalg.eigvals(np.linalg.solve(fisher_matrix(parameters, coordinates), fourth)).real.max())


def natural_gradient_flow(start: Vector, target: Vector, time: ArrayLike) -> Array:
    r"""Exact natural-gradient flow of the expected negative log-likelihood, in closed form.

    A straight line in the expectation parameters, $m(t) = m^* + e^{-t} (m_0 - m^*)$. In $(\mu, \sigma)$, with
    $u = e^{-t}$:

    $$\mu = \mu^* + (\mu_0 - \mu^*) u, \quad
      \sigma^2 = \sigma_0^2 u + \sigma^{*2} (1 - u) + (\mu_0 - \mu^*)^2 u (1 - u)$$

    `start` is $(\mu_0, \sigma_0)$, `target` $(\mu^*, \sigma^*)$; `time`, without unit, has any shape and is at least 0.
    Returns $(\mu, \sigma)$, shape `time.shape + (2,)`. Raises ValueError if a standard deviation is not positive, a
    number not finite, a shape wrong, or `time` negative or empty.
    """
    start, target = _checks.mean_scale("start", start), _checks.mean_scale("target", target)
    elapsed = _checks.array("time", time, None, "at least 0")
    library = jnp if any(isinstance(value, jax.core.Tracer) for value in (start, target, elapsed)) else np
    left, done = library.exp(-elapsed), -library.expm1(-elapsed)  # u and 1 - u: a sum of positive terms loses no digits
    mean = start[0] * left + target[0] * done
    variance = start[1] ** 2 * left + target[1] ** 2 * done + (start[0] - target[0]) ** 2 * left * done
    return library.stack([mean, library.sqrt(variance)], axis=-1)

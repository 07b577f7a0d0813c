r"""Problems of the form: minimise $L(z(x))$ over $x$."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from straightlines import _checks, gaussian


class Problem(NamedTuple):
    r"""Minimise $L(z(x))$: a physical process $z$, a loss $L$ of its output and a local inverse of $z$.

    Fields:
      z: the map from $x$, shape (n,), to $z$, shape (m,).
      loss: the map from $z$ to a number.
      z_inverse: the map from (z, x) to the point near $x$ that $z$ maps to $z$; NaN where there is none.
        None if the problem has no inverse.
    """

    z: Callable[[Array], Array]
    loss: Callable[[Array], Array]
    z_inverse: Callable[[Array, Array], Array] | None = None

    def objective(self, x: Array) -> Array:
        r"""$L(z(x))$, a number."""
        return self.loss(self.z(x))


def _sum_of_squares(z):
    return jnp.sum(z**2)


def walkthrough() -> Problem:
    r"""The walkthrough's problem: $z(x) = (x_0, x_1^2)$, $L(z) = z_0^2 + z_1^2$, with its minimum at the origin.

    The inverse keeps the branch of the current point: $x_1$ keeps its sign. It gives NaN for $z_1 < 0$.

    Source: Thuerey et al., Physics-based Deep Learning, arXiv:2109.05237.
    """

    def z_inverse(z, x):
        return jnp.stack([z[0], jnp.where(x[1] < 0, -1, 1) * jnp.sqrt(z[1])])

    return Problem(lambda x: jnp.stack([x[0], x[1] ** 2]), _sum_of_squares, z_inverse)


def scaled(alpha: float) -> Problem:
    r"""The problem of the chapter on update rules: $z(x) = (x_0, \alpha x_1)$, $L(z) = z_0^2 + z_1^2$.

    Raises: ValueError unless $\alpha$ is finite and greater than 0.
    """
    _checks.positive("alpha", alpha)
    return Problem(
        lambda x: jnp.stack([x[0], alpha * x[1]]), _sum_of_squares, lambda z, x: jnp.stack([z[0], z[1] / alpha])
    )


def gaussian_fit(target: Array, coordinates: str = "log scale") -> Problem:
    r"""Fit of a Gaussian as a problem: $z = m$, the mean map, and $L(m) = |m - m^*|^2 / 2$.

    Args:
      target: $(\mu^*, \sigma^*)$.
      coordinates: a name in `gaussian.COORDINATES`: the parameters $x$.

    Raises: ValueError if $\sigma^* \le 0$, a number is not finite, a shape wrong or the coordinate system unknown.
    """
    _checks.mean_scale("target", target)
    _checks.member("coordinates", coordinates, gaussian.COORDINATES)
    target_expectation = gaussian.mean_map(jnp.asarray(target, float), "scale")
    expectation = gaussian.COORDINATES["expectation"]
    return Problem(
        lambda x: gaussian.mean_map(x, coordinates),
        lambda m: jnp.sum((m - target_expectation) ** 2) / 2,
        lambda m, x: gaussian.COORDINATES[coordinates].from_mean_scale(expectation.to_mean_scale(m)),
    )

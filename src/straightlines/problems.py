r"""Problems of the form: minimise $L(z(x))$ over $x$."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from straightlines import _checks, gaussian


class Problem(NamedTuple):
    r"""Minimise $L(z(x))$: a physical process $z$, a loss $L$ of its output and a local inverse of $z$.

    Fields:
      z: the map from $x$, shape (n,), to $z$, shape (m,).
      loss: the map from $z$ to a number.
      z_inverse: the local inverse, from (z, x) to the point of $x$'s branch that is mapped to $z$. Where there is
        none it raises ValueError; under `jit`, `grad` or `vmap`, where a value cannot be looked at, it gives NaN.
        None if the problem has no inverse.
    """

    z: Callable[[Array], Array]
    loss: Callable[[Array], Array]
    z_inverse: Callable[[Array, Array], Array] | None = None

    def objective(self, x: Array) -> Array:
        r"""$L(z(x))$, a number."""
        return self.loss(self.z(x))


def _image_point(z, inside, image):
    """Raise unless `z` is a finite pair in the image of the map, as far as it can be looked at now."""
    _checks.array("z", z, (2,))
    if not isinstance(z, jax.core.Tracer) and not inside(z):
        raise ValueError(f"z must be in the image of the map, {image}, got {z}")


@cache  # the same problem each time is compiled once
def walkthrough() -> Problem:
    r"""The walkthrough's problem: $z(x) = (x_0, x_1^2)$, $L(z) = z_0^2 + z_1^2$, with its minimum at the origin.

    The inverse keeps the branch of the current point: $x_1$ keeps its sign. The image is $z_1 \ge 0$: for $z_1 < 0$
    the inverse raises ValueError, and under `jit` it gives NaN in $x_1$.

    Source: Thuerey et al., Physics-based Deep Learning, arXiv:2109.05237.
    """

    def z_inverse(z, x):
        _image_point(z, lambda z: z[1] >= 0, "z[1] >= 0")
        if not isinstance(x, jax.core.Tracer):
            _checks.array("x", x, (2,), "real")
        return jnp.stack([z[0], jnp.where(x[1] < 0, -1, 1) * jnp.sqrt(z[1])])

    return Problem(lambda x: jnp.stack([x[0], x[1] ** 2]), lambda z: jnp.sum(z**2), z_inverse)


def gaussian_fit(target: gaussian.Vector, coordinates: str = "log scale") -> Problem:
    r"""Fit of a Gaussian as a problem: $z = m$, its expectation parameters, and $L(m) = |m - m^*|^2 / 2$.

    The image is $m_1 > m_0^2$: elsewhere the inverse raises ValueError, and under `jit` it gives NaN.

    `target` is $(\mu^*, \sigma^*)$, and `coordinates`, a name in `gaussian.COORDINATES`, are the parameters $x$. Two
    fits in the same coordinates are one compiled program. Raises ValueError if $\sigma^* \le 0$, a number is not
    finite, a shape wrong or the coordinate system unknown.
    """
    _checks.mean_scale("target", target)
    _checks.member("coordinates", coordinates, gaussian.COORDINATES)
    expectation = gaussian.mean_map(target, "scale")
    return Problem(
        Partial(gaussian.mean_map, coordinates=coordinates),
        Partial(_half_squared_distance, expectation),
        Partial(_gaussian_inverse, coordinates),
    )


def _half_squared_distance(point, z):
    return jnp.sum((z - point) ** 2) / 2


def _gaussian_inverse(coordinates, m, x):
    _image_point(m, lambda m: m[1] > m[0] ** 2, "z[1] > z[0]**2")
    return gaussian.COORDINATES[coordinates].from_mean_scale(gaussian.COORDINATES["expectation"].to_mean_scale(m))

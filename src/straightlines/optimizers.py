"""Stochastic update rules as optax gradient transformations, and the mean motion of TANGO."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jax.typing import ArrayLike

from straightlines import _checks
from straightlines.gaussian import COORDINATES, Vector, expected_loss, fisher_matrix


class TangoState(NamedTuple):
    """State of `tango`: updates made so far, and the running natural-gradient direction, like the parameters."""

    count: jax.Array  # type: ignore[assignment]
    velocity: optax.Updates


def tango(step_size: optax.ScalarOrSchedule, gamma: ArrayLike) -> optax.GradientTransformationExtraArgs:
    r"""TANGO: an online natural gradient that never forms the Fisher matrix.

    With the gradient $g_k$ at a sample of the data and the gradient $\tilde g_k$ at a sample of the model,

    $$v_k = (1 - \delta t_{k-1}) v_{k-1} + \gamma g_k
            - \gamma (1 - \delta t_{k-1}) (v_{k-1} \cdot \tilde g_k)\, \tilde g_k, \qquad
      \theta_k = \theta_{k-1} - \delta t_k v_k .$$

    `step_size` is $\delta t$ in (0, 1] or a schedule of it, `gamma` is $\gamma$ in (0, 1]. The rule has a `TangoState`.
    Its `update` takes $\tilde g_k$ as the keyword argument `pseudo_gradient`, a tree like the gradient. Calls with the
    same numbers make the same rule, which is compiled once; numbers given as arrays are arguments of the compiled
    program. Raises ValueError if a number is outside (0, 1], TypeError if it is not a number.

    Source: Ollivier, True Asymptotic Natural Gradient Optimization, arXiv:1712.08449 (2017).
    """
    _checks.array("step_size", step_size(0) if callable(step_size) else step_size, (), "in (0, 1]")
    _checks.array("gamma", gamma, (), "in (0, 1]")
    return optax.GradientTransformationExtraArgs(_tango_init, Partial(_tango_update, step_size, gamma))


def _tango_init(params):
    return TangoState(jnp.zeros([], jnp.int32), optax.tree.zeros_like(params))


def _tango_update(step_size, gamma, updates, state, params=None, *, pseudo_gradient, **extra_args):
    del params, extra_args
    previous, step = step_size, step_size
    if callable(step_size):  # at the first update the velocity is 0, whatever the step before
        previous, step = step_size(jnp.maximum(state.count - 1, 0)), step_size(state.count)
    decayed = optax.tree.scale(1 - previous, state.velocity)
    # the scalar product; as a sum, because XLA keeps vmapped runs on the last axis of sums, but not of dot products
    overlap = optax.tree.sum(optax.tree.mul(decayed, pseudo_gradient))
    velocity = jax.tree.map(lambda v, g, pseudo: v + gamma * (g - overlap * pseudo), decayed, updates, pseudo_gradient)
    return optax.tree.scale(-step, velocity), TangoState(optax.safe_increment(state.count), velocity)


def moving_average(step_size: ArrayLike) -> optax.GradientTransformationExtraArgs:
    r"""The exact online natural gradient in the expectation parameters: a moving average of $T(y) = (y, y^2)$.

    $$m_k = m_{k-1} - \delta t\, (m_{k-1} - T(y_k))$$

    For fits with `coordinates="expectation"`. `step_size` is $\delta t$ in (0, 1]. `update` takes $y_k$ as the keyword
    argument `sample`, and the parameters $m$; it has no use for the gradient. Raises ValueError if the step size is
    outside (0, 1], TypeError if it is not a number.

    Source: Raskutti & Mukherjee, The information geometry of mirror descent, IEEE Trans. Inf. Theory 61 (2015).
    """
    _checks.array("step_size", step_size, (), "in (0, 1]")
    return optax.GradientTransformationExtraArgs(optax.init_empty_state, Partial(_moving_average_update, step_size))


def _moving_average_update(step_size, updates, state, params=None, *, sample, **extra_args):
    del updates, extra_args
    return -step_size * (params - jnp.stack([sample, sample**2])), state


def tango_mean_motion(
    start: Vector,
    target: Vector,
    step_sizes: Vector,
    gamma: float,
    *,
    coordinates: str = "log scale",
    velocity: Vector = (0.0, 0.0),
) -> jax.Array:
    r"""TANGO's update of a Gaussian fit, averaged over both of its samples: a path without any randomness.

    With the expected gradient $\bar g = \nabla L$ in place of $g_k$ and the Fisher matrix $F$ in place of
    $\tilde g_k \tilde g_k^\top$,

    $$v_k = (1 - \delta t_{k-1}) v_{k-1} + \gamma \bar g - \gamma (1 - \delta t_{k-1}) F v_{k-1}, \qquad
      \xi_k = \xi_{k-1} - \delta t_k v_k .$$

    `start` and `target` are $(\mu, \sigma)$ of the first model and of the data, `step_sizes`, shape (n,) and greater
    than 0, $\delta t_1, \dots, \delta t_n$, of which the first one stands for $\delta t_0$, too, `gamma` is $\gamma$
    in (0, 1], `velocity`, shape (2,), $v_0$, and `coordinates` the name of the parameters $\xi$ in `COORDINATES`.
    Returns $(\mu, \sigma)$ at the start and after every step, shape (n + 1, 2). Raises ValueError for a wrong shape, a
    number out of its range or an unknown coordinate system.
    """
    _checks.mean_scale("start", start)
    _checks.mean_scale("target", target)
    _checks.array("step_sizes", step_sizes, (None,), "greater than 0")
    _checks.array("gamma", gamma, (), "in (0, 1]")
    _checks.member("coordinates", coordinates, COORDINATES)
    _checks.array("velocity", velocity, (2,))
    arrays = (jnp.asarray(value, float) for value in (start, target, step_sizes, gamma, velocity))
    return _checks.concrete(_mean_motion(*arrays, coordinates))


@partial(jax.jit, static_argnames="coordinates")
def _mean_motion(start, target, step_sizes, gamma, velocity, coordinates):
    def step(carry, sizes):
        xi, velocity = carry
        gradient = jax.grad(expected_loss)(xi, target, coordinates)
        decayed = (1 - sizes[0]) * velocity
        velocity = decayed + gamma * (gradient - fisher_matrix(xi, coordinates) @ decayed)
        xi = xi - sizes[1] * velocity
        return (xi, velocity), COORDINATES[coordinates].to_mean_scale(xi)

    previous = jnp.concatenate([step_sizes[:1], step_sizes[:-1]])
    carry = COORDINATES[coordinates].from_mean_scale(start), velocity
    return jnp.concatenate([start[None], jax.lax.scan(step, carry, (previous, step_sizes))[1]])

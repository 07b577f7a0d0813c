"""Stochastic update rules as optax gradient transformations."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from straightlines import _checks


class TangoState(NamedTuple):
    """State of `tango`."""

    count: Array  # shape (), updates made so far
    velocity: optax.Updates  # like the parameters: the running natural-gradient direction


def tango(step_size: optax.ScalarOrSchedule, gamma: float) -> optax.GradientTransformationExtraArgs:
    r"""TANGO: an online natural gradient that never forms the Fisher matrix.

    With the gradient $g_k$ at a sample of the data and the gradient $\tilde g_k$ at a sample of the model,

    $$v_k = (1 - \delta t_{k-1}) v_{k-1} + \gamma g_k
            - \gamma (1 - \delta t_{k-1}) (v_{k-1} \cdot \tilde g_k)\, \tilde g_k, \qquad
      \theta_k = \theta_{k-1} - \delta t_k v_k .$$

    `update` takes $\tilde g_k$ as the keyword argument `pseudo_gradient`, a tree like the gradient.

    Args:
      step_size: $\delta t$ in (0, 1], or a schedule of it.
      gamma: $\gamma$ in (0, 1], the rate at which $v$ follows the natural gradient.

    Returns: an optax transformation with a `TangoState`.

    Raises: ValueError if a number is outside (0, 1], TypeError if it is not a number.

    Source: Ollivier, True Asymptotic Natural Gradient Optimization, arXiv:1712.08449 (2017), Definition 1.
    """
    _checks.unit_interval("step_size", step_size(0) if callable(step_size) else step_size)
    _checks.unit_interval("gamma", gamma)
    schedule = step_size if callable(step_size) else lambda count: step_size

    def init(params):
        return TangoState(jnp.zeros([], jnp.int32), optax.tree.zeros_like(params))

    def update(updates, state, params=None, *, pseudo_gradient, **extra_args):
        del params, extra_args
        keep = 1 - schedule(jnp.maximum(state.count - 1, 0))  # at the first update the velocity is 0
        decayed = optax.tree.scale(keep, state.velocity)
        overlap = optax.tree.vdot(decayed, pseudo_gradient)
        velocity = jax.tree.map(
            lambda v, g, pseudo: v + gamma * (g - overlap * pseudo), decayed, updates, pseudo_gradient
        )
        step = schedule(state.count)
        return optax.tree.scale(-step, velocity), TangoState(optax.safe_increment(state.count), velocity)

    return optax.GradientTransformationExtraArgs(init, update)

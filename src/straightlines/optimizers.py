"""Stochastic update rules as optax gradient transformations."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.typing import ArrayLike

from straightlines import _checks
from straightlines.gaussian import COORDINATES, _as_parameters


class TangoState(NamedTuple):
    """State of `tango`."""

    count: Array  # type: ignore[assignment]  # shape (), updates made so far
    velocity: optax.Updates  # like the parameters: the running natural-gradient direction


class Tango(optax.GradientTransformationExtraArgs):
    r"""What `tango` returns: an optax transformation that tells its $\gamma$."""

    gamma: ArrayLike


def tango(step_size: optax.ScalarOrSchedule, gamma: float) -> Tango:
    r"""TANGO: an online natural gradient that never forms the Fisher matrix.

    With the gradient $g_k$ at a sample of the data and the gradient $\tilde g_k$ at a sample of the model,

    $$v_k = (1 - \delta t_{k-1}) v_{k-1} + \gamma g_k
            - \gamma (1 - \delta t_{k-1}) (v_{k-1} \cdot \tilde g_k)\, \tilde g_k, \qquad
      \theta_k = \theta_{k-1} - \delta t_k v_k .$$

    `update` takes $\tilde g_k$ as the keyword argument `pseudo_gradient`, a tree like the gradient.

    Args:
      step_size: $\delta t$ in (0, 1], or a schedule of it.
      gamma: $\gamma$ in (0, 1], the rate at which $v$ follows the natural gradient.

    Returns: an optax transformation with a `TangoState`, and $\gamma$ as its attribute `gamma`.

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
        # the scalar product; as a sum, because XLA keeps vmapped runs on the last axis of sums, but not of dot products
        overlap = optax.tree.sum(optax.tree.mul(decayed, pseudo_gradient))
        velocity = jax.tree.map(
            lambda v, g, pseudo: v + gamma * (g - overlap * pseudo), decayed, updates, pseudo_gradient
        )
        step = schedule(state.count)
        return optax.tree.scale(-step, velocity), TangoState(optax.safe_increment(state.count), velocity)

    transformation = Tango(init, update)
    transformation.gamma = gamma
    return transformation


def tango_gamma_bound(parameters: ArrayLike, coordinates: str = "log scale") -> float:
    r"""Bound of TANGO's $\gamma$ at one point of the Gaussian family, below which its velocity is stable.

    The mean square of $v$ stays bounded while $\gamma\, \mathrm{E}[|\tilde g|^2 \tilde g \tilde g^\top] \prec 2 F$,
    with the gradients $\tilde g$ at samples of the model and the Fisher matrix $F$. In $(\mu, \ln\sigma)$ this says
    $\gamma < 2 / (30 + 5 / \sigma^2)$.

    Args:
      parameters: shape (2,), in the named coordinate system.
      coordinates: a name in `COORDINATES`.

    Returns: the bound, in the limit of small steps.

    Raises: ValueError for an unknown coordinate system, a wrong shape or a point outside the family.
    """
    parameters = _as_parameters("parameters", parameters, coordinates)
    scale, jacobian = map(np.asarray, _change_to_log_scale(parameters, coordinates))
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)  # exact: the integrand is of degree 8 in the normal
    scores = np.stack([nodes / scale, nodes**2 - 1], axis=1) @ jacobian
    weights = weights / weights.sum()
    fisher = np.einsum("n,ni,nj->ij", weights, scores, scores)
    fourth = np.einsum("n,ni,nj->ij", weights * (scores**2).sum(axis=1), scores, scores)
    return float(2 / np.linalg.eigvals(np.linalg.solve(fisher, fourth)).real.max())


@partial(jax.jit, static_argnames="coordinates")
def _change_to_log_scale(parameters, coordinates):
    r"""$\sigma$, and the Jacobian matrix of $(\mu, \ln\sigma)$ with respect to the parameters."""

    def log_scale(xi):
        return COORDINATES["log scale"].from_mean_scale(COORDINATES[coordinates].to_mean_scale(xi))

    return jnp.exp(log_scale(parameters)[1]), jax.jacfwd(log_scale)(parameters)


def moving_average(step_size: float) -> optax.GradientTransformationExtraArgs:
    r"""The exact online natural gradient in the expectation parameters: a moving average of $T(y) = (y, y^2)$.

    $$m_k = m_{k-1} - \delta t\, (m_{k-1} - T(y_k))$$

    For runs with `coordinates="expectation"`. `update` takes $y_k$ as the keyword argument `sample`, and the
    parameters $m$; it has no use for the gradient.

    Args:
      step_size: $\delta t$ in (0, 1].

    Returns: an optax transformation without a state.

    Raises: ValueError if the step size is outside (0, 1], TypeError if it is not a number.

    Source: Raskutti & Mukherjee, The information geometry of mirror descent, IEEE Trans. Inf. Theory 61 (2015).
    """
    _checks.unit_interval("step_size", step_size)

    def init(params):
        del params
        return optax.EmptyState()

    def update(updates, state, params=None, *, sample, **extra_args):
        del updates, extra_args
        return -step_size * (params - jnp.stack([sample, sample**2])), state

    return optax.GradientTransformationExtraArgs(init, update)

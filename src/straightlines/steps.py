r"""Deterministic update rules $x \to x'$ on a `Problem`, and `descend`, which repeats one.

A rule gets the problem, the point $x$, an array of shape (n,), and the `rate` $\eta$, a number; it returns $x'$, of
shape (n,), too. It solves linear systems without damping: where the matrix is singular, the result is not finite.
"""

from collections.abc import Callable

import equinox
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from straightlines import _checks
from straightlines.problems import Problem


def gradient_step(problem: Problem, x: Array, rate: ArrayLike) -> Array:
    r"""Gradient descent: $x' = x - \eta \nabla_x L$."""
    return x - rate * jax.grad(problem.objective)(x)


def newton_step(problem: Problem, x: Array, rate: ArrayLike) -> Array:
    r"""Newton's method: $x' = x - \eta\, (\nabla_x^2 L)^{-1} \nabla_x L$."""
    hessian = jax.hessian(problem.objective)(x)
    return x - rate * jnp.linalg.solve(hessian, jax.grad(problem.objective)(x))


def gauss_newton_step(problem: Problem, x: Array, rate: ArrayLike) -> Array:
    r"""Gauss-Newton: $x' = x - \eta\, (J^\top \nabla_z^2 L\, J)^{-1} \nabla_x L$, $J = \partial z/\partial x$."""
    jacobian = jax.jacobian(problem.z)(x)
    hessian = jax.hessian(problem.loss)(problem.z(x))
    return x - rate * jnp.linalg.solve(jacobian.T @ hessian @ jacobian, jax.grad(problem.objective)(x))


def physical_step(problem: Problem, x: Array, rate: ArrayLike) -> Array:
    r"""Physical gradient: $x' = z^{-1}\big(z(x) - \eta\, (\nabla_z^2 L)^{-1} \nabla_z L;\ x\big)$.

    A Newton step for $L$ in z-space, mapped back by the local inverse. Raises ValueError if the problem has no inverse,
    or if the target of the step in z-space has none; under `jit` such a target gives NaN.

    Source: Holl, Koltun and Thuerey, Scale-invariant Learning by Physics Inversion, arXiv:2109.15048.
    """
    if problem.z_inverse is None:
        raise ValueError("problem must have a z_inverse for a physical gradient, got z_inverse=None")
    z = problem.z(x)
    return problem.z_inverse(z - rate * jnp.linalg.solve(jax.hessian(problem.loss)(z), jax.grad(problem.loss)(z)), x)


Step = Callable[[Problem, Array, ArrayLike], Array]
STEPS: dict[str, Step] = {
    "gradient descent": gradient_step,
    "Newton": newton_step,
    "Gauss-Newton": gauss_newton_step,
    "physical gradient": physical_step,
}


@equinox.filter_jit
def _descend(problem, step, start, rate, iterations):
    def body(x, _):
        x = step(problem, x, rate.astype(x.dtype))
        return x, x

    return jnp.concatenate([start[None], jax.lax.scan(body, start, length=iterations)[1]])


def descend(problem: Problem, step: Step, start: ArrayLike, rate: ArrayLike, iterations: int) -> Array:
    r"""Path of a deterministic update rule.

    `step` is a rule, one of `STEPS` or your own. `start`, shape (n,), has the dtype of the run, or integers, for JAX's
    default float. `rate` is $\eta$, finite and greater than 0.

    Returns the start and every iterate, shape (iterations + 1, n). What is NaN stays so: see
    `physical_step` for a target without an inverse. Raises ValueError for a wrong shape, a number out of its range or a
    missing inverse; TypeError for an argument of the wrong kind.
    """
    _checks.instance("problem", problem, Problem, "a Problem")
    _checks.instance("step", step, Callable, "a function of problem, x and rate, such as those of STEPS")
    start = _checks.array("start", start, (None,))
    rate = _checks.array("rate", rate, (), "greater than 0")
    iterations = _checks.count("iterations", iterations, most=2**31 - 1)
    if (z_inverse := problem.z_inverse) is not None:
        _checks.array("start", start, jax.eval_shape(lambda x: z_inverse(problem.z(x), x), start).shape)
    return _checks.concrete(_descend(problem, step, start, rate, iterations))

"""The published walkthrough, from plain NumPy loops with derivatives by hand, and the claims of its chapter."""

import tomllib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from straightlines.problems import walkthrough
from straightlines.steps import STEPS, descend

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = {entry["id"]: entry for entry in tomllib.loads((ROOT / "published.toml").read_text())["published"]}
PREFIX = "physical-gradients-"
RUNS = {  # method: its key among the published numbers, its rate there
    "gradient descent": ("gradient-descent", 0.01),
    "Newton": ("newton", 1 / 3),
    "physical gradient": ("physical-gradient", 0.3),
}
START = (3.0, 3.0)


def plain_update(method, x, rate):
    """One update on z = (x0, x1^2), L = z0^2 + z1^2, in the precision of x, with derivatives by hand."""
    x0, x1 = x
    rate = type(x0)(rate)
    if method == "gradient descent":  # the gradient is (2 x0, 4 x1^3)
        return np.array([x0 - rate * (2 * x0), x1 - rate * (4 * (x1 * x1) * x1)])
    if method == "Newton":  # the Hessian is diag(2, 12 x1^2)
        return np.array([x0 - rate * x0, x1 - rate * (x1 / 3)])
    if method == "Gauss-Newton":  # J^T H J is diag(2, 8 x1^2)
        return np.array([x0 - rate * x0, x1 - rate * (x1 / 2)])
    z0, z1 = x0, x1 * x1  # physical gradient: the Newton step of L in z is z itself
    return np.array([z0 - rate * z0, np.sqrt(z1 - rate * z1)])


def plain_path(method, rate, start=START, updates=10, dtype=np.float64):
    path = [np.array(start, dtype)]
    for _ in range(updates):
        path.append(plain_update(method, path[-1], rate))
    return np.array(path)


def line_distance(path_in_z):
    """Largest distance of the points from the line between the first and the origin, by projection."""
    along = path_in_z[0] / np.linalg.norm(path_in_z[0])
    return np.linalg.norm(path_in_z - np.outer(path_in_z @ along, along), axis=1).max()


def in_z(path):
    return np.stack([path[:, 0], path[:, 1] ** 2], axis=1)


@pytest.mark.parametrize("method", RUNS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_published_positions_from_a_plain_loop(method, dtype):
    key, rate = RUNS[method]
    published = np.array(PUBLISHED[f"{PREFIX}{key}-positions"]["value"])
    path = plain_path(method, rate, dtype=dtype)
    # ten updates in 32-bit floats are off by a few roundings
    np.testing.assert_allclose(path[1:], published, rtol=1e-6, atol=0)
    assert published.shape == (10, 2)


@pytest.mark.parametrize("method", RUNS)
def test_published_positions_to_the_last_printed_digit(method):
    """The rules of `src`, one operation at a time in 32-bit floats, print what the walkthrough printed."""
    key, rate = RUNS[method]
    problem, x, path = walkthrough(), jnp.array(START, jnp.float32), []
    for _ in range(10):
        x = STEPS[method](problem, x, rate)
        path.append(np.asarray(x))
    assert np.array(path).dtype == np.float32
    printed = [[float(number) for number in str(x).strip("[]").split()] for x in path]
    assert printed == PUBLISHED[f"{PREFIX}{key}-positions"]["value"]


@pytest.mark.parametrize("method", STEPS)
@pytest.mark.parametrize(
    ("start", "rate", "updates"), [(START, 0.01, 10), ((1.5, 0.4), 0.2, 25), ((-2.0, 1.0), 0.05, 3)]
)
def test_compiled_run_agrees_with_a_plain_loop(method, start, rate, updates):
    path = descend(walkthrough(), method, start, rate, updates)
    np.testing.assert_allclose(path, plain_path(method, rate, start, updates), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("method", RUNS)
def test_published_distance_and_alignment(method):
    key, rate = RUNS[method]
    path = plain_path(method, rate)
    update = path[0] - path[1]
    alignment = update.sum() / np.linalg.norm(update)
    for name, value in [("distance", np.linalg.norm(path[-1])), ("alignment", alignment)]:
        entry = PUBLISHED[f"{PREFIX}{key}-{name}"]
        assert abs(value - entry["value"]) <= entry["tolerance"]


@pytest.mark.parametrize(
    ("rate", "newton", "gauss_newton", "physical"), [(0.3, 1.049, 0.597, 0.511), (1 / 3, 0.925, 0.487, 0.398)]
)
def test_distances_at_equal_rates(rate, newton, gauss_newton, physical):
    x0 = 3 * (1 - rate) ** 10
    factors = {"Newton": 1 - rate / 3, "Gauss-Newton": 1 - rate / 2, "physical gradient": np.sqrt(1 - rate)}
    stated = dict(zip(factors, [newton, gauss_newton, physical], strict=True))
    for method, factor in factors.items():
        end = descend(walkthrough(), method, START, rate, 10)[-1]
        np.testing.assert_allclose(end, [x0, 3 * factor**10], rtol=1e-12)
        assert round(float(np.linalg.norm(end)), 3) == stated[method]


@pytest.mark.parametrize(
    ("method", "rate", "stated"),
    [("gradient descent", 0.01, 2.09), ("Newton", 1 / 3, 0.56), ("Gauss-Newton", 0.3, 0.10)],
)
def test_how_far_a_path_strays_from_the_straight_line_in_z(method, rate, stated):
    path = np.asarray(descend(walkthrough(), method, START, rate, 10))
    assert round(line_distance(in_z(path)), 2) == stated


@pytest.mark.parametrize("start", [START, (-1.0, 0.5), (2.0, -3.0)])
@pytest.mark.parametrize("rate", [0.01, 0.3, 0.9, 1.0])
def test_physical_gradient_is_straight_in_z_and_keeps_its_branch(start, rate):
    path = np.asarray(descend(walkthrough(), "physical gradient", start, rate, 10))
    assert line_distance(in_z(path)) < 1e-14
    assert (np.sign(path[:, 1]) * np.sign(start[1]) >= 0).all()
    np.testing.assert_allclose(in_z(path)[:, 1], start[1] ** 2 * (1 - rate) ** np.arange(11), atol=1e-14)


def test_physical_gradient_has_no_answer_beyond_the_range_of_z():
    path = np.asarray(descend(walkthrough(), "physical gradient", START, 1.1, 2))
    assert np.isnan(path[1, 1])


@pytest.mark.parametrize("matrix", [[[1.0, 1.0], [0.0, 1.0]], [[0.0, 2.0], [-1.0, 0.5]]])
def test_first_order_of_a_gradient_step_in_z_is_j_j_transposed(matrix):
    """Central differences of z(x - rate grad) in the rate, on processes whose Jacobian is not symmetric."""
    matrix, x = np.array(matrix), np.array([1.5, -0.7])

    def z(x):
        y = matrix @ x
        return np.array([y[0], y[1] ** 2])

    jacobian = np.array([[1, 0], [0, 2 * (matrix @ x)[1]]]) @ matrix
    loss_gradient = 2 * z(x)
    gradient = jacobian.T @ loss_gradient
    problem = walkthrough()._replace(z=lambda x: problem_z(jnp.asarray(matrix) @ x))
    problem_z = walkthrough().z
    np.testing.assert_allclose(jax.grad(problem.objective)(x), gradient, rtol=1e-13)
    step = 1e-6
    numerical = (z(x - step * gradient) - z(x + step * gradient)) / (2 * step)
    np.testing.assert_allclose(numerical, -jacobian @ jacobian.T @ loss_gradient, rtol=1e-7)
    for wrong in [jacobian @ jacobian, jacobian**2, jacobian.T @ jacobian]:
        assert not np.allclose(numerical, -wrong @ loss_gradient, rtol=1e-2)


@pytest.mark.parametrize("x", [(3.0, 3.0), (-2.0, 0.3), (1.0, -4.0)])
def test_derivative_of_the_inverse_is_the_inverse_of_the_derivative(x):
    problem, x = walkthrough(), jnp.array(x)
    derivative = jax.jacobian(lambda z: problem.z_inverse(z, x))(problem.z(x))
    np.testing.assert_allclose(derivative, np.diag([1, 1 / (2 * float(x[1]))]), rtol=1e-14)

"""Problems: values, local inverses and their branches, minima, and what is said outside the image."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from straightlines import gaussian
from straightlines.problems import Problem, gaussian_fit, walkthrough
from straightlines.steps import STEPS, descend, physical_step

TARGET = (10.0, 1.0)
PROBLEMS: dict[str, Problem] = {
    "walkthrough": walkthrough(),
    **{f"gaussian, {name}": gaussian_fit(TARGET, name) for name in gaussian.COORDINATES},
}
MINIMA = {"walkthrough": (0.0, 0.0)} | {
    f"gaussian, {name}": tuple(coordinates.from_mean_scale(np.array(TARGET)))
    for name, coordinates in gaussian.COORDINATES.items()
}
every_problem = pytest.mark.parametrize("name", PROBLEMS)


def point(name, first, second):
    """A point of the domain: away from the branch point of the walkthrough, on both of its branches."""
    if name == "walkthrough":
        return np.array([first, np.copysign(abs(second) + 0.1, second)])
    mean_scale = np.array([first, np.exp(second / 3)])
    return gaussian.COORDINATES[name.removeprefix("gaussian, ")].from_mean_scale(mean_scale)


@cache
def compiled(name):
    """One program of a problem: its value, its slope, and the derivatives of the map and of the inverse."""
    problem = PROBLEMS[name]

    def derivatives(x):
        inverse = jax.jacobian(problem.z_inverse)(problem.z(x), x)
        return *jax.value_and_grad(problem.objective)(x), inverse, jax.jacobian(problem.z)(x)

    return jax.jit(derivatives)


coordinate = st.floats(-3, 3, allow_subnormal=False)


@every_problem
@settings(max_examples=25, deadline=None, derandomize=True)
@given(coordinate, coordinate)
def test_the_inverse_returns_to_the_point_on_its_branch(name, first, second):
    problem, x = PROBLEMS[name], point(name, first, second)
    np.testing.assert_allclose(problem.z_inverse(problem.z(x), x), x, rtol=1e-9, atol=1e-9)


@every_problem
@settings(max_examples=25, deadline=None, derandomize=True)
@given(coordinate, coordinate, coordinate, coordinate)
def test_the_inverse_is_mapped_to_what_was_asked_for(name, first, second, third, fourth):
    problem, x, elsewhere = PROBLEMS[name], point(name, first, second), point(name, third, fourth)
    z = problem.z(elsewhere)
    found = problem.z_inverse(z, x)
    np.testing.assert_allclose(problem.z(found), z, rtol=1e-9, atol=1e-9)
    if name == "walkthrough":
        assert np.sign(found[1]) == np.sign(x[1])


@every_problem
@settings(max_examples=25, deadline=None, derandomize=True)
@given(coordinate, coordinate)
def test_the_derivative_of_the_inverse_is_the_inverse_jacobian(name, first, second):
    *_, derivative, jacobian = compiled(name)(point(name, first, second))
    np.testing.assert_allclose(derivative, np.linalg.inv(jacobian), rtol=1e-6, atol=1e-8)


@every_problem
def test_the_loss_is_smallest_at_the_minimum(name):
    minimum = np.array(MINIMA[name], float)
    loss, slope, *_ = compiled(name)(minimum)
    assert float(loss) == pytest.approx(0, abs=1e-20)
    np.testing.assert_allclose(slope, 0, atol=1e-9)
    for offset in ([0.01, 0], [-0.01, 0], [0, 0.001], [0, -0.001]):
        assert compiled(name)(minimum + np.array(offset))[0] > 0


@every_problem
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.9])
def test_a_physical_gradient_path_is_a_straight_line_in_z(name, rate):
    problem, start = PROBLEMS[name], point(name, -1.2, 1.0)
    z = np.array([problem.z(x) for x in descend(problem, STEPS["physical gradient"], start, rate, 8)])
    goal = np.asarray(problem.z(np.array(MINIMA[name], float)))
    left = (1 - rate) ** np.arange(9)[:, None]
    np.testing.assert_allclose(z, goal + left * (z[0] - goal), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name != "walkthrough"])
def test_a_full_step_lands_on_the_minimum(name):
    path = descend(PROBLEMS[name], STEPS["physical gradient"], point(name, -1.2, 1.0), 1.0, 8)
    np.testing.assert_allclose(path[1], MINIMA[name], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("start", [(3.0, 3.0), (3.0, -3.0), (-3.0, 3.0), (-3.0, -3.0)])
def test_a_full_step_of_the_walkthrough_lands_at_the_origin(start):
    np.testing.assert_array_equal(np.abs(descend(walkthrough(), STEPS["physical gradient"], start, 1.0, 8)[1]), [0, 0])


def test_values_of_the_walkthrough():
    problem, x = walkthrough(), np.array([3.0, 3.0])
    np.testing.assert_array_equal(problem.z(x), [3, 9])
    assert problem.objective(x) == 90


OUTSIDE = {name: (2.0, -1.0) if name == "walkthrough" else (2.0, 3.0) for name in PROBLEMS}


@pytest.mark.parametrize("name", OUTSIDE)
def test_outside_its_image_an_inverse_raises_and_under_jit_gives_nan(name):
    problem, z, x = PROBLEMS[name], np.array(OUTSIDE[name]), point(name, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"z must be in the image of the map, .* got \["):
        problem.z_inverse(z, x)
    assert np.isnan(jax.jit(problem.z_inverse)(z, x)).any()
    assert np.isnan(jax.jit(jax.vmap(problem.z_inverse))(z[None], x[None])).any()


def test_the_edge_of_the_image_has_an_inverse():
    found = walkthrough().z_inverse(np.array([2.0, 0.0]), np.array([3.0, 3.0]))
    np.testing.assert_array_equal(found, [2, 0])


def test_the_error_names_the_image_and_the_point():
    with pytest.raises(ValueError, match=r"^z must be in the image of the map, z\[1\] >= 0, got \[ 2. -1.\]$"):
        walkthrough().z_inverse(np.array([2.0, -1.0]), np.array([3.0, 3.0]))


@pytest.mark.parametrize("name", ["walkthrough", "gaussian, scale"])
@pytest.mark.parametrize(
    ("z", "message"),
    [
        (np.zeros(3), r"z must have shape \(2,\), got shape \(3,\)"),
        (np.zeros((4, 2)), r"z must have shape \(2,\), got shape \(4, 2\)"),
        (np.array([np.nan, 1.0]), "z must be finite, got"),
        (np.array([np.inf, 1.0]), "z must be finite, got"),
    ],
)
def test_an_inverse_names_what_is_wrong_with_its_argument(name, z, message):
    with pytest.raises(ValueError, match=message):
        PROBLEMS[name].z_inverse(z, np.array([1.0, 1.0]))


@pytest.mark.parametrize(
    ("target", "coordinates", "message"),
    [
        ((10.0, 0.0), "scale", "target must have a standard deviation greater than 0"),
        ((10.0, float("nan")), "scale", "target must be finite"),
        ((10.0,), "scale", "target must have shape"),
        ((10.0, 1.0), "polar", "coordinates must be one of"),
    ],
)
def test_gaussian_fit_names_what_is_wrong(target, coordinates, message):
    with pytest.raises(ValueError, match=message):
        gaussian_fit(target, coordinates)


def test_the_branch_is_that_of_a_point():
    with pytest.raises(ValueError, match=r"x must have shape \(2,\), got shape \(\)"):
        walkthrough().z_inverse(np.ones(2), "left")


def test_a_problem_without_an_inverse_says_so():
    with pytest.raises(ValueError, match="z_inverse"):
        physical_step(Problem(lambda x: x, lambda z: jnp.sum(z**2)), jnp.ones(2), 0.3)

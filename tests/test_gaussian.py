"""The Gaussian family against definitions, finite differences, quadrature and an ODE solver."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from straightlines import gaussian
from straightlines.gaussian import COORDINATES

NAMES = list(COORDINATES)
START, TARGET = np.array([0.0, 1.0]), np.array([10.0, 1.0])
PAIRS = [  # the published one, and others: target at no special place, narrow to wide and back, one mean
    (START, TARGET),
    (np.array([3.0, 0.5]), np.array([-2.0, 2.0])),
    (np.array([-7.0, 4.0]), np.array([-6.5, 0.3])),
    (np.array([1.5, 0.2]), np.array([1.5, 3.0])),
]

members = st.tuples(st.floats(-10, 10), st.floats(0.1, 10)).map(np.array)
names = st.sampled_from(NAMES)
times = st.floats(0, 20)
property_test = settings(max_examples=25, deadline=None, derandomize=True)


# compiled, for tests with many examples; test_jit_and_vmap_change_nothing says that it is the same
negative_log_likelihood = jax.jit(gaussian.negative_log_likelihood, static_argnums=2)
score = jax.jit(lambda xi, y, name: -jax.grad(gaussian.negative_log_likelihood)(xi, y, name), static_argnums=2)
flow = jax.jit(gaussian.natural_gradient_flow)


def address(member, coordinates):
    """The parameters of (mean, standard deviation), from formulas of its own."""
    mean, scale = member
    return np.array(
        {
            "log scale": (mean, np.log(scale)),
            "scale": (mean, scale),
            "variance": (mean, scale**2),
            "precision": (mean, scale**-2),
            "natural": (mean / scale**2, -0.5 / scale**2),
            "expectation": (mean, mean**2 + scale**2),
        }[coordinates]
    )


def log_density(member, sample):
    mean, scale = member
    return -np.log(scale * np.sqrt(2 * np.pi)) - ((sample - mean) / scale) ** 2 / 2


def expectation(member):
    return np.array([member[0], member[0] ** 2 + member[1] ** 2])


# coordinates


def test_every_coordinate_system_is_covered():
    for name in NAMES:
        assert COORDINATES[name].from_mean_scale(np.array([2.0, 0.5])) == pytest.approx(address([2.0, 0.5], name))
        assert len(COORDINATES[name].labels) == 2


@property_test
@given(members, names, names)
def test_coordinates_round_trip_by_way_of_any_other(member, one, other):
    one, other = COORDINATES[one], COORDINATES[other]
    there = other.from_mean_scale(one.to_mean_scale(one.from_mean_scale(member)))
    # E y² - (E y)² cancels: up to 10² / 0.1² of the digits are gone
    np.testing.assert_allclose(other.to_mean_scale(there), member, rtol=1e-10, atol=1e-12)


@property_test
@given(members, names)
def test_the_mean_map_is_that_of_the_statistics(member, name):
    np.testing.assert_allclose(gaussian.mean_map(address(member, name), name), expectation(member), rtol=1e-12)


# likelihood and score


@property_test
@given(members, names, st.floats(-20, 20))
def test_the_likelihood_is_that_of_the_density(member, name, sample):
    found = negative_log_likelihood(address(member, name), sample, name)
    np.testing.assert_allclose(found, -log_density(member, sample), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_score_is_the_slope_of_the_log_density(name):
    for member, sample in [((2.0, 0.5), 3.1), ((-1.0, 2.0), -4.0), ((0.5, 1.5), 0.5)]:
        xi = address(member, name)
        slopes = []
        for axis in np.eye(2):
            step = 1e-5 * axis * np.abs(xi)
            ends = [log_density(COORDINATES[name].to_mean_scale(xi + sign * step), sample) for sign in (1, -1)]
            slopes.append((ends[0] - ends[1]) / (2 * step.sum()))
        found = score(xi, sample, name)
        assert found.shape == (2,)
        np.testing.assert_allclose(found, slopes, rtol=1e-6, atol=1e-8)


@property_test
@given(members, st.floats(-20, 20))
def test_the_score_in_closed_form(member, sample):
    mean, scale = member
    e = (sample - mean) / scale
    closed = {
        "log scale": (e / scale, e**2 - 1),
        "scale": (e / scale, (e**2 - 1) / scale),
        "variance": (e / scale, (e**2 - 1) / (2 * scale**2)),
        "natural": (sample - mean, sample**2 - mean**2 - scale**2),
    }
    for name, expected in closed.items():
        atol = 1e-10 * np.max(np.abs(expected))
        np.testing.assert_allclose(score(address(member, name), sample, name), expected, rtol=1e-9, atol=atol)


@pytest.mark.parametrize("name", NAMES)
def test_the_expected_loss_is_the_mean_of_the_losses(name):
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    target, xi = (1.5, 0.7), address((-0.5, 1.3), name)
    losses = [gaussian.negative_log_likelihood(xi, target[0] + target[1] * node, name) for node in nodes]
    assert gaussian.expected_loss(xi, target, name) == pytest.approx(weights @ losses / weights.sum(), rel=1e-12)


# Fisher matrix


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("member", [(0.0, 1.0), (10.0, 1.0), (-2.0, 3.0), (1.0, 0.25)])
def test_the_fisher_matrix_is_the_covariance_of_the_score(member, name):
    nodes, weights = np.polynomial.hermite_e.hermegauss(6)
    samples = member[0] + member[1] * nodes
    scores = np.array([score(address(member, name), y, name) for y in samples])
    weights = weights / weights.sum()
    covariance = (scores.T * weights) @ scores
    found = gaussian.fisher_matrix(address(member, name), name)
    size = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert np.max(np.abs(weights @ scores) / np.sqrt(np.diag(covariance))) < 1e-10  # the score has mean zero
    assert np.max(np.abs(found - covariance) / size) < 1e-10


def test_the_fisher_matrix_in_closed_form():
    np.testing.assert_allclose(gaussian.fisher_matrix(np.array([3.0, 0.5]), "scale"), [[4, 0], [0, 8]])
    np.testing.assert_allclose(gaussian.fisher_matrix(np.array([3.0, np.log(0.5)])), [[4, 0], [0, 2]])
    covariance = [[4, 2 * 3 * 4], [2 * 3 * 4, 2 * 16 + 4 * 9 * 4]]  # of (y, y²), for N(3, 4)
    np.testing.assert_allclose(gaussian.fisher_matrix(address((3, 2), "natural"), "natural"), covariance)


# derivatives of the expected loss, by hand

hessian = jax.jit(jax.hessian(gaussian.expected_loss), static_argnums=2)


@property_test
@given(members, members)
def test_the_hessian_in_the_natural_parameters_is_the_covariance_of_the_statistic(member, target):
    mean, variance = member[0], member[1] ** 2
    covariance = np.array(
        [[variance, 2 * mean * variance], [2 * mean * variance, 4 * mean**2 * variance + 2 * variance**2]]
    )
    found = hessian(address(member, "natural"), target, "natural")
    size = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert np.max(np.abs(found - covariance) / size) < 1e-8


def test_gradient_and_hessian_in_the_expectation_parameters():
    # L(m) = ln w/2 + (m₁* - 2m₀m₀* + m₀²)/(2w) with w = m₁ - m₀²
    slope = jax.jit(lambda m: jax.grad(gaussian.expected_loss)(m, TARGET, "expectation"))(np.array([0.0, 1.0]))
    np.testing.assert_allclose(slope, [-10, -50], rtol=1e-12)
    curvature = hessian(np.array([0.0, 1.0]), TARGET, "expectation")
    np.testing.assert_allclose(curvature, [[101, 10], [10, 100.5]], rtol=1e-12)


# flow


@property_test
@given(members, members, times, times)
def test_the_flow_is_a_semigroup(start, target, first, second):
    halfway = flow(start, target, first)
    twice = flow(np.asarray(halfway), target, second)
    once = flow(start, target, first + second)
    np.testing.assert_allclose(twice, once, rtol=1e-11, atol=1e-11)


@property_test
@given(members, members, times)
def test_the_flow_is_straight_in_the_expectation_parameters(start, target, time):
    m = expectation(np.asarray(flow(start, target, time)))
    line = expectation(target) + np.exp(-time) * (expectation(start) - expectation(target))
    np.testing.assert_allclose(m, line, rtol=1e-12, atol=1e-12)


@property_test
@given(members, members)
def test_the_flow_begins_at_the_start_and_ends_at_the_target(start, target):
    ends = flow(start, target, np.array([0.0, 60.0, 1e6]))
    assert ends.shape == (3, 2)
    np.testing.assert_allclose(ends, [start, target, target], rtol=1e-14, atol=1e-20)


def expected_loss(xi, name, target):
    """Expected negative log-likelihood: it is quadratic in y, so two values stand for the target."""
    return sum(gaussian.negative_log_likelihood(xi, target[0] + sign * target[1], name) for sign in (1, -1)) / 2


@partial(jax.jit, static_argnums=1)
def velocity(xi, name, target):
    return -jnp.linalg.solve(gaussian.fisher_matrix(xi, name), jax.grad(expected_loss)(xi, name, target))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("start", "target"), PAIRS)
def test_the_flow_has_the_velocity_of_the_natural_gradient(start, target, name):
    for time in (0.3, 2.0):
        xi, before, after = (address(np.asarray(flow(start, target, time + step)), name) for step in (0, -1e-5, 1e-5))
        found = (after - before) / 2e-5
        expected = np.asarray(velocity(jnp.asarray(xi), name, target))
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7 * np.max(np.abs(expected)))


@pytest.mark.parametrize(("start", "target"), PAIRS)
def test_the_flow_agrees_with_an_ode_solver(start, target):
    from scipy.integrate import solve_ivp  # takes a second, and every worker imports this file

    moments = np.linspace(0, 12, 60)
    solution = solve_ivp(
        lambda t, xi: velocity(xi, "log scale", target),
        (0, 12),
        address(start, "log scale"),
        "DOP853",
        moments,
        rtol=1e-12,
        atol=1e-13,
    )
    path = np.stack([solution.y[0], np.exp(solution.y[1])], axis=1)
    assert np.max(np.abs(path - gaussian.natural_gradient_flow(start, target, moments))) < 1e-9


def test_the_published_pair_follows_the_exact_curve():
    path = np.asarray(gaussian.natural_gradient_flow(START, TARGET, np.linspace(0, 10, 101)))
    np.testing.assert_allclose(path[:, 1], np.sqrt(1 + path[:, 0] * (10 - path[:, 0])), rtol=1e-12)
    np.testing.assert_allclose(gaussian.natural_gradient_flow(START, TARGET, np.log(2)), [5, np.sqrt(26)], rtol=1e-14)


def test_the_shape_of_time_is_kept():
    assert gaussian.natural_gradient_flow([0, 1], [10, 1], 0).shape == (2,)
    assert gaussian.natural_gradient_flow([0, 1], [10, 1], np.ones((3, 4))).shape == (3, 4, 2)


# errors: the argument, the value, what is allowed

XI = [2.0, 0.5]
OF_PARAMETERS = {
    "likelihood": lambda xi, name: gaussian.negative_log_likelihood(xi, 1.0, name),
    "expected loss": lambda xi, name: gaussian.expected_loss(xi, (0.0, 1.0), name),
    "mean map": gaussian.mean_map,
    "Fisher matrix": gaussian.fisher_matrix,
    "bound of gamma": gaussian.tango_gamma_bound,
}


@pytest.mark.parametrize("function", OF_PARAMETERS.values(), ids=OF_PARAMETERS)
@pytest.mark.parametrize(
    ("xi", "name", "message"),
    [
        (XI, "mean", r"^coordinates must be one of 'log scale', .*'expectation', got 'mean'$"),
        ([0.0, -1.5], "scale", r"^parameters must have .*standard deviation greater than 0, got .*-1\.5.*'scale'"),
        ([0.0, 0.0], "scale", r"^parameters must have .*standard deviation greater than 0"),
        ([0.0, -1.0], "variance", r"^parameters must have .*standard deviation greater than 0"),
        ([0.0, -1.0], "precision", r"^parameters must have .*standard deviation greater than 0"),
        ([0.0, 0.0], "precision", r"^parameters must have a finite standard deviation"),
        ([0.0, 0.5], "natural", r"^parameters must have .*standard deviation greater than 0"),
        ([3.0, 9.0], "expectation", r"^parameters must have .*standard deviation greater than 0"),
        ([0.0, 1e4], "log scale", r"^parameters must have a finite standard deviation"),
        ([np.nan, 1.0], "scale", r"^parameters must be finite, got \[nan"),
        ([1.0, np.inf], "scale", r"^parameters must be finite, got \[ *1\. +inf"),
        ([1.0, 2.0, 3.0], "scale", r"^parameters must have shape \(2,\), got shape \(3,\)$"),
        (1.0, "scale", r"^parameters must have shape \(2,\), got shape \(\)$"),
    ],
)
def test_parameters_outside_the_family_are_told(function, xi, name, message):
    with pytest.raises(ValueError, match=message):
        function(xi, name)


def test_a_wrong_sample_or_target_is_told():
    with pytest.raises(ValueError, match=r"^sample must be finite, got nan$"):
        gaussian.negative_log_likelihood(XI, np.nan)
    with pytest.raises(TypeError, match=r"^sample must be an array of real numbers, got True$"):
        gaussian.negative_log_likelihood(XI, True)
    with pytest.raises(ValueError, match=r"^sample must have shape \(\), got shape \(2,\)$"):
        gaussian.negative_log_likelihood(XI, [1.0, 2.0])
    with pytest.raises(ValueError, match=r"^target must have a standard deviation greater than 0, got -1\.0$"):
        gaussian.expected_loss(XI, (0.0, -1.0))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"start": [0, 0]}, r"^start must have a standard deviation greater than 0, got 0\.0$"),
        ({"target": [10, -1]}, r"^target must have a standard deviation greater than 0, got -1\.0$"),
        ({"start": [np.nan, 1]}, r"^start must be finite, got \[nan"),
        ({"target": [np.inf, 1]}, r"^target must be finite, got \[inf"),
        ({"start": [1.0]}, r"^start must have shape \(2,\), got shape \(1,\)$"),
        ({"target": 1.0}, r"^target must have shape \(2,\), got shape \(\)$"),
        ({"time": -0.5}, r"^time must be at least 0, got -0\.5$"),
        ({"time": [0.0, -2.0]}, r"^time must be at least 0, got \[ 0\. -2\.\]$"),
        ({"time": np.nan}, r"^time must be finite, got nan$"),
    ],
)
def test_wrong_arguments_of_the_flow_are_told(changed, message):
    with pytest.raises(ValueError, match=message):
        gaussian.natural_gradient_flow(**({"start": [0, 1], "target": [10, 1], "time": 1.0} | changed))


# transformations and 32-bit floats


@pytest.mark.parametrize("name", NAMES)
def test_jit_and_vmap_change_nothing(name):
    batch = np.array([address(member, name) for member in [(0.0, 1.0), (2.0, 0.5), (-3.0, 4.0)]])

    def everything(xi):
        return (
            gaussian.negative_log_likelihood(xi, 0.7, name),
            gaussian.expected_loss(xi, TARGET, name),
            gaussian.fisher_matrix(xi, name),
            gaussian.mean_map(xi, name),
            gaussian.natural_gradient_flow(COORDINATES[name].to_mean_scale(xi), TARGET, 0.5 + 0 * xi[0]),
        )

    one_by_one = [everything(xi) for xi in batch]
    together = jax.jit(jax.vmap(everything))(batch)
    for expected, found in zip(zip(*one_by_one, strict=True), together, strict=True):
        np.testing.assert_allclose(found, np.stack(expected), rtol=1e-12, atol=1e-13)


def test_under_jit_a_point_outside_the_domain_gives_nan():
    assert np.isnan(jax.jit(gaussian.negative_log_likelihood, static_argnums=2)(jnp.array([0.0, -1.0]), 0.0, "scale"))
    with pytest.raises(ValueError, match=r"^parameters must have shape \(2,\), got shape \(3,\)"):
        jax.jit(gaussian.fisher_matrix)(jnp.ones(3))


@pytest.mark.parametrize("name", NAMES)
def test_32_bit_floats_stay_32_bit_and_close(name):
    xi = address((2.0, 0.5), name)
    single = xi.astype(np.float32)
    for function in OF_PARAMETERS.values():
        found, exact = function(single, name), np.asarray(function(xi, name))
        assert isinstance(found, float) or found.dtype == np.float32
        assert np.max(np.abs(found - exact)) < 2e-5 * np.max(np.abs(exact))


def test_the_flow_keeps_its_digits_in_32_bits():
    start, target = [0.0, 1e-3], [1e4, 1e-3]
    late = np.array([0.0, 1e-9, 1.0, 12.0, 25.0, 60.0])
    exact = np.asarray(gaussian.natural_gradient_flow(start, target, late))
    with jax.enable_x64(False):
        found = flow(*map(np.array, (start, target, late)))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, exact, rtol=1e-5)


def test_numpy_gives_numpy_and_compiles_nothing(count_compilations):
    xi = np.array([0.5, -0.2])
    with count_compilations() as compiled:
        results = [
            gaussian.negative_log_likelihood(xi, 1.0),
            gaussian.expected_loss(xi, (1.0, 2.0)),
            gaussian.mean_map(xi),
            gaussian.natural_gradient_flow((0.0, 1.0), (10.0, 1.0), np.linspace(0, 3, 7)),
            *(system.to_mean_scale(system.from_mean_scale(np.array([1.0, 2.0]))) for system in COORDINATES.values()),
        ]
    assert compiled() == 0
    assert not any(isinstance(result, jax.Array) for result in results)


# the bound of gamma


@pytest.mark.parametrize(("scale", "bound"), [(1.0, 2 / 35), (0.5, 2 / 50), (3.0, 2 / (30 + 5 / 9))])
def test_the_bound_of_gamma_is_the_formula(scale, bound):
    assert gaussian.tango_gamma_bound([3.0, np.log(scale)]) == pytest.approx(bound, rel=1e-12)
    assert gaussian.tango_gamma_bound([3.0, scale], "scale") == pytest.approx(
        2 / max(3 + 10, 10 / 2 + 60 / 2) * scale**2, rel=1e-12
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_bound_of_gamma_is_that_of_the_scores(name):
    parameters = address((2.0, 1.5), name)
    nodes, weights = np.polynomial.hermite_e.hermegauss(10)
    scores = np.array([score(parameters, 2.0 + 1.5 * node, name) for node in nodes])
    fourth = np.einsum("n,nk,ni,nj->ij", weights / weights.sum(), scores**2, scores, scores)
    fisher, bound = gaussian.fisher_matrix(parameters, name), gaussian.tango_gamma_bound(parameters, name)
    for factor, stable in [(0.999, True), (1.001, False)]:
        assert (np.linalg.eigvalsh(2 * fisher - factor * bound * fourth) > 0).all() == stable

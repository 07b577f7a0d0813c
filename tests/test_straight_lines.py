"""The theorem of the chapter `straight_lines` on random members, against formulas, quadrature and an ODE solver.

The oracles are written in NumPy and SciPy, from definitions; they know nothing of the mean map as a straight line.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.scipy.special import digamma
from scipy import special
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from straightlines import gaussian
from straightlines.gaussian import COORDINATES
from straightlines.problems import Problem, gaussian_fit, walkthrough
from straightlines.steps import STEPS, descend, physical_step

RATE, STEPS_MADE = 0.3, 12
TIMES = -np.log(1 - RATE) * np.arange(STEPS_MADE + 1)  # the flow is after time t where the share exp(-t) is left
TOLERANCE = 1e-9  # of the distance from start to target; the solver's own error is below 3e-10

members = st.tuples(st.floats(-5, 5), st.floats(0.4, 4)).map(np.array)
rates = st.floats(0.01, 0.99)
names = st.sampled_from(list(COORDINATES))
property_test = settings(max_examples=12, deadline=None, derandomize=True)


def solve(direction, start):
    solution = solve_ivp(lambda t, x: direction(x), (0, TIMES[-1]), start, "DOP853", TIMES, rtol=1e-13, atol=1e-13)
    assert solution.success
    return solution.y.T


def assert_close(actual, expected):
    distance = np.linalg.norm(expected[0] - expected[-1])
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE * max(distance, 1))


def gaussian_direction(target):
    """-F⁻¹∇L in (μ, σ), with F = diag(1, 2)/σ² and L = ln σ + (σ*² + (μ - μ*)²)/(2σ²)."""

    def direction(member):
        mean, scale = member
        gap = mean - target[0]
        gradient = np.array([gap / scale**2, 1 / scale - (target[1] ** 2 + gap**2) / scale**3])
        return -gradient / (np.array([1, 2]) / scale**2)

    return direction


def moments(member):
    return np.array([member[0], member[0] ** 2 + member[1] ** 2])


def departure(z, target):
    """Largest difference of the two shares of the way left."""
    shares = (np.asarray(z) - target) / (np.asarray(z)[0] - target)
    return np.abs(shares[:, 0] - shares[:, 1]).max()


# 1 and 3: the flow, and the physical gradient on it, in every coordinate system


@property_test
@given(start=members, target=members)
def test_natural_gradient_flow_is_straight_in_the_moments(start, target):
    path = solve(gaussian_direction(target), start)
    line = moments(target) + np.exp(-TIMES)[:, None] * (moments(start) - moments(target))
    assert_close(np.array([moments(member) for member in path]), line)


@property_test
@given(start=members, target=members, coordinates=names)
def test_physical_gradient_steps_are_points_of_the_flow(start, target, coordinates):
    system = COORDINATES[coordinates]
    problem = gaussian_fit(target, coordinates)
    path = [system.from_mean_scale(jnp.asarray(start))]
    for _ in range(STEPS_MADE):
        path.append(physical_step(problem, path[-1], RATE))
    assert_close(np.array([system.to_mean_scale(x) for x in path]), solve(gaussian_direction(target), start))


@pytest.mark.parametrize("start", [(3.0, 3.0), (-2.0, 0.5), (1.0, -4.0)])
def test_walkthrough_steps_are_points_of_the_gauss_newton_flow(start):
    # F⁻¹∇L with F = 2JᵀJ = diag(2, 8x₁²) and ∇L = (2x₀, 4x₁³)
    flow = solve(lambda x: -np.array([2 * x[0], 4 * x[1] ** 3]) / np.array([2, 8 * x[1] ** 2]), start)
    assert_close(descend(walkthrough(), STEPS["physical gradient"], start, RATE, STEPS_MADE), flow)


@pytest.mark.parametrize(("start", "target"), [((1.0, 2.0), (9.0, 3.0)), ((6.0, 0.5), (0.4, 4.0))])
def test_gamma_family(start, target):
    def mean(member):
        shape, rate = member
        return np.array([special.digamma(shape) - np.log(rate), shape / rate])

    def direction(member):  # in (α, β): F = [[ψ'(α), -1/β], [-1/β, α/β²]], L = ln Γ(α) - α ln β - (α - 1) m₀* + β m₁*
        shape, rate = member
        fisher = np.array([[special.polygamma(1, shape), -1 / rate], [-1 / rate, shape / rate**2]])
        gradient = np.array([special.digamma(shape) - np.log(rate) - goal[0], -shape / rate + goal[1]])
        return -np.linalg.solve(fisher, gradient)

    def z_inverse(z, x):
        excess = float(np.log(z[1]) - z[0])
        shape = brentq(lambda a: np.log(a) - special.digamma(a) - excess, 1e-3, 1e4, xtol=1e-15, rtol=1e-14)
        return jnp.array([shape, shape / z[1]])

    goal = mean(target)
    problem = Problem(
        lambda x: jnp.stack([digamma(x[0]) - jnp.log(x[1]), x[0] / x[1]]), lambda z: jnp.sum((z - goal) ** 2), z_inverse
    )
    path = [jnp.array(start)]
    for _ in range(STEPS_MADE):
        path.append(physical_step(problem, path[-1], RATE))
    assert_close(np.array(path), solve(direction, start))


def test_several_poisson_rates():
    start, goal = np.array([0.3, 1.0, 5.0]), np.array([4.5, 0.5, 2.0])
    flow = solve(lambda x: -(np.exp(x) - goal) / np.exp(x), np.log(start))  # x = ln λ: ∇L = λ - λ*, F = diag(λ)
    problem = Problem(jnp.exp, lambda z: jnp.sum((z - goal) ** 2), lambda z, x: jnp.log(z))
    assert_close(descend(problem, STEPS["physical gradient"], np.log(start), RATE, STEPS_MADE), flow)


@property_test
@given(start=members, target=members, rate=rates, entries=st.tuples(*[st.floats(-2, 2)] * 3))
def test_the_weights_of_the_surrogate_cancel(start, target, rate, entries):
    root = np.array([[1 + abs(entries[0]), 0], [entries[1], 1 + abs(entries[2])]])
    goal, x = moments(target), COORDINATES["log scale"].from_mean_scale(jnp.asarray(start))
    problem = gaussian_fit(target)
    weighted = problem._replace(loss=lambda m: (m - goal) @ (root @ root.T) @ (m - goal))
    np.testing.assert_allclose(physical_step(weighted, x, rate), physical_step(problem, x, rate), rtol=1e-9, atol=1e-9)


# 2: Newton in the natural parameter


@jax.jit
def natural_loss(theta, points):
    return jax.vmap(gaussian.negative_log_likelihood, (None, 0, None))(theta, points, "natural").mean()


natural_gradient, natural_hessian = jax.jit(jax.grad(natural_loss)), jax.jit(jax.hessian(natural_loss))


@property_test
@given(member=members, target=members)
def test_hessian_in_the_natural_parameter_is_the_covariance_of_the_statistic(member, target):
    points = jnp.array([target[0] - target[1], target[0] + target[1]])  # the same two moments as the target
    mean, variance = member[0], member[1] ** 2
    covariance = np.array(
        [[variance, 2 * mean * variance], [2 * mean * variance, 4 * mean**2 * variance + 2 * variance**2]]
    )
    theta = jnp.array([mean / variance, -0.5 / variance])
    np.testing.assert_allclose(natural_hessian(theta, points), covariance, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(natural_gradient(theta, points), moments(member) - moments(target), rtol=1e-8, atol=1e-8)


# 4: mirror descent


def natural(member):
    return np.array([member[0] / member[1] ** 2, -0.5 / member[1] ** 2])


def divergence(first, second):
    """Kullback-Leibler divergence of two Gaussians, which is D_A(θ₂, θ₁)."""
    return np.log(second[1] / first[1]) + (first[1] ** 2 + (first[0] - second[0]) ** 2) / (2 * second[1] ** 2) - 0.5


@property_test
@given(start=members, target=members, other=members, rate=rates)
def test_the_physical_step_minimises_the_proximal_loss_of_mirror_descent(start, target, other, rate):
    def proximal_loss(member):
        return rate * (moments(start) - moments(target)) @ natural(member) + divergence(start, member)

    x = physical_step(gaussian_fit(target, "scale"), jnp.asarray(start), rate)
    best = np.asarray(x)
    excess = proximal_loss(other) - proximal_loss(best)
    # whatever the other member: the loss exceeds the least by a divergence, which is positive
    assert excess == pytest.approx(divergence(best, other), rel=1e-8, abs=1e-8)


# the corollary


@property_test
@given(x=st.tuples(st.floats(-4, 4), st.floats(0.2, 4)).map(np.array), rate=rates)
def test_gauss_newton_is_the_natural_gradient_of_the_walkthrough(x, rate):
    z, jacobian = np.array([x[0], x[1] ** 2]), np.diag([1.0, 2 * x[1]])
    # N(z, I/2): four points z ± e have its mean and covariance; the score at y is 2Jᵀ(y - z)
    scores = [2 * jacobian.T @ offset for offset in np.vstack([np.eye(2), -np.eye(2)])]
    fisher = np.mean([np.outer(score, score) for score in scores], axis=0)
    np.testing.assert_allclose(fisher, 2 * jacobian.T @ jacobian, rtol=1e-12)
    expected = x - rate * np.linalg.solve(fisher, 2 * jacobian.T @ z)
    np.testing.assert_allclose(
        STEPS["Gauss-Newton"](walkthrough(), jnp.asarray(x), rate), expected, rtol=1e-9, atol=1e-12
    )


# what bends, and what breaks: the controls


def fitted_departure(coordinates, rate):
    start = COORDINATES[coordinates].from_mean_scale(jnp.array([0.0, 1.0]))
    problem = gaussian_fit(np.array([10.0, 1.0]), coordinates)
    path = descend(problem, STEPS["Gauss-Newton"], start, rate, int(8 / rate))
    return departure(jax.vmap(problem.z)(path), moments((10.0, 1.0)))


@pytest.mark.parametrize("coordinates", ["log scale", "scale", "variance"])
def test_euler_steps_leave_the_line_by_the_step_size(coordinates):
    long, short = fitted_departure(coordinates, 2e-3), fitted_departure(coordinates, 1e-3)
    assert short > 2e-4  # a million times the tolerance of the straight paths
    assert 1.9 < long / short < 2.1


def test_euler_steps_in_the_expectation_parameters_do_not():
    assert fitted_departure("expectation", 2e-3) < 1e-12


@pytest.mark.parametrize("method", ["gradient descent", "Newton", "Gauss-Newton"])
def test_only_the_physical_gradient_is_straight_on_the_walkthrough(method):
    problem, start = walkthrough(), (3.0, 3.0)
    rate = 0.01 if method == "gradient descent" else RATE
    bent = departure(jax.vmap(problem.z)(descend(problem, STEPS[method], start, rate, 30)), np.zeros(2))
    straight = departure(
        jax.vmap(problem.z)(descend(problem, STEPS["physical gradient"], start, RATE, 30)), np.zeros(2)
    )
    assert bent > 0.01
    assert straight < 1e-12


def test_newton_on_the_likelihood_in_the_moments_hardly_moves():
    # L(m) = ln w/2 + (m₁* - 2m₀m₀* + m₀²)/(2w) with w = σ² = m₁ - m₀²: gradient and Hessian at m = (0, 1), by hand
    gradient, hessian = np.array([-10.0, -50.0]), np.array([[101.0, 10.0], [10.0, 100.5]])
    fraction = np.linalg.norm(np.linalg.solve(hessian, gradient)) / np.linalg.norm([10.0, 100.0])
    points = jnp.array([9.0, 11.0])
    problem = gaussian_fit(np.array([10.0, 1.0]))._replace(
        loss=lambda m: jax.vmap(gaussian.negative_log_likelihood, (None, 0, None))(m, points, "expectation").mean()
    )
    moved = problem.z(physical_step(problem, jnp.zeros(2), 1.0)) - problem.z(jnp.zeros(2))
    assert np.linalg.norm(moved) / np.linalg.norm([10.0, 100.0]) == pytest.approx(fraction, rel=1e-9)
    assert 0.0049 < fraction < 0.005
    # and in (μ, ln σ) the Hessian has a negative eigenvalue: its matrix is [[1, 20], [20, 202]]
    np.testing.assert_allclose(
        np.linalg.eigvalsh(jax.hessian(problem.objective)(jnp.zeros(2))),
        (203 + np.array([-1, 1]) * np.sqrt(203**2 + 4 * 198)) / 2,
        rtol=1e-9,
    )


def test_a_target_outside_the_mean_domain_ends_the_path():
    outside = jnp.array([10.0, 99.0])  # a variance of -1
    problem = gaussian_fit(np.array([10.0, 1.0]))._replace(loss=lambda m: jnp.sum((m - outside) ** 2))
    inside = np.isfinite(descend(problem, STEPS["physical gradient"], np.zeros(2), RATE, 20)).all(axis=1)
    share = (51 - np.sqrt(51**2 - 100)) / 100  # the variance on the line is -1 + 102 u - 100 u², u the share left
    np.testing.assert_array_equal(inside, (1 - RATE) ** np.arange(21) > share)

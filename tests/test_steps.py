"""The update rules against loops in NumPy, exact algebra, finite differences, an ODE solver: positions, not losses."""

from functools import partial

import equinox
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from straightlines.problems import Problem, gaussian_fit, walkthrough
from straightlines.steps import STEPS, descend, physical_step

RATES = {"gradient descent": 0.01, "Newton": 1 / 3, "Gauss-Newton": 0.3, "physical gradient": 0.3}

WALKTHROUGH = walkthrough()


def _times(alpha, x):
    return x * jnp.array([1, alpha], x.dtype)


def _divided(alpha, z, x):
    return z / jnp.array([1, alpha], z.dtype)


def _sum_of_squares(z):
    return jnp.sum(z**2)


def scaled(alpha):
    """z = (x0, alpha x1), with alpha as data: problems with different numbers are one program."""
    alpha = np.asarray(alpha, float)
    return Problem(Partial(_times, alpha), _sum_of_squares, Partial(_divided, alpha))


# --- problems whose derivatives are written out by hand, in NumPy ---


class Oracle:
    """z, its Jacobian and second derivatives, the loss's gradient and Hessian in z, and the local inverse, by hand."""

    def __init__(self, problem, z, jacobian, second, loss_gradient, loss_hessian, inverse, start, minimum):
        self.problem, self.z, self.jacobian, self.second = problem, z, jacobian, second
        self.loss_gradient, self.loss_hessian, self.inverse = loss_gradient, loss_hessian, inverse
        self.start, self.minimum = np.array(start), np.array(minimum)

    def gradient(self, x):
        return self.jacobian(x).T @ self.loss_gradient(self.z(x))

    def direction(self, method, x):
        """dx/deta of the step at rate 0."""
        J, H = self.jacobian(x), self.loss_hessian(self.z(x))
        if method == "gradient descent":
            return -self.gradient(x)
        if method == "Newton":
            extra = sum(g * second for g, second in zip(self.loss_gradient(self.z(x)), self.second(x), strict=True))
            return -np.linalg.inv(J.T @ H @ J + extra) @ self.gradient(x)
        if method == "Gauss-Newton":
            return -np.linalg.inv(J.T @ H @ J) @ self.gradient(x)
        return -np.linalg.inv(J) @ np.linalg.inv(H) @ self.loss_gradient(self.z(x))

    def step(self, method, x, rate):
        if method == "physical gradient":
            z = self.z(x)
            return self.inverse(z - rate * np.linalg.inv(self.loss_hessian(z)) @ self.loss_gradient(z), x)
        return x + rate * self.direction(method, x)

    def path(self, method, start, rate, iterations):
        path = [np.array(start, float)]
        for _ in range(iterations):
            path.append(self.step(method, path[-1], rate))
        return np.array(path)


def of_the_walkthrough():
    return Oracle(
        WALKTHROUGH,
        lambda x: np.array([x[0], x[1] ** 2]),
        lambda x: np.array([[1, 0], [0, 2 * x[1]]]),
        lambda x: np.array([np.zeros((2, 2)), [[0, 0], [0, 2]]]),
        lambda z: 2 * z,
        lambda z: 2 * np.eye(2),
        lambda z, x: np.array([z[0], np.copysign(np.sqrt(z[1]), x[1])]),
        (3, 3),
        (0, 0),
    )


def linear(alpha=4.0):
    return Oracle(
        scaled(alpha),
        lambda x: np.array([x[0], alpha * x[1]]),
        lambda x: np.diag([1, alpha]),
        lambda x: np.zeros((2, 2, 2)),
        lambda z: 2 * z,
        lambda z: 2 * np.eye(2),
        lambda z, x: np.array([z[0], z[1] / alpha]),
        (3, 3),
        (0, 0),
    )


WEIGHT, TARGET = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, 8.0])


def shifted():
    """A curved, coupled map z = (x0 + x1^2, x1^3) and a loss with an offset and a Hessian that is not a multiple of I.

    The minimum, (-3, 2), is not the origin and is regular.
    """

    def loss(z):
        return (z - TARGET) @ WEIGHT @ (z - TARGET) / 2

    problem = Problem(
        lambda x: jnp.stack([x[0] + x[1] ** 2, x[1] ** 3]),
        loss,
        lambda z, x: jnp.stack([z[0] - jnp.cbrt(z[1]) ** 2, jnp.cbrt(z[1])]),
    )
    return Oracle(
        problem,
        lambda x: np.array([x[0] + x[1] ** 2, x[1] ** 3]),
        lambda x: np.array([[1, 2 * x[1]], [0, 3 * x[1] ** 2]]),
        lambda x: np.array([[[0, 0], [0, 2]], [[0, 0], [0, 6 * x[1]]]]),
        lambda z: WEIGHT @ (z - TARGET),
        lambda z: WEIGHT,
        lambda z, x: np.array([z[0] - np.cbrt(z[1]) ** 2, np.cbrt(z[1])]),
        (-2.5, 2.2),
        (-3, 2),
    )


ORACLES = {"walkthrough": of_the_walkthrough(), "scaled": linear(), "shifted": shifted()}
on_every_problem = pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES)
with_every_method = pytest.mark.parametrize("method", STEPS)


# --- the oracles themselves: derivatives by hand against finite differences ---


def differences(function, x, h=1e-6):
    return np.stack([(function(x + h * e) - function(x - h * e)) / (2 * h) for e in np.eye(len(x))], axis=-1)


@equinox.filter_jit
def compiled(problem, x):
    """Of a problem: z, the objective, the way to z and back, and the derivative of the inverse there."""
    z = problem.z(x)
    return z, problem.objective(x), problem.z_inverse(z, x), jax.jacobian(problem.z_inverse)(z, x)


@on_every_problem
def test_derivatives_by_hand_are_those_of_the_map_that_is_tested(oracle):
    x = oracle.start + np.array([0.3, -0.2])
    values = partial(compiled, oracle.problem)
    np.testing.assert_allclose(oracle.z(x), values(x)[0], rtol=1e-14)
    np.testing.assert_allclose(oracle.jacobian(x), differences(lambda u: np.array(values(u)[0]), x), atol=1e-7)
    np.testing.assert_allclose(oracle.second(x), differences(oracle.jacobian, x), atol=1e-7)
    np.testing.assert_allclose(oracle.gradient(x), differences(lambda u: np.array(values(u)[1]), x), rtol=1e-7)
    np.testing.assert_allclose(oracle.loss_hessian(x), differences(oracle.loss_gradient, x), atol=1e-8)


@on_every_problem
def test_the_local_inverse_inverts(oracle):
    x = oracle.start + np.array([0.3, -0.2])
    *_, back, derivative = compiled(oracle.problem, x)
    np.testing.assert_allclose(back, x, rtol=1e-14)
    np.testing.assert_allclose(derivative @ oracle.jacobian(x), np.eye(2), atol=1e-13)


# --- one step ---


@equinox.filter_jit
def all_steps(problem, x, rate):
    """One step of every method, as one program."""
    return {method: step(problem, x, rate) for method, step in STEPS.items()}


@on_every_problem
@with_every_method
def test_step_is_the_one_by_hand(oracle, method):
    for x in [oracle.start, oracle.start + np.array([0.4, -0.3]), oracle.start * [-1, 1]]:
        for rate in [0.01, 0.3, 1.0]:
            found = all_steps(oracle.problem, np.array(x, float), np.array(rate))[method]
            np.testing.assert_allclose(found, oracle.step(method, x, rate), rtol=1e-12, atol=1e-12)


@on_every_problem
@with_every_method
def test_a_small_step_follows_its_direction(oracle, method):
    x, rate = np.array(oracle.start, float), np.array(1e-6)
    slope = (all_steps(oracle.problem, x, rate)[method] - x) / rate
    np.testing.assert_allclose(slope, oracle.direction(method, oracle.start), rtol=1e-5)


def test_gauss_newton_needs_no_square_jacobian():
    """Three outcomes of two unknowns, the loss |z|^2 / 2: a full step solves the linearised least-squares problem."""

    def z(x):
        return jnp.stack([x[0] ** 2 + x[1] - 3, x[0] - x[1] ** 2 + 1, x[0] * x[1] - 1])

    def jacobian(x):
        return np.array([[2 * x[0], 1], [1, -2 * x[1]], [x[1], x[0]]])

    x = np.array([1.5, 0.7])
    expected = x - np.linalg.lstsq(jacobian(x), z(x), rcond=None)[0]
    path = descend(Problem(z, lambda z: jnp.sum(z**2) / 2), STEPS["Gauss-Newton"], x, 1.0, 200)
    np.testing.assert_allclose(path[1], expected, rtol=1e-12)
    np.testing.assert_allclose(jacobian(path[-1]).T @ z(path[-1]), 0, atol=1e-12)  # the normal equations


# --- repeated steps ---


LONG = 400  # most tests run as long and cut the path: each length is compiled anew


@on_every_problem
@with_every_method
def test_descend_is_a_plain_loop(oracle, method):
    for offset, rate in [((0, 0), 0.01), ((-0.2, 0.3), 0.004), ((0.1, -0.1), 0.02)]:
        start = oracle.start + np.array(offset)
        path = descend(oracle.problem, STEPS[method], start, rate, LONG)
        np.testing.assert_array_equal(path[0], start)
        np.testing.assert_allclose(path[:9], oracle.path(method, start, rate, 8), rtol=1e-11, atol=1e-12)


@with_every_method
def test_descend_at_the_rates_of_the_walkthrough(method):
    oracle = ORACLES["walkthrough"]
    path = descend(oracle.problem, STEPS[method], [3.0, 3.0], RATES[method], LONG)[:11]
    np.testing.assert_allclose(path, oracle.path(method, (3, 3), RATES[method], 10), rtol=1e-12)


@pytest.mark.parametrize("iterations", [1, np.int64(2), 5])
def test_the_path_has_the_start_and_every_iterate(iterations):
    oracle = ORACLES["walkthrough"]
    path = descend(oracle.problem, STEPS["gradient descent"], [3.0, 3.0], 0.01, iterations)
    assert path.shape == (iterations + 1, 2)
    np.testing.assert_allclose(path, oracle.path("gradient descent", (3, 3), 0.01, iterations), rtol=1e-12)


@pytest.mark.parametrize("method", ["Newton", "Gauss-Newton", "physical gradient"])
def test_descend_finds_a_minimum_that_is_not_the_origin(method):
    oracle = ORACLES["shifted"]
    np.testing.assert_allclose(
        descend(oracle.problem, STEPS[method], oracle.start, 0.5, LONG)[80], oracle.minimum, rtol=1e-12
    )


def test_gradient_descent_finds_a_minimum_that_is_not_the_origin():
    oracle = ORACLES["shifted"]
    np.testing.assert_allclose(
        descend(oracle.problem, STEPS["gradient descent"], oracle.start, 0.003, 30_000)[-1], oracle.minimum, rtol=1e-9
    )


@on_every_problem
@with_every_method
def test_small_rates_follow_the_flow(oracle, method):
    """k steps at the rate t/k tend to the solution of dx/dt = direction: the error halves with the rate."""
    from scipy.integrate import solve_ivp  # takes a second, and every worker imports this file

    time = 0.02 if method == "gradient descent" else 0.5
    if oracle is ORACLES["shifted"] and method == "gradient descent":
        time = 0.002
    flow = solve_ivp(lambda _, x: oracle.direction(method, x), (0, time), oracle.start, rtol=1e-11, atol=1e-12).y[:, -1]
    coarse, fine = (descend(oracle.problem, STEPS[method], oracle.start, time / k, LONG)[k] for k in (LONG // 2, LONG))
    np.testing.assert_allclose(fine, flow, atol=3e-3)
    np.testing.assert_allclose(2 * fine - coarse, flow, atol=2e-5)  # the error of first order, extrapolated away


@pytest.mark.parametrize("alpha", [0.1, 1, 16])
@pytest.mark.parametrize("method", ["Newton", "Gauss-Newton", "physical gradient"])
def test_scale_does_not_matter(method, alpha):
    expected = np.array([3.0, -2.0]) * 0.7 ** np.arange(9)[:, None]
    np.testing.assert_allclose(descend(scaled(alpha), STEPS[method], [3, -2], 0.3, LONG)[:9], expected, rtol=1e-12)


def test_gradient_descent_feels_the_scale_squared():
    factors = np.array([1 - 2 * 0.01, 1 - 2 * 0.01 * 5**2])
    np.testing.assert_allclose(
        descend(scaled(5), STEPS["gradient descent"], [3, -2], 0.01, LONG)[:9],
        [3, -2] * factors ** np.arange(9)[:, None],
        rtol=1e-12,
    )


@pytest.mark.parametrize(
    ("method", "factor"),
    [
        ("Newton", lambda rate: 1 - rate / 3),
        ("Gauss-Newton", lambda rate: 1 - rate / 2),
        ("physical gradient", lambda rate: (1 - rate) ** 0.5),
    ],
)
def test_factors_at_the_degenerate_minimum(method, factor):
    k = np.arange(21)
    for rate in [0.1, 0.3, 0.9]:
        path = descend(ORACLES["walkthrough"].problem, STEPS[method], [3.0, 3.0], rate, LONG)[:21]
        np.testing.assert_allclose(path, 3 * np.stack([(1 - rate) ** k, factor(rate) ** k], axis=1), rtol=1e-11)


# --- branches, and what lies outside the image ---


@jax.jit
def both_steps(weights, x):
    """A physical step of the Gaussian fit, and one with weights in the loss."""
    problem, goal = gaussian_fit(np.array([10.0, 1.0])), np.array([10.0, 101.0])
    weighted = problem._replace(loss=lambda m: (m - goal) @ weights @ (m - goal))
    return physical_step(problem, x, 0.3), physical_step(weighted, x, 0.3)


@pytest.mark.parametrize("seed", range(5))
def test_the_weights_of_a_quadratic_loss_cancel_in_a_physical_step(seed):
    random = np.random.RandomState(seed)
    root, x = random.normal(size=(2, 2)), random.normal(size=2)
    step, weighted = both_steps(root @ root.T + np.eye(2), x)
    np.testing.assert_allclose(weighted, step, rtol=1e-9)


def test_the_inverse_keeps_the_branch_of_the_start():
    mirrored, path = (descend(WALKTHROUGH, STEPS["physical gradient"], [3, sign * 3], 0.3, LONG) for sign in (-1, 1))
    assert (mirrored[:300, 1] < 0).all()
    np.testing.assert_array_equal(mirrored, path * np.array([1, -1]))
    np.testing.assert_allclose(mirrored[1], [2.1, -np.sqrt(6.3)], rtol=1e-14)


def test_a_target_without_an_inverse_gives_nan_in_descend_and_an_error_in_a_step():
    path = descend(WALKTHROUGH, STEPS["physical gradient"], [3.0, 3.0], 1.2, LONG)
    np.testing.assert_allclose(path[1, 0], -0.6)
    assert np.isnan(path[1:, 1]).all()
    np.testing.assert_array_equal(path[0], [3, 3])
    with pytest.raises(ValueError, match=r"z must be in the image of the map, z\[1\] >= 0, got \[-0.6 +-1.8\]"):
        STEPS["physical gradient"](WALKTHROUGH, jnp.array([3.0, 3.0]), 1.2)


@pytest.mark.parametrize("method", ["Newton", "Gauss-Newton"])
def test_a_singular_matrix_gives_no_finite_point(method):
    assert not np.isfinite(descend(WALKTHROUGH, STEPS[method], [1.0, 0.0], 0.3, LONG)[1]).all()


# --- a rule of one's own, and what is compiled ---


def damped_step(problem, x, rate):
    """Gauss-Newton with a number on the diagonal, which `STEPS` does not have."""
    jacobian = jax.jacobian(problem.z)(x)
    matrix = 2 * jacobian.T @ jacobian + 5 * jnp.eye(2)
    return x - rate * jnp.linalg.solve(matrix, jax.grad(problem.objective)(x))


def test_a_rule_of_ones_own_is_repeated_like_the_others():
    path, x = descend(WALKTHROUGH, damped_step, [3.0, 3.0], 0.4, 6), np.array([3.0, 3.0])
    for k in range(7):
        np.testing.assert_allclose(path[k], x, rtol=1e-13)
        x = x - 0.4 * np.array([2 * x[0] / 7, 4 * x[1] ** 3 / (8 * x[1] ** 2 + 5)])


def test_a_rule_without_derivatives_needs_no_inverse():
    path = descend(Problem(lambda x: x, _sum_of_squares), lambda problem, x, rate: x - rate, [1.0, 2.0, 3.0], 0.25, 4)
    np.testing.assert_array_equal(path, np.array([1.0, 2.0, 3.0]) - 0.25 * np.arange(5)[:, None])


@pytest.mark.parametrize(
    "problems",
    [
        (walkthrough, walkthrough),
        (lambda: gaussian_fit((10.0, 1.0)), lambda: gaussian_fit((10.0, 1.0))),
        (lambda: scaled(2.0), lambda: scaled(3.0)),  # numbers are arguments: others need no new program either
    ],
    ids=["walkthrough", "gaussian", "scaled"],
)
def test_the_same_problem_and_rule_are_compiled_once(problems):
    """A second problem made from the same numbers, another start and another rate: the program is there already."""
    traced = []
    rule = STEPS["gradient descent"]

    def counted(problem, x, rate):
        traced.append(x)
        return rule(problem, x, rate)

    first, second = (make() for make in problems)
    descend(first, counted, [1.0, 0.5], 0.1, 3)
    before = len(traced)
    assert before > 0
    path = descend(second, counted, [2.0, 0.7], 0.2, 3)
    assert len(traced) == before
    np.testing.assert_allclose(path, descend(second, rule, [2.0, 0.7], 0.2, 3), rtol=1e-13)


# --- dtypes ---


def mean_step(problem, x, rate):
    """The mean of all steps: one program instead of four."""
    return sum(step(problem, x, rate) for step in STEPS.values()) / len(STEPS)


@pytest.mark.parametrize(
    "problem",
    [WALKTHROUGH, scaled(np.float64(4)), gaussian_fit(np.array([1.0, 2.0]), "scale")],
    ids=["walkthrough", "scaled", "gaussian"],
)
def test_the_start_sets_the_precision(problem):
    """A step that does not keep the dtype cannot be repeated: its sum with the others is of the wider one."""
    start = np.array([0.5, 1.5])
    exact = descend(problem, mean_step, start, np.float64(0.01), 5)
    single = descend(problem, mean_step, start.astype(np.float32), np.float64(0.01), 5)
    assert exact.dtype == np.float64
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, exact, rtol=1e-5)


def test_rates_can_be_vmapped_in_32_bits():
    """And nothing is said about the 64 bits of a start in NumPy: warnings are errors here."""
    with jax.enable_x64(False):
        paths = jax.vmap(lambda rate: descend(WALKTHROUGH, STEPS["Newton"], [3.0, 3.0], rate, 3))(np.array([0.1, 0.5]))
    assert paths.dtype == np.float32
    for path, rate in zip(paths, (0.1, 0.5), strict=True):
        np.testing.assert_allclose(path, descend(WALKTHROUGH, STEPS["Newton"], [3.0, 3.0], rate, 3), rtol=1e-5)


def test_integers_become_the_default_float():
    path = descend(WALKTHROUGH, STEPS["Newton"], [3, 3], 1 / 3, LONG)
    assert path.dtype == np.float64
    np.testing.assert_array_equal(path, descend(WALKTHROUGH, STEPS["Newton"], [3.0, 3.0], 1 / 3, LONG))


# --- wrong input: the error names the argument, the value and what is allowed ---

GOOD = {"problem": WALKTHROUGH, "step": STEPS["physical gradient"], "start": [3.0, 3.0], "rate": 0.3, "iterations": 3}
WRONG = [
    ({"step": "Newton"}, TypeError, "step must be a function of problem, x and rate, .*, got 'Newton'"),
    ({"step": None}, TypeError, "step must be a function of problem, x and rate, .*, got None"),
    ({"problem": lambda x: x}, TypeError, "problem must be a Problem, got <function"),
    ({"start": 3.0}, ValueError, r"start must have shape \(any,\), got shape \(\)"),
    ({"start": [[3.0, 3.0]]}, ValueError, r"start must have shape \(any,\), got shape \(1, 2\)"),
    ({"start": []}, ValueError, r"start must not be empty, got shape \(0,\)"),
    ({"start": [3.0]}, ValueError, r"start must have shape \(2,\), got shape \(1,\)"),
    ({"start": [3.0, 3.0, 3.0]}, ValueError, r"start must have shape \(2,\), got shape \(3,\)"),
    ({"start": [3.0, np.nan]}, ValueError, r"start must be finite, got \[ 3. nan\]"),
    ({"start": [np.inf, 3.0]}, ValueError, r"start must be finite, got \[inf  3.\]"),
    ({"start": ["a", "b"]}, TypeError, r"start must be an array of real numbers, got \['a', 'b'\]"),
    ({"start": [3j, 3.0]}, TypeError, "start must be an array of real numbers, got"),
    ({"rate": 0}, ValueError, "rate must be greater than 0, got 0"),
    ({"rate": -0.1}, ValueError, "rate must be greater than 0, got -0.1"),
    ({"rate": np.nan}, ValueError, "rate must be finite, got nan"),
    ({"rate": np.inf}, ValueError, "rate must be finite, got inf"),
    ({"rate": [0.1, 0.2]}, ValueError, r"rate must have shape \(\), got shape \(2,\)"),
    ({"rate": "fast"}, TypeError, "rate must be an array of real numbers, got 'fast'"),
    ({"iterations": 0}, ValueError, "iterations must be at least 1, got 0"),
    ({"iterations": -2}, ValueError, "iterations must be at least 1, got -2"),
    ({"iterations": 2**31}, ValueError, "iterations must be at most 2147483647, got 2147483648"),
    ({"iterations": 2.0}, TypeError, "iterations must be an integer, got 2.0"),
    ({"iterations": True}, TypeError, "iterations must be an integer, got True"),
    (
        {"problem": WALKTHROUGH._replace(z_inverse=None)},
        ValueError,
        "problem must have a z_inverse .*, got z_inverse=None",
    ),
]


@pytest.mark.parametrize(("wrong", "error", "message"), WRONG)
def test_wrong_input_is_told_at_once(wrong, error, message):
    with pytest.raises(error, match=message):
        descend(**GOOD | wrong)


def test_a_problem_without_an_inverse_serves_the_other_methods():
    methods = sorted(set(STEPS) - {"physical gradient"})

    def steps(problem, x, rate):  # three paths as one program: x is made of three points
        return jnp.concatenate(
            [STEPS[m](problem, part, rate) for m, part in zip(methods, x.reshape(3, 2), strict=True)]
        )

    paths = descend(WALKTHROUGH._replace(z_inverse=None), steps, [3.0] * 6, 0.01, 3).reshape(4, 3, 2)
    for number, method in enumerate(methods):
        expected = ORACLES["walkthrough"].path(method, (3, 3), 0.01, 3)
        np.testing.assert_allclose(paths[:, number], expected, rtol=1e-12)


def test_the_same_problem_and_all_rates_are_one_program(count_compilations):
    descend(walkthrough(), physical_step, [3.0, 3.0], 0.3, LONG)
    descend(gaussian_fit((1.0, 2.0)), physical_step, [0.0, 0.0], 0.3, LONG)
    with count_compilations() as compiled:
        other = descend(walkthrough(), physical_step, [2.0, 1.0], 0.7, LONG)
        fit = descend(gaussian_fit(np.array([3.0, 0.5])), physical_step, [0.0, 0.0], 0.5, LONG)
    assert compiled() == 0
    np.testing.assert_allclose(other[7], [2 * 0.3**7, 0.3**3.5], rtol=1e-12)
    np.testing.assert_allclose(fit[7][0], 3 * (1 - 0.5**7), rtol=1e-12)

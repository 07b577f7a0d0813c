"""`paths.path` and `first_hit` against plain loops that draw one number at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import plain_loops
import pytest

from straightlines import paths
from straightlines.gaussian import COORDINATES
from straightlines.optimizers import moving_average, tango
from straightlines.paths import Fit, distance_from_line, first_hit

START, TARGET = (0.0, 1.0), (10.0, 1.0)


def fast_runs(seed=1234, limit=100_000):
    """The three runs of the figure, compiled, from one legacy stream: name to (path, first hit)."""
    random = plain_loops.legacy_stream(seed)
    runs = {}
    for name, fit in [
        ("TANGO", Fit(tango(1e-4, 1e-2), START, TARGET)),
        ("SGD", Fit(optax.sgd(1e-3), START, TARGET, pseudo_samples=0)),
        ("averaged SGD", Fit(optax.sgd(1e-2), START, TARGET, pseudo_samples=0, averaging=1e-4)),
    ]:
        samples, state = 1 + fit.pseudo_samples, random.get_state()
        path = paths.path(fit, random.standard_normal((limit, samples)))
        hit = first_hit(path, TARGET)
        random.set_state(state)  # the next run begins where this one stops drawing
        random.standard_normal(samples * (limit if hit is None else hit + 1))
        runs[name] = path[: None if hit is None else hit + 2], hit
    return runs


def test_the_published_runs_are_those_of_the_plain_loops(monkeypatch):
    finished = plain_loops._finished  # `np.allclose` takes longer than a step: here only where it may be true
    monkeypatch.setattr(plain_loops, "_finished", lambda xi, *box: abs(xi[0] - TARGET[0]) < 1 and finished(xi, *box))
    counts = {"TANGO": 82826, "SGD": 57231, "averaged SGD": 72003}
    slow, fast = plain_loops.published(), fast_runs()
    for name, count in counts.items():
        assert slow[name][1] == fast[name][1] == count
        np.testing.assert_allclose(fast[name][0], slow[name][0], rtol=0, atol=1e-12)


def test_a_run_that_does_not_converge_is_whole():
    path, hit = fast_runs(seed=5, limit=300)["TANGO"]
    assert hit is None
    assert path.shape == (301, 2)


SETTINGS = {
    "as published": {},
    "start": {"start": (-2.0, 0.5)},
    "target": {"target": (1.5, 2.0)},
    "gamma": {"gamma": 3e-2},
    "step size": {"step_size": 3e-3},
    "loose": {"start": (1.0, 2.0), "target": (1.0, 1.5), "tolerance": 0.3, "step_size": 2e-2},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("seed", [0, 7])
def test_tango_follows_the_plain_loop(settings, seed):
    normals = np.random.RandomState(seed).standard_normal((2000, 2))
    slow, iteration = plain_loops.tango(np.random.RandomState(seed), limit=2000, **settings)
    chosen = {"start": START, "target": TARGET, "gamma": 1e-2, "step_size": 1e-4, "tolerance": 0.01} | settings
    fit = Fit(tango(np.asarray(chosen["step_size"]), np.asarray(chosen["gamma"])), chosen["start"], chosen["target"])
    fast = paths.path(fit, normals)
    assert first_hit(fast, chosen["target"], absolute_tolerance=chosen["tolerance"]) == iteration
    assert (iteration is None) == ("tolerance" not in settings)
    np.testing.assert_allclose(fast[: len(slow)], slow, rtol=0, atol=1e-12)


def test_a_varying_step_size_has_the_indices_of_the_paper():
    slow, _ = plain_loops.tango(np.random.RandomState(3), step_size=lambda k: 0.5 / (4 + k), limit=500, tolerance=0)
    schedule = tango(lambda count: 0.5 / (5 + count), 1e-2)  # optax counts from 0, the paper from 1
    normals = np.random.RandomState(3).standard_normal((500, 2))
    np.testing.assert_allclose(paths.path(Fit(schedule, START, TARGET), normals), slow, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("rate", "start", "target"), [(1e-3, START, TARGET), (2e-2, (3.0, 2.0), (1.0, 0.7))])
def test_sgd_follows_the_plain_loop(rate, start, target):
    slow, _ = plain_loops.sgd(np.random.RandomState(1), start, target, rate, limit=2000, tolerance=0)
    normals = np.random.RandomState(1).standard_normal((2000, 1))
    fast = paths.path(Fit(optax.sgd(rate), start, target, pseudo_samples=0), normals)
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("gamma", "step_size"), [(1e-2, 1e-4), (3e-3, 5e-2)])
def test_averaged_sgd_follows_the_plain_loop(gamma, step_size):
    random = np.random.RandomState(2)
    slow, _ = plain_loops.averaged_sgd(random, START, (2.0, 0.5), gamma, step_size, limit=2000, tolerance=0)
    normals = np.random.RandomState(2).standard_normal((2000, 1))
    fit = Fit(optax.sgd(gamma), START, (2.0, 0.5), pseudo_samples=0, averaging=step_size)
    fast = paths.path(fit, normals)
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-12)


def test_the_moving_average_is_one():
    normals = np.random.RandomState(2).standard_normal((3000, 1))
    slow = plain_loops.moving_average(normals[:, 0], step_size=1e-3)
    fit = Fit(moving_average(1e-3), START, TARGET, pseudo_samples=0, coordinates="expectation")
    fast = paths.path(fit, normals)
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-10)  # σ² is a difference of numbers near 100


@pytest.mark.parametrize("coordinates", ["scale", "variance", "precision", "natural", "expectation"])
def test_sgd_in_other_coordinates_follows_finite_differences(coordinates):
    """One step of each path moves the parameters against the numerical gradient."""
    axes = COORDINATES[coordinates]
    start, target, normal, rate, width = np.array([0.5, 1.3]), (1.0, 0.7), 0.4, 1e-3, 1e-6
    sample = target[0] + target[1] * normal

    def loss(parameters):
        mean, scale = axes.to_mean_scale(jnp.asarray(parameters))
        return float((sample - mean) ** 2 / (2 * scale**2) + jnp.log(scale))

    parameters = np.asarray(axes.from_mean_scale(jnp.asarray(start)))
    steps = width * np.eye(2)
    slope = np.array([(loss(parameters + step) - loss(parameters - step)) / (2 * width) for step in steps])
    expected = axes.to_mean_scale(jnp.asarray(parameters - rate * slope))
    fit = Fit(optax.sgd(rate), start, target, pseudo_samples=0, coordinates=coordinates)
    path = paths.path(fit, np.array([[normal]]))
    np.testing.assert_allclose(path[1], expected, rtol=1e-9)


def test_several_pseudo_samples_reach_the_optimizer_stacked():
    seen = []

    def update(updates, state, params=None, *, sample, pseudo_gradient, **extra):
        seen.append((jnp.shape(sample), pseudo_gradient.shape))
        return jax.tree.map(jnp.zeros_like, updates), state

    rule = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    for samples in (1, 4):
        paths.path(Fit(rule, START, TARGET, pseudo_samples=samples), np.zeros((3, 1 + samples)))
    assert seen == [((), (2,)), ((), (4, 2))]


@pytest.mark.parametrize("normals", [np.zeros((5, 2), np.float32), np.zeros((5, 2)), np.zeros((5, 2), int)])
def test_the_start_sets_the_precision(normals):
    fit = Fit(tango(optax.exponential_decay(1e-2, 10, 0.9), 1e-2), START, TARGET)
    assert paths.path(fit, normals).dtype == np.float64
    assert paths.path(fit._replace(start=[0, 1]), normals).dtype == np.float64
    assert paths.path(fit._replace(start=np.float32(START)), normals, until=0.01).dtype == np.float32
    with jax.enable_x64(False):
        assert paths.path(fit, normals).dtype == np.float32


@pytest.mark.parametrize("rate", [2e-3, np.float64(2e-3)])
def test_a_start_of_32_bits_makes_a_run_of_32_bits(rate):
    """Whatever the precision of all else: the numbers are rounded first."""
    normals = np.random.RandomState(4).standard_normal((300, 2))
    fit = Fit(tango(rate, np.asarray(1e-2)), np.float32([0.1, 1.3]), np.array([10.1, 0.7]))
    single = paths.path(fit, normals)
    assert single.dtype == np.float32
    np.testing.assert_array_equal(paths.path(fit._replace(target=np.float32(fit.target)), normals), single)
    np.testing.assert_array_equal(paths.path(fit, normals.astype(np.float32)), single)
    np.testing.assert_allclose(single, paths.path(fit._replace(start=(0.1, 1.3)), normals), rtol=1e-4)


def test_targets_can_be_vmapped_in_32_bits():
    fit, normals = GOOD["fit"], np.random.RandomState(4).standard_normal((9, 2))
    targets = np.array([TARGET, (1.0, 2.0)])
    with jax.enable_x64(False):
        found = jax.vmap(lambda target: paths.path(fit._replace(target=target), normals))(targets)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], paths.path(fit, normals), rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 500, 1201])
def test_a_path_can_end_at_its_first_hit(steps):
    normals = np.random.RandomState(4).standard_normal((steps, 2))
    fit = Fit(tango(2e-3, 1e-2), (1.0, 2.0), (1.0, 1.5))
    for tolerance in (0.0, 0.02, 0.3):
        whole = paths.path(fit, normals)
        hit = first_hit(whole, (1.0, 1.5), absolute_tolerance=tolerance)
        part = paths.path(fit, normals, until=tolerance)
        np.testing.assert_allclose(part, whole[: None if hit is None else hit + 2], rtol=0, atol=1e-13)


def test_a_path_can_begin_in_a_given_state_and_be_vmapped():
    rule, normals = tango(1e-2, 1e-2), np.zeros((1, 2))
    settled = rule.init(np.zeros(2))._replace(velocity=np.array([-5.0, 0.0]))
    moved = paths.path(Fit(rule, START, TARGET, initial_state=settled), normals)[1]
    # a step with no samples off their means: v' = 0.99 v + 0.01 g, by hand
    np.testing.assert_allclose(moved[0], -0.01 * (0.99 * -5.0 + 0.01 * -10.0), rtol=1e-12)
    starts = np.array([[0.0, 1.0], [2.0, 0.5]])
    several = jax.vmap(lambda start: paths.path(Fit(rule, start, TARGET), normals))(starts)
    for start, one in zip(starts, several, strict=True):
        np.testing.assert_allclose(paths.path(Fit(rule, start, TARGET), normals), one, rtol=1e-14)


def test_one_program_serves_equal_numbers_and_all_arrays(count_compilations):
    normals = np.random.RandomState(4).standard_normal((7, 2))
    paths.path(Fit(tango(3e-3, 2e-2), START, TARGET), normals)
    paths.path(Fit(tango(np.asarray(3e-3), np.asarray(2e-2)), START, TARGET), normals)
    with count_compilations() as again:
        equal = paths.path(Fit(tango(3e-3, 2e-2), START, TARGET), normals)
        array = paths.path(Fit(tango(np.asarray(3e-3), np.asarray(2e-2)), START, TARGET), normals)
        other = paths.path(Fit(tango(np.asarray(1e-3), np.asarray(5e-2)), (1.0, 2.0), (3.0, 4.0)), normals)
    assert again() == 0
    np.testing.assert_allclose(array, equal, rtol=1e-14)
    assert np.abs(other - equal).max() > 0.5


GOOD = {"fit": Fit(tango(1e-4, 1e-2), START, TARGET), "normals": np.zeros((3, 2))}


@pytest.mark.parametrize(
    ("field", "error", "message"),
    [
        ({"start": (0.0, 0.0)}, ValueError, r"start .*greater than 0, got 0\.0"),
        ({"start": (0.0, 1.0, 2.0)}, ValueError, r"start must have shape \(2,\), got shape \(3,\)"),
        ({"start": (np.nan, 1.0)}, ValueError, "start must be finite"),
        ({"start": "here"}, ValueError, "start must have shape"),
        ({"target": (0.0, -1.0)}, ValueError, r"target .*got -1\.0"),
        ({"coordinates": "polar"}, ValueError, "coordinates must be one of 'log scale'.*got 'polar'"),
        ({"coordinates": ["scale"]}, ValueError, r"coordinates must be one of 'log scale'.*got \['scale'\]"),
        ({"averaging": 0.0}, ValueError, r"averaging must be in \(0, 1\], got 0\.0"),
        ({"averaging": 1.5}, ValueError, r"averaging must be in \(0, 1\], got 1\.5"),
        ({"pseudo_samples": -1}, ValueError, "pseudo_samples must be at least 0, got -1"),
        ({"optimizer": None}, TypeError, "optimizer must be an optax gradient transformation, got None"),
        ({"optimizer": "sgd"}, TypeError, "optimizer must be an optax gradient transformation, got 'sgd'"),
    ],
)
def test_wrong_fields_of_a_fit_are_named(field, error, message):
    with pytest.raises(error, match=message):
        paths.path(GOOD["fit"]._replace(**field), GOOD["normals"])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"fit": None}, TypeError, "fit must be a Fit, got None"),
        ({"normals": np.zeros(3)}, ValueError, r"normals must have shape \(any, 2\)"),
        ({"normals": np.zeros((0, 2))}, ValueError, r"normals must not be empty, got shape \(0, 2\)"),
        ({"normals": np.zeros((3, 1))}, ValueError, r"normals must have shape \(any, 2\), got shape \(3, 1\)"),
        ({"normals": np.full((3, 2), np.inf)}, ValueError, "normals must be finite"),
        ({"normals": [["a", "b"]]}, TypeError, "normals must be an array of real numbers"),
        ({"until": -0.1}, ValueError, r"until must be at least 0, got -0\.1"),
        ({"until": jax.random.key(0)}, TypeError, "until must be an array of numbers, got Array"),
    ],
)
def test_wrong_arguments_of_path_are_named(change, error, message):
    with pytest.raises(error, match=message):
        paths.path(**(GOOD | change))


def test_the_first_hit_is_numpys_test():
    target = np.array([10.0, 1.0])
    path = np.array([target, target + 0.02, target + np.array([0.0100999, 0.0100099]), target])
    assert first_hit(path, target) == 1  # row 0, the start, does not count
    assert first_hit(path[:2], target) is None
    assert first_hit([[9.0], [0.25]], [0.0], absolute_tolerance=0.25) == 0  # the edge is in the box


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros(3), (0.0, 1.0)), "path must have shape"),
        ((np.zeros((3, 2)), (0.0, 1.0, 2.0)), "path must have shape"),
        ((np.zeros((0, 2)), (0.0, 1.0)), r"path must not be empty, got shape \(0, 2\)"),
        ((np.zeros((3, 2)), (0.0, np.nan)), "target must be finite"),
    ],
)
def test_wrong_arguments_of_first_hit_are_named(arguments, message):
    with pytest.raises(TypeError, match="path must be an array of"):
        first_hit([[0.0, "here"]], (0.0, 1.0))
    with pytest.raises(ValueError, match=message):
        first_hit(*arguments)
    with pytest.raises(ValueError, match="absolute_tolerance must be at least 0, got -1"):
        first_hit(np.zeros((3, 2)), (0.0, 1.0), absolute_tolerance=-1)


def test_an_average_in_32_bits_is_the_one_in_64_bits():
    """There 1 - δt and δt do not add up to 1: with these two as weights, the average is off by 1.7e-3 here."""
    fit = Fit(optax.sgd(1e-2), TARGET, TARGET, averaging=1e-4, pseudo_samples=0)
    normals = np.random.RandomState(4).standard_normal((60_000, 1))
    exact, single = paths.path(fit, normals), paths.path(fit._replace(start=np.float32(TARGET)), normals)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, exact, rtol=0, atol=1e-4)


# straightness


def test_the_distance_from_a_line_is_that_of_the_farthest_point():
    line = np.linspace([1.0, 2.0], [4.0, 6.0], 9)
    assert distance_from_line(line, line[0], line[-1]) < 1e-12
    aside = line + np.outer(np.sin(np.linspace(0, np.pi, 9)), [-0.8, 0.6]) * 0.5  # at a right angle to (3, 4)
    assert distance_from_line(aside, line[0], line[-1]) == pytest.approx(0.5, rel=1e-12)
    assert distance_from_line(line[:3], line[0], (1.0, 9.0)) == pytest.approx(0.75, rel=1e-12)
    rounded = (aside / 3).astype(np.float32)  # 32-bit points, and yet 64-bit arithmetic
    exact = distance_from_line(rounded.astype(float), *rounded[[0, -1]].astype(float))
    assert distance_from_line(rounded, rounded[0], rounded[-1]) == exact


@pytest.mark.parametrize(
    ("path", "start", "end", "message"),
    [
        (np.zeros(3), (0, 0), (1, 1), r"path must have shape \(any, any\), got shape \(3,\)"),
        ([[1.0], [2.0, 3.0]], (0, 0), (1, 1), "path must be an array of numbers"),
        (np.full((3, 2), "a"), (0, 0), (1, 1), "path must be an array of real numbers"),
        (np.zeros((3, 2)), (1j, 0), (1, 1), r"start must be an array of real numbers, got \(1j, 0\)"),
        (np.zeros((3, 2)), (0, 0, 0), (1, 1), r"start must have shape \(2,\)"),
        (np.zeros((3, 2)), (0, 0), (np.nan, 1), "end must be finite"),
        (np.zeros((3, 2)), (1, 1), (1, 1), "end must differ from start"),
    ],
)
def test_wrong_arguments_of_a_line_are_named(path, start, end, message):
    with pytest.raises((TypeError, ValueError), match=message):
        distance_from_line(path, start, end)

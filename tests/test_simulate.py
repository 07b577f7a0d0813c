"""`simulate.path` and `first_hit` against plain loops that draw one number at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import plain_loops
import pytest

from straightlines import gaussian, optimizers, simulate
from straightlines.optimizers import TangoState, tango

START, TARGET = (0.0, 1.0), (10.0, 1.0)


def fast_runs(seed=1234, limit=100_000):
    """The three runs of the figure, compiled, from one legacy stream: name to (path, first hit)."""
    random = plain_loops.legacy_stream(seed)
    runs = {}
    for name, optimizer, samples, averaging in [
        ("TANGO", tango(1e-4, 1e-2), 2, None),
        ("SGD", optax.sgd(1e-3), 1, None),
        ("averaged SGD", optax.sgd(1e-2), 1, 1e-4),
    ]:
        state = random.get_state()
        path = np.asarray(
            simulate.path(optimizer, START, TARGET, random.standard_normal((limit, samples)), averaging=averaging)
        )
        hit = simulate.first_hit(path, TARGET)
        random.set_state(state)  # the next run begins where this one stops drawing
        random.standard_normal(samples * (limit if hit is None else hit + 1))
        runs[name] = path[: None if hit is None else hit + 2], hit
    return runs


def test_the_published_runs_are_those_of_the_plain_loops():
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
    optimizer = tango(chosen["step_size"], chosen["gamma"])
    fast = simulate.path(optimizer, chosen["start"], chosen["target"], normals)
    assert simulate.first_hit(fast, chosen["target"], absolute_tolerance=chosen["tolerance"]) == iteration
    assert (iteration is None) == ("tolerance" not in settings)
    np.testing.assert_allclose(fast[: len(slow)], slow, rtol=0, atol=1e-12)


def test_a_varying_step_size_has_the_indices_of_the_paper():
    slow, _ = plain_loops.tango(np.random.RandomState(3), step_size=lambda k: 0.5 / (4 + k), limit=500, tolerance=0)
    schedule = tango(lambda count: 0.5 / (5 + count), 1e-2)  # optax counts from 0, the paper from 1
    normals = np.random.RandomState(3).standard_normal((500, 2))
    np.testing.assert_allclose(simulate.path(schedule, START, TARGET, normals), slow, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("rate", "start", "target"), [(1e-3, START, TARGET), (2e-2, (3.0, 2.0), (1.0, 0.7))])
def test_sgd_follows_the_plain_loop(rate, start, target):
    slow, _ = plain_loops.sgd(np.random.RandomState(1), start, target, rate, limit=2000, tolerance=0)
    normals = np.random.RandomState(1).standard_normal((2000, 1))
    np.testing.assert_allclose(simulate.path(optax.sgd(rate), start, target, normals), slow, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("gamma", "step_size"), [(1e-2, 1e-4), (3e-3, 5e-2)])
def test_averaged_sgd_follows_the_plain_loop(gamma, step_size):
    random = np.random.RandomState(2)
    slow, _ = plain_loops.averaged_sgd(random, START, (2.0, 0.5), gamma, step_size, limit=2000, tolerance=0)
    normals = np.random.RandomState(2).standard_normal((2000, 1))
    fast = simulate.path(optax.sgd(gamma), START, (2.0, 0.5), normals, averaging=step_size)
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-12)


def test_the_moving_average_is_one():
    normals = np.random.RandomState(2).standard_normal((3000, 1))
    slow = plain_loops.moving_average(normals[:, 0], step_size=1e-3)
    rule = optimizers.moving_average(1e-3)
    fast = simulate.path(rule, START, TARGET, normals, coordinates="expectation")
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-10)  # σ² is a difference of numbers near 100


@pytest.mark.parametrize("coordinates", ["scale", "variance", "precision", "natural", "expectation"])
def test_sgd_in_other_coordinates_follows_finite_differences(coordinates):
    """One step of each path moves the parameters against the numerical gradient."""
    from straightlines.gaussian import COORDINATES

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
    path = simulate.path(optax.sgd(rate), start, target, np.array([[normal]]), coordinates=coordinates)
    np.testing.assert_allclose(path[1], expected, rtol=1e-9)


def test_several_pseudo_samples_reach_the_optimizer_stacked():
    seen = []

    def update(updates, state, params=None, *, sample, pseudo_gradient, **extra):
        seen.append((jnp.shape(sample), pseudo_gradient.shape))
        return jax.tree.map(jnp.zeros_like, updates), state

    rule = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    for samples in (2, 5):
        simulate.path(rule, START, TARGET, np.zeros((3, samples)))
    assert seen == [((), (2,)), ((), (4, 2))]


def test_tango_takes_any_tree_and_chains():
    params = {"a": jnp.arange(3.0), "b": (jnp.ones(()), jnp.ones((2, 2)))}
    random = np.random.RandomState(0)
    rule = optax.chain(tango(0.1, 0.2), optax.scale(0.5))
    state = rule.init(params)
    assert isinstance(state[0], TangoState)
    flat, unflatten = jax.flatten_util.ravel_pytree(params)
    velocity = np.zeros(flat.size)
    for step in range(5):
        g, pseudo = random.standard_normal((2, flat.size))
        updates, state = rule.update(unflatten(g), state, params, pseudo_gradient=unflatten(pseudo))
        velocity = 0.9 * velocity + 0.2 * g - 0.2 * 0.9 * (velocity @ pseudo) * pseudo
        np.testing.assert_allclose(jax.flatten_util.ravel_pytree(updates)[0], -0.05 * velocity, rtol=1e-12)
        assert int(state[0].count) == step + 1
    np.testing.assert_allclose(jax.flatten_util.ravel_pytree(state[0].velocity)[0], velocity, rtol=1e-12)


def test_float32_normals_give_a_float32_path_with_a_schedule_too():
    rule = tango(optax.exponential_decay(1e-2, 10, 0.9), 1e-2)
    path = simulate.path(rule, START, TARGET, np.zeros((5, 2), np.float32))
    assert path.dtype == np.float32


@pytest.mark.parametrize(("scale", "bound"), [(1.0, 2 / 35), (0.5, 2 / 50), (3.0, 2 / (30 + 5 / 9))])
def test_the_bound_of_gamma_is_the_formula(scale, bound):
    assert optimizers.tango_gamma_bound([3.0, np.log(scale)]) == pytest.approx(bound, rel=1e-12)
    assert optimizers.tango_gamma_bound([3.0, scale], "scale") == pytest.approx(
        2 / max(3 + 10, 10 / 2 + 60 / 2) * scale**2, rel=1e-12
    )


@pytest.mark.parametrize("coordinates", list(gaussian.COORDINATES))
def test_the_bound_of_gamma_is_that_of_the_scores(coordinates):
    parameters = gaussian.COORDINATES[coordinates].from_mean_scale((2.0, 1.5))
    nodes, weights = np.polynomial.hermite_e.hermegauss(10)
    score = jax.vmap(gaussian.score, (None, 0, None))
    scores = np.asarray(score(parameters, 2.0 + 1.5 * nodes, coordinates))
    fourth = np.einsum("n,nk,ni,nj->ij", weights / weights.sum(), scores**2, scores, scores)
    fisher = np.asarray(gaussian.fisher_matrix(parameters, coordinates))
    bound = optimizers.tango_gamma_bound(parameters, coordinates)
    for factor, stable in [(0.999, True), (1.001, False)]:
        difference = 2 * fisher - factor * bound * fourth
        assert (np.linalg.eigvalsh(difference) > 0).all() == stable


def test_the_bound_of_gamma_needs_a_member_of_the_family():
    with pytest.raises(ValueError, match="parameters must have a finite standard deviation greater than 0"):
        optimizers.tango_gamma_bound([0.0, -1.0], "scale")
    with pytest.raises(ValueError, match="coordinates must be one of"):
        optimizers.tango_gamma_bound([0.0, 1.0], "polar")


@pytest.mark.parametrize("steps", [1, 500, 1201])
def test_a_path_can_end_at_its_first_hit(steps, monkeypatch):
    monkeypatch.setattr(simulate, "_PIECE", 500)
    normals = np.random.RandomState(4).standard_normal((steps, 2))
    settings = {"start": (1.0, 2.0), "target": (1.0, 1.5), "normals": normals}
    for tolerance in (0.0, 0.02, 0.3):
        whole = simulate.path(tango(2e-3, 1e-2), **settings)
        hit = simulate.first_hit(whole, (1.0, 1.5), absolute_tolerance=tolerance)
        part = simulate.path(tango(2e-3, 1e-2), **settings, until=tolerance)
        np.testing.assert_allclose(part, whole[: None if hit is None else hit + 2], rtol=0, atol=1e-13)


GOOD = {"start": START, "target": TARGET, "normals": np.zeros((3, 2))}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"start": (0.0, 0.0)}, ValueError, r"start .*greater than 0, got 0\.0"),
        ({"start": (0.0, 1.0, 2.0)}, ValueError, r"start must have shape \(2,\), got shape \(3,\)"),
        ({"start": (np.nan, 1.0)}, ValueError, "start must be finite"),
        ({"start": "here"}, ValueError, "start must have shape"),
        ({"target": (0.0, -1.0)}, ValueError, r"target .*got -1\.0"),
        ({"normals": np.zeros(3)}, ValueError, r"normals must have shape \(any, any\)"),
        ({"normals": np.zeros((0, 2))}, ValueError, r"number of steps.* must be at least 1, got 0"),
        ({"normals": np.zeros((3, 0))}, ValueError, r"samples per step.* must be at least 1, got 0"),
        ({"normals": np.full((3, 2), np.inf)}, ValueError, "normals must be finite"),
        ({"normals": [["a"]]}, TypeError, "normals must be an array of real numbers"),
        ({"coordinates": "polar"}, ValueError, "coordinates must be one of 'log scale'.*got 'polar'"),
        ({"averaging": 0.0}, ValueError, r"averaging must be in \(0, 1\], got 0\.0"),
        ({"until": -0.1}, ValueError, r"until must be at least 0, got -0\.1"),
        ({"averaging": 1.5}, ValueError, r"averaging must be in \(0, 1\], got 1\.5"),
    ],
)
def test_wrong_arguments_of_path_are_named(change, error, message):
    with pytest.raises(error, match=message):
        simulate.path(tango(1e-4, 1e-2), **(GOOD | change))


@pytest.mark.parametrize("value", [0, -1e-3, 1.1, np.nan, np.inf])
@pytest.mark.parametrize("name", ["step_size", "gamma"])
def test_rates_outside_their_range_are_named(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*, got"):
        tango(**({"step_size": 1e-4, "gamma": 1e-2} | {name: value}))
    if name == "step_size":
        with pytest.raises(ValueError, match="step_size must be"):
            optimizers.moving_average(value)


def test_the_first_hit_is_numpys_test():
    target = np.array([10.0, 1.0])
    path = np.array([target, target + 0.02, target + np.array([0.0100999, 0.01]), target])
    assert simulate.first_hit(path, target) == 1  # row 0, the start, does not count
    assert simulate.first_hit(path, target, relative_tolerance=0) == 2
    assert simulate.first_hit(path[:2], target) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros(3), (0.0, 1.0)), "path must have shape"),
        ((np.zeros((3, 2)), (0.0, 1.0, 2.0)), "path must have shape"),
        ((np.zeros((3, 2)), (0.0, np.nan)), "target must be finite"),
    ],
)
def test_wrong_arguments_of_first_hit_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        simulate.first_hit(*arguments)
    with pytest.raises(ValueError, match="absolute_tolerance must be at least 0, got -1"):
        simulate.first_hit(np.zeros((3, 2)), (0.0, 1.0), absolute_tolerance=-1)

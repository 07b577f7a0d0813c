"""`tango`, `moving_average` and `tango_mean_motion` against plain loops, and the line that the mean motion is on."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from straightlines.gaussian import COORDINATES, expected_loss, fisher_matrix
from straightlines.optimizers import TangoState, moving_average, tango, tango_mean_motion

START, TARGET = (0.0, 1.0), (10.0, 1.0)
LENGTH = 10_000  # of all long paths: each length is compiled anew


def ravel(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def plain_updates(gradients, pseudo_gradients, step_sizes, gamma):
    """TANGO's updates as a loop over vectors: `step_sizes` are those of k = 1, 2, ..., and the first is δt_0, too."""
    previous, v, updates = step_sizes[0], np.zeros(gradients.shape[1]), []
    for g, pseudo, step_size in zip(gradients, pseudo_gradients, step_sizes, strict=True):
        v = (1 - previous) * v + gamma * g - gamma * (1 - previous) * (v @ pseudo) * pseudo
        previous = step_size
        updates.append(-step_size * v)
    return np.array(updates), v


def run(rule, like, gradients, pseudo_gradients):
    """The updates of a rule, flat, and its last state."""
    _, unflatten = jax.flatten_util.ravel_pytree(like)
    state, updates = jax.jit(rule.init)(like), []
    one = jax.jit(lambda g, state, pseudo: rule.update(unflatten(g), state, like, pseudo_gradient=unflatten(pseudo)))
    for g, pseudo in zip(gradients, pseudo_gradients, strict=True):
        update, state = one(g, state, pseudo)
        assert jax.tree.structure(update) == jax.tree.structure(like)
        updates.append(ravel(update))
    return np.array(updates), state


TREES = {
    "a vector": np.arange(2.0),
    "a dictionary": {"a": np.arange(3.0), "b": (np.ones(()), np.ones((2, 2)))},
    "a list with None": [np.ones((1, 3)), None, np.zeros(2)],
}


@pytest.mark.parametrize("like", TREES.values(), ids=TREES)
def test_tango_is_the_plain_loop_on_any_tree(like):
    gradients, pseudo_gradients = np.random.RandomState(0).standard_normal((2, 6, ravel(like).size))
    expected, v = plain_updates(gradients, pseudo_gradients, np.full(6, 0.1), 0.2)
    updates, state = run(tango(0.1, 0.2), like, gradients, pseudo_gradients)
    np.testing.assert_allclose(updates, expected, rtol=1e-12)
    np.testing.assert_allclose(ravel(state.velocity), v, rtol=1e-12)
    assert int(state.count) == 6


def test_a_schedule_has_the_indices_of_the_paper():
    gradients, pseudo_gradients = np.random.RandomState(1).standard_normal((2, 8, 2))
    expected, _ = plain_updates(gradients, pseudo_gradients, 1 / (2.0 + np.arange(8)), 0.3)
    updates, _ = run(tango(lambda count: 1 / (2.0 + count), 0.3), jnp.zeros(2), gradients, pseudo_gradients)
    np.testing.assert_allclose(updates, expected, rtol=1e-12)


def test_tango_is_part_of_a_chain():
    gradients, pseudo_gradients = np.random.RandomState(2).standard_normal((2, 5, 3))
    expected, _ = plain_updates(gradients, pseudo_gradients, np.full(5, 0.1), 0.2)
    updates, state = run(optax.chain(tango(0.1, 0.2), optax.scale(0.5)), jnp.zeros(3), gradients, pseudo_gradients)
    assert isinstance(state[0], TangoState)
    np.testing.assert_allclose(updates, expected / 2, rtol=1e-12)


def test_injected_hyperparameters_can_change_on_the_way():
    gradients, pseudo_gradients = np.random.RandomState(3).standard_normal((2, 2, 2))
    rule = optax.inject_hyperparams(tango)(step_size=0.1, gamma=0.2)
    state, update = rule.init(np.zeros(2)), jax.jit(rule.update)
    first, state = update(gradients[0], state, pseudo_gradient=pseudo_gradients[0])
    state.hyperparams["gamma"] = np.asarray(0.4)
    second, state = update(gradients[1], state, pseudo_gradient=pseudo_gradients[1])
    v = 0.2 * gradients[0]
    np.testing.assert_allclose(first, -0.1 * v, rtol=1e-12)
    v = 0.9 * v + 0.4 * (gradients[1] - 0.9 * (v @ pseudo_gradients[1]) * pseudo_gradients[1])
    np.testing.assert_allclose(second, -0.1 * v, rtol=1e-12)


def test_equal_numbers_are_compiled_once_and_arrays_for_all_their_values(count_compilations):
    @jax.jit
    def updates(update, g):
        return update(g, TangoState(jnp.zeros([], jnp.int32), jnp.zeros(2)), pseudo_gradient=g)[0]

    g = np.array([1.0, 2.0])
    updates(tango(0.1, 0.2).update, g)
    with count_compilations() as compiled:
        np.testing.assert_allclose(updates(tango(0.1, 0.2).update, g), -0.02 * g, rtol=1e-12)
        assert compiled() == 0
    updates(tango(np.asarray(0.1), np.asarray(0.2)).update, g)
    with count_compilations() as compiled:
        np.testing.assert_allclose(updates(tango(np.asarray(0.3), np.asarray(0.5)).update, g), -0.15 * g, rtol=1e-12)
        assert compiled() == 0


@pytest.mark.parametrize("value", [0, -1e-3, 1.1, np.nan, np.inf])
@pytest.mark.parametrize("name", ["step_size", "gamma"])
def test_rates_outside_their_range_are_named(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*, got"):
        tango(**({"step_size": 1e-4, "gamma": 1e-2} | {name: value}))
    if name == "step_size":
        with pytest.raises(ValueError, match="step_size must be"):
            moving_average(value)


def test_the_moving_average_goes_to_the_statistics_of_the_sample():
    m, rule = np.array([0.5, 3.0]), moving_average(0.1)
    for sample in (2.0, -1.0):
        update, _ = rule.update(np.zeros(2), rule.init(m), m, sample=np.asarray(sample))
        expected = 0.9 * np.asarray(m) + 0.1 * np.array([sample, sample**2])
        m = m + update
        np.testing.assert_allclose(m, expected, rtol=1e-14)


def to_moments(path):
    return np.stack([path[:, 0], path[:, 0] ** 2 + path[:, 1] ** 2], axis=1)


def share_left(path, start, target):
    """Which share of the way is left after each step, in each of the two moments."""
    start, target = to_moments(np.array([start])), to_moments(np.array([target]))
    return (to_moments(path) - target) / (start - target)


@pytest.mark.parametrize(("step_size", "gamma"), [(1e-4, 1e-2), (1e-3, 1e-3), (1e-2, 1e-4)])
@pytest.mark.parametrize(("start", "target"), [(START, TARGET), ((2.0, 3.0), (-4.0, 1.5))])
def test_from_a_warm_start_the_mean_motion_is_on_the_line(start, target, step_size, gamma):
    """Theorem of the chapter tango_limits, part 2: exact at δt/γ = 0.01, 1 and 100."""
    sizes = np.full(LENGTH, step_size)
    gap = np.subtract(*to_moments(np.array([start, target])))
    path = tango_mean_motion(start, target, sizes, gamma, coordinates="expectation", velocity=gap / (1 - step_size))
    left = share_left(path, start, target)
    np.testing.assert_allclose(left[:, 0], left[:, 1], rtol=0, atol=1e-11)
    np.testing.assert_allclose(left[:, 0], (1 - step_size) ** np.arange(len(left)), rtol=0, atol=1e-11)


def test_with_decreasing_steps_the_mean_motion_stays_on_the_line():
    sizes = 1 / (10 + np.arange(1, LENGTH + 1))
    gap = np.subtract(*to_moments(np.array([START, TARGET])))
    path = tango_mean_motion(START, TARGET, sizes, 1e-3, coordinates="expectation", velocity=gap / (1 - sizes[0]))
    left = share_left(path[1:], START, TARGET)
    np.testing.assert_allclose(left, np.cumprod(1 - sizes)[:, None] * np.ones(2), rtol=0, atol=1e-12)


@pytest.mark.parametrize("coordinates", list(COORDINATES))
def test_the_mean_motion_is_its_plain_loop_in_every_coordinate_system(coordinates):
    axes, gamma = COORDINATES[coordinates], 1e-3
    start, target, sizes, v = (0.5, 1.5), (1.0, 2.0), np.array([1e-2, 5e-3, 2e-3, 1e-2]), np.array([0.01, -0.02])
    fast = tango_mean_motion(start, target, sizes, gamma, coordinates=coordinates, velocity=v)
    slope_and_fisher = jax.jit(
        lambda xi: (jax.grad(expected_loss)(xi, target, coordinates), fisher_matrix(xi, coordinates))
    )
    xi, previous, slow = np.asarray(axes.from_mean_scale(np.array(start))), sizes[0], [start]
    for size in sizes:
        decayed = (1 - previous) * v
        slope, fisher = map(np.asarray, slope_and_fisher(xi))
        v = decayed + gamma * slope - gamma * fisher @ decayed
        xi, previous = xi - size * v, size
        slow.append(axes.to_mean_scale(xi))
    np.testing.assert_allclose(fast, slow, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": (0.0, -1.0)}, r"start .*greater than 0, got -1\.0"),
        ({"target": (0.0, 1.0, 2.0)}, r"target must have shape \(2,\)"),
        ({"step_sizes": [0.1, 0.0]}, "step_sizes must be"),
        ({"step_sizes": 0.1}, "step_sizes must have shape"),
        ({"gamma": 1.5}, r"gamma must be in \(0, 1\], got 1\.5"),
        ({"coordinates": "polar"}, "coordinates must be one of"),
        ({"velocity": (0.0,)}, r"velocity must have shape \(2,\)"),
    ],
)
def test_wrong_arguments_of_the_mean_motion_are_named(change, message):
    good = {"start": START, "target": TARGET, "step_sizes": [0.1], "gamma": 1e-2}
    with pytest.raises(ValueError, match=message):
        tango_mean_motion(**(good | change))

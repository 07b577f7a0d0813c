"""`ensembles.ensemble`: against `paths.path` and a plain loop, and the same in whatever pieces it is computed."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import plain_loops
import pytest

from straightlines import ensembles, streams
from straightlines.ensembles import Keep, ensemble
from straightlines.optimizers import moving_average, tango
from straightlines.paths import Fit, first_hit, path

START, TARGET, NEAR = (0.0, 1.0), (10.0, 1.0), (9.5, 1.3)
KEY = jax.random.key(3)
TANGO = tango(1e-3, 1e-2)
FIT = Fit(TANGO, START, TARGET)
SINGLE = FIT._replace(start=np.float32(START))


def assert_same(one, other, rows=slice(None)):
    """Bit for bit the same runs; `other` has the rows `rows` of `one`."""
    for name in ("first_hit", "end", "largest_scale", "diverged"):
        np.testing.assert_array_equal(getattr(one, name)[rows], getattr(other, name), err_msg=name)
    np.testing.assert_array_equal(one.states[:, rows], other.states)


@pytest.mark.parametrize(
    ("fit", "tolerance"),
    [
        (FIT, 0.01),
        (FIT._replace(coordinates="scale"), 0.01),
        (FIT._replace(target=(1.0, 0.5), start=(1.4, 0.8)), 0.3),
        (FIT._replace(target=(1.0, 0.5), start=(1.0, 0.5)), 0.3),  # in the box from the first step on
        (Fit(optax.sgd(1e-3), START, TARGET, pseudo_samples=0), 0.01),
        (Fit(optax.sgd(1e-2), START, TARGET, pseudo_samples=0, averaging=1e-3), 0.01),
        (Fit(moving_average(1e-3), START, TARGET, pseudo_samples=0, coordinates="expectation"), 0.01),
        (Fit(optax.chain(tango(optax.exponential_decay(1e-3, 100, 0.9), 1e-2), optax.scale(2.0)), START, TARGET), 0.01),
        (Fit(optax.adam(1e-2), START, TARGET, pseudo_samples=3), 0.01),
    ],
)
def test_every_run_is_a_path_over_its_normals(fit, tolerance):
    checkpoints = [64, 0, 1, 599]
    runs = ensemble(fit, KEY, runs=3, steps=600, keep=Keep(checkpoints, tolerance))
    assert runs.states.shape == (4, 3, 2)
    for run in range(3):
        one = path(fit, streams.normals(KEY, run, 600, pseudo_samples=fit.pseudo_samples))
        np.testing.assert_allclose(runs.end[run], one[-1], rtol=1e-10)
        np.testing.assert_allclose(runs.states[:, run], one[checkpoints], rtol=1e-10)
        np.testing.assert_allclose(runs.largest_scale[run], one[:, 1].max(), rtol=1e-10)
        hit = first_hit(one, fit.target, absolute_tolerance=tolerance)
        assert runs.first_hit[run] == (-1 if hit is None else hit)
        assert tolerance != 0.3 or hit is not None


def test_a_run_is_the_plain_loop_over_the_very_same_normals():
    runs = ensemble(FIT, KEY, runs=2, steps=600)
    given = plain_loops.Given(streams.normals(KEY, 1, 600))
    slow, _ = plain_loops.tango(given, step_size=1e-3, limit=600)
    np.testing.assert_allclose(runs.end[1], slow[-1], rtol=1e-12)
    single = ensemble(SINGLE, KEY, runs=2, steps=600)
    assert (single.end.dtype, runs.end.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(single.end[1], slow[-1], rtol=1e-4)


def test_the_optimizer_can_start_in_a_given_state():
    state = TANGO.init(jnp.zeros(2))._replace(velocity=jnp.array([-10.0, 0.0]))
    one_step = partial(ensemble, key=KEY, runs=2, steps=1)
    moved = one_step(FIT._replace(initial_state=state)).end - one_step(FIT).end
    assert (moved[:, 0] > 0.005).all()


# the same whatever the computation


def nearby(runs, first_run=0, **options):
    keep, fit = Keep([0, 3, 200, 700], absolute_tolerance=0.3), FIT._replace(start=np.float32(NEAR))
    return ensemble(fit, KEY, runs=runs, first_run=first_run, steps=700, keep=keep, **options)


@pytest.fixture(scope="module")
def reference():
    return nearby(1100)


@pytest.mark.parametrize("chunk", [97, 64, 13])
def test_the_chunk_does_not_matter(reference, chunk, monkeypatch):
    assert 0 < (reference.first_hit >= 0).mean() < 1
    monkeypatch.setattr(ensembles, "_CHUNK", chunk)
    assert_same(reference, nearby(130), slice(130))


@pytest.mark.parametrize(("first", "runs"), [(0, 1), (100, 30), (500, 30), (127, 1500)])
def test_a_run_does_not_depend_on_the_others(reference, first, runs):
    """Nor on the batch that it is in: the reference has three."""
    other = nearby(runs, first)
    shared = min(1100, first + runs) - first
    part = other._replace(
        **{name: getattr(other, name)[:shared] for name in ("first_hit", "end", "largest_scale", "diverged")},
        states=other.states[:, :shared],
    )
    assert_same(reference, part, slice(first, first + shared))


def test_progress_is_told_after_every_compiled_call(monkeypatch):
    monkeypatch.setattr(ensembles, "_CHUNK", 300)
    told = []
    nearby(2, progress=told.append)
    assert told == [2 * steps for steps in (3, 197, 100, 300, 100)]


def test_diverged_runs_are_marked_and_the_others_kept():
    runs = ensemble(FIT._replace(optimizer=tango(1e-3, 0.3)), KEY, runs=60, steps=400, keep=Keep((), 20.0))
    assert 0 < runs.diverged.sum() < 60
    assert runs.states.shape == (0, 60, 2)
    np.testing.assert_array_equal(runs.diverged, ~np.isfinite(runs.end).all(axis=1))
    np.testing.assert_array_equal(runs.first_hit[~runs.diverged] >= 0, True)


@pytest.mark.parametrize(("kind", "first_run"), [(np.int64, 3), (np.int16, 32_700), (np.uint8, 200)])
def test_counts_may_be_numpys(kind, first_run):
    """Small ones, too, although the runs and steps past the first batch and its first call are no such numbers."""
    fit, told = FIT._replace(pseudo_samples=kind(1)), []
    counts = {"runs": np.int16(600), "steps": kind(100), "first_run": kind(first_run)}
    one = ensemble(fit, KEY, **counts, keep=Keep(np.array([2, 100], kind)), progress=told.append)
    np.testing.assert_array_equal(one.end, ensemble(FIT, KEY, runs=600, steps=100, first_run=first_run).end)
    np.testing.assert_array_equal(one.states[1], one.end)
    assert told == [1024, 50_176, 176, 8624]


@pytest.mark.parametrize("averaging", [np.float64(1e-2), np.asarray(1e-2)])
def test_an_averaging_of_another_precision_does_not_change_that_of_the_run(averaging):
    fit = Fit(optax.sgd(1e-2), np.float32(START), TARGET, pseudo_samples=0, averaging=1e-2)
    expected, found = (ensemble(f, KEY, runs=1, steps=9).end for f in (fit, fit._replace(averaging=averaging)))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_equal_rules_are_compiled_once_for_all_numbers_of_runs_and_steps(count_compilations):
    """With another number of runs compiled code may round differently."""
    ensemble(FIT, KEY, runs=2, steps=5)
    with count_compilations() as again:
        ensemble(Fit(tango(1e-3, 1e-2), (0.5, 2.0), (1.0, 3.0)), KEY, runs=1100, steps=70)
    assert again() == 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"runs": 0}, ValueError, "runs must be at least 1, got 0"),
        ({"runs": 2**32 + 1}, ValueError, "runs must be at most 4294967296, got 4294967297"),
        ({"runs": None}, TypeError, "runs must be an integer, got None"),
        ({"progress": "bar"}, TypeError, "progress must be a function of the number of steps, or None, got 'bar'"),
        ({"keep": Keep([[1], [1, 2]])}, TypeError, r"a checkpoint must be an integer, got \[1\]"),
        ({"keep": Keep(3)}, TypeError, "checkpoints must be a sequence of integers, got 3"),
        ({"keep": Keep(np.array(3))}, TypeError, "checkpoints must be a sequence of integers, got 3"),
        ({"keep": Keep(np.array([0.5]))}, TypeError, r"a checkpoint must be an integer, got 0\.5"),
        ({"steps": -5}, ValueError, "steps must be at least 1, got -5"),
        ({"steps": 2**31}, ValueError, "steps must be at most .* got 2147483648"),
        ({"steps": 1e3}, TypeError, r"steps must be an integer, got 1000\.0"),
        ({"first_run": -1}, ValueError, "first_run must be at least 0, got -1"),
        ({"first_run": 2**32}, ValueError, "first_run must be at most 4294967294, got 4294967296"),
        ({"key": 0}, TypeError, r"key must be one threefry2x32 key, made by jax\.random\.key\(seed\), got 0"),
        ({"key": jax.random.PRNGKey(0)}, TypeError, "key must be one threefry2x32 key"),
        ({"key": jax.random.key(0, impl="rbg")}, TypeError, "key must be one threefry2x32 key"),
        ({"key": jax.random.split(KEY, 2)}, TypeError, "key must be one threefry2x32 key"),
        ({"fit": FIT._replace(start=(0.0, -1.0))}, ValueError, "start must have a standard deviation"),
        ({"fit": FIT._replace(optimizer="sgd")}, TypeError, "optimizer must be an optax gradient transformation"),
        ({"fit": TANGO}, TypeError, "fit must be a Fit, got"),
        ({"keep": Keep([3, -2])}, ValueError, "a checkpoint must be at least 0, got -2"),
        ({"keep": Keep([11])}, ValueError, "a checkpoint must be at most 10, got 11"),
        ({"keep": Keep([0.5])}, TypeError, r"a checkpoint must be an integer, got 0\.5"),
        ({"keep": [3, 5]}, TypeError, r"keep must be a Keep, got \[3, 5\]"),
        ({"keep": Keep((), -1.0)}, ValueError, "absolute_tolerance must be at least 0"),
    ],
)
def test_wrong_arguments_are_named(change, error, message):
    with pytest.raises(error, match=message):
        ensemble(**({"fit": FIT, "key": KEY, "runs": 2, "steps": 10} | change))

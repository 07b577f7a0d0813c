"""`streams`: JAX's own cipher, the normal distribution, and a stream for every run and step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry_2x32

from straightlines import streams

KEY = jax.random.key(3)
threefry = jax.jit(streams.threefry)


def test_the_stream_of_a_run_is_jaxs_threefry():
    run_key = jax.random.fold_in(KEY, 5)
    for step, pair in [(0, 0), (77, 0), (2**31, 3)]:
        counter = np.asarray([pair, step], np.uint32)
        words = threefry(tuple(np.asarray(jax.random.key_data(run_key))), tuple(counter))
        np.testing.assert_array_equal(words, threefry_2x32(jax.random.key_data(run_key), counter))
    np.testing.assert_array_equal(
        threefry(tuple(np.asarray(jax.random.key_data(run_key))), (np.uint32(0), np.uint32(9))),
        jax.random.key_data(jax.random.fold_in(run_key, 9)),
    )


@pytest.fixture(scope="module")
def normals():
    """Of 64 runs: shape (steps, samples, runs)."""

    @jax.jit
    def draw(key):
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(64))
        pairs = streams.complex_normals(jax.random.key_data(keys).T, jnp.arange(8000), 2)
        return jax.vmap(streams.real_normals, (0, None))(pairs, 4)

    return np.asarray(draw(KEY), np.float64)


def test_the_normals_have_the_normal_distribution(normals):
    from scipy import stats

    count = normals.size
    for power, moment, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)]:
        assert abs((normals**power).mean() - moment) < 4.5 * np.sqrt(variance / count), power
    for bound in (1, 2, 3, 4, 4.5):
        expected = 2 * stats.norm.sf(bound) * count
        assert abs((abs(normals) > bound).sum() - expected) < 4.5 * np.sqrt(expected), bound
    assert stats.kstest(normals[::3, :, ::2].ravel(), "norm").pvalue > 1e-4
    assert np.isfinite(normals).all()


def test_the_normals_are_independent_over_runs_steps_and_samples(normals):
    for ahead, name in [((1, 0, 0), "steps"), ((0, 1, 0), "samples"), ((0, 0, 1), "runs"), ((2, 1, 0), "both")]:
        here, there = normals, normals
        for axis, by in enumerate(ahead):
            here = np.take(here, range(here.shape[axis] - by), axis)
            there = np.take(there, range(by, there.shape[axis]), axis)
        for function in (np.array, np.square):  # Box and Muller's pairs share a radius
            a, b = function(here).ravel(), function(there).ravel()
            assert abs(np.corrcoef(a, b)[0, 1]) < 4.5 / np.sqrt(a.size), name


def test_the_normals_of_a_run_are_box_and_mullers():
    """From the words of the run's counters, in 64 bits."""
    made = streams.normals(KEY, 9, 500, pseudo_samples=2)
    assert made.dtype == np.float32
    key = jax.random.key_data(jax.random.fold_in(KEY, 9))
    pairs = []
    for pair in range(2):
        counter = np.stack([np.full(500, pair), np.arange(500)]).astype(np.uint32)
        first, second = np.asarray(threefry_2x32(key, counter)).astype(float)
        radius, angle = np.sqrt(-2 * np.log((first + 0.5) / 2**32)), 2 * np.pi * second / 2**32
        pairs += [radius * np.cos(angle), radius * np.sin(angle)]
    np.testing.assert_allclose(made, np.stack(pairs[:3], axis=1), rtol=0, atol=4e-6)


def test_the_polynomials_of_the_circle_are_as_close_as_they_say():
    angle = np.linspace(-1, 1, 200_001)
    square = angle**2
    cosine, sine = (np.polyval(c[::-1], square) for c in (streams._COSINE, streams._SINE))
    assert np.abs(cosine - np.cos(np.pi * angle)).max() < 2e-8
    assert np.abs(angle * sine - np.sin(np.pi * angle)).max() < 2e-8


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"key": 3}, TypeError, "key must be one threefry2x32 key"),
        ({"run": -1}, ValueError, "run must be at least 0, got -1"),
        ({"run": 2**32}, ValueError, "run must be at most 4294967295, got 4294967296"),
        ({"steps": 2**62}, ValueError, "steps must be at most 4294967296, got 4611686018427387904"),
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"steps": 1.5}, TypeError, r"steps must be an integer, got 1\.5"),
        ({"pseudo_samples": -1}, ValueError, "pseudo_samples must be at least 0, got -1"),
    ],
)
def test_wrong_arguments_are_named(change, error, message):
    with pytest.raises(error, match=message):
        streams.normals(**({"key": KEY, "run": 0, "steps": 3} | change))

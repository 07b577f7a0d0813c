"""Random numbers by counter: every run has a stream of its own, and every step a place in it.

The normals of a run depend on the key, the index of the run and the step, and on nothing else: not on how many runs
there are, in what pieces they are computed, or on which device.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from straightlines import _checks

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def threefry(key: tuple[Array, Array], counter: tuple[Array, Array]) -> tuple[Array, Array]:
    """The block cipher Threefry-2x32 with 20 rounds: two random words for a key and a counter of two words each.

    Args: 32-bit unsigned integers of shapes that broadcast together. Returns two such arrays.

    Written out, without the loop of `jax.random`, so that the compiler fuses it with what uses the words.

    Source: Salmon, Moraes, Dror & Shaw, Parallel random numbers: as easy as 1, 2, 3, SC11 (2011).
    """
    schedule = (key[0], key[1], key[0] ^ key[1] ^ np.uint32(0x1BD11BDA))
    first, second = counter[0] + schedule[0], counter[1] + schedule[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            first = first + second
            second = (second << np.uint32(rotation)) | (second >> np.uint32(32 - rotation))
            second = second ^ first
        first = first + schedule[(group + 1) % 3]
        second = second + schedule[(group + 2) % 3] + np.uint32(group + 1)
    return first, second


def run_keys(key_data: Array, runs: Array) -> tuple[Array, Array]:
    """Keys of runs, the two words of `jax.random.fold_in(key, run)` for every index in `runs`."""
    return threefry((key_data[0], key_data[1]), (jnp.zeros_like(runs), runs))


def block(keys: tuple[Array, Array], steps: Array, samples: int, dtype) -> Array:
    """Standard normals of some steps of some runs, shape (steps, samples, runs).

    Samples $2p$ and $2p + 1$ of a step are made from the two words of counter ($p$, step).
    """
    steps = steps.astype(jnp.uint32)[:, None]
    words = [w for pair in range((samples + 1) // 2) for w in threefry(keys, (jnp.full_like(steps, pair), steps))]
    return jnp.stack([_normal(word, dtype) for word in words[:samples]], axis=1)


def _normal(word, dtype):
    """A standard normal from 32 random bits, by the inverse of the distribution function."""
    uniform = (word.astype(jnp.int32).astype(dtype) + dtype.type(0.5)) * dtype.type(2.0**-31)
    if dtype == np.float32:  # rounding may have reached -1 or 1, where the inverse is infinite
        limit = dtype.type(1 - 2.0**-24)
        uniform = jnp.clip(uniform, -limit, limit)
    return dtype.type(np.sqrt(2)) * jax.lax.erf_inv(uniform)


def normals(key: Array, run: int, steps: int, *, pseudo_samples: int = 1, dtype=jnp.float32) -> Array:
    """The normals that one run of `simulate.ensemble` draws, to replay it with `simulate.path`.

    Args:
      key: the ensemble's key, made by `jax.random.key`.
      run: index of the run, from 0.
      steps: the number of steps.
      pseudo_samples: as in the ensemble.
      dtype: float32 or float64; both give the same normals but for rounding.

    Returns: shape (steps, 1 + pseudo_samples).

    Raises: TypeError for a key of another kind or a number that is no integer, ValueError for one that is too small.
    """
    _checks.random_key("key", key)
    _checks.count("run", run, least=0)
    _checks.count("steps", steps)
    _checks.count("pseudo_samples", pseudo_samples, least=0)
    dtype = _checks.float_dtype("dtype", dtype)
    keys = run_keys(jax.random.key_data(key), jnp.asarray([run], jnp.uint32))
    return block(keys, jnp.arange(steps, dtype=jnp.uint32), 1 + pseudo_samples, dtype)[:, :, 0]

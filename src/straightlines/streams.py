"""Random numbers by counter: every run has a stream of its own, and every step a place in it.

The normals of a run depend on the key, the index of the run and the step, and on nothing else: not on how many runs
there are, in what pieces they are computed or, but for rounding, on which device.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from straightlines import _checks

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def threefry(key: Array | tuple[Array, Array], counter: tuple[Array, Array]) -> tuple[Array, Array]:
    """The block cipher Threefry-2x32 with 20 rounds: two random words for a key and a counter of two words each.

    Words are 32-bit unsigned integers, of shapes that broadcast together. Written out, without the loop of
    `jax.random`, so that the compiler fuses it with what uses them.

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


# Least-squares polynomials in x² for cos πx and (sin πx)/x at the Chebyshev points of [-1, 1], to 2e-8
# (float32 rounds to 6e-8). Several times cheaper than the library functions, they vectorise in the loop of an ensemble.
_COSINE = (0.999999989, -4.93480112, 4.05869484, -1.33515843, 0.235029808, -0.0253589836, 0.00159391068)
_SINE = (3.14159265, -5.16771255, 2.55016036, -0.599242307, 0.0820818886, -0.00727531576, 0.000395280458)


def _circle(x):
    """The point at the angle πx of the unit circle."""
    square = x * x
    cosine, sine = jnp.full_like(x, _COSINE[-1]), jnp.full_like(x, _SINE[-1])
    for c, s in zip(_COSINE[-2::-1], _SINE[-2::-1], strict=True):
        cosine, sine = cosine * square + c, sine * square + s
    return cosine, x * sine


def complex_normals(keys: Array, steps: Array, pairs: int) -> Array:
    """Pairs of standard normals, as many as `pairs` says for each step of each run, by Box and Muller's method.

    Both normals of a pair are made from the two random words of its counter. As the two parts of one complex number
    they are the output of one compiled loop, which goes through the cipher once.

    `keys`, shape (2, runs), are the words of the runs' keys, and `steps` integers, shape (steps,), counted from 0.
    Returns complex numbers of two 32-bit floats, shape (steps, pairs, runs).
    """
    steps = steps.astype(jnp.uint32)[:, None, None]
    first, second = threefry(keys, (jnp.arange(pairs, dtype=jnp.uint32)[:, None], steps))
    uniform = (first.astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-32)
    radius = jnp.sqrt(-2 * jnp.log(uniform))
    cosine, sine = _circle(second.astype(jnp.int32).astype(np.float32) * np.float32(2.0**-31))
    return jax.lax.complex(radius * cosine, radius * sine)


def real_normals(normals: Array, samples: int) -> Array:
    """The first `samples` of the normals in complex ones of shape (pairs, runs), as shape (samples, runs)."""
    parts = jnp.stack([normals.real, normals.imag], axis=1)
    return parts.reshape(-1, normals.shape[-1])[:samples]


def normals(key: Array, run: int, steps: int, *, pseudo_samples: int = 1) -> Array:
    """The normals that one run of `ensembles.ensemble` draws, to replay it with `paths.path`.

    `key` is the ensemble's, made by `jax.random.key`, `run` an index from 0. Returns 32-bit floats of shape (steps, 1 +
    pseudo_samples), the same ones whatever the precision of the run. Raises TypeError for a key of another kind or a
    number that is no integer, ValueError for one out of its range.
    """
    _checks.random_key("key", key)
    run, steps = _checks.count("run", run, 0, 2**32 - 1), _checks.count("steps", steps, most=2**32)
    return _normals(key, np.uint32(run), steps, 1 + _checks.count("pseudo_samples", pseudo_samples, least=0))


@partial(jax.jit, static_argnums=(2, 3))
def _normals(key, run, steps, samples):
    key = jax.random.key_data(jax.random.fold_in(key, run))
    pairs = complex_normals(key[:, None], jnp.arange(steps, dtype=jnp.uint32), (samples + 1) // 2)
    return jax.vmap(real_normals, (0, None))(pairs, samples)[:, :, 0]

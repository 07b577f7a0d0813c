"""Many runs of one fit at once, on all devices of all hosts, of which only what is asked for is kept."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import equinox
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.typing import DTypeLike

from straightlines import _checks, streams
from straightlines.paths import RELATIVE_TOLERANCE, Fit, check_fit


class Keep(NamedTuple):
    """What an ensemble keeps of every run, beside its end and its largest standard deviation."""

    checkpoints: Sequence[int] = ()  # increasing numbers of steps, from 0 on, after which the state is kept
    absolute_tolerance: float = 0.01  # of the first hit, as in `paths.first_hit`


class Ensemble(NamedTuple):
    r"""Result of `ensemble`, NumPy arrays: one entry a run, $(\mu, \sigma)$ on the last axis of a state."""

    runs: np.ndarray  # shape (runs,): their indices
    first_hit: np.ndarray  # shape (runs,): first iteration in the box, counted from 0; -1 if there is none
    end: np.ndarray  # shape (runs, 2): the state after the last step
    largest_scale: np.ndarray  # shape (runs,): the largest standard deviation on the way, the start's included
    diverged: np.ndarray  # shape (runs,): whether the end state is not finite
    states: np.ndarray  # shape (checkpoints, runs, 2)


class _Carry(NamedTuple):
    """What a step hands to the next one, for a tile of runs on the last axis."""

    fit: tuple[Array, optax.OptState, Array | None]  # as `Fit.begin` returns it
    shown: Array  # shape (2, tile)
    first_hit: Array  # shape (tile,)
    largest_scale: Array  # shape (tile,)


# On a processor, a device works through its runs tile by tile. A tile fits its cache and has one shape, whatever the
# number of devices: compiled code may round differently for another shape.
_TILE = 512
_SHORT_TILE = 64  # tiles of fewer runs are multiples of this
_BLOCK = 64  # steps whose normals are drawn together: long loops for the compiler, small arrays for the cache
_CHUNK = 10_000  # steps of one compiled call, after which progress is told
MOST_STEPS = 2**31 - 2 * _BLOCK  # they are counted in 32 bits


def _tiling(runs, devices):
    """Number and size of the tiles for so many runs: the number is a multiple of the number of devices."""
    if devices[0].platform == "cpu":
        size = min(_TILE, _SHORT_TILE * -(-runs // (2 * _SHORT_TILE)))
    else:
        size = _SHORT_TILE * -(-runs // (len(devices) * _SHORT_TILE))
    return len(devices) * -(-runs // (len(devices) * size)), size


@equinox.filter_jit
def _begin(fit, key_data, first_run, tiling, sharding):
    """Keys of the runs and what they carry into the first step; every array is (tiles, ..., tile), spread by tiles."""
    single = _Carry(fit.begin(), fit.shown(fit.begin()), jnp.asarray(-1, jnp.int32), fit.start[1])

    def repeat(leaf):
        leaf = jnp.asarray(leaf)
        return jnp.broadcast_to(leaf[..., None], (tiling[0], *leaf.shape, tiling[1]))

    runs = first_run + jnp.arange(tiling[0] * tiling[1], dtype=jnp.uint32)
    keys = streams.run_keys(key_data, runs.reshape(tiling))
    return jax.lax.with_sharding_constraint((keys, jax.tree.map(repeat, single)), sharding)


def _step(fit, tolerance, index, carry, normals):
    """One step of a tile of runs."""
    state = jax.vmap(fit.step, in_axes=-1, out_axes=-1)(carry.fit, normals)
    shown = jax.vmap(fit.shown, in_axes=-1, out_axes=-1)(state)
    inside = (jnp.abs(shown - fit.target[:, None]) <= tolerance[:, None]).all(axis=0)
    first_hit = jnp.where(inside & (carry.first_hit < 0), index, carry.first_hit)
    return _Carry(state, shown, first_hit, jnp.maximum(carry.largest_scale, shown[1]))


@equinox.filter_jit(donate="all-except-first")
def _advance(plan, carry):
    """What is carried after the steps `first` to `last` - 1, by every device for its own tiles."""
    fit, tolerance, keys, sharding, first, last = plan
    samples = 1 + fit.pseudo_samples

    def block(keys, number, carry):
        begin = number * _BLOCK  # a multiple of the block, wherever `first` is
        pairs = streams.complex_normals(keys, begin + jnp.arange(_BLOCK), (samples + 1) // 2, fit.target.dtype)
        return jax.lax.fori_loop(
            jnp.maximum(first, begin),
            jnp.minimum(last, begin + _BLOCK),
            lambda i, carry: _step(fit, tolerance, i, carry, streams.real_normals(pairs[i - begin], samples)),
            carry,
        )

    def tile(keys_and_carry):
        keys, carry = keys_and_carry
        return jax.lax.fori_loop(first // _BLOCK, (last - 1) // _BLOCK + 1, partial(block, keys), carry)

    tiles = partial(jax.lax.map, tile)
    return jax.shard_map(tiles, mesh=sharding.mesh, in_specs=sharding.spec, out_specs=sharding.spec)((keys, carry))


def _gather(array):
    """A sharded array as a NumPy array, in every process."""
    if array.is_fully_addressable:
        return np.asarray(array)
    return np.asarray(multihost_utils.process_allgather(array, tiled=True))


def ensemble(
    fit: Fit,
    key: Array,
    *,
    runs: int,
    steps: int,
    first_run: int = 0,
    keep: Keep = Keep(),  # noqa: B008  # it cannot be changed
    dtype: DTypeLike = np.float32,
    progress: Callable[[int], object] | None = None,
) -> Ensemble:
    r"""Many independent runs of a fit at once.

    The normals are drawn inside the compiled loop: run $r$ of a key sees `streams.normals(key, r, steps)`, and goes
    as `paths.path` does with them. Its result is the same, bit for bit, whatever the number of runs and of devices.
    With `jax.distributed`, call it in every process: each works on the runs of its own devices, and gets the whole
    result.

    Args:
      fit: what is run.
      key: made by `jax.random.key`.
      runs, steps: how many runs, of how many steps each.
      first_run: index of the first run; to go on where another call has stopped.
      keep: what is kept on the way.
      dtype: float32, or float64 in JAX's x64 mode.
      progress: called with the number of steps made, now and then.

    Returns an `Ensemble`: a run that diverges is marked there; no mean is taken. Raises TypeError for an argument or a
    field of the wrong kind, ValueError for one out of its range.
    """
    dtype = _check(fit, key, runs, steps, first_run, keep, dtype, progress)
    fit, runs, steps = fit.cast(dtype), int(runs), int(steps)
    tolerance = (keep.absolute_tolerance + RELATIVE_TOLERANCE * np.abs(fit.target)).astype(dtype)
    devices = jax.devices()
    sharding = NamedSharding(Mesh(np.array(devices), ("tiles",)), PartitionSpec("tiles"))
    key_data = np.asarray(jax.random.key_data(key))
    keys, carry = _begin(fit, key_data, np.uint32(first_run), _tiling(runs, devices), sharding)

    def states():
        return np.moveaxis(_gather(carry.shown), 1, -1).reshape(-1, 2)[:runs]

    kept, done = [], 0
    for stop in sorted({0, *keep.checkpoints, *range(_CHUNK, steps, _CHUNK), steps}):
        if stop > done:
            carry, done = _advance((fit, tolerance, keys, sharding, np.int32(done), np.int32(stop)), carry), stop
            if progress is not None:
                jax.block_until_ready(carry)
                progress(done)
        if stop in keep.checkpoints:
            kept.append(states())
    end = states()
    return Ensemble(
        runs=first_run + np.arange(runs),
        first_hit=_gather(carry.first_hit).ravel()[:runs],
        end=end,
        largest_scale=_gather(carry.largest_scale).ravel()[:runs],
        diverged=~np.isfinite(end).all(axis=-1),
        states=np.array(kept, dtype).reshape(-1, runs, 2),
    )


def _check(fit, key, runs, steps, first_run, keep, dtype, progress):
    """Raise for an argument of `ensemble` that is not what it should be; the dtype."""
    check_fit(fit)
    _checks.instance("keep", keep, Keep, "a Keep")
    _checks.random_key("key", key)
    if progress is not None:
        _checks.instance("progress", progress, Callable, "a function of the number of steps")
    _checks.count("runs", runs, most=2**32)
    _checks.count("steps", steps, most=MOST_STEPS)
    _checks.count("first_run", first_run, 0, 2**32 - int(runs))
    _checks.increasing_counts("checkpoints", keep.checkpoints, steps)
    _checks.array("absolute_tolerance", keep.absolute_tolerance, (), "at least 0")
    return _checks.float_dtype("dtype", dtype)

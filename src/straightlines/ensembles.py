"""Many runs of one fit at once, on all devices of all hosts, of which only what is asked for is kept."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import equinox
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.multihost_utils import process_allgather
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from straightlines import _checks, streams
from straightlines.paths import Fit, checked


class Keep(NamedTuple):
    """What an ensemble keeps of every run, beside its end and its largest standard deviation."""

    checkpoints: Sequence[int] = ()  #: numbers of steps, from 0 on, after which the state is kept
    absolute_tolerance: float = 0.01  #: of the first hit, as in `paths.first_hit`


class Ensemble(NamedTuple):
    r"""Result of `ensemble`, NumPy arrays: one entry a run, $(\mu, \sigma)$ on the last axis of a state."""

    first_hit: np.ndarray  #: shape (runs,), first iteration in the box, counted from 0; -1 if there is none
    end: np.ndarray  #: shape (runs, 2), the state after the last step
    largest_scale: np.ndarray  #: shape (runs,), the largest standard deviation on the way, the start's included
    diverged: np.ndarray  #: shape (runs,), whether the end state is not finite
    states: np.ndarray  #: shape (checkpoints, runs, 2), the states that were asked for


# A device takes its runs in batches of one size, whatever their number: compiled code may round differently for
# another shape. On a processor a batch fits the cache.
_BATCH = 512
_BLOCK = 64  # steps whose normals are drawn together: long loops for the compiler, small arrays for the cache
_CHUNK = 10_000  # steps of one compiled call, after which progress is told
MOST_STEPS = 2**31 - 2 * _BLOCK  # they are counted in 32 bits


@equinox.filter_jit
def _begin(fit, key, first_run, runs, mesh):
    """The keys of runs, and what each carries into its first step: arrays with the runs on their last axis."""

    def single(run):
        state, run_key = fit.begin(), jax.random.key_data(jax.random.fold_in(key, run))
        return run_key, (state, fit.shown(state), np.int32(-1), fit.start[1])

    def spread(array):
        spec = PartitionSpec(*[None] * (array.ndim - 1), "runs")
        return jax.lax.with_sharding_constraint(array, NamedSharding(mesh, spec))

    return jax.tree.map(spread, jax.vmap(single, out_axes=-1)(first_run + jnp.arange(runs, dtype=jnp.uint32)))


@equinox.filter_jit(donate="all-except-first")
def _advance(plan, carry):
    """What the runs carry after the steps `first` to `last` - 1."""
    fit, tolerance, keys, first, last = plan
    samples = 1 + fit.pseudo_samples

    def step(index, normals, carry):
        state, _, first_hit, largest_scale = carry
        state = fit.step(state, normals)
        shown = fit.shown(state)
        first_hit = jnp.where(fit.is_hit(shown, tolerance) & (first_hit < 0), index, first_hit)
        return state, shown, first_hit, jnp.maximum(largest_scale, shown[1])

    def block(number, carry):
        begin = number * _BLOCK  # a multiple of the block, wherever `first` is
        pairs = streams.complex_normals(keys, begin + jnp.arange(_BLOCK), (samples + 1) // 2)

        def steps(i, carry):
            return jax.vmap(partial(step, i), -1, -1)(streams.real_normals(pairs[i - begin], samples), carry)

        return jax.lax.fori_loop(jnp.maximum(first, begin), jnp.minimum(last, begin + _BLOCK), steps, carry)

    return jax.lax.fori_loop(first // _BLOCK, (last - 1) // _BLOCK + 1, block, carry)


def ensemble(
    fit: Fit,
    key: jax.Array,
    *,
    runs: int,
    steps: int,
    first_run: int = 0,
    keep: Keep = Keep(),  # noqa: B008  # it cannot be changed
    progress: Callable[[int], object] | None = None,
) -> Ensemble:
    r"""Many independent runs of a fit at once.

    The normals are drawn inside the compiled loop: run $r$ of a key sees `streams.normals(key, r, steps)`, and goes
    as `paths.path` does with them. On processors its result is the same, bit for bit, whatever the number of runs and
    of devices. With `jax.distributed`, call it in every process: each works on the runs of its own devices, and gets
    the whole result.

    `key` is made by `jax.random.key`. The first of the `runs` has the index `first_run`, to go on where another call
    has stopped. `progress` is called now and then, with the number of steps made since, over all runs together.

    Returns an `Ensemble`: a run that diverges is marked there; no mean is taken. Raises TypeError or ValueError for an
    argument or a field that is not what it should be.
    """
    runs, steps, first_run, checkpoints, tolerance = _checked(key, runs, steps, first_run, keep, progress)
    fit, gather = checked(fit), partial(process_allgather, tiled=True)
    mesh, batches = Mesh(np.array(jax.devices()), ("runs",)), []
    size = mesh.size * (_BATCH if mesh.devices[0].platform == "cpu" else -(-runs // mesh.size))
    for begin in range(0, runs, size):
        keys, carry = _begin(fit, key, np.uint32(first_run + begin), size, mesh)
        states, done = {}, 0
        for stop in sorted({0, *checkpoints, *range(_CHUNK, steps, _CHUNK), steps}):
            if stop > done:
                carry = _advance((fit, tolerance, keys, np.int32(done), np.int32(stop)), carry)
                if progress is not None:
                    jax.block_until_ready(carry)
                    progress((stop - done) * min(size, runs - begin))
                done = stop
            if stop in checkpoints:
                states[stop] = gather(carry[1])
        kept = np.array([states[stop] for stop in checkpoints]).reshape(-1, 2, size)
        batches.append((*gather(carry[1:]), kept))
    end, first_hit, largest_scale, kept = (np.concatenate(a, axis=-1)[..., :runs] for a in zip(*batches, strict=True))
    return Ensemble(first_hit, end.T, largest_scale, ~np.isfinite(end).all(axis=0), kept.swapaxes(1, 2))


def _checked(key, runs, steps, first_run, keep, progress):
    """The numbers among the arguments of `ensemble`. Raise for one that is not what it should be."""
    _checks.instance("keep", keep, Keep, "a Keep")
    _checks.random_key("key", key)
    _checks.instance("progress", progress, Callable | None, "a function of the number of steps, or None")
    runs, steps = _checks.count("runs", runs, most=2**32), _checks.count("steps", steps, most=MOST_STEPS)
    first_run = _checks.count("first_run", first_run, 0, 2**32 - runs)
    checkpoints = keep.checkpoints.tolist() if isinstance(keep.checkpoints, np.ndarray) else keep.checkpoints
    _checks.instance("checkpoints", checkpoints, Sequence, "a sequence of integers")
    checkpoints = [_checks.count("a checkpoint", checkpoint, 0, steps) for checkpoint in checkpoints]
    tolerance = _checks.array("absolute_tolerance", keep.absolute_tolerance, (), "at least 0")
    return runs, steps, first_run, checkpoints, tolerance

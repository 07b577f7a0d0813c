"""Stochastic runs on the Gaussian family: one path over given normals, its first hit, and an ensemble of runs."""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.typing import ArrayLike, DTypeLike

from straightlines import _checks, streams
from straightlines.gaussian import COORDINATES, negative_log_likelihood
from straightlines.optimizers import Tango, tango_gamma_bound


def _update(optimizer, target, coordinates, parameters, state, normals):
    """One update of `parameters`: the first normal makes the data sample, the others make pseudo-samples."""
    gradient = partial(jax.grad(negative_log_likelihood), coordinates=coordinates)
    data = target[0] + target[1] * normals[0]
    extra = {"sample": data}
    if normals.shape[0] > 1:
        mean, scale = COORDINATES[coordinates].to_mean_scale(parameters)
        pseudo = jax.vmap(gradient, (None, 0))(parameters, mean + scale * normals[1:])
        extra["pseudo_gradient"] = pseudo[0] if normals.shape[0] == 2 else pseudo
    updates, new_state = optimizer.update(gradient(parameters, data), state, parameters, **extra)
    return optax.apply_updates(parameters, updates), optax.tree.cast_like(new_state, state)


_PIECE = 21_000  # steps after which a path that may end early looks whether it should


@partial(jax.jit, static_argnames=("optimizer", "coordinates", "averaging"))
def _begin_path(optimizer, start, coordinates, averaging):
    """What a path carries into its first step: parameters, state of the optimiser, moving average."""
    parameters = COORDINATES[coordinates].from_mean_scale(start)
    return parameters, optimizer.init(parameters), None if averaging is None else parameters


@partial(jax.jit, static_argnames=("optimizer", "coordinates", "averaging"))
def _continue_path(optimizer, carry, target, normals, coordinates, averaging):
    """What is carried on after some more steps, and the states after each of them."""
    optimizer = optax.with_extra_args_support(optimizer)

    def step(carry, normal):
        parameters, state, average = carry
        parameters, state = _update(optimizer, target, coordinates, parameters, state, normal)
        if averaging is None:
            return (parameters, state, None), parameters
        average = (1 - averaging) * average + averaging * parameters
        return (parameters, state, average), average

    carry, path = jax.lax.scan(step, carry, normals)
    return carry, jax.vmap(COORDINATES[coordinates].to_mean_scale)(path)


def _path_until(optimizer, start, target, normals, coordinates, averaging, tolerance):
    """The states after each step, piece by piece up to the one with the first hit."""
    carry = _begin_path(optimizer, start, coordinates, averaging)
    pieces = []
    for begin in range(0, len(normals), _PIECE):
        piece = normals[begin : begin + _PIECE]
        missing = _PIECE - len(piece)
        if missing:
            piece = np.pad(piece, ((0, missing), (0, 0)))  # one shape, compiled once
        carry, states = _continue_path(optimizer, carry, target, piece, coordinates, averaging)
        pieces.append(np.asarray(states)[: _PIECE - missing])
        hit = first_hit(np.concatenate([start[None], pieces[-1]]), target, absolute_tolerance=tolerance)
        if hit is not None:
            pieces[-1] = pieces[-1][: hit + 1]
            break
    return np.concatenate([start[None], *pieces])


def path(
    optimizer: optax.GradientTransformation,
    start: ArrayLike,
    target: ArrayLike,
    normals: ArrayLike,
    *,
    coordinates: str = "log scale",
    averaging: float | None = None,
    until: float | None = None,
) -> Array:
    r"""Path of an online optimiser that fits $N(\mu, \sigma^2)$ to samples of a target Gaussian.

    Row $k$ of `normals` serves step $k$: its first entry $n$ gives the data sample $y = \mu^* + \sigma^* n$, each
    other entry a pseudo-sample $\tilde y = \mu + \sigma n$ of the current model. The optimiser gets the gradient of
    the negative log-likelihood at $y$ and, as keyword arguments, $y$ itself as `sample` and, with one pseudo-sample or
    more, the gradient at $\tilde y$ as `pseudo_gradient` (stacked if several).

    Args:
      optimizer: an optax transformation.
      start, target: $(\mu, \sigma)$ of the first model and of the data.
      normals: shape (steps, samples per step), standard normals; their dtype is the dtype of the run.
      coordinates: a name in `COORDINATES`: the parameters that are optimised.
      averaging: $\delta t$ in (0, 1] of the moving average $a \leftarrow (1 - \delta t) a + \delta t\, \xi$ that is
        returned in place of the iterates $\xi$, or None.
      until: the absolute tolerance of a `first_hit` that ends the path, which saves the steps after it; or None.

    Returns: $(\mu, \sigma)$ at the start and after every step, shape (steps + 1, 2); with `until`, the rows up to the
      first hit, if there is one.

    Raises: ValueError for a wrong shape, a number that is not finite, $\sigma \le 0$, an unknown coordinate system,
      no steps, an averaging outside (0, 1], or float64 normals while JAX's x64 mode is off.
    """
    _checks.mean_scale("start", start)
    _checks.mean_scale("target", target)
    _checks.finite_array("normals", normals, (None, None))
    _checks.count("the number of steps, normals.shape[0],", np.shape(normals)[0])
    _checks.count("the samples per step, normals.shape[1],", np.shape(normals)[1])
    _checks.member("coordinates", coordinates, COORDINATES)
    if averaging is not None:
        _checks.unit_interval("averaging", averaging)
    if until is not None:
        _checks.at_least_zero("until", until)
    dtype = np.asarray(normals).dtype if not isinstance(normals, Array) else normals.dtype
    normals = jnp.asarray(normals)
    if dtype == np.float64 and normals.dtype != dtype:
        raise ValueError("normals has dtype float64, but JAX's x64 mode is off: set jax_enable_x64, or pass float32")
    start, target = np.asarray(start, normals.dtype), np.asarray(target, normals.dtype)
    if until is not None:
        return jnp.asarray(_path_until(optimizer, start, target, np.asarray(normals), coordinates, averaging, until))
    carry = _begin_path(optimizer, start, coordinates, averaging)
    _, states = _continue_path(optimizer, carry, target, normals, coordinates, averaging)
    return jnp.concatenate([start[None], states])


def first_hit(
    path: ArrayLike, target: ArrayLike, *, absolute_tolerance: float = 0.01, relative_tolerance: float = 1e-5
) -> int | None:
    r"""First iteration of a path that lies in the box around the target, counted from 0; None if none does.

    $$|x - x^*| \le \text{absolute tolerance} + \text{relative tolerance} \cdot |x^*|$$ in every component, the test
    of `np.allclose`. Iteration $i$ is row $i + 1$ of `path`: row 0 is the start.

    Args:
      path: shape (steps + 1, n).
      target: shape (n,), in the units of `path`.
      absolute_tolerance, relative_tolerance: at least 0.

    Raises: ValueError for a wrong shape or a negative tolerance.
    """
    path, target = np.asarray(path), np.asarray(target)
    if path.ndim != 2 or target.shape != path.shape[1:]:
        raise ValueError(f"path must have shape (steps + 1, {target.size}) to match target, got {path.shape}")
    _checks.finite_array("target", target)
    _checks.at_least_zero("absolute_tolerance", absolute_tolerance)
    _checks.at_least_zero("relative_tolerance", relative_tolerance)
    tolerance = absolute_tolerance + relative_tolerance * np.abs(target)
    inside = np.ones(len(path) - 1, bool)
    for column, center, width in zip(path[1:].T, target, tolerance, strict=True):
        inside &= np.abs(column - center) <= width
    return int(inside.argmax()) if inside.any() else None


class Ensemble(NamedTuple):
    r"""Result of `ensemble`, NumPy arrays: one entry a run, $(\mu, \sigma)$ on the last axis of a state."""

    runs: np.ndarray  # shape (runs,): their indices
    first_hit: np.ndarray  # shape (runs,): first iteration in the box, counted from 0; -1 if there is none
    end: np.ndarray  # shape (runs, 2): the state after the last step
    largest_scale: np.ndarray  # shape (runs,): the largest standard deviation on the way, the start's included
    diverged: np.ndarray  # shape (runs,): whether the end state is not finite
    checkpoints: np.ndarray  # shape (checkpoints,): steps made by then
    states: np.ndarray | None  # shape (checkpoints, runs, 2), or None if quantiles were asked for
    quantiles: np.ndarray | None  # shape (checkpoints, quantiles, 2): of each component, over the finite runs
    finite: np.ndarray  # shape (checkpoints,): how many runs are finite


class _Carry(NamedTuple):
    """What a step hands to the next one, for a tile of runs on the last axis."""

    parameters: Array  # shape (2, tile)
    state: optax.OptState
    average: Array | None  # shape (2, tile): the moving average, if there is one
    first_hit: Array  # shape (tile,)
    largest_scale: Array  # shape (tile,)


# On a processor, a device works through its runs tile by tile. A tile fits its cache and has one shape, whatever the
# number of devices: compiled code may round differently for another shape.
_TILE = 512
_SHORT_TILE = 64  # tiles of fewer runs are multiples of this
_BLOCK = 64  # steps whose normals are drawn together: long loops for the compiler, small arrays for the cache


def _tiling(runs, devices):
    """Number and size of the tiles for so many runs: the number is a multiple of the number of devices."""
    if devices[0].platform == "cpu":
        size = min(_TILE, _SHORT_TILE * -(-runs // (2 * _SHORT_TILE)))
    else:
        size = _SHORT_TILE * -(-runs // (len(devices) * _SHORT_TILE))
    return len(devices) * -(-runs // (len(devices) * size)), size


@partial(jax.jit, static_argnames=("optimizer", "coordinates", "averages", "tiling", "sharding"))
def _begin(optimizer, start, initial_state, key_data, first_run, coordinates, averages, tiling, sharding):
    """Keys of the runs and what they carry into the first step; every array is (tiles, ..., tile), spread by tiles."""
    parameters = COORDINATES[coordinates].from_mean_scale(start)
    state = optimizer.init(parameters) if initial_state is None else initial_state
    single = _Carry(parameters, state, parameters if averages else None, jnp.asarray(-1, jnp.int32), start[1])

    def repeat(leaf):
        leaf = jnp.asarray(leaf)
        return jnp.broadcast_to(leaf[..., None], (tiling[0], *leaf.shape, tiling[1]))

    runs = first_run + jnp.arange(tiling[0] * tiling[1], dtype=jnp.uint32)
    keys = streams.run_keys(key_data, runs.reshape(tiling))
    return jax.lax.with_sharding_constraint((keys, jax.tree.map(repeat, single)), sharding)


def _mean_scale(carry, coordinates):
    """The state that a tile of runs shows, shape (2, tile)."""
    shown = carry.parameters if carry.average is None else carry.average
    return jax.vmap(COORDINATES[coordinates].to_mean_scale, in_axes=-1, out_axes=-1)(shown)


_mean_scale_of_tiles = jax.jit(jax.vmap(_mean_scale, (0, None)), static_argnames="coordinates")


@partial(
    jax.jit, static_argnames=("optimizer", "coordinates", "averaging", "samples", "sharding"), donate_argnames="carry"
)
def _advance(optimizer, keys, carry, first, last, target, tolerance, coordinates, averaging, samples, sharding):
    """What is carried after the steps `first` to `last` - 1, by every device for its own tiles."""
    update = partial(_update, optax.with_extra_args_support(optimizer), target, coordinates)
    update = jax.vmap(update, in_axes=-1, out_axes=-1)

    def step(index, carry, normals):
        parameters, state = update(carry.parameters, carry.state, normals)
        average = None if averaging is None else (1 - averaging) * carry.average + averaging * parameters
        carry = carry._replace(parameters=parameters, state=state, average=average)
        shown = _mean_scale(carry, coordinates)
        inside = (jnp.abs(shown - target[:, None]) <= tolerance[:, None]).all(axis=0)
        return carry._replace(
            first_hit=jnp.where(inside & (carry.first_hit < 0), index, carry.first_hit),
            largest_scale=jnp.maximum(carry.largest_scale, shown[1]),
        )

    def block(keys, number, carry):
        begin = number * _BLOCK  # a multiple of the block, wherever `first` is
        pairs = streams.complex_normals(keys, begin + jnp.arange(_BLOCK), (samples + 1) // 2, target.dtype)
        return jax.lax.fori_loop(
            jnp.maximum(first, begin),
            jnp.minimum(last, begin + _BLOCK),
            lambda index, carry: step(index, carry, streams.real_normals(pairs[index - begin], samples)),
            carry,
        )

    def tile(keys_and_carry):
        keys, carry = keys_and_carry
        return jax.lax.fori_loop(first // _BLOCK, (last - 1) // _BLOCK + 1, partial(block, keys), carry)

    on_each_device = jax.shard_map(
        partial(jax.lax.map, tile), mesh=sharding.mesh, in_specs=sharding.spec, out_specs=sharding.spec
    )
    return on_each_device((keys, carry))


def _warn_of_gamma(gamma, start, target, coordinates):
    """Warn if TANGO's gamma is past its stability bound where a run begins or where it should end."""
    for point in (start, target):
        bound = tango_gamma_bound(COORDINATES[coordinates].from_mean_scale(point), coordinates)
        if gamma >= bound:
            where = f"mean {point[0]:g} and standard deviation {point[1]:g}"
            warnings.warn(
                f"gamma must be less than {bound:.3g} to be stable at {where}, got {gamma:g}: runs may diverge",
                stacklevel=3,
            )
            return


def _gather(array):
    """A sharded array as a NumPy array, in every process."""
    if array.is_fully_addressable:
        return np.asarray(array)
    return np.asarray(multihost_utils.process_allgather(array, tiled=True))


def _quantiles(states, probabilities):
    """Quantiles of the components of states of shape (runs, 2); NaN if there are none."""
    if not len(states):
        return np.full((len(probabilities), 2), np.nan)
    return np.quantile(states, probabilities, axis=0)


def ensemble(
    optimizer: optax.GradientTransformation,
    start: ArrayLike,
    target: ArrayLike,
    key: Array,
    *,
    runs: int,
    steps: int,
    first_run: int = 0,
    coordinates: str = "log scale",
    averaging: float | None = None,
    pseudo_samples: int = 1,
    initial_state: optax.OptState | None = None,
    checkpoints: Sequence[int] = (),
    quantiles: Sequence[float] | None = None,
    absolute_tolerance: float = 0.01,
    relative_tolerance: float = 1e-5,
    dtype: DTypeLike = jnp.float32,
    chunk: int = 10_000,
    devices: Sequence[jax.Device] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Ensemble:
    r"""Many independent runs of `path` at once, of which only what is asked for is kept.

    The normals are drawn inside the compiled loop: run $r$ of a key sees `streams.normals(key, r, steps)`, and goes
    as `path` does with them. Its result is the same, bit for bit, whatever the number of runs, the chunk and the number
    of devices. With `jax.distributed`, call it in every process: each works on the runs of its own devices, and
    gets the whole result.

    Args:
      optimizer, start, target, coordinates, averaging: as in `path`.
      key: made by `jax.random.key`.
      runs, steps: how many runs, of how many steps each.
      first_run: index of the first run; to go on where another call has stopped.
      pseudo_samples: how many pseudo-samples a step draws, from 0. TANGO takes one.
      initial_state: state of the optimiser at the start of every run; by default what its `init` returns.
      checkpoints: increasing numbers of steps, from 0 to `steps`, after which states are kept.
      quantiles: probabilities. If given, these quantiles over the runs are kept at checkpoints, not the states.
      absolute_tolerance, relative_tolerance: the box of the first hit, as in `first_hit`.
      dtype: float32, or float64 in JAX's x64 mode.
      chunk: the largest number of steps in one compiled call.
      devices: by default all of JAX's, in every process.
      progress: called with the number of steps made after every compiled call.

    Returns: an `Ensemble`. A run that diverges is marked there; no mean is taken.

    Warns: once per call, if a `tango`'s $\gamma$ is past `tango_gamma_bound` at the start or at the target.

    Raises: TypeError for a key of another kind or a count that is not an integer; ValueError for anything out of its
      range, and as `path` does.
    """
    _checks.mean_scale("start", start)
    _checks.mean_scale("target", target)
    _checks.random_key("key", key)
    for name, value, least in [
        ("runs", runs, 1),
        ("steps", steps, 1),
        ("first_run", first_run, 0),
        ("pseudo_samples", pseudo_samples, 0),
        ("chunk", chunk, 1),
    ]:
        _checks.count(name, value, least)
    _checks.at_most("steps", steps, 2**31 - 2 * _BLOCK)  # they are counted in 32 bits
    _checks.at_most("first_run + runs", first_run + runs, 2**32)
    _checks.member("coordinates", coordinates, COORDINATES)
    if averaging is not None:
        _checks.unit_interval("averaging", averaging)
    _checks.at_least_zero("absolute_tolerance", absolute_tolerance)
    _checks.at_least_zero("relative_tolerance", relative_tolerance)
    _checks.increasing_counts("checkpoints", checkpoints, steps)
    if quantiles is not None:
        _checks.probabilities("quantiles", quantiles)
    dtype = _checks.float_dtype("dtype", dtype)

    if isinstance(optimizer, Tango):
        _warn_of_gamma(optimizer.gamma, start, target, coordinates)

    devices = jax.devices() if devices is None else list(devices)
    tiling = _tiling(runs, devices)
    sharding = NamedSharding(Mesh(np.array(devices), ("tiles",)), PartitionSpec("tiles"))
    start, target = np.asarray(start, dtype), np.asarray(target, dtype)
    tolerance = (absolute_tolerance + relative_tolerance * np.abs(target)).astype(dtype)
    key_data, first_index = np.asarray(jax.random.key_data(key)), np.uint32(first_run)
    keys, carry = _begin(
        optimizer, start, initial_state, key_data, first_index, coordinates, averaging is not None, tiling, sharding
    )
    settings = target, tolerance, coordinates, averaging, 1 + pseudo_samples, sharding

    def states():
        return np.moveaxis(_gather(_mean_scale_of_tiles(carry, coordinates)), 1, -1).reshape(-1, 2)[:runs]

    kept, finite = [], []
    done = 0
    for stop in sorted({0, *checkpoints, *range(chunk, steps, chunk), steps}):
        if stop > done:
            carry = _advance(optimizer, keys, carry, np.int32(done), np.int32(stop), *settings)
            done = stop
            if progress is not None:
                jax.block_until_ready(carry)
                progress(done)
        if stop in checkpoints:
            now = states()
            alive = np.isfinite(now).all(axis=-1)
            finite.append(alive.sum())
            kept.append(now if quantiles is None else _quantiles(now[alive], quantiles))

    end = states()
    return Ensemble(
        runs=first_run + np.arange(runs),
        first_hit=_gather(carry.first_hit).ravel()[:runs],
        end=end,
        largest_scale=_gather(carry.largest_scale).ravel()[:runs],
        diverged=~np.isfinite(end).all(axis=-1),
        checkpoints=np.array(checkpoints, int),
        states=np.array(kept, dtype).reshape(-1, runs, 2) if quantiles is None else None,
        quantiles=np.array(kept, dtype).reshape(-1, len(quantiles), 2) if quantiles is not None else None,
        finite=np.array(finite, int),
    )

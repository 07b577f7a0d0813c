"""Checks of arguments: each error names the argument, the value and what is allowed."""

import jax
import numpy as np


def concrete(result):
    """`result` as a NumPy array, so that what is done with it compiles nothing; under `jit` or `vmap` as it is."""
    return result if isinstance(result, jax.core.Tracer) else np.asarray(result)


def _raise_unless(holds, name, value, allowed):
    if not isinstance(value, jax.core.Tracer) and not np.all(holds(np.asarray(value))):
        raise ValueError(f"{name} must be {allowed}, got {np.asarray(value)}")


def real_array(name, value, shape=None):
    """Raise unless `value` is an array of real numbers, NaN and infinity included, of `shape` (None is any length)."""
    try:
        actual = np.shape(value)
    except ValueError as error:
        raise TypeError(f"{name} must be an array of numbers, got {value!r}") from error
    if shape is not None and (
        len(actual) != len(shape) or any(want not in (None, have) for want, have in zip(shape, actual, strict=True))
    ):
        wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"
        raise ValueError(f"{name} must have shape {wanted}, got shape {actual}")
    if not isinstance(value, jax.core.Tracer) and np.asarray(value).dtype.kind not in "iuf":
        raise TypeError(f"{name} must be an array of real numbers, got {value!r}")


def finite_array(name, value, shape=None):
    """Raise unless `value` is an array of finite real numbers of `shape`."""
    real_array(name, value, shape)
    _raise_unless(np.isfinite, name, value, "finite")


def path(value, components=None) -> np.ndarray:
    """`value` as an array; raise unless it is a path: real numbers, (steps + 1, components)."""
    real_array("path", value)
    array = np.asarray(value)
    if array.ndim != 2 or not array.size or components not in (None, array.shape[1]):
        raise ValueError(f"path must have shape (steps + 1, {components or 'n'}), got {array.shape}")
    return array


_RANGES = {
    "greater than 0": lambda array: array > 0,
    "at least 0": lambda array: array >= 0,
    "in (0, 1]": lambda array: (array > 0) & (array <= 1),
}


def within(name, value, allowed, shape=()):
    """Raise unless `value` is finite, of `shape`, and everywhere in the range that `allowed` names."""
    finite_array(name, value, shape)
    _raise_unless(_RANGES[allowed], name, value, allowed)


def mean_scale(name, value):
    """Raise unless `value` is (mean, standard deviation), finite, with a standard deviation greater than 0."""
    finite_array(name, value, (2,))
    if not isinstance(value, jax.core.Tracer) and not value[1] > 0:
        raise ValueError(f"{name} must have a standard deviation greater than 0, got {value[1]}")


def count(name, value, least=1, most=2**63 - 1):
    """Raise unless `value` is an integer from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be {f'at least {least}' if value < least else f'at most {most}'}, got {value}")


def member(name, value, allowed):
    """Raise unless `value` is one of the names in `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")


def instance(name, value, kind, what):
    """Raise unless `value` is of the class `kind`, which is `what`."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {what}, got {value!r}")


def increasing_counts(name, values, most):
    """Raise unless `values` are increasing integers from 0 to `most`."""
    real_array(name, values)
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise TypeError(f"{name} must be a sequence of integers, got {values!r}")
    if array.size and (array[0] < 0 or array[-1] > most or (np.diff(array.astype(int)) < 1).any()):
        raise ValueError(f"{name} must increase, from 0 at the least to {most} at the most, got {values!r}")


def random_key(name, value):
    """Raise unless `value` is one key of JAX's default generator."""
    typed = isinstance(value, jax.Array) and jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key)
    if not typed or value.shape != () or str(jax.random.key_impl(value)) != "threefry2x32":
        raise TypeError(f"{name} must be one threefry2x32 key, made by jax.random.key(seed), got {value!r}")


def float_dtype(name, value):
    """The dtype `value`; raise unless it is float32, or float64 in JAX's x64 mode."""
    try:
        dtype = np.dtype(value or "none")  # None would be float64
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be float32 or float64, got {value!r}") from error
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"{name} must be float32 or float64, got {dtype}")
    if dtype == np.float64 and not jax.config.jax_enable_x64:
        raise ValueError(f"{name} is float64, but JAX's x64 mode is off: set jax_enable_x64, or take float32")
    return dtype

"""Checks of arguments: each error names the argument, the value and what is allowed."""

import jax
import numpy as np

_ALLOWED = {
    "real": lambda array: True,  # NaN and infinity included
    "finite": np.isfinite,
    "greater than 0": lambda array: array > 0,
    "at least 0": lambda array: array >= 0,
    "in (0, 1]": lambda array: (array > 0) & (array <= 1),
}


def concrete(result):
    """`result` as a NumPy array, so that what is done with it compiles nothing; under `jit` or `vmap` as it is."""
    return result if isinstance(result, jax.core.Tracer) else np.asarray(result)


def array(name, value, shape=None, allowed="finite"):
    """Raise unless `value` is an array of real numbers, of `shape` (None is any length), everywhere as `allowed`."""
    try:
        actual = np.shape(value)
    except ValueError as error:
        raise TypeError(f"{name} must be an array of numbers, got {value!r}") from error
    wanted = actual if shape is None else tuple(shape)
    if len(actual) != len(wanted) or any(want not in (None, have) for want, have in zip(wanted, actual, strict=True)):
        raise ValueError(f"{name} must have shape {str(wanted).replace('None', 'any')}, got shape {actual}")
    if isinstance(value, jax.core.Tracer):
        return
    if np.asarray(value).dtype.kind not in "iuf":
        raise TypeError(f"{name} must be an array of real numbers, got {value!r}")
    for condition in ["real"] if allowed == "real" else ["finite", allowed]:
        if not np.all(_ALLOWED[condition](np.asarray(value))):
            raise ValueError(f"{name} must be {condition}, got {np.asarray(value)}")


def mean_scale(name, value):
    """Raise unless `value` is (mean, standard deviation), finite, with a standard deviation greater than 0."""
    array(name, value, (2,))
    if not isinstance(value, jax.core.Tracer) and not value[1] > 0:
        raise ValueError(f"{name} must have a standard deviation greater than 0, got {value[1]}")


def path(value, components=None) -> np.ndarray:
    """`value` as an array; raise unless it is a path: real numbers, (steps + 1, components)."""
    array("path", value, allowed="real")
    path = np.asarray(value)
    if path.ndim != 2 or not path.size or components not in (None, path.shape[1]):
        raise ValueError(f"path must have shape (steps + 1, {components or 'n'}), got {path.shape}")
    return path


def count(name, value, least=1, most=2**63 - 1):
    """Raise unless `value` is an integer from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be {f'at least {least}' if value < least else f'at most {most}'}, got {value}")


def increasing_counts(name, values, most):
    """Raise unless `values` are increasing integers from 0 to `most`."""
    array(name, values, (None,), "real")
    for value, before in zip(values, [-1, *values], strict=False):
        count(f"{name}, which increase,", value, before + 1, most)


def member(name, value, allowed):
    """Raise unless `value` is one of the names in `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")


def instance(name, value, kind, what):
    """Raise unless `value` is of the class `kind`, which is `what`."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {what}, got {value!r}")


def random_key(name, value):
    """Raise unless `value` is one key of JAX's default generator."""
    typed = isinstance(value, jax.Array) and jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key)
    if not typed or value.shape != () or str(jax.random.key_impl(value)) != "threefry2x32":
        raise TypeError(f"{name} must be one threefry2x32 key, made by jax.random.key(seed), got {value!r}")


def float_dtype(name, value) -> np.dtype:
    """The dtype `value`; raise unless it is float32, or float64 in JAX's x64 mode."""
    for dtype in map(np.dtype, ["float32", "float64"] if jax.config.read("jax_enable_x64") else ["float32"]):
        if isinstance(value, str | type | np.dtype) and value in (dtype, dtype.type, dtype.name):
            return dtype
    raise ValueError(f"{name} must be float32, or float64 in JAX's x64 mode, got {value!r}")

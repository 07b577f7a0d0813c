"""Checks of arguments: each error names the argument, the value and what is allowed."""

import jax
import numpy as np

_ALLOWED = {
    "finite": np.isfinite,
    "greater than 0": lambda array: array > 0,
    "at least 0": lambda array: array >= 0,
    "in (0, 1]": lambda array: (array > 0) & (array <= 1),
}


def concrete(value):
    """`value` as a NumPy array, so that what is done with it compiles nothing; under `jit` or `vmap` as it is."""
    return value if isinstance(value, jax.core.Tracer) else np.asarray(value)


def array(name, value, shape=None, allowed="finite"):
    """`value` as an array of floats. Raise unless it has the shape, where None is any length, is finite and allowed.

    What is "real" may hold NaN and infinity. Under `jit` or `vmap` only the shape and the kind are looked at.
    """
    try:
        array = concrete(value)
    except (TypeError, ValueError) as error:  # of a ragged list, a random key
        raise TypeError(f"{name} must be an array of numbers, got {value!r}") from error
    actual = array.shape
    wanted = actual if shape is None else shape
    if len(actual) != len(wanted) or any(want not in (None, have) for want, have in zip(wanted, actual, strict=True)):
        raise ValueError(f"{name} must have shape {str(wanted).replace('None', 'any')}, got shape {actual}")
    if 0 in actual:
        raise ValueError(f"{name} must not be empty, got shape {actual}")
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be an array of real numbers, got {value!r}")
    for condition in () if allowed == "real" or isinstance(array, jax.core.Tracer) else ("finite", allowed):
        if not np.all(_ALLOWED[condition](array)):
            raise ValueError(f"{name} must be {condition}, got {array}")
    return array if array.dtype.kind == "f" else array.astype(jax.numpy.result_type(float))


def mean_scale(name, value):
    """`value` as an array. Raise unless it is (mean, standard deviation), finite, the second one greater than 0."""
    pair = array(name, value, (2,))
    if not isinstance(pair, jax.core.Tracer) and not pair[1] > 0:
        raise ValueError(f"{name} must have a standard deviation greater than 0, got {pair[1]}")
    return pair


def count(name, value, least=1, most=2**63 - 1):
    """`value` as an int. Raise unless it is an integer from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be {f'at least {least}' if value < least else f'at most {most}'}, got {value}")
    return int(value)


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

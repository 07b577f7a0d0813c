"""Checks of arguments: each error names the argument, the value and what is allowed."""

import jax
import numpy as np


def _concrete(value):
    """Whether `value` can be looked at now: inside `jit` it cannot."""
    return not isinstance(value, jax.core.Tracer)


def finite_array(name, value, shape=None):
    """Raise unless `value` is a finite numeric array of `shape` (None stands for any length)."""
    try:
        actual = np.shape(value)
    except ValueError as error:
        raise TypeError(f"{name} must be an array of numbers, got {value!r}") from error
    if shape is not None and (
        len(actual) != len(shape) or any(want not in (None, have) for want, have in zip(shape, actual, strict=True))
    ):
        wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"
        raise ValueError(f"{name} must have shape {wanted}, got shape {actual}")
    if _concrete(value):
        array = np.asarray(value)
        if array.dtype.kind not in "iuf":
            raise TypeError(f"{name} must be an array of real numbers, got {value!r}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite, got {array}")


def positive(name, value):
    """Raise unless every entry of `value` is finite and greater than 0."""
    finite_array(name, value)
    if _concrete(value) and not (np.asarray(value) > 0).all():
        raise ValueError(f"{name} must be greater than 0, got {value}")


def mean_scale(name, value):
    """Raise unless `value` is (mean, standard deviation), finite, with a standard deviation greater than 0."""
    finite_array(name, value, (2,))
    if _concrete(value) and not value[1] > 0:
        raise ValueError(f"{name} must have a standard deviation greater than 0, got {value[1]}")


def unit_interval(name, value):
    """Raise unless the number `value` is in (0, 1]."""
    finite_array(name, value, ())
    if _concrete(value) and not 0 < value <= 1:
        raise ValueError(f"{name} must be in (0, 1], got {value}")


def count(name, value):
    """Raise unless `value` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")


def member(name, value, allowed):
    """Raise unless `value` is one of the names in `allowed`."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")

"""Examines the arguments of a Generator's methods, and makes the arrays that values are written to."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from fastinit.backends.catalogue import DISTRIBUTIONS, ELEMENTS
from fastinit.core.dtypes import check_apart, check_array
from fastinit.runtime.types import Array, Float64Array

NUMBERS = frozenset((float, int, np.float64, np.float32, np.int64, np.int32))
FLOATS = {np.dtype(element.real): element.real for element in ELEMENTS.values()}
"""The dtypes that floats are drawn in, and their names: looking them up here saves a microsecond over `dtype.name`."""

LARGEST_NARROW_RANGE = 2**24  # up to here one word makes an integer: at most one word in 2^8 is rejected
_INTEGER_LIMITS = {np.dtype(np.bool_): (0, 1)} | {
    dtype: (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    for name in DISTRIBUTIONS["integers"].elements
    for dtype in (np.dtype(name), np.dtype(name[1:]))
}


def are_plain(loc: Any, scale: Any) -> bool:
    """Whether both are plain numbers, and the scale is positive or NaN."""
    return type(loc) in NUMBERS and type(scale) in NUMBERS and bool(scale > 0 or scale != scale)


def are_numbers(*parameters: Any) -> bool:
    """Whether all are plain numbers."""
    return all(type(parameter) in NUMBERS for parameter in parameters)


def is_integer(number: Any) -> bool:
    """Whether it is an int or one of NumPy's, no boolean."""
    return type(number) is int or isinstance(number, np.integer)


def plain_shape(size: Any) -> tuple[int, ...] | None:
    """The shape that a size stands for, an integer or a sequence of them; None for another one, which NumPy may refuse."""
    if type(size) is int and size >= 0:
        return (size,)
    try:
        sizes = tuple(size) if isinstance(size, Iterable) else (size,)
        shape = tuple(map(operator.index, sizes))
    except TypeError:
        return None
    return None if any(isinstance(n, (bool, np.bool_)) for n in sizes) or min(shape, default=0) < 0 else shape


def check_room(size: Any, *bounds: Any) -> None:
    """ValueError where bounds of integers broadcast to more than `size`: NumPy's code does not ask, and writes beyond."""
    shape = None if size is None else plain_shape(size)
    if shape is None or 0 in shape:
        return
    of_bounds = np.broadcast_shapes(*(np.shape(bound) for bound in bounds))
    if np.broadcast_shapes(shape, of_bounds) != shape:
        raise ValueError(f"Output size {shape} is not compatible with broadcast dimensions of inputs {of_bounds}.")


def are_scales(scales: Any) -> bool:
    """Whether these are numbers without a minus sign."""
    with np.errstate(all="ignore"):
        try:
            return not np.signbit(as_float64(scales)).any()
        except (TypeError, ValueError):
            return False


def as_float64(parameter: Any) -> Float64Array:
    """An array, or one number by its __float__. TypeError and ValueError where NumPy's method raises one, too.

    Arrays of objects, text, complex and longer numbers are refused: what they hold may be None, or lose its digits.
    """
    array = np.asarray(parameter) if hasattr(parameter, "__array__") else np.asarray(parameter, np.float64)
    if not np.can_cast(array.dtype, np.float64):
        raise TypeError(f"numbers must be real, got an array of {array.dtype}")
    array = np.asarray(array, np.float64)
    return array if array.ndim else np.asarray(math.copysign(parameter, parameter))


def apart_from(out: Any, parameter: Float64Array) -> Float64Array:
    """The parameter, or a copy where `out`, which is written first, may share its memory."""
    return parameter.copy() if isinstance(out, np.ndarray) and np.may_share_memory(out, parameter) else parameter


def plain_float(number: Any) -> Any:
    """A plain number as a float; anything else as it is."""
    return float(number) if type(number) in NUMBERS else number


def difference(low: Any, high: Any) -> Any:
    """high - low: a float for two floats, else a float64 array; NaN where one of them is not a number."""
    if type(low) is type(high) is float:
        return high - low
    with np.errstate(all="ignore"):
        try:
            return np.asarray(as_float64(high) - as_float64(low))
        except (TypeError, ValueError):
            return math.nan


def float_array(size: Any, dtype: Any, out: Array | None) -> Array | None:
    """`out`, or a new array; None for a request that is not plainly valid, which is left to NumPy.

    TypeError for an `out` that is no array, which NumPy would take for one, or of another dtype; ValueError for one that
    overlaps itself, or is of another shape.
    """
    kind = _dtype(dtype)
    if out is None:
        return _new(size, kind) if kind in FLOATS else None
    check_array(out)
    if kind not in FLOATS or not out.flags.writeable:
        return None
    if out.dtype.newbyteorder("=") != kind:  # NumPy's words, which it has for contiguous arrays alone
        raise TypeError(f"Supplied output array has the wrong type. Expected {kind}, got {out.dtype}")
    check_apart(out)
    if size is not None and tuple(np.atleast_1d(size)) != out.shape:
        raise ValueError("size must match out.shape when used together")
    return out


def is_float64(dtype: Any) -> bool:
    return dtype is np.float64 or _dtype(dtype) == np.float64


def is_float32(dtype: Any) -> bool:
    return _dtype(dtype) == np.float32


def integer_array(size: Any, dtype: Any, least: int, count: int, out: Array | None) -> Array | None:
    """`out`, which is checked, or a new array; None where NumPy's method must draw the values or raise the error."""
    kind = _dtype(dtype)
    if kind is None or kind not in _INTEGER_LIMITS:
        return None
    first, last = _INTEGER_LIMITS[kind]
    if not first <= least < least + count <= last + 1:
        return None
    return _new(size, kind) if out is None else out


def integers_from(least: int, count: int) -> tuple[str, Float64Array]:
    """The distribution of `count` integers from `least` on, equally likely, and the parameters of its kernels."""
    distribution, words = ("integers", 2**32) if count <= LARGEST_NARROW_RANGE else ("wideintegers", 2**64)
    parameters = np.array((least % 2**64, count % 2**64, words % count), np.uint64)  # the last: the rejection threshold
    return distribution, parameters.view(np.float64)


def _new(size: Any, dtype: Any) -> Array | None:
    try:
        return None if isinstance(size, (bool, np.bool_)) else np.empty(size, dtype)
    except (TypeError, ValueError):
        return None


def _dtype(dtype: Any) -> np.dtype[Any] | None:
    """`numpy.dtype(dtype)`; None where that raises."""
    try:
        return _cached_dtype(dtype)
    except (TypeError, ValueError):
        return None


_cached_dtype = lru_cache(maxsize=64)(np.dtype)

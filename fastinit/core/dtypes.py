"""Which dtypes values are written in, and which arrays can take them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from fastinit.backends.elements import ELEMENT_TYPES, ElementType
from fastinit.runtime.types import Array


def element_type(dtype: Any) -> ElementType:
    """The element type for a dtype or its name. For any other, TypeError that lists the valid ones."""
    try:
        return _element_type(dtype)
    except (TypeError, KeyError, SyntaxError):  # NumPy parses some strings
        raise TypeError(f"dtype must be one of {', '.join(ELEMENT_TYPES)}, got {dtype!r}") from None


@lru_cache(maxsize=64)
def _element_type(dtype: Any) -> ElementType:
    if dtype is None:  # NumPy takes None for float64, but most who write it mean the default, float32
        raise TypeError
    name = dtype if isinstance(dtype, str) and dtype in ELEMENT_TYPES else np.dtype(dtype).name
    return ELEMENT_TYPES[name]


def check_out(out: object, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """TypeError or ValueError where values of this shape and dtype cannot be written to `out`."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a numpy array, got {type(out).__name__}")
    if out.dtype.newbyteorder("=") != dtype:
        raise TypeError(f"out has dtype {out.dtype}, but dtype is {dtype}: pass dtype=out.dtype")
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape}, but the values asked for have shape {shape}")
    if not out.flags.writeable:
        raise ValueError("out is read-only: pass an array that may be written")
    if out.size and not out.flags.c_contiguous and _may_overlap_itself(out):
        raise ValueError(f"out has elements that share memory (strides {out.strides}): pass an array without overlap")


def _may_overlap_itself(out: Array) -> bool:
    """Whether two elements may share memory: a stride is shorter than what the axes of smaller strides cover."""
    reach = out.itemsize
    for stride, n in sorted((abs(stride), n) for stride, n in zip(out.strides, out.shape) if n > 1):
        if stride < reach:
            return True
        reach += stride * (n - 1)
    return False

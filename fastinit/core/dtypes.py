"""Which dtypes values are written in, and which arrays can take them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from fastinit.backends.elements import ELEMENT_TYPES, ElementType
from fastinit.runtime.types import Array

MOST_WORK = 10**5  # candidate solutions that NumPy looks at to tell whether two arrays have an element in common


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


def check_array(out: object, what: str = "out", elsewhere: str = "") -> Array:
    """`out` itself. TypeError where it is no array of NumPy's; `elsewhere` is what else is taken."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{what} must be a numpy array{elsewhere}, got {type(out).__name__}")
    return out


def check_out(out: object, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """TypeError or ValueError where values of this shape and dtype cannot be written to `out`."""
    out = check_array(out, elsewhere=", or one on a CUDA device" if hasattr(out, "__dlpack_device__") else "")
    if out.dtype != dtype and out.dtype.newbyteorder("=") != dtype:
        raise TypeError(f"out has dtype {out.dtype}, but dtype is {dtype}: pass dtype=out.dtype")
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape}, but the values asked for have shape {shape}")
    if not out.flags.writeable:
        raise ValueError("out is read-only: pass an array that may be written")
    check_apart(out)


def check_apart(out: Array) -> None:
    """ValueError where two elements may share memory."""
    if out.size and not out.flags.c_contiguous and _may_overlap_itself(out):
        raise ValueError(f"out has elements that share memory (strides {out.strides}): pass an array without overlap")


def check_disjoint(arrays: Mapping[str, Array]) -> None:
    """ValueError where two of the arrays share memory, or are the same one."""
    spans = sorted((*_span(array), name) for name, array in arrays.items() if array.size)
    open_spans: list[tuple[int, str]] = []  # the ends and names of those that may reach beyond the start of the next
    for first, last, name in spans:
        open_spans = [(end, other) for end, other in open_spans if end > first]
        for _, other in open_spans:
            if _share_memory(arrays[name], arrays[other]):
                pair = " and ".join(repr(n) for n in arrays if n in (name, other))
                raise ValueError(f"out has the same memory for {pair}: each name needs an array of its own")
        open_spans.append((last, name))


def _span(array: Array) -> tuple[int, int]:
    """The addresses of the first byte and behind the last."""
    reach = [stride * (n - 1) for stride, n in zip(array.strides, array.shape)]
    start: int = array.__array_interface__["data"][0]
    return start + sum(min(0, r) for r in reach), start + sum(max(0, r) for r in reach) + array.itemsize


def _share_memory(a: Array, b: Array) -> bool:
    try:
        return np.shares_memory(a, b, max_work=MOST_WORK)  # type: ignore[arg-type]  # any number, NumPy says
    except RuntimeError:  # too hard to tell, for strides that nobody has
        return True


def _may_overlap_itself(out: Array) -> bool:
    """Whether two elements may share memory: a stride is shorter than what the axes of smaller strides cover."""
    reach = out.itemsize
    for stride, n in sorted((abs(stride), n) for stride, n in zip(out.strides, out.shape) if n > 1):
        if stride < reach:
            return True
        reach += stride * (n - 1)
    return False

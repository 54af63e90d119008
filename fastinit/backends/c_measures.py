"""What audits measure of a piece of a tensor, by the C extension; fastinit/auditing/passes.py does the same in NumPy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastinit._kernels import ffi as _ffi
from fastinit._kernels import lib as _lib
from fastinit.backends.c import LEVELS

_TYPES = {np.dtype(np.float32): ("float32", "float[]"), np.dtype(np.float64): ("float64", "double[]")}


class Tally(NamedTuple):
    """The fields of `fi_tally` (csrc/kernels/measure.h)."""

    low: float
    high: float
    mean: float
    m2: float
    m3: float
    m4: float
    not_finite: int
    zeros: int
    out_of_range: int
    bits_used: int


def tally(level: str, values: NDArray[Any], least: float, most: float) -> Tally:
    """Of values of float32 or float64, 1-D and contiguous."""
    name, pointer = _TYPES[values.dtype]
    found = _ffi.new("fi_tally *")
    memory = _ffi.from_buffer(pointer, values)
    getattr(_lib, f"fi_tally_{name}")(LEVELS[level], memory, values.size, least, most, found)
    return Tally._make(getattr(found, field) for field in Tally._fields)


def histogram(level: str, values: NDArray[Any], centre: float, scale: float, offset: float, bins: int) -> NDArray[np.int64]:
    """How many of the values, 1-D, contiguous and finite, have each of the places (x - centre) * scale + offset."""
    name, pointer = _TYPES[values.dtype]
    found = np.zeros(bins, np.int64)
    memory, counts = _ffi.from_buffer(pointer, values), _ffi.from_buffer("int64_t[]", found)
    fill = getattr(_lib, f"fi_histogram_{name}")
    fill(LEVELS[level], memory, values.size, centre, scale, offset, bins - 1, counts)
    return found

"""The backend's fill, of functions that are compiled at their first use and cached on disk."""

from __future__ import annotations

import threading
from functools import cache
from typing import NamedTuple

import numba
import numpy as np
from numba import types
from numpy import float64, int64, uint32, uint64

from fastinit.backends.catalogue import KERNELS
from fastinit.backends.numba.compiling import compiled_at_first_call, compiled_once, compiling
from fastinit.backends.numba.fill_loop import Buffers, fill_runs, new_buffers
from fastinit.backends.numba.lanes import TILE_WORDS
from fastinit.backends.numba.operations import Untyped
from fastinit.backends.numba.value_functions import copying_function, rounding_function, values_function
from fastinit.backends.request import FillRequest

_kept = threading.local()


class Compiled(NamedTuple):
    """What makes a kernel's values: the loop, and the addresses of the functions that it calls."""

    loop: Untyped
    values_of: np.int64
    rounded: np.int64
    """0 where values are elements as they are."""


def fill(request: FillRequest) -> None:
    kernel, stream, parameters, starts, length, step, out, non_temporal, _ = request
    loop, values_of, rounded = compiled(kernel)
    copy_steps = copying_function(out.itemsize).address if step != 1 else 0
    # of just these types: a read-only array or a plain int would be another signature to compile
    loop(
        values_of,
        rounded,
        int64(copy_steps),
        int64(out.itemsize),
        int64(TILE_WORDS // KERNELS[kernel].words_per_value),
        np.array(stream, uint32),
        np.require(parameters, float64, ["C", "W"]),
        np.array(starts, uint64),
        uint64(length),
        int64(step),
        int64(out.ctypes.data),
        non_temporal,
        *_buffers(),
    )


def _buffers() -> Buffers:
    """This thread's, kept for its next fill."""
    try:
        buffers: Buffers = _kept.buffers
    except AttributeError:
        buffers = _kept.buffers = new_buffers()
    return buffers


@cache
def compiled(kernel: str) -> Compiled:
    """Compile what a kernel, a name of `catalogue.KERNELS`, needs, or load it from the cache."""
    loop = compiled_once("fill", _loop)
    values_of = values_function(KERNELS[kernel])
    rounded = rounding_function(KERNELS[kernel].element) if KERNELS[kernel].is_rounded else None
    return Compiled(loop, int64(values_of.address), int64(rounded.address if rounded else 0))


def _loop() -> Untyped:
    loop = compiled_at_first_call(fill_runs, "fill")
    i64, u64 = types.int64, types.uint64
    from_dtype: Untyped = numba.from_dtype

    def array(of: type[np.generic]) -> Untyped:
        return types.Array(from_dtype(np.dtype(of)), 1, "C")

    with compiling("the fill"):
        loop.compile((
            i64, i64, i64, i64, i64, array(uint32), array(float64), array(uint64), u64, i64, i64, types.boolean,
            *(array(buffer.dtype.type) for buffer in new_buffers()),
        ))  # fmt: skip
    return loop

"""The backend's fill, of functions that are compiled at their first use and cached on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numba import types
from numpy import float64, uint32, uint64

from fastinit.backends.catalogue import KERNELS
from fastinit.backends.numba.compiling import address_of, compiled_for_python, compiled_once, pointer_to
from fastinit.backends.numba.fill_loop import Buffers, fill_runs, new_buffers
from fastinit.backends.numba.lanes import TILE_WORDS
from fastinit.backends.numba.value_functions import copying_function, rounding_function, values_function
from fastinit.backends.request import FillRequest

_kept = threading.local()


class Compiled(NamedTuple):
    """What makes a kernel's values: the loop, and the addresses of the functions that it calls."""

    loop: Callable[..., None]
    values_of: int
    rounded: int
    """0 where values are elements as they are."""


def fill(request: FillRequest) -> None:
    kernel, words, parameters, starts, length, step, out, non_temporal, _ = request
    loop, values_of, rounded = compiled(kernel)
    copy_steps = copying_function(out.itemsize).address if step != 1 else 0
    stream = np.array(words, uint32)
    parameters, starts = np.ascontiguousarray(parameters, float64), np.ascontiguousarray(starts, uint64)
    loop(
        values_of,
        rounded,
        copy_steps,
        out.itemsize,
        TILE_WORDS // KERNELS[kernel].words_per_value,
        address_of(stream),
        address_of(parameters),
        address_of(starts),
        starts.size,
        int(length),
        step,
        address_of(out),
        non_temporal,
        *(address_of(buffer) for buffer in _buffers()),
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
    return Compiled(loop, values_of.address, rounded.address if rounded else 0)


def _loop() -> Callable[..., None]:
    i64, u64 = types.int64, types.uint64
    words, queue, starts = (pointer_to(of) for of in (uint32, np.int64, uint64))
    arguments = i64, i64, i64, i64, i64, words, i64, starts, i64, u64, i64, i64, i64, queue, words, words, words, i64
    return compiled_for_python(fill_runs, "fill", arguments)

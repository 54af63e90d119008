"""The C backend: kernels compiled for several instruction-set levels, called without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit._kernels import ffi as _ffi
from fastinit._kernels import lib as _lib
from fastinit.backends import c_calls
from fastinit.backends.c_signals import interruptible
from fastinit.backends.request import AxesRequest, Fill, FillAxes, FillMany, FillRequest, Parameters


def _text(pointer: Any) -> str:  # cffi's objects have no types
    return str(_ffi.string(pointer).decode())


LEVELS = {_text(_lib.fi_level_name(i)): i for i in range(_lib.fi_level_count()) if _lib.fi_level_supported(i)}
"""The levels this CPU runs, slowest first, and their numbers."""

KERNELS = {_text(_lib.fi_kernel_name(i)): i for i in range(_lib.fi_kernel_count())}

LEAST_WITH_PAUSES = 2**19  # elements: a fill of fewer on one thread ends within a millisecond or so, and lets no signals in
HAS_THREADS = bool(_lib.fi_has_threads())


def _fill(level: int, request: FillRequest) -> None:
    kernel, stream, parameters, starts, count, step, out, non_temporal, num_threads = request
    if out.ndim == 1:
        memory, pitch = _ffi.from_buffer(out), count * out.itemsize
    else:
        memory, pitch = _ffi.cast("void *", out.ctypes.data), out.strides[0]
    parameters, starts = _ffi.from_buffer("double[]", parameters), _ffi.from_buffer("uint64_t[]", starts)
    where = memory, pitch, non_temporal
    if num_threads == 1 and out.size < LEAST_WITH_PAUSES:
        _lib.fi_fill(level, KERNELS[kernel], stream, parameters, starts, len(starts), count, step, *where)
        return
    runs = starts, len(starts), count, step
    interruptible(_lib.fi_fill_shared, level, KERNELS[kernel], stream, parameters, *runs, *where, num_threads)


def _fill_axes(level: int, request: AxesRequest) -> None:
    kernel, stream, parameters, origin, steps, out, non_temporal, num_threads = request
    axes = _ffi.new("fi_axis[]", [*zip(out.shape, steps, out.strides)])
    where = out.ndim, axes, out.itemsize, _ffi.cast("void *", out.ctypes.data), non_temporal, num_threads
    parameters = _ffi.from_buffer("double[]", parameters)
    interruptible(_lib.fi_fill_axes, level, KERNELS[kernel], stream, parameters, origin, *where)


def fill_axes_at(level: str) -> FillAxes:
    """The function of a level that fills arrays of any strides."""
    return partial(_fill_axes, LEVELS[level])


def fill_at(level: str) -> Fill:
    """The fill function of a level."""
    return partial(_fill, LEVELS[level])


def _fill_many(
    native: Any,
    level: int,
    kernels: Sequence[str],
    streams: bytes,
    parameters: Sequence[Parameters],
    outs: Sequence[NDArray[np.generic]],
) -> None:
    native.fill_many(level, [KERNELS[kernel] for kernel in kernels], streams, [*parameters], [*outs])


def fill_many_at(level: str) -> FillMany | None:
    """The function of a level that fills many arrays; None where the extension that has it was not built."""
    native = c_calls.native()
    return None if native is None else partial(_fill_many, native, LEVELS[level])


def xla_handler(level: str, minor: int) -> int | None:
    """The address of the handler of XLA's FFI, which from now on fills at this level, and says that it serves version
    0.`minor` of XLA's interface; None where there is none."""
    return int(_ffi.cast("intptr_t", _lib.fi_xla_handler(LEVELS[level], minor))) or None

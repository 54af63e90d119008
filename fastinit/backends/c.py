"""The C backend: kernels compiled for several instruction-set levels, called without the interpreter's lock."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit._kernels import ffi as _ffi
from fastinit._kernels import lib as _lib
from fastinit.backends import c_calls
from fastinit.backends.request import AxesRequest, Fill, FillAxes, FillMany, FillRequest, Parameters


def _text(pointer: Any) -> str:  # cffi's objects have no types
    return str(_ffi.string(pointer).decode())


LEVELS = {_text(_lib.fi_level_name(i)): i for i in range(_lib.fi_level_count()) if _lib.fi_level_supported(i)}
"""The levels this CPU runs, slowest first, and their numbers."""

KERNELS = {_text(_lib.fi_kernel_name(i)): i for i in range(_lib.fi_kernel_count())}

LEAST_WITH_PAUSES = 2**19  # elements: a fill of fewer on one thread ends within a millisecond or so, and lets no signals in
HAS_THREADS = bool(_lib.fi_has_threads())

# What a signal's handler has raised during a fill. Handlers run on the main thread alone, so that one place is enough: of
# fills within each other, as where a handler fills, the inner one raises it first.
_raised: list[BaseException] = []


def _keep(kind: type[BaseException], error: BaseException, traceback: TracebackType) -> None:
    _raised.append(error.with_traceback(traceback))


@_ffi.def_extern(error=1, onerror=_keep)  # type: ignore[untyped-decorator]  # of cffi
def fi_check_signals() -> int:
    """Called by the main thread during long fills: the interpreter runs the handlers of signals as the function begins."""
    return 0


def _raise() -> None:
    """Raise what a handler has raised, now that the fill has ended."""
    if not _raised:  # of two handlers that raised at once the second came before `_keep`
        raise KeyboardInterrupt
    try:
        raise _raised.pop()
    finally:
        _raised.clear()


def interruptible(function: Any, *arguments: Any) -> None:
    """Call a C function whose last argument is `pause`; on the main thread signals are let in, and may end it."""
    on_main_thread = threading.get_ident() == threading.main_thread().ident
    result = function(*arguments, _lib.fi_check_signals if on_main_thread else _ffi.NULL)
    if result < 0:
        raise MemoryError("fastinit has no memory for its buffers")
    if result:
        _raise()


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


def xla_handler(level: str) -> int | None:
    """Make the handler of XLA's FFI fill at this level from now on; its address, or None where it was not built."""
    return int(_ffi.cast("intptr_t", _lib.fi_xla_handler(LEVELS[level]))) or None

"""The C backend: kernels compiled for several instruction-set levels, called without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from fastinit import _kernels

_lib, _ffi = _kernels.lib, _kernels.ffi


def _text(pointer) -> str:
    return _ffi.string(pointer).decode()


LEVELS = {_text(_lib.fi_level_name(i)): i for i in range(_lib.fi_level_count()) if _lib.fi_level_supported(i)}
"""The levels this CPU runs, slowest first, and their numbers."""

KERNELS = {_text(_lib.fi_kernel_name(i)): i for i in range(_lib.fi_kernel_count())}


def _fill(
    level: int,
    kernel: str,
    stream: tuple[int, int, int, int],
    parameters: np.ndarray,
    starts: np.ndarray,
    count: int,
    step: int,
    out: np.ndarray,
    streaming: bool,
) -> None:
    if out.ndim == 1:
        memory, pitch = _ffi.from_buffer(out), count * out.itemsize
    else:
        memory, pitch = _ffi.cast("void *", out.ctypes.data), out.strides[0]
    _lib.fi_fill(
        level,
        KERNELS[kernel],
        stream,
        _ffi.from_buffer("double[]", parameters),
        _ffi.from_buffer("uint64_t[]", starts),
        starts.size,
        count,
        step,
        memory,
        pitch,
        streaming,
    )


def fill_at(level: str):
    """The fill function of a level, to be called as fastinit.backends.Fill says."""
    return partial(_fill, LEVELS[level])


def _fill_many(
    level: int, kernels: Sequence[str], streams: np.ndarray, parameters: Sequence[np.ndarray], outs: Sequence[np.ndarray]
) -> None:
    used = {id(row): _ffi.from_buffer("double[]", row) for row in parameters}  # few: tensors share distributions
    _lib.fi_fill_many(
        level,
        len(outs),
        [KERNELS[kernel] for kernel in kernels],
        _ffi.from_buffer("uint32_t[]", streams),
        [used[id(row)] for row in parameters],
        [out.size for out in outs],
        [_ffi.from_buffer(out) for out in outs],
    )


def fill_many_at(level: str):
    """The function of a level that fills many arrays, to be called as fastinit.backends.FillMany says."""
    return partial(_fill_many, LEVELS[level])


def xla_handler(level: str) -> int | None:
    """The address of the handler of XLA's FFI, which fills at this level from then on; None where it was not built."""
    return int(_ffi.cast("intptr_t", _lib.fi_xla_handler(LEVELS[level]))) or None

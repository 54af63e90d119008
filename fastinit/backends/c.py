"""The C backend: kernels compiled for several instruction-set levels, called without the interpreter's lock."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from fastinit import _kernels

_lib, _ffi = _kernels.lib, _kernels.ffi


def _text(pointer) -> str:
    return _ffi.string(pointer).decode()


LEVELS = {
    _text(_lib.fi_level_name(i)): i for i in range(_lib.fi_level_count()) if _lib.fi_level_supported(i)
}
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
    _lib.fi_fill(
        level,
        KERNELS[kernel],
        stream,
        _ffi.from_buffer("double[]", parameters),
        _ffi.from_buffer("uint64_t[]", starts),
        starts.size,
        count,
        step,
        _ffi.from_buffer(out),
        streaming,
    )


def fill_at(level: str):
    """The fill function of a level, to be called as fastinit.backends.Fill says."""
    return partial(_fill, LEVELS[level])


def draws_at(level: str):
    """The draw functions of a level, to be called as fastinit.backends.Draw and DrawIntegers say."""
    number, kernels, from_buffer = LEVELS[level], KERNELS, _ffi.from_buffer
    fi_draw, fi_draw_integers = _lib.fi_draw, _lib.fi_draw_integers

    def draw(cursor: Any, kernel: str, first: float, second: float, out: np.ndarray, n: int) -> None:
        fi_draw(cursor.memory, number, kernels[kernel], first, second, from_buffer(out), n)

    def draw_integers(cursor: Any, kernel: str, low: int, count: int, redrawn: int, out: np.ndarray, n: int) -> None:
        fi_draw_integers(cursor.memory, number, kernels[kernel], low, count, redrawn, from_buffer(out), n)

    return draw, draw_integers


def xla_handler(level: str) -> int | None:
    """The address of the handler of XLA's FFI, which fills at this level from then on; None where it was not built."""
    return int(_ffi.cast("intptr_t", _lib.fi_xla_handler(LEVELS[level]))) or None

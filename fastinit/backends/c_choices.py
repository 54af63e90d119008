"""Items of an array by their numbers, by the C extension: csrc/kernels/choices.h."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit._kernels import ffi as _ffi
from fastinit._kernels import lib as _lib
from fastinit.backends.c import KERNELS
from fastinit.backends.c_signals import interruptible
from fastinit.backends.generator_requests import ChoiceRequest


def _memory(array: NDArray[np.generic]) -> Any:
    """Also of dtypes that have no buffers."""
    return _ffi.cast("void *", array.ctypes.data)


def take(items: NDArray[np.generic], numbers: NDArray[np.int64], out: NDArray[np.generic], num_threads: int) -> None:
    """See `fastinit.backends.generator_requests.Operations`."""
    chosen = _ffi.from_buffer("int64_t[]", numbers)
    interruptible(_lib.fi_take_items, _memory(items), items.strides[0], chosen, len(numbers), _memory(out), num_threads)


def _choose(level: int, request: ChoiceRequest) -> None:
    kernel, stream, parameters, start, items, out, num_threads = request
    drawn = KERNELS[kernel], stream, _ffi.from_buffer("double[]", parameters), start
    interruptible(
        _lib.fi_choose_items, level, *drawn, _memory(items), items.strides[0], len(out), _memory(out), num_threads
    )  # fmt: skip


def choose_at(level: int) -> Callable[[ChoiceRequest], None]:
    """The function of a level; see `fastinit.backends.generator_requests.Operations`."""
    return partial(_choose, level)

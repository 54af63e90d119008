"""Random orders, by the C extension: csrc/kernels/shuffles.h."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit._kernels import ffi as _ffi
from fastinit._kernels import lib as _lib
from fastinit.backends.c_signals import interruptible
from fastinit.backends.generator_requests import ShuffleRequest

PIECES_OF_A_THREAD = 4  # so that none waits long for the last
LEAST_PIECE = 2**14  # items
MOST_BITS_OF_A_VALUE = 64  # of the table that shows which numbers occurred; a table of hashes has at least 128


def _memory(array: NDArray[np.generic] | None) -> Any:
    return _ffi.NULL if array is None else _ffi.from_buffer(array)


def _shuffle(level: int, request: ShuffleRequest) -> None:
    stream, start, bits, wanted, items, out, num_threads = request
    n = len(out)
    pieces = min(PIECES_OF_A_THREAD * num_threads, n // LEAST_PIECE + 1)
    counts = np.empty(2 * pieces << bits, np.uint64)
    scratch = np.empty_like(out) if items is out else None  # else items are dealt to `out`, and shuffled there
    interruptible(
        _lib.fi_shuffle, level, stream, start, bits, n, wanted, _memory(items), out.itemsize, _memory(out), _memory(scratch),
        _ffi.from_buffer("uint64_t[]", counts), pieces, num_threads,
    )  # fmt: skip


def distinct(values: NDArray[np.int64], below: int) -> Callable[[int], int]:
    """See `fastinit.backends.generator_requests.Operations`."""
    hash_bits = 0 if below <= MOST_BITS_OF_A_VALUE * len(values) else len(values).bit_length() + 1
    table = np.empty(2**hash_bits if hash_bits else below // 64 + 1, np.uint64)
    table.fill(0)  # in huge pages, which np.zeros does not ask for
    memory, places = _ffi.from_buffer("int64_t[]", values), _ffi.from_buffer("uint64_t[]", table)
    return lambda known: int(_lib.fi_first_occurrences(memory, known, len(values), places, hash_bits))


def shuffle_at(level: int) -> Callable[[ShuffleRequest], None]:
    """The function of a level; see `fastinit.backends.generator_requests.Operations`."""
    return partial(_shuffle, level)

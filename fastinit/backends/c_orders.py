"""Random orders, searches in tables and products, by the C extension: csrc/kernels/shuffles.h, products.h."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fastinit._kernels import ffi as _ffi
from fastinit._kernels import lib as _lib
from fastinit.backends.c import KERNELS, LEVELS, interruptible
from fastinit.backends.request import Orders, SearchRequest, ShuffleRequest

PIECES_OF_A_THREAD = 4  # so that none waits long for the last
LEAST_PIECE = 2**14  # items
ROWS_TOGETHER, COLUMNS_TOGETHER = 16, 4  # as csrc/kernels/products.h has them
MOST_BITS_OF_A_VALUE = 64  # of the table that shows which numbers occurred; a table of hashes has at least 128


def _shuffle(level: int, request: ShuffleRequest) -> None:
    stream, start, bits, wanted, items, out, num_threads = request
    n = len(out)
    pieces = min(PIECES_OF_A_THREAD * num_threads, n // LEAST_PIECE + 1)
    counts = np.empty(2 * pieces << bits, np.uint64)
    scratch = np.empty(n, out.dtype if items is not None else np.uint32 if n <= 2**32 else np.uint64)
    interruptible(
        _lib.fi_shuffle, level, stream, start, bits, n, wanted, _ffi.NULL if items is None else _ffi.from_buffer(items),
        out.itemsize, _ffi.from_buffer(out), _ffi.from_buffer(scratch), _ffi.from_buffer("uint64_t[]", counts), pieces,
        num_threads,
    )  # fmt: skip


def _search(level: int, request: SearchRequest) -> None:
    stream, (cdf, first, guide), start, out, num_threads = request
    tables = _ffi.from_buffer("double[]", cdf), _ffi.from_buffer("int32_t[]", guide), len(guide).bit_length() - 1
    where = _ffi.from_buffer("int64_t[]", out), num_threads
    interruptible(
        _lib.fi_search, level, KERNELS["uniform_float64"], stream, start, len(out), *tables, first, *where
    )  # fmt: skip


def _distinct(values: NDArray[np.int64], below: int) -> Callable[[int], int]:
    hash_bits = 0 if below <= MOST_BITS_OF_A_VALUE * len(values) else len(values).bit_length() + 1
    table = np.empty(2**hash_bits if hash_bits else below // 64 + 1, np.uint64)
    table.fill(0)  # in huge pages, which np.zeros does not ask for
    memory, places = _ffi.from_buffer("int64_t[]", values), _ffi.from_buffer("uint64_t[]", table)
    return lambda known: int(_lib.fi_first_occurrences(memory, known, len(values), places, hash_bits))


def _product(
    level: int, x: NDArray[np.float64], factor: NDArray[np.float64], added: NDArray[np.float64], num_threads: int
) -> NDArray[np.float64]:
    rows, columns = x.shape
    padded = np.zeros((columns, -(-columns // COLUMNS_TOGETHER) * COLUMNS_TOGETHER))
    padded[:, :columns] = factor
    by_fours = np.ascontiguousarray(padded.reshape(columns, -1, COLUMNS_TOGETHER).transpose(1, 0, 2))
    pieces = min(PIECES_OF_A_THREAD * num_threads, rows // ROWS_TOGETHER + 1)
    scratch, out = np.empty(pieces * ROWS_TOGETHER * columns), np.empty(x.shape)
    memory = (_ffi.from_buffer("double[]", array) for array in (by_fours, added, scratch, out))
    interruptible(
        _lib.fi_product, level, _ffi.from_buffer("double[]", x), rows, columns, *memory, pieces, num_threads
    )  # fmt: skip
    return out


def orders_at(level: str) -> Orders:
    """The functions of a level."""
    return Orders(
        partial(_shuffle, LEVELS[level]), partial(_search, LEVELS[level]), _distinct, partial(_product, LEVELS[level])
    )

"""Rows of numbers times a matrix, by the C extension: csrc/kernels/products.h."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from fastinit._kernels import ffi as _ffi
from fastinit._kernels import lib as _lib
from fastinit.backends.c_signals import interruptible
from fastinit.backends.generator_requests import Product

PIECES_OF_A_THREAD = 4  # so that none waits long for the last
ROWS_TOGETHER, COLUMNS_TOGETHER = 16, 4  # as csrc/kernels/products.c has them


_doubles = partial(_ffi.from_buffer, "double[]")


def _product(
    level: int, x: NDArray[np.float64], factor: NDArray[np.float64], added: NDArray[np.float64], num_threads: int
) -> NDArray[np.float64]:
    rows, columns = x.shape
    pieces = min(PIECES_OF_A_THREAD * num_threads, rows // ROWS_TOGETHER + 1)
    packed = -(-columns // COLUMNS_TOGETHER) * COLUMNS_TOGETHER * columns
    scratch, out = np.empty(pieces * ROWS_TOGETHER * columns + packed), np.empty(x.shape)
    of_x, *memory = map(_doubles, (x, np.ascontiguousarray(factor.T), added, scratch, out))
    interruptible(_lib.fi_product, level, of_x, rows, columns, *memory, pieces, num_threads)
    return out


def product_at(level: int) -> Product:
    """The function of a level; see `fastinit.backends.generator_requests.Operations`."""
    return partial(_product, level)

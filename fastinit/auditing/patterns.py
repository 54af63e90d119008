"""The values that an element type can take: which types are audited, and every bit pattern of the narrow ones."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import ml_dtypes
import numpy as np

UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


class Patterns(NamedTuple):
    """`values`: all finite values of a narrow dtype, ascending. `rank`: of each bit pattern, its value's place there;
    len(values) for NaN, len(values) + 1 for an infinity. `is_zero`: whether a bit pattern is one of zero.
    """

    values: np.ndarray
    rank: np.ndarray
    is_zero: np.ndarray


def is_float(dtype: np.dtype) -> bool:
    """Whether it is a real floating type of at most 8 bytes, NumPy's own or one of ml_dtypes."""
    try:
        ml_dtypes.finfo(dtype)
    except ValueError:
        return False
    return dtype.itemsize in UNSIGNED and dtype.kind != "c"


def is_narrow(dtype: np.dtype) -> bool:
    """Whether all its bit patterns can be counted one by one."""
    return dtype.itemsize <= 2


@lru_cache(maxsize=32)
def patterns(dtype: np.dtype) -> Patterns:
    codes = np.arange(2 ** (8 * dtype.itemsize), dtype=UNSIGNED[dtype.itemsize])
    with np.errstate(invalid="ignore"):
        numbers = codes.view(dtype).astype(np.float64)
    finite = np.isfinite(numbers)
    values, places = np.unique(numbers[finite], return_inverse=True)
    rank = np.where(np.isnan(numbers), len(values), len(values) + 1)
    rank[finite] = places
    return Patterns(values, rank, numbers == 0)


def bits(piece: np.ndarray) -> np.ndarray:
    """The elements as unsigned integers."""
    return piece.view(UNSIGNED[piece.itemsize])


def rounded(value: float, dtype: np.dtype) -> float:
    """The value as the dtype holds it."""
    with np.errstate(over="ignore"):
        return float(np.float64(value).astype(dtype))


def significand_bits(dtype: np.dtype) -> int:
    """How many bits the significand stores, the leading one not counted."""
    return int(ml_dtypes.finfo(dtype).nmant)

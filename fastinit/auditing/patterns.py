"""The values that an element type can take: which types are audited, and every bit pattern of the narrow ones."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import numpy.typing as npt

from fastinit.runtime.types import Array, Float64Array

UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


class Patterns(NamedTuple):
    """`values`: all finite values of a narrow dtype, ascending. `rank`: of each bit pattern, its value's place there;
    len(values) for NaN, len(values) + 1 for an infinity. `is_zero`: whether a bit pattern is one of zero.
    """

    values: Float64Array
    rank: npt.NDArray[np.intp]
    is_zero: npt.NDArray[np.bool_]


def is_float(dtype: np.dtype[Any]) -> bool:
    """Whether it is a real floating type of at most 8 bytes, NumPy's own or one of ml_dtypes."""
    try:
        _finfo(dtype)
    except ValueError:
        return False
    return dtype.itemsize in UNSIGNED and dtype.kind != "c"


def is_narrow(dtype: np.dtype[Any]) -> bool:
    """Whether all its bit patterns can be counted one by one."""
    return dtype.itemsize <= 2


@lru_cache(maxsize=32)
def patterns(dtype: np.dtype[Any]) -> Patterns:
    codes = np.arange(2 ** (8 * dtype.itemsize)).astype(UNSIGNED[dtype.itemsize])
    with np.errstate(invalid="ignore"):
        numbers = codes.view(dtype).astype(np.float64)
    finite = np.isfinite(numbers)
    values, places = np.unique(numbers[finite], return_inverse=True)
    rank = np.where(np.isnan(numbers), len(values), len(values) + 1)
    rank[finite] = places
    return Patterns(values, rank, numbers == 0)


def bits(piece: Array) -> Array:
    """The elements as unsigned integers."""
    return piece.view(UNSIGNED[piece.itemsize])


def rounded(value: float, dtype: np.dtype[Any]) -> float:
    """The value as the dtype holds it."""
    with np.errstate(over="ignore"):
        return float(np.float64(value).astype(dtype))


def significand_bits(dtype: np.dtype[Any]) -> int:
    """How many bits the significand stores, the leading one not counted."""
    return int(_finfo(dtype).nmant)


def smallest_normal(dtype: np.dtype[Any]) -> float:
    """Positive values below it are subnormal."""
    return float(_finfo(dtype).smallest_normal)


@lru_cache(maxsize=32)
def _finfo(dtype: np.dtype[Any]) -> Any:
    return ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]  # ml_dtypes does not type it

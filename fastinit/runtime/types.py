"""Type aliases for annotations in all of the package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from numpy.random import SeedSequence  # NumPy imports it where it is used first

Array: TypeAlias = npt.NDArray[Any]
"""An array of any dtype, those of ml_dtypes included."""

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
"""An array of float32 or float64, the types that values are computed in."""

Float64Array: TypeAlias = npt.NDArray[np.float64]

Int64Array: TypeAlias = npt.NDArray[np.int64]

UInt32Array: TypeAlias = npt.NDArray[np.uint32]
"""32-bit random words of a stream."""

UInt64Array: TypeAlias = npt.NDArray[np.uint64]
"""Positions in a tensor, which has at most 2^63 - 1 elements."""

Real: TypeAlias = type[np.float32] | type[np.float64]
"""The type that values are computed in: float32, or float64 for float64 tensors."""

DTypeLike: TypeAlias = npt.DTypeLike
"""What numpy.dtype takes; fastinit also takes the names "bfloat16", "float8_e4m3fn" and their like."""

Shape: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
"""A shape as users write it: 3, (3, 4) or [3, 4]."""

Seed: TypeAlias = "int | SeedSequence | None"
"""A seed: None asks for fresh entropy."""

Index: TypeAlias = Any
"""What full[index] takes: slices, ints, arrays, an ellipsis, None, or a tuple of them. (NumPy has no type for it.)"""

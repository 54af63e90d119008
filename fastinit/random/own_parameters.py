"""Parameters of a draw that may be arrays: each value then has its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from fastinit.random import requests
from fastinit.runtime.types import Float64Array

Tests: TypeAlias = npt.NDArray[np.bool_] | bool
"""Which values have valid parameters."""

COUNT, FIRST_VALUE, OF_VALUES = 3, 4, 5
"""Places of csrc/kernels/value_parameters.h; the parameters that all values have are in front of them."""


class OwnParameters(NamedTuple):
    """The parameters of a kernel, in its order: numbers, as arrays without axes, or arrays that broadcast together."""

    arrays: tuple[Float64Array, ...]

    def shape_of(self, size: Any) -> tuple[int, ...] | None:
        """The shape of the values, where `size` is what a method of the Generator takes; None for one that NumPy refuses."""
        if isinstance(size, (bool, np.bool_)):
            return None
        try:
            shape = np.broadcast_shapes(*(array.shape for array in self.arrays))
            wanted = shape if size is None else np.empty(size, np.bool_).shape
            return wanted if np.broadcast_shapes(shape, wanted) == wanted else None
        except (TypeError, ValueError):
            return None

    def block(self, start: int, shape: tuple[int, ...], by_columns: bool) -> Float64Array:
        """What the kernel takes for values of this shape, in the order of rows or of columns, the first at `start`."""
        if all(array.size == 1 for array in self.arrays):
            block = np.zeros(OF_VALUES)
            block[: len(self.arrays)] = [array.item() for array in self.arrays]
            return block
        shape = shape if by_columns else self._turns_of(shape)
        count = math.prod(shape)
        block = np.empty(OF_VALUES + len(self.arrays) * count)
        block[:OF_VALUES] = 0.0
        for array, own in zip(self.arrays, block[OF_VALUES:].reshape(-1, count)):
            own.reshape(shape, order="F" if by_columns else "C")[...] = array  # without a copy of it
        block[COUNT] = count
        block[FIRST_VALUE : FIRST_VALUE + 1].view(np.uint64)[0] = start
        return block

    def _turns_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The last axes of the values' shape, along which parameters differ: values take turns in having them."""
        own = np.broadcast_shapes(*(array.shape for array in self.arrays))
        while own and own[0] == 1:
            own = own[1:]
        return shape[len(shape) - len(own) :]


def checked(are_valid: Callable[..., Any], *parameters: Any) -> OwnParameters | None:
    """The parameters, where they are numbers for which are_valid(*arrays) holds everywhere; else None, also for no values:
    there NumPy's code refuses one that no value has."""
    with np.errstate(all="ignore"):
        try:
            arrays = tuple(requests.as_float64(parameter) for parameter in parameters)
            has_values = all(array.size for array in arrays)
            return OwnParameters(arrays) if has_values and np.all(are_valid(*arrays)) else None
        except (TypeError, ValueError):
            return None


def wanted(parameters: OwnParameters | None, size: Any) -> tuple[tuple[int, ...] | None, tuple[Float64Array, ...]]:
    """The shape of an array of values, and their parameters; None for what is left to NumPy's code."""
    shape = None if parameters is None else parameters.shape_of(size)
    if parameters is None or shape is None or (size is None and shape == ()):
        return None, ()
    return shape, parameters.arrays

"""Describes fills of small arrays to C, which then runs them without Python: csrc/bindings/small_fills.c."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np

from fastinit.backends import c_calls, current_native_level, native_kernel
from fastinit.backends.elements import ElementType
from fastinit.core.pieces import LEAST_FOR_NATIVE_THREADS, TILE
from fastinit.distributions import Distribution, Slabs, WholeTensor
from fastinit.distributions.whole_tensor import OrthogonalMatrices
from fastinit.runtime.types import Float64Array

ORTHOGONAL = -100  # as in csrc/bindings/calls.h


def small_fill(distribution: Distribution, shape: tuple[int, ...], element: ElementType) -> Any:
    """The fill of arrays of this shape; None where it takes more than one kernel on one thread, or another backend."""
    native, level = c_calls.native(), current_native_level()
    if native is None or level is None or not 0 < math.prod(shape) <= LEAST_FOR_NATIVE_THREADS:
        return None
    request = _Learned(element)
    distribution.write(request)
    if request.kernel is None:
        return None
    return native.small_fill(level, request.kernel, request.parameters, shape, element.dtype)


def tiles_of(matrices: OrthogonalMatrices, element: ElementType) -> int:
    """The tiles that the draws of each matrix take."""
    return -(-math.prod(matrices.shape[1:]) * element.dtype.itemsize // (4 * TILE))


class _Learned:
    """The request that only learns what a distribution needs (`fastinit.distributions.base.Request`), in C's terms."""

    kernel: int | None = None
    parameters: tuple[float, ...] = ()

    def __init__(self, element: ElementType) -> None:
        self.real, self._element = element.real, element

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        self.kernel = native_kernel(f"{kernel}_{self._element.name}")
        self.parameters = tuple(parameters.tolist())

    def repeat(self, value: float) -> None:
        """The element's bytes are passed as the first ones of a float."""
        one = np.full((), value, self._element.dtype).tobytes()
        self.kernel, self.parameters = -len(one), struct.unpack("d", one.ljust(8, b"\0"))

    def select(self, distribution: WholeTensor[Any]) -> None:
        """Orthogonal matrices of the type that they are computed in, with the parameters in csrc/bindings/calls.h."""
        found = distribution.orthogonal_matrices(self.real)
        if found is None or self._element.name != np.dtype(self.real).name:
            return
        found.normal.write(self)
        if self.kernel is None:
            return
        itemsize = self._element.dtype.itemsize
        apart = tiles_of(found, self._element) * 4 * TILE // itemsize
        numbers = self.kernel, itemsize, apart, *found.shape, found.offset, *found.strides, found.gain
        self.kernel, self.parameters = ORTHOGONAL, (*self.parameters, *map(float, numbers))

    def compose(self, slabs: Slabs) -> None:
        pass

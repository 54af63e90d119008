"""Describes fills of small arrays to C, which then runs them without Python: csrc/bindings/small_fills.c."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fastinit.backends import c_calls, current_native_level, native_kernel
from fastinit.backends.elements import ElementType
from fastinit.core.pieces import LEAST_FOR_NATIVE_THREADS
from fastinit.distributions import Distribution, Slabs
from fastinit.distributions.base import Draws
from fastinit.runtime.types import Float64Array, FloatArray, Real


def small_fill(distribution: Distribution, shape: tuple[int, ...], element: ElementType) -> Any:
    """The fill of arrays of this shape; None where it takes more than one kernel on one thread, or another backend."""
    native, level = c_calls.native(), current_native_level()
    if native is None or level is None or not 0 < math.prod(shape) <= LEAST_FOR_NATIVE_THREADS:
        return None
    request = _KernelOnly(element.real)
    distribution.write(request)
    if request.kernel is None:
        return None
    kernel = native_kernel(f"{request.kernel}_{element.name}")
    return native.small_fill(level, kernel, request.parameters, shape, element.dtype)


class _KernelOnly:
    """The request that only learns which kernel a distribution needs (`fastinit.distributions.base.Request`)."""

    kernel: str | None = None
    parameters: tuple[float, ...] = ()

    def __init__(self, real: Real) -> None:
        self.real = real

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        self.kernel, self.parameters = kernel, tuple(parameters.tolist())

    def repeat(self, value: float) -> None:
        pass

    def select(self, values: Callable[[Draws], FloatArray]) -> None:
        pass

    def compose(self, slabs: Slabs) -> None:
        pass

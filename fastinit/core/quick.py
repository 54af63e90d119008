"""Remembers the fills of small arrays that were asked for, so that the same call is answered in C the next time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fastinit.backends import current_native_level, native_kernel, quick
from fastinit.core.dtypes import element_type
from fastinit.core.pieces import LEAST_FOR_NATIVE_THREADS
from fastinit.core.stream import Stream
from fastinit.distributions import Distribution, Slabs
from fastinit.distributions.base import Draws
from fastinit.runtime.types import Float64Array, FloatArray, Real

Asked = tuple[Any, tuple[Any, ...], dict[str, Any], Any, Any]
"""The arguments of an initializer's function that decide what is drawn: shape, positional, named, dtype, layout."""


def new_fills() -> Any:
    """What remembers the fills of one function; None where the C extension is not built.

    Its method `fill(*asked, seed, name, out)` gives the filled array, or None where the call is for Python: arguments that
    are no plain ints, floats, strings and types, memory of another layout, a seed of more than 64 bits, another backend.
    False: for Python too, but the next time perhaps not, if `learn` is told of it.
    """
    native = quick.native()
    return None if native is None else native.QuickFills()


def run(known: Any, stream: Stream, address: int) -> None:
    """Fill the memory there, which is of the size and dtype of the fill that `fills.find(*asked)` gave."""
    quick.native().run(known, stream, address)


def learn(fills: Any, asked: Asked, distribution: Distribution, shape: tuple[int, ...]) -> None:
    """Let `fills` remember what was asked for, if one kernel draws it and one thread does."""
    element = element_type(asked[3])
    level = current_native_level()
    if level is None or not 0 < math.prod(shape) <= LEAST_FOR_NATIVE_THREADS:
        return

    def remember(kernel: str, parameters: Float64Array) -> None:
        numbers = tuple(parameters.tolist())
        fills.learn(*asked, level, native_kernel(f"{kernel}_{element.name}"), numbers, shape, element.dtype)

    distribution.write(_Asked(remember, element.real))


class _Asked:
    """The request that only learns which kernel a distribution needs (`fastinit.distributions.base.Request`)."""

    def __init__(self, remember: Callable[[str, Float64Array], None], real: Real) -> None:
        self._remember, self.real = remember, real

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        self._remember(kernel, parameters)

    def repeat(self, value: float) -> None:
        pass

    def select(self, values: Callable[[Draws], FloatArray]) -> None:
        pass

    def compose(self, slabs: Slabs) -> None:
        pass

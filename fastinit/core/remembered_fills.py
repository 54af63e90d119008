"""Remembers the fills of small arrays that were asked for, so that the same call is answered in C the next time."""

from __future__ import annotations

from typing import Any

from fastinit.backends import c_calls
from fastinit.core.dtypes import element_type
from fastinit.core.small_fills import small_fill
from fastinit.core.stream import Stream
from fastinit.distributions import Distribution

Asked = tuple[Any, tuple[Any, ...], dict[str, Any], Any, Any]
"""The arguments of an initializer's function that decide what is drawn: shape, positional, named, dtype, layout."""


def new_fills() -> Any:
    """What remembers the fills of one function; None where the C extension is not built.

    Its method `fill(*asked, seed, name, out)` gives the filled array, or None where the call is for Python: arguments that
    are no plain ints, floats, strings and types, memory of another layout, a seed of more than 64 bits, another backend.
    False: for Python too, but the next time perhaps not, if `learn` is told of it.
    """
    native = c_calls.native()
    return None if native is None else native.RememberedFills()


def run(known: Any, stream: Stream, address: int) -> None:
    """Fill the memory there, which is of the size and dtype of the fill that `fills.find(*asked)` gave."""
    c_calls.native().run(known, stream, address)


def learn(fills: Any, asked: Asked, distribution: Distribution, shape: tuple[int, ...]) -> None:
    """Let `fills` remember what was asked for, or that it is for Python, which takes as long to find out as a small fill."""
    fills.learn(*asked, small_fill(distribution, shape, element_type(asked[3])))

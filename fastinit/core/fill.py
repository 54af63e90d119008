"""Fills a tensor, or a part of it, with values of a distribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fastinit.backends import Backend, current
from fastinit.backends.elements import ElementType
from fastinit.backends.request import FillRequest
from fastinit.core import positions
from fastinit.core.draws import Draws
from fastinit.core.dtypes import check_out, element_type
from fastinit.core.pieces import NONTEMPORAL_BYTES, fill_contiguous, fill_rows, fill_strided
from fastinit.core.positions import Positions
from fastinit.core.stream import Stream, stream_of
from fastinit.distributions import Distribution
from fastinit.runtime import checks
from fastinit.runtime.types import Array, DTypeLike, Float64Array, FloatArray, Index, Seed, Shape, UInt64Array


def fill(
    distribution: Distribution,
    shape: Shape,
    *,
    seed: Seed | Stream = None,
    name: str | None = None,
    dtype: DTypeLike = np.float32,
    out: Array | None = None,
    index: Index = None,
) -> Array:
    """The values of `distribution` for a tensor of this shape, or the part `index` of them; into `out` or a new array.

    The options are those of every initializer: see `fastinit.initializers`. Arguments are checked before any write.
    """
    element = element_type(dtype)
    whole_shape = checks.shape(shape)
    wanted = positions.whole(whole_shape) if index is None else positions.indexed(whole_shape, index)
    stream = stream_of(seed, name)
    if out is not None:
        check_out(out, wanted.shape, element.dtype)
    request = _Fill(stream, element, wanted, index, out)
    distribution.write(request)
    result = request.result
    is_scalar = out is None and index is not None and np.ndim(result) == 0
    return result[()] if is_scalar else result


class _Fill:
    """The request for some positions of a tensor (`fastinit.distributions.base.Request`)."""

    def __init__(self, stream: Stream, element: ElementType, wanted: Positions, index: Index, out: Array | None) -> None:
        self.real = element.real
        self._stream, self._element, self._wanted, self._index, self._out = stream, element, wanted, index, out
        self.result: Array

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        out = self._memory()
        if not out.size:
            return
        element, is_fresh = self._element, self._out is None
        values = _Values(current(), f"{kernel}_{element.name}", self._stream, parameters, self._wanted)
        array = np.asarray(out)
        is_plain = array.flags.aligned and array.dtype.isnative
        if is_plain and array.flags.c_contiguous:
            nontemporal = not is_fresh and array.nbytes >= NONTEMPORAL_BYTES
            fill_contiguous(values.write, array.reshape(-1).view(element.storage), nontemporal)
        elif is_plain and values.backend.takes_rows and _has_rows(array, self._wanted):
            fill_rows(values.write_rows, array, element)
        else:
            fill_strided(values.write, array, element)

    def repeat(self, value: float) -> None:
        self._memory()[...] = value

    def select(self, values: Callable[[Draws], FloatArray]) -> None:
        made = values(Draws(self._stream, self.real))
        wanted = made if self._index is None else made[self._index]
        if self._out is None:
            self.result = wanted.astype(self._element.dtype, copy=wanted is not made)
        else:
            self._out[...] = wanted
            self.result = self._out

    def _memory(self) -> Array:
        self.result = np.empty(self._wanted.shape, self._element.dtype) if self._out is None else self._out
        return self.result


def _has_rows(out: Array, wanted: Positions) -> bool:
    """Whether `out` consists of contiguous rows along its first axis, each within one run of positions."""
    return out.ndim > 1 and out[0].flags.c_contiguous and wanted.has_rows(out[0].size)


class _Values(NamedTuple):
    """Which values to compute: everything that a backend needs except the memory they go to."""

    backend: Backend
    kernel: str
    stream: Stream
    parameters: Float64Array
    wanted: Positions

    def write(self, first: int, out: Array, nontemporal: bool) -> None:
        """Elements `first`, first + 1, ... of the result into `out`, 1-D, contiguous and of the storage type."""
        at = 0
        for starts, count, step in self.wanted.runs(first, first + out.size):
            n = starts.size * count
            self._fill(starts, count, step, out[at : at + n], nontemporal)
            at += n

    def write_rows(self, first: int, out: Array, nontemporal: bool) -> None:
        """Elements `first`, first + 1, ... into the contiguous rows of `out`, 2-D and of the storage type.

        For a backend that takes rows, where each row lies within one run of positions.
        """
        at = 0
        for starts, step in self.wanted.rows(first, first + out.size, out.shape[1]):
            self._fill(starts, out.shape[1], step, out[at : at + starts.size], nontemporal)
            at += starts.size

    def _fill(self, starts: UInt64Array, count: int, step: int, out: Array, nontemporal: bool) -> None:
        request = FillRequest(self.kernel, self.stream, self.parameters, starts, count, step, out, nontemporal)
        self.backend.fill(request)


def fill_piece(distribution: Distribution, stream: Stream, first: int, out: Array) -> None:
    """Write elements `first`, first + 1, ... of a tensor into `out`, 1-D and contiguous, on the calling thread alone.

    For an elementwise distribution; `out` may also be of integers or booleans, which are not drawn (ValueError).
    """
    if out.dtype.kind in "iub":
        out[...] = distribution.integer_value()
    else:
        distribution.write(_Piece(stream, element_type(out.dtype), first, out))


class _Piece:
    """The request for a run of positions, on the calling thread (`fastinit.distributions.base.Request`)."""

    def __init__(self, stream: Stream, element: ElementType, first: int, out: Array) -> None:
        self.real = element.real
        self._stream, self._element, self._first, self._out = stream, element, first, out

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        element, start = self._element, np.array([self._first], np.uint64)
        out = self._out.view(element.storage)
        current().fill(FillRequest(f"{kernel}_{element.name}", self._stream, parameters, start, out.size, 1, out))

    def repeat(self, value: float) -> None:
        self._out[...] = value

    def select(self, values: Callable[[Draws], FloatArray]) -> None:
        raise ValueError("values that need the whole tensor cannot be computed in pieces")


def stream_words(stream: Stream, first: int, out: Array) -> None:
    """Write words `first`, first + 1, ... of a stream into `out`, 1-D and contiguous uint32."""
    start = np.array([first], np.uint64)
    current().fill(FillRequest("words_uint32", stream, np.empty(0), start, out.size, 1, out))

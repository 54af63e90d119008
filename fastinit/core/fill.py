"""Fills a tensor, or a part of it, with values of a distribution."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np

from fastinit.backends import Backend, current
from fastinit.backends.catalogue import KERNELS
from fastinit.backends.elements import ELEMENT_TYPES, ElementType
from fastinit.backends.request import AxesRequest, FillAxes, FillRequest
from fastinit.core import indices
from fastinit.core.device import fill_device, is_on_device, memory_of
from fastinit.core.dtypes import check_out, element_type
from fastinit.core.pieces import (
    NONTEMPORAL_BYTES,
    NONTEMPORAL_BYTES_OF_AXES,
    TILE,
    fill_contiguous,
    fill_rows,
    fill_strided,
    native_threads,
    repeat,
)
from fastinit.core.positions import Positions, boxes_of_run
from fastinit.core.scattered import fill_scattered
from fastinit.core.selection import Part, Selection
from fastinit.core.small_arrays import SmallArrays, is_small
from fastinit.core.stream import Stream, child_streams, stream_of
from fastinit.core.whole_tensors import whole_values
from fastinit.distributions import Distribution, Slab, Slabs, WholeTensor
from fastinit.runtime import checks, threads
from fastinit.runtime.types import Array, DTypeLike, Float64Array, Index, Seed, Shape, UInt64Array

# Elements of a row that is filled by itself. Shorter ones take longer so than through the buffer of axes, those of 30 three
# times as long.
LEAST_ROW = 256


def fill(
    distribution: Distribution,
    shape: Shape,
    *,
    seed: Seed | Stream = None,
    name: str | None = None,
    dtype: DTypeLike = np.float32,
    out: Array | None = None,
    index: Index = None,
    is_fresh: bool = False,
) -> Array:
    """The values of `distribution` for a tensor of this shape, or the part `index` of them; into `out` or a new array.

    The options are those of every initializer: see `fastinit.initializers`. Arguments are checked before any write.
    `is_fresh`: whether nothing was written to the memory of `out` yet. Its pages are in the caches then, where the system
    has just put zeros.
    """
    element = element_type(dtype)
    whole_shape = checks.shape(shape)
    wanted = indices.wanted(whole_shape, index)
    stream = stream_of(seed, name)
    check_shape(distribution, whole_shape)
    if out is not None and is_on_device(out):
        memory = memory_of(out, wanted.shape, element.dtype)
        fill_device(distribution, whole_shape, stream, element, index, memory, fill)
        return out
    if out is not None:
        check_out(out, wanted.shape, element.dtype)
    request = _Fill(stream, element, whole_shape, wanted, index, out, is_fresh)
    distribution.write(request)
    result = request.result
    is_scalar = out is None and index is not None and np.ndim(result) == 0
    return result[()] if is_scalar else result


def check_shape(distribution: Distribution, shape: tuple[int, ...]) -> None:
    """ValueError where the distribution is that of tensors of another shape."""
    if distribution.only_shape not in (None, shape):
        raise ValueError(f"{distribution!r} is for shape {distribution.only_shape} only, got shape {shape}")


class _Fill:
    """The request for some positions of a tensor (`fastinit.distributions.base.Request`).

    `is_fresh`: as in `fill`. `small`: takes small arrays to be filled later.
    """

    def __init__(
        self,
        stream: Stream,
        element: ElementType,
        shape: tuple[int, ...],
        wanted: Positions,
        index: Index,
        out: Array | None,
        is_fresh: bool = False,
        small: SmallArrays | None = None,
    ) -> None:
        self.real = element.real
        self._stream, self._element, self._shape, self._wanted, self._index = stream, element, shape, wanted, index
        self._is_fresh, self._small = is_fresh or out is None, small
        self._out = out
        self.result: Array

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        out = self._memory()
        if not out.size:
            return
        element, array, name = self._element, np.asarray(out), f"{kernel}_{self._element.name}"
        if self._small is not None and self._wanted.is_whole and is_small(array):
            self._small.add(name, self._stream.packed, parameters, array)
            return
        values = _Values(current(), name, self._stream, parameters, self._wanted)
        is_plain = array.flags.aligned and array.dtype.isnative
        has_axes = is_plain and values.backend.fill_axes is not None and not self._wanted.tables
        if is_plain and array.flags.c_contiguous:
            nontemporal = not self._is_fresh and array.nbytes >= NONTEMPORAL_BYTES
            flat = array.reshape(-1).view(element.storage)
            # scattered positions take as long to look up and to sort, which NumPy does, as their values to make
            has_threads = values.backend.has_threads and not self._wanted.tables
            fill_contiguous(values.write, flat, nontemporal, has_threads)
        elif is_plain and values.backend.takes_rows and _has_rows(array, self._wanted, LEAST_ROW if has_axes else 1):
            fill_rows(values.backend, values.write_rows, array, element)
        elif has_axes:
            values.write_axes(array.view(element.storage))
        else:
            fill_strided(values.write, array, element.storage)

    def repeat(self, value: float) -> None:
        one = np.full((), value, self._element.dtype)
        if self._out is None and not any(one.tobytes()):  # the system's fresh memory is zero, and not written
            self.result = np.zeros(self._wanted.shape, self._element.dtype)
        else:
            repeat(one, self._memory())

    def select(self, distribution: WholeTensor[Any]) -> None:
        made = whole_values(distribution, self._stream, self.real).reshape(self._shape)
        wanted = made if self._index is None else made[self._index]
        if self._out is None:
            is_own = wanted is made and made.flags.writeable
            self.result = wanted.astype(self._element.dtype, copy=not is_own)
        else:
            self._out[...] = wanted
            self.result = self._out

    def compose(self, slabs: Slabs) -> None:
        out, shape = self._memory(), self._shape
        if not out.size:
            return
        parts = Selection.of(shape, self._index, self._wanted).parts(slabs)
        small = self._small or SmallArrays()
        streams = child_streams(self._stream, [slab.key for slab, _ in parts])
        for (slab, part), stream in zip(parts, streams):
            self._fill_slab(slab, part, stream, out, small if slabs.is_disjoint else None)
        if small is not self._small:
            small.fill()

    def _fill_slab(self, slab: Slab, part: Part, stream: Stream, out: Array, small: SmallArrays | None) -> None:
        shape, index = slab.shape, part.index
        wanted = indices.wanted(shape, index)
        within = (*part.place, ...)  # a view, also of one element
        view = out[within] if part.is_view else np.empty(wanted.shape, self._element.dtype)
        is_fresh = self._is_fresh or not part.is_view
        small = small if part.is_view else None
        slab.distribution.write(_Fill(stream, self._element, shape, wanted, index, view, is_fresh, small))
        if not part.is_view:
            out[part.place] = view

    def _memory(self) -> Array:
        self.result = np.empty(self._wanted.shape, self._element.dtype) if self._out is None else self._out
        return self.result


def _has_rows(out: Array, wanted: Positions, least: int) -> bool:
    """Whether `out` consists of contiguous rows of `least` elements or more along its first axis, each within one run of
    positions."""
    return out.ndim > 1 and out[0].flags.c_contiguous and out[0].size >= least and wanted.has_rows(out[0].size)


class _Values(NamedTuple):
    """Which values to compute: everything that a backend needs except the memory they go to."""

    backend: Backend
    kernel: str
    stream: Stream
    parameters: Float64Array
    wanted: Positions

    def write(self, first: int, out: Array, nontemporal: bool, num_threads: int) -> None:
        """Elements `first`, first + 1, ... of the result into `out`, 1-D, contiguous and of the storage type."""
        if self.wanted.tables:
            tile = TILE // KERNELS[self.kernel].words_per_value
            fill_scattered(
                partial(self._fill, nontemporal=nontemporal, num_threads=num_threads), self.wanted, first, tile, out
            )
            return
        at = 0
        for starts, count, step in self.wanted.runs(first, first + out.size):
            n = starts.size * count
            self._fill(starts, count, step, out[at : at + n], nontemporal, num_threads)
            at += n

    def write_rows(self, first: int, out: Array, nontemporal: bool, num_threads: int) -> None:
        """Elements `first`, first + 1, ... into the contiguous rows of `out`, 2-D and of the storage type.

        For a backend that takes rows, where each row lies within one run of positions.
        """
        at = 0
        for starts, step in self.wanted.rows(first, first + out.size, out.shape[1]):
            self._fill(starts, out.shape[1], step, out[at : at + starts.size], nontemporal, num_threads)
            at += starts.size

    def write_axes(self, out: Array) -> None:
        """All elements into `out` of the storage type, whatever its strides, by a backend that fills axes."""
        fill_axes = cast(FillAxes, self.backend.fill_axes)
        wanted, nontemporal = (self.wanted.origin, self.wanted.steps), out.nbytes >= NONTEMPORAL_BYTES_OF_AXES
        values = self.kernel, self.stream, self.parameters
        fill_axes(AxesRequest(*values, *wanted, out, nontemporal, native_threads(out.size)))

    def _fill(self, starts: UInt64Array, count: int, step: int, out: Array, nontemporal: bool, num_threads: int) -> None:
        stream, parameters = self.stream, self.parameters
        self.backend.fill(FillRequest(self.kernel, stream, parameters, starts, count, step, out, nontemporal, num_threads))


def fill_piece(distribution: Distribution, shape: tuple[int, ...], stream: Stream, first: int, out: Array) -> None:
    """Write elements `first`, first + 1, ... of a tensor into `out`, 1-D and contiguous, on the calling thread alone.

    For an elementwise distribution; `out` may also be of a dtype in which no values are drawn, as integers, for a constant.
    """
    if out.dtype.name not in ELEMENT_TYPES:
        out[...] = distribution.integer_value()
    else:
        distribution.write(_Piece(stream, element_type(out.dtype), shape, first, out))


class _Piece:
    """The request for a run of positions, on the calling thread (`fastinit.distributions.base.Request`)."""

    def __init__(self, stream: Stream, element: ElementType, shape: tuple[int, ...], first: int, out: Array) -> None:
        self.real = element.real
        self._stream, self._element, self._shape, self._first, self._out = stream, element, shape, first, out

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        element, start = self._element, np.array([self._first], np.uint64)
        out = self._out.view(element.storage)
        current().fill(FillRequest(f"{kernel}_{element.name}", self._stream, parameters, start, out.size, 1, out))

    def repeat(self, value: float) -> None:
        self._out[...] = value

    def select(self, distribution: WholeTensor[Any]) -> None:
        raise ValueError("values that need the whole tensor cannot be computed in pieces")

    def compose(self, slabs: Slabs) -> None:
        with threads.single_threaded():
            for at, box in boxes_of_run(self._shape, self._first, self._first + self._out.size):
                wanted = indices.indexed(self._shape, box.slices)
                part = self._out[at : at + box.size].reshape(box.shape)
                _Fill(self._stream, self._element, self._shape, wanted, box.slices, part).compose(slabs)


def stream_words(stream: Stream, first: int, out: Array) -> None:
    """Write words `first`, first + 1, ... of a stream into `out`, 1-D and contiguous uint32."""
    start = np.array([first], np.uint64)
    current().fill(FillRequest("words_uint32", stream, np.empty(0), start, out.size, 1, out))

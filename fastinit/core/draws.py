"""Random arrays, one after the other from one stream, for values that need the whole tensor."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastinit.backends import Backend, current, current_native_level
from fastinit.backends.request import AxesRequest, FillRequest
from fastinit.core.dtypes import element_type
from fastinit.core.pieces import TILE, Write, fill_contiguous, fill_strided, native_threads
from fastinit.core.positions import whole
from fastinit.core.remembered_fills import run
from fastinit.core.small_fills import small_fill, tiles_of
from fastinit.core.stream import Stream, child_stream, child_streams
from fastinit.distributions import Distribution, Normal, Slabs, Uniform, WholeTensor
from fastinit.distributions.base import cached
from fastinit.runtime import checks
from fastinit.runtime.types import Array, Float64Array, FloatArray, Real, Shape, UInt64Array


class Draws:
    """Random arrays from one stream: each begins at a new tile. `real` is the type that values are computed in."""

    def __init__(self, stream: Stream, real: Real) -> None:
        self.stream = stream
        self.real = real
        self._next_tile = 0

    def normal(self, shape: Shape, mean: float = 0.0, std: float = 1.0) -> FloatArray:
        return self.of(Normal(mean, std), shape)

    def uniform(self, shape: Shape, low: float = 0.0, high: float = 1.0) -> FloatArray:
        return self.of(Uniform(low, high), shape)

    def child(self, key: str) -> Draws:
        """Draws from another stream, which depends on this stream and on the key, but not on what was drawn before."""
        return Draws(child_stream(self.stream, key), self.real)

    def of(self, distribution: Distribution, shape: Shape, out: FloatArray | None = None) -> FloatArray:
        """An array of any distribution's values, in `real`: a new one, or `out`, C-contiguous."""
        request = _ArrayOfDraws(self, checks.shape(shape), out)
        distribution.write(request)
        return request.memory()

    def of_matrices(self, distribution: WholeTensor[Any]) -> FloatArray | None:
        """The next array, of a distribution that has `orthogonal_matrices`, by C; None where Python has to make it."""
        in_c = None if self._next_tile or current_native_level() is None else _in_c(distribution, self.real)
        if in_c is None:
            return None
        values = np.empty(distribution.shape, self.real)
        run(in_c.fill, self.stream, values.ctypes.data)
        self._next_tile = in_c.tiles
        return values

    def take_tiles(self, elements: int, itemsize: int) -> int:
        """Reserve tiles for so many elements of `itemsize` bytes each; the position of the first element."""
        tile_elements = TILE * 4 // itemsize
        start, self._next_tile = self._next_tile * tile_elements, self._next_tile - (-elements // tile_elements)
        return start


class _InC(NamedTuple):
    """What C fills, and how many tiles it takes."""

    fill: Any
    tiles: int


@cached
def _in_c(distribution: WholeTensor[Any], real: Real) -> _InC | None:
    element = element_type(real)
    fill, found = small_fill(distribution, distribution.shape, element), distribution.orthogonal_matrices(real)
    return None if fill is None or found is None else _InC(fill, found.shape[0] * tiles_of(found, element))


class _ArrayOfDraws:
    """The request for the next array (`fastinit.distributions.base.Request`)."""

    def __init__(self, draws: Draws, shape: tuple[int, ...], out: FloatArray | None) -> None:
        self.real = draws.real
        self._draws, self._shape, self._out = draws, shape, out

    def memory(self) -> FloatArray:
        if self._out is None:
            self._out = np.empty(self._shape, self.real)
        return self._out

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        out = self.memory()
        if out.size:
            start = self._draws.take_tiles(out.size, out.itemsize)
            name = f"{kernel}_{element_type(self.real).name}"
            fill_run(name, self._draws.stream, parameters, start, out.reshape(-1))

    def repeat(self, value: float) -> None:
        self.memory()[...] = value

    def select(self, distribution: WholeTensor[Any]) -> None:
        made = distribution.values(self._draws)
        if self._out is None:
            self._out = made
        else:
            self._out[...] = made.reshape(self._shape)

    def compose(self, slabs: Slabs) -> None:
        """The slabs of the stream's first array have the streams of a tensor's; those of later ones others."""
        out, draws = self.memory(), self._draws
        start = draws.take_tiles(out.size, out.itemsize)
        stream = child_stream(draws.stream, f"array at {start}") if start else draws.stream
        seen = slabs.seen(self._shape, 0, self._shape[0] if self._shape else 1)
        for slab, of_slab in zip(seen, child_streams(stream, [slab.key for slab in seen])):
            within: Any = (*slab.box.slices, ...)
            out[within] = Draws(of_slab, draws.real).of(slab.distribution, slab.shape).reshape(slab.shape)


def fill_run(
    kernel: str, stream: Stream, parameters: Float64Array, start: int, flat: Array, nontemporal: bool = False
) -> None:
    """Write the values at `start`, start + 1, ... into `flat`, 1-D, contiguous and of the storage type, on all threads."""
    backend = current()
    fill_contiguous(_run(backend, kernel, stream, parameters, start), flat, nontemporal, backend.has_threads)


def fill_run_strided(
    kernel: str, stream: Stream, parameters: Float64Array, start: int, out: Array, storage: type[np.generic]
) -> None:
    """The same into any array, in row-major order, whatever its strides, alignment and byte order."""
    backend = current()
    if backend.fill_axes is not None and out.flags.aligned and out.dtype.isnative:
        steps, num_threads = whole(out.shape).steps, native_threads(out.size)
        request = AxesRequest(kernel, stream, parameters, start, steps, out.view(storage), num_threads=num_threads)
        backend.fill_axes(request)
    else:
        fill_strided(_run(backend, kernel, stream, parameters, start), out, storage)


def _run(backend: Backend, kernel: str, stream: Stream, parameters: Float64Array, start: int) -> Write:
    def write(first: int, out: Array, nontemporal: bool, num_threads: int) -> None:
        position = np.array([start + first], np.uint64)
        backend.fill(FillRequest(kernel, stream, parameters, position, out.size, 1, out, nontemporal, num_threads))

    return write


def fill_scattered(kernel: str, stream: Stream, parameters: Float64Array, positions: UInt64Array, out: Array) -> None:
    """Write the values at these positions into `out`, 1-D, contiguous and of the storage type, on the calling thread."""
    current().fill(FillRequest(kernel, stream, parameters, positions, 1, 1, out))

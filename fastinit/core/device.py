"""Fills arrays in the memory of a CUDA device, which NumPy cannot write to: CuPy's, Numba's and torch's."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from fastinit.backends.elements import ElementType
from fastinit.core import positions
from fastinit.core.draws import Draws
from fastinit.core.dtypes import check_out
from fastinit.core.positions import Positions
from fastinit.core.selection import Selection
from fastinit.core.stream import Stream, child_streams
from fastinit.distributions import Distribution, Slabs
from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import Array, Float64Array, FloatArray, Index

MOST_PLACES = 2**22  # positions that are sent to the device at a time: 40 MB


def has_kernels() -> bool:
    """Whether NVIDIA's bindings are installed, by which the kernels for GPUs are compiled and started."""
    with without_forks():  # to find a module its package is imported
        return find_spec("cuda") is not None and find_spec("cuda.bindings") is not None


def is_on_device(out: object) -> bool:
    """Whether it is an array in a CUDA device's memory, as its interface says (Numba's, version 3)."""
    return hasattr(out, "__cuda_array_interface__")


class DeviceMemory(NamedTuple):
    """A device's array as one of NumPy, whose memory must not be touched; and CUDA's stream to write it in."""

    array: Array
    device: int
    stream: int


def memory_of(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> DeviceMemory:
    """What an array with the interface says of itself.

    TypeError or ValueError where values of this shape and dtype cannot be written to it.
    """
    interface = out.__cuda_array_interface__
    if interface.get("mask") is not None:
        raise TypeError("out has a mask: pass the array without it")
    array = _named(interface, dtype)
    check_out(array, shape, dtype)
    device = _cuda().driver.device_of(interface["data"][0]) if array.size else 0
    return DeviceMemory(array, device, _stream(interface.get("stream")))


def _named(interface: dict[str, Any], dtype: np.dtype[Any]) -> Array:
    """NumPy's array of this address and these strides; the types that NumPy lacks go by their size."""

    class Named:
        __array_interface__ = {  # noqa: RUF012
            "version": 3,
            "shape": tuple(interface["shape"]),
            "strides": interface.get("strides"),
            "typestr": interface["typestr"],
            "data": tuple(interface["data"]),
        }

    array = np.asarray(Named())
    is_unnamed = array.dtype.kind in "Vu" and dtype.isbuiltin != 1 and array.dtype.itemsize == dtype.itemsize
    return array.view(dtype) if is_unnamed else array


def _stream(stream: object) -> int:
    """The interface has 1 and 2 for the legacy and the per-thread default stream, as the driver has; None: any will do."""
    return 0 if stream is None else int(stream)  # type: ignore[call-overload]


def _cuda() -> Any:
    with without_forks():
        from fastinit.backends.cuda import filling  # needs the extra `cuda`

    return filling


def fill_device(
    distribution: Distribution,
    shape: tuple[int, ...],
    stream: Stream,
    element: ElementType,
    index: Index,
    wanted: Positions,
    out: DeviceMemory,
) -> None:
    """Write the values of the positions `wanted`, which are those of the index."""
    if out.array.size:
        distribution.write(DeviceFill(stream, element, shape, wanted, index, out))


class DeviceFill:
    """The request for some positions of a tensor (`fastinit.distributions.base.Request`)."""

    def __init__(
        self,
        stream: Stream,
        element: ElementType,
        shape: tuple[int, ...],
        wanted: Positions,
        index: Index,
        out: DeviceMemory,
    ) -> None:
        self.real = element.real
        self._stream, self._element, self._shape, self._wanted, self._index = stream, element, shape, wanted, index
        self._to, self._out = out, out.array

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        cuda, wanted, name = _cuda(), self._wanted, f"{kernel}_{self._element.name}"
        if not wanted.tables:
            axes = [cuda.Axis(n, step, stride) for n, step, stride in zip(wanted.shape, wanted.steps, self._strides())]
            cuda.fill_axes(name, self._stream, parameters, wanted.origin, axes, self._memory())
            return
        for first in range(0, wanted.size, MOST_PLACES):
            last = min(first + MOST_PLACES, wanted.size)
            index = np.unravel_index(np.arange(first, last), wanted.shape)
            places = sum(i * stride for i, stride in zip(index, self._strides()))
            runs = [
                (starts.view(np.int64)[:, np.newaxis] + np.arange(count) * step).reshape(-1)
                for starts, count, step in wanted.runs(first, last)
            ]
            cuda.fill_places(name, self._stream, parameters, np.concatenate(runs), places, self._memory())

    def repeat(self, value: float) -> None:
        one = np.full((), value, self._element.dtype)
        if self._out.flags.c_contiguous:
            _cuda().repeat(one, self._out.size, self._memory())
            return
        self._copy(np.broadcast_to(one, self._out.shape))

    def select(self, values: Callable[[Draws], FloatArray]) -> None:
        """Computed on the host."""
        made = values(Draws(self._stream, self.real)).reshape(self._shape)
        wanted = made if self._index is None else made[self._index]
        self._copy(np.asarray(wanted).astype(self._element.dtype))

    def compose(self, slabs: Slabs) -> None:
        parts = Selection.of(self._shape, self._index, self._wanted).parts(slabs)
        if not all(part.is_view for _, part in parts):
            raise ValueError("out on a CUDA device takes no arrays in index for tensors of several slabs: use slices")
        for (slab, part), stream in zip(parts, child_streams(self._stream, [slab.key for slab, _ in parts])):
            within = (*part.place, ...)  # a view, also of one element
            view = self._to._replace(array=self._out[within])
            wanted = positions.wanted(slab.shape, part.index)
            fill_device(slab.distribution, slab.shape, stream, self._element, part.index, wanted, view)

    def _strides(self) -> list[int]:
        """In elements. ValueError where they are no whole number of them."""
        strides = [divmod(stride, self._out.itemsize) for stride in self._out.strides]
        if any(rest for _, rest in strides):
            raise ValueError(f"out has strides {self._out.strides} that are no multiples of its {self._out.itemsize} bytes")
        return [elements for elements, _ in strides]

    def _copy(self, values: Array) -> None:
        _cuda().copy(values, self._strides(), self._memory())

    def _memory(self) -> Any:
        address: int = self._out.__array_interface__["data"][0]
        return _cuda().Memory(address, self._to.device, self._to.stream)

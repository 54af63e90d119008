"""Fills arrays in the memory of a CUDA device, which NumPy cannot write to: CuPy's, Numba's and torch's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from fastinit.backends.elements import ELEMENT_TYPES, ElementType
from fastinit.core import indices
from fastinit.core.dtypes import check_out
from fastinit.core.positions import Positions
from fastinit.core.selection import Selection
from fastinit.core.stream import Stream, child_streams
from fastinit.core.whole_tensors import whole_values
from fastinit.distributions import Distribution, Slabs, WholeTensor
from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import Array, Float64Array, Index

if TYPE_CHECKING:
    from fastinit.core.dlpack import Described

HostFill: TypeAlias = Callable[..., Array]
"""`fastinit.core.fill.fill`, into a new array of the host."""
MOST_PLACES = 2**22  # positions that are sent to the device at a time: 40 MB


def has_kernels() -> bool:
    """Whether NVIDIA's bindings are installed, by which the kernels for GPUs are compiled and started."""
    if "fastinit.backends.cuda.driver" in sys.modules:  # which has found them
        return True
    with without_forks():  # to find a module its package is imported
        return find_spec("cuda") is not None and find_spec("cuda.bindings") is not None


def is_on_device(out: object) -> bool:
    """Whether it is an array in a CUDA device's memory, as DLPack or Numba's interface (version 3) says."""
    if isinstance(out, np.ndarray):
        return False
    if hasattr(out, "__dlpack_device__"):
        return bool(_dlpack().is_on_cuda_device(out))
    return hasattr(out, "__cuda_array_interface__")


class DeviceMemory(NamedTuple):
    """A device's array as one of NumPy, whose memory must not be touched; and CUDA's stream to write it in.

    `waits`: whether the fill ends when its values are there, since the array names no stream in which they would be waited
    for.
    """

    array: Array
    device: int
    stream: int
    waits: bool = False


def memory_of(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> DeviceMemory:
    """What an array says of itself by Numba's interface, or else by DLPack.

    TypeError or ValueError where values of this shape and dtype cannot be written to it.
    """
    jax = sys.modules.get("jax")
    if jax is not None and isinstance(out, jax.Array):  # not all of whose interfaces say so
        raise ValueError("out is an array of JAX, which are read-only: make one by fastinit.jax")
    interface = _interface(out)
    if interface is None:
        array, stream = _described(_dlpack().described(out)), _dlpack().LEGACY_STREAM
    elif interface.get("mask") is not None:
        raise TypeError("out has a mask: pass the array without it")
    else:
        array, stream = _named(interface, _dtype_of(out) or dtype), _stream(interface.get("stream"))
    check_out(array, shape, dtype)
    _check_elements(array)
    device = _cuda().driver.device_of(address_of(array)) if array.size else 0
    return DeviceMemory(array, device, stream, waits=interface is None)


def _check_elements(array: Array) -> None:
    """TypeError or ValueError for elements that kernels, which write whole ones, cannot write."""
    if not array.dtype.isnative:
        raise TypeError(f"out has dtype {array.dtype}, whose bytes are in the other order: a CUDA device writes its own")
    strides = [stride for stride, n in zip(array.strides, array.shape) if n > 1]
    if array.size and any(stride < 0 for stride in strides):
        raise ValueError(
            f"out has strides {array.strides}: on a CUDA device none may be negative, so pass the array the other way "
            "round, with an index as np.s_[::-1] if the values are to stand in reverse"
        )
    apart = [address_of(array), *strides]
    if array.size and any(distance % array.itemsize for distance in apart):
        raise ValueError(
            f"out has elements of {array.itemsize} bytes at address {apart[0]:#x} with strides {array.strides}: "
            f"these must be multiples of {array.itemsize} on a CUDA device"
        )


def address_of(array: Array) -> int:
    """The address of the first element."""
    address: int = array.__array_interface__["data"][0]
    return address


def _interface(out: Any) -> dict[str, Any] | None:
    """By Numba's interface; of torch's tensors, whose own has neither floats of 8 bits nor a stream, with both."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(out, torch.Tensor):
        bits = out.view(torch.uint8) if out.element_size() == 1 else out
        return {**bits.__cuda_array_interface__, "stream": torch.cuda.current_stream(out.device).cuda_stream}
    return getattr(out, "__cuda_array_interface__", None)


def _dtype_of(out: Any) -> np.dtype[Any] | None:
    """NumPy's dtype for the array's own, where it is one of those that NumPy itself lacks."""
    element = ELEMENT_TYPES.get(str(getattr(out, "dtype", None)).removeprefix("torch."))
    return None if element is None else element.dtype


def _named(interface: dict[str, Any], dtype: np.dtype[Any]) -> Array:
    """NumPy's array of this address and these strides; the types that NumPy lacks go by their size."""
    array = _array(interface["data"], interface["shape"], interface.get("strides"), interface["typestr"])
    is_unnamed = array.dtype.kind in "Vu" and dtype.isbuiltin != 1 and array.dtype.itemsize == dtype.itemsize
    return array.view(dtype) if is_unnamed else array


def _described(of: Described) -> Array:
    dtype = ELEMENT_TYPES[of.element].dtype
    strides = None if of.strides is None else tuple(dtype.itemsize * stride for stride in of.strides)
    bits = f"<u{dtype.itemsize}"
    return _array((of.pointer, of.is_read_only), of.shape, strides, bits).view(dtype)


def _array(data: tuple[int, bool], shape: Any, strides: Any, typestr: str) -> Array:
    class Named:
        __array_interface__ = {  # noqa: RUF012
            "version": 3,
            "shape": tuple(shape),
            "strides": None if strides is None else tuple(strides),
            "typestr": typestr,
            "data": tuple(data),
        }

    return np.asarray(Named())


def _stream(stream: object) -> int:
    """The interface has 1 and 2 for the legacy and the per-thread default stream, as the driver has; None: any will do."""
    return 0 if stream is None else int(stream)  # type: ignore[call-overload]


def _dlpack() -> Any:
    with without_forks():
        from fastinit.core import dlpack  # which few arrays need

    return dlpack


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
    out: DeviceMemory,
    on_host: HostFill,
) -> None:
    """Write the values of an index. `on_host` makes those that no kernel can place."""
    wanted = indices.wanted(shape, index)
    if not out.array.size:
        return
    memory = _cuda().Memory(address_of(out.array), out.device, out.stream)
    # before anything is written, for all of the parts
    room = _cuda().room_for(min(wanted.size, MOST_PLACES), memory) if wanted.tables else nullcontext(0)
    with room as address:
        distribution.write(DeviceFill(stream, element, shape, wanted, index, out, on_host, address))
    if out.waits:
        _cuda().wait(memory)


class DeviceFill:
    """The request for some positions of a tensor (`fastinit.distributions.base.Request`).

    `room`: the address of the device's memory to which positions are sent, if the index holds arrays.
    """

    def __init__(
        self,
        stream: Stream,
        element: ElementType,
        shape: tuple[int, ...],
        wanted: Positions,
        index: Index,
        out: DeviceMemory,
        on_host: HostFill,
        room: int,
    ) -> None:
        self.real = element.real
        self._stream, self._element, self._shape, self._wanted, self._index = stream, element, shape, wanted, index
        self._to, self._out, self._on_host, self._room = out, out.array, on_host, room

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        cuda, wanted, name = _cuda(), self._wanted, f"{kernel}_{self._element.name}"
        strides = self._strides()
        if not wanted.tables:
            axes = [cuda.Axis(n, step, stride) for n, step, stride in zip(wanted.shape, wanted.steps, strides)]
            cuda.fill_axes(name, self._stream, parameters, wanted.origin, axes, self._memory())
            return
        for first in range(0, wanted.size, MOST_PLACES):
            last = min(first + MOST_PLACES, wanted.size)
            index = np.unravel_index(np.arange(first, last), wanted.shape)
            places = sum(i * stride for i, stride in zip(index, strides))
            runs = [
                (starts.view(np.int64)[:, np.newaxis] + np.arange(count) * step).reshape(-1)
                for starts, count, step in wanted.runs(first, last)
            ]
            at = np.concatenate(runs)
            cuda.fill_places(name, self._stream, parameters, at, places, self._memory(), self._room)

    def repeat(self, value: float) -> None:
        one = np.full((), value, self._element.dtype)
        if self._out.flags.c_contiguous:
            _cuda().repeat(one, self._out.size, self._memory())
            return
        self._copy(np.broadcast_to(one, self._out.shape))

    def select(self, distribution: WholeTensor[Any]) -> None:
        """Computed on the host."""
        made = whole_values(distribution, self._stream, self.real).reshape(self._shape)
        wanted = made if self._index is None else made[self._index]
        self._copy(np.asarray(wanted).astype(self._element.dtype))

    def compose(self, slabs: Slabs) -> None:
        """Slab by slab; all on the host where arrays in the index take elements of one that are scattered in the result."""
        parts = Selection.of(self._shape, self._index, self._wanted).parts(slabs)
        if not all(part.is_view for _, part in parts):
            stream, dtype = self._stream, self._element.dtype
            self._copy(self._on_host(slabs, self._shape, seed=stream, dtype=dtype, index=self._index))
            return
        for (slab, part), stream in zip(parts, child_streams(self._stream, [slab.key for slab, _ in parts])):
            shape, index, within = slab.shape, part.index, (*part.place, ...)
            view = self._to._replace(array=self._out[within])  # a view, also of one element
            wanted = indices.wanted(shape, index)
            request = DeviceFill(stream, self._element, shape, wanted, index, view, self._on_host, self._room)
            slab.distribution.write(request)

    def _strides(self) -> list[int]:
        """In elements."""
        return [stride // self._out.itemsize for stride in self._out.strides]

    def _copy(self, values: Array) -> None:
        _cuda().copy(values, self._strides(), self._memory())

    def _memory(self) -> Any:
        return _cuda().Memory(address_of(self._out), self._to.device, self._to.stream)

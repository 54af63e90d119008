"""The calls of CUDA's driver and of its compiler, by NVIDIA's cuda-bindings: what else is here knows neither.

Its functions return a status first; the first that is not 0 becomes a RuntimeError with the driver's name of it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit.backends.cuda.compiling import compiled
from fastinit.backends.cuda.launches import THREADS
from fastinit.runtime.installation import install_hint

try:
    from cuda.bindings import driver as _driver  # pyright: ignore[reportMissingImports]
except ModuleNotFoundError:
    raise ImportError(f"fills on CUDA devices need NVIDIA's cuda-bindings: {install_hint('cuda')}") from None

MOST_BLOCKS = 2**31 - 1  # along the one axis of a grid


def _checked(result: tuple[Any, ...]) -> Any:
    """What a call returns besides its status."""
    status, *values = result
    if int(status) != 0:
        raise RuntimeError(f"CUDA: {status.name}")
    return values[0] if len(values) == 1 else values


@cache
def _context(device: int) -> Any:
    """The context that libraries share on a device."""
    _checked(_driver.cuInit(0))
    return _checked(_driver.cuDevicePrimaryCtxRetain(_checked(_driver.cuDeviceGet(device))))


@contextmanager
def on_device(device: int) -> Iterator[None]:
    """Within the block the calling thread's calls are for this device."""
    _checked(_driver.cuCtxPushCurrent(_context(device)))
    try:
        yield
    finally:
        _checked(_driver.cuCtxPopCurrent())


def device_of(pointer: int) -> int:
    """The number of the device that has this memory. ValueError for memory that is no device's."""
    _checked(_driver.cuInit(0))
    attribute = _driver.CUpointer_attribute
    status, kind = _driver.cuPointerGetAttribute(attribute.CU_POINTER_ATTRIBUTE_MEMORY_TYPE, pointer)
    if int(status) != 0 or int(kind) != int(_driver.CUmemorytype.CU_MEMORYTYPE_DEVICE):
        raise ValueError(f"out must be memory of a CUDA device, got address {pointer:#x}, which is not")
    return int(_checked(_driver.cuPointerGetAttribute(attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, pointer)))


@cache
def architecture(device: int) -> str:
    """As the compiler calls it: sm_90."""
    attribute, number = _driver.CUdevice_attribute, _checked(_driver.cuDeviceGet(device))
    major, minor = (
        _checked(_driver.cuDeviceGetAttribute(which, number))
        for which in (
            attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
            attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
        )
    )
    return f"sm_{major}{minor}"


_kernels: dict[tuple[int, str, str], Any] = {}


def kernel(device: int, name: str, form: str, stream: int) -> Any:
    """The kernel of csrc/cuda/kernels.h for a device, compiled at its first use there; `form` is runs or places.

    RuntimeError where it is not loaded yet and the stream in which it is to run is captured: loading is no part of a graph.
    """
    found = _kernels.get((device, name, form))
    if found is None:
        refuse_capture(stream, f"the kernel {name} is loaded")
        library = _library(architecture(device), name)
        found = _kernels[device, name, form] = _checked(_driver.cuLibraryGetKernel(library, f"{name}_{form}".encode()))
    return found


def refuse_capture(stream: int, what: str) -> None:
    """RuntimeError where a CUDA graph is captured in this stream, which would not hold what the host does."""
    capture = _checked(_driver.cuStreamIsCapturing(stream))
    if int(capture) != int(_driver.CUstreamCaptureStatus.CU_STREAM_CAPTURE_STATUS_NONE):
        raise RuntimeError(f"a CUDA graph is being captured, and {what} by the host: fill once before the capture")


@cache
def _library(architecture: str, name: str) -> Any:
    return _checked(_driver.cuLibraryLoadData(compiled(name, architecture), None, None, 0, None, None, 0))


def launch(
    function: Any, threads: int, stream: int, arguments: Sequence[ctypes._SimpleCData[Any] | ctypes.Structure]
) -> None:
    """Start a kernel on at least so many threads, in the order of a stream (0: the default one)."""
    blocks = -(-threads // THREADS)
    if blocks > MOST_BLOCKS:
        raise ValueError(f"a CUDA device starts {MOST_BLOCKS} blocks at a time, and this fill asks for {blocks}")
    pointers = (ctypes.c_void_p * len(arguments))(*(ctypes.addressof(argument) for argument in arguments))
    _checked(_driver.cuLaunchKernel(function, blocks, 1, 1, THREADS, 1, 1, 0, stream, ctypes.addressof(pointers), 0))


@contextmanager
def reserved(nbytes: int, stream: int) -> Iterator[int]:
    """The address of memory of the device; it is freed in the stream's order, after the block's calls.

    MemoryError where there is none left.
    """
    refuse_capture(stream, "memory is reserved and positions are sent")
    status, address = _driver.cuMemAllocAsync(nbytes, stream)
    if status.name == "CUDA_ERROR_OUT_OF_MEMORY":
        raise MemoryError(
            f"the CUDA device has no {nbytes} bytes left for the positions of index ({status.name}): nothing was written"
        )
    address = int(_checked((status, address)))
    try:
        yield address
    finally:
        _checked(_driver.cuMemFreeAsync(address, stream))


def send(values: NDArray[np.uint8], pointer: int, stream: int) -> None:
    """Copy bytes to the device. Of memory that may be paged out, as NumPy's, the call has copied when it returns."""
    _checked(_driver.cuMemcpyHtoDAsync(pointer, values.ctypes.data, values.nbytes, stream))


def wait(stream: int) -> None:
    """Until all that was started in a stream is done."""
    refuse_capture(stream, "its end is waited for")
    _checked(_driver.cuStreamSynchronize(stream))


def repeat(value: NDArray[Any], n: int, pointer: int, stream: int) -> None:
    """Write the bits of one element n times."""
    if value.itemsize == 1:
        _checked(_driver.cuMemsetD8Async(pointer, int(value.view(np.uint8)), n, stream))
    elif value.itemsize == 2:
        _checked(_driver.cuMemsetD16Async(pointer, int(value.view(np.uint16)), n, stream))
    elif value.itemsize == 4:
        _checked(_driver.cuMemsetD32Async(pointer, int(value.view(np.uint32)), n, stream))
    else:
        first, second = value.reshape(1).view(np.uint32).tolist()
        if first == second:
            _checked(_driver.cuMemsetD32Async(pointer, first, 2 * n, stream))
            return
        for i, half in enumerate((first, second)):  # to every other word
            _checked(_driver.cuMemsetD2D32Async(pointer + 4 * i, 8, half, 1, n, stream))


def copy(values: NDArray[Any], strides: Sequence[int], pointer: int, stream: int) -> None:
    """Copy an array of the host to where its elements stand `strides` elements apart along each axis."""
    refuse_capture(stream, "values are computed and sent")
    if not values.size:
        return
    upward: list[Any] = []
    for axis, stride in enumerate(strides):
        if stride < 0:  # from the lowest address on
            pointer += (values.shape[axis] - 1) * stride * values.itemsize
        upward.append(slice(None, None, -1 if stride < 0 else 1))
    _copy_upward(values[tuple(upward)], [abs(stride) for stride in strides], pointer, stream)


def _copy_upward(values: NDArray[Any], strides: Sequence[int], pointer: int, stream: int) -> None:
    if not strides or (len(strides) == 1 and strides[0] == 1):
        _copy_rows(values.reshape(1, -1), 0, pointer, stream)
    elif len(strides) == 1:
        _copy_rows(values.reshape(-1, 1), strides[0], pointer, stream)
    elif len(strides) == 2 and strides[1] == 1 and strides[0] >= values.shape[1]:
        _copy_rows(values, strides[0], pointer, stream)
    else:
        for i, part in enumerate(values):
            _copy_upward(part, strides[1:], pointer + i * strides[0] * values.itemsize, stream)


def _copy_rows(rows: NDArray[Any], pitch: int, pointer: int, stream: int) -> None:
    """Copy contiguous rows to where they stand `pitch` elements apart."""
    rows = np.ascontiguousarray(rows)
    n, width = rows.shape
    request = _driver.CUDA_MEMCPY2D()
    request.srcMemoryType, request.dstMemoryType = (
        _driver.CUmemorytype.CU_MEMORYTYPE_HOST,
        _driver.CUmemorytype.CU_MEMORYTYPE_DEVICE,
    )
    request.srcHost, request.srcPitch = rows.ctypes.data, width * rows.itemsize
    request.dstDevice, request.dstPitch = pointer, max(pitch, width) * rows.itemsize
    request.WidthInBytes, request.Height = width * rows.itemsize, n
    _checked(_driver.cuMemcpy2DAsync(request, stream))

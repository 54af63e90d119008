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


@cache
def kernel(device: int, name: str, form: str) -> Any:
    """The kernel of csrc/cuda/kernels.h for a device, compiled at its first use there; `form` is runs or places."""
    library = _library(architecture(device), name)
    return _checked(_driver.cuLibraryGetKernel(library, f"{name}_{form}".encode()))


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
def uploaded(arrays: Sequence[NDArray[Any]], stream: int) -> Iterator[list[int]]:
    """Addresses of copies of the arrays on the device; they are freed in the stream's order, after the block's calls."""
    addresses: list[int] = []
    try:
        for array in arrays:
            addresses.append(int(_checked(_driver.cuMemAllocAsync(array.nbytes, stream))))
            contiguous = np.ascontiguousarray(array)
            # of memory that may be paged out the call copies before it returns
            _checked(_driver.cuMemcpyHtoDAsync(addresses[-1], contiguous.ctypes.data, array.nbytes, stream))
        yield addresses
    finally:
        for address in addresses:
            _checked(_driver.cuMemFreeAsync(address, stream))


def repeat(value: NDArray[Any], n: int, pointer: int, stream: int) -> None:
    """Write the bits of one element n times."""
    if value.itemsize == 1:
        _checked(_driver.cuMemsetD8Async(pointer, int(value.view(np.uint8)), n, stream))
    elif value.itemsize == 2:
        _checked(_driver.cuMemsetD16Async(pointer, int(value.view(np.uint16)), n, stream))
    elif value.itemsize == 4:
        _checked(_driver.cuMemsetD32Async(pointer, int(value.view(np.uint32)), n, stream))
    else:  # each half to every other word
        for i, half in enumerate(value.reshape(1).view(np.uint32).tolist()):
            _checked(_driver.cuMemsetD2D32Async(pointer + 4 * i, 8, half, 1, n, stream))


def copy(values: NDArray[Any], strides: Sequence[int], pointer: int, stream: int) -> None:
    """Copy an array of the host to where its elements stand `strides` elements apart along each axis."""
    if not strides or (strides[-1] == 1 and len(strides) == 1):
        _copy_rows(values.reshape(1, -1), 0, pointer, stream)
    elif len(strides) == 1:
        _copy_rows(values.reshape(-1, 1), strides[0], pointer, stream)
    elif len(strides) == 2 and strides[1] == 1 and strides[0] >= values.shape[1]:
        _copy_rows(values, strides[0], pointer, stream)
    else:
        for i, part in enumerate(values):
            copy(part, strides[1:], pointer + i * strides[0] * values.itemsize, stream)


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

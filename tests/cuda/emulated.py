"""A CUDA device made of the CPU: the calls of NVIDIA's driver that fastinit uses, over kernels that g++ has compiled."""

import ctypes
import subprocess
import sys
import types
from contextlib import contextmanager
from enum import IntEnum
from importlib.machinery import ModuleSpec
from pathlib import Path
from unittest import mock

import numpy as np

import fastinit.backends.cuda
from fastinit.backends.catalogue import KERNELS
from fastinit.backends.cuda import source

HERE = Path(__file__).parent
THREADS_OF_CUDA = """
struct dimension { unsigned x; };
static struct dimension threadIdx, blockIdx, blockDim;
#define __global__
"""


class Status(IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_INVALID_VALUE = 1
    CUDA_ERROR_OUT_OF_MEMORY = 2


def compile_kernels(folder):
    """The library of all kernels, compiled for this CPU."""
    kernels = [f"CUDA_KERNELS({source.arguments(KERNELS[name])})" for name in source.KERNEL_NAMES]
    names = "#define KERNELS(X) " + " ".join(f"X({name})" for name in source.KERNEL_NAMES)
    text = [THREADS_OF_CUDA, source.headers(), *kernels, names, (HERE / "emulator.cpp").read_text()]
    (folder / "emulator.cpp").write_text("\n".join(text))
    command = ["g++", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-o", folder / "emulator.so", folder / "emulator.cpp"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(folder / "emulator.so")


class Driver(types.ModuleType):
    """What fastinit calls of cuda.bindings.driver; device memory is memory of this process that it has handed out."""

    CUpointer_attribute = IntEnum(
        "CUpointer_attribute", {"CU_POINTER_ATTRIBUTE_MEMORY_TYPE": 2, "CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL": 9}
    )
    CUmemorytype = IntEnum("CUmemorytype", {"CU_MEMORYTYPE_HOST": 1, "CU_MEMORYTYPE_DEVICE": 2})
    CUdevice_attribute = IntEnum(
        "CUdevice_attribute",
        {"CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR": 75, "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR": 76},
    )
    CUDA_MEMCPY2D = types.SimpleNamespace

    def __init__(self, kernels):
        super().__init__("cuda.bindings.driver")
        self.kernels = kernels
        self.memory = {}  # by address
        self.current = []  # the contexts that were pushed
        self.launched = []  # (kernel, device, stream)
        self.free = None  # bytes that are left, if there is a limit

    def allocate(self, nbytes):
        memory = np.full(nbytes + 64, 0xA5, np.uint8)
        address = -(-memory.ctypes.data // 64) * 64
        self.memory[address] = memory
        return address

    def _owner(self, pointer):
        return next((at for at, memory in self.memory.items() if at <= int(pointer) < at + memory.size), None)

    def cuInit(self, flags):
        return (Status.CUDA_SUCCESS,)

    def cuDeviceGet(self, ordinal):
        return Status.CUDA_SUCCESS, ordinal

    def cuDevicePrimaryCtxRetain(self, device):
        return Status.CUDA_SUCCESS, f"context of {device}"

    def cuCtxPushCurrent(self, context):
        self.current.append(context)
        return (Status.CUDA_SUCCESS,)

    def cuCtxPopCurrent(self):
        return Status.CUDA_SUCCESS, self.current.pop()

    def cuDeviceGetAttribute(self, attribute, device):
        return Status.CUDA_SUCCESS, 9 if "MAJOR" in attribute.name else 0

    def cuPointerGetAttribute(self, attribute, pointer):
        if self._owner(pointer) is None:
            return Status.CUDA_ERROR_INVALID_VALUE, 0
        is_type = attribute == self.CUpointer_attribute.CU_POINTER_ATTRIBUTE_MEMORY_TYPE
        return Status.CUDA_SUCCESS, int(self.CUmemorytype.CU_MEMORYTYPE_DEVICE) if is_type else 0

    def cuLibraryLoadData(self, code, *options):
        return Status.CUDA_SUCCESS, code

    def cuLibraryGetKernel(self, library, name):
        return Status.CUDA_SUCCESS, name.decode()

    def cuLaunchKernel(self, name, *settings):
        blocks, _, _, threads, _, _, shared, stream, arguments, extra = settings
        assert self.current and shared == extra == 0
        getattr(self.kernels, f"launch_{name}")(blocks, threads, ctypes.c_void_p(arguments))
        self.launched.append((name, self.current[-1], stream))
        return (Status.CUDA_SUCCESS,)

    def cuMemAllocAsync(self, nbytes, stream):
        if self.free is not None and nbytes > self.free:
            return Status.CUDA_ERROR_OUT_OF_MEMORY, 0
        return Status.CUDA_SUCCESS, self.allocate(nbytes)

    def cuMemFreeAsync(self, address, stream):
        del self.memory[address]
        return (Status.CUDA_SUCCESS,)

    def cuMemcpyHtoDAsync(self, to, source, nbytes, stream):
        ctypes.memmove(to, source, nbytes)
        return (Status.CUDA_SUCCESS,)

    def _set(self, pointer, value, n, size, step):
        memory = (ctypes.c_uint8 * (step * (n - 1) + size)).from_address(pointer)
        for i in range(n):
            memory[i * step : i * step + size] = list(value.to_bytes(size, "little"))
        return (Status.CUDA_SUCCESS,)

    def cuMemsetD8Async(self, pointer, value, n, stream):
        return self._set(pointer, value, n, 1, 1)

    def cuMemsetD16Async(self, pointer, value, n, stream):
        return self._set(pointer, value, n, 2, 2)

    def cuMemsetD32Async(self, pointer, value, n, stream):
        return self._set(pointer, value, n, 4, 4)

    def cuMemsetD2D32Async(self, pointer, pitch, value, width, height, stream):
        assert width == 1
        return self._set(pointer, value, height, 4, pitch)

    def cuMemcpy2DAsync(self, copy, stream):
        for row in range(copy.Height):
            ctypes.memmove(copy.dstDevice + row * copy.dstPitch, copy.srcHost + row * copy.srcPitch, copy.WidthInBytes)
        return (Status.CUDA_SUCCESS,)


class DeviceArray:
    """An array in the emulated device's memory, with the interface that CuPy's, Numba's and torch's arrays have."""

    def __init__(self, driver, shape, dtype, *, cut=(), is_read_only=False, stream=None):
        dtype = np.dtype(dtype)
        self.driver, self.dtype = driver, dtype
        nbytes = int(np.prod(shape, dtype=int)) * dtype.itemsize
        pointer = driver.allocate(nbytes)
        whole = np.ndarray(shape, dtype, driver.memory[pointer], pointer - driver.memory[pointer].ctypes.data)
        self.host = whole[cut] if cut else whole
        self.memory = driver.memory[pointer]
        self.__cuda_array_interface__ = {
            "shape": self.host.shape,
            "strides": self.host.strides,
            "typestr": dtype.str if dtype.isbuiltin == 1 else f"<V{dtype.itemsize}",
            "data": (self.host.__array_interface__["data"][0], is_read_only),
            "version": 3,
            "stream": stream,
        }


def forget():
    """Have the modules that hold a driver imported again at their next use."""
    for name in ("driver", "filling"):
        sys.modules.pop(f"fastinit.backends.cuda.{name}", None)
        vars(fastinit.backends.cuda).pop(name, None)


@contextmanager
def installed(kernels):
    """Within the block fastinit finds the emulated driver where it looks for NVIDIA's, and kernels by name."""
    driver = Driver(kernels)
    bindings = types.ModuleType("cuda.bindings")
    bindings.driver = driver
    modules = {"cuda": types.ModuleType("cuda"), "cuda.bindings": bindings, "cuda.bindings.driver": driver}
    for name, module in modules.items():
        module.__spec__, module.__path__ = ModuleSpec(name, None), []
    before = {name: sys.modules[name] for name in modules if name in sys.modules}
    forget()
    sys.modules.update(modules)
    try:
        with mock.patch("fastinit.backends.cuda.compiling.compiled", lambda name, architecture: name):
            yield driver
    finally:
        for name in modules:
            del sys.modules[name]
        sys.modules.update(before)
        forget()

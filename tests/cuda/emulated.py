"""A CUDA device made of the CPU: the calls of NVIDIA's driver that fastinit uses, over kernels that g++ has compiled."""

import ctypes
import subprocess
import sys
import time
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
from tests.cuda.devices import Device

HERE = Path(__file__).parent
THREADS_OF_CUDA = """
struct dimension { unsigned x; };
static struct dimension threadIdx, blockIdx, blockDim;
#define __global__
"""


Status = IntEnum(
    "Status",
    {
        "CUDA_SUCCESS": 0,
        "CUDA_ERROR_INVALID_VALUE": 1,
        "CUDA_ERROR_OUT_OF_MEMORY": 2,
        "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED": 900,
    },
)
SIZES = {"runs": (120, 72, 8), "places": (120, 40, 8)}  # bytes of the arguments of a kernel


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
    CUstreamCaptureStatus = IntEnum(
        "CUstreamCaptureStatus", {"CU_STREAM_CAPTURE_STATUS_NONE": 0, "CU_STREAM_CAPTURE_STATUS_ACTIVE": 1}
    )
    CUstreamCaptureMode = IntEnum("CUstreamCaptureMode", {"CU_STREAM_CAPTURE_MODE_GLOBAL": 0})
    CUstream_flags = IntEnum("CUstream_flags", {"CU_STREAM_NON_BLOCKING": 1})
    CUDA_MEMCPY2D = types.SimpleNamespace

    def __init__(self, kernels):
        super().__init__("cuda.bindings.driver")
        self.kernels = kernels
        self.memory = {}  # by address
        self.current = []  # the contexts that were pushed
        self.launched = []  # (kernel, device, stream)
        self.free = None  # bytes that are left, if there is a limit
        self.waited = []  # streams
        self.graphs = {}  # what was captured, by stream

    def _do(self, stream, work):
        """Do it, or have it captured."""
        if stream in self.graphs:
            self.graphs[stream].append(work)
        else:
            work()
        return (Status.CUDA_SUCCESS,)

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

    def cuDeviceGetCount(self):
        return Status.CUDA_SUCCESS, 1

    def cuDeviceGetName(self, length, device):
        return Status.CUDA_SUCCESS, b"emulated on a CPU\0"

    def cuLaunchKernel(self, name, *settings):
        blocks, _, _, threads, _, _, shared, stream, arguments, extra = settings
        assert self.current and shared == extra == 0
        pointers, sizes = ctypes.cast(arguments, ctypes.POINTER(ctypes.c_void_p)), SIZES[name.rpartition("_")[2]]
        copies = [ctypes.create_string_buffer(ctypes.string_at(pointers[i], size), size) for i, size in enumerate(sizes)]

        def work():
            values = (ctypes.c_void_p * len(copies))(*map(ctypes.addressof, copies))
            getattr(self.kernels, f"launch_{name}")(blocks, threads, values)
            self.launched.append((name, self.current[-1], stream))

        return self._do(stream, work)

    def cuMemAlloc(self, nbytes):
        return Status.CUDA_SUCCESS, self.allocate(nbytes)

    def cuMemFree(self, address):
        return self.cuMemFreeAsync(address, 0)

    def cuMemcpyHtoD(self, to, source, nbytes):
        return self.cuMemcpyHtoDAsync(to, source, nbytes, 0)

    def cuMemcpyDtoH(self, to, source, nbytes):
        ctypes.memmove(to, source, nbytes)
        return (Status.CUDA_SUCCESS,)

    def cuCtxSynchronize(self):
        return (Status.CUDA_SUCCESS,)

    def cuStreamCreate(self, flags):
        return Status.CUDA_SUCCESS, 1000 + int(flags)

    def cuStreamDestroy(self, stream):
        return (Status.CUDA_SUCCESS,)

    def cuStreamSynchronize(self, stream):
        self.waited.append(stream)
        return (Status.CUDA_SUCCESS,)

    def cuStreamIsCapturing(self, stream):
        return Status.CUDA_SUCCESS, self.CUstreamCaptureStatus(stream in self.graphs)

    def cuStreamBeginCapture(self, stream, mode):
        self.graphs[stream] = []
        return (Status.CUDA_SUCCESS,)

    def cuStreamEndCapture(self, stream):
        return Status.CUDA_SUCCESS, self.graphs.pop(stream)

    def cuGraphInstantiate(self, graph, flags):
        return Status.CUDA_SUCCESS, graph

    def cuGraphLaunch(self, graph, stream):
        for work in graph:
            work()
        return (Status.CUDA_SUCCESS,)

    def cuEventCreate(self, flags):
        return Status.CUDA_SUCCESS, [0.0]

    def cuEventRecord(self, event, stream):
        event[0] = time.perf_counter()
        return (Status.CUDA_SUCCESS,)

    def cuEventSynchronize(self, event):
        return (Status.CUDA_SUCCESS,)

    def cuEventElapsedTime(self, first, last):
        return Status.CUDA_SUCCESS, 1000 * (last[0] - first[0])

    def cuMemAllocAsync(self, nbytes, stream):
        if stream in self.graphs:
            return Status.CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, 0
        if self.free is not None and nbytes > self.free:
            return Status.CUDA_ERROR_OUT_OF_MEMORY, 0
        return Status.CUDA_SUCCESS, self.allocate(nbytes)

    def cuMemFreeAsync(self, address, stream):
        del self.memory[address]
        return (Status.CUDA_SUCCESS,)

    def cuMemcpyHtoDAsync(self, to, source, nbytes, stream):
        return self._do(stream, lambda: ctypes.memmove(to, source, nbytes))

    def _set(self, stream, pointer, value, n, size, step):
        memory = (ctypes.c_uint8 * (step * (n - 1) + size)).from_address(pointer)
        elements = np.lib.stride_tricks.as_strided(np.ctypeslib.as_array(memory), (n, size), (step, 1))
        return self._do(stream, lambda: elements.__setitem__(..., [*value.to_bytes(size, "little")]))

    def cuMemsetD8Async(self, pointer, value, n, stream):
        return self._set(stream, pointer, value, n, 1, 1)

    def cuMemsetD16Async(self, pointer, value, n, stream):
        return self._set(stream, pointer, value, n, 2, 2)

    def cuMemsetD32Async(self, pointer, value, n, stream):
        return self._set(stream, pointer, value, n, 4, 4)

    def cuMemsetD2D32Async(self, pointer, pitch, value, width, height, stream):
        assert width == 1
        return self._set(stream, pointer, value, height, 4, pitch)

    def cuMemcpy2DAsync(self, copy, stream):
        for row in range(copy.Height):
            ctypes.memmove(copy.dstDevice + row * copy.dstPitch, copy.srcHost + row * copy.srcPitch, copy.WidthInBytes)
        return (Status.CUDA_SUCCESS,)


class EmulatedDevice(Device):
    """`launched`: (kernel, context, stream) of each launch."""

    @property
    def launched(self):
        return self.driver.launched

    @contextmanager
    def full(self):
        self.driver.free = 0
        yield
        self.driver.free = None


def forget():
    """Have the modules that hold a driver imported again at their next use."""
    for name in ("driver", "filling"):
        sys.modules.pop(f"fastinit.backends.cuda.{name}", None)
        vars(fastinit.backends.cuda).pop(name, None)


@contextmanager
def installed(kernels):
    """Within the block fastinit finds the emulated driver where it looks for NVIDIA's, and kernels by name."""
    device = EmulatedDevice(Driver(kernels))
    bindings = types.ModuleType("cuda.bindings")
    bindings.driver = device.driver
    modules = {"cuda": types.ModuleType("cuda"), "cuda.bindings": bindings, "cuda.bindings.driver": device.driver}
    for name, module in modules.items():
        module.__spec__, module.__path__ = ModuleSpec(name, None), []
    before = {name: sys.modules[name] for name in modules if name in sys.modules}
    forget()
    sys.modules.update(modules)
    try:
        with mock.patch("fastinit.backends.cuda.compiling.compiled", lambda name, architecture: name):
            yield device
    finally:
        for name in modules:
            del sys.modules[name]
        sys.modules.update(before)
        forget()

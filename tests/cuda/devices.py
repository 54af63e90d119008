"""A CUDA device for tests, by the calls of NVIDIA's driver: of a real one (tests/on_cuda/), or emulated (emulated.py)."""

import ctypes
from contextlib import contextmanager

import numpy as np

from fastinit.core import dlpack

GUARD = 64  # bytes before and after an array, which nothing may write to
CAPSULE = b"dltensor_versioned"


class Device:
    """Device 0 of a driver."""

    def __init__(self, driver):
        self.driver = driver
        self.call("cuInit", 0)
        self.context = self.call("cuDevicePrimaryCtxRetain", self.call("cuDeviceGet", 0))

    def call(self, name, *arguments):
        """What a call of the driver returns besides its status."""
        self.driver.cuCtxPushCurrent(self.context) if name.startswith(WITHIN_A_CONTEXT) else None
        status, *values = getattr(self.driver, name)(*arguments)
        self.driver.cuCtxPopCurrent() if name.startswith(WITHIN_A_CONTEXT) else None
        assert int(status) == 0, (name, status)
        return values[0] if values else None

    def array(self, shape, dtype, **options):
        return DeviceArray(self, shape, np.dtype(dtype), **options)

    @contextmanager
    def stream(self):
        """A stream beside the default one, which does not wait for it."""
        stream = self.call("cuStreamCreate", self.driver.CUstream_flags.CU_STREAM_NON_BLOCKING)
        yield int(stream)
        self.call("cuStreamDestroy", stream)

    @contextmanager
    def captured(self, stream):
        """Within the block what is started in the stream is captured; a list, in the end with the graph."""
        graph = []
        self.call("cuStreamBeginCapture", stream, self.driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_GLOBAL)
        try:
            yield graph
        finally:
            graph.append(self.call("cuStreamEndCapture", stream))

    def replay(self, graph, stream, times):
        executable = self.call("cuGraphInstantiate", graph, 0)
        for _ in range(times):
            self.call("cuGraphLaunch", executable, stream)

    @contextmanager
    def full(self):
        """Within the block the device has no memory left."""
        taken, nbytes = [], 2**40
        while nbytes:
            self.driver.cuCtxPushCurrent(self.context)
            status, address = self.driver.cuMemAlloc(nbytes)
            self.driver.cuCtxPopCurrent()
            if int(status) == 0:
                taken.append(address)
            else:
                nbytes //= 2
        try:
            yield
        finally:
            for address in taken:
                self.call("cuMemFree", address)


WITHIN_A_CONTEXT = ("cuMem", "cuStream", "cuGraph", "cuEvent", "cuCtxSync")


def whole(array):
    return array


class DeviceArray:
    """An array in a device's memory, with the interface that CuPy's, Numba's and torch's arrays have.

    `view`: gives what this array is of one of `shape`. `stream`: what the interface names.
    """

    def __init__(self, device, shape, dtype, *, view=whole, is_read_only=False, stream=None):
        self.device, self.dtype = device, dtype
        numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape)
        self._nbytes, self._numbers = numbers.size * dtype.itemsize, view(numbers)  # those of its elements in the memory
        self.shape = self._numbers.shape
        self.strides = tuple(stride // numbers.itemsize * dtype.itemsize for stride in self._numbers.strides)
        self._base = int(device.call("cuMemAlloc", self._nbytes + 2 * GUARD))
        ahead = (self._numbers.ctypes.data - numbers.ctypes.data) // numbers.itemsize * dtype.itemsize
        self.pointer = self._base + GUARD + ahead
        self._before = np.full(self._nbytes + 2 * GUARD, 0xA5, np.uint8)
        device.call("cuMemcpyHtoD", self._base, self._before.ctypes.data, self._before.nbytes)
        self.__cuda_array_interface__ = {
            "shape": self.shape,
            "strides": self.strides,
            "typestr": dtype.str if dtype.isbuiltin == 1 else f"<V{dtype.itemsize}",
            "data": (self.pointer, is_read_only),
            "version": 3,
            "stream": stream,
        }

    def __del__(self):
        self.device.call("cuMemFree", self._base)

    def _bytes(self):
        """All of the memory, once what was started is done."""
        self.device.call("cuCtxSynchronize")
        found = np.empty_like(self._before)
        self.device.call("cuMemcpyDtoH", found.ctypes.data, self._base, found.nbytes)
        return found

    @property
    def host(self):
        """A copy of the array."""
        return self._bytes()[GUARD : GUARD + self._nbytes].view(self.dtype)[self._numbers]

    @property
    def is_untouched(self):
        return bool((self._bytes() == self._before).all())

    @property
    def is_untouched_outside(self):
        """Whether no byte was written that is not of the array's elements."""
        inside = np.zeros(self._before.shape, bool)
        inside[GUARD : GUARD + self._nbytes].reshape(-1, self.dtype.itemsize)[self._numbers.reshape(-1)] = True
        return bool(((self._bytes() == self._before) | inside).all())


class DlpackArray:
    """A device's array that has no other interface than DLPack."""

    def __init__(self, array, element, *, flags=0, kind=dlpack.CUDA, major=1):
        self.array, self.asked = array, []
        self._managed = managed = dlpack._Versioned(major=major, flags=flags)
        self._shape = (ctypes.c_int64 * len(array.shape))(*array.shape)
        self._strides = (ctypes.c_int64 * len(array.shape))(*(stride // array.dtype.itemsize for stride in array.strides))
        managed.tensor.data, managed.tensor.byte_offset = array.pointer - GUARD, GUARD
        managed.tensor.device_type, managed.tensor.ndim = kind, len(array.shape)
        managed.tensor.code, managed.tensor.bits, managed.tensor.lanes = *element, 1
        managed.tensor.shape = ctypes.cast(self._shape, ctypes.POINTER(ctypes.c_int64))
        managed.tensor.strides = ctypes.cast(self._strides, ctypes.POINTER(ctypes.c_int64))

    def __dlpack_device__(self):
        return self._managed.tensor.device_type, 0

    def __dlpack__(self, *, stream, max_version):
        self.asked.append((stream, max_version))
        make = ctypes.pythonapi.PyCapsule_New
        make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
        return make(ctypes.addressof(self._managed), CAPSULE, None)

"""What an array says of its memory by DLPack, for memory that NumPy cannot reach: address, shape, strides and type.

The structures are those of dlpack.h, version 1. (NVIDIA's cuda.core reads them too, but for the types of 8 bits.)
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

from fastinit.backends.catalogue import ELEMENTS

CUDA, MANAGED = 2, 13  # DLDeviceType
IS_READ_ONLY, IS_COPIED = 1, 2  # bits of the flags
VERSION = (1, 1)
LEGACY_STREAM = 1  # CUDA's default stream, as DLPack and the driver call it
BEFORE_VERSION_1 = "out gives DLPack of before version 1, which does not say whether it may be written: pass another array"
NAMES = {(element.dlpack, element.bits): name for name, element in ELEMENTS.items()}


class _Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class _Versioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", _Tensor),
    ]


class Described(NamedTuple):
    """An array's memory. `strides`: in elements. `element`: the name of its type in the catalogue."""

    pointer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None
    element: str
    is_read_only: bool


def is_on_cuda_device(array: Any) -> bool:
    """Whether an array that has DLPack's methods is in a CUDA device's memory."""
    try:
        kind, _ = array.__dlpack_device__()
    except Exception:  # each library's own, of arrays that have no memory, as torch's on the meta device
        return False
    return int(kind) in (CUDA, MANAGED)


def described(array: Any) -> Described:
    """What the array says of itself, after what its library has started is ordered before CUDA's default stream.

    TypeError for elements that fastinit does not draw; ValueError where it gives a copy, or does not say whether it may be
    written, as before version 1.
    """
    try:
        capsule = array.__dlpack__(stream=LEGACY_STREAM, max_version=VERSION)
    except TypeError as error:  # an argument that its library does not know
        raise ValueError(BEFORE_VERSION_1) from error
    tensor, flags = _contents(capsule)
    name = NAMES.get((tensor.code, tensor.bits))
    if name is None or tensor.lanes != 1:
        raise TypeError(
            f"out has elements of DLPack's type {tensor.code}, {tensor.bits} bits, {tensor.lanes} lanes: "
            f"it must be one of {', '.join(ELEMENTS)}"
        )
    if flags & IS_COPIED:
        raise ValueError("out gives a copy of itself by DLPack, and would not get the values: pass the array itself")
    axes = range(tensor.ndim)
    strides = tuple(tensor.strides[i] for i in axes) if tensor.strides else None
    shape = tuple(tensor.shape[i] for i in axes)
    return Described((tensor.data or 0) + tensor.byte_offset, shape, strides, name, bool(flags & IS_READ_ONLY))


def _contents(capsule: Any) -> tuple[_Tensor, int]:
    """The tensor and the flags in a capsule, which stays its owner's: it is not consumed."""
    get, is_valid = ctypes.pythonapi.PyCapsule_GetPointer, ctypes.pythonapi.PyCapsule_IsValid
    get.restype, get.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    is_valid.restype, is_valid.argtypes = ctypes.c_int, (ctypes.py_object, ctypes.c_char_p)
    if is_valid(capsule, b"dltensor_versioned"):
        versioned = _Versioned.from_address(get(capsule, b"dltensor_versioned"))
        if versioned.major != VERSION[0]:
            raise ValueError(f"out has DLPack {versioned.major}.{versioned.minor}, and fastinit reads version {VERSION[0]}")
        return versioned.tensor, versioned.flags
    raise ValueError(BEFORE_VERSION_1)

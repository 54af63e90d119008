"""Memory for many tensors in one mapping: huge pages hold tensors that are smaller than a page, or end within one.

Allocators write a note before each block, so that the page there is a small one, and with it all of the huge page's place.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from fastinit.runtime import huge_pages
from fastinit.runtime.types import Array
from fastinit.torch.tensors import DTYPES, PLAIN_TYPES

ALIGNMENT = 64  # that of torch's own memory (c10/core/alignment.h)


def in_one_mapping(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By name, memory on the CPU for the plain ones of these tensors; none where it is too little for huge pages.

    Each has a storage of its own, which cannot grow. When one is freed its pages are, to the one in which the next begins;
    the addresses are when all are.
    """
    strided = [tensor for tensor in tensors.values() if tensor.layout is torch.strided]
    if sum([tensor.nbytes + ALIGNMENT for tensor in strided]) < huge_pages.LEAST_BYTES:
        return {}
    places: dict[str, int] = {}
    end = 0
    for name, tensor in tensors.items():
        if _is_whole(tensor):
            places[name] = end
            end += -(-_nbytes(tensor) // ALIGNMENT) * ALIGNMENT
    if end < huge_pages.LEAST_BYTES or not huge_pages.are_known():
        return {}
    mapping = np.empty(end + ALIGNMENT, np.uint8)
    huge_pages.advise(mapping)
    address = mapping.ctypes.data
    first = -address % ALIGNMENT
    return {name: _tensor(tensors[name], mapping, address, first + at) for name, at in places.items()}


def _is_whole(tensor: Tensor) -> bool:
    """Whether it is a plain tensor of floats, all of its storage, and has elements."""
    is_plain = type(tensor) in PLAIN_TYPES and tensor.layout is torch.strided and tensor.dtype in DTYPES
    return is_plain and 0 < _nbytes(tensor) == tensor.untyped_storage().nbytes()


def _nbytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.itemsize


def _tensor(like: Tensor, mapping: Array, address: int, at: int) -> Tensor:
    """A tensor like that one in the mapping, which begins at the address, `at` bytes behind."""
    nbytes = like.nbytes
    part = mapping[at : at + nbytes]
    if huge_pages.has_whole_page(address + at, nbytes):
        weakref.finalize(part, huge_pages.release, address + at, nbytes).atexit = False
    return torch.frombuffer(part, dtype=like.dtype).as_strided_(like.size(), like.stride())

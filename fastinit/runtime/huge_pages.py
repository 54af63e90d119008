"""Asks Linux to use huge pages for memory that was allocated without: one page fault in 2 MiB instead of 512."""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable
from functools import cache

from fastinit.runtime.types import Array

LEAST_BYTES = 4 * 2**20  # from this size on NumPy asks for its own arrays (numpy/_core/src/multiarray/alloc.c)
MADV_DONTNEED, MADV_HUGEPAGE = 4, 14  # asm-generic/mman-common.h


def advise(array: Array) -> None:
    """Ask for huge pages for the memory of a contiguous array. Where the system does not follow, nothing happens."""
    if array.nbytes < LEAST_BYTES or not array.flags.forc:
        return
    madvise = _madvise()
    if madvise:
        start = -(-array.ctypes.data // mmap.PAGESIZE) * mmap.PAGESIZE
        madvise(start, array.ctypes.data + array.nbytes - start, MADV_HUGEPAGE)


def are_known() -> bool:
    """Whether the system has advice of this kind."""
    return _madvise() is not None


def release(address: int, nbytes: int) -> None:
    """Give the whole pages of this memory, which nobody reads again, back to the system, before all of it is freed."""
    start, stop = _whole_pages(address, nbytes)
    madvise = _madvise()
    if madvise and start < stop:
        madvise(start, stop - start, MADV_DONTNEED)


def has_whole_page(address: int, nbytes: int) -> bool:
    """Whether `release` of this memory gives anything back."""
    start, stop = _whole_pages(address, nbytes)
    return start < stop


def _whole_pages(address: int, nbytes: int) -> tuple[int, int]:
    return -(-address // mmap.PAGESIZE) * mmap.PAGESIZE, (address + nbytes) // mmap.PAGESIZE * mmap.PAGESIZE


@cache
def _madvise() -> Callable[[int, int, int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    madvise.argtypes, madvise.restype = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int), ctypes.c_int
    return madvise

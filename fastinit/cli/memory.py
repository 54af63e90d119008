"""Keeps the command's memory small."""

from __future__ import annotations

import ctypes
import sys

M_MMAP_THRESHOLD = -3  # of malloc.h
LARGE = 2**20  # bytes


def return_freed_memory() -> None:
    """Have glibc return large blocks to the system as they are freed, for the whole process.

    By itself it keeps them after the first few, and tensors that are computed one after the other, on several threads, leave
    holes that the next does not fit: half of the model is in memory in the end.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other libraries than glibc may lack it
        if mallopt is not None:
            mallopt(M_MMAP_THRESHOLD, LARGE)

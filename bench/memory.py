"""The memory that a process of the benchmarks writes again and again: one buffer, so that it is resident and warm."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path
from typing import Any

import numpy as np

PAGE = 4096
_buffer = np.empty(PAGE, np.uint8)


def reserve(nbytes: int) -> None:
    """Room for `nbytes`; none of it is resident before it is written."""
    global _buffer
    _buffer = np.empty(nbytes + PAGE, np.uint8)


def warm(n: int, dtype: Any) -> np.ndarray:
    """The first n elements of the buffer, at the start of a page. All warm memory of the benchmarks is this."""
    start = -_buffer.ctypes.data % PAGE
    nbytes = n * np.dtype(dtype).itemsize
    if start + nbytes > _buffer.size:
        raise MemoryError(f"{nbytes} bytes, but {_buffer.size - PAGE} were reserved")
    return _buffer[start : start + nbytes].view(dtype)


def available_bytes() -> int:
    """What the system says new programs may take; without /proc/meminfo (not Linux) 4 GiB is assumed."""
    meminfo = Path("/proc/meminfo")
    lines = meminfo.read_text().splitlines() if meminfo.exists() else []
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable")]
    return kilobytes[0] * 1024 if kilobytes else 4 * 2**30


def peak_bytes() -> int:
    """The most memory that this program has had resident. (Not `ru_maxrss`, which begins with that of its parent.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def page_faults() -> int:
    """How many pages the system has put in place for this program since it started."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def forget_peak() -> int:
    """Return free memory to the system, and begin `peak_bytes` anew: with what is resident now, which is returned."""
    ctypes.CDLL(None).malloc_trim(0)  # of glibc
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets VmHWM
    return peak_bytes()


def touch(nbytes: int) -> None:
    """Write to so much new memory and free it, so that no timing waits until a virtual machine's host provides it."""
    np.empty(nbytes // 8).fill(1)

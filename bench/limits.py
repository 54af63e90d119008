"""The machine's own limits, in GB/s: streaming stores into warm memory, and memset of fresh memory.

    python -m bench.limits      # needs a C compiler

No fill of memory can be faster than these; every result of the benchmarks is also given as a share of them.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np

NBYTES = 2**30
ROUNDS = 5
GB = 1e9


def streaming_rate(num_threads: int, nbytes: int = NBYTES) -> float:
    """One pass of streaming stores over warm memory, shared among the threads; GB/s."""
    return _in_parallel(_native().stream_constant, _warm(nbytes), nbytes, num_threads)


def fresh_memset_rate(num_threads: int, nbytes: int = NBYTES) -> float:
    """memset of memory just mapped (huge pages asked for), page faults included, shared among the threads; GB/s."""
    fresh = mmap.mmap(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        fresh.madvise(mmap.MADV_HUGEPAGE)
    address = ctypes.addressof(pointer := ctypes.c_char.from_buffer(fresh))
    try:
        return _in_parallel(lambda at, n: ctypes.memset(at, 1, n), address, nbytes, num_threads)
    finally:
        del pointer
        fresh.close()


def _in_parallel(work: Callable[[int, int], object], address: int, nbytes: int, num_threads: int) -> float:
    share = nbytes // num_threads // 4096 * 4096
    pool = _pool(num_threads)
    began = time.perf_counter()
    list(pool.map(lambda i: work(address + i * share, share), range(num_threads)))
    return share * num_threads / (time.perf_counter() - began) / GB


@cache
def _pool(num_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(num_threads)


@cache
def _warm(nbytes: int) -> int:
    _warm.array = np.ones(nbytes + 4096, np.uint8)  # kept, so that the address stays valid
    return -(-_warm.array.ctypes.data // 4096) * 4096


@cache
def _native() -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory) / "limits.so"
        source = Path(__file__).with_name("limits.c")
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, "-O2", "-march=native", "-shared", "-fPIC", "-o", library, source], check=True)
        native = ctypes.CDLL(str(library))
    native.stream_constant.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return native


def main() -> None:
    for name, rate in (("streaming stores, warm", streaming_rate), ("memset, fresh", fresh_memset_rate)):
        for num_threads in (1, 2):
            rate(num_threads)
            rates = [rate(num_threads) for _ in range(ROUNDS)]
            print(f"{name:24} {num_threads} thread(s)  median {statistics.median(rates):6.1f} GB/s  "
                  f"({min(rates):.1f} to {max(rates):.1f})")  # fmt: skip


if __name__ == "__main__":
    main()

"""The machine's own limits: constant stores into warm memory, past the caches or through them, and into fresh memory.

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

import fastinit
from bench import memory
from bench.worker import Repeated

GB = 1e9
NBYTES, ROUNDS = 2**30, 5
LEAST_FOR_THREADS = 2**18  # bytes: handing less to a thread takes longer than writing it
BATCH = 2**22  # bytes that are written in one call where the array is small


def streaming(nbytes: int, num_threads: int) -> Callable[[], object]:
    """One pass of streaming stores over warm memory."""
    return _in_parallel(_native().stream_constant, _address(nbytes), nbytes, num_threads)


def plain(nbytes: int, num_threads: int) -> Callable[[], object] | Repeated:
    """memset of warm memory, which may lie in the caches; repeated, so that the call itself does not count."""
    times = max(1, BATCH // nbytes)
    at = _address(nbytes)
    if num_threads == 1 or nbytes < LEAST_FOR_THREADS:
        return Repeated(lambda: _native().set_constant(at, nbytes, times), times)
    return _in_parallel(lambda to, n: _native().set_constant(to, n, 1), at, nbytes, num_threads)


def fresh(nbytes: int, num_threads: int) -> Callable[[], object]:
    """memset of memory just mapped (huge pages asked for), page faults included. Returns the mapping."""

    def work() -> mmap.mmap:
        mapping = mmap.mmap(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            mapping.madvise(mmap.MADV_HUGEPAGE)
        at = np.frombuffer(mapping, np.uint8).ctypes.data
        _in_parallel(lambda to, n: ctypes.memset(to, 1, n), at, nbytes, num_threads)()
        return mapping

    return work


LIMITS = {"streaming": streaming, "plain": plain, "fresh": fresh}


def limit(kind: str, nbytes: int, num_threads: int = 0) -> Callable[[], object] | Repeated:
    """A maker for bench.worker; as many threads as fastinit uses where nothing is said."""
    return LIMITS[kind](nbytes, num_threads or fastinit.get_num_threads())


def _in_parallel(work: Callable[[int, int], object], at: int, nbytes: int, num_threads: int) -> Callable[[], object]:
    if num_threads == 1:
        return lambda: work(at, nbytes)
    share = -(-nbytes // num_threads // memory.PAGE) * memory.PAGE
    starts = range(0, nbytes, share)
    pool = _pool(num_threads)
    return lambda: list(pool.map(lambda start: work(at + start, min(share, nbytes - start)), starts))


@cache
def _pool(num_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(num_threads)


def _address(nbytes: int) -> int:
    return memory.warm(nbytes, np.uint8).ctypes.data


@cache
def _native() -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory) / "limits.so"
        source = Path(__file__).with_name("limits.c")
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, "-O2", "-march=native", "-shared", "-fPIC", "-o", library, source], check=True)
        native = ctypes.CDLL(str(library))
    native.stream_constant.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    native.set_constant.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
    return native


def main() -> None:
    memory.reserve(NBYTES)
    for kind in LIMITS:
        for num_threads in sorted({1, fastinit.get_num_threads()}):
            work = limit(kind, NBYTES, num_threads)
            call = work.call if isinstance(work, Repeated) else work
            call()
            rates = [_rate(call) for _ in range(ROUNDS)]
            print(f"{kind:10} {num_threads} thread(s)  median {statistics.median(rates):6.1f} GB/s  "
                  f"({min(rates):.1f} to {max(rates):.1f})")  # fmt: skip


def _rate(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    made = call()
    seconds = time.perf_counter() - began
    del made
    return NBYTES / seconds / GB


if __name__ == "__main__":
    main()

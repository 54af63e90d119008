"""The machine's own limits: constant stores into warm memory, non-temporal or ordinary, and into fresh memory.

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
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

import fastinit
from bench import memory, program
from bench.timing import seconds
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
    """A maker for bench.worker; by default with as many threads as fastinit uses."""
    return LIMITS[kind](nbytes, num_threads or fastinit.get_num_threads())


def _in_parallel(work: Callable[[int, int], object], at: int, nbytes: int, num_threads: int) -> Callable[[], object]:
    if num_threads == 1:
        return lambda: work(at, nbytes)
    share = -(-nbytes // num_threads // memory.PAGE) * memory.PAGE
    starts = range(0, nbytes, share)
    workers = pool(num_threads)
    return lambda: list(workers.map(lambda start: work(at + start, min(share, nbytes - start)), starts))


@cache
def pool(num_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(num_threads)


def _address(nbytes: int) -> int:
    return memory.warm(nbytes, np.uint8).ctypes.data


def compiled(source: str, flags: list[str], compiler: str = os.environ.get("CC", "cc")) -> ctypes.CDLL:
    """A C file of this folder, compiled for this CPU."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "compiled.so"
        command = [compiler, *flags, "-march=native", "-shared", "-fPIC", Path(__file__).with_name(source), "-o", library]
        subprocess.run([*command, "-lm"], check=True)
        return ctypes.CDLL(str(library))


@cache
def _native() -> ctypes.CDLL:
    native = compiled("limits.c", ["-O2"])
    native.stream_constant.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    native.set_constant.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
    return native


def limits() -> None:
    memory.reserve(NBYTES)
    for kind, num_threads in product(LIMITS, sorted({1, fastinit.get_num_threads()})):
        work = limit(kind, NBYTES, num_threads)
        call = work.call if isinstance(work, Repeated) else work
        call()
        rates = [NBYTES / seconds(call) / GB for _ in range(ROUNDS)]
        spread = f"median {statistics.median(rates):6.1f} GB/s  ({min(rates):.1f} to {max(rates):.1f})"
        print(f"{kind:10} {num_threads} thread(s)  {spread}")


if __name__ == "__main__":
    program.main(__doc__, {"limits": limits})

"""What is paid once or for each small call: imports, first calls of Numba's kernels, a small tensor; and the disk.

Each part is a function of (rounds) that returns plain data.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastinit
from bench.limits import GB

FIRST_CALL = """
import time
import fastinit
began = time.perf_counter()
with fastinit.use_backend("numba"):
    fastinit.normal((1000, 1000), seed=0)
print(time.perf_counter() - began)
"""
GPT2_XL_BYTES = 6_230_444_800
DISK_ROUNDS = 5


def startup(rounds: int) -> dict[str, Any]:
    first, later = numba_first_calls(rounds)
    return {
        "import fastinit beyond import numpy, s": import_beyond_numpy(4 * rounds),
        "first call on Numba, s": first,
        "first call on Numba in later processes, s": later,
        "he_normal((64, 64)), microseconds": microseconds_of_a_small_call(rounds),
    }


def import_beyond_numpy(rounds: int) -> float:
    statements = ("import numpy", "import fastinit")
    for statement in statements:  # compiled to bytecode and in the page cache
        _seconds(statement)
    numpy_seconds, fastinit_seconds = zip(*([_seconds(statement) for statement in statements] for _ in range(rounds)))
    return statistics.median(fastinit_seconds) - statistics.median(numpy_seconds)


def numba_first_calls(rounds: int) -> tuple[float, float]:
    """Seconds of a first call, Numba's import included: with an empty cache, and in a later process."""
    first, later = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            for seconds in (first, later):
                environment = os.environ | {"NUMBA_CACHE_DIR": cache}
                said = subprocess.run([sys.executable, "-c", FIRST_CALL], env=environment, check=True, capture_output=True)
                seconds.append(float(said.stdout))
    return statistics.median(first), statistics.median(later)


def microseconds_of_a_small_call(rounds: int, n: int = 5000) -> float:
    def work():
        for _ in range(n):
            fastinit.he_normal((64, 64), seed=0)

    return statistics.median(_timed(work) for _ in range(rounds)) / n * 1e6


def disk(directory: Path) -> dict[str, Any]:
    """GB/s of gpt2-xl written by the command, and of dd writing as many zeros, both synced."""
    file = directory / "gpt2-xl.safetensors"
    command = [sys.executable, "-m", "fastinit", "init", "gpt2-xl", "-o", str(file), "--json"]
    zeros = ["dd", "if=/dev/zero", f"of={file}", "bs=1M", f"count={GPT2_XL_BYTES // 2**20}", "conv=fsync"]

    def seconds(arguments: list[str]) -> float:
        file.unlink(missing_ok=True)
        try:
            return _timed(lambda: subprocess.run(arguments, check=True, capture_output=True))
        finally:
            file.unlink(missing_ok=True)

    rounds = [(seconds(zeros), seconds(command)) for _ in range(DISK_ROUNDS)]
    of_dd, of_init = (GPT2_XL_BYTES / statistics.median(taken) / GB for taken in zip(*rounds))
    return {"dd of zeros, GB/s": of_dd, "fastinit init gpt2-xl, GB/s": of_init}


def _seconds(statement: str) -> float:
    return _timed(lambda: subprocess.run([sys.executable, "-c", statement], check=True))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began

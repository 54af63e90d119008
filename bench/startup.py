"""Measures costs at start and of small calls: imports, first calls of Numba's kernels, a small tensor; and the disk.

Each part is a function of (rounds) that returns plain data.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import fastinit
from bench.limits import GB
from bench.timing import medians, seconds

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
    imports = {name: partial(_run, sys.executable, "-c", f"import {name}") for name in ("numpy", "fastinit")}
    medians(imports, 1)  # compiles to bytecode and reads into the page cache
    found = medians(imports, rounds)
    return found["fastinit"] - found["numpy"]


def numba_first_calls(rounds: int) -> tuple[float, float]:
    """Seconds of a first call, Numba's import included: with an empty cache, and in a later process."""
    first, later = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            for taken in (first, later):
                environment = os.environ | {"NUMBA_CACHE_DIR": cache}
                said = _run(sys.executable, "-c", FIRST_CALL, env=environment)
                taken.append(float(said))
    return statistics.median(first), statistics.median(later)


def microseconds_of_a_small_call(rounds: int, n: int = 5000) -> float:
    def work():
        for _ in range(n):
            fastinit.he_normal((64, 64), seed=0)

    return medians({"": work}, rounds)[""] / n * 1e6


def disk(directory: Path) -> dict[str, Any]:
    """GB/s of gpt2-xl written by the command, and of dd writing as many zeros, both synced."""
    file = directory / "gpt2-xl.safetensors"
    commands = {
        "dd of zeros, GB/s": ("dd", "if=/dev/zero", f"of={file}", "bs=1M", f"count={GPT2_XL_BYTES // 2**20}", "conv=fsync"),
        "fastinit init gpt2-xl, GB/s": (sys.executable, "-m", "fastinit", "init", "gpt2-xl", "-o", str(file), "--json"),
    }
    rounds: dict[str, list[float]] = {name: [] for name in commands}
    for name, command in list(commands.items()) * DISK_ROUNDS:
        file.unlink(missing_ok=True)
        try:
            rounds[name].append(seconds(partial(_run, *command)))
        finally:
            file.unlink(missing_ok=True)
    return {name: GPT2_XL_BYTES / statistics.median(taken) / GB for name, taken in rounds.items()}


def _run(*command: str, env: Mapping[str, str] | None = None) -> str:
    """Run a command, which must succeed; return what it prints."""
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout

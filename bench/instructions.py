"""Instructions that a kernel retires for each value: a count, the same in every run, however busy the machine is.

    python -m bench.instructions     # a table for the levels of this CPU

Counted by `perf stat` where the CPU's counters may be read, which virtual machines often forbid, else by valgrind's
cachegrind, which knows no AVX-512: the levels above AVX2 are left out then.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache

from bench import program
from bench.tables import print_table
from fastinit.backends import available_levels

VALUES = 2**22
PROGRAM = """
import sys
import numpy as np
import fastinit
distribution, dtype, level, n = sys.argv[1:]
fastinit.set_num_threads(1)
with fastinit.use_backend("c", level):
    for size in filter(None, (2048, int(n))):
        getattr(fastinit, distribution)(size, seed=0, dtype=dtype)
"""
MOST = {  # instructions for each value, by level, that bench/cases.py allows; no bound where none stands here
    ("uniform", "float32"): {"baseline": 24, "avx2": 6},
    ("normal", "float32"): {"baseline": 135, "avx2": 11},
    ("truncated_normal", "float32"): {"baseline": 440, "avx2": 18},
    ("normal", "float64"): {"baseline": 1100, "avx2": 21},
    ("truncated_normal", "float64"): {"baseline": 1450, "avx2": 28},
    ("normal", "bfloat16"): {"baseline": 140, "avx2": 13},
}


@cache
def counter() -> str | None:
    """The program that can count here: "perf" or "valgrind"."""
    if shutil.which("perf") and _by_perf([sys.executable, "-c", ""]):
        return "perf"
    return "valgrind" if shutil.which("valgrind") else None


def countable_levels() -> list[str]:
    levels = available_levels() if counter() else ()
    return [level for level in levels if counter() == "perf" or level != "avx512"]


def per_value(distribution: str, dtype: str, level: str) -> float:
    """Instructions for each value, of the fill alone: what a process without it takes is subtracted."""
    return (_of_process(distribution, dtype, level, VALUES) - _of_process("uniform", "float32", level, 0)) / VALUES


@cache
def _of_process(distribution: str, dtype: str, level: str, n: int) -> int:
    command = [sys.executable, "-c", PROGRAM, distribution, dtype, level, str(n)]
    count = (_by_perf if counter() == "perf" else _by_valgrind)(command)
    if count is None:
        raise RuntimeError(f"{counter()} did not count {' '.join(command[3:])}")
    return count


def _by_perf(command: list[str]) -> int | None:
    said = _said(["perf", "stat", "-x,", "-e", "instructions:u", *command])
    found = re.search(r"^(\d+),.*instructions", said, re.MULTILINE)
    return int(found[1]) if found else None


def _by_valgrind(command: list[str]) -> int | None:
    said = _said(["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", *command])
    found = re.search(r"I\s+refs:\s+([\d,]+)", said)
    return int(found[1].replace(",", "")) if found else None


def _said(command: list[str]) -> str:
    environment = os.environ | {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stderr


def counts() -> None:
    print(f"counted by {counter()}\n")
    cases = ((*kind, level) for level in countable_levels() for kind in MOST)
    rows = ((*case, f"{per_value(*case):.2f}") for case in cases)
    print_table(("distribution", "dtype", "level", "instructions a value"), rows)


if __name__ == "__main__":
    program.main(__doc__, {"counts": counts})

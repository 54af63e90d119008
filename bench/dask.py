"""Normal float32 values of Dask's own generators and of fastinit's lazy arrays, by the shape of chunks: python -m bench.dask

256 MiB in 16 chunks by Dask's threads, then let go; every round runs every case once, in turn. Medians, and the ratio to
Dask's. The last row is the most there is to reach: one array that is there already, on all threads. Needs dask and 2 GB.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import dask.array as da
import numpy as np

import fastinit
import fastinit.dask

ROUNDS = 9
SIDE = 8192
ROWS, SQUARES, COLUMNS = (SIDE // 16, -1), (SIDE // 4, SIDE // 4), (-1, SIDE // 16)
MEMORY = 2 * 2**30
SHAPE = (SIDE, SIDE)


def cases() -> dict[str, Callable[[], object]]:
    theirs, ours = da.random.default_rng(0), da.random.default_rng(fastinit.TiledXoshiro128(0))
    warm = np.ones(SHAPE, np.float32)
    options = {"size": SHAPE, "chunks": ROWS, "dtype": np.float32}
    return {
        "dask.array.random, rows": lambda: theirs.standard_normal(**options).persist(),
        "dask.array.random of TiledXoshiro128, rows": lambda: ours.standard_normal(**options).persist(),
        "fastinit.dask.normal, rows": lambda: fastinit.dask.normal(SHAPE, chunks=ROWS, seed=0).persist(),
        "fastinit.dask.normal, squares": lambda: fastinit.dask.normal(SHAPE, chunks=SQUARES, seed=0).persist(),
        "fastinit.dask.normal, columns": lambda: fastinit.dask.normal(SHAPE, chunks=COLUMNS, seed=0).persist(),
        "fastinit.normal, into warm memory": lambda: fastinit.normal(SHAPE, seed=0, out=warm),
    }


def seconds(make: Callable[[], object]) -> float:
    began = time.perf_counter()
    made = make()
    took = time.perf_counter() - began
    del made
    return took


def main() -> None:
    np.ones(MEMORY // 8)  # memory that a virtual machine's host has to find is found before
    made_by = cases()
    taken: dict[str, list[float]] = {name: [] for name in made_by}
    for _ in range(ROUNDS):
        for name, make in made_by.items():
            taken[name].append(seconds(make))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    print("| normal float32, 256 MiB | seconds | GB/s | times Dask's speed |")
    print("|---|---|---|---|")
    for name, median in medians.items():
        nbytes = 4 * SIDE**2
        print(f"| {name} | {median:.3g} | {nbytes / median / 1e9:.2f} | {next(iter(medians.values())) / median:.1f} |")


if __name__ == "__main__":
    main()

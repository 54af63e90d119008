"""Normal float32 values of Dask's own generators and of fastinit's lazy arrays, by the shape of chunks: python -m bench.dask

256 MiB in 16 chunks by Dask's threads, then freed; every round runs every case once. Medians, and the ratio to Dask's. The
last row is the most that can be reached: one array that exists already, filled on all threads. Needs dask and 2 GB.
"""

from __future__ import annotations

from collections.abc import Callable

import dask.array as da
import numpy as np

import fastinit
import fastinit.dask
from bench import memory, program
from bench.limits import GB
from bench.tables import print_table
from bench.timing import medians

ROUNDS = 9
SIDE = 8192
ROWS, SQUARES, COLUMNS = (SIDE // 16, -1), (SIDE // 4, SIDE // 4), (-1, SIDE // 16)
MEMORY = 2 * 2**30
SHAPE = (SIDE, SIDE)


def cases() -> dict[str, Callable[[], object]]:
    dasks, fastinits = da.random.default_rng(0), da.random.default_rng(fastinit.TiledXoshiro128(0))
    warm = np.ones(SHAPE, np.float32)
    options = {"size": SHAPE, "chunks": ROWS, "dtype": np.float32}
    return {
        "dask.array.random, rows": lambda: dasks.standard_normal(**options).persist(),
        "dask.array.random of TiledXoshiro128, rows": lambda: fastinits.standard_normal(**options).persist(),
        "fastinit.dask.normal, rows": lambda: fastinit.dask.normal(SHAPE, chunks=ROWS, seed=0).persist(),
        "fastinit.dask.normal, squares": lambda: fastinit.dask.normal(SHAPE, chunks=SQUARES, seed=0).persist(),
        "fastinit.dask.normal, columns": lambda: fastinit.dask.normal(SHAPE, chunks=COLUMNS, seed=0).persist(),
        "fastinit.normal, into warm memory": lambda: fastinit.normal(SHAPE, seed=0, out=warm),
    }


def arrays() -> None:
    memory.touch(MEMORY)
    found = medians(cases(), ROUNDS)
    nbytes, dasks = 4 * SIDE**2, next(iter(found.values()))
    rows = ((name, f"{s:.3g}", f"{nbytes / s / GB:.2f}", f"{dasks / s:.1f}") for name, s in found.items())
    print_table(("normal float32, 256 MiB", "seconds", "GB/s", "times Dask's speed"), rows)


if __name__ == "__main__":
    program.main(__doc__, {"arrays": arrays})

"""Presets beside the plain distributions they draw from, and orthogonal beside torch's: python -m bench.initializers

Fills of existing arrays, in the same run and in turn, so that what else the machine does is shared; medians of their times.
1.00 is the speed of the plain distribution, less is slower. Then orthogonal matrices in float32 beside
`torch.nn.init.orthogonal_`, where torch is installed, and how far from orthonormal both are. And what it costs four
processes of one run to make their parts of one such matrix, each by itself and together.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from subprocess import PIPE

import numpy as np

import fastinit
from bench import program
from bench.tables import print_table
from bench.timing import medians
from fastinit.backends.catalogue import ELEMENTS

SIZES = {"16 Mi elements": ((4096, 4096), 25), "64 Ki elements": ((256, 256), 501)}  # and rounds: beyond the caches, within
PLAIN = ("uniform", "normal", "truncated_normal")
PRESETS = {  # name: (the distribution it draws from, the call)
    "xavier_uniform": ("uniform", fastinit.xavier_uniform),
    "he_uniform": ("uniform", fastinit.he_uniform),
    "lecun_uniform": ("uniform", fastinit.lecun_uniform),
    "xavier_normal": ("normal", fastinit.xavier_normal),
    "he_normal": ("normal", fastinit.he_normal),
    "lecun_normal": ("normal", fastinit.lecun_normal),
    "he_normal, as Keras's": ("truncated_normal", partial(fastinit.he_normal, convention="keras")),
    "truncated_normal": ("normal", fastinit.truncated_normal),
}
MATRICES = {  # name: shape and rounds
    "square": ((4096, 4096), 3),
    "tall": ((16384, 1024), 3),
    "wide": ((1024, 16384), 3),
    "small": ((64, 64), 1001),
    "smaller": ((16, 16), 1001),
}
ROWS_OF_RANKS, PROCESSES = 4096, 4


def presets() -> None:
    for size, (shape, rounds) in SIZES.items():
        print(f"\n{size}, {fastinit.get_num_threads()} threads: time of the plain distribution / time of the preset\n")
        ratios = [ratios_of(shape, dtype, rounds) for dtype in ELEMENTS]
        rows = ((name, plain, *(f"{of_dtype[name]:.2f}" for of_dtype in ratios)) for name, (plain, _) in PRESETS.items())
        print_table(("preset", "of", *ELEMENTS), rows)


def ratios_of(shape: tuple[int, int], dtype: str, rounds: int) -> dict[str, float]:
    out = np.ones(shape, dtype)
    calls = {f"plain {name}": getattr(fastinit, name) for name in PLAIN} | {
        name: call for name, (_, call) in PRESETS.items()
    }
    times = medians({name: partial(call, shape, seed=0, dtype=dtype, out=out) for name, call in calls.items()}, rounds)
    return {name: times[f"plain {plain}"] / times[name] for name, (plain, _) in PRESETS.items()}


def orthogonal() -> None:
    titles = "orthogonal, float32", "torch", "fastinit", "torch / fastinit", "max abs(Q^T Q - I): torch", "fastinit"
    print_table(titles, rows_of_orthogonal())


def rows_of_orthogonal() -> Iterator[tuple[str, ...]]:
    try:
        import torch
    except ImportError:
        torch = None
    for name, (shape, rounds) in MATRICES.items():
        out = np.ones(shape, np.float32)
        works = {"fastinit": partial(fastinit.orthogonal, shape, seed=0, layout="oi", out=out)}
        if torch is not None:
            tensor = torch.ones(shape)
            works["torch"] = partial(torch.nn.init.orthogonal_, tensor)
        times = medians(works, rounds)
        torchs = times.get("torch", float("nan"))
        seconds = f"{torchs:.3g} s", f"{times['fastinit']:.3g} s", f"{torchs / times['fastinit']:.2f}"
        deviations = f"{deviation(tensor.numpy()):.1e}" if torch is not None else "-", f"{deviation(out):.1e}"
        yield f"{name}, {shape[0]} x {shape[1]}", *seconds, *deviations


def deviation(matrix: np.ndarray) -> float:
    """The largest element of |Q^T Q - I|, Q being the shorter side's vectors; in float64."""
    tall = (matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T).astype(np.float64)
    return float(np.abs(tall.T @ tall - np.eye(tall.shape[1])).max())


PART = f"""
import os, time
import fastinit
from bench import memory
fastinit.set_num_threads(1)
rows = {ROWS_OF_RANKS} // {PROCESSES}
first = rows * int(os.environ["LOCAL_RANK"])
began = time.process_time()
fastinit.orthogonal(({ROWS_OF_RANKS}, {ROWS_OF_RANKS}), seed=0, index=slice(first, first + rows))
print(time.process_time() - began, memory.peak_bytes())
"""


def ranks() -> None:
    n = ROWS_OF_RANKS
    rows = ((name, *costs_of_parts(world)) for name, world in {"each by itself": 1, "together": PROCESSES}.items())
    print_table((f"a {PROCESSES}th of {n} x {n} in each process", "CPU time of all", "peaks of memory"), rows)


def costs_of_parts(local_world_size: int) -> tuple[str, str]:
    """Seconds of CPU that the processes take together, and MiB at their peaks, the interpreter's included."""
    environment = os.environ | {"LOCAL_WORLD_SIZE": str(local_world_size), "OPENBLAS_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen([sys.executable, "-c", PART], env=environment | {"LOCAL_RANK": str(rank)}, stdout=PIPE, text=True)
        for rank in range(PROCESSES)
    ]
    said = [process.communicate()[0].split() for process in processes]
    peaks = sorted(int(peak) // 2**20 for _, peak in said)
    return f"{sum(float(seconds) for seconds, _ in said):.1f} s", f"{', '.join(map(str, peaks))} MiB"


if __name__ == "__main__":
    program.main(__doc__, {"presets": presets, "orthogonal": orthogonal, "ranks": ranks})

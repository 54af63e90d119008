"""Presets beside the plain distributions they draw from, and orthogonal beside torch's: python -m bench.initializers

Fills of existing arrays, in the same run and in turn, so that what else the machine does is shared; medians of their times.
1.00 is the speed of the plain distribution, less is slower. Then orthogonal matrices in float32 beside
`torch.nn.init.orthogonal_`, where torch is installed, and how far from orthonormal both are.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

import fastinit
from fastinit.core.fill import DTYPES

SIZES = {"16 Mi elements": ((4096, 4096), 25), "64 Ki elements": ((256, 256), 501)}  # and rounds: past the caches, within
ORTHOGONAL_ROUNDS = 3
PLAIN = {"uniform": fastinit.uniform, "normal": fastinit.normal, "truncated_normal": fastinit.truncated_normal}
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
MATRICES = {"square": (4096, 4096), "tall": (16384, 1024), "wide": (1024, 16384)}


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def medians(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median time of each, all of them once in every round, from a new one on each time."""
    names, times = list(works), {name: [] for name in works}
    for work in works.values():
        work()
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            times[name].append(seconds(works[name]))
    return {name: statistics.median(found) for name, found in times.items()}


def presets(shape: tuple[int, int], rounds: int) -> None:
    print("| preset | of | " + " | ".join(DTYPES) + " |\n" + "|---" * (2 + len(DTYPES)) + "|")
    ratios = {dtype: ratios_of(shape, dtype, rounds) for dtype in DTYPES}
    for name, (plain, _) in PRESETS.items():
        print(f"| {name} | {plain} | " + " | ".join(f"{ratios[dtype][name]:.2f}" for dtype in DTYPES) + " |")


def ratios_of(shape: tuple[int, int], dtype: str, rounds: int) -> dict[str, float]:
    out = np.ones(shape, DTYPES[dtype].dtype)
    calls = {f"plain {name}": call for name, call in PLAIN.items()} | {name: call for name, (_, call) in PRESETS.items()}
    times = medians({n: partial(call, shape, seed=0, dtype=dtype, out=out) for n, call in calls.items()}, rounds)
    return {name: times[f"plain {plain}"] / times[name] for name, (plain, _) in PRESETS.items()}


def orthogonal() -> None:
    try:
        import torch
    except ImportError:
        torch = None
    print("| orthogonal, float32 | torch | fastinit | torch / fastinit | max abs(Q^T Q - I): torch | fastinit |")
    print("|---" * 6 + "|")
    for name, shape in MATRICES.items():
        out = np.ones(shape, np.float32)
        works = {"fastinit": partial(fastinit.orthogonal, shape, seed=0, layout="oi", out=out)}
        if torch is not None:
            tensor = torch.ones(shape)
            works["torch"] = partial(torch.nn.init.orthogonal_, tensor)
        times = medians(works, ORTHOGONAL_ROUNDS)
        theirs = times.get("torch", float("nan"))
        cells = f"{theirs:.3g} s | {times['fastinit']:.3g} s | {theirs / times['fastinit']:.2f}"
        found = f"{deviation(tensor.numpy()):.1e}" if torch is not None else "-"
        print(f"| {name}, {shape[0]} x {shape[1]} | {cells} | {found} | {deviation(out):.1e} |")


def deviation(matrix: np.ndarray) -> float:
    """The largest element of |Q^T Q - I|, Q being the shorter side's vectors; in float64."""
    tall = (matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T).astype(np.float64)
    return float(np.abs(tall.T @ tall - np.eye(tall.shape[1])).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", action="store_true", help="presets only")
    parser.add_argument("--orthogonal", action="store_true", help="orthogonal matrices only")
    options = parser.parse_args()
    if not options.orthogonal:
        for size, (shape, rounds) in SIZES.items():
            print(f"\n{size}, {fastinit.get_num_threads()} threads: time of the plain distribution / time of the preset\n")
            presets(shape, rounds)
    if not options.presets:
        print()
        orthogonal()


if __name__ == "__main__":
    main()

"""Presets beside the plain distributions they draw from, and orthogonal beside torch's: python -m bench.initializers

Fills of existing arrays, in the same run and in turn, so that what else the machine does is shared; medians of their times.
1.00 is the speed of the plain distribution, less is slower. Then orthogonal matrices in float32 beside
`torch.nn.init.orthogonal_`, where torch is installed, and how far from orthonormal both are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

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


if __name__ == "__main__":
    program.main(__doc__, {"presets": presets, "orthogonal": orthogonal})

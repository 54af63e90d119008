"""Fills of an `out` of any strides, and of masks as `index`: python -m bench.strides

Strided outs beside a contiguous one of the same shape, in the same run and in turn: their medians as multiples of its time.
Masks (`--masks`) beside the whole tensor made and then indexed, which is what a mask replaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

import fastinit
from bench import program
from bench.tables import print_table
from bench.timing import medians

DRAWS = {"uniform": fastinit.uniform, "normal": fastinit.normal}
DTYPES = ("float32", "float64", "bfloat16")
OUTS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {  # the shape, and its axes by their order in memory
    "transposed 4096 x 4096": ((4096, 4096), (1, 0)),
    "transposed 4000 x 4200": ((4000, 4200), (1, 0)),
    "transposed 16384 x 1024": ((16384, 1024), (1, 0)),
    "channels last 256 x 256 x 16 x 16": ((256, 256, 16, 16), (0, 2, 3, 1)),
    "channels last 1024 x 1024 x 3 x 3": ((1024, 1024, 3, 3), (0, 2, 3, 1)),
    "transposed 256 x 256": ((256, 256), (1, 0)),
    "transposed 64 x 64": ((64, 64), (1, 0)),
    "transposed 16 x 16": ((16, 16), (1, 0)),
}
MASKED = {"4096 x 4096": (4096, 4096), "256 x 256": (256, 256)}
SHARES = (0.01, 0.5, 0.99)
LARGE, ROUNDS, ROUNDS_OF_SMALL = 2**22, 15, 501


def rounds_of(shape: tuple[int, ...]) -> int:
    return ROUNDS if np.prod(shape) >= LARGE else ROUNDS_OF_SMALL


def strided(shape: tuple[int, ...], order: tuple[int, ...], dtype: str) -> np.ndarray:
    """Ones of this shape, whose axes follow each other in memory in this order."""
    return np.ones([shape[axis] for axis in order], dtype).transpose(np.argsort(order))


def outs() -> None:
    titles = [f"{draw} {dtype}" for draw in DRAWS for dtype in DTYPES]
    print(f"{fastinit.get_num_threads()} threads: time of a strided out / time of a contiguous one\n")
    print_table(("out", *titles), rows_of_outs())


def rows_of_outs() -> Iterator[tuple[str, ...]]:
    for name, (shape, order) in OUTS.items():
        yield name, *(f"{ratio(draw, shape, order, dtype):.2f}" for draw in DRAWS.values() for dtype in DTYPES)


def ratio(draw: Callable[..., object], shape: tuple[int, ...], order: tuple[int, ...], dtype: str) -> float:
    memory = {"strided": strided(shape, order, dtype), "contiguous": np.ones(shape, dtype)}
    fills = {name: partial(draw, shape, seed=0, dtype=dtype, out=out) for name, out in memory.items()}
    taken = medians(fills, rounds_of(shape))
    return taken["strided"] / taken["contiguous"]


def masks() -> None:
    print(f"{fastinit.get_num_threads()} threads: time of float32 by a mask / time of the whole tensor, then indexed\n")
    print_table(("mask", *(f"{draw}, {share:.0%} True" for draw in DRAWS for share in SHARES)), rows_of_masks())


def rows_of_masks() -> Iterator[tuple[str, ...]]:
    for name, shape in MASKED.items():
        given = [np.random.default_rng(0).random(shape) < share for share in SHARES]
        yield name, *(f"{ratio_of_mask(draw, mask):.2f}" for draw in DRAWS.values() for mask in given)


def ratio_of_mask(draw: Callable[..., np.ndarray], mask: np.ndarray) -> float:
    works = {
        "by the mask": lambda: draw(mask.shape, seed=0, index=mask),
        "indexed": lambda: draw(mask.shape, seed=0)[mask],
    }
    taken = medians(works, rounds_of(mask.shape))
    return taken["by the mask"] / taken["indexed"]


if __name__ == "__main__":
    program.main(__doc__, {"outs": outs, "masks": masks})

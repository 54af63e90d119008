"""Checks the float32 maps for each of the 2^32 words against double precision: python -m bench.exhaustive

Prints a table in Markdown; results/exhaustive.md keeps one. `--every 64` looks at one piece of 2^22 words in 64.
Exit status 1 if an error is above the bound that stream version 1 or csrc/kernels/elementary.h states, or a value beyond
its ends.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.limits import compiled
from bench.machine import cpu
from bench.tables import print_table
from fastinit.distributions import TruncatedNormal

HERE = Path(__file__).resolve().parent
WORDS, PIECE = 2**32, 2**22
TITLES = (
    "map", "greatest error", "unit", "at word", "least", "greatest", "steps back (largest)", "beyond ends", "seconds",
)  # fmt: skip
EXACT_CAP = math.sqrt(2 * 33 * math.log(2))  # R of word 0: u = 2^-33


class Figures(ctypes.Structure):
    """The struct of the same name in maps.c."""

    _fields_ = [
        *((name, ctypes.c_double) for name in ("error", "least", "greatest", "largest_step_back")),
        ("steps_back", ctypes.c_uint64),
        ("outside", ctypes.c_uint64),
        ("word", ctypes.c_uint32),
    ]


class Map(NamedTuple):
    """A map: the C function that examines it, its error's unit as a number and as text, and the greatest error allowed."""

    name: str
    examine: Callable[[int, int, Figures], None]
    unit: float
    unit_text: str
    allowed: float
    monotone: bool = True


def build_flags() -> list[str]:
    """The flags that the package itself is compiled with."""
    spec = importlib.util.spec_from_file_location("fastinit_build", HERE.parent / "csrc" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FLAGS


def maps(library: ctypes.CDLL) -> list[Map]:
    def examine(function, *distribution):
        return lambda first, count, figures: function(
            *distribution, ctypes.c_uint32(first), ctypes.c_uint64(count), ctypes.byref(figures)
        )

    def quantile(low: float, high: float) -> Map:
        parameters = TruncatedNormal(0.0, 1.0, low, high).parameters(np.float32)
        pointer = parameters.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        ends = ctypes.c_double(low), ctypes.c_double(high)
        name = f"quantile between {low:g} and {high:g} sigmas"
        return Map(name, examine(library.examine_quantile, pointer, *ends), 1.0, "sigmas", 4e-6)

    return [
        Map("radius", examine(library.examine_radius), 2.0**-21, "2^-21 max(1, R)", 0.5),
        Map("cosine", examine(library.examine_cosine), 2.0**-24, "2^-24", 2.0, monotone=False),
        Map("sine", examine(library.examine_sine), 2.0**-24, "2^-24", 2.0, monotone=False),
        *(quantile(*ends) for ends in ((-2.0, 2.0), (-4.0, 4.0), (1.0, 4.0))),
    ]


def examined(map_: Map, firsts: range, threads: int) -> Figures:
    def piece(first: int) -> Figures:
        figures = Figures()
        map_.examine(first, PIECE, figures)
        return figures

    with ThreadPoolExecutor(threads) as pool:
        return reduce(merged, pool.map(piece, firsts))


def merged(a: Figures, b: Figures) -> Figures:
    worse = b if b.error > a.error else a
    return Figures(
        error=worse.error,
        word=worse.word,
        least=min(a.least, b.least),
        greatest=max(a.greatest, b.greatest),
        largest_step_back=max(a.largest_step_back, b.largest_step_back),
        steps_back=a.steps_back + b.steps_back,
        outside=a.outside + b.outside,
    )


def rows(library: ctypes.CDLL, firsts: range, threads: int, found: dict[str, Figures]) -> Iterator[tuple[str, ...]]:
    """A row for each map; its figures are put into `found`."""
    for map_ in maps(library):
        start = time.perf_counter()
        figures = found[map_.name] = examined(map_, firsts, threads)
        error = f"{figures.error / map_.unit:.3g} (allowed {map_.allowed:.3g})"
        ends = f"{figures.least:.9g}", f"{figures.greatest:.9g}"
        steps = f"{figures.steps_back} ({figures.largest_step_back:.2g})" if map_.monotone else "-"
        outside, seconds = str(figures.outside), f"{time.perf_counter() - start:.0f}"
        yield map_.name, error, map_.unit_text, f"{figures.word:#010x}", *ends, steps, outside, seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="look at one piece of 2^22 words in so many")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--compiler", default="cc")
    options = parser.parse_args()
    firsts = range(0, WORDS, options.every * PIECE)
    version = subprocess.run([options.compiler, "--version"], capture_output=True, text=True, check=True).stdout
    print(f"{time.strftime('%Y-%m-%d')}, {cpu()}, {options.threads} threads, {version.splitlines()[0]}")
    print(f"{len(firsts) * PIECE} words of 2^32 for each map\n")
    library, found = compiled("maps.c", build_flags(), options.compiler), {}
    print_table(TITLES, rows(library, firsts, options.threads, found))
    errors = {map_.name: found[map_.name].error / map_.unit for map_ in maps(library)}
    good = all(errors[map_.name] <= map_.allowed and found[map_.name].outside == 0 for map_ in maps(library))
    # |fl(R' c') - R c| <= |R' - R| |c| + R' |c' - c| + 2^-24 R': the three parts in units of 2^-21 max(1, R)
    normal, largest = errors["radius"] + (max(errors["cosine"], errors["sine"]) + 1) / 8, found["radius"].greatest
    print(f"\nNormal: error at most {normal:.3g} (allowed 1) times 2^-21 max(1, R), of radius, angle and product;")
    print(f"greatest value {largest:.9g} = {largest.hex()}, the exact cap is sqrt(66 ln 2) = {EXACT_CAP:.9g}.")
    return 0 if good and normal <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())

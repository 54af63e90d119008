"""fastinit's Generator beside NumPy's (PCG64), in the same run: python -m bench.generator

Large draws of 10^8 values (NumPy's are 10^7, at their usual speed), draws of 100 values, and single values; medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

import fastinit

LARGE, LARGE_NUMPY, ROUNDS = 10**8, 10**7, 5

OUT = {"float32": np.ones(LARGE, np.float32), "float64": np.ones(LARGE)}

LARGE_DRAWS = {
    "standard_normal float32, out=": lambda rng, n: rng.standard_normal(out=OUT["float32"][:n], dtype=np.float32),
    "standard_normal float64, out=": lambda rng, n: rng.standard_normal(out=OUT["float64"][:n]),
    "random float32, out=": lambda rng, n: rng.random(out=OUT["float32"][:n], dtype=np.float32),
    "random float64, out=": lambda rng, n: rng.random(out=OUT["float64"][:n]),
    "standard_exponential float64, out=": lambda rng, n: rng.standard_exponential(out=OUT["float64"][:n]),
    "exponential": lambda rng, n: rng.exponential(2.0, n),
    "lognormal": lambda rng, n: rng.lognormal(0.0, 1.0, n),
    "integers below 1000": lambda rng, n: rng.integers(1000, size=n),
    "integers below 10^9": lambda rng, n: rng.integers(10**9, size=n),
}
SMALL_DRAWS = {
    "normal()": lambda rng: rng.normal(),
    "random()": lambda rng: rng.random(),
    "uniform()": lambda rng: rng.uniform(),
    "exponential()": lambda rng: rng.exponential(),
    "integers(10)": lambda rng: rng.integers(10),
    "standard_normal(100)": lambda rng: rng.standard_normal(100),
    "normal(0, 1, 100)": lambda rng: rng.normal(0.0, 1.0, 100),
    "random(100)": lambda rng: rng.random(100),
    "uniform(0, 1, 100)": lambda rng: rng.uniform(0.0, 1.0, 100),
    "exponential(1, 100)": lambda rng: rng.exponential(1.0, 100),
    "lognormal(0, 1, 100)": lambda rng: rng.lognormal(0.0, 1.0, 100),
    "integers(10, size=100)": lambda rng: rng.integers(10, size=100),
}


def nanoseconds(work: Callable[[], object], repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - began) / repeats * 1e9


def nanoseconds_a_value(draw: Callable, rng: np.random.Generator, n: int) -> float:
    return nanoseconds(lambda: draw(rng, n), 1) / n


def main() -> None:
    ours, numpys = fastinit.default_rng(0), np.random.default_rng(0)
    print("| draw | NumPy | fastinit | NumPy / fastinit |\n|---|---|---|---|")
    for name, draw in LARGE_DRAWS.items():
        pairs = [
            (nanoseconds_a_value(draw, numpys, LARGE_NUMPY), nanoseconds_a_value(draw, ours, LARGE)) for _ in range(ROUNDS)
        ]
        print_row(name, pairs, "ns a value")
    for name, draw in SMALL_DRAWS.items():
        pairs = [tuple(nanoseconds(partial(draw, rng), 20000) for rng in (numpys, ours)) for _ in range(ROUNDS)]
        print_row(name, pairs, "ns a call")


def print_row(name: str, pairs: list[tuple[float, float]], unit: str) -> None:
    numpy_time, our_time = (statistics.median(times) for times in zip(*pairs))
    print(f"| {name} | {numpy_time:.3g} {unit} | {our_time:.3g} {unit} | {numpy_time / our_time:.2f} |")


if __name__ == "__main__":
    main()

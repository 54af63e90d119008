"""A Keras layer's weights with Keras' `HeNormal` and with fastinit's, on the backends jax and torch: python -m bench.keras

512 MiB of float32 and of bfloat16, as `Dense.build` makes them, each in a process of its own for its peak memory. The first
call is told apart from the median of those after it. Needs keras, jax, torch, 8 GB and Linux.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from itertools import product

from bench.memory import peak_bytes
from bench.process import measured

ROUNDS = 3
CALLS = 4
INPUTS = 8192
NBYTES = 512 * 2**20
MEMORY = 8 * 2**30
DTYPES = {"float32": 4, "bfloat16": 2}
BACKENDS = ("jax", "torch")


def build(library: str, dtype: str) -> None:
    """Make the layer a few times and print the seconds that each took and the memory at the peak, as JSON."""
    import keras

    import fastinit.keras

    init = {"keras": keras.initializers, "fastinit": fastinit.keras}[library].HeNormal(seed=0)

    def make(width: int) -> float:
        layer = keras.layers.Dense(width, use_bias=False, kernel_initializer=init, dtype=dtype)
        began = time.perf_counter()
        layer.build((None, INPUTS))
        if keras.backend.backend() == "jax":
            layer.kernel.value.block_until_ready()
        return time.perf_counter() - began

    make(8)
    before, width = peak_bytes(), NBYTES // DTYPES[dtype] // INPUTS
    first = make(width)
    peak = (peak_bytes() - before) / NBYTES
    later = statistics.median(make(width) for _ in range(CALLS - 1))
    print(json.dumps({"first": first, "later": later, "peak": peak}))


def in_a_process(backend: str, library: str, dtype: str) -> dict[str, float]:
    environment = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return measured("bench.keras", "--build", library, dtype, room=MEMORY, environment=environment)


def table() -> None:
    print("| HeNormal, 512 MiB | Keras | fastinit | Keras / fastinit | first call | peak / result: Keras | fastinit |")
    print("|---|---|---|---|---|---|---|")
    for backend, dtype in product(BACKENDS, DTYPES):
        rounds = [[in_a_process(backend, library, dtype) for library in ("keras", "fastinit")] for _ in range(ROUNDS)]
        theirs, ours = (
            {measure: statistics.median(run[measure] for run in runs) for measure in ("first", "later", "peak")}
            for runs in zip(*rounds)
        )
        print(
            f"| {backend}, {dtype} | {theirs['later']:.3g} s | {ours['later']:.3g} s "
            f"| {theirs['later'] / ours['later']:.1f} | {theirs['first'] / ours['first']:.1f} "
            f"| {theirs['peak']:.2f} | {ours['peak']:.3f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", nargs=2, metavar=("LIBRARY", "DTYPE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        build(*options.build)
    else:
        table()


if __name__ == "__main__":
    main()

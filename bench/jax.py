"""A Flax layer's weights with JAX's `he_normal` and with fastinit's: python -m bench.jax

512 MiB, float32 and bfloat16, made eagerly and under `nnx.jit`, each in a process of its own for its peak memory. The first
call, which compiles where there is something to compile, is told apart from the median of those after it. Needs jax,
flax, 6 GB and Linux.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np

ROUNDS = 3
CALLS = 4
NBYTES = 512 * 2**20
MEMORY = 6 * 2**30
DTYPES = {"float32": 4, "bfloat16": 2}
WAYS = ("eager", "jit")


def build(library: str, way: str, dtype: str) -> None:
    """Make the layer a few times and print the seconds that each took and the memory at the peak, as JSON."""
    import jax
    from flax import nnx

    import fastinit.jax

    init = {"jax": jax.nn.initializers, "fastinit": fastinit.jax}[library].he_normal()

    def layer(width: int) -> nnx.Linear:
        return nnx.Linear(8192, width, use_bias=False, param_dtype=dtype, kernel_init=init, rngs=nnx.Rngs(0))

    def make(width: int) -> float:
        wanted = nnx.jit(layer, static_argnums=0) if way == "jit" else layer
        began = time.perf_counter()
        jax.block_until_ready(wanted(width).kernel[...])
        return time.perf_counter() - began

    make(8)
    before = peak_bytes()
    first = make(NBYTES // DTYPES[dtype] // 8192)
    peak = (peak_bytes() - before) / NBYTES
    later = statistics.median(make(NBYTES // DTYPES[dtype] // 8192) for _ in range(CALLS - 1))
    print(json.dumps({"first": first, "later": later, "peak": peak}))


def peak_bytes() -> int:
    """The most memory that this program has had resident. (Not `ru_maxrss`, which begins with that of its parent.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def in_a_process(library: str, way: str, dtype: str) -> dict[str, float]:
    """What `build` prints. First all memory is touched and given back, so that no run waits for a virtual machine's host."""
    np.ones(MEMORY // 8)
    command = [sys.executable, "-W", "ignore", "-m", "bench.jax", "--build", library, way, dtype]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def table() -> None:
    print("| he_normal, 512 MiB | JAX | fastinit | JAX / fastinit | first call | peak / result: JAX | fastinit |")
    print("|---|---|---|---|---|---|---|")
    for dtype, way in product(DTYPES, WAYS):
        rounds = [[in_a_process(library, way, dtype) for library in ("jax", "fastinit")] for _ in range(ROUNDS)]
        theirs, ours = (
            {measure: statistics.median(run[measure] for run in runs) for measure in ("first", "later", "peak")}
            for runs in zip(*rounds)
        )
        print(
            f"| {dtype}, {way} | {theirs['later']:.3g} s | {ours['later']:.3g} s | {theirs['later'] / ours['later']:.1f} "
            f"| {theirs['first'] / ours['first']:.1f} | {theirs['peak']:.2f} | {ours['peak']:.3f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", nargs=3, metavar=("LIBRARY", "WAY", "DTYPE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        build(*options.build)
    else:
        table()


if __name__ == "__main__":
    main()

"""A Flax layer's weights with JAX's `he_normal` and with fastinit's: python -m bench.jax

512 MiB, float32 and bfloat16, made eagerly and under `nnx.jit`, each in a process of its own for its peak memory. The first
call, which compiles where there is something to compile, is told apart from the median of those after it. Then one call of
a jitted function that makes a few values. "By callback" is fastinit without its handler in C. Needs jax, flax, 6 GB and
Linux.
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
NBYTES = 512 * 2**20
MEMORY = 6 * 2**30
DTYPES = {"float32": 4, "bfloat16": 2}
WAYS = ("eager", "jit")
LIBRARIES = ("jax", "callback", "fastinit")
SIZES = (2**10, 2**16, 2**20)


def initializer(library: str):
    import jax

    import fastinit.jax
    from fastinit.jax import native

    if library == "callback":
        native.is_registered = lambda: False
    return (jax.nn.initializers if library == "jax" else fastinit.jax).he_normal()


def build(library: str, way: str, dtype: str) -> None:
    """Make the layer a few times and print the seconds that each took and the memory at the peak, as JSON."""
    import jax
    from flax import nnx

    init = initializer(library)

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


def call(library: str) -> None:
    """Print the seconds of a jitted call for each size, as JSON."""
    import jax

    init, key, seconds = initializer(library), jax.random.key(0), {}
    for size in SIZES:
        make = jax.jit(lambda key: init(key, (32, size // 32)))  # noqa: B023
        times = []
        for _ in range(200):
            began = time.perf_counter()
            make(key).block_until_ready()
            times.append(time.perf_counter() - began)
        seconds[size] = statistics.median(times)
    print(json.dumps(seconds))


def medians(commands: list[list[str]]) -> list[dict[str, float]]:
    """Of each command's measures; the commands take turns."""
    rounds = [[measured("bench.jax", *command, room=MEMORY) for command in commands] for _ in range(ROUNDS)]
    return [{measure: statistics.median(run[measure] for run in runs) for measure in runs[0]} for runs in zip(*rounds)]


def tables() -> None:
    print("| he_normal, 512 MiB | library | first call | later ones | JAX / this: first | later | peak / result |")
    print("|---|---|---|---|---|---|---|")
    for dtype, way in product(DTYPES, WAYS):
        libraries = [library for library in LIBRARIES if way == "jit" or library != "callback"]
        results = medians([["--build", library, way, dtype] for library in libraries])
        for library, found in zip(libraries, results):
            ratios = " | ".join(f"{results[0][measure] / found[measure]:.1f}" for measure in ("first", "later"))
            name = {"jax": "JAX", "callback": "fastinit, by callback", "fastinit": "fastinit"}[library]
            seconds = f"{found['first']:.3g} s | {found['later']:.3g} s"
            print(f"| {dtype}, {way} | {name} | {seconds} | {ratios} | {found['peak']:.3f} |", flush=True)
    print("\n| he_normal, a jitted call, float32 | JAX | fastinit, by callback | fastinit |")
    print("|---|---|---|---|")
    results = medians([["--call", library] for library in LIBRARIES])
    for size in SIZES:
        print(f"| {size} values |", " | ".join(f"{found[str(size)] * 1e6:.0f} us" for found in results), "|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", nargs=3, metavar=("LIBRARY", "WAY", "DTYPE"), help=argparse.SUPPRESS)
    parser.add_argument("--call", metavar="LIBRARY", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        build(*options.build)
    elif options.call:
        call(options.call)
    else:
        tables()


if __name__ == "__main__":
    main()

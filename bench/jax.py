"""A Flax layer's weights with JAX's `he_normal` and with fastinit's: python -m bench.jax

512 MiB, float32 and bfloat16, made eagerly and under `nnx.jit`, each in a process of its own for its peak memory. The first
call, which compiles where there is something to compile, is told apart from the median of those after it. Then one call of
a jitted function that makes a few values. "By callback" is fastinit without its handler in C. Needs jax, flax, 6 GB and
Linux.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from itertools import product

from bench import program
from bench.tables import print_table
from bench.timing import seconds

ROUNDS = 3
REPEATS = 200
NBYTES = 512 * 2**20
MEMORY = 6 * 2**30
ITEMSIZES = {"float32": 4, "bfloat16": 2}
WAYS = ("eager", "jit")
LIBRARIES = {"jax": "JAX", "callback": "fastinit, by callback", "fastinit": "fastinit"}
SIZES = (2**10, 2**16, 2**20)


def initializer(library: str):
    import jax

    import fastinit.jax
    from fastinit.jax import native

    if library == "callback":
        native.is_registered = lambda: False
    return (jax.nn.initializers if library == "jax" else fastinit.jax).he_normal()


def build(library: str, way: str, dtype: str) -> program.Measures:
    """Make the layer a few times."""
    import jax
    from flax import nnx

    init = initializer(library)

    def layer(width: int) -> nnx.Linear:
        return nnx.Linear(8192, width, use_bias=False, param_dtype=dtype, kernel_init=init, rngs=nnx.Rngs(0))

    def make(width: int) -> None:
        wanted = nnx.jit(layer, static_argnums=0) if way == "jit" else layer
        jax.block_until_ready(wanted(width).kernel[...])

    make(8)
    return program.first_and_later(lambda: make(NBYTES // ITEMSIZES[dtype] // 8192), NBYTES)


def call(library: str) -> program.Measures:
    """Seconds of a jitted call, by its number of values."""
    import jax

    init, key = initializer(library), jax.random.key(0)

    def median(size: int) -> float:
        make = jax.jit(lambda key: init(key, (32, size // 32)))
        return statistics.median(seconds(lambda: make(key).block_until_ready()) for _ in range(REPEATS))

    return {str(size): median(size) for size in SIZES}


def rows_of_layers() -> Iterator[tuple[str, ...]]:
    for dtype, way in product(ITEMSIZES, WAYS):
        libraries = [library for library in LIBRARIES if way == "jit" or library != "callback"]
        commands = (("build", library, way, dtype) for library in libraries)
        results = program.medians("bench.jax", commands, ROUNDS, MEMORY)
        for library, found in zip(libraries, results):
            times = (f"{found[measure]:.3g} s" for measure in ("first", "later"))
            ratios = (f"{results[0][measure] / found[measure]:.1f}" for measure in ("first", "later"))
            yield f"{dtype}, {way}", LIBRARIES[library], *times, *ratios, f"{found['peak']:.3f}"


def layers() -> None:
    titles = "he_normal, 512 MiB", "library", "first call", "later ones", "JAX / this: first", "later", "peak / result"
    print_table(titles, rows_of_layers())


def calls() -> None:
    results = program.medians("bench.jax", (("call", library) for library in LIBRARIES), ROUNDS, MEMORY)
    rows = ((f"{size} values", *(f"{found[str(size)] * 1e6:.0f} us" for found in results)) for size in SIZES)
    print_table(("he_normal, a jitted call, float32", *LIBRARIES.values()), rows)


if __name__ == "__main__":
    program.main(__doc__, {"layers": layers, "calls": calls}, {"build": build, "call": call})

"""A Keras layer's weights with Keras' `HeNormal` and with fastinit's, on the backends jax and torch: python -m bench.keras

512 MiB of float32 and of bfloat16, as `Dense.build` makes them, each in a process of its own for its peak memory. The first
call is told apart from the median of those after it. Needs keras, jax, torch, 8 GB and Linux.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product

from bench import program
from bench.tables import print_table

ROUNDS = 3
INPUTS = 8192
NBYTES = 512 * 2**20
MEMORY = 8 * 2**30
ITEMSIZES = {"float32": 4, "bfloat16": 2}
BACKENDS = ("jax", "torch")


def build(library: str, backend: str, dtype: str) -> program.Measures:
    """Make the layer a few times."""
    os.environ |= {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    import keras

    import fastinit.keras

    init = {"keras": keras.initializers, "fastinit": fastinit.keras}[library].HeNormal(seed=0)

    def make(width: int) -> None:
        layer = keras.layers.Dense(width, use_bias=False, kernel_initializer=init, dtype=dtype)
        layer.build((None, INPUTS))
        if backend == "jax":
            layer.kernel.value.block_until_ready()

    make(8)
    return program.first_and_later(lambda: make(NBYTES // ITEMSIZES[dtype] // INPUTS), NBYTES)


def rows() -> Iterator[tuple[str, ...]]:
    for backend, dtype in product(BACKENDS, ITEMSIZES):
        commands = (("build", library, backend, dtype) for library in ("keras", "fastinit"))
        keras, fastinit = program.medians("bench.keras", commands, ROUNDS, MEMORY)
        ratios = (f"{keras[measure] / fastinit[measure]:.1f}" for measure in ("later", "first"))
        seconds = (f"{found['later']:.3g} s" for found in (keras, fastinit))
        yield f"{backend}, {dtype}", *seconds, *ratios, f"{keras['peak']:.2f}", f"{fastinit['peak']:.3f}"


def layers() -> None:
    titles = "HeNormal, 512 MiB", "Keras", "fastinit", "Keras / fastinit", "first call"
    print_table((*titles, "peak / result: Keras", "fastinit"), rows())


if __name__ == "__main__":
    program.main(__doc__, {"layers": layers}, {"build": build})

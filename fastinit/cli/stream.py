"""`fastinit stream`: writes the endless stream of a seed and a name."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import numpy as np
import typer

from fastinit.cli.options import Seed
from fastinit.core.fill import fill_piece, stream_words
from fastinit.core.stream import stream_of
from fastinit.distributions import Uniform
from fastinit.runtime.checks import one_of

PIECE = 2**18  # words written to standard output at a time


def stream(
    seed: Seed = 0,
    name: Annotated[str | None, typer.Option(help="The name of the stream, as a tensor's.")] = None,
    dtype: Annotated[str, typer.Option(help="uint32, the words, or float32, uniform on [0, 1).")] = "uint32",
) -> None:
    """Write the endless stream to standard output, in the machine's byte order: for a test battery."""
    one_of("dtype", dtype, ("uint32", "float32"))
    if sys.stdout.isatty():
        raise ValueError("standard output is a terminal: redirect it to a file or a program")
    words = stream_of(seed, name)
    piece = np.empty(PIECE, dtype)
    first = 0
    while True:
        if dtype == "uint32":
            stream_words(words, first, piece)
        else:
            fill_piece(Uniform(0.0, 1.0), piece.shape, words, first, piece)
        data = piece.view(np.uint8).data
        while data:
            data = data[os.write(sys.stdout.fileno(), data) :]
        first += PIECE

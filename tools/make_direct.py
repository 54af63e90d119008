"""Writes tests/vectors/direct-1.csv and direct-2.csv, the first 1000 raw 64-bit outputs of a seed, in NumPy's format.

    python tools/make_direct.py      # a second

By the reference backend: a value is two words of the stream, the first one high.
"""

from pathlib import Path

import numpy as np

from fastinit.backends import reference
from fastinit.backends.request import FillRequest
from fastinit.core.stream import stream_of

VECTORS = Path(__file__).resolve().parents[1] / "tests" / "vectors"

SEEDS = {"direct-1.csv": 0xDEADBEAF, "direct-2.csv": 0}


def raw(seed: int, n: int) -> list[int]:
    words = np.empty(2 * n, np.uint32)
    reference.fill(FillRequest("words_uint32", stream_of(seed), np.empty(0), np.zeros(1, np.uint64), 2 * n, 1, words))
    return [int(high) << 32 | int(low) for high, low in words.reshape(-1, 2)]


if __name__ == "__main__":
    for name, seed in SEEDS.items():
        lines = [f"seed, {seed:#x}", *(f"{i}, {value:#x}" for i, value in enumerate(raw(seed, 1000)))]
        (VECTORS / name).write_text("\n".join(lines) + "\n")

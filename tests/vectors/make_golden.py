"""Writes golden.json, the values that every backend must give, from the reference backend: python make_golden.py

Run it again only with a new stream version (or, until the first release, when the last bits of a transform move).
"""

import hashlib
import json
import math
from pathlib import Path

import numpy as np

from fastinit.backends import reference
from fastinit.fill import DTYPES
from fastinit.laws import Normal, TruncatedNormal, Uniform
from fastinit.stream import stream_of

SEED, FIRST, MANY = 0, 16, 2**16

LAWS = [
    Uniform(0.0, 1.0),
    Uniform(-0.05, 0.05),
    Normal(0.0, 1.0),
    Normal(0.5, 0.02),
    TruncatedNormal(0.0, 1.0, -2.0, 2.0),
    TruncatedNormal(0.5, 0.02, -1.0, math.inf),
    TruncatedNormal(0.0, 1.0, 8.0, 9.0),
]


def case(law, element):
    bits = np.empty(MANY, element.storage)
    kernel, parameters = f"{law.kernel}_{element.name}", law.parameters(element.real)
    reference.fill(kernel, stream_of(SEED), parameters, np.zeros(1, np.uint64), MANY, 1, bits, False)
    bits = bits.view(f"u{bits.itemsize}")
    return {
        "law": type(law).__name__,
        "parameters": {name: repr(value) for name, value in vars(law).items()},
        "dtype": element.name,
        "first_bits": " ".join(f"{b:0{2 * bits.itemsize}x}" for b in bits[:FIRST].tolist()),
        "sha256": hashlib.sha256(bits.astype(bits.dtype.newbyteorder("<")).tobytes()).hexdigest(),
    }


def main():
    golden = {
        "made_by": "python tests/vectors/make_golden.py",
        "stream": "1",
        "seed": SEED,
        "first_bits": f"of elements 0 to {FIRST - 1}, in hex",
        "sha256": f"of the bits of {MANY} elements, little-endian",
        "cases": [case(law, element) for law in LAWS for element in DTYPES.values()],
    }
    Path(__file__).with_name("golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()

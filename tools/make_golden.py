"""Writes tests/vectors/golden.json, the values that every backend must give, from the reference backend.

    python tools/make_golden.py      # half a minute

Entries of a new kernel or element type go behind the existing ones. The program prints how many entries are new, and how
many have other values than before, which only a new version of the stream may cause.
"""

import hashlib
import json
import math
import sys
from pathlib import Path

import numpy as np

from fastinit.backends import backend, reference
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.backends.request import FillRequest, ShuffleRequest
from fastinit.core.stream import stream_of
from fastinit.distributions import Normal, TruncatedNormal, Uniform

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))
from tests.support import GENERATORS_PARAMETERS, own_parameters  # noqa: E402

VECTORS = ROOT / "tests" / "vectors"
SEED, FIRST, MANY = 0, 16, 2**16
ORDERS = ((1, 0), (2048, 0), (2049, 1), (10_000, 3))  # numbers, bits of their bucket

DISTRIBUTIONS = [
    Uniform(0.0, 1.0),
    Uniform(-0.05, 0.05),
    Normal(0.0, 1.0),
    Normal(0.5, 0.02),
    TruncatedNormal(0.0, 1.0, -2.0, 2.0),
    TruncatedNormal(0.5, 0.02, -1.0, math.inf),
    TruncatedNormal(0.0, 1.0, 8.0, 9.0),
]

FLOAT_DRAWS = [  # kernel, two parameters
    ("exponential_float32", (1.0, 0.0)),
    ("exponential_float32", (2.5, 0.0)),
    ("exponential_float64", (1.0, 0.0)),
    ("exponential_float64", (2.5, 0.0)),
    ("lognormal_float64", (0.0, 1.0)),
    ("lognormal_float64", (-1.0, 0.5)),
    ("lognormal_float64", (0.0, 300.0)),  # infinities, subnormals and zeros
]
OWN_DRAWS = [(kernel, numbers) for kernel, of_kernel in GENERATORS_PARAMETERS.items() for numbers in of_kernel]
# Kernel, low, range. Kernels keep the low bits, so a range may be larger than the type: 1-byte ones are rejected as well.
INTEGER_DRAWS = [
    *((f"integers_uint{bits}", low, count) for bits in (8, 16, 32, 64) for low, count in ((0, 2), (-7, 201), (5, 2**8))),
    *((f"integers_uint{bits}", low, count) for bits in (16, 32, 64) for low, count in ((3, 1000), (-(2**15), 2**16))),
    *((f"integers_uint{bits}", 0, 2**32 // 257 + 1) for bits in (8, 16, 32, 64)),  # one in 257 is drawn again
    ("integers_uint64", -(2**40), 2**24),
    *(
        (f"wideintegers_uint{bits}", low, count)
        for bits in (32, 64)
        for low, count in ((-7, 2**24 + 1), (5, 10**9), (-(2**31), 2**32), (0, 3 * 2**61))  # of the last, one in 4
    ),
    ("wideintegers_uint64", 0, 2**63 + 1),  # every other is drawn again
    ("wideintegers_uint64", -(2**63), 2**64),
]


def pinned(kernel, parameters, storage):
    values = np.empty(MANY, storage)
    reference.fill(FillRequest(kernel, stream_of(SEED), parameters, np.zeros(1, np.uint64), MANY, 1, values))
    return pinned_values(values)


def order(n, bits):
    """The entry of a random order of n numbers in 2^bits buckets."""
    numbers = np.empty(n, np.int64)
    backend("reference").operations.shuffle(ShuffleRequest(stream_of(SEED), 0, bits, n, None, numbers))
    return {"n": n, "bits": bits, **pinned_values(numbers)}


def pinned_values(values):
    bits = values.view(f"u{values.itemsize}")
    return {
        "first_bits": " ".join(f"{b:0{2 * bits.itemsize}x}" for b in bits[:FIRST].tolist()),
        "sha256": hashlib.sha256(bits.astype(bits.dtype.newbyteorder("<")).tobytes()).hexdigest(),
    }


def case(distribution, element):
    return {
        "law": type(distribution).__name__,
        "parameters": {name: repr(value) for name, value in vars(distribution).items()},
        "dtype": element.name,
        **pinned(f"{distribution.kernel}_{element.name}", distribution.parameters(element.real), element.storage),
    }


def draw(kernel, numbers):
    """The entry of a generator's kernel, whose parameters are `numbers`: floats, or three ints, passed as bits."""
    if kernel in GENERATORS_PARAMETERS:
        parameters = own_parameters(*numbers)
    else:
        parameters = np.array(numbers, np.float64 if len(numbers) == 2 else np.uint64).view(np.float64)
    return {
        "kernel": kernel,
        "parameters": [repr(number) for number in numbers],
        **pinned(kernel, parameters, kernel.split("_")[1]),
    }


def integer_draw(kernel, low, count):
    word = 2**64 if kernel.startswith("wide") else 2**32
    return draw(kernel, (low % 2**64, count % 2**64, word % count))


def request_of(entry):
    """The request that an entry is for: the entry without its values."""
    return {key: value for key, value in entry.items() if key not in ("first_bits", "sha256")}


def new_ones_last(entries, before):
    """The entries in the order of `before`, those that it lacks at the end."""
    known = [request_of(entry) for entry in before]
    values = [entry for entry in before if request_of(entry) in map(request_of, entries) and entry not in entries]
    new = [entry for entry in entries if request_of(entry) not in known]
    print(f"{len(new)} new entries, {len(values)} with other values than before")
    return [*sorted((e for e in entries if e not in new), key=lambda entry: known.index(request_of(entry))), *new]


def main():
    path = VECTORS / "golden.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    cases = [case(distribution, element) for distribution in DISTRIBUTIONS for element in ELEMENT_TYPES.values()]
    draws = [
        *(draw(kernel, numbers) for kernel, numbers in FLOAT_DRAWS),
        *(draw(kernel, numbers) for kernel, numbers in OWN_DRAWS),
        *(integer_draw(kernel, low, count) for kernel, low, count in INTEGER_DRAWS),
    ]
    golden = {
        "made_by": "python tools/make_golden.py",
        "stream": "1",
        "seed": SEED,
        "first_bits": f"of elements 0 to {FIRST - 1}, in hex",
        "sha256": f"of the bits of {MANY} elements, of orders all, little-endian",
        "cases": new_ones_last(cases, before.get("cases", [])),
        "draws": new_ones_last(draws, before.get("draws", [])),
        "orders": new_ones_last([order(n, bits) for n, bits in ORDERS], before.get("orders", [])),
    }
    path.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()

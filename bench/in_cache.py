"""Values a second that one core makes in its first cache, at each level of the C backend, without the calls from Python.

    python -m bench.in_cache     # needs the C kernels; uniforms by hand need a C compiler and AVX2

Rates of the kernels themselves: memory, threads and calls do not count. At level avx2, uniform float32 values stand beside a
loop of intrinsics with the same arithmetic (uniform_avx2.c), which does not seed its lanes for each tile.

How the array and the stack lie in their pages moves a rate by up to a quarter: compare processes of other environments.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import as_strided

from bench import program
from bench.limits import compiled
from bench.tables import print_table
from bench.timing import medians
from fastinit.backends import available_levels, backend
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.backends.request import FillRequest
from fastinit.distributions import Distribution, Normal, TruncatedNormal, Uniform

VALUES, TIMES, ROUNDS = 4096, 256, 31  # 16 KiB of float32; every fill of the same memory
STREAM = (0xB0F478BE, 0xDB2CD7E7, 0x2C71BA49, 0xABF4641A)  # of seed 0
DISTRIBUTIONS = {
    "uniform": Uniform(-1.0, 3.0),
    "normal": Normal(0.5, 0.02),
    "truncated normal": TruncatedNormal(0.0, 0.02, -2.0, 2.0),
}
DTYPES = ("float32", "bfloat16", "float16", "float64")
BY_HAND = "uniform by hand"


def kernel(distribution: Distribution, dtype: str, level: str) -> Callable[[], object]:
    """TIMES fills of the same VALUES elements, in one call."""
    element = ELEMENT_TYPES[dtype]
    out = np.empty(VALUES, element.storage)
    again = as_strided(out, (TIMES, VALUES), (0, out.itemsize))
    starts = np.arange(TIMES, dtype=np.uint64) * np.uint64(VALUES)
    parameters = distribution.parameters(element.real)
    request = FillRequest(f"{distribution.kernel}_{dtype}", STREAM, parameters, starts, VALUES, 1, again)
    return lambda: backend("c", level).fill(request)


@cache
def _native() -> ctypes.CDLL:
    native = compiled("uniform_avx2.c", ["-O3", "-mavx2", "-mfma"])
    native.uniform_by_hand.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
    return native


def by_hand() -> Callable[[], object]:
    """The same values' arithmetic as a loop of intrinsics, as often."""
    out, function = np.empty(VALUES, np.float32), _native().uniform_by_hand
    return lambda: function(out.ctypes.data, VALUES, TIMES)


def rates() -> None:
    works = {
        (name, dtype, level): kernel(distribution, dtype, level)
        for level in available_levels()
        if level != "baseline"
        for name, distribution in DISTRIBUTIONS.items()
        for dtype in DTYPES
    }
    hand = (BY_HAND, "float32", "avx2")
    if "avx2" in available_levels():
        works[hand] = by_hand()
    taken = medians(works, ROUNDS)
    share = {hand: taken[hand], ("uniform", "float32", "avx2"): taken[hand]} if hand in taken else {}
    rows = (
        (*work, f"{VALUES * TIMES / seconds / 1e9:.3f}", f"{share[work] / seconds:.2f}" if work in share else "")
        for work, seconds in taken.items()
    )
    print_table(("values", "dtype", "level", "G values/s", "of those by hand"), rows)


if __name__ == "__main__":
    program.main(__doc__, {"rates": rates})

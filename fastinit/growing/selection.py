"""Weight selection: a small tensor from the elements of a larger one."""

from __future__ import annotations

import numpy as np

from fastinit.runtime import checks
from fastinit.runtime.types import Array, Int64Array, Shape

METHODS = ("uniform", "consecutive")


def select(large: Array, shape: Shape, *, method: str = "uniform") -> Array:
    """The elements of `large` at evenly spaced places along each axis, as an array of `shape` and the same dtype.

    `method`: "uniform", the places of n out of N being i N / n where n divides N, and i (N - 1) / (n - 1) rounded to even
    where it does not; or "consecutive", the first n. ValueError where `large` has other axes than `shape`, or shorter ones.

    Xu, Chen, Wang and Liu 2024, "Initializing Models with Larger Ones", arXiv 2311.18823, section 3 and table 8.

    >>> import numpy as np, fastinit.growing
    >>> fastinit.growing.select(np.arange(24).reshape(4, 6), (2, 4))
    array([[ 0,  2,  3,  5],
           [12, 14, 15, 17]])
    """
    large, lengths = np.asarray(large), checks.shape(shape)
    checks.one_of("method", method, METHODS)
    if large.ndim != len(lengths) or any(n > most for n, most in zip(lengths, large.shape)):
        raise ValueError(f"shape must have at most the lengths of the larger one's {large.shape}, got {lengths}")
    places = (places_of(most, n, method) for most, n in zip(large.shape, lengths))
    return np.ascontiguousarray(large[np.ix_(*places)]) if lengths else large.copy()


def places_of(most: int, n: int, method: str) -> Int64Array:
    """Which n of `most` places are selected."""
    if method == "consecutive" or n == 0:
        return np.arange(n)
    if most % n == 0:
        return np.arange(n) * (most // n)
    return np.rint(np.linspace(0, most - 1, n)).astype(np.int64)

"""Mean and central moments of many values, taken piece by piece."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fastinit.runtime.types import Float64Array


class SampleMoments(NamedTuple):
    """`m2`, `m3`, `m4`: the sums of powers of the n deviations from the mean."""

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0

    @property
    def std(self) -> float:
        return math.sqrt(self.m2 / self.n) if self.n else math.nan

    @property
    def skewness(self) -> float:
        return self.m3 / self.n / self.std**3 if self.m2 > 0 else math.nan

    @property
    def excess_kurtosis(self) -> float:
        return self.m4 / self.n / self.std**4 - 3 if self.m2 > 0 else math.nan


def moments(values: Float64Array) -> SampleMoments:
    if not len(values):
        return SampleMoments()
    mean = float(values.mean())
    deviation = values - mean
    square = deviation * deviation
    m3, m4 = (float(np.einsum("i,i->", square, other)) for other in (deviation, square))  # not BLAS: it starts threads
    return SampleMoments(len(values), mean, float(square.sum()), m3, m4)


def moments_of_counts(values: Float64Array, counts: npt.NDArray[np.int64]) -> SampleMoments:
    """The moments of the values, values[i] taken counts[i] times."""
    there = counts > 0
    values, weights = values[there], counts[there].astype(np.float64)
    n = int(counts.sum())
    mean = float(weights @ values) / n if n else 0.0
    deviation = values - mean
    square = deviation * deviation
    m2, m3, m4 = (float(weights @ power) for power in (square, square * deviation, square * square))
    return SampleMoments(n, mean, m2, m3, m4)


def combined(parts: Sequence[SampleMoments]) -> SampleMoments:
    """The moments of all values of the parts (Pebay 2008, eq. 2.1, about the common mean)."""
    n, mean, m2, m3, m4 = np.array(parts, np.float64).reshape(-1, 5).T
    total = float(n.sum())
    common = float(n @ mean) / total if total else 0.0
    d = mean - common
    return SampleMoments(
        int(total),
        common,
        float((m2 + n * d**2).sum()),
        float((m3 + 3 * d * m2 + n * d**3).sum()),
        float((m4 + 4 * d * m3 + 6 * d**2 * m2 + n * d**4).sum()),
    )

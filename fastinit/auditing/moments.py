"""Mean and central moments of many values, taken piece by piece."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fastinit.distributions.base import unit_of
from fastinit.runtime.types import Float64Array


class SampleMoments(NamedTuple):
    """`m2`, `m3`, `m4`: the sums of powers of the n deviations from the mean, in units of `unit` (`unit_of`)."""

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0
    unit: float = 1.0

    @property
    def std(self) -> float:
        return self._std_in_units * self.unit if self.n else math.nan

    @property
    def unbiased_std(self) -> float:
        """That of the distribution that n values, two or more, were drawn from."""
        return math.sqrt(self.m2 / (self.n - 1)) * self.unit

    @property
    def skewness(self) -> float:
        return self.m3 / self.n / self._std_in_units**3 if self.m2 > 0 else math.nan

    @property
    def excess_kurtosis(self) -> float:
        return self.m4 / self.n / self._std_in_units**4 - 3 if self.m2 > 0 else math.nan

    @property
    def _std_in_units(self) -> float:
        return math.sqrt(self.m2 / self.n)


def moments(values: Float64Array, largest: float) -> SampleMoments:
    """`largest`: the greatest size of a value."""
    if not len(values):
        return SampleMoments()
    unit = unit_of(largest)
    if unit != 1:
        values = values / unit
    mean = float(values.mean())
    deviation = values - mean
    square = deviation * deviation
    m3, m4 = (float(np.einsum("i,i->", square, other)) for other in (deviation, square))  # not BLAS: it starts threads
    return SampleMoments(len(values), mean * unit, float(square.sum()), m3, m4, unit)


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
    there = [part for part in parts if part.n]
    if len(there) < 2:
        return there[0] if there else SampleMoments()
    n, mean, m2, m3, m4, units = np.array(there, np.float64).T
    unit, total = float(units.max()), float(n.sum())
    m2, m3, m4 = (m * (units / unit) ** k for m, k in ((m2, 2), (m3, 3), (m4, 4)))
    common = float(n @ (mean / unit)) / total
    d = mean / unit - common
    return SampleMoments(
        int(total),
        common * unit,
        float((m2 + n * d**2).sum()),
        float((m3 + 3 * d * m2 + n * d**3).sum()),
        float((m4 + 4 * d * m3 + 6 * d**2 * m2 + n * d**4).sum()),
        unit,
    )

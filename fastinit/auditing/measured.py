"""What is measured of a tensor: numbers about its values and their order, and a histogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastinit.auditing.moments import Moments
from fastinit.auditing.structure import Run

EDGES_PER_SIGMA = 8
EDGES = np.arange(-8 * EDGES_PER_SIGMA, 8 * EDGES_PER_SIGMA + 1) / EDGES_PER_SIGMA  # of the histogram, in sigmas


@dataclass(frozen=True)
class Values:
    """What the order of the values does not change.

    `moments`, `low` and `high` are of the finite values. `distinct` values are among `distinct_of`: all, or a sample;
    `commonest` is the share of the most frequent one there, `coincidence` the probability that two are equal. `wild` values
    are subnormal or huge. `unused_bits`: how many low bits of the significand no value sets.
    """

    moments: Moments
    low: float
    high: float
    nan: int
    inf: int
    zeros: int
    wild: int
    distinct: int
    distinct_of: int
    commonest: float
    coincidence: float
    unused_bits: int


@dataclass(frozen=True)
class Order:
    """`rows` are along the first axis, `columns` along the last: the numbers of those that hold one value; 0 and 0 looked at
    where there are none. `repeated_rows`: pairs (row, earlier row that is the same)."""

    zero_run: Run
    constant_rows: list[int]
    rows: int
    row_length: int
    constant_columns: list[int]
    column_length: int
    repeated_rows: list[tuple[int, int]]


@dataclass(frozen=True)
class Measured:
    """`histogram` counts the values below, between and from `centre + sigma EDGES` on: None where all are one value."""

    n: int
    values: Values
    order: Order
    head: np.ndarray
    centre: float
    sigma: float
    histogram: np.ndarray | None

    @property
    def is_constant(self) -> bool:
        v = self.values
        return self.n > 0 and v.low == v.high and v.nan + v.inf == 0

    def beyond(self, sigmas: int) -> int:
        """The number of values more than so many sigmas from the centre."""
        return int(beyond(self.histogram, sigmas))


def beyond(bins: np.ndarray, sigmas: int) -> float:
    """The sum of the bins of a histogram over EDGES that lie beyond so many sigmas."""
    lowest, highest = (int(np.searchsorted(EDGES, side)) for side in (-sigmas, sigmas))
    return bins[: lowest + 1].sum() + bins[highest + 1 :].sum()

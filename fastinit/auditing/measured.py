"""What is measured of a tensor: numbers about its values and their order, and a histogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastinit.auditing.moments import SampleMoments
from fastinit.auditing.structure import Run
from fastinit.runtime.types import Array, Float64Array

EDGES_PER_SIGMA = 8
EDGES: Float64Array = np.arange(-8 * EDGES_PER_SIGMA, 8 * EDGES_PER_SIGMA + 1) / EDGES_PER_SIGMA
"""The edges of a row's histogram, in units of its `sigma` from its `centre`: 129 values from -8 to 8.

>>> from fastinit.auditing import EDGES
>>> EDGES[:3].tolist(), len(EDGES)
([-8.0, -7.875, -7.75], 129)
"""


class Counts(NamedTuple):
    """How many values are NaN, infinite, zero, and out of the range of weights: subnormal or huge."""

    nan: int
    inf: int
    zeros: int
    out_of_range: int


class Sample(NamedTuple):
    """Of n values, all of a tensor or a part: how many are distinct, the share of the commonest one, and the probability
    that two are equal."""

    n: int
    distinct: int
    commonest: float
    coincidence: float


class Values(NamedTuple):
    """What the order of the values does not change.

    `moments`, `low` and `high` are of the finite values. `unused_bits`: how many low bits of the significand no value sets.
    """

    moments: SampleMoments
    low: float
    high: float
    counts: Counts
    unused_bits: int
    sample: Sample


class Lines(NamedTuple):
    """Rows, along the first axis, or columns, along the last: n of `length` elements each; 0 of 0 where none were examined.
    `constant`: the indices of those that hold one value."""

    constant: list[int]
    n: int
    length: int


class Order(NamedTuple):
    """What depends on the order of the values. `repeated_rows`: pairs (row, earlier row that is the same)."""

    zero_run: Run
    rows: Lines
    columns: Lines
    repeated_rows: list[tuple[int, int]]


@dataclass(frozen=True)
class Measured:
    """`histogram` counts the values below, between and above the edges `centre + sigma EDGES`; None if all are equal."""

    n: int
    values: Values
    order: Order
    head: Float64Array
    centre: float
    sigma: float
    histogram: npt.NDArray[np.int64] | None

    @property
    def is_constant(self) -> bool:
        v = self.values
        return self.n > 0 and v.low == v.high and v.counts.nan + v.counts.inf == 0


def edges_of(centre: float, sigma: float) -> Float64Array:
    """The edges of a histogram in these units; infinite where they are beyond float64."""
    with np.errstate(over="ignore"):
        return np.asarray(centre + sigma * EDGES)


def beyond(bins: Array, sigmas: int) -> float:
    """The sum of the bins of a histogram over EDGES that lie beyond so many sigmas, at most 8."""
    at_the_sides = (8 - sigmas) * EDGES_PER_SIGMA + 1
    return float(np.add.reduce(bins[:at_the_sides]) + np.add.reduce(bins[-at_the_sides:]))  # not sum(), which takes longer


def sample_of(counts: npt.NDArray[np.integer[Any]]) -> Sample:
    """The sample in which the distinct values occur so many times each."""
    n = int(counts.sum())
    pairs = n * (n - 1)
    coincidence = float((counts * (counts - 1.0)).sum() / pairs) if pairs else 0.0
    return Sample(n, len(counts), float(counts.max() / n) if n else 0.0, coincidence)

"""What to expect of a tensor by its distribution and dtype: moments, bounds and probabilities, rounding included."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from fastinit.auditing.measured import edges_of
from fastinit.auditing.patterns import is_narrow, patterns, rounded
from fastinit.distributions import Distribution
from fastinit.distributions.base import moments_of
from fastinit.runtime.types import Array, Float64Array

ALL_BUT_ONE = 1 - 1e-9  # a narrow dtype that holds one value with this probability counts as constant
TWO_VALUES = 1e-9  # a kurtosis of 1 is that of two values as likely: where all that a dtype holds is its ends
ROUNDINGS = 4  # units of the computing type by which a bound, computed from mean and std, may be off


@dataclass(frozen=True)
class Expected:
    """`kurtosis` and `sixth` are the 4th and 6th central moments over std^4 and std^6: 3 and 15 for a normal.

    `low` and `high`: what rounding may turn the distribution's bounds into. `spacing`: of the dtype, where its values are
    largest. `coincidence`: the probability that two values are equal, rounding alone considered. `pmf`: of a narrow dtype,
    the probability of each of its `patterns(dtype).values`.
    """

    distribution: Distribution
    dtype: np.dtype[Any]
    mean: float
    std: float
    skewness: float
    kurtosis: float
    sixth: float
    low: float
    high: float
    spacing: float
    coincidence: float
    pmf: Float64Array | None

    @property
    def skewness_of_squares(self) -> float:
        """The skewness of the squared deviation from the mean."""
        return float((self.sixth - 3 * self.kurtosis + 2) / (self.kurtosis - 1) ** 1.5)

    @cached_property
    def share_of_zeros(self) -> float:
        """The probability that rounding makes a value zero."""
        if self.pmf is not None:
            return float(self.pmf[patterns(self.dtype).values == 0].sum())
        least = float(np.finfo(self.dtype).smallest_subnormal)
        return float(np.diff(self.distribution.cdf(np.array([-least, least])))[0])

    @property
    def share_of_commonest(self) -> float:
        return 0.0 if self.pmf is None else float(self.pmf.max())

    @cached_property
    def of_bins(self) -> Array:
        """The probabilities of the bins of a histogram in units of the distribution's own mean and std."""
        return self.probabilities(edges_of(self.mean, self.std))

    def probabilities(self, edges: Float64Array) -> Array:
        """The probabilities of values below the first edge, between edges (the left one included), and from the last on."""
        if self.pmf is not None:
            bins = np.searchsorted(edges, patterns(self.dtype).values, side="right")
            return np.bincount(bins, self.pmf, minlength=len(edges) + 1)
        with np.errstate(over="ignore"):
            return np.diff(self.distribution.cdf(edges), prepend=0.0, append=1.0)

    def tails(self, low: float, high: float) -> tuple[float, float]:
        """The probabilities of values no greater than `low`, and no less than `high`, rounding included."""
        low_edge, high_edge = np.nextafter(low + self.spacing, math.inf), high - self.spacing
        if self.pmf is not None:
            below, above = self.probabilities(np.array([low_edge])), self.probabilities(np.array([high_edge]))
            return float(below[0]), float(above[1])
        with np.errstate(over="ignore"):
            below, up_to_high = self.distribution.cdf(np.array([low_edge, high_edge])).tolist()
        return below, 1 - up_to_high


def expected_of(distribution: Distribution | None, dtype: np.dtype[Any]) -> Expected | None:
    """None where no density is known, and where all values are equal, at least after rounding to the dtype."""
    if distribution is None or not distribution.has_density or distribution.constant_value is not None:
        return None
    return _expected_narrow(distribution, dtype) if is_narrow(dtype) else _expected_wide(distribution, dtype)


@lru_cache(maxsize=256)
def _expected_narrow(distribution: Distribution, dtype: np.dtype[Any]) -> Expected | None:
    """Each finite value of the dtype has the probability of the numbers that are rounded to it."""
    values = patterns(dtype).values
    pmf = np.diff(distribution.cdf((values[1:] + values[:-1]) / 2), prepend=0.0, append=1.0)
    if pmf.max() > ALL_BUT_ONE:
        return None
    moments = moments_of(values, pmf / pmf.sum())
    if moments.kurtosis < 1 + TWO_VALUES:
        return None
    return Expected(distribution, dtype, *moments, *_range(distribution, dtype), 0.0, float(pmf @ pmf), pmf)


@lru_cache(maxsize=256)
@np.errstate(over="ignore")  # the density of a std below 1e-307
def _expected_wide(distribution: Distribution, dtype: np.dtype[Any]) -> Expected | None:
    values, weights, density = distribution.quadrature()
    sizes = np.minimum(np.abs(values), np.finfo(dtype).max / 2)  # the largest value itself has no next one
    spacing = np.spacing(sizes.astype(dtype)).astype(np.float64)
    moments = moments_of(values, weights)
    widest = float(spacing[np.abs(values - moments.mean) < 3 * moments.std].max())
    if moments.std < widest:
        return None
    moments = moments._replace(std=math.hypot(moments.std, widest / math.sqrt(12)))  # rounding adds a uniform's variance
    coincidence = min(1.0, float(weights @ (density * spacing)))
    return Expected(distribution, dtype, *moments, *_range(distribution, dtype), widest, coincidence, None)


def _range(distribution: Distribution, dtype: np.dtype[Any]) -> tuple[float, float]:
    """The least and greatest values that the distribution's bounds may be rounded onto: first by some units of the type
    that values are computed in, then by the dtype."""
    low, high = distribution.bounds
    return -_farthest(-low, distribution.centre, dtype), _farthest(high, distribution.centre, dtype)


def _farthest(bound: float, centre: float, dtype: np.dtype[Any]) -> float:
    """What an upper bound may be rounded to."""
    eps = np.finfo(np.float64 if dtype == np.float64 else np.float32).eps
    farthest = bound + ROUNDINGS * float(eps) * max(abs(bound), abs(centre))
    value = rounded(farthest, dtype)
    return max(farthest, value) if math.isfinite(value) else math.inf

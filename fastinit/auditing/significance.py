"""How significant a deviation of a count, a mean or a square is, as the score of a standard normal that is as improbable."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from fastinit.runtime.types import Array, Float64Array

FALSE_ALARM_RATE = 1e-6  # of each check, on values that do follow their distribution
CRITICAL_SCORE = 4.8916384757  # |score| exceeded with FALSE_ALARM_RATE: the standard normal's quantile at 1 - 5e-7
LEAST_EXPECTED = 25.0  # values in a bin, so that Pearson's statistic has the tail of the chi-square distribution
EXACT_COUNT = 1000  # up to here the Poisson tail is summed, beyond it the cube root of the count is taken as normal


def score(deviation: float, skewness: float) -> float:
    """The score of a sum that is `deviation` of its standard deviations off its mean and has this skewness.

    The sum is taken as a shifted gamma (Pearson III), which is exact for squares of normals and for exponentials, and that
    as the cube of a normal (Wilson and Hilferty 1931). Beyond the gamma's end the score is that of the end.
    """
    if abs(skewness) < 1e-6:
        return deviation
    return 6 / skewness * (float(np.cbrt(max(0.0, 1 + skewness * deviation / 2))) - 1) + skewness / 6


def deviation_at(score: float, skewness: float) -> float:
    """The deviation that has this score: the inverse of `score`. Infinite where the gamma ends before."""
    if abs(skewness) < 1e-6:
        return score
    root = 1 + skewness * (score - skewness / 6) / 6
    return 2 / skewness * (root**3 - 1) if root > 0 else math.copysign(math.inf, -skewness)


def score_of_count(count: int, expected: float) -> float:
    """The score of a count by Poisson's distribution, whose tails are no lighter than a binomial's."""
    above = count > expected
    if expected == 0:
        return math.inf if above else 0.0
    if count > EXACT_COUNT:  # P(Poisson(e) >= k) = P(Gamma(k) <= e)
        return -_score_of_gamma(expected, count if above else count + 1)
    first = math.exp(count * math.log(expected) - expected - math.lgamma(count + 1))
    probability = min(first * _sum_of_ratios(count, expected, above), 1.0)
    rarity = NormalDist().inv_cdf(min(max(probability, 1e-300), 0.5))
    return -rarity if above else rarity


def score_of_chi_square(observed: Array, expected: Float64Array) -> float:
    """The score of Pearson's statistic, neighbouring bins merged to LEAST_EXPECTED; -inf where fewer than 4 are left."""
    observed, expected = _merged(observed, expected)
    freedom = len(expected) - 1
    if freedom < 3:
        return -math.inf
    return _score_of_gamma(float(((observed - expected) ** 2 / expected).sum()) / 2, freedom / 2)


def _score_of_gamma(value: float, shape: float) -> float:
    return 3 * math.sqrt(shape) * (float(np.cbrt(value / shape)) - 1 + 1 / (9 * shape))


def _sum_of_ratios(count: int, expected: float, above: bool) -> float:
    """The Poisson probabilities of `count` and all beyond it (or all below), over that of `count`."""
    total = term = 1.0
    while term > 1e-12 * total and (above or count > 0):
        count += above
        term *= expected / count if above else count / expected
        count -= not above
        total += term
    return total


def _merged(observed: Array, expected: Float64Array) -> tuple[Array, Float64Array]:
    """Runs of bins that expect LEAST_EXPECTED or more together, from the left; the rest joins the last run."""
    starts = _starts_of_runs(tuple(expected.tolist()))
    return np.add.reduceat(observed, starts), np.add.reduceat(expected, starts)


@lru_cache(maxsize=256)
def _starts_of_runs(expected: tuple[float, ...]) -> list[int]:
    """Many tensors have one size and one distribution."""
    starts, in_run = [0], 0.0
    for i, in_bin in enumerate(expected):
        in_run += in_bin
        if in_run >= LEAST_EXPECTED and i + 1 < len(expected):
            starts.append(i + 1)
            in_run = 0.0
    if in_run < LEAST_EXPECTED and len(starts) > 1:
        starts.pop()
    return starts

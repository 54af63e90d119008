"""Whether the values of a tensor may come from a distribution: by a sample of them, beyond a significance."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from fastinit.auditing.expected import Expected, expected_of
from fastinit.auditing.patterns import rounded, significand_bits
from fastinit.auditing.significance import score, score_of_count
from fastinit.auditing.subject import GENERATOR
from fastinit.distributions import Distribution
from fastinit.runtime.types import Float64Array

SIGNIFICANCE = 1e-6  # the probability that any test of a model fails whose values do fit
TESTS = 4  # of a tensor: zeros, mean, std, shape
LEAST_FOR_STD = 8  # values: of fewer the distribution of the std is not near enough to a gamma's
ROUNDING = 4  # units of the dtype by which a constant may be off that was computed in another way
UNITS = 8  # of the dtype's spacing by which a generator's arithmetic may shift mean and std


class Critical:
    """The thresholds for a model of so many tensors.

    All tests together fail with SIGNIFICANCE at most, where each has its part of it (Bonferroni). `score`: of a standard
    normal. `distance(n)`: of the empirical distribution function of n values from the true one, by Massart's bound
    P(D > d) <= 2 exp(-2 n d^2), which holds for every n.
    """

    def __init__(self, tensors: int) -> None:
        self._significance = SIGNIFICANCE / (TESTS * max(1, tensors))
        self.score = -NormalDist().inv_cdf(self._significance / 2)

    def distance(self, n: int) -> float:
        return math.sqrt(math.log(2 / self._significance) / (2 * n))


def misfit(values: Float64Array, distribution: Distribution, dtype: np.dtype[np.generic], critical: Critical) -> str | None:
    """Why the values cannot come from the distribution, as "they have std 0.042, not 0.02"; None where they can.

    >>> from fastinit import Normal
    >>> misfit(np.zeros(9), Normal(std=0.02).distribution_for((9,)), np.dtype(np.float32), Critical(1))
    'all are 0'
    """
    if len(values) == 0:
        return None
    if not np.isfinite(values).all():
        return "some are NaN or infinite"
    constant = distribution.constant_value
    if constant is not None:
        return _not_the_constant(values, rounded(constant, dtype), 2.0 ** -significand_bits(dtype))
    if len(values) > 1 and values.min() == values.max():
        return f"all are {values[0]:.6g}"
    expected = expected_of(distribution, dtype)
    return None if expected is None else _unlike(values, expected, critical)


def _not_the_constant(values: Float64Array, constant: float, eps: float) -> str | None:
    if np.abs(values - constant).max() <= ROUNDING * eps * abs(constant):
        return None
    return described(values)


def _unlike(values: Float64Array, expected: Expected, critical: Critical) -> str | None:
    n, mean = len(values), float(values.mean())
    zeros = n - int(np.count_nonzero(values))
    if zeros and score_of_count(zeros, n * max(expected.share_of_zeros, GENERATOR)) > critical.score:
        return f"{zeros} of {n} are 0" if n > 1 else "it is 0"
    if values.min() < expected.low or values.max() > expected.high:
        return f"they reach from {values.min():.6g} to {values.max():.6g}"
    slack = UNITS * expected.spacing
    off = max(0.0, abs(mean - expected.mean) - slack) / expected.std * math.sqrt(n)
    if abs(score(math.copysign(off, mean - expected.mean), expected.skewness / math.sqrt(n))) > critical.score:
        return f"their mean is {mean:.6g}, not {expected.mean:.6g}"
    if n >= LEAST_FOR_STD and abs(_score_of_std(values, expected, slack)) > critical.score:
        return f"their std is {values.std(ddof=1):.6g}, not {expected.std:.6g}"
    if expected.pmf is None and _distance(values, expected.distribution) > critical.distance(n):
        return "they have another distribution of the same mean and std"
    return None


def _score_of_std(values: Float64Array, expected: Expected, slack: float) -> float:
    """As in `fastinit.auditing.goodness_of_fit`: the mean square is taken as a shifted gamma."""
    freedom, ratio = len(values) - 1, float(values.std(ddof=1)) / expected.std
    ratio = 1 + math.copysign(max(0.0, abs(ratio - 1) - slack / expected.std), ratio - 1)
    deviation = (ratio**2 - 1) * math.sqrt(freedom / (expected.kurtosis - 1))
    skewness = expected.skewness_of_squares if deviation > 0 else min(expected.skewness_of_squares, math.sqrt(8.0))
    return score(deviation, skewness / math.sqrt(freedom))


def _distance(values: Float64Array, distribution: Distribution) -> float:
    """Kolmogorov's."""
    n, below = len(values), distribution.cdf(np.sort(values))
    return float(max((np.arange(1, n + 1) / n - below).max(), (below - np.arange(n) / n).max()))


def unlike_each_other(one: Float64Array, other: Float64Array, critical: Critical) -> str | None:
    """Why two samples, of which at least the second is computed, cannot come from the same distribution."""
    if one.shape != other.shape or not np.isfinite(one).all() or np.allclose(one, other, rtol=1e-3, atol=1e-6):
        return None
    if (one.min() == one.max()) != (other.min() == other.max()):
        return described(one)
    n, both = len(one), np.sort(np.concatenate([one, other]))
    below = [np.searchsorted(np.sort(x), both, side="right") / n for x in (one, other)]
    if np.abs(below[0] - below[1]).max() > math.sqrt(2.0) * critical.distance(n):
        return described(one)
    return None


def described(values: Float64Array) -> str:
    """The values in words."""
    if values.min() == values.max():
        return f"all are {values[0]:.6g}" if len(values) > 1 else f"it is {values[0]:.6g}"
    return f"their mean is {values.mean():.6g}, their std {values.std():.6g}"

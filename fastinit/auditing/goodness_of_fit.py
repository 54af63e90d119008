"""What is wrong with a tensor's values, measured against the probabilities of its distribution."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from fastinit.auditing.expected import Nominal
from fastinit.auditing.hints import hint
from fastinit.auditing.measured import EDGES, Measured, Values, beyond
from fastinit.auditing.patterns import is_narrow
from fastinit.auditing.significance import LEAST_EXPECTED, TOO_RARE, score, score_of_chi_square, score_of_count
from fastinit.auditing.subject import FREQUENT, GENERATOR, Found, Tensor
from fastinit.distributions import Uniform

ARITHMETIC = 4  # times the dtype's own rounding that a generator's arithmetic may make two values equal
SKEWNESS_OF_CHI_SQUARE = math.sqrt(8.0)  # of one degree of freedom
LEAST_FOR_STD = 8  # values: of fewer the distribution of the std is not near enough to a gamma's
UNITS = (
    8  # of the dtype, where the distribution's values are largest, by which a generator's arithmetic may shift mean and std
)
FROM_ROUNDING = 0.1  # standard errors that the dtype's rounding may move a bin's count by


def unlike_distribution(tensor: Tensor, nominal: Nominal) -> list[Found]:
    """Zeros first; then tails and shape only where the rest is right: they would say the same again."""
    measured = tensor.measured
    if measured.values.moments.n < 2:
        return []
    if found := [*_zeros(measured, nominal)]:
        return found
    found = [*_few_values(tensor, nominal)]
    if nominal.pmf is None or measured.n * (1 - nominal.pmf.max()) > LEAST_EXPECTED:
        found = [*_mean(tensor, nominal), *_std(tensor, nominal), *found]
    found += _outside(measured, nominal)
    return found or _tails_and_shape(tensor, nominal)


def _zeros(measured: Measured, nominal: Nominal) -> Iterator[Found]:
    due = measured.n * max(nominal.share_of_zero, GENERATOR)
    if measured.values.zeros > due and score_of_count(measured.values.zeros, due) > TOO_RARE:
        share = measured.values.zeros / measured.n
        yield "zeros", f"{measured.values.zeros:,} values ({share:.2%}) are zero, where the distribution gives {due:,.3g}"


def _mean(tensor: Tensor, nominal: Nominal) -> Iterator[Found]:
    moments = tensor.measured.values.moments
    off, std = mean_off(tensor.measured, nominal), max(nominal.std, moments.std)  # its own, or a wrong std is said twice
    certain = _less(moments.mean - nominal.mean, UNITS * nominal.spacing) / std * math.sqrt(moments.n)
    if abs(score(certain, nominal.skewness / math.sqrt(moments.n))) > TOO_RARE:
        one_sided = isinstance(tensor.distribution, Uniform) and nominal.low < 0 <= tensor.measured.values.low
        why = f" (no value is below 0: drawn from 0 on, not from {tensor.distribution.low:.6g} on)" if one_sided else ""
        yield "mean", f"{moments.mean:.6g} is {off:+.1f} standard errors off the nominal {nominal.mean:.6g}{why}"


def _std(tensor: Tensor, nominal: Nominal) -> Iterator[Found]:
    """The distribution of the mean square is near a shifted gamma's, and its low tail no shorter than that of a chi-square."""
    moments = tensor.measured.values.moments
    if moments.n < LEAST_FOR_STD:
        return
    freedom = moments.n - 1
    ratio = 1 + _less(math.sqrt(moments.m2 / freedom) / nominal.std - 1, UNITS * nominal.spacing / nominal.std)
    off = (ratio**2 - 1) * math.sqrt(freedom / (nominal.kurtosis - 1))
    skewness = nominal.skewness_of_squares if off > 0 else min(nominal.skewness_of_squares, SKEWNESS_OF_CHI_SQUARE)
    if abs(score(off, skewness / math.sqrt(freedom))) <= TOO_RARE:
        return
    std, error = math.sqrt(moments.m2 / freedom), relative_error_of_std(nominal, moments.n)
    why, far = hint(std, nominal.std, error, tensor.shape), std_off(tensor.measured, nominal)
    text = f"{std:.6g} is {std / nominal.std:.4f} of the nominal {nominal.std:.6g}, {far:+.1f} standard errors off"
    yield "std", f"{text}: {why}" if why else text


def _less(deviation: float, slack: float) -> float:
    """What is left of a deviation of which so much, either way, may be put down to arithmetic."""
    return math.copysign(max(0.0, abs(deviation) - slack), deviation)


def _outside(measured: Measured, nominal: Nominal) -> Iterator[Found]:
    values = measured.values
    if values.low < nominal.low or values.high > nominal.high:
        bounds = f"[{nominal.low:.6g}, {nominal.high:.6g}]"
        yield "outside", f"values from {values.low:.6g} to {values.high:.6g}, where the distribution stays within {bounds}"


def _tails_and_shape(tensor: Tensor, nominal: Nominal) -> list[Found]:
    measured = tensor.measured
    n = measured.values.moments.n
    if measured.sigma != nominal.std or nominal.spacing > FROM_ROUNDING * nominal.std / math.sqrt(n):
        return []
    due = n * nominal.probabilities(nominal.mean + nominal.std * EDGES)
    for sigmas in (5, 4, 3, 2):
        there, expected = measured.beyond(sigmas), float(beyond(due, sigmas))
        if abs(score_of_count(there, expected)) > TOO_RARE:
            return [
                ("tails", f"{there:,} values beyond {sigmas} std of the mean, where the distribution gives {expected:,.3g}")
            ]
    rarity = score_of_chi_square(measured.histogram, due)
    if rarity > TOO_RARE:
        text = (
            f"mean and std are right, but the histogram is not the distribution's (chi-square, {rarity:.1f} standard errors)"
        )
        return [("shape", text)]
    return []


def _few_values(tensor: Tensor, nominal: Nominal) -> Iterator[Found]:
    values = tensor.measured.values
    missing, due = (_missing_values if is_narrow(tensor.dtype) else _coincidences)(values, nominal)
    if score_of_count(missing, due) > TOO_RARE:
        least = values.distinct + missing - due
        text = f"{values.distinct:,} distinct values among {values.distinct_of:,}, where the distribution gives {least:,.0f} or more"
        yield "few values", text


def _missing_values(values: Values, nominal: Nominal) -> tuple[int, float]:
    """How many values of a narrow dtype are missing of those that the distribution gives often enough; and how many may be."""
    frequent = nominal.pmf[nominal.pmf > FREQUENT]
    absent = np.exp(values.moments.n * np.log1p(-frequent))
    return max(0, len(frequent) - values.distinct), float(absent.sum())


def _coincidences(values: Values, nominal: Nominal) -> tuple[int, float]:
    """How many values of the sample are there already; and how many pairs may be equal."""
    pairs = values.distinct_of * (values.distinct_of - 1) / 2
    return values.distinct_of - values.distinct, pairs * (ARITHMETIC * nominal.coincidence + GENERATOR)


def mean_off(measured: Measured, nominal: Nominal) -> float:
    """How far the mean is from the nominal one, in standard errors."""
    moments = measured.values.moments
    return (moments.mean - nominal.mean) / nominal.std * math.sqrt(moments.n)


def std_off(measured: Measured, nominal: Nominal) -> float:
    moments = measured.values.moments
    std = math.sqrt(moments.m2 / (moments.n - 1))
    return (std / nominal.std - 1) / relative_error_of_std(nominal, moments.n)


def relative_error_of_std(nominal: Nominal, n: int) -> float:
    """The standard error of the standard deviation of n values, over it: for a normal 1 / sqrt(2n)."""
    return math.sqrt((nominal.kurtosis - 1) / (4 * n))

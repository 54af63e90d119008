"""Tests a tensor's values against the probabilities of its distribution."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from fastinit.auditing.expected import Expected
from fastinit.auditing.hints import hint
from fastinit.auditing.measured import Measured, Values, beyond
from fastinit.auditing.moments import SampleMoments
from fastinit.auditing.numbers import errors_text, ratio_text
from fastinit.auditing.significance import (
    CRITICAL_SCORE,
    FALSE_ALARM_RATE,
    LEAST_EXPECTED,
    deviation_at,
    score,
    score_of_chi_square,
    score_of_count,
)  # fmt: skip
from fastinit.auditing.subject import FREQUENT, GENERATOR, Found, Tensor
from fastinit.runtime.types import Float64Array

ARITHMETIC = 4  # times the dtype's own rounding that a generator's arithmetic may make two values equal
SKEWNESS_OF_CHI_SQUARE = math.sqrt(8.0)  # of one degree of freedom
LEAST_FOR_STD = 8  # values: of fewer the distribution of the std is not near enough to a gamma's
UNITS = 8  # of the dtype's spacing by which a generator's arithmetic may shift mean and std
FROM_ROUNDING = 0.1  # standard errors that the dtype's rounding may move a bin's count by


def unlike(expected: Expected, tensor: Tensor) -> list[Found]:
    """How the values differ from the distribution. Tails and shape are tested last, where the rest is right, since any other
    difference shows in them too.
    """
    measured = tensor.measured
    if measured.is_constant or measured.values.moments.n < 2:
        return [*_outside(measured.values, expected)] or [*_too_far(measured.values, expected)]
    if found := [*_zeros(measured, expected)]:
        return found
    found = [*_few_values(measured.values, expected)]
    if expected.pmf is None or measured.n * (1 - expected.share_of_commonest) > LEAST_EXPECTED:
        found = [*_mean(measured.values, expected), *_std(tensor, expected), *found]
    found += _outside(measured.values, expected)
    return found or [*_too_far(measured.values, expected)] or _tails_and_shape(measured, expected)


def _zeros(measured: Measured, expected: Expected) -> Iterator[Found]:
    zeros, usual = measured.values.counts.zeros, measured.n * max(expected.share_of_zeros, GENERATOR)
    if score_of_count(zeros, usual) > CRITICAL_SCORE:
        yield "zeros", f"{zeros:,} values ({zeros / measured.n:.2%}) are zero, where the distribution gives {usual:,.3g}"


def _mean(values: Values, expected: Expected) -> Iterator[Found]:
    moments, off = values.moments, mean_off(values.moments, expected)
    std = max(expected.std, moments.std)  # the tensor's own if larger: a wrong std is not reported as a wrong mean too
    certain = _less(moments.mean - expected.mean, UNITS * expected.spacing) / std * math.sqrt(moments.n)
    if abs(score(certain, expected.skewness / math.sqrt(moments.n))) > CRITICAL_SCORE:
        low = expected.distribution.bounds[0]
        one_sided = -math.inf < low < 0 <= values.low
        why = f" (no value is below 0: drawn from 0 on, not from {low:.6g} on)" if one_sided else ""
        yield "mean", f"{moments.mean:.6g} is {errors_text(off)} standard errors off the expected {expected.mean:.6g}{why}"


def _std(tensor: Tensor, expected: Expected) -> Iterator[Found]:
    """The mean square is distributed nearly as a shifted gamma, its low tail no shorter than a chi-square's."""
    moments = tensor.measured.values.moments
    if moments.n < LEAST_FOR_STD:
        return
    freedom, std = moments.n - 1, moments.unbiased_std
    ratio = 1 + _less(std / expected.std - 1, UNITS * expected.spacing / expected.std)
    deviation = (ratio * ratio - 1) * math.sqrt(freedom / (expected.kurtosis - 1))
    skewness = expected.skewness_of_squares
    if deviation <= 0:
        skewness = min(skewness, SKEWNESS_OF_CHI_SQUARE)
    if abs(score(deviation, skewness / math.sqrt(freedom))) > CRITICAL_SCORE:
        cause = hint(tensor.measured.values, expected.std, _relative_error_of_std(expected, moments.n), tensor.source.shape)
        text = f"{std:.6g} is {ratio_text(std / expected.std)} of the expected {expected.std:.6g}"
        off = f"{errors_text(std_off(moments, expected))} standard errors off"
        yield "std", f"{text}, {off}{': ' if cause else ''}{cause}"


def std_limits(expected: Expected, n: int) -> tuple[float, float] | None:
    """Below the first and above the second of these multiples of the expected one, the std of n values is an error."""
    if n < LEAST_FOR_STD:
        return None
    freedom, skewness, slack = n - 1, expected.skewness_of_squares, UNITS * expected.spacing / expected.std
    low, high = (
        deviation_at(limit, skew / math.sqrt(freedom)) * math.sqrt((expected.kurtosis - 1) / freedom)
        for limit, skew in ((-CRITICAL_SCORE, min(skewness, SKEWNESS_OF_CHI_SQUARE)), (CRITICAL_SCORE, skewness))
    )
    return math.sqrt(max(0.0, 1 + low)) - slack, math.sqrt(1 + high) + slack


def _less(deviation: float, slack: float) -> float:
    """The deviation, brought nearer to 0 by `slack`, which may come from arithmetic."""
    return math.copysign(max(0.0, abs(deviation) - slack), deviation)


def _outside(values: Values, expected: Expected) -> Iterator[Found]:
    if values.low < expected.low or values.high > expected.high:
        bounds = f"[{expected.low:.6g}, {expected.high:.6g}]"
        yield "outside", f"values from {values.low:.6g} to {values.high:.6g}, where the distribution stays within {bounds}"


def _too_far(values: Values, expected: Expected) -> Iterator[Found]:
    """Single values farther out than any of so many is, but once in 1 / FALSE_ALARM_RATE tensors."""
    n, (low, high) = values.moments.n, (values.low, values.high)
    if not n:
        return
    probability, value = min(zip(expected.tails(low, high), (low, high)))
    if n * probability < FALSE_ALARM_RATE / 2:
        rate = f"once in {1 / FALSE_ALARM_RATE:,.0f} tensors"
        yield "outside", f"a value of {value:.6g}, where the distribution gives one so far out less than {rate}"


def _tails_and_shape(measured: Measured, expected: Expected) -> list[Found]:
    """Tested where the histogram is in units of the distribution's std, and rounding moves no bin's count."""
    n, histogram = measured.values.moments.n, measured.histogram
    resolution = FROM_ROUNDING * expected.std / math.sqrt(n)
    if histogram is None or measured.sigma != expected.std or expected.spacing > resolution:
        return []
    usual = n * expected.of_bins
    for sigmas in (5, 4, 3, 2):
        there, usually = int(beyond(histogram, sigmas)), beyond(usual, sigmas)
        if abs(score_of_count(there, usually)) > CRITICAL_SCORE:
            text = f"{there:,} values beyond {sigmas} std of the mean, where the distribution gives {usually:,.3g}"
            return [("tails", text)]
    chi_square = score_of_chi_square(histogram, usual)
    text = (
        f"mean and std are right, but the histogram is not the distribution's (chi-square, {chi_square:.1f} standard errors)"
    )
    return [("shape", text)] if chi_square > CRITICAL_SCORE else []


def _few_values(values: Values, expected: Expected) -> Iterator[Found]:
    missing, allowed = _coincidences(values, expected) if expected.pmf is None else _missing_values(values, expected.pmf)
    if score_of_count(missing, allowed) > CRITICAL_SCORE:
        least = f"where the distribution gives {values.sample.distinct + missing - allowed:,.0f} or more"
        yield "few values", f"{values.sample.distinct:,} distinct values among {values.sample.n:,}, {least}"


def _missing_values(values: Values, pmf: Float64Array) -> tuple[int, float]:
    """How many of a narrow dtype's frequent values are missing, and how many of them may be."""
    frequent = pmf[pmf > FREQUENT]
    absent = np.exp(values.moments.n * np.log1p(-frequent))
    return max(0, len(frequent) - values.sample.distinct), float(absent.sum())


def _coincidences(values: Values, expected: Expected) -> tuple[int, float]:
    """How many values of the sample equal another, and how many pairs may be equal."""
    pairs = values.sample.n * (values.sample.n - 1) / 2
    return values.sample.n - values.sample.distinct, pairs * (ARITHMETIC * expected.coincidence + GENERATOR)


def mean_off(moments: SampleMoments, expected: Expected) -> float:
    """How far the mean is from the expected one, in standard errors."""
    return (moments.mean - expected.mean) / expected.std * math.sqrt(moments.n)


def std_off(moments: SampleMoments, expected: Expected) -> float:
    """How far the std, of at least two values, is from the expected one, in standard errors."""
    return (moments.unbiased_std / expected.std - 1) / _relative_error_of_std(expected, moments.n)


def _relative_error_of_std(expected: Expected, n: int) -> float:
    """The standard error of the standard deviation of n values, over it: for a normal 1 / sqrt(2n)."""
    return math.sqrt((expected.kurtosis - 1) / (4 * n))

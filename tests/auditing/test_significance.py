"""Scores, moments and probabilities are those of SciPy."""

import math

import ml_dtypes
import numpy as np
import pytest
from scipy import stats

from fastinit.auditing import EDGES
from fastinit.auditing.expected import expected_of
from fastinit.auditing.patterns import patterns
from fastinit.auditing.significance import (
    CRITICAL_SCORE,
    FALSE_ALARM_RATE,
    deviation_at,
    score,
    score_of_chi_square,
    score_of_count,
)
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.distributions import TruncatedNormal, Uniform
from tests.auditing.samples import DISTRIBUTIONS, W
from tests.thresholds import ks_limit, z_limit


def test_the_critical_score_is_the_normal_quantile_of_the_false_alarm_rate():
    assert z_limit(FALSE_ALARM_RATE) == pytest.approx(CRITICAL_SCORE, rel=1e-9)


@pytest.mark.parametrize("expected", [1e-7, 0.01, 1.0, 10.0, 500.0, 1100.0, 5e3, 1e6])
def test_scores_of_counts_are_as_rare_as_poissons_tails(expected):
    for count in {int(expected + z * math.sqrt(expected)) for z in (-4, -2, 2, 4, 6)} | {1, 3}:
        if count >= 0:
            tail = stats.poisson.sf(count - 1, expected) if count > expected else stats.poisson.cdf(count, expected)
            sign = 1 if count > expected else -1
            exact = sign * max(0.0, stats.norm.isf(max(tail, 1e-300)))
            assert score_of_count(count, expected) == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize(("count", "score"), [(0, 0.0), (1, math.inf)])
def test_where_nothing_is_expected_only_something_is_significant(count, score):
    assert score_of_count(count, 0.0) == score


@pytest.mark.parametrize("skewness", [-0.5, -1e-7, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("at", [-4.89, -1.0, 0.5, 4.89])
def test_a_deviation_has_the_score_that_it_was_asked_for(at, skewness):
    assert score(deviation_at(at, skewness), skewness) == pytest.approx(at, rel=1e-6)


@pytest.mark.parametrize("freedom", [9, 30, 1000])
@pytest.mark.parametrize("tail", [1e-6, 1e-3, 0.2])
def test_scores_of_squares_are_as_rare_as_chi_squares_tails_or_rarer(freedom, tail):
    for probability in (tail, 1 - tail):
        deviation = (stats.chi2.ppf(probability, freedom) - freedom) / math.sqrt(2 * freedom)
        exact = abs(stats.norm.ppf(probability))
        assert exact - 0.5 < abs(score(deviation, math.sqrt(8 / freedom))) < exact + 0.02


def test_the_chi_square_of_many_samples_is_as_rare_as_it_says():
    rng = np.random.default_rng(42)
    expected = 2000 * np.diff(stats.norm.cdf(np.linspace(-3, 3, 50)), prepend=0.0, append=1.0)
    scores = [score_of_chi_square(rng.multinomial(2000, expected / expected.sum()), expected) for _ in range(2000)]
    assert stats.kstest(scores, "norm").statistic < ks_limit(2000, rate=1e-3) + 0.02  # for the formula


@pytest.mark.parametrize(
    ("expected", "runs"),
    [
        ([25.0] * 4, [1] * 4),  # LEAST_EXPECTED
        ([24.9, 0.2] * 5, [2] * 5),
        ([10.0] * 12, [3] * 4),
        ([10.0] * 13, [3, 3, 3, 4]),  # too little is left for a run of its own
        ([30.0] * 4 + [24.0], [1, 1, 1, 2]),
        ([30.0] * 4 + [26.0], [1] * 5),
    ],
)
def test_the_chi_square_takes_bins_together_to_enough_values(expected, runs):
    observed = np.array(expected) + 1.5 * np.sqrt(np.arange(len(expected)))
    first = np.cumsum([0, *runs[:-1]])
    together, of = np.add.reduceat(observed, first), np.add.reduceat(np.array(expected), first)
    exact = stats.norm.isf(stats.chi2.sf(((together - of) ** 2 / of).sum(), len(runs) - 1))
    assert score_of_chi_square(observed, np.array(expected)) == pytest.approx(exact, abs=0.05)


def test_the_chi_square_of_fewer_than_four_runs_is_no_alarm():
    assert score_of_chi_square(np.array([100.0, 0.0, 0.0]), np.full(3, 30.0)) == -math.inf


def of_scipy(distribution):
    if isinstance(distribution, TruncatedNormal):
        return stats.truncnorm(distribution.low, distribution.high, distribution.mean, distribution.std)
    return (
        stats.uniform(distribution.low, distribution.high - distribution.low)
        if isinstance(distribution, Uniform)
        else stats.norm(distribution.mean, distribution.std)
    )


@pytest.mark.parametrize(
    "name", [name for name in DISTRIBUTIONS if name != "beyond the dtype's steps"]
)  # SciPy's std is NaN there
def test_the_expected_moments_and_probabilities_are_those_of_scipy(name):
    exact, wide = of_scipy(DISTRIBUTIONS[name]), expected_of(DISTRIBUTIONS[name], np.dtype(np.float64))
    mean, variance, skewness, kurtosis = exact.stats(moments="mvsk")
    got = [wide.mean, wide.std**2, wide.skewness, wide.kurtosis - 3]
    np.testing.assert_allclose(got, [mean, variance, skewness, kurtosis], rtol=1e-4, atol=1e-4)
    edges = wide.mean + wide.std * EDGES
    np.testing.assert_allclose(wide.probabilities(edges), np.diff(exact.cdf(edges), prepend=0, append=1), atol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_the_probabilities_of_a_narrow_dtypes_values_are_those_of_rounding(dtype):
    """Against a million rounded draws."""
    expected, known = expected_of(W, ELEMENT_TYPES[dtype].dtype), patterns(ELEMENT_TYPES[dtype].dtype)
    drawn = (0.02 * np.random.default_rng(7).standard_normal(10**6)).astype(ELEMENT_TYPES[dtype].dtype).astype(float)
    observed = np.bincount(np.searchsorted(known.values, drawn), minlength=len(known.values))
    assert score_of_chi_square(observed, 10**6 * expected.pmf) < z_limit(2e-3)  # one-sided: 1e-3


def test_a_bound_may_be_rounded_outwards_as_far_as_the_dtype_does():
    distribution = TruncatedNormal(0.0, 0.02, -2.0, 2.0)
    nearest = float(np.array(0.04).astype(ml_dtypes.bfloat16))
    assert nearest > 0.04
    assert expected_of(distribution, np.dtype(ml_dtypes.bfloat16)).high == nearest
    assert expected_of(distribution, np.dtype(np.float64)).high == pytest.approx(0.04, rel=1e-14)

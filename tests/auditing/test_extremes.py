"""Valid float64 values of any size are measured without an error or a warning, and reported in few digits."""

import json
import warnings

import numpy as np
import pytest
from scipy import stats

from fastinit.auditing import audit
from fastinit.distributions import Normal, Uniform
from tests.auditing.samples import W, drawn

EXTREMES = {
    "a wide range": [1e80, -1e80, 3.0],
    "one tiny value": [1e-100, 0.0],
    "huge values": [1e200, -1e200, 1e200],
    "one huge value": [1e200, 1.0],
    "moments beyond the range": [1e150, 2e150],
    "the largest values": [1.7e308, -1.7e308] * 8,
    "a sum beyond the range": [1e308] * 5,
    "the smallest values": [5e-324, 0.0, 1.0],
    "subnormal values": [1e-310, 2e-310, -3e-310],
    "tiny values": [1e-300, 2e-300, 3e-300],
    "infinities": [np.inf, -np.inf, 1.0],
    "NaN among huge values": [np.nan, 1e300, -1e300],
    "many of both ends": np.concatenate([drawn(shape=5000, dtype="float64") * 1e-290, [1e290, -1e300, 1e308]]),
    "the ends of float32": np.array([3.4e38, -3.4e38, 1e-45, 1e-38], np.float32),
    "the ends of float16": np.array([65504, -65504, 6e-8], np.float16),
}


@pytest.mark.parametrize("case", EXTREMES)
@pytest.mark.parametrize("expected", [None, W, Normal(0.0, 1e200), Normal(0.0, 1e-200), Uniform(-1e307, 1e307)], ids=str)
def test_extremes_are_measured_without_an_error_or_a_warning(case, expected):
    tensors = {"w": EXTREMES[case], "ordinary": drawn(seed=1)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = audit(tensors, expected and dict.fromkeys(tensors, expected))
        lines = str(report).splitlines()
    assert max(map(len, lines)) < 250, "no number of hundreds of digits"
    assert json.loads(report.to_json())["tensors"][0]["n"] == len(EXTREMES[case])


@pytest.mark.parametrize("std", [1e-320, 1e-300, 1e-100, 1e-30, 1.0, 1e30, 1e100, 1e300])
def test_a_distribution_of_any_scale_is_followed(std):
    """The same values in another unit; below 1e-307 they are rounded to steps of 5e-324."""
    expected, values = Normal(0.0, std), drawn(Normal(0.0, 1.0), 10_000, "float64") * std
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert audit({"w": values}, {"w": expected}).findings == ()
        (finding,) = audit({"w": values * 1.5}, {"w": expected}).findings
    assert finding.kind == "std" and " is 1.49" in finding.sentence


@pytest.mark.parametrize("power", [-1000, -600, -300, 300, 600, 1000])
@pytest.mark.parametrize("dtype", ["float64"])
def test_the_moments_are_those_of_the_values_in_another_unit(power, dtype):
    """Of many pieces, of which one is 2^100 times as large as the others."""
    values = drawn(Normal(3.0, 0.5), 300_000, dtype)
    values[150_000:160_000] *= 2.0**20
    (row,), (scaled,) = (audit({"w": v}).tensors for v in (values, np.ldexp(values, power)))
    assert np.ldexp([row.mean, row.std, row.min, row.max], power) == pytest.approx(
        [scaled.mean, scaled.std, scaled.min, scaled.max], rel=1e-12
    )
    assert (scaled.skewness, scaled.excess_kurtosis) == pytest.approx((row.skewness, row.excess_kurtosis), rel=1e-9)
    assert row.skewness == pytest.approx(stats.skew(values), rel=1e-9)
    assert (scaled.histogram == row.histogram).all()

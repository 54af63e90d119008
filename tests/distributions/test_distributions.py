"""Each distribution's cdf, bounds, moments, constants and integers are as in scipy or the textbook."""

import math

import numpy as np
import pytest
import scipy.stats

import fastinit
from fastinit.distributions import Constant, Distribution, Normal, TruncatedNormal, Uniform

CONTINUOUS = {
    "uniform": (Uniform(-1.0, 3.0), scipy.stats.uniform(-1.0, 4.0)),
    "normal": (Normal(0.5, 2.0), scipy.stats.norm(0.5, 2.0)),
    "truncated at 2 std": (TruncatedNormal(0.0, 0.02, -2.0, 2.0), scipy.stats.truncnorm(-2.0, 2.0, 0.0, 0.02)),
    "truncated in the upper tail": (TruncatedNormal(1.0, 0.5, 3.0, 5.0), scipy.stats.truncnorm(3.0, 5.0, 1.0, 0.5)),
    "half normal": (TruncatedNormal(0.0, 1.0, 0.0, math.inf), scipy.stats.truncnorm(0.0, math.inf)),
}


@pytest.fixture(params=CONTINUOUS)
def pair(request):
    """A distribution and scipy's."""
    return CONTINUOUS[request.param]


def test_the_cdf_is_scipys(pair):
    ours, scipys = pair
    x = scipys.ppf(np.linspace(0.001, 0.999, 101))
    np.testing.assert_allclose(ours.cdf(x), scipys.cdf(x), rtol=1e-9)


def test_the_bounds_are_scipys(pair):
    ours, scipys = pair
    assert ours.bounds == pytest.approx(scipys.support())


def test_the_moments_are_scipys(pair):
    ours, scipys = pair
    mean, variance, skewness, excess = (float(moment) for moment in scipys.stats("mvsk"))
    expected = mean, math.sqrt(variance), skewness, excess + 3
    assert ours.moments()[:4] == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_the_sixth_moment_of_a_normal_is_15():
    assert Normal(3.0, 0.1).moments().sixth == pytest.approx(15.0, rel=1e-12)


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (Constant(0.5), 0.5),
        (Uniform(2.0, 2.0), 2.0),
        (Normal(1.0, 0.0), 1.0),
        (TruncatedNormal(1.0, 0.0, -2.0, 2.0), 1.0),
        (Uniform(0.0, 1.0), None),
        (Normal(0.0, 1.0), None),
        (TruncatedNormal(0.0, 1.0, -2.0, 2.0), None),
        (fastinit.orthogonal.distribution_for((3, 3)), None),
    ],
)
def test_the_constant_value_is_known_where_there_is_only_one(distribution, value):
    assert distribution.constant_value == value


@pytest.mark.parametrize(
    ("distribution", "scaled"),
    [
        (Constant(0.5), Constant(1.5)),
        (Uniform(-1.0, 2.0), Uniform(-3.0, 6.0)),
        (Normal(1.0, 2.0), Normal(3.0, 6.0)),
        (TruncatedNormal(1.0, 2.0, -2.0, 2.0), TruncatedNormal(3.0, 6.0, -2.0, 2.0)),
    ],
)
def test_a_factor_scales_the_values(distribution, scaled):
    assert distribution.times(3.0) == scaled


def test_a_whole_tensor_distribution_has_no_scale():
    with pytest.raises(ValueError, match=r"the scale of Orthogonal\(\) cannot be changed"):
        fastinit.orthogonal.distribution_for((3, 3)).times(2.0)


def test_only_constant_integers_fill_tensors_of_integers():
    assert Constant(3.0).integer_value() == 3
    with pytest.raises(ValueError, match=r"an integer is asked for, but the value is 0\.5"):
        Constant(0.5).integer_value()
    with pytest.raises(ValueError, match="integer tensors need one constant value, but Normal"):
        Normal(0.0, 1.0).integer_value()


def test_only_whole_tensor_distributions_are_not_elementwise():
    assert Normal(0.0, 1.0).is_elementwise and Constant(0.0).is_elementwise
    assert not fastinit.orthogonal.distribution_for((3, 3)).is_elementwise


def test_each_class_is_a_distribution_and_immutable():
    for distribution in (Constant(0.0), *(ours for ours, _ in CONTINUOUS.values())):
        assert isinstance(distribution, Distribution)
        with pytest.raises(AttributeError):
            distribution.mean = 1.0

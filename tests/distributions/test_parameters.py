"""The probabilities and parameters behind the distributions are right to the last digit that the kernels see."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special

from fastinit.distributions import Constant, Normal, TruncatedNormal, Uniform
from fastinit.distributions.normal_tails import cdf_sf

# ---- probabilities of the standard normal ----

PROBABILITIES = [  # x, P(Z < x), P(Z > x): mpmath 1.4 with 600 digits, erfc(-x / sqrt(2)) / 2
    ("-0.5", "0.308537538725986896362295389391662260116398", "0.691462461274013103637704610608337739883602"),
    ("-1", "0.158655253931457051414767454367962077522087", "0.841344746068542948585232545632037922477913"),
    ("-2", "0.0227501319481792072002826371665334374717762", "0.977249868051820792799717362833466562528224"),
    ("-4", "0.0000316712418331199212537707567221512984438334", "0.999968328758166880078746229243277848701556"),
    ("-8", "6.22096057427178412351599517258818842248872e-16", "0.999999999999999377903942572821587648400483"),
    ("-20", "2.7536241186062336950756227808574653328075e-89", "1"),
    ("-36", "4.18262406579728333174233233181023283434671e-284", "1"),
    ("-40", "3.65589354091502970374898580268828366505394e-350", "1"),
    ("0.001953125", "0.500779183646017396055935470328932127113488", "0.499220816353982603944064529671067872886512"),
    ("3.25", "0.99942297495760923295708308068574911077884", "0.000577025042390767042916919314250889221160206"),
]


@pytest.mark.parametrize(("x", "cdf", "sf"), PROBABILITIES)
def test_probabilities_have_28_right_digits_in_both_tails(x, cdf, sf):
    with localcontext() as context:
        context.prec, context.Emin = 60, -(10**6)
        for found, expected in zip(cdf_sf(float(x)), (Decimal(cdf), Decimal(sf))):
            assert abs(found - expected) <= expected * Decimal("1e-28")


@given(x=st.floats(-37, 37))
@settings(max_examples=300, deadline=None)
def test_probabilities_are_those_of_scipy(x):
    cdf, sf = (float(p) for p in cdf_sf(x))
    # scipy's own error is a few units of its last digit times x^2 in the tails
    assert cdf == pytest.approx(special.ndtr(x), rel=1e-15 * max(1, x * x))
    assert sf == pytest.approx(special.ndtr(-x), rel=1e-15 * max(1, x * x))


@given(x=st.floats(-40, 40))
@settings(max_examples=100, deadline=None)
def test_both_tails_add_up_to_one_and_mirror_each_other(x):
    cdf, sf = cdf_sf(x)
    assert cdf_sf(-x) == (sf, cdf)
    with localcontext() as context:
        context.prec = 400
        assert abs(cdf + sf - 1) < Decimal("1e-30")


def test_probabilities_at_zero_and_infinity_are_exact():
    assert cdf_sf(0.0) == (Decimal("0.5"), Decimal("0.5"))
    assert cdf_sf(-math.inf) == (0, 1) and cdf_sf(math.inf) == (1, 0)


# ---- parameters of the kernels ----


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (Uniform(-0.1, 0.3), (-0.1, 0.3 - -0.1)),
        (Normal(0.1, 0.02), (0.1, 0.02)),
        (Constant(0.1), (0.1,)),
    ],
)
def test_parameters_are_rounded_once_to_the_type_of_the_distribution(real, distribution, expected):
    parameters = distribution.parameters(real)
    assert parameters.dtype == np.float64
    assert parameters.tolist() == [float(real(x)) for x in expected]


BOUNDS = [(-2, 2), (-1, 3), (0, np.inf), (-np.inf, -3), (8, 9), (20, np.inf), (-np.inf, -36), (36, 37)]
NAMES = [
    "cdf_low", "sf_low", "cdf_high", "sf_high", "mass_scaled", "mass", "middle", "tail_scaled", "loss_of_scale",
    "mean", "std", "least", "greatest",
]  # fmt: skip


def named(distribution, real):
    return dict(zip(NAMES, distribution.parameters(real).tolist()))


@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_float64_parameters_of_a_truncated_normal_are_the_probabilities_of_its_ends(low, high):
    p = named(TruncatedNormal(0.5, 2.0, low, high), np.float64)
    a, b = max(low, -38), min(high, 38)  # beyond 38 sigmas float64 has no probabilities left
    for name, expected in [
        ("cdf_low", special.ndtr(a)),
        ("sf_low", special.ndtr(-a)),
        ("cdf_high", special.ndtr(b)),
        ("sf_high", special.ndtr(-b)),
    ]:
        assert p[name] == pytest.approx(expected, rel=3e-12, abs=1e-307)
    assert p["mass"] == p["mass_scaled"] == pytest.approx(abs(truncated_mass(a, b)), rel=3e-12)
    assert p["middle"] == pytest.approx((special.ndtr(a) - special.ndtr(-b)) / 2, rel=3e-12, abs=1e-300)
    assert (p["tail_scaled"], p["loss_of_scale"]) == (2.0**-10, 0.0)
    assert (p["mean"], p["std"]) == (0.5, 2.0)
    assert (p["least"], p["greatest"]) == (0.5 + 2 * low, 0.5 + 2 * high)


def truncated_mass(a, b):
    return special.ndtr(b) - special.ndtr(a) if a < 0 else special.ndtr(-a) - special.ndtr(-b)


@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_float32_parameters_of_a_truncated_normal_are_the_same_ones_scaled_into_range(low, high):
    distribution = TruncatedNormal(0.5, 2.0, low, high)
    p, wide = named(distribution, np.float32), named(distribution, np.float64)
    k = round(p["loss_of_scale"] / (2 * math.log(2)))
    assert math.isinf(p["tail_scaled"]) or p["tail_scaled"] == 2.0 ** (k - 10)
    nearer = "sf_low" if wide["sf_low"] < wide["cdf_high"] else "cdf_high"
    assert 2.0**-61 < p[nearer] <= 1
    for name in ("cdf_low", "sf_low", "cdf_high", "sf_high", "mass_scaled"):
        scaled = math.ldexp(wide[name], k) if wide[name] < 2.0 ** (1000 - k) else math.inf
        with np.errstate(over="ignore"):
            assert p[name] == pytest.approx(float(np.float32(scaled)), rel=2.0**-22, abs=1e-44)
    assert p["mass"] == pytest.approx(wide["mass"], rel=2.0**-23, abs=1e-44)


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_a_std_of_zero_leaves_the_mean_alone(real):
    p = named(TruncatedNormal(0.1, 0.0, -2, np.inf), real)
    assert p["least"] == p["greatest"] == p["mean"] == float(real(0.1))


# ---- bounds ----

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
sigmas = st.floats(-36, 36)


@pytest.mark.parametrize("real", [np.float32, np.float64])
@given(mean=finite, std=finite.map(abs), ends=st.tuples(sigmas, sigmas).map(sorted))
@settings(max_examples=500, deadline=None)
def test_least_and_greatest_are_the_outermost_numbers_inside_the_bounds(real, mean, std, ends):
    assume(ends[0] < ends[1])
    assume(all(abs(mean + end * std) <= np.finfo(real).max for end in ends))  # else refused
    p = named(TruncatedNormal(mean, std, *ends), real)
    low, high = (Fraction(p["mean"]) + Fraction(p["std"]) * Fraction(end) for end in ends)
    largest = Fraction(float(np.finfo(real).max))
    least, greatest = Fraction(p["least"]), Fraction(p["greatest"])
    assert abs(least) <= largest and abs(greatest) <= largest and least <= greatest
    if abs(low) <= largest and abs(high) <= largest and least_number_from(low, real) <= high:
        assert low <= least <= greatest <= high
        assert least_number_from(low, real) == least
        assert least_number_from(-high, real) == -greatest


def least_number_from(x, real):
    """The least number of the type that is not below x, by bisection over all of them in order; infinity beyond them."""
    unsigned = np.uint32 if real is np.float32 else np.uint64

    def number(i):  # -1: the first number below zero, 0: zero, 1: the first above, ...
        return (-1 if i < 0 else 1) * Fraction(float(np.array(abs(i), unsigned).view(real)))

    last = int(np.array(np.finfo(real).max).view(unsigned))
    below, from_there = -last - 1, last
    if x > number(last):
        return math.inf
    while from_there - below > 1:
        middle = (below + from_there) // 2
        below, from_there = (middle, from_there) if number(middle) < x else (below, middle)
    return number(from_there)


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_infinite_bounds_stay_infinite(real):
    p = named(TruncatedNormal(0, 1, -math.inf, math.inf), real)
    assert (p["least"], p["greatest"]) == (-math.inf, math.inf)


# ---- the distributions themselves ----


@pytest.mark.parametrize("number", [2, np.float32(2), np.int8(2), Fraction(2), Decimal(2), True + 1, np.array(2.0)])
def test_a_parameter_may_be_any_kind_of_number(number):
    assert Normal(0, number) == Normal(0.0, 2.0)
    assert type(Normal(0, number).std) is float
    assert Constant(number) == Constant(2.0)


def test_distributions_are_values():
    assert Normal(0, 1) == Normal(0.0, 1.0) != Normal(0.0, 2.0)
    assert len({TruncatedNormal(0, 1, -2, 2), TruncatedNormal(0, 1, -2.0, 2.0)}) == 1
    with pytest.raises(AttributeError):
        Normal(0, 1).std = 2


def test_a_uniform_of_no_width_is_allowed():
    assert Uniform(1, 1).parameters(np.float32).tolist() == [1.0, 0.0]

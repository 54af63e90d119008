"""Distributions that only generators draw from, by inversion: their fit, their tails, and arrays of parameters."""

import mpmath
import numpy as np
import pytest
import scipy.stats

from fastinit import default_rng
from fastinit.random import RandomState
from tests.support import draw, ks_distance
from tests.thresholds import chi_square_limit, ks_limit

CASES = {  # method, arguments, the distribution by SciPy
    "laplace": ((1.0, 2.0), scipy.stats.laplace(1.0, 2.0)),
    "logistic": ((1.0, 2.0), scipy.stats.logistic(1.0, 2.0)),
    "gumbel": ((1.0, 2.0), scipy.stats.gumbel_r(1.0, 2.0)),
    "rayleigh": ((2.0,), scipy.stats.rayleigh(0.0, 2.0)),
    "weibull, heavy tail": ((0.3,), scipy.stats.weibull_min(0.3)),
    "weibull": ((5.0,), scipy.stats.weibull_min(5.0)),
    "pareto, heavy tail": ((0.3,), scipy.stats.lomax(0.3)),
    "pareto": ((5.0,), scipy.stats.lomax(5.0)),
    "pareto, nearly exponential": ((1e6,), scipy.stats.expon(0.0, 1e-6)),
    "power, near 0": ((0.2,), scipy.stats.powerlaw(0.2)),
    "power, near 1": ((50.0,), scipy.stats.powerlaw(50.0)),
    "standard_cauchy": ((), scipy.stats.cauchy()),
    "triangular": ((-1.0, 0.0, 3.0), scipy.stats.triang(0.25, -1.0, 4.0)),
    "triangular, rising": ((0.0, 2.0, 2.0), scipy.stats.triang(1.0, 0.0, 2.0)),
    "triangular, falling": ((0.0, 0.0, 2.0), scipy.stats.triang(0.0, 0.0, 2.0)),
}


@pytest.mark.parametrize("name", CASES)
def test_values_follow_their_distribution(name):
    arguments, expected = CASES[name]
    n = 200_000
    assert ks_distance(draw(default_rng(11), name, arguments, n), expected.cdf) < ks_limit(n)


@pytest.mark.parametrize("p", [1e-12, 0.01, 0.2, 1 / 3, 0.6, 0.999])
def test_trials_to_the_first_success_follow_their_distribution(p):
    n, expected = 200_000, scipy.stats.geom(p)
    drawn = default_rng(11).geometric(p, n)
    assert drawn.dtype == np.int64 and drawn.min() >= 1
    edges = np.unique(expected.ppf(np.linspace(0.0, 1.0, 51)[1:-1]))  # cells of about 2 % each, or of one number
    shares = np.diff([0.0, *expected.cdf(edges), 1.0])
    observed = np.bincount(np.searchsorted(edges, drawn), minlength=len(shares))
    kept = shares * n > 20
    chi2 = ((observed - shares * n) ** 2 / (shares * n))[kept].sum()
    assert chi2 < chi_square_limit(max(1, kept.sum() - 1))


# ---- against the exact formulas of the same words ----

mpf = mpmath.mpf
EXACT = {  # of u and the parameters
    "laplace": lambda u, loc, scale: loc + scale * (mpmath.log(2 * u) if u < 0.5 else -mpmath.log(2 * (1 - u))),
    "logistic": lambda u, loc, scale: loc + scale * mpmath.log(u / (1 - u)),
    "gumbel": lambda u, loc, scale: loc - scale * mpmath.log(-mpmath.log(u)),
    "rayleigh": lambda u, scale: scale * mpmath.sqrt(-2 * mpmath.log(u)),
    "weibull": lambda u, a: (-mpmath.log(u)) ** (1 / a),
    "pareto": lambda u, a: mpmath.expm1(-mpmath.log(u) / a),
    "power": lambda u, a: u ** (1 / a),
    "standard_cauchy": lambda u: -mpmath.cot(mpmath.pi * u),
}


@pytest.mark.parametrize("name", [name for name in CASES if name.split(",")[0] in EXACT])
def test_values_are_those_of_the_exact_formula(name):
    """Within 2^-49 (1 + |ln x|) of the value, or of the distribution's scale where that is larger."""
    n, (arguments, _) = 4096, CASES[name]
    halves = default_rng(11).random(n) + 2.0**-54
    drawn = draw(default_rng(11), name, arguments, n)
    extremes = np.concatenate([np.argsort(halves)[:20], np.argsort(halves)[-20:], np.arange(200)])
    bits = default_rng(11).random(n) * 2.0**53
    scale = arguments[1] if len(arguments) == 2 else 0.0
    with mpmath.workdps(40):
        for i in extremes:
            u = (mpf(bits[i]) + mpf(0.5)) / mpf(2) ** 53
            exact = EXACT[name.split(",")[0]](u, *map(mpf, arguments))
            error = abs(mpf(drawn[i]) - exact)
            assert error <= mpf(2) ** -49 * max(abs(exact) * (1 + abs(mpmath.log(abs(exact)))), scale), (i, drawn[i])


def test_a_cauchy_value_keeps_its_digits_far_out():
    x = default_rng(5).standard_cauchy(10**6)
    far = np.sort(np.abs(x))[-1000:]
    assert far[-1] > 1e5 and len(np.unique(far)) == 1000


# ---- parameters ----

BROADCAST = {
    "laplace": ([0.0, 1.0, 5.0], 2.0),
    "logistic": ([[1.0], [2.0]], [1.0, 2.0, 3.0]),
    "gumbel": (1.0, [0.0, 0.5, 2.0]),
    "rayleigh": ([1.0, 2.0, 3.0],),
    "weibull": ([0.5, 1.0, 30.0],),
    "pareto": ([0.5, 1.0, 30.0],),
    "power": ([0.5, 1.0, 30.0],),
    "triangular": (0.0, [0.0, 1.0, 2.0], [[2.0], [3.0]]),
    "geometric": ([1e-9, 0.3, 1.0],),
}


@pytest.mark.parametrize("size", [None, (2, 3), (700, 2, 3)])
@pytest.mark.parametrize("name", BROADCAST)
def test_a_value_with_parameters_of_its_own_is_the_one_that_they_have_there(name, size):
    arguments = BROADCAST[name]
    drawn = draw(default_rng(3), name, arguments, size)
    shape = np.broadcast_shapes(*map(np.shape, arguments)) if size is None else size
    assert drawn.shape == shape
    own = [np.broadcast_to(argument, shape) for argument in arguments]
    some = [*np.ndindex(drawn.shape)][-12:]
    for at in some:
        alone = draw(default_rng(3), name, [float(argument[at]) for argument in own], shape)
        assert drawn[at] == alone[at]


def test_out_may_be_the_array_of_the_parameters():
    a = np.linspace(0.5, 9.0, 1000)
    expected = default_rng(3).weibull(a)
    np.testing.assert_array_equal(default_rng(3).weibull(a, out=a), expected)


@pytest.mark.parametrize("name", [name for name in CASES if "," not in name])
def test_float32_values_are_the_float64_ones_rounded(name):
    arguments, _ = CASES[name]
    drawn = draw(default_rng(3), name, arguments, 1000, np.float32)
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn, draw(default_rng(3), name, arguments, 1000).astype(np.float32))


DEGENERATE = {
    "weibull 0": lambda rng: rng.weibull(0.0, 3),
    "weibull of 0 and others": lambda rng: rng.weibull([0.0, 0.0, np.inf]),
    "infinite shapes": lambda rng: [rng.weibull(np.inf, 3), rng.pareto(np.inf, 3), rng.power(np.inf, 3)],
    "infinite loc": lambda rng: [rng.laplace(np.inf, 1.0, 3), rng.gumbel(-np.inf, 1.0, 3)],
    "scale 0": lambda rng: [rng.laplace(2.0, 0.0, 3), rng.logistic(2.0, 0.0, 3), rng.rayleigh(0.0, 3)],
    "infinite scale": lambda rng: rng.rayleigh(np.inf, 3),
    "NaN": lambda rng: [rng.laplace(np.nan, 1.0, 3), rng.laplace(0.0, np.nan, 3), rng.weibull(np.nan, 3)],
    "NaN corner": lambda rng: rng.triangular(0.0, np.nan, 1.0, 3),
    "certain success": lambda rng: rng.geometric(1.0, 3),
    "hopeless": lambda rng: rng.geometric(1e-300, 3),
    "nothing": lambda rng: rng.geometric([], None),
    "no values": lambda rng: rng.triangular(0.0, 1.0, 2.0, (2, 0)),
}


@pytest.mark.parametrize("call", DEGENERATE.values(), ids=DEGENERATE)
def test_degenerate_parameters_have_numpys_answers(call):
    ours, numpys = np.asarray(call(default_rng(3))), np.asarray(call(np.random.default_rng(3)))
    assert ours.dtype == numpys.dtype
    np.testing.assert_array_equal(ours, numpys)


@pytest.mark.parametrize("name", CASES)
def test_a_random_state_draws_the_same(name):
    arguments, _ = CASES[name]
    drawn = draw(RandomState(3), name, arguments, 100)
    np.testing.assert_array_equal(drawn, draw(default_rng(RandomState(3)._bit_generator), name, arguments, 100))
    numpys = draw(np.random.RandomState(3), name, arguments)
    assert type(draw(RandomState(3), name, arguments)) is type(numpys)

"""Counts by a search in the table of their distribution: their fit, their ends, and what is left to NumPy's code."""

import numpy as np
import pytest
import scipy.stats

import fastinit
from fastinit import default_rng
from fastinit.random import RandomState, count_tables
from tests.support import BACKENDS, draw, draw_in_python
from tests.thresholds import chi_square_limit

CASES = {  # method, arguments, the distribution by SciPy
    **{f"poisson, {lam:g}": ((lam,), scipy.stats.poisson(lam)) for lam in (1e-9, 0.01, 1.0, 4.5, 30.0, 1e3, 1e6)},
    **{
        f"binomial, {n} {p:g}": ((n, p), scipy.stats.binom(n, p))
        for n, p in ((1, 0.3), (10, 0.5), (10, 1e-3), (25, 0.97), (1000, 0.4), (10**6, 0.3), (10**12, 1e-9))
    },
    **{
        f"negative_binomial, {n:g} {p:g}": ((n, p), scipy.stats.nbinom(n, p))
        for n, p in ((3, 0.5), (0.1, 0.3), (1.0, 0.01), (50.5, 0.9), (1000.0, 0.05))
    },
}
TABLES = {
    "poisson": count_tables.poisson,
    "binomial": count_tables.binomial,
    "negative_binomial": count_tables.negative_binomial,
}


@pytest.mark.parametrize("name", CASES)
def test_counts_follow_their_distribution(name):
    arguments, expected = CASES[name]
    n = 200_000
    drawn = draw(default_rng(11), name, arguments, n)
    assert drawn.dtype == np.int64 and drawn.min() >= 0
    edges = np.unique(expected.ppf(np.linspace(0.0, 1.0, 51)[1:-1]))  # cells of about 2 % each, or of one number
    shares = np.diff([0.0, *expected.cdf(edges), 1.0])
    observed = np.bincount(np.searchsorted(edges, drawn), minlength=len(shares))
    kept = shares * n > 20
    chi2 = ((observed - shares * n) ** 2 / np.maximum(shares * n, 1e-300))[kept].sum()
    assert chi2 < chi_square_limit(max(1, kept.sum() - 1))
    assert observed[~kept].sum() <= 60 * max(1, (~kept).sum())  # each expects at most 20


@pytest.mark.parametrize("name", CASES)
def test_a_table_has_the_probabilities_of_its_distribution(name):
    arguments, expected = CASES[name]
    table = TABLES[name.split(",")[0]](*arguments)
    k = np.arange(table.first, table.first + len(table.cdf))
    assert table.cdf[-1] == 1.0
    np.testing.assert_allclose(table.cdf, expected.cdf(k), rtol=0.0, atol=1e-10)  # SciPy's is off by 4e-11 for 10^6
    assert expected.cdf(table.first - 1) < 1e-16 and expected.sf(k[-1]) < 1e-16


@pytest.mark.parametrize("name, level", BACKENDS)
def test_counts_are_the_same_on_all_backends_and_a_prefix_of_longer_ones(name, level):
    for case in ("poisson, 4.5", "binomial, 1000 0.4", "negative_binomial, 1 0.01"):
        expected = draw(default_rng(7), case, CASES[case][0], 5000)
        with fastinit.use_backend(name, level):
            for n in (1, 1024, 1025, 5000):
                np.testing.assert_array_equal(draw_in_python(default_rng(7), case, CASES[case][0], n), expected[:n])


def test_many_counts_are_the_same_on_any_number_of_threads(num_threads):
    num_threads(1)
    expected = default_rng(7).poisson(10.0, 300_001)
    num_threads(3)
    np.testing.assert_array_equal(default_rng(7).poisson(10.0, 300_001), expected)


DEGENERATE = {
    "nothing comes": lambda rng: [rng.poisson(0.0, 3), rng.binomial(0, 0.5, 3), rng.binomial(5, 0.0, 3)],
    "all succeed": lambda rng: [rng.binomial(5, 1.0, 3), rng.negative_binomial(5, 1.0, 3)],
    "no values": lambda rng: rng.poisson(3.0, (2, 0)),
    "tiny": lambda rng: [rng.poisson(1e-300, 3), rng.binomial(3, 1e-300, 3)],
    "nearly all succeed": lambda rng: rng.binomial(7, 1.0 - 2.0**-53, 3),
}


@pytest.mark.parametrize("call", DEGENERATE.values(), ids=DEGENERATE)
def test_degenerate_parameters_have_numpys_answers(call):
    ours, numpys = np.asarray(call(default_rng(3))), np.asarray(call(np.random.default_rng(3)))
    assert ours.dtype == numpys.dtype
    np.testing.assert_array_equal(ours, numpys)


NUMPYS = {
    "too long a table": lambda rng: rng.poisson(1e12, 3),
    "a wide distribution": lambda rng: rng.binomial(10**12, 0.5, 3),
    "a number of trials that is no integer": lambda rng: rng.binomial(2.5, 0.5, 3),
    "a tail without end": lambda rng: rng.negative_binomial(1e-3, 1e-6, 3),
    "arrays": lambda rng: [
        rng.poisson([1.0, 2.0, 3.0]),
        rng.binomial([1, 2, 3], 0.5),
        rng.negative_binomial(2, [0.5, 0.1, 0.2]),
    ],
    "single": lambda rng: [rng.poisson(3.0), rng.binomial(3, 0.5), rng.negative_binomial(3, 0.5)],
}


@pytest.mark.parametrize("call", NUMPYS.values(), ids=NUMPYS)
def test_what_has_no_table_comes_from_numpys_code_on_the_stream(call):
    on_the_stream = np.random.Generator(fastinit.TiledXoshiro128(3))
    np.testing.assert_array_equal(np.asarray(call(default_rng(3))), np.asarray(call(on_the_stream)))


REFUSED = {
    "lam": lambda rng: rng.poisson(-1.0, 3),
    "too large": lambda rng: rng.poisson(1e30, 3),
    "NaN": lambda rng: rng.poisson(np.nan, 3),
    "n": lambda rng: rng.binomial(-1, 0.5, 3),
    "p": lambda rng: rng.binomial(3, 1.5, 3),
    "p of 0": lambda rng: rng.negative_binomial(3, 0.0, 3),
    "n of 0": lambda rng: rng.negative_binomial(0, 0.5, 3),
    "size": lambda rng: rng.poisson(1.0, -3),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_what_numpy_refuses_is_refused_in_its_words(call):
    errors = []
    for rng in (default_rng(0), np.random.default_rng(0)):
        with pytest.raises((TypeError, ValueError)) as caught:
            call(rng)
        errors.append((caught.type, str(caught.value)))
    assert errors[0] == errors[1]


@pytest.mark.parametrize("name", ["poisson, 4.5", "binomial, 10 0.5", "negative_binomial, 3 0.5"])
def test_a_random_state_draws_the_same(name):
    arguments, _ = CASES[name]
    drawn = draw(RandomState(3), name, arguments, 100)
    np.testing.assert_array_equal(drawn, draw(default_rng(RandomState(3)._bit_generator), name, arguments, 100))

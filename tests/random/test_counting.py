"""Counts by a search in the table of their distribution: their fit, their ends, and what is left to NumPy's code."""

import numpy as np
import pytest
import scipy.stats

import fastinit
from fastinit import default_rng
from fastinit.random import RandomState, count_tables
from tests.support import BACKENDS, draw, draw_in_python, error_of
from tests.thresholds import chi_square_limit, poisson_limits

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


def assert_fits(drawn, expected):
    """That counts follow a distribution of SciPy's."""
    n = len(drawn)
    edges = np.unique(expected.ppf(np.linspace(0.0, 1.0, 51)[1:-1]))  # cells of about 2 % each, or of one number
    shares = np.diff([0.0, *expected.cdf(edges), 1.0])
    observed = np.bincount(np.searchsorted(edges, drawn), minlength=len(shares))
    kept = shares * n > 20
    chi2 = ((observed - shares * n) ** 2 / np.maximum(shares * n, 1e-300))[kept].sum()
    assert chi2 < chi_square_limit(max(1, kept.sum() - 1))
    assert observed[~kept].sum() <= 60 * max(1, (~kept).sum())  # each expects at most 20


@pytest.mark.parametrize("name", CASES)
def test_counts_follow_their_distribution(name):
    arguments, expected = CASES[name]
    drawn = draw(default_rng(11), name, arguments, 200_000)
    assert drawn.dtype == np.int64 and drawn.min() >= 0
    assert_fits(drawn, expected)


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
    "more trials than float64 counts": lambda rng: rng.binomial(2**60, 0.5, 3),
    "a number of trials that is no integer": lambda rng: rng.binomial(2.5, 0.5, 3),
    "few vectors": lambda rng: rng.multinomial(9, [0.2, 0.3, 0.5], 100),
    "single": lambda rng: [rng.poisson(3.0), rng.binomial(3, 0.5), rng.negative_binomial(3, 0.5)],
}


@pytest.mark.parametrize("call", NUMPYS.values(), ids=NUMPYS)
def test_what_has_no_table_comes_from_numpys_code_on_the_stream(call):
    on_the_stream = np.random.Generator(fastinit.TiledXoshiro128(3))
    np.testing.assert_array_equal(np.asarray(call(default_rng(3))), np.asarray(call(on_the_stream)))


# ---- counts of parameters that are arrays, or beyond tables: csrc/kernels/counts.h ----


class OfHugeVariance:
    """Edgeworth's correction of a binomial distribution's normal cdf; the error is of 1 / variance (Feller 1971, XVI.4).

    SciPy 1.15.0's own cdf is off by 0.01 for 10^15 trials.
    """

    def __init__(self, n, p):
        self.mean, self.std = n * p, np.sqrt(n * p * (1.0 - p))
        self.skewness = (1.0 - 2.0 * p) / self.std

    def cdf(self, k):
        x = (np.asarray(k) + 0.5 - self.mean) / self.std
        return scipy.stats.norm.cdf(x) - scipy.stats.norm.pdf(x) * self.skewness * (x * x - 1.0) / 6.0

    def ppf(self, q):
        return np.floor(self.mean + self.std * scipy.stats.norm.ppf(q))


KERNELS = {  # method, arguments, the distribution
    **{
        f"poisson, {lam:g}": ((lam,), scipy.stats.poisson(lam))
        for lam in (1e-3, 0.7, 5.0, 9.99, 10.0, 15.5, 16.0, 40.0, 1e3, 1e9)
    },
    **{
        f"binomial, {n} {p:g}": ((n, p), scipy.stats.binom(n, p))
        for n, p in (
            *((1, 0.3), (15, 0.5), (20, 0.5), (21, 0.5), (25, 0.97), (1000, 0.004), (1000, 0.011), (1000, 0.4)),
            *((10**6, 0.999), (10**9, 1e-7)),
        )
    },
    "binomial, 10^15 0.3": ((10**15, 0.3), OfHugeVariance(10**15, 0.3)),
    **{
        f"negative_binomial, {n:g} {p:g}": ((n, p), scipy.stats.nbinom(n, p))
        for n, p in ((0.5, 0.3), (3.0, 0.5), (50.5, 0.9), (7.0, 1e-4))
    },
}


def each_its_own(arguments, n):
    """The parameters as arrays of n."""
    return tuple(np.full(n, argument) for argument in arguments)


def test_a_binomial_cdf_of_huge_variance_is_that_of_its_probabilities():
    n, p = 10**9, 0.3
    expected = OfHugeVariance(n, p)
    k = expected.ppf([1e-3, 0.2, 0.5, 0.9, 0.999])
    first = int(expected.mean - 8.0 * expected.std)  # below are fewer than 1e-14
    j = np.arange(first, k.max() + 1.0)
    ratios = np.log((n - j[1:] + 1.0) / j[1:] * (p / (1.0 - p))).cumsum()  # of probabilities to that of `first`
    mode = int(n * p) - first
    weights = np.exp(np.append(0.0, ratios) - ratios[mode - 1]) / (expected.std * np.sqrt(2.0 * np.pi))
    np.testing.assert_allclose(weights.cumsum()[k.astype(int) - first], expected.cdf(k), rtol=0.0, atol=1e-7)


@pytest.mark.parametrize("name", KERNELS)
def test_counts_of_array_parameters_follow_their_distribution(name):
    arguments, expected = KERNELS[name]
    n = 200_000
    drawn = draw(default_rng(12), name, each_its_own(arguments, n))
    assert drawn.dtype == np.int64 and drawn.min() >= 0
    assert_fits(drawn, expected)


@pytest.mark.parametrize("name", ["poisson, 9.99", "poisson, 40", "binomial, 21 0.5", "binomial, 1000 0.4"])
def test_both_tails_have_as_many_counts_as_they_should(name):
    arguments, expected = KERNELS[name]
    n = 1_000_000
    drawn = draw(default_rng(13), name, each_its_own(arguments, n))
    low, high = expected.ppf(1e-4), expected.isf(1e-4)
    for count, share in (((drawn <= low).sum(), expected.cdf(low)), ((drawn > high).sum(), expected.sf(high))):
        least, most = poisson_limits(n * share)
        assert least <= count <= most


@pytest.mark.parametrize("arguments", [([1.0, 20.0, 300.0],), ([[3.0], [30.0]],)])
@pytest.mark.parametrize("size", [None, (2, 3), (700, 2, 3)])
def test_a_count_with_parameters_of_its_own_is_the_one_that_they_have_there(arguments, size):
    drawn = default_rng(3).poisson(*arguments, size)
    shape = np.shape(arguments[0]) if size is None else size
    assert drawn.shape == shape
    own = np.broadcast_to(arguments[0], shape)
    for at in [*np.ndindex(shape)][-6:]:
        assert drawn[at] == default_rng(3).poisson([own[at]], shape)[at]


@pytest.mark.parametrize("name, level", BACKENDS)
def test_counts_of_array_parameters_are_the_same_on_all_backends(name, level):
    n, cases = 3000, ("poisson, 0.7", "poisson, 40", "binomial, 25 0.97", "binomial, 1000 0.4", "negative_binomial, 3 0.5")
    for case in cases:
        arguments = each_its_own(KERNELS[case][0], n)
        expected = draw(default_rng(7), case, arguments)
        with fastinit.use_backend(name, level):
            np.testing.assert_array_equal(draw_in_python(default_rng(7), case, arguments), expected)


@pytest.mark.parametrize("name", ["poisson, 40", "binomial, 1000 0.4"])
def test_counts_are_a_prefix_of_longer_ones_on_any_number_of_threads(name, num_threads):
    arguments, _ = KERNELS[name]
    num_threads(1)
    expected = draw(default_rng(7), name, each_its_own(arguments, 200_000))
    num_threads(3)
    for n in (1, 511, 512, 513, 100_001, 200_000):  # a tile has 512 values
        np.testing.assert_array_equal(draw(default_rng(7), name, each_its_own(arguments, n)), expected[:n])


def test_what_has_too_long_a_table_comes_from_kernels_too():
    for name, arguments in (("poisson", (1e9,)), ("binomial", (10**15, 0.3)), ("negative_binomial", (7.0, 1e-4))):
        drawn = draw(default_rng(3), name, arguments, 1000)
        np.testing.assert_array_equal(drawn, draw(default_rng(3), name, each_its_own(arguments, 1000)))


def test_certain_counts_of_array_parameters_are_numpys():
    calls = [
        lambda rng: rng.poisson([0.0, 0.0]),
        lambda rng: rng.binomial([0, 5, 7], [0.5, 0.0, 1.0]),
        lambda rng: rng.negative_binomial([3, 4], 1.0),
        lambda rng: rng.multinomial(np.full(3000, 7), [0.0, 1.0, 0.0]),
        lambda rng: rng.poisson(np.empty(0)),
    ]
    for call in calls:
        ours, numpys = call(default_rng(3)), call(np.random.default_rng(3))
        assert ours.dtype == numpys.dtype
        np.testing.assert_array_equal(ours, numpys)


# ---- multinomial ----


@pytest.mark.parametrize("pvals", [[0.2, 0.3, 0.5], [0.0, 0.25, 0.25, 0.5, 0.0], [1.0], [0.1] * 10])
def test_each_outcome_has_a_binomial_count_and_all_sum_to_the_trials(pvals):
    drawn = default_rng(3).multinomial(30, pvals, 100_000)
    assert drawn.dtype == np.int64 and drawn.min() >= 0
    assert (drawn.sum(axis=1) == 30).all()
    for counts, p in zip(drawn.T, pvals):
        assert_fits(counts, scipy.stats.binom(30, p))


def test_two_outcomes_together_have_a_binomial_count():
    drawn = default_rng(4).multinomial(12, [0.2, 0.3, 0.1, 0.4], 100_000)
    for pair in ((0, 1), (0, 3), (1, 2)):
        assert_fits(drawn[:, pair].sum(axis=1), scipy.stats.binom(12, np.take([0.2, 0.3, 0.1, 0.4], pair).sum()))


def test_trials_and_probabilities_may_be_arrays():
    trials, pvals = np.array([[5], [50]]), np.array([[0.5, 0.5], [0.1, 0.9], [1.0, 0.0]])
    drawn = default_rng(3).multinomial(trials, pvals, (5000, 2, 3))
    assert drawn.shape == (5000, 2, 3, 2)
    assert (drawn.sum(axis=-1) == trials).all()
    for i, j in np.ndindex(2, 3):
        assert_fits(drawn[:, i, j, 0], scipy.stats.binom(trials[i, 0], pvals[j, 0]))


@pytest.mark.parametrize("name, level", BACKENDS)
def test_vectors_are_the_same_on_all_backends(name, level):
    expected = default_rng(7).multinomial(100, [0.2, 0.3, 0.5], 70_000)  # more than a short draw has
    n = 70_000 if name == "c" else 2048
    with fastinit.use_backend(name, level):
        np.testing.assert_array_equal(default_rng(7).multinomial(100, [0.2, 0.3, 0.5], n)[:, 0], expected[:n, 0])


REFUSED = {
    "negative among lam": lambda rng: rng.poisson([1.0, -1.0]),
    "lam of a size": lambda rng: rng.poisson([1.0, 2.0], 3),
    "too large among lam": lambda rng: rng.poisson([1.0, 1e30]),
    "NaN among lam": lambda rng: rng.poisson([1.0, np.nan]),
    "text for lam": lambda rng: rng.poisson(["a"]),
    "negative among n": lambda rng: rng.binomial([1, -1], 0.5),
    "p above 1 among others": lambda rng: rng.binomial([1, 2], [0.5, 1.5]),
    "no integers for n": lambda rng: rng.binomial(np.array([1.5, 2.0]), 0.5),
    "n and p that do not broadcast": lambda rng: rng.binomial([1, 2], [0.5, 0.5, 0.5]),
    "p of 0 among others": lambda rng: rng.negative_binomial(3, [0.5, 0.0]),
    "p too small for n": lambda rng: rng.negative_binomial([1e10], 1e-12),
    "negative trials": lambda rng: rng.multinomial(-1, [0.5, 0.5], 3000),
    "probabilities over 1": lambda rng: rng.multinomial(3, [0.7, 0.7, 0.1], 3000),
    "negative probability": lambda rng: rng.multinomial(3, [-0.1, 1.1], 3000),
    "NaN for a probability": lambda rng: rng.multinomial(3, [np.nan, 0.5], 3000),
    "a number for probabilities": lambda rng: rng.multinomial(3, 0.5, 3000),
    "size against trials": lambda rng: rng.multinomial(np.full(3000, 3), [0.5, 0.5], 2999),
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
    refused = error_of(call, default_rng(0))
    assert refused[0] in (TypeError, ValueError)
    assert refused == error_of(call, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["poisson, 4.5", "binomial, 10 0.5", "negative_binomial, 3 0.5"])
def test_a_random_state_draws_the_same(name):
    arguments, _ = CASES[name]
    drawn = draw(RandomState(3), name, arguments, 100)
    np.testing.assert_array_equal(drawn, draw(default_rng(RandomState(3)._bit_generator), name, arguments, 100))


@pytest.mark.parametrize("power", [36, 50, 52])
@pytest.mark.parametrize("name", ["numba", "reference"])
def test_backends_agree_on_counts_around_a_power_of_two(name, power):
    lam = np.full(70_000, 2.0**power)  # more than are drawn in C whatever the backend
    expected = default_rng(1).poisson(lam)
    with fastinit.use_backend(name):
        np.testing.assert_array_equal(default_rng(1).poisson(lam), expected)


@pytest.mark.parametrize("n", [2**53, 2**53 + 1, 2**62])
def test_trials_beyond_what_float64_counts_are_all_counted(n):
    assert (default_rng(0).binomial(np.full(3, n), 1.0) == n).all()
    assert (default_rng(0).binomial(n, 1.0, 3) == n).all()
    assert (default_rng(0).multinomial(np.full(2048, n), [0.5, 0.5]).sum(axis=-1) == n).all()

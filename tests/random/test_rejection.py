"""Distributions that generators draw from by rejection: their fit, their tails, and arrays of parameters."""

from functools import reduce
from operator import add

import numpy as np
import pytest
import scipy.stats

import fastinit
from fastinit import default_rng
from fastinit.random import RandomState, rejection
from tests.support import BACKENDS, draw, draw_in_python, error_of, ks_distance
from tests.thresholds import STANDARD_ERRORS, chi_square_limit, ks_limit, poisson_limits

CASES = {  # method, arguments, the distribution by SciPy
    **{f"standard_gamma, {a:g}": ((a,), scipy.stats.gamma(a)) for a in (0.01, 0.3, 0.999, 1.0, 1.5, 10.0, 1e3, 1e8)},
    "gamma": ((2.5, 3.0), scipy.stats.gamma(2.5, scale=3.0)),
    **{f"chisquare, {df:g}": ((df,), scipy.stats.chi2(df)) for df in (0.1, 1.0, 3.0, 200.0)},
    **{
        f"beta, {a:g} {b:g}": ((a, b), scipy.stats.beta(a, b))
        for a, b in ((0.05, 0.05), (0.5, 0.5), (0.3, 4.0), (1.0, 1.0), (2.0, 3.0), (500.0, 0.7), (1e6, 2e6))
    },
    **{f"f, {a:g} {b:g}": ((a, b), scipy.stats.f(a, b)) for a, b in ((0.5, 0.5), (1.0, 8.0), (3.0, 5.0), (1e5, 20.0))},
    **{f"standard_t, {df:g}": ((df,), scipy.stats.t(df)) for df in (0.2, 1.0, 2.5, 30.0, 1e8)},
    **{
        f"noncentral_chisquare, {df:g} {nonc:g}": ((df, nonc), scipy.stats.ncx2(df, nonc))
        for df, nonc in ((1.5, 3.0), (4.0, 0.5), (20.0, 100.0))
    },
    "noncentral_chisquare, 3 0": ((3.0, 0.0), scipy.stats.chi2(3.0)),
    "noncentral_f": ((3.0, 8.0, 2.0), scipy.stats.ncf(3.0, 8.0, 2.0)),
}


@pytest.mark.parametrize("name", CASES)
def test_values_follow_their_distribution(name):
    arguments, expected = CASES[name]
    n = 100_000
    x = draw(default_rng(11), name, arguments, n)
    x = x[x < 1.0] if name.startswith("beta") else x  # those nearer to 1 than the last bit are 1
    assert len(x) > 0.9 * n
    assert ks_distance(x, expected.cdf, n) < ks_limit(n)


@pytest.mark.parametrize("name", ["standard_gamma, 0.3", "standard_gamma, 1.5", "beta, 2 3", "f, 3 5", "standard_t, 2.5"])
def test_both_tails_have_as_many_values_as_they_should(name):
    arguments, expected = CASES[name]
    n, share = 1_000_000, 1e-4
    x = draw(default_rng(12), name, arguments, n)
    least, most = poisson_limits(n * share)
    for count in ((x < expected.ppf(share)).sum(), (x > expected.isf(share)).sum()):
        assert least <= count <= most


@pytest.mark.parametrize("shape", [1e12, 1e16])
def test_gamma_values_of_a_huge_shape_are_nearly_normal(shape):
    n = 100_000
    z = (default_rng(11).standard_gamma(shape, n) - shape) / np.sqrt(shape)
    assert ks_distance(z, scipy.stats.norm.cdf) < ks_limit(n) + 1 / np.sqrt(shape)


def test_values_that_were_tried_again_are_unrelated_to_their_neighbours():
    n = 1_000_000
    cdf = (
        scipy.stats.gamma(1.0).cdf(default_rng(5).standard_gamma(1.0, n)).reshape(-1, 2)
    )  # of 5 % the first try is rejected
    cells = np.histogram2d(*cdf.T, 10, [[0, 1], [0, 1]])[0]
    expected = n / 2 / 100
    assert ((cells - expected) ** 2 / expected).sum() < chi_square_limit(99)


@pytest.mark.parametrize("alpha", [[1.0, 2.0, 0.5], [0.02, 0.05, 0.01], [30.0, 0.2]])
def test_dirichlet_values_are_shares_with_the_marginals_of_their_alphas(alpha):
    n, total = 50_000, sum(alpha)
    x = default_rng(3).dirichlet(alpha, (n // 2, 2)).reshape(n, -1)
    np.testing.assert_allclose(x.sum(axis=1), 1.0, rtol=1e-14)
    for one, values in zip(alpha, x.T):
        marginal = scipy.stats.beta(one, total - one)
        middle = np.sort(values)[int(0.2 * n) : int(0.8 * n)]  # shares of tiny alphas underflow
        steps = (np.arange(int(0.2 * n), int(0.8 * n)) + 0.5) / n
        assert np.abs(marginal.cdf(middle) - steps).max() < ks_limit(n) or one < 0.1
        assert abs(values.mean() - one / total) < STANDARD_ERRORS * marginal.std() / np.sqrt(n)
    pair = x[:, 0] * x[:, 1]
    expected = alpha[0] * alpha[1] / (total * (total + 1))
    assert abs(pair.mean() - expected) < STANDARD_ERRORS * pair.std() / np.sqrt(n)


# ---- parameters ----

BROADCAST = {
    "standard_gamma": ([0.2, 1.0, 5.0],),
    "gamma": ([[0.5], [2.0]], [1.0, 2.0, 3.0]),
    "chisquare": ([0.5, 3.0, 30.0],),
    "beta": ([[0.5], [2.0]], [0.1, 1.0, 30.0]),
    "f": ([1.0, 5.0, 50.0], 3.0),
    "standard_t": ([1.0, 5.0, 50.0],),
    "noncentral_chisquare": ([2.0, 3.0, 4.0], [[0.5], [8.0]]),
    "noncentral_f": (2.0, [3.0, 5.0, 9.0], 1.5),
}


@pytest.mark.parametrize("size", [None, (2, 3), (700, 2, 3)])
@pytest.mark.parametrize("name", [name for name in BROADCAST if not name.startswith("noncentral")])  # of several draws
def test_a_value_with_parameters_of_its_own_is_the_one_that_they_have_there(name, size):
    arguments = BROADCAST[name]
    drawn = draw(default_rng(3), name, arguments, size)
    shape = np.broadcast_shapes(*map(np.shape, arguments)) if size is None else size
    assert drawn.shape == shape
    own = [np.broadcast_to(argument, shape) for argument in arguments]
    for at in [*np.ndindex(drawn.shape)][-6:]:
        assert drawn[at] == draw(default_rng(3), name, [float(argument[at]) for argument in own], shape)[at]


@pytest.mark.parametrize("name", ["standard_gamma, 0.3", "beta, 2 3", "f, 3 5", "standard_t, 2.5"])
def test_a_draw_is_a_prefix_of_every_longer_one_on_any_number_of_threads(name, num_threads):
    arguments, _ = CASES[name]
    num_threads(1)
    expected = draw(default_rng(7), name, arguments, 200_000)
    num_threads(3)
    for n in (1, 511, 512, 513, 100_001, 200_000):  # a tile has 512 values
        np.testing.assert_array_equal(draw(default_rng(7), name, arguments, n), expected[:n])


@pytest.mark.parametrize(
    "form", [{"dtype": np.float32}, {"out": np.empty((500, 4))[:, ::2]}, {"out": np.empty(1000, "<f4")}]
)
def test_standard_gamma_takes_dtypes_and_outs(form):
    expected = default_rng(3).standard_gamma(0.7, 1000)
    dtype = form.get("dtype", getattr(form.get("out"), "dtype", np.float64))
    drawn = default_rng(3).standard_gamma(0.7, **{"size": None if "out" in form else 1000, "dtype": dtype, **form})
    assert drawn is form.get("out", drawn)
    np.testing.assert_array_equal(drawn.ravel(), expected.astype(dtype))


@pytest.mark.parametrize("name, level", BACKENDS)
def test_values_take_turns_in_their_parameters_on_every_backend(name, level):
    shapes, n = np.array([0.2, 1.0, 5.0]), 1500
    with fastinit.use_backend(name, level):
        for case in ("standard_gamma", "beta", "weibull"):
            arguments = (shapes, 2.0)[: 1 + (case == "beta")]
            in_turns = draw_in_python(default_rng(3), case, arguments, (n, 3))
            each_its_own = draw(default_rng(3), case, (np.tile(shapes, (n, 1)), *arguments[1:]))  # in C
            np.testing.assert_array_equal(in_turns, each_its_own)


OF_SEVERAL = {
    "of one parameter": lambda rng: rng.noncentral_chisquare(3.0, 1.0, 20_001),
    "of one more": lambda rng: rng.noncentral_chisquare([[2.0], [3.0]], [0.5, 1.0, 8.0], (3001, 2, 3)),
    "fewer vectors than a piece": lambda rng: rng.dirichlet([0.2, 1.0, 2.0], 4100),
    "long vectors": lambda rng: rng.dirichlet(np.linspace(0.5, 1.0, 20_000), (1, 1)),
}


@pytest.mark.parametrize("name, level", BACKENDS)
def test_values_of_several_draws_are_the_same_on_every_backend(name, level, monkeypatch):
    monkeypatch.setattr(rejection, "LEAST_TOGETHER", 1)
    for call in OF_SEVERAL.values():
        expected = call(default_rng(3))
        with fastinit.use_backend(name, level):
            np.testing.assert_array_equal(call(default_rng(3)), expected)


@pytest.mark.parametrize("call", OF_SEVERAL.values(), ids=OF_SEVERAL)
def test_values_of_several_draws_are_the_same_on_any_number_of_threads(call, num_threads, monkeypatch):
    monkeypatch.setattr(rejection, "LEAST_TOGETHER", 1)
    monkeypatch.setattr(rejection, "native_threads", lambda size: fastinit.get_num_threads())
    num_threads(1)
    expected = call(default_rng(3))
    num_threads(3)
    np.testing.assert_array_equal(call(default_rng(3)), expected)


@pytest.mark.parametrize("nonc", [1.5, [0.5, 1.0, 8.0]])
def test_noncentral_values_are_chi_squared_ones_and_squares_of_normals(nonc):
    rng = default_rng(3)
    expected = rng.chisquare(2.0, (5000, 3))
    expected += (rng.standard_normal((5000, 3)) + np.sqrt(nonc)) ** 2
    np.testing.assert_array_equal(default_rng(3).noncentral_chisquare(3.0, nonc, (5000, 3)), expected)


@pytest.mark.parametrize("count", [1, 2, 16, 17, 300])
def test_dirichlet_values_are_gamma_values_over_their_sum(count):
    alpha = np.linspace(0.2, 3.0, count)
    drawn, gammas = default_rng(3).dirichlet(alpha, 4100), default_rng(3).standard_gamma(alpha, (4100, count))
    sums = [reduce(add, row) for row in gammas.tolist()]  # in one order, from the first on
    np.testing.assert_array_equal(drawn, gammas / np.array(sums)[:, None])


DEGENERATE = {
    "shape 0": lambda rng: [rng.standard_gamma(0.0, 3), rng.gamma(0.0, 2.0, 3)],
    "scale 0": lambda rng: rng.gamma(2.0, 0.0, 3),
    "infinite shape": lambda rng: rng.gamma(np.inf, 1.0, 3),
    "NaN": lambda rng: [rng.gamma(np.nan, 1.0, 3), rng.gamma(1.0, np.nan, 3), rng.standard_t(np.nan, 3)],
    "tiny shape": lambda rng: rng.standard_gamma(1e-300, 3),
    "infinite degrees of freedom": lambda rng: [rng.standard_t(np.inf, 3), rng.f(np.inf, np.inf, 3)],
    "a beta of a tiny and an ordinary parameter": lambda rng: [rng.beta(1e-200, 2.0, 3), rng.beta(2.0, 1e-90, 3)],
    "nothing": lambda rng: rng.gamma([], 1.0),
    "no values": lambda rng: rng.beta(1.0, 2.0, (2, 0)),
}


@pytest.mark.parametrize("call", DEGENERATE.values(), ids=DEGENERATE)
def test_degenerate_parameters_have_numpys_answers(call):
    ours, numpys = np.asarray(call(default_rng(3))), np.asarray(call(np.random.default_rng(3)))
    assert ours.dtype == numpys.dtype
    np.testing.assert_array_equal(ours, numpys)


REFUSED = {
    "shape": lambda rng: rng.standard_gamma(-1.0, 3),
    "one shape": lambda rng: rng.gamma([1.0, -1.0], 1.0),
    "scale": lambda rng: rng.gamma(1.0, -1.0, 3),
    "degrees of freedom": lambda rng: rng.chisquare(0.0, 3),
    "beta": lambda rng: rng.beta(1.0, 0.0, 3),
    "f": lambda rng: rng.f(1.0, -2.0, 3),
    "t": lambda rng: rng.standard_t(0.0, 3),
    "noncentrality": lambda rng: rng.noncentral_chisquare(3.0, -1.0, 3),
    "noncentral f": lambda rng: rng.noncentral_f(3.0, 0.0, 1.0, 3),
    "alpha": lambda rng: rng.dirichlet([1.0, -1.0], 3),
    "size": lambda rng: rng.beta([1.0, 2.0], 1.0, 3),
    "negative size": lambda rng: rng.gamma(1.0, 1.0, -3),
    "text": lambda rng: rng.gamma("a", 1.0, 3),
    "dtype": lambda rng: rng.standard_gamma(1.0, 3, np.int32),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_what_numpy_refuses_is_refused_in_its_words(call):
    kind, text = error_of(call, default_rng(0))
    assert (kind, text.replace("standard_normal", "standard_gamma")) == error_of(call, np.random.default_rng(0))


@pytest.mark.parametrize("size", [3, 4096], ids=["few", "many"])
def test_dirichlet_has_the_same_values_for_every_form_of_a_size(size):
    expected = default_rng(3).dirichlet([0.5, 3.0], size)
    for form in ((size,), [size], np.int64(size), np.array([size])):
        np.testing.assert_array_equal(default_rng(3).dirichlet([0.5, 3.0], form), expected)


@pytest.mark.parametrize("name", [*BROADCAST, "dirichlet"])
def test_a_random_state_draws_the_same(name):
    arguments = BROADCAST.get(name, ([1.0, 2.0],))
    size = (2, 3) if name != "dirichlet" else 3
    drawn = draw(RandomState(3), name, arguments, size)
    np.testing.assert_array_equal(drawn, draw(default_rng(RandomState(3)._bit_generator), name, arguments, size))


FEW = {
    "noncentral_chisquare": (3.0, 1.0),
    "noncentral_f": (3.0, 5.0, 1.0),
    "dirichlet": ([1.0, 2.0],),
}


@pytest.mark.parametrize("size", [0, 7, (2, 3), 4095])
@pytest.mark.parametrize("name", FEW)
def test_few_values_of_several_draws_are_numpys_on_the_stream(name, size):
    ours, generator = default_rng(3), np.random.Generator(default_rng(3).bit_generator)
    np.testing.assert_array_equal(draw(ours, name, FEW[name], size), draw(generator, name, FEW[name], size))


def test_few_degrees_of_freedom_are_numpys_noncentral_values():
    n = 20_000
    x = default_rng(3).noncentral_chisquare(0.5, 2.0, n)
    assert ks_distance(x, scipy.stats.ncx2(0.5, 2.0).cdf) < ks_limit(n)

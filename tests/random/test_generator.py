"""fastinit's Generator in NumPy's place: its values, its state, and NumPy's own error messages."""

import copy
import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
import scipy.stats

import fastinit
import fastinit.random
from fastinit import Generator, TiledXoshiro128, default_rng
from fastinit.backends import numba_cursor
from fastinit.core.pieces import LEAST_FOR_THREADS
from tests.support import ks_distance
from tests.thresholds import chi_square_limit, ks_limit

# Array draws of n values; the last two take two words per value for their 64 bits.
DRAWS = {
    "random float32": lambda rng, n: rng.random(n, np.float32),
    "random float64": lambda rng, n: rng.random(n),
    "standard_normal float32": lambda rng, n: rng.standard_normal(n, np.float32),
    "standard_normal float64": lambda rng, n: rng.standard_normal(n),
    "standard_exponential float32": lambda rng, n: rng.standard_exponential(n, np.float32),
    "exponential": lambda rng, n: rng.exponential(2.0, n),
    "normal": lambda rng, n: rng.normal(1.0, 2.0, n),
    "normal float32": lambda rng, n: rng.normal(1.0, 2.0, n, np.float32),
    "uniform": lambda rng, n: rng.uniform(-1.0, 2.0, n),
    "lognormal": lambda rng, n: rng.lognormal(0.0, 0.5, n),
    "truncated_normal": lambda rng, n: rng.truncated_normal(0.0, 1.0, -1.0, 3.0, n),
    "weibull": lambda rng, n: rng.weibull(2.0, n),
    "triangular": lambda rng, n: rng.triangular(0.0, 1.0, np.linspace(2.0, 3.0, 2**21)[:n]),
    "geometric": lambda rng, n: rng.geometric(0.2, n),
    "bytes": lambda rng, n: np.frombuffer(rng.bytes(n), np.uint8),
    "integers uint8": lambda rng, n: rng.integers(7, size=n, dtype=np.uint8),
    "integers int64": lambda rng, n: rng.integers(-5, 1000, size=n),
    "integers wide": lambda rng, n: rng.integers(2**62, size=n),
}


@pytest.fixture(params=DRAWS)
def draw(request):
    return DRAWS[request.param]


# ---- array draws ----


@pytest.mark.parametrize("n", [1, 16, 1023, 1024, 1025, 2047, 2048, 2049, LEAST_FOR_THREADS, LEAST_FOR_THREADS + 1])
def test_a_draw_is_a_prefix_of_every_longer_one(draw, n):
    longest = draw(default_rng(5), 3 * LEAST_FOR_THREADS)
    np.testing.assert_array_equal(draw(default_rng(5), n), longest[:n])


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_and_backends_do_not_change_values(draw, each_backend, num_threads, threads):
    n = 5000 if each_backend[0] == "reference" else 2 * LEAST_FOR_THREADS + 77
    expected = draw(default_rng(5), n)
    num_threads(threads)
    with fastinit.use_backend(*each_backend):
        np.testing.assert_array_equal(draw(default_rng(5), n), expected)


def test_where_the_generator_stands_after_a_draw_does_not_depend_on_the_path_taken(draw):
    short, long = default_rng(5), default_rng(5)
    draw(short, 10)
    draw(long, 1000)
    assert short.bit_generator.state == long.bit_generator.state  # both within the first tile


def test_a_first_draw_is_the_stream_that_the_initializers_read():
    normals = fastinit.normal((3, 5000), mean=0.0, std=0.02, seed=7, dtype="float64")
    np.testing.assert_array_equal(default_rng(7).normal(0.0, 0.02, (3, 5000)), normals)
    uniforms = fastinit.uniform(5000, low=-1, high=1, seed=7)
    np.testing.assert_array_equal(default_rng(7).uniform(-1, 1, 5000, np.float32), uniforms)


@pytest.mark.parametrize(("low", "high"), [(2**60, 2**60 + 384), (np.float32(0.1), np.float32(0.3)), (-1, np.int64(2))])
def test_bounds_of_any_type_are_subtracted_in_double_whatever_the_length(low, high):
    short, long = default_rng(3).uniform(low, high, 2048), default_rng(3).uniform(low, high, 4096)
    np.testing.assert_array_equal(short, long[:2048])
    np.testing.assert_array_equal(short, default_rng(3).uniform(float(low), float(high), 2048))


def test_bounds_that_wrap_around_in_their_own_type_are_refused_as_by_numpy():
    for rng in (np.random.default_rng(3), default_rng(3)):
        with pytest.raises(ValueError, match="high - low < 0"):
            rng.uniform(np.int32(2**31 - 1), np.int32(-(2**31)), size=3)


DRAWN_IN_BOTH_TYPES = (
    "random",
    "standard_normal",
    "standard_exponential",
    "normal",
    "uniform",
    "truncated_normal",
    "exponential",
)
WITH_OUT = (
    *DRAWN_IN_BOTH_TYPES,
    "lognormal",
    "standard_gamma",
    "laplace",
    "logistic",
    "gumbel",
    "rayleigh",
    "weibull",
    "pareto",
    "power",
    "standard_cauchy",
    "triangular",
)
NEEDED = {
    **dict.fromkeys(("standard_gamma", "weibull", "pareto", "power"), (2.0,)),
    "triangular": (-1.0, 0.0, 2.0),
    "integers": (2,),
}
"""The arguments that methods need."""
MEMORY = {
    "a column": lambda dtype: np.zeros((7, 3), dtype)[:, 1],
    "reversed": lambda dtype: np.zeros(3000, dtype)[::-1],
    "every third": lambda dtype: np.zeros((5, 3 * 1000), dtype)[:, ::3],
    "transposed in part": lambda dtype: np.zeros((4, 5, 6), dtype).transpose(1, 0, 2),
    "unaligned": lambda dtype: np.zeros(8 * 100 + 1, np.uint8)[1:].view(dtype)[:50],
    "the other byte order": lambda dtype: np.zeros(50, np.dtype(dtype).newbyteorder()),
}
"""Arrays that are not contiguous, aligned and native, into which NumPy's methods do not write."""


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", WITH_OUT)
@pytest.mark.parametrize("shape", [(), (3,), (5, 7), (0, 2), (LEAST_FOR_THREADS + 3,)])
def test_out_is_filled_and_returned(method, dtype, shape):
    out = np.full(shape, np.nan, dtype)
    arguments = NEEDED.get(method, ())
    assert getattr(default_rng(3), method)(*arguments, out=out, dtype=dtype) is out
    np.testing.assert_array_equal(out, getattr(default_rng(3), method)(*arguments, size=shape, dtype=dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", WITH_OUT)
@pytest.mark.parametrize("memory", MEMORY)
def test_out_may_have_any_memory_layout(method, dtype, memory):
    out, arguments = MEMORY[memory](dtype), NEEDED.get(method, ())
    assert getattr(default_rng(3), method)(*arguments, out=out, dtype=dtype) is out
    np.testing.assert_array_equal(out, getattr(default_rng(3), method)(*arguments, size=out.shape, dtype=dtype))


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("high", [100, 2**40, [1000] * 3])
def test_integers_are_written_to_out_of_any_memory_layout(memory, high):
    out = MEMORY[memory](np.int64)
    high = np.resize(high, out.shape) if isinstance(high, list) else high
    assert default_rng(3).integers(high, out=out) is out
    np.testing.assert_array_equal(out, default_rng(3).integers(high, size=out.shape))


def test_an_out_of_integers_must_have_the_dtype_and_size_asked_for():
    out = np.zeros(3, np.int32)
    with pytest.raises(TypeError, match="out has dtype int32, but dtype is int64"):
        default_rng(3).integers(10, out=out)
    with pytest.raises(ValueError, match=r"out has shape \(3,\), but the values asked for have shape \(4,\)"):
        default_rng(3).integers(10, size=4, dtype=np.int32, out=out)
    assert default_rng(3).integers(10, dtype=np.int32, out=out) is out


@pytest.mark.parametrize("out", [[1.0], (1.0,), "abc", 5, np.float64(1.0), memoryview(np.zeros(3)), {}])
@pytest.mark.parametrize("method", [*WITH_OUT, "integers"])
def test_an_out_that_is_no_array_is_refused(method, out):
    arguments = NEEDED.get(method, ())
    with pytest.raises(TypeError, match=f"out must be a numpy array, got {type(out).__name__}"):
        getattr(default_rng(3), method)(*arguments, out=out)


@pytest.mark.parametrize("method", WITH_OUT)
def test_an_out_that_overlaps_itself_is_refused(method):
    out = np.lib.stride_tricks.as_strided(np.zeros(4), (3, 2), (8, 8))
    arguments = NEEDED.get(method, ())
    with pytest.raises(ValueError, match="out has elements that share memory"):
        getattr(default_rng(3), method)(*arguments, out=out)


@pytest.mark.parametrize("method", ["normal", "lognormal", "truncated_normal"])
def test_out_may_be_the_array_of_the_means(method):
    means = np.linspace(0.0, 9.0, 1000)
    expected = getattr(default_rng(3), method)(means, 1.0)
    np.testing.assert_array_equal(getattr(default_rng(3), method)(means, 1.0, out=means), expected)


def test_an_out_of_another_shape_than_the_means_is_left_as_it_is():
    out = np.ones(3)
    with pytest.raises(ValueError, match="broadcast"):
        default_rng(3).normal(np.zeros(4), out=out)
    assert (out == 1).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sigma", [0.5, [0.5, 0.25]])
def test_a_float32_lognormal_is_the_float64_one_rounded(dtype, sigma):
    drawn = default_rng(3).lognormal(0.0, sigma, (100, 2), dtype)
    assert drawn.dtype == dtype
    np.testing.assert_array_equal(drawn, default_rng(3).lognormal(0.0, sigma, (100, 2)).astype(dtype))


def test_float32_exponentials_are_those_of_scale_1_times_the_scale():
    drawn = default_rng(3).exponential(2.0, 1000, np.float32)
    np.testing.assert_array_equal(drawn, 2 * default_rng(3).standard_exponential(1000, np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", WITH_OUT)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(40, 60), (5, 6, 7)])
def test_a_contiguous_out_is_filled_in_memory_order_as_numpy_does(method, dtype, order, shape):
    out, arguments = np.empty(shape, dtype, order=order), NEEDED.get(method, ())
    getattr(default_rng(3), method)(*arguments, out=out, dtype=dtype)
    drawn = getattr(default_rng(3), method)(*arguments, size=out.size, dtype=dtype)
    np.testing.assert_array_equal(out.ravel(order), drawn)


NUMBERS = np.linspace(1.0, 2.0, 12).reshape(3, 4)
OF_ARRAYS = {
    "normal": (0.0, NUMBERS),
    "uniform": (0.0, NUMBERS),
    "exponential": (NUMBERS,),
    "lognormal": (0.0, NUMBERS),
    "truncated_normal": (0.0, 1.0, -1.0, NUMBERS),
    "standard_gamma": (NUMBERS,),
    "laplace": (0.0, NUMBERS),
    "logistic": (0.0, NUMBERS),
    "gumbel": (0.0, NUMBERS),
    "rayleigh": (NUMBERS,),
    "weibull": (NUMBERS,),
    "pareto": (NUMBERS,),
    "power": (NUMBERS,),
    "triangular": (-1.0, 0.0, NUMBERS),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", OF_ARRAYS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_values_of_array_parameters_are_drawn_in_memory_order_of_an_out(method, dtype, order):
    out, arguments = np.empty(NUMBERS.shape, dtype, order=order), OF_ARRAYS[method]
    getattr(default_rng(3), method)(*arguments, out=out, dtype=dtype)
    flat = (one.ravel(order) if one is NUMBERS else one for one in arguments)
    np.testing.assert_array_equal(out.ravel(order), getattr(default_rng(3), method)(*flat, dtype=dtype))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("high", [100, 2**40])
def test_integers_are_drawn_in_memory_order_of_an_out(high, order):
    out = np.empty((40, 60), np.int64, order=order)
    default_rng(3).integers(high, out=out)
    np.testing.assert_array_equal(out.ravel(order), default_rng(3).integers(high, size=out.size))


@pytest.mark.parametrize("size", [None, (2, 3)])
@pytest.mark.parametrize(
    ("loc", "scale"), [([0.0, 1.0, 5.0], 2.0), (1.0, [0.0, 0.5, 2.0]), ([[1.0], [2.0]], [1.0, 2.0, 3.0])]
)
def test_array_parameters_broadcast_and_scale_the_standard_values(loc, scale, size):
    shape = np.broadcast_shapes(np.shape(loc), np.shape(scale)) if size is None else size
    standard = default_rng(3).standard_normal(shape)
    np.testing.assert_allclose(default_rng(3).normal(loc, scale, size), loc + np.multiply(scale, standard), rtol=1e-15)
    low, high = loc, np.add(loc, scale)
    expected = low + (high - low) * default_rng(3).random(shape)
    np.testing.assert_allclose(default_rng(3).uniform(low, high, size), expected, rtol=1e-15)


@pytest.mark.parametrize(("low", "high"), [(-2.0, 2.0), (0.5, np.inf), (8.0, 9.0)])
@pytest.mark.parametrize("loc", [1.0, [1.0, -3.0]])
def test_truncated_normals_stay_within_their_bounds(low, high, loc):
    drawn = default_rng(3).truncated_normal(loc, 0.5, low, high, (10000, np.size(loc)))
    assert (drawn >= np.add(loc, 0.5 * low)).all() and (drawn <= np.add(loc, 0.5 * high)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [None, (4, 3)])
def test_arrays_of_bounds_give_each_element_what_its_own_bounds_give_there(dtype, size):
    low, high = np.array([-2.0, 0.5, -np.inf]), np.array([1.0, np.inf, 0.0])
    drawn = default_rng(3).truncated_normal(0.0, 1.0, low, high, size, dtype)
    assert drawn.dtype == dtype and drawn.shape == (size or (3,))
    for at in np.ndindex(drawn.shape):
        alone = default_rng(3).truncated_normal(0.0, 1.0, low[at[-1]], high[at[-1]], drawn.shape, dtype)
        assert drawn[at] == alone[at]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_value_is_outside_of_its_own_bounds(dtype):
    loc, low = np.linspace(-1.0, 1.0, 50), np.linspace(-3.0, 2.0, 20)[:, np.newaxis]
    high, scale = low + 0.01, 0.1
    drawn = default_rng(3).truncated_normal(loc, scale, low, high, (100, 20, 50), dtype).astype(np.float64)
    assert (drawn >= loc + scale * low).all() and (drawn <= loc + scale * high).all()


@pytest.mark.parametrize("number", [np.array(3.0), np.float16(3.0), True, [3.0]])
@pytest.mark.parametrize("side", ["low", "high"])
def test_a_single_value_has_bounds_whatever_type_they_have(number, side):
    bounds = {"low": number, "high": 3.5} if side == "low" else {"low": 0.5, "high": number}
    drawn = [np.asarray(default_rng(seed).truncated_normal(**bounds)).item() for seed in range(100)]
    assert min(drawn) >= np.min(bounds["low"]) and max(drawn) <= np.max(bounds["high"])


def test_all_bounds_are_checked_before_anything_is_written():
    out, rng = np.ones(3), default_rng(3)
    with pytest.raises(ValueError, match=r"low must be below high, got low=2\.0, high=1\.0"):
        rng.truncated_normal(0.0, 1.0, [0.0, 0.0, 2.0], 1.0, out=out)
    assert (out == 1).all()


@pytest.mark.parametrize(
    ("low", "high", "error", "message"),
    [
        ("a", 1.0, TypeError, "low must be a number or an array of numbers, got 'a'"),
        (0.0, [None, object()], TypeError, "high must be a number or an array of numbers"),
        ([0.0, np.nan], 1.0, ValueError, "low must be a number, got nan"),
        ([0.0, 0.0], [1.0, 1.0, 1.0], ValueError, "low and high must have shapes that broadcast together"),
    ],
)
def test_wrong_bounds_are_refused_by_name(low, high, error, message):
    with pytest.raises(error, match=message):
        default_rng(3).truncated_normal(0.0, 1.0, low, high)


@pytest.mark.parametrize(
    ("name", "cdf"),
    [
        ("random float32", scipy.stats.uniform.cdf),
        ("standard_normal float64", scipy.stats.norm.cdf),
        ("standard_exponential float32", scipy.stats.expon.cdf),
        ("exponential", scipy.stats.expon(scale=2).cdf),
        ("lognormal", scipy.stats.lognorm(0.5).cdf),
        ("truncated_normal", scipy.stats.truncnorm(-1, 3).cdf),
    ],
)
def test_array_draws_follow_their_distribution(name, cdf):
    n = 10**6
    assert ks_distance(DRAWS[name](default_rng(11), n).astype(np.float64), cdf) < ks_limit(n)


# ---- integers ----


@pytest.mark.parametrize("size", [(), 1, [1], (1,), (2, 1)])
@pytest.mark.parametrize(
    "draw", [default_rng(3).integers, fastinit.random.RandomState(3).randint], ids=["Generator", "RandomState"]
)
def test_integers_for_bounds_beyond_their_size_are_refused(draw, size):
    """NumPy's own code writes beyond the array then."""
    with pytest.raises(ValueError, match=r"Output size .* is not compatible with broadcast dimensions of inputs \(2,\)"):
        draw([5, 6], size=size)
    with pytest.raises(ValueError, match=r"inputs \(2,\)"):
        draw(0, np.array([5, 6]), size)


@pytest.mark.parametrize("size", [None, 2, (2,), (3, 2), [1, 2], np.int64(2), 0, (4, 0)])
@pytest.mark.parametrize(
    "draw", [default_rng(3).integers, fastinit.random.RandomState(3).randint], ids=["Generator", "RandomState"]
)
def test_integers_for_bounds_of_their_size_are_drawn(draw, size):
    drawn = draw([5, 6], size=size)
    assert drawn.shape == ((2,) if size is None else tuple(np.atleast_1d(size)))
    assert (drawn < [5, 6]).all() if drawn.size else True


@pytest.mark.parametrize("dtype", ["bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_integers_reach_both_ends_of_every_dtype(dtype):
    kind = np.dtype(dtype)
    least, greatest = (0, 1) if kind == np.bool_ else (np.iinfo(kind).min, np.iinfo(kind).max)
    drawn = default_rng(3).integers(least, greatest, size=5000, dtype=kind, endpoint=True)
    assert drawn.dtype == kind
    near = (greatest - least) // 100
    assert int(drawn.min()) <= int(least) + near and int(drawn.max()) >= int(greatest) - near


@pytest.mark.parametrize("low", [0, -7, 2**40])
@pytest.mark.parametrize("count", [1, 2, 2**24 - 1, 2**24, 2**24 + 1, 2**32, 2**62 + 1])  # 2^24: two words from there
def test_integers_stay_in_their_interval(low, count):
    drawn = default_rng(3).integers(low, low + count, size=100_000)
    assert drawn.min() >= low and drawn.max() < low + count


@pytest.mark.parametrize("count", [3, 10, 200])
def test_small_integers_are_equally_likely(count):
    n = 10**6
    observed = np.bincount(default_rng(3).integers(count, size=n), minlength=count)
    chi2 = ((observed - n / count) ** 2 / (n / count)).sum()
    assert chi2 < chi_square_limit(count - 1)


@pytest.mark.parametrize("count", [3 * 2**61, 2**63 - 1, 3 * 2**22])  # a quarter, a half, one in 2^10 drawn again
def test_large_integers_are_equally_likely_though_words_are_drawn_again(count):
    n, bins = 10**6, 64
    drawn = default_rng(3).integers(count, size=n, dtype=np.uint64)
    observed = np.bincount((drawn / (count / bins)).astype(int).clip(0, bins - 1), minlength=bins)
    chi2 = ((observed - n / bins) ** 2 / (n / bins)).sum()
    assert chi2 < chi_square_limit(bins - 1)


# ---- what NumPy rejects, with its error messages ----

WRONG = {
    "negative scale": lambda rng: rng.normal(0, -1),
    "negative scale, array": lambda rng: rng.normal(0, -1, 5),
    "minus zero scale": lambda rng: rng.normal(0, -0.0, 5),
    "negative among scales": lambda rng: rng.normal(0, [1, -1]),
    "shapes that do not broadcast": lambda rng: rng.normal([0, 1], [1, 2, 3]),
    "size against parameters": lambda rng: rng.normal([0, 1], 1, size=3),
    "size too small for parameters": lambda rng: rng.normal([[0], [1]], 1, size=(2,)),
    "text for a number": lambda rng: rng.normal("a", 1),
    "complex for a number": lambda rng: rng.normal(1j, 1),
    "None for a number": lambda rng: rng.normal(None),
    "negative size": lambda rng: rng.normal(0, 1, -1),
    "negative size in a tuple": lambda rng: rng.standard_normal((2, -1)),
    "float size": lambda rng: rng.random(2.0),
    "bool size": lambda rng: rng.random(True),
    "text size": lambda rng: rng.random("a"),
    "impossible size": lambda rng: rng.random(2**62),
    "reversed interval": lambda rng: rng.uniform(1, 0, 5),
    "infinite interval": lambda rng: rng.uniform(0, np.inf, 5),
    "NaN interval": lambda rng: rng.uniform(np.nan, 1, 5),
    "overflowing interval": lambda rng: rng.uniform(-1.7e308, 1.7e308, 5),
    "infinite among intervals": lambda rng: rng.uniform([0, 1], np.inf),
    "float16": lambda rng: rng.random(3, dtype=np.float16),
    "int normals": lambda rng: rng.standard_normal(3, dtype=int),
    "no dtype": lambda rng: rng.random(3, dtype="bad"),
    "out of another dtype": lambda rng: rng.random(out=np.empty(3, np.float32)),
    "objects for numbers": lambda rng: rng.normal(np.array([0.5, None], object)),
    "objects that are numbers": lambda rng: rng.exponential(np.array([0.5, 1.0], object)),
    "an object for a scale": lambda rng: rng.normal(0.0, np.array(1.0, object), 3),
    "objects for bounds": lambda rng: rng.uniform(0.0, np.array([1.0, None], object)),
    "text in an array": lambda rng: rng.lognormal(np.array(["1"])),
    "complex in an array": lambda rng: rng.normal(np.array([1j])),
    "longer floats": lambda rng: rng.normal(np.array([1.0], np.longdouble)),
    "size against out": lambda rng: rng.random((1, 3), out=np.empty(3)),
    "negative exponential scale": lambda rng: rng.exponential(-1.0, 3),
    "negative sigma": lambda rng: rng.lognormal(0, -1.0, 3),
    "negative scale of Laplace": lambda rng: rng.laplace(0.0, -1.0, 3),
    "minus zero scale of Rayleigh": lambda rng: rng.rayleigh(-0.0, 3),
    "negative among shapes": lambda rng: rng.weibull([1.0, -1.0]),
    "no shape": lambda rng: rng.pareto(0.0, 3),
    "negative power": lambda rng: rng.power(-1.0, 3),
    "text for a shape": lambda rng: rng.weibull("a", 3),
    "None for a shape": lambda rng: rng.weibull(None, 3),
    "shape against size": lambda rng: rng.weibull([1.0, 2.0], 3),
    "bool size of Laplace": lambda rng: rng.laplace(0.0, 1.0, True),
    "negative size of Laplace": lambda rng: rng.laplace(0.0, 1.0, -1),
    "mode below left": lambda rng: rng.triangular(0.0, -1.0, 1.0, 3),
    "mode above right": lambda rng: rng.triangular(0.0, 2.0, 1.0, 3),
    "left is right": lambda rng: rng.triangular(1.0, 1.0, 1.0, 3),
    "probability 0": lambda rng: rng.geometric(0.0, 3),
    "probability above 1": lambda rng: rng.geometric(1.5, 3),
    "NaN probability": lambda rng: rng.geometric([0.5, np.nan]),
    "low above high": lambda rng: rng.integers(5, 3, size=4),
    "nothing below 0": lambda rng: rng.integers(0, size=4),
    "high beyond the dtype": lambda rng: rng.integers(300, size=4, dtype=np.uint8),
    "low beyond the dtype": lambda rng: rng.integers(-1, 3, size=4, dtype=np.uint8),
    "float integers": lambda rng: rng.integers(3, size=4, dtype=float),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_an_error_has_numpys_type_and_text(call):
    with pytest.raises(Exception) as ours:
        call(default_rng(3))
    with pytest.raises(Exception) as numpys:
        call(np.random.default_rng(3))
    assert (ours.type, str(ours.value)) == (numpys.type, str(numpys.value))


@pytest.mark.parametrize("memory", [lambda dtype: np.zeros(4, dtype), lambda dtype: np.zeros((4, 2), dtype)[:, 0]])
@pytest.mark.parametrize("method", ["random", "standard_normal", "lognormal", "standard_gamma", "weibull"])
def test_an_out_of_another_dtype_or_shape_is_refused_by_what_is_wrong(method, memory):
    arguments = NEEDED.get(method, ())
    with pytest.raises(TypeError, match=r"wrong type\. Expected float64, got float32"):
        getattr(default_rng(3), method)(*arguments, out=memory(np.float32))
    with pytest.raises(ValueError, match=r"size must match out\.shape when used together"):
        getattr(default_rng(3), method)(*arguments, size=5, out=memory(np.float64))


def test_a_read_only_out_is_left_as_it_is():
    out = np.ones(4)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="writable"):
        default_rng(3).random(out=out)
    assert (out == 1).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_single_values_are_python_floats(dtype):
    rng = default_rng(3)
    methods = (rng.random, rng.standard_normal, rng.standard_exponential, rng.normal, rng.uniform, rng.truncated_normal)
    assert {type(method(dtype=dtype)) for method in methods} == {float}


@pytest.mark.parametrize("dtype", [np.float32, "float32", np.dtype("f4")])
@pytest.mark.parametrize("method", [method for method in WITH_OUT if method not in DRAWN_IN_BOTH_TYPES])
def test_a_single_float32_value_is_the_float64_one_rounded(method, dtype):
    arguments = NEEDED.get(method, ())
    single = getattr(default_rng(3), method)(*arguments, dtype=dtype)
    assert type(single) is float and single == np.float32(getattr(default_rng(3), method)(*arguments))


def test_another_bit_generator_is_refused():
    with pytest.raises(TypeError, match=r"bit_generator must be a fastinit\.TiledXoshiro128, got PCG64"):
        Generator(np.random.PCG64(0))


# ---- state ----


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda rng: pickle.loads(pickle.dumps(rng))])
def test_a_copy_goes_on_where_the_generator_stood(copied):
    rng = default_rng(3)
    rng.normal(), rng.standard_normal(3000)
    state = rng.bit_generator.state
    expected = [rng.random(), *rng.random(5)]
    rng.bit_generator.state = state
    other = copied(rng)
    assert isinstance(other, Generator)
    assert [other.random(), *other.random(5)] == expected


def test_a_generator_follows_a_state_of_another_stream():
    """NumPy's Generator has copied where the state lies: it has to stay there."""
    rng, other = default_rng(3), default_rng(4)
    other.random()
    rng.bit_generator.state = other.bit_generator.state
    assert [rng.random(), *rng.random(3)] == [other.random(), *other.random(3)]


@pytest.mark.parametrize("delta", [0, 1, 1023, 1024, 1025, 5000])  # 1024 draws of two words empty a tile
@pytest.mark.parametrize("drawn_before", [0, 3, 1024])
def test_advance_is_as_many_draws_one_by_one(delta, drawn_before):
    walked, jumped = TiledXoshiro128(3), TiledXoshiro128(3)
    for bit_generator in (walked, jumped):
        Generator(bit_generator).random(5)  # a tile for an array
        bit_generator.random_raw(drawn_before)
    walked.random_raw(delta)
    assert jumped.advance(delta) is jumped
    assert walked.random_raw() == jumped.random_raw()


def test_jumped_is_another_place_and_leaves_the_generator_where_it_is():
    bit_generator = TiledXoshiro128(3)
    state = bit_generator.state
    far = [bit_generator.jumped(n).random_raw() for n in range(4)]
    assert bit_generator.state == state
    assert far[0] == bit_generator.random_raw() and len(set(far)) == 4


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        ("a state", TypeError, "state must be a dict"),
        ({"bit_generator": "PCG64"}, ValueError, "state must be for a TiledXoshiro128 bit generator, got 'PCG64'"),
        (
            {"bit_generator": "TiledXoshiro128", "state": {"stream": [1, 2, 3], "next_tile": 0, "tile": 0, "used": 0}},
            ValueError,
            "state must have four words",
        ),
        (
            {"bit_generator": "TiledXoshiro128", "state": {"stream": [1] * 4, "next_tile": 0, "tile": 0, "used": 2049}},
            ValueError,
            "state must have four words of 32 bits, tiles below 2**53 and at most 2048 words used",
        ),
        (
            {**TiledXoshiro128(0).state, "stream_version": "2"},
            ValueError,
            "state is of streams of version '2', those of this fastinit are of '1'",
        ),
    ],
)
def test_a_wrong_state_is_refused_and_changes_nothing(state, error, message):
    bit_generator = TiledXoshiro128(3)
    before = bit_generator.state
    with pytest.raises(error) as raised:
        bit_generator.state = state
    assert str(raised.value).startswith(message)
    assert bit_generator.state == before


def test_a_bit_generator_that_is_initialized_again_seeds_the_generators_that_read_it():
    """They have copied the address of what it reads from: that stays where it is."""
    bit_generator = TiledXoshiro128(0)
    numpys, ours = np.random.Generator(bit_generator), Generator(bit_generator)
    numpys.random(), ours.random(5)
    TiledXoshiro128.__init__(bit_generator, 1)
    fresh = TiledXoshiro128(1)
    assert numpys.random() == np.random.Generator(fresh).random()
    assert ours.random(5).tolist() == Generator(fresh).random(5).tolist()


@pytest.mark.parametrize("seed", ["bad", -1, 1.5])
def test_a_bit_generator_that_refuses_a_second_seed_goes_on_as_it_was(seed):
    bit_generator, other = TiledXoshiro128(0), TiledXoshiro128(0)
    with pytest.raises((TypeError, ValueError)):
        TiledXoshiro128.__init__(bit_generator, seed)
    assert np.random.Generator(bit_generator).random() == np.random.Generator(other).random()


def test_where_there_is_no_c_numba_reads_the_same_words(monkeypatch):
    words = TiledXoshiro128(0).random_raw(5000)
    monkeypatch.setattr(fastinit.random.bit_generator, "_cursor_type", lambda: numba_cursor.Cursor)
    bit_generator = TiledXoshiro128(1)
    TiledXoshiro128.__init__(bit_generator, 0)
    np.testing.assert_array_equal(bit_generator.random_raw(5000), words)


def test_spawned_generators_are_independent_and_repeatable():
    first, second = default_rng(3).spawn(2)
    assert isinstance(first, Generator)
    assert not np.array_equal(first.random(5), second.random(5))
    child = np.random.SeedSequence(3).spawn(1)[0]
    np.testing.assert_array_equal(default_rng(3).spawn(1)[0].random(5), default_rng(child).random(5))


def test_default_rng_takes_what_numpys_takes():
    ours, numpys = default_rng(3), np.random.default_rng(3)
    assert default_rng(ours) is ours and default_rng(numpys) is numpys
    assert default_rng(ours.bit_generator).bit_generator is ours.bit_generator
    assert str(ours) == "Generator(TiledXoshiro128)"


SIZED = {
    "random": (), "standard_normal": (), "standard_exponential": (), "normal": (0.0, 1.0), "uniform": (0.0, 1.0),
    "exponential": (1.0,), "lognormal": (0.0, 1.0), "integers": (5,), "laplace": (), "logistic": (), "gumbel": (),
    "rayleigh": (), "weibull": (2.0,), "pareto": (2.0,), "power": (2.0,), "standard_cauchy": (),
    "triangular": (0.0, 1.0, 2.0), "geometric": (0.5,), "standard_gamma": (2.0,), "gamma": (2.0, 1.0), "chisquare": (2.0,),
    "beta": (2.0, 3.0), "f": (2.0, 3.0), "standard_t": (3.0,), "noncentral_chisquare": (3.0, 1.0),
    "noncentral_f": (3.0, 5.0, 1.0), "dirichlet": ([1.0, 2.0],), "poisson": (3.0,), "binomial": (3, 0.5),
    "negative_binomial": (3, 0.5), "choice": (5,), "multinomial": (5, [0.5, 0.5]),
    "multivariate_normal": ([0.0, 1.0], np.eye(2)),
}  # fmt: skip
"""Methods with a `size`, and their parameters."""


@pytest.mark.parametrize("size", [(), 0, (0,), (2, 0), [2], np.array([2, 3]), None, True, 2.0, "a", (2, True), -1], ids=repr)
@pytest.mark.parametrize("method", SIZED)
def test_a_size_of_any_form_is_answered_with_numpys_type_shape_or_error(method, size):
    def answer(rng):
        try:
            drawn = getattr(rng, method)(*SIZED[method], size=size)
        except (TypeError, ValueError) as error:
            return type(error), str(error)
        return type(drawn), np.shape(drawn), getattr(drawn, "dtype", None)

    assert answer(default_rng(3)) == answer(np.random.default_rng(3))


# ---- with others ----


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_after_a_fork_parent_and_child_go_on_alike():
    rng = default_rng(3)
    rng.standard_normal(2 * LEAST_FOR_THREADS)
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, rng.standard_normal(2 * LEAST_FOR_THREADS)[-4:].tobytes())
        os._exit(0)
    os.wait()
    assert os.read(reading, 32) == rng.standard_normal(2 * LEAST_FOR_THREADS)[-4:].tobytes()


def test_threads_that_share_a_generator_get_every_tile_once():
    rng = default_rng(3)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda _: rng.random(1024), range(400)))
    expected = default_rng(3).random(400 * 1024)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.sort(expected))


def test_scipy_takes_it_as_random_state():
    drawn = scipy.stats.gamma.rvs(2.0, size=1000, random_state=default_rng(3))
    np.testing.assert_array_equal(drawn, scipy.stats.gamma.rvs(2.0, size=1000, random_state=default_rng(3)))


def test_numba_takes_it_in_a_compiled_function():
    @numba.njit
    def total(rng):
        return rng.random() + rng.standard_normal()

    other = default_rng(3)
    assert total(default_rng(3)) == pytest.approx(other.random() + other.standard_normal())


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("beta", (2, 3)), ("gamma", (2,)), ("poisson", (4,)), ("binomial", (9, 0.3)), ("choice", (7,)), ("vonmises", (0, 1))],
)
def test_numpys_other_methods_run_on_the_stream(method, arguments):
    first, second = (getattr(default_rng(3), method)(*arguments, size=50) for _ in range(2))
    np.testing.assert_array_equal(first, second)


# ---- the module and the patch ----


def test_the_modules_functions_have_numpys_names():
    legacy = {name for name in np.random.__all__ if not isinstance(getattr(np.random, name), type)}
    assert legacy <= set(fastinit.random.__all__)


def test_seed_makes_the_modules_functions_repeatable():
    def some():
        module = fastinit.random
        module.seed(3)
        return [module.rand(), *module.randn(2), module.randint(9), *module.permutation(3)]

    assert some() == some()


def test_a_state_of_the_module_is_got_and_set():
    state = fastinit.random.get_state()
    expected = fastinit.random.normal(size=5)
    fastinit.random.set_state(state)
    np.testing.assert_array_equal(fastinit.random.normal(size=5), expected)


def numpys_functions():
    return {name: getattr(np.random, name) for name in np.random.__all__}


def test_patched_code_draws_from_the_stream_and_numpy_is_restored_exactly():
    before = numpys_functions()
    with fastinit.patch_numpy():
        np.random.seed(0)
        drawn = np.random.normal(0, 0.02, (64, 64))
        assert isinstance(np.random.default_rng(1), Generator)
        replaced = {name for name, original in before.items() if getattr(np.random, name) is not original}
    np.testing.assert_array_equal(drawn, default_rng(0).normal(0, 0.02, (64, 64)))
    assert replaced == {name for name, original in before.items() if not isinstance(original, type)}
    assert numpys_functions() == before


def test_all_blocks_share_one_patch_which_ends_with_the_last():
    """Nesting, threads and errors within a block: tests/runtime/test_scoped_patch.py."""
    before = numpys_functions()

    @fastinit.patch_numpy()
    def patched():
        with fastinit.patch_numpy():
            pass
        return fastinit.patch_numpy().is_installed, np.random.default_rng

    assert patched() == (True, fastinit.random.default_rng)
    assert not fastinit.patch_numpy().is_installed
    assert numpys_functions() == before


def test_scikit_learn_runs_on_its_legacy_face():
    """scikit-learn asks for a RandomState, which NumPy makes of any bit generator."""
    model_selection = pytest.importorskip("sklearn.model_selection")

    def train():
        state = np.random.RandomState(TiledXoshiro128(3))
        return model_selection.train_test_split(np.arange(100), random_state=state)[0]

    np.testing.assert_array_equal(train(), train())


def test_dask_makes_a_generator_of_it():
    dask_array = pytest.importorskip("dask.array")

    def drawn():
        return dask_array.random.default_rng(TiledXoshiro128(3)).normal(size=(1000, 100), chunks=(300, 100)).compute()

    np.testing.assert_array_equal(drawn(), drawn())

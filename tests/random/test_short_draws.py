"""Short draws in C have the values of the methods in Python, which make all other draws."""

import copy
import inspect
import pickle
import sys
import threading
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import fastinit
from fastinit import Generator, default_rng
from fastinit.random import short_draws
from fastinit.random.short_draws import MOST_VALUES

pytestmark = pytest.mark.skipif(short_draws.native_type() is None, reason="csrc/bindings/short_draws.c was not built")

METHODS = {
    "random": (),
    "standard_normal": (),
    "standard_exponential": (),
    "normal": (1.5, 2),
    "uniform": (-1, 2.5),
    "exponential": (0.5,),
    "lognormal": (0.0, 0.25),
    "integers": (-5, 100),
    "integers of two words": (-(2**62), 2**62),
    "integers below": (10, None),
}
INVERSION = {
    "laplace": (1.5, 2),
    "logistic": (0.0, 0.5),
    "gumbel": (-1, 2.0),
    "rayleigh": (2.0,),
    "weibull": (1.5,),
    "pareto": (3,),
    "power": (0.5,),
    "standard_cauchy": (),
    "triangular": (-1, 0.5, 2),
}
ROUNDED = ["lognormal", "standard_gamma", *INVERSION]  # in float32 they are the float64 values, rounded in Python
FLOATS = [*(name for name in METHODS if "integers" not in name), *INVERSION]
REJECTION = {"gamma": (2.0, 1.5), "chisquare": (3,), "beta": (2.0, 0.5), "f": (3, 5.0), "standard_t": (4.5,)}
COUNTS = {"poisson": (4.5,), "binomial": (10, 0.25), "negative_binomial": (3, 0.5)}
METHODS = {**METHODS, **INVERSION, "geometric": (0.25,), "standard_gamma": (0.75,), **REJECTION, **COUNTS}
WITHOUT_OUT = {"geometric", *REJECTION, *COUNTS}
SIZES = [1, 100, 8191, 8192, MOST_VALUES, (), (7,), (2, 3), [2, 3], (2,) * 8, np.int64(7), (np.int32(2), np.int64(3))]
OTHER_SIZES = [0, (3, 0), MOST_VALUES + 1, (300, 300), (1,) * 9, np.uint8(7), np.array([2, 3])]
INTEGER_DTYPES = ["bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))]


def both_ways(name):
    """The method as it is called, and the same in Python."""
    short = getattr(type(default_rng(0)), name.split()[0])
    return short, short.__wrapped__


def assert_same(drawn, expected):
    assert type(drawn) is type(expected) and drawn.dtype == expected.dtype
    np.testing.assert_array_equal(drawn, expected, strict=True)


def assert_short(method, *arguments, **named):
    """That a draw has the values of the method in Python, and leaves the generator where that does; and that it is short."""
    short, python = both_ways(method)
    rng, other = default_rng(3), default_rng(3)
    rng._take = None  # what the methods in Python draw arrays by
    drawn = short(rng, *arguments, **named)
    assert_same(drawn, python(other, *arguments, **named))
    assert rng.bit_generator.state == other.bit_generator.state
    return drawn


@pytest.mark.parametrize("size", SIZES, ids=repr)
@pytest.mark.parametrize("name", METHODS)
def test_sizes_of_every_form_are_short_draws(name, size):
    assert_short(name, *METHODS[name], size)
    assert_short(name, *METHODS[name], size=size)


@pytest.mark.parametrize("size", OTHER_SIZES, ids=repr)
@pytest.mark.parametrize("name", ["random", "normal", "integers", "poisson"])
def test_other_sizes_go_to_the_method_in_python(name, size):
    short, python = (method(default_rng(3), *METHODS[name], size=size) for method in both_ways(name))
    assert_same(short, python)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("dtype", [np.float64, "float64", float, np.float32, "f4", np.dtype(np.float32)], ids=repr)
def test_a_dtype_is_taken_by_place_and_by_name(name, dtype):
    if name in ROUNDED and np.dtype(dtype) == np.float32:
        short, python = (method(default_rng(3), *METHODS[name], 50, dtype) for method in both_ways(name))
        assert_same(short, python)
        return
    assert assert_short(name, *METHODS[name], 50, dtype).dtype == dtype
    assert_short(name, *METHODS[name], size=(5, 10), dtype=dtype)


@pytest.mark.parametrize("dtype", INTEGER_DTYPES)
@pytest.mark.parametrize("endpoint", [False, True])
def test_integers_of_every_dtype_reach_its_limits(dtype, endpoint):
    low, high = (0, 1) if dtype == "bool" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    high = min(high, 2**63 - 1) if endpoint or dtype == "uint64" else high + 1
    if high == 2**63 or (low, high) == (-(2**63), 2**63 - 1):  # a bound, or a number of values, of more than 64 bits
        high -= 1
    for kind in (dtype, np.dtype(dtype), np.dtype(dtype).type):
        assert_short("integers", low, high, (20, 3), kind, endpoint)
        assert_short("integers", low, high, size=60, dtype=kind, endpoint=endpoint)


@pytest.mark.parametrize("dtype", INTEGER_DTYPES)
def test_integers_beyond_a_dtype_are_refused_as_numpy_does(dtype):
    low, high = (0, 1) if dtype == "bool" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    for bounds in ((low - 1, 1), (0, high + 2)):
        with pytest.raises(ValueError, match="is out of bounds for"):
            default_rng(3).integers(*bounds, 5, dtype)


@pytest.mark.parametrize("name", [name for name in METHODS if name not in WITHOUT_OUT])
@pytest.mark.parametrize("shape", [(), (7,), (2, 3), (100, 100)])
def test_out_that_is_one_block_is_filled(name, shape):
    dtypes = [np.float64] if "integers" not in name else [np.int64, np.uint8] if "two" not in name else [np.int64]
    bounds = {"integers": (0, 100)}.get(name, METHODS[name])
    for dtype in dtypes if name in ROUNDED or "integers" in name else [*dtypes, np.float32]:
        for size in (None, shape):
            out = np.full(shape, 77, dtype)
            assert assert_short(name, *bounds, size=size, dtype=dtype, out=out.copy()).dtype == dtype
            assert getattr(default_rng(3), name.split()[0])(*bounds, size=size, dtype=dtype, out=out) is out
            assert_same(out, assert_short(name, *bounds, size=shape, dtype=dtype))


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.empty((7, 5)).T,
        lambda: np.empty((5, 14))[:, ::2],
        lambda: np.empty((5, 7), ">f8"),
        lambda: np.frombuffer(bytearray(8 * 35 + 1), np.float64, offset=1, count=35).reshape(5, 7),
        lambda: np.empty((5, 7)).view(np.ma.MaskedArray),
    ],
    ids=["transposed", "strided", "swapped", "unaligned", "subclass"],
)
def test_out_of_other_kinds_is_left_to_the_method_in_python(make):
    short, python = (method(default_rng(3), 0.0, 1.0, out=make()) for method in both_ways("normal"))
    np.testing.assert_array_equal(short, python)


@pytest.mark.parametrize(
    "name", [*(name for name in INVERSION if INVERSION[name]), "geometric", "standard_gamma", *REJECTION, *COUNTS]
)
@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf"), None, "much"])
def test_a_wrong_parameter_is_answered_as_by_the_method_in_python(name, wrong):
    answers = []
    for method in both_ways(name):
        try:
            answers.append(repr(method(default_rng(3), *METHODS[name][:-1], wrong, 5)))
        except (TypeError, ValueError) as error:
            answers.append(repr(error))
    assert answers[0] == answers[1]


OF_ARRAYS = {
    "normal": (np.array([0.0, 1.0, 5.0]), 2.0),
    "uniform": (np.zeros(3), np.array([[1.0], [2.0]])),
    "exponential": (np.array([1.0, 2.0, 3.0]),),
    "lognormal": (np.array([0.0, 1.0, 5.0]), 2.0),
    "laplace": (np.array([0.0, 1.0, 5.0]), 2),
    "logistic": (np.array([[1.0], [2.0]]), np.array([1.0, 2.0, 3.0])),
    "gumbel": (1.0, np.array([0.1, 0.5, 2.0])),
    "rayleigh": (np.array([1.0, 2.0, 3.0]),),
    "weibull": (np.array([0.5, 1.0, 30.0]),),
    "pareto": (np.array([0.5, 1.0, 30.0]),),
    "power": (np.array([0.5, 1.0, 30.0]),),
    "triangular": (0.0, np.array([0.0, 1.0, 2.0]), np.array([[2.0], [3.0]])),
    "geometric": (np.array([1e-9, 0.3, 1.0]),),
    "gamma": (np.array([[0.5], [2.0]]), np.array([1.0, 2.0, 3.0])),
    "beta": (np.array([0.5, 2.0, 1e-90]), 3.0),
    "f": (3.0, np.array([0.5, 2.0, 40.0])),
    "standard_t": (np.array([0.5, 2.0, 1e9]),),
}


@pytest.mark.parametrize("size", [None, (2, 3), [700, 2, 3]])
@pytest.mark.parametrize("name", OF_ARRAYS)
def test_parameters_may_be_arrays(name, size):
    short, python = both_ways(name)
    if name in (*INVERSION, *WITHOUT_OUT):
        assert_short(name, *OF_ARRAYS[name], size)
    rng, other = default_rng(3), default_rng(3)
    for _ in range(2):  # the second from another tile on
        assert_same(short(rng, *OF_ARRAYS[name], size=size), python(other, *OF_ARRAYS[name], size=size))
    assert rng.bit_generator.state == other.bit_generator.state


@pytest.mark.parametrize(
    "kind",
    [
        np.ndarray.tolist,
        lambda array: tuple(array.tolist()),
        lambda array: array.astype(int),
        lambda array: array.astype(np.float32),
        lambda array: np.repeat(array, 2)[::2],
        lambda array: array.astype(">f8"),
    ],
    ids=["list", "tuple", "integers", "float32", "strided", "swapped"],
)
@pytest.mark.parametrize("name", [name for name in OF_ARRAYS if name not in ("uniform", "geometric")])
def test_arrays_of_parameters_may_be_of_any_kind_and_lists(name, kind):
    numbers = kind(np.array([1.0, 2.0, 2.0]))
    rest = [3.0] * (len(OF_ARRAYS[name]) - 1)
    assert_short(name, numbers, *rest, 3) if name in (*INVERSION, *REJECTION) else None
    short, python = (method(default_rng(3), numbers, *rest) for method in both_ways(name))
    assert_same(short, python)


@pytest.mark.parametrize("wrong", [["a"], [[1.0], [1.0, 2.0]], [1j], np.array([1j]), np.array([None]), np.array(["1"])])
def test_what_holds_no_numbers_is_answered_by_the_method_in_python(wrong):
    for method in both_ways("weibull"):
        with pytest.raises((TypeError, ValueError)):
            method(default_rng(3), wrong)


def test_arguments_of_every_kind_of_call_are_the_same():
    """Directly, from a tuple and a dictionary, bound, and by way of `functools.partial`."""
    short = type(default_rng(0)).normal
    expected = default_rng(3).normal(1.0, 2.0, size=5)
    for drawn in (
        short(default_rng(3), 1.0, 2.0, size=5),
        short(*(default_rng(3), 1.0), **{"scale": 2.0, "size": 5}),
        partial(default_rng(3).normal, 1.0, size=5)(2.0),
        partial(short, scale=2.0)(default_rng(3), 1.0, size=5),
    ):
        assert_same(drawn, expected)


@pytest.mark.parametrize(
    "scale",
    [
        np.array([1.0, -1.0]),
        np.array([1.0, np.nan]),
        np.array([0.0, 1.0]),
        np.array([1, 2]),
        np.array([1.0, 2.0], np.float32),
        np.array([1.0, 9.0, 2.0, 9.0])[::2],
        np.array([1.0, 2.0], ">f8"),
        np.array(2.0),
        np.empty(0),
        np.ones(MOST_VALUES + 1),
        np.ones((1,) * 9),
        np.array([1.0, 2.0], object),
    ],
    ids=repr,
)
@pytest.mark.parametrize("size", [None, 2, (5, 2), 3])
@pytest.mark.parametrize("name", ["normal", "laplace"])
def test_other_arrays_are_answered_as_by_the_method_in_python(name, scale, size):
    answers = []
    for method in both_ways(name):
        try:
            answers.append(method(default_rng(3), 0.5, scale, size))
        except (TypeError, ValueError) as error:
            answers.append((type(error), str(error)))
    if isinstance(answers[0], np.ndarray):
        assert_same(*answers)
    else:
        assert answers[0] == answers[1]


@pytest.mark.parametrize("name", ["normal", "uniform", "exponential", "lognormal"])
@pytest.mark.parametrize("kind", [int, float, np.float64, np.float32, np.int64, np.int32])
def test_parameters_are_numbers_of_python_or_numpy(name, kind):
    numbers = [kind(number) for number in METHODS[name]]
    numbers[-1] = kind(2)
    assert_short(name, *numbers, 50)
    keywords = both_ways(name)[1].__code__.co_varnames[1:]
    assert_short(name, **dict(zip(keywords, numbers)), size=50)


@pytest.mark.parametrize("kind", [np.int64, np.int32])
def test_bounds_of_integers_are_numbers_of_python_or_numpy(kind):
    assert_short("integers", kind(-5), kind(100), 50)
    assert_short("integers", low=kind(7), size=50)


@pytest.mark.parametrize("name", FLOATS)
def test_a_single_value_is_numpys(name):
    short, python = both_ways(name)
    for given in ({}, {"size": None}, {"out": None}, {"size": None, "out": None}):
        rng, other = default_rng(3), default_rng(3)
        single = short(rng, *METHODS[name], **given)
        assert type(single) is float and single == python(other, *METHODS[name], **given)
        assert rng.bit_generator.state == other.bit_generator.state


@pytest.mark.parametrize(
    "given", [{}, {"size": None}, {"out": None}, {"endpoint": True}, {"dtype": np.uint8}, {"dtype": bool}], ids=repr
)
def test_a_single_integer_is_numpys(given):
    bounds = (1,) if given.get("dtype") is bool else (3, 100)
    short, python = (method(default_rng(3), *bounds, **given) for method in both_ways("integers"))
    assert type(short) is type(python) and short == python


@pytest.mark.parametrize("name", ["normal", "uniform", "exponential", "lognormal"])
def test_parameters_that_are_not_given_have_their_defaults(name):
    short, python = both_ways(name)
    np.testing.assert_array_equal(short(default_rng(3), size=50), python(default_rng(3), size=50))


@pytest.mark.parametrize(
    ("name", "arguments", "named"),
    [
        ("exponential", (1.0, 5, np.int64), {}),
        ("lognormal", (0.0, 1.0, 5, np.int64), {}),
        ("random", (5,), {"size": 5}),
        ("normal", (0.0, 1.0, 5), {"shape": 5}),
        ("normal", (0.0, -1.0, 5), {}),
        ("normal", (10**400, 1.0, 5), {}),
        ("uniform", (-(10**400), 0, 5), {}),
        ("uniform", (0.0, float("inf"), 5), {}),
        ("integers", (5, 5, 3), {}),
        ("integers", (0, 2**64, 3), {}),
        ("integers", (), {"size": 3}),
        ("random", (-3,), {}),
        ("random", (2**70,), {}),
        ("random", (5, np.int64), {}),
        ("random", ((2, -3),), {}),
        ("random", ((2.0, 3),), {}),
        ("random", ((2**40, 2**40),), {}),
        ("random", (5, None, np.empty(6)), {}),
        ("random", (), {"out": np.empty(6, np.float32)}),
        ("random", (), {"out": [0.0]}),
        ("random", (5, "no dtype"), {}),
        ("integers", (0, 5, 3, np.float64), {}),
        ("integers", (0, 5), {"out": np.empty(3, np.int32)}),
        ("integers", (-1, 5, 3), {"dtype": np.uint8}),
        ("integers", (5, 4), {"size": 3, "endpoint": True}),
        ("integers", (2**63 + 1,), {"size": 3}),
        ("normal", (), {"loc": 0.0, "size": 3, "of": 1}),
    ],
)
def test_wrong_arguments_raise_what_the_method_in_python_raises(name, arguments, named):
    raised = []
    for method in both_ways(name):
        with pytest.raises((TypeError, ValueError, OverflowError)) as error:
            method(default_rng(3), *arguments, **named)
        raised.append((error.type, str(error.value)))
    assert raised[0] == raised[1]


@pytest.mark.parametrize("name", ["random", "normal", "integers"])
def test_the_method_looks_like_the_one_in_python(name):
    short, python = both_ways(name)
    assert inspect.signature(short) == inspect.signature(python)
    assert short.__doc__ == python.__doc__ and short.__name__ == name


def test_a_bound_method_can_be_kept_and_pickled():
    rng = default_rng(3)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(rng.normal))(size=5), rng.normal(size=5))


@pytest.mark.parametrize("impostor", [object(), SimpleNamespace(_cursor_address=8)])
def test_what_is_no_generator_is_an_error(impostor):
    with pytest.raises((AttributeError, TypeError)):
        Generator.random(impostor, 5)


def test_the_method_of_the_class_can_be_pickled_and_copied():
    assert pickle.loads(pickle.dumps(Generator.normal)) is copy.deepcopy(Generator.normal) is Generator.normal


def test_a_draw_does_not_see_a_state_that_is_half_set():
    """What is drawn while another thread sets two states in turn follows one of them."""
    rng, stop, n = default_rng(3), threading.Event(), 20_000
    states = [default_rng(seed).bit_generator.state for seed in (3, 4)]
    states[1]["state"]["next_tile"] = 10**6

    def set_states():
        while not stop.is_set():
            for state in states:
                rng.bit_generator.state = state

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread = threading.Thread(target=set_states)
    thread.start()
    try:
        drawn = {rng.random(1)[0] for _ in range(n)}
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(before)
    assert drawn <= first_values(3, 0, n) | first_values(4, 10**6, n)


def first_values(seed, tile, tiles):
    """The first values of this tile and those after it."""
    firsts = slice(tile * 1024, (tile + tiles) * 1024, 1024)
    return set(fastinit.uniform(2**40, low=0.0, high=1.0, seed=seed, dtype="float64", index=firsts).tolist())


def test_the_stream_begins_anew_behind_its_last_tile():
    rng = default_rng(3)
    state = rng.bit_generator.state
    state["state"]["next_tile"] = 2**53 - 1
    rng.bit_generator.state = state
    rng.random(2048)
    np.testing.assert_array_equal(rng.random(5), default_rng(3).random(3000)[1024:1029])


def test_a_draw_without_the_interpreters_lock_follows_one_state():
    rng, n, stop = default_rng(3), 8192, threading.Event()
    states = [default_rng(seed).bit_generator.state for seed in (3, 4)]
    allowed = [default_rng(seed).random(200 * n).reshape(-1, n) for seed in (3, 4)]

    def set_states():
        while not stop.is_set():
            for state in states:
                rng.bit_generator.state = state

    thread = threading.Thread(target=set_states)
    thread.start()
    try:
        drawn = [rng.random(n) for _ in range(200)]
    finally:
        stop.set()
        thread.join()
    assert all(any((values == rows).all(axis=1).any() for rows in allowed) for values in drawn)


def test_no_reference_is_lost_or_left_over():
    rng, size, scale, shape, out, dtype = default_rng(3), 1000, 2.5, (10, np.int64(10)), np.empty(10), np.dtype("float64")
    array, counts = np.ones(2), []
    for _ in range(3):
        for _ in range(100):
            rng.normal(0.0, scale, size=size)
            rng.exponential(scale, size)
            rng.normal(scale, size=shape, dtype=dtype)
            rng.random(out=out, dtype=dtype)
            rng.normal(scale)
            rng.integers(size)
            rng.laplace(array, scale)
            rng.normal(array, scale, (5, 2))
            rng.triangular(0.0, scale, 3.0, size)
        counts.append([sys.getrefcount(of) for of in (size, scale, rng, shape, shape[1], out, dtype, array)])
    assert counts[0] == counts[1] == counts[2]


def test_a_dtype_that_is_refused_keeps_no_reference():
    rng, swapped, counts = default_rng(3), np.dtype(">f8"), []
    for _ in range(3):
        for _ in range(20):
            for shape in (np.ones(2), [1.0, 2.0], 1.0):
                with pytest.raises(TypeError):
                    rng.standard_gamma(shape, dtype=swapped)
        counts.append(sys.getrefcount(swapped))
    assert counts[0] == counts[1] == counts[2]


@pytest.mark.parametrize("high", [3, 2**62, 2**63 - 1])
def test_integers_beyond_bool_are_refused(high):
    with pytest.raises(ValueError):
        default_rng(3).integers(0, high, 5, dtype=bool)
    assert set(default_rng(3).integers(0, 1, 50, dtype=bool, endpoint=True)) == {False, True}


@pytest.mark.parametrize("name", ROUNDED)
@pytest.mark.parametrize("given", [{"size": 1500}, {"size": (2, 3)}, {"out": np.zeros((3, 5), np.float32)}], ids=repr)
def test_float32_values_of_float64_kernels_are_rounded(name, given):
    drawn = assert_short(name, *METHODS[name], dtype=np.float32, **given)
    wide = assert_short(name, *METHODS[name], drawn.shape)
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn, wide.astype(np.float32))


@pytest.mark.parametrize("name", [name for name in ROUNDED if name != "lognormal"])
def test_a_single_float32_value_is_numpys_rounded(name):
    single = both_ways(name)[0](default_rng(3), *METHODS[name], dtype=np.float32)
    assert single == float(np.float32(getattr(default_rng(3), name)(*METHODS[name])))
    assert single == both_ways(name)[1](default_rng(3), *METHODS[name], dtype="f4")


@pytest.mark.parametrize("dtype", [np.int64, ">f8", "no dtype"])
def test_a_single_value_of_another_dtype_is_refused_and_nothing_drawn(dtype):
    rng = default_rng(3)
    with pytest.raises(TypeError):
        rng.laplace(0.0, 1.0, dtype=dtype)
    assert rng.bit_generator.state == default_rng(3).bit_generator.state


@pytest.mark.parametrize("size", [None, (2, 3)])
@pytest.mark.parametrize("name", ["standard_gamma", "chisquare"])
def test_gamma_values_of_arrays_are_short_draws(name, size):
    assert_short(name, np.array([0.5, 2.0, 7.0]), size)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values_of_arrays_may_be_rounded_and_go_to_out(dtype):
    shapes = np.array([0.5, 2.0, 7.0])
    for given in ({}, {"size": (2, 3)}, {"out": np.empty(3, dtype)}, {"size": (2, 3), "out": np.empty((2, 3), dtype)}):
        assert assert_short("standard_gamma", shapes, dtype=dtype, **given).dtype == dtype
    assert_short("standard_gamma", shapes, out=shapes.copy())


@pytest.mark.parametrize("wrong", [np.zeros(4), np.zeros((3, 1)), np.zeros(3, np.float32), np.zeros((3, 3)).T[:2]])
def test_an_out_that_arrays_do_not_fit_is_answered_as_by_the_method_in_python(wrong):
    answers = []
    for method in both_ways("standard_gamma"):
        try:
            answers.append(method(default_rng(3), np.array([0.5, 2.0, 7.0]), out=wrong.copy()).tolist())
        except (TypeError, ValueError) as error:
            answers.append((type(error), str(error)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("poisson", (1e7,)), ("poisson", (0.0,)), ("binomial", (10**9, 0.3)), ("binomial", (5, 0.0)), ("binomial", (5, 1.0))],
)
def test_counts_without_a_table_come_from_the_kernel(name, numbers):
    assert_short(name, *numbers, 100)


@pytest.mark.parametrize("trials", [[10, 20, 30], (10, 20, 30), np.array([10, 20, 30], np.uint8)])
def test_trials_may_be_lists_of_integers(trials):
    assert_short("binomial", trials, 0.25)


@pytest.mark.parametrize("trials", [[10.0, 20.0], [True, False], [2**70, 1], [[1], [1, 2]], np.array([10.0, 20.0])])
def test_trials_that_are_no_integers_are_answered_as_by_the_method_in_python(trials):
    answers = []
    for method in both_ways("binomial"):
        try:
            answers.append(method(default_rng(3), trials, 0.25).tolist())
        except (TypeError, ValueError, OverflowError) as error:
            answers.append((type(error), str(error)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("length", [1, 3, 4, 5, 1000, MOST_VALUES])
def test_bytes_are_a_short_draw(length):
    rng, other = default_rng(3), default_rng(3)
    rng._take = None  # what the method in Python draws by
    assert rng.bytes(length) == both_ways("bytes")[1](other, length)
    assert rng.bit_generator.state == other.bit_generator.state


@pytest.mark.parametrize("length", [0, MOST_VALUES + 1, np.int64(5)])
def test_bytes_of_other_lengths_are_those_of_the_method_in_python(length):
    short, python = (method(default_rng(3), length) for method in both_ways("bytes"))
    assert short == python


@pytest.mark.parametrize("name", ["normal", "uniform", "laplace"])
def test_a_single_value_may_have_the_first_parameter_by_default(name):
    second = both_ways(name)[1].__code__.co_varnames[2]
    for given in ({second: 2.0}, {second: 2}, {second: np.float64(2.0)}):
        rng, other = default_rng(3), default_rng(3)
        assert getattr(rng, name)(**given) == getattr(np.random.Generator, name)(other, **given)
        assert rng.bit_generator.state == other.bit_generator.state


@pytest.mark.parametrize("name", [*(name for name in INVERSION if INVERSION[name]), "geometric", "gamma", "beta", *COUNTS])
def test_a_single_value_of_arrays_without_axes_is_numpys(name):
    numbers = [np.array(number) for number in METHODS[name]]
    short, python = (method(default_rng(3), *numbers) for method in both_ways(name))
    assert type(short) is type(python) and short == python


@pytest.mark.parametrize("name", ["normal", "uniform", "exponential", "lognormal"])
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, ">f8", object])
def test_a_single_value_scaled_by_arrays_without_axes_is_that_of_the_method_in_python(name, kind):
    last = len(METHODS[name]) - 1
    for number in (2.0, 0.0, -1.0, np.nan, np.inf) if kind != np.int64 else (2, 0, -1):
        numbers = [*METHODS[name][:last], np.array(number, kind)]
        answers = []
        for method in both_ways(name):
            rng = default_rng(3)
            try:
                answers.append(repr((method(rng, *numbers), rng.bit_generator.state)))
            except (TypeError, ValueError, OverflowError) as error:
                answers.append(repr(error))
        assert answers[0] == answers[1]


FEW = {
    "noncentral_chisquare": (3.0, 1.0),
    "noncentral_f": (3.0, 5.0, 1.0),
    "multinomial": (20, [0.25, 0.75]),
    "dirichlet": ([0.5, 3.0],),
    "choice": (10,),
}
ARRAYS_OF_FEW = [  # arguments, and whether kernels draw for them
    ("noncentral_chisquare", (np.full(100, 3.0), np.ones(100)), False),
    ("noncentral_chisquare", (np.full((64, 1), 3.0), np.ones(64)), True),
    ("noncentral_chisquare", (np.full(5000, 3.0), 1.0), True),
    ("noncentral_f", ([3.0, 4.0], 5.0, np.ones((3, 1))), False),
    ("multinomial", (np.array([3, 4]), [0.25, 0.75]), False),
    ("multinomial", (np.full((40, 1, 2), 3), np.full((40, 1, 2), 0.5)), True),  # (40, 40, 2) vectors of two outcomes
    ("dirichlet", (np.full(5000, 0.5),), False),
]


@pytest.mark.parametrize("size", [None, 1, 100, (10, 10), [3], np.int64(3), (), (np.int32(2), 3), 0, -1, 2.5, True, 5000])
@pytest.mark.parametrize("name", FEW)
def test_few_values_are_those_of_the_method_in_python(name, size):
    for given in ({"size": size}, {}):
        answers = []
        for method in both_ways(name):
            rng = default_rng(3)
            try:
                answers.append((np.asarray(method(rng, *FEW[name], **given)).tolist(), rng.bit_generator.state))
            except (TypeError, ValueError) as error:
                answers.append((type(error), str(error)))
        assert answers[0] == answers[1]


@pytest.mark.parametrize(("name", "arguments", "is_of_kernels"), ARRAYS_OF_FEW)
def test_few_values_of_arrays_are_those_of_the_method_in_python(name, arguments, is_of_kernels):
    drawn = []
    for method in (*both_ways(name), getattr(np.random.Generator, name)):
        rng = default_rng(3)
        drawn.append((np.asarray(method(rng, *arguments)).tolist(), rng.bit_generator.state))
    assert drawn[0] == drawn[1]
    assert (drawn[0] == drawn[2]) != is_of_kernels


@pytest.mark.parametrize("name", ["permutation", "shuffle"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: 10,
        lambda: np.int64(10),
        lambda: 2048,
        lambda: np.arange(100),
        lambda: np.arange(2048),
        lambda: list(range(3000)),
        lambda: np.arange(4100).reshape(2050, 2),
        lambda: np.arange(4100).reshape(2, 2050),
        lambda: tuple(range(5)),
        lambda: "text",
        lambda: None,
        lambda: -3,
        lambda: True,
    ],
    ids=range(13),
)
def test_few_items_are_ordered_as_by_the_method_in_python(name, make):
    answers = []
    for method in both_ways(name):
        rng, items = default_rng(3), make()
        try:
            answers.append((repr(method(rng, items)), repr(items), rng.bit_generator.state))
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            answers.append((type(error), str(error)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("given", [{"replace": False}, {"p": [0.5, 0.5], "size": 3}, {"of": 3}, {"a": 2}], ids=repr)
def test_named_arguments_of_few_choices_reach_numpy(given):
    answers = []
    for method in both_ways("choice"):
        try:
            answers.append(repr(method(default_rng(3), 2, **given)))
        except TypeError as error:
            answers.append(type(error))
    assert answers[0] == answers[1]


def test_few_values_do_not_run_code_in_python():
    rng, files = default_rng(3), set()
    sys.setprofile(lambda frame, event, arg: files.add(frame.f_code.co_filename))
    try:
        for name, arguments in FEW.items():
            getattr(rng, name)(*arguments, 3)
        rng.permutation(5)
        rng.shuffle([1, 2, 3])
    finally:
        sys.setprofile(None)
    assert not any("fastinit" in file for file in files - {__file__})

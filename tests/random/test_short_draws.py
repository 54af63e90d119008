"""Short draws in C have the values of the methods in Python, which make all other draws."""

import copy
import inspect
import pickle
import sys
import threading
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
NO_SHORT_DRAWS = {
    "nothing": lambda rng, draw: draw(rng, 0),
    "more than the most": lambda rng, draw: draw(rng, MOST_VALUES + 1),
    "a shape": lambda rng, draw: draw(rng, (2, 3)),
    "a NumPy length": lambda rng, draw: draw(rng, np.int64(7)),
    "a dtype by name": lambda rng, draw: draw(rng, 7, "float32"),
}


def both_ways(name):
    """The method as it is called, and the same in Python."""
    short = getattr(type(default_rng(0)), name.split()[0])
    return short, short.__wrapped__


@pytest.mark.parametrize("n", [1, 100, MOST_VALUES])
@pytest.mark.parametrize("name", METHODS)
def test_values_and_place_are_those_of_the_method_in_python(name, n):
    parameters, results = METHODS[name], []
    for method in both_ways(name):
        rng = default_rng(3)
        results.append((method(rng, *parameters, n), method(rng, *parameters, size=n), rng.bit_generator.state))
    for short, python in zip(results[0][:2], results[1][:2]):
        assert short.dtype == python.dtype
        np.testing.assert_array_equal(short, python)
    assert results[0][2] == results[1][2]


@pytest.mark.parametrize("name", [name for name in METHODS if "integers" not in name])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_dtype_is_taken_by_place_and_by_name(name, dtype):
    short, python = both_ways(name)
    parameters = METHODS[name]
    expected = python(default_rng(3), *parameters, 50, dtype)
    for drawn in (short(default_rng(3), *parameters, 50, dtype), short(default_rng(3), *parameters, size=50, dtype=dtype)):
        assert drawn.dtype == dtype
        np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize("name", ["normal", "uniform", "exponential", "lognormal"])
def test_parameters_that_are_not_given_have_their_defaults(name):
    short, python = both_ways(name)
    np.testing.assert_array_equal(short(default_rng(3), size=50), python(default_rng(3), size=50))


@pytest.mark.parametrize("what", NO_SHORT_DRAWS)
@pytest.mark.parametrize("name", ["random", "standard_normal"])
def test_other_requests_go_to_the_method_in_python(name, what):
    short, python = (NO_SHORT_DRAWS[what](default_rng(3), method) for method in both_ways(name))
    assert short.shape == python.shape and short.dtype == python.dtype
    np.testing.assert_array_equal(short, python)


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


def test_no_reference_is_lost_or_left_over():
    rng, size, scale = default_rng(3), 1000, 2.5
    counts = []
    for _ in range(3):
        for _ in range(100):
            rng.normal(0.0, scale, size=size)
            rng.exponential(scale, size)
        counts.append((sys.getrefcount(size), sys.getrefcount(scale), sys.getrefcount(rng)))
    assert counts[0] == counts[1] == counts[2]

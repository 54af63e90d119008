"""Calls that C answers have the values and the errors of the code in Python, which answers them the first time."""

import hashlib
import struct
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

import fastinit
from fastinit.backends import c_calls, current
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.core.pieces import LEAST_FOR_THREADS
from fastinit.core.stream import stream_of, streams_of

pytestmark = pytest.mark.skipif(c_calls.native() is None, reason="fastinit._calls was not built")

SEEDS = st.integers(0, 2**64 - 1)


def in_python(function, *args, **options):
    """The same call without C, as within every block that chooses a backend."""
    with fastinit.use_backend("c"):
        return function(*args, **options)


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(seed=SEEDS, name=st.none() | st.text(max_size=300).filter(lambda text: text.isprintable() or text.isascii()))
def test_the_stream_of_a_seed_and_a_name_is_that_of_seed_sequence(seed, name):
    key = () if name is None else struct.unpack("<4I", hashlib.blake2b(name.encode(), digest_size=16).digest())
    expected = np.random.SeedSequence(seed, spawn_key=key).generate_state(4).tolist()
    assert list(c_calls.native().stream(seed, name)) == expected == list(stream_of(seed, name))


@pytest.mark.parametrize("length", [0, 1, 127, 128, 129, 255, 256, 257])
def test_names_of_every_length_around_a_block_of_the_hash(length):
    names = ["w" * length] * 9
    assert [tuple(words) for words in streams_of(7, names).tolist()] == [stream_of(7, names[0])] * 9
    assert c_calls.native().stream(7, names[0]) == stream_of(np.random.SeedSequence(7), names[0])


@pytest.mark.parametrize(
    "seed", [0, 2**32, 2**200, np.random.SeedSequence(5), np.random.SeedSequence(5).spawn(3)[2]], ids=repr
)
def test_streams_of_many_names_are_those_of_each(seed):
    names = [f"layers.{i}.weight" for i in range(50)]
    assert [tuple(words) for words in streams_of(seed, names).tolist()] == [stream_of(seed, name) for name in names]


@pytest.mark.parametrize("dtype", ELEMENT_TYPES)
@pytest.mark.parametrize("name", ["he_normal", "xavier_uniform", "truncated_normal", "orthogonal", "zeros", "ones"])
def test_the_second_call_has_the_values_of_the_first(name, dtype):
    function, options = getattr(fastinit, name), {"seed": 3, "name": "w", "dtype": dtype}
    first = in_python(function, (8, 6), **options)
    for _ in range(3):
        assert same(function((8, 6), **options), first)


@pytest.mark.parametrize("dtype", ELEMENT_TYPES)
@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, 0.1, -3.0])
@pytest.mark.parametrize("shape", [(), (1,), (2,), (3, 5), (8193,)], ids=str)
def test_constants_have_the_bits_of_the_value_in_c_and_beyond_it_nothing(shape, value, dtype):
    memory = np.full(np.prod(shape, dtype=int) + 1, 9, ELEMENT_TYPES[dtype].dtype)
    expected = np.full(memory.size, value, memory.dtype)
    expected[-1] = 9
    for _ in range(2):
        fastinit.constant(shape, value=value, dtype=dtype, out=memory[:-1].reshape(shape))
        assert memory.tobytes() == expected.tobytes()
        memory[:-1] = 9
    assert same(fastinit.constant(shape, value=value, dtype=dtype), expected[:-1].reshape(shape))


@pytest.mark.parametrize("count", [1, 100, 8191, 8192, 70_000, LEAST_FOR_THREADS, LEAST_FOR_THREADS + 1])
def test_arrays_of_every_size_are_those_of_python(count):
    first = in_python(fastinit.normal, count, std=2.0, seed=1)
    for _ in range(2):
        assert same(fastinit.normal(count, std=2.0, seed=1), first)


@pytest.mark.parametrize(
    "one, other",
    [
        ({"mean": 0.0, "std": 0.0}, {"mean": -0.0, "std": 0.0}),
        ({"mean": 1, "std": 0.0}, {"mean": -1, "std": 0.0}),
        ({"std": 1}, {"std": 1.5}),
    ],
)
def test_calls_that_compare_equal_but_differ_are_not_confused(one, other):
    for options in (one, other, one, other):
        expected = in_python(fastinit.normal, 4, seed=0, **options)
        assert same(fastinit.normal(4, seed=0, **options), expected)  # the signs of zeros too


@pytest.mark.parametrize(
    "shape, options, error",
    [
        ((3.0, 4), {}, TypeError),
        ((True, 4), {"seed": -1}, ValueError),
        ((3, 4), {"seed": True}, TypeError),
        ((3, 4), {"seed": -1}, ValueError),
        ((3, 4), {"seed": 1.0}, TypeError),
        ((3, 4), {"name": 5}, TypeError),
        ((3, 4), {"name": "\ud800"}, ValueError),
        ((3, 4), {"dtype": np.int32}, TypeError),
        ((3, 4), {"out": np.empty((4, 3), np.float32)}, ValueError),
        ((3, 4), {"out": np.empty((3, 4), np.float64)}, TypeError),
        ((3, 4), {"out": [0.0]}, TypeError),
        ((3, 4), {"out": 64}, TypeError),
        ((3, 4), {"out": np.broadcast_to(np.float32(7), (3, 4))}, ValueError),
        ((3, 4), {"out": as_strided(np.zeros(9, np.float32), (3, 4), (8, 4))}, ValueError),
        ((3, 4), {"out": np.zeros((4, 3), np.float64).T}, TypeError),
        ((3, 4), {"negative_slope": "0"}, TypeError),
        ((3, 4), {"convention": "tensorflow"}, ValueError),
    ],
)
def test_what_is_wrong_is_so_after_the_same_call_was_right(shape, options, error):
    for _ in range(2):
        fastinit.he_normal((3, 4), seed=0, name="w", out=np.empty((3, 4), np.float32))
        fastinit.he_normal((1, 4), seed=0)
    with pytest.raises(error):
        fastinit.he_normal(shape, **{"seed": 0, "name": "w", **options})


def test_out_is_filled_and_returned():
    out = np.empty((5, 7), np.float32)
    for seed in range(3):
        assert fastinit.he_normal((5, 7), seed=seed, out=out) is out
        assert same(out, in_python(fastinit.he_normal, (5, 7), seed=seed))


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.empty((7, 5), np.float32).T,
        lambda: np.empty((5, 14), np.float32)[:, ::2],
        lambda: np.empty((5, 7), ">f4"),
        lambda: np.frombuffer(bytearray(4 * 35 + 1), np.float32, offset=1, count=35).reshape(5, 7),
        lambda: np.empty((5, 7), np.float32).view(np.ma.MaskedArray),
    ],
    ids=["transposed", "strided", "swapped", "unaligned", "subclass"],
)
def test_memory_of_other_kinds_is_left_to_python(make):
    expected = in_python(fastinit.he_normal, (5, 7), seed=2)
    for _ in range(3):
        out = make()
        assert fastinit.he_normal((5, 7), seed=2, out=out) is out
        assert np.asarray(out).astype(np.float32).tobytes() == expected.tobytes()


def test_a_read_only_out_is_refused_each_time():
    out = np.zeros((5, 7), np.float32)
    fastinit.he_normal((5, 7), seed=0, out=out)
    out.flags.writeable = False
    for _ in range(2):
        with pytest.raises(ValueError, match="read-only"):
            fastinit.he_normal((5, 7), seed=0, out=out)


def test_a_block_that_chooses_a_backend_is_not_bypassed(monkeypatch):
    fastinit.he_normal((5, 7), seed=0)
    fills = []
    with fastinit.use_backend("reference"):
        chosen = current()
        recording = chosen._replace(fill=lambda request: (fills.append(request), chosen.fill(request)))
        monkeypatch.setattr("fastinit.core.fill.current", lambda: recording)
        fastinit.he_normal((5, 7), seed=0)
    assert len(fills) == 1


def test_without_a_seed_each_call_differs():
    assert not same(fastinit.he_normal((5, 7)), fastinit.he_normal((5, 7)))


def test_threads_that_fill_at_once_get_what_one_gets():
    shape, seeds = (300, 100), range(40)
    expected = [fastinit.he_normal(shape, seed=seed, name="w") for seed in seeds]
    made = [None] * len(seeds)

    def work(first):
        for seed in range(first, len(seeds), 4):
            made[seed] = fastinit.he_normal(shape, seed=seed, name="w")

    threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(map(same, made, expected))


def test_more_kinds_of_calls_than_are_remembered_are_right():
    for n in range(1, 5000):
        fastinit.uniform(n % 60 + 1, low=-float(n), high=1.0, seed=n)
    assert same(fastinit.uniform(9, low=-1.0, high=1.0, seed=5), in_python(fastinit.uniform, 9, low=-1.0, high=1.0, seed=5))

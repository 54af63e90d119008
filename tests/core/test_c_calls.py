"""Calls that C answers have the values and the errors of the code in Python, which answers them the first time."""

import hashlib
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

import fastinit
from fastinit.backends import c_calls, current
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.core.draws import Draws
from fastinit.core.dtypes import element_type
from fastinit.core.pieces import LEAST_FOR_THREADS
from fastinit.core.small_fills import small_fill
from fastinit.core.stream import stream_of, streams_of
from fastinit.distributions import Normal
from fastinit.initializers import Layout
from fastinit.initializers.definition import INITIALIZERS

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


def is_in_c(function, shape, dtype="float32", **options):
    """Whether C makes such an array by itself."""
    return small_fill(function.distribution_for(shape, **options), shape, element_type(dtype)) is not None


# sides of 1, of odd numbers, around a vector, and 64, the most of one block of columns; rows of one tile, 4096 elements, of
# two, of 16, which are added together, and of 17
SIDES = [1, 2, 3, 7, 8, 17, 31, 33, 48, 63, 64]
ROWS_OF_TILES = [(1, 0), (1, 3), (2, 1), (16, 0), (16, 5)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", SIDES)
def test_small_orthogonal_matrices_of_c_have_the_bits_of_numpy(n, dtype):
    tile = 4096 // n
    for m in {n, n + 1, 2 * n + 3, *(tile * tiles + more for tiles, more in ROWS_OF_TILES)}:
        for shape in {(m, n), (n, m)}:
            for gain in (1.0, -0.3):
                options = {"gain": gain, "seed": m, "name": "w", "dtype": dtype}
                expected = in_python(fastinit.orthogonal, shape, **options)
                assert all(same(fastinit.orthogonal(shape, **options), expected) for _ in range(2)), shape


@pytest.mark.parametrize(
    "name, shape, layout",
    [
        ("orthogonal", (8, 3, 3, 3), "oi"),
        ("orthogonal", (3, 40), "io"),
        ("orthogonal", (5, 12, 7), "eio"),
        ("orthogonal", (12, 4, 3), Layout("oi", groups=3)),
        ("delta_orthogonal", (9, 4, 3, 3), "oi"),
        ("delta_orthogonal", (3, 2, 4, 9), "hwio"),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_orthogonal_weights_of_c_lie_as_those_of_numpy(name, shape, layout, dtype):
    function = INITIALIZERS[name]
    assert is_in_c(function, shape, dtype, layout=layout)
    options = {"layout": layout, "seed": 1, "name": "w", "dtype": dtype}
    assert all(same(function(shape, **options), in_python(function, shape, **options)) for _ in range(2))


@pytest.mark.parametrize(
    "shape, layout, dtype",
    [
        ((65, 65), "oi", "float32"),  # two blocks of columns
        ((4097, 1), "oi", "float32"),  # two tiles of one column
        ((3, 3, 4, 8), "hwio", "float32"),  # no one stride leads through all inputs of a unit
        ((8, 8), "oi", "float16"),  # rounded from float32
    ],
)
def test_other_orthogonal_weights_are_left_to_python(shape, layout, dtype):
    assert not is_in_c(fastinit.orthogonal, shape, dtype, layout=layout)
    options = {"layout": layout, "seed": 1, "dtype": dtype}
    assert all(
        same(fastinit.orthogonal(shape, **options), in_python(fastinit.orthogonal, shape, **options)) for _ in range(2)
    )


def test_parts_and_other_memory_have_the_values_of_small_orthogonal_matrices():
    expected = in_python(fastinit.orthogonal, (9, 6), seed=4)
    out = np.empty((6, 9), np.float32).T
    assert fastinit.orthogonal((9, 6), seed=4, out=out) is out
    assert np.array_equal(out, expected)
    assert np.array_equal(fastinit.orthogonal((9, 6), seed=4, index=slice(2, 5)), expected[2:5])


def drawn(real, *arrays):
    """Arrays of these distributions and shapes, one after the other from one stream."""
    draws = Draws(stream_of(0, "w"), real)
    return [draws.of(distribution, shape) for distribution, shape in arrays]


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_draws_before_and_behind_small_orthogonal_matrices_are_those_of_python(real):
    stack = fastinit.orthogonal.distribution_for((3, 40, 30), layout="eio"), (3, 40, 30)  # a tile or two of draws for each
    normal = Normal(0.0, 1.0), (5,)
    for arrays in ((stack, normal), (normal, stack, normal)):
        assert all(map(same, drawn(real, *arrays), in_python(drawn, real, *arrays)))


def test_many_orthogonal_matrices_among_others_are_those_of_each():
    given = {f"{n}": ("he_normal", "orthogonal", "zeros")[n % 3] for n in range(20)}
    shapes = {name: (int(name) + 1, 8) for name in given}
    for name, array in fastinit.fill_many(given, shapes, seed=3).items():
        assert same(array, in_python(getattr(fastinit, given[name]), shapes[name], seed=3, name=name))


def test_where_matmul_is_no_function_of_numpys_python_makes_the_values():
    code = """
import numpy
matmul, numpy.matmul = numpy.matmul, lambda a, b: matmul(a, b)
import fastinit
from fastinit.core.draws import Draws
from fastinit.core.dtypes import element_type
from fastinit.core.small_fills import small_fill
assert small_fill(fastinit.orthogonal.distribution_for((5, 5)), (5, 5), element_type("float32")) is None
print(fastinit.orthogonal((5, 5), seed=0).tobytes().hex())
"""
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == fastinit.orthogonal((5, 5), seed=0).tobytes().hex()

"""Streams and their words are those of stream version 1, on every backend."""

import hashlib
import struct

import numpy as np
import pytest
from numpy.random import SeedSequence

from fastinit.backends import reference
from fastinit.core import stream
from fastinit.core.stream import MANY, Stream, stream_of
from tests.support import words

# ---- Philox ----


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # Random123's kat_vectors: zeros, ones, digits of pi
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_passes_the_known_answer_tests_of_random123(counter, key, expected):
    column = np.array(numbers(counter), np.uint32).reshape(4, 1)
    assert reference.philox(column, *numbers(key)).ravel().tolist() == numbers(expected)


def numbers(text):
    return [int(word, 16) for word in text.split()]


# ---- words ----

CHECK_VALUES = [  # of stream version 1: seed, tile, row 0 lanes 0-3, row 127 lanes 12-15, xor, sum
    (0, 0, "866b2bb4 16bd0b48 f29d9056 12451531", "c1ba0548 c17560c0 cb2fd7b3 41e91e58", "9a70d138", "40cea692f7c"),
    (0, 1, "c9f77a76 24412ff3 ed485b21 f87fe1b7", "f55f1e00 0619b43f 31f6b272 4567799f", "d34f9a5b", "41a440eba4f"),
    (0, 2**32, "b1053125 68cab284 961671c0 9e03257a", "87df392a 6a85303d 338a6f47 edabb289", "0d9caf9b", "3f6e9e059f7"),
    (42, 0, "0c40d001 c94952a7 44df3b34 cb63d4d9", "ac136b8a 8a3644ba c3d0b60b da5882df", "7104e1be", "406b8c414f0"),
]


@pytest.mark.parametrize(("seed", "tile", "first", "last", "xor", "total"), CHECK_VALUES)
def test_a_tile_has_the_words_of_stream_version_1(each_backend, seed, tile, first, last, xor, total):
    tile_words = words(each_backend, start=2048 * tile, stream=stream_of(seed)).reshape(128, 16)
    assert tile_words[0, :4].tolist() == numbers(first)
    assert tile_words[127, 12:].tolist() == numbers(last)
    assert np.bitwise_xor.reduce(tile_words, axis=None) == int(xor, 16)
    assert tile_words.sum(dtype=np.uint64) == int(total, 16)


@pytest.mark.parametrize("tile", [0, 2**28 - 1, 2**28, 2**52 - 1])  # both sides of a carry of the counter; the last one
def test_a_lane_is_xoshiro_seeded_by_its_philox_block(each_backend, tile):
    stream = stream_of(7)
    tile_words = words(each_backend, start=2048 * tile, stream=stream).reshape(128, 16)
    for lane in (0, 15):
        number = 16 * tile + lane
        counter = np.array([[number & 0xFFFFFFFF], [number >> 32], [stream.s0], [stream.s1]], np.uint32)
        state = reference.philox(counter, stream.k0, stream.k1).ravel().tolist()
        assert tile_words[:, lane].tolist() == xoshiro128pp(state, 128)


def xoshiro128pp(state, n):
    """The first n outputs, after the public-domain code of Blackman and Vigna."""

    def rotl(x, k):
        return (x << k | x >> (32 - k)) & 0xFFFFFFFF

    s, outputs = list(state), []
    for _ in range(n):
        outputs.append((rotl(s[0] + s[3] & 0xFFFFFFFF, 7) + s[0]) & 0xFFFFFFFF)
        t = s[1] << 9 & 0xFFFFFFFF
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 11)
    return outputs


# Philox is a bijection of its counters, so running its rounds backwards finds the one counter that a key maps to zeros;
# 1892 is the first key for which that counter is a tile a tensor can have.
STREAM_WITH_ZEROS = Stream(1892, 0, 0x0DD2B5FC, 0x0DF5291C)
TILE_WITH_ZEROS, LANE_WITH_ZEROS = 80200493312210, 14


def test_a_state_of_all_zeros_becomes_one_and_zeros(each_backend):
    number = 16 * TILE_WITH_ZEROS + LANE_WITH_ZEROS
    counter = np.array([[number & 0xFFFFFFFF], [number >> 32], *([s] for s in STREAM_WITH_ZEROS[2:])], np.uint32)
    assert not reference.philox(counter, *STREAM_WITH_ZEROS[:2]).any()
    tile_words = words(each_backend, start=2048 * TILE_WITH_ZEROS, stream=STREAM_WITH_ZEROS).reshape(128, 16)
    assert tile_words[:, LANE_WITH_ZEROS].tolist() == xoshiro128pp([1, 0, 0, 0], 128)


# ---- names ----


def words_of_name(name):
    return struct.unpack("<4I", hashlib.blake2b(name.encode(), digest_size=16).digest())


@pytest.mark.parametrize(
    ("seed", "name", "expected"),
    [
        (0, None, "b0f478be db2cd7e7 2c71ba49 abf4641a"),
        (42, None, "cd540ab7 9f1e2e6d 79fb94b6 d57873dc"),
        (0, "layer.weight", "3645ff9f 1b87fad7 02eb79e5 aa6b5ab1"),
    ],
)
def test_a_stream_has_the_words_of_stream_version_1(seed, name, expected):
    assert list(stream_of(seed, name)) == numbers(expected)


@pytest.mark.parametrize("name", ["w", "", "transformer.h.0.attn.weight", "Gewicht für eß", "w" * 1000])
@pytest.mark.parametrize("spawn_key", [(), (3,), (1, 2)])
def test_a_name_appends_the_words_of_its_hash_to_the_spawn_key(name, spawn_key):
    expected = SeedSequence(5, spawn_key=(*spawn_key, *words_of_name(name))).generate_state(4)
    assert list(stream_of(SeedSequence(5, spawn_key=spawn_key), name)) == expected.tolist()


def test_a_seed_is_the_seed_sequence_of_it():
    assert stream_of(5) == stream_of(SeedSequence(5))
    assert stream_of(5, "w") == stream_of(SeedSequence(5), "w")


def test_a_seed_sequence_keeps_its_pool_size_when_named():
    named = SeedSequence(5, spawn_key=words_of_name("w"), pool_size=8)
    assert list(stream_of(SeedSequence(5, pool_size=8), "w")) == named.generate_state(4).tolist()


def test_children_of_a_seed_sequence_have_streams_of_their_own():
    children = SeedSequence(5).spawn(3)
    assert len({stream_of(5), *map(stream_of, children)}) == 4
    assert stream_of(children[1]) == stream_of(SeedSequence(5, spawn_key=(1,)))


def test_asking_for_a_stream_leaves_the_seed_sequence_as_it_was():
    seed = SeedSequence(5)
    assert stream_of(seed, "w") == stream_of(seed, "w")
    assert seed.n_children_spawned == 0


@pytest.mark.parametrize("integer", [np.int8, np.uint8, np.int64, np.uint64])
def test_a_numpy_integer_is_the_same_seed_as_an_int(integer):
    assert stream_of(integer(42)) == stream_of(42)


@pytest.mark.parametrize("seed", [2**32, 2**64 - 1, 2**64, 10**100])  # one word, two words, more
def test_a_seed_may_be_of_any_size(seed):
    assert list(stream_of(seed)) == SeedSequence(seed).generate_state(4).tolist()


def test_no_seed_gives_another_stream_each_time():
    assert len({stream_of(None) for _ in range(10)}) == 10


def test_names_give_other_streams():
    names = [None, "", "w", "W", "w ", "é", "e\u0301"]  # the last two look alike: a name is its code points
    assert len({stream_of(0, name) for name in names}) == len(names)


@pytest.mark.parametrize("seed", [True, np.True_, 1.0, "0", b"0", [0], (0, 1), np.array([1]), np.random.RandomState(0)])
def test_a_seed_of_another_type_is_refused(seed):
    with pytest.raises(TypeError) as error:
        stream_of(seed)
    assert str(error.value) == f"seed must be an int, a SeedSequence or None, got {seed!r}"


@pytest.mark.parametrize("seed", [-1, np.int32(-5)])
def test_a_negative_seed_is_refused(seed):
    with pytest.raises(ValueError) as error:
        stream_of(seed)
    assert str(error.value) == f"seed must not be negative, got {seed!r}"


@pytest.mark.parametrize("name", [3, b"w", ["w"], ("w",), 1.5])
def test_a_name_that_is_no_string_is_refused(name):
    with pytest.raises(TypeError) as error:
        stream_of(0, name)
    assert str(error.value) == f"name must be a string or None, got {name!r}"


def test_a_name_that_utf8_cannot_hold_is_refused():
    with pytest.raises(ValueError) as error:
        stream_of(0, "\ud800")
    assert str(error.value) == "name must be text that UTF-8 can hold, got '\\ud800'"


# ---- by the extension and without it ----

SEEDS = {"0": 0, "1": 1, "of two words": 2**40 + 7, "of five": 2**150 + 3, "a sequence": SeedSequence(5)}
SEEDS |= {"a child": SeedSequence(5).spawn(2)[1], "of a large pool": SeedSequence(5, pool_size=8)}
NAMES = [f"layers.{i}.weight" for i in range(2 * MANY)]


@pytest.fixture(params=["by the extension", "without it"])
def either_way(request, monkeypatch):
    if request.param == "without it":
        monkeypatch.setattr(stream, "_native", None)
    elif stream._native is None:
        pytest.skip("there is no extension")


def by_definition(seed, name):
    """The words of NumPy's SeedSequence, with a name's 128-bit BLAKE2b digest as its last spawn key."""
    words = [] if name is None else struct.unpack("<4I", hashlib.blake2b(name.encode(), digest_size=16).digest())
    given = seed if isinstance(seed, SeedSequence) else SeedSequence(seed)
    named = SeedSequence(given.entropy, spawn_key=(*given.spawn_key, *words), pool_size=given.pool_size)
    return tuple(named.generate_state(4).tolist())


@pytest.mark.parametrize("name", [None, "", "w", "größe"])
@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS)
def test_a_stream_is_that_of_its_definition_either_way(seed, name, either_way):
    assert stream_of(seed, name) == by_definition(seed, name)


@pytest.mark.parametrize("count", [0, 1, MANY - 1, MANY, MANY + 1])
@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS)
def test_streams_that_are_computed_together_are_those_computed_alone(seed, count, either_way):
    found = stream.streams_of(seed, NAMES[:count])
    assert found.shape == (count, 4) and found.dtype == np.uint32
    assert [tuple(words) for words in found.tolist()] == [by_definition(seed, name) for name in NAMES[:count]]


@pytest.mark.parametrize("count", [0, 1, MANY - 1, MANY, MANY + 1])
def test_children_that_are_computed_together_are_those_computed_alone(count, either_way):
    parent = stream_of(3)
    keys = [None, *NAMES[:count], None]
    expected = [parent, *(Stream(*by_definition(SeedSequence(list(parent)), key)) for key in NAMES[:count]), parent]
    assert stream.child_streams(parent, keys) == expected
    assert [stream.child_stream(parent, key) for key in NAMES[:count]] == expected[1:-1]


def test_a_stream_is_packed_as_it_lies_in_memory_and_unpacked():
    found = stream_of(3, "w")
    assert found.packed == np.array(found, np.uint32).tobytes() and Stream.unpacked(found.packed) == found


@pytest.mark.parametrize(
    ("seed", "name", "error", "message"),
    [
        (-1, None, ValueError, "seed must not be negative, got -1"),
        (True, None, TypeError, "seed must be an int, a SeedSequence or None, got True"),
        (0.5, None, TypeError, "seed must be an int, a SeedSequence or None, got 0.5"),
        (0, 5, TypeError, "name must be a string or None, got 5"),
        (0, "\ud800", ValueError, r"name must be text that UTF-8 can hold, got '\\ud800'"),
    ],
)
def test_what_makes_no_stream_is_refused_either_way(seed, name, error, message, either_way):
    with pytest.raises(error, match=message):
        stream_of(seed, name)


def test_no_seed_is_another_stream_each_time(either_way):
    assert len({stream_of(None) for _ in range(10)}) == 10


def test_a_stream_in_place_of_a_seed_is_that_stream_and_takes_no_name(either_way):
    assert stream_of(stream_of(3)) == stream_of(3)
    with pytest.raises(TypeError, match="seed must be an int, a SeedSequence or None, got Stream"):
        stream_of(stream_of(3), "w")

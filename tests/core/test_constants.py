"""Tensors of one value, in every dtype and memory."""

import numpy as np
import pytest

import fastinit
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.core.pieces import LEAST_FOR_THREADS

VALUES = [0.0, -0.0, 1.0, 0.1, -3.0]


@pytest.mark.parametrize("dtype", ELEMENT_TYPES)
@pytest.mark.parametrize("value", VALUES)
def test_every_element_has_the_bits_of_the_value(value, dtype):
    made = fastinit.constant((5, 7), value=value, dtype=dtype)
    assert made.tobytes() == np.full((5, 7), value, ELEMENT_TYPES[dtype].dtype).tobytes()


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(
    "make",
    [
        lambda: np.full((6, 8), 9, np.float32),
        lambda: np.full((8, 6), 9, np.float32).T,
        lambda: np.full((6, 16), 9, np.float32)[:, ::2],
        lambda: np.full((6, 8), 9, ">f4"),
        lambda: np.full((6, 8), 9, np.float32)[::-1],
    ],
    ids=["contiguous", "transposed", "strided", "swapped", "reversed"],
)
def test_memory_of_every_kind_is_filled_and_returned(make, value):
    out = make()
    assert fastinit.constant((6, 8), value=value, out=out) is out
    assert out.astype("<f4").tobytes() == np.full((6, 8), value, "<f4").tobytes()


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_many_values_are_written_by_all_threads(value, monkeypatch):
    out = np.full(5 * LEAST_FOR_THREADS + 3, 9, np.float32)
    fastinit.constant(out.shape, value=value, out=out)
    assert (out == value).all()


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_a_part_of_a_constant_is_that_constant(value):
    assert (fastinit.constant((100, 50), value=value, index=(slice(3, 9), 4)) == value).all()
    assert fastinit.constant((), value=value).shape == ()
    assert fastinit.constant((0, 4), value=value).shape == (0, 4)


def test_two_fresh_arrays_of_zeros_are_two():
    one, other = fastinit.zeros((4, 4)), fastinit.zeros((4, 4))
    one += 1
    assert not other.any() and one.flags.writeable and one.flags.owndata


def test_the_zeros_around_out_stay():
    memory = np.full(30, 9, np.float32)
    fastinit.zeros(10, out=memory[10:20])
    assert memory[:10].all() and memory[20:].all() and not memory[10:20].any()

"""A part of a small tensor is taken from the whole one, with the same results as from its positions."""

import numpy as np
import pytest

import fastinit
from fastinit.backends import c_calls
from fastinit.core import indices, small_parts

rng = np.random.default_rng(0)
SHAPE = 60, 50
LARGE = 300, 300  # of more elements than a small fill has
PARTS = {
    "rows": np.s_[3:40],
    "columns, backwards": np.s_[:, ::-2],
    "a row": 7,
    "an element": (7, -1),
    "a new axis": np.s_[:, None, 3],
    "an ellipsis": np.s_[..., 2:5],
    "a mask": rng.random(SHAPE) < 0.1,
    "a mask of rows": rng.random(SHAPE[0]) < 0.5,
    "rows by number": rng.integers(-60, 60, (4, 5)),
    "columns by number": (slice(None), np.array([3, 1, 2], np.uint8)),
    "elements by number": (rng.integers(0, 60, 9), rng.integers(0, 50, 9)),
    "nothing": np.zeros(SHAPE, bool),
}
REFUSED = [True, (np.array(True), 2), 60, np.array([60]), np.zeros((3, 3), bool), 1.5, np.array([1.5]), "w", (1, 2, 3)]


def by_positions(shape, index, dtype):
    """An initializer itself, unlike its function, remembers no small fills."""
    return fastinit.initializers.HeNormal()(shape, seed=0, dtype=dtype, layout="io", index=index)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("part", PARTS)
def test_it_is_the_part_that_positions_give(part, dtype):
    expected = by_positions(SHAPE, PARTS[part], dtype)
    for _ in range(2):  # the first call may learn what the second one remembers
        found = fastinit.he_normal(SHAPE, seed=0, dtype=dtype, layout="io", index=PARTS[part])
        assert type(found) is type(expected) and found.dtype == expected.dtype and found.shape == expected.shape
        assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("part", [part for part in PARTS if part != "an element"])
def test_it_has_memory_of_its_own(part):
    fastinit.uniform(SHAPE, seed=0)
    found = fastinit.uniform(SHAPE, seed=0, index=PARTS[part])
    assert found.base is None and found.flags.c_contiguous and found.flags.writeable


@pytest.mark.parametrize("index", REFUSED, ids=repr)
def test_an_index_is_refused_as_of_large_tensors(index):
    fastinit.uniform(SHAPE, seed=0)
    with pytest.raises(IndexError) as expected:
        by_positions(SHAPE, index, "float32")
    with pytest.raises(IndexError) as found:
        fastinit.uniform(SHAPE, seed=0, index=index)
    assert str(found.value) == str(expected.value)


@pytest.mark.skipif(c_calls.native() is None, reason="the extension that remembers fills was not built")
@pytest.mark.parametrize(("shape", "index", "is_taken"), [
    (SHAPE, np.s_[3:5], True),
    (SHAPE, rng.random(SHAPE) < 0.5, True),
    ((200, 300), np.array([1, 2]), True),
    ((200, 300), np.s_[3:5], False),  # a few rows of more than four tiles
    (LARGE, rng.random(LARGE) < 0.5, False),
    (SHAPE, [1, 2], False),  # not a plain array
])  # fmt: skip
def test_no_positions_are_looked_for_where_all_takes_less(shape, index, is_taken, monkeypatch):
    fastinit.uniform(shape, seed=0)
    looked = []
    monkeypatch.setattr(indices, "indexed", lambda *asked, of=indices.indexed: looked.append(asked) or of(*asked))
    fastinit.uniform(shape, seed=0, index=index)
    assert bool(looked) != is_taken


def test_a_shape_of_anything_is_left_to_the_checks():
    assert not small_parts.is_taken(("a", 2), 3)
    with pytest.raises(TypeError, match="shape"):
        fastinit.uniform(("a", 2), index=3)

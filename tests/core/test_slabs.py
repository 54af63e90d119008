"""Tensors made of slabs: values, parts of them, and what a part costs."""

import tracemalloc

import numpy as np
import pytest

import fastinit
from fastinit.core.batch import fill_batch
from fastinit.core.division import in_order, may_be_cut
from fastinit.core.draws import Draws
from fastinit.core.dtypes import element_type
from fastinit.core.fill import fill, fill_piece
from fastinit.core.stream import child_stream, child_streams, stream_of
from fastinit.distributions import Constant, Normal, Slab, Slabs, TruncatedNormal, Uniform
from fastinit.distributions.boxes import Box
from fastinit.distributions.slabs import Slices
from fastinit.initializers import Parts, Stacked
from tests.support import bits

NORMAL, UNIFORM = Normal(0.0, 1.0), Uniform(-1.0, 1.0)
FLOAT32 = element_type("float32")
STREAM = stream_of(0, "w")


def same(found, expected):
    return found.dtype == expected.dtype and found.shape == expected.shape and np.array_equal(bits(found), bits(expected))


def orthogonal(shape):
    return fastinit.orthogonal.distribution_for(shape)


def boxed(start, shape, distribution, of):
    return Slab(start, shape, distribution, Box(start, shape).key(of))


PADDED = Slabs((9, 7, 6), (Slab((0, 0, 0), (9, 7, 6), NORMAL), boxed((2, 0, 0), (1, 7, 6), Constant(0.0), (9, 7, 6))))
FUSED = Slabs(
    (9, 7, 6),
    (
        boxed((0, 0, 0), (4, 7, 6), NORMAL, (9, 7, 6)),
        boxed((4, 0, 0), (5, 3, 6), UNIFORM, (9, 7, 6)),
        boxed((4, 3, 0), (5, 4, 6), Slabs((5, 4, 6), Slices((5, 4, 6), TruncatedNormal(0.0, 1.0, -1.0, 1.0))), (9, 7, 6)),
    ),
)
DISTRIBUTIONS = {
    "a constant row over a draw": PADDED,
    "fused": FUSED,
    "a stack": Slabs((9, 7, 6), Slices((9, 7, 6), NORMAL)),
    "a stack of matrices": Slabs((9, 7, 6), Slices((9, 7, 6), orthogonal((7, 6)))),
    "a stack of slabs": Slabs(
        (9, 7, 6),
        Slices(
            (9, 7, 6),
            Slabs((7, 6), (boxed((0, 0), (7, 2), NORMAL, (7, 6)), boxed((0, 2), (7, 4), orthogonal((7, 4)), (7, 6)))),
        ),
    ),
    "one over another": Slabs(
        (9, 7, 6),
        (
            Slab((0, 0, 0), (9, 7, 6), NORMAL),
            *(boxed((i, i % 5, 1), (1, 2, 3), Uniform(float(i), i + 1.0), (9, 7, 6)) for i in range(9)),
            boxed((3, 1, 2), (4, 4, 2), Constant(7.0), (9, 7, 6)),
        ),
    ),
}

INDICES = [
    np.s_[:],
    np.s_[3],
    np.s_[-1, 2:5],
    np.s_[::2, ::-1, 1:-1],
    np.s_[::-3, :, 4],
    np.s_[8:1:-2, 5:0:-3],
    np.s_[..., 2],
    np.s_[None, 2:4, None, ..., 1],
    np.s_[4, 5, 3],
    np.s_[5:5],
    np.s_[2, 3:3],
    np.s_[[3, 7, 3]],
    np.s_[[[0, -1], [4, 2]]],
    np.s_[:, [1, 5, 2]],
    np.s_[[1, 4, 8], [0, 3, 6]],
    np.s_[[1, 4, 8], :, [0, 3, 5]],
    np.s_[:, [[1], [4]], [0, 3, 5]],
    np.s_[2, :, [0, 3, 5]],
    np.s_[[4], 1:6:2, None, [0, 3, 5]],
    np.s_[[2, 2, 8], ..., 1],
    np.ix_([0, 1, 4, 5, 8], [6, 0, 2], [1, 2, 3]),
    np.ix_(np.arange(2, 7), np.arange(7), np.arange(0, 6, 2)),
    np.s_[np.arange(9) % 3 == 0],
    np.s_[:, np.arange(42).reshape(7, 6) % 5 == 0],
    np.s_[np.arange(378).reshape(9, 7, 6) % 7 == 0],
    np.s_[np.zeros(9, bool)],
]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_a_tensor_is_its_slabs_each_of_its_own_stream(distribution, dtype):
    expected = np.empty(distribution.shape, np.dtype(fill(NORMAL, 1, dtype=dtype).dtype))
    for slab in distribution.slabs:
        stream = STREAM if slab.key is None else child_stream(STREAM, slab.key)
        shape = slab.distribution.only_shape or slab.shape
        expected[slab.box.slices] = fill(slab.distribution, shape, seed=stream, dtype=dtype).reshape(slab.shape)
    assert same(fill(distribution, distribution.shape, seed=STREAM, dtype=dtype), expected)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
@pytest.mark.parametrize("index", INDICES, ids=lambda index: str(index).replace("\n", "")[:60])
def test_a_part_is_that_of_the_whole(distribution, index):
    whole = fill(distribution, distribution.shape, seed=STREAM)
    part = fill(distribution, distribution.shape, seed=STREAM, index=index)
    assert np.shape(part) == whole[index].shape and same(np.asarray(part), np.asarray(whole[index]))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_any_memory_takes_the_values(distribution):
    whole = fill(distribution, distribution.shape, seed=STREAM)
    out = np.empty((6, 9, 7), np.float32).transpose(1, 2, 0)[:, ::-1]
    assert fill(distribution, distribution.shape, seed=STREAM, out=out) is out and same(out.copy(), whole)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_a_batch_and_the_draws_of_an_initializer_have_the_same_values(distribution):
    whole = fill(distribution, distribution.shape, seed=0, name="w")
    assert same(fastinit.fill_many(distribution, {"w": distribution.shape}, seed=0)["w"], whole)
    assert same(Draws(STREAM, np.float32).of(distribution, distribution.shape), whole)


def test_arrays_drawn_one_after_the_other_are_no_copies():
    draws = Draws(STREAM, np.float32)
    first, second = (draws.of(FUSED, FUSED.shape) for _ in range(2))
    assert not np.isin(first, second).any()


@pytest.mark.parametrize("distribution", [d for d in DISTRIBUTIONS.values() if d.is_elementwise])
@pytest.mark.parametrize(("first", "n"), [(0, 378), (0, 1), (41, 2), (50, 100), (47, 3), (377, 1), (5, 373)])
def test_pieces_are_parts_of_the_whole(distribution, first, n):
    piece = np.empty(n, np.float32)
    fill_piece(distribution, distribution.shape, STREAM, first, piece)
    assert same(piece, fill(distribution, distribution.shape, seed=STREAM).reshape(-1)[first : first + n])


def test_a_scalar_may_be_a_slab():
    scalar = Slabs((), (Slab((), (), NORMAL, "a"),))
    assert fill(scalar, (), seed=STREAM) == fill(NORMAL, (), seed=child_stream(STREAM, "a"))


@pytest.mark.parametrize("n", [1, 3, 100])
def test_children_computed_together_are_those_computed_alone(n):
    keys = [None, *map(str, range(n))]
    assert child_streams(STREAM, keys) == [STREAM, *(child_stream(STREAM, key) for key in keys[1:])]
    assert child_stream(STREAM, "a") == Draws(STREAM, np.float32).child("a").stream


def peak(action):
    action()
    tracemalloc.start()
    action()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("of", ["he_normal", "orthogonal", Parts(0, ((0.5, "orthogonal"), (0.5, "he_normal")))], ids=str)
def test_an_expert_takes_the_memory_of_one(of):
    stack, shape = Stacked(of), (64, 128, 128)
    alone = peak(lambda: fastinit.get(of)(shape[1:], seed=0))
    assert peak(lambda: stack(shape, seed=0, index=5)) < 1.2 * alone + 50_000


def test_only_the_slabs_that_are_asked_for_are_made(monkeypatch):
    made, whole = [], orthogonal((7, 6))
    monkeypatch.setattr(type(whole), "values", lambda self, draws: made.append(1) or np.zeros(self.shape, np.float32))
    fill(DISTRIBUTIONS["a stack of matrices"], (9, 7, 6), index=np.s_[2:4, 1])
    assert len(made) == 2


def test_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"is for shape \(9, 7, 6\) only, got shape \(378,\)"):
        fill(FUSED, 378)
    out = {"v": np.zeros(3, np.float32), "w": np.zeros((7, 9, 6), np.float32)}
    with pytest.raises(ValueError, match=r"is for shape \(9, 7, 6\) only, got shape \(7, 9, 6\)"):
        fill_batch({"v": NORMAL, "w": FUSED}, {name: array.shape for name, array in out.items()}, 0, FLOAT32, out)
    assert not out["v"].any()


# ---- dividing tensors ----


@pytest.mark.parametrize("distribution", [*DISTRIBUTIONS.values(), orthogonal((9, 7)), NORMAL], ids=str)
@pytest.mark.parametrize("most", [1, 10, 100, 10_000])
def test_boxes_in_order_are_the_tensor(distribution, most):
    shape = distribution.only_shape or (9, 7)
    numbers = np.arange(np.prod(shape)).reshape(shape)
    boxes = [numbers[box.slices].reshape(-1) for box in in_order(distribution, shape, most)]
    assert np.array_equal(np.concatenate(boxes), numbers.reshape(-1))
    assert not distribution.is_elementwise or max(map(len, boxes)) <= most


@pytest.mark.parametrize(
    ("shape", "most", "shapes"),
    [
        ((10, 4), 12, [(3, 4)] * 3 + [(1, 4)]),
        ((10, 4), 40, [(10, 4)]),
        ((2, 3, 4), 9, [(1, 2, 4), (1, 1, 4)] * 2),
        ((2, 5), 3, [(1, 3), (1, 2)] * 2),
        ((0, 5), 3, []),
    ],
)
def test_boxes_in_order_are_as_large_as_they_may_be(shape, most, shapes):
    assert [box.shape for box in in_order(NORMAL, shape, most)] == shapes


def test_boxes_in_order_divide_nothing_that_is_made_together():
    boxes = list(in_order(DISTRIBUTIONS["a stack of matrices"], (9, 7, 6), 84))
    assert [box.shape for box in boxes] == [(2, 7, 6)] * 4 + [(1, 7, 6)]
    assert [box.start for box in boxes] == [(row, 0, 0) for row in range(0, 9, 2)]


@pytest.mark.parametrize(
    ("distribution", "borders", "expected"),
    [
        (NORMAL, [[1, 2, 3], [5]], True),
        (orthogonal((9, 7)), [[0, 9], [0, 7]], True),
        (orthogonal((9, 7)), [[0, 9], [0, 3, 7]], False),
        (DISTRIBUTIONS["a stack of matrices"], [[0, 3, 5, 9], [0, 7], [0, 6]], True),
        (DISTRIBUTIONS["a stack of matrices"], [[0, 3, 5, 9], [0, 4, 7], [0, 6]], False),
        (DISTRIBUTIONS["a stack of slabs"], [[0, 1, 9], [0, 7], [0, 1, 2, 6]], True),
        (DISTRIBUTIONS["a stack of slabs"], [[0, 1, 9], [0, 7], [0, 3, 6]], False),
    ],
    ids=str,
)
def test_a_tensor_may_be_cut_where_nothing_is_made_together(distribution, borders, expected):
    assert may_be_cut(distribution, distribution.only_shape or (9, 7), borders) is expected

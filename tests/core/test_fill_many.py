"""A batch of tensors has the values of each one filled by itself, in any backend and on any number of threads."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import SeedSequence

import fastinit
from fastinit import HeNormal, fill_many
from fastinit.backends import c_calls
from fastinit.core.small_arrays import SMALL
from fastinit.core.stream import stream_of, streams_of

MATRICES = {"a": (3, 5), "b": (64, 64), "long": (SMALL + 1, 1), "c": (2049, 1)}
SHAPES = {**MATRICES, "scalar": (), "none": (0, 7), "bias": (11,)}
INITIALIZERS = {
    "he_normal": MATRICES,
    "xavier_uniform": MATRICES,
    "truncated_normal": SHAPES,
    "zeros": SHAPES,
    "orthogonal": {"a": (3, 5), "b": (64, 64)},
}


def one_by_one(initializer, shapes, **options):
    made = fastinit.get(initializer)
    return {name: made(shape, name=name, **options) for name, shape in shapes.items()}


def assert_same(batch, single):
    assert list(batch) == list(single)
    for name, array in single.items():
        assert batch[name].dtype == array.dtype and batch[name].shape == array.shape
        np.testing.assert_array_equal(batch[name], array, err_msg=name)


@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_a_batch_has_the_values_of_the_calls_one_by_one(initializer, dtype):
    shapes = INITIALIZERS[initializer]
    assert_same(fill_many(initializer, shapes, seed=5, dtype=dtype), one_by_one(initializer, shapes, seed=5, dtype=dtype))


X = np.zeros((6, 8), np.float32)
SHARED = {
    "one array twice": (X, X),
    "a view and its base": (X, X[1:3]),
    "rows that overlap": (X[:4], X[3:]),
    "a column of rows": (X[:, 2], X[4]),
    "backwards": (X[::-1], X),
    "one element": (X[:1, :1], X[::-1, ::-1][5:, 7:]),
}
APART = {
    "halves": (X[:3], X[3:]),
    "columns in turn": (X[:, ::2], X[:, 1::2]),
    "columns": tuple(X[:, i] for i in range(8)),
    "nothing of one": (X, X[:0]),
}


@pytest.mark.parametrize("arrays", SHARED.values(), ids=SHARED)
def test_arrays_that_share_memory_are_refused_and_left_as_they_are(arrays):
    out = {"first": arrays[0], "other": X.copy(), "second": arrays[1]}
    with pytest.raises(ValueError, match="out has the same memory for 'first' and 'second'"):
        fill_many("normal", {name: array.shape for name, array in out.items()}, out=out)
    assert not X.any()


@pytest.mark.parametrize("arrays", APART.values(), ids=APART)
def test_views_of_one_array_that_do_not_overlap_are_filled(arrays):
    out = {str(i): array for i, array in enumerate(arrays)}
    shapes = {name: array.shape for name, array in out.items()}
    filled = fill_many("normal", shapes, out=out)
    assert_same({name: array.copy() for name, array in filled.items()}, fill_many("normal", shapes))
    X[...] = 0


def test_backends_give_the_same_batch(each_backend):
    shapes = {"a": (3, 5), "b": (40, 60)}
    with fastinit.use_backend(*each_backend):
        batch = fill_many("normal", shapes, seed=5)
    assert_same(batch, one_by_one("normal", shapes, seed=5))


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_do_not_change_a_batch_of_many(threads, num_threads):
    num_threads(threads)
    shapes = {f"experts.{i}.w": (17, 31 + i % 3) for i in range(2500)}
    batch = fill_many("he_normal", shapes, seed=5)
    for name in ("experts.0.w", "experts.999.w", "experts.1000.w", "experts.2499.w"):
        np.testing.assert_array_equal(batch[name], fastinit.he_normal(shapes[name], seed=5, name=name))


def test_each_name_may_have_an_initializer_of_its_own():
    batch = fill_many({"a": "ones", "b": HeNormal(convention="torch")}, {"a": (3,), "b": (8, 4)}, seed=5)
    assert (batch["a"] == 1).all()
    np.testing.assert_array_equal(batch["b"], fastinit.he_normal((8, 4), convention="torch", seed=5, name="b"))


def test_arrays_given_are_filled_contiguous_or_not():
    shapes = {"a": (6, 5), "b": (6, 5), "c": (6, 5)}
    plain, twice_as_wide = np.empty((6, 5), np.float32), np.empty((6, 10), np.float32)
    out = {"a": plain, "b": np.empty((5, 6), np.float32).T, "c": twice_as_wide[:, ::2]}
    batch = fill_many("normal", shapes, seed=5, out=out)
    assert all(batch[name] is out[name] for name in shapes)
    assert_same(batch, one_by_one("normal", shapes, seed=5))


def test_with_fresh_entropy_two_tensors_and_two_batches_differ():
    first, second = (fill_many("normal", {"a": (100,), "b": (100,)}, seed=None) for _ in range(2))
    assert not (first["a"] == first["b"]).any() and not (first["a"] == second["a"]).any()


def test_the_seed_is_0_unless_said_as_for_a_whole_model():
    batch = fill_many("normal", {"a": (100,)})
    assert np.array_equal(batch["a"], fill_many("normal", {"a": (100,)}, seed=0)["a"])


def test_a_batch_of_nothing_is_empty():
    assert fill_many("normal", {}, seed=5) == {}


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("normal", [(3,)]), {}, TypeError, "shapes must be a mapping from names to shapes, got [(3,)]"),
        (({"a": "ones"}, {"a": (3,), "b": (3,)}), {}, ValueError, "initializers has nothing for 'b'"),
        (("he_normal", {"a": (3,)}), {}, ValueError, "shape (3,) has no fan_in"),
        (("normal", {"a": (-3,)}), {}, ValueError, "shape must have no negative length, got (-3,)"),
        (("normal", {"a": (3,)}), {"dtype": int}, TypeError, "dtype must be one of float32, "),
        (("normal", {3: (3,)}), {}, TypeError, "name must be a string or None, got 3"),
        (("normal", {"a": (3,)}), {"seed": -1}, ValueError, "seed must not be negative, got -1"),
        (("normal", {"a": (3,)}), {"out": {}}, ValueError, "out has nothing for 'a'"),
    ],
)
def test_a_wrong_argument_is_an_error_that_says_which(arguments, options, error, message):
    with pytest.raises(error) as raised:
        fill_many(*arguments, **{"seed": 5, **options})
    assert str(raised.value).startswith(message)


def test_nothing_is_written_where_the_last_of_the_arrays_cannot_be():
    out = {"a": np.full(3, np.nan, np.float32), "b": np.full(4, np.nan, np.float32)}
    with pytest.raises(ValueError, match=r"out has shape \(4,\)"):
        fill_many("normal", {"a": (3,), "b": (3,)}, seed=5, out=out)
    assert np.isnan(out["a"]).all()


def test_nothing_is_written_where_a_name_of_a_large_tensor_is_none():
    out = {"a": np.full(4, np.nan, np.float32), 5: np.full(SMALL + 1, np.nan, np.float32)}
    with pytest.raises(TypeError, match="name must be a string or None, got 5"):
        fill_many("normal", {"a": (4,), 5: (SMALL + 1,)}, seed=0, out=out)
    assert np.isnan(out["a"]).all()


SEEDS = st.one_of(
    st.integers(0, 2**200),
    st.builds(SeedSequence, st.integers(0, 2**160), spawn_key=st.lists(st.integers(0, 2**40), max_size=3)),
    st.builds(SeedSequence, st.lists(st.integers(0, 2**70), min_size=1, max_size=6)),
    st.just(SeedSequence(["0x10", "7"])),
    st.builds(SeedSequence, st.integers(0, 2**160), pool_size=st.integers(5, 9)),
)


@given(SEEDS, st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_streams_computed_together_are_those_of_numpys_seed_sequence(seed, names):
    expected = np.array([stream_of(seed, name) for name in names], np.uint32).reshape(-1, 4)
    np.testing.assert_array_equal(streams_of(seed, names), expected)


MIXED = {
    "w": ((6, 4), "he_normal"),
    "b": ((4,), "ones"),
    "t": (9, "truncated_normal"),
    "q": ((5, 5), "orthogonal"),
    "v": ((6, 4), "he_normal"),
    "long": ((SMALL + 3,), "normal"),
    "none": ((0, 3), "uniform"),
}


@pytest.mark.parametrize("more", [{}, {"list": ([6, 4], "he_normal")}], ids=["plain", "a shape that is for Python"])
@pytest.mark.parametrize("given", [False, True], ids=["new", "out"])
def test_tensors_that_c_fills_and_those_that_python_does_go_together(more, given):
    asked = MIXED | more
    shapes, initializers = ({name: it[i] for name, it in asked.items()} for i in (0, 1))
    out = {name: np.empty(shape, np.float32) for name, shape in shapes.items()} if given else None
    batch = fill_many(initializers, shapes, seed=5, out=out)
    single = {name: fastinit.get(initializers[name])(shapes[name], seed=5, name=name) for name in asked}
    assert_same(batch, single)
    assert out is None or all(batch[name] is out[name] for name in out)


def test_other_blocks_of_memory_are_filled_beside_plain_ones():
    shapes = {"plain": (4, 6), "transposed": (4, 6), "swapped": (4, 6), "more": (4, 6)}
    out = {name: np.zeros((4, 6), np.float32) for name in shapes} | {
        "transposed": np.zeros((6, 4), np.float32).T, "swapped": np.zeros((4, 6), ">f4"),
    }  # fmt: skip
    fill_many("normal", shapes, seed=5, out=out)
    for name in shapes:
        np.testing.assert_array_equal(out[name], fastinit.normal((4, 6), seed=5, name=name), err_msg=name)


def test_c_fills_the_constants_among_small_tensors(monkeypatch):
    if c_calls.native() is None:
        pytest.skip("fastinit._calls was not built")
    monkeypatch.setattr("fastinit.core.batch.InPython", lambda shapes, *others: SimpleNamespace(arrays={**shapes}, fill=int))
    batch = fill_many({"w": "normal", "b": "zeros", "g": "ones"}, {"w": (6, 4), "b": (4,), "g": (2**16,)}, seed=5)
    assert not batch["b"].any() and (batch["g"] == 1).all()  # SimpleNamespace has the shapes of what is left to Python


class OnDevice:
    __dlpack_device__ = None


@pytest.mark.parametrize(
    "given, more",
    [(OnDevice(), r" \(one on a device is filled by a call of its own\)"), ([0.0], "")],
    ids=["device", "list"],
)
def test_an_out_that_is_no_array_of_numpy_is_refused_by_name(given, more):
    with pytest.raises(TypeError, match=rf"out\['b'\] must be a numpy array{more}, got {type(given).__name__}"):
        fill_many("normal", {"a": (2,), "b": (1,)}, out={"a": np.zeros(2, np.float32), "b": given})


def test_shapes_that_compare_equal_but_are_not_ints_are_refused():
    with pytest.raises(TypeError, match="shape must be an int or a sequence of ints"):
        fill_many("normal", {"a": (2, 3), "b": (2.0, 3)}, seed=5)


def test_parts_of_a_plan_are_checked():
    native = c_calls.native()
    if native is None:
        pytest.skip("fastinit._calls was not built")
    *_, plan = native.plan_many({}, {}, bytes(16), None, None, 10, 10)
    with pytest.raises(ValueError, match="run_many takes a part of 0 arrays"):
        native.run_many(plan, 0, 1)
    with pytest.raises(ValueError):
        native.run_many(object(), 0, 0)


def test_no_reference_of_a_batch_is_lost_or_left_over():
    shape, names = (17, 3), [f"layers.{i}.weight" for i in range(200)]
    counts = []
    for _ in range(3):
        batch = fill_many("normal", dict.fromkeys(names, shape), seed=5)
        counts.append((sys.getrefcount(shape), sys.getrefcount(names[7]), sys.getrefcount(batch[names[7]])))
        del batch
    assert counts[0] == counts[1] == counts[2] and counts[0][2] == 2


def test_without_the_extension_the_batch_is_the_same(monkeypatch):
    shapes = {name: shape for name, (shape, _) in MIXED.items() if name in ("w", "v", "t")}
    batch = fill_many("normal", shapes, seed=5)
    monkeypatch.setattr(c_calls, "native", lambda: None)
    assert_same(batch, fill_many("normal", shapes, seed=5))

"""Lazy arrays have NumPy's values for the same seed, name and shape, whatever their chunks and whoever computes them."""

import inspect
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

pytest.importorskip("dask.array")

import dask
import dask.array as da
from numpy.random import SeedSequence

import fastinit
import fastinit.dask
from fastinit.initializers import INITIALIZERS, HeNormal, Normal, Orthogonal, Zeros
from fastinit.initializers.layouts import Layout
from fastinit.recipes import Recipe, Rule
from fastinit.runtime import threads
from tests.support import ARGUMENTS, SHAPES_OF_OTHERS, bits

SHAPE = (50, 83)
CHUNKINGS = [
    "auto", -1, 1000, 20, (7, -1), (-1, 9), (50, (80, 3)), ((1, 0, 49), (41, 42)), {0: 13}, "1 KiB",
]  # fmt: skip


def same(array, expected):
    """Whether the bits are; `array` may be lazy, and then must not lie about its shape and dtype."""
    computed = array.compute() if isinstance(array, da.Array) else array
    assert (array.shape, array.dtype) == (computed.shape, computed.dtype)
    assert (computed.shape, computed.dtype) == (expected.shape, expected.dtype)
    return np.array_equal(bits(computed), bits(expected))


@pytest.fixture
def made(monkeypatch):
    """What tasks fill from here on: a list of (shape made, number of threads)."""
    record = []

    def recorded(*arguments, **options):
        values = fill(*arguments, **options)
        record.append((values.shape, threads.get_num_threads()))
        return values

    fill = fastinit.dask.fill
    monkeypatch.setattr(fastinit.dask, "fill", recorded)
    return record


# ---- values ----


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("chunks", [2, {0: 3}], ids=["blocks", "rows"])
def test_every_initializer_gives_numpys_values(name, chunks):
    arguments, shape = ARGUMENTS.get(name, {}), SHAPES_OF_OTHERS.get(name, (5, 6))
    options = {"seed": 0, "name": "w", "dtype": "float64", "layout": "oi"}
    lazy = getattr(fastinit.dask, name)(shape, **arguments, chunks=chunks, **options)
    assert lazy.npartitions > 1
    assert same(lazy, INITIALIZERS[name](shape, **arguments, **options))


@pytest.mark.parametrize("chunks", CHUNKINGS, ids=str)
@pytest.mark.parametrize("name", ["normal", "orthogonal"])
def test_values_do_not_depend_on_chunks(name, chunks):
    lazy = getattr(fastinit.dask, name)(SHAPE, chunks=chunks, seed=0, name="w")
    assert same(lazy, INITIALIZERS[name](SHAPE, seed=0, name="w"))
    assert lazy.chunks == da.core.normalize_chunks(chunks, SHAPE, dtype=np.float32)


@pytest.mark.parametrize("name", ["normal", "constant", "orthogonal"])
def test_every_dtype_is_numpys(name, dtype):
    parameter = {"normal": "std", "constant": "value", "orthogonal": "gain"}[name]
    lazy = getattr(fastinit.dask, name)(SHAPE, chunks=20, seed=0, dtype=dtype, **{parameter: 0.3})
    assert same(lazy, INITIALIZERS[name](SHAPE, seed=0, dtype=dtype, **{parameter: 0.3}))


@pytest.mark.parametrize("shape", [(), (0,), (0, 5), (3, 0, 5), (1,), 7])
@pytest.mark.parametrize("chunks", ["auto", 1, -1])
def test_shapes_without_axes_or_elements(shape, chunks):
    assert same(fastinit.dask.normal(shape, chunks=chunks, seed=0), fastinit.normal(shape, seed=0))


@pytest.mark.parametrize("name", ["he_normal", "orthogonal"])
@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_values_do_not_depend_on_the_scheduler(name, scheduler):
    with dask.config.set(scheduler=scheduler):
        assert same(getattr(fastinit.dask, name)(SHAPE, chunks=20, seed=0), INITIALIZERS[name](SHAPE, seed=0))


def test_the_layout_and_the_convention_are_numpys():
    assert same(
        fastinit.dask.he_uniform((3, 3, 4, 5), chunks=2, seed=0, layout=Layout("hwio")),
        fastinit.he_uniform((3, 3, 4, 5), seed=0, convention="jax"),
    )


@pytest.mark.parametrize("name", ["normal", "orthogonal"])
def test_without_a_seed_an_array_keeps_its_values_and_another_has_others(name):
    function = getattr(fastinit.dask, name)
    lazy, other = function(SHAPE, chunks=20), function(SHAPE, chunks=20)
    assert same(lazy, lazy.compute()) and lazy.name != other.name
    assert not np.array_equal(lazy.compute(), other.compute())


def test_a_part_of_a_tensor_larger_than_any_memory():
    cut = np.s_[2**32 + 5, 2**19 - 3 : 2**19 + 3]
    lazy = fastinit.dask.normal((2**33, 2**20), chunks=(2**29, 2**18), seed=0, dtype="bfloat16")
    assert same(lazy[cut], fastinit.normal((2**33, 2**20), seed=0, dtype="bfloat16", index=cut))


# ---- graphs ----


@pytest.mark.parametrize(
    "cut", [np.s_[5:20, ::3], np.s_[5, 10:20], np.s_[[5, 49, 3]], np.s_[::-1, 5], np.s_[None, 3:4], np.s_[-1, -1]], ids=str
)
@pytest.mark.parametrize("name", ["normal", "orthogonal"])
def test_slices_are_those_of_the_whole(name, cut):
    lazy = getattr(fastinit.dask, name)(SHAPE, chunks=(20, 30), seed=0)
    assert same(lazy[cut], np.asarray(INITIALIZERS[name](SHAPE, seed=0)[cut]))


def test_only_what_a_slice_selects_is_computed(made):
    fastinit.dask.normal((1000, 1000), chunks=100, seed=0)[205:215, ::500].compute()
    assert sorted(shape for shape, _ in made) == [(10, 1), (10, 1)]


@pytest.mark.parametrize("chunks", [50, -1])
def test_a_whole_tensor_is_computed_once(made, chunks):
    lazy = fastinit.dask.orthogonal((200, 100), chunks=chunks, seed=0)
    (da.ones((500, 200), chunks=(50, chunks)) @ lazy + lazy[:1]).compute()
    assert [shape for shape, _ in made] == [(200, 100)]


@pytest.mark.parametrize(
    ("chunks", "filled"), [((2, -1, -1), [(2, 30, 20)] * 3), ((1, -1, -1), [(1, 30, 20)] * 6), ((3, 15, -1), [(6, 30, 20)])]
)
def test_matrices_of_a_stack_are_computed_once_each(made, chunks, filled):
    lazy = fastinit.dask.stacked((6, 30, 20), initializer="orthogonal", chunks=chunks, seed=0)
    (lazy + lazy[::-1] * 2).compute()
    assert [shape for shape, _ in made] == filled
    assert same(lazy, fastinit.initializers.stacked((6, 30, 20), initializer="orthogonal", seed=0))


@pytest.mark.parametrize("name", ["normal", "orthogonal"])
def test_a_task_fills_on_its_own_thread_alone(name, made, num_threads):
    num_threads(8)
    getattr(fastinit.dask, name)((400, 300), chunks=200, seed=0).compute(scheduler="threads")
    assert {n for _, n in made} == {1} and fastinit.get_num_threads() == 8


def test_alone_is_for_the_calling_thread_and_nests(num_threads):
    num_threads(8)
    elsewhere = []
    with threads.single_threaded():
        with threads.single_threaded():
            assert fastinit.get_num_threads() == 1
        assert fastinit.get_num_threads() == 1
        other = threading.Thread(target=lambda: elsewhere.append(fastinit.get_num_threads()))
        other.start(), other.join()
    assert elsewhere == [8] and fastinit.get_num_threads() == 8


@pytest.mark.parametrize("name", ["normal", "orthogonal"])
def test_the_same_arguments_give_the_same_key(name):
    function = getattr(fastinit.dask, name)
    keys = [function(SHAPE, chunks=20, seed=seed, name="w").name for seed in (3, np.int64(3), SeedSequence(3))]
    assert len(set(keys)) == 1


def test_other_arguments_give_other_keys():
    function, options = fastinit.dask.normal, {"chunks": 20, "seed": 0}
    others = [{"seed": 1}, {"name": "w"}, {"chunks": 21}, {"mean": 1.0}]
    others += [{"dtype": dtype} for dtype in ("float64", "bfloat16", "float16", "float8_e5m2", "float8_e4m3fn")]
    arrays = [function(SHAPE, **options | other) for other in [{}, *others]]
    arrays += [fastinit.dask.uniform(SHAPE, low=0, high=1, **options), function((83, 50), **options)]
    arrays += [fastinit.dask.orthogonal((8, 8, 8), layout=layout, **options) for layout in ("io", "oi")]
    assert len({array.name for array in arrays}) == len(arrays)


@pytest.mark.parametrize("name", ["normal", "orthogonal"])
def test_the_graph_holds_no_values_and_is_pickled(name):
    lazy = getattr(fastinit.dask, name)((400, 400), chunks=100, seed=0)
    pickled = pickle.dumps(lazy)
    assert len(pickled) < 20_000  # the values are 640,000 bytes
    assert same(pickle.loads(pickled), INITIALIZERS[name]((400, 400), seed=0))


def test_a_large_graph_is_small_until_it_is_computed():
    assert len(pickle.dumps(fastinit.dask.normal((10_000, 10_000), chunks=100, seed=0))) < 10_000  # of 10,000 blocks


# ---- clusters and Zarr ----


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_zarr_holds_numpys_values(tmp_path, dtype):
    zarr = pytest.importorskip("zarr")
    lazy = fastinit.dask.normal(SHAPE, chunks=20, seed=0, name="w", dtype=dtype)
    da.to_zarr(lazy, str(tmp_path / "w.zarr"))
    stored = zarr.open(str(tmp_path / "w.zarr"))
    assert stored.chunks == (20, 20) and same(stored[:], fastinit.normal(SHAPE, seed=0, name="w", dtype=dtype))


def test_zarr_holds_bfloat16_as_integers(tmp_path):
    """Zarr has no such dtype."""
    zarr = pytest.importorskip("zarr")
    lazy = fastinit.dask.normal(SHAPE, chunks=20, seed=0, dtype="bfloat16")
    da.to_zarr(lazy.view("uint16"), str(tmp_path / "w.zarr"))
    stored = zarr.open(str(tmp_path / "w.zarr"))[:]
    assert same(stored.view(lazy.dtype), fastinit.normal(SHAPE, seed=0, dtype="bfloat16"))


def check_everywhere(tmp_path):
    """With the scheduler there is: values of each kind of distribution and dtype, and a Zarr store."""
    for name, dtype in (("he_normal", "float32"), ("truncated_normal", "bfloat16"), ("orthogonal", "float64")):
        lazy = getattr(fastinit.dask, name)(SHAPE, chunks=(20, 30), seed=0, name="w", dtype=dtype)
        assert same(lazy, INITIALIZERS[name](SHAPE, seed=0, name="w", dtype=dtype))
        assert same(lazy[3:30:2, 5], INITIALIZERS[name](SHAPE, seed=0, name="w", dtype=dtype)[3:30:2, 5])
    zarr = pytest.importorskip("zarr")
    da.to_zarr(fastinit.dask.normal(SHAPE, chunks=(20, 30), seed=0), str(tmp_path / "w.zarr"))
    assert same(zarr.open(str(tmp_path / "w.zarr"))[:], fastinit.normal(SHAPE, seed=0))


@pytest.mark.slow
def test_values_do_not_depend_on_processes(tmp_path):
    with dask.config.set(scheduler="processes", num_workers=2):
        check_everywhere(tmp_path)


@pytest.mark.parametrize("processes", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_values_do_not_depend_on_the_cluster(tmp_path, processes):
    distributed = pytest.importorskip("distributed")
    workers = {"n_workers": 2, "threads_per_worker": 1, "processes": processes}
    with distributed.LocalCluster(**workers, dashboard_address=None) as cluster, distributed.Client(cluster):
        check_everywhere(tmp_path)


# ---- models ----

SHAPES = {
    "embed.weight": (40, 16),
    "up.weight": np.empty((16, 32), "float64"),
    "up.bias": (32,),
    "head.weight": (40, 16),
    "square.weight": (16, 16),
    "steps": np.zeros((3,), np.int64),
    "old": (4,),
}
RECIPE = Recipe(
    [("*.bias", "zeros"), ("square*", Orthogonal()), ("up*", HeNormal()), ("*.weight", Normal(0, 0.02)), ("steps", Zeros())],
    skip=["old"],
    tied={"head.weight": "embed.weight"},
)


@pytest.mark.parametrize("chunks", ["auto", 7])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_model_has_the_values_that_its_recipe_gives_numpy(chunks, dtype):
    lazy = fastinit.dask.materialize(RECIPE, SHAPES, 5, dtype, chunks=chunks)
    expected = RECIPE.materialize(SHAPES, 5, dtype)
    assert list(lazy) == list(expected) and lazy["head.weight"] is lazy["embed.weight"]
    assert all(same(lazy[name], expected[name]) for name in expected)


def test_a_model_of_torchs_layout_has_the_values_that_its_recipe_gives_numpy():
    recipe, shapes = Recipe([("*", "he_normal")]), {"w": (100, 10)}
    lazy = fastinit.dask.materialize(recipe, shapes, layout="oi")
    assert same(lazy["w"], recipe.materialize(shapes, layout="oi")["w"])


def test_a_model_without_a_seed_keeps_its_values():
    lazy = fastinit.dask.materialize(RECIPE, SHAPES, seed=None)
    first, second = dask.compute(lazy, lazy)
    assert all(np.array_equal(first[name], second[name]) for name in lazy)
    assert not np.array_equal(first["embed.weight"].ravel()[:50], first["up.weight"].ravel()[:50])


# ---- functions ----


def test_every_function_is_there_under_its_name_and_its_other_names():
    assert set(INITIALIZERS) < set(fastinit.dask.__all__) and set(fastinit.dask.__all__) == set(dir(fastinit.dask))
    assert fastinit.dask.glorot_normal is fastinit.dask.xavier_normal
    with pytest.raises(AttributeError, match=r"'fastinit\.dask' has no attribute 'heinormal'"):
        fastinit.dask.heinormal  # noqa: B018


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_function_has_numpys_parameters_and_chunks(name):
    lazy, eager = getattr(fastinit.dask, name), INITIALIZERS[name]
    expected = [parameter for parameter in inspect.signature(eager).parameters if parameter not in ("out", "index")]
    assert [parameter for parameter in inspect.signature(lazy).parameters if parameter != "chunks"] == expected
    assert inspect.signature(lazy).parameters["chunks"].kind is inspect.Parameter.KEYWORD_ONLY
    assert (lazy.__name__, lazy.__doc__, lazy.distribution_for) == (name, eager.__doc__, eager.distribution_for)
    assert pickle.loads(pickle.dumps(lazy)) is lazy


PREFIX = r"chunks must be what Dask takes for shape \(10, 5\), got "
ERRORS = [
    # call, error, text
    (lambda d: d.normal((10, -5)), ValueError, r"shape must have no negative length, got \(10, -5\)"),
    (lambda d: d.normal("w"), TypeError, "shape must be an int or a sequence of ints, got 'w'"),
    (lambda d: d.normal((10, 5), std=-1), ValueError, "std must not be negative, got -1.0"),
    (lambda d: d.normal((10, 5), mean=1e39), ValueError, "mean must be within the range of float32, got 1e[+]39"),
    (lambda d: d.normal((10, 5), sigma=1), TypeError, "normal has no parameter 'sigma': did you mean 'std'"),
    (lambda d: d.normal((10, 5), index=0), TypeError, "normal has no parameter 'index': it takes mean, std, convention"),
    (lambda d: d.he_normal(10), ValueError, r"shape \(10,\) has no fan_in"),
    (lambda d: d.delta_orthogonal((10, 5)), ValueError, "delta_orthogonal"),
    (lambda d: d.normal((10, 5), dtype="int32"), TypeError, "dtype must be one of float32, .*, got 'int32'"),
    (lambda d: d.normal((10, 5), seed=-1), ValueError, "seed must not be negative, got -1"),
    (lambda d: d.normal((10, 5), seed=0, name=3), TypeError, "name must be a string or None, got 3"),
    (lambda d: d.normal((10, 5), chunks="x"), ValueError, PREFIX + "'x': Could not interpret 'x' as a byte unit"),
    (lambda d: d.normal((10, 5), chunks=(3,)), ValueError, PREFIX + r"\(3,\): "),
    (lambda d: d.normal((10, 5), chunks=0), ValueError, PREFIX + "0: "),
    (lambda d: d.normal((10, 5), chunks=1.5), ValueError, PREFIX + "1.5: "),
    (lambda d: d.normal((10, 5), chunks=None), ValueError, PREFIX + "None: "),
    (lambda d: d.normal((10, 5), chunks=object()), ValueError, PREFIX + "<object"),
    (lambda d: d.normal((10, 5), chunks=((4, 5), 5)), ValueError, PREFIX + r"\(\(4, 5\), 5\): "),
    (
        lambda d: d.orthogonal((10, 5), chunks=((np.nan, 5.0), 5)),
        ValueError,
        PREFIX + r"\(\(nan, 5.0\), 5\): the lengths do not add up to the shape",
    ),
    (lambda d: d.materialize([], {}), TypeError, r"recipe must be a fastinit.recipes.Recipe, got \[\]"),
    (lambda d: d.materialize(RECIPE, SHAPES, dtype="int8"), TypeError, "dtype must be one of"),
    (lambda d: d.materialize(RECIPE, SHAPES, chunks=(1, 2)), ValueError, r"chunks must .* for shape \(32,\), got \(1, 2\)"),
    (
        lambda d: d.materialize(Recipe([]), {"w": 3, "b": 4}),
        ValueError,
        r"no rule matches tensor 'w' of shape \(3,\), nor 'b' of shape \(4,\)",
    ),
    (
        lambda d: d.materialize(Recipe([Rule("*", Normal())]), {"w": np.zeros(3, np.int8)}),
        ValueError,
        "tensor 'w' has dtype int8, for which no values are drawn",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text for _, _, text in ERRORS])
def test_errors_come_at_once_and_are_one_line(call, error, text):
    with pytest.raises(error, match=text) as caught:
        call(fastinit.dask)
    assert "\n" not in str(caught.value)


def test_without_dask_one_line_says_what_to_install():
    code = "import sys; sys.modules['dask'] = None; import fastinit.dask"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    said = "ImportError: fastinit.dask needs Dask's arrays: pip install -e '.[dask]' in fastinit's clone"
    assert done.stderr.splitlines()[-1] == said

"""What holds on every CUDA device: tests that run on an emulated one (tests/cuda/) and on a real one (tests/on_cuda/).

They take the fixture `gpu`, a `tests.cuda.devices.Device`; what is expected is the C backend's.
"""

import numpy as np
import pytest

import fastinit
from fastinit import initializers
from fastinit.backends.catalogue import ELEMENTS
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.core.fill import fill
from fastinit.distributions import Constant, Normal, Slab, Slabs, Uniform
from fastinit.initializers import INITIALIZERS
from tests.cuda.devices import DlpackArray
from tests.support import ARGUMENTS, SHAPES_OF_OTHERS

SIZES = (1, 15, 16, 17, 1023, 1024, 1025, 2047, 2048, 2049, 4097)  # around lanes and tiles of either width
LOSES_BITS = Uniform(0.0, 3e-39)  # its width does, as a subnormal
INDICES = {
    "rows": np.s_[3:9],
    "columns": np.s_[:, 5:70],
    "every third": np.s_[::3, 1::2],
    "backwards": np.s_[::-1, ::-2],
    "one element": np.s_[7, 11],
    "a column": np.s_[:, 13],
    "an axis more": np.s_[None, 2:4, None],
    "integers": (np.array([5, 0, 5, -1]),),
    "scattered columns": (slice(None), np.array([90, 3, 41, 3])),
    "a mask": (np.arange(40 * 100).reshape(40, 100) % 7 == 0,),
}
VIEWS = {
    "rows apart": ((40, 128), lambda a: a[:, :100]),
    "every other row": ((80, 100), lambda a: a[::2]),
    "every other column": ((40, 200), lambda a: a[:, ::2]),
    "every other row, apart": ((80, 128), lambda a: a[::2, :100]),
    "transposed": ((100, 40), lambda a: a.T),
    "every other column, transposed": ((100, 80), lambda a: a.T[::2]),
}
SCATTERED = {
    "permuted experts and rows": (np.array([0, 2, 1])[:, None], np.array([[1, 0], [4, 5], [2, 2]])),
    "a permutation within each slab": (slice(None), np.array([6, 1, 3])),
    "a mask": (np.arange(3 * 8 * 6).reshape(3, 8, 6) % 5 == 0,),
}


def same(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def check_sizes(gpu, distribution, dtype):
    for size in SIZES:
        out = gpu.array((size,), ELEMENT_TYPES[dtype].dtype)
        assert fill(distribution, (size,), seed=5, name="w", dtype=dtype, out=out) is out
        assert same(out.host, fill(distribution, (size,), seed=5, name="w", dtype=dtype)), size


def test_a_device_has_the_values_of_the_cpu(gpu, distribution, dtype):
    check_sizes(gpu, distribution, dtype)


def test_a_width_that_loses_bits_is_that_of_the_cpu(gpu, dtype):
    check_sizes(gpu, LOSES_BITS, dtype)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_initializer_has_the_values_of_the_cpu(gpu, name):
    shape, options = SHAPES_OF_OTHERS.get(name, (5, 6)), {**ARGUMENTS.get(name, {}), "seed": 3, "layout": "oi"}
    expected = INITIALIZERS[name](shape, **options)
    out = gpu.array(expected.shape, expected.dtype)
    INITIALIZERS[name](shape, out=out, **options)
    assert same(out.host, expected)


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_any_part_of_a_tensor_is_filled_alone(gpu, index, dtype):
    expected = fastinit.normal((40, 100), seed=5, dtype=dtype, index=INDICES[index])
    out = gpu.array(np.shape(expected), ELEMENT_TYPES[dtype].dtype)
    fastinit.normal((40, 100), seed=5, dtype=dtype, index=INDICES[index], out=out)
    assert same(out.host, np.asarray(expected))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize(
    "make", [fastinit.he_normal, fastinit.orthogonal, fastinit.ones], ids=["drawn", "whole-tensor", "constant"]
)
def test_what_lies_between_the_elements_of_out_stays_as_it_was(gpu, make, view, dtype):
    whole, view = VIEWS[view]
    out = gpu.array(whole, ELEMENT_TYPES[dtype].dtype, view=view)
    make((40, 100), seed=5, dtype=dtype, out=out)
    assert same(out.host, make((40, 100), seed=5, dtype=dtype)) and out.is_untouched_outside


def test_positions_beyond_32_bits_are_reached(gpu):
    shape, index = (2**20, 2**20), np.s_[2**20 - 3 :, 2**20 - 5 :]
    out = gpu.array((3, 5), np.float32)
    fastinit.normal(shape, seed=1, index=index, out=out)
    assert same(out.host, fastinit.normal(shape, seed=1, index=index))


def test_positions_that_are_sent_in_pieces_are_those_of_the_index(gpu, monkeypatch):
    monkeypatch.setattr("fastinit.core.device.MOST_PLACES", 1000)
    index = (np.random.default_rng(0).permutation(3001),)
    out = gpu.array((3001,), np.float32)
    fastinit.normal((3001,), seed=1, index=index, out=out)
    assert same(out.host, fastinit.normal((3001,), seed=1)[index])


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, -0.3, 1e30])
def test_a_constant_has_the_bits_that_it_has_on_the_cpu(gpu, dtype, value):
    out = gpu.array((3, 5), ELEMENT_TYPES[dtype].dtype)
    fill(Constant(value), (3, 5), dtype=dtype, out=out)
    assert same(out.host, fill(Constant(value), (3, 5), dtype=dtype))


@pytest.mark.parametrize("index", [None, *SCATTERED])
def test_slabs_are_filled_each_by_its_own_stream(gpu, index):
    options = {"initializer": "he_normal", "seed": 2, "layout": "eio", "index": SCATTERED.get(index)}
    expected = initializers.stacked((3, 8, 6), **options)
    out = gpu.array(expected.shape, np.float32)
    initializers.stacked((3, 8, 6), out=out, **options)
    assert same(out.host, expected)


@pytest.mark.parametrize("index", [None, (np.array([4, 0, 2, 2]),), np.s_[:, ::2]], ids=["whole", "array", "slices"])
def test_of_slabs_that_overlap_the_later_counts(gpu, index):
    slabs = (
        Slab((0, 0), (5, 6), Normal(0.0, 1.0)),
        Slab((1, 0), (2, 3), Constant(0.5)),
        Slab((2, 1), (1, 2), Uniform(0.0, 1.0), "u"),
    )
    expected = fill(Slabs((5, 6), slabs), (5, 6), seed=2, dtype="bfloat16", index=index)
    out = gpu.array(expected.shape, expected.dtype)
    fill(Slabs((5, 6), slabs), (5, 6), seed=2, dtype="bfloat16", index=index, out=out)
    assert same(out.host, expected)


def test_an_array_of_no_elements_needs_no_device(gpu):
    out = gpu.array((0, 3), np.float32)
    assert fill(Constant(1.0), (0, 3), out=out) is out


def test_the_stream_of_an_array_is_the_one_that_it_is_filled_in(gpu):
    with gpu.stream() as stream:
        out = gpu.array((5,), np.float32, stream=stream)
        fastinit.normal((5,), seed=0, out=out)
        assert same(out.host, fastinit.normal((5,), seed=0))


def test_an_array_of_dlpack_alone_is_filled_before_the_call_returns(gpu, dtype):
    element = ELEMENTS[dtype]
    array = gpu.array((6, 8), ELEMENT_TYPES[dtype].dtype, view=lambda a: a.T[:, 2:])
    out = DlpackArray(array, (element.dlpack, element.bits))
    assert fastinit.he_normal((8, 4), seed=0, dtype=dtype, out=out) is out
    assert same(array.host, fastinit.he_normal((8, 4), seed=0, dtype=dtype)) and array.is_untouched_outside
    assert out.asked == [(1, (1, 1))]  # CUDA's default stream, DLPack's version


@pytest.mark.parametrize("distribution", [Normal(0.0, 1.0), Constant(1.5)], ids=["drawn", "constant"])
def test_each_replay_of_a_cuda_graph_writes_the_values_again(gpu, distribution):
    fill(distribution, (9,), seed=0, out=gpu.array((9,), np.float32))
    with gpu.stream() as stream:
        out = gpu.array((9,), np.float32, stream=stream)
        with gpu.captured(stream) as graph:
            fill(distribution, (9,), seed=0, out=out)
        gpu.replay(*graph, stream, times=2)
        assert same(out.host, fill(distribution, (9,), seed=0))


NOT_CAPTURED = {
    "positions": (lambda out: fastinit.normal((9,), seed=0, index=np.array([3, 1, 8, 0]), out=out), "positions are sent"),
    "whole-tensor": (lambda out: fastinit.orthogonal((2, 2), seed=0, out=out), "values are computed and sent"),
    "a new kernel": (lambda out: fastinit.truncated_normal((4,), seed=0, out=out), "the kernel truncated_float32 is loaded"),
}


@pytest.mark.parametrize("work", NOT_CAPTURED)
def test_what_the_host_does_is_no_part_of_a_cuda_graph(gpu, work):
    from fastinit.backends.cuda import driver

    write, message = NOT_CAPTURED[work]
    driver._kernels.clear()
    with gpu.stream() as stream:
        out = gpu.array((2, 2) if work == "whole-tensor" else (4,), np.float32, stream=stream)
        message = f"a CUDA graph is being captured, and .*{message} by the host: fill once before"
        with gpu.captured(stream), pytest.raises(RuntimeError, match=message):
            write(out)
        assert out.is_untouched


def interface(gpu, **changes):
    array = gpu.array((4,), np.float32)
    array.__cuda_array_interface__ |= changes
    return array


def of_dlpack(gpu, code=2, **options):
    return DlpackArray(gpu.array((4,), np.float32), (code, 32), **options)


HOST = np.zeros(4, np.float32)
REFUSED = {
    "shape": (lambda gpu: gpu.array((5,), np.float32), ValueError, r"out has shape \(5,\), but the values asked for"),
    "dtype": (lambda gpu: gpu.array((4,), np.float64), TypeError, "out has dtype float64, but dtype is float32"),
    "read-only": (lambda gpu: gpu.array((4,), np.float32, is_read_only=True), ValueError, "out is read-only"),
    "host": (lambda gpu: interface(gpu, data=(HOST.ctypes.data, False)), ValueError, "out must be memory of a CUDA device"),
    "mask": (lambda gpu: interface(gpu, mask=1), TypeError, "out has a mask"),
    "backwards": (lambda gpu: gpu.array((4,), np.float32, view=lambda a: a[::-1]), ValueError, "none may be negative"),
    "backwards, by DLPack": (
        lambda gpu: DlpackArray(gpu.array((4,), np.float32, view=lambda a: a[::-1]), (2, 32)),
        ValueError,
        r"out has strides \(-4,\): on a CUDA device none may be negative",
    ),
    "overlap": (lambda gpu: interface(gpu, strides=(0,)), ValueError, "out has elements that share memory"),
    "byte order": (lambda gpu: interface(gpu, typestr=">f4"), TypeError, "whose bytes are in the other order"),
    "alignment": (lambda gpu: interface(gpu, strides=(6,)), ValueError, "these must be multiples of 4 on a CUDA device"),
    "read-only of DLPack": (lambda gpu: of_dlpack(gpu, flags=1), ValueError, "out is read-only"),
    "copied by DLPack": (lambda gpu: of_dlpack(gpu, flags=2), ValueError, "out gives a copy of itself by DLPack"),
    "integers": (lambda gpu: of_dlpack(gpu, 0), TypeError, "DLPack's type 0, 32 bits, 1 lanes: it must be one of float32,"),
    "DLPack to come": (
        lambda gpu: of_dlpack(gpu, major=2),
        ValueError,
        r"out has DLPack 2\.0, and fastinit reads",
    ),
    "AMD": (lambda gpu: of_dlpack(gpu, kind=10), TypeError, "must be a numpy array, or one on a CUDA device, got Dlpack"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_array_that_cannot_be_filled_is_refused_and_not_written(gpu, case):
    make, error, message = REFUSED[case]
    out = make(gpu)
    with pytest.raises(error, match=message):
        fill(Normal(0.0, 1.0), (4,), seed=0, out=out)
    assert getattr(out, "array", out).is_untouched


def test_elements_of_eight_bits_go_by_the_name_of_their_type(gpu):
    out = gpu.array((4,), ELEMENT_TYPES["float8_e5m2"].dtype)
    with pytest.raises(TypeError, match="out has dtype float8_e5m2, but dtype is float8_e4m3fn"):
        fill(Normal(0.0, 1.0), (4,), seed=0, dtype="float8_e4m3fn", out=out)
    assert out.is_untouched


def test_a_device_without_memory_left_says_so_and_nothing_is_written(gpu):
    out = gpu.array((9,), np.float32)
    with gpu.full(), pytest.raises(MemoryError, match=r"no 250 bytes left for the positions of index \(CUDA_ERROR_OUT_OF"):
        fastinit.normal((9,), seed=0, index=np.arange(9)[::-1], out=out)
    assert out.is_untouched

"""The kernels for GPUs, compiled for the CPU, write what the C backend writes: the bits of every distribution and index."""

import sys

import numpy as np
import pytest

import fastinit
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.core.fill import fill
from fastinit.distributions import Constant, Normal, TruncatedNormal, Uniform
from tests.cuda.emulated import DeviceArray, forget

DRAWN = {
    "uniform": Uniform(-0.5, 1.0),
    "a width that loses bits as a subnormal": Uniform(0.0, 3e-39),
    "normal": Normal(0.1, 0.02),
    "truncated": TruncatedNormal(0.0, 1.0, -2.0, 2.0),
    "far tail": TruncatedNormal(0.0, 1.0, 7.0, 9.0),
}
SIZES = (1, 15, 16, 17, 1023, 1024, 1025, 2047, 2048, 2049, 4097)  # around lanes and tiles of either width
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


def same(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", DRAWN)
def test_a_device_has_the_values_of_the_cpu(gpu, name, dtype, size):
    out = DeviceArray(gpu, (size,), ELEMENT_TYPES[dtype].dtype)
    assert fill(DRAWN[name], (size,), seed=5, name="w", dtype=dtype, out=out) is out
    assert same(out.host, fill(DRAWN[name], (size,), seed=5, name="w", dtype=dtype))


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_any_part_of_a_tensor_is_filled_alone(gpu, index, dtype):
    expected = fastinit.normal((40, 100), seed=5, dtype=dtype, index=INDICES[index])
    out = DeviceArray(gpu, np.shape(expected), ELEMENT_TYPES[dtype].dtype)
    fastinit.normal((40, 100), seed=5, dtype=dtype, index=INDICES[index], out=out)
    assert same(out.host, np.asarray(expected))


@pytest.mark.parametrize(
    ("whole", "cut"),
    [
        ((40, 128), np.s_[:, :100]),
        ((80, 100), np.s_[::2]),
        ((40, 200), np.s_[:, ::2]),
        ((40, 100), np.s_[::-1, ::-1]),
        ((100, 40), ()),
    ],
    ids=["rows apart", "every other row", "every other column", "backwards", "transposed"],
)
def test_what_lies_between_the_elements_of_out_stays_as_it_was(gpu, whole, cut):
    out = DeviceArray(gpu, whole, np.float32, cut=cut)
    if out.host.shape == (100, 40):
        out.host = out.host.T
        out.__cuda_array_interface__ |= {"shape": (40, 100), "strides": out.host.strides}
    before = out.memory.copy()
    fastinit.he_normal((40, 100), seed=5, out=out)
    assert same(np.ascontiguousarray(out.host), fastinit.he_normal((40, 100), seed=5))
    out.host[...] = before[0]  # a byte: the rest is compared
    touched = np.flatnonzero(out.memory != before)
    address = out.memory.ctypes.data
    inside = np.zeros(out.memory.size, bool)
    starts = (out.host.__array_interface__["data"][0] - address) + sum(
        i * stride for i, stride in zip(np.indices(out.host.shape), out.host.strides)
    )
    for byte in range(4):
        inside[starts + byte] = True
    assert inside[touched].all()


def test_positions_beyond_32_bits_are_reached(gpu):
    shape, index = (2**20, 2**20), np.s_[2**20 - 3 :, 2**20 - 5 :]
    out = DeviceArray(gpu, (3, 5), np.float32)
    fastinit.normal(shape, seed=1, index=index, out=out)
    assert same(out.host, fastinit.normal(shape, seed=1, index=index))


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, -0.3, 1e30])
def test_a_constant_has_the_bits_that_it_has_on_the_cpu(gpu, dtype, value):
    out = DeviceArray(gpu, (3, 5), ELEMENT_TYPES[dtype].dtype)
    fill(Constant(value), (3, 5), dtype=dtype, out=out)
    assert same(out.host, fill(Constant(value), (3, 5), dtype=dtype))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("initializer", [fastinit.orthogonal, fastinit.ones], ids=["orthogonal", "constant"])
def test_what_is_no_draw_of_a_kernel_is_computed_on_the_host_and_copied(gpu, initializer, dtype):
    out = DeviceArray(gpu, (24, 16), ELEMENT_TYPES[dtype].dtype, cut=np.s_[::2, ::2])
    initializer((12, 8), seed=3, dtype=dtype, out=out)
    assert same(np.ascontiguousarray(out.host), initializer((12, 8), seed=3, dtype=dtype)) and not gpu.launched


def test_slabs_are_filled_each_by_its_own_stream(gpu):
    stacked = fastinit.initializers.stacked
    out = DeviceArray(gpu, (3, 8, 6), np.float32)
    stacked((3, 8, 6), initializer="he_normal", seed=2, layout="eio", out=out)
    assert same(out.host, stacked((3, 8, 6), initializer="he_normal", seed=2, layout="eio"))


def test_arrays_in_the_index_of_slabs_are_refused_before_anything_is_started(gpu):
    stacked = fastinit.initializers.stacked
    out = DeviceArray(gpu, (3, 2, 6), np.float32)
    with pytest.raises(ValueError, match="takes no arrays in index for tensors of several slabs: use slices"):
        index = (np.array([0, 2, 1])[:, None], np.array([[1, 0], [4, 5], [2, 2]]))
        stacked((3, 8, 6), initializer="he_normal", seed=2, layout="eio", index=index, out=out)
    assert not gpu.launched


def test_the_kernel_runs_in_the_order_of_the_arrays_stream_on_its_device(gpu):
    fastinit.normal((5,), seed=0, out=DeviceArray(gpu, (5,), np.float32, stream=77))
    assert gpu.launched == [("normal_float32_runs", "context of 0", 77)] and not gpu.current


def test_what_was_sent_to_the_device_is_freed(gpu):
    out = DeviceArray(gpu, (4,), np.float32)
    fastinit.normal((9,), seed=0, index=np.array([3, 1, 8, 0]), out=out)
    assert len(gpu.memory) == 1


def array_on_host(driver):
    array = DeviceArray(driver, (4,), np.float32)
    array.__cuda_array_interface__["data"] = (np.zeros(4, np.float32).ctypes.data, False)
    return array


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda gpu: DeviceArray(gpu, (5,), np.float32), ValueError, r"out has shape \(5,\), but the values asked for"),
        (lambda gpu: DeviceArray(gpu, (4,), np.float64), TypeError, "out has dtype float64, but dtype is float32"),
        (lambda gpu: DeviceArray(gpu, (4,), np.float32, is_read_only=True), ValueError, "out is read-only"),
        (array_on_host, ValueError, "out must be memory of a CUDA device, got address 0x"),
    ],
    ids=["shape", "dtype", "read-only", "host"],
)
def test_an_array_that_cannot_be_filled_is_refused_and_nothing_is_started(gpu, make, error, message):
    out = make(gpu)
    with pytest.raises(error, match=message):
        fill(Normal(0.0, 1.0), (4,), seed=0, out=out)
    assert not gpu.launched and not gpu.current


def test_a_device_without_memory_left_says_so_and_nothing_is_written(gpu):
    out = DeviceArray(gpu, (4,), np.float32)
    before, gpu.free = out.memory.copy(), 10
    with pytest.raises(RuntimeError, match=r"^CUDA: CUDA_ERROR_OUT_OF_MEMORY$"):
        fastinit.normal((9,), seed=0, index=np.array([3, 1, 8, 0]), out=out)
    assert (out.memory == before).all() and not gpu.current and len(gpu.memory) == 1


def test_without_the_extra_the_error_names_it(monkeypatch):
    forget()
    monkeypatch.setitem(sys.modules, "cuda", None)
    with pytest.raises(ImportError, match=r"NVIDIA's cuda-bindings: pip install .*\[cuda\]"):
        import fastinit.backends.cuda.driver  # noqa: F401


def test_an_array_of_no_elements_needs_no_device(gpu):
    out = DeviceArray(gpu, (0, 3), np.float32)
    assert fill(Constant(1.0), (0, 3), out=out) is out


def test_a_call_that_c_has_learnt_still_fills_the_device_that_it_is_given(gpu):
    first, expected = (fastinit.he_normal((8, 4), seed=0) for _ in range(2))
    out = DeviceArray(gpu, (8, 4), np.float32)
    fastinit.he_normal((8, 4), seed=0, out=out)
    assert same(out.host, expected) and same(first, expected)

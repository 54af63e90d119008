"""Torch tensors as memory that an initializer fills: dtypes, layouts, other devices, huge pages."""

import mmap
import sys

import pytest

pytest.importorskip("torch")

import ml_dtypes
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fastinit.core.fill import fill
from fastinit.core.stream import stream_of
from fastinit.initializers import HeNormal, Identity, Normal, Uniform
from fastinit.runtime import huge_pages
from fastinit.torch import tensors
from fastinit.torch.tensors import DTYPES, fill_, is_fillable, write_through

STREAM = stream_of(0, "w")
INTEGERS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
TORCH_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def bits(tensor):
    """The elements as integers, in the order of rows."""
    size = tensor.element_size()
    return tensor.detach().contiguous().reshape(-1).view(TORCH_INTEGERS[size]).numpy().view(INTEGERS[size])


def expected(distribution, shape, dtype):
    values = fill(distribution, shape, seed=STREAM, dtype=DTYPES[dtype][0])
    return values.reshape(-1).view(INTEGERS[values.itemsize])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (5, 7), (3, 1, 2049)])  # one more than a tile
def test_the_values_are_those_of_the_array(dtype, shape):
    tensor = torch.empty(shape, dtype=dtype)
    assert fill_(tensor, Normal(0.0, 2.0), STREAM) is tensor
    assert np.array_equal(bits(tensor), expected(Normal(0.0, 2.0).distribution_for(shape), shape, dtype))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_layout_gets_the_same_values(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)))
    order = data.draw(st.permutations(range(len(shape))))
    steps = [data.draw(st.integers(1, 3)) for _ in shape]
    room = torch.full([shape[axis] * steps[axis] for axis in order], float("nan"))
    view = room[tuple(slice(None, None, steps[axis]) for axis in order)].permute(*np.argsort(order).tolist())
    assert view.shape == shape and is_fillable(view)
    fill_(view, Uniform(0.0, 1.0), STREAM)
    assert np.array_equal(bits(view), expected(Uniform(0.0, 1.0).distribution_for(shape), shape, torch.float32))
    assert room.isnan().sum() == room.numel() - view.numel(), "elements between those of the view were written"


def test_fans_are_counted_as_torch_does():
    weight = fill_(torch.empty(500, 20), HeNormal(), STREAM)
    assert weight.std().item() == pytest.approx((2 / 20) ** 0.5, rel=0.05)


def test_the_version_rises_by_one():
    tensor = torch.empty(3)
    before = tensor._version
    fill_(tensor, Normal(), STREAM)
    assert tensor._version == before + 1


NOT_FILLABLE = {
    "meta": lambda: torch.empty(3, device="meta"),
    "integers": lambda: torch.empty(3, dtype=torch.int64),
    "complex": lambda: torch.empty(3, dtype=torch.complex64),
    "sparse": lambda: torch.eye(3).to_sparse(),
    "expanded": lambda: torch.empty(1).expand(3),
    "overlapping": lambda: torch.empty(9).as_strided((3, 3), (2, 1)),
    "negated": lambda: torch.zeros(3, dtype=torch.complex64).conj().imag,
    "a subclass": lambda: torch.empty(3).as_subclass(type("Tagged", (torch.Tensor,), {})),
}


@pytest.mark.parametrize("kind", NOT_FILLABLE)
def test_what_cannot_be_filled_is_known(kind):
    assert not is_fillable(NOT_FILLABLE[kind]())


def test_parameters_and_buffers_are_fillable():
    assert is_fillable(torch.nn.Parameter(torch.empty(3))) and is_fillable(torch.nn.Buffer(torch.empty(3)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def test_chunks_reach_another_device_in_the_order_of_rows(dtype, layout):
    """On this device here: what differs on others is where `copy_` copies to."""
    tensor = torch.empty(40, 30, dtype=dtype) if layout == "contiguous" else torch.empty(30, 40, dtype=dtype).t()
    values = fill(Normal().distribution_for((40, 30)), (40, 30), seed=STREAM, dtype=DTYPES[dtype][0]).reshape(-1)
    write_through(tensor, iter([values[:7], values[7:500], values[500:]]))
    assert np.array_equal(bits(tensor), values.view(INTEGERS[values.itemsize]))


@pytest.mark.parametrize("of", [Normal(0.0, 1.0), Identity()])
def test_a_tensor_elsewhere_is_filled_in_chunks_with_the_same_values(monkeypatch, of):
    class Elsewhere:
        """Looks to `_write` as a tensor of another device, and hands its memory to `write_through`."""

        def __init__(self, tensor):
            self.tensor, self.dtype, self.device = tensor, tensor.dtype, torch.device("cuda", 0)

        def numel(self):
            return self.tensor.numel()

    written = []
    monkeypatch.setattr(tensors, "CHUNK", 1000)
    monkeypatch.setattr(tensors, "write_through", lambda where, chunks: written.extend(chunks))
    tensors._write(Elsewhere(torch.empty(50, 70)), of.distribution_for((50, 70)), (50, 70), STREAM, None)
    assert np.array_equal(np.concatenate(written), fill(of.distribution_for((50, 70)), (50, 70), seed=STREAM).reshape(-1))
    assert len(written) == (4 if isinstance(of, Normal) else 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tensor_on_a_gpu_has_the_values_of_one_on_the_cpu(dtype):
    on_gpu = fill_(torch.empty(300, 500, dtype=dtype, device="cuda"), Normal(), STREAM)
    assert np.array_equal(bits(on_gpu.cpu()), expected(Normal().distribution_for((300, 500)), (300, 500), dtype))


def test_bfloat16_has_the_bits_of_ml_dtypes():
    tensor = torch.tensor([1.0, -2.5, float("inf")], dtype=torch.bfloat16)
    assert tensors.as_array(tensor).dtype == ml_dtypes.bfloat16
    assert tensors.as_array(tensor).astype(np.float32).tolist() == [1.0, -2.5, float("inf")]


def test_an_array_of_a_tensor_is_its_memory():
    tensor = torch.zeros(3)
    tensors.as_array(tensor)[1] = 5
    assert tensor.tolist() == [0, 5, 0]


class Advised:
    """Stands for madvise and notes its calls."""

    def __init__(self):
        self.calls = []

    def __call__(self, *call):
        self.calls.append(call)


@pytest.fixture
def advised(monkeypatch):
    madvise = Advised()
    monkeypatch.setattr(huge_pages, "_madvise", lambda: madvise)
    return madvise.calls


def test_large_memory_is_advised_from_its_first_whole_page_to_its_end(advised):
    array = np.empty(huge_pages.LEAST_BYTES + 100, np.uint8)[3:]
    huge_pages.advise(array)
    (start, nbytes, advice), end = advised[0], array.ctypes.data + array.nbytes
    assert start % mmap.PAGESIZE == 0 and 0 <= start - array.ctypes.data < mmap.PAGESIZE
    assert start + nbytes == end and advice == huge_pages.MADV_HUGEPAGE


@pytest.mark.parametrize(
    "array",
    [np.empty(huge_pages.LEAST_BYTES - 1, np.uint8), np.empty((2, huge_pages.LEAST_BYTES), np.uint8)[:, ::2]],
    ids=["small", "with gaps"],
)
def test_other_memory_is_not_advised(advised, array):
    huge_pages.advise(array)
    assert advised == []


@pytest.fixture
def elsewhere(monkeypatch):
    """A system that is not Linux, whose C library has no madvise to be looked up."""
    monkeypatch.setattr(huge_pages.sys, "platform", "darwin")
    monkeypatch.setattr(huge_pages.ctypes, "CDLL", lambda *arguments, **options: pytest.fail("madvise was looked up"))
    huge_pages._madvise.cache_clear()
    yield
    huge_pages._madvise.cache_clear()


def test_where_there_is_no_madvise_nothing_is_called_and_memory_is_filled(elsewhere):
    assert huge_pages._madvise() is None
    array = np.arange(huge_pages.LEAST_BYTES, dtype=np.uint8)
    huge_pages.advise(array)
    assert np.array_equal(array, np.arange(huge_pages.LEAST_BYTES, dtype=np.uint8))
    assert fill_(torch.empty(2**21), Normal(0.0, 1.0), stream_of(0)).std() == pytest.approx(1, rel=0.01)


def test_linux_has_madvise():
    if sys.platform.startswith("linux"):
        assert huge_pages._madvise()(0, 0, huge_pages.MADV_HUGEPAGE) == 0  # of no memory


def test_advice_leaves_the_values():
    array = np.arange(huge_pages.LEAST_BYTES, dtype=np.uint8)
    huge_pages.advise(array)
    assert np.array_equal(array, np.arange(huge_pages.LEAST_BYTES, dtype=np.uint8))

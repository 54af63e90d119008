"""Torch's tensors on a CUDA device are filled there, in torch's current stream; the device is emulated."""

from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

import numpy as np
import torch

from fastinit.core.fill import fill
from fastinit.core.stream import stream_of
from fastinit.distributions import Normal
from fastinit.torch import tensors
from tests.cuda.emulated import DeviceArray


class OnDevice:
    """Looks to `_write` as a tensor of torch in the emulated device's memory."""

    def __init__(self, driver, shape, dtype):
        self.array = DeviceArray(driver, shape, tensors.DTYPES[dtype][0])
        self.shape, self.dtype, self.device = shape, dtype, torch.device("cuda", 0)

    def element_size(self):
        return self.array.dtype.itemsize

    def data_ptr(self):
        return self.array.host.__array_interface__["data"][0]

    def stride(self):
        return tuple(stride // self.element_size() for stride in self.array.host.strides)


@pytest.fixture
def torch_of_cuda(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=91))


@pytest.mark.parametrize("index", [None, np.s_[10:20], np.s_[:, 3:9]], ids=["whole", "Shard(0)", "Shard(1)"])
@pytest.mark.parametrize("dtype", tensors.DTYPES)
def test_a_shard_is_filled_on_the_device_in_the_current_stream(gpu, torch_of_cuda, dtype, index):
    expected = fill(Normal(0.0, 0.02), (40, 24), seed=3, name="w", dtype=tensors.DTYPES[dtype][0], index=index)
    tensor = OnDevice(gpu, expected.shape, dtype)
    tensors._write(tensor, Normal(0.0, 0.02), (40, 24), stream_of(3, "w"), index)
    assert tensor.array.host.tobytes() == expected.tobytes()
    assert [stream for _, _, stream in gpu.launched] == [91]


def test_where_torch_is_built_for_rocm_the_values_go_by_way_of_the_host(gpu, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    written = []
    monkeypatch.setattr(tensors, "write_through", lambda where, chunks: written.extend(chunks))
    tensors._write(OnDevice(gpu, (4,), torch.float32), Normal(0.0, 1.0), (4,), stream_of(0), None)
    assert written and not gpu.launched

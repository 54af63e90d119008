"""Torch's tensors on a CUDA device are filled there, in torch's current stream; the device is emulated."""

import ctypes
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

import numpy as np
import torch

import fastinit.torch
from fastinit.core.fill import fill
from fastinit.core.stream import stream_of
from fastinit.distributions import Normal
from fastinit.torch import nn_init, tensors
from fastinit.torch.drawing.filling import FILLS
from tests.cuda.draws import DRAWS
from tests.cuda.emulated import forget


class OnDevice(torch.Tensor):
    """A tensor whose memory is an emulated device's, and which says that it is on a CUDA device."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    device = property(lambda self: torch.device("cuda", 0))
    is_cpu, is_cuda = False, True

    @classmethod
    def of(cls, array, dtype):
        nbytes = array.host.nbytes
        flat = torch.frombuffer((ctypes.c_uint8 * nbytes).from_address(array.pointer), dtype=dtype)
        made = torch.Tensor._make_subclass(cls, flat.view(array.shape))
        made.array = array
        return made

    def detach(self):
        return self._like(super().detach())

    def view(self, *to):
        return self._like(super().view(*to))

    def _like(self, other):
        made = other.as_subclass(OnDevice)
        made.array = self.array
        return made


@pytest.fixture
def on_device(gpu, monkeypatch):
    """A function that makes such tensors; torch is built for CUDA, it seems, and its current stream is 91."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=91))
    tensors.PLAIN_TYPES.add(OnDevice)
    yield lambda shape, dtype=torch.float32: OnDevice.of(gpu.array(shape, tensors.DTYPES[dtype][0]), dtype)
    tensors.PLAIN_TYPES.discard(OnDevice)


@pytest.mark.parametrize("index", [None, np.s_[10:20], np.s_[:, 3:9]], ids=["whole", "Shard(0)", "Shard(1)"])
@pytest.mark.parametrize("dtype", tensors.DTYPES)
def test_a_shard_is_filled_on_the_device_in_the_current_stream(gpu, on_device, dtype, index):
    expected = fill(Normal(0.0, 0.02), (40, 24), seed=3, name="w", dtype=tensors.DTYPES[dtype][0], index=index)
    tensor = on_device(expected.shape, dtype)
    tensors._write(tensor, Normal(0.0, 0.02), (40, 24), stream_of(3, "w"), index)
    assert tensor.array.host.tobytes() == expected.tobytes()
    assert [stream for _, _, stream in gpu.launched] == [91]


def test_a_modules_tensors_are_filled_on_the_device_by_their_names(gpu, on_device):
    on_cpu, there = torch.nn.Linear(6, 5), torch.nn.Linear(6, 5)
    there.weight, there.bias = (torch.nn.Parameter(on_device(shape)) for shape in ((5, 6), (5,)))
    for module in (on_cpu, there):
        fastinit.torch.init_(module, fastinit.Recipe([("weight", "he_normal"), ("bias", "uniform")]), seed=3)
    for name, tensor in there.named_parameters():
        assert tensor.array.host.tobytes() == on_cpu.get_parameter(name).detach().numpy().tobytes()
    assert [stream for _, _, stream in gpu.launched] == [91, 91]


@pytest.mark.parametrize("name", DRAWS)
def test_nn_init_draws_on_the_device_what_it_draws_on_the_cpu(gpu, on_device, name):
    there, here = on_device((8, 6)), torch.empty(8, 6)
    for tensor in (there, here):
        torch.manual_seed(3)
        assert DRAWS[name](nn_init, tensor) is tensor
    assert there.array.host.tobytes() == here.numpy().tobytes()
    assert all(stream == 91 for _, _, stream in gpu.launched)


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("name", DRAWS)
def test_accelerate_draws_on_cuda_devices_by_request(on_device, name, seed):
    there, here = on_device((8, 6)), torch.empty(8, 6)
    for tensor in (there, here):
        torch.manual_seed(3)
        with fastinit.torch.accelerate(seed, devices=("cpu", "cuda")):
            DRAWS[name](torch.nn.init, tensor)
    assert there.array.host.tobytes() == here.numpy().tobytes()


def test_a_fill_that_is_remembered_is_none_of_the_devices_memory(on_device):
    if FILLS is None:
        pytest.skip("fills are remembered by the C extension")
    with fastinit.torch.accelerate(0, devices=("cpu", "cuda")):
        for _ in range(3):
            torch.empty(4, 2).normal_()
        there = on_device((4, 2)).normal_()
    with fastinit.torch.accelerate(0):
        here = [torch.empty(4, 2).normal_() for _ in range(4)][-1]
    assert there.array.host.tobytes() == here.numpy().tobytes()


def stock_normal_(tensor, value=7.0):
    """Instead of torch's own, which cannot fill the emulated device's memory."""
    return tensor.fill_(value)


def test_accelerate_leaves_cuda_devices_to_torch_without_a_request(gpu, on_device, monkeypatch):
    monkeypatch.setitem(fastinit.torch.drawing.replacements.METHODS, "normal_", lambda t, *a, **k: stock_normal_(t))
    there = on_device((8, 6))
    with fastinit.torch.accelerate():
        there.normal_()
    assert not gpu.launched and (there.array.host == 7.0).all()


def test_accelerate_for_cuda_alone_leaves_the_cpu_to_torch(on_device):
    torch.manual_seed(3)
    expected, bits = torch.empty(40).normal_(), torch.random.get_rng_state()
    torch.manual_seed(3)
    with fastinit.torch.accelerate(devices=["cuda"]):
        assert torch.equal(torch.empty(40).normal_(), expected) and torch.equal(torch.random.get_rng_state(), bits)
        assert on_device((4,)).normal_().array.host.std() > 0


def test_a_generator_of_the_cpu_is_for_torch_to_refuse(gpu, on_device, monkeypatch):
    monkeypatch.setitem(fastinit.torch.drawing.replacements.STOCK_INIT, "normal_", lambda t, *a, **k: stock_normal_(t))
    there = on_device((8, 6))
    nn_init.normal_(there, generator=torch.Generator())
    assert not gpu.launched and (there.array.host == 7.0).all()


@pytest.mark.parametrize("devices", ["cuda", (), ("cpu", "mps"), ("cuda:0",)])
def test_devices_that_are_none_are_refused(devices):
    with pytest.raises(ValueError, match=r"devices must be some of \('cpu', 'cuda'\), got "):
        fastinit.torch.install(devices=devices)


def test_cuda_is_refused_where_torch_is_built_without_it(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(ValueError, match=r"devices has 'cuda', but this torch, .*, is not built for CUDA"):
        fastinit.torch.install(devices=("cuda",))
    with pytest.raises(RuntimeError, match="without install"):
        fastinit.torch.uninstall()


def test_cuda_is_refused_without_the_extra_that_has_the_kernels(monkeypatch):
    forget()
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr("fastinit.torch.acceleration.has_kernels", lambda: False)
    with pytest.raises(ImportError, match=r"devices has 'cuda', which needs fastinit's kernels .*: pip install .*\[cuda\]"):
        fastinit.torch.install(devices=("cuda",))


@pytest.mark.parametrize("dtype", tensors.DTYPES)
def test_a_tensor_as_out_is_filled_in_the_current_stream(gpu, on_device, dtype):
    out, name = on_device((5, 3), dtype), str(dtype).removeprefix("torch.")
    assert fastinit.he_normal((5, 3), seed=0, dtype=name, out=out) is out
    assert out.array.host.tobytes() == fastinit.he_normal((5, 3), seed=0, dtype=name).tobytes()
    assert [stream for _, _, stream in gpu.launched] == [91]


def test_where_torch_is_built_for_rocm_the_values_go_by_way_of_the_host(gpu, on_device, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    written = []
    monkeypatch.setattr(tensors, "write_through", lambda where, chunks: written.extend(chunks))
    tensors._write(on_device((4,)), Normal(0.0, 1.0), (4,), stream_of(0), None)
    assert written and not gpu.launched


@pytest.fixture
def mesh_of_gpus(monkeypatch):
    """A mesh of two GPUs for rank 1, which there are not: torch's fakes communicate nothing."""
    fake_pg = pytest.importorskip("torch.testing._internal.distributed.fake_pg")
    empty = torch.empty
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    torch.distributed.init_process_group("fake", rank=1, world_size=2, store=fake_pg.FakeStore())
    mesh = torch.distributed.device_mesh.DeviceMesh("cuda", torch.arange(2))

    def on_cpu(*size, device=None, **options):  # fully_shard allocates nothing on the device itself
        return empty(*size, device=None if torch.device(device or "cpu").type == "cuda" else device, **options)

    with monkeypatch.context() as within:
        within.setattr(torch, "empty", on_cpu)
        yield mesh
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("is_emptied", [False, True], ids=["on meta", "after to_empty"])
def test_what_fsdp2_offloads_is_filled_on_the_cpu_though_its_mesh_is_of_gpus(gpu, mesh_of_gpus, is_emptied):
    from torch.distributed.fsdp import CPUOffloadPolicy, fully_shard

    with fastinit.torch.deferred(0):
        module = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Linear(5, 6))
    for part in (module[0], module):
        fully_shard(part, mesh=mesh_of_gpus, offload_policy=CPUOffloadPolicy(pin_memory=False))
    if is_emptied:
        module.to_empty(device="cpu")
    fastinit.torch.init_(module, seed=0)
    with fastinit.torch.deferred(0):
        whole = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Linear(5, 6))
    fastinit.torch.init_(whole, seed=0)
    for name, tensor in module.named_parameters():
        here, expected = tensor._local_tensor, whole.get_parameter(name)
        assert here.device.type == "cpu" and torch.equal(here, expected[len(expected) - len(here) :])
    assert not gpu.launched

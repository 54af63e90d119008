"""Torch's tensors on a CUDA device have the values of the CPU's, whatever stream, graph or sharding they are in."""

import copy

import pytest

from tests.on_cuda.real import require_device

require_device()
torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("needs a torch that is built for CUDA", allow_module_level=True)

import fastinit.torch  # noqa: E402
from fastinit.torch import nn_init  # noqa: E402
from fastinit.torch.tensors import DTYPES  # noqa: E402
from tests.cuda.draws import DRAWS  # noqa: E402


def transformer():
    return torch.nn.TransformerEncoder(torch.nn.TransformerEncoderLayer(64, 4, 130), 2)


def bits(tensor):
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8)


def assert_same(here, there):
    assert here.keys() == there.keys()
    for name, tensor in here.items():
        assert torch.equal(bits(tensor), bits(there[name])), name


@pytest.mark.parametrize("dtype", [None, *DTYPES])
def test_a_model_that_is_built_on_the_device_is_the_cpus(dtype):
    here, there = (fastinit.torch.build(transformer, seed=3, dtype=dtype, device=device) for device in ("cpu", "cuda"))
    assert {tensor.device.type for tensor in there.parameters()} == {"cuda"}
    assert_same(here.state_dict(), there.state_dict())


def test_a_model_that_stands_on_the_device_is_filled_in_place():
    here, there = transformer(), transformer().cuda()
    addresses = [tensor.data_ptr() for tensor in there.parameters()]
    for model in (here, there):
        fastinit.torch.init_(model, seed=3)
    assert [tensor.data_ptr() for tensor in there.parameters()] == addresses
    assert_same(here.state_dict(), there.state_dict())


@pytest.mark.parametrize("name", DRAWS)
def test_nn_init_draws_on_the_device_what_it_draws_on_the_cpu(name):
    made = {device: torch.empty(80, 60, device=device) for device in ("cpu", "cuda")}
    for tensor in made.values():
        torch.manual_seed(3)
        DRAWS[name](nn_init, tensor)
    assert torch.equal(bits(made["cpu"]), bits(made["cuda"]))


@pytest.mark.parametrize("name", DRAWS)
def test_accelerate_draws_on_cuda_devices_by_request(name):
    made = {device: torch.empty(80, 60, device=device) for device in ("cpu", "cuda")}
    for tensor in made.values():
        with fastinit.torch.accelerate(5, devices=("cpu", "cuda")):
            DRAWS[name](torch.nn.init, tensor)
    assert torch.equal(bits(made["cpu"]), bits(made["cuda"]))


def test_a_generator_of_the_device_governs_what_is_drawn_there():
    drawn = [nn_init.normal_(torch.empty(50, device="cuda"), generator=torch.Generator("cuda").manual_seed(3)) for _ in "ab"]
    assert torch.equal(*drawn)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tensor_as_out_is_filled_in_place(dtype):
    name = str(dtype).removeprefix("torch.")
    out = torch.zeros(60, 80, dtype=dtype, device="cuda").t()
    fastinit.he_normal((80, 60), seed=0, dtype=name, out=out)
    here = torch.empty(80, 60, dtype=dtype)
    fastinit.torch.tensors.as_array(here)[...] = fastinit.he_normal((80, 60), seed=0, dtype=name)
    assert torch.equal(bits(here), bits(out))


def test_a_fill_is_in_the_order_of_the_current_stream():
    tensor, slow = torch.empty(2**20, device="cuda"), torch.empty(2**26, device="cuda")
    with torch.cuda.stream(torch.cuda.Stream()):
        for _ in range(50):
            slow.add_(1.0)
        tensor.fill_(7.0)
        fastinit.normal(2**20, seed=0, out=tensor)
        after = tensor.clone()
    torch.cuda.synchronize()
    assert torch.equal(after.cpu(), torch.from_numpy(fastinit.normal(2**20, seed=0)))


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_a_tensor_on_another_than_the_current_device_is_filled_there():
    with torch.cuda.device(0):
        tensor = torch.empty(1000, device="cuda:1")
        fastinit.normal(1000, seed=0, out=tensor)
        assert torch.cuda.current_device() == 0
    assert torch.equal(tensor.cpu(), torch.from_numpy(fastinit.normal(1000, seed=0)))


def test_each_replay_of_torchs_graph_fills_the_model_again():
    recipe = fastinit.Recipe([("*norm?.weight", "ones"), ("*weight", "he_normal"), ("*bias", "zeros")])
    model = transformer().cuda()
    fastinit.torch.init_(model, recipe, seed=3)
    expected, graph = copy.deepcopy(model.state_dict()), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        fastinit.torch.init_(model, recipe, seed=3)
    for tensor in model.parameters():
        tensor.data.fill_(7.0)
    graph.replay()
    assert_same(expected, model.state_dict())


@pytest.fixture
def one_rank(tmp_path):
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("is_offloaded", [False, True], ids=["on the GPU", "offloaded to the CPU"])
def test_fsdp2_on_one_gpu_has_the_cpus_model_and_trains_it(one_rank, is_offloaded):
    from torch.distributed.fsdp import CPUOffloadPolicy, OffloadPolicy, fully_shard

    with fastinit.torch.deferred(3):
        model = transformer()
    policy = CPUOffloadPolicy() if is_offloaded else OffloadPolicy()
    for part in (*model.layers, model):
        fully_shard(part, offload_policy=policy)
    fastinit.torch.init_(model, seed=3)
    found = {name: tensor.to_local() for name, tensor in model.named_parameters()}
    assert {tensor.device.type for tensor in found.values()} == {"cpu" if is_offloaded else "cuda"}
    assert_same(dict(fastinit.torch.build(transformer, seed=3).named_parameters()), found)
    model(torch.zeros(5, 2, 64, device="cuda")).sum().backward()

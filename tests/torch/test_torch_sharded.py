"""Each rank's shard of a DTensor holds what the single-process tensor has there, and finding out takes no communication."""

import pickle
from functools import partial

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.debug import CommDebugMode
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.distributed.tensor.placement_types import _StridedShard

import fastinit.torch
from fastinit.core import whole_tensors
from fastinit.core.stream import stream_of
from fastinit.initializers import Normal, Orthogonal, Parts, Stacked, TruncatedNormal, Uniform
from fastinit.recipes import Recipe
from fastinit.torch import nn_init
from fastinit.torch.sharding.dtensors import local_index
from fastinit.torch.tensors import fill_
from tests.ranks import FakeRank, cut_by_torch, run_on_ranks

CHECKS = {}  # (number of ranks, name) -> what every rank does; they run one after the other in one process group


def on_ranks(*worlds):
    def register(check):
        CHECKS.update({(world, check.__name__): check for world in worlds})
        return check

    return register


class Net(nn.Module):
    """Lengths that neither 2 nor 4 divides, and each module of torch with a rule of its own."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 8, padding_idx=3)
        self.linear = nn.Linear(8, 13)
        self.norm = nn.LayerNorm(13)
        self.batch_norm = nn.BatchNorm1d(13)
        self.conv = nn.Conv2d(3, 5, 3)
        self.attention = nn.MultiheadAttention(8, 2)
        self.lstm = nn.LSTM(8, 6)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(12, 16, padding_idx=7)
        self.up = nn.Linear(16, 36)
        self.down = nn.Linear(36, 16)

    def forward(self, tokens):
        return self.down(torch.relu(self.up(self.embedding(tokens))))


def on_meta(cls):
    with torch.device("meta"):
        return cls()


def whole(cls, seed=0, recipe="auto"):
    model = cls()
    fastinit.torch.init_(model, recipe, seed)
    return model


def init_without_communication(model, *args, **options):
    with CommDebugMode() as communication:
        report = fastinit.torch.init_(model, *args, **options)
    assert communication.get_total_counts() == 0
    return report


def assert_same(sharded, single):
    """All parameters and buffers, gathered by torch, are those of the single process, bit for bit."""
    expected = single.state_dict()
    state = sharded.state_dict()
    assert list(state) == list(expected)
    for name, tensor in state.items():
        gathered = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        assert torch.equal(gathered, expected[name]), name


def shards(shape, mesh, placements, dtype=torch.float32):
    return distribute_tensor(torch.zeros(shape, dtype=dtype), mesh, placements)


@on_ranks(2, 4)
def fsdp2_meta_flow(mesh, folder):
    model = on_meta(Net)
    for module in model.children():
        fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    init_without_communication(model)
    assert_same(model, whole(Net))


@on_ranks(2)
def fsdp2_on_meta_without_to_empty(mesh, folder):
    model = fully_shard(on_meta(MLP), mesh=mesh)
    init_without_communication(model)
    assert_same(model, whole(MLP))


@on_ranks(2, 4)
def fsdp2_again_after_a_step_whose_shards_are_padded(mesh, folder):
    model = fully_shard(MLP(), mesh=mesh)
    model(torch.arange(12)).sum().backward()
    init_without_communication(model)
    assert_same(model, whole(MLP))


@on_ranks(2)
def fsdp2_initialized_trains(mesh, folder):
    model, single = fully_shard(on_meta(MLP), mesh=mesh), whole(MLP)
    model.to_empty(device="cpu")
    fastinit.torch.init_(model)
    torch.testing.assert_close(model(torch.arange(12)), single(torch.arange(12)))
    model(torch.arange(12)).sum().backward()
    single(torch.arange(12)).sum().backward()
    torch.testing.assert_close(model.up.weight.grad.full_tensor(), single.up.weight.grad)


@on_ranks(2, 4)
def a_recipe_by_names(mesh, folder):
    recipe = Recipe([("*.bias", "zeros"), ("*", Normal(std=0.02))])
    model = on_meta(MLP)
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    init_without_communication(model, recipe, 5)
    assert_same(model, whole(MLP, 5, recipe))


@on_ranks(4)
def hsdp(mesh, folder):
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("replicate", "shard"))
    model = on_meta(MLP)
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    init_without_communication(model)
    assert model.up.weight.placements == (Replicate(), Shard(0))
    assert_same(model, whole(MLP))


def tensor_parallel(model, mesh):
    plan = {"embedding": RowwiseParallel(input_layouts=Replicate()), "up": ColwiseParallel(), "down": RowwiseParallel()}
    return parallelize_module(model, mesh, plan)


@on_ranks(2, 4)
def tensor_parallelism(mesh, folder):
    model = tensor_parallel(on_meta(MLP), mesh)
    model.to_empty(device="cpu")
    init_without_communication(model)
    assert model.down.weight.placements == (Shard(1),)
    assert_same(model, whole(MLP))


@on_ranks(4)
def fsdp2_over_tensor_parallelism(mesh, folder):
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("dp", "tp"))
    model = tensor_parallel(on_meta(MLP), mesh["tp"])
    for module in model.children():
        fully_shard(module, mesh=mesh["dp"])
    fully_shard(model, mesh=mesh["dp"])
    model.to_empty(device="cpu")
    init_without_communication(model)
    assert any(isinstance(p, _StridedShard) for p in model.up.weight.placements)
    assert_same(model, whole(MLP))


INITIALIZERS = {
    "normal": Normal(std=0.02),
    "truncated": TruncatedNormal(std=0.02),
    "orthogonal": Orthogonal(),
    "slabs": Parts(1, ((4, Normal(std=0.02)), (6, Stacked(Uniform(-1.0, 1.0))))),
}
PLACED = {
    "rows": ((13, 10), [Shard(0)]),
    "columns": ((13, 10), [Shard(1)]),
    "fewer rows than ranks": ((1, 10), [Shard(0)]),
    "the middle of three axes": ((3, 10, 5), [Shard(1)]),
    "replicas": ((13, 10), [Replicate()]),
}


def _placed(initializer, shape, placements, dtype, mesh, folder):
    tensor = shards(shape, mesh, placements, dtype)
    version = tensor._version
    with CommDebugMode() as communication:
        fill_(tensor, initializer, stream_of(3, "w"))
    assert communication.get_total_counts() == 0
    assert tensor._version > version
    expected = fill_(torch.empty(shape, dtype=dtype), initializer, stream_of(3, "w"))
    assert torch.equal(tensor.full_tensor(), expected)


for distribution, initializer in INITIALIZERS.items():
    for case, (shape, placements) in PLACED.items():
        for dtype in (torch.float32, torch.bfloat16):
            name = f"{distribution} {str(dtype)[6:]}, {case}"
            check = partial(_placed, initializer, shape, placements, dtype)
            CHECKS.update({(2, name): check, (4, name): check})


@on_ranks(2, 4)
def ranks_of_one_machine_share_whole_tensors(mesh, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCAL_WORLD_SIZE", str(mesh.size()))
        patch.setattr(whole_tensors, "LEAST_MULTIPLICATIONS", 1)
        for shape, placements in PLACED.values():
            for dtype in (torch.float32, torch.bfloat16):
                _placed(Orthogonal(), shape, placements, dtype, mesh, folder)


@on_ranks(2, 4)
def accelerate_on_dtensors(mesh, folder):
    def draw(tensors):
        with fastinit.torch.accelerate(seed=1):
            nn.init.normal_(tensors[0])
            nn.init.trunc_normal_(tensors[1], std=0.02, a=-0.04, b=0.04)
            nn.init.orthogonal_(tensors[2])
            nn.init.kaiming_uniform_(tensors[3], a=5**0.5)
            tensors[4].uniform_(-1, 1)

    sharded = [shards((13, 10), mesh, [Shard(i % 2)]) for i in range(5)]
    single = [torch.zeros(13, 10) for _ in range(5)]
    draw(sharded)
    draw(single)
    for tensor, expected in zip(sharded, single):
        assert torch.equal(tensor.full_tensor(), expected)


@on_ranks(2)
def a_generator_decides_under_accelerate(mesh, folder):
    def draw(fill, tensor, seed):
        return fill(tensor, generator=torch.Generator().manual_seed(seed))

    with fastinit.torch.accelerate():
        sharded = draw(nn.init.normal_, shards((13, 10), mesh, [Shard(0)]), 123).full_tensor()
    assert torch.equal(sharded, draw(nn_init.normal_, torch.zeros(13, 10), 123))
    assert not torch.equal(sharded, draw(nn_init.normal_, torch.zeros(13, 10), 999))


@on_ranks(2)
def nn_init_on_dtensors(mesh, folder):
    torch.manual_seed(0)
    sharded = nn_init.kaiming_normal_(shards((13, 10), mesh, [Shard(0)]))
    torch.manual_seed(0)
    assert torch.equal(sharded.full_tensor(), nn_init.kaiming_normal_(torch.zeros(13, 10)))


class SelfInitialized(nn.Module):
    """Initializes itself as torchtitan's modules do: their `param_init` by local names, else `reset_parameters`."""

    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(16, 36), nn.Linear(36, 16, bias=False)
        self.norm = nn.LayerNorm(16)
        self.param_init = {
            "up": {"weight": partial(nn.init.trunc_normal_, std=0.02), "bias": nn.init.zeros_},
            "down": {"weight": fastinit.torch.param_init("truncated_normal", std=0.01, low=-3, high=3)},
        }

    def init_weights(self):
        for name, module in self.named_children():
            if name in self.param_init:
                for parameter, tensor in module.named_parameters(recurse=False):
                    self.param_init[name][parameter](tensor)
            else:
                module.reset_parameters()


@on_ranks(2, 4)
def param_init_callables_by_name(mesh, folder):
    model, single = on_meta(SelfInitialized), SelfInitialized()
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    with torch.no_grad(), CommDebugMode() as communication, fastinit.torch.by_name(model, seed=4) as report:
        model.init_weights()
    assert communication.get_total_counts() == 0
    assert report.untouched == []
    with torch.no_grad(), fastinit.torch.by_name(single, seed=4):
        single.init_weights()
    assert_same(model, single)


@on_ranks(2, 4)
def param_init_callables_from_torchs_generator(mesh, folder):
    fill = fastinit.torch.param_init("he_normal")
    sharded, single = shards((13, 10), mesh, [Shard(1)]), torch.zeros(13, 10)
    for tensor in (sharded, single):
        torch.manual_seed(8)
        fill(tensor)
    assert torch.equal(sharded.full_tensor(), single)


@on_ranks(2, 4)
def a_part_that_no_rank_needs_to_gather(mesh, folder):
    class Halves(nn.Linear):
        def reset_parameters(self):
            with torch.no_grad():
                self.weight[:, :4].normal_()
                self.weight[:, 4:].uniform_(-1, 1)
                self.weight[5].fill_(2.0)
                self.bias.zero_()

    model = on_meta(partial(Halves, 8, 13))
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    init_without_communication(model)
    assert_same(model, whole(partial(Halves, 8, 13)))


class Experts(nn.Module):
    """One tensor for all of them, each of which is initialized by itself."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(5, 8, 6))

    def reset_parameters(self):
        for expert in self.weight:
            nn.init.xavier_uniform_(expert)
        nn.init.orthogonal_(self.weight[3])


@on_ranks(2, 4)
def experts_that_each_rank_has_some_of(mesh, folder):
    model = on_meta(Experts)
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    init_without_communication(model)
    assert_same(model, whole(Experts))


@on_ranks(4)
def experts_that_are_cut_twice(mesh, folder):
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("ep", "dp"))
    model = whole(Experts, 1)
    model.weight = nn.Parameter(distribute_tensor(model.weight.detach(), mesh, [Shard(0), Shard(1)]))
    init_without_communication(model)
    assert_same(model, whole(Experts))


@on_ranks(2)
def a_part_that_would_be_gathered_is_an_error(mesh, folder):
    class Rows(nn.Linear):
        def reset_parameters(self):
            with torch.no_grad():
                self.weight[2:9].zero_()

    model = on_meta(partial(Rows, 8, 13))
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    with pytest.raises(NotImplementedError, match=r"of weight, a DTensor .* skip weight, or initialize it by a Recipe"):
        fastinit.torch.init_(model)


@on_ranks(2)
def a_local_shard_filled_by_itself_is_an_error(mesh, folder):
    class Local(nn.Linear):
        def reset_parameters(self):
            if not self.weight.is_meta:
                self.weight.to_local().detach().normal_()

    model = on_meta(partial(Local, 8, 13))
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    with pytest.raises(ValueError, match="weight is a DTensor, and its local shard was to be filled"):
        fastinit.torch.init_(model)


@on_ranks(2)
def partial_shards_are_an_error(mesh, folder):
    tensor = DTensor.from_local(torch.zeros(3, 4), mesh, [Partial()], run_check=False)
    with pytest.raises(ValueError, match="Partial shards are summed"):
        fill_(tensor, Normal(), stream_of(0))
    assert not tensor._local_tensor.any()


@on_ranks(4)
def ranks_outside_the_mesh_are_left_alone(mesh, folder):
    mesh = DeviceMesh("cpu", [1, 2])
    tensor = shards((13, 10), mesh, [Shard(0)])
    fill_(tensor, Normal(), stream_of(0, "w"))
    if dist.get_rank() in (1, 2):
        assert torch.equal(tensor.full_tensor(), fill_(torch.zeros(13, 10), Normal(), stream_of(0, "w")))
    else:
        assert tensor._local_tensor.numel() == 0


class Table(nn.Module):
    """Copies what it has computed as a whole, as tables of positions are."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(13, 10))

    def reset_parameters(self):
        with torch.no_grad():
            self.weight.copy_(torch.arange(130.0).reshape(13, 10) + torch.rand(10))


@on_ranks(2, 4)
def a_whole_tensor_that_each_rank_takes_its_part_of(mesh, folder):
    for placement in (Shard(0), Shard(1), Replicate()):
        model = Table()
        model.weight = nn.Parameter(shards((13, 10), mesh, [placement]))
        init_without_communication(model)
        assert_same(model, whole(Table))


BASE = dict(vocab_size=31, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=18)
FAMILIES = {  # each with more than one distribution for some tensor, or one that is computed as a whole
    "BertModel": dict(BASE, max_position_embeddings=9),
    "GPT2LMHeadModel": dict(vocab_size=31, n_embd=8, n_layer=2, n_head=2, n_positions=9),
    "LlamaForCausalLM": dict(BASE),
    "MambaForCausalLM": dict(vocab_size=31, hidden_size=8, num_hidden_layers=2, state_size=4),
    "MixtralForCausalLM": dict(BASE, num_key_value_heads=1, num_local_experts=3),
    "T5ForConditionalGeneration": dict(vocab_size=31, d_model=8, d_ff=18, d_kv=4, num_layers=1, num_heads=2),
    "ViTModel": dict({k: v for k, v in BASE.items() if k != "vocab_size"}, image_size=8, patch_size=4),
    "WhisperModel": dict(
        vocab_size=31, d_model=8, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=18, decoder_ffn_dim=18, num_mel_bins=4, max_source_positions=9, max_target_positions=9,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    ),
}  # fmt: skip


def _hugging_face(name, mesh, folder):
    transformers = pytest.importorskip("transformers")
    cls = getattr(transformers, name)
    build = partial(cls, cls.config_class(**FAMILIES[name]))
    model, single = on_meta(build), build()
    for part in reversed([part for part in model.modules() if type(part).__name__.endswith(("Layer", "Block"))]):
        fully_shard(part, mesh=mesh)
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    assert init_without_communication(model).filled == fastinit.torch.init_(single).filled
    assert_same(model, single)


for family in FAMILIES:
    CHECKS.update({(world, f"{family} under FSDP2"): partial(_hugging_face, family) for world in (2, 4)})


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(31, 8, padding_idx=30)
        self.transformer = nn.Transformer(8, 2, 1, 1, 18)


@on_ranks(2)
def tfixup(mesh, folder):
    model, single = on_meta(Translator), Translator()
    fully_shard(model.transformer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    with CommDebugMode() as communication:
        fastinit.torch.tfixup_(model, seed=7)
    assert communication.get_total_counts() == 0
    fastinit.torch.tfixup_(single, seed=7)
    assert_same(model, single)
    assert not single.embedding.weight[30].any()


@on_ranks(2)
def fixup(mesh, folder):
    model, single = on_meta(MLP), MLP()
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    for module in (model, single):
        fastinit.torch.fixup_(module, ("up", "down"), last="down", seed=7)
    state = {name: t for name, t in model.state_dict().items() if "embedding" not in name}
    assert all(torch.equal(tensor.full_tensor(), single.state_dict()[name]) for name, tensor in state.items())


@on_ranks(2)
def initializers_that_look_at_data_want_whole_weights(mesh, folder):
    model = fully_shard(MLP(), mesh=mesh)
    with pytest.raises(ValueError, match=r"up.weight must be a whole tensor .* initialize before sharding"):
        fastinit.torch.lsuv_(model, torch.arange(12))


@on_ranks(2)
def seed_checkpoint(mesh, folder):
    model = fully_shard(on_meta(MLP), mesh=mesh)
    model.to_empty(device="cpu")
    fastinit.torch.init_(model, seed=6)
    dcp.save(model.state_dict(), checkpoint_id=folder / "seed")


@on_ranks(2, 4)
def each_rank_audits_its_shards(mesh, folder):
    model = on_meta(partial(nn.Embedding, 1001, 16, padding_idx=0))
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    report = fastinit.torch.init_(model)
    with CommDebugMode() as communication:
        found = fastinit.torch.audit(model, report)
    assert communication.get_total_counts() == 0 and found.findings == ()
    assert [row.name for row in found.tensors] == (["weight[0]", "weight[1:]"] if dist.get_rank() == 0 else ["weight"])
    assert sum(row.n for row in found.tensors) == model.weight.to_local().numel()
    assert all(row.distribution for row in found.tensors)


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """Runs the checks of a number of ranks, once; gives the folder and the failures of each rank."""
    ran = {}

    def run(world):
        if world not in ran:
            folder = tmp_path_factory.mktemp(f"ranks{world}")
            checks = {name: check for (of_world, name), check in CHECKS.items() if of_world == world}
            ran[world] = folder, run_on_ranks(world, checks, folder)
        return ran[world]

    return run


@pytest.mark.parametrize(("world", "name"), CHECKS, ids=lambda value: str(value).replace(" ", "-"))
def test_on_gloo_ranks(ranks, world, name):
    _, failures = ranks(world)
    assert [failed[name] for failed in failures if name in failed] == []


def test_a_seed_checkpoint_of_two_ranks_loads_on_one(ranks):
    folder, _ = ranks(2)
    model = MLP()
    state = model.state_dict()
    dcp.load(state, checkpoint_id=folder / "seed", no_dist=True)
    model.load_state_dict(state)
    assert_same(model, whole(MLP, seed=6))


@st.composite
def layouts(draw):
    """A shape, a mesh, a placement for each of its dimensions, and a rank."""
    shape = tuple(draw(st.lists(st.integers(0, 11), min_size=1, max_size=3)))
    mesh = draw(st.sampled_from([(1,), (2,), (4,), (7,), (2, 2), (3, 2), (2, 4), (2, 1, 3), (2, 2, 2)]))
    axes = st.integers(0, len(shape) - 1)
    strided = st.builds(lambda axis, parts: _StridedShard(axis, split_factor=parts), axes, st.integers(2, 4))
    placement = st.one_of(st.just(Replicate()), st.builds(Shard, axes), strided)
    placements = [draw(placement) for _ in mesh]
    return shape, mesh, placements, draw(st.integers(0, int(np.prod(mesh)) - 1))


@settings(max_examples=150, deadline=None)
@given(layouts())
def test_the_shard_of_any_placements_on_any_mesh(layout):
    shape, mesh_shape, placements, rank = layout
    full = torch.arange(int(np.prod(shape))).reshape(shape)
    with FakeRank(rank, int(np.prod(mesh_shape))):
        mesh = init_device_mesh("cpu", mesh_shape)
        expected = cut_by_torch(full, mesh, placements)
        tensor = DTensor.from_local(expected, mesh, placements, run_check=False, shape=full.shape, stride=full.stride())
        assert np.array_equal(full.numpy()[local_index(tensor)], expected.numpy())


@settings(max_examples=60, deadline=None)
@given(layouts(), st.sampled_from([torch.float32, torch.bfloat16, torch.float64]))
def test_a_fill_of_any_placements_on_any_mesh(layout, dtype):
    shape, mesh_shape, placements, rank = layout
    full = fill_(torch.empty(shape, dtype=dtype), Normal(), stream_of(1, "w"))
    with FakeRank(rank, int(np.prod(mesh_shape))):
        mesh = init_device_mesh("cpu", mesh_shape)
        expected = cut_by_torch(full, mesh, placements)
        local = torch.zeros_like(expected)
        tensor = DTensor.from_local(local, mesh, placements, run_check=False, shape=full.shape, stride=full.stride())
        fill_(tensor, Normal(), stream_of(1, "w"))
        assert torch.equal(local, expected)


@pytest.mark.parametrize("rank", range(8))
def test_a_model_on_a_simulated_mesh_of_eight(rank):
    with FakeRank(rank, 8):
        mesh = init_device_mesh("cpu", (2, 2, 2), mesh_dim_names=("replicate", "shard", "tp"))
        model = tensor_parallel(on_meta(MLP), mesh["tp"])
        fully_shard(model, mesh=mesh["replicate", "shard"])
        model.to_empty(device="cpu")
        init_without_communication(model)
        single = whole(MLP).state_dict()
        for name, tensor in model.state_dict().items():
            expected = cut_by_torch(single[name], tensor.device_mesh, tensor.placements)
            assert torch.equal(tensor.to_local(), expected), (name, tensor.placements)


def test_param_init_is_a_value():
    made = fastinit.torch.param_init("normal", std=0.02)
    assert made == pickle.loads(pickle.dumps(made)) == fastinit.torch.param_init(Normal(std=0.02))


def test_param_init_leaves_meta_tensors_alone():
    tensor = torch.empty(3, 4, device="meta")
    fastinit.torch.param_init("normal")(tensor)
    assert tensor.is_meta


@pytest.mark.parametrize(
    ("arguments", "tensor", "error", "message"),
    [
        (("he_normal",), torch.zeros(5), ValueError, "he_normal needs at least 2 axes"),
        (("normal",), torch.zeros(5, dtype=torch.int32), TypeError, "got torch.int32"),
    ],
    ids=["no fan", "integers"],
)
def test_param_init_says_what_it_cannot_fill(arguments, tensor, error, message):
    with pytest.raises(error, match=message):
        fastinit.torch.param_init(*arguments)(tensor)
    assert not tensor.any()


def test_by_name_wants_memory():
    message = r"up.weight is on the meta device: call module.to_empty"
    with pytest.raises(ValueError, match=message), fastinit.torch.by_name(on_meta(SelfInitialized)):
        pass


def test_by_name_gives_what_init_gives():
    model = MLP()
    with torch.no_grad(), fastinit.torch.by_name(model, seed=2):
        for module in model.children():
            module.reset_parameters()
    assert_same(model, whole(MLP, 2))

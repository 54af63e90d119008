"""A recorded model has the same weights on any parallel layout: FSDP2, HSDP, tensor parallelism, both, and pipelines."""

import math
import warnings
from functools import partial

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Shard, distribute_module, distribute_tensor
from torch.distributed.tensor.debug import CommDebugMode
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

from fastinit.torch import build, deferred, init_
from tests.ranks import FakeRank, cut_by_torch, run_on_ranks

BASE = dict(vocab_size=31, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=18)
CONFIGS = {
    "GPT2LMHeadModel": dict(vocab_size=31, n_embd=8, n_layer=2, n_head=2, n_positions=9),
    "LlamaForCausalLM": dict(BASE, pad_token_id=3),
    "MambaForCausalLM": dict(vocab_size=31, hidden_size=8, num_hidden_layers=2, state_size=4),
    "MixtralForCausalLM": dict(BASE, num_key_value_heads=1, num_local_experts=3),
    "RwkvForCausalLM": dict(vocab_size=31, hidden_size=8, num_hidden_layers=2),
    "T5ForConditionalGeneration": dict(vocab_size=31, d_model=8, d_ff=18, d_kv=4, num_layers=2, num_heads=2),
    "ViTModel": dict({k: v for k, v in BASE.items() if k != "vocab_size"}, image_size=8, patch_size=4),
}


def hugging_face(name):
    transformers = pytest.importorskip("transformers")
    cls = getattr(transformers, name)
    return cls(cls.config_class(**CONFIGS[name]))


class Residual(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, out, 3, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, bias=False), nn.BatchNorm2d(out)
        self.downsample = nn.Sequential(nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out))


class ResNet(nn.Module):
    """torchvision's way: each convolution by kaiming_normal_ over what the constructor drew, last norms 0."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 7, bias=False)
        self.layers = nn.ModuleList([Residual(6, 10), Residual(10, 13)])
        self.fc = nn.Linear(13, 5)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, Residual):
                nn.init.zeros_(module.bn2.weight)


class Lora(nn.Module):
    """peft's way: beside the frozen layer a drawn A and a B of zeros."""

    def __init__(self, base, rank=3):
        super().__init__()
        self.base_layer = base.requires_grad_(False)
        self.lora_A = nn.Linear(base.in_features, rank, bias=False)
        self.lora_B = nn.Linear(rank, base.out_features, bias=False)
        nn.init.kaiming_uniform_(self.lora_A.weight, a=math.sqrt(5))
        nn.init.zeros_(self.lora_B.weight)


def with_adapters(make):
    model = make()
    for part in [*model.modules()]:
        for name, child in [*part.named_children()]:
            if isinstance(child, nn.Linear) and name in ("q_proj", "v_proj"):
                setattr(part, name, Lora(child))
    return model


class GPT(nn.Module):
    """nanoGPT's way: `apply` at the end of the constructor, projections by the depth, a tied head."""

    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(31, 8, padding_idx=2)
        self.layers = nn.ModuleList([nn.TransformerEncoderLayer(8, 2, 18) for _ in range(2)])
        self.q_proj = nn.Linear(8, 8)
        self.lm_head = nn.Linear(8, 31, bias=False)
        self.lm_head.weight = self.wte.weight
        self.register_buffer("mask", torch.tril(torch.ones(9, 9)))
        self.register_buffer("angles", 10.0 ** -torch.arange(0, 1, 0.25), persistent=False)
        self.skew = nn.Parameter(torch.rand(8).log())
        self.apply(self._init_weights)
        for name, parameter in self.named_parameters():
            if name.endswith("linear2.weight"):
                nn.init.normal_(parameter, std=0.02 / math.sqrt(4))

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)


OWN = {
    "ResNet": ResNet,
    "GPT": GPT,
    "GPT with LoRA": partial(with_adapters, GPT),
    "copied layers": partial(nn.Transformer, 8, 2, 2, 2, 18),
}
MODELS = {
    **{name: partial(hugging_face, name) for name in CONFIGS},
    "Llama with LoRA": partial(with_adapters, partial(hugging_face, "LlamaForCausalLM")),
    **OWN,
}


def fsdp2(model, mesh):
    """Blocks first, the rest with the root, as one does."""
    for part in reversed([*model.modules()]):
        if isinstance(part, nn.ModuleList):
            for block in part:
                fully_shard(block, mesh=mesh)
    return fully_shard(model, mesh=mesh)


ROWWISE = ("o_proj", "down_proj", "wo", "o", "out_proj", "fc2", "linear2", "output", "wte", "embed_tokens")


def tensor_parallel(model, mesh):
    """Embeddings and linear layers by torch's plans; matrices of another kind along their last axis, tensors with more axes
    (convolutions, experts) along the first."""

    def shard(name, module, mesh):
        for own, tensor in module.named_parameters(recurse=False):
            if tensor.ndim > 1:
                along = Shard(1 if tensor.ndim == 2 else 0)
                setattr(module, own, nn.Parameter(distribute_tensor(tensor, mesh, [along]), tensor.requires_grad))

    for name, module in [*model.named_modules()]:
        if type(module) in (nn.Linear, nn.Embedding):
            rowwise = name.split(".")[-1] in ROWWISE
            parallelize_module(module, mesh, RowwiseParallel() if rowwise else ColwiseParallel())
        elif not isinstance(module, nn.modules.batchnorm._BatchNorm) and not [*module.children()]:
            distribute_module(module, mesh, shard)
    return model


def hsdp(model, mesh):
    return fsdp2(model, mesh)


def fsdp2_over_tensor_parallel(model, mesh):
    return fsdp2(tensor_parallel(model, mesh["tp"]), mesh["dp"])


LAYOUTS = {  # and the shapes of the meshes of 2 and 4 ranks
    "FSDP2": (fsdp2, {2: (2,), 4: (4,)}),
    "HSDP": (hsdp, {2: (1, 2), 4: (2, 2)}),
    "TP": (tensor_parallel, {2: (2,), 4: (4,)}),
    "FSDP2 and TP": (fsdp2_over_tensor_parallel, {2: (2, 1), 4: (2, 2)}),
}


def named_tensors(model):
    return {name: t for name, t in [*model.named_parameters(remove_duplicate=False), *model.named_buffers()]}


def local_part(whole, tensor):
    """What of the whole tensor this rank has."""
    return cut_by_torch(whole, tensor.device_mesh, tensor.placements) if isinstance(tensor, DTensor) else whole


def assert_parts_of(model, whole, prefix=""):
    """Every parameter and buffer here is this rank's part of the whole model's, bit for bit."""
    expected, got = named_tensors(whole), named_tensors(model)
    assert got and {prefix + name for name in got} <= expected.keys()
    for name, tensor in got.items():
        here = tensor.to_local() if isinstance(tensor, DTensor) else tensor
        assert torch.equal(here, local_part(expected[prefix + name], tensor)), prefix + name


def parallel_equals_single(make, layout, world, mesh=None, folder=None):
    parallelize, meshes = LAYOUTS[layout]
    names = ("dp", "tp")[: len(meshes[world])]
    with deferred():
        model = make()
    model = parallelize(model, init_device_mesh("cpu", meshes[world], mesh_dim_names=names))
    assert any(isinstance(p, DTensor) for p in model.parameters())
    with CommDebugMode() as communication:
        init_(model, seed=0)
    assert communication.get_total_counts() == 0
    whole = build(make, seed=0)
    assert named_tensors(model).keys() == named_tensors(whole).keys()
    assert_parts_of(model, whole)


CHECKS = {
    (world, f"{model} under {layout}"): partial(parallel_equals_single, make, layout, world)
    for world in (2, 4)
    for layout in LAYOUTS
    for model, make in MODELS.items()
}


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """Runs all checks of a number of ranks, once; gives the failures of each rank."""
    ran = {}

    def run(world):
        if world not in ran:
            checks = {name: check for (of_world, name), check in CHECKS.items() if of_world == world}
            ran[world] = run_on_ranks(world, checks, tmp_path_factory.mktemp(f"ranks{world}"))
        return ran[world]

    return run


@pytest.mark.slow
@pytest.mark.parametrize(("world", "name"), CHECKS, ids=lambda value: str(value).replace(" ", "-"))
def test_a_recorded_model_on_gloo_ranks_is_that_of_a_single_process(ranks, world, name):
    assert [failed[name] for failed in ranks(world) if name in failed] == []


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("model", OWN)
def test_each_rank_of_a_simulated_group_of_four_has_its_part(model, layout):
    for rank in range(4):
        with FakeRank(rank, 4):
            parallel_equals_single(OWN[model], layout, 4)


PIPELINES = {name: make for name, make in MODELS.items() if name not in ("MixtralForCausalLM", "copied layers")}


def stages_of(model):
    """The model in parts, each with its name: the elements of lists of blocks, and what else there is."""
    for name, part in model.named_children():
        if isinstance(part, nn.ModuleList):
            yield from ((f"{name}.{number}", block) for number, block in part.named_children())
        elif any(isinstance(child, nn.ModuleList) for child in part.modules()):
            yield from ((f"{name}.{own}", stage) for own, stage in stages_of(part))
        elif [*part.parameters()]:
            yield name, part


def pipeline_equals_whole(make):
    whole = build(make, seed=0)
    with deferred():
        model = make()
    stages = dict(stages_of(model))
    assert len(stages) > 3
    for name, stage in stages.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # nothing is uncertain about a recorded stage
            init_(stage, seed=0, prefix=f"{name}.")
        assert_parts_of(stage, whole, f"{name}.")


@pytest.mark.parametrize("model", OWN)
def test_a_pipeline_of_stages_by_prefix_is_the_whole(model):
    pipeline_equals_whole(OWN[model])


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS.keys() - OWN.keys())
def test_a_pipeline_of_transformers_by_prefix_is_the_whole(model):
    pipeline_equals_whole(MODELS[model])


CHANGES = {
    "a function of torch.nn.init": lambda model: nn.init.ones_(model.q_proj.weight),
    "a part": lambda model: model.q_proj.weight.detach()[:2].zero_(),
    "arithmetic": lambda model: torch.no_grad()(model.q_proj.weight.mul_)(2),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
@pytest.mark.parametrize("when", ["before sharding", "after sharding"])
def test_a_change_after_construction_is_refused_by_name(layout, change, when):
    parallelize, meshes = LAYOUTS[layout]
    with FakeRank(1, 4):
        with deferred():
            model = GPT()
        if when == "before sharding":
            change(model)
        mesh = init_device_mesh("cpu", meshes[4], mesh_dim_names=("dp", "tp")[: len(meshes[4])])
        model = parallelize(model, mesh)
        if when == "after sharding":
            change(model)
        with pytest.raises(ValueError, match=r"changed after construction: q_proj.weight was written to; move"):
            init_(model)

"""Tensors that are parts of the model's without being DTensors: named and filled as in the whole, or refused by name."""

import enum
import sys
import types
import warnings

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import torch.distributed as dist
from torch import nn
from torch.testing._internal.distributed.fake_pg import FakeStore

import fastinit.torch
from fastinit.initializers import HeNormal, Normal, Orthogonal, Parts
from fastinit.recipes import Recipe
from fastinit.torch import by_name, init_, init_missing_

RECIPE = Recipe([("*bias", "uniform"), ("*norm.*", "ones"), ("*", HeNormal())])


class Block(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.up, self.down, self.norm = nn.Linear(width, 30), nn.Linear(30, width), nn.BatchNorm1d(width)


class Model(nn.Module):
    def __init__(self, layers=4):
        super().__init__()
        self.embed = nn.Embedding(40, 12, padding_idx=5)
        self.layers = nn.ModuleList(Block() for _ in range(layers))


def init_by_name(module, recipe="auto", **options):
    """`by_name` around what `init_` runs of a module of torch's."""
    with torch.no_grad(), by_name(module, **options) as report:
        for part in module.modules():
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()
    return report


CALLS = {
    "init_": init_,
    "init_missing_": lambda module, recipe="auto", **options: init_missing_(module, [], recipe, **options),
    "by_name": init_by_name,
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@pytest.fixture(scope="module")
def whole():
    """By recipe or "auto", the values of the whole model."""
    models = {}
    for recipe in ("auto", RECIPE):
        model = Model()
        init_(model, recipe)
        models[recipe] = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    return models


# ---- prefix: blocks that are built alone ----


@calls
def test_a_block_that_is_built_alone_has_the_values_that_it_has_in_the_model(call, whole):
    block = Block()
    report = call(block, prefix="layers.2.")
    assert all(torch.equal(t, whole["auto"][f"layers.2.{name}"]) for name, t in block.state_dict().items() if t.ndim)
    assert "layers.2.up.weight" in report.filled


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("recipe", ["auto", RECIPE], ids=["auto", "recipe"])
def test_the_stages_of_a_pipeline_together_are_the_whole_model(recipe, device, whole):
    with torch.device(device):
        stages, made = [Model(2), Model(2)], {}
    recipe_of_parts = recipe if recipe == "auto" else Recipe(recipe.rules, allow_unused=True)
    init_(stages[0].embed, recipe_of_parts, prefix="embed.")
    made |= {f"embed.{name}": tensor for name, tensor in stages[0].embed.state_dict().items()}
    for i in range(4):
        block = stages[i // 2].layers[i % 2]
        init_(block, recipe_of_parts, prefix=f"layers.{i}.")
        made |= {f"layers.{i}.{name}": tensor for name, tensor in block.state_dict().items()}
    assert made.keys() == whole[recipe].keys()
    assert all(torch.equal(tensor, whole[recipe][name]) for name, tensor in made.items())


def test_rules_and_globs_of_skip_see_the_prefix():
    block, recipe = Block(), Recipe([("layers.7.up.weight", "ones"), ("layers.7.*.bias", "zeros")])
    report = init_(block, recipe, skip=["layers.7.norm.*", "layers.7.down.weight"], prefix="layers.7.")
    assert (block.up.weight == 1).all() and "layers.7.down.weight" in report.skipped
    with pytest.raises(ValueError, match=r"^skip has 'norm\.\*', which matches nothing in the module"):
        init_(block, skip=["norm.*"], prefix="layers.7.")


def test_loaded_keys_begin_with_the_prefix():
    layer = nn.Linear(3, 2)
    before = layer.bias.detach().clone()
    report = init_missing_(layer, ["head.bias"], prefix="head.")
    assert torch.equal(layer.bias, before) and [*report.filled] == ["head.weight"]
    with pytest.raises(ValueError, match=r"^loaded_keys has 'bias', which the module does not have: its names begin with"):
        init_missing_(layer, ["bias"], prefix="head.")


@pytest.mark.parametrize("index", [np.s_[32:64], np.s_[::2], np.arange(0, 96, 5)], ids=str)
def test_the_audit_of_a_part_knows_its_slabs(index):
    fused = Parts(0, ((0.5, Normal(std=0.02)), (0.5, Normal(std=0.5))))
    layer = nn.Linear(64, len(range(96)[index]) if isinstance(index, slice) else len(index), bias=False)
    report = init_(layer, recipe=Recipe([("weight", fused)]), shard_of={"weight": ((96, 64), index)})
    found = fastinit.torch.audit(layer, report)
    assert found.ok and [(row.name, round(row.expected_std, 2)) for row in found.tensors] == [
        ("weight[:48]", 0.02), ("weight[48:]", 0.5),
    ]  # fmt: skip
    with torch.no_grad():
        layer.weight *= 1.2
    assert {finding.name for finding in fastinit.torch.audit(layer, report).findings} == {"weight[:48]", "weight[48:]"}


def test_the_audit_knows_the_prefix():
    layer = nn.Linear(200, 100)
    report = init_(layer, prefix="head.")
    assert fastinit.torch.audit(layer, report).ok
    with torch.no_grad():
        layer.weight.mul_(2)
    findings = fastinit.torch.audit(layer, report).findings
    assert "head.weight" in {finding.name for finding in findings}


def test_a_stage_does_not_say_the_depth_of_the_model():
    with pytest.raises(TypeError, match="'gpt2' needs depth"):
        init_(nn.ModuleDict({"h": nn.ModuleList(nn.Linear(3, 3) for _ in range(2))}), "gpt2", prefix="transformer.")


@calls
@pytest.mark.parametrize("prefix", ["layers.7", ".", "layers..7.", ".layers."])
def test_a_prefix_that_begins_no_names_is_refused(call, prefix):
    with pytest.raises(ValueError, match=rf"^prefix must be names with a dot after each, as 'layers\.7\.', got '{prefix}'"):
        call(nn.Linear(3, 3), prefix=prefix)


@calls
def test_a_prefix_that_is_no_string_is_refused(call):
    with pytest.raises(TypeError, match=r"^prefix must be a string as 'layers\.7\.', got 7"):
        call(nn.Linear(3, 3), prefix=7)


@pytest.mark.parametrize("recipe", ["auto", Recipe([("*", "ones")])], ids=["auto", "recipe"])
def test_a_block_of_hugging_face_whose_family_is_not_known_is_warned_of(recipe):
    modeling = pytest.importorskip("transformers.models.llama.modeling_llama")
    config = modeling.LlamaConfig(hidden_size=8, num_attention_heads=2, intermediate_size=18)
    stage = nn.ModuleList([modeling.LlamaDecoderLayer(config, 0), modeling.LlamaDecoderLayer(config, 1)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        init_(stage, recipe, prefix="layers.")
    messages = [str(warning.message) for warning in caught if "block of" in str(warning.message)]
    assert len(messages) == (recipe == "auto")
    assert all(message.startswith("LlamaDecoderLayer is a block of a model of Hugging Face") for message in messages)
    assert all(warning.filename == __file__ for warning in caught if "block of" in str(warning.message))


def test_models_of_hugging_face_and_what_is_around_them_are_not_warned_of():
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=31, hidden_size=8, num_attention_heads=2, num_key_value_heads=2, intermediate_size=18, num_hidden_layers=1
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = init_(nn.ModuleDict({"model": transformers.LlamaModel(config), "head": nn.Linear(3, 3)}))
    assert {"head.weight", "model.embed_tokens.weight"} <= report.filled.keys()


# ---- shard_of: parts that the caller knows ----

INDICES = {
    "rows": (slice(10, 20), slice(None)),
    "columns": (slice(None), slice(4, 8)),
    "one slice": slice(10, 20),
    "every other": (slice(1, None, 2),),
    "some rows": np.array([3, 29, 4, 5]),
    "chunks of both": np.ix_([0, 1, 8, 9], [2, 3, 7]),
    "a mask": np.arange(30) % 3 == 1,
    "all": (),
    "an ellipsis": (..., slice(4, 8)),
}
indices = pytest.mark.parametrize("index", INDICES.values(), ids=INDICES.keys())


def equal_states(first, second):
    return all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))


def linear_of(index, device="cpu"):
    """A layer whose weight has the shape of this part of a (30, 12) one."""
    layer = nn.Linear(3, 3)
    layer.weight = nn.Parameter(torch.zeros(np.empty((30, 12))[index].shape, device=device))
    layer.bias = None
    return layer


@indices
@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("recipe", ["auto", RECIPE, Recipe([("*", Orthogonal())])], ids=["auto", "he", "orthogonal"])
def test_a_shard_has_its_part_of_the_whole(index, recipe, device):
    whole, layer = nn.Linear(12, 30, bias=False), linear_of(index, device)
    if isinstance(recipe, Recipe):
        recipe = Recipe([rule for rule in recipe if rule.pattern == "*"])
    init_(whole, recipe, prefix="up.")
    parameter = layer.weight
    report = init_(layer, recipe, prefix="up.", shard_of={"up.weight": ((30, 12), index)})
    assert np.array_equal(layer.weight.detach(), whole.weight.detach().numpy()[index])
    assert layer.weight is parameter and report.filled == {"up.weight": str(report.rows["up.weight"][0].distribution)}


@calls
def test_fans_are_those_of_the_whole(call):
    """torch's `reset_parameters` looks at the weight's shape, for the bias too."""
    whole, layer = nn.Linear(12, 30), nn.Linear(4, 30)
    call(whole, prefix="up.")
    call(layer, prefix="up.", shard_of={"up.weight": ((30, 12), np.s_[:, 4:8])})
    assert torch.equal(layer.weight, whole.weight[:, 4:8]) and torch.equal(layer.bias, whole.bias)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_shards_are_converted_to_the_dtype(dtype):
    whole, layer = nn.Linear(12, 30), nn.Linear(4, 30)
    init_(whole, dtype=dtype)
    init_(layer, dtype=dtype, shard_of={"weight": ((30, 12), np.s_[:, 4:8])})
    assert layer.weight.dtype is dtype and torch.equal(layer.weight, whole.weight[:, 4:8])


@pytest.mark.parametrize("rows", [slice(0, 20), slice(20, 40), slice(0, 0), slice(1, 40, 2)], ids=str)
def test_the_padding_row_is_zero_where_it_is_and_no_other(rows):
    whole, part = nn.Embedding(40, 8, padding_idx=5), nn.Embedding(40, 8, padding_idx=5)
    part.weight = nn.Parameter(part.weight[rows].detach().clone())
    init_(whole)
    init_(part, shard_of={"weight": ((40, 8), rows)})
    assert torch.equal(part.weight, whole.weight[rows])


class Experts(nn.Module):
    """Code that draws, computes and copies in parts."""

    def __init__(self, experts=6, rows=4):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(experts, rows, 5))

    def reset_parameters(self):
        with torch.no_grad():
            for expert in self.weight:
                nn.init.xavier_uniform_(expert)
            self.weight[1, 1:3].normal_().mul_(3)
            gate, up = self.weight[2].split([1, 3])
            gate.copy_(torch.arange(5))
            up.data.uniform_(-1, 1)
            self.weight[5].copy_(torch.randn_like(self.weight[5]))
            self.weight[4].exponential_()
            self.weight[3, 0].fill_(2.0)


@pytest.mark.parametrize(
    "index", [np.s_[2:4], np.s_[:3], np.s_[:, 1:3], np.ix_([5, 1, 2], [3, 1], [0, 1, 2, 3, 4])], ids=str
)
@calls
def test_what_code_writes_to_parts_of_the_whole_is_written_where_the_shard_has_them(call, index):
    whole, shard = Experts(), Experts()
    shard.weight = nn.Parameter(whole.weight[index].detach().clone())
    if call is init_by_name:  # there torch's own draws come from its own generator
        torch.manual_seed(0)
    call(whole)
    if call is init_by_name:
        torch.manual_seed(0)
    call(shard, shard_of={"weight": ((6, 4, 5), index)})
    assert torch.equal(shard.weight, whole.weight[index])


def test_code_that_needs_the_rest_of_the_values_is_an_error():
    class Normed(nn.Linear):
        def reset_parameters(self):
            self.weight.div_(self.weight.norm())

    message = r"of weight needs all values of the tensor of shape \(30, 12\), of which a part is here: skip weight, or"
    with torch.no_grad(), pytest.raises(NotImplementedError, match=message):
        init_(Normed(4, 30), shard_of={"weight": ((30, 12), np.s_[:, 4:8])})


def test_a_shard_that_was_taken_out_before_is_not_taken_for_the_whole():
    layer = nn.Linear(4, 30)
    weight, message = layer.weight, "weight is a part of a larger tensor, and was to be filled by itself"
    block = by_name(layer, shard_of={"weight": ((30, 12), np.s_[:, 4:8])})
    with torch.no_grad(), pytest.raises(ValueError, match=message), block:
        weight.normal_()


@calls
def test_the_module_has_its_own_tensors_again_afterwards(call):
    layer = nn.Linear(4, 30)
    tensors, version = dict(layer.named_parameters()), layer.weight._version
    call(layer, shard_of={"weight": ((30, 12), np.s_[:, 4:8])})
    assert all(tensors[name] is tensor for name, tensor in layer.named_parameters()) and layer.weight._version > version
    with pytest.raises(TypeError), by_name(layer, shard_of={"weight": ((30, 12), np.s_[:, 4:8])}):
        raise TypeError
    assert layer.weight is tensors["weight"]


def test_a_shard_that_is_skipped_stays():
    layer = nn.Linear(4, 30)
    before = layer.weight.detach().clone()
    init_(layer, skip=["weight"], shard_of={"weight": ((30, 12), np.s_[:, 4:8])})
    assert torch.equal(layer.weight, before)


def test_a_shard_may_be_given_by_the_name_of_a_tie():
    model = nn.ModuleDict({"embed": nn.Embedding(10, 4), "head": nn.Linear(4, 10, bias=False)})
    model["head"].weight = model["embed"].weight
    whole = nn.Embedding(30, 4)
    init_(whole, prefix="embed.")
    init_(model, shard_of={"head.weight": ((30, 4), slice(10, 20))})
    assert torch.equal(model["embed"].weight, whole.weight[10:20])


def test_buffers_may_be_shards():
    norm, whole = nn.BatchNorm1d(4), nn.BatchNorm1d(12)
    recipe = Recipe([("running_*", "normal"), ("*", "ones")])
    init_(whole, recipe)
    init_(norm, recipe, shard_of={"running_var": ((12,), slice(4, 8))})
    assert torch.equal(norm.running_var, whole.running_var[4:8])


# ---- parts of what deferred() has recorded ----


class Recorded(nn.Module):
    """What only construction knows: a std of its own, slabs, and a tensor whose values need the whole."""

    def __init__(self):
        super().__init__()
        self.up, self.embed, self.mix = nn.Linear(12, 30), nn.Embedding(40, 12, padding_idx=5), nn.Linear(12, 12)
        nn.init.normal_(self.up.weight, std=0.02)
        nn.init.orthogonal_(self.mix.weight)


def deferred(make):
    with fastinit.torch.deferred():
        return make()


def test_a_recorded_block_that_is_built_alone_has_the_values_that_it_has_in_the_model():
    whole, block = deferred(lambda: nn.ModuleList([Recorded(), Recorded()])), deferred(Recorded)
    init_(whole, prefix="layers.")
    init_(block, prefix="layers.1.")
    assert equal_states(block, whole[1])


@pytest.mark.parametrize("index", [np.s_[:, 4:8], np.s_[:6], np.ix_([0, 5, 11], [7, 2])], ids=str)
@pytest.mark.parametrize("layer", ["up", "embed", "mix"])
def test_a_part_of_a_recorded_tensor_has_the_values_of_the_whole(layer, index):
    whole, model = deferred(Recorded), deferred(Recorded)
    part = getattr(model, layer)
    shape = tuple(part.weight.shape)
    part.weight = nn.Parameter(torch.empty(np.empty(shape)[index].shape, device="meta"))
    init_(whole)
    init_(model, shard_of={f"{layer}.weight": (shape, index)})
    assert np.array_equal(part.weight.detach(), getattr(whole, layer).weight.detach().numpy()[index])


@pytest.mark.filterwarnings("ignore:nothing initializes")
def test_what_was_constructed_as_a_part_does_not_say_how_the_whole_is():
    model = deferred(lambda: nn.ModuleDict({"up": nn.Linear(4, 30), "down": nn.Linear(30, 4)}))
    shard_of = {"up.weight": ((30, 12), np.s_[:, 4:8]), "down.weight": ((12, 30), np.s_[4:8])}
    with pytest.raises(
        ValueError, match=r"^constructed as parts, .*: up\.weight, down\.weight; construct the whole ones in"
    ):
        init_(model, shard_of=shard_of)
    init_(model, skip=["up.*", "down.*"], shard_of=shard_of)


SHARDS = [
    (
        {"wieght": ((30, 12), ())},
        ValueError,
        r"^shard_of has 'wieght', which the module does not have: did you mean 'weight'\?$",
    ),
    (
        {"weight": ((30, 12), np.s_[:, 4:9])},
        ValueError,
        r"^shard_of has 'weight', whose part of shape \(30, 5\) by this index",
    ),
    (
        {"weight": ((30, 12), np.s_[31:, 4])},
        ValueError,
        r"'weight', whose part of shape \(0,\) by this index of \(30, 12\) is",
    ),
    (
        {"weight": ((30, 12), (np.arange(4), np.arange(4)))},
        ValueError,
        r"is not the tensor's \(30, 4\); an index is one of NumPy's",
    ),
    ({"weight": ((30, 12), np.array([40]))}, ValueError, r"^shard_of has 'weight', index 40 is out of bounds for axis 0"),
    ({"weight": (30, 12)}, ValueError, r"^shard_of has 'weight', too many indices|whose part of shape"),
    ({"weight": ((30, -1), ())}, ValueError, r"^shard_of has 'weight', shape must have no negative length"),
    ({"weight": ((30, 12),)}, TypeError, r"^shard_of must have pairs \(global_shape, index\), got "),
    ({"weight": None}, TypeError, r"^shard_of must have pairs \(global_shape, index\), got None for 'weight'"),
    (
        [("weight", ((30, 12), ()))],
        TypeError,
        r"^shard_of must be a mapping from names to pairs of a shape and an index, got",
    ),
    ({"bias": ((30,), slice(3)), "b": ((3,), ())}, ValueError, r"(?s)^shard_of has 'bias', .*\nshard_of has 'b', which the"),
]


@calls
@pytest.mark.parametrize(("shard_of", "error", "message"), SHARDS)
def test_shards_that_do_not_fit_are_refused_before_anything_is_written(call, shard_of, error, message):
    layer = nn.Linear(4, 30)
    before = layer.weight.detach().clone()
    with pytest.raises(error, match=message):
        call(layer, shard_of=shard_of)
    assert torch.equal(layer.weight, before)


# ---- Megatron's tensor parallelism: the attributes of megatron.core.tensor_parallel.layers, on plain tensors ----


class Group:
    """What Megatron asks of a process group."""

    def __init__(self, rank, size):
        self.rank, self.size = (lambda: rank), (lambda: size)


def parallel_linear(shape, axis, stride=1, group=None, **marks):
    layer = nn.Linear(3, 3, bias=False)
    layer.weight = nn.Parameter(torch.zeros(shape))
    vars(layer.weight).update(tensor_model_parallel=True, partition_dim=axis, partition_stride=stride, **marks)
    layer.tp_group = group
    return layer


def divided_by_megatron(whole, axis, stride, rank, size):
    """As `_initialize_affine_weight_cpu` divides."""
    chunks = torch.split(whole, whole.shape[axis] // size // stride, dim=axis)
    return torch.cat(chunks[rank::size], dim=axis)


@pytest.fixture
def parallel_state(monkeypatch):
    """megatron.core.parallel_state, which is not installed: the functions that are documented, of rank 1 of 2."""
    state = types.ModuleType("megatron.core.parallel_state")
    state.get_tensor_model_parallel_rank, state.get_tensor_model_parallel_world_size = (lambda: 1), (lambda: 2)
    state.get_expert_tensor_parallel_rank, state.get_expert_tensor_parallel_world_size = (lambda: 0), (lambda: 1)
    for name, module in {
        "megatron": types.ModuleType("megatron"),
        "megatron.core": types.ModuleType("megatron.core"),
    }.items():
        module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "megatron.core.parallel_state", state)
    return state


@pytest.mark.parametrize(("axis", "stride"), [(0, 1), (1, 1), (0, 2), (1, 3)])
@pytest.mark.parametrize(("rank", "size"), [(0, 1), (0, 2), (1, 2), (2, 4)])
@pytest.mark.parametrize("recipe", [RECIPE, "auto"], ids=["recipe", "auto"])
def test_a_tensor_of_megatron_gets_the_part_of_its_rank(axis, stride, rank, size, recipe):
    if recipe is RECIPE:
        recipe = Recipe([("*", HeNormal())])
    whole = nn.Linear(48, 24, bias=False)
    init_(whole, recipe)
    expected = divided_by_megatron(whole.weight, axis, stride, rank, size)
    layer = parallel_linear(expected.shape, axis, stride, Group(rank, size))
    init_(layer, recipe)
    assert torch.equal(layer.weight, expected)


def test_without_a_group_of_its_own_a_tensor_has_megatrons(parallel_state):
    whole, layer = nn.Linear(4, 30, bias=False), parallel_linear((15, 4), 0)
    init_(whole)
    init_(layer)
    assert torch.equal(layer.weight, whole.weight[15:])


def test_the_tensor_parallelism_of_experts_has_a_group_of_its_own(parallel_state):
    whole, layer = nn.Linear(4, 30, bias=False), parallel_linear((30, 4), 0, expert_tp=True)
    init_(whole)
    init_(layer)
    assert torch.equal(layer.weight, whole.weight)


def test_a_tensor_that_megatron_does_not_divide_is_whole():
    whole, layer = nn.Linear(4, 30, bias=False), nn.Linear(4, 30, bias=False)
    vars(layer.weight).update(tensor_model_parallel=False, partition_dim=-1, partition_stride=1)
    init_(whole)
    init_(layer)
    assert torch.equal(layer.weight, whole.weight)


@calls
def test_tensors_of_megatron_whose_rank_is_not_known_are_refused(call):
    model = nn.Sequential(parallel_linear((15, 4), 0), nn.Linear(3, 3), parallel_linear((15, 4), 1))
    message = r"^0\.weight, 2\.weight are parts of tensors that Megatron divides among ranks, .* say which parts they are by"
    with pytest.raises(ValueError, match=message):
        call(model)
    assert not model[0].weight.any()


def test_what_the_caller_says_of_a_tensor_of_megatron_counts():
    whole, layer = nn.Linear(4, 30, bias=False), parallel_linear((15, 4), 0)
    init_(whole)
    init_(layer, shard_of={"weight": ((30, 4), slice(0, 30, 2))})
    assert torch.equal(layer.weight, whole.weight[::2])


class Layer(nn.Module):
    """As megatron.core's TransformerLayer, which knows its number in the whole model, from 1."""

    def __init__(self, number):
        super().__init__()
        self.layer_number, self.linear = number, nn.Linear(3, 3)


def test_layers_that_a_stage_numbers_from_0_are_refused():
    message = r"^layers\.0\.linear\.weight, layers\.1\.linear\.weight are of layers that each stage of a pipeline numbers"
    with pytest.raises(ValueError, match=message):
        init_(nn.ModuleDict({"layers": nn.ModuleList([Layer(3), Layer(4)])}), skip=["*.bias"])


def test_layers_that_have_their_own_numbers_are_filled():
    stage, model = nn.ModuleList([Layer(3), Layer(4)]), nn.ModuleList([Layer(1), Layer(2), Layer(3), Layer(4)])
    init_(model, prefix="layers.")
    for layer in stage:
        init_(layer, prefix=f"layers.{layer.layer_number - 1}.")
    assert torch.equal(stage[1].linear.weight, model[3].linear.weight)


# ---- experts that each rank has some of: marks of Megatron and DeepSpeed, MegaBlocks, Tutel, on plain tensors ----

MARKS = {"Megatron": {"allreduce": False}, "MegaBlocks": {"expert_model_parallel": True}, "Tutel": {"skip_allreduce": True}}
MARKS["DeepSpeed"] = {"allreduce": False, "group_name": "ep_size_2"}


def expert_of(marks):
    expert = nn.Linear(4, 3)
    for parameter in expert.parameters():
        vars(parameter).update(marks)
    return expert


@calls
@pytest.mark.parametrize("marks", MARKS.values(), ids=MARKS.keys())
def test_experts_that_each_rank_numbers_from_0_are_refused(call, marks):
    model = nn.ModuleDict({"router": nn.Linear(3, 3), "experts": nn.ModuleList(expert_of(marks) for _ in range(2))})
    message = (
        r"^experts\.0\.weight, experts\.0\.bias, experts\.1\.weight, experts\.1\.bias are of experts that each rank numbers"
    )
    with pytest.raises(ValueError, match=message):
        call(model)
    with pytest.raises(ValueError, match=message.replace("experts", r"layers\.5\.experts", 4)):
        call(model, prefix="layers.5.")


@pytest.mark.parametrize("marks", [{"allreduce": True}, {"allreduce": False, "group_name": "ep_size_1"}], ids=str)
def test_experts_that_each_rank_has_all_of_are_filled(marks):
    assert init_(nn.ModuleList([expert_of(marks)])).untouched == []


@pytest.mark.parametrize("marks", MARKS.values(), ids=MARKS.keys())
def test_an_expert_that_has_its_number_in_the_whole_model_is_filled(marks):
    whole, here = nn.ModuleList(nn.Linear(4, 3) for _ in range(4)), nn.ModuleList(expert_of(marks) for _ in range(2))
    init_(whole, prefix="experts.")
    for i, expert in enumerate(here):
        init_(expert, prefix=f"experts.{2 + i}.")
        assert torch.equal(expert.weight, whole[2 + i].weight)


def test_experts_in_one_tensor_are_filled_by_what_shard_of_says():
    whole, here = Experts(6), Experts(2)
    vars(here.weight).update(allreduce=False)
    init_(whole, prefix="experts.")
    init_(here, prefix="experts.", shard_of={"experts.weight": ((6, 4, 5), slice(2, 4))})
    assert torch.equal(here.weight, whole.weight[2:4])


def test_experts_that_are_skipped_or_loaded_are_no_error():
    model = nn.ModuleDict({"router": nn.Linear(3, 3), "experts": nn.ModuleList([expert_of({"allreduce": False})])})
    assert [*init_(model, skip=["experts.*"]).filled] == ["router.weight", "router.bias"]
    assert [*init_missing_(model, ["experts.0.weight", "experts.0.bias"]).filled] == ["router.weight", "router.bias"]


# ---- DeepSpeed's ZeRO-3, by its documented attributes, on plain tensors ----


class ZeroParamStatus(enum.Enum):
    AVAILABLE = 1
    NOT_AVAILABLE = 2
    INFLIGHT = 3


def partitioned(status, gathered):
    layer = nn.Linear(4, 3)
    for i, parameter in enumerate(layer.parameters()):
        vars(parameter).update(ds_id=i, ds_status=status, ds_shape=parameter.shape)
        if not gathered:
            parameter.data = torch.empty(0)
    return layer


@calls
@pytest.mark.parametrize("status", [ZeroParamStatus.NOT_AVAILABLE, ZeroParamStatus.INFLIGHT])
def test_what_zero_3_has_partitioned_is_refused(call, status):
    model = nn.Sequential(partitioned(status, gathered=False), nn.Linear(3, 3))
    message = (
        r"^0\.weight, 0\.bias are partitioned by DeepSpeed's ZeRO-3 and not here: .*GatheredParameters\(.*modifier_rank=0\)"
    )
    with pytest.raises(ValueError, match=message):
        call(model)


def test_what_zero_3_has_gathered_is_filled():
    layer, whole = partitioned(ZeroParamStatus.AVAILABLE, gathered=True), nn.Linear(4, 3)
    init_(layer)
    init_(whole)
    assert torch.equal(layer.weight, whole.weight)


# ---- FSDP1, with torch's own, as one process of gloo and as one of two that do not communicate ----


@pytest.fixture(params=[1, 2], ids=["one process", "one of two"])
def world(request):
    size = request.param
    store = dist.HashStore() if size == 1 else FakeStore()
    dist.init_process_group("gloo" if size == 1 else "fake", store=store, rank=size - 1, world_size=size)
    yield size
    dist.destroy_process_group()


def fsdp1(use_orig_params):
    from torch.distributed.fsdp import FullyShardedDataParallel

    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    return FullyShardedDataParallel(model, use_orig_params=use_orig_params, device_id=torch.device("cpu"))


@calls
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_flat_parameters_of_fsdp1_are_refused(call, world):
    message = r"^_flat_param are parts of FSDP1's flat parameters: initialize within .*summon_full_params\(model\)"
    with pytest.raises(ValueError, match=message):
        call(fsdp1(use_orig_params=False))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_parts_of_flat_parameters_under_their_own_names_are_refused_and_whole_ones_filled(world):
    model, whole = fsdp1(use_orig_params=True), nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    init_(whole)
    if world == 1:  # nothing is divided
        init_(model)
        assert torch.equal(model.module[1].weight, whole[1].weight)
    else:
        with pytest.raises(ValueError, match=r"^0\.weight, 0\.bias, 1\.weight are parts of FSDP1's flat parameters"):
            init_(model)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("use_orig_params", [False, True])
def test_a_model_of_fsdp1_whose_parameters_are_summoned_is_filled(use_orig_params, world):
    from torch.distributed.fsdp import FullyShardedDataParallel

    model, whole = fsdp1(use_orig_params), nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    init_(whole)
    with FullyShardedDataParallel.summon_full_params(model):
        init_(model, overwrite=True)
        assert torch.equal(model.module[1].weight, whole[1].weight)

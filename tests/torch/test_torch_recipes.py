"""Recipes over a module's tensors: their layout is torch's, ready ones go by name, and what is excluded needs no rule."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import fastinit
from fastinit import recipes
from fastinit.initializers import HeNormal, XavierNormal
from fastinit.recipes import PlanError, Recipe, Rule, TensorSpec
from fastinit.torch import init_, init_missing_

HE = Recipe([Rule("*bias", "zeros", optional=True), Rule("*", "he_normal")])


def std_of(fan):
    return pytest.approx((2 / fan) ** 0.5, rel=0.03)  # of 10 000 values and more: 4 standard errors


# ---- layouts ----


def test_a_rule_without_a_layout_has_torchs():
    layer = nn.Linear(1000, 10)
    init_(layer, HE)
    assert layer.weight.std().item() == std_of(1000)


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (nn.Embedding(1000, 20), 20),
        (nn.Conv1d(40, 200, 3), 120),
        (nn.Conv2d(40, 60, 3, groups=4), 90),
        (nn.ConvTranspose2d(60, 40, 3), 540),
        (nn.ConvTranspose1d(60, 200, 3, groups=4), 45),
        (nn.Bilinear(10, 20, 100), 200),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_the_fan_in_is_the_number_of_inputs_that_an_output_has(layer, fan_in):
    init_(layer, HE)
    assert layer.weight.std().item() == std_of(fan_in)


def test_the_linear_layers_of_hugging_face_that_have_inputs_first_are_known():
    conv1d = pytest.importorskip("transformers.pytorch_utils").Conv1D
    model = nn.Sequential(conv1d(10, 1000), nn.Linear(1000, 10))
    init_(model, HE)
    assert [layer.weight.std().item() for layer in model] == [std_of(1000)] * 2


@pytest.mark.parametrize(
    ("rule", "fan_in"),
    [
        (("weight", "he_normal", {"layout": "io"}), 10),
        (("weight", HeNormal(convention="torch")), 1000),
        (("weight", HeNormal(convention="jax")), 10),
    ],
    ids=["a layout", "torch's convention", "jax's convention"],
)
def test_a_layout_that_the_rule_or_its_convention_says_counts(rule, fan_in):
    layer = nn.Linear(1000, 10, bias=False)
    init_(layer, Recipe([rule]))
    assert layer.weight.std().item() == std_of(fan_in)


def test_the_values_are_those_that_the_recipe_makes_with_the_same_layouts():
    model = nn.ModuleDict({"up": nn.Linear(30, 20), "conv": nn.Conv2d(4, 6, 3), "back": nn.ConvTranspose2d(4, 6, 3)})
    init_(model, HE, seed=3)
    shapes = [TensorSpec(name, tuple(t.shape)) for name, t in model.named_parameters() if name != "back.weight"]
    shapes.append(TensorSpec("back.weight", (4, 6, 3, 3), layout="iohw"))
    expected = HE.materialize(shapes, seed=3, layout="oi")
    assert all(np.array_equal(tensor.detach(), expected[name]) for name, tensor in model.named_parameters())


def test_missing_tensors_have_torchs_layout_too():
    layer = nn.Linear(1000, 10)
    init_missing_(layer, ["bias"], Recipe([("*", XavierNormal(gain=2))]))
    assert layer.weight.std().item() == pytest.approx(2 * (2 / 1010) ** 0.5, rel=0.03)


# ---- dtypes and ready recipes by name ----


@pytest.mark.parametrize("name", ["bfloat16", "float16", "float64"])
def test_a_dtype_may_be_given_by_its_name(name):
    named, given = nn.Linear(30, 20), nn.Linear(30, 20)
    init_(named, dtype=name)
    init_missing_(given, [], dtype=getattr(torch, name))
    assert named.weight.dtype is getattr(torch, name) and torch.equal(named.weight, given.weight)


def test_the_nearest_dtype_is_named():
    with pytest.raises(
        TypeError, match=r"^dtype must be a torch.dtype or one of .* got 'bflaot16': did you mean 'bfloat16'\?"
    ):
        init_(nn.Linear(3, 3), dtype="bflaot16")


class Blocks(nn.Module):
    """Four blocks in a list, as nanoGPT's, each with more experts than there are blocks."""

    def __init__(self):
        super().__init__()
        self.h = nn.ModuleList(nn.ModuleDict({"c_proj": nn.Linear(64, 64)}) for _ in range(4))
        for block in self.h:
            block["experts"] = nn.ModuleList(nn.Linear(8, 8) for _ in range(6))


def equal(first, second):
    return all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))


@pytest.mark.parametrize("call", [init_, lambda module, recipe: init_missing_(module, [], recipe)], ids=["all", "missing"])
def test_a_ready_recipe_may_be_given_by_its_name(call):
    named, given = Blocks(), Blocks()
    call(named, "gpt2")
    init_(given, recipes.gpt2(depth=4))
    assert equal(named, given)


def test_a_ready_recipe_takes_depth_and_width_from_the_config():
    transformers = pytest.importorskip("transformers")
    config = transformers.T5Config(d_model=32, d_kv=8, d_ff=64, num_layers=3, num_heads=4, vocab_size=60)
    named, given = transformers.T5Model(config), transformers.T5Model(config)
    init_(named, "t5")
    init_(given, recipes.t5(width=32))
    assert equal(named, given)


def test_what_a_ready_recipe_needs_and_the_model_does_not_say_is_asked_for():
    message = r"^recipe 'gpt2' needs depth, which the module does not say: pass fastinit\.recipes\.gpt2\(depth=\.\.\.\)$"
    with pytest.raises(TypeError, match=message):
        init_(nn.Linear(3, 3), "gpt2")
    two = nn.ModuleDict({"encoder": nn.ModuleList([nn.Linear(3, 3)]), "decoder": nn.ModuleList([nn.Linear(3, 3)] * 2)})
    with pytest.raises(TypeError, match=message):
        init_(two, "gpt2")


def test_the_nearest_ready_recipe_is_named():
    with pytest.raises(ValueError, match=r"^recipe must be 'auto', one of bert, .* got 'gtp2': did you mean 'gpt2'\?"):
        init_(nn.Linear(3, 3), "gtp2")


@pytest.mark.parametrize("recipe", [None, 3, fastinit.he_normal])
def test_what_is_no_recipe_is_an_error(recipe):
    with pytest.raises(TypeError, match=r"^recipe must be 'auto', the name of a ready recipe, or a fastinit\.Recipe, got "):
        init_(nn.Linear(3, 3), recipe)


# ---- exclusions first ----


def test_what_is_skipped_needs_no_rule():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    before = model[1].weight.detach().clone()
    report = init_(model, Recipe([("0.*", "ones")]), skip=["1.*"])
    assert torch.equal(model[1].weight, before) and "1.num_batches_tracked" in report.skipped


def test_what_a_recipe_skips_needs_no_rule():
    report = init_(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), Recipe([("0.*", "ones")], skip=["1.*"]))
    assert report.skipped == sorted(f"1.{name}" for name in nn.BatchNorm1d(3).state_dict())


def test_what_is_loaded_needs_no_rule():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    loaded = [name for name in model.state_dict() if name.startswith("1.")]
    assert [*init_missing_(model, loaded, Recipe([("0.*", "ones")])).filled] == ["0.weight", "0.bias"]


@pytest.mark.parametrize(
    "call", [init_, lambda module, recipe: init_missing_(module, ["0.bias"], recipe)], ids=["all", "missing"]
)
def test_all_tensors_without_a_rule_are_named_at_once(call):
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    with pytest.raises(PlanError) as raised:
        call(model, Recipe([("0.bias", "ones")], allow_unused=True))
    assert str(raised.value) == (
        "no rule matches tensor '0.weight' of shape (3, 3), nor '1.weight' of shape (2, 3), nor '1.bias' of shape (2,)"
    )

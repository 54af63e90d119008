"""`init_` of a model built without recording: what it would do otherwise than construction is an error, before any write."""

import copy
import math
import re
import warnings

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import fastinit.torch
from fastinit import Recipe, recipes
from fastinit.torch import UncertainInitialization, audit, by_name, init_, init_missing_
from fastinit.torch.structure.module_tensors import ModuleTensors
from fastinit.torch.unrecorded.rehearsal import rehearse


class OwnMethod(nn.Module):
    """As many models of timm: a method for all, which the constructor calls."""

    def __init__(self):
        super().__init__()
        self.proj, self.norm, self.head = nn.Linear(32, 64), nn.LayerNorm(64), nn.Linear(64, 10)
        self.init_weights()

    def init_weights(self):
        nn.init.trunc_normal_(self.proj.weight, std=0.02)
        nn.init.zeros_(self.proj.bias)


class ZeroLast(nn.Module):
    """As ControlNet's convolutions and LoRA's B: a constructor that makes a weight 0."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(8, 8), nn.Linear(8, 8, bias=False)
        nn.init.zeros_(self.last.weight)


class Applied(nn.Module):
    """As nanoGPT."""

    def __init__(self):
        super().__init__()
        self.embedding, self.out = nn.Embedding(40, 16), nn.Linear(16, 40, bias=False)
        self.out.weight = self.embedding.weight
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)


class ByData(nn.Module):
    """Its writes go by way of `.data`, which torch does not count."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 16)
        self.linear.weight.data.normal_(0, 0.02)


class Replaces(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 16)
        self.linear.weight = nn.Parameter(torch.eye(16))


class Given(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(torch.arange(12.0).reshape(4, 3))
        self.linear = nn.Linear(3, 3)


def made(kind, device):
    torch.manual_seed(0)
    with torch.device(device):
        return kind()


OTHERWISE = {
    OwnMethod: ["proj.weight", "proj.bias"],
    ZeroLast: ["last.weight"],
    Applied: ["embedding.weight"],
    ByData: ["linear.weight"],
    Replaces: ["linear.weight"],
    Given: ["embedding.weight"],
}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", OTHERWISE)
def test_what_construction_did_otherwise_is_an_error_that_names_the_tensors(kind, device):
    with pytest.raises(UncertainInitialization) as raised:
        init_(made(kind, device))
    named = [doubt.name for doubt in raised.value.doubts]
    assert set(OTHERWISE[kind]) <= set(named) and all(name in str(raised.value) for name in named)
    assert device == "meta" or named == OTHERWISE[kind]


@pytest.mark.parametrize("way_out", ["deferred()", "by_name", "Recipe", "strict=False"])
def test_the_error_says_the_ways_out(way_out):
    with pytest.raises(ValueError, match=re.escape(way_out)):
        init_(ZeroLast())


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", OTHERWISE)
def test_an_error_leaves_the_model_as_it_was(kind, device):
    model = made(kind, device)
    before = {name: (id(t), t._version, t.device) for name, t in model.state_dict(keep_vars=True).items()}
    values = {name: t.clone() for name, t in model.state_dict().items() if not t.is_meta}
    for _ in range(2):
        with pytest.raises(UncertainInitialization):
            init_(model)
        assert before == {name: (id(t), t._version, t.device) for name, t in model.state_dict(keep_vars=True).items()}
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in values.items())


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_without_strict_it_is_a_warning_and_the_model_is_filled(device):
    model = made(ZeroLast, device)
    with pytest.warns(UserWarning, match=r"last\.weight of Linear") as caught:
        init_(model, strict=False)
    assert caught[0].filename == __file__ and model.last.weight.abs().min() > 0


class Plain(nn.Module):
    """Layers that are as their classes make them."""

    def __init__(self):
        super().__init__()
        self.embedding, self.conv = nn.Embedding(30, 16, padding_idx=0), nn.Conv2d(3, 8, 3)
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(16, 2, 32) for _ in range(2))
        self.lstm, self.norm, self.head = nn.LSTM(16, 8), nn.BatchNorm2d(8), nn.Linear(16, 30, bias=False)
        self.head.weight = self.embedding.weight


class Deep(nn.Module):
    """Layers that are copies of one, and a last one with a reset_parameters of its own."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 3)
        self.scale = Scaled()


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(64, 64))
        self.reset_parameters()

    def reset_parameters(self):
        with torch.no_grad():
            self.weight.normal_().mul_(0.02)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", [Plain, Deep])
def test_what_its_methods_do_as_well_is_no_complaint(kind, device, dtype):
    with torch.device(device):
        model = kind().to(dtype)
    init_(model)
    report = init_(model, seed=1)  # once more: the values there are fastinit's
    assert report.filled.keys() >= dict(model.named_parameters()).keys()


class Copied(nn.Module):
    """As transformers' NemotronH: what is copied to a weight is computed from what was drawn into it just before."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(64, 64))
        self.reset_parameters()

    def reset_parameters(self):
        with torch.no_grad():
            self.weight.normal_()
            self.weight.copy_(self.compute(self.weight))

    def compute(self, weight):
        return weight / 4 * 2


class Centred(Copied):
    def compute(self, weight):
        return weight - weight.mean()


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_what_is_computed_from_a_draw_and_copied_is_as_that_draw(device):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = made(Copied, device)
        init_(model)
    assert model.weight.std().item() == pytest.approx(0.5, rel=0.05)


def test_what_is_copied_and_does_not_fit_is_in_doubt():
    model = Copied()
    with torch.no_grad():
        model.weight.mul_(2)
    with pytest.raises(UncertainInitialization, match="std is"):
        init_(model)


def test_what_is_computed_from_a_draw_in_another_way_is_a_warning():
    with pytest.warns(UserWarning, match="Centred's own method computes what it writes"):
        init_(Centred())


def test_a_trained_model_is_overwritten_only_where_that_is_said():
    model = Plain()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5).add_(0.1)
    with pytest.raises(UncertainInitialization, match="overwrite=True"):
        init_(model)
    init_(model, overwrite=True)
    init_(model)


def test_overwriting_does_not_hide_a_method_of_the_models_own():
    with pytest.raises(UncertainInitialization, match=r"OwnMethod\.init_weights"):
        init_(OwnMethod(), overwrite=True)


def test_what_is_loaded_or_skipped_is_in_no_doubt():
    model = ZeroLast()
    init_(model, skip=["last.*"])
    init_missing_(model, ["last.weight"])
    with pytest.raises(UncertainInitialization):
        init_missing_(model, ["first.weight"])


def test_a_recipe_is_in_no_doubt():
    model = ZeroLast()
    init_(model, Recipe([("*", "normal")]))
    assert all(parameter.std() > 0.1 for parameter in model.parameters() if parameter.numel() > 1)


def test_what_nothing_fills_on_the_meta_device_is_an_error_and_a_warning_on_the_cpu():
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.scale = nn.Linear(3, 3), nn.Parameter(torch.ones(2))

    with pytest.raises(UncertainInitialization, match="scale of Bare: nothing writes to it"):
        init_(made(Bare, "meta"))
    model = Bare()
    with pytest.warns(UserWarning, match="nothing initializes scale"):
        init_(model)
    assert model.scale.tolist() == [1.0, 1.0]


def test_by_name_names_bare_parameters():
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.scale = nn.Linear(3, 3), nn.Parameter(torch.ones(2))

    model = Bare()
    with pytest.warns(UserWarning, match="nothing initializes scale"), by_name(model):
        model.linear.reset_parameters()


def test_plain_tensors_on_the_meta_device_are_named():
    class Frequencies(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.table = nn.Linear(3, 3), {"cos": [torch.ones(3)], "sin": torch.ones(3)}
            self.steps = [torch.arange(4)]

    with pytest.raises(
        UncertainInitialization, match=r"steps\[0\] of Frequencies: it is a plain attribute on the meta device"
    ):
        init_(made(Frequencies, "meta"))


def test_memory_that_nothing_has_written_to_is_told_by_the_classes_alone():
    model = made(Plain, "meta").to_empty(device="cpu")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        init_(model)
    with pytest.raises(UncertainInitialization, match="OwnMethod"):
        init_(made(OwnMethod, "meta").to_empty(device="cpu"))


def test_what_a_method_computes_is_a_warning_that_names_the_class_once():
    class Computed(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.other = nn.Parameter(torch.empty(9, 9)), nn.Parameter(torch.empty(9, 9))
            self.reset_parameters()

        def reset_parameters(self):
            for weight in (self.weight, self.other):
                nn.init.normal_(weight)
                with torch.no_grad():
                    weight.tanh_()

    with pytest.warns(UserWarning, match="Computed's own method computes") as caught:
        init_(nn.Sequential(Computed(), Computed()))
    assert len(caught) == 1


def test_a_small_difference_shows_in_a_large_tensor_and_chance_in_none():
    """A std 5 % off is seen in 16,384 values; 200 models as they should be give no false alarm."""
    layer = nn.Linear(256, 256)
    with torch.no_grad():
        layer.weight.mul_(0.95)
    with pytest.raises(UncertainInitialization, match="std"):
        init_(layer)
    for seed in range(200):
        torch.manual_seed(seed)
        init_(nn.Linear(40, 40))


def test_another_distribution_of_the_same_mean_and_std_is_seen():
    layer = nn.Linear(256, 256)
    nn.init.normal_(layer.weight, std=256**-0.5 / math.sqrt(3))
    with pytest.raises(UncertainInitialization, match="weight"):
        init_(layer)


def test_a_rehearsal_tells_what_each_tensor_would_get():
    layer = nn.Linear(9, 4)
    before = layer.weight.clone()
    report = rehearse(ModuleTensors(layer), (), 0).report
    assert report.filled["weight"].startswith("Uniform(low=-0.333") and torch.equal(layer.weight, before)


def test_a_rehearsal_undoes_what_a_method_sets():
    class Sets(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.calls = nn.Parameter(torch.zeros(3)), 0

        def reset_parameters(self):
            self.calls += 1
            self.weight = nn.Parameter(torch.ones(3))
            self.weight.data = torch.ones(3)

    module = Sets()
    weight = module.weight
    rehearse(ModuleTensors(module), (), 0)
    assert module.weight is weight and module.calls == 0 and weight.tolist() == [0.0] * 3


@pytest.mark.parametrize("kind", [nn.Embedding, nn.EmbeddingBag])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_padding_rows_stay_zero_under_a_recipe(kind, device):
    with torch.device(device):
        model = nn.Sequential(kind(9, 4, padding_idx=2))
    init_(model, Recipe([("*", "normal")]))
    assert (model[0].weight[2] == 0).all() and (model[0].weight != 0).sum() == 32


def test_a_padding_row_that_another_module_draws_again_stays_zero():
    class Redraws(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(9, 4, padding_idx=2)

        def reset_parameters(self):
            nn.init.normal_(self.embedding.weight)

    model = Redraws()
    init_(model)
    assert (model.embedding.weight[2] == 0).all() and (model.embedding.weight != 0).sum() == 32


def test_a_padding_row_stays_zero_where_the_head_has_the_first_name():
    class HeadFirst(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.embedding = nn.Linear(4, 9, bias=False), nn.Embedding(9, 4, padding_idx=2)
            self.head.weight = self.embedding.weight

    model = HeadFirst()
    init_(model, overwrite=True)
    assert (model.embedding.weight[2] == 0).all() and (model.embedding.weight != 0).sum() == 32


class Rotary(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.register_buffer("frequencies", torch.arange(3.0), persistent=False)


def test_non_persistent_buffers_stay_under_a_recipe():
    model = Rotary()
    report = init_(model, Recipe([("*", "normal")]))
    assert model.frequencies.tolist() == [0.0, 1.0, 2.0] and "frequencies" in report.skipped


def test_non_persistent_buffers_that_nothing_computes_are_an_error_under_a_recipe():
    with pytest.raises(UncertainInitialization, match="frequencies of Rotary"):
        init_(made(Rotary, "meta"), Recipe([("*", "normal")]))


@pytest.mark.parametrize(
    ("values", "ok"),
    [([math.inf, math.inf], True), ([-math.inf] * 2, True), ([0.0, -math.inf], True), ([math.inf, math.nan], False)],
)
def test_bounds_and_masks_of_infinity_are_no_error_of_the_audit(values, ok):
    model = nn.Linear(3, 3)
    model.register_buffer("limits", torch.tensor(values))
    assert audit(model, init_(model)).ok is ok


RECIPES = {
    "llama": ("LlamaForCausalLM", lambda: recipes.llama()),
    "mup": ("LlamaForCausalLM", lambda: recipes.mup(width=32, base_width=16)),
    "gpt2": ("GPT2LMHeadModel", lambda: recipes.gpt2(depth=2)),
    "bert": ("BertForPreTraining", lambda: recipes.bert()),
    "t5": ("T5ForConditionalGeneration", lambda: recipes.t5(width=32, head_width=8)),
    "mamba": ("MambaForCausalLM", lambda: recipes.mamba(depth=2)),
    "vit": ("ViTForImageClassification", lambda: recipes.vit()),
}
SIZES = {
    "LlamaForCausalLM": {"intermediate_size": 64, "num_attention_heads": 4, "vocab_size": 60},
    "GPT2LMHeadModel": {"num_attention_heads": 4, "vocab_size": 60, "bos_token_id": 0, "eos_token_id": 0},
    "BertForPreTraining": {"intermediate_size": 64, "num_attention_heads": 4, "vocab_size": 60},
    "T5ForConditionalGeneration": {"d_kv": 8, "d_ff": 64, "num_attention_heads": 4, "vocab_size": 60},
    "MambaForCausalLM": {"vocab_size": 60},
    "ViTForImageClassification": {"intermediate_size": 64, "num_attention_heads": 4, "image_size": 32},
}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("name", RECIPES)
def test_a_ready_recipe_runs_on_the_model_it_is_named_after(name, device):
    """Its buffers, persistent or not, are those that transformers computes."""
    transformers = pytest.importorskip("transformers")
    kind = getattr(transformers, RECIPES[name][0])
    config = kind.config_class(hidden_size=32, num_hidden_layers=2, **SIZES[kind.__name__])
    stock, model = kind(config), made(lambda: kind(config), device)
    init_(model, RECIPES[name][1]())
    assert not any(parameter.isnan().any() for parameter in model.parameters())
    buffers = dict(stock.named_buffers())
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in model.named_buffers())


class Adapted(nn.Module):
    """As peft's ShadowLayer: a method that the constructor calls makes layers, and one of them 0."""

    def __init__(self, base):
        super().__init__()
        self.base = base
        self.adapt()

    def adapt(self):
        self.down, self.up = nn.Linear(32, 4, bias=False), nn.Linear(4, 32, bias=False)
        nn.init.zeros_(self.up.weight)


class AdaptedAsTheBaseClassDoes(Adapted):
    def __init__(self, base):
        super().__init__(base)


def small_gpt2(adapter=nn.Identity):
    transformers = pytest.importorskip("transformers")
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=60))
    model.transformer.h[1].ln_1 = adapter(model.transformer.h[1].ln_1)
    return model


@pytest.mark.parametrize("adapter", [Adapted, AdaptedAsTheBaseClassDoes])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_adapters_are_not_drawn_by_the_method_of_the_hugging_face_model_around_them(device, adapter):
    with pytest.raises(UncertainInitialization) as raised:
        init_(nn.Sequential(made(lambda: small_gpt2(adapter), device)))
    assert {f"0.transformer.h.1.ln_1.{name}.weight" for name in ("down", "up")} <= {d.name for d in raised.value.doubts}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("wrap", [lambda m: m, nn.Sequential, copy.deepcopy], ids=["bare", "wrapped", "copied"])
def test_a_hugging_face_model_on_the_meta_device_is_in_no_doubt(wrap):
    model = wrap(made(small_gpt2, "meta"))
    assert init_(model).filled.keys() >= dict(model.named_parameters()).keys()


class Failing(nn.Linear):
    """Its own method fails where there is memory, which a rehearsal on the meta device does not see."""

    def reset_parameters(self):
        nn.init.ones_(self.weight)
        if not self.weight.is_meta:
            raise ValueError("out of luck")


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_after_an_error_midway_a_warning_says_what_was_written_and_nothing_is_left_undefined(device):
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(3, 4), Failing(4, 5), nn.Linear(5, 2))
    if device == "cpu":
        model.to_empty(device="cpu")
        nn.init.zeros_(model[2].bias)
    written = pytest.warns(UserWarning, match=r"ended init_ after it had written 0.weight, 0.bias, 1.weight; ")
    with written as warned, pytest.raises(ValueError, match="out of luck"):
        init_(model, strict=False, overwrite=True)
    left = "1.bias, 2.weight, 2.bias"
    text = next(str(w.message) for w in warned if "ended init_" in str(w.message))
    assert (f"as before: {left}; " in text) == (device == "cpu")
    assert text.endswith(left) == (device == "meta")
    if device == "meta":
        assert torch.isnan(model[2].weight).all() and torch.isnan(model[1].bias).all()


def test_a_module_put_later_into_a_model_of_transformers_is_drawn_by_the_family_and_the_report_says_so():
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    with torch.device("meta"):
        model = transformers.BertModel(config)
        model.extra = nn.Linear(8, 3)
    assert init_(model, seed=0).filled["extra.weight"] == "Normal(mean=0.0, std=0.02)"
    with fastinit.torch.deferred():
        model = transformers.BertModel(config)
        model.extra = nn.Linear(8, 3)
    assert init_(model, seed=0).filled["extra.weight"].startswith("Uniform(")

"""The report of a recorded model reads as its construction was, and its audit tests the values against that."""

import copy
import math
import re

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from fastinit.recipes import Recipe
from fastinit.torch import InitReport, audit, deferred, init_, init_missing_


def recorded(factory):
    with deferred():
        return factory()


def kinds(found):
    """By tensor, what was found."""
    return {finding.name: finding.kind for finding in found.findings}


def lines(report):
    """The lines of a printed report, each as its columns."""
    *table, total = str(report).splitlines()
    return [[column.strip() for column in line.split("  ") if column.strip()] for line in table], total


class Attention(nn.Module):
    """Buffers as attention has them: a mask of minus infinity, positions and frequencies."""

    def __init__(self):
        super().__init__()
        self.q = nn.Linear(64, 64)
        self.register_buffer("mask", torch.full((32, 32), -math.inf).triu(1))
        self.register_buffer("least", torch.full((8, 8), torch.finfo(torch.float32).min).triu(1))
        self.register_buffer("positions", torch.arange(32))
        self.register_buffer("frequencies", 10000.0 ** -(torch.arange(0, 64, 2) / 64))
        self.register_buffer("table", torch.tensor([1.0, 0.5, 0.25, 0.125] * 8))
        self.register_buffer("limit", torch.tensor(math.inf))


class Padded(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(1000, 32, padding_idx=0)
        self.qkv = nn.Linear(64, 192)
        nn.init.normal_(self.qkv.weight[:64], std=0.1)
        nn.init.zeros_(self.qkv.bias[64:128])


class Shared(nn.Module):
    """A weight that is a view of another, and one that is the same."""

    def __init__(self):
        super().__init__()
        self.whole = nn.Parameter(torch.randn(96, 64))
        self.part = nn.Parameter(self.whole.detach()[:64])
        self.head = nn.Linear(64, 96, bias=False)
        self.head.weight = self.whole


def encoder():
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4, 128, batch_first=True), 4)


def stack(layer=lambda: nn.Linear(20, 20), n=4):
    return nn.ModuleDict({"layers": nn.ModuleList(layer() for _ in range(n)), "norm": nn.LayerNorm(20)})


# ---- what is printed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [recorded, lambda factory: factory()], ids=["recorded", "reset_parameters"])
def test_layers_that_got_the_same_are_one_line(way):
    assert lines(init_(way(stack))) == (
        [
            ["layers.{0-3}.weight", "Uniform(low=-0.223607, high=0.223607)", "4 x (20, 20)"],
            ["layers.{0-3}.bias", "Uniform(low=-0.223607, high=0.223607)", "4 x (20,)"],
            ["norm.weight", "Constant(1.0)", "(20,)"],
            ["norm.bias", "Constant(0.0)", "(20,)"],
        ],
        "10 tensors, 1,720 parameters, 6.9 KB, float32",
    )


@pytest.mark.parametrize("way", [recorded, lambda factory: factory()], ids=["recorded", "reset_parameters"])
def test_the_padding_row_has_its_own_distribution_in_print(way):
    report = init_(way(lambda: nn.Embedding(50, 8, padding_idx=0)))
    assert lines(report)[0] == [["weight", "[0] Constant(0.0), [1:] Normal(std=1.0)", "(50, 8)"]]


def test_layers_of_another_shape_or_distribution_have_a_line_of_their_own():
    model = nn.ModuleList([nn.Linear(20, 20, bias=False), nn.Linear(20, 30, bias=False), nn.Linear(30, 30, bias=False)])
    assert [line[0] for line in lines(init_(model))[0]] == ["0.weight", "1.weight", "2.weight"]


def test_what_got_no_values_is_seen():
    model = stack(n=2)
    model.register_buffer("mask", torch.ones(5))
    report = init_(model, skip=["norm.*"])
    assert [line[1] for line in lines(report)[0][2:]] == ["skipped", "skipped", "NOTHING"]


def test_tied_tensors_name_the_first():
    def tied():
        model = nn.ModuleDict({"embed": nn.Embedding(50, 16), "head": nn.Linear(16, 50, bias=False)})
        model["head"].weight = model["embed"].weight
        return model

    table, total = lines(init_(recorded(tied)))
    assert table[1] == ["head.weight", "tied to embed.weight"] and total.startswith("1 tensor, 800 parameters")


def test_copies_name_the_layer_that_they_are_of():
    report = init_(recorded(encoder))
    copies = [line for line in lines(report)[0] if "a copy of" in line[1]]
    assert copies[0] == [
        "layers.{1-3}.self_attn.in_proj_weight",
        "Uniform(low=-0.153093, high=0.153093), a copy of layers.0.self_attn.in_proj_weight",
        "3 x (192, 64)",
    ]
    assert report.copies["layers.2.linear1.weight"] == "layers.0.linear1.weight"


def test_computed_and_given_buffers_say_so():
    got = {name: text for name, text, _ in lines(init_(recorded(Attention)))[0]}
    assert got["frequencies"].startswith("computed by arange, ") and got["limit"] == "Constant(inf)"
    assert got["table"] == "given by construction"


def test_what_shares_memory_says_with_whom():
    report = init_(recorded(Shared))
    assert ["part", "shares the memory of whole", "(64, 64)"] in lines(report)[0]


def test_what_is_copied_from_elsewhere_says_so():
    class Copied(nn.Linear):
        def reset_parameters(self):
            with torch.no_grad():
                self.weight.copy_(torch.eye(*self.weight.shape))

    assert init_(Copied(4, 3, bias=False)).filled == {"weight": "copied from another tensor"}


def test_dtypes_that_are_not_the_usual_one_are_printed():
    table, total = lines(init_(recorded(lambda: nn.Sequential(nn.BatchNorm1d(8), nn.BatchNorm1d(8))), dtype="bfloat16"))
    assert table[-1] == ["{0,1}.num_batches_tracked", "Constant(0.0)", "2 x int64 ()"]
    assert total == "10 tensors, 32 parameters, 144 bytes, bfloat16 unless said"


def test_the_report_of_a_module_without_tensors_says_so():
    assert str(init_(nn.ReLU())) == str(InitReport()) == "0 tensors"


def test_what_is_known_of_each_tensor_stays_exact():
    report = init_(recorded(stack))
    assert report.filled["layers.1.weight"] == str(report.rows["layers.1.weight"][0].distribution)
    assert re.fullmatch(r"Uniform\(low=-0\.2236067977\d+, high=0\.2236067977\d+\)", report.filled["layers.1.weight"])


# ---- the audit -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factory", [Attention, Padded, Shared, stack, lambda: nn.ModuleList([Attention(), Attention()])])
def test_a_recorded_model_passes_its_audit_without_a_finding(factory):
    model = recorded(factory)
    assert kinds(audit(model, init_(model))) == {}


@pytest.mark.parametrize("factory", [encoder, lambda: nn.Transformer(64, 4, 2, 2, 128, batch_first=True)])
def test_copies_are_notes(factory):
    model = recorded(factory)
    report = init_(model)
    found = audit(model, report)
    assert found.ok and kinds(found) == dict.fromkeys(report.copies, "copy")


def test_notes_of_several_layers_are_one_line():
    model = recorded(encoder)
    assert (
        "note: layers.{1-3}.linear1.bias: copy: has the values of 'layers.0.linear1.bias', as it should"
        in str(audit(model, init_(model))).splitlines()
    )


def changed(name, change):
    def apply(model):
        with torch.no_grad():
            change(model.get_parameter(name) if name in dict(model.named_parameters()) else model.get_buffer(name))

    return apply


WRONG = {
    "a copy that differs": (encoder, "layers.2.linear1.weight", lambda w: w[0, 0].add_(1e-3), "no copy"),
    "a padding row": (Padded, "embedding.weight", lambda w: w[0, 3].fill_(1.0), "value"),
    "another std of a part": (Padded, "qkv.weight", lambda w: w[:64].mul_(1.1), "std"),
    "a constant part": (Padded, "qkv.bias", lambda b: b[70].fill_(1e-7), "value"),
    "NaN among computed values": (Attention, "frequencies", lambda f: f[3].fill_(math.nan), "NaN"),
    "NaN among given values": (Attention, "table", lambda t: t[3].fill_(math.nan), "NaN"),
    "an integer": (lambda: nn.BatchNorm1d(8), "num_batches_tracked", lambda n: n.add_(1), "value"),
    "another std": (stack, "layers.1.weight", lambda w: w.mul_(1.5), "outside"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_differs_from_the_record_is_an_error(case):
    factory, name, change, kind = WRONG[case]
    model = recorded(factory)
    report = init_(model)
    changed(name, change)(model)
    found = audit(model, report)
    assert not found.ok
    assert kind in {f.kind for f in found.findings if f.name.split("[")[0] == name and f.severity == "error"}


def test_a_layer_that_repeats_another_without_being_its_copy_is_found():
    model = recorded(lambda: stack(lambda: nn.Linear(64, 64), 2))
    report = init_(model)
    with torch.no_grad():
        model["layers"][1].weight.copy_(model["layers"][0].weight)
    assert kinds(audit(model, report)) == {"layers.1.weight": "duplicate"}


def test_independent_copies_have_no_notes():
    with deferred(independent_copies=True):
        model = encoder()
    report = init_(model)
    assert report.copies == {} and kinds(audit(model, report)) == {}


def test_a_tied_tensor_that_was_loaded_is_a_copy_under_a_recipe():
    recipe = Recipe([("*", "normal")], tied={"head.weight": "embed.weight"})
    model = nn.ModuleDict({"embed": nn.Embedding(50, 16), "head": nn.Linear(16, 50, bias=False)})
    report = init_missing_(model, ["embed.weight"], recipe)
    assert report.copies == {"head.weight": "embed.weight"}
    assert kinds(audit(model, report)) == {"head.weight": "copy"}


TINY = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 200}
SEQUENCES = {
    "d_model": 32,
    "vocab_size": 200,
    **{f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in (("layers", 2), ("attention_heads", 4))},
}
FAMILIES = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 200},
    "llama": {**TINY, "num_key_value_heads": 2},
    "mixtral": {**TINY, "num_key_value_heads": 2, "num_local_experts": 4},
    "t5": {"d_model": 32, "d_ff": 64, "num_layers": 2, "num_heads": 4, "d_kv": 8, "vocab_size": 200},
    "bert": TINY,
    "vit": {**TINY, "image_size": 32, "patch_size": 8},
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2, "vocab_size": 200, "state_size": 8},
    "rwkv": {"hidden_size": 32, "num_hidden_layers": 2, "vocab_size": 200, "context_length": 32},
    "wav2vec2": {
        **TINY,
        **{"conv_dim": (16, 16), "conv_stride": (5, 2), "conv_kernel": (10, 3), "num_feat_extract_layers": 2},
        **{"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4},
    },
    "swin": {"embed_dim": 32, "depths": (2, 2), "num_heads": (2, 4), "image_size": 64, "window_size": 4},
    "whisper": {
        **SEQUENCES,
        **{"max_source_positions": 32, "max_target_positions": 32, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("family", [*FAMILIES, "detr"])
def test_a_recorded_model_of_hugging_face_passes_its_audit_without_a_finding(family):
    transformers = pytest.importorskip("transformers")
    if family == "detr":
        sides = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in (("ffn_dim", 64),)}
        backbone = transformers.ResNetConfig(
            embedding_size=16, hidden_sizes=[16, 32, 64, 64], depths=[1, 1, 1, 1], out_features=["stage4"]
        )
        own = {"use_timm_backbone": False, "backbone": None, "use_pretrained_backbone": False, "backbone_config": backbone}
        sizes = {key: value for key, value in SEQUENCES.items() if key != "vocab_size"}
        config = transformers.DetrConfig(**sizes, **sides, **own)
    else:
        config = transformers.AutoConfig.for_model(family, **FAMILIES[family])
    model = recorded(lambda: transformers.AutoModel.from_config(config))
    report = init_(model)
    assert kinds(audit(model, report)) == {} and report.untouched == []


class Related(nn.Module):
    """Tensors that construction makes of another's values."""

    def __init__(self):
        super().__init__()
        self.first, self.twice, self.negative, self.halves = (nn.Linear(64, 64) for _ in range(4))
        self.copied = copy.deepcopy(self.first)
        with torch.no_grad():
            self.twice.weight.copy_(2 * self.first.weight)
            self.negative.weight.copy_(-self.first.weight)
            self.halves.weight[32:].copy_(self.halves.weight[:32])


def test_tensors_that_construction_makes_of_others_are_no_errors_in_an_audit():
    with deferred():
        model = Related()
    audited = audit(model, init_(model, seed=0))
    assert audited.ok and {finding.severity for finding in audited.findings} == {"note"}

"""Weights from other weights in modules: selection from larger ones, more tokens, LoRA's adapters."""

import math

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from fastinit.growing import new_rows, select
from fastinit.torch import grow_vocabulary_, lora_, select_weights_

# ---- weight selection ----


def encoder(width, depth):
    return nn.Sequential(
        *[nn.TransformerEncoderLayer(width, 2, 2 * width, batch_first=True) for _ in range(depth)], nn.LazyBatchNorm1d()
    )


@pytest.mark.parametrize("method", ["uniform", "consecutive"])
def test_a_small_model_has_the_first_layers_and_their_elements(method):
    small, large = encoder(8, 2), encoder(12, 5)
    small[2], large[2] = nn.BatchNorm1d(8), large[2]
    large_state = dict(large.state_dict())
    for own, tensor in nn.BatchNorm1d(12).state_dict().items():
        large_state = {name: t for name, t in large_state.items() if not name.startswith("2.")} | large_state
        large_state[f"2.{own}"] = tensor + 3
    report = select_weights_(small, large_state, method=method)
    for name, tensor in small.state_dict().items():
        given = large_state[name].numpy()
        assert np.array_equal(tensor.numpy(), select(given, tuple(tensor.shape), method=method)), name
    assert report.filled["0.linear1.weight"] == "selected from (24, 12)" and not report.untouched


def test_what_is_skipped_stays():
    small, large = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 5)), nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
    before = small[1].weight.clone()
    report = select_weights_(small, large, skip=["1.*"])
    assert torch.equal(small[1].weight, before) and report.untouched == ["1.weight", "1.bias"]
    assert torch.equal(small[0].weight, large[0].weight[::2, ::2])


@pytest.mark.parametrize(
    ("large", "options", "error", "message"),
    [
        (nn.Linear(1, 4), {}, ValueError, r"larger does not fit the module: weight is \(4, 1\) there and \(3, 2\) here"),
        (nn.Linear(4, 4, bias=False), {}, ValueError, "larger does not fit the module: it has no bias"),
        (nn.Linear(4, 4, device="meta"), {}, ValueError, "weight is on the meta device; bias is on the meta device"),
        (nn.Linear(4, 4, dtype=torch.complex64), {}, ValueError, "weight is torch.complex64 there and torch.float32 here"),
        (nn.Linear(4, 4), {"skip": ["head.*"]}, ValueError, r"skip has 'head.\*', which matches nothing"),
        (nn.Linear(4, 4), {"method": "random"}, ValueError, "method must be one of 'uniform', 'consecutive', got 'random'"),
        ([1], {}, TypeError, "larger must be a module or a state_dict, got list"),
    ],
)
def test_a_larger_model_that_does_not_fit_is_refused(large, options, error, message):
    small = nn.Linear(2, 3)
    before = small.weight.clone(), small.bias.clone()
    with pytest.raises(error, match=message):
        select_weights_(small, large, **options)
    assert torch.equal(small.weight, before[0]) and torch.equal(small.bias, before[1])


# ---- more tokens ----


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.position = nn.Embedding(50, 4, padding_idx=0), nn.Embedding(10, 4)
        self.head, self.vocab_size = nn.Linear(4, 50), 50
        self.head.weight = self.embed.weight

    def forward(self, tokens):
        return self.head(self.embed(tokens))


def test_tied_weights_grow_once_and_stay_tied():
    model = Tied()
    old = model.embed.weight.detach().clone()
    report = grow_vocabulary_(model, 53, parts=["embed", "head"], seed=1)
    assert model.head.weight is model.embed.weight and torch.equal(model.embed.weight[:50], old)
    assert (model.embed.num_embeddings, model.head.out_features, model.vocab_size) == (53, 53, 53)
    assert [*report.filled] == ["embed.weight", "head.bias"] and report.untouched == ["position.weight"]
    assert model(torch.tensor([52])).shape == (1, 53)


@pytest.mark.parametrize("parts", [None, ["embedding"], ["head"]])
def test_a_head_that_is_tied_grows_with_its_bias_whichever_part_is_named(parts):
    model = nn.ModuleDict({"embedding": nn.Embedding(20, 8), "head": nn.Linear(8, 20)})
    model["head"].weight = model["embedding"].weight
    grow_vocabulary_(model, 24, parts=parts)
    assert model["head"](model["embedding"](torch.tensor([23]))).shape == (1, 24)
    assert model["embedding"].num_embeddings == model["head"].out_features == len(model["head"].bias) == 24


def test_new_tokens_are_those_of_new_rows_by_name_without_padding():
    model = Tied()
    old = model.embed.weight.detach()[1:].double().numpy()
    wanted = new_rows(old, 3, covariance_scale=0.5, seed=1, name="embed.weight")
    grow_vocabulary_(model, 53, parts=["embed", "head"], seed=1, covariance_scale=0.5)
    np.testing.assert_allclose(model.embed.weight[50:].detach().numpy(), wanted, rtol=1e-6)


@pytest.mark.parametrize("tied", [True, False])
def test_a_hugging_face_model_grows_as_by_resize_token_embeddings(tied):
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(n_embd=8, n_layer=1, n_head=2, vocab_size=60, tie_word_embeddings=tied)
    ours, theirs = (
        transformers.GPT2LMHeadModel(config),
        transformers.GPT2LMHeadModel(transformers.GPT2Config(**config.to_dict())),
    )
    theirs.load_state_dict(ours.state_dict())
    theirs.resize_token_embeddings(64)
    grow_vocabulary_(ours, 64)
    for name, tensor in theirs.state_dict().items():  # the covariance is multiplied by 1e-9: std of 1e-6
        torch.testing.assert_close(ours.state_dict()[name], tensor, rtol=0, atol=1e-5)
    assert ours.config.vocab_size == 64 and (ours.lm_head.weight is ours.transformer.wte.weight) == tied
    assert ours(torch.tensor([[63]])).logits.shape == (1, 1, 64)


@pytest.mark.parametrize(
    ("module", "size", "options", "error", "message"),
    [
        (nn.Embedding(5, 2), 5, {}, ValueError, "size must be above the 5 rows that there are, got 5"),
        (Tied(), 60, {}, ValueError, "parts must be given: the module has not one embedding alone"),
        (
            Tied(),
            60,
            {"parts": ["embed", "position"]},
            ValueError,
            "parts must have one number of rows, got embed 50, position 10",
        ),
        (Tied(), 60, {"parts": ["wte"]}, ValueError, "got nothing of that name for 'wte'"),
        (Tied(), 60, {"parts": "embed"}, TypeError, "parts must be a collection of names, got the string 'embed'"),
        (nn.Embedding(5, 2, device="meta"), 6, {}, ValueError, "weight must be a whole tensor of floats with memory"),
        (nn.Embedding(5, 2), 6, {"covariance_scale": -1}, ValueError, "covariance_scale must be a finite number"),
    ],
)
def test_a_vocabulary_that_cannot_grow_is_refused(module, size, options, error, message):
    before = repr(module)
    with pytest.raises(error, match=message):
        grow_vocabulary_(module, size, **options)
    assert repr(module) == before


# ---- adapters ----


class Adapted(nn.Module):
    """A layer with the attributes of peft's."""

    def __init__(self, layer, a, b, transposed=False):
        super().__init__()
        self.base_layer, self.scaling, self.fan_in_fan_out = layer, {"default": 2.0}, transposed
        self.lora_A, self.lora_B = nn.ModuleDict({"default": a}), nn.ModuleDict({"default": b})

    def forward(self, x):
        return self.base_layer(x) + 2.0 * self.lora_B["default"](self.lora_A["default"](x))


def adapted(dtype=torch.float32):
    first = Adapted(nn.Linear(10, 8), nn.Linear(10, 4, bias=False), nn.Linear(4, 8, bias=False))
    return nn.Sequential(
        first, nn.ReLU(), Adapted(nn.Linear(8, 6), nn.Linear(8, 4, bias=False), nn.Linear(4, 6, bias=False))
    ).to(dtype)


METHODS = [True, "gaussian", "orthogonal", "pissa", "pissa_niter_2", "olora"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.05)])
def test_an_adapter_leaves_the_outputs(method, dtype, error):
    model, x = adapted(dtype), torch.ones(3, 10, dtype=dtype)
    before = model[2].base_layer(torch.relu(model[0].base_layer(x)))
    report = lora_(model, method)
    torch.testing.assert_close(model(x), before, rtol=error, atol=error)
    assert "0.lora_A.default.weight" in report.filled and "0.base_layer.bias" in report.untouched


def test_factors_depend_on_the_seed_and_their_names_alone():
    one, other = adapted(), adapted()
    one[0].base_layer.weight.data.zero_()
    lora_(one, "gaussian", seed=3)
    lora_(other, "gaussian", seed=3)
    assert torch.equal(one[0].lora_A["default"].weight, other[0].lora_A["default"].weight)
    first, second = (other[i].lora_A["default"].weight.flatten()[:8] for i in (0, 2))
    assert not torch.equal(first, second)


def test_convolutions_take_what_peft_gives_them():
    conv = Adapted(nn.Conv2d(3, 5, 3), nn.Conv2d(3, 4, 3, bias=False), nn.Conv2d(4, 5, 1, bias=False))
    lora_(conv, True)
    assert float(conv.lora_A["default"].weight.detach().abs().max()) <= 27**-0.5 and not conv.lora_B["default"].weight.any()
    with pytest.raises(ValueError, match="is an Conv2d, whose adapters take 'default' and 'gaussian', got 'pissa'"):
        lora_(conv, "pissa")


@pytest.mark.parametrize(
    ("model", "method", "options", "error", "message"),
    [
        (adapted(), "eva", {}, ValueError, "init_lora_weights must be one of True, 'default', 'gaussian'.*, got 'eva'"),
        (adapted(), "pissa", {"adapter": "mine"}, ValueError, "model must have LoRA adapters of the name 'mine', as peft"),
        (nn.Linear(3, 3), "pissa", {}, ValueError, "model must have LoRA adapters of the name 'default'"),
        ("model", "pissa", {}, TypeError, "model must be a torch.nn.Module, got 'model'"),
        (adapted().to("meta"), "pissa", {}, ValueError, "must be a whole tensor of floats with memory"),
    ],
)
def test_adapters_that_cannot_be_filled_are_refused(model, method, options, error, message):
    with pytest.raises(error, match=message):
        lora_(model, method, **options)


# ---- beside peft's own, where it is installed ----


def peft_model(init, seed=0, conv1d=False):
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    if conv1d:
        config = transformers.GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=30)
        model, targets = (
            transformers.GPT2LMHeadModel(config),
            ["c_attn", "wte"] if init in (True, "gaussian") else ["c_attn"],
        )
    else:
        model, targets = nn.Sequential(nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 20)), ["0", "2"]
    config = peft.LoraConfig(r=4, lora_alpha=10, target_modules=targets, init_lora_weights=init, fan_in_fan_out=conv1d)
    return peft.get_peft_model(model.eval(), config).eval()


@pytest.mark.parametrize("method", ["pissa", "olora"])
@pytest.mark.parametrize("conv1d", [False, True])
def test_what_is_not_random_is_pefts(method, conv1d):
    if conv1d and method == "olora":
        pytest.skip("peft's olora does not transpose the weights of Conv1D")
    ours, theirs = peft_model(False, conv1d=conv1d), peft_model(method, conv1d=conv1d)
    lora_(ours, method)
    for (name, mine), other in zip(ours.state_dict().items(), theirs.state_dict().values()):
        if "lora_" not in name:
            torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-5, msg=name)
    for name, part in ours.named_modules():
        if hasattr(part, "lora_A") and len(part.lora_A):
            products = []
            for model in (ours, theirs):
                at = model.get_submodule(name)
                products.append(at.lora_B["default"].weight @ at.lora_A["default"].weight)
                factors = at.lora_A["default"].weight
            torch.testing.assert_close(*products, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(part.lora_A["default"].weight.abs(), factors.abs(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("conv1d", [False, True])
def test_a_peft_model_has_the_outputs_of_its_base(method, conv1d):
    model = peft_model(False if method not in (True, "gaussian") else method, conv1d=conv1d)
    given = torch.arange(6).reshape(1, 6) if conv1d else torch.ones(2, 16)
    with torch.no_grad(), model.disable_adapter():
        before = model(given)
    lora_(model, method, seed=1)
    with torch.no_grad():
        after = model(given)
    torch.testing.assert_close(getattr(after, "logits", after), getattr(before, "logits", before), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("method", [True, "gaussian", "orthogonal"])
def test_random_factors_have_the_sizes_of_pefts(method):
    """Mean squares of 64 and 48 values of A by 40 seeds agree: within 5 standard errors, sqrt(2 / 2560) each at most."""
    stds = {}
    for which in ("ours", "theirs"):
        squares = []
        for seed in range(40):
            model = peft_model(method, seed)
            if which == "ours":
                lora_(model, method, seed=seed)
            squares.append(model.base_model.model[0].lora_A["default"].weight.square().mean().item())
        stds[which] = np.mean(squares)
    assert stds["ours"] == pytest.approx(stds["theirs"], rel=5 * math.sqrt(2) * math.sqrt(4 / 2560))

"""LSUV, Krähenbühl's initialization, Fixup and T-Fixup: the scales, what they do to training, and what is restored."""

import math
from functools import partial

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import fastinit.torch
from fastinit.core.stream import stream_of
from fastinit.initializers import Normal
from fastinit.torch import data_dependent_, fixup_, lsuv_, tfixup_
from fastinit.torch.tensors import fill_


def data(*shape, seed=0):
    return fill_(torch.empty(shape), Normal(), stream_of(seed, "data"))


def mlp(depth, width=32, activation=nn.ReLU, bias=True):
    layers = [part for _ in range(depth - 1) for part in (nn.Linear(width, width, bias=bias), activation())]
    return nn.Sequential(*layers, nn.Linear(width, width, bias=bias))


def cnn():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 12, 3, groups=4, bias=False),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.ConvTranspose2d(12, 6, 2, stride=2, groups=2),
        nn.ReLU(),
        nn.Conv2d(6, 4, 1),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.LazyLinear(10),
    )


def made_cnn():
    model = cnn()
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, 6, 6))
    return model.train()


CASES = {
    "30 layers of ReLU": (partial(mlp, 30), (64, 32)),
    "30 layers of tanh": (partial(mlp, 30, activation=nn.Tanh), (64, 32)),
    "convolutions": (made_cnn, (16, 3, 6, 6)),
    "one layer": (lambda: nn.Linear(5, 7), (40, 5)),
    "float64": (lambda: mlp(3).double(), (64, 32)),
    "bfloat16": (lambda: mlp(3).bfloat16(), (64, 32)),
}


@pytest.fixture(params=CASES)
def case(request):
    make, shape = CASES[request.param]
    model = make()
    return model, data(*shape).to(next(model.parameters()).dtype)


def outputs(model, batch):
    """The output of each layer with a weight, with BatchNorm as in training, and Dropout as in evaluation."""
    found, handles = {}, []
    for name, part in model.named_modules():
        if isinstance(part, fastinit.torch.layers.LAYERS):
            handles.append(part.register_forward_hook(lambda p, i, output, name=name: found.__setitem__(name, (p, output))))
    model.eval()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.train()
    with torch.no_grad():
        model(batch)
    for handle in handles:
        handle.remove()
    return found


def state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def gradients(model, batch):
    """The norm of each weight's gradient, of a random linear loss."""
    model.zero_grad()
    out = model(batch)
    out.backward(data(*out.shape, seed=1))
    return [p.grad.norm().item() for name, p in model.named_parameters() if name.endswith("weight")]


def test_lsuv_gives_each_layer_unit_variance(case):
    model, batch = case
    lsuv_(model, batch, tolerance=0.05)
    for name, (_, output) in outputs(model, batch).items():
        # the tolerance, and what rounding to bfloat16 (2^-9 a value) can add to it
        assert float(output.float().var(correction=0)) == pytest.approx(1, abs=0.06), name


def test_lsuv_weights_are_orthogonal_up_to_a_factor():
    model = mlp(4)
    lsuv_(model, data(64, 32))
    for layer in model[::2]:
        gram = layer.weight @ layer.weight.T
        torch.testing.assert_close(gram / gram[0, 0], torch.eye(32), atol=1e-4, rtol=0)
        assert not layer.bias.any()


def test_data_dependent_gives_each_channel_the_wanted_mean_and_unit_variance(case):
    model, batch = case
    data_dependent_(model, batch, bias=0.2, between=False)
    for name, (layer, output) in outputs(model, batch).items():
        by_channel = output.float().movedim(-1 if isinstance(layer, nn.Linear) else 1, 0).flatten(1)
        rounding = 0.05 if batch.dtype == torch.bfloat16 else 1e-3
        variance = by_channel.var(1, correction=0)
        torch.testing.assert_close(variance, torch.ones(len(by_channel)), atol=rounding, rtol=0, msg=name)
        if layer.bias is not None:
            torch.testing.assert_close(by_channel.mean(1), torch.full([len(by_channel)], 0.2), atol=rounding, rtol=0)


def rates(model, batch):
    norms = gradients(model, batch)
    weights = [p.norm().item() for name, p in model.named_parameters() if name.endswith("weight")]
    return [gradient / weight for gradient, weight in zip(norms, weights)]


def test_data_dependent_makes_all_layers_learn_at_one_rate():
    # widths that differ, for the rates to differ before: rates of two draws of eta differ by 1 / sqrt(64 outputs x 256)
    model = nn.Sequential(nn.Linear(8, 256), nn.ReLU(), nn.Linear(256, 16), nn.ReLU(), nn.Linear(16, 64))
    batch = data(256, 8)
    data_dependent_(model, batch, between=False)
    before = rates(model, batch)
    data_dependent_(model, batch, tolerance=0.05)
    after = rates(model, batch)
    assert max(before) / min(before) > 2
    assert max(after) / min(after) < 1.25


def test_equal_rates_keep_the_outputs_of_a_network_of_relus():
    model, batch = mlp(6), data(64, 32)
    data_dependent_(model, batch, between=False)
    before = model(batch)
    data_dependent_(model, batch)
    torch.testing.assert_close(model(batch), before, rtol=1e-3, atol=1e-3)


def test_equal_rates_that_would_change_the_outputs_are_an_error_and_nothing_is_changed():
    class Saturating(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 512), nn.Linear(512, 4)

        def forward(self, x):
            return self.second(torch.tanh(20 * self.first(x)))

    model = Saturating()
    before = state(model)
    with pytest.raises(ValueError, match="pass between=False"):
        data_dependent_(model, data(64, 4))
    assert same(state(model), before)


@pytest.mark.parametrize("initialize", [lsuv_, data_dependent_])
def test_gradients_of_thirty_layers_neither_vanish_nor_explode(initialize):
    model, batch = mlp(30), data(64, 32)
    stock = gradients(model, batch)
    initialize(model, batch)
    initialized = gradients(model, batch)
    assert stock[0] / stock[-1] < 1e-6
    assert 1e-2 < initialized[0] / initialized[-1] < 1e2


def loss_after(model, batch, target, steps=150, rate=1e-3):
    optimizer = torch.optim.Adam(model.parameters(), rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(batch) - target).square().mean()
        loss.backward()
        optimizer.step()
    return loss.item()


@pytest.mark.parametrize("initialize", [lsuv_, data_dependent_])
def test_thirty_layers_train_that_did_not(initialize):
    batch = data(64, 32)
    target = batch.roll(1, dims=1)
    torch.manual_seed(0)
    stock = loss_after(mlp(30), batch, target)
    model = mlp(30)
    initialize(model, batch)
    assert stock > 0.95  # of the target's variance of 1
    assert loss_after(model, batch, target) < 0.75  # 0.65 and 0.34 were the most of three seeds


@pytest.mark.parametrize("initialize", [lsuv_, data_dependent_])
def test_seed_and_names_decide(initialize):
    batch = data(64, 32)
    models = [mlp(3) for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2)):
        torch.manual_seed(torch.seed())
        initialize(model, batch, seed=seed)
    assert same(state(models[0]), state(models[1]))
    assert not torch.equal(models[0][0].weight, models[2][0].weight)


@pytest.mark.parametrize("initialize", [lsuv_, partial(data_dependent_, between=False)])
def test_modes_buffers_gradients_and_generator_are_as_before(initialize):
    model, batch = made_cnn(), data(16, 3, 6, 6)
    model[0].eval()
    model[0].weight.requires_grad_(False)
    model(batch).sum().backward()
    modes = [part.training for part in model.modules()]
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    grads = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    identities = [id(p) for p in model.parameters()]
    random = torch.get_rng_state()
    initialize(model, batch)
    assert [part.training for part in model.modules()] == modes
    assert same(dict(model.named_buffers()), buffers)
    assert all(g is p.grad or torch.equal(g, p.grad) for g, p in zip(grads, model.parameters()))
    assert [id(p) for p in model.parameters()] == identities
    assert not model[0].weight.requires_grad
    assert torch.equal(torch.get_rng_state(), random)
    assert all(not part._forward_hooks for part in model.modules())


class Poison(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


@pytest.mark.parametrize("initialize", [lsuv_, data_dependent_])
@pytest.mark.parametrize(
    ("factor", "found"), [(0.0, "variance 0.0"), (math.nan, "variance nan"), (math.inf, "variance nan")]
)
def test_outputs_without_variance_are_an_error_and_all_is_restored(initialize, factor, found):
    model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), Poison(factor), nn.Linear(8, 8))
    model[0].eval()
    before, modes = state(model), [part.training for part in model.modules()]
    with pytest.raises(ValueError, match=rf"output of (channel 0 of )?4 has {found} with this batch: it must be positive"):
        initialize(model, data(16, 8))
    assert same(state(model), before)
    assert [part.training for part in model.modules()] == modes


@pytest.mark.parametrize("initialize", [lsuv_, data_dependent_])
def test_a_batch_that_the_module_cannot_take_raises_its_own_error_and_changes_nothing(initialize):
    model = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Linear(7, 8))
    before = state(model)
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        initialize(model, data(16, 8))
    assert same(state(model), before)
    assert all(not part._forward_hooks for part in model.modules())


@pytest.mark.parametrize("initialize", [lsuv_, data_dependent_])
@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda: nn.ReLU(), {}, "batch reaches no nn.Linear and no convolution"),
        (lambda: mlp(2), {"tolerance": 0.0}, "tolerance must be a positive finite number, got 0.0"),
        (lambda: mlp(2), {"max_iterations": 0}, "max_iterations must be an int of at least 1, got 0"),
        (lambda: mlp(2).to("meta"), {}, "0.weight must be a whole tensor of floats with memory"),
    ],
    ids=["no layer", "tolerance", "iterations", "meta"],
)
def test_wrong_arguments_are_named(initialize, make, options, message):
    with pytest.raises(ValueError, match=message):
        initialize(make(), data(16, 32), **options)


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right, self.unused = nn.Linear(4, 8), nn.Linear(6, 8), nn.Linear(3, 3)

    def forward(self, x, *, y):
        return {"sum": self.left(x) + self.right(y)}


def test_a_batch_of_keywords_and_layers_that_are_not_reached():
    model = TwoInputs()
    unused = state(model.unused)
    report = lsuv_(model, {"x": data(32, 4), "y": data(32, 6, seed=1)})
    assert list(report.filled) == ["left.weight", "left.bias", "right.weight", "right.bias"]
    assert report.untouched == ["unused.weight", "unused.bias"]
    assert same(state(model.unused), unused)


def test_shared_weights_are_left_alone():
    model = nn.Sequential(nn.Embedding(9, 8), nn.Linear(8, 8), nn.Linear(8, 9, bias=False))
    model[2].weight = model[0].weight
    embedding = model[0].weight.clone()
    report = lsuv_(model, torch.arange(9))
    assert torch.equal(model[0].weight, embedding)
    assert list(report.filled) == ["1.weight", "1.bias"]


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.second, self.third = (nn.Linear(width, width) for _ in range(3))
        self.shortcut = nn.Linear(width, width)
        self.scale, self.shift = nn.Parameter(torch.full((1,), 9.0)), nn.Parameter(torch.full((1,), 9.0))

    def forward(self, x):
        inside = torch.relu(self.second(torch.relu(self.first(x))))
        return self.shortcut(x) + self.scale * self.third(inside) + self.shift


class Residual(nn.Module):
    def __init__(self, depth=16, width=128):
        super().__init__()
        self.stem = nn.Linear(width, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


FIXUP = {
    "branches": "blocks.?",
    "shortcuts": "*.shortcut",
    "classifier": "head",
    "multipliers": "*.scale",
    "biases": ("*.shift",),
}


def test_fixup_scales():
    model = Residual(9)
    report = fixup_(model, **FIXUP)
    he, n = math.sqrt(2 / 128), 128 * 128
    within = 6 / math.sqrt(2 * n)  # 6 sigmas of a normal's std of n values
    for block in model.blocks:
        for layer, factor in ((block.first, 9 ** (-1 / 4)), (block.second, 9 ** (-1 / 4)), (block.shortcut, 1)):
            assert layer.weight.std().item() == pytest.approx(he * factor, rel=within)
            assert not layer.bias.any()
        assert not block.third.weight.any()
        assert (block.scale.item(), block.shift.item()) == (1, 0)
    assert model.stem.weight.std().item() == pytest.approx(he, rel=within)
    assert not model.head.weight.any()
    assert report.untouched == []


def test_fixup_of_named_last_layers():
    model = Residual(3)
    fixup_(model, **{**FIXUP, "last": "*.second"})
    assert not model.blocks[0].second.weight.any()
    assert model.blocks[0].third.weight.any()


def test_fixup_begins_as_if_the_branches_were_not_there_and_trains():
    class Plain(Residual):
        def __init__(self):
            super().__init__(30, 32)
            for block in self.blocks:
                block.shortcut = nn.Identity()

    model, batch = Plain(), data(64, 32)
    fixup_(model, "blocks.*[0-9]", biases="*.shift", multipliers="*.scale")
    torch.testing.assert_close(model(batch), model.head(model.stem(batch)))
    assert loss_after(model, batch, batch[:, :10]) < 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"branches": "layers.*"}, r"branches has 'layers.\*', which matches nothing"),
        ({"branches": ()}, "at least one residual branch"),
        ({"branches": "blocks.?", "classifier": "fc"}, "classifier has 'fc', which matches nothing"),
        ({"branches": ("blocks.?", "blocks.0.first")}, "'blocks.0' and 'blocks.0.first', which share the layer"),
    ],
)
def test_fixup_says_which_pattern_is_wrong_and_changes_nothing(options, message):
    model = Residual(2, 8)
    before = state(model)
    with pytest.raises(ValueError, match=message):
        fixup_(model, **options)
    assert same(state(model), before)


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.source, self.target = nn.Embedding(400, 64, padding_idx=0), nn.Embedding(300, 64)
        self.transformer = nn.Transformer(64, 4, 4, 3, 256, batch_first=True)
        self.head = nn.Linear(64, 300)


def bound(weight):
    return weight.abs().max().item()


def test_tfixup_scales():
    model = Translator()
    report = tfixup_(model)
    encoder, decoder = 0.67 * 4**-0.25, (9 * 3) ** -0.25
    square, tall = math.sqrt(6 / 128), math.sqrt(6 / (64 + 256))
    expected = []
    for gain, layers in ((encoder, model.transformer.encoder.layers), (decoder, model.transformer.decoder.layers)):
        for layer in layers:
            for attention in (layer.self_attn, getattr(layer, "multihead_attn", layer.self_attn)):
                query, key, value = attention.in_proj_weight.chunk(3)
                expected += [(query, square), (key, square), (value, gain * square)]
                expected += [(attention.out_proj.weight, gain * square)]
            expected += [(layer.linear1.weight, gain * tall), (layer.linear2.weight, gain * tall)]
            assert not layer.linear1.bias.any()
    expected += [(model.head.weight, math.sqrt(6 / 364))]
    for weight, limit in expected:
        # the greatest of n uniform values is below limit (1 - t) with a probability of (1 - t)^n < exp(-n t)
        assert limit * (1 - 20 / weight.numel()) < bound(weight) <= limit * (1 + 1e-6)
    for embedding in (model.source, model.target):
        rows = embedding.weight[1:]
        assert rows.std().item() == pytest.approx(64**-0.5 * decoder, rel=6 / math.sqrt(2 * rows.numel()))
    assert not model.source.weight[0].any()
    assert report.untouched == []


def test_tfixup_of_an_encoder_alone():
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    tfixup_(model, seed=3)
    assert bound(model.layers[1].linear2.weight) == pytest.approx(0.67 * 2**-0.25 * math.sqrt(6 / 96), rel=0.01)


@pytest.mark.parametrize("initialize", [tfixup_, partial(fixup_, branches="transformer.encoder.layers.?")])
def test_seed_and_names_decide_of_those_without_data(initialize):
    models = [Translator() for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2)):
        initialize(model, seed=seed)
    weights = [model.transformer.encoder.layers[0].linear1.weight for model in models]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_tfixup_of_a_module_without_transformer_layers_is_an_error():
    with pytest.raises(ValueError, match=r"no nn.TransformerEncoderLayer or nn.TransformerDecoderLayer"):
        tfixup_(mlp(2))


def test_the_ones_without_data_want_memory():
    with torch.device("meta"):
        model = Translator()
    with pytest.raises(ValueError, match=r"source.weight is on the meta device"):
        tfixup_(model)

"""Net2Net: wider and deeper modules compute what the smaller ones did, or are refused."""

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.nn import functional

from fastinit.torch import deepen_, widen_


def mlp():
    return nn.Sequential(
        nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 6, bias=False), nn.Tanh(),
        nn.Linear(6, 3),
    )  # fmt: skip


def cnn():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1), nn.ReLU6(), nn.ConvTranspose2d(6, 5, 2, stride=2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.BatchNorm1d(20), nn.Linear(20, 3),
    )  # fmt: skip


class Functional(nn.Module):
    """Two layers take the units of one; functions and a view between."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv1d(2, 4, 3, padding=1), nn.BatchNorm1d(4)
        self.left, self.right = nn.Linear(4 * 6, 3), nn.Linear(4 * 6, 3)

    def forward(self, x):
        x = functional.relu(self.norm(self.conv(x)))
        x = x.view(x.size(0), -1)
        return self.left(x) * torch.sigmoid(self.right(torch.tanh(x)))


def reads_inputs():
    return Averaging(lambda m: m.up.in_features)


SHAPES = {mlp: (7, 5), cnn: (3, 2, 8, 8), Functional: (4, 2, 6), reads_inputs: (7, 4)}


def ready(make, dtype=torch.float64):
    """A module whose statistics are not those of the beginning, and its inputs."""
    generator = torch.Generator().manual_seed(0)
    model, x = make().to(dtype), torch.randn(*SHAPES[make], generator=generator, dtype=dtype)
    model.train()(x)
    with torch.no_grad():
        for part in model.modules():
            if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
                part.weight.uniform_(0.5, 2.0, generator=generator)
                part.bias.normal_(generator=generator)
    return model.eval(), x


@pytest.mark.parametrize(
    ("make", "layer", "width"),
    [
        (mlp, "0", 20),
        (mlp, "4", 7),
        (reads_inputs, "up", 6),
        (cnn, "0", 9),
        (cnn, "4", 13),
        (cnn, "6", 8),
        (Functional, "conv", 11),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_wider_module_has_the_same_outputs(make, layer, width, dtype):
    model, x = ready(make, dtype)
    before = model(x)
    copied = widen_(model, layer, width, seed=3)
    assert len(copied) == width
    torch.testing.assert_close(model(x), before)
    model.load_state_dict(model.state_dict())  # attributes and shapes agree
    assert str(width) in repr(model.get_submodule(layer))


def test_a_wider_module_has_the_same_outputs_by_the_statistics_of_a_batch():
    model, x = ready(Functional)
    model.train()
    before = model(x)
    widen_(model, "conv", 9)
    torch.testing.assert_close(model(x), before)


def test_a_wider_module_trains_as_a_module_of_its_width():
    model, x = ready(mlp)
    widen_(model, "0", 20)
    model.train()(x).square().sum().backward()
    assert model[0].weight.grad.shape == (20, 5) and model[4].weight.grad.shape == (6, 20)


@pytest.mark.parametrize("grow", [lambda model: widen_(model, "0", 12), lambda model: deepen_(model, "1")])
def test_hooks_that_cannot_be_followed_are_refused(grow):
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    model[1].register_forward_hook(lambda module, given, output: 1 - output)
    with pytest.raises(ValueError, match=r"^1 has forward hooks, which torch\.fx does not see"):
        grow(model)
    assert model[0].out_features == 8 and isinstance(model[1], nn.ReLU)


@pytest.mark.parametrize("grow", [lambda model: widen_(model, "0", 12), lambda model: deepen_(model, "1")])
def test_torchs_generator_stays_where_it_is(grow):
    model, before = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2)), torch.get_rng_state()
    grow(model)
    assert torch.equal(torch.get_rng_state(), before)


def test_copies_are_decided_by_seed_and_name():
    weights = []
    for seed in (0, 0, 1):
        model, _ = ready(mlp)
        torch.nn.init.ones_(model[0].weight)
        weights.append(tuple(widen_(model, "0", 40, seed=seed)))
    assert weights[0] == weights[1] != weights[2]


def test_noise_tells_copies_apart_and_leaves_the_first():
    model, _ = ready(mlp)
    before = model[0].weight.clone()
    widen_(model, "0", 2000, noise=0.1)
    assert torch.equal(model[0].weight[:8], before)
    away = model[0].weight[8:].std() ** 2 - before.square().mean()
    assert len(torch.unique(model[0].weight, dim=0)) == 2000 and abs(away) < before.square().mean()


@pytest.mark.parametrize(
    ("make", "activation"), [(mlp, "2"), (cnn, "2"), (cnn, "5"), (cnn, "7")], ids=["mlp", "conv norm", "conv", "transposed"]
)
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_deeper_module_has_the_same_outputs(make, activation, kernel):
    model, x = ready(make)
    before = model(x)
    deepen_(model, activation, kernel=kernel)
    torch.testing.assert_close(model(x), before, rtol=0, atol=0)
    deepen_(model, f"{activation}.2", kernel=kernel)  # and again
    torch.testing.assert_close(model(x), before, rtol=0, atol=0)
    model(x).sum().backward()


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down, self.relu = nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU()

    def forward(self, x):
        x = x + self.up(x)
        return self.down(self.relu(x))


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.down(x) if x.sum() > 0 else self.up(x)


class Averaging(nn.Module):
    def __init__(self, length):
        super().__init__()
        self.up, self.norm, self.down, self.length = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 4), length

    def forward(self, x):
        return self.down(self.norm(torch.relu(self.up(x)))) / self.length(self)


def shared():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    model[2].weight = model[0].weight
    return model


def twice():
    layer = nn.Linear(4, 4)
    return nn.Sequential(layer, nn.ReLU(), layer)


WIDEN = [
    (lambda: nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 4)), "0", 8, "the units meet 1, a LayerNorm"),
    (lambda: nn.Sequential(nn.Linear(4, 4), nn.Softmax(-1), nn.Linear(4, 4)), "0", 8, "the units meet 1, a Softmax"),
    (Residual, "up", 8, "the units meet add"),
    (Residual, "down", 8, "the units are among the outputs of the module"),
    (Branching, "up", 8, "module must be one that torch.fx can trace"),
    (lambda: Averaging(lambda m: m.up.out_features), "up", 8, "the module's own code reads how many units up has"),
    (lambda: Averaging(lambda m: m.norm.num_features), "up", 8, "the module's own code reads how many units up has"),
    (lambda: Averaging(lambda m: 1 / (m.down.in_features < 5)), "up", 8, "the module's own code reads how many units up"),
    (shared, "0", 8, "0 must have a weight of its own: it is shared"),
    (twice, "0", 8, "0 is called 2 times"),
    (mlp, "0", 8, "width must be above the 8 units of 0, got 8"),
    (mlp, "2", 8, "2 must be an nn.Linear or a convolution, got ReLU"),
    (mlp, "fc", 8, "layer must name a part of the module, got 'fc': it has 0, 1, 2, 3, 4, 5, 6"),
    (lambda: nn.Sequential(nn.Conv2d(4, 4, 1, groups=2), nn.Conv2d(4, 4, 1)), "0", 8, "0 has 2 groups"),
    (lambda: nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1, groups=4)), "0", 8, "1 has 4 groups"),
    (lambda: nn.Sequential(nn.Conv2d(4, 4, 1), nn.Linear(4, 4)), "0", 8, "1 does not take the units as its inputs"),
    (lambda: nn.Sequential(nn.Linear(4, 4), nn.Flatten(), nn.Linear(8, 4)), "0", 8, "2 has 8 inputs, which are not the 4"),
    (lambda: nn.Sequential(nn.Linear(4, 4, device="meta"), nn.Linear(4, 4)), "0", 8, "0.weight must be a whole tensor"),
]


@pytest.mark.parametrize(("make", "layer", "width", "message"), WIDEN)
def test_what_would_be_another_function_is_not_widened(make, layer, width, message):
    model = make()
    before = repr(model), [tensor.clone() for tensor in model.state_dict().values()]
    with pytest.raises(ValueError, match=message):
        widen_(model, layer, width)
    assert repr(model) == before[0]
    assert all(a.is_meta or torch.equal(a, b) for a, b in zip(model.state_dict().values(), before[1]))


DEEPEN = [
    (mlp, "5", {}, "5 must be one of ReLU, ReLU6, Hardtanh, got Tanh: applied twice it is another function"),
    (Residual, "relu", {}, "relu must come after a layer: how many units add has is not known"),
    (mlp, "2", {"kernel": 2}, "kernel must be odd, so that a tap is in the middle, got 2"),
]


@pytest.mark.parametrize(("make", "activation", "options", "message"), DEEPEN)
def test_what_would_be_another_function_is_not_deepened(make, activation, options, message):
    model = make()
    before = repr(model)
    with pytest.raises(ValueError, match=message):
        deepen_(model, activation, **options)
    assert repr(model) == before

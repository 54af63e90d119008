"""MetaInit: the gradient quotient against its formula, what the scales repair, what is refused."""

import math

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import fastinit
import fastinit.torch
from fastinit.torch import LearnedScales, metainit_
from fastinit.torch.rescaling.metainit import gradient_quotient


def deep(depth, std, width=32, classes=None):
    """Relu layers with weights N(0, std^2), and biases 0."""
    parts = [part for _ in range(depth) for part in (nn.Linear(width, width), nn.ReLU())]
    if classes:
        parts.append(nn.Linear(width, classes))
    model = nn.Sequential(*parts)
    rules = [("*bias", "zeros"), ("*", fastinit.Normal(0.0, std))]
    fastinit.torch.init_(model, fastinit.Recipe(rules), 0, overwrite=True)
    return model


def test_the_quotient_of_a_quadratic_loss_is_that_of_its_formula():
    """g = a w and H g = a^2 w: each term is |(1 - a) / (1 + epsilon / g) - 1|, about a."""
    weight = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    curvature = torch.tensor([0.5, 0.25])
    quotient = gradient_quotient((curvature * weight.square()).sum() / 2, [weight])
    assert float(quotient.detach()) == pytest.approx((0.5 + 0.25) / 2, abs=1e-4)


def test_a_constant_gradient_has_the_quotient_0():
    weight = nn.Parameter(torch.ones(3, dtype=torch.float64))
    assert float(gradient_quotient(weight.sum(), [weight]).detach()) == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("std", [1.0, 0.03])
def test_weights_of_any_scale_come_to_that_of_the_signal(std):
    """Per layer the mean square is multiplied by 8 std^2 scale^2; from 8 and 0.007 it comes to the order of 1."""
    model = deep(8, std, width=16)
    learned = metainit_(model, torch.zeros(32, 16), steps=60)
    factors = [8 * std**2 * scale**2 for scale in learned.scales.values()]
    assert 0.4 < math.exp(sum(map(math.log, factors[:6])) / 6) < 2.5
    assert learned.quotients[-1] < 0.8 * min(learned.quotients[0], 1.5)


def test_only_the_norms_of_weights_change():
    model = deep(3, 0.5)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [part.training for part in model.modules()]
    learned = metainit_(model, torch.zeros(8, 32), steps=5)
    assert [*learned.scales] == ["0.weight", "2.weight", "4.weight"]
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, before[name] * learned.scales.get(name, 1.0))
    assert [part.training for part in model.modules()] == modes
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_seed_decides_the_scales_and_nothing_else():
    models = [deep(3, 0.5) for _ in range(3)]
    state = torch.get_rng_state()
    first, again, other = (
        metainit_(model, torch.zeros(8, 32), seed=seed, steps=20) for model, seed in zip(models, (0, 0, 1))
    )
    assert first == again and first.quotients != other.quotients
    assert torch.equal(torch.get_rng_state(), state)


def test_frozen_zero_and_one_axis_parameters_stay():
    model = deep(3, 0.5)
    model[0].weight.requires_grad_(False)
    nn.init.zeros_(model[4].weight)
    assert [*metainit_(model, torch.zeros(8, 32), lambda out: out.square().mean(), steps=2).scales] == ["2.weight"]


def test_attention_has_scales():
    model = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    learned = metainit_(model, torch.zeros(4, 5, 16), steps=2)
    assert "self_attn.in_proj_weight" in learned.scales and all(map(math.isfinite, learned.scales.values()))


def test_scales_serve_weights_that_are_drawn_again():
    scales = metainit_(deep(3, 1.0), torch.zeros(8, 32), steps=30)
    model, as_before = deep(3, 1.0), deep(3, 1.0)
    scales.apply_(model)
    torch.testing.assert_close(model[0].weight, as_before[0].weight * scales.scales["0.weight"])
    with pytest.raises(ValueError, match=r"module has no 0.weight, 2.weight, 4.weight, whose scales these are"):
        scales.apply_(nn.Linear(3, 3))


@pytest.mark.parametrize(
    ("model", "batch", "options", "error", "message"),
    [
        ("model", torch.zeros(2, 3), {}, TypeError, "module must be a torch.nn.Module, got 'model'"),
        (nn.Linear(3, 3), 3, {}, TypeError, "batch must hold a tensor, got 3"),
        (nn.Linear(3, 3), torch.full((2, 3), math.nan), {}, ValueError, "batch must have finite values"),
        (nn.Linear(3, 3), torch.zeros(2, 3), {"steps": 0}, ValueError, "steps must be an int of at least 1, got 0"),
        (nn.Linear(3, 3), torch.zeros(2, 3), {"momentum": 1.0}, ValueError, "momentum must be below 1, got 1.0"),
        (nn.Linear(3, 3), torch.zeros(2, 3), {"inputs": "data"}, ValueError, "inputs must be one of 'normal', 'batch'"),
        (nn.Linear(3, 3), torch.zeros(2, 3), {"loss": 1}, TypeError, "loss must be a callable"),
        (nn.Linear(3, 3), torch.zeros(2, 3), {"loss": lambda out: out}, ValueError, "loss must give a tensor of one number"),
        (
            nn.Conv2d(1, 1, 1),
            torch.zeros(2, 1, 3, 3),
            {},
            ValueError,
            r"loss must be given for outputs of shape \(2, 1, 3, 3\)",
        ),
        (nn.Linear(3, 3, device="meta"), torch.zeros(2, 3), {}, ValueError, "weight must be a whole tensor of floats"),
        (nn.LazyLinear(3), torch.zeros(2, 3), {}, ValueError, "weight has no shape yet"),
        (nn.LayerNorm(3), torch.zeros(2, 3), {}, ValueError, "module must have a weight of 2 axes or more"),
        (deep(300, 30.0), torch.zeros(2, 32), {}, ValueError, r"the gradient quotient is (nan|inf) in step 0"),
    ],
)
def test_wrong_input_is_refused(model, batch, options, error, message):
    with pytest.raises(error, match=message):
        metainit_(model, batch, **options)


def test_after_an_error_the_module_is_as_before():
    model = deep(3, 0.5)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    losses = iter([lambda out: out.square().mean(), lambda out: out.sum() * math.nan])
    with pytest.raises(ValueError, match="the gradient quotient is nan in step 1"):
        metainit_(model, torch.zeros(8, 32), lambda out: next(losses)(out))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_printed_scales_are_a_table():
    assert str(LearnedScales({"a.weight": 0.5}, (2.0, 1.0))) == "a.weight  times 0.5\ngradient quotient 2 to 1 in 2 steps"


@pytest.mark.slow
def test_a_network_that_does_not_train_does_with_learned_scales():
    """The claim of the paper's section 4: weights N(0, 1), a factor 4 a layer too large, and 14 layers of relu."""
    lab = pytest.importorskip("fastinit.lab")
    inputs, targets = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    task = lab.Supervised(((inputs - 4.9) / 6.0).astype("float32"), targets, learning_rate=0.01)

    def bad(model, batch, seed):
        rules = [("*bias", "zeros"), ("*", fastinit.Normal(0.0, 1.0))]
        fastinit.torch.init_(model, fastinit.Recipe(rules), seed, overwrite=True)

    def learned(model, batch, seed):
        bad(model, batch, seed)
        metainit_(model, batch, seed=seed, steps=150)
        metainit_(model, batch, seed=seed, steps=100, learning_rate=0.02)

    def make():
        inner = [part for _ in range(12) for part in (nn.Linear(32, 32), nn.ReLU())]
        return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), *inner, nn.Linear(32, 10))

    result = lab.compare(make, task, {"bad": bad, "metainit": learned, "he": "he_normal"}, seeds=6, epochs=25)
    print(result)
    assert result.summaries["metainit"].trains and not result.summaries["bad"].trains
    assert result.summaries["metainit"].mean > 0.6

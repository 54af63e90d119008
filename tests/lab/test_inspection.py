"""`lab.inspect`: what it measures beside theory, what it finds, and that it leaves no trace."""

import json
import math
import re

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

import fastinit.torch  # noqa: E402
from fastinit import lab  # noqa: E402
from fastinit.lab.measures import measured  # noqa: E402
from fastinit.lab.structure import normalization_of, residual_sums  # noqa: E402
from tests.lab.networks import Recurrent, cnn, filled, mlp, normal_batch, transformer  # noqa: E402

DEPTH, WIDTH = 50, 256


def kinds(report):
    return [finding.kind for finding in report.findings]


# ---- against theory ----


@pytest.fixture(scope="module")
def under_xavier():
    return lab.inspect(filled(mlp(DEPTH, WIDTH), "xavier_normal"), normal_batch(64, WIDTH))


@pytest.fixture(scope="module")
def under_he():
    return lab.inspect(filled(mlp(DEPTH, WIDTH), "he_normal"), normal_batch(64, WIDTH))


# A layer's rms is multiplied by its ratio with a relative error of (Var[f^2] / E[f^2]^2 / width)^(1/2) / 2 with
# Var[f^2] / E[f^2]^2 = 5 for ReLU; the mean of 49 of them has a seventh of that: 0.01. Three are 1 in 370, seed fixed.
CHANCE = 3 * math.sqrt(5 / WIDTH) / 2 / math.sqrt(DEPTH - 1)


def test_xavier_shrinks_a_relu_network_by_the_root_of_a_half_a_layer(under_xavier):
    measured, theory = under_xavier.shrink_per_layer
    assert theory == pytest.approx(math.sqrt(1 / 2), rel=0.01)
    assert abs(math.log(measured * math.sqrt(2))) < CHANCE


def test_he_keeps_a_relu_network(under_he):
    measured, theory = under_he.shrink_per_layer
    assert theory == pytest.approx(1.0, rel=0.01)
    assert abs(math.log(measured)) < CHANCE


def test_the_finding_under_xavier_names_the_cure(under_xavier):
    found = under_xavier.findings[0]
    assert (found.kind, found.severity) == ("activations shrink", "error")
    assert re.match(
        r"0 to 98: activations shrink by 0\.\d\d a layer \(theory: 0.707\), .* of the signal is left; ", found.text
    )
    assert found.text.endswith(
        "relu wants variance 2 / fan_in, this is Xavier's 2 / (fan_in + fan_out): use he_normal (He et al. 2015)"
    )


def test_the_cure_has_the_gain_of_which_its_variance_is():
    model = nn.Sequential(*(part for _ in range(8) for part in (nn.Linear(100, 100), nn.Tanh())))
    for layer in model[::2]:
        nn.init.normal_(layer.weight, std=0.02)
        nn.init.zeros_(layer.bias)
    texts = [finding.text for finding in lab.inspect(model, torch.randn(64, 100)).findings]
    assert any("tanh wants variance 2.536 / fan_in" in text and "use xavier_normal(gain=1.593)" in text for text in texts)


@pytest.mark.parametrize("size", [1e-12, 1e-22, 1e-30])
def test_values_whose_squares_float32_does_not_have_are_measured(size):
    values = torch.full((1000,), size) * torch.tensor([-1.0, 1.0]).repeat(500)
    assert measured(values).rms == pytest.approx(size, rel=1e-4)


def test_nothing_is_wrong_under_he(under_he):
    assert under_he.ok
    assert "activations shrink" not in kinds(under_he) and "gradients vanish" not in kinds(under_he)


def test_each_layer_has_the_size_that_theory_gives_its_inputs(under_he):
    from fastinit.lab.findings import expected_rms

    for row in under_he.layers:
        if row.kind == "linear":  # within 4 standard errors of a layer with given inputs, sqrt(1 / (2 units))
            assert row.output.rms == pytest.approx(expected_rms(row), rel=4 / math.sqrt(2 * WIDTH))


def test_the_jacobian_of_a_linear_network_has_the_singular_values_of_its_product():
    model = filled(nn.Sequential(nn.Linear(6, 9, bias=False), nn.Linear(9, 5, bias=False)), "he_normal")
    report = lab.inspect(model, normal_batch(4, 6))
    product = model[1].weight.detach() @ model[0].weight.detach()
    assert report.jacobian.values == pytest.approx(torch.linalg.svdvals(product).tolist(), rel=1e-4)
    assert report.seen.spectra["0"].largest == pytest.approx(
        float(torch.linalg.matrix_norm(model[0].weight.detach(), 2)), rel=1e-4
    )


def test_lanczos_finds_the_largest_singular_values_of_a_large_jacobian():
    model = filled(nn.Linear(600, 700, bias=False), "he_normal")
    report = lab.inspect(model, normal_batch(2, 600), spectra=True)
    assert not report.jacobian.whole
    assert report.jacobian.values == pytest.approx(torch.linalg.svdvals(model.weight.detach())[:6].tolist(), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("weight_variance", "bias_variance"), [(1.3, 0.05), (1.0, 0.1), (1.5, 0.1)])
def test_the_depth_scale_of_tanh_networks_is_within_a_tenth_of_theory(weight_variance, bias_variance):
    """Schoenholz et al. 2017, figure 2, in the ordered phase, the mean over 4 networks.

    In chaos a fit to one network varies by a quarter (weight variance 3, width 1600: 9.4 to 16 layers of 10.9).
    """
    measured = []
    for seed in range(4):
        model, width = mlp(80, 800, nn.Tanh, bias=True), 800
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in model.parameters():
                variance = weight_variance / width if parameter.ndim == 2 else bias_variance
                parameter.normal_(0, math.sqrt(variance), generator=generator)
        batch = normal_batch(16, width, seed=seed)
        scale, theory = lab.inspect(model, batch, spectra=False).depth_scale
        measured.append(scale)
    assert sum(measured) / len(measured) == pytest.approx(theory, rel=0.1)


@pytest.fixture(scope="module", params=["pre", "post"])
def transformers(request):
    """The norms' place, and the inspections at depth 6 and 48."""
    batch = normal_batch(4, 6, 32)
    return request.param, {n: lab.inspect(transformer(n, 32, request.param), batch, spectra=False) for n in (6, 48)}


def test_the_stream_of_a_pre_norm_transformer_grows_with_the_root_of_its_depth(transformers):
    """Xiong et al. 2020, lemma 2: each block adds between 1/2 and 3/2 of the input's mean square, if it is wide.

    Attention's averaging over 6 tokens leaves down to a third of that; width 32 varies by some sqrt(2 / 32), 3 times that
    is 3/4. After a norm it is 1.
    """
    norm, reports = transformers
    for depth, report in reports.items():
        sums = residual_sums(report.layers)
        assert (len(sums), normalization_of(report.layers)) == (2 * depth, norm)
        if norm == "pre":
            assert 1 / 6 < (sums[-1].output.rms ** 2 - 1) / depth < 3 / 2 + 3 / 4
        else:
            assert sums[-1].output.rms < 1.5


def test_only_in_a_pre_norm_transformer_do_the_last_gradients_fall_with_the_depth(transformers):
    """Xiong et al. 2020, theorem 1: as the inverse of the stream's size before norms, not at all after them."""
    norm, reports = transformers
    falls = _last_gradient(reports[6], 5) / _last_gradient(reports[48], 47)
    stream = [residual_sums(report.layers)[-1].output.rms for report in reports.values()]
    assert falls == pytest.approx(stream[1] / stream[0], rel=0.35)  # of single layers of width 32
    assert falls > 1.5 if norm == "pre" else falls < 1.2


def _last_gradient(report, block):
    return next(row.gradient.rms for row in report.parameters if row.name == f"{block}.mlp.2.weight")


# ---- findings ----


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (lambda: filled(mlp(20, 64), fastinit.Normal(0.0, 1.0)), "activations grow"),
        (lambda: filled(mlp(4, 64, nn.Tanh), fastinit.Normal(0.0, 2.0)), "saturated"),
        (lambda: filled(mlp(4, 64), fastinit.initializers.Constant(0.1)), "symmetric"),
        (lambda: filled(mlp(40, 64, nn.Tanh), "xavier_normal"), None),
        (lambda: filled(mlp(30, 128, nn.SELU), "lecun_normal"), None),
    ],
)
def test_what_is_wrong_is_found_and_nothing_where_nothing_is(model, kind):
    report = lab.inspect(model(), normal_batch(32, next(model().parameters()).shape[1]), spectra=False)
    assert kind in kinds(report) if kind else report.ok


def test_dead_units_are_counted():
    model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 4))
    nn.init.constant_(model[0].bias, -100.0)
    report = lab.inspect(model, normal_batch(32, 16))
    assert report.layers[1].dead == 1.0
    assert report.findings[0].text.startswith("1: more than half of the units are never positive on this batch, 100% in 1")


def test_nan_is_traced_to_the_first_layer_that_has_it():
    model = filled(mlp(5, 16), "he_normal")
    with torch.no_grad():
        model[4].weight[0, 0] = math.nan
    report = lab.inspect(model, normal_batch(8, 16))
    assert str(report.findings[0]) == "error: 4: its outputs are the first with NaN or infinity"
    json.dumps(report.as_dict(), allow_nan=False)


def test_functions_are_seen_as_modules_are():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.down = nn.Linear(16, 32), nn.Linear(32, 16)

        def forward(self, x):
            return x + self.down(functional.gelu(self.up(x), approximate="tanh"))

    rows = lab.inspect(Functional(), normal_batch(8, 16)).layers
    assert [(row.name, row.kind) for row in rows] == [
        ("up", "linear"),
        ("gelu_tanh", "activation"),
        ("down", "linear"),
        ("sum", "sum"),
    ]
    assert rows[2].source is rows[1] and rows[1].source is rows[0]


def test_a_step_is_compared_with_the_weights_it_changes():
    model = nn.Linear(8, 1)
    report = lab.inspect(model, normal_batch(16, 8), loss=lambda out: 1000 * out.square().mean())
    assert "large step" in kinds(report)
    of_weight = report.parameters[0]
    assert of_weight.update_ratio == pytest.approx(0.01 * of_weight.gradient.rms / of_weight.values.rms)


# ---- no trace ----


def state(model):
    tensors = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    hooks = [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules()]
    modes = [part.training for part in model.modules()]
    return tensors, hooks, modes, torch.get_rng_state()


def assert_same(before, after):
    assert all(torch.equal(value, after[0][name]) for name, value in before[0].items())
    assert before[1:3] == after[1:3]
    assert torch.equal(before[3], after[3])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("fails", [False, True])
def test_a_model_is_left_as_it_was(training, fails):
    model = cnn().train(training)
    model[5].weight.grad = torch.ones_like(model[5].weight)
    gradient, before = model[5].weight.grad, state(model)
    if fails:
        with pytest.raises(ZeroDivisionError):
            lab.inspect(model, normal_batch(4, 1, 8, 8), loss=lambda out: 1 / 0)
    else:
        lab.inspect(model, normal_batch(4, 1, 8, 8))
    assert_same(before, state(model))
    assert model[5].weight.grad is gradient and bool((gradient == 1).all()) and model[0].weight.grad is None


def test_tied_and_frozen_parameters_are_said_to_be():
    model = Recurrent()
    model.embedding = nn.Embedding(20, 16)
    model.recurrent = nn.GRU(16, 16, batch_first=True)
    model.head.weight = model.embedding.weight
    model.recurrent.weight_hh_l0.requires_grad_(False)
    report = lab.inspect(model, torch.arange(20).reshape(4, 5))
    states = {row.name: row.state for row in report.parameters}
    assert states["head.weight"] == "tied to embedding.weight"
    assert states["recurrent.weight_hh_l0"] == "frozen"


def test_a_wholly_frozen_model_is_inspected():
    model = mlp(3, 8).requires_grad_(False)
    report = lab.inspect(model, normal_batch(4, 8))
    assert [row.state for row in report.parameters] == ["frozen"] * 3
    assert report.layers[0].gradient is not None  # by way of the input


def test_lazy_parts_stay_lazy():
    model = nn.Sequential(nn.LazyLinear(16), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(4))
    report = lab.inspect(model, normal_batch(8, 12))
    assert report.layers[0].shape == (8, 16)
    assert isinstance(model[0], nn.LazyLinear) and nn.parameter.is_lazy(model[0].weight)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_recurrent_networks_are_inspected(kind):
    report = lab.inspect(Recurrent(kind), torch.arange(20).reshape(4, 5))
    assert [row.kind for row in report.layers] == ["embedding", "recurrent", "linear"]


@pytest.mark.parametrize("spectra", [None, False])
def test_gradients_of_rows_are_those_of_the_loss_also_beside_a_jacobian(spectra):
    model, x = mlp(3, 8), normal_batch(4, 8)
    report = lab.inspect(model, x, spectra=spectra)
    assert (report.jacobian is None) == (spectra is False)
    assert report.layers[-1].gradient.rms == pytest.approx(1.0, abs=5 / (2 * 32) ** 0.5)  # that of 32 eta, N(0, 1)


def test_equal_inspections_are_equal():
    model = cnn()
    batch = normal_batch(4, 1, 8, 8)
    assert lab.inspect(model, batch).as_dict() == lab.inspect(model, batch).as_dict()


# ---- wrong input ----


@pytest.mark.parametrize(
    ("model", "batch", "options", "error", "message"),
    [
        (nn.ReLU(), normal_batch(2, 3), {}, ValueError, "model must have parameters: ReLU has none"),
        ("model", normal_batch(2, 3), {}, TypeError, "model must be a torch.nn.Module, got 'model'"),
        (
            nn.Linear(3, 3),
            normal_batch(2, 4),
            {},
            ValueError,
            r"batch of shape \(2, 4\) does not go through the model: mat1",
        ),
        (
            nn.Linear(3, 3),
            math.nan * normal_batch(2, 3),
            {},
            ValueError,
            "batch must have finite values, got NaN",
        ),
        (nn.Linear(3, 3), [1.0, 2.0], {}, TypeError, r"batch must hold a tensor, got \[1.0, 2.0\]"),
        (nn.Linear(3, 3, device="meta"), normal_batch(2, 3), {}, ValueError, "weight is on the meta device"),
        (nn.Linear(3, 3), normal_batch(2, 3), {"loss": 3}, TypeError, "loss must be a callable that takes"),
        (
            nn.Linear(3, 3),
            normal_batch(2, 3),
            {"loss": lambda out: out},
            ValueError,
            "loss must give a tensor of one",
        ),
        (nn.Linear(3, 3), normal_batch(2, 3), {"learning_rate": 0}, ValueError, "learning_rate must be a positive"),
    ],
)
def test_wrong_input_is_refused_in_a_line(model, batch, options, error, message):
    with pytest.raises(error, match=message) as raised:
        lab.inspect(model, batch, **options)
    assert "\n" not in str(raised.value)

"""weight_norm and spectral_norm of a layer on the meta device: what they store is derived from the weight that it draws."""

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import orthogonal, spectral_norm, weight_norm

import fastinit.torch
from fastinit.torch import UncertainInitialization, audit, deferred, init_

LAYERS = {
    "linear, weight norm": lambda: weight_norm(nn.Linear(4, 6)),
    "convolution, weight norm along the kernel": lambda: weight_norm(nn.Conv1d(4, 6, 3), dim=2),
    "bias, weight norm": lambda: weight_norm(nn.Conv2d(4, 6, 3), "bias"),
    "linear, spectral norm": lambda: spectral_norm(nn.Linear(5, 6)),
    "transposed convolution, spectral norm": lambda: spectral_norm(nn.ConvTranspose2d(4, 6, 3)),
    "embedding, weight norm": lambda: weight_norm(nn.Embedding(9, 4)),
}


def on_meta(make):
    with torch.device("meta"):
        return make()


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_values_are_those_of_the_recorded_layer(make):
    with deferred():
        recorded = nn.Sequential(make())
    model = nn.Sequential(on_meta(make))
    init_(recorded, seed=3)
    report = init_(model, seed=3)
    assert all(map(torch.equal, model.state_dict().values(), recorded.state_dict().values()))
    assert audit(model, report).ok


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_the_first_output_is_as_if_the_norm_had_just_been_set(make):
    layer = on_meta(make)
    init_(layer, seed=0)
    name = next(iter(layer.parametrizations))
    norm = layer.parametrizations[name][0]
    if isinstance(norm, torch.nn.utils.parametrizations._WeightNorm):
        assert torch.allclose(getattr(layer, name), layer.parametrizations[name].original1)
    else:  # by 15 power iterations
        matrix = norm._reshape_weight_to_matrix(layer.eval().weight.detach())
        assert torch.linalg.matrix_norm(matrix, 2) == pytest.approx(1, rel=0.1)


def test_the_original_of_a_spectral_norm_is_reported_as_the_one_draw_that_it_is():
    with deferred():
        layer = spectral_norm(nn.Linear(4, 6))
    report = init_(layer, seed=0)
    assert str(report).count("Uniform(low=-0.5, high=0.5)") == 2  # the bias, and parametrizations.weight.original
    plain = nn.Linear(4, 6)
    init_(plain, seed=0, overwrite=True)
    assert torch.equal(layer.bias, plain.bias)
    assert audit(layer, report).ok


def test_a_prefix_names_the_same_tensors():
    whole = nn.ModuleDict({"a": on_meta(LAYERS["linear, weight norm"])})
    part = on_meta(LAYERS["linear, weight norm"])
    init_(whole, seed=0)
    init_(part, seed=0, prefix="a.")
    assert torch.equal(whole["a"].weight, part.weight)


class Doubled(nn.Module):
    def forward(self, weight):
        return 2 * weight

    def right_inverse(self, weight):
        return weight / 2


OTHERS = {
    "of the caller's own": lambda: parametrize.register_parametrization(nn.Linear(4, 6), "weight", Doubled()),
    "orthogonal": lambda: orthogonal(nn.Linear(4, 4), use_trivialization=False),
    "a norm of another": lambda: parametrize.register_parametrization(weight_norm(nn.Linear(4, 6)), "bias", Doubled()),
    "a layer of the caller's own": lambda: weight_norm(type("Own", (nn.Linear,), {"reset_parameters": own_reset})(4, 6)),
}


def own_reset(self):
    nn.init.normal_(self.weight)
    self.weight.data.mul_(2)
    nn.init.zeros_(self.bias)


def written_to(make):
    layer = make()
    nn.init.ones_(layer.parametrizations.weight.original1)
    return layer


@pytest.mark.parametrize("make", [OTHERS["of the caller's own"], OTHERS["orthogonal"], OTHERS["a norm of another"]])
def test_other_parametrizations_are_refused_by_name(make):
    layer = on_meta(make)
    with pytest.raises(UncertainInitialization, match=r"parametrizations\.weight\.original"):
        init_(layer, seed=0)
    assert all(tensor.is_meta for tensor in layer.parameters())


def test_a_norm_whose_tensors_were_written_to_is_refused():
    layer = on_meta(lambda: written_to(LAYERS["linear, weight norm"]))
    with pytest.raises(UncertainInitialization, match=r"parametrizations\.weight\.original"):
        init_(layer, seed=0)


def test_a_layer_of_the_callers_own_is_drawn_by_its_own_method():
    layer = on_meta(OTHERS["a layer of the caller's own"])
    init_(layer, seed=0)
    with deferred():
        recorded = OTHERS["a layer of the caller's own"]()
    init_(recorded, seed=0)
    assert torch.equal(layer.weight, recorded.weight)


def test_wav2vec2_has_no_nan():
    transformers = pytest.importorskip("transformers")
    config = transformers.Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, conv_dim=(8,), conv_kernel=(3,),
        conv_stride=(2,), num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    with torch.device("meta"):
        model = transformers.Wav2Vec2Model(config)
    report = fastinit.torch.init_(model, seed=0)
    assert not any(tensor.isnan().any() for tensor in model.parameters())
    assert audit(model, report).ok
    assert "Uniform" in report.filled["encoder.pos_conv_embed.conv.parametrizations.weight.original1"]

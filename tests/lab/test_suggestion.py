"""`lab.suggest`: what it says of networks whose right initialization is known."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")

from torch import nn  # noqa: E402

import fastinit.torch  # noqa: E402
from fastinit import lab  # noqa: E402
from fastinit.initializers import DepthScaled, HeNormal, LecunNormal, LSTMBias, Normal, Ones, Parts, Zeros  # noqa: E402
from fastinit.recipes import dumps  # noqa: E402
from tests.lab.networks import Recurrent, cnn, mlp, normal_batch, transformer  # noqa: E402


def given(recipe):
    return {rule.pattern: rule.initializer for rule in recipe}


def test_a_relu_network_gets_he_after_its_first_layer():
    recipe = lab.suggest(mlp(5, 16), normal_batch(4, 16))
    initializers = [recipe.plan({f"{2 * i}.weight": (16, 16) for i in range(5)}, layout="oi").distributions]
    assert given(recipe)["2.weight"] == given(recipe)["4.weight"] == HeNormal()
    assert initializers and given(recipe)["8.weight"] == Normal(std=0.01)


def test_each_rule_has_a_reason():
    recipe = lab.suggest(cnn(), normal_batch(4, 1, 8, 8))
    assert len(recipe.reasons) == len(recipe.rules) and all(recipe.reasons)
    assert "relu keeps 0.5 of the second moment" in str(recipe)


def test_a_suggestion_cures_what_inspect_finds():
    model, batch = mlp(50, 128), normal_batch(32, 128)
    assert not lab.inspect(model, batch, spectra=False).ok  # torch's default halves the signal in each layer, and more
    fastinit.torch.init_(model, lab.suggest(model, batch), seed=0, overwrite=True)
    assert lab.inspect(model, batch, spectra=False).ok


def test_a_selu_network_gets_lecun():
    assert given(lab.suggest(mlp(4, 16, nn.SELU), normal_batch(4, 16)))["2.weight"] == LecunNormal()


def test_branches_of_a_pre_norm_transformer_end_narrow():
    recipe = given(lab.suggest(transformer(3, 16, "pre"), normal_batch(2, 4, 16)))
    assert isinstance(recipe["*.mlp.2.weight"], DepthScaled) and recipe["*.mlp.2.weight"].depth == 6
    assert isinstance(recipe["*.attention.out_proj.weight"], DepthScaled)
    assert isinstance(recipe["*.attention.in_proj_weight"], Parts)
    assert recipe["*.norm1.weight"] == Ones() and recipe["*.norm1.bias"] == Zeros()


def test_an_lstm_gets_orthogonal_gates_and_remembers():
    recipe = given(lab.suggest(Recurrent(), torch.arange(20).reshape(4, 5)))
    assert [type(part).__name__ for _, part in recipe["recurrent.weight_hh_l0"].parts] == ["Orthogonal"] * 4
    assert recipe["recurrent.bias_ih_l0"] == LSTMBias() and recipe["recurrent.bias_hh_l0"] == Zeros()


def test_what_is_frozen_stays():
    model = mlp(3, 8)
    model[2].weight.requires_grad_(False)
    assert lab.suggest(model, normal_batch(4, 8)).skip == ("2.weight",)


@pytest.mark.parametrize("make", [cnn, lambda: mlp(4, 16)])
def test_a_suggestion_serves_as_any_recipe_does(make):
    model = make()
    shape = (4, 1, 8, 8) if isinstance(model[0], nn.Conv2d) else (4, 16)
    recipe = lab.suggest(model, normal_batch(*shape))
    assert "he_normal" in dumps(recipe)
    fastinit.torch.init_(model, recipe, seed=1)
    assert torch.isfinite(model(normal_batch(*shape))).all()


def test_a_lazy_model_is_refused():
    with pytest.raises(ValueError, match="model has lazy parts"):
        lab.suggest(nn.Sequential(nn.LazyLinear(4)), normal_batch(2, 3))

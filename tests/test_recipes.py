"""Recipes give every tensor its law: the first match wins, and nothing is left over unnoticed."""

import pytest

from fastinit import recipes
from fastinit.laws import Constant, Normal
from fastinit.recipes import Recipe, Rule

SHAPES = {"layer.0.weight": (4, 8), "layer.0.bias": (8,)}


def test_the_first_matching_rule_decides():
    recipe = Recipe([("*.weight", "normal", {"std": 0.5}), ("layer.*", "zeros")])
    assert recipe.laws(SHAPES) == {"layer.0.weight": Normal(0.0, 0.5), "layer.0.bias": Constant(0.0)}


def test_a_rule_with_ndim_looks_at_tensors_of_so_many_axes_only():
    recipe = Recipe([Rule("*", "ones", ndim=1), Rule("*", "zeros")])
    assert recipe.laws(SHAPES) == {"layer.0.weight": Constant(0.0), "layer.0.bias": Constant(1.0)}


def test_the_layout_of_a_rule_reaches_the_law():
    recipe = Recipe([("*.weight", "he_normal", {"layout": "oi"})], allow_unmatched=True)
    assert recipe.laws(SHAPES)["layer.0.weight"] == Normal(0.0, (2 / 8) ** 0.5)


@pytest.mark.parametrize(
    ("name", "shape", "law"),
    [
        ("h.0.attn.bias", (8,), Constant(0.0)),
        ("h.0.ln_1.weight", (8,), Constant(1.0)),
        ("bn1.running_mean", (8,), Constant(0.0)),
        ("bn1.running_var", (8,), Constant(1.0)),
        ("bn1.num_batches_tracked", (), Constant(0.0)),
        ("logit_scale", (), Constant(1.0)),
        ("wte.weight", (100, 8), Normal(0.0, 0.02)),
    ],
)
def test_the_generic_recipe_follows_name_and_number_of_axes(name, shape, law):
    assert recipes.generic().laws({name: shape}) == {name: law}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([("*.bias", "zeros")], "no rule matches tensor 'layer.0.weight' of shape (4, 8)"),
        (
            [("*", "zeros"), ("*.gamma", "ones")],
            "no tensor is left for the rules '*.gamma': earlier ones match, or no name does",
        ),
        ([("*", "he_norm")], "rule '*': unknown initializer 'he_norm': did you mean 'he_normal'? known: "),
        ([("*", "normal", {"std": -1.0})], "rule '*': std must not be negative, got -1.0"),
        (
            [("*.weight", "zeros"), ("*", "he_normal")],
            "rule '*' for tensor 'layer.0.bias': shape (8,) has no fan_in: he_normal needs at least 2 axes",
        ),
    ],
)
def test_a_recipe_that_does_not_fit_is_an_error_that_says_where(rules, message):
    with pytest.raises(ValueError) as raised:
        Recipe(rules).laws(SHAPES)
    assert str(raised.value).startswith(message)

"""Rules give every tensor its law: the first match wins, and nothing is left over unnoticed."""

import pytest

from fastinit.laws import Constant, Normal
from fastinit.recipes import GENERIC_RULES, Rule, TensorSpec, laws

WEIGHT = TensorSpec("layer.0.weight", (4, 8))
BIAS = TensorSpec("layer.0.bias", (8,))


def test_the_first_matching_rule_decides():
    rules = [Rule("*.weight", "normal", {"std": 0.5}), Rule("layer.*", "zeros")]
    assert laws([WEIGHT, BIAS], rules) == {"layer.0.weight": Normal(0.0, 0.5), "layer.0.bias": Constant(0.0)}


def test_a_rule_with_ndim_looks_at_tensors_of_so_many_axes_only():
    rules = [Rule("*", "ones", ndim=1), Rule("*", "zeros")]
    assert laws([WEIGHT, BIAS], rules) == {"layer.0.weight": Constant(0.0), "layer.0.bias": Constant(1.0)}


def test_the_options_of_a_rule_reach_the_law():
    rules = [Rule("*", "variance_scaling", {"scale": 2.0, "mode": "fan_out", "distribution": "normal", "layout": "oi"})]
    assert laws([WEIGHT], rules) == {"layer.0.weight": Normal(0.0, (2 / 4) ** 0.5)}


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
def test_the_generic_rules_follow_name_and_number_of_axes(name, shape, law):
    tensor = TensorSpec(name, shape)
    assert laws([tensor], GENERIC_RULES, may_be_unused=GENERIC_RULES) == {name: law}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([Rule("*.bias", "zeros")], "no rule matches tensor 'layer.0.weight' of shape (4, 8)"),
        (
            [Rule("*", "zeros"), Rule("*.gamma", "ones")],
            "no tensor is left for the rules '*.gamma': earlier ones match, or no name does",
        ),
        ([Rule("*", "he_norm")], "unknown initializer 'he_norm': known: "),
        (
            [Rule("*", "normal", {"std": -1.0})],
            "rule '*' for tensor 'layer.0.weight': std must not be negative, got -1.0",
        ),
        ([Rule("*", "normal", {"sigma": 1.0})], "rule '*' for tensor 'layer.0.weight': "),
        (
            [Rule("*.weight", "zeros"), Rule("*", "he_normal")],
            "rule '*' for tensor 'layer.0.bias': shape (8,) has no fan_in: he_normal needs at least 2 axes",
        ),
    ],
)
def test_a_recipe_that_does_not_fit_is_an_error_that_says_where(rules, message):
    with pytest.raises(ValueError) as raised:
        laws([WEIGHT, BIAS], rules)
    assert str(raised.value).startswith(message)

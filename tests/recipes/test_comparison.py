"""What two initializations have in common: models tensor by tensor, recipes pattern by pattern, and one with the other."""

import pytest

from fastinit.recipes import Recipe, TensorSpec
from fastinit.recipes.comparison import Side, compared

WIDE, NARROW = ("*.weight", "normal", {"std": 0.02}), ("*.weight", "normal", {"std": 0.01})
BIAS = ("*.bias", "zeros")


def model(recipe, **shapes):
    names = {name.replace("_", "."): shape for name, shape in shapes.items()}
    return Side(recipe.plan([TensorSpec(name, shape) for name, shape in names.items()], layout="oi"))


def found(left, right):
    return [(d.pattern, len(d.names), d.left, d.right) for d in compared(left, right).differences]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Side(recipe=Recipe([WIDE, BIAS])), Side(recipe=Recipe([BIAS, WIDE]))),
        (model(Recipe([WIDE]), a_weight=(3, 4)), model(Recipe([("a.*", "normal", {"std": 0.02})]), a_weight=(3, 4))),
        (model(Recipe([WIDE]), a_weight=(3, 4)), Side(recipe=Recipe([WIDE]))),
    ],
)
def test_the_same_distributions_are_no_difference_whatever_the_rules(left, right):
    assert found(left, right) == found(right, left) == []


def test_names_of_one_model_and_other_distributions_are_differences():
    left = model(Recipe([WIDE]), a_weight=(3, 4), b_weight=(3, 4))
    right = model(Recipe([NARROW, BIAS]), a_weight=(3, 4), a_bias=(3,))
    assert found(left, right) == [
        ("a.weight", 1, "Normal(mean=0.0, std=0.02)", "Normal(mean=0.0, std=0.01)"),
        ("b.weight", 1, "Normal(mean=0.0, std=0.02)", None),
        ("a.bias", 1, None, "Constant(value=0.0)"),
    ]
    assert compared(left, right).total == 3


def test_layers_that_differ_alike_are_one_row():
    names = {f"h_{i}_weight": (3, 4) for i in range(12)}
    assert [
        (pattern, n) for pattern, n, _, _ in found(model(Recipe([WIDE]), **names), model(Recipe([NARROW]), **names))
    ] == [("h.*.weight", 12)]


def test_another_shape_is_a_difference():
    ones = Recipe([("*", "ones")])
    assert found(model(ones, w=(3,)), model(ones, w=(4,))) == [
        ("w", 1, "Constant(value=1.0) of shape (3,)", "Constant(value=1.0) of shape (4,)")
    ]


def test_ties_and_skips_are_compared():
    left = Recipe([("*", "ones")], tied={"head": "embed"})
    right = Recipe([("*", "ones")], skip=["embed"])
    shapes = {"embed": (3, 4), "head": (3, 4)}
    assert found(model(left, **shapes), model(right, **shapes)) == [
        ("embed", 1, "Constant(value=1.0)", "skipped"),
        ("head", 1, "tied to embed", "Constant(value=1.0)"),
    ]


def test_a_recipe_is_applied_to_the_tensors_of_a_model():
    left = model(Recipe([("*", "he_normal")]), a_weight=(3, 8), b=(2, 8))
    right = Side(recipe=Recipe([("*.weight", "he_normal"), ("c", "ones"), ("d", "ones", {"optional": True})]))
    assert found(left, right) == [("b", 1, "Normal(mean=0.0, std=0.5)", None), ("c", 1, None, "Ones()")]


def test_a_pattern_is_compared_with_the_narrower_ones_of_the_other_recipe():
    left = Side(recipe=Recipe([WIDE]))
    right = Side(recipe=Recipe([("0.weight", "normal", {"std": 0.02}), ("1.weight", "normal", {"std": 0.5})]))
    assert found(left, right) == [("1.weight", 1, "Normal(std=0.02)", "Normal(std=0.5)")]


def test_what_a_file_says_is_computed_is_compared_by_its_words():
    left, right = (Side(recipe=Recipe([]), computed={"freq": f"computed by {step}"}) for step in ("arange", "linspace"))
    assert found(left, left) == []
    assert found(left, right) == [("freq", 1, "computed by arange", "computed by linspace")]

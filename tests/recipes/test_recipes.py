"""Recipes give every tensor its distribution and its values: the first match wins, and nothing is left over unnoticed."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.random import SeedSequence

import fastinit
from fastinit import HeNormal, Layout, recipes
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.distributions import Constant, Normal
from fastinit.initializers import Parts, Stacked, XavierUniform
from fastinit.recipes import PlanError, PlannedTensor, Recipe, Rule, TensorSpec

SHAPES = {"layer.0.weight": (4, 8), "layer.0.bias": (8,)}
MODEL = {"embed.weight": (50, 8), "layer.0.weight": (8, 8), "layer.0.bias": (8,), "head.weight": (50, 8)}
RECIPE = Recipe([("*.bias", "uniform"), ("*", "normal", {"std": 0.5})])


def same(arrays, others):
    return arrays.keys() == others.keys() and all(np.array_equal(arrays[name], others[name]) for name in arrays)


# ---- rules ----


def test_the_first_matching_rule_decides():
    recipe = Recipe([("*.weight", "normal", {"std": 0.5}), ("layer.*", "zeros")])
    assert recipe.plan(SHAPES).distributions == {"layer.0.weight": Normal(0.0, 0.5), "layer.0.bias": Constant(0.0)}


def test_a_rule_with_ndim_looks_at_tensors_of_so_many_axes_only():
    recipe = Recipe([Rule("*", "ones", ndim=1), Rule("*", "zeros")])
    assert recipe.plan(SHAPES).distributions == {"layer.0.weight": Constant(0.0), "layer.0.bias": Constant(1.0)}


@pytest.mark.parametrize("layout", ["oi", Layout("oi"), {"letters": "oi"}])
def test_the_layout_of_a_rule_reaches_the_distribution(layout):
    recipe = Recipe([("*.weight", "he_normal", {"layout": layout})], allow_unmatched=True)
    assert recipe.plan(SHAPES).distributions["layer.0.weight"] == Normal(0.0, (2 / 8) ** 0.5)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*.weight", "layer.0.weight", True),
        ("*.weight", "layer.0.weight_g", False),  # the whole name
        ("weight", "layer.0.weight", False),
        ("layer.?.weight", "layer.10.weight", False),
        ("*.w[23].weight", "h.w2.weight", True),
        ("*.w[23].weight", "h.w1.weight", False),
        ("*.Weight", "layer.weight", False),  # case counts, on every system
    ],
)
def test_patterns_are_globs_of_whole_names(pattern, name, matches):
    planned = Recipe([(pattern, "ones")], allow_unmatched=True, allow_unused=True).plan({name: (2,)})[name]
    assert (planned.action == "draw") == matches


@pytest.mark.parametrize(
    "initializer",
    [HeNormal(), HeNormal, fastinit.he_normal, "kaiming_normal_", {"class_name": "HeNormal", "config": {}}],
    ids=["value", "class", "function", "name", "config"],
)
def test_a_rule_takes_whatever_names_an_initializer(initializer):
    assert Rule("*", initializer) == Rule("*", HeNormal())


@pytest.mark.parametrize("distribution", [Normal(1.0, 0.5), Constant(3.0), fastinit.orthogonal.distribution_for((4, 4))])
def test_a_rule_may_hold_a_distribution(distribution):
    assert Recipe([("*", distribution)]).plan({"w": (4, 4)}).distributions == {"w": distribution}


def test_recipes_are_values():
    again = Recipe(tuple(RECIPE.rules), skip=[], tied={})
    assert again == RECIPE and hash(again) == hash(RECIPE)
    assert Recipe(RECIPE.rules, tied={"a": "b"}) != RECIPE


def test_own_rules_go_before_those_of_a_ready_recipe():
    recipe = Recipe([("wte.weight", "zeros"), *recipes.gpt2(depth=2)])
    assert recipe.plan({"wte.weight": (5, 4), "wpe.weight": (5, 4)}).distributions == {
        "wte.weight": Constant(0.0),
        "wpe.weight": Normal(0.0, 0.02),
    }


@pytest.mark.parametrize("shapes", [SHAPES, {name: np.zeros(shape) for name, shape in SHAPES.items()},
                                    [TensorSpec(name, shape) for name, shape in SHAPES.items()]],
                         ids=["shapes", "arrays", "specs"])  # fmt: skip
def test_the_tensors_may_be_given_as_shapes_as_arrays_or_as_specs(shapes):
    assert Recipe([("*", "ones")]).plan(shapes).distributions == dict.fromkeys(SHAPES, Constant(1.0))


# ---- what is left over ----


def test_a_tensor_without_a_rule_is_left_alone_where_that_is_allowed():
    recipe = Recipe([("*.bias", "zeros")], allow_unmatched=True)
    assert recipe.plan(SHAPES).distributions == {"layer.0.bias": Constant(0.0)}
    assert list(recipe.materialize(SHAPES)) == ["layer.0.bias"]


def test_a_rule_or_a_skip_without_a_tensor_is_passed_over_where_that_is_allowed():
    rules = [("*.gamma", "ones"), ("*", "zeros")]
    plan = Recipe(rules, skip=["*.beta"], allow_unused=True).plan(SHAPES)
    assert plan.distributions == dict.fromkeys(SHAPES, Constant(0.0))


def test_an_optional_rule_may_be_left_without_a_tensor():
    assert Recipe([Rule("*.gamma", "ones", optional=True), ("*", "zeros")]).plan(SHAPES).distributions


def test_an_empty_model_needs_no_rule():
    assert Recipe([]).materialize({}) == {}


# ---- plans ----


ACTIONS = {
    "drawn": PlannedTensor(TensorSpec("drawn", (4,), "float16"), "draw", Normal(0.0, 1.0)),
    "counted": PlannedTensor(TensorSpec("counted", (2,), "int64"), "compute", Constant(1.0), value=1),
    "tied": PlannedTensor(TensorSpec("tied", (4,)), "tie", source="drawn"),
    "loaded": PlannedTensor(TensorSpec("loaded", (3,)), "keep"),
    "skipped": PlannedTensor(TensorSpec("skipped", (3,)), "skip"),
    "left out": PlannedTensor(TensorSpec("left out", (3,)), "skip"),
    "unmatched": PlannedTensor(TensorSpec("unmatched", (3,)), "skip"),
}


def test_a_plan_says_of_every_tensor_what_is_done_with_it():
    rules = [("drawn", fastinit.Normal()), ("counted", "ones"), ("loaded", "zeros")]
    recipe = Recipe(rules, skip=["skipped"], tied={"tied": "drawn", "absent": "drawn"}, allow_unmatched=True)
    plan = recipe.plan([tensor.spec for tensor in ACTIONS.values()], skip=["left*"], loaded=["loaded"])
    assert list(plan) == list(ACTIONS.values()) and plan["tied"] == ACTIONS["tied"]
    assert len(plan) == 7 and "drawn" in plan and "absent" not in plan
    assert plan.distributions == {"drawn": Normal(0.0, 1.0), "counted": Constant(1.0)} and plan.ties == {"tied": "drawn"}
    assert [tensor.stream_name for tensor in plan][:3] == ["drawn", "counted", "drawn"]


def test_a_printed_plan_is_a_table():
    recipe = Recipe([("*", "normal")], skip=["b"], tied={"c": "a"})
    assert str(recipe.plan({"a": (3, 4), "b": (2,), "c": (3, 4), "n": ()})).splitlines() == [
        "tensor  shape   action  values",
        "a       (3, 4)  draw    Normal(std=1.0)",
        "b       (2,)    skip",
        "c       (3, 4)  tie     a",
        "n       ()      draw    Normal(std=1.0)",
        "4 tensors: 2 draw, 1 skip, 1 tie",
    ]


def test_layers_of_a_printed_plan_are_one_line():
    recipe = Recipe([("*", "normal")], tied={f"h.{i}.out": f"h.{i}.in" for i in range(3)})
    assert str(recipe.plan({f"h.{i}.{part}": (3, 4) for i in range(3) for part in ("in", "out")})).splitlines() == [
        "tensor       shape       action  values",
        "h.{0-2}.in   3 x (3, 4)  draw    Normal(std=1.0)",
        "h.{0-2}.out  3 x (3, 4)  tie     h.{0-2}.in",
        "6 tensors: 3 draw, 3 tie",
    ]


def test_a_printed_recipe_is_a_table_of_its_rules():
    recipe = Recipe([("*.b", "zeros"), ("*", "he_normal", {"layout": "oi", "ndim": 2})], skip=["a.*"], tied={"c": "d"})
    assert str(recipe).splitlines() == [
        "*.b  Zeros()",
        "*    HeNormal(), layout=oi, of 2 axes",
        "a.*  skipped",
        "c    tied to d",
    ]
    assert str(Recipe([])) == "no rules"


@pytest.mark.parametrize("excluded", [{"skip": ["b"]}, {"loaded": ["b"]}, {"loaded": {"b": np.ones(3)}}], ids=repr)
def test_what_a_call_excludes_needs_no_rule_that_fits(excluded):
    shapes = {"a.w": (2, 2), "b": (3,)}
    assert Recipe([("*", "he_normal", {"layout": "oi"})]).plan(shapes, **excluded).distributions.keys() == {"a.w"}
    assert Recipe([("a.*", "zeros")]).plan(shapes, **excluded)["a.w"].action == "draw"
    assert Recipe([("a.*", "zeros"), ("b", "zeros")]).plan(shapes, **excluded)  # and a rule for it is not unused


def test_what_a_recipe_excludes_needs_no_rule_that_fits():
    recipe = Recipe([("*", "he_normal", {"layout": "oi"})], skip=["b"], tied={"c": "a"})
    assert recipe.plan({"a": (2, 2), "b": (3,), "c": (2, 2)}).distributions.keys() == {"a"}


def test_all_that_is_wrong_is_said_at_once():
    recipe = Recipe([("*.w", "he_normal"), ("n", "normal"), ("x", "ones")], skip=["y"], tied={"t": "a.w"})
    shapes = {"a.w": (3,), "n": np.zeros(2, int), "t": (4,), "u": (5,), "v": (6,)}
    with pytest.raises(PlanError) as raised:
        recipe.plan(shapes, skip=["z"], loaded={"q": np.ones(1), "v": np.ones(2)})
    assert (
        str(raised.value).splitlines()
        == list(raised.value.complaints)
        == [
            "skip has 'z', which matches no tensor",
            "skip has 'y', which matches no tensor",
            "loaded has 'q', which is no tensor of the model",
            "loaded has 'v' of shape (2,), but the model's is (6,)",
            "tied has 't' of shape (4,) tied to 'a.w' of (3,)",
            "no tensor is left for the rules 'x': earlier ones match, or no name does",
            "no rule matches tensor 'u' of shape (5,)",
            "rule '*.w' for tensor 'a.w': shape (3,) has no fan_in: he_normal needs at least 2 axes; for a bias use zeros",
            "tensor 'n' has dtype int64, for which no values are drawn: leave it out with `skip`, "
            "or give it a rule with zeros, ones or constant",
        ]
    )


def test_tensors_without_a_rule_are_all_listed():
    with pytest.raises(PlanError) as raised:
        Recipe([]).plan(SHAPES)
    assert raised.value.complaints == (
        "no rule matches tensor 'layer.0.weight' of shape (4, 8), nor 'layer.0.bias' of shape (8,)",
    )


def test_an_integer_that_the_dtype_cannot_hold_is_refused():
    with pytest.raises(PlanError, match="tensor 'n' has dtype uint8, which cannot hold 300"):
        Recipe([("*", fastinit.initializers.Constant(300))]).plan({"n": np.zeros(2, np.uint8)})


def test_integers_are_tied_to_integers_only():
    with pytest.raises(PlanError, match="tied has 'n' of dtype int64 tied to 'w' of None"):
        Recipe([("*", "zeros")], tied={"n": "w"}).plan([TensorSpec("w", (2,)), TensorSpec("n", (2,), "int64")])


# ---- values ----


def test_a_value_depends_on_the_seed_the_name_and_the_distribution_alone():
    arrays = RECIPE.materialize(MODEL, seed=3)
    assert list(arrays) == list(MODEL)
    for name, shape in MODEL.items():
        alone = fastinit.uniform if name.endswith("bias") else fastinit.Normal(0.0, 0.5)
        assert np.array_equal(arrays[name], alone(shape, seed=3, name=name))


@pytest.mark.parametrize(
    "changed",
    [dict(reversed(MODEL.items())), {"layer.1.weight": (8, 8), **MODEL}, {**MODEL, "layer.0.bias": (3,)}],
    ids=["in another order", "with a tensor more", "with another shape"],
)
def test_nothing_else_in_the_model_changes_a_tensor(changed):
    before, after = RECIPE.materialize(MODEL, seed=3), RECIPE.materialize(changed, seed=3)
    unchanged = [name for name in MODEL if changed[name] == MODEL[name]]
    assert all(np.array_equal(before[name], after[name]) for name in unchanged)


def test_a_rule_for_one_tensor_changes_no_other():
    before, after = (Recipe([*own, *RECIPE]).materialize(MODEL, seed=3) for own in ((), (("head.*", "zeros"),)))
    assert not after["head.weight"].any()
    assert same({**before, "head.weight": 0}, {**after, "head.weight": 0})


def test_tensors_of_one_shape_have_values_of_their_own():
    arrays = RECIPE.materialize(MODEL, seed=3)
    correlation = np.corrcoef(arrays["embed.weight"].ravel(), arrays["head.weight"].ravel())[0, 1]
    assert abs(correlation) < 5 / 20  # 5 standard errors of 400 values


def test_every_dtype_is_the_float32_rounded_once(dtype):
    arrays = RECIPE.materialize(MODEL, seed=3, dtype=dtype)
    assert all(array.dtype == ELEMENT_TYPES[dtype].dtype for array in arrays.values())
    if dtype != "float64":
        singles = RECIPE.materialize(MODEL, seed=3)
        assert same(arrays, {name: array.astype(ELEMENT_TYPES[dtype].dtype) for name, array in singles.items()})


def test_the_dtype_asked_for_is_that_of_all_floating_point_tensors():
    shapes = {"w": np.zeros((2, 3)), "half": np.zeros(2, np.float16)}
    assert {array.dtype for array in Recipe([("*", "normal")]).materialize(shapes, dtype="float32").values()} == {
        np.dtype("float32")
    }


def test_a_seed_sequence_is_a_seed_and_none_is_fresh_entropy():
    assert same(RECIPE.materialize(MODEL, seed=3), RECIPE.materialize(MODEL, seed=SeedSequence(3)))
    assert not same(RECIPE.materialize(MODEL, seed=None), RECIPE.materialize(MODEL, seed=None))


# ---- integers ----


def test_tensors_of_integers_keep_their_dtype_and_take_constants():
    counter = TensorSpec("num_batches_tracked", (), "int64")
    made = Recipe([("*", "zeros")]).materialize([counter, TensorSpec("w", (2,))], dtype="bfloat16")
    assert made["num_batches_tracked"].dtype == np.int64 and made["w"].dtype == ELEMENT_TYPES["bfloat16"].dtype


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "complex64"])
@pytest.mark.parametrize("initializer", ["normal", fastinit.initializers.Constant(0.5)], ids=repr)
def test_nothing_is_drawn_for_tensors_of_integers(dtype, initializer):
    with pytest.raises(ValueError, match=f"tensor 'n' has dtype {dtype}, for which no values are drawn"):
        Recipe([("*", initializer)]).materialize([TensorSpec("n", (3,), dtype)])


# ---- skip and loaded ----


def test_skipped_tensors_are_left_out_and_the_others_unchanged():
    whole, rest = RECIPE.materialize(MODEL, seed=3), RECIPE.materialize(MODEL, seed=3, skip=["layer.*", "head.weight"])
    assert same(rest, {"embed.weight": whole["embed.weight"]})


def test_loaded_arrays_are_returned_as_they_are_and_only_the_missing_made():
    loaded = {"layer.0.weight": np.ones((8, 8), np.float64)}
    arrays = RECIPE.materialize(MODEL, seed=3, loaded=loaded)
    assert arrays["layer.0.weight"] is loaded["layer.0.weight"] and list(arrays) == list(MODEL)
    assert same(arrays, {**RECIPE.materialize(MODEL, seed=3), **loaded})


def test_tensors_that_the_recipe_skips_are_left_out():
    recipe = Recipe(RECIPE.rules, skip=["embed.*"])
    assert recipe.plan(MODEL)["embed.weight"].action == "skip"
    assert "embed.weight" not in recipe.materialize(MODEL)


def test_tensors_that_the_recipe_skips_are_returned_where_they_are_loaded():
    embedding = np.ones((50, 8))
    recipe = Recipe(RECIPE.rules, skip=["embed.*"])
    assert recipe.materialize(MODEL, loaded={"embed.weight": embedding})["embed.weight"] is embedding


def test_tensors_that_the_recipe_skips_need_no_rule():
    assert Recipe([("*.bias", "zeros")], skip=["*.weight"]).plan(SHAPES)["layer.0.weight"].action == "skip"


# ---- tied tensors ----

TIED = Recipe(RECIPE.rules, tied={"head.weight": "embed.weight"})


def test_tied_tensors_are_one_array_that_is_drawn_once():
    assert TIED.plan(MODEL)["head.weight"].source == "embed.weight"
    arrays = TIED.materialize(MODEL, seed=3)
    assert arrays["head.weight"] is arrays["embed.weight"]
    assert np.array_equal(arrays["embed.weight"], RECIPE.materialize(MODEL, seed=3)["embed.weight"])


def test_a_tie_whose_alias_is_not_there_means_nothing():
    without = {name: shape for name, shape in MODEL.items() if name != "head.weight"}
    assert same(TIED.materialize(without, seed=3), RECIPE.materialize(without, seed=3))


@pytest.mark.parametrize("name", ["embed.weight", "head.weight"])
def test_a_tied_tensor_loaded_under_either_name_is_the_one_array(name):
    loaded = np.ones((50, 8), np.float32)
    arrays = TIED.materialize(MODEL, loaded={name: loaded})
    assert arrays["embed.weight"] is arrays["head.weight"] is loaded


def test_what_is_tied_to_a_skipped_tensor_is_skipped_as_well():
    assert list(TIED.materialize(MODEL, skip=["embed.*"])) == ["layer.0.weight", "layer.0.bias"]


@pytest.mark.parametrize(
    ("tied", "message"),
    [
        ({"head.weight": "embed"}, "tied has 'head.weight' tied to 'embed', which is not in the model or is itself tied"),
        (
            {"head.weight": "embed.weight", "embed.weight": "layer.0.weight"},
            "tied has 'head.weight' tied to 'embed.weight', which is not in the model or is itself tied",
        ),
        (
            {"head.weight": "layer.0.weight"},
            "tied has 'head.weight' of shape (50, 8) tied to 'layer.0.weight' of (8, 8)",
        ),
    ],
    ids=["a name that is none", "a chain", "other shapes"],
)
def test_a_tie_that_cannot_be_is_an_error(tied, message):
    with pytest.raises(ValueError) as raised:
        Recipe(RECIPE.rules, tied=tied).plan(MODEL)
    assert raised.value.complaints[0] == message


# ---- fused and stacked weights ----


def test_each_part_of_a_fused_weight_has_the_fans_of_its_own():
    xavier = XavierUniform(convention="torch")
    fused = Recipe([("*.qkv.weight", Parts(0, ((1 / 3, xavier),) * 3))]).materialize({"h.qkv.weight": (900, 300)}, seed=0)
    bound = (6 / (300 + 300)) ** 0.5  # of the whole it would be sqrt(6 / 1200)
    assert all(0.99 * bound < abs(part).max() <= bound for part in np.split(fused["h.qkv.weight"], 3))


def test_grouped_query_attention_may_be_fused_by_lengths():
    parts = Parts(0, ((64, "orthogonal"), (16, "orthogonal"), (16, "zeros")))
    fused = Recipe([Rule("qkv", parts, layout="oi")])
    q, k, v = np.split(fused.materialize({"qkv": (96, 64)}, seed=0, dtype="float64")["qkv"], [64, 80])
    np.testing.assert_allclose(q @ q.T, np.eye(64), atol=1e-12)
    np.testing.assert_allclose(k @ k.T, np.eye(16), atol=1e-12)
    assert not v.any()


def test_stacked_experts_have_the_distribution_of_one_and_values_of_their_own():
    recipe = Recipe([Rule("*.experts", Stacked("he_normal"), layout="eio")])
    fewer, more = (recipe.materialize({"moe.experts": (n, 500, 400)}, seed=0)["moe.experts"] for n in (2, 4))
    assert np.array_equal(more[:2], fewer) and not np.array_equal(more[2], more[3])
    assert more.std() == pytest.approx((2 / 500) ** 0.5, rel=0.005)  # 800 000 values: 6 standard errors


def test_experts_in_one_tensor_have_fans_without_their_number():
    recipe = Recipe([Rule("*.experts", "he_normal", layout="eio")])
    assert recipe.plan({"moe.experts": (4, 500, 400)}).distributions == {"moe.experts": Normal(0.0, (2 / 500) ** 0.5)}


# ---- layouts ----


@pytest.mark.parametrize(
    ("rule", "fan_in"),
    [
        (Rule("w", "he_normal"), 10),
        (Rule("w", "he_normal", layout="io"), 1000),
        (Rule("w", HeNormal(convention="torch")), 10),
        (Rule("w", HeNormal(convention="jax")), 1000),
    ],
    ids=["what the plan says", "the rule's own", "torch's convention", "jax's convention"],
)
def test_a_layout_is_the_rules_or_the_conventions_or_else_what_the_plan_says(rule, fan_in):
    distribution = rule.distribution_for(TensorSpec("w", (1000, 10)), "oi")
    assert distribution == rule.initializer.distribution_for((1000, 10), layout=Layout(fan=fan_in))


def test_a_tensor_of_another_layout_says_so_itself():
    specs = [TensorSpec("linear", (1000, 10)), TensorSpec("transposed", (1000, 10), layout="io")]
    plan = Recipe([("*", "he_normal")]).plan(specs, layout="oi")
    assert [tensor.distribution for tensor in plan] == [Normal(0.0, 0.2**0.5), Normal(0.0, 0.002**0.5)]


def test_materialize_takes_the_layout_that_plan_takes():
    values = Recipe([("*", "he_normal")]).materialize({"w": (1000, 10)}, layout="oi")["w"]
    assert np.array_equal(values, fastinit.he_normal((1000, 10), seed=0, name="w", layout="oi"))


@pytest.mark.parametrize("call", [Recipe.plan, Recipe.materialize])
def test_a_layout_that_is_none_is_refused(call):
    with pytest.raises(ValueError, match=r"^layout must be one of 'io', 'oi', .* got 'torch'"):
        call(Recipe([("*", "zeros")]), {"w": 3}, layout="torch")


# ---- errors ----


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
        Recipe(rules).plan(SHAPES)
    assert str(raised.value).startswith(message)


ANY = [("*", "zeros")]
A_RULE = "a rule must be (pattern, initializer), (pattern, name, parameters) or a Rule, got"
ERRORS = [
    (lambda: Recipe("abc"), TypeError, "rules must be a list of rules, in the order in which they are tried, got 'abc'"),
    (lambda: Recipe({"*": "zeros"}), TypeError, "rules must be a list of rules, in the order in which they are tried"),
    (lambda: Recipe(None), TypeError, "rules must be a list of rules, in the order in which they are tried, got None"),
    (lambda: Recipe([("*",)]), TypeError, f"{A_RULE} ('*',)"),
    (lambda: Recipe([("*", "zeros", 3)]), TypeError, f"{A_RULE} ('*', 'zeros', 3)"),
    (lambda: Recipe([(3, "zeros")]), TypeError, "pattern must be a string as '*.bias', got 3"),
    (lambda: Recipe([("*", 3)]), TypeError, "rule '*': identifier must be a name, an initializer, its class, function or"),
    (lambda: Recipe([("*", "zeros", {"std": 1})]), TypeError, "rule '*': zeros has no parameter 'std': it takes none"),
    (lambda: Rule("*", "zeros", ndim=-1), ValueError, "rule '*': ndim must be an int of at least 0, got -1"),
    (lambda: Rule("*", "zeros", layout="q"), ValueError, "rule '*': layout must be one of 'io', 'oi', 'embedding', or"),
    (lambda: Rule("*", "zeros", optional="no"), TypeError, "rule '*': optional must be True or False, got 'no'"),
    (lambda: Recipe(ANY, skip="w"), TypeError, "skip must be a collection of patterns, got 'w'"),
    (lambda: Recipe(ANY, skip=[3]), TypeError, "skip must have strings as '*.bias', got 3 among them"),
    (lambda: Recipe(ANY, tied=[("a",)]), TypeError, "tied must be a mapping from names to names, got [('a',)]"),
    (lambda: Recipe(ANY, tied={"a": 3}), TypeError, "tied must be a mapping from names to names, got {'a': 3}"),
    (lambda: Recipe(ANY, skip=["x.*"]).plan(SHAPES), ValueError, "skip has 'x.*', which matches no tensor"),
    (lambda: Recipe(ANY).plan(3), TypeError, "shapes must be a mapping from names to shapes, or TensorSpecs, got 3"),
    (lambda: Recipe(ANY).plan(["w"]), TypeError, "shapes must be a mapping from names to shapes, or TensorSpecs, got 'w'"),
    (lambda: Recipe(ANY).plan({3: (4,)}), TypeError, "shapes must have strings for names, got 3"),
    (lambda: Recipe(ANY).plan({"w": "x"}), TypeError, "tensor 'w': shape must be an int or a sequence of ints, got 'x'"),
    (lambda: Recipe(ANY).plan([TensorSpec("w", (2,))] * 2), ValueError, "shapes must have each name once, got 'w' twice"),
    (lambda: Recipe(ANY).materialize(SHAPES, dtype="int8"), TypeError, "dtype must be one of float32, float64, float16,"),
    (lambda: RECIPE.materialize(MODEL, seed=-1), ValueError, "seed must not be negative, got -1"),
    (lambda: RECIPE.materialize(MODEL, skip="embed.*"), TypeError, "skip must be a collection of patterns, got 'embed.*'"),
    (lambda: RECIPE.materialize(MODEL, skip=3), TypeError, "skip must be a collection of patterns, got 3"),
    (lambda: RECIPE.materialize(MODEL, skip=["x"]), ValueError, "skip has 'x', which matches no tensor"),
    (lambda: RECIPE.materialize(MODEL, loaded={"x": np.ones(3)}), ValueError, "loaded has 'x', which is no tensor of"),
    (lambda: RECIPE.materialize(MODEL, loaded={"layer.0.bias": [1]}), TypeError, "loaded has 'layer.0.bias' as [1], "),
    (
        lambda: RECIPE.materialize(MODEL, loaded={"layer.0.bias": np.ones(3)}),
        ValueError,
        "loaded has 'layer.0.bias' of shape (3,), but the model's is (8,)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[message for *_, message in ERRORS])
def test_a_wrong_argument_is_refused_and_says_what_is_allowed(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value).startswith(message)


def test_all_is_checked_before_anything_is_made(monkeypatch):
    monkeypatch.setattr(recipes.recipe, "fill_batch", lambda *arguments, **options: pytest.fail("filled"))
    with pytest.raises(ValueError, match="no values are drawn"):
        Recipe([("*", "normal")]).materialize([TensorSpec("w", (2,)), TensorSpec("n", (2,), "int8")])


def test_a_skipped_tensor_is_skipped_also_where_it_is_tied():
    recipe = Recipe([("*", "normal")], skip=["b"], tied={"b": "a"})
    shapes = {"a": (3,), "b": (3,)}
    assert [tensor.action for tensor in recipe.plan(shapes)] == ["draw", "skip"]
    assert list(recipe.materialize(shapes, seed=0)) == ["a"]


# ---- TOML ----


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "recipe.toml"
        path.write_text(text)
        return path

    return write


def test_a_toml_file_says_all_that_a_recipe_can(toml):
    path = toml("""
        recipe = { name = "gpt2", depth = 12 }
        skip = ["*.wte.weight"]
        [tied]
        "head.weight" = "transformer.wte.weight"
        [[rules]]
        match = "*.c_proj.weight"
        init = "he_normal"
        layout = "oi"
        ndim = 2
        negative_slope = 0.2
        optional = true
    """)
    own = Rule("*.c_proj.weight", HeNormal(negative_slope=0.2), Layout("oi"), 2, True)
    gpt2 = recipes.gpt2(12)
    expected = Recipe((own, *gpt2), ["*.wte.weight"], (*gpt2.tied, ("head.weight", "transformer.wte.weight")))
    assert recipes.load(path) == expected


def test_a_tie_of_a_toml_file_replaces_that_of_its_recipe(toml):
    path = toml('recipe = { name = "gpt2", depth = 12 }\n[tied]\n"lm_head.weight" = "head"')
    assert recipes.load(path).tied == (("lm_head.weight", "head"),)


def test_a_ready_recipe_may_be_named_alone(toml):
    assert recipes.load(str(toml('recipe = "llama"'))).rules == recipes.llama().rules


def test_rules_of_toml_need_their_tensors_as_others_do(toml):
    recipe = recipes.load(toml('recipe = "llama"\n[[rules]]\nmatch = "typo"\ninit = "zeros"'))
    with pytest.raises(ValueError, match="no tensor is left for the rules 'typo'"):
        recipe.plan({"model.embed_tokens.weight": (5, 4)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules = 3", "rules must be a list of tables, got 3"),
        ('skip = "w"', "skip must be a list of strings, got 'w'"),
        ("tied = 3", "tied must be a table of names and strings, got 3"),
        ("[tied]\na = 3", "tied 'a' must be a string, got 3"),
        ("recipes = 3", "key must be one of 'recipe', 'rules', 'skip', 'tied', 'computed', 'allow_unmatched', "),
        ('recipe = "gpt3"', "unknown recipe 'gpt3': did you mean 'gpt2'? known: "),
        ('recipe = "gpt2"', "recipe 'gpt2': missing a required argument: 'depth'"),
        ("recipe = 3", "recipe must be a name, or a table with a `name` and parameters, got 3"),
        ('recipe = { name = "gpt2", depth = 0 }', "depth must be an int of at least 1, got 0"),
        ('[[rules]]\nmatch = "*"', "rule 1 needs `match` and `init`, got {'match': '*'}"),
        ('[[rules]]\nmatch = "*"\ninit = "normal"\nstdd = 1', "rule '*': normal has no parameter 'stdd': did you mean"),
        ('[[rules]]\nmatch = 3\ninit = "zeros"', "match of rule 1 must be a string, got 3"),
        ("rules = [", "Invalid"),
    ],
)  # fmt: skip
def test_a_wrong_toml_file_is_an_error_that_begins_with_its_path(toml, text, message):
    path = toml(text)
    with pytest.raises(ValueError) as raised:
        recipes.load(path)
    assert str(raised.value).startswith(f"{path}: ") and message in str(raised.value)


def test_a_toml_file_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        recipes.load(tmp_path / "none.toml")


def test_dtypes_of_torch_are_understood():
    class Dtype:
        def __repr__(self):
            return "torch.int64"

    tensor = SimpleNamespace(shape=(2,), dtype=Dtype())
    assert Recipe(ANY).materialize({"n": tensor})["n"].dtype == np.int64

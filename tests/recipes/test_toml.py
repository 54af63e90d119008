"""Recipes as TOML files: what is written is read again as an equal recipe."""

import inspect

import pytest

from fastinit import Layout, Recipe, Rule, recipes
from fastinit.initializers import Normal, Parts, Stacked, WithSlabs

PARAMETERS = {"depth": 3, "width": 64, "base_width": 32}

RECIPES = {
    "parameters": Recipe([("*.bias", "zeros"), ("*", "he_normal", {"mode": "fan_out", "negative_slope": 0.1})]),
    "conventions": Recipe([("*", "he_uniform", {"convention": "torch"})]),
    "skip and tied": Recipe([("*", "ones")], skip=["*.scale"], tied={"head": "embed"}),
    "flags": Recipe([("*", "ones")], allow_unmatched=True, allow_unused=True),
    "options of rules": Recipe([Rule("*", "ones", ndim=2, optional=True)]),
    "layouts by letters": Recipe([Rule("*", "he_normal", layout="oihw")]),
    "layouts by fields": Recipe([Rule("*", "he_normal", layout=Layout("oihw", groups=4))]),
    "nested initializers": Recipe([("*", Parts(0, ((0.5, Stacked("he_normal")), (0.5, "zeros"))))]),
    "slabs": Recipe([("*", WithSlabs((((0, 0), (1, 4), "zeros"),), Normal(std=0.02)))]),
    "infinite numbers": Recipe([("*", "constant", {"value": float("inf")})]),
    "names with quotes": Recipe([('a "name".*', "ones")]),
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_a_saved_recipe_is_loaded_as_an_equal_one(recipe, tmp_path):
    path = tmp_path / "recipe.toml"
    recipes.save(recipe, path)
    assert recipes.load(path) == recipe


@pytest.mark.parametrize("name", sorted(recipes.READY))
def test_every_ready_recipe_is_loaded_as_an_equal_one(name, tmp_path):
    parameters = inspect.signature(recipes.READY[name]).parameters.values()
    recipe = recipes.ready(name, **{p.name: PARAMETERS[p.name] for p in parameters if p.default is p.empty})
    path = tmp_path / "recipe.toml"
    recipes.save(recipe, path)
    assert recipes.load(path) == recipe


def test_defaults_are_left_out():
    assert "mode" not in recipes.dumps(Recipe([("*", "he_normal")]))


def test_what_is_computed_is_named_and_read_as_skipped(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('[computed]\n"rotary.inv_freq" = "computed by arange, pow"\n[[rules]]\nmatch = "*"\ninit = "ones"\n')
    plan = recipes.load(path).plan({"rotary.inv_freq": (4,), "weight": (2, 3)})
    assert {tensor.name: tensor.action for tensor in plan} == {"rotary.inv_freq": "skip", "weight": "draw"}


def test_a_computed_that_is_no_table_is_refused(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('computed = ["rotary.inv_freq"]')
    with pytest.raises(ValueError, match=r"computed must be a table of names and strings, got \['rotary.inv_freq'\]"):
        recipes.load(path)


def test_saving_to_a_folder_that_is_not_there_raises_oserror(tmp_path):
    with pytest.raises(OSError, match="missing"):
        recipes.save(Recipe([]), tmp_path / "missing" / "recipe.toml")

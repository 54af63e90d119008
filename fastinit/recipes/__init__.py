"""Recipes: rules that give each tensor of a model its distribution, by the tensor's name.

`Recipe` holds the rules, and `Recipe.plan` says what they do with a model. The usual model families have their recipes here,
functions with the family's parameters: `recipes.gpt2(depth=12)`. Your own rules go before a family's:
`Recipe([("head.*", "zeros"), *recipes.vit()])`. `recipes.load(path)` reads a recipe from a TOML file,
`recipes.save(recipe, path)` writes one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from fastinit.recipes.families.bert import bert
from fastinit.recipes.families.generic import generic
from fastinit.recipes.families.gpt2 import gpt2
from fastinit.recipes.families.llama import llama
from fastinit.recipes.families.mamba import mamba
from fastinit.recipes.families.megatron import megatron
from fastinit.recipes.families.mup import mup
from fastinit.recipes.families.olmo import olmo
from fastinit.recipes.families.resnet import resnet
from fastinit.recipes.families.t5 import t5
from fastinit.recipes.families.timm import timm
from fastinit.recipes.families.torchtitan import torchtitan
from fastinit.recipes.families.vit import vit
from fastinit.recipes.plan import Action, Plan, PlanError, PlannedTensor
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rules import Rule
from fastinit.recipes.tensors import TensorSpec
from fastinit.recipes.toml_form import load
from fastinit.recipes.toml_writing import dumps, save
from fastinit.runtime.nearest import did_you_mean

__all__ = ["READY", "Action", "Plan", "PlanError", "PlannedTensor", "Recipe", "Rule", "TensorSpec"]
__all__ += ["dumps", "load", "ready", "save"]
__all__ += ["bert", "gpt2", "llama", "mamba", "megatron", "mup", "olmo", "t5", "torchtitan"]  # language models
__all__ += ["generic", "resnet", "timm", "vit"]

READY: dict[str, Callable[..., Recipe]] = {
    family.__name__: family
    for family in (bert, generic, gpt2, llama, mamba, megatron, mup, olmo, resnet, t5, timm, torchtitan, vit)
}
"""The families' recipes, by name."""


def ready(name: str, **parameters: object) -> Recipe:
    """The recipe of a family by its name in `READY`, for names that come from a file or a command line.

    ValueError for another name, TypeError for parameters that the family does not have.

    >>> from fastinit import recipes
    >>> recipes.ready("gpt2", depth=12) == recipes.gpt2(depth=12)
    True
    """
    if not isinstance(name, str) or name not in READY:
        hint = did_you_mean(str(name), {known: known for known in READY})
        raise ValueError(f"unknown recipe {name!r}: {hint}known: {', '.join(sorted(READY))}")
    signature = inspect.signature(READY[name])
    try:
        signature.bind(**parameters)
    except TypeError as error:
        raise TypeError(f"recipe {name!r}: {error}; its parameters are {signature}") from None
    return READY[name](**parameters)


def __dir__() -> list[str]:  # what is imported and the modules are left out
    return __all__

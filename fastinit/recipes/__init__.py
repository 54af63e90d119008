"""Recipes: rules over tensor names for whole models, ready ones for the usual families, and their TOML form.

`Recipe` says how they work. `READY` lists the ready ones; each is a function whose parameters are the family's, as
`recipes.gpt2(depth=12)`, and its docstring the distribution and the source. The rules of a ready recipe follow any of your own:
`Recipe([("head.*", "zeros"), *recipes.vit()])`. `recipes.load(path)` reads one from a TOML file.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from fastinit.recipes.generic import generic
from fastinit.recipes.language import bert, gpt2, llama, mamba, megatron, mup, olmo, t5, torchtitan
from fastinit.recipes.plan import Plan, PlanError, PlannedTensor
from fastinit.recipes.recipe import Recipe, check_dtype
from fastinit.recipes.rules import Rule
from fastinit.recipes.tensors import TensorSpec
from fastinit.recipes.toml_form import load
from fastinit.recipes.vision import resnet, timm, vit
from fastinit.runtime.nearest import did_you_mean

READY: dict[str, Callable[..., Recipe]] = {
    made.__name__: made
    for made in (bert, generic, gpt2, llama, mamba, megatron, mup, olmo, resnet, t5, timm, torchtitan, vit)
}

__all__ = ["READY", "Plan", "PlanError", "PlannedTensor", "Recipe", "Rule", "TensorSpec", "check_dtype", "load", "ready", *READY]


def ready(name: str, **parameters: Any) -> Recipe:
    """A ready recipe by its name in `READY`. ValueError for another name, TypeError for parameters it does not have."""
    if name not in READY:
        hint = did_you_mean(str(name), {known: known for known in READY})
        raise ValueError(f"unknown recipe {name!r}: {hint}known: {', '.join(sorted(READY))}")
    signature = inspect.signature(READY[name])
    try:
        signature.bind(**parameters)
    except TypeError as error:
        raise TypeError(f"recipe {name!r}: {error}; its parameters are {signature}") from None
    return READY[name](**parameters)

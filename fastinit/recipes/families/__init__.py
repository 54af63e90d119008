"""Model families, a file each: the names and shapes of a family's tensors, and the distribution of each.

The functions that make the recipes, as `fastinit.recipes.gpt2`, stand in `fastinit.recipes`; here are the files, and the
built-in models.
"""

from __future__ import annotations

from collections.abc import Callable

from fastinit.recipes.families import bert, gpt2, llama, mlp, resnet, vit
from fastinit.recipes.families.building import Model
from fastinit.runtime.nearest import did_you_mean

MODELS: dict[str, Callable[[], Model]] = {
    name: model for family in (gpt2, bert, llama, vit, resnet, mlp) for name, model in family.MODELS.items()
}


def build(name: str) -> Model:
    """The built-in model called `name`, one of `MODELS`."""
    if name not in MODELS:
        hint = did_you_mean(name.lower(), {known: known for known in MODELS}, cutoff=0.5)
        raise ValueError(f"unknown model {name!r}: {hint}known: {', '.join(sorted(MODELS))}")
    return MODELS[name]()

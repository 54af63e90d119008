"""Which recipe a call asks for: one that is given, one of the ready ones by its name, or none, where the modules decide."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator

from torch import nn

from fastinit.recipes import READY, Recipe, ready
from fastinit.runtime.nearest import did_you_mean
from fastinit.torch.construction.records import has_recorded_family
from fastinit.torch.structure.module_tensors import ModuleTensors
from fastinit.torch.structure.own_methods import is_hugging_face

IN_CONFIGS = {"depth": "num_hidden_layers", "width": "hidden_size"}
"""By parameter of the families' recipes, the name in the configs of Hugging Face's models, for all of them."""


BLOCKS_OF = ("transformers.models.", "transformers_modules.")  # the packages, the second of code from its hub


def recipe_of(recipe: str | Recipe, found: ModuleTensors) -> Recipe | None:
    """None for "auto". TypeError for what is neither a recipe nor a name, ValueError for an unknown name.

    The depth and width that a ready recipe needs are those of the model's config, if it has one of Hugging Face's; else the
    depth is the length of its `ModuleList`, the outermost one, unless a prefix says that it is a part of the model.
    TypeError, with what to write, where the model says none.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if not isinstance(recipe, str):
        raise TypeError(f"recipe must be 'auto', the name of a ready recipe, or a fastinit.Recipe, got {recipe!r}")
    if recipe == "auto":
        _warn_of_blocks(found)
        return None
    if recipe not in READY:
        hint = did_you_mean(recipe, {name: name for name in ("auto", *READY)})
        raise ValueError(f"recipe must be 'auto', one of {', '.join(sorted(READY))}, or a Recipe, got {recipe!r}: {hint}")
    parameters = inspect.signature(READY[recipe]).parameters.values()
    needed = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
    values = {name: _of_model(found.module, name, is_whole=not found.prefix) for name in needed}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise TypeError(
            f"recipe {recipe!r} needs {' and '.join(missing)}, which the module does not say: pass "
            f"fastinit.recipes.{recipe}({', '.join(f'{name}=...' for name in needed)})"
        )
    return ready(recipe, **values)


def _warn_of_blocks(found: ModuleTensors) -> None:
    """Warn of blocks of Hugging Face's models that are in none here, nor were when they were recorded: their family's
    `_init_weights` is not known.
    """
    if not any(type(part).__module__.startswith(BLOCKS_OF) for _, part in found.parts):
        return
    blocks = [type(block).__name__ for block in _blocks_alone(found.module) if not has_recorded_family(block)]
    if blocks:
        warnings.warn(
            f"{', '.join(dict.fromkeys(blocks))} is a block of a model of Hugging Face, whose _init_weights gives other "
            "distributions than the block's own construction: initialize the model, or give the block a Recipe",
            stacklevel=4,
        )


def _blocks_alone(module: nn.Module) -> Iterator[nn.Module]:
    """Modules of the files that define Hugging Face's models, but in none of these, nor around one."""
    if is_hugging_face(module):
        return
    if type(module).__module__.startswith(BLOCKS_OF) and not any(map(is_hugging_face, module.modules())):
        yield module
    else:
        for child in module.children():
            yield from _blocks_alone(child)


def _of_model(module: nn.Module, parameter: str, *, is_whole: bool) -> int | None:
    config = getattr(module, "config", None)
    value = getattr(config, IN_CONFIGS.get(parameter, ""), None)
    if value is None and parameter == "depth" and is_whole:
        lengths = {len(blocks) for blocks in _outermost_lists(module)}
        value = lengths.pop() if len(lengths) == 1 else None
    return value if isinstance(value, int) else None


def _outermost_lists(module: nn.Module) -> Iterator[nn.ModuleList]:
    """The lists that are in no other: a layer's experts are not, for instance."""
    for child in module.children():
        if isinstance(child, nn.ModuleList):
            yield child
        else:
            yield from _outermost_lists(child)

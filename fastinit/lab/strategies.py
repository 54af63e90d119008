"""The ways to initialize that a comparison is between: names, initializers, Recipes, torch's own, methods by data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import torch
from torch import nn

from fastinit.core.stream import stream_of
from fastinit.initializers import Initializer, get
from fastinit.lab.suggestion import suggest
from fastinit.recipes import Recipe, Rule
from fastinit.torch import data_dependent_, init_, lsuv_, metainit_, record
from fastinit.torch.structure.names import tensors_by_name

Fill: TypeAlias = Callable[[nn.Module, Any, int], object]
"""Initializes a model, given a batch and a seed, in place."""

BY_DATA: dict[str, Fill] = {
    "lsuv": lambda model, batch, seed: lsuv_(model, batch, seed=seed),
    "data_dependent": lambda model, batch, seed: data_dependent_(model, batch, seed=seed),
    "metainit": lambda model, batch, seed: metainit_(model, batch, seed=seed),
}
"""Methods whose values depend on the data, or on its shape and the model's gradients."""

MadeOf: TypeAlias = "str | Initializer | Recipe | Fill"


@dataclass(frozen=True)
class Strategy:
    """One way to initialize, by the label that results call it.

    `spec`: "torch", what the model's constructor does; "suggest", what `lab.suggest` says; "lsuv" or "data_dependent";
    "metainit", the constructor's weights with learned scales; an initializer or its name, for all weights of two axes or
    more, with biases 0 and the rest as the constructor has it; a Recipe; or a function of (model, batch, seed), which
    initializes the model in place.
    """

    label: str
    spec: MadeOf

    def fill(self, model: nn.Module, batch: Any, seed: int) -> None:
        """Initialize the model, which torch's generator with this seed has constructed."""
        if self.spec == "torch":
            return
        if isinstance(self.spec, str) and self.spec in BY_DATA:
            BY_DATA[self.spec](model, batch, seed)
        elif callable(self.spec) and not isinstance(self.spec, Initializer):
            self.spec(model, batch, seed)
        else:
            init_(model, self.recipe(model, batch), seed, overwrite=True)

    def recipe(self, model: nn.Module, batch: Any) -> Recipe:
        """What a Recipe can say of it. ValueError for what depends on data, and for functions."""
        if isinstance(self.spec, Recipe):
            return self.spec
        if self.spec == "suggest":
            return suggest(model, batch)
        if self.spec in BY_DATA or (callable(self.spec) and not isinstance(self.spec, Initializer)):
            raise ValueError(f"{self.label} has no Recipe: its values depend on the data or are set by a function")
        return recipe_of(get(self.spec), model)


def recipe_of(initializer: Initializer, model: nn.Module) -> Recipe:
    """All weights of two axes or more by the initializer, biases 0, everything else as it is."""
    rules, skip = list[Rule](), list[str]()
    for name, tensor in tensors_by_name(model):
        own = name.rsplit(".", 1)[-1]
        if not isinstance(tensor, nn.Parameter) or not tensor.requires_grad:
            skip.append(name)
        elif tensor.ndim >= 2:
            rules.append(Rule(name, initializer))
        elif "bias" in own:
            rules.append(Rule(name, "zeros"))
        else:
            skip.append(name)
    return Recipe(rules, skip=skip)


def constructed(make_model: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The model as its constructor draws it with this seed. TypeError for what is no module."""
    torch.manual_seed(stream_of(seed).k0)
    model = make_model()
    if not isinstance(model, nn.Module):
        raise TypeError(f"make_model must give a torch.nn.Module, got {type(model).__name__}")
    return model


def recorded(make_model: Callable[[], nn.Module]) -> Recipe:
    """What the constructor draws, as a Recipe."""
    return record(make_model)


def strategies_of(given: Mapping[str, MadeOf] | Iterable[MadeOf]) -> list[Strategy]:
    """By labels where it is a mapping; else the specs themselves are the labels. Errors for what no strategy is."""
    if isinstance(given, str):
        raise TypeError(f"strategies must be a list of at least two, got the string {given!r}")
    if isinstance(given, Mapping):
        pairs = [*cast("Mapping[str, MadeOf]", given).items()]
    else:
        pairs = [(_label(spec), spec) for spec in given]
    if len(pairs) < 2:
        raise ValueError(f"strategies must be at least two to be compared, got {len(pairs)}")
    labels = [label for label, _ in pairs]
    for label in labels:
        if labels.count(label) > 1:
            raise ValueError(f"strategies has {label!r} twice: give a mapping from labels to strategies")
    return [Strategy(label, check_strategy(spec)) for label, spec in pairs]


def check_strategy(spec: MadeOf) -> MadeOf:
    """The spec as it is. TypeError and ValueError for what no strategy is."""
    if isinstance(spec, str) and spec not in ("torch", "suggest", *BY_DATA):
        get(spec)  # its error names the nearest
    elif not isinstance(spec, (str, Recipe, Initializer)) and not callable(spec):
        raise TypeError(f"strategies must be names, initializers, Recipes or functions, got {type(spec).__name__}")
    return spec


def _label(spec: MadeOf) -> str:
    if isinstance(spec, str):
        return spec
    if isinstance(spec, Recipe):
        return "recipe"
    return repr(spec) if isinstance(spec, Initializer) else getattr(spec, "__name__", type(spec).__name__)

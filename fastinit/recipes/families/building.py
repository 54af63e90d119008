"""What several families share: the type of a model, the tensors of common layers, rules, and standard deviations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from fastinit.initializers import Initializer, TruncatedNormal, VarianceScaling
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rules import Rule
from fastinit.recipes.tensors import TensorSpec
from fastinit.runtime.checks import integer, not_negative

MOST_LAYERS = 10_000  # of families with rules for each layer

__all__ = [
    "AS_TORCH",
    "MOST_LAYERS",
    "Model",
    "Recipe",
    "Rule",
    "TensorSpec",
    "by_depth",
    "family",
    "linear",
    "norm",
    "within_3_std",
]


@dataclass(frozen=True)
class Model:
    """The tensors of a model in the order of its state dict, and the recipe that initializes them."""

    tensors: tuple[TensorSpec, ...]
    recipe: Recipe


def linear(name: str, fan_in: int, fan_out: int) -> tuple[TensorSpec, ...]:
    """`torch.nn.Linear` with a bias."""
    return TensorSpec(f"{name}.weight", (fan_out, fan_in)), TensorSpec(f"{name}.bias", (fan_out,))


def norm(name: str, width: int) -> tuple[TensorSpec, ...]:
    """The gain and the shift of a normalization over `width` features."""
    return TensorSpec(f"{name}.weight", (width,)), TensorSpec(f"{name}.bias", (width,))


def family(*rules: tuple[str, Initializer], tied: Mapping[str, str] | None = None) -> Recipe:
    """A recipe of these rules, all optional: variants of a family have some of its tensors."""
    return Recipe([Rule(pattern, initializer, optional=True) for pattern, initializer in rules], tied=tied or {})


AS_TORCH = VarianceScaling(1 / 3, "fan_in", "uniform", convention="torch")
"""What torch.nn.Linear and Conv2d draw: U(-bound, bound), bound = 1 / sqrt(fan_in), of variance 1 / (3 fan_in)."""


def by_depth(std: float, depth: int) -> float:
    """std / sqrt(2 depth): each of the 2 depth projections onto the residual adds its part of the variance."""
    return not_negative("std", std) / math.sqrt(2 * integer("depth", depth, 1))


def within_3_std(std: float) -> TruncatedNormal:
    """N(0, std) truncated at 3 std."""
    return TruncatedNormal(0.0, not_negative("std", std), -3.0, 3.0)

"""Compares what two models, or two recipes, give their tensors, name by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from fastinit.distributions import Distribution, WholeTensor
from fastinit.recipes.plan import Plan, PlannedTensor
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.tensors import TensorSpec


class Given(NamedTuple):
    """What a tensor is given: in words, and where there is more to compare, as a value."""

    text: str
    value: object = None


@dataclass(frozen=True)
class Side:
    """One of the two: a `plan` of the tensors of a model, or a `recipe` without a model.

    `computed`: by pattern, in words, what a recipe's TOML file says is computed by code.
    """

    plan: Plan | None = None
    recipe: Recipe = field(default_factory=lambda: Recipe(()))
    computed: Mapping[str, str] = field(default_factory=dict)

    def given_for(self, specs: Mapping[str, TensorSpec]) -> dict[str, Given]:
        """What tensors are given, by name; of a recipe those of `specs`, the other side's, and patterns that none has.

        A recipe with `allow_unused` is taken for one that was recorded, whose rules all stand for tensors.
        """
        if self.plan is not None:
            return {tensor.name: _given(tensor) for tensor in self.plan}
        plan = replace(self.recipe, allow_unmatched=True, allow_unused=True).plan(specs.values(), layout="oi")
        found = {tensor.name: _given(tensor) for tensor in plan}
        for name, given in [*found.items()]:
            text = next((text for pattern, text in self.computed.items() if fnmatchcase(name, pattern)), None)
            if text is not None:
                found[name] = Given(text)
            elif given is SKIPPED and not any(fnmatchcase(name, pattern) for pattern in self.recipe.skip):
                del found[name]
        expected = self.patterns if self.recipe.allow_unused else [rule.pattern for rule in self.recipe if not rule.optional]
        unused = (pattern for pattern in expected if not any(fnmatchcase(name, pattern) for name in specs))
        return {**found, **{pattern: self.given_for_pattern(pattern) or SKIPPED for pattern in unused}}

    @property
    def specs(self) -> dict[str, TensorSpec]:
        return {} if self.plan is None else {tensor.name: tensor.spec for tensor in self.plan}

    def given_for_pattern(self, pattern: str) -> Given | None:
        """What a recipe gives the tensors of a pattern: that of its first rule with this pattern, or that matches it."""
        recipe = self.recipe
        for alias, name in recipe.tied:
            if alias == pattern:
                return Given(f"tied to {name}")
        for known, text in self.computed.items():
            if known == pattern or fnmatchcase(pattern, known):
                return Given(text)
        if any(known == pattern or fnmatchcase(pattern, known) for known in recipe.skip):
            return SKIPPED
        for rule in recipe:
            if rule.pattern == pattern or fnmatchcase(pattern, rule.pattern):
                return Given(str(rule.initializer), (rule.initializer, rule.layout, rule.ndim))
        return None

    @property
    def patterns(self) -> list[str]:
        recipe = self.recipe
        aliases = [alias for alias, _ in recipe.tied]
        return list(dict.fromkeys([*(rule.pattern for rule in recipe), *self.computed, *recipe.skip, *aliases]))


SKIPPED = Given("skipped")


class Difference(NamedTuple):
    """Tensors, or patterns, that are given different things, or are on one side only; `names` differ by numbers only."""

    pattern: str
    names: tuple[str, ...]
    left: str | None
    right: str | None


class Comparison(NamedTuple):
    """What differs, and how many tensors, or patterns, were compared."""

    differences: tuple[Difference, ...]
    total: int


def compared(left: Side, right: Side) -> Comparison:
    """What differs between two models, two recipes, or a model and a recipe, which is then applied to its tensors."""
    if left.plan is None and right.plan is None:
        pairs = _pairs_of_patterns(left, right)
    else:
        lefts, rights = left.given_for(right.specs), right.given_for(left.specs)
        pairs = {name: (lefts.get(name), rights.get(name)) for name in dict.fromkeys([*lefts, *rights])}
        for name in left.specs.keys() & right.specs.keys():
            a, b = (side.specs[name].shape for side in (left, right))
            if a != b:
                pairs[name] = Given(f"{lefts[name].text} of shape {a}"), Given(f"{rights[name].text} of shape {b}")
    groups: dict[tuple[str, str | None, str | None], list[str]] = {}
    for name, (given, other) in pairs.items():
        texts = _differing(given, other)
        if texts is not None:
            groups.setdefault((re.sub(r"(?<![^.])\d+(?![^.])", "*", name), *texts), []).append(name)
    found = (Difference(key[0] if len(names) > 1 else names[0], tuple(names), *key[1:]) for key, names in groups.items())
    return Comparison(tuple(found), len(pairs))


def _pairs_of_patterns(left: Side, right: Side) -> dict[str, tuple[Given | None, Given | None]]:
    """A pattern that one side alone has is left out where the other has narrower ones, which stand for it."""
    pairs = {}
    for own, other in ((left, right), (right, left)):
        for pattern in own.patterns:
            is_divided = any(fnmatchcase(narrower, pattern) for narrower in other.patterns)
            if other.given_for_pattern(pattern) is not None or not is_divided:
                pairs[pattern] = left.given_for_pattern(pattern), right.given_for_pattern(pattern)
    return pairs


def _differing(left: Given | None, right: Given | None) -> tuple[str | None, str | None] | None:
    """The texts of both where they differ."""
    if left is None or right is None:
        return left and left.text, right and right.text
    if left.text != right.text:
        return left.text, right.text
    if None not in (left.value, right.value) and left.value != right.value:
        return left.text, f"{right.text} with other values"
    return None


def _given(tensor: PlannedTensor) -> Given:
    if tensor.distribution is not None:
        return Given(_text(tensor.distribution), tensor.distribution)
    if tensor.source is not None:
        return Given(f"tied to {tensor.source}")
    return SKIPPED


def _text(distribution: Distribution) -> str:
    return str(distribution.initializer if isinstance(distribution, WholeTensor) else distribution)

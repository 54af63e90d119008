"""A recipe: the rules that give every tensor of a model its distribution, and the tensors they leave alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from fastinit.core.batch import fill_batch
from fastinit.core.dtypes import element_type
from fastinit.distributions import Distribution
from fastinit.recipes.plan import Plan, patterns, plan_of
from fastinit.recipes.rules import Rule, matcher, rule_of
from fastinit.recipes.tensors import TensorSpec


@dataclass(frozen=True)
class Recipe:
    """Rules over tensor names, of which the first match wins.

        recipe = Recipe([("*.bias", "zeros"), ("*.c_proj.weight", Normal(0.0, 0.002)), *recipes.gpt2(depth=12)])
        arrays = recipe.materialize({"h.0.mlp.c_proj.weight": (3072, 768), ...}, seed=0)

    - `rules`: (pattern, initializer), (pattern, initializer's name, parameters), or `Rule`; the patterns are globs.
    - `skip`: globs of tensors that are not filled, stay as they are and need no rule. One that matches none is an error.
    - `tied`: by name, the tensor that another is one with: {"lm_head.weight": "wte.weight"}. Pairs whose first name is not
      there mean nothing.
    - `allow_unmatched`, `allow_unused`: a tensor that no rule matches, and a rule that is the first match of no tensor or a
      glob of `skip` that matches none, are errors unless allowed. Unmatched tensors are skipped.

    Iterating over a recipe gives its rules.
    """

    rules: tuple[Rule, ...]
    skip: tuple[str, ...] = ()
    tied: tuple[tuple[str, str], ...] = ()
    allow_unmatched: bool = False
    allow_unused: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.rules, (str, Mapping)) or not isinstance(self.rules, Iterable):
            raise TypeError(f"rules must be a list of them, in the order in which they are tried, got {self.rules!r}")
        object.__setattr__(self, "rules", tuple(rule_of(rule) for rule in self.rules))
        object.__setattr__(self, "skip", patterns("skip", self.skip))
        object.__setattr__(self, "tied", _pairs(self.tied))

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def plan(
        self,
        tensors: Mapping[str, Any] | Iterable[TensorSpec],
        *,
        skip: Collection[str] = (),
        loaded: Collection[str] | Mapping[str, Any] = (),
    ) -> Plan:
        """What is done with each tensor: drawn, computed, tied, kept or skipped; nothing is drawn yet.

        `tensors`: by name, shapes or what has a `shape` and perhaps a `dtype`; or TensorSpecs. `skip`: globs of more tensors
        to leave as they are. `loaded`: the names of tensors that are there already, or these by name, whose shapes are
        checked then. What is skipped, loaded or tied needs no rule.
        PlanError, a ValueError, with everything that is wrong, a line each: tensors without a rule, rules and globs without
        a tensor, shapes that a rule's initializer refuses, dtypes that are not drawn, and ties that do not fit.
        """
        return plan_of(self, tensors, skip, loaded)

    def materialize(
        self,
        shapes: Mapping[str, Any] | Iterable[TensorSpec],
        seed: int | SeedSequence | None = 0,
        dtype: Any = np.float32,
        *,
        skip: Collection[str] = (),
        loaded: Mapping[str, np.ndarray] | None = None,
    ) -> dict[str, np.ndarray]:
        """The tensors by name, in the order of `shapes`. Values depend on seed, name and distribution only.

        `shapes`, `skip`, `loaded`: as in `plan`, whose errors come before anything is made. Skipped tensors are left out;
        loaded arrays are returned as they are; tied tensors are one array, which may be loaded under either name.
        `dtype` is that of all floating-point tensors. `seed=None` is fresh entropy.
        """
        element, loaded = element_type(dtype), loaded or {}
        plan = self.plan(shapes, skip=skip, loaded=loaded)
        distributions, drawn = plan.distributions, {t.name: t.spec.shape for t in plan if t.action == "draw"}
        made = {**loaded, **fill_batch({name: distributions[name] for name in drawn}, drawn, seed, element)}
        made |= {t.name: np.full(t.spec.shape, t.value, np.dtype(t.spec.dtype)) for t in plan if t.action == "compute"}
        made |= {alias: made[name] for alias, name in plan.ties.items()}
        return {tensor.name: made[tensor.name] for tensor in plan if tensor.name in made}

    # ---- older ways to ask, until every adapter takes the plan ----

    def distributions(self, shapes: Mapping[str, Any] | Iterable[TensorSpec]) -> dict[str, Distribution | None]:
        return {tensor.name: tensor.distribution for tensor in self.plan(shapes)}

    def is_frozen(self, name: str) -> bool:
        return any(matcher(pattern)(name) for pattern in self.skip)

    def tied_in(self, tensors: Iterable[TensorSpec]) -> dict[str, str]:
        names = {tensor.name for tensor in tensors}
        return {alias: name for alias, name in self.tied if alias in names and not self.is_frozen(alias)}


def check_dtype(tensor: TensorSpec, distribution: Distribution) -> None:
    """Checked by the plan already."""


def _pairs(tied: Any) -> tuple[tuple[str, str], ...]:
    pairs = tied.items() if isinstance(tied, Mapping) else tied
    try:
        pairs = tuple((alias, name) for alias, name in pairs)
    except (TypeError, ValueError):
        raise TypeError(f"tied must be a mapping from names to names, got {tied!r}") from None
    if not all(isinstance(name, str) for pair in pairs for name in pair):
        raise TypeError(f"tied must be a mapping from names to names, got {tied!r}")
    return pairs

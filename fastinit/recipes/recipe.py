"""A recipe: the rules that give every tensor of a model its distribution, and the tensors they leave alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from fastinit.core.batch import fill_batch
from fastinit.core.dtypes import element_type
from fastinit.initializers.layouts import LayoutLike
from fastinit.recipes.grouping import Entry, aligned, grouped, shortened
from fastinit.recipes.plan import Plan, patterns, plan_of
from fastinit.recipes.rules import Rule, RuleLike, rule_of
from fastinit.recipes.tensors import Tensors
from fastinit.runtime import checks
from fastinit.runtime.types import Array, DTypeLike, Seed


@dataclass(frozen=True, init=False)
class Recipe:
    """Rules over tensor names, of which the first match wins.

    - `rules`: (pattern, initializer), (pattern, initializer's name, parameters), or `Rule`; the patterns are globs.
    - `skip`: globs of tensors that are not filled, stay as they are and need no rule. One that matches none is an error.
    - `tied`: names of tensors that are the same as another: {"lm_head.weight": "wte.weight"}. A pair whose first name
      is not in the model is ignored.
    - `allow_unmatched`, `allow_unused`: a tensor that no rule matches, and a rule that is the first match of no tensor or a
      glob of `skip` that matches none, are errors unless allowed. Unmatched tensors are skipped.

    Iterating over a recipe gives its rules; printed, it is a table of them. TypeError and ValueError for other arguments.

    >>> import fastinit
    >>> recipe = fastinit.Recipe([("*.bias", "zeros"), ("head.*", "normal", {"std": 0.01}), *fastinit.recipes.gpt2(depth=2)])
    >>> arrays = recipe.materialize({"head.weight": (10, 4), "head.bias": (10,)}, seed=0)
    >>> (arrays["head.weight"] == fastinit.normal((10, 4), std=0.01, seed=0, name="head.weight")).all()
    np.True_
    """

    rules: tuple[Rule, ...]
    skip: tuple[str, ...]
    tied: tuple[tuple[str, str], ...]
    allow_unmatched: bool
    allow_unused: bool

    def __init__(
        self,
        rules: Iterable[RuleLike],
        skip: Iterable[str] = (),
        tied: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        allow_unmatched: bool = False,
        allow_unused: bool = False,
    ) -> None:
        if isinstance(rules, (str, Mapping)) or not isinstance(rules, Iterable):
            raise TypeError(f"rules must be a list of rules, in the order in which they are tried, got {rules!r}")
        vars(self).update(
            rules=tuple(map(rule_of, rules)),
            skip=patterns("skip", skip),
            tied=_pairs(tied),
            allow_unmatched=checks.boolean("allow_unmatched", allow_unmatched),
            allow_unused=checks.boolean("allow_unused", allow_unused),
        )

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __str__(self) -> str:
        """The rules, then what is skipped and tied."""
        entries = [Entry(rule.pattern, _text(rule), kind=number) for number, rule in enumerate(self.rules)]
        entries += [Entry(pattern, "skipped") for pattern in self.skip]
        entries += [Entry(alias, "tied to ", name) for alias, name in self.tied]
        rows = [(group.name, shortened(group.text)) for group in grouped(entries)]
        return "\n".join(aligned(rows)) if rows else "no rules"

    def plan(
        self,
        tensors: Tensors,
        *,
        skip: Collection[str] = (),
        loaded: Collection[str] | Mapping[str, object] = (),
        layout: LayoutLike = None,
    ) -> Plan:
        """What is done with each tensor: drawn, computed, tied, kept or skipped. Nothing is drawn yet.

        `tensors`: by name, shapes or what has a `shape` and perhaps a `dtype`; or TensorSpecs. `skip`: globs of more tensors
        to leave as they are. `loaded`: the names of tensors that were loaded, or a mapping from their names to the tensors,
        whose shapes are then checked. What is skipped, loaded or tied needs no rule. `layout`: "oi" for torch's tensors,
        where neither a rule nor its initializer's convention nor the tensor's own TensorSpec says another.
        PlanError, a ValueError, with everything that is wrong, a line each: tensors without a rule, rules and globs without
        a tensor, shapes that a rule's initializer refuses, dtypes whose values cannot be drawn, and ties that do not fit.

        >>> import fastinit
        >>> recipe = fastinit.Recipe([("*.bias", "zeros"), ("*.weight", "he_normal", {"layout": "oi"})])
        >>> print(recipe.plan({"up.weight": (64, 32), "up.bias": (64,), "norm.weight": (64,)}, skip=["norm.*"]))
        tensor       shape     action  values
        up.weight    (64, 32)  draw    Normal(std=0.25)
        up.bias      (64,)     draw    Constant(0.0)
        norm.weight  (64,)     skip
        3 tensors: 2 draw, 1 skip
        """
        return plan_of(self, tensors, skip, loaded, layout)

    def materialize(
        self,
        shapes: Tensors,
        seed: Seed = 0,
        dtype: DTypeLike = np.float32,
        *,
        skip: Collection[str] = (),
        loaded: Mapping[str, Array] | None = None,
        layout: LayoutLike = None,
    ) -> dict[str, Array]:
        """The tensors by name, in the order of `shapes`. Values depend on seed, name and distribution only.

        `shapes`, `skip`, `loaded`, `layout`: as in `plan`, whose errors come before anything is made. Skipped tensors are
        left out; loaded arrays are returned as they are; tied tensors are one array, which may be loaded under either name.
        `dtype` is that of all floating-point tensors. `seed=None` is fresh entropy.

        >>> import fastinit
        >>> recipe = fastinit.Recipe([("*", "normal")], tied={"head": "embed"})
        >>> arrays = recipe.materialize({"embed": (3, 2), "head": (3, 2)}, seed=0, dtype="bfloat16")
        >>> arrays["head"] is arrays["embed"], arrays["embed"].dtype
        (True, dtype(bfloat16))
        """
        if not isinstance(loaded, Mapping | None):
            raise TypeError(f"loaded must be a mapping from names to arrays or None, got {loaded!r}")
        element, loaded = element_type(dtype), loaded or {}
        plan = self.plan(shapes, skip=skip, loaded=loaded, layout=layout)
        distributions, drawn = plan.distributions, {t.name: t.spec.shape for t in plan if t.action == "draw"}
        made = {**loaded, **fill_batch(distributions, drawn, seed, element)}
        made |= {t.name: np.full(t.spec.shape, t.value, np.dtype(t.spec.dtype)) for t in plan if t.action == "compute"}
        made |= {alias: made[name] for alias, name in plan.ties.items()}
        return {tensor.name: made[tensor.name] for tensor in plan if tensor.name in made}


def _text(rule: Rule) -> str:
    """The initializer, and where it applies if not to all tensors that the pattern matches."""
    parts = [repr(rule.initializer)]
    if rule.layout is not None:
        parts.append(f"layout={rule.layout.letters or rule.layout}")
    if rule.ndim is not None:
        parts.append(f"of {rule.ndim} axes")
    return ", ".join(parts)


def _pairs(tied: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    with suppress(TypeError, ValueError):
        pairs = tuple(dict(tied).items())
        if all(isinstance(name, str) for pair in pairs for name in pair):
            return pairs
    raise TypeError(f"tied must be a mapping from names to names, got {tied!r}")

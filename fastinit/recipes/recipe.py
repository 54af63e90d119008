"""A recipe: the rules that give every tensor of a model its distribution, and the tensors they leave alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from fastinit.core.batch import fill_batch
from fastinit.core.fill import element_type
from fastinit.distributions import Constant, Distribution
from fastinit.recipes.rules import Rule, matcher, rule_of
from fastinit.recipes.tensors import TensorSpec, tensor_specs


@dataclass(frozen=True)
class Recipe:
    """Rules over tensor names, of which the first match wins.

        recipe = Recipe([("*.bias", "zeros"), ("*.c_proj.weight", Normal(0.0, 0.002)), *recipes.gpt2(depth=12)])
        arrays = recipe.materialize({"h.0.mlp.c_proj.weight": (3072, 768), ...}, seed=0)

    - `rules`: (pattern, initializer), (pattern, initializer's name, parameters), or `Rule`; the patterns are globs.
    - `freeze`: globs of tensors that no rule touches and that keep what they have. One that matches none is an error.
    - `tied`: by name, the tensor that another is one with: {"lm_head.weight": "wte.weight"}. Pairs whose first name is not
      there mean nothing.
    - `allow_unmatched`, `allow_unused`: a tensor that no rule matches, and a rule that is the first match of no tensor or a
      glob to freeze that matches none, are errors unless allowed. Unmatched tensors are treated as frozen.

    Iterating over a recipe gives its rules.
    """

    rules: tuple[Rule, ...]
    freeze: tuple[str, ...] = ()
    tied: tuple[tuple[str, str], ...] = ()
    allow_unmatched: bool = False
    allow_unused: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.rules, (str, Mapping)) or not isinstance(self.rules, Iterable):
            raise TypeError(f"rules must be a list of them, in the order in which they are tried, got {self.rules!r}")
        object.__setattr__(self, "rules", tuple(rule_of(rule) for rule in self.rules))
        object.__setattr__(self, "freeze", _patterns("freeze", self.freeze))
        object.__setattr__(self, "tied", _pairs(self.tied))

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def distributions(self, shapes: Mapping[str, Any] | Iterable[TensorSpec]) -> dict[str, Distribution | None]:
        """The distribution of each tensor by name: that of the first rule that matches. None for what no rule is to touch.

        Frozen tensors and those tied to another have none. ValueError for a tensor without a rule, a rule without a tensor,
        a distribution that the tensor cannot have, and tied tensors of different shapes.
        """
        tensors = tensor_specs(shapes)
        tied, unused = self.tied_in(tensors), [rule for rule in self.rules if not (rule.optional or self.allow_unused)]
        found: dict[str, Distribution | None] = {}
        for tensor in tensors:
            rule = None if tensor.name in tied or self.is_frozen(tensor.name) else self._rule_for(tensor)
            found[tensor.name] = None if rule is None else rule._distribution(tensor)
            unused = [other for other in unused if other is not rule]
        if unused:
            patterns = ", ".join(repr(rule.pattern) for rule in unused)
            raise ValueError(f"no tensor is left for the rules {patterns}: earlier ones match, or no name does")
        if not self.allow_unused:
            _matching("freeze", self.freeze, tensors)
        return found

    def _rule_for(self, tensor: TensorSpec) -> Rule | None:
        rule = next((rule for rule in self.rules if rule.matches(tensor)), None)
        if rule is None and not self.allow_unmatched:
            raise ValueError(f"no rule matches tensor {tensor.name!r} of shape {tensor.shape}")
        return rule

    def is_frozen(self, name: str) -> bool:
        return any(matcher(pattern)(name) for pattern in self.freeze)

    def tied_in(self, tensors: Iterable[TensorSpec]) -> dict[str, str]:
        """Of these tensors, those that are one with another, and that one's name. A frozen one keeps what it has."""
        shapes = {tensor.name: tensor.shape for tensor in tensors}
        here = {alias: name for alias, name in self.tied if alias in shapes and not self.is_frozen(alias)}
        for alias, name in here.items():
            if name not in shapes or name in here:
                raise ValueError(f"tied has {alias!r} as one with {name!r}, which is no tensor of its own")
            if shapes[alias] != shapes[name]:
                raise ValueError(f"tied has {alias!r} of shape {shapes[alias]} as one with {name!r} of {shapes[name]}")
        return here

    def materialize(
        self,
        shapes: Mapping[str, Any] | Iterable[TensorSpec],
        seed: int | SeedSequence | None = None,
        dtype: Any = np.float32,
        *,
        skip: Collection[str] | Mapping[str, np.ndarray] = (),
    ) -> dict[str, np.ndarray]:
        """The tensors by name, in the order of `shapes`; each one's values depend on the seed, its name and its distribution only.

        `shapes`: by name, shapes or what has a `shape` and perhaps a `dtype`; `dtype` is that of all floating-point tensors.
        `skip`: globs of tensors to leave out; or, by name, arrays that are there already and are returned as they are, so
        that only what is missing is made. Frozen tensors are returned where `skip` has them and else left out. Tied tensors
        are one array, which `skip` may have under either name.
        ValueError and TypeError as from `distributions`, and for a `skip` that fits no tensor, before anything is made.
        """
        tensors, element = tensor_specs(shapes), element_type(dtype)
        loaded = _loaded(skip, tensors) if isinstance(skip, Mapping) else {}
        left_out = set() if loaded else _matching("skip", _patterns("skip", skip), tensors)
        tied, distributions = self.tied_in(tensors), self.distributions(tensors)
        loaded = {**{name: loaded[alias] for alias, name in tied.items() if alias in loaded}, **loaded}
        wanted = [
            t for t in tensors if t.name not in left_out and t.name not in loaded and distributions[t.name] is not None
        ]
        for tensor in wanted:
            check_dtype(tensor, distributions[tensor.name])
        drawn = {tensor.name: tensor.shape for tensor in wanted if tensor.is_float()}
        made = {**loaded, **fill_batch({name: distributions[name] for name in drawn}, drawn, seed, element)}
        counters = [tensor for tensor in wanted if not tensor.is_float()]  # whole numbers, all the same
        made |= {t.name: np.full(t.shape, distributions[t.name].value, np.dtype(t.dtype)) for t in counters}
        made |= {alias: made[name] for alias, name in tied.items() if name in made and alias not in left_out | loaded.keys()}
        return {tensor.name: made[tensor.name] for tensor in tensors if tensor.name in made}


def check_dtype(tensor: TensorSpec, distribution: Distribution) -> None:
    """ValueError where the tensor has whole numbers or truth values, and the distribution draws."""
    if tensor.is_float():
        return
    if not (isinstance(distribution, Constant) and float(distribution.value).is_integer()):
        raise ValueError(
            f"tensor {tensor.name!r} has dtype {tensor.dtype}, for which no values are drawn: leave it out with `skip`, "
            f"or give it a rule with zeros, ones or constant"
        )


def _patterns(option: str, patterns: Any) -> tuple[str, ...]:
    if isinstance(patterns, str) or not isinstance(patterns, Iterable):
        raise TypeError(f"{option} must be a collection of patterns, got {patterns!r}")
    patterns = tuple(patterns)
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(f"{option} must have strings as '*.bias', got {pattern!r} among them")
    return patterns


def _pairs(tied: Any) -> tuple[tuple[str, str], ...]:
    pairs = tied.items() if isinstance(tied, Mapping) else tied
    try:
        pairs = tuple((alias, name) for alias, name in pairs)
    except (TypeError, ValueError):
        raise TypeError(f"tied must be a mapping from names to names, got {tied!r}") from None
    if not all(isinstance(name, str) for pair in pairs for name in pair):
        raise TypeError(f"tied must be a mapping from names to names, got {tied!r}")
    return pairs


def _matching(option: str, patterns: Iterable[str], tensors: Iterable[TensorSpec]) -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        names = {tensor.name for tensor in tensors if matcher(pattern)(tensor.name)}
        if not names:
            raise ValueError(f"{option} has {pattern!r}, which matches no tensor")
        found |= names
    return found


def _loaded(arrays: Mapping[str, np.ndarray], tensors: Iterable[TensorSpec]) -> dict[str, np.ndarray]:
    shapes = {tensor.name: tensor.shape for tensor in tensors}
    for name, array in arrays.items():
        if name not in shapes:
            raise ValueError(f"skip has {name!r}, which is no tensor of the model")
        if not hasattr(array, "shape"):
            raise TypeError(f"skip has {name!r} as {array!r}, which is no array")
        if tuple(array.shape) != shapes[name]:
            raise ValueError(f"skip has {name!r} of shape {tuple(array.shape)}, but the model's is {shapes[name]}")
    return dict(arrays)

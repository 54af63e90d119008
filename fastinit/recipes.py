"""Rules that give every named tensor of a model its law."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastinit.initializers import INITIALIZERS
from fastinit.laws import Law


@dataclass(frozen=True)
class Rule:
    """Tensors whose name matches the glob `pattern` get `initializer` with these `options`.

    `initializer` is the name of a function of `fastinit.initializers`; `options` are that law's own parameters
    (and `layout`), as in `Rule("*.c_proj.weight", "normal", {"std": 0.02})`. With `ndim`, only tensors of so many axes.
    """

    pattern: str
    initializer: str
    options: Mapping[str, Any] = field(default_factory=dict)
    ndim: int | None = None

    def matches(self, tensor: TensorSpec) -> bool:
        return self.ndim in (None, len(tensor.shape)) and fnmatch.fnmatchcase(tensor.name, self.pattern)

    def law_for(self, tensor: TensorSpec) -> Law:
        if self.initializer not in INITIALIZERS:
            raise ValueError(f"unknown initializer {self.initializer!r}: known: {', '.join(sorted(INITIALIZERS))}")
        try:
            return INITIALIZERS[self.initializer].law(tensor.shape, **self.options)
        except (TypeError, ValueError) as error:
            raise ValueError(f"rule {self.pattern!r} for tensor {tensor.name!r}: {error}") from None


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of a model: its name, its whole shape, and its dtype where the model fixes it (else None)."""

    name: str
    shape: tuple[int, ...]
    dtype: str | None = None


@dataclass(frozen=True)
class Model:
    """The tensors of a model in the order of its state dict, and the rules that initialize them: the first match wins."""

    tensors: tuple[TensorSpec, ...]
    rules: tuple[Rule, ...]


GENERIC_RULES = (
    Rule("*bias", "zeros"),
    Rule("*running_mean", "zeros"),
    Rule("*num_batches_tracked", "zeros"),
    Rule("*", "ones", ndim=0),
    Rule("*", "ones", ndim=1),
    Rule("*", "normal", {"std": 0.02}),
)
"""For tensors of which nothing is known but names and shapes: biases 0, other vectors (the scales of norms) 1, and
matrices N(0, 0.02), the law that transformers falls back on (`PreTrainedModel._init_weights`)."""


def laws(tensors: Iterable[TensorSpec], rules: Iterable[Rule], may_be_unused: Iterable[Rule] = ()) -> dict[str, Law]:
    """The law of each tensor by name: that of the first rule that matches it.

    ValueError for a tensor that no rule matches, and for a rule that is the first match of no tensor unless it is one of
    `may_be_unused`.
    """
    rules = tuple(rules)
    unused = [rule for rule in rules if rule not in tuple(may_be_unused)]
    found: dict[str, Law] = {}
    for tensor in tensors:
        rule = next((rule for rule in rules if rule.matches(tensor)), None)
        if rule is None:
            raise ValueError(f"no rule matches tensor {tensor.name!r} of shape {tensor.shape}")
        found[tensor.name] = rule.law_for(tensor)
        if rule in unused:
            unused.remove(rule)
    if unused:
        patterns = ", ".join(repr(rule.pattern) for rule in unused)
        raise ValueError(f"no tensor is left for the rules {patterns}: earlier ones match, or no name does")
    return found

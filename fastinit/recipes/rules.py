"""Rules: which tensors, by name, get which initializer."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from fastinit.distributions import Distribution
from fastinit.initializers import Initializer, get
from fastinit.initializers.layouts import Layout, layout_of
from fastinit.recipes.tensors import TensorSpec


@dataclass(frozen=True)
class Rule:
    """Tensors whose name matches the glob `pattern` get `initializer`: an initializer, or what `fastinit.get` takes.

    `layout`: that of these tensors (`fastinit.initializers`). With `ndim`, only tensors of so many axes. A rule that is the
    first match of no tensor is an error unless it is `optional`.
    """

    pattern: str
    initializer: Initializer
    layout: Layout | None = None
    ndim: int | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.pattern, str):
            raise TypeError(f"pattern must be a string as '*.bias', got {self.pattern!r}")
        if self.ndim is not None and (isinstance(self.ndim, bool) or not isinstance(self.ndim, int) or self.ndim < 0):
            raise ValueError(f"rule {self.pattern!r}: ndim must be a number of axes or None, got {self.ndim!r}")
        if not isinstance(self.optional, bool):
            raise TypeError(f"rule {self.pattern!r}: optional must be True or False, got {self.optional!r}")
        try:
            object.__setattr__(self, "initializer", get(self.initializer))
            object.__setattr__(self, "layout", None if self.layout is None else layout_of(self.layout))
        except (TypeError, ValueError) as error:
            raise type(error)(f"rule {self.pattern!r}: {error}") from None

    @classmethod
    def with_parameters(cls, pattern: str, initializer: Any, options: Mapping[str, Any]) -> Rule:
        """Of an initializer's name and its parameters, `layout`, `ndim` and `optional` being the rule's own."""
        own = {key: options[key] for key in ("layout", "ndim", "optional") if key in options}
        try:
            made = get(initializer, **{key: value for key, value in options.items() if key not in own})
        except (TypeError, ValueError) as error:
            raise type(error)(f"rule {pattern!r}: {error}") from None
        return cls(pattern, made, **own)

    def as_optional(self) -> Rule:
        return replace(self, optional=True)

    def matches(self, tensor: TensorSpec) -> bool:
        return self.ndim in (None, len(tensor.shape)) and bool(matcher(self.pattern)(tensor.name))

    def distribution_for(self, tensor: TensorSpec) -> Distribution:
        """What a tensor of this shape is drawn from. ValueError for a shape that the initializer refuses."""
        try:
            return self.initializer.distribution_for(tensor.shape, layout=self.layout)
        except (TypeError, ValueError) as error:
            raise ValueError(f"rule {self.pattern!r} for tensor {tensor.name!r}: {error}") from None


def rule_of(rule: Any) -> Rule:
    """A Rule; or of a tuple (pattern, initializer), or (pattern, initializer's name, parameters in a mapping)."""
    if isinstance(rule, Rule):
        return rule
    if isinstance(rule, (tuple, list)) and len(rule) == 2:
        return Rule(*rule)
    if isinstance(rule, (tuple, list)) and len(rule) == 3 and isinstance(rule[2], Mapping):
        return Rule.with_parameters(*rule)
    raise TypeError(f"a rule must be (pattern, initializer), (pattern, name, parameters) or a Rule, got {rule!r}")


@cache
def matcher(pattern: str) -> Callable[[str], Any]:
    """Whether the whole of a name matches a glob, upper and lower case being different."""
    return re.compile(fnmatch.translate(pattern)).match

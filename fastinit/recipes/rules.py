"""Rules: which tensors, by name, get which initializer."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeAlias

from fastinit.distributions import Distribution
from fastinit.initializers import Initializer, get
from fastinit.initializers.layouts import UNSPECIFIED, Layout, LayoutLike, layout_of
from fastinit.initializers.names import InitializerLike
from fastinit.recipes.tensors import TensorSpec
from fastinit.runtime.checks import boolean, integer


@dataclass(frozen=True, init=False)
class Rule:
    """Tensors whose name matches the glob `pattern` get `initializer`: an initializer, or what `fastinit.get` takes.

    `layout`: that of these tensors (`fastinit.initializers`); without one it is that of the initializer's convention, else
    what the tensor or the plan says. With `ndim`, only tensors of so many axes. A rule that is the
    first match of no tensor is an error unless it is `optional`. TypeError and ValueError for other arguments.

    >>> import fastinit
    >>> fastinit.Rule("*.weight", "kaiming_normal_", layout="oi", ndim=2).initializer
    HeNormal()
    """

    pattern: str
    initializer: Initializer
    layout: Layout | None
    ndim: int | None
    optional: bool

    def __init__(
        self,
        pattern: str,
        initializer: InitializerLike,
        layout: LayoutLike = None,
        ndim: int | None = None,
        optional: bool = False,
    ) -> None:
        if not isinstance(pattern, str):
            raise TypeError(f"pattern must be a string as '*.bias', got {pattern!r}")
        try:
            vars(self).update(
                pattern=pattern,
                initializer=get(initializer),
                layout=None if layout is None else layout_of(layout),
                ndim=None if ndim is None else integer("ndim", ndim, 0),
                optional=boolean("optional", optional),
            )
        except (TypeError, ValueError) as error:
            raise type(error)(f"rule {pattern!r}: {error}") from None

    @classmethod
    def with_parameters(cls, pattern: str, initializer: InitializerLike, options: Mapping[str, Any]) -> Rule:
        """A rule from an initializer's name and options: `layout`, `ndim`, `optional`, and the initializer's parameters."""
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

    def distribution_for(self, tensor: TensorSpec, layout: LayoutLike = None) -> Distribution:
        """What a tensor of this shape is drawn from. ValueError for a shape that the initializer refuses.

        `layout`: that of tensors of which the rule, the initializer's convention and the tensor itself say none.
        """
        try:
            return self.initializer.distribution_for(tensor.shape, layout=self._layout_of(tensor, layout))
        except (TypeError, ValueError) as error:
            raise ValueError(f"rule {self.pattern!r} for tensor {tensor.name!r}: {error}") from None

    def _layout_of(self, tensor: TensorSpec, default: LayoutLike) -> Layout:
        if self.layout is not None:
            return self.layout
        of_convention = self.initializer.layout(None)
        if of_convention != UNSPECIFIED:
            return of_convention
        return layout_of(default if tensor.layout is None else tensor.layout)


RuleLike: TypeAlias = Rule | tuple[str, InitializerLike] | tuple[str, InitializerLike, Mapping[str, Any]]
"""A rule, (pattern, initializer), or (pattern, initializer's name, parameters)."""


def rule_of(rule: RuleLike) -> Rule:
    if isinstance(rule, Rule):
        return rule
    if isinstance(rule, (tuple, list)):
        if len(rule) == 2:
            return Rule(*rule)
        if len(rule) == 3 and isinstance(rule[2], Mapping):
            return Rule.with_parameters(*rule)
    raise TypeError(f"a rule must be (pattern, initializer), (pattern, name, parameters) or a Rule, got {rule!r}")


@cache
def matcher(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """Whether the whole of a name matches a glob, upper and lower case being different."""
    return re.compile(fnmatch.translate(pattern)).match

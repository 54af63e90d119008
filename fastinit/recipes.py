"""Rules that give every named tensor of a model its initializer."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Rule:
    """Tensors whose name matches the glob `pattern` get `initializer` with these `options`.

    `initializer` is the name of a function of `fastinit.initializers`; `options` are that law's own parameters
    (and `layout`), as in `Rule("*.c_proj.weight", "normal", {"std": 0.02})`.
    """

    pattern: str
    initializer: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def matches(self, name: str) -> bool:
        return fnmatch.fnmatchcase(name, self.pattern)


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

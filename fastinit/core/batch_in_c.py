"""The tensors of a batch that C fills by itself: csrc/bindings/many_fills.c."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from fastinit.backends import c_calls
from fastinit.backends.elements import ElementType
from fastinit.core.pieces import LEAST_FOR_THREADS
from fastinit.core.small_arrays import MOST_ARRAYS, PART
from fastinit.core.small_fills import small_fill
from fastinit.core.stream import words_before_name
from fastinit.distributions import Distribution
from fastinit.runtime import checks, threads
from fastinit.runtime.types import Seed, Shape

DistributionOf: TypeAlias = Callable[[object, tuple[int, ...]], Distribution]
"""The distribution of what is given for a tensor, and its shape."""


class InC(NamedTuple):
    """The tensors that C fills: csrc/bindings/many_fills.c."""

    arrays: dict[str, Any]
    """By name; None for those that are `left` to Python."""
    left: list[str]
    ends: list[int]
    """Where the parts end that threads take."""
    values: int
    plan: Any

    def fill(self) -> None:
        if not self.ends:
            return
        num_threads = threads.get_num_threads() if self.values > LEAST_FOR_THREADS else 1
        fill_part = partial(c_calls.native().run_many, self.plan)
        threads.run((partial(fill_part, first, last) for first, last in pairwise([0, *self.ends])), num_threads)


def planned_in_c(
    given: Mapping[str, object],
    shapes: Mapping[str, Shape],
    distribution_of: DistributionOf,
    seed: Seed,
    element: ElementType,
    out: Mapping[str, Any] | None,
) -> InC:
    def learn(of: object, shape: Shape) -> Any:
        lengths = checks.shape(shape)
        return small_fill(distribution_of(of, lengths), lengths, element)

    native, entropy, planned = c_calls.native(), words_before_name(seed), None
    if native is not None and entropy is not None:
        mappings = _dict(shapes), _dict(given), None if out is None else _dict(out)
        planned = native.plan_many(*mappings[:2], entropy, mappings[2], learn, MOST_ARRAYS, PART)
    return InC(dict.fromkeys(shapes), list(shapes), [], 0, None) if planned is None else InC(*planned)


def _dict(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return mapping if type(mapping) is dict else dict(mapping)

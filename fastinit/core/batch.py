"""Fills many tensors together, so that small ones share the cost of a kernel's call and of waking threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastinit.backends.elements import ElementType
from fastinit.core.batch_in_c import planned_in_c
from fastinit.core.batch_in_python import InPython
from fastinit.core.fill import check_shape
from fastinit.core.seed_sequences import seed_sequence
from fastinit.distributions import Distribution
from fastinit.runtime.types import Array, Seed, Shape


def itself(distribution: Distribution, shape: tuple[int, ...]) -> Distribution:
    return distribution


def fill_batch(
    given: Mapping[str, object],
    shapes: Mapping[str, Shape],
    seed: Seed,
    element: ElementType,
    out: Mapping[str, Array] | None = None,
    distribution_for: Callable[[Any, tuple[int, ...]], Distribution] = itself,
    addresses: Mapping[str, int] | None = None,
    is_fresh: bool = False,
) -> dict[str, Any]:
    """For each name of `shapes` what `fill(distribution, shape, seed=seed, name=name, ...)` gives, in `element`'s dtype.

    The distribution is distribution_for(given[name], shape), called once for each of what is given and shape; by default
    it is given. Everything is checked before anything is written; the errors are those of `fill`.

    `addresses`: where the memory of some begins that is one block of this shape and dtype, which the caller answers for and
    keeps; they are what is returned for those. `out` is asked for the others only. `is_fresh`: whether nothing was written
    to this memory yet.
    """
    seed = seed_sequence(None) if seed is None else seed
    distributions = _Distributions(distribution_for)
    in_c = planned_in_c(given, shapes, distributions.of, seed, element, out if addresses is None else addresses)
    in_python = InPython({name: shapes[name] for name in in_c.left}, given, distributions.of, seed, element, out, is_fresh)
    in_c.arrays.update(in_python.arrays)
    in_c.fill()
    in_python.fill()
    return in_c.arrays


class _Distributions:
    """The distributions of what is given and shapes, each made once."""

    def __init__(self, make: Callable[[Any, tuple[int, ...]], Distribution]) -> None:
        self._make = make
        self._made: dict[tuple[int, tuple[int, ...]], Distribution] = {}

    def of(self, given: object, shape: tuple[int, ...]) -> Distribution:
        distribution = self._made.get((id(given), shape))
        if distribution is None:
            distribution = self._made[id(given), shape] = self._make(given, shape)
            check_shape(distribution, shape)
        return distribution

"""Fills many tensors together, so that small ones share the cost of a kernel's call and of waking threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from fastinit.backends import c_calls
from fastinit.backends.elements import ElementType
from fastinit.core.dtypes import check_out
from fastinit.core.fill import check_shape, fill
from fastinit.core.pieces import LEAST_FOR_THREADS
from fastinit.core.seed_sequences import seed_sequence
from fastinit.core.small_arrays import MOST_ARRAYS, PART, SmallArrays, is_small
from fastinit.core.small_fills import small_fill
from fastinit.core.stream import Stream, streams_of, words_before_name
from fastinit.core.whole_tensors import whole_values
from fastinit.distributions import Distribution, Slabs, WholeTensor
from fastinit.runtime import checks, threads
from fastinit.runtime.types import Array, Float64Array, Seed, Shape


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
    in_c = _planned_in_c(given, shapes, distributions, seed, element, out if addresses is None else addresses)
    in_python = _Batch({name: shapes[name] for name in in_c.left}, given, distributions, seed, element, out, is_fresh)
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


class _InC(NamedTuple):
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


def _planned_in_c(
    given: Mapping[str, object],
    shapes: Mapping[str, Shape],
    distributions: _Distributions,
    seed: Seed,
    element: ElementType,
    out: Mapping[str, Any] | None,
) -> _InC:
    def learn(of: object, shape: Shape) -> Any:
        lengths = checks.shape(shape)
        return small_fill(distributions.of(of, lengths), lengths, element)

    native, entropy, planned = c_calls.native(), words_before_name(seed), None
    if native is not None and entropy is not None:
        mappings = _dict(shapes), _dict(given), None if out is None else _dict(out)
        planned = native.plan_many(*mappings[:2], entropy, mappings[2], learn, MOST_ARRAYS, PART)
    return _InC(dict.fromkeys(shapes), list(shapes), [], 0, None) if planned is None else _InC(*planned)


def _dict(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return mapping if type(mapping) is dict else dict(mapping)


class _Batch:
    """Tensors that Python fills: those of one distribution together, small ones in one call of the backend."""

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        given: Mapping[str, object],
        distributions: _Distributions,
        seed: Seed,
        element: ElementType,
        out: Mapping[str, Array] | None,
        is_fresh: bool,
    ) -> None:
        lengths = {name: checks.shape(shape) for name, shape in shapes.items()}
        made = {name: distributions.of(given[name], shape) for name, shape in lengths.items()}
        given_out = {} if out is None else {name: out[name] for name in lengths}
        for name, array in given_out.items():
            check_out(array, lengths[name], element.dtype)
        words = streams_of(seed, list(lengths)).tobytes()  # also checks the names
        self.arrays = given_out or {name: np.empty(shape, element.dtype) for name, shape in lengths.items()}
        self._small, groups = SmallArrays(), dict[int, _Group]()
        for at, (name, array) in enumerate(self.arrays.items()):
            distribution = made[name]
            group = groups.get(id(distribution))
            if group is None:
                distribution.parameters(element.real)  # raises where they are out of range
                group = groups[id(distribution)] = _Group(distribution, element, self._small, is_fresh or out is None)
            group.tensors.append((words[16 * at : 16 * at + 16], array))
        self._groups = groups.values()

    def fill(self) -> None:
        for group in self._groups:
            group.distribution.write(group)
        self._small.fill()


class _Group:
    """The request for all tensors of one distribution (`fastinit.distributions.base.Request`)."""

    def __init__(self, distribution: Distribution, element: ElementType, small: SmallArrays, is_fresh: bool) -> None:
        self.real, self.distribution = element.real, distribution
        self.tensors: list[tuple[bytes, Array]] = []
        self._element, self._small, self._is_fresh = element, small, is_fresh

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        """Small arrays are collected, to be filled together; the others are filled one by one."""
        name = f"{kernel}_{self._element.name}"
        for words, out in self.tensors:
            if is_small(out):
                self._small.add(name, words, parameters, out)
            else:
                self._fill(self.distribution, words, out)

    def repeat(self, value: float) -> None:
        for _, out in self.tensors:
            out[...] = value

    def select(self, distribution: WholeTensor[Any]) -> None:
        for words, out in self.tensors:
            out[...] = whole_values(distribution, Stream.unpacked(words), self.real)

    def compose(self, slabs: Slabs) -> None:
        for words, out in self.tensors:
            self._fill(slabs, words, out)

    def _fill(self, distribution: Distribution, words: bytes, out: Array) -> None:
        stream, dtype = Stream.unpacked(words), self._element.dtype
        fill(distribution, out.shape, seed=stream, dtype=dtype, out=out, is_fresh=self._is_fresh)

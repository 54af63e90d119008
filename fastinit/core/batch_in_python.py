"""The tensors of a batch that Python fills: those of one distribution together, small ones in one call of the backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastinit.backends.elements import ElementType
from fastinit.core.batch_in_c import DistributionOf
from fastinit.core.dtypes import check_out
from fastinit.core.fill import fill
from fastinit.core.small_arrays import SmallArrays, is_small
from fastinit.core.stream import Stream, streams_of
from fastinit.core.whole_tensors import whole_values
from fastinit.distributions import Distribution, Slabs, WholeTensor
from fastinit.runtime import checks
from fastinit.runtime.types import Array, Float64Array, Seed, Shape


class InPython:
    """Tensors that Python fills: those of one distribution together, small ones in one call of the backend."""

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        given: Mapping[str, object],
        distribution_of: DistributionOf,
        seed: Seed,
        element: ElementType,
        out: Mapping[str, Array] | None,
        is_fresh: bool,
    ) -> None:
        lengths = {name: checks.shape(shape) for name, shape in shapes.items()}
        made = {name: distribution_of(given[name], shape) for name, shape in lengths.items()}
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

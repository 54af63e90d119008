"""Fills many tensors together, so that small ones share the cost of a kernel's call and of waking threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import SeedSequence

from fastinit.backends.elements import ElementType
from fastinit.core.draws import Draws
from fastinit.core.dtypes import check_out
from fastinit.core.fill import check_shape, fill
from fastinit.core.small import SmallArrays, is_small
from fastinit.core.stream import Stream, streams_of
from fastinit.distributions import Distribution, Slabs
from fastinit.runtime.types import Array, Float64Array, FloatArray, Seed


def fill_batch(
    distributions: Mapping[str, Distribution],
    shapes: Mapping[str, tuple[int, ...]],
    seed: Seed,
    element: ElementType,
    out: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """For each name what `fill(distributions[name], shapes[name], seed=seed, name=name, ...)` gives, in `element`'s dtype.

    Everything is checked before anything is written; the errors are those of `fill`.
    """
    if out is not None:
        for name, shape in shapes.items():
            check_out(out[name], shape, element.dtype)
    streams = streams_of(SeedSequence() if seed is None else seed, list(shapes))  # also checks the names
    arrays = {name: out[name] if out else np.empty(shape, element.dtype) for name, shape in shapes.items()}
    small, groups = SmallArrays(), dict[int, _Group]()
    words = streams.tobytes()
    for at, (name, array) in enumerate(arrays.items()):
        distribution = distributions[name]
        group = groups.get(id(distribution))
        if group is None:
            distribution.parameters(element.real)  # raises where they are out of range
            group = groups[id(distribution)] = _Group(distribution, element, small)
        if group.only_shape is not None:
            check_shape(distribution, array.shape)
        group.tensors.append((words[16 * at : 16 * at + 16], array))
    for group in groups.values():
        group.distribution.write(group)
    small.fill()
    return arrays


class _Group:
    """The request for all tensors of one distribution (`fastinit.distributions.base.Request`)."""

    def __init__(self, distribution: Distribution, element: ElementType, small: SmallArrays) -> None:
        self.real = element.real
        self.distribution, self.only_shape = distribution, distribution.only_shape
        self.tensors: list[tuple[bytes, Array]] = []
        self._element, self._small = element, small

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        """Small arrays are collected, to be filled together; the others are filled one by one."""
        element, name = self._element, f"{kernel}_{self._element.name}"
        for words, out in self.tensors:
            if is_small(out):
                self._small.add(name, words, parameters, out)
            else:
                fill(self.distribution, out.shape, seed=Stream.unpacked(words), dtype=element.dtype, out=out)

    def repeat(self, value: float) -> None:
        for _, out in self.tensors:
            out[...] = value

    def select(self, values: Callable[[Draws], FloatArray]) -> None:
        for words, out in self.tensors:
            out[...] = values(Draws(Stream.unpacked(words), self.real))

    def compose(self, slabs: Slabs) -> None:
        for words, out in self.tensors:
            fill(slabs, out.shape, seed=Stream.unpacked(words), dtype=self._element.dtype, out=out)

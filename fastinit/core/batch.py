"""Fills many tensors together, so that small ones share the cost of a kernel's call and of waking threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.random import SeedSequence

from fastinit.backends import Backend, current
from fastinit.backends.elements import ElementType
from fastinit.core.draws import Draws
from fastinit.core.dtypes import check_out
from fastinit.core.fill import fill
from fastinit.core.pieces import LEAST_FOR_THREADS, TILE
from fastinit.core.stream import Stream, streams_of
from fastinit.distributions import Distribution
from fastinit.runtime import threads
from fastinit.runtime.types import Array, Float64Array, FloatArray, Seed, UInt32Array

PART = 64 * TILE  # elements that a thread takes at a time, some hundred microseconds of small arrays
MOST_ARRAYS = 1000  # that a thread takes at a time: an interrupt waits for them
SMALL = LEAST_FOR_THREADS  # elements: a larger array is filled by itself, by several threads


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
    small: list[_Small] = []
    groups: dict[int, _Group] = {}
    for words, (name, array) in zip(streams, arrays.items()):
        distribution = distributions[name]
        if id(distribution) not in groups:
            distribution.parameters(element.real)  # raises where they are out of range
            groups[id(distribution)] = _Group(distribution, element, small)
        groups[id(distribution)].tensors.append((words, array))
    for group in groups.values():
        group.distribution.write(group)
    _fill_small(small)
    return arrays


class _Small(NamedTuple):
    """A small array, and what a backend needs to fill it."""

    kernel: str
    stream: UInt32Array
    parameters: Float64Array
    out: Array


class _Group:
    """The request for all tensors of one distribution (`fastinit.distributions.base.Request`)."""

    def __init__(self, distribution: Distribution, element: ElementType, small: list[_Small]) -> None:
        self.real = element.real
        self.distribution = distribution
        self.tensors: list[tuple[UInt32Array, Array]] = []
        self._element, self._small = element, small

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        """Small arrays are collected, to be filled together; the others are filled one by one."""
        element, name = self._element, f"{kernel}_{self._element.name}"
        for words, out in self.tensors:
            if 0 < out.size <= SMALL and out.flags.c_contiguous and out.flags.aligned and out.dtype.isnative:
                flat = np.asarray(out).reshape(-1).view(element.storage)
                self._small.append(_Small(name, words, parameters, flat))
            else:
                fill(self.distribution, out.shape, seed=_stream(words), dtype=element.dtype, out=out)

    def repeat(self, value: float) -> None:
        for _, out in self.tensors:
            out[...] = value

    def select(self, values: Callable[[Draws], FloatArray]) -> None:
        for words, out in self.tensors:
            out[...] = values(Draws(_stream(words), self.real))


def _stream(words: UInt32Array) -> Stream:
    return Stream(*words.tolist())


def _fill_small(arrays: Sequence[_Small]) -> None:
    sizes = [small.out.size for small in arrays]
    num_threads = threads.get_num_threads() if sum(sizes) > LEAST_FOR_THREADS else 1
    backend = current()
    threads.run((partial(_fill_part, backend, arrays[part]) for part in _parts(sizes)), num_threads)


def _fill_part(backend: Backend, part: Sequence[_Small]) -> None:
    kernels, streams, parameters, outs = zip(*part)
    backend.fill_many(kernels, np.array(streams), parameters, outs)


def _parts(sizes: Sequence[int]) -> list[slice]:
    """The list in parts of about `PART` elements and at most `MOST_ARRAYS` arrays."""
    ends, in_part = [0], 0
    for i, size in enumerate(sizes, 1):
        in_part += size
        if in_part >= PART or i - ends[-1] >= MOST_ARRAYS or i == len(sizes):
            ends.append(i)
            in_part = 0
    return [slice(first, last) for first, last in pairwise(ends)]

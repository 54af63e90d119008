"""Boxes of a tensor: a range of indices along each axis. How they divide a tensor, and which lies on top."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from fastinit.runtime.types import Array, Int64Array


class Box(NamedTuple):
    """`shape` many indices along each axis, from `start` on."""

    start: tuple[int, ...]
    shape: tuple[int, ...]

    @classmethod
    def whole(cls, shape: tuple[int, ...]) -> Box:
        """All of a tensor of this shape."""
        return cls((0,) * len(shape), shape)

    @classmethod
    def between(cls, start: Sequence[int], stop: Sequence[int]) -> Box:
        """From `start` up to `stop`; empty along an axis where that is not above it."""
        return cls(tuple(start), tuple(max(0, last - first) for first, last in zip(start, stop)))

    @property
    def stop(self) -> tuple[int, ...]:
        return tuple(first + n for first, n in zip(self.start, self.shape))

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The box of an array, as in array[box.slices]."""
        return tuple(slice(first, first + n) for first, n in zip(self.start, self.shape))

    def within(self, other: Box) -> Box:
        """What both have in common."""
        return Box.between(tuple(map(max, self.start, other.start)), tuple(map(min, self.stop, other.stop)))

    def placed(self, of: tuple[int, ...], into: Box) -> Box:
        """This box of a tensor of shape `of`, which is itself the box `into` of a larger one, as a box of that one.

        Axes of length 1 of `into` may be missing from the tensor.
        """
        inside = iter([(first, n) for first, n, length in zip(self.start, self.shape, of) if length != 1])
        along = [(0, 1) if n == 1 else next(inside) for n in into.shape]
        return Box(tuple(first + at for first, (at, _) in zip(into.start, along)), tuple(n for _, n in along))

    def key(self, shape: tuple[int, ...]) -> str:
        """The key of the box's stream, where it has a distribution of its own in a tensor of this shape: "[offset:shape]".

        `offset`: the row-major number of the box's first element; the shape is given without axes of length 1, so that it is
        the same for a view that lacks them.
        """
        offset = 0
        for first, n in zip(self.start, shape):
            offset = offset * n + first
        return f"[{offset}:{longer_axes(self.shape)}]"

    def text(self, shape: tuple[int, ...]) -> str:
        """As in an index of a tensor of this shape: "[0]", "[1:]", "[:, 8:16]"."""
        texts = [_span(*span) for span in zip(self.start, self.stop, shape)]
        while len(texts) > 1 and texts[-1] == ":":
            texts.pop()
        return f"[{', '.join(texts) or '...'}]"


def _span(first: int, stop: int, n: int) -> str:
    if stop == first + 1 and n > 1:
        return str(first)
    return f"{first or ''}:{stop if stop < n else ''}"


def longer_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The lengths other than 1: two shapes that agree in these have the same elements in row-major order."""
    return tuple(n for n in shape if n != 1)


class Grid:
    """Boxes over a tensor of this shape, later ones above earlier ones, and the cells into which their borders divide it."""

    def __init__(self, shape: tuple[int, ...], boxes: Sequence[Box]) -> None:
        borders = [{0, n} for n in shape]
        for box in boxes:
            for along, *ends in zip(borders, box.start, box.stop):
                along.update(ends)
        self._borders = [sorted(along) for along in borders]
        places = [{border: place for place, border in enumerate(along)} for along in self._borders]
        self.top: Int64Array = np.full([len(along) - 1 for along in self._borders], -1)
        for number, box in enumerate(boxes):
            first, last = ([at[end] for at, end in zip(places, ends)] for ends in (box.start, box.stop))
            self.top[tuple(map(slice, first, last))] = number

    @cached_property
    def uncovered(self) -> Box | None:
        """A part of the tensor that no box covers."""
        bare = np.argwhere(self.top < 0)
        return self._box(bare[0], bare[0] + 1) if len(bare) else None

    def visible(self) -> set[int]:
        """The numbers of the boxes of which some is not beneath a later one."""
        return set(np.unique(self.top).tolist())

    def boxes(self, labels: Sequence[Hashable]) -> Iterator[tuple[Box, int]]:
        """Disjoint boxes that together are the tensor, each with the number of a box; those of one label may be joined."""
        numbers = {label: number for number, label in reversed(list(enumerate(labels)))}
        cells = np.array([numbers[label] for label in labels], np.int64)[self.top]
        done = np.zeros(cells.shape, bool)
        for cell in np.ndindex(cells.shape):
            if not done[cell]:
                last = [at + 1 for at in cell]
                for axis in reversed(range(cells.ndim)):
                    while last[axis] < cells.shape[axis] and _all_free(cells, done, int(cells[cell]), cell, last, axis):
                        last[axis] += 1
                done[tuple(map(slice, cell, last))] = True
                yield self._box(cell, last), int(cells[cell])

    def _box(self, first: Sequence[int], last: Sequence[int]) -> Box:
        start, stop = ([along[at] for along, at in zip(self._borders, ends)] for ends in (first, last))
        return Box.between(start, stop)


def _all_free(cells: Int64Array, done: Array, number: int, first: Sequence[int], last: Sequence[int], axis: int) -> bool:
    """Whether the next layer of cells along an axis has this number, and belongs to no box yet."""
    layer = tuple(slice(last[i], last[i] + 1) if i == axis else slice(first[i], last[i]) for i in range(len(first)))
    return bool((cells[layer] == number).all()) and not done[layer].any()

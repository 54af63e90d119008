"""Which elements of a tensor a request asks for, as runs of positions a constant step apart.

A position is the row-major number of an element in the whole tensor. Nothing here is as large as the tensor or the result:
runs are worked out piece by piece.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from fastinit.distributions.boxes import Box
from fastinit.runtime.types import Array, Int64Array, UInt64Array
from fastinit.runtime.values import value_class

RUNS_AT_ONCE = 8192  # 64 KiB of starts, and as much again for each axis while they are worked out


class TruePlaces:
    """The row-major numbers of the True in a mask, as an array of which a part is worked out where it is asked for."""

    BLOCK = 2**13  # elements of the mask: a few thousand True are asked for at a time
    BLOCKS_OF_PART = 8  # whose values stay in the caches
    ndim = 1

    def __init__(self, mask: Array) -> None:
        self._flat = mask.reshape(-1)
        counts = [np.count_nonzero(self._flat[at : at + self.BLOCK]) for at in range(0, mask.size, self.BLOCK)]
        self._before = np.cumsum(np.array([0, *counts]))  # of each block, how many True stand before it
        self.shape = (int(self._before[-1]),)

    def __getitem__(self, part: slice) -> Int64Array:
        first = int(np.searchsorted(self._before, part.start, side="right")) - 1
        last = int(np.searchsorted(self._before, part.stop))
        found = np.flatnonzero(self._flat[first * self.BLOCK : last * self.BLOCK])
        found = found[part.start - self._before[first] : part.stop - self._before[first]]
        found += first * self.BLOCK
        return found

    def parts(self, first: int, last: int) -> Iterator[tuple[int, Array, slice]]:
        """Parts of the mask, flat, that together have its True of numbers `first` to `last` - 1: where in the mask each
        begins, and which of its True these are."""
        block = int(np.searchsorted(self._before, first, side="right")) - 1
        while first < last:
            end = min(block + self.BLOCKS_OF_PART, len(self._before) - 1)
            before, here = int(self._before[block]), min(last, int(self._before[end]))
            yield block * self.BLOCK, self._flat[block * self.BLOCK : end * self.BLOCK], slice(first - before, here - before)
            first, block = here, end

    @property
    def share(self) -> float:
        return self.shape[0] / max(1, self._flat.size)


@value_class
class Table:
    """What an integer array in an index adds to a position: step times its entry at the result's axes from `first` on.

    An entry below 0 counts from the end of an axis of `length`. The array is the user's own, or a view of it.
    """

    first: int
    array: Array | TruePlaces
    length: int
    step: int

    @property
    def last(self) -> int:
        return self.first + self.array.ndim - 1

    def look_up(self, where: Any) -> Int64Array:
        entries: Int64Array = self.array[where].astype(np.int64)
        if not isinstance(self.array, TruePlaces):
            entries[entries < 0] += self.length
        if self.step != 1:
            entries *= self.step
        return entries


@value_class
class Positions:
    """The positions of a result of this shape: origin + steps . i + the tables' entries at i, for a multi-index i.

    `is_whole` says that they are 0, 1, 2, ... `array_axes`: the result's axes that the arrays of an index have made.
    """

    shape: tuple[int, ...]
    origin: int
    steps: tuple[int, ...]
    tables: tuple[Table, ...] = ()
    is_whole: bool = False
    array_axes: range | None = None

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def mask(self) -> TruePlaces | None:
        """The mask whose True, from the origin on, are the positions, if it alone says which."""
        if len(self.tables) == 1 and self.tables[0].step == 1:
            array = self.tables[0].array
            return array if isinstance(array, TruePlaces) and array.shape[0] == self.size else None
        return None

    def runs(self, first: int, last: int) -> Iterator[tuple[UInt64Array, int, int]]:
        """(starts, count, step) of runs that together are elements `first` to `last` - 1 of the result, in order."""
        while first < last:
            starts, count, step = self.some_runs(first, last, RUNS_AT_ONCE)
            yield starts, count, step
            first += count * starts.size

    def some_runs(self, first: int, last: int, most: int) -> tuple[UInt64Array, int, int]:
        """The first of these runs, `most` at most."""
        if self.is_whole:
            return np.array([first], np.uint64), last - first, 1
        length, step = self._run_length(), self._run_step()
        run, offset = divmod(first, length)
        if offset or last - first < length:
            count, runs = min(length - offset, last - first), 1
        else:
            count, runs = length, min((last - first) // length, most)
        starts = self._offsets(self._run_axes(), run, run + runs)
        starts += self.origin + offset * step
        return starts.view(np.uint64), count, step

    def has_rows(self, width: int) -> bool:
        """Whether every run is of whole rows of `width` elements."""
        return self.is_whole or self._run_length() % width == 0

    def rows(self, first: int, last: int, width: int) -> Iterator[tuple[UInt64Array, int]]:
        """(starts, step) of the rows of `width` elements that are elements `first` to `last` - 1, where it has rows."""
        for starts, count, step in self.runs(first, last):
            rows = count // width
            at_once = max(1, RUNS_AT_ONCE // rows)
            for some in np.split(starts, range(at_once, starts.size, at_once)):
                for row in range(0, rows, RUNS_AT_ONCE):  # one pass, except where there is a single start
                    numbers = np.arange(row, min(row + RUNS_AT_ONCE, rows), dtype=np.uint64)
                    offsets = numbers * np.uint64(width * step & MASK_64)
                    yield (some[:, np.newaxis] + offsets).reshape(-1), step

    def row_axes(self) -> int:
        """How many axes, the first ones, number rows that all take the same places, each from its own start on."""
        return max(0, self._first_with(self._last_table_axis()))

    def row(self) -> Positions:
        """The positions of one of these rows, from its start on."""
        axes = self.row_axes()
        tables = (Table(table.first - axes, table.array, table.length, table.step) for table in self.tables)
        return Positions(self.shape[axes:], 0, self.steps[axes:], tuple(table for table in tables if table.first >= 0))

    def row_starts(self, first: int, last: int) -> Int64Array:
        """Where rows `first` to `last` - 1 of these start."""
        starts = self._offsets(self.row_axes(), first, last)
        starts += self.origin
        return starts

    def _run_axes(self) -> int:
        """How many axes number the runs; the others, the last ones, merge into one, whose elements are one step apart."""
        axes, length, step = len(self.shape), 1, self._run_step()
        while axes > self._last_table_axis() + 1:
            n = self.shape[axes - 1]
            if n != 1 and length > 1 and self.steps[axes - 1] != step * length:
                break
            length *= n
            axes -= 1
        return axes

    def _run_length(self) -> int:
        return math.prod(self.shape[self._run_axes() :])

    def _run_step(self) -> int:
        for axis in range(len(self.shape) - 1, self._last_table_axis(), -1):
            if self.shape[axis] != 1:
                return self.steps[axis]
        return 1

    def _last_table_axis(self) -> int:
        return max((table.last for table in self.tables), default=-1)

    def _first_with(self, axis: int) -> int:
        """The first of the axes that are looked up together with this one."""
        while outer := [table.first for table in self.tables if table.first < axis <= table.last]:
            axis = min(outer)
        return axis

    def _offsets(self, axes: int, first: int, last: int) -> Int64Array:
        """What the first `axes` axes add to the origin, for the row-major numbers `first` to `last` - 1 of their indices.

        No more is worked out at a time than that, or than a row of the innermost axes that are smaller.
        """
        if axes == 0:
            return np.zeros(1, np.int64)
        inner = self._first_with(axes - 1)
        n, count = math.prod(self.shape[inner:axes]), last - first
        row, begin = divmod(first, n)
        border = (row + 1) * n
        if last <= border:
            offsets = self._along(inner, axes, begin, begin + count)
            offsets += self._offsets(inner, row, row + 1)
            return offsets
        if count < n:
            return np.concatenate([self._offsets(axes, first, border), self._offsets(axes, border, last)])
        rows = self._offsets(inner, row, -(-last // n))
        return (rows[:, np.newaxis] + self._along(inner, axes, 0, n)).reshape(-1)[begin : begin + count]

    def _along(self, inner: int, axes: int, first: int, last: int) -> Int64Array:
        """What the axes from `inner` to `axes` - 1 add, for these row-major numbers of their indices."""
        index: tuple[Any, ...] = (slice(first, last),)
        if axes - inner > 1:
            index = np.unravel_index(np.arange(first, last), self.shape[inner:axes])
        offsets = np.zeros(last - first, np.int64)
        for axis, step in enumerate(self.steps[inner:axes]):
            if step:  # 0 along the axes of arrays
                offsets += (index[axis] if axes - inner > 1 else np.arange(first, last)) * step
        for table in self.tables:
            if inner <= table.first < axes:
                where = index[table.first - inner : table.last + 1 - inner]
                offsets += table.look_up(where[0] if len(where) == 1 else where)
        return offsets


MASK_64 = 2**64 - 1  # makes a negative offset unsigned; the sum is taken modulo 2^64


def whole(shape: tuple[int, ...]) -> Positions:
    """All elements, in order."""
    return Positions(shape, 0, row_major_steps(shape), is_whole=True)


def boxes_of_run(shape: tuple[int, ...], first: int, last: int) -> Iterator[tuple[int, Box]]:
    """Boxes that together are elements `first` to `last` - 1 of a tensor, in order, each with where it begins in the run."""
    if not shape:
        yield from [(0, Box((), ()))] if first < last else []
        return
    below = math.prod(shape[1:])
    at = first
    while at < last:
        row, inside = divmod(at, below)
        rows = 0 if inside else (last - at) // below
        if rows:
            yield at - first, Box((row, *(0 for _ in shape[1:])), (rows, *shape[1:]))
            at += rows * below
            continue
        end = min(below, inside + last - at)
        for offset, box in boxes_of_run(shape[1:], inside, end):
            yield at - first + offset, Box((row, *box.start), (1, *box.shape))
        at += end - inside


@lru_cache(maxsize=256)
def row_major_steps(shape: tuple[int, ...]) -> tuple[int, ...]:
    """How many positions each axis's elements are apart."""
    steps, step = [], 1
    for n in reversed(shape):
        steps.append(step)
        step *= n
    return tuple(reversed(steps))

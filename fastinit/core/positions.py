"""Which elements of a tensor a request asks for, as runs of positions a constant step apart.

A position is the row-major number of an element in the whole tensor. Nothing here is as large as the tensor or the result:
runs are worked out piece by piece.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fastinit.distributions.boxes import Box
from fastinit.runtime.types import Array, Int64Array, UInt64Array

RUNS_AT_ONCE = 8192  # 64 KiB of starts, and as much again for each axis while they are worked out


@dataclass(frozen=True)
class Table:
    """What an integer array in an index adds to a position: step times its entry at the result's axes from `first` on.

    An entry below 0 counts from the end of an axis of `length`. The array is the user's own, or a view of it.
    """

    first: int
    array: Array
    length: int
    step: int

    def look_up(self, index: tuple[Int64Array, ...]) -> Int64Array:
        entries: Int64Array = self.array[index[self.first : self.first + self.array.ndim]].astype(np.int64)
        entries[entries < 0] += self.length
        entries *= self.step
        return entries


@dataclass(frozen=True)
class Positions:
    """The positions of a result of this shape: origin + steps . i + the tables' entries at i, for a multi-index i.

    `is_whole` says that they are 0, 1, 2, ...
    """

    shape: tuple[int, ...]
    origin: int
    steps: tuple[int, ...]
    tables: tuple[Table, ...] = ()
    is_whole: bool = False

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def runs(self, first: int, last: int) -> Iterator[tuple[UInt64Array, int, int]]:
        """(starts, count, step) of runs that together are elements `first` to `last` - 1 of the result, in order."""
        if self.is_whole:
            yield np.array([first], np.uint64), last - first, 1
            return
        length, step = self._run_length(), self._run_step()
        while first < last:
            run, offset = divmod(first, length)
            if offset or last - first < length:
                count, runs = min(length - offset, last - first), 1
            else:
                count, runs = length, min((last - first) // length, RUNS_AT_ONCE)
            yield self._starts(run, runs, length) + np.uint64(offset * step & MASK_64), count, step
            first += count * runs

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

    def _run_length(self) -> int:
        """How many elements from the result's end backwards are one step apart: the axes that merge into one."""
        length = 1
        for axis in range(len(self.shape) - 1, self._last_table_axis(), -1):
            if self.shape[axis] != 1 and length > 1 and self.steps[axis] != self._run_step() * length:
                break
            length *= self.shape[axis]
        return length

    def _run_step(self) -> int:
        for axis in range(len(self.shape) - 1, self._last_table_axis(), -1):
            if self.shape[axis] != 1:
                return self.steps[axis]
        return 1

    def _last_table_axis(self) -> int:
        return max((table.first + table.array.ndim - 1 for table in self.tables), default=-1)

    def _starts(self, run: int, runs: int, length: int) -> Array:
        if not self.tables and length == self.size:
            return np.array([self.origin], np.uint64)
        element = np.arange(run, run + runs) * length
        index = np.unravel_index(element, self.shape)
        starts = np.full(runs, self.origin)
        for i, step in zip(index, self.steps):
            starts += i * step
        for table in self.tables:
            starts += table.look_up(index)
        return starts.view(np.uint64)


MASK_64 = 2**64 - 1  # makes a negative offset unsigned; the sum is taken modulo 2^64


def whole(shape: tuple[int, ...]) -> Positions:
    """All elements, in order."""
    return Positions(shape, 0, _row_major_steps(shape), is_whole=True)


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


def entries(shape: tuple[int, ...], index: Any) -> tuple[Any, ...]:
    """An index as None, slices, ints and integer arrays, one of the last three for each axis; an Ellipsis is for none."""
    return tuple(_expanded(shape, _items(index)))


def _items(index: Any) -> tuple[Any, ...]:
    return tuple(_item(item) for item in (index if isinstance(index, tuple) else (index,)))


def indexed(shape: tuple[int, ...], index: Any) -> Positions:
    """The elements that NumPy's `full[index]` would give of an array of this shape; IndexError as NumPy raises it."""
    items = _items(index)
    if any(isinstance(item, np.ndarray) for item in items):
        return _advanced(shape, items)
    return _basic(shape, items)


@lru_cache(maxsize=256)
def _row_major_steps(shape: tuple[int, ...]) -> tuple[int, ...]:
    steps, step = [], 1
    for n in reversed(shape):
        steps.append(step)
        step *= n
    return tuple(reversed(steps))


def _item(item: Any) -> Any:
    """One entry of an index: None, Ellipsis, a slice, an int, or an array of integers or booleans."""
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, (bool, np.bool_)) or (isinstance(item, np.ndarray) and item.shape == () and item.dtype == bool):
        raise IndexError(f"index must not hold a single boolean, got {item!r}: use a boolean array, slices or integers")
    try:
        return operator.index(item)
    except TypeError:
        array = np.asarray(item)
    if not array.size and not isinstance(item, np.ndarray):
        return array.astype(np.intp)  # an empty list has no element type
    if array.dtype.kind not in "iub":
        raise IndexError(f"index must hold integers, slices, None, Ellipsis and integer or boolean arrays, got {item!r}")
    return array


def _basic(shape: tuple[int, ...], items: tuple[Any, ...]) -> Positions:
    """NumPy itself applies the index, to a dummy array of 1-byte elements whose memory is never read: its strides count."""
    dummy = as_strided(np.empty(1, np.uint8), shape, _row_major_steps(shape))
    if Ellipsis not in items:
        items = (*items, Ellipsis)  # so that the result is an array, also of one element
    view = dummy[items]
    return Positions(view.shape, _address(view) - _address(dummy), view.strides)


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _advanced(shape: tuple[int, ...], items: tuple[Any, ...]) -> Positions:
    """NumPy's rules for arrays in an index: they broadcast together, and their axes go where they stood side by side,
    or first where a slice stood between them (NumPy's guide, "Combining advanced and basic indexing")."""
    entries = _expanded(shape, items)
    steps = _row_major_steps(shape)
    origin, axis = 0, 0
    lengths: list[int] = []  # of the slices' axes
    slice_steps: list[int] = []
    arrays: list[Array] = []
    array_axes: list[int] = []
    places: list[tuple[int, int]] = []  # of each array: its place in the index, and how many slices stood before it
    for place, item in enumerate(entries):
        if item is Ellipsis:
            continue  # it stands for no axes, but arrays on either side of it are not side by side
        if item is None:
            lengths.append(1)
            slice_steps.append(0)
        elif isinstance(item, slice):
            start, stop, step = item.indices(shape[axis])
            lengths.append(len(range(start, stop, step)))
            slice_steps.append(step * steps[axis])
            origin += start * steps[axis]
            axis += 1
        else:
            arrays.append(_checked(item, axis, shape[axis]))
            array_axes.append(axis)
            places.append((place, len(lengths)))
            axis += 1
    try:
        broadcast = np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        shapes = " ".join(str(array.shape) for array in arrays)
        raise IndexError(f"shape mismatch: indexing arrays could not be broadcast together with shapes {shapes}") from None
    side_by_side = places[-1][0] - places[0][0] == len(places) - 1
    first = places[0][1] if side_by_side else 0
    return Positions(
        (*lengths[:first], *broadcast, *lengths[first:]),
        origin,
        (*slice_steps[:first], *(0 for _ in broadcast), *slice_steps[first:]),
        tuple(
            Table(first, np.broadcast_to(array, broadcast), shape[axis], steps[axis])
            for array, axis in zip(arrays, array_axes)
        ),
    )


def _expanded(shape: tuple[int, ...], items: tuple[Any, ...]) -> list[Any]:
    """The entries with one for every axis, boolean arrays replaced by the integer arrays they stand for.

    An Ellipsis is replaced by slices, but stays where it stands for no axis.
    """
    missing = len(shape) - sum(_axes(item) for item in items)
    if missing < 0:
        raise IndexError(
            f"too many indices for array: array is {len(shape)}-dimensional, but {len(shape) - missing} were indexed"
        )
    dots = [place for place, item in enumerate(items) if item is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    at = dots[0] if dots else len(items)
    entries: list[Any] = []
    axis = 0
    between: list[Any] = [slice(None)] * missing or list(items[at : at + len(dots)])
    for item in (*items[:at], *between, *items[at + len(dots) :]):
        entries += _places_of(item, axis, shape) if _is_mask(item) else [item]
        axis += _axes(item)
    return entries


def _is_mask(item: Any) -> bool:
    return isinstance(item, np.ndarray) and item.dtype == np.bool_


def _axes(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if _is_mask(item) else 1


def _places_of(mask: Array, first: int, shape: tuple[int, ...]) -> tuple[Array, ...]:
    for axis, n in enumerate(mask.shape, first):
        if shape[axis] != n:
            raise IndexError(
                f"boolean index did not match indexed array along axis {axis}; size of axis is {shape[axis]} "
                f"but size of corresponding boolean axis is {n}"
            )
    return mask.nonzero()


def _checked(item: int | Array, axis: int, n: int) -> Array:
    """The integers as an array, once it is known that all are within an axis of length `n`."""
    array = np.asarray(item)
    for entry in (array.min(), array.max()) if array.size else ():
        if not -n <= entry < n:
            raise IndexError(f"index {entry} is out of bounds for axis {axis} with size {n}")
    return array

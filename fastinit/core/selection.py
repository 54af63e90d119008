"""What an index takes from a box of a tensor: an index of the box itself, and where its elements stand in the result."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastinit.core import indices
from fastinit.core.positions import Positions
from fastinit.distributions import Slab, Slabs
from fastinit.distributions.boxes import Box
from fastinit.runtime.types import Array, Index
from fastinit.runtime.values import value_class

Place = tuple[Any, ...]
"""An index of a result, as long as it has axes."""


class Part(NamedTuple):
    """`index`: of the box, None for all of it in order. `place`: in the result; it `is_view` where it has only slices."""

    index: Index
    place: Place
    is_view: bool


@value_class
class Selection:
    """The elements of a tensor of this shape that an index takes, which gives `wanted`.

    `entries`: None, slices, ints and integer arrays as in an index, one of the last three for each axis.
    """

    shape: tuple[int, ...]
    wanted: Positions
    entries: tuple[Any, ...]

    @classmethod
    def of(cls, shape: tuple[int, ...], index: Index, wanted: Positions) -> Selection:
        entries = (slice(None),) * len(shape) if index is None else indices.entries(shape, index)
        return cls(shape, wanted, entries)

    def rows(self) -> tuple[int, int]:
        """The least index along axis 0 that is taken, and one more than the greatest; (0, 0) for nothing."""
        entry = next((entry for entry in self.entries if entry is not None and entry is not Ellipsis), None)
        if entry is None or not self.wanted.size:
            return 0, int(entry is None)
        n = self.shape[0]
        if isinstance(entry, slice):
            taken = range(n)[entry]
            return min(taken[0], taken[-1]), max(taken[0], taken[-1]) + 1
        numbers = np.asarray(entry)
        numbers = np.where(numbers < 0, numbers + n, numbers)
        return int(numbers.min()), int(numbers.max()) + 1

    def parts(self, slabs: Slabs) -> list[tuple[Slab, Part]]:
        """The slabs of which the index takes something, and what."""
        found = [(slab, self.part(slab.box)) for slab in slabs.seen(self.shape, *self.rows())]
        return [(slab, part) for slab, part in found if part is not None]

    def part(self, box: Box) -> Part | None:
        """What the index takes of a box; None for nothing."""
        if self.wanted.is_whole:
            return Part(None, box.slices, True)
        return self._basic(box) if self.wanted.array_axes is None else self._advanced(box)

    def _basic(self, box: Box) -> Part | None:
        index: list[Any] = []
        place: list[Any] = []
        axis = 0
        for entry in self.entries:
            if entry is Ellipsis:
                continue
            if entry is None:
                index.append(None)
                place.append(slice(None))
                continue
            first, n = box.start[axis], box.shape[axis]
            if isinstance(entry, slice):
                inside, at = _narrowed(range(self.shape[axis])[entry], first, n)
                if at.start == at.stop:
                    return None
                index.append(inside)
                place.append(at)
            else:
                entry += self.shape[axis] if entry < 0 else 0
                if not first <= entry < first + n:
                    return None
                index.append(entry - first)
            axis += 1
        is_all = all(inside == slice(0, n, 1) for inside, n in zip(index, box.shape)) and len(index) == len(box.shape)
        return Part(None if is_all else tuple(index), tuple(place), True)

    def _advanced(self, box: Box) -> Part | None:
        """The arrays' axes stand side by side in the result."""
        axes = self.wanted.array_axes or range(0)
        at = axes.start
        arrays = _of_arrays(self._arrays(box), len(axes))
        if arrays is None:
            return None
        index: list[Any] = []
        spans: list[Any] = []  # places along the axes of slices and of None
        axis, entries = 0, iter(arrays.entries)
        for entry in self.entries:
            if entry is Ellipsis:
                index.append(entry)
                continue
            if entry is None:
                index.append(None)
                spans.append(slice(None))
                continue
            if isinstance(entry, slice):
                inside, span = _narrowed(range(self.shape[axis])[entry], box.start[axis], box.shape[axis])
                if span.start == span.stop:
                    return None
                index.append(inside)
                spans.append(span)
            else:
                index.append(next(entries))
            axis += 1
        place = (*spans[:at], *arrays.place, *spans[at:])
        is_view = all(isinstance(along, slice) for along in place)
        return Part(tuple(index), place if is_view else self._crossed(place), is_view)

    def _arrays(self, box: Box) -> list[tuple[Array, Array]]:
        """For each integer and array of the index: its entries, from the box's start on, and which are in the box."""
        found, axis = [], 0
        for entry in self.entries:
            if entry is None or entry is Ellipsis:
                continue
            if not isinstance(entry, slice):
                array = np.asarray(entry)
                array = np.where(array < 0, array + self.shape[axis], array) - box.start[axis]
                found.append((array, (array >= 0) & (array < box.shape[axis])))
            axis += 1
        return found

    def _crossed(self, place: Place) -> Place:
        """The place as an index in which arrays for several axes take all combinations, as slices do."""
        if any(isinstance(along, np.ndarray) and along.dtype == bool for along in place):
            return place  # one mask over the axes of all arrays
        axes = zip(place, self.wanted.shape)
        return np.ix_(*(np.arange(n)[along] if isinstance(along, slice) else along for along, n in axes))


class _Arrays(NamedTuple):
    entries: list[Any]
    place: Place  # along the axes into which they broadcast


def _of_arrays(arrays: list[tuple[Array, Array]], ndim: int) -> _Arrays | None:
    """What the arrays of an index take of a box, as shorter arrays; None for nothing."""
    along = [[axis for axis, n in enumerate(array.shape, ndim - array.ndim) if n != 1] for array, _ in arrays]
    used = [axis for axes in along for axis in axes]
    if max(map(len, along), default=0) > 1 or len(set(used)) < len(used):
        return _masked(arrays)
    entries: list[Any] = []
    place: list[Any] = [slice(None)] * ndim
    for (array, inside), axes in zip(arrays, along):
        keep = np.flatnonzero(inside)
        if not keep.size:
            return None
        if axes:
            place[axes[0]] = slice(int(keep[0]), int(keep[-1]) + 1) if keep[-1] - keep[0] == keep.size - 1 else keep
            array = array.take(keep, axes[0] - ndim)
        entries.append(array)
    return _Arrays(entries, tuple(place))


def _masked(arrays: list[tuple[Array, Array]]) -> _Arrays | None:
    """As `_of_arrays`, for arrays whose axes are not apart from one another."""
    broadcast = np.broadcast_arrays(*(array for array, _ in arrays))
    mask = np.broadcast_to(True, broadcast[0].shape)
    for _, inside in arrays:
        mask = mask & inside
    return _Arrays([array[mask] for array in broadcast], (mask,)) if mask.any() else None


def _narrowed(taken: range, first: int, n: int) -> tuple[slice, slice]:
    """Those of the indices taken that are in first, ..., first + n - 1: as a slice from `first` on, and which of them."""
    low, high = _between(taken, first, first + n)
    inside = taken[low:high]
    stop = inside.stop - first
    return slice(inside.start - first, stop if stop >= 0 else None, inside.step), slice(low, high)


def _between(taken: range, low: int, high: int) -> tuple[int, int]:
    """From which of the range's members up to which they are at least `low` and below `high`."""
    n = len(taken)
    if taken.step < 0:
        first, last = _between(taken[::-1], low, high)
        return n - last, n - first
    first, last = (min(max(0, -((taken.start - bound) // taken.step)), n) for bound in (low, high))
    return first, max(first, last)

"""Fills values at scattered positions, as an index of arrays asks for: all of a dense part, else grouped by tiles.

Backends keep the values of one tile while they follow the starts: where these come back to tiles again and again, as random
columns of a matrix do for each of its rows, a tile would be made anew each time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastinit.core.positions import RUNS_AT_ONCE, Positions, TruePlaces
from fastinit.runtime.types import Array, Int64Array, UInt64Array

MOST_GROUPED = 2**17  # elements that are grouped together: a few MiB a thread; each tile is visited once in so many
MOST_SPAN = 2**17  # elements between the first and the last position of a dense part: they stay in the caches
DENSE = 32  # times as many elements as are asked for take as long to make in a row as those to find one by one
# The same for masks, whose True need not be found: of 8 in a tile backends make all of it at the second one anyway.
DENSE_OF_MASK = 256

Fill = Callable[[UInt64Array, int, int, Array], None]
"""fill(starts, count, step, out): the values of a request to a backend (fastinit/backends/request.py)."""


def fill_scattered(fill: Fill, wanted: Positions, first: int, tile: int, out: Array) -> None:
    """Elements `first`, first + 1, ... of the result into `out`, 1-D; a tile of the kernel has `tile` values."""
    mask = wanted.mask
    if mask is not None and mask.share * DENSE_OF_MASK > 1:
        _fill_masked(fill, mask, wanted.origin, first, out)
        return
    rows = _Rows.of(wanted, tile)
    if rows is None:
        _fill_runs(fill, wanted, first, tile, out)
        return
    at = min(out.size, -first % rows.size)  # of a row that another call has begun
    end = at + (out.size - at) // rows.size * rows.size
    _fill_runs(fill, wanted, first, tile, out[:at])
    rows.fill(fill, (first + at) // rows.size, out[at:end].reshape(-1, rows.size))
    _fill_runs(fill, wanted, first + end, tile, out[end:])


def _fill_runs(fill: Fill, wanted: Positions, first: int, tile: int, out: Array) -> None:
    at, most = 0, RUNS_AT_ONCE
    while at < out.size:
        starts, count, step = wanted.some_runs(first + at, first + out.size, most)
        part = out[at : at + starts.size * count]
        span = _Span.of(starts.view(np.int64), step * (count - 1))
        if count < tile and span.size <= min(MOST_SPAN, DENSE * part.size):
            _take(fill, span, starts, count, step, part)
        elif count >= tile or _is_grouped(starts, tile):
            fill(starts, count, step, part)
        elif most * count < MOST_GROUPED and part.size + at < out.size:
            most = MOST_GROUPED // count
            continue
        else:
            _fill_by_tiles(fill, starts, count, step, tile, part)
        at += part.size


def _fill_masked(fill: Fill, mask: TruePlaces, origin: int, first: int, out: Array) -> None:
    """Make all values of the mask part by part, and take those that are True there."""
    at = 0
    for start, part, wanted in mask.parts(first, first + out.size):
        n = wanted.stop - wanted.start
        if n:
            values = np.empty(part.size, out.dtype)
            fill(np.array([origin + start], np.uint64), part.size, 1, values)
            out[at : at + n] = values[part][wanted]
            at += n


class _Rows:
    """Rows of a result that all take the same places of the elements after their start, as some columns of a matrix do."""

    def __init__(self, wanted: Positions, places: Int64Array) -> None:
        self._wanted, self._low = wanted, int(places.min())
        self._places = places - self._low
        self._span = int(self._places.max()) + 1
        self.size = places.size

    @classmethod
    def of(cls, wanted: Positions, tile: int) -> _Rows | None:
        """None where there are no such rows, or where it takes less to make only what is asked for."""
        row = wanted.row()
        if not 1 < row.size <= MOST_SPAN or wanted.size < 2 * row.size:
            return None
        starts, count, step = row.some_runs(0, row.size, row.size)
        if count >= tile:
            return None
        rows = cls(wanted, _all(starts.view(np.int64), count, step))
        return rows if rows._span <= min(MOST_SPAN, DENSE * row.size) else None

    def fill(self, fill: Fill, first: int, out: Array) -> None:
        """Write rows `first`, first + 1, ... of the result, of which `out` has one in each of its own."""
        at_once = max(1, MOST_SPAN // self._span)
        for at in range(0, len(out), at_once):
            part = out[at : at + at_once]
            starts = self._wanted.row_starts(first + at, first + at + len(part)) + self._low
            values = np.empty((len(part), self._span), out.dtype)
            fill(starts.view(np.uint64), self._span, 1, values.reshape(-1))
            values.take(self._places, axis=1, out=part, mode="clip")  # none is out of range; "raise" would copy `out` first


class _Span:
    """The positions from the first to the last of some runs."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.size = low, high - low + 1

    @classmethod
    def of(cls, starts: Int64Array, reach: int) -> _Span:
        """`reach`: from the start of a run to its last position."""
        return cls(int(starts.min()) + min(0, reach), int(starts.max()) + max(0, reach))


def _take(fill: Fill, span: _Span, starts: UInt64Array, count: int, step: int, out: Array) -> None:
    """Make all values of the span, and take those at the positions."""
    values = np.empty(span.size, out.dtype)
    fill(np.array([span.low], np.uint64), span.size, 1, values)
    values.take(_all(starts.view(np.int64) - span.low, count, step), out=out, mode="clip")


def _all(starts: Int64Array, count: int, step: int) -> Int64Array:
    """The positions of runs, one after the other."""
    return starts if count == 1 else (starts[:, np.newaxis] + np.arange(count) * step).reshape(-1)


def _is_grouped(starts: UInt64Array, tile: int) -> bool:
    """Whether starts in one tile follow each other."""
    steps = np.diff((starts // np.uint64(tile)).view(np.int64))
    return bool((steps >= 0).all() or (steps <= 0).all())


def _fill_by_tiles(fill: Fill, starts: UInt64Array, count: int, step: int, tile: int, out: Array) -> None:
    """Fill the runs in the order of the tiles in which they start."""
    tiles = starts // np.uint64(tile)
    tiles -= tiles.min()
    if tiles.max() < 2**16:
        tiles = tiles.astype(np.uint16)  # which NumPy sorts by radix, six times as fast
    order = np.argsort(tiles, kind="stable" if tiles.dtype == np.uint16 else None)
    values = np.empty(out.size, out.dtype)
    fill(starts[order], count, step, values)
    out.reshape(-1, count)[order] = values.reshape(-1, count)

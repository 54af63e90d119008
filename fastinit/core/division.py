"""How a tensor may be divided into parts that are filled alone, without computing anything twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from fastinit.distributions import Distribution
from fastinit.distributions.boxes import Box


def may_be_cut(distribution: Distribution, shape: tuple[int, ...], borders: Sequence[Iterable[int]]) -> bool:
    """Whether no values that are made together lie on both sides of one of these indices, given for each axis."""
    borders = [tuple(along) for along in borders]
    return not any(
        first < border < last
        for box in distribution.whole_boxes(shape)
        for first, last, along in zip(box.start, box.stop, borders)
        for border in along
    )


def in_order(distribution: Distribution, shape: tuple[int, ...], most: int) -> Iterator[Box]:
    """Boxes that, one after the other, are the elements of the tensor in row-major order, and can be filled alone.

    Of at most `most` elements each, but for those whose values are made together.
    """
    size = Box.whole(shape).size
    if distribution.is_elementwise:
        yield from _blocks(shape, most) if size else ()
    elif not shape:
        yield Box((), ())
    elif size:
        yield from _rows(distribution, shape, most * shape[0] // size)


def _blocks(shape: tuple[int, ...], most: int) -> Iterator[Box]:
    whole = Box.whole(shape)
    if whole.size <= most:
        yield whole
        return
    n, *below = shape
    rows = most * n // whole.size
    for row in range(0, n, rows or 1):
        inner = [Box.whole(tuple(below))] if rows else _blocks(tuple(below), most)
        yield from (Box((row, *box.start), (min(rows or 1, n - row), *box.shape)) for box in inner)


def _rows(distribution: Distribution, shape: tuple[int, ...], most: int) -> Iterator[Box]:
    """The tensor in boxes of some rows each, not more than `most` where that can be."""
    n, first = shape[0], 0
    inside = np.zeros(n + 1, np.int64)  # how many boxes have rows on both sides of a border
    for box in filter(lambda box: box.size, distribution.whole_boxes(shape)):
        inside[box.start[0] + 1] += 1
        inside[box.stop[0]] -= 1
    borders = np.flatnonzero(np.cumsum(inside) == 0)[1:].tolist()
    for border, following in zip(borders, [*borders[1:], None]):
        if following is None or following - first > most:
            yield Box((first, *(0 for _ in shape[1:])), (border - first, *shape[1:]))
            first = border

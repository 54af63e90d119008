"""Which launches of a kernel write the values at some positions of a tensor to an array in a GPU's memory.

The structures are those of csrc/cuda/kernels.h.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastinit.backends.request import Parameters, Stream

LANES, LANE_WORDS = 16, 128
THREADS = 128  # of a block; the kernels need no other number
MOST_PARAMETERS = 13  # of the truncated normal

Integers = NDArray[np.int64]


class Drawn(ctypes.Structure):
    """Which values: their stream and the parameters of their distribution."""

    _fields_ = [("stream", ctypes.c_uint32 * 4), ("parameters", ctypes.c_double * MOST_PARAMETERS)]

    @classmethod
    def of(cls, stream: Stream, parameters: Parameters) -> Drawn:
        return cls(tuple(stream), tuple(parameters.tolist()))


class Runs(ctypes.Structure):
    """Positions of two axes, and where their values go."""

    _fields_ = [
        *((name, ctypes.c_uint64) for name in ("runs", "length", "tiles", "first", "step")),
        *((name, ctypes.c_int64) for name in ("advance", "place", "pitch", "spacing")),
    ]

    @property
    def threads(self) -> int:
        return int(self.runs * self.tiles * LANES)


class Places(NamedTuple):
    """Any positions, by lane: arrays that the kernel reads."""

    lanes: NDArray[np.uint64]
    begins: NDArray[np.uint64]
    places: NDArray[np.uint64]
    rows: NDArray[np.uint8]


class PlacesArguments(ctypes.Structure):
    """`Places` in a GPU's memory."""

    _fields_ = [
        ("groups", ctypes.c_uint64),
        *((name, ctypes.c_void_p) for name in ("lanes", "begins", "places", "rows")),
    ]


class Axis(NamedTuple):
    """`n` elements: from one to the next, how far their positions and how far their places are apart."""

    n: int
    step: int
    stride: int


def runs_of(origin: int, axes: Sequence[Axis], words_per_value: int) -> Iterator[Runs]:
    """The launches that write an element for each combination along the axes, whose first position is `origin`."""
    place = 0
    merged = _merged([axis for axis in axes if axis.n != 1])
    upward = []
    for n, step, stride in merged:  # along each axis upward from the lowest position, whatever the order in memory
        if step < 0:
            origin, place, step, stride = origin + (n - 1) * step, place + (n - 1) * stride, -step, -stride
        upward.append(Axis(n, step, stride))
    upward.sort(key=lambda axis: axis.step)
    inner = upward.pop(0) if upward else Axis(1, 1, 1)
    outer = upward.pop(max(range(len(upward)), key=lambda i: upward[i].n)) if upward else Axis(1, 0, 0)
    tile = LANES * LANE_WORDS // words_per_value
    for numbers in itertools.product(*(range(axis.n) for axis in upward)):
        first = origin + sum(i * axis.step for i, axis in zip(numbers, upward))
        at = place + sum(i * axis.stride for i, axis in zip(numbers, upward))
        tiles = _most_tiles(first, (inner.n - 1) * inner.step, outer, tile)
        yield Runs(outer.n, inner.n, tiles, first, inner.step, outer.step, at, outer.stride, inner.stride)


def _merged(axes: Sequence[Axis]) -> list[Axis]:
    """Axes one after the other that are one in positions and in memory, as one."""
    merged: list[Axis] = []
    for n, step, stride in axes:
        if merged and merged[-1].step == n * step and merged[-1].stride == n * stride:
            merged[-1] = Axis(merged[-1].n * n, step, stride)
        else:
            merged.append(Axis(n, step, stride))
    return merged


def _most_tiles(first: int, span: int, outer: Axis, tile: int) -> int:
    """The tiles from a run's first to its last: of the one run, or at most of any."""
    if outer.n == 1:
        return (first + span) // tile - first // tile + 1
    return (tile - 1 + span) // tile + 1


def places_of(positions: Integers, places: Integers, words_per_value: int) -> Places:
    """Positions in any order, each with the place of its value, in the order that the kernel wants."""
    rows = LANE_WORDS // words_per_value
    tiles, inside = np.divmod(positions, LANES * rows)
    lanes = tiles * LANES + inside % LANES
    order = np.lexsort((inside, lanes))
    lanes = lanes[order]
    begins = np.flatnonzero(np.concatenate([[True], lanes[1:] != lanes[:-1]]))
    return Places(
        lanes[begins].astype(np.uint64),
        np.append(begins, lanes.size).astype(np.uint64),
        places[order].astype(np.uint64),
        (inside // LANES)[order].astype(np.uint8),
    )

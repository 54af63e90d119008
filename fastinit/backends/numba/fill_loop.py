"""The fill of csrc/kernels/kernels.c: from positions to memory, for all distributions and element types.

What makes the values is called by its address, once for a tile or a part of one, so that Numba compiles this loop once
instead of once for each kernel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import int64, uint8, uint64
from numpy.typing import NDArray

from fastinit.backends.numba.lanes import GROUP_ROWS, GROUP_WORDS, LANES, TILE_GROUPS, TILE_WORDS, next_group, seed_lanes
from fastinit.backends.numba.operations import Words, address, call_c
from fastinit.backends.numba.store import LINE_BYTES, LINES, QUEUE_LENGTH, copy, flush, push, write_lines_until
from fastinit.backends.numba.traced import Value, traced, where
from fastinit.backends.numba.traced import uint64 as to_uint64

Cached = tuple[Value, Value, Value]  # a part of a tile: its number, the first group, the last one + 1

SLOT_BYTES = LINE_BYTES + 8 * TILE_WORDS
"""The beginning of a line that values complete, and the values of a tile, of at most 8 bytes each."""


class Buffers(NamedTuple):
    """What a fill writes to before `out`, at starts of lines."""

    queue: NDArray[np.int64]
    """Of store.py."""
    words: Words
    lanes: Words
    lanes_ahead: Words
    slots: NDArray[np.uint8]
    """Four: of values before rounding; of a part of one tile; two whose lines are written and filled in turns."""


def new_buffers() -> Buffers:
    parts = (("i8", QUEUE_LENGTH), ("u4", TILE_WORDS), ("u4", 4 * LANES), ("u4", 4 * LANES), ("u1", 4 * SLOT_BYTES))
    sizes = [np.dtype(kind).itemsize * count for kind, count in parts]  # all of whole lines
    memory = np.zeros(sum(sizes) + LINE_BYTES, uint8)
    begins = np.cumsum([-memory.ctypes.data % LINE_BYTES, *sizes])
    return Buffers(*(memory[at:][:size].view(kind) for at, size, (kind, _) in zip(begins, sizes, parts)))


@traced
def elements_ahead(element: Value, step: Value, tile_elements: Value) -> Value:
    """How many of the elements `element`, `element` + step, ... lie in the tile."""
    is_forward = step > 0
    room, stride = where(is_forward, tile_elements - 1 - element, element), where(is_forward, step, -step)
    return to_uint64(room) // to_uint64(stride) + 1


@traced
def ensure_cached(cached: Cached, tile: Value, low_group: Value, high_group: Value) -> Cached:
    """The part of `tile` that the tile cache must hold so that these groups are in it; `cached` is what it holds now.

    At the tile's first visit these groups alone; at the second the whole tile, since more visits are likely (a column of a
    matrix comes back to the same tile for each row).
    """
    cached_tile, first, last = cached
    is_new, is_held = (cached_tile != tile) | (first == last), (first <= low_group) & (high_group < last)
    return (
        tile,
        where(is_new, low_group, where(is_held, first, 0)),
        where(is_new, high_group + 1, where(is_held, last, TILE_GROUPS)),
    )


def fill_runs(
    values_of: int,
    rounded: int,
    copy_steps: int,
    element_bytes: int,
    tile_elements: int,
    stream: Words,
    parameters: int,
    starts: NDArray[np.uint64],
    num_starts: int,
    length: np.uint64,
    step: int,
    out: int,
    non_temporal: int,
    queue: NDArray[np.int64],
    words: Words,
    lanes: Words,
    lanes_ahead: Words,
    slots: int,
) -> None:
    """Fill memory from address `out` on with elements of `element_bytes`.

    values_of, rounded, copy_steps: the addresses of what makes a distribution's values, of what rounds these to elements (0
    where they are elements as they are), and of what copies every step-th element (called where step is not 1);
    tile_elements: how many values a tile's words make; the rest are `Buffers`. Pointers and addresses take Numba half as
    long to compile as arrays.
    """
    group_elements = tile_elements // TILE_GROUPS
    values = slots + LINE_BYTES
    cache, slot, other_slot = values + SLOT_BYTES, values + 2 * SLOT_BYTES, values + 3 * SLOT_BYTES
    cached, tile_ahead = (uint64(0), 0, 0), ~uint64(0)
    for i in range(QUEUE_LENGTH):
        queue[i] = 0
    for run in range(num_starts):
        position, left = starts[run], length
        while left > uint64(0):
            tile, element = position // uint64(tile_elements), int64(position % uint64(tile_elements))
            ahead = elements_ahead(element, step, tile_elements)
            here = int64(ahead if ahead < left else left)
            whole = step == 1 and here == tile_elements
            result = slot if non_temporal else out
            if whole:
                target, target_of = result, (tile, 0, TILE_GROUPS)
            else:
                end = element + (here - 1) * step
                low, high = (element, end) if step > 0 else (end, element)
                low_group, high_group = low // group_elements, high // group_elements
                target, target_of = cache, ensure_cached(cached, tile, low_group, high_group)
            if whole or target_of != cached:
                _, first, last = target_of
                if tile == tile_ahead:
                    for i in range(4 * LANES):
                        lanes[i] = lanes_ahead[i]
                else:
                    seed_lanes(stream, tile, lanes)
                if whole and non_temporal:  # early: loading what two stores wrote waits for all before them
                    tile_ahead = tile + uint64(1)
                    seed_lanes(stream, tile_ahead, lanes_ahead)
                for group in range(last):
                    next_group(lanes, group, words)
                    write_lines_until(queue, (group + 1) * GROUP_ROWS)
                rows = (last - first) * group_elements // LANES
                before = tile * uint64(TILE_WORDS) + uint64(first * GROUP_WORDS)
                part = address(words) + 4 * first * GROUP_WORDS
                made = values if rounded else target
                call_c(values_of, (part, rows, parameters, address(stream), before, made))
                if rounded:
                    call_c(rounded, (made, rows * LANES, target))
            if not whole:
                cached = target_of
                source = cache + (element - cached[1] * group_elements) * element_bytes
                if step == 1:
                    copy(result, source, here * element_bytes)
                else:
                    call_c(copy_steps, (result, source, step, here))
            if non_temporal:
                write_lines_until(queue, queue[LINES])
                push(queue, out, slot, here * element_bytes, other_slot)
                slot, other_slot = other_slot, slot
            out += here * element_bytes
            left -= uint64(here)
            position += uint64(here) * uint64(step)
    if non_temporal:
        write_lines_until(queue, queue[LINES])
        flush(queue)

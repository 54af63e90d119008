"""The fill of csrc/kernels/kernels.c, compiled for each kernel at its first use and cached on disk."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numba
import numpy as np
from numba.extending import register_jitable
from numpy import float32, float64, int64, uint32, uint64

from fastinit.backends.catalogue import KERNELS
from fastinit.backends.numba import distributions
from fastinit.backends.numba import narrow as rounding
from fastinit.backends.numba.distributions import words_values
from fastinit.backends.numba.integers import integers_values, wideintegers_values
from fastinit.backends.numba.lanes import GROUP_ROWS, GROUP_WORDS, LANES, TILE_GROUPS, TILE_WORDS, next_group, seed_lanes
from fastinit.backends.numba.operations import inlined
from fastinit.backends.numba.store import LINE_BYTES, LINES, flush, push, write_lines_until
from fastinit.backends.request import FillRequest

PACKAGE = Path(__file__).resolve().parent
SOURCES = [PACKAGE.parent / "coefficients.py", *sorted(set(PACKAGE.glob("*.py")) - {PACKAGE / "kernels.py"})]


@cache
def digest():
    """A hash of the other files that kernels are made of; "" where there are no files to read, as in an archive."""
    try:
        return hashlib.blake2b(b"".join(source.read_bytes() for source in SOURCES), digest_size=4).hexdigest()
    except OSError:
        return ""


@inlined
def elements_ahead(element, step, tile_elements):
    """How many elements a walk of `step` from `element` meets before it leaves the tile."""
    if step > 0:
        return uint64(tile_elements - 1 - element) // uint64(step) + uint64(1)
    return uint64(element) // uint64(-step) + uint64(1)


@inlined
def ensure_cached(cached, tile, low_group, high_group):
    """What the tile cache must hold to have these groups, as (tile, first group, last group + 1); `cached` is what it holds.

    Only these groups at the tile's first visit, all of it at the second, for then there will be more (a column of a matrix
    comes back to a tile row after row).
    """
    cached_tile, first, last = cached
    if cached_tile != tile or first == last:
        return tile, low_group, high_group + 1
    if first <= low_group and high_group < last:
        return cached
    return tile, 0, TILE_GROUPS


def values_function(kernel):
    """The function that makes words to the values of a kernel's distribution, in the type that they are computed in."""
    name = f"{kernel.distribution.name}_values"
    if kernel.real:
        return getattr(distributions, f"{name}_{kernel.real.replace('float', 'f')}")
    return {"words_values": words_values, "integers_values": integers_values, "wideintegers_values": wideintegers_values}[
        name
    ]


def kernel_of(name):
    """The compiling function of a kernel: fi_fill of csrc/kernels/kernels.c for that kernel alone."""
    catalogued = KERNELS[name]
    tile_elements = TILE_WORDS // catalogued.words_per_value
    group_elements = tile_elements // TILE_GROUPS
    values_of = values_function(catalogued)
    is_rounded, is_integer = catalogued.is_rounded, values_of in (integers_values, wideintegers_values)
    narrow = getattr(rounding, f"narrow_{catalogued.element}") if is_rounded else None

    @register_jitable(error_model="numpy")  # not inlined, or the loop does not vectorise
    def round_all(values, count, target):
        for i in range(count):
            target[i] = narrow(values[i])

    def kernel(stream, parameters, starts, count, step, out, non_temporal):
        words, lanes = np.empty(TILE_WORDS, uint32), np.empty(4 * LANES, uint32)
        lanes_ahead, tile_ahead = np.empty(4 * LANES, uint32), ~uint64(0)
        values = np.empty(tile_elements, float32)  # before rounding
        cache, cached = np.empty(tile_elements, out.dtype), (uint64(0), 0, 0)  # a part of one tile
        room = LINE_BYTES // out.itemsize
        slot, other_slot = int64(room), int64(room + tile_elements + room)
        finished = np.empty(
            other_slot + tile_elements if non_temporal else 0, out.dtype
        )  # two slots: the lines of one are written, the other is filled
        queue = np.zeros(5, int64)
        to = int64(0)
        for position in starts:
            left = count
            while left > uint64(0):
                tile, element = position // uint64(tile_elements), int64(position % uint64(tile_elements))
                here = int64(min(elements_ahead(element, step, tile_elements), left))
                whole = step == 1 and here == tile_elements
                result = finished[slot : slot + tile_elements] if non_temporal else out[to : to + here]
                if whole:
                    target, target_of = result, (tile, 0, TILE_GROUPS)
                else:
                    end = element + (here - 1) * step
                    low_group, high_group = min(element, end) // group_elements, max(element, end) // group_elements
                    target, target_of = cache, ensure_cached(cached, tile, low_group, high_group)
                if whole or target_of != cached:
                    _, first, last = target_of
                    if tile == tile_ahead:
                        for i in range(4 * LANES):
                            lanes[i] = lanes_ahead[i]
                    else:
                        seed_lanes(stream, tile, lanes)
                    if whole and non_temporal:  # early, for a load of what two stores wrote waits for all stores before
                        tile_ahead = tile + uint64(1)
                        seed_lanes(stream, tile_ahead, lanes_ahead)
                    for group in range(last):
                        next_group(lanes, group, words)
                        write_lines_until(queue, (group + 1) * GROUP_ROWS, out, finished)
                    part, rows = words[first * GROUP_WORDS :], (last - first) * group_elements // LANES
                    if is_integer:
                        before = tile * uint64(tile_elements) + uint64(first * group_elements)
                        values_of(part, rows, parameters, stream, before, target)
                    elif not is_rounded:
                        values_of(part, rows, parameters, target)
                    else:
                        values_of(part, rows, parameters, values)
                        round_all(values, rows * LANES, target)
                if not whole:
                    cached = target_of
                    element -= cached[1] * group_elements
                    for i in range(here):
                        result[uint64(i)] = cache[uint64(element + i * step)]
                if non_temporal:
                    write_lines_until(queue, queue[LINES], out, finished)
                    push(queue, to, slot, here, other_slot, out, finished)
                    slot, other_slot = other_slot, slot
                to += here
                left -= uint64(here)
                position += uint64(here) * uint64(step)
        if non_temporal:
            write_lines_until(queue, queue[LINES], out, finished)
            flush(queue, out, finished)

    # Numba keeps one index of cached code for each qualified name, renewed when this file changes. The digest makes it
    # notice the other files; with one index for all kernels, processes compiling at the same time could mix them up.
    kernel.__name__ = kernel.__qualname__ = f"{name}_{digest()}"
    try:
        return numba.njit(nogil=True, cache=bool(digest()), error_model="numpy")(kernel)
    except RuntimeError:  # nowhere to write a cache
        return numba.njit(nogil=True, error_model="numpy")(kernel)


dispatchers = {}


def fill(request: FillRequest) -> None:
    kernel, stream, parameters, starts, count, step, out, non_temporal = request
    dispatcher = dispatchers.get(kernel) or dispatchers.setdefault(kernel, kernel_of(kernel))
    # fresh arrays and NumPy scalars: a read-only array or a plain int would be another signature to compile
    stream, parameters, starts = np.array(stream, uint32), np.array(parameters, float64), np.array(starts, uint64)
    dispatcher(stream, parameters, starts, uint64(count), int64(step), out, non_temporal)

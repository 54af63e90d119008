"""The fill of csrc/kernels/kernels.c, compiled for each kernel at its first use and cached on disk."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
from numpy import float32, float64, int64, uint32, uint64
from numpy.typing import NDArray

from fastinit.backends.catalogue import KERNELS
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.backends.numba import distributions, integers, inversion
from fastinit.backends.numba import narrow as rounding
from fastinit.backends.numba.compiling import compile_for, compiled_at_first_call
from fastinit.backends.numba.lanes import GROUP_ROWS, GROUP_WORDS, LANES, TILE_GROUPS, TILE_WORDS, next_group, seed_lanes
from fastinit.backends.numba.operations import Index, Untyped, Words, called, inlined
from fastinit.backends.numba.store import LINE_BYTES, LINES, Elements, flush, push, write_lines_until
from fastinit.backends.request import FillRequest, Parameters

Cached = tuple[np.uint64, int, int]  # a part of a tile: its number, the first group, the last one + 1
PACKAGE = Path(__file__).resolve().parent
SOURCES = [
    *(PACKAGE.parent / name for name in ("catalogue.py", "coefficients.py")),
    *sorted(set(PACKAGE.glob("*.py")) - {PACKAGE / "kernels.py"}),
]


@cache
def digest() -> str:
    """A hash of the other source files of the kernels; "" where they are not files, as within a zip archive."""
    try:
        return hashlib.blake2b(b"".join(source.read_bytes() for source in SOURCES), digest_size=4).hexdigest()
    except OSError:
        return ""


@inlined
def elements_ahead(element: Index, step: Index, tile_elements: int) -> np.uint64:
    """How many of the elements `element`, `element` + step, ... lie in the tile."""
    if step > 0:
        return uint64(tile_elements - 1 - element) // uint64(step) + uint64(1)
    return uint64(element) // uint64(-step) + uint64(1)


@inlined
def ensure_cached(cached: Cached, tile: np.uint64, low_group: int, high_group: int) -> Cached:
    """The part of `tile` that the tile cache must hold so that these groups are in it; `cached` is what it holds now.

    At the tile's first visit these groups alone; at the second the whole tile, since more visits are likely (a column of a
    matrix comes back to the same tile for each row).
    """
    cached_tile, first, last = cached
    if cached_tile != tile or first == last:
        return tile, low_group, high_group + 1
    if first <= low_group and high_group < last:
        return cached
    return tile, 0, TILE_GROUPS


def kernel_of(name: str) -> Untyped:
    """fi_fill of csrc/kernels/kernels.c for one kernel, as a function that Numba compiles at its first call."""
    distribution, element = KERNELS[name].distribution.name, KERNELS[name].element
    tile_elements = TILE_WORDS // KERNELS[name].words_per_value
    group_elements = tile_elements // TILE_GROUPS
    is_rounded, is_placed = KERNELS[name].is_rounded, KERNELS[name].c_template == "PLACED"
    real = KERNELS[name].real
    suffix = f"_{real.replace('float', 'f')}" if real else ""
    rooms = (integers, inversion) if is_placed else (distributions,)
    function = f"{distribution}_values{suffix}"
    values_of = next(getattr(room, function) for room in rooms if hasattr(room, function))
    narrow = getattr(rounding, f"narrow_{element}", None)

    @called  # not inlined, or the loop does not vectorise
    def round_all(values: NDArray[np.float32], count: int, target: Elements) -> None:
        for i in range(count):
            target[i] = narrow(values[i])  # type: ignore[misc]  # None, and not called, where nothing is rounded

    def kernel(
        stream: Words,
        parameters: Parameters,
        starts: NDArray[np.uint64],
        length: np.uint64,
        step: int,
        out: Elements,
        non_temporal: bool,
    ) -> None:
        words, lanes = np.empty(TILE_WORDS, uint32), np.empty(4 * LANES, uint32)
        lanes_ahead, tile_ahead = np.empty(4 * LANES, uint32), ~uint64(0)
        values = np.empty(tile_elements, float32)  # before rounding
        cache, cached = np.empty(tile_elements, out.dtype), (uint64(0), 0, 0)  # a part of one tile
        room = LINE_BYTES // out.itemsize
        slot, other_slot = int64(room), int64(room + tile_elements + room)
        # two slots: the lines of one are written, the other is filled
        finished = np.empty(other_slot + tile_elements if non_temporal else 0, out.dtype)
        queue = np.zeros(5, int64)
        to = int64(0)
        for position in starts:
            left = length
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
                    if whole and non_temporal:  # early: loading what two stores wrote waits for all before them
                        tile_ahead = tile + uint64(1)
                        seed_lanes(stream, tile_ahead, lanes_ahead)
                    for group in range(last):
                        next_group(lanes, group, words)
                        write_lines_until(queue, (group + 1) * GROUP_ROWS, out, finished)
                    part, rows = words[first * GROUP_WORDS :], (last - first) * group_elements // LANES
                    if is_placed:
                        before = tile * uint64(TILE_WORDS) + uint64(first * GROUP_WORDS)
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
    return compiled_at_first_call(kernel, is_cached=bool(digest()))


dispatchers: dict[str, Untyped] = {}


def fill(request: FillRequest) -> None:
    dispatcher, arguments = _compiled(request)
    dispatcher(*arguments)


def compile_ahead(kernel: str) -> None:
    """Compile a kernel, a name of `catalogue.KERNELS`, or load it from the cache, without calling it."""
    element = KERNELS[kernel].element
    storage = ELEMENT_TYPES[element].storage if element in ELEMENT_TYPES else np.dtype(element)
    _compiled(FillRequest(kernel, (0, 0, 0, 0), np.zeros(1), np.zeros(1, uint64), 0, 1, np.empty(0, storage)))


def _compiled(request: FillRequest) -> tuple[Untyped, tuple[object, ...]]:
    """The compiled kernel and what it is called with."""
    kernel, stream, parameters, starts, length, step, out, non_temporal, _ = request
    if kernel not in dispatchers:
        dispatchers.setdefault(kernel, kernel_of(kernel))  # one for all threads: each would compile its own
    # writable arrays and NumPy scalars: a read-only array or a plain int would be another signature to compile
    words, numbers, positions = (
        np.array(stream, uint32),
        np.require(parameters, float64, ["C", "W"]),
        np.array(starts, uint64),
    )
    arguments = words, numbers, positions, uint64(length), int64(step), out, non_temporal
    dispatcher = dispatchers[kernel]
    if not dispatcher.overloads:
        compile_for(dispatcher, arguments, kernel)
    return dispatcher, arguments

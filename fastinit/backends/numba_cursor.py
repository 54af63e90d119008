"""The cursor of csrc/bindings/cursor.c in Numba, where the C kernels are not built; it compiles at first use."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numba
import numpy as np
from numba import types
from numpy import float64, uint32, uint64

from fastinit.backends.numba.compiling import compiling
from fastinit.backends.numba.lanes import LANES, TILE_WORDS, tile_words
from fastinit.backends.numba.operations import Untyped, called

carray: Untyped = numba.carray  # type: ignore[attr-defined]  # Numba's own list of names lacks it

# fi_cursor of csrc/bindings/api.h, then the state of the lanes while words are made.
CURSOR = np.dtype(
    [
        ("stream", np.uint32, 4),
        ("next_tile", np.uint64),
        ("tile", np.uint64),
        ("used", np.uint32),
        ("level", np.uint32),
        ("words", np.uint32, TILE_WORDS),
        ("lanes", np.uint32, 4 * LANES),
    ],
    align=True,
)
LAST_TILE = uint64(2**64 // TILE_WORDS - 1)  # positions of words are uint64, and start again at 0 after it


@called
def load_words(cursor: Untyped) -> None:
    tile_words(cursor.stream, cursor.tile & LAST_TILE, cursor.lanes, cursor.words)


@called
def next_word(cursor: Untyped) -> uint32:
    used = cursor.used  # read once: threads without a lock may get the same word, but none beyond the words
    if used >= uint32(TILE_WORDS):
        cursor.tile = cursor.next_tile
        cursor.next_tile += uint64(1)
        used = uint32(0)
        load_words(cursor)
    cursor.used = uint32(used + uint32(1))
    return cursor.words[used]


@called
def next_word_pair(cursor: Untyped) -> uint64:
    """Two words, the first one high."""
    high = uint64(next_word(cursor))
    return high << uint64(32) | uint64(next_word(cursor))


def next_uint64(state: Untyped) -> uint64:
    return next_word_pair(carray(state, 1, CURSOR)[0])


def next_uint32(state: Untyped) -> uint32:
    return next_word(carray(state, 1, CURSOR)[0])


def next_double(state: Untyped) -> float64:
    return float64(next_word_pair(carray(state, 1, CURSOR)[0]) >> uint64(11)) * 2.0**-53


def reload(state: Untyped) -> None:
    load_words(carray(state, 1, CURSOR)[0])


class Callbacks(NamedTuple):
    """Compiled functions of a cursor's address, as Numba's CFunc."""

    next_uint64: Untyped
    next_uint32: Untyped
    next_double: Untyped
    reload: Untyped


@cache
def callbacks() -> Callbacks:
    def compiled(function: Callable[[Untyped], object], returned: Untyped) -> Untyped:
        return numba.cfunc(returned(types.voidptr))(function)

    with compiling("a generator's functions"):
        return Callbacks(
            compiled(next_uint64, types.uint64),
            compiled(next_uint32, types.uint32),
            compiled(next_double, types.float64),
            compiled(reload, types.void),
        )


def _field(name: str) -> property:
    return property(lambda self: int(self._state[name][0]), lambda self, value: self._state[name].__setitem__(0, value))


class Cursor:
    """Owns a fi_cursor, and keeps alive the compiled functions that a bitgen_t bound to it calls."""

    def __init__(self, stream: tuple[int, int, int, int]) -> None:
        self._callbacks = callbacks()
        self._state = np.zeros(1, CURSOR)
        self.stream = stream
        self.used = TILE_WORDS  # as if all were read: there are no words yet
        self.held = 0  # a flag for csrc/bindings/short_draws.c, which does not use this cursor

    @property
    def stream(self) -> tuple[int, int, int, int]:
        return tuple(self._state["stream"][0].tolist())

    @stream.setter
    def stream(self, stream: tuple[int, int, int, int]) -> None:
        self._state["stream"][0] = stream

    next_tile, tile, used = _field("next_tile"), _field("tile"), _field("used")

    def bind(self, bitgen_address: int) -> None:
        """Make the bitgen_t at this address read from the cursor, which must outlive it."""
        code = self._callbacks
        bitgen = (ctypes.c_void_p * 5).from_address(bitgen_address)
        bitgen[0] = self._state.ctypes.data
        bitgen[1:] = [f.address for f in (code.next_uint64, code.next_uint32, code.next_double, code.next_uint64)]

    def reload(self) -> None:
        """Generate the words again, after `stream` or `tile` was set."""
        self._callbacks.reload.ctypes(self._state.ctypes.data)

    def take(self, tiles: int) -> int:
        """Reserve the next `tiles` tiles for the caller, who holds the bit generator's lock, and return the first."""
        first: int = self.next_tile
        self.next_tile = (first + tiles) % 2**64
        return first

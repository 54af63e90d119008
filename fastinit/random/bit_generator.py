"""The stream of the contract as a NumPy bit generator: random bits in order, for every method that NumPy has."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from fastinit.backends import available_backends
from fastinit.core.stream import Stream

TILE_WORDS = 2048
TILES = 2**53  # positions are counted in 64 bits; then the stream begins anew

_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.restype = ctypes.c_void_p
_get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


class TiledXoshiro128(np.random.BitGenerator):
    """Tiles of 2048 words from 16 lanes of xoshiro128++, each lane seeded in full by Philox4x32-10 (stream version 1).

    `seed`: as for NumPy's bit generators: None, an int, a sequence of ints, or a `SeedSequence`. The same seed gives the
    stream that `fastinit.normal(..., seed=seed)` reads. Array draws of `fastinit.Generator` take whole tiles; all else reads
    word by word from a tile taken the same way. 2^53 tiles (2^64 words), each reached at once by `advance`.
    """

    def __init__(self, seed: Any = None) -> None:
        super().__init__(seed)
        self._cursor = _cursor_type()(Stream(*self._seed_seq.generate_state(4, np.uint32).tolist()))
        # NumPy's generators copy what is bound here: the cursor stays the same for life, and a new state is written into it
        self._cursor.bind(_get_pointer(self.capsule, b"BitGenerator"))

    @property
    def state(self) -> dict[str, Any]:
        """Where the generator stands, as plain data; assign it to come back there.

        `stream` is k0, k1, s0, s1; `next_tile` the first tile that nothing was drawn from; `tile` and `used` the one that is
        read word by word and how many of its words were.
        """
        with self.lock:
            cursor = self._cursor
            return {
                "bit_generator": type(self).__name__,
                "state": {
                    "stream": [int(word) for word in cursor.stream],
                    "next_tile": int(cursor.next_tile) % TILES,
                    "tile": int(cursor.tile) % TILES,
                    "used": int(cursor.used),
                },
            }

    @state.setter
    def state(self, value: dict[str, Any]) -> None:
        if not isinstance(value, dict):
            raise TypeError("state must be a dict")
        name = type(self).__name__
        if value.get("bit_generator") != name:
            raise ValueError(f"state must be for a {name} bit generator, got {value.get('bit_generator')!r}")
        inner = value["state"]
        stream = tuple(int(word) for word in inner["stream"])
        next_tile, tile, used = (int(inner[key]) for key in ("next_tile", "tile", "used"))
        limits = (*((word, 2**32) for word in stream), (next_tile, TILES), (tile, TILES), (used, TILE_WORDS + 1))
        if len(stream) != 4 or not all(0 <= number < limit for number, limit in limits):
            raise ValueError(
                f"state must have four words of 32 bits, tiles below 2**53 and at most 2048 words used, got {inner}"
            )
        with self._held() as cursor:
            cursor.stream = stream
            self._move(next_tile, tile, used)

    @contextmanager
    def _held(self) -> Iterator[Any]:
        """The cursor, for this thread alone: short draws, which take no lock, look whether it is held."""
        with self.lock:
            self._cursor.held = 1
            try:
                yield self._cursor
            finally:
                self._cursor.held = 0

    def _move(self, next_tile: int, tile: int, used: int) -> None:
        cursor = self._cursor
        cursor.next_tile, cursor.tile, cursor.used = next_tile, tile, used
        if used < TILE_WORDS:
            cursor.reload()

    def advance(self, delta: int) -> TiledXoshiro128:
        """Move to where `delta` 64-bit draws one by one would lead, at once. Returns self.

        ValueError if `delta` is negative.
        """
        if delta < 0:
            raise ValueError(f"delta must not be negative, got {delta}")
        with self._held() as cursor:
            words, left = 2 * int(delta), TILE_WORDS - int(cursor.used)
            if words <= left:
                self._move(int(cursor.next_tile), int(cursor.tile), int(cursor.used) + words)
            else:
                tiles, used = divmod(words - left, TILE_WORDS)
                tile = int(cursor.next_tile) + tiles
                self._move((tile + 1) % TILES, tile % TILES, used)
        return self

    def jumped(self, jumps: int = 1) -> TiledXoshiro128:
        """A new generator in the same place of the stream whose counter is `jumps` times 2^64 further on.

        The counter words (s1, s0) count the streams of a key: no two of up to 2^64 jumps share a lane.
        """
        jumped = type(self)(self._seed_seq)
        state = self.state
        k0, k1, s0, s1 = state["state"]["stream"]
        further = ((s1 << 32 | s0) + int(jumps)) % 2**64
        state["state"]["stream"] = [k0, k1, further & 0xFFFFFFFF, further >> 32]
        jumped.state = state
        return jumped


@cache
def _cursor_type() -> type:
    """C's, or Numba's where there is no C; looked for at the first use, for Numba takes a while to load."""
    return import_module(f"fastinit.backends.{'c' if 'c' in available_backends() else 'numba'}_cursor").Cursor

"""A fastinit stream as a NumPy bit generator: random bits in order, for every method of NumPy's Generator."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.random import SeedSequence

from fastinit.backends import available_backends
from fastinit.core.stream import STREAM_VERSION, Stream
from fastinit.runtime.forks import without_forks

Entropy: TypeAlias = int | Sequence[int] | npt.NDArray[np.integer[Any]] | SeedSequence | None
"""What NumPy's bit generators take as a seed; None asks for fresh entropy."""

TILE_WORDS = 2048
TILES = 2**53  # positions are counted in 64 bits; then the stream starts again

_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.restype = ctypes.c_void_p
_get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


if TYPE_CHECKING:

    class Cursor(Protocol):
        """A place in a stream: fi_cursor of csrc/bindings/api.h, in C or in Numba."""

        stream: tuple[int, int, int, int]
        next_tile: int
        tile: int
        used: int
        held: int

        def bind(self, bitgen_address: int) -> None: ...
        def reload(self) -> None: ...
        def take(self, tiles: int) -> int: ...


class TiledXoshiro128(np.random.BitGenerator):
    """Tiles of 2048 words from 16 lanes of xoshiro128++, each lane seeded in full by Philox4x32-10 (stream version 1).

    `seed` is what NumPy's bit generators take: None (fresh entropy), an int, a sequence of ints, or a `SeedSequence`. The
    same seed gives the stream that `fastinit.normal(..., seed=seed)` reads. Array draws of `fastinit.Generator` take whole
    tiles; everything else reads word by word from a tile taken the same way. The stream has 2^53 tiles (2^64 words);
    `advance` reaches any of them at once. Sources: Blackman and Vigna 2021, "Scrambled linear pseudorandom number
    generators"; Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".

    >>> fastinit.TiledXoshiro128(0).random_raw(2)
    array([ 9685883476065979208, 17482288027870238001], dtype=uint64)
    """

    _seed_seq: SeedSequence

    def __init__(self, seed: Entropy = None) -> None:
        bound = getattr(self, "_cursor", None)  # where __init__ is called again, to seed anew as NumPy's bit generators do
        try:
            super().__init__(seed)
        finally:  # also after an error: NumPy has unbound it
            if bound is not None:
                self._bind(bound)
        stream = Stream(*self._seed_seq.generate_state(4, np.uint32).tolist())
        if bound is None:
            self._bind(_cursor_type()(stream))
            return
        with self._exclusively() as cursor:
            cursor.stream = stream
            self._move(0, 0, TILE_WORDS)

    def _bind(self, cursor: Cursor) -> None:
        """Let NumPy read from the cursor, whose address its generators copy: it stays there as long as this object lives."""
        self._cursor: Any = cursor
        cursor.bind(_get_pointer(self.capsule, b"BitGenerator"))

    @property
    def state(self) -> Mapping[str, Any]:
        """Where the generator stands, as plain data; assign it to return there.

        `stream` is k0, k1, s0, s1; `next_tile` the first tile that nothing was drawn from; `tile` the one that is read word
        by word, and `used` how many of its words have been read. TypeError or ValueError for a state that is not valid.
        """
        with self.lock:
            cursor = self._cursor
            return {
                "bit_generator": type(self).__name__,
                "stream_version": STREAM_VERSION,
                "state": {
                    "stream": [int(word) for word in cursor.stream],
                    "next_tile": int(cursor.next_tile) % TILES,
                    "tile": int(cursor.tile) % TILES,
                    "used": int(cursor.used),
                },
            }

    @state.setter
    def state(self, value: Mapping[str, Any]) -> None:
        if not isinstance(value, dict):
            raise TypeError("state must be a dict")
        name = type(self).__name__
        if value.get("bit_generator") != name:
            raise ValueError(f"state must be for a {name} bit generator, got {value.get('bit_generator')!r}")
        version = value.get("stream_version", STREAM_VERSION)  # NumPy's tuples have no place for it
        if version != STREAM_VERSION:
            raise ValueError(f"state is of streams of version {version!r}, those of this fastinit are of {STREAM_VERSION!r}")
        inner = value["state"]
        words = tuple(int(word) for word in inner["stream"])
        next_tile, tile, used = (int(inner[key]) for key in ("next_tile", "tile", "used"))
        limits = (*((word, 2**32) for word in words), (next_tile, TILES), (tile, TILES), (used, TILE_WORDS + 1))
        if len(words) != 4 or not all(0 <= number < limit for number, limit in limits):
            raise ValueError(
                f"state must have four words of 32 bits, tiles below 2**53 and at most 2048 words used, got {inner}"
            )
        with self._exclusively() as cursor:
            cursor.stream = Stream(*words)
            self._move(next_tile, tile, used)

    @contextmanager
    def _exclusively(self) -> Iterator[Cursor]:
        """The cursor, for this thread alone. Short draws in C take no lock: while `held` is set, Python's methods, which
        wait for the lock, make them instead."""
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
        """Skip `delta` single 64-bit draws in one step; returns self. ValueError for a negative delta.

        >>> fastinit.TiledXoshiro128(0).advance(10**12).random_raw()
        16867154727371490588
        """
        if delta < 0:
            raise ValueError(f"delta must not be negative, got {delta}")
        with self._exclusively() as cursor:
            words, left = 2 * int(delta), TILE_WORDS - int(cursor.used)
            if words <= left:
                self._move(int(cursor.next_tile), int(cursor.tile), int(cursor.used) + words)
            else:
                tiles, used = divmod(words - left, TILE_WORDS)
                tile = int(cursor.next_tile) + tiles
                self._move((tile + 1) % TILES, tile % TILES, used)
        return self

    def jumped(self, jumps: int = 1) -> TiledXoshiro128:
        """A new generator at the same place of the stream whose counter is `jumps` times 2^64 further on.

        The counter words (s1, s0) count the streams of a key: no two of up to 2^64 jumps share a lane.

        >>> fastinit.TiledXoshiro128(0).jumped().random_raw()
        8415826720343922549
        """
        jumped = type(self)(self._seed_seq)
        state = self.state
        k0, k1, s0, s1 = state["state"]["stream"]
        further = ((s1 << 32 | s0) + int(jumps)) % 2**64
        state["state"]["stream"] = [k0, k1, further & 0xFFFFFFFF, further >> 32]
        jumped.state = state
        return jumped


@cache
def _cursor_type() -> Any:
    """C's cursor, or Numba's where there is no C; imported at the first use, because Numba takes a while to load."""
    with without_forks():
        return import_module(f"fastinit.backends.{'c' if 'c' in available_backends() else 'numba'}_cursor").Cursor

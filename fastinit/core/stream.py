"""Derives the four words that identify a stream from a seed and a tensor's name (stream version 1)."""

from __future__ import annotations

import operator
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastinit.backends import c_calls
from fastinit.core.seed_sequences import child, entropy_before, is_seed_sequence, seed_sequence, states_spawned
from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import Seed, UInt32Array

if TYPE_CHECKING:
    from numpy.random import SeedSequence

_native = c_calls.native()
STREAM_VERSION = "1"  # in another version a seed and a name give other values; files and states say theirs
MANY = 8  # streams, from which on they are computed together


class Stream(NamedTuple):
    """The key (k0, k1) and counter words (s0, s1) of Philox that a stream's lanes are seeded from; four uint32."""

    k0: int
    k1: int
    s0: int
    s1: int

    @property
    def packed(self) -> bytes:
        """The four words one after the other, as they lie in memory."""
        return struct.pack("=4I", *self)

    @classmethod
    def unpacked(cls, words: bytes) -> Stream:
        return cls._make(struct.unpack("=4I", words))


def stream_of(seed: Seed | Stream, name: str | None = None) -> Stream:
    """The stream of `seed` and `name`.

    `seed`: a non-negative int of any size, a `numpy.random.SeedSequence`, or None for fresh entropy from the system.
    `name`: any string; tensors of different names get independent streams. A Stream in place of a seed is returned as it is,
    and takes no name. TypeError or ValueError for anything else.
    """
    if isinstance(seed, Stream) and name is None:
        return seed
    words = None if _native is None else _native.stream(seed, name)
    if words is not None:
        return Stream._make(words)
    key = () if name is None else struct.unpack("<4I", _digest(name))
    if not is_seed_sequence(seed):
        seed = seed_sequence(_entropy(seed), key)
    elif key:
        seed = child(seed, key)
    return Stream(*seed.generate_state(4, np.uint32).tolist())


def child_stream(stream: Stream, key: str) -> Stream:
    """The stream that is derived from this one and a key: that of a slab, or of what an initializer draws by itself."""
    return stream_of(seed_sequence(list(stream)), key)


def child_streams(stream: Stream, keys: Sequence[str | None]) -> list[Stream]:
    """`child_stream(stream, key)` for each key, computed together; the stream itself for None."""
    named = [key for key in keys if key is not None]
    if len(named) < MANY:
        return [stream if key is None else child_stream(stream, key) for key in keys]
    children = iter(streams_of(seed_sequence(list(stream)), named).tolist())
    return [stream if key is None else Stream(*next(children)) for key in keys]


def _entropy(seed: object) -> int | None:
    if seed is None:
        return None
    if isinstance(seed, (bool, np.bool_)):
        raise TypeError(f"seed must be an int, a SeedSequence or None, got {seed!r}")
    try:
        entropy = operator.index(seed)  # type: ignore[arg-type]  # else TypeError
    except TypeError:
        raise TypeError(f"seed must be an int, a SeedSequence or None, got {seed!r}") from None
    if entropy < 0:
        raise ValueError(f"seed must not be negative, got {seed!r}")
    return entropy


def _digest(name: str) -> bytes:
    if not isinstance(name, str):
        raise TypeError(f"name must be a string or None, got {name!r}")
    try:
        letters = name.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"name must be text that UTF-8 can hold, got {name!r}") from None
    with without_forks():
        from hashlib import blake2b  # which brings OpenSSL along; and C hashes most names

    return blake2b(letters, digest_size=16).digest()


def streams_of(seed: Seed, names: Sequence[str]) -> UInt32Array:
    """`stream_of(seed, name)` for each name, computed together: uint32, one row of four words a name."""
    before = words_before_name(seed)
    if _native is not None and before is not None:
        states = _native.streams(before, [*names])
        if states is not None:
            return np.frombuffer(states, np.uint32).reshape(-1, 4)
    words = np.frombuffer(b"".join(map(_digest, names)), "<u4")
    return states_spawned(_seed_sequence(seed), words.reshape(-1, 4))


def words_before_name(seed: Seed) -> bytes | None:
    """The words that the streams of a seed's names hash before the name's; None where C does not have the hash."""
    before = entropy_before(_seed_sequence(seed))
    return None if before is None else np.array(before, np.uint32).tobytes()


def _seed_sequence(seed: Seed) -> SeedSequence:
    return seed if is_seed_sequence(seed) else seed_sequence(_entropy(seed))

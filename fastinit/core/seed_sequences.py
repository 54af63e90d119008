"""The states of many children of a numpy.random.SeedSequence, computed together."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import UInt32Array

if TYPE_CHECKING:
    from numpy.random import SeedSequence
    from typing_extensions import TypeIs

# SeedSequence's algorithm (O'Neill 2015, "Developing a seed_seq alternative"; numpy/random/bit_generator.pyx)
INIT_A, MULT_A, INIT_B, MULT_B = 0x43B0D7E5, 0x931E8875, 0x8B51F9DD, 0x58F38DED
MIX_LEFT, MIX_RIGHT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
POOL = 4  # words


def is_seed_sequence(seed: object) -> TypeIs[SeedSequence]:
    """Whether it is a numpy.random.SeedSequence, of which there is none before that module is imported.

    Another thread may be importing it: the class is there when that has ended.
    """
    return isinstance(seed, getattr(sys.modules.get("numpy.random"), "SeedSequence", ()))


def seed_sequence(entropy: int | Sequence[int] | None, key: Sequence[int] = ()) -> SeedSequence:
    with without_forks():
        from numpy.random import SeedSequence  # a tenth of an import of fastinit; and C hashes most seeds

    return SeedSequence(entropy, spawn_key=key)


def states_spawned(seed: SeedSequence, keys: UInt32Array) -> UInt32Array:
    """`generate_state(4)` of the children of `seed` with these keys: (n, 4) words for an (n, words per key) array.

    A SeedSequence hashes its entropy and then its key into a pool of four words. This does so for all keys at
    once, column by column. A seed with a larger pool than the usual four words is left to NumPy, child by child.
    """
    entropy = entropy_before(seed)
    if entropy is None:
        return np.array([child(seed, key.tolist()).generate_state(4) for key in keys], np.uint32).reshape(-1, 4)
    mixer = _Mixer(INIT_A, MULT_A)
    columns = [np.full(len(keys), word, np.uint32) for word in entropy] + list(keys.T)
    pool = [mixer.hashed(column) for column in columns[:POOL]]
    for source in range(POOL):
        for target in range(POOL):
            if source != target:
                pool[target] = _mixed(pool[target], mixer.hashed(pool[source]))
    for column in columns[POOL:]:
        pool = [_mixed(word, mixer.hashed(column)) for word in pool]
    output = _Mixer(INIT_B, MULT_B)
    return np.stack([output.hashed(word) for word in pool], axis=1)


def entropy_before(seed: SeedSequence) -> list[int] | None:
    """The words that children of `seed` hash before their own keys; None for a pool of other than four words."""
    if seed.pool_size != POOL:
        return None
    assert seed.entropy is not None  # None is replaced by fresh entropy
    entropy = _words_of(seed.entropy)
    return entropy + [0] * (POOL - len(entropy)) + [word for key in seed.spawn_key for word in _words_of(key)]


class _Mixer:
    """Hashes arrays of uint32, each time with the next constant."""

    def __init__(self, constant: int, multiplier: int) -> None:
        self._constant, self._multiplier = constant, multiplier

    def hashed(self, words: UInt32Array) -> UInt32Array:
        words = words ^ np.uint32(self._constant)
        self._constant = self._constant * self._multiplier & 0xFFFFFFFF
        words *= np.uint32(self._constant)
        hashed: UInt32Array = words ^ words >> np.uint32(16)
        return hashed


def _mixed(left: UInt32Array, right: UInt32Array) -> UInt32Array:
    words = MIX_LEFT * left - MIX_RIGHT * right
    mixed: UInt32Array = words ^ words >> np.uint32(16)
    return mixed


def _words_of(number: int | str | Sequence[int | str]) -> list[int]:
    """An integer as words of 32 bits, lowest first; for a sequence of integers, their words one after the other."""
    if isinstance(number, str):  # as NumPy reads them
        number = int(number, 16 if number.startswith("0x") else 10)
    if not isinstance(number, (int, np.integer)):
        return [word for part in number for word in _words_of(part)]
    number = int(number)
    return [number >> shift & 0xFFFFFFFF for shift in range(0, max(number.bit_length(), 1), 32)]


def child(seed: SeedSequence, key: Sequence[int]) -> SeedSequence:
    return type(seed)(seed.entropy, spawn_key=(*seed.spawn_key, *key), pool_size=seed.pool_size)

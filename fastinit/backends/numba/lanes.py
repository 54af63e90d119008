"""The words of a tile, as in csrc/kernels/philox.h and csrc/kernels/lanes.h: a row of lanes is a vector."""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from fastinit.backends.numba.operations import Untyped, Words, called, inlined
from fastinit.backends.numba.traced import Value, traced, uint32, uint64, where

LANES, PHILOX_ROUNDS = 16, 10
TOGETHER = 8  # lanes of a vector: two chains of dependent instructions, which take 0.85 of the time of one


@traced
def philox(c0: Value, c1: Value, c2: Value, c3: Value, k0: Value, k1: Value) -> tuple[Value, Value, Value, Value]:
    """Philox4x32-10 (Salmon et al. 2011) of one counter under the key (k0, k1), or of vectors of them."""
    for _ in range(PHILOX_ROUNDS):
        product0 = uint64(c0) * 0xD2511F53
        product1 = uint64(c2) * 0xCD9E8D57
        c0, c1 = uint32(product1 >> 32) ^ c1 ^ k0, uint32(product1)
        c2, c3 = uint32(product0 >> 32) ^ c3 ^ k1, uint32(product0)
        k0 += 0x9E3779B9  # golden ratio
        k1 += 0xBB67AE85  # sqrt(3) - 1
    return c0, c1, c2, c3


TILE_ROWS = 128
TILE_WORDS = TILE_ROWS * LANES
GROUP_ROWS = 4  # two rows of float64 values: every distribution can start at a group
GROUP_WORDS, TILE_GROUPS = GROUP_ROWS * LANES, TILE_ROWS // GROUP_ROWS


@traced
def at(row: Value, lane: Value) -> Value:
    """The index of a lane in a row: unsigned, else Numba checks for negative indices and the loop does not vectorise."""
    return uint64(row * LANES + lane)


@traced
def wide_word(words: Value, r: Value, lane: Value) -> Value:
    """The 64-bit word of a lane in element row r."""
    return uint64(words[at(2 * r, lane)]) << 32 | uint64(words[at(2 * r + 1, lane)])


def rotate_left(x: Untyped, bits: int) -> Untyped:
    return x << bits | x >> (32 - bits)


@traced
def seed_state(stream: Value, tile: Value, state: Value) -> None:
    counter = tile * LANES  # its low four bits are free for the lane
    low, high = uint32(counter).repeated(LANES), uint32(counter >> 32).repeated(LANES)
    numbers = low.made(ir.Constant(low.code.type, [*range(LANES)]))
    k0, k1, c2, c3 = (stream[i].repeated(LANES) for i in range(4))
    s0, s1, s2, s3 = philox(low | numbers, high, c2, c3, k0, k1)
    s0 = where((s0 | s1 | s2 | s3) == 0, uint32(1), s0)  # xoshiro never leaves the state of all zeros
    for i, word in enumerate((s0, s1, s2, s3)):
        state.store_row(i * LANES, word)


@called
def seed_lanes(stream: Words, tile: np.uint64, state: Words) -> None:
    """The state of all lanes at the start of `tile`: row i of `state` has word i of each lane's."""
    seed_state(stream, tile, state)  # one copy of its code for all that call it


@traced
def next_group(state: Value, group: Value, words: Value) -> None:
    """The next four rows: words[at(r, lane)] is the r-th output of the lane's xoshiro128++."""
    for lane in range(0, LANES, TOGETHER):
        s0, s1, s2, s3 = (state.load_row(i * LANES + lane, TOGETHER) for i in range(4))
        for r in range(GROUP_ROWS):  # four rows at a time: the state is loaded and stored once for them
            words.store_row(group * GROUP_WORDS + r * LANES + lane, rotate_left(s0 + s3, 7) + s0)
            shifted = s1 << 9
            s2 ^= s0
            s3 ^= s1
            s1 ^= s2
            s0 ^= s3
            s2 ^= shifted
            s3 = rotate_left(s3, 11)
        for i, word in enumerate((s0, s1, s2, s3)):
            state.store_row(i * LANES + lane, word)


@inlined
def tile_words(stream: Words, tile: np.uint64, state: Words, words: Words) -> None:
    """All words of a tile."""
    seed_lanes(stream, tile, state)
    for group in range(TILE_GROUPS):
        next_group(state, group, words)

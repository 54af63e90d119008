"""The words of a tile, as in csrc/kernels/philox.h and csrc/kernels/lanes.h."""

from __future__ import annotations

from numpy import uint32, uint64

from fastinit.backends.numba.operations import Word, Words, inlined

LANES, PHILOX_ROUNDS = 16, 10


@inlined
def philox(c0: Word, c1: Word, c2: Word, c3: Word, k0: Word, k1: Word) -> tuple[Word, Word, Word, Word]:
    """Philox4x32-10 (Salmon et al. 2011) of one counter under the key (k0, k1)."""
    for _ in range(PHILOX_ROUNDS):
        product0 = uint64(0xD2511F53) * uint64(c0)
        product1 = uint64(0xCD9E8D57) * uint64(c2)
        c0 = uint32(product1 >> uint64(32)) ^ c1 ^ k0
        c1 = uint32(product1)
        c2 = uint32(product0 >> uint64(32)) ^ c3 ^ k1
        c3 = uint32(product0)
        k0 = uint32(k0 + uint32(0x9E3779B9))  # golden ratio
        k1 = uint32(k1 + uint32(0xBB67AE85))  # sqrt(3) - 1
    return c0, c1, c2, c3


TILE_ROWS = 128
TILE_WORDS = TILE_ROWS * LANES
GROUP_ROWS = 4  # two rows of float64 values: every distribution can start at a group
GROUP_WORDS, TILE_GROUPS = GROUP_ROWS * LANES, TILE_ROWS // GROUP_ROWS


@inlined
def rotate_left(x: Word, bits: int) -> Word:
    return uint32(x << uint32(bits) | x >> uint32(32 - bits))


@inlined
def at(row: int, lane: int) -> uint64:
    """The index of a lane in a row: unsigned, else Numba checks for negative indices and the loop does not vectorise."""
    return uint64(row * LANES + lane)


@inlined
def seed_lanes(stream: Words, tile: uint64, state: Words) -> None:
    """The state of all lanes at the start of `tile`: state[at(i, lane)] is word i of a lane's."""
    counter = tile * uint64(LANES)  # its low four bits are free for the lane
    low, high = uint32(counter), uint32(counter >> uint64(32))
    k0, k1, c2, c3 = stream[0], stream[1], stream[2], stream[3]
    for lane in range(LANES):
        s0, s1, s2, s3 = philox(low | uint32(lane), high, c2, c3, k0, k1)
        s0 |= uint32((s0 | s1 | s2 | s3) == uint32(0))  # xoshiro never leaves the state of all zeros
        state[at(0, lane)], state[at(1, lane)], state[at(2, lane)], state[at(3, lane)] = s0, s1, s2, s3


@inlined
def next_group(state: Words, group: int, words: Words) -> None:
    """The next four rows: words[at(r, lane)] is the r-th output of the lane's xoshiro128++."""
    for lane in range(LANES):  # four rows at a time: the state is loaded and stored once for them
        s0, s1, s2, s3 = state[at(0, lane)], state[at(1, lane)], state[at(2, lane)], state[at(3, lane)]
        for r in range(GROUP_ROWS):
            shifted = uint32(s1 << uint32(9))
            words[at(group * GROUP_ROWS + r, lane)] = uint32(rotate_left(uint32(s0 + s3), 7) + s0)
            s2 = uint32(s2 ^ s0)
            s3 = uint32(s3 ^ s1)
            s1 = uint32(s1 ^ s2)
            s0 = uint32(s0 ^ s3)
            s2 = uint32(s2 ^ shifted)
            s3 = rotate_left(s3, 11)
        state[at(0, lane)], state[at(1, lane)], state[at(2, lane)], state[at(3, lane)] = s0, s1, s2, s3


@inlined
def tile_words(stream: Words, tile: uint64, state: Words, words: Words) -> None:
    """All words of a tile."""
    seed_lanes(stream, tile, state)
    for group in range(TILE_GROUPS):
        next_group(state, group, words)

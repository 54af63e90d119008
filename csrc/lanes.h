/* The words of a tile: 16 lanes of xoshiro128++ (Blackman and Vigna 2021), each seeded in full by Philox. */
#ifndef FASTINIT_LANES_H
#define FASTINIT_LANES_H

#include <stdint.h>

#include "philox.h"

enum { TILE_ROWS = 128, TILE_WORDS = TILE_ROWS * LANES };

static ALWAYS_INLINE uint32_t rotate_left(uint32_t x, int bits)
{
    return x << bits | x >> (32 - bits);
}

/* Rows 0 to `rows` - 1 of `tile`, row after row: words[16 r + l] is the r-th output of lane l. `seed_lanes` is Philox. */
static ALWAYS_INLINE void tile_words(const uint32_t *stream, uint64_t tile, int rows, uint32_t *words,
                                     philox_function *seed_lanes)
{
    uint64_t counter = tile * LANES; /* its low four bits are free for the lane */
    uint32_t s[4][LANES];
    for (int l = 0; l < LANES; l++) {
        s[0][l] = (uint32_t)counter + (uint32_t)l;
        s[1][l] = (uint32_t)(counter >> 32);
        s[2][l] = stream[2];
        s[3][l] = stream[3];
    }
    seed_lanes(s, stream[0], stream[1]);
    for (int l = 0; l < LANES; l++) /* xoshiro's one fixed point */
        s[0][l] |= (s[0][l] | s[1][l] | s[2][l] | s[3][l]) == 0;
    for (int r = 0; r < rows; r++) {
        for (int l = 0; l < LANES; l++) {
            uint32_t shifted = s[1][l] << 9;
            words[r * LANES + l] = rotate_left(s[0][l] + s[3][l], 7) + s[0][l];
            s[2][l] ^= s[0][l];
            s[3][l] ^= s[1][l];
            s[1][l] ^= s[2][l];
            s[0][l] ^= s[3][l];
            s[2][l] ^= shifted;
            s[3][l] = rotate_left(s[3][l], 11);
        }
    }
}

#endif

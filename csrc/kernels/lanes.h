/* The words of a tile: 16 lanes of xoshiro128++ (Blackman and Vigna 2021), each seeded in full by Philox. */
#ifndef FASTINIT_LANES_H
#define FASTINIT_LANES_H

#include "philox_lanes.h"
#include "store.h"
#include "xoshiro.h"

enum { TILE_ROWS = 128, TILE_WORDS = TILE_ROWS * LANES };

/* Sets lanes[i][l] to word i of the state of lane l at the start of `tile`. `seed` is philox_lanes_<level>. */
static ALWAYS_INLINE void seed_lanes(uint32_t lanes[4][LANES], const uint32_t *stream, uint64_t tile, philox_function *seed)
{
    uint64_t counter = tile * LANES; /* its low four bits are free for the lane */
    for (int l = 0; l < LANES; l++) {
        lanes[0][l] = (uint32_t)counter + (uint32_t)l;
        lanes[1][l] = (uint32_t)(counter >> 32);
        lanes[2][l] = stream[2];
        lanes[3][l] = stream[3];
    }
    seed(lanes, stream[0], stream[1]);
    for (int l = 0; l < LANES; l++) /* xoshiro never leaves the state of all zeros */
        lanes[0][l] |= (lanes[0][l] | lanes[1][l] | lanes[2][l] | lanes[3][l]) == 0;
}

/* next_rows_<level>: the next `rows` rows; words[16 r + l] is that of lane l. Two vectors of lanes at a time, whose state
   stays in registers. With every row, as many bytes of the queue are written: a core computes words and empties its write
   buffers at the same time, but only if the instructions of the two alternate. */
#define NEXT_ROWS(level, TARGET, vector_bytes, test)                                                                  \
    static ALWAYS_INLINE TARGET void next_rows_##level(uint32_t lanes[4][LANES], int rows, uint32_t *words,           \
                                                       struct store_queue *queue)                                     \
    {                                                                                                                 \
        typedef uint32_t vector __attribute__((vector_size(vector_bytes), aligned(4), may_alias));                    \
        enum { WIDTH = vector_bytes / 4, VECTORS = 2 * WIDTH <= LANES ? 2 : 1, STEP = VECTORS * vector_bytes };       \
        for (int l = 0; l < LANES; l += VECTORS * WIDTH) {                                                            \
            struct { vector s0, s1, s2, s3; } x[VECTORS];                                                             \
            for (int v = 0; v < VECTORS; v++) {                                                                       \
                x[v].s0 = *(vector *)&lanes[0][l + v * WIDTH], x[v].s1 = *(vector *)&lanes[1][l + v * WIDTH];         \
                x[v].s2 = *(vector *)&lanes[2][l + v * WIDTH], x[v].s3 = *(vector *)&lanes[3][l + v * WIDTH];         \
            }                                                                                                         \
            size_t left = (queue->line_bytes - queue->written) / STEP;                                                \
            int waiting = left < (size_t)rows ? (int)left : rows;                                                     \
            char *to = queue->to + queue->written;                                                                    \
            const char *from = queue->from + queue->written;                                                          \
            for (int r = 0; r < waiting; r++)                                                                         \
                for (int v = 0; v < VECTORS; v++) {                                                                   \
                    NEXT_WORD(vector, x[v], words + r * LANES + l + v * WIDTH);                                       \
                    store_non_temporal_##level(to + r * STEP + v * vector_bytes, from + r * STEP + v * vector_bytes); \
                }                                                                                                     \
            for (int r = waiting; r < rows; r++)                                                                      \
                for (int v = 0; v < VECTORS; v++)                                                                     \
                    NEXT_WORD(vector, x[v], words + r * LANES + l + v * WIDTH);                                       \
            queue->written += (size_t)waiting * STEP;                                                                 \
            for (int v = 0; v < VECTORS; v++) {                                                                       \
                *(vector *)&lanes[0][l + v * WIDTH] = x[v].s0, *(vector *)&lanes[1][l + v * WIDTH] = x[v].s1;         \
                *(vector *)&lanes[2][l + v * WIDTH] = x[v].s2, *(vector *)&lanes[3][l + v * WIDTH] = x[v].s3;         \
            }                                                                                                         \
        }                                                                                                             \
    }
LEVELS(NEXT_ROWS)

#endif

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

/* vector_<level>, and LANES_<level>, the lanes that a loop over rows works on: those of two vectors, whose state stays in
   registers. */
#define LANES_AT_ONCE(level, TARGET, vector_bytes, test)                                               \
    typedef uint32_t vector_##level __attribute__((vector_size(vector_bytes), aligned(4), may_alias)); \
    enum {                                                                                             \
        WIDTH_##level = vector_bytes / 4,                                                              \
        VECTORS_##level = 2 * WIDTH_##level <= LANES ? 2 : 1,                                          \
        LANES_##level = VECTORS_##level * WIDTH_##level                                                \
    };
LEVELS(LANES_AT_ONCE)

/* Makes the next `rows` rows of `lanes`, `together` at a time: for l, the first of the lanes at once, and each r-th row, it
   writes the words of row r + i, i below `together`, to `address`, and then does the statements that follow. With every row,
   as many bytes of the queue are written: a core computes words and empties its write buffers at the same time, but only if
   the instructions of the two alternate. */
#define FOR_NEXT_ROWS(level, lanes, rows, together, queue, address, ...)                               \
    for (int l = 0; l < LANES; l += LANES_##level) {                                                   \
        struct { vector_##level s0, s1, s2, s3; } x[VECTORS_##level];                                  \
        for (int v = 0, at = l; v < VECTORS_##level; v++, at += WIDTH_##level) {                       \
            x[v].s0 = *(vector_##level *)&lanes[0][at], x[v].s1 = *(vector_##level *)&lanes[1][at];    \
            x[v].s2 = *(vector_##level *)&lanes[2][at], x[v].s3 = *(vector_##level *)&lanes[3][at];    \
        }                                                                                              \
        const size_t nbytes = VECTORS_##level * sizeof(vector_##level); /* of a row */                 \
        const size_t left = (queue->line_bytes - queue->written) / (together * nbytes);                \
        const int waiting = left < (size_t)(rows / together) ? (int)left * together : rows;            \
        char *memory = queue->to + queue->written;                                                     \
        const char *from = queue->from + queue->written;                                               \
        for (int r = 0; r < waiting; r += together) {                                                  \
            for (int i = 0; i < together; i++)                                                         \
                for (int v = 0; v < VECTORS_##level; v++) {                                            \
                    const size_t byte = (size_t)(r + i) * nbytes + (size_t)v * sizeof(vector_##level); \
                    NEXT_WORD(vector_##level, x[v], (address) + v * WIDTH_##level);                    \
                    store_non_temporal_##level(memory + byte, from + byte);                            \
                }                                                                                      \
            __VA_ARGS__                                                                                \
        }                                                                                              \
        for (int r = waiting; r < rows; r += together) {                                               \
            for (int i = 0; i < together; i++)                                                         \
                for (int v = 0; v < VECTORS_##level; v++)                                              \
                    NEXT_WORD(vector_##level, x[v], (address) + v * WIDTH_##level);                    \
            __VA_ARGS__                                                                                \
        }                                                                                              \
        queue->written += (size_t)waiting * nbytes;                                                    \
        for (int v = 0, at = l; v < VECTORS_##level; v++, at += WIDTH_##level) {                       \
            *(vector_##level *)&lanes[0][at] = x[v].s0, *(vector_##level *)&lanes[1][at] = x[v].s1;    \
            *(vector_##level *)&lanes[2][at] = x[v].s2, *(vector_##level *)&lanes[3][at] = x[v].s3;    \
        }                                                                                              \
    }

/* next_rows_<level>: the next `rows` rows; words[16 r + l] is that of lane l. */
#define NEXT_ROWS(level, TARGET, vector_bytes, test)                                                        \
    static ALWAYS_INLINE TARGET void next_rows_##level(uint32_t lanes[4][LANES], int rows, uint32_t *words, \
                                                       struct store_queue *queue)                           \
    {                                                                                                       \
        FOR_NEXT_ROWS(level, lanes, rows, 1, queue, words + (r + i) * LANES + l, (void)0;)                  \
    }
LEVELS(NEXT_ROWS)

/* next_wide_rows_<level>: the same as 64-bit words, each of an even row's word, the high half, and the next row's. The loop that
   joins them is one that compilers make of two permutations a vector. */
union wide_word {
    uint64_t word;
    uint32_t halves[2];
};
enum { HIGH_HALF = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ };

#define NEXT_WIDE_ROWS(level, TARGET, vector_bytes, test)                                                               \
    static ALWAYS_INLINE TARGET void next_wide_rows_##level(uint32_t lanes[4][LANES], int rows, union wide_word *words, \
                                                            struct store_queue *queue)                                  \
    {                                                                                                                   \
        uint32_t next[2 * LANES_##level];                                                                               \
        FOR_NEXT_ROWS(                                                                                                  \
            level, lanes, rows, 2, queue, next + i * LANES_##level, for (int k = 0; k < LANES_##level; k++) {           \
                words[r / 2 * LANES + l + k].halves[HIGH_HALF] = next[k];                                               \
                words[r / 2 * LANES + l + k].halves[!HIGH_HALF] = next[LANES_##level + k];                              \
            })                                                                                                          \
    }
LEVELS(NEXT_WIDE_ROWS)

#endif

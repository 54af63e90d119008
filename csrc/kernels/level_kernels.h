/* The kernels of one instruction-set level: DEFINE_LEVEL, for the files that compile them. */
#ifndef FASTINIT_LEVEL_KERNELS_H
#define FASTINIT_LEVEL_KERNELS_H

#include "counts.h"
#include "integers.h"
#include "inversion.h"
#include "narrow.h"
#include "rejection.h"
#include "rows.h"

/* The templates of kernels: each is a function's body after `lanes` is seeded. It makes the word rows before `end`, and the
   values of those from `first_row` on. `words_each` is the number of words that make a value. */

/* The words themselves. */
#define KERNEL_WORDS(level, values_of, element, words_each, narrow) \
    uint32_t skipped[TILE_WORDS];                                   \
    (void)parameters;                                               \
    next_rows_##level(lanes, first_row, skipped, queue);            \
    next_rows_##level(lanes, end - first_row, out, queue);

/* All rows, then all values: the steps of most distributions run best in long loops. Two words that make a value are joined. */
#define ALL_ROWS_1(level)                             \
    _Alignas(64) uint32_t tile_words[TILE_WORDS];     \
    int rows = end - first_row;                       \
    next_rows_##level(lanes, end, tile_words, queue); \
    const uint32_t *words = tile_words + first_row * LANES

#define ALL_ROWS_2(level)                                    \
    _Alignas(64) union wide_word tile_words[TILE_WORDS / 2]; \
    int rows = end - first_row;                              \
    next_wide_rows_##level(lanes, end, tile_words, queue);   \
    const union wide_word *words = tile_words + first_row / 2 * LANES

#define KERNEL_ALL(level, values_of, element, words_each, narrow) \
    ALL_ROWS_##words_each(level);                                 \
    values_of(words, rows / words_each, parameters, (element *)out);

/* Rounds as many values as fill a vector with elements. Their bits are packed in a loop of its own, or gcc packs all that they
   are made of, to take the last steps on elements half as wide. The loops are not unrolled, or it makes half vectors. */
#define ROUND_VALUES(values, count, narrow, element, to)                             \
    do {                                                                             \
        uint32_t bits[count];                                                        \
        const float *unrounded = values;                                             \
        element *rounded = to;                                                       \
        NOT_UNROLLED for (int k = 0; k < count; k++) bits[k] = narrow(unrounded[k]); \
        NOT_UNROLLED for (int k = 0; k < count; k++) rounded[k] = (element)bits[k];  \
    } while (0)

#define ROUND_ALL(level, element, narrow)                 \
    enum { COUNT = 4 * WIDTH_##level / sizeof(element) }; \
    for (int i = 0; i < rows * LANES; i += COUNT)         \
        ROUND_VALUES(values + i, COUNT, narrow, element, (element *)out + i);

#define KERNEL_ALL_ROUNDED(level, values_of, element, words_each, narrow) \
    ALL_ROWS_##words_each(level);                                         \
    float values[TILE_WORDS];                                             \
    values_of(words, rows, parameters, values);                           \
    ROUND_ALL(level, element, narrow)

/* The values of these also depend on the stream and on the position of their first word: what is rejected is drawn again, and
   parameters may be each value's own. */
#define KERNEL_PLACED(level, values_of, element, words_each, narrow)      \
    ALL_ROWS_##words_each(level);                                         \
    uint64_t position = (tile * TILE_ROWS + (uint64_t)first_row) * LANES; \
    values_of(words, rows / words_each, parameters, stream, position, (element *)out);

/* These also take words that Philox makes of their position. */
#define KERNEL_REJECTED(level, values_of, element, words_each, narrow)    \
    ALL_ROWS_1(level);                                                    \
    uint64_t position = (tile * TILE_ROWS + (uint64_t)first_row) * LANES; \
    values_of(words, rows / words_each, parameters, stream, position, philox_lanes_##level, (element *)out);

/* A uniform value takes so little that its word stays in registers: a second pass over the words would cost as much as they
   do. The two rows of a double are made together; compilers keep `next` in registers. */
#define REAL_1 float
#define REAL_2 double
#define UNIT_1 0x1p-24f
#define UNIT_2 0x1p-53

#define UNIFORM_ROWS(level, words_each, together, ...)                                                        \
    uint32_t skipped[TILE_WORDS], next[together * LANES_##level];                                             \
    const REAL_##words_each low = (REAL_##words_each)parameters[0], width = (REAL_##words_each)parameters[1]; \
    const REAL_##words_each step = width * UNIT_##words_each;                                                 \
    const int rows = end - first_row;                                                                         \
    next_rows_##level(lanes, first_row, skipped, queue);                                                      \
    if (step / UNIT_##words_each == width) {                                                                  \
        const REAL_##words_each unit = 1, scaled = step;                                                      \
        FOR_NEXT_ROWS(level, lanes, rows, together, queue, next + i * LANES_##level, __VA_ARGS__)             \
    } else {                                                                                                  \
        const REAL_##words_each unit = UNIT_##words_each, scaled = width;                                     \
        FOR_NEXT_ROWS(level, lanes, rows, together, queue, next + i * LANES_##level, __VA_ARGS__)             \
    }

#define KERNEL_UNIFORM(level, values_of, element, words_each, narrow)                                      \
    UNIFORM_ROWS(level, words_each, words_each, element *to = (element *)out + r / words_each * LANES + l; \
                 values_of(next, LANES_##level, unit, scaled, low, to);)

/* Rounded once all are made: rounding takes more instructions than all before it, and a CPU works on more of them at once. */
#define KERNEL_UNIFORM_ROUNDED(level, values_of, element, words_each, narrow)                                      \
    float values[TILE_WORDS];                                                                                      \
    UNIFORM_ROWS(level, words_each, 1, values_of(next, LANES_##level, unit, scaled, low, values + r * LANES + l);) \
    ROUND_ALL(level, element, narrow)

#define DEFINE_KERNEL(template, name, values_of, element, words_each, narrow, level, TARGET)                                \
    static TARGET void name##_##level(const uint32_t *stream, uint64_t tile, int first, int last, const double *parameters, \
                                      struct store_queue *queue, void *out)                                                 \
    {                                                                                                                       \
        _Alignas(64) uint32_t lanes[4][LANES];                                                                              \
        int first_row = first * GROUP_ROWS, end = last * GROUP_ROWS;                                                        \
        seed_lanes(lanes, stream, tile, philox_lanes_##level);                                                              \
        KERNEL_##template(level, values_of, element, words_each, narrow)                                                    \
    }

#define CELL(template, name, values_of, element, words_each, narrow, level) name##_##level,
#define DEFINE_LEVEL(level, TARGET, vector_bytes, test) \
    KERNELS(DEFINE_KERNEL, level, TARGET)               \
    const struct level_row fi_level_##level = {#level, write_lines_##level, {KERNELS(CELL, level)}};

#endif

/* Integers, each equally likely, from the words of a tile (Lemire 2019, "Fast random integer generation in an interval"):
   the value is the high half of word * range; products whose low half is below a threshold are rejected, and drawn again. */
#ifndef FASTINIT_INTEGERS_H
#define FASTINIT_INTEGERS_H

#include "distributions.h"

/* Parameters are the bits of three uint64: low, range (the number of values; 0 stands for 2^64) and the rejection threshold,
   2^32 mod range for values of one word and 2^64 mod range for values of two. */
enum { INTEGER_LOW, INTEGER_RANGE, INTEGER_THRESHOLD };

static ALWAYS_INLINE uint64_t integer_parameter(const double *parameters, int which)
{
    return bits_f64(parameters[which]);
}

/* word * range as its high half, which is the value, and its low half, the remainder. Exact. */
struct product { uint64_t value, remainder; };

static ALWAYS_INLINE struct product wide_product(uint64_t word, uint64_t range)
{
    unsigned __int128 product = (unsigned __int128)word * range;
    struct product halves = {(uint64_t)(product >> 64), (uint64_t)product};
    return halves;
}

/* The value whose own word, or the first of whose two, is word `position` of the stream, where that was rejected. Philox of
   the position gives two new 64-bit words per try, under another key for each try: the value depends on stream, position and
   range alone. Positions are those of words, so that values of one word and of two never ask for the same. Exact; in
   [0, range). */
static uint64_t redraw(const uint32_t *stream, uint64_t position, uint64_t range)
{
    uint64_t threshold = -range % range;
    for (uint32_t attempt = 0;; attempt++) {
        uint32_t c[4] = {(uint32_t)position, (uint32_t)(position >> 32), stream[2], stream[3]};
        philox(c, stream[0] ^ 0x5851f42du, stream[1] + attempt); /* any constant but 0: the lanes are seeded under k0 */
        for (int i = 0; i < 4; i += 2) {
            struct product product = wide_product((uint64_t)c[i] << 32 | c[i + 1], range);
            if (product.remainder >= threshold)
                return product.value;
        }
    }
}

/* Integers of one word, for ranges up to 2^24; exact; low + [0, range), of which `type` keeps the low bits. `position` is
   that of the first word in the stream. */
#define NARROW_INTEGERS(name, type)                                                                                   \
    static ALWAYS_INLINE void name(const uint32_t *words, int rows, const double *parameters, const uint32_t *stream, \
                                   uint64_t position, type *values)                                                   \
    {                                                                                                                 \
        uint64_t low = integer_parameter(parameters, INTEGER_LOW);                                                    \
        uint32_t range = (uint32_t)integer_parameter(parameters, INTEGER_RANGE);                                      \
        uint32_t threshold = (uint32_t)integer_parameter(parameters, INTEGER_THRESHOLD);                              \
        for (int r = 0; r < rows * LANES; r += LANES) {                                                               \
            uint32_t rejected = 0;                                                                                    \
            for (int l = 0; l < LANES; l++) {                                                                         \
                uint64_t product = (uint64_t)words[r + l] * range;                                                    \
                rejected |= (uint32_t)product < threshold;                                                            \
                values[r + l] = (type)(low + (product >> 32));                                                        \
            }                                                                                                         \
            if (rejected)                                                                                             \
                for (int l = 0; l < LANES; l++)                                                                       \
                    if ((uint32_t)(words[r + l] * range) < threshold)                                                 \
                        values[r + l] = (type)(low + redraw(stream, position + (uint64_t)(r + l), range));            \
        }                                                                                                             \
    }
NARROW_INTEGERS(integers_values_uint8, uint8_t)
NARROW_INTEGERS(integers_values_uint16, uint16_t)
NARROW_INTEGERS(integers_values_uint32, uint32_t)
NARROW_INTEGERS(integers_values_uint64, uint64_t)

/* Integers of two words, for larger ranges; otherwise as above. */
#define WIDE_INTEGERS(name, type)                                                                                     \
    static ALWAYS_INLINE void name(const uint32_t *words, int rows, const double *parameters, const uint32_t *stream, \
                                   uint64_t position, type *values)                                                   \
    {                                                                                                                 \
        uint64_t low = integer_parameter(parameters, INTEGER_LOW);                                                    \
        uint64_t range = integer_parameter(parameters, INTEGER_RANGE);                                                \
        uint64_t threshold = integer_parameter(parameters, INTEGER_THRESHOLD);                                        \
        for (int r = 0; r < rows; r++)                                                                                \
            for (int l = 0; l < LANES; l++) {                                                                         \
                uint64_t word = wide_word(words, r, l);                                                               \
                struct product product = wide_product(word, range);                                                   \
                uint64_t value = range == 0 ? word : product.value;                                                   \
                if (product.remainder < threshold)                                                                    \
                    value = redraw(stream, position + (uint64_t)(2 * r * LANES + l), range);                          \
                values[r * LANES + l] = (type)(low + value);                                                          \
            }                                                                                                         \
    }
WIDE_INTEGERS(wideintegers_values_uint32, uint32_t)
WIDE_INTEGERS(wideintegers_values_uint64, uint64_t)

#endif

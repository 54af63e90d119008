/* Turns the words of a tile into integers, each equally likely; integer_values.h has the arithmetic. */
#ifndef FASTINIT_INTEGERS_H
#define FASTINIT_INTEGERS_H

#include "distributions.h"
#include "integer_values.h"

/* Parameters are the bits of three uint64: low, range (the number of values; 0 stands for 2^64) and the rejection threshold,
   2^32 mod range for values of one word and 2^64 mod range for values of two. */
enum { INTEGER_LOW, INTEGER_RANGE, INTEGER_THRESHOLD };

static ALWAYS_INLINE uint64_t integer_parameter(const double *parameters, int which)
{
    return bits_f64(parameters[which]);
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
                uint64_t product = narrow_product(words[r + l], range);                                               \
                rejected |= (uint32_t)product < threshold;                                                            \
                values[r + l] = (type)(low + (product >> 32));                                                        \
            }                                                                                                         \
            if (rejected)                                                                                             \
                for (int l = 0; l < LANES; l++)                                                                       \
                    if ((uint32_t)narrow_product(words[r + l], range) < threshold)                                    \
                        values[r + l] = (type)(low + redraw(stream, position + (uint64_t)(r + l), range));            \
        }                                                                                                             \
    }
NARROW_INTEGERS(integers_values_uint8, uint8_t)
NARROW_INTEGERS(integers_values_uint16, uint16_t)
NARROW_INTEGERS(integers_values_uint32, uint32_t)
NARROW_INTEGERS(integers_values_uint64, uint64_t)

/* Integers of two words, for larger ranges; otherwise as above. */
#define WIDE_INTEGERS(name, type)                                                                    \
    static ALWAYS_INLINE void name(const union wide_word *words, int rows, const double *parameters, \
                                   const uint32_t *stream, uint64_t position, type *values)          \
    {                                                                                                \
        uint64_t low = integer_parameter(parameters, INTEGER_LOW);                                   \
        uint64_t range = integer_parameter(parameters, INTEGER_RANGE);                               \
        uint64_t threshold = integer_parameter(parameters, INTEGER_THRESHOLD);                       \
        for (int r = 0; r < rows; r++)                                                               \
            for (int l = 0; l < LANES; l++) {                                                        \
                uint64_t word = words[r * LANES + l].word;                                           \
                struct product product = wide_product(word, range);                                  \
                uint64_t value = range == 0 ? word : product.value;                                  \
                if (product.remainder < threshold)                                                   \
                    value = redraw(stream, position + (uint64_t)(2 * r * LANES + l), range);         \
                values[r * LANES + l] = (type)(low + value);                                         \
            }                                                                                        \
    }
WIDE_INTEGERS(wideintegers_values_uint32, uint32_t)
WIDE_INTEGERS(wideintegers_values_uint64, uint64_t)

#endif

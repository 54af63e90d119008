/* Integers, each equally likely (Lemire 2019, "Fast random integer generation in an interval"): the value is the high half of
   word * range, exactly; products whose low half, the remainder, is below a threshold are rejected, and drawn again. */
#ifndef FASTINIT_INTEGER_VALUES_H
#define FASTINIT_INTEGER_VALUES_H

#include "philox.h"

/* Of a 32-bit word and a range below 2^32, both halves in one number. */
static ALWAYS_INLINE uint64_t narrow_product(uint32_t word, uint32_t range)
{
    return (uint64_t)word * range;
}

struct product { uint64_t value, remainder; };

/* Of a 64-bit word. */
static ALWAYS_INLINE struct product wide_product(uint64_t word, uint64_t range)
{
    struct product halves = {multiply_high(word, range), word * range};
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

#endif

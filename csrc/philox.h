/* Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), for the 16 lanes of a tile at once. */
#ifndef FASTINIT_PHILOX_H
#define FASTINIT_PHILOX_H

#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "levels.h"

enum { LANES = 16, PHILOX_ROUNDS = 10 };

#define PHILOX_WEYL_0 0x9E3779B9u /* golden ratio */
#define PHILOX_WEYL_1 0xBB67AE85u /* sqrt(3) - 1 */

static ALWAYS_INLINE void philox_round(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    uint64_t product0 = (uint64_t)0xD2511F53u * c[0];
    uint64_t product1 = (uint64_t)0xCD9E8D57u * c[2];
    c[0] = (uint32_t)(product1 >> 32) ^ c[1] ^ k0;
    c[1] = (uint32_t)product1;
    c[2] = (uint32_t)(product0 >> 32) ^ c[3] ^ k1;
    c[3] = (uint32_t)product0;
}

typedef void philox_function(uint32_t counter[4][LANES], uint32_t k0, uint32_t k1);

/* counter[word][lane] becomes the cipher's output under the key (k0, k1). */
static inline void philox_lanes(uint32_t counter[4][LANES], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        for (int l = 0; l < LANES; l++) {
            uint32_t c[4] = {counter[0][l], counter[1][l], counter[2][l], counter[3][l]};
            philox_round(c, k0, k1);
            for (int word = 0; word < 4; word++)
                counter[word][l] = c[word];
        }
        k0 += PHILOX_WEYL_0;
        k1 += PHILOX_WEYL_1;
    }
}

#if defined(__x86_64__)
/* The same with each 32-bit word in the low half of a 64-bit element, where `multiply` needs it and leaves the product: half
   the instructions that compilers make of the loop above, which move words apart and together again every round. What is in
   the high halves does not matter until the end. */
#define PHILOX_WIDE(name, TARGET, nbytes, vector, multiply)                                                        \
    static TARGET void name(uint32_t counter[4][LANES], uint32_t k0, uint32_t k1)                                  \
    {                                                                                                              \
        enum { WIDTH = nbytes / 8 };                                                                               \
        typedef uint32_t half __attribute__((vector_size(nbytes / 2), aligned(4)));                                \
        typedef uint64_t wide __attribute__((vector_size(nbytes)));                                                \
        const wide multiplier0 = (wide){0} + 0xD2511F53u, multiplier1 = (wide){0} + 0xCD9E8D57u;                   \
        for (int l = 0; l < LANES; l += WIDTH) {                                                                   \
            wide c[4], key0 = (wide){0} + k0, key1 = (wide){0} + k1;                                               \
            for (int word = 0; word < 4; word++)                                                                   \
                c[word] = __builtin_convertvector(*(const half *)&counter[word][l], wide);                         \
            for (int round = 0; round < PHILOX_ROUNDS; round++) {                                                  \
                wide product0 = (wide)multiply((vector)c[0], (vector)multiplier0);                                 \
                wide product1 = (wide)multiply((vector)c[2], (vector)multiplier1);                                 \
                c[0] = (product1 >> 32) ^ c[1] ^ key0;                                                             \
                c[1] = product1;                                                                                   \
                c[2] = (product0 >> 32) ^ c[3] ^ key1;                                                             \
                c[3] = product0;                                                                                   \
                key0 += PHILOX_WEYL_0;                                                                             \
                key1 += PHILOX_WEYL_1;                                                                             \
            }                                                                                                      \
            for (int word = 0; word < 4; word++)                                                                   \
                *(half *)&counter[word][l] = __builtin_convertvector(c[word], half);                               \
        }                                                                                                          \
    }

PHILOX_WIDE(philox_lanes_avx2, TARGET_AVX2, 32, __m256i, _mm256_mul_epu32)
PHILOX_WIDE(philox_lanes_avx512, TARGET_AVX512, 64, __m512i, _mm512_mul_epu32)
#endif

/* The same of one counter. */
static ALWAYS_INLINE void philox(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        philox_round(c, k0, k1);
        k0 += PHILOX_WEYL_0;
        k1 += PHILOX_WEYL_1;
    }
}

#endif

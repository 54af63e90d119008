/* Philox for the 16 lanes of a tile at once. */
#ifndef FASTINIT_PHILOX_LANES_H
#define FASTINIT_PHILOX_LANES_H

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "levels.h"
#include "philox.h"

enum { LANES = 16 };

typedef void philox_function(uint32_t counter[4][LANES], uint32_t k0, uint32_t k1);

#if defined(__x86_64__)
/* philox_lanes_<level>: counter[word][lane] becomes the cipher's output under the key (k0, k1).

   Each 32-bit word is in the low half of a 64-bit element, where `multiply` expects it; the high half does not matter. This
   takes half the instructions that compilers make of the loop over philox_round, which spread the words and pack them again
   every round. Even lanes are in the low halves from the start, odd ones after a shift. Loads and stores are of whole
   vectors: a load of what two stores wrote waits until both are in the cache, after all earlier non-temporal stores. */
#define PHILOX_LANES(level, TARGET, nbytes, vector, multiply)                                                  \
    static MAYBE_UNUSED TARGET void philox_lanes_##level(uint32_t counter[4][LANES], uint32_t k0, uint32_t k1) \
    {                                                                                                          \
        typedef uint64_t wide __attribute__((vector_size(nbytes)));                                            \
        typedef uint64_t words __attribute__((vector_size(nbytes), aligned(4), may_alias));                    \
        const wide multiplier0 = (wide){0} + 0xD2511F53u, multiplier1 = (wide){0} + 0xCD9E8D57u;               \
        for (int l = 0; l < LANES; l += nbytes / 4) {                                                          \
            wide c[4][2], key0 = (wide){0} + k0, key1 = (wide){0} + k1;                                        \
            for (int word = 0; word < 4; word++) {                                                             \
                c[word][0] = *(const words *)&counter[word][l];                                                \
                c[word][1] = c[word][0] >> 32;                                                                 \
            }                                                                                                  \
            for (int round = 0; round < PHILOX_ROUNDS; round++) {                                              \
                for (int odd = 0; odd < 2; odd++) {                                                            \
                    wide product0 = (wide)multiply((vector)c[0][odd], (vector)multiplier0);                    \
                    wide product1 = (wide)multiply((vector)c[2][odd], (vector)multiplier1);                    \
                    c[0][odd] = (product1 >> 32) ^ c[1][odd] ^ key0;                                           \
                    c[1][odd] = product1;                                                                      \
                    c[2][odd] = (product0 >> 32) ^ c[3][odd] ^ key1;                                           \
                    c[3][odd] = product0;                                                                      \
                }                                                                                              \
                key0 += PHILOX_WEYL_0;                                                                         \
                key1 += PHILOX_WEYL_1;                                                                         \
            }                                                                                                  \
            for (int word = 0; word < 4; word++)                                                               \
                *(words *)&counter[word][l] = (c[word][0] & 0xffffffffu) | c[word][1] << 32;                   \
        }                                                                                                      \
    }
PHILOX_LANES(baseline, TARGET_BASELINE, 16, __m128i, _mm_mul_epu32)
PHILOX_LANES(avx2, TARGET_AVX2, 32, __m256i, _mm256_mul_epu32)
PHILOX_LANES(avx512, TARGET_AVX512, 64, __m512i, _mm512_mul_epu32)
#else
#define PHILOX_LANES(level, TARGET, vector_bytes, test)                                                 \
    static MAYBE_UNUSED void philox_lanes_##level(uint32_t counter[4][LANES], uint32_t k0, uint32_t k1) \
    {                                                                                                   \
        for (int round = 0; round < PHILOX_ROUNDS; round++) {                                           \
            for (int l = 0; l < LANES; l++) {                                                           \
                uint32_t c[4] = {counter[0][l], counter[1][l], counter[2][l], counter[3][l]};           \
                philox_round(c, k0, k1);                                                                \
                for (int word = 0; word < 4; word++)                                                    \
                    counter[word][l] = c[word];                                                         \
            }                                                                                           \
            k0 += PHILOX_WEYL_0;                                                                        \
            k1 += PHILOX_WEYL_1;                                                                        \
        }                                                                                               \
    }
LEVELS(PHILOX_LANES)
#endif

#endif

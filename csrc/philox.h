/* Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), for the 16 lanes of a tile at once. */
#ifndef FASTINIT_PHILOX_H
#define FASTINIT_PHILOX_H

#include <stdint.h>

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

/* counter[word][lane] becomes the cipher's output under the key (k0, k1). */
static ALWAYS_INLINE void philox_lanes(uint32_t counter[4][LANES], uint32_t k0, uint32_t k1)
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

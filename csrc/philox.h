/* Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), for the 16 lanes of a tile at once. */
#ifndef FASTINIT_PHILOX_H
#define FASTINIT_PHILOX_H

#include <stdint.h>

#include "levels.h"

enum { LANES = 16, PHILOX_ROUNDS = 10 };

/* counter[word][lane] becomes the cipher's output under the key (k0, k1). */
static ALWAYS_INLINE void philox_lanes(uint32_t counter[4][LANES], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        for (int l = 0; l < LANES; l++) {
            uint64_t product0 = (uint64_t)0xD2511F53u * counter[0][l];
            uint64_t product1 = (uint64_t)0xCD9E8D57u * counter[2][l];
            counter[0][l] = (uint32_t)(product1 >> 32) ^ counter[1][l] ^ k0;
            counter[1][l] = (uint32_t)product1;
            counter[2][l] = (uint32_t)(product0 >> 32) ^ counter[3][l] ^ k1;
            counter[3][l] = (uint32_t)product0;
        }
        k0 += 0x9E3779B9u; /* golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
}

#endif

/* xoshiro128++ (Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators"). */
#ifndef FASTINIT_XOSHIRO_H
#define FASTINIT_XOSHIRO_H

#define ROTATE_LEFT(x, bits) ((x) << (bits) | (x) >> (32 - (bits)))

/* Writes the next word to `to`, and moves the state x (s0 to s3) on; `type` is uint32_t, or a vector of them for as many
   generators side by side. */
#define NEXT_WORD(type, x, to)                       \
    do {                                             \
        type shifted = x.s1 << 9, sum = x.s0 + x.s3; \
        *(type *)(to) = ROTATE_LEFT(sum, 7) + x.s0;  \
        x.s2 ^= x.s0;                                \
        x.s3 ^= x.s1;                                \
        x.s1 ^= x.s2;                                \
        x.s0 ^= x.s3;                                \
        x.s2 ^= shifted;                             \
        x.s3 = ROTATE_LEFT(x.s3, 11);                \
    } while (0)

#endif

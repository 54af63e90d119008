/* Derives the words of a stream from those of a JAX key, as fastinit.jax.seed_of and fastinit.core.stream do in Python by
   numpy.random.SeedSequence(words, spawn_key=(0x6a6178, n)).generate_state(4). The hash is M. E. O'Neill's seed_seq_fe
   (pcg-random.org, "Developing a seed_seq Alternative"), its constants as in numpy/random/bit_generator.pyx. */
#ifndef FASTINIT_SEED_SEQUENCE_H
#define FASTINIT_SEED_SEQUENCE_H

#include <stdint.h>

enum { POOL = 4, JAX_SPAWN_KEY = 0x6a6178 /* "jax" */ };

static inline uint32_t hashed(uint32_t value, uint32_t *constant, uint32_t multiplier)
{
    value ^= *constant;
    *constant *= multiplier;
    value *= *constant;
    return value ^ value >> 16;
}

static inline uint32_t mixed(uint32_t x, uint32_t y)
{
    uint32_t result = 0xca01f9ddu * x - 0x4973f715u * y;
    return result ^ result >> 16;
}

/* Word i of the entropy: the key's words, padded with zeros to the pool's size, then the two of the spawn key. */
static inline uint32_t entropy_word(const uint32_t *key, uint64_t n, uint64_t i)
{
    uint64_t padded = n < POOL ? POOL : n;
    return i < n ? key[i] : i < padded ? 0 : i == padded ? JAX_SPAWN_KEY : (uint32_t)n;
}

/* Writes the four words of the stream of a key of n words; 0 < n < 2^32. */
static inline void stream_of_key(const uint32_t *key, uint64_t n, uint32_t *stream)
{
    uint32_t pool[POOL], constant = 0x43b0d7e5u;
    uint64_t entropy_words = (n < POOL ? POOL : n) + 2;
    for (int i = 0; i < POOL; i++)
        pool[i] = hashed(entropy_word(key, n, (uint64_t)i), &constant, 0x931e8875u);
    for (int from = 0; from < POOL; from++)
        for (int to = 0; to < POOL; to++)
            if (from != to)
                pool[to] = mixed(pool[to], hashed(pool[from], &constant, 0x931e8875u));
    for (uint64_t from = POOL; from < entropy_words; from++)
        for (int to = 0; to < POOL; to++)
            pool[to] = mixed(pool[to], hashed(entropy_word(key, n, from), &constant, 0x931e8875u));
    constant = 0x8b51f9ddu;
    for (int i = 0; i < POOL; i++)
        stream[i] = hashed(pool[i], &constant, 0x58f38dedu);
}

#endif

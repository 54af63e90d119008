/* numpy.random.SeedSequence(entropy, spawn_key=key).generate_state(4), the words of a stream (fastinit/core/stream.py). The
   hash is M. E. O'Neill's seed_seq_fe (pcg-random.org, "Developing a seed_seq Alternative"), its constants as in
   numpy/random/bit_generator.pyx. */
#ifndef FASTINIT_SEED_SEQUENCE_H
#define FASTINIT_SEED_SEQUENCE_H

#include <stdint.h>

enum { POOL = 4, JAX_SPAWN_KEY = 0x6a6178 /* "jax" */ };

/* Words in two parts: the entropy, padded with zeros to the pool's size where a key follows, and the key. */
typedef struct {
    const uint32_t *words, *key;
    uint64_t n, key_n;
} seed_entropy;

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

static inline uint64_t padded_length(const seed_entropy *entropy)
{
    return entropy->n < POOL ? POOL : entropy->n;
}

/* Word i of both parts; 0 where there are fewer, as in the pool of a short entropy. */
static inline uint32_t entropy_word(const seed_entropy *entropy, uint64_t i)
{
    uint64_t padded = padded_length(entropy);
    return i < entropy->n ? entropy->words[i] : i < padded ? 0 : entropy->key[i - padded];
}

/* Writes the four words of the stream. */
static inline void stream_of_entropy(const seed_entropy *entropy, uint32_t *stream)
{
    uint32_t pool[POOL], constant = 0x43b0d7e5u;
    uint64_t length = padded_length(entropy) + entropy->key_n;
    for (int i = 0; i < POOL; i++)
        pool[i] = hashed(entropy_word(entropy, (uint64_t)i), &constant, 0x931e8875u);
    for (int from = 0; from < POOL; from++)
        for (int to = 0; to < POOL; to++)
            if (from != to)
                pool[to] = mixed(pool[to], hashed(pool[from], &constant, 0x931e8875u));
    for (uint64_t from = POOL; from < length; from++)
        for (int to = 0; to < POOL; to++)
            pool[to] = mixed(pool[to], hashed(entropy_word(entropy, from), &constant, 0x931e8875u));
    constant = 0x8b51f9ddu;
    for (int i = 0; i < POOL; i++)
        stream[i] = hashed(pool[i], &constant, 0x58f38dedu);
}

/* Writes the four words of the stream of a JAX key of n words, as fastinit.jax.seed_of: of SeedSequence(words, spawn_key=
   (0x6a6178, n)); 0 < n < 2^32. */
static inline void stream_of_key(const uint32_t *key, uint64_t n, uint32_t *stream)
{
    const uint32_t spawn_key[] = {JAX_SPAWN_KEY, (uint32_t)n};
    const seed_entropy entropy = {key, spawn_key, n, 2};
    stream_of_entropy(&entropy, stream);
}

#endif

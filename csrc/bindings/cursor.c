/* A stream read in order, directly and as NumPy's bitgen_t (numpy/random/bitgen.h). */
#include <stdint.h>

#include "api.h"
#include "kernels.h"

enum { WORDS_KERNEL = 0, TILE_WORDS = sizeof(((fi_cursor *)0)->words) / sizeof(uint32_t) };

static const uint64_t TILES = 1ull << 53; /* as in bit_generator.py: after so many the stream starts again */

struct bitgen {
    void *state;
    uint64_t (*next_uint64)(void *);
    uint32_t (*next_uint32)(void *);
    double (*next_double)(void *);
    uint64_t (*next_raw)(void *);
};

void fi_reload(fi_cursor *cursor)
{
    uint64_t start = cursor->tile * TILE_WORDS;
    fi_fill((int)cursor->level, WORDS_KERNEL, cursor->stream, 0, &start, 1, TILE_WORDS, 1, cursor->words, 0, 0);
}

uint64_t fi_take(fi_cursor *cursor, uint64_t tiles)
{
    return __atomic_fetch_add(&cursor->next_tile, tiles, __ATOMIC_RELAXED);
}

/* The caller has the generator's lock. Without it, as in code that Numba compiled, threads may get the same word, but none
   reads beyond `words`: each looks at `used` once. */
static uint32_t next_uint32(void *state)
{
    fi_cursor *cursor = state;
    uint32_t used = __atomic_load_n(&cursor->used, __ATOMIC_RELAXED);
    if (used >= TILE_WORDS) {
        cursor->tile = fi_take(cursor, 1);
        used = 0;
        fi_reload(cursor);
    }
    __atomic_store_n(&cursor->used, used + 1, __ATOMIC_RELAXED);
    return cursor->words[used];
}

/* Two words; the first is the high half. */
static uint64_t next_uint64(void *state)
{
    uint64_t high = next_uint32(state);
    return high << 32 | next_uint32(state);
}

static double next_double(void *state)
{
    return (double)(next_uint64(state) >> 11) * 0x1p-53;
}

void fi_bind(void *bitgen, fi_cursor *cursor)
{
    struct bitgen bound = {cursor, next_uint64, next_uint32, next_double, next_uint64};
    *(struct bitgen *)bitgen = bound;
}

uint64_t fi_take_values(fi_cursor *cursor, int kernel, uint64_t n)
{
    uint64_t tile_elements = (uint64_t)fi_kernel_tile_elements(kernel);
    return fi_take(cursor, n / tile_elements + (n % tile_elements != 0)) % TILES * tile_elements;
}

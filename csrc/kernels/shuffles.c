/* Random orders (shuffles.h): items are dealt out to buckets that fit the first cache, which are then shuffled one by one. */
#include <stdint.h>
#include <string.h>

#include "integer_values.h"
#include "kernels.h"
#include "shuffles.h"
#include "threads.h"

enum { WORDS_KERNEL = 0, TILE_WORDS = 2048, BUCKETS_TOGETHER = 8 };

struct shuffle {
    int level;
    const uint32_t *stream;
    uint64_t start, first_place; /* of the words: that of item 0, and that of place 0 */
    int bits;
    uint64_t n, wanted;
    const void *items;
    void *out, *dealt; /* which may be the same memory */
    uint64_t *counts, *ends, pieces, items_of_piece;
};

static void words_at(const struct shuffle *of, uint64_t position, uint64_t count, uint32_t *words)
{
    fi_fill(of->level, WORDS_KERNEL, of->stream, NULL, &position, 1, count, 1, words, 0, 0);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t bucket_of(const struct shuffle *of, uint32_t word)
{
    return ((uint64_t)word << of->bits) >> 32;
}

/* For each tile of a piece's items: `item` is its first, and words[i] that of item + i. */
#define FOR_TILES_OF_PIECE(of, piece, ...)                                               \
    uint32_t words[TILE_WORDS];                                                          \
    const uint64_t end = smaller((piece + 1) * of->items_of_piece, of->n);               \
    for (uint64_t item = piece * of->items_of_piece, count; item < end; item += count) { \
        count = smaller(TILE_WORDS, end - item);                                         \
        words_at(of, of->start + item, count, words);                                    \
        for (uint64_t i = 0; i < count; i++)                                             \
            __VA_ARGS__                                                                  \
    }

static void count_piece(void *job, uint64_t piece)
{
    const struct shuffle *of = job;
    uint64_t *counts = of->counts + (piece << of->bits);
    memset(counts, 0, sizeof *counts << of->bits);
    FOR_TILES_OF_PIECE(of, piece, counts[bucket_of(of, words[i])]++;)
}

/* Makes counts[piece][bucket] the place of the first item that the piece deals to the bucket. */
static void sum_counts(struct shuffle *of)
{
    uint64_t sum = 0;
    for (uint64_t bucket = 0; bucket >> of->bits == 0; bucket++)
        for (uint64_t piece = 0; piece < of->pieces; piece++) {
            uint64_t *count = &of->counts[(piece << of->bits) + bucket], before = sum;
            sum += *count;
            *count = before;
        }
}

/* A number in [0, range) from the word at `position`, drawn again there where it is rejected. */
static inline uint64_t bounded(const struct shuffle *of, uint64_t position, uint32_t word, uint32_t range)
{
    uint64_t product = narrow_product(word, range);
    if ((uint32_t)product < range && (uint32_t)product < -range % range)
        return redraw(of->stream, position, range);
    return product >> 32;
}

/* Shuffles a bucket from `dealt` to `out`, the places `first` to `end` - 1: item i goes to where an item chosen among the
   first i + 1 places is, which moves to place i. `tile` is the one whose words are there. */
#define SHUFFLE_BUCKET(of, type)                                                                             \
    const type *from = of->dealt;                                                                            \
    type *to = of->out;                                                                                      \
    for (uint64_t place = first; place < end; place++) {                                                     \
        uint64_t position = of->first_place + place, chosen;                                                 \
        const type item = from[place];                                                                       \
        if (position / TILE_WORDS != *tile) {                                                                \
            *tile = position / TILE_WORDS;                                                                   \
            words_at(of, *tile * TILE_WORDS, TILE_WORDS, words);                                             \
        }                                                                                                    \
        chosen = first + bounded(of, position, words[position % TILE_WORDS], (uint32_t)(place - first + 1)); \
        to[place] = to[chosen];                                                                              \
        to[chosen] = item;                                                                                   \
    }

/* deal_<name>, which deals a piece's items, and shuffle_<name>, which shuffles some of the buckets. */
#define SHUFFLES(name, type, value)                                                                           \
    static void deal_##name(void *job, uint64_t piece)                                                        \
    {                                                                                                         \
        const struct shuffle *of = job;                                                                       \
        type *dealt = of->dealt;                                                                              \
        uint64_t *ends = of->ends + (piece << of->bits);                                                      \
        memcpy(ends, of->counts + (piece << of->bits), sizeof *ends << of->bits);                             \
        FOR_TILES_OF_PIECE(of, piece, dealt[ends[bucket_of(of, words[i])]++] = value;)                        \
    }                                                                                                         \
    static void shuffle_##name(void *job, uint64_t piece)                                                     \
    {                                                                                                         \
        const struct shuffle *of = job;                                                                       \
        uint32_t words[TILE_WORDS];                                                                           \
        uint64_t none = UINT64_MAX, *tile = &none, buckets = (uint64_t)1 << of->bits;                         \
        uint64_t bucket = piece * BUCKETS_TOGETHER, last = smaller(bucket + BUCKETS_TOGETHER, buckets);       \
        for (; bucket < last && of->counts[bucket] < of->wanted; bucket++) {                                  \
            uint64_t first = of->counts[bucket], end = bucket + 1 < buckets ? of->counts[bucket + 1] : of->n; \
            SHUFFLE_BUCKET(of, type)                                                                          \
        }                                                                                                     \
    }
#define ITEM(type) ((const type *)of->items)[item + i]
SHUFFLES(numbers, int64_t, (int64_t)(item + i))
SHUFFLES(items1, uint8_t, ITEM(uint8_t))
SHUFFLES(items2, uint16_t, ITEM(uint16_t))
SHUFFLES(items4, uint32_t, ITEM(uint32_t))
SHUFFLES(items8, uint64_t, ITEM(uint64_t))

static piece_function *const steps[][2] = {
    {deal_numbers, shuffle_numbers}, {deal_items1, shuffle_items1}, {deal_items2, shuffle_items2},
    {deal_items4, shuffle_items4},   {deal_items8, shuffle_items8},
};

/* The job from its beginning; FORKED in the child of a fork within `pause`, if items were shuffled where they were dealt. */
static int shuffle(struct shuffle *of, piece_function *const step[2], int threads, int (*pause)(void))
{
    const uint64_t together = (((uint64_t)1 << of->bits) - 1) / BUCKETS_TOGETHER + 1;
    int result = run_pieces(count_piece, of, of->pieces, threads, pause);
    if (result)
        return result;
    sum_counts(of);
    result = run_pieces(step[0], of, of->pieces, threads, pause);
    if (result) /* nothing is written to `items` yet, which are not shuffled in part */
        return result;
    return run_pieces_once(step[1], of, together, threads, of->out == of->items ? NULL : pause);
}

int fi_shuffle(int level, const uint32_t *stream, uint64_t start, int bits, uint64_t n, uint64_t wanted, const void *items,
               int item_bytes, void *out, void *scratch, uint64_t *counts, uint64_t pieces, int threads, int (*pause)(void))
{
    const uint64_t tiles = n / TILE_WORDS + 1;
    struct shuffle of = {level,  stream,
                         start,  start + (n + TILE_WORDS - 1) / TILE_WORDS * TILE_WORDS,
                         bits,   n,
                         wanted, items,
                         out,    scratch ? scratch : out,
                         counts, counts + (pieces << bits),
                         pieces, (tiles / pieces + 1) * TILE_WORDS};
    int result, type = !items ? 0 : item_bytes == 1 ? 1 : item_bytes == 2 ? 2 : item_bytes == 4 ? 3 : 4;
    do
        result = shuffle(&of, steps[type], threads, pause);
    while (result == FORKED);
    return result;
}

/* The number of each value is that of a bit of the table. */
static uint64_t first_dense_occurrences(int64_t *values, uint64_t distinct, uint64_t n, uint64_t *table)
{
    for (uint64_t i = distinct; i < n; i++) {
        uint64_t value = (uint64_t)values[i], *word = &table[value / 64], bit = (uint64_t)1 << value % 64;
        values[distinct] = (int64_t)value;
        distinct += (*word & bit) == 0; /* without a branch, since it is taken or not at random */
        *word |= bit;
    }
    return distinct;
}

enum { PREFETCHED = 16 }; /* values ahead: the table is larger than the caches */

/* The table holds the values, plus 1, each at its hash or in the next free place. */
static uint64_t first_sparse_occurrences(int64_t *values, uint64_t distinct, uint64_t n, uint64_t *table, int bits)
{
    const uint64_t mask = ((uint64_t)1 << bits) - 1, odd = 0x9E3779B97F4A7C15u; /* golden ratio */
    for (uint64_t i = distinct; i < n; i++) {
        const uint64_t key = (uint64_t)values[i] + 1;
        uint64_t place = (uint64_t)values[i] * odd >> (64 - bits);
        if (i + PREFETCHED < n)
            __builtin_prefetch(&table[(uint64_t)values[i + PREFETCHED] * odd >> (64 - bits)], 1);
        while (table[place] != 0 && table[place] != key)
            place = (place + 1) & mask;
        if (table[place] == 0) {
            table[place] = key;
            values[distinct++] = (int64_t)key - 1;
        }
    }
    return distinct;
}

uint64_t fi_first_occurrences(int64_t *values, uint64_t distinct, uint64_t n, uint64_t *table, int hash_bits)
{
    if (hash_bits == 0)
        return first_dense_occurrences(values, distinct, n, table);
    return first_sparse_occurrences(values, distinct, n, table, hash_bits);
}

/* Random orders, and numbers that are unlike each other. No preprocessor lines: cffi reads this file as it stands, and C includes
   it. fi_shuffle shares its work as fi_fill_shared does, returns what `pause` returned, or 0, and gives the same on any number of
   threads. */

/* A random order of `n` items of `item_bytes` (1, 2, 4 or 8) each, every order equally likely, and of it at least the
   first `wanted`: from `items` to `out`, which may be the same memory. Where `items` is null they are the numbers from 0 on,
   as int64.

   By Rao (1961) and Sandelius (1962): word `start` + i of the stream says by its high `bits` bits which bucket item i goes to,
   and within each bucket the words that have the items' new places, from the first whole tile after the words of the items on,
   shuffle it (Fisher and Yates 1938). Buckets are independent and equally likely for each item, so that any two orders of the
   items are reached by as many choices.

   `scratch` has room for n items where `out` is `items`; else it is null. `counts` has room for 2 pieces 2^bits numbers: the
   items are dealt out in so many pieces. */
int fi_shuffle(int level, const uint32_t *stream, uint64_t start, int bits, uint64_t n, uint64_t wanted, const void *items,
               int item_bytes, void *out, void *scratch, uint64_t *counts, uint64_t pieces, int threads, int (*pause)(void));

/* Of `n` values the first `distinct` are unlike each other and in `table`. Moves behind them, in their order, those of the
   others that occur for the first time, puts them into the table too, and returns how many are unlike each other now. `table`,
   zeros at first, has a bit for each number that a value may be; or, where `hash_bits` is not 0, 2^hash_bits entries, more than
   n. */
uint64_t fi_first_occurrences(int64_t *values, uint64_t distinct, uint64_t n, uint64_t *table, int hash_bits);

/* Items of an array by their numbers. No preprocessor lines: cffi reads this file as it stands, and C includes it. Both functions
   share their work as fi_fill_shared does, and return what `pause` returned, or 0. */

/* Writes items[numbers[i]], of `item_bytes` each, to out[i], for n numbers; `out` shares no memory with the others. */
int fi_take_items(const void *items, uint64_t item_bytes, const int64_t *numbers, uint64_t n, void *out, int threads,
                  int (*pause)(void));

/* The same for the numbers that `kernel`, of 64-bit integers, has at the positions `start` to `start` + n - 1: no array of all
   of them is made. */
int fi_choose_items(int level, int kernel, const uint32_t *stream, const double *parameters, uint64_t start,
                    const void *items, uint64_t item_bytes, uint64_t n, void *out, int threads, int (*pause)(void));

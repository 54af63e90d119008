/* Values by tables of their distribution. No preprocessor lines: cffi reads this file as it stands, and C includes it. fi_search
   shares its work as fi_fill_shared does, returns what `pause` returned, or 0, and gives the same on any number of threads. */

/* out[i] = first + how many entries of the table `cdf`, which rises to 1, are at most u, the value of `kernel` (uniform on
   [0, 1), float64) at position `start` + i. guide[j], for j below 2^guide_bits, is how many are at most j / 2^guide_bits: where
   the search begins (Chen and Asau 1974). */
int fi_search(int level, int kernel, const uint32_t *stream, uint64_t start, uint64_t n, const double *cdf,
              const int32_t *guide, int guide_bits, int64_t first, int64_t *out, int threads, int (*pause)(void));

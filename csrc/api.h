/* Every function that Python may call. No preprocessor lines: cffi reads this file as it stands, and C includes it. */

/* The instruction-set levels compiled in, slowest first, and the kernels: names in the order of their numbers. */
int fi_level_count(void);
const char *fi_level_name(int level);
int fi_level_supported(int level); /* 1 if this CPU runs it */
int fi_kernel_count(void);
const char *fi_kernel_name(int kernel); /* law_dtype, as in "normal_bfloat16" */

/* Write the values at positions start, start + step, ..., `count` of them for each of the `runs` starts, one behind the
   other from `out`. `stream` is k0 k1 s0 s1; `parameters` are the law's (distributions.h). Positions and sizes are in
   elements; `out` is aligned to an element. `streaming` asks for stores past the cache. Keeps no state. */
void fi_fill(int level, int kernel, const uint32_t *stream, const double *parameters, const uint64_t *starts,
             uint64_t runs, uint64_t count, int64_t step, void *out, int streaming);

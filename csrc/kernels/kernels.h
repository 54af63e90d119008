/* The functions of kernels.c. No preprocessor lines: cffi reads this file as it stands, and C includes it. */

/* The instruction-set levels compiled in, slowest first, and the kernels: names in the order of their numbers. */
int fi_level_count(void);
const char *fi_level_name(int level);
int fi_level_supported(int level); /* 1 if this CPU runs it */
int fi_kernel_count(void);
const char *fi_kernel_name(int kernel); /* distribution_dtype, as in "normal_bfloat16" */
int fi_kernel_tile_elements(int kernel);

/* Writes the values at positions start, start + step, ..., `count` of them for each of the `runs` starts; those of run r lie
   one after the other from `out` + r `pitch` bytes on. `stream` is k0 k1 s0 s1; `parameters` are the distribution's
   (values.h). Positions and sizes are in elements; `out` and `pitch` are aligned to an element. `non_temporal` asks
   for stores that leave the caches as they are. Keeps no state. */
void fi_fill(int level, int kernel, const uint32_t *stream, const double *parameters, const uint64_t *starts, uint64_t runs,
             uint64_t count, int64_t step, void *out, int64_t pitch, int non_temporal);

/* fi_fill on the calling thread and at most `threads` - 1 others. From time to time the calling thread calls `pause`, unless
   that is null: at a result other than 0 the fill ends unfinished, and that is returned; else 0. Once it has returned nothing
   is written any more. Any threads may call it at once, and within `pause`, which may also fork. */
int fi_fill_shared(int level, int kernel, const uint32_t *stream, const double *parameters, const uint64_t *starts,
                   uint64_t runs, uint64_t count, int64_t step, void *out, int64_t pitch, int non_temporal, int threads,
                   int (*pause)(void));

/* An axis of a result and of the memory it goes to: positions are `step` apart, and their elements `stride` bytes. */
typedef struct {
    uint64_t n;
    int64_t step, stride;
} fi_axis;

/* Writes the values at positions origin + sum of index * step to `out` + sum of index * stride, for each index of the axes, on
   threads as fi_fill_shared does; `out` and the strides are aligned to an element, and no two elements share memory. -1 where
   there is no memory for a buffer of 2 MiB. */
int fi_fill_axes(int level, int kernel, const uint32_t *stream, const double *parameters, uint64_t origin, int n,
                 const fi_axis *axes, int element_bytes, void *out, int non_temporal, int threads, int (*pause)(void));

/* Whether it has others: without, the caller may share the work itself. */
int fi_has_threads(void);

/* fi_fill of `n` whole arrays, one after the other: array i has kernel kernels[i], stream streams[4 i] ..., the parameters
   from parameters[i] on, and elements 0 to counts[i] - 1 go to outs[i]. A number -b instead of a kernel's stands for a constant:
   all elements are the first b bytes at parameters[i]. */
void fi_fill_many(int level, uint64_t n, const int32_t *kernels, const uint32_t *streams, const double *const *parameters,
                  const uint64_t *counts, void *const *outs);

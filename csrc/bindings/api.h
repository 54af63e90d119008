/* Every function that Python may call. No preprocessor lines: cffi reads this file as it stands, and C includes it. */

/* The instruction-set levels compiled in, slowest first, and the kernels: names in the order of their numbers. */
int fi_level_count(void);
const char *fi_level_name(int level);
int fi_level_supported(int level); /* 1 if this CPU runs it */
int fi_kernel_count(void);
const char *fi_kernel_name(int kernel); /* distribution_dtype, as in "normal_bfloat16" */

int fi_kernel_tile_elements(int kernel);

/* Write the values at positions start, start + step, ..., `count` of them for each of the `runs` starts, those of run r one
   behind the other from `out` + r `pitch` bytes. `stream` is k0 k1 s0 s1; `parameters` are the distribution's (distributions.h).
   Positions and sizes are in elements; `out` and `pitch` are aligned to an element. `streaming` asks for stores past the cache.
   Keeps no state. */
void fi_fill(int level, int kernel, const uint32_t *stream, const double *parameters, const uint64_t *starts,
             uint64_t runs, uint64_t count, int64_t step, void *out, int64_t pitch, int streaming);

/* fi_fill of `n` whole arrays, one after the other: array i has kernel kernels[i], stream streams[4 i] ..., the parameters from
   parameters[i] on, and elements 0 to counts[i] - 1 go to outs[i]. */
void fi_fill_many(int level, uint64_t n, const int32_t *kernels, const uint32_t *streams, const double *const *parameters,
                  const uint64_t *counts, void *const *outs);

/* A stream read in order: whole tiles by bulk draws, and one tile word by word, behind NumPy's BitGenerator interface. */
typedef struct {
    uint32_t stream[4];
    uint64_t next_tile; /* the first that nothing was drawn from */
    uint64_t tile;      /* the one that `words` are of */
    uint32_t used;      /* how many of them were read; all where there is none yet */
    uint32_t level;     /* the instruction-set level that all of it is drawn at */
    uint32_t held;      /* not 0 while it is moved from Python, in several steps */
    uint32_t words[2048];
} fi_cursor;

/* Make `bitgen`, NumPy's bitgen_t, read its random bits from `cursor`. */
void fi_bind(void *bitgen, fi_cursor *cursor);

/* Have the words of `cursor->tile` at hand. */
void fi_reload(fi_cursor *cursor);

/* The first of the next `tiles` tiles, which are nobody else's from then on; needs no lock. */
uint64_t fi_take(fi_cursor *cursor, uint64_t tiles);

/* Write `n` values from the next tile on, on this thread, and move past the last tile used; needs no lock. The kernel's
   parameters are these. */
void fi_draw(fi_cursor *cursor, int kernel, double parameter0, double parameter1, void *out, uint64_t n);
void fi_draw_integers(fi_cursor *cursor, int kernel, uint64_t low, uint64_t range, uint64_t redrawn, void *out, uint64_t n);

/* A stream read in order, for NumPy's API. No preprocessor lines: cffi reads this file as it stands, and C includes it. */

/* Whole tiles are read by bulk draws, and one tile word by word, through NumPy's BitGenerator interface. */
typedef struct {
    uint32_t stream[4];
    uint64_t next_tile; /* the first that nothing was drawn from */
    uint64_t tile;      /* the tile that `words` belongs to */
    uint32_t used;      /* how many of `words` have been read; 2048 at first, when there are none */
    uint32_t level;     /* the instruction-set level that computes the words */
    uint32_t held;      /* not 0 while Python moves the cursor, in several steps */
    uint32_t words[2048];
} fi_cursor;

/* Makes `bitgen`, NumPy's bitgen_t, read its random bits from `cursor`. */
void fi_bind(void *bitgen, fi_cursor *cursor);

/* Computes `words` again, from `stream` and `tile`. */
void fi_reload(fi_cursor *cursor);

/* Reserves the next `tiles` tiles for the caller and returns the first; threads may call it at the same time. */
uint64_t fi_take(fi_cursor *cursor, uint64_t tiles);

/* Writes `n` values of the kernel with these parameters, from the next tile on, and moves past the last tile used. Runs on
   the calling thread; threads may call it at the same time. */
void fi_draw(fi_cursor *cursor, int kernel, double parameter0, double parameter1, void *out, uint64_t n);
void fi_draw_integers(fi_cursor *cursor, int kernel, uint64_t low, uint64_t range, uint64_t threshold, void *out,
                      uint64_t n);

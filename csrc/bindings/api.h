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

/* Reserves whole tiles for `n` values of a kernel and returns the position of the first value (fi_fill); threads may call it
   at the same time. */
uint64_t fi_take_values(fi_cursor *cursor, int kernel, uint64_t n);

/* Rows times a matrix, in one order of additions on every machine (products.h). */
#include <stdint.h>

#include "levels.h"
#include "products.h"
#include "threads.h"

/* Of as many rows and columns the sums are made together; DEPTH products are added between a load and a store of them. */
enum { ROWS = 16, COLUMNS = 4, DEPTH = 8 };

struct product {
    int level;
    const double *x;
    uint64_t rows, columns, of_piece;
    const double *factor, *added;
    double *scratch, *out;
};

/* Adds `depth` products to the sums of ROWS rows in COLUMNS columns: of[k] has element k of each row, and `factor` those of
   each column. */
static ALWAYS_INLINE void add_products(const double *of, const double *factor, int depth, double sums[COLUMNS][ROWS])
{
    for (int c = 0; c < COLUMNS; c++)
        for (int r = 0; r < ROWS; r++) {
            double sum = sums[c][r];
            for (int k = 0; k < depth; k++)
                sum += of[k * ROWS + r] * factor[k * COLUMNS + c];
            sums[c][r] = sum;
        }
}

static ALWAYS_INLINE void sums_of(const double *of, const double *factor, uint64_t columns, double sums[COLUMNS][ROWS])
{
    uint64_t k = 0;
    for (int c = 0; c < COLUMNS; c++)
        for (int r = 0; r < ROWS; r++)
            sums[c][r] = 0.0;
    for (; k + DEPTH <= columns; k += DEPTH)
        add_products(of + k * ROWS, factor + k * COLUMNS, DEPTH, sums);
    for (; k < columns; k++)
        add_products(of + k * ROWS, factor + k * COLUMNS, 1, sums);
}

/* The products of `count` rows, at most ROWS, from `first` on; `turned` has room for as many columns of ROWS elements. */
static ALWAYS_INLINE void multiply_rows(const struct product *of, uint64_t first, uint64_t count, double *turned)
{
    const uint64_t columns = of->columns;
    for (uint64_t r = 0; r < ROWS; r++)
        for (uint64_t k = 0; k < columns; k++)
            turned[k * ROWS + r] = of->x[(first + (r < count ? r : 0)) * columns + k];
    for (uint64_t column = 0; column < columns; column += COLUMNS) {
        double sums[COLUMNS][ROWS];
        uint64_t here = columns - column < COLUMNS ? columns - column : COLUMNS;
        sums_of(turned, of->factor + column * columns, columns, sums);
        for (uint64_t r = 0; r < count; r++)
            for (uint64_t c = 0; c < here; c++)
                of->out[(first + r) * columns + column + c] = of->added[column + c] + sums[c][r];
    }
}

#define DEFINE_MULTIPLY(level, TARGET, vector_bytes, test)                                                             \
    static TARGET void multiply_rows_##level(const struct product *of, uint64_t first, uint64_t count, double *turned) \
    {                                                                                                                  \
        multiply_rows(of, first, count, turned);                                                                       \
    }
LEVELS(DEFINE_MULTIPLY)

static void multiply_piece(void *job, uint64_t piece)
{
#define MULTIPLY_OF(level, TARGET, vector_bytes, test) multiply_rows_##level,
    static void (*const multiplies[])(const struct product *, uint64_t, uint64_t, double *) = {LEVELS(MULTIPLY_OF)};
    const struct product *of = job;
    const uint64_t next = (piece + 1) * of->of_piece, end = next < of->rows ? next : of->rows;
    for (uint64_t row = piece * of->of_piece; row < end; row += ROWS)
        multiplies[of->level](of, row, end - row < ROWS ? end - row : ROWS, of->scratch + piece * of->columns * ROWS);
}

/* The columns of M by fours: M[0][0 to 3], M[1][0 to 3], ..., M[0][4 to 7], ..., with zeros where the last are fewer. */
static void pack_by_fours(const double *factor, uint64_t columns, double *packed)
{
    for (uint64_t first = 0; first < columns; first += COLUMNS)
        for (uint64_t k = 0; k < columns; k++)
            for (uint64_t column = first; column < first + COLUMNS; column++)
                *packed++ = column < columns ? factor[column * columns + k] : 0.0;
}

int fi_product(int level, const double *x, uint64_t rows, uint64_t columns, const double *factor, const double *added,
               double *scratch, double *out, uint64_t pieces, int threads, int (*pause)(void))
{
    double *packed = scratch + ROWS * pieces * columns;
    pack_by_fours(factor, columns, packed);
    struct product of = {level, x, rows, columns, (rows + pieces - 1) / pieces, packed, added, scratch, out};
    return run_pieces(multiply_piece, &of, pieces, threads, pause);
}

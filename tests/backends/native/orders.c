/* Orders, searches and first occurrences of shuffles.h, and products of products.h, at the last level of this CPU, on one thread
   and on several. Exit status 1 if threads change a number, or one is missing. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "products.h"
#include "shuffles.h"

enum { ITEMS = 100000, BITS = 5, PIECES = 7, CELLS_BITS = 2, ROWS = 1003, COLUMNS = 11 };

static const uint32_t stream[4] = {1, 2, 3, 4};

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void *allocated(size_t nbytes)
{
    void *memory = calloc(1, nbytes);
    if (!memory)
        fail("no memory");
    return memory;
}

static void order(int level, int item_bytes, const void *items, void *out, int threads)
{
    void *scratch = allocated((size_t)ITEMS * (size_t)item_bytes);
    uint64_t *counts = allocated((2 * PIECES << BITS) * sizeof *counts);
    fi_shuffle(level, stream, 4096, BITS, ITEMS, ITEMS, items, item_bytes, out, scratch, counts, PIECES, threads, NULL);
    free(scratch);
    free(counts);
}

/* x[i][k] = i, times a matrix of ones, plus 0.5. */
static void multiply(int level, double *out, int threads)
{
    double *x = allocated(ROWS * COLUMNS * sizeof *x), *scratch = allocated(16 * PIECES * COLUMNS * sizeof *scratch);
    double factor[(COLUMNS + 1) * COLUMNS], added[COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++)
        x[i] = i / COLUMNS;
    for (int i = 0; i < (COLUMNS + 1) * COLUMNS; i++)
        factor[i] = 1.0;
    for (int i = 0; i < COLUMNS; i++)
        added[i] = 0.5;
    fi_product(level, x, ROWS, COLUMNS, factor, added, scratch, out, PIECES, threads, NULL);
    free(scratch);
    free(x);
}

static void check_products(int level)
{
    double *out = allocated(ROWS * COLUMNS * sizeof *out);
    for (int threads = 1; threads <= 4; threads += 3) {
        memset(out, 0, ROWS * COLUMNS * sizeof *out);
        multiply(level, out, threads);
        for (int i = 0; i < ROWS * COLUMNS; i++)
            if (out[i] != i / COLUMNS * COLUMNS + 0.5)
                fail("a product is another one");
    }
    free(out);
}

int main(void)
{
    const double cdf[] = {0.25, 0.5, 1.0};
    const int32_t guide[] = {0, 1, 2, 2}; /* of 0, 1/4, 1/2, 3/4 */
    int level = fi_level_count() - 1, kernel = 0;
    while (!fi_level_supported(level))
        level--;
    while (strcmp(fi_kernel_name(kernel), "uniform_float64") != 0)
        kernel++;
    int64_t *one = allocated(ITEMS * sizeof *one), *other = allocated(ITEMS * sizeof *other);
    order(level, 8, NULL, one, 1);
    order(level, 8, NULL, other, 4);
    if (memcmp(one, other, ITEMS * sizeof *one) != 0)
        fail("threads change an order");
    uint64_t *table = allocated(ITEMS / 8 + 8);
    if (fi_first_occurrences(one, 0, ITEMS, table, 0) != ITEMS)
        fail("a number is missing, or twice there");
    for (int item_bytes = 1; item_bytes <= 8; item_bytes *= 2) {
        char *items = allocated((size_t)ITEMS * (size_t)item_bytes);
        order(level, item_bytes, items, items, 4);
        free(items);
    }
    fi_search(level, kernel, stream, 0, ITEMS, cdf, guide, CELLS_BITS, 7, one, 1, NULL);
    fi_search(level, kernel, stream, 0, ITEMS, cdf, guide, CELLS_BITS, 7, other, 4, NULL);
    if (memcmp(one, other, ITEMS * sizeof *one) != 0)
        fail("threads change a search");
    check_products(level);
    uint64_t *places = allocated(((size_t)1 << 18) * sizeof *places);
    if (fi_first_occurrences(other, 0, ITEMS, places, 18) != 3)
        fail("of three numbers others were found");
    free(places);
    free(table);
    free(one);
    free(other);
    return 0;
}

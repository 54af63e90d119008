/* Orders and first occurrences of shuffles.h, searches of searches.h, choices of choices.h, products of products.h, and values of
   composed.h, at the last level of this CPU, on one thread and on several. Exit status 1 if threads change a number, or one is
   missing. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choices.h"
#include "composed.h"
#include "kernels.h"
#include "products.h"
#include "searches.h"
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
    void *scratch = items == out ? allocated((size_t)ITEMS * (size_t)item_bytes) : NULL;
    uint64_t *counts = allocated((2 * PIECES << BITS) * sizeof *counts);
    fi_shuffle(level, stream, 4096, BITS, ITEMS, ITEMS, items, item_bytes, out, scratch, counts, PIECES, threads, NULL);
    free(scratch);
    free(counts);
}

/* x[i][k] = i, times a matrix of ones, plus 0.5. */
static void multiply(int level, double *out, int threads)
{
    double *x = allocated(ROWS * COLUMNS * sizeof *x), factor[COLUMNS * COLUMNS], added[COLUMNS];
    double *scratch = allocated((16 * PIECES + (COLUMNS + 3) / 4 * 4) * COLUMNS * sizeof *scratch);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        x[i] = i / COLUMNS;
    for (int i = 0; i < COLUMNS * COLUMNS; i++)
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

static int kernel_of(const char *name)
{
    int kernel = 0;
    while (strcmp(fi_kernel_name(kernel), name) != 0)
        kernel++;
    return kernel;
}

/* Of items of any size each starts with its number. */
static void check_choices(int level, uint64_t item_bytes)
{
    const uint64_t integers[] = {0, ITEMS / 10, ((uint64_t)1 << 32) % (ITEMS / 10)}; /* low, count, rejection threshold */
    double parameters[3];
    char *items = allocated(ITEMS / 10 * item_bytes), *one = allocated(ITEMS * item_bytes),
         *other = allocated(ITEMS * item_bytes);
    int64_t *numbers = allocated(ITEMS * sizeof *numbers);
    const uint64_t start = 4096;
    const int kernel = kernel_of("integers_uint64");
    memcpy(parameters, integers, sizeof parameters);
    for (uint64_t i = 0; i < ITEMS / 10; i++)
        memcpy(items + i * item_bytes, &i, item_bytes < 8 ? item_bytes : 8);
    fi_fill(level, kernel, stream, parameters, &start, 1, ITEMS, 1, numbers, 0, 0);
    fi_take_items(items, item_bytes, numbers, ITEMS, one, 1, NULL);
    fi_choose_items(level, kernel, stream, parameters, start, items, item_bytes, ITEMS, other, 4, NULL);
    if (memcmp(one, other, ITEMS * item_bytes) != 0)
        fail("items are others where their numbers are drawn meanwhile");
    for (uint64_t i = 0; i < ITEMS; i++)
        if (memcmp(one + i * item_bytes, &numbers[i], item_bytes < 8 ? item_bytes : 8) != 0)
            fail("an item is that of another number");
    free(numbers);
    free(other);
    free(one);
    free(items);
}

static void check_composed(int level)
{
    const double gamma[] = {2.0, 1.0, 0.0, 0.0, 0.0}, roots[] = {0.0, 0.0, 0.0, 2.0, 0.0, 0.5, 1.5};
    double *one = allocated(ROWS * COLUMNS * sizeof *one), *other = allocated(ROWS * COLUMNS * sizeof *other);
    const int of_gamma = kernel_of("gamma_float64"), of_normal = kernel_of("normal_float64");
    fi_dirichlet(level, of_gamma, stream, gamma, 512, ROWS, COLUMNS, one, 1, NULL);
    fi_dirichlet(level, of_gamma, stream, gamma, 512, ROWS, COLUMNS, other, 4, NULL);
    if (memcmp(one, other, ROWS * COLUMNS * sizeof *one) != 0)
        fail("threads change vectors");
    fi_noncentral_chisquare(level, of_gamma, of_normal, stream, gamma, 512, 1024, roots, ROWS * COLUMNS, one, 1, NULL);
    fi_noncentral_chisquare(level, of_gamma, of_normal, stream, gamma, 512, 1024, roots, ROWS * COLUMNS, other, 4, NULL);
    if (memcmp(one, other, ROWS * COLUMNS * sizeof *one) != 0)
        fail("threads change noncentral values");
    free(other);
    free(one);
}

int main(void)
{
    const double cdf[] = {0.25, 0.5, 1.0};
    const int32_t guide[] = {0, 1, 2, 2}; /* of 0, 1/4, 1/2, 3/4 */
    int level = fi_level_count() - 1;
    const int kernel = kernel_of("uniform_float64");
    while (!fi_level_supported(level))
        level--;
    int64_t *one = allocated(ITEMS * sizeof *one), *other = allocated(ITEMS * sizeof *other);
    order(level, 8, NULL, one, 1);
    order(level, 8, NULL, other, 4);
    if (memcmp(one, other, ITEMS * sizeof *one) != 0)
        fail("threads change an order");
    uint64_t *table = allocated(ITEMS / 8 + 8);
    if (fi_first_occurrences(one, 0, ITEMS, table, 0) != ITEMS)
        fail("a number is missing, or twice there");
    for (int item_bytes = 1; item_bytes <= 8; item_bytes *= 2) {
        char *items = allocated((size_t)ITEMS * (size_t)item_bytes), *out = allocated((size_t)ITEMS * (size_t)item_bytes);
        for (int i = 0; i < ITEMS * item_bytes; i++)
            items[i] = (char)(i * 37 % 251);
        order(level, item_bytes, items, out, 4);
        order(level, item_bytes, items, items, 4);
        if (memcmp(items, out, (size_t)ITEMS * (size_t)item_bytes) != 0)
            fail("a shuffle in place has another order");
        free(out);
        free(items);
    }
    fi_search(level, kernel, stream, 0, ITEMS, cdf, guide, CELLS_BITS, 7, one, 1, NULL);
    fi_search(level, kernel, stream, 0, ITEMS, cdf, guide, CELLS_BITS, 7, other, 4, NULL);
    if (memcmp(one, other, ITEMS * sizeof *one) != 0)
        fail("threads change a search");
    check_products(level);
    for (uint64_t item_bytes = 1; item_bytes <= 32; item_bytes++)
        check_choices(level, item_bytes);
    check_composed(level);
    uint64_t *places = allocated(((size_t)1 << 18) * sizeof *places);
    if (fi_first_occurrences(other, 0, ITEMS, places, 18) != 3)
        fail("of three numbers others were found");
    free(places);
    free(table);
    free(one);
    free(other);
    return 0;
}

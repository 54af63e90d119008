/* Tallies and histograms of measure.h at each level of this CPU, of arrays of sizes around those of its loops. Exit status 1
   where a level counts otherwise than a plain loop, or than the first level. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "levels.h"
#include "measure.h"

enum { SIZES = 9, BINS = 256, KINDS = 3 }; /* the most bins, and of values: ordinary ones, extreme ones, not finite ones */

static const uint64_t sizes[SIZES] = {0, 1, 7, 8, 9, 255, 256, 257, 1000}; /* lanes are 8, blocks of the histogram 256 */
static const double extremes[] = {0.0, -0.0, 1e-40, -3e38, 1e308, -5e-324, 1.0, -1e30};

static void fail(const char *what, uint64_t n)
{
    fprintf(stderr, "%s, of %llu values\n", what, (unsigned long long)n);
    exit(1);
}

static double value(uint64_t i, int kind)
{
    if (kind == 2 && i % 5 == 0)
        return i % 2 ? NAN : -INFINITY;
    return kind ? extremes[i % 8] : (double)(i * 37 % 101) - 50;
}

#define DEFINE_CHECK(REAL, NAME)                                                                        \
    static void check_##NAME(int level, uint64_t n, int kind, fi_tally *tally, int64_t *bins)           \
    {                                                                                                   \
        REAL *values = malloc(n ? n * sizeof *values : 1); /* exactly, so that reads beyond are seen */ \
        uint64_t zeros = 0, not_finite = 0;                                                             \
        int64_t counted = 0;                                                                            \
        if (!values)                                                                                    \
            fail("no memory", n);                                                                       \
        for (uint64_t i = 0; i < n; i++) {                                                              \
            double made = value(i, kind), most = kind == 1 && sizeof(REAL) == 4 ? 3e38 : INFINITY;      \
            values[i] = (REAL)(made > most ? most : made);                                              \
            zeros += values[i] == 0, not_finite += !isfinite(values[i]);                                \
        }                                                                                               \
        fi_tally_##NAME(level, values, n, (REAL)1e-30, (REAL)1e18, tally);                              \
        if (tally->zeros != zeros || tally->not_finite != not_finite)                                   \
            fail("a wrong count of " #NAME, n);                                                         \
        if (!not_finite)                                                                                \
            fi_histogram_##NAME(level, values, n, 0.5, 1e300, 3, BINS - 1, bins);                       \
        for (int i = 0; i < BINS; i++)                                                                  \
            counted += bins[i];                                                                         \
        if (!not_finite && counted != (int64_t)n)                                                       \
            fail("a histogram that misses values of " #NAME, n);                                        \
        free(values);                                                                                   \
    }
DEFINE_CHECK(float, float32)
DEFINE_CHECK(double, float64)

#define IS_SUPPORTED(level, TARGET, vector_bytes, test) test,

int main(void)
{
    const int supported[] = {LEVELS(IS_SUPPORTED)}, levels = sizeof supported / sizeof *supported;
    void (*const checks[])(int, uint64_t, int, fi_tally *, int64_t *) = {check_float32, check_float64};
    for (int type = 0; type < 2; type++)
        for (int kind = 0; kind < KINDS; kind++)
            for (int size = 0; size < SIZES; size++) {
                fi_tally first = {0}, tally = {0};
                int64_t first_bins[BINS] = {0};
                checks[type](0, sizes[size], kind, &first, first_bins);
                for (int level = 1; level < levels; level++) {
                    int64_t bins[BINS] = {0};
                    if (!supported[level])
                        continue;
                    checks[type](level, sizes[size], kind, &tally, bins);
                    if (memcmp(&first, &tally, sizeof first) != 0 || memcmp(first_bins, bins, sizeof bins) != 0)
                        fail("levels differ", sizes[size]);
                }
            }
    return 0;
}

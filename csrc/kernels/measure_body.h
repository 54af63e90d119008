/* The functions of measure.h for one type: REAL, its BITS, also SIGNED, its NAME, and the bits of infinity, FINITE. */

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define OF(name) JOIN(name, NAME)
#define OF_LEVEL(name, level) JOIN(OF(name), level)

struct OF(lanes) {
    double sum[WIDTH];
    REAL low[WIDTH], high[WIDTH];
    BITS used[WIDTH], not_finite[WIDTH], zeros[WIDTH], small[WIDTH], large[WIDTH];
};

/* Sizes are compared as integers, which order as the floats do. */
static ALWAYS_INLINE void OF(add_row)(struct OF(lanes) * of, const REAL *values, int n, BITS least, BITS most)
{
    for (int i = 0; i < n; i++) {
        REAL x = values[i];
        BITS word;
        memcpy(&word, &x, sizeof word);
        SIGNED size = (SIGNED)(word << 1 >> 1);
        of->sum[i] += (double)x;
        of->low[i] = x < of->low[i] ? x : of->low[i];
        of->high[i] = x > of->high[i] ? x : of->high[i];
        of->used[i] |= word;
        of->not_finite[i] += size >= (SIGNED)FINITE;
        of->zeros[i] += size == 0;
        of->small[i] += size < (SIGNED)least;
        of->large[i] += size > (SIGNED)most;
    }
}

static ALWAYS_INLINE void OF(add_powers)(double (*sums)[WIDTH], const REAL *values, int n, double mean)
{
    for (int i = 0; i < n; i++) {
        double deviation = (double)values[i] - mean, square = deviation * deviation;
        sums[0][i] += square;
        sums[1][i] += square * deviation;
        sums[2][i] += square * square;
    }
}

static ALWAYS_INLINE void OF(tally)(const REAL *values, uint64_t n, REAL least, REAL most, fi_tally *tally)
{
    struct OF(lanes) of;
    memset(&of, 0, sizeof of);
    for (int i = 0; i < WIDTH; i++)
        of.low[i] = (REAL)INFINITY, of.high[i] = -(REAL)INFINITY;
    BITS least_bits, most_bits;
    memcpy(&least_bits, &least, sizeof least);
    memcpy(&most_bits, &most, sizeof most);
    uint64_t whole = n / WIDTH * WIDTH;
    for (uint64_t at = 0; at < whole; at += WIDTH)
        OF(add_row)(&of, values + at, WIDTH, least_bits, most_bits);
    OF(add_row)(&of, values + whole, (int)(n - whole), least_bits, most_bits);
    fi_tally all = {of.low[0], of.high[0], 0, 0, 0, 0, 0, 0, 0, 0};
    double sum = 0;
    for (int i = 0; i < WIDTH; i++) {
        sum += of.sum[i];
        all.low = of.low[i] < all.low ? of.low[i] : all.low;
        all.high = of.high[i] > all.high ? of.high[i] : all.high;
        all.not_finite += of.not_finite[i], all.zeros += of.zeros[i], all.bits_used |= of.used[i];
        all.out_of_range += of.small[i] + of.large[i] - (least_bits > 0 ? of.zeros[i] : 0);
    }
    if (all.not_finite == 0 && n > 0) {
        double sums[3][WIDTH] = {{0}};
        all.mean = sum / (double)n;
        for (uint64_t at = 0; at < whole; at += WIDTH)
            OF(add_powers)(sums, values + at, WIDTH, all.mean);
        OF(add_powers)(sums, values + whole, (int)(n - whole), all.mean);
        for (int i = 0; i < WIDTH; i++)
            all.m2 += sums[0][i], all.m3 += sums[1][i], all.m4 += sums[2][i];
    }
    *tally = all;
}

/* Several tables, since values that follow each other are often in one bin, whose count would have to be waited for. */
static ALWAYS_INLINE void OF(histogram)(const REAL *values, uint64_t n, double centre, double scale, double offset, int last,
                                        int64_t *bins)
{
    int64_t tables[TABLES][MOST_BINS] = {{0}};
    int32_t places[BLOCK];
    for (uint64_t at = 0; at < n; at += BLOCK) {
        int count = n - at < BLOCK ? (int)(n - at) : BLOCK;
        for (int i = 0; i < count; i++) {
            double place = ((double)values[at + (uint64_t)i] - centre) * scale + offset;
            place = place > 0 ? place : 0;
            places[i] = (int32_t)(place < last ? place : last);
        }
        for (int i = 0; i < count; i++)
            tables[i % TABLES][places[i]]++;
    }
    for (int bin = 0; bin <= last; bin++)
        for (int table = 0; table < TABLES; table++)
            bins[bin] += tables[table][bin];
}

#define DEFINE_MEASURES(level, TARGET, vector_bytes, test)                                                            \
    static TARGET void OF_LEVEL(tally, level)(const REAL *values, uint64_t n, REAL least, REAL most, fi_tally *tally) \
    {                                                                                                                 \
        OF(tally)(values, n, least, most, tally);                                                                     \
    }                                                                                                                 \
    static TARGET void OF_LEVEL(histogram, level)(const REAL *values, uint64_t n, double centre, double scale,        \
                                                  double offset, int last, int64_t *bins)                             \
    {                                                                                                                 \
        OF(histogram)(values, n, centre, scale, offset, last, bins);                                                  \
    }
LEVELS(DEFINE_MEASURES)

#define TALLY_OF(level, TARGET, vector_bytes, test) OF_LEVEL(tally, level),
void OF(fi_tally)(int level, const REAL *values, uint64_t n, REAL least, REAL most, fi_tally *tally)
{
    static void (*const tallies[])(const REAL *, uint64_t, REAL, REAL, fi_tally *) = {LEVELS(TALLY_OF)};
    tallies[level](values, n, least, most, tally);
}

#define HISTOGRAM_OF(level, TARGET, vector_bytes, test) OF_LEVEL(histogram, level),
void OF(fi_histogram)(int level, const REAL *values, uint64_t n, double centre, double scale, double offset, int last,
                      int64_t *bins)
{
    static void (*const histograms[])(const REAL *, uint64_t, double, double, double, int,
                                      int64_t *) = {LEVELS(HISTOGRAM_OF)};
    histograms[level](values, n, centre, scale, offset, last, bins);
}

#undef JOIN_
#undef JOIN
#undef OF
#undef OF_LEVEL
#undef DEFINE_MEASURES
#undef TALLY_OF
#undef HISTOGRAM_OF

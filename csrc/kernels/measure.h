/* What audits measure of a piece of a tensor. No preprocessor lines: cffi reads this file as it stands, and C includes it. */

/* Of n finite values: the least and greatest, the mean, and the sums of the powers of the deviations from it; how many are
   zero, and how many are out of range, that is smaller than `least` but not zero, or larger than `most`; the bits that are
   set in any value. Where `not_finite` is not 0 some values are none, and nothing else is set but counts and bits. */
typedef struct {
    double low, high, mean, m2, m3, m4;
    uint64_t not_finite, zeros, out_of_range, bits_used;
} fi_tally;

void fi_tally_float32(int level, const float *values, uint64_t n, float least, float most, fi_tally *tally);
void fi_tally_float64(int level, const double *values, uint64_t n, double least, double most, fi_tally *tally);

/* Adds finite values to a histogram: value x to bins[(x - centre) scale + offset], rounded down, the bins from 0 to `last`. */
void fi_histogram_float32(int level, const float *values, uint64_t n, double centre, double scale, double offset, int last,
                          int64_t *bins);
void fi_histogram_float64(int level, const double *values, uint64_t n, double centre, double scale, double offset, int last,
                          int64_t *bins);

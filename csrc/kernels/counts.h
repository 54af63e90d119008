/* Poisson and binomial counts, of which each value may have parameters of its own: by a search from 0 on where the mean is below
   10, else by transformed rejection (Hormann 1993, "The transformed rejection method for generating Poisson random variables",
   and "The generation of binomial random variates"). A value's position gives it its words, as in rejection.h. */
#ifndef FASTINIT_COUNTS_H
#define FASTINIT_COUNTS_H

#include "count_values.h"
#include "inversion.h"
#include "rejection.h"

/* Of the values of some rows: n and p, p at most 1/2, of a binomial one; the mean; what was drawn. */
struct counts {
    int is_binomial;
    double n[MOST_TRIED], p[MOST_TRIED], mean[MOST_TRIED], drawn[MOST_TRIED];
};

static ALWAYS_INLINE void load_counts(struct counts *of, const double *parameters, const struct place *place, int rows)
{
    parameters_of_rows(parameters, 0, 1.0, place, rows, of->is_binomial ? of->n : of->mean);
    if (of->is_binomial)
        parameters_of_rows(parameters, 1, 1.0, place, rows, of->p);
    for (int i = 0; i < rows * LANES && of->is_binomial; i++) {
        of->p[i] = of->p[i] > 0.5 ? 1.0 - of->p[i] : of->p[i];
        of->mean[i] = of->n[i] * of->p[i];
    }
}

/* The parameters of LANES values: those of numbers at[0], at[1], ... */
static ALWAYS_INLINE void gather_counts(const struct counts *of, const int32_t *at, double n[LANES], double p[LANES],
                                        double mean[LANES])
{
    for (int l = 0; l < LANES; l++) {
        n[l] = of->is_binomial ? of->n[at[l]] : 0.0;
        p[l] = of->is_binomial ? of->p[at[l]] : 0.0;
        mean[l] = of->mean[at[l]];
    }
}

/* Searches the values of numbers at[0] to at[count - 1], whose means are small, with words of each lane. */
static ALWAYS_INLINE void search_lanes(uint32_t words[WORDS_OF_TRY][LANES], const int32_t *at, int count, struct counts *of)
{
    double n[LANES], p[LANES], mean[LANES], u[LANES], mass[LANES], sum[LANES], k[LANES];
    gather_counts(of, at, n, p, mean);
    for (int l = 0; l < LANES; l++) {
        u[l] = unit_of_f64((uint64_t)words[0][l] << 32 | words[1][l]);
        sum[l] = mass[l] = first_mass_f64(n[l], p[l], mean[l], of->is_binomial);
        k[l] = 0.0;
    }
    for (int step = 1, any = 1; any && step < MOST_STEPS; step++) {
        double next = step, inverse = 1.0 / next;
        int64_t further[LANES], together = 0;
        NOT_UNROLLED
        for (int l = 0; l < LANES; l++) {
            further[l] = (u[l] > sum[l]) & (mass[l] > LEAST_MASS);
            k[l] += further[l] ? 1.0 : 0.0;
            mass[l] *= ratio_of_masses_f64(next, n[l], p[l], mean[l], of->is_binomial) * inverse;
            sum[l] += mass[l];
        }
        for (int l = 0; l < LANES; l++)
            together |= further[l];
        any = together != 0;
    }
    for (int l = 0; l < count; l++)
        of->drawn[at[l]] = k[l];
}

/* ln k! - k ln k + k, plus the deviance of k from a mean: added to `sums` for LANES values. */
static ALWAYS_INLINE void add_terms(const double *k, const double *means, double *sums)
{
    double argument[LANES], argument_of_k[LANES], of_small[LANES], of_large[LANES], deviances[LANES];
    for (int l = 0; l < LANES; l++) {
        argument[l] = k[l] < LEAST_FOR_SERIES ? 1.0 : TWO_PI * k[l]; /* then k!, where k is small */
        argument_of_k[l] = k[l] > 1.0 ? k[l] : 1.0;
    }
    for (int i = 2; i < LEAST_FOR_SERIES; i++) { /* times i or 1, from its bits: compilers would branch */
        NOT_UNROLLED
        for (int l = 0; l < LANES; l++) {
            uint64_t is_factor = (i <= k[l]) & (k[l] < LEAST_FOR_SERIES);
            argument[l] *= 1.0 + from_bits_f64(-is_factor & bits_f64(i - 1.0));
        }
    }
    for (int l = 0; l < LANES; l++)
        of_small[l] = ln_f64(argument[l]) - k[l] * ln_f64(argument_of_k[l]) + k[l];
    for (int l = 0; l < LANES; l++)
        of_large[l] = 0.5 * ln_f64(argument[l]) + stirling_series_f64(k[l]);
    for (int l = 0; l < LANES; l++)
        deviances[l] = deviance_f64(k[l], means[l]);
    for (int l = 0; l < LANES; l++)
        sums[l] += (k[l] < LEAST_FOR_SERIES ? of_small[l] : of_large[l]) + deviances[l];
}

/* -ln P(k) for LANES values; of binomial counts plus what does not depend on k. */
static ALWAYS_INLINE void neg_ln_masses(const double *k, const double *n, const double *p, const double *mean,
                                        int is_binomial, double *masses)
{
    double failures[LANES], mean_of_failures[LANES];
    for (int l = 0; l < LANES; l++) {
        masses[l] = 0.0;
        failures[l] = n[l] - k[l];
        mean_of_failures[l] = n[l] * (1.0 - p[l]);
    }
    add_terms(k, mean, masses);
    if (is_binomial)
        add_terms(failures, mean_of_failures, masses);
}

/* Tries those of numbers at[0] to at[count - 1]; what is not taken is moved to kept[0], kept[1], ...: returns how many. */
static ALWAYS_INLINE int try_counts(uint32_t words[WORDS_OF_TRY][LANES], const int32_t *at, int count, struct counts *of,
                                    int32_t *kept)
{
    double n[LANES], p[LANES], mean[LANES], k[LANES], valid[LANES], chance[LANES], bound[LANES], mode[LANES],
        height[LANES] = {0};
    int64_t taken[LANES];
    int num_kept = 0;
    gather_counts(of, at, n, p, mean);
    for (int l = 0; l < LANES; l++) {
        double std = sqrt(of->is_binomial ? mean[l] * (1.0 - p[l]) : mean[l]);
        struct attempts_f64 attempts = attempts_f64(p[l], mean[l], std, of->is_binomial);
        struct hit_f64 hit = hit_f64((uint64_t)words[0][l] << 32 | words[1][l], attempts);
        k[l] = hit.k;
        chance[l] = unit_f64(words[2][l]) * attempts.scale / (attempts.a / (hit.below * hit.below) + attempts.b);
        valid[l] = of->is_binomial ? (k[l] <= n[l] ? k[l] : n[l]) : k[l];
        valid[l] = k[l] >= 0.0 ? valid[l] : 0.0;
        mode[l] = floor((n[l] + 1.0) * p[l]);
    }
    neg_ln_masses(valid, n, p, mean, of->is_binomial, bound);
    if (of->is_binomial)
        neg_ln_masses(mode, n, p, mean, 1, height);
    for (int l = 0; l < LANES; l++)
        taken[l] = (ln_f64(chance[l]) <= height[l] - bound[l]) & (valid[l] == k[l]);
    for (int l = 0; l < count; l++) {
        if (taken[l])
            of->drawn[at[l]] = k[l];
        kept[num_kept] = at[l];
        num_kept += !taken[l];
    }
    return num_kept;
}

/* Sets k[l] to what the first attempt surely gives, for LANES values with these words and parameters; else to -1. */
static ALWAYS_INLINE void place_surely(const uint32_t *words, const double *n, const double *p, const double *mean,
                                       int is_binomial, double *k)
{
    double below[LANES], sure[LANES], std[LANES];
    for (int l = 0; l < LANES; l++)
        std[l] = sqrt(is_binomial ? mean[l] * (1.0 - p[l]) : mean[l]);
    for (int l = 0; l < LANES; l++) {
        struct attempts_f64 attempts = attempts_f64(is_binomial ? p[l] : 0.0, mean[l], std[l], is_binomial);
        struct hit_f64 hit = hit_f64(wide_word(words, 0, l), attempts);
        k[l] = hit.k;
        below[l] = hit.below;
        sure[l] = attempts.sure;
    }
    for (int l = 0; l < LANES; l++) {
        int is_sure = (below[l] >= LEAST_BELOW) & (unit_f64(words[2 * LANES + l]) <= sure[l]);
        int is_valid = (k[l] >= 0.0) & (!is_binomial | (k[l] <= n[l]));
        k[l] = is_sure & is_valid ? k[l] : -1.0;
    }
}

/* Draws those of the `count` values of the numbers in `large` that the first attempt surely gives; the others are moved to
   large[0], large[1], ...: returns how many. */
static ALWAYS_INLINE int draw_surely(const uint32_t *words, int rows, int32_t *large, int count, struct counts *of)
{
    int kept = 0;
    for (int r = 0, i = 0; count > 0 && r < rows; r++, i += LANES)
        place_surely(words + i * WORDS_OF_TRY, of->n + i, of->p + i, of->mean + i, of->is_binomial, of->drawn + i);
    for (int i = 0; i < count; i++) {
        const int32_t at = large[i];
        large[kept] = at;
        kept += of->drawn[at] < 0.0;
    }
    return kept;
}

/* Draws the `count` values of the numbers in `left`: one time, by a search, where their means are small, else until all are
   taken. */
static ALWAYS_INLINE void draw_counts(const uint32_t *words, int32_t *left, int count, int are_small, struct counts *of,
                                      const struct place *place)
{
    for (uint32_t attempt = 0; count > 0; attempt++) {
        int kept = 0;
        for (int first = 0; first < count; first += LANES) {
            uint32_t of_lanes[WORDS_OF_TRY][LANES];
            int32_t at[LANES];
            int here = load_attempt(words, place, FOR_FIRST, attempt, left + first, count - first, at, of_lanes);
            if (are_small)
                search_lanes(of_lanes, at, here, of);
            else
                kept += try_counts(of_lanes, at, here, of, left + kept);
        }
        count = kept;
    }
}

static ALWAYS_INLINE void counts_of_rows(const uint32_t *words, int rows, const double *parameters,
                                         const struct place *place, int is_binomial, uint64_t *values)
{
    struct counts of; /* not set to zero as a whole, which took longer than three values */
    int32_t small[MOST_TRIED], large[MOST_TRIED];
    double chances[MOST_TRIED];
    int num_small = 0, num_large = 0;
    of.is_binomial = is_binomial;
    load_counts(&of, parameters, place, rows);
    for (int i = 0; i < rows * LANES; i++) {
        small[num_small] = large[num_large] = i;
        num_small += of.mean[i] < LEAST_MEAN;
        num_large += !(of.mean[i] < LEAST_MEAN);
    }
    num_large = draw_surely(words, rows, large, num_large, &of);
    draw_counts(words, small, num_small, 1, &of, place);
    draw_counts(words, large, num_large, 0, &of, place);
    if (is_binomial)
        parameters_of_rows(parameters, 1, 1.0, place, rows, chances);
    for (int i = 0; i < rows * LANES; i++)
        values[i] = as_uint64_t(is_binomial && chances[i] > 0.5 ? of.n[i] - of.drawn[i] : of.drawn[i]);
}

#define COUNT_ARGUMENTS                                                                                   \
    const uint32_t *words, int rows, const double *parameters, const uint32_t *stream, uint64_t position, \
        philox_function *philox, uint64_t *values

/* Poisson: P(k) = mean^k exp(-mean) / k!. Parameter: the mean. */
static ALWAYS_INLINE void poisson_values_uint64(COUNT_ARGUMENTS)
{
    const struct place place = {stream, position, philox};
    counts_of_rows(words, rows, parameters, &place, 0, values);
}

/* Binomial: successes in n trials, each of probability p. Parameters: n, p. */
static ALWAYS_INLINE void binomial_values_uint64(COUNT_ARGUMENTS)
{
    const struct place place = {stream, position, philox};
    counts_of_rows(words, rows, parameters, &place, 1, values);
}

#endif

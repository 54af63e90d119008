/* One Poisson or binomial count: the terms of a search from 0 on, and an attempt by transformed rejection. p is at most 1/2. */
#ifndef FASTINIT_COUNT_VALUES_H
#define FASTINIT_COUNT_VALUES_H

#include "rejection_values.h"

enum { LEAST_MEAN = 10, MOST_STEPS = 128, LEAST_FOR_SERIES = 16 };
static const double LEAST_MASS = 0x1p-64; /* beyond it no uniform of 53 bits leads */
static const double TWO_PI = 0x1.921fb54442d18p+2;
static const double LEAST_BELOW = 0.1;

/* u = ((a >> 11) + 1/2) 2^-53, to 53 bits of u or of 1 - u. */
static ALWAYS_INLINE double unit_of_f64(uint64_t a)
{
    double p = unit_below_half_f64(a);
    return (int64_t)a < 0 ? 1.0 - p : p;
}

/* P(0) */
static ALWAYS_INLINE double first_mass_f64(double n, double p, double mean, int is_binomial)
{
    return exp_f64(is_binomial ? n * ln1p_f64(-p) : -mean);
}

/* k P(k) / P(k - 1) */
static ALWAYS_INLINE double ratio_of_masses_f64(double k, double n, double p, double mean, int is_binomial)
{
    return is_binomial ? (n - (k - 1.0)) * (p / (1.0 - p)) : mean;
}

/* The rest of Stirling's series for ln k!, behind (k + 1/2) ln k - k + ln(2 pi) / 2; for k >= LEAST_FOR_SERIES, error below
   2^-45. */
static ALWAYS_INLINE double stirling_series_f64(double k)
{
    double inverse = 1.0 / k, z = inverse * inverse;
    return inverse * (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680))));
}

/* k ln(k / mean) + mean - k (Loader 2000, "Fast and accurate computation of binomial probabilities"). */
static ALWAYS_INLINE double deviance_f64(double k, double mean)
{
    double e = (k - mean) / mean;
    return mean * fused_f64(1.0 + e, ln1p_f64(e), -e);
}

/* What attempts at a count take: the place is floor((2 a / below + b) u + centre), and `scale` is of the deciding uniform, which
   decides alone where it is at most `sure`. */
struct attempts_f64 { double a, b, centre, scale, sure; };

/* `sure` is Hormann's 0.9277 - 3.6224 / (b - 2), of binomial counts 0.92 - 4.2 / b, less 0.01: so what he takes without further
   tests those tests take by far, as they must for the same values, and no rounding decides. (From LEAST_BELOW on their bound
   is above his by 0.0013 at least, over 1200 means and 3000 pairs of n and p; at his 0.07 below it by up to 0.0036.) */
static ALWAYS_INLINE struct attempts_f64 attempts_f64(double p, double mean, double std, int is_binomial)
{
    double b = (is_binomial ? 1.15 : 0.931) + 2.53 * std;
    struct attempts_f64 of = {is_binomial ? -0.0873 + 0.0248 * b + 0.01 * p : -0.059 + 0.02483 * b, b,
                              mean + (is_binomial ? 0.5 : 0.43),
                              is_binomial ? (2.83 + 5.1 / b) * std : 1.1239 + 1.1328 / (b - 3.4),
                              is_binomial ? 0.91 - 4.2 / b : 0.9177 - 3.6224 / (b - 2.0)};
    return of;
}

/* An attempt's place k, and how far its uniform is from the nearer end of the unit interval. */
struct hit_f64 { double k, below; };

static ALWAYS_INLINE struct hit_f64 hit_f64(uint64_t word, struct attempts_f64 of)
{
    double below = unit_below_half_f64(word), u = from_middle_f64(word);
    struct hit_f64 hit = {floor((2.0 * of.a / below + of.b) * u + of.centre), below};
    return hit;
}

#endif

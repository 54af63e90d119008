/* One value of distributions that only generators draw from, by inversion, from its own 64-bit word and up to three parameters,
   `c`, in NumPy's order. */
#ifndef FASTINIT_INVERSION_VALUES_H
#define FASTINIT_INVERSION_VALUES_H

#include "elementary.h"

/* Below, u = ((word >> 11) + 1/2) 2^-53, in (0, 1), p is the smaller of u and 1 - u, which is exact near 0, and E = -ln u is
   a standard exponential. Relative errors are below 2^-50 unless it says another. */
static ALWAYS_INLINE int is_upper_half(uint64_t word)
{
    return (int64_t)word < 0;
}

static ALWAYS_INLINE double exponential_of(uint64_t word)
{
    return 0.5 * neg2log_u_f64(word);
}

/* Laplace: loc - scale ln 2p where u > 1/2, else loc + scale ln 2p; at most 36.8 scales from loc. */
static ALWAYS_INLINE double laplace_f64(uint64_t word, const double *c)
{
    double distance = -ln_f64(2.0 * unit_below_half_f64(word));
    return fused_scaled_f64(is_upper_half(word) ? distance : -distance, 0x1p-54, c[1], c[0]);
}

/* Logistic: loc + scale ln(u / (1 - u)); |error| <= 2^-51 scales, as much relatively; at most 37.5 scales from loc. */
static ALWAYS_INLINE double logistic_f64(uint64_t word, const double *c)
{
    double p = unit_below_half_f64(word), distance = ln_f64((1.0 - p) / p);
    return fused_scaled_f64(is_upper_half(word) ? distance : -distance, 0x1p-54, c[1], c[0]);
}

/* Gumbel: loc - scale ln E; from -3.7 to 37.5 scales from loc. */
static ALWAYS_INLINE double gumbel_f64(uint64_t word, const double *c)
{
    return fused_scaled_f64(-ln_f64(exponential_of(word)), 0x1p-54, c[1], c[0]);
}

/* Rayleigh: scale sqrt(2 E); at most 8.66 scales. */
static ALWAYS_INLINE double rayleigh_f64(uint64_t word, const double *c)
{
    return sqrt(neg2log_u_f64(word)) * c[0];
}

/* Weibull of scale 1: E^(1/a) for a > 0; relative error below 2^-50 (1 + |ln of the value|), as of the next two. */
static ALWAYS_INLINE double weibull_f64(uint64_t word, const double *c)
{
    return exp_f64(ln_f64(exponential_of(word)) / c[0]);
}

/* Pareto II (Lomax): exp(E / a) - 1 for a > 0. */
static ALWAYS_INLINE double pareto_f64(uint64_t word, const double *c)
{
    return expm1_f64(exponential_of(word) / c[0]);
}

/* Power: u^(1/a) for a > 0. */
static ALWAYS_INLINE double power_f64(uint64_t word, const double *c)
{
    return exp_f64(-exponential_of(word) / c[0]);
}

/* Cauchy: cot(pi p) where u > 1/2, else -cot(pi p), by the sine and cosine of the angle to the nearer axis, at most a
   quarter of pi; at most 5.8e15. */
static ALWAYS_INLINE double cauchy_f64(uint64_t word, const double *c)
{
    (void)c;
    double p = unit_below_half_f64(word),
           y = p <= 0.25 ? 2.0 * p : fused_exact_f64(-2.0, p, 1.0); /* in quadrants, [0, 1/2] */
    struct sincos_f64 angle = sincos_f64(y);
    double distance = (p <= 0.25 ? angle.cosine : angle.sine) / (p <= 0.25 ? angle.sine : angle.cosine);
    return is_upper_half(word) ? distance : -distance;
}

/* Triangular: left + (right - left) sqrt(r u) where u is at most r = (mode - left) / (right - left), else
   right - (right - left) sqrt((1 - r) (1 - u)). Parameters: left, mode, right. */
static ALWAYS_INLINE double triangular_f64(uint64_t word, const double *c)
{
    double p = unit_below_half_f64(word), width = c[2] - c[0];
    double u = is_upper_half(word) ? 1.0 - p : p, complement = is_upper_half(word) ? p : 1.0 - p;
    double rise = (c[1] - c[0]) / width, fall = (c[2] - c[1]) / width;
    int rises = u <= rise;
    double root = sqrt(rises ? rise * u : fall * complement);
    return fused_scaled_f64(rises ? root : -root, 0x1p-540, width, rises ? c[0] : c[2]);
}

/* The least integer that is at least x, for x >= 0. (Where a level has no instruction for it, ceil is a call.) */
static ALWAYS_INLINE double least_integer_from(double x)
{
    double nearest = x + 0x1p52 - 0x1p52, least = nearest < x ? nearest + 1.0 : nearest;
    return x < 0x1p52 ? least : x;
}

/* Geometric: the least integer that is at least E / -ln(1 - p), and 1 or more, for 0 < p <= 1; which one is exact but for
   quotients within 2^-50 of an integer. */
static ALWAYS_INLINE double geometric_f64(uint64_t word, const double *c)
{
    double trials = least_integer_from(2.0 * exponential_of(word) / neg2log_f64(split_sum_f64(1.0, -c[0])));
    return trials < 1.0 ? 1.0 : trials;
}

#endif

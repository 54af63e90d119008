/* One attempt at a gamma value by rejection (Marsaglia and Tsang 2000, "A simple method for generating gamma variables"), from
   four words of its own. */
#ifndef FASTINIT_REJECTION_VALUES_H
#define FASTINIT_REJECTION_VALUES_H

#include "elementary.h"

/* A standard normal of three words, by Box and Muller (1958): the radius has 53 random bits, the angle 32. */
static ALWAYS_INLINE double normal_of_three_f64(double neg2log, uint32_t angle)
{
    return polar_f64(sqrt(neg2log), (uint64_t)angle << 32).first;
}

/* u = (word + 1/2) 2^-32 */
static ALWAYS_INLINE double unit_f64(uint32_t word)
{
    return fused_exact_f64(from_bits_f64(0x4330000000000000ull | word) - 0x1p52, 0x1p-32, 0x1p-33);
}

/* ln(1 + y) for y > -1; relative error of neg2log, also near 0. */
static ALWAYS_INLINE double ln1p_f64(double y)
{
    return -0.5 * neg2log_f64(split_sum_f64(1.0, y));
}

/* Of gamma values with shape >= 1; for a smaller one these are of shape + 1, and times u^(1 / shape) of that shape. */
struct tries_f64 { double d, c; };

static ALWAYS_INLINE struct tries_f64 tries_f64(double shape)
{
    double d = (shape < 1.0 ? shape + 1.0 : shape) - 1.0 / 3.0;
    struct tries_f64 tries = {d, 1.0 / sqrt(9.0 * d)};
    return tries;
}

static ALWAYS_INLINE double tried_f64(double x, struct tries_f64 tries)
{
    double root = fused_f64(tries.c, x, 1.0);
    return tries.d * (root * root * root);
}

/* Whether an attempt's normal x and uniform u surely give a value, which is so in 9 of 10 cases; false for a negative one. */
static ALWAYS_INLINE int is_surely_taken_f64(double x, double u, struct tries_f64 tries)
{
    double square = x * x;
    return (u < fused_f64(-0.0331 * square, square, 1.0)) & (fused_f64(tries.c, x, 1.0) > 0.0);
}

/* Whether they do. With v = (1 + y)^3, y = c x: ln u < x^2 / 2 + d (1 - v + ln v), of which the sum is made of small terms,
   since d may be large. */
static ALWAYS_INLINE int is_taken_f64(double x, double u, struct tries_f64 tries)
{
    double y = tries.c * x, sum = fused_f64(-(y * y), 3.0 + y, 3.0 * (ln1p_f64(y) - y));
    int is_below = (ln_f64(u) < fused_f64(tries.d, sum, 0.5 * (x * x))) & (fused_f64(tries.c, x, 1.0) > 0.0);
    return is_surely_taken_f64(x, u, tries) | is_below;
}

#endif

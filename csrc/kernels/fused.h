/* a b + c, rounded once: by the instruction; or, in EMULATED_FMA code, by sums and products of double, for CPUs that have no
   such instruction, where the C library's functions compute with integers, one value at a time. The emulation knows what
   rounding has added in each step, its excess, and rounds the last sum but one to odd (Boldo and Melquiond 2008, "Emulation of
   a FMA and correctly rounded sums: proved algorithms using rounding to odd"). */
#ifndef FASTINIT_FUSED_H
#define FASTINIT_FUSED_H

#include "portable.h"

/* fused_exact_<real> is for exact products; what the others take stands above the emulation. */
#ifndef EMULATED_FMA
static ALWAYS_INLINE float fused_f32(float a, float b, float c)
{
    return fmaf(a, b, c);
}

static ALWAYS_INLINE double fused_f64(double a, double b, double c)
{
    return fma(a, b, c);
}

static ALWAYS_INLINE float fused_exact_f32(float a, float b, float c)
{
    return fmaf(a, b, c);
}

static ALWAYS_INLINE double fused_exact_f64(double a, double b, double c)
{
    return fma(a, b, c);
}

static ALWAYS_INLINE double fused_scaled_f64(double x, double least, double scale, double loc)
{
    (void)least;
    return fma(x, scale, loc);
}
#else
static ALWAYS_INLINE float fused_exact_f32(float a, float b, float c)
{
    return a * b + c;
}

static ALWAYS_INLINE double fused_exact_f64(double a, double b, double c)
{
    return a * b + c;
}

/* a + b as a rounded sum and its excess, which is +0 where there is none: so it takes no sign from a zero. */
struct sum_f64 { double sum, excess; };

static ALWAYS_INLINE struct sum_f64 two_sum_f64(double a, double b)
{
    double sum = a + b, of_b = sum - a;
    struct sum_f64 result = {sum, ((sum - of_b) - a) + (of_b - b)};
    return result;
}

/* a + b; where it is inexact, whichever neighbour has an odd last bit: to two bits less, or fewer, it rounds as the exact sum
   does. Where the sum is infinite or NaN, the excess is NaN. */
static ALWAYS_INLINE double sum_to_odd_f64(double a, double b)
{
    struct sum_f64 rounded = two_sum_f64(a, b);
    uint64_t is_inexact = bits_f64(fabs(rounded.excess) > 0.0 ? 0x1p-1074 : 0.0); /* 1 or 0 */
    uint64_t is_short = (bits_f64(rounded.excess) ^ bits_f64(rounded.sum)) >> 63; /* nearer to 0 than the exact sum */
    return from_bits_f64((bits_f64(rounded.sum) - (is_inexact & ~is_short)) | is_inexact);
}

/* For all numbers, NaN and infinities: the product is exact in double, even of subnormal numbers. */
static ALWAYS_INLINE float fused_f32(float a, float b, float c)
{
    return (float)sum_to_odd_f64((double)a * (double)b, (double)c);
}

/* x to 26 bits; the rest has as many, and a sign. */
static ALWAYS_INLINE double high_half_f64(double x)
{
    return from_bits_f64((bits_f64(x) + (1ull << 26)) & ~((1ull << 27) - 1));
}

/* For numbers a, b, c and a b below 2^1020, if a b is a multiple of 2^-1074, so where |a b| >= 2^-968, or a product with few
   bits; or if |c| >= 2^-900, beside which what is lost does not count. */
static ALWAYS_INLINE double fused_f64(double a, double b, double c)
{
    double a_high = high_half_f64(a), a_low = a - a_high, b_high = high_half_f64(b), b_low = b - b_high;
    double product = a * b;
    double excess = ((product - a_high * b_high) - a_high * b_low - a_low * b_high) - a_low * b_low; /* each step exact */
    struct sum_f64 low = two_sum_f64(c, -excess), all = two_sum_f64(product, low.sum);
    return all.sum - sum_to_odd_f64(low.excess, all.excess);
}

/* x scale + loc for any scale and loc, as users pass them, and x that is 0 or in size from `least` to 2^60: the C library's
   function serves what is out of range. */
static ALWAYS_INLINE double fused_scaled_f64(double x, double least, double scale, double loc)
{
    int is_in_range = (least * fabs(scale) >= 0x1p-960) & (fabs(scale) <= 0x1p900) & (fabs(loc) <= 0x1p1000);
    return is_in_range ? fused_f64(x, scale, loc) : fma(x, scale, loc);
}
#endif

#endif

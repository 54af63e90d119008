/* One value of each distribution from its word or words: <distribution>_f32 takes one 32-bit word a value, _f64 one of 64
   bits; both in steps where a loop over many values takes them one by one. Parameters are doubles that are exact in the
   value's type; here they are in that type. */
#ifndef FASTINIT_VALUES_H
#define FASTINIT_VALUES_H

#include "elementary.h"

/* Uniform: low + u (high - low), u = count 2^-24 (double: 2^-53) in [0, 1), rounded once. Parameters: low, width = high -
   low. `unit` is that power of two; or 1, with it multiplied into the width, to save a multiplication, unless the width
   would lose bits as a subnormal. */
static ALWAYS_INLINE float uniform_f32(uint32_t word, float unit, float width, float low)
{
    return fused_f32((float)(int32_t)(word >> 8) * unit, width, low);
}

static ALWAYS_INLINE double uniform_f64(uint32_t high_word, uint32_t low_word, double unit, double width, double low)
{
    /* the 2^52 trick does not reach 2^53: the high 21 and the low 32 bits of the count are converted separately, exactly */
    double high = from_bits_f64(0x4530000000000000ull | high_word >> 11) - 0x1p84;
    double rest = from_bits_f64(0x4330000000000000ull | (high_word << 21 | low_word >> 11)) - 0x1p52;
    return fused_scaled_f64((rest + high) * unit, 0x1p-53, width, low);
}

/* Normal by Box and Muller (1958): R = sqrt(neg2log_u(a)) and the angle of the next row's word b give R cos and R sin, for
   the two rows. |error| <= 2^-21 max(1, R) (double: 2^-50), |z| <= 6.77 (8.66). Parameters: mean, std. */
static ALWAYS_INLINE struct pair_f32 normal_f32(float neg2log, uint32_t b, float mean, float std)
{
    struct pair_f32 standard = polar_f32(sqrtf(neg2log), b);
    struct pair_f32 pair = {fused_f32(standard.first, std, mean), fused_f32(standard.second, std, mean)};
    return pair;
}

static const double LEAST_NORMAL_F64 =
    0x1p-140; /* but 0: the product of the last bits of the angle's sine and of its chord */

static ALWAYS_INLINE struct pair_f64 normal_f64(double neg2log, uint64_t b, double mean, double std)
{
    struct pair_f64 standard = polar_f64(sqrt(neg2log), b);
    struct pair_f64 pair = {fused_scaled_f64(standard.first, LEAST_NORMAL_F64, std, mean),
                            fused_scaled_f64(standard.second, LEAST_NORMAL_F64, std, mean)};
    return pair;
}

/* Exponential by inversion: -ln u times scale, from neg2log_u of the word, u = (w + 1/2) 2^-32 (double: 2^-53). Relative error
   of neg2log; at most 22.9 (37.4) scales. Parameter: scale. */
static ALWAYS_INLINE float exponential_f32(float neg2log, float scale)
{
    return 0.5f * neg2log * scale;
}

static ALWAYS_INLINE double exponential_f64(double neg2log, double scale)
{
    return 0.5 * neg2log * scale;
}

/* Truncated normal: the quantile of cdf(low) + u (cdf(high) - cdf(low)), u = (w + 1/2) 2^-32 (double: 2^-53), scaled and
   clipped to the bounds. |error| <= 4e-6 std (double: 1e-13) for bounds within 4 (9). The tail probability is computed from
   the nearer end of the interval, so that it keeps its relative accuracy in both tails.
   Parameters, `end` being low and high: cdf and sf of each end, cdf(high) - cdf(low) (these five times 2^k, k > 0 where
   float would underflow), the same unscaled, (cdf(low) + cdf(high) - 1) / 2, 2^-10 2^k, 2 k ln 2, mean, std, and the least
   and the greatest value. */
enum {
    CDF_LOW,
    SF_LOW,
    CDF_HIGH,
    SF_HIGH,
    MASS_SCALED,
    MASS,
    MIDDLE,
    TAIL_SCALED,
    NEG2LOG_OF_SCALE,
    MEAN,
    STD,
    LEAST,
    GREATEST
};

static ALWAYS_INLINE float scaled_and_clipped_f32(float x, const float *c)
{
    x = fused_f32(x, c[STD], c[MEAN]);
    x = x < c[LEAST] ? c[LEAST] : x;
    return x > c[GREATEST] ? c[GREATEST] : x;
}

static ALWAYS_INLINE double scaled_and_clipped_f64(double x, const double *c)
{
    x = fused_scaled_f64(x, 0x1p-110 * c[MASS], c[STD], c[MEAN]);
    x = x < c[LEAST] ? c[LEAST] : x;
    return x > c[GREATEST] ? c[GREATEST] : x;
}

/* For a word with value x: the scaled probability of the nearer tail beyond x, and v = P(Z < x) - 1/2. */
struct probability_f32 { float tail, v; };

static ALWAYS_INLINE float low_or_high_f32(uint32_t is_high, float low, float high)
{
    return from_bits_f32(bits_f32(low) ^ (is_high & (bits_f32(low) ^ bits_f32(high))));
}

static ALWAYS_INLINE struct probability_f32 probability_f32(uint32_t w, const float *c)
{
    uint32_t is_upper = (uint32_t)((int32_t)w >> 31); /* all bits or none: u > 1/2, count from the high end */
    float signed_u = from_bits_f32(bits_f32(unit_below_half_f32(w)) ^ (w & 0x80000000u));
    float cdf = fused_f32(signed_u, c[MASS_SCALED], low_or_high_f32(is_upper, c[CDF_LOW], c[CDF_HIGH]));
    float sf = fused_f32(-signed_u, c[MASS_SCALED], low_or_high_f32(is_upper, c[SF_LOW], c[SF_HIGH]));
    float from_middle = fused_exact_f32((float)(int32_t)(w ^ 0x80000000u), 0x1p-32f, 0x1p-33f);
    struct probability_f32 p = {cdf < sf ? cdf : sf, fused_f32(from_middle, c[MASS], c[MIDDLE])};
    return p;
}

/* Where it is negative, truncated_tail_f32 gives the value; else truncated_centre_f32 does. */
static ALWAYS_INLINE float tail_margin_f32(float tail, const float *c)
{
    return tail - c[TAIL_SCALED];
}

/* Whether no margin is negative; twice the least tail probability leaves room for rounding. */
static ALWAYS_INLINE int bounds_exclude_tails_f32(const float *c)
{
    return (c[CDF_LOW] >= 2.0f * c[TAIL_SCALED]) & (c[SF_HIGH] >= 2.0f * c[TAIL_SCALED]);
}

/* -2 ln(1 - 4 v^2), of which truncated_centre_f32 is made, in two steps: 1 - 4 v^2 = 4 tail (1 - tail). */
static ALWAYS_INLINE float centre_product_f32(float tail)
{
    return fused_f32(-4.0f * tail, tail, 4.0f * tail);
}

static ALWAYS_INLINE float centre_neg2log_f32(float product)
{
    return neg2log_f32(split_exponent_f32(product));
}

static ALWAYS_INLINE float truncated_centre_f32(float v, float neg2log, const float *c)
{
    return scaled_and_clipped_f32(quantile_centre_f32(v, neg2log), c);
}

static ALWAYS_INLINE float truncated_tail_f32(struct probability_f32 p, const float *c)
{
    float x = quantile_tail_f32(sqrtf(neg2log_f32(split_exponent_f32(p.tail)) + c[NEG2LOG_OF_SCALE]));
    return scaled_and_clipped_f32(p.v < 0 ? -x : x, c);
}

/* The same for a 64-bit word: P(Z < x) - 1/2, and the nearer tail. The first is 0 or at least 2^-108 MASS: the product of the
   last bits of its factors, or the last bit of MIDDLE, if that is near enough to cancel the product. */
static ALWAYS_INLINE double middle_probability_f64(uint64_t w, const double *c)
{
    return fused_scaled_f64(from_middle_f64(w), 0x1p-54, c[MASS], c[MIDDLE]);
}

static ALWAYS_INLINE double tail_probability_f64(uint64_t w, const double *c)
{
    int upper = (int64_t)w < 0;
    double u = unit_below_half_f64(w), signed_u = upper ? -u : u;
    double cdf = fused_scaled_f64(signed_u, 0x1p-54, c[MASS], upper ? c[CDF_HIGH] : c[CDF_LOW]);
    double sf = fused_scaled_f64(-signed_u, 0x1p-54, c[MASS], upper ? c[SF_HIGH] : c[SF_LOW]);
    return cdf < sf ? cdf : sf;
}

/* sqrt(-ln tail) */
static ALWAYS_INLINE double radius_f64(double tail)
{
    return sqrt(0.5 * neg2log_f64(split_f64(tail)));
}

/* Which gives the value: truncated_centre_f64 where the margin is not negative, else truncated_tail_f64 where the radius is in
   the tail, else truncated_middle_f64. */
static ALWAYS_INLINE int in_tail_f64(double radius)
{
    return radius > 5.0;
}

/* Whether all margins are negative. */
static ALWAYS_INLINE int bounds_exclude_centre_f64(const double *c)
{
    double least = fused_scaled_f64(-0.5, 0.5, c[MASS], c[MIDDLE]),
           greatest = fused_scaled_f64(0.5, 0.5, c[MASS], c[MIDDLE]); /* of q */
    return (least > 0.0 && centre_margin_f64(least) < 0.0) || (greatest < 0.0 && centre_margin_f64(greatest) < 0.0);
}

static ALWAYS_INLINE double truncated_centre_f64(double q, double margin, const double *c)
{
    return scaled_and_clipped_f64(quantile_centre_f64(q, margin), c);
}

static ALWAYS_INLINE double truncated_middle_f64(double q, double radius, const double *c)
{
    double x = quantile_middle_f64(radius);
    return scaled_and_clipped_f64(q < 0 ? -x : x, c);
}

static ALWAYS_INLINE double truncated_tail_f64(double q, double radius, const double *c)
{
    double x = quantile_tail_f64(radius);
    return scaled_and_clipped_f64(q < 0 ? -x : x, c);
}

#endif

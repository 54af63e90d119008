/* Turns the words of a tile into values of a distribution: <distribution>_values_f32 takes one word per value, _f64 two.
   `rows` is the number of rows of 16 elements (each of one word row for float, of a high and a low one for double); it is
   even. Parameters are doubles that are exact in the value's type. */
#ifndef FASTINIT_DISTRIBUTIONS_H
#define FASTINIT_DISTRIBUTIONS_H

#include "elementary.h"
#include "lanes.h"

/* The 64-bit word of lane l in element row r. */
static ALWAYS_INLINE uint64_t wide_word(const uint32_t *words, int r, int l)
{
    return (uint64_t)words[2 * r * LANES + l] << 32 | words[(2 * r + 1) * LANES + l];
}

/* Uniform: low + u (high - low), u = count 2^-24 (double: 2^-53) in [0, 1), rounded once. Parameters: low, high - low. The
   power of two is multiplied into the width, to save a multiplication, unless the width would lose bits as a subnormal. */
static ALWAYS_INLINE float uniform_f32(uint32_t word, float unit, float width, float low)
{
    return fmaf((float)(int32_t)(word >> 8) * unit, width, low);
}

static ALWAYS_INLINE void uniform_values_f32(const uint32_t *words, int rows, const double *parameters, float *values)
{
    float low = (float)parameters[0], width = (float)parameters[1], step = width * 0x1p-24f;
    if (step * 0x1p24f == width)
        for (int i = 0; i < rows * LANES; i++)
            values[i] = uniform_f32(words[i], 1.0f, step, low);
    else
        for (int i = 0; i < rows * LANES; i++)
            values[i] = uniform_f32(words[i], 0x1p-24f, width, low);
}

static ALWAYS_INLINE double uniform_f64(uint64_t word, double unit, double width, double low)
{
    uint64_t count = word >> 11;
    /* the 2^52 trick does not reach 2^53: the high 21 and the low 32 bits are converted separately, both exactly */
    double high = from_bits_f64(0x4530000000000000ull | count >> 32) - 0x1p84;
    return fma((from_bits_f64(0x4330000000000000ull | (count & 0xffffffffu)) - 0x1p52 + high) * unit, width, low);
}

static ALWAYS_INLINE void uniform_values_f64(const uint32_t *words, int rows, const double *parameters, double *values)
{
    double low = parameters[0], width = parameters[1], step = width * 0x1p-53;
    if (step * 0x1p53 == width)
        for (int r = 0; r < rows; r++)
            for (int l = 0; l < LANES; l++)
                values[r * LANES + l] = uniform_f64(wide_word(words, r, l), 1.0, step, low);
    else
        for (int r = 0; r < rows; r++)
            for (int l = 0; l < LANES; l++)
                values[r * LANES + l] = uniform_f64(wide_word(words, r, l), 0x1p-53, width, low);
}

/* Normal by Box and Muller (1958): element rows 2p and 2p + 1 give R cos and R sin. |error| <= 2^-21 max(1, R) (double:
   2^-50), |z| <= 6.77 (8.66). Parameters: mean, std. Each step is a loop over all rows and leaves in `values` what the next
   one needs: in a single loop the chains of dependent instructions are too long for a CPU to work on enough elements at
   once, which takes 1.1 times as long (the truncated normal below: 1.4 times). */
static ALWAYS_INLINE void normal_values_f32(const uint32_t *words, int rows, const double *parameters, float *values)
{
    float mean = (float)parameters[0], std = (float)parameters[1];
    for (int r = 0; r < rows * LANES; r += 2 * LANES)
        for (int l = 0; l < LANES; l++)
            values[r + l] = neg2log_u_f32(words[r + l]);
    for (int r = 0; r < rows * LANES; r += 2 * LANES)
        for (int l = 0; l < LANES; l++) {
            float radius = sqrtf(values[r + l]);
            struct sincos_f32 angle = sincos_f32(words[r + LANES + l]);
            values[r + l] = fmaf(radius * angle.cosine, std, mean);
            values[r + LANES + l] = fmaf(radius * angle.sine, std, mean);
        }
}

static ALWAYS_INLINE void normal_values_f64(const uint32_t *words, int rows, const double *parameters, double *values)
{
    double mean = parameters[0], std = parameters[1];
    for (int r = 0; r < rows; r += 2)
        for (int l = 0; l < LANES; l++)
            values[r * LANES + l] = neg2log_u_f64(wide_word(words, r, l));
    for (int r = 0; r < rows; r += 2)
        for (int l = 0; l < LANES; l++) {
            double radius = sqrt(values[r * LANES + l]);
            struct sincos_f64 angle = sincos_f64(wide_word(words, r + 1, l));
            values[r * LANES + l] = fma(radius * angle.cosine, std, mean);
            values[(r + 1) * LANES + l] = fma(radius * angle.sine, std, mean);
        }
}

/* Exponential by inversion: -ln u times scale, u = (w + 1/2) 2^-32 (double: 2^-53). Relative error of neg2log; at most 22.9
   (37.4) scales. Parameter: scale. */
static ALWAYS_INLINE void exponential_values_f32(const uint32_t *words, int rows, const double *parameters, float *values)
{
    float scale = (float)parameters[0];
    for (int i = 0; i < rows * LANES; i++)
        values[i] = 0.5f * neg2log_u_f32(words[i]) * scale;
}

static ALWAYS_INLINE void exponential_values_f64(const uint32_t *words, int rows, const double *parameters, double *values)
{
    double scale = parameters[0];
    for (int r = 0; r < rows; r++)
        for (int l = 0; l < LANES; l++)
            values[r * LANES + l] = 0.5 * neg2log_u_f64(wide_word(words, r, l)) * scale;
}

/* Lognormal: exp of the normal, with the errors of both; [0, inf]. Parameters: mean and std of the logarithm. */
static ALWAYS_INLINE void lognormal_values_f64(const uint32_t *words, int rows, const double *parameters, double *values)
{
    normal_values_f64(words, rows, parameters, values);
    for (int i = 0; i < rows * LANES; i++)
        values[i] = exp_f64(values[i]);
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

static ALWAYS_INLINE float clip_f32(float x, float least, float greatest)
{
    x = x < least ? least : x;
    return x > greatest ? greatest : x;
}

static ALWAYS_INLINE double clip_f64(double x, double least, double greatest)
{
    x = x < least ? least : x;
    return x > greatest ? greatest : x;
}

/* For a word with value x: the scaled probability of the nearer tail beyond x, and v = P(Z < x) - 1/2. */
struct probability_f32 { float tail, v; };

static ALWAYS_INLINE struct probability_f32 probability_f32(uint32_t w, const float *c)
{
    int upper = (int32_t)w < 0; /* u > 1/2: count from the high end */
    float u = unit_below_half_f32(w), signed_u = upper ? -u : u;
    float cdf = fmaf(signed_u, c[MASS_SCALED], upper ? c[CDF_HIGH] : c[CDF_LOW]);
    float sf = fmaf(-signed_u, c[MASS_SCALED], upper ? c[SF_HIGH] : c[SF_LOW]);
    float from_middle = fmaf((float)(int32_t)(w ^ 0x80000000u), 0x1p-32f, 0x1p-33f);
    struct probability_f32 p = {cdf < sf ? cdf : sf, fmaf(from_middle, c[MASS], c[MIDDLE])};
    return p;
}

static ALWAYS_INLINE float scaled_and_clipped_f32(float x, const float *c)
{
    return clip_f32(fmaf(x, c[STD], c[MEAN]), c[LEAST], c[GREATEST]);
}

/* Writes those values of `rows` rows that lie in the tails. */
static ALWAYS_INLINE void truncated_tails_f32(const uint32_t *words, int rows, const float *c, float *values)
{
    for (int i = 0; i < rows * LANES; i++) {
        struct probability_f32 p = probability_f32(words[i], c);
        float radius = sqrtf(neg2log_f32(split_exponent_f32(p.tail)) + c[NEG2LOG_OF_SCALE]);
        float x = quantile_tail_f32(radius);
        x = scaled_and_clipped_f32(p.v < 0 ? -x : x, c);
        values[i] = p.tail < c[TAIL_SCALED] ? x : values[i];
    }
}

/* Rows that are searched together for values in the tails: the search itself takes a third as many instructions as computing
   what is searched. */
enum { SEARCHED = 4 };

static ALWAYS_INLINE void truncated_values_f32(const uint32_t *words, int rows, const double *parameters, float *values)
{
    float c[GREATEST + 1];
    int tails[TILE_ROWS / SEARCHED];
    for (int i = 0; i <= GREATEST; i++)
        c[i] = (float)parameters[i];
    for (int r = 0; r < rows; r += SEARCHED) {
        int found[LANES] = {0};
        for (int i = 0; i < SEARCHED; i++)
            for (int l = 0; l < LANES; l++) {
                float tail = probability_f32(words[(r + i) * LANES + l], c).tail;
                found[l] |= tail < c[TAIL_SCALED];
                values[(r + i) * LANES + l] = fmaf(-4.0f * tail, tail, 4.0f * tail);
            }
        tails[r / SEARCHED] = 0;
        for (int l = 0; l < LANES; l++)
            tails[r / SEARCHED] |= found[l];
    }
    for (int i = 0; i < rows * LANES; i++)
        values[i] = neg2log_f32(split_exponent_f32(values[i]));
    for (int i = 0; i < rows * LANES; i++) {
        float x = quantile_centre_f32(probability_f32(words[i], c).v, values[i]);
        values[i] = scaled_and_clipped_f32(x, c);
    }
    for (int r = 0; r < rows; r += SEARCHED)
        if (tails[r / SEARCHED])
            truncated_tails_f32(words + r * LANES, SEARCHED, c, values + r * LANES);
}

/* The same for a 64-bit word: q = P - 1/2. */
struct probability_f64 { double tail, q; };

static ALWAYS_INLINE struct probability_f64 probability_f64(uint64_t w, const double *c)
{
    int upper = (int64_t)w < 0;
    double u = unit_below_half_f64(w), signed_u = upper ? -u : u;
    double cdf = fma(signed_u, c[MASS], upper ? c[CDF_HIGH] : c[CDF_LOW]);
    double sf = fma(-signed_u, c[MASS], upper ? c[SF_HIGH] : c[SF_LOW]);
    /* u - 1/2 from the nearer end of [0, 1]: both terms are below 1/2 */
    struct probability_f64 p = {cdf < sf ? cdf : sf, fma(upper ? 0.5 - u : u - 0.5, c[MASS], c[MIDDLE])};
    return p;
}

static ALWAYS_INLINE double radius_f64(double tail)
{
    return sqrt(0.5 * neg2log_f64(split_exponent_f64(tail)));
}

static ALWAYS_INLINE double scaled_and_clipped_f64(double x, const double *c)
{
    return clip_f64(fma(x, c[STD], c[MEAN]), c[LEAST], c[GREATEST]);
}

/* Writes those values of a row that lie in the tails. */
static ALWAYS_INLINE void truncated_tails_f64(const uint32_t *words, int r, const double *c, double *values)
{
    for (int l = 0; l < LANES; l++) {
        struct probability_f64 p = probability_f64(wide_word(words, r, l), c);
        double radius = radius_f64(p.tail), x = quantile_tail_f64(radius);
        x = scaled_and_clipped_f64(p.q < 0 ? -x : x, c);
        values[r * LANES + l] = radius > 5.0 ? x : values[r * LANES + l];
    }
}

static ALWAYS_INLINE void truncated_values_f64(const uint32_t *words, int rows, const double *parameters, double *values)
{
    double c[GREATEST + 1];        /* a copy, so that choosing between two of them needs no branch */
    uint64_t tails[TILE_ROWS / 2]; /* as wide as the values, or the loop does not vectorise */
    for (int i = 0; i <= GREATEST; i++)
        c[i] = parameters[i];
    for (int r = 0; r < rows; r++)
        for (int l = 0; l < LANES; l++)
            values[r * LANES + l] = probability_f64(wide_word(words, r, l), c).tail;
    for (int r = 0; r < rows; r++) {
        tails[r] = 0;
        for (int l = 0; l < LANES; l++) {
            double radius = radius_f64(values[r * LANES + l]);
            tails[r] |= radius > 5.0;
            values[r * LANES + l] = radius;
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int l = 0; l < LANES; l++) {
            double q = probability_f64(wide_word(words, r, l), c).q;
            double centre = quantile_centre_f64(q), middle = quantile_middle_f64(values[r * LANES + l]);
            middle = q < 0 ? -middle : middle;
            values[r * LANES + l] = scaled_and_clipped_f64(q >= -0.425 && q <= 0.425 ? centre : middle, c);
        }
        if (tails[r])
            truncated_tails_f64(words, r, c, values);
    }
}

#endif

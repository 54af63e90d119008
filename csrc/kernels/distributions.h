/* Turns the words of a tile into values of a distribution: <distribution>_values_f32 takes one word per value, _f64 two.
   `rows` is the number of rows of 16 elements (each of one word row for float, of a high and a low one for double); it is
   even. The parameters, and the arithmetic of one value, are those of values.h. */
#ifndef FASTINIT_DISTRIBUTIONS_H
#define FASTINIT_DISTRIBUTIONS_H

#include "lanes.h"
#include "values.h"

/* The 64-bit word of lane l in element row r. */
static ALWAYS_INLINE uint64_t wide_word(const uint32_t *words, int r, int l)
{
    return (uint64_t)words[2 * r * LANES + l] << 32 | words[(2 * r + 1) * LANES + l];
}

/* Uniform values of `n` words each: of double, `words` holds the high halves and then the low ones. */
static ALWAYS_INLINE void uniform_values_f32(const uint32_t *words, int n, float unit, float width, float low, float *values)
{
    for (int i = 0; i < n; i++)
        values[i] = uniform_f32(words[i], unit, width, low);
}

static ALWAYS_INLINE void uniform_values_f64(const uint32_t *words, int n, double unit, double width, double low,
                                             double *values)
{
    for (int i = 0; i < n; i++)
        values[i] = uniform_f64(words[i], words[n + i], unit, width, low);
}

/* -2 ln u of every `step`-th row, written to these rows of `values`. This too is two loops, for the reason below. */
static ALWAYS_INLINE void neg2log_u_values_f32(const uint32_t *words, int rows, int step, float *values)
{
    float linear[TILE_WORDS];
    for (int r = 0; r < rows * LANES; r += step * LANES)
        for (int l = 0; l < LANES; l++) {
            struct split_f32 u = split_u_f32(words[r + l]);
            values[r + l] = u.f;
            linear[r + l] = neg2log_linear_f32(u);
        }
    for (int r = 0; r < rows * LANES; r += step * LANES)
        for (int l = 0; l < LANES; l++)
            values[r + l] = neg2log_from_linear_f32(values[r + l], linear[r + l]);
}

/* Each step of a normal is a loop over all rows and leaves in `values` what the next one needs: in a single loop the chains of
   dependent instructions are too long for a CPU to work on enough elements at once, which takes 1.1 times as long (the
   truncated normal below: 1.4 times). */
static ALWAYS_INLINE void normal_values_f32(const uint32_t *words, int rows, const double *parameters, float *values)
{
    float mean = (float)parameters[0], std = (float)parameters[1];
    neg2log_u_values_f32(words, rows, 2, values);
    for (int r = 0; r < rows * LANES; r += 2 * LANES)
        for (int l = 0; l < LANES; l++) {
            struct pair_f32 pair = normal_f32(values[r + l], words[r + LANES + l], mean, std);
            values[r + l] = pair.first;
            values[r + LANES + l] = pair.second;
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
            struct pair_f64 pair = normal_f64(values[r * LANES + l], wide_word(words, r + 1, l), mean, std);
            values[r * LANES + l] = pair.first;
            values[(r + 1) * LANES + l] = pair.second;
        }
}

/* Lognormal: exp of the normal, with the errors of both; [0, inf]. Parameters: mean and std of the logarithm. */
static ALWAYS_INLINE void lognormal_values_f64(const uint32_t *words, int rows, const double *parameters, double *values)
{
    normal_values_f64(words, rows, parameters, values);
    for (int i = 0; i < rows * LANES; i++)
        values[i] = exp_f64(values[i]);
}

static ALWAYS_INLINE void exponential_values_f32(const uint32_t *words, int rows, const double *parameters, float *values)
{
    float scale = (float)parameters[0];
    neg2log_u_values_f32(words, rows, 1, values);
    for (int i = 0; i < rows * LANES; i++)
        values[i] = exponential_f32(values[i], scale);
}

static ALWAYS_INLINE void exponential_values_f64(const uint32_t *words, int rows, const double *parameters, double *values)
{
    double scale = parameters[0];
    for (int r = 0; r < rows; r++)
        for (int l = 0; l < LANES; l++)
            values[r * LANES + l] = exponential_f64(neg2log_u_f64(wide_word(words, r, l)), scale);
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
                found[l] |= in_tail_f32(tail, c);
                values[(r + i) * LANES + l] = centre_product_f32(tail);
            }
        tails[r / SEARCHED] = 0;
        for (int l = 0; l < LANES; l++)
            tails[r / SEARCHED] |= found[l];
    }
    for (int i = 0; i < rows * LANES; i++)
        values[i] = centre_neg2log_f32(values[i]);
    for (int i = 0; i < rows * LANES; i++)
        values[i] = truncated_centre_f32(probability_f32(words[i], c).v, values[i], c);
    for (int r = 0; r < rows; r += SEARCHED)
        if (tails[r / SEARCHED])
            for (int i = r * LANES; i < (r + SEARCHED) * LANES; i++) {
                struct probability_f32 p = probability_f32(words[i], c);
                float x = truncated_tail_f32(p, c);
                values[i] = in_tail_f32(p.tail, c) ? x : values[i];
            }
}

static ALWAYS_INLINE void truncated_values_f64(const uint32_t *words, int rows, const double *parameters, double *values)
{
    double c[GREATEST + 1];
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
            tails[r] |= in_tail_f64(radius);
            values[r * LANES + l] = radius;
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int l = 0; l < LANES; l++)
            values[r * LANES + l] =
                truncated_inner_f64(probability_f64(wide_word(words, r, l), c).q, values[r * LANES + l], c);
        if (tails[r])
            for (int l = 0; l < LANES; l++) {
                struct probability_f64 p = probability_f64(wide_word(words, r, l), c);
                double radius = radius_f64(p.tail), x = truncated_tail_f64(p.q, radius, c);
                values[r * LANES + l] = in_tail_f64(radius) ? x : values[r * LANES + l];
            }
    }
}

#endif

/* Turns the words of a tile into values of a distribution: <distribution>_values_f32 takes one word per value, _f64 one of 64
   bits. `rows` is the number of rows of 16 elements; it is even. The parameters, and the arithmetic of one value, are those of
   values.h. */
#ifndef FASTINIT_DISTRIBUTIONS_H
#define FASTINIT_DISTRIBUTIONS_H

#include "lanes.h"
#include "values.h"

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

/* The two steps of -2 ln u of a row: to f and the linear part, and from these. */
static ALWAYS_INLINE void split_u_row_f32(const uint32_t *words, float *values, float *linear)
{
    for (int l = 0; l < LANES; l++) {
        struct split_f32 u = split_u_f32(words[l]);
        values[l] = u.f;
        linear[l] = neg2log_linear_f32(u);
    }
}

static ALWAYS_INLINE void neg2log_row_f32(const float *linear, float *values)
{
    for (int l = 0; l < LANES; l++)
        values[l] = neg2log_from_linear_f32(values[l], linear[l]);
}

/* -2 ln u of every `step`-th row, written to these rows of `values`. The second step of a row takes turns with the first one of
   the next row: it waits for its polynomial, where the other has more to do at once. */
static ALWAYS_INLINE void neg2log_u_values_f32(const uint32_t *words, int rows, int step, float *values)
{
    float linear[2][LANES];
    const int ahead = step * LANES;
    split_u_row_f32(words, values, linear[0]);
    for (int r = 0; r < rows - step; r += step, words += ahead, values += ahead) {
        split_u_row_f32(words + ahead, values + ahead, linear[(r / step + 1) % 2]);
        neg2log_row_f32(linear[r / step % 2], values);
    }
    neg2log_row_f32(linear[(rows / step - 1) % 2], values);
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

static ALWAYS_INLINE void neg2log_u_row_f64(const union wide_word *words, double *values)
{
    for (int l = 0; l < LANES; l++)
        values[l] = neg2log_u_f64(words[l].word);
}

static ALWAYS_INLINE void normal_rows_f64(const union wide_word *words, double mean, double std, double *values)
{
    for (int l = 0; l < LANES; l++) {
        struct pair_f64 pair = normal_f64(values[l], words[LANES + l].word, mean, std);
        values[l] = pair.first;
        values[LANES + l] = pair.second;
    }
}

/* Of double these are two steps as well, but the second takes turns with the first one of the next pair of rows: the one waits
   for square roots, the other for the ports of the arithmetic units. */
static ALWAYS_INLINE void normal_values_f64(const union wide_word *words, int rows, const double *parameters, double *values)
{
    double mean = parameters[0], std = parameters[1];
    int last = (rows - 2) * LANES;
    neg2log_u_row_f64(words, values);
    for (int i = 0; i < last; i += 2 * LANES) {
        neg2log_u_row_f64(words + i + 2 * LANES, values + i + 2 * LANES);
        normal_rows_f64(words + i, mean, std, values + i);
    }
    normal_rows_f64(words + last, mean, std, values + last);
}

/* Lognormal: exp of the normal, with the errors of both; [0, inf]. Parameters: mean and std of the logarithm. */
static ALWAYS_INLINE void lognormal_values_f64(const union wide_word *words, int rows, const double *parameters,
                                               double *values)
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

static ALWAYS_INLINE void exponential_values_f64(const union wide_word *words, int rows, const double *parameters,
                                                 double *values)
{
    double scale = parameters[0], neg2logs[TILE_WORDS / 2];
    for (int i = 0; i < rows * LANES; i++) {
        struct split_f64 u = split_u_f64(words[i].word);
        values[i] = u.f;
        neg2logs[i] = u.neg2log;
    }
    for (int i = 0; i < rows * LANES; i++) {
        struct split_f64 u = {neg2logs[i], values[i]};
        values[i] = exponential_f64(neg2log_f64(u), scale);
    }
}

/* Rows that are searched together for values in the tails, if there can be any. */
enum { SEARCHED = 4 };

/* The steps of the centre are loops for the reason above. The last one makes v again, which takes no longer than to load it: the
   loop waits for its polynomial. */
static ALWAYS_INLINE void truncated_values_f32(const uint32_t *words, int rows, const double *parameters, float *values)
{
    float c[GREATEST + 1];
    uint32_t found[TILE_ROWS / SEARCHED]; /* the highest bit: of margins, the sign */
    for (int i = 0; i <= GREATEST; i++)
        c[i] = (float)parameters[i];
    const int searched = bounds_exclude_tails_f32(c) ? rows : SEARCHED;
    for (int r = 0; r < rows; r += searched) {
        uint32_t margins = 0;
        for (int i = r * LANES; i < (r + searched) * LANES; i++) {
            float tail = probability_f32(words[i], c).tail;
            margins |= bits_f32(tail_margin_f32(tail, c));
            values[i] = centre_product_f32(tail);
        }
        found[r / SEARCHED] = margins;
    }
    for (int i = 0; i < rows * LANES; i++)
        values[i] = centre_neg2log_f32(values[i]);
    for (int i = 0; i < rows * LANES; i++)
        values[i] = truncated_centre_f32(probability_f32(words[i], c).v, values[i], c);
    for (int r = 0; r < rows; r += searched)
        if (found[r / SEARCHED] >> 31)
            for (int i = r * LANES; i < (r + SEARCHED) * LANES; i++) {
                struct probability_f32 p = probability_f32(words[i], c);
                float x = truncated_tail_f32(p, c);
                values[i] = tail_margin_f32(p.tail, c) < 0 ? x : values[i];
            }
}

/* The values of LANES words whose values are outside the centre. */
static ALWAYS_INLINE void truncated_outside_f64(const union wide_word *words, const double *c, double *values)
{
    double q[LANES], radius[LANES];
    uint64_t tails = 0; /* as wide as the values, or the loop does not vectorise */
    for (int l = 0; l < LANES; l++) {
        q[l] = middle_probability_f64(words[l].word, c);
        radius[l] = radius_f64(tail_probability_f64(words[l].word, c));
        tails |= in_tail_f64(radius[l]);
    }
    for (int l = 0; l < LANES; l++)
        values[l] = truncated_middle_f64(q[l], radius[l], c);
    if (tails)
        for (int l = 0; l < LANES; l++) {
            double x = truncated_tail_f64(q[l], radius[l], c);
            values[l] = in_tail_f64(radius[l]) ? x : values[l];
        }
}

/* The same for those of `count` words that have a negative margin: they are collected, and made 16 at a time. */
static ALWAYS_INLINE void truncated_strays_f64(const union wide_word *words, const double *margins, int count,
                                               const double *c, double *values)
{
    int32_t strays[TILE_WORDS / 2];
    int num_strays = 0;
    for (int i = 0; i < count; i++) {
        strays[num_strays] = i;
        num_strays += margins[i] < 0.0;
    }
    for (int first = 0; first < num_strays; first += LANES) {
        int here = num_strays - first < LANES ? num_strays - first : LANES;
        union wide_word of_strays[LANES];
        double drawn[LANES];
        for (int l = 0; l < LANES; l++)
            of_strays[l] = words[strays[first + (l < here ? l : 0)]];
        truncated_outside_f64(of_strays, c, drawn);
        for (int l = 0; l < here; l++)
            values[strays[first + l]] = drawn[l];
    }
}

static ALWAYS_INLINE void truncated_values_f64(const union wide_word *words, int rows, const double *parameters,
                                               double *values)
{
    double c[GREATEST + 1], margins[TILE_WORDS / 2];
    uint64_t found[LANES] = {0}, strays = 0;
    for (int i = 0; i <= GREATEST; i++)
        c[i] = parameters[i];
    if (bounds_exclude_centre_f64(c)) {
        for (int i = 0; i < rows * LANES; i += LANES)
            truncated_outside_f64(words + i, c, values + i);
        return;
    }
    for (int i = 0; i < rows * LANES; i++)
        values[i] = middle_probability_f64(words[i].word, c);
    for (int r = 0; r < rows * LANES; r += LANES)
        for (int l = 0; l < LANES; l++) {
            double q = values[r + l], margin = centre_margin_f64(q);
            found[l] |= bits_f64(margin); /* the highest bit is the sign */
            margins[r + l] = margin;
            values[r + l] = truncated_centre_f64(q, margin, c);
        }
    for (int l = 0; l < LANES; l++)
        strays |= found[l];
    if (strays >> 63)
        truncated_strays_f64(words, margins, rows * LANES, c, values);
}

#endif

/* Distributions that only generators draw from, by rejection: a value that its own words do not give is tried again with words
   that Philox makes of its position, so that it depends on nothing else. Most values are made in long loops; what is left is
   collected, and tried again 16 at a time. */
#ifndef FASTINIT_REJECTION_H
#define FASTINIT_REJECTION_H

#include "distributions.h"
#include "rejection_values.h"
#include "value_parameters.h"

enum { WORDS_OF_TRY = 4, MOST_TRIED = TILE_WORDS / WORDS_OF_TRY };

/* What Philox's words are for: the constants that its key is changed by, each try of a purpose under another. Those of the
   first purpose are as in integer_values.h. */
static const uint32_t FOR_FIRST = 0x5851f42du, FOR_SECOND = 0x14057b7eu, FOR_BOOST = 0x2545f491u;

/* Where a value's words are in the stream, and who makes others of that. */
struct place {
    const uint32_t *stream;
    uint64_t position; /* of the first word of value 0 */
    philox_function *philox;
};

/* The words of `purpose` for LANES values: those of numbers at[0], at[1], ... */
static ALWAYS_INLINE void words_of_purpose(const struct place *place, uint32_t purpose, uint32_t attempt, const int32_t *at,
                                           uint32_t words[WORDS_OF_TRY][LANES])
{
    for (int l = 0; l < LANES; l++) {
        uint32_t within = (uint32_t)(at[l] / LANES * LANES * WORDS_OF_TRY + at[l] % LANES);
        uint64_t position = place->position + within;
        words[0][l] = (uint32_t)position;
        words[1][l] = (uint32_t)(position >> 32);
        words[2][l] = place->stream[2];
        words[3][l] = place->stream[3];
    }
    place->philox(words, place->stream[0] ^ purpose, place->stream[1] + attempt);
}

/* The words of an attempt: the first has the values' own. */
static ALWAYS_INLINE void words_of_attempt(const uint32_t *words, const struct place *place, uint32_t purpose,
                                           uint32_t attempt, const int32_t *at, uint32_t of_lanes[WORDS_OF_TRY][LANES])
{
    if (attempt > 0)
        words_of_purpose(place, purpose, attempt, at, of_lanes);
    else
        for (int w = 0; w < WORDS_OF_TRY; w++)
            for (int l = 0; l < LANES; l++)
                of_lanes[w][l] = words[(at[l] / LANES * WORDS_OF_TRY + w) * LANES + at[l] % LANES];
}

/* The words of a purpose for all values of `rows`, laid out as those of a tile are. */
static ALWAYS_INLINE void rows_of_purpose(const struct place *place, uint32_t purpose, int rows, uint32_t *words)
{
    for (int r = 0; r < rows; r++) {
        int32_t at[LANES];
        for (int l = 0; l < LANES; l++)
            at[l] = r * LANES + l;
        words_of_purpose(place, purpose, 0, at, (uint32_t (*)[LANES])(words + r * LANES * WORDS_OF_TRY));
    }
}

/* The 64-bit word of lane l in the two rows from number 2 r on. */
static ALWAYS_INLINE uint64_t wide_word(const uint32_t *words, int r, int l)
{
    return (uint64_t)words[2 * r * LANES + l] << 32 | words[(2 * r + 1) * LANES + l];
}

static ALWAYS_INLINE void neg2log_u_of_rows(const uint32_t *words, int rows, double *values)
{
    for (int r = 0; r < rows; r++)
        for (int l = 0; l < LANES; l++)
            values[r * LANES + l] = neg2log_u_f64(wide_word(words, 2 * r, l));
}

/* Parameter k of the values of some rows, times `factor`. */
static ALWAYS_INLINE void parameters_of_rows(const double *parameters, int k, double factor, const struct place *place,
                                             int rows, double *own)
{
    load_parameter(parameters, k, factor, place->position / WORDS_OF_TRY, rows * LANES, own);
}

/* The shapes of some rows, and what tries of them take. */
struct shapes {
    int num_small; /* how many are below 1 */
    double shape[MOST_TRIED], d[MOST_TRIED], c[MOST_TRIED];
};

static ALWAYS_INLINE void load_shapes(struct shapes *of, const double *parameters, int k, double factor,
                                      const struct place *place, int rows)
{
    struct tries_f64 first = tries_f64(factor * parameters[k]);
    parameters_of_rows(parameters, k, factor, place, rows, of->shape);
    of->num_small = 0;
    for (int i = 0; i < rows * LANES; i++) {
        struct tries_f64 tries = parameters[COUNT] > 0 ? tries_f64(of->shape[i]) : first;
        of->d[i] = tries.d, of->c[i] = tries.c;
        of->num_small += of->shape[i] < 1.0;
    }
}

/* Tries the values of numbers at[0] to at[count - 1], with words of each lane; those that are not taken are moved to kept[0],
   kept[1], ..., and their number is returned. */
static ALWAYS_INLINE int try_lanes(uint32_t words[WORDS_OF_TRY][LANES], const int32_t *at, int count,
                                   const struct shapes *of, double *values, int32_t *kept)
{
    double x[LANES], tried[LANES], d[LANES], c[LANES];
    int64_t taken[LANES];
    int num_kept = 0;
    for (int l = 0; l < LANES; l++)
        x[l] = normal_of_three_f64(neg2log_u_f64((uint64_t)words[0][l] << 32 | words[1][l]), words[2][l]);
    for (int l = 0; l < LANES; l++) /* by itself, or compilers do not vectorise what follows */
        d[l] = of->d[at[l]], c[l] = of->c[at[l]];
    for (int l = 0; l < LANES; l++) {
        struct tries_f64 tries = {d[l], c[l]};
        tried[l] = tried_f64(x[l], tries);
        taken[l] = is_taken_f64(x[l], unit_f64(words[3][l]), tries);
    }
    for (int l = 0; l < count; l++) {
        if (taken[l])
            values[at[l]] = tried[l];
        kept[num_kept] = at[l];
        num_kept += !taken[l];
    }
    return num_kept;
}

/* The first LANES of the values whose numbers are in `left`, or `count` if they are fewer, and copies of the first: their
   numbers and the words of an attempt. Returns how many there are. */
static ALWAYS_INLINE int load_attempt(const uint32_t *words, const struct place *place, uint32_t purpose, uint32_t attempt,
                                      const int32_t *left, int count, int32_t at[LANES],
                                      uint32_t of_lanes[WORDS_OF_TRY][LANES])
{
    int here = count < LANES ? count : LANES;
    for (int l = 0; l < LANES; l++)
        at[l] = left[l < here ? l : 0];
    words_of_attempt(words, place, purpose, attempt, at, of_lanes);
    return here;
}

/* Tries the `count` values whose numbers are in `left` until all are taken: once with their own words, then with others. */
static ALWAYS_INLINE void try_again(const uint32_t *words, int32_t *left, int count, const struct shapes *of,
                                    const struct place *place, uint32_t purpose, double *values)
{
    for (uint32_t attempt = 0; count > 0; attempt++) {
        int kept = 0;
        for (int first = 0; first < count; first += LANES) {
            uint32_t of_lanes[WORDS_OF_TRY][LANES];
            int32_t at[LANES];
            int here = load_attempt(words, place, purpose, attempt, left + first, count - first, at, of_lanes);
            kept += try_lanes(of_lanes, at, here, of, values, left + kept);
        }
        count = kept;
    }
}

/* Gamma values of the shapes, or of 1 more where those are below 1, from four words each. */
static ALWAYS_INLINE void gammas(const uint32_t *words, int rows, const struct shapes *of, const struct place *place,
                                 uint32_t purpose, double *values)
{
    int32_t left[MOST_TRIED];
    int count = 0;
    for (int r = 0; r < rows; r++)
        for (int l = 0; l < LANES; l++)
            values[r * LANES + l] = neg2log_u_f64(wide_word(words, 2 * r, l));
    for (int r = 0; r < rows; r++)
        for (int l = 0; l < LANES; l++) {
            const uint32_t *of_row = words + r * LANES * WORDS_OF_TRY;
            struct tries_f64 tries = {of->d[r * LANES + l], of->c[r * LANES + l]};
            double x = normal_of_three_f64(values[r * LANES + l], of_row[2 * LANES + l]);
            int is_taken = is_surely_taken_f64(x, unit_f64(of_row[3 * LANES + l]), tries);
            values[r * LANES + l] = is_taken ? tried_f64(x, tries) : -1.0;
        }
    for (int i = 0; i < rows * LANES; i++) {
        left[count] = i;
        count += values[i] < 0.0;
    }
    try_again(words, left, count, of, place, purpose, values);
}

/* Sets exponents[i] to -ln(u) / shape where that is below 1, else to 0: a value of `gammas` times exp(-exponent) has the shape.
   `half`: of which two of the words u is made. */
static ALWAYS_INLINE void boosts(int rows, const struct shapes *of, const uint32_t *words, int half, double *exponents)
{
    for (int r = 0; r < rows; r++)
        for (int l = 0; l < LANES; l++) {
            double shape = of->shape[r * LANES + l];
            double exponential = 0.5 * neg2log_u_f64(wide_word(words, 2 * r + half, l));
            exponents[r * LANES + l] = shape < 1.0 ? exponential / shape : 0.0;
        }
}

static ALWAYS_INLINE void boost_all(int rows, const struct shapes *of, const struct place *place, double *values)
{
    uint32_t others[TILE_WORDS];
    double exponents[MOST_TRIED];
    rows_of_purpose(place, FOR_BOOST, rows, others);
    boosts(rows, of, others, 0, exponents);
    for (int i = 0; i < rows * LANES; i++)
        values[i] *= exp_f64(-exponents[i]);
}

/* The same for those alone whose shapes are below 1, which are collected. */
static ALWAYS_INLINE void boost_some(int rows, const struct shapes *of, const struct place *place, double *values)
{
    int32_t small[MOST_TRIED];
    int count = 0;
    for (int i = 0; i < rows * LANES; i++) {
        small[count] = i;
        count += of->shape[i] < 1.0;
    }
    for (int first = 0; first < count; first += LANES) {
        uint32_t words[WORDS_OF_TRY][LANES];
        int32_t at[LANES];
        double shape[LANES], factors[LANES];
        const int here = count - first < LANES ? count - first : LANES;
        for (int l = 0; l < LANES; l++)
            at[l] = small[first + (l < here ? l : 0)];
        words_of_purpose(place, FOR_BOOST, 0, at, words);
        for (int l = 0; l < LANES; l++) /* by itself, or compilers do not vectorise what follows */
            shape[l] = of->shape[at[l]];
        for (int l = 0; l < LANES; l++) {
            double exponential = 0.5 * neg2log_u_f64((uint64_t)words[0][l] << 32 | words[1][l]);
            factors[l] = exp_f64(-(exponential / shape[l]));
        }
        for (int l = 0; l < here; l++)
            values[at[l]] *= factors[l];
    }
}

/* Values of `gammas` times the factors of their shapes, in the way that takes less time: collected ones take 1 1/4 to twice as
   long each. */
static ALWAYS_INLINE void boost(int rows, const struct shapes *of, const struct place *place, double *values)
{
    if (8 * of->num_small > 3 * rows * LANES)
        boost_all(rows, of, place, values);
    else
        boost_some(rows, of, place, values);
}

#define REJECTION_ARGUMENTS                                                                               \
    const uint32_t *words, int rows, const double *parameters, const uint32_t *stream, uint64_t position, \
        philox_function *philox, double *values

/* Gamma: density ~ x^(shape - 1) exp(-x / scale). Parameters: shape, scale. */
static ALWAYS_INLINE void gamma_values_f64(REJECTION_ARGUMENTS)
{
    const struct place place = {stream, position, philox};
    struct shapes of;
    double scales[MOST_TRIED];
    load_shapes(&of, parameters, 0, 1.0, &place, rows);
    parameters_of_rows(parameters, 1, 1.0, &place, rows, scales);
    gammas(words, rows, &of, &place, FOR_FIRST, values);
    if (of.num_small > 0)
        boost(rows, &of, &place, values);
    for (int i = 0; i < rows * LANES; i++)
        values[i] *= scales[i];
}

/* Two gamma values for each of a row's, of shapes `factor` times the first and the second parameter: first[i]
   exp(-exponents[0][i]), and second[i] exp(-exponents[1][i]). */
static ALWAYS_INLINE void pairs_of_gammas(const uint32_t *words, int rows, const double *parameters, double factor,
                                          const struct place *place, double *first, double *second,
                                          double exponents[2][MOST_TRIED])
{
    uint32_t others[TILE_WORDS];
    struct shapes of[2];
    for (int k = 0; k < 2; k++)
        load_shapes(&of[k], parameters, k, factor, place, rows);
    gammas(words, rows, &of[0], place, FOR_FIRST, first);
    rows_of_purpose(place, FOR_SECOND, rows, others);
    gammas(others, rows, &of[1], place, FOR_SECOND, second);
    const int are_small = (of[0].num_small > 0) | (of[1].num_small > 0);
    if (are_small)
        rows_of_purpose(place, FOR_BOOST, rows, others);
    for (int k = 0; k < 2; k++)
        if (are_small)
            boosts(rows, &of[k], others, k, exponents[k]);
        else
            for (int i = 0; i < rows * LANES; i++)
                exponents[k][i] = 0.0;
}

/* Beta: X / (X + Y), X and Y gamma values of shapes a and b, divided by the larger of their factors exp, which may underflow.
   Parameters: a, b. */
static ALWAYS_INLINE void beta_values_f64(REJECTION_ARGUMENTS)
{
    const struct place place = {stream, position, philox};
    double second[MOST_TRIED], exponents[2][MOST_TRIED];
    pairs_of_gammas(words, rows, parameters, 1.0, &place, values, second, exponents);
    for (int i = 0; i < rows * LANES; i++) {
        double ratio = exponents[0][i] - exponents[1][i]; /* of the factors, as a logarithm */
        double x = values[i] * exp_f64(ratio > 0.0 ? -ratio : 0.0), y = second[i] * exp_f64(ratio < 0.0 ? ratio : 0.0);
        values[i] = x / (x + y);
    }
}

/* Fisher's F: (X / first) / (Y / second), X and Y gamma values of half of these degrees of freedom. Parameters: first, second. */
static ALWAYS_INLINE void fisher_values_f64(REJECTION_ARGUMENTS)
{
    const struct place place = {stream, position, philox};
    double second[MOST_TRIED], exponents[2][MOST_TRIED], freedoms[2][MOST_TRIED];
    pairs_of_gammas(words, rows, parameters, 0.5, &place, values, second, exponents);
    for (int k = 0; k < 2; k++)
        parameters_of_rows(parameters, k, 1.0, &place, rows, freedoms[k]);
    for (int i = 0; i < rows * LANES; i++)
        values[i] = values[i] / second[i] * exp_f64(exponents[1][i] - exponents[0][i]) * (freedoms[1][i] / freedoms[0][i]);
}

/* Student's t: a normal over the root of X / (df / 2), X a gamma value of shape df / 2. Parameter: df. */
static ALWAYS_INLINE void student_values_f64(REJECTION_ARGUMENTS)
{
    const struct place place = {stream, position, philox};
    uint32_t others[TILE_WORDS];
    double exponents[MOST_TRIED] = {0};
    struct shapes of;
    load_shapes(&of, parameters, 0, 0.5, &place, rows);
    gammas(words, rows, &of, &place, FOR_FIRST, values);
    if (of.num_small > 0) {
        rows_of_purpose(&place, FOR_BOOST, rows, others);
        boosts(rows, &of, others, 0, exponents);
    }
    rows_of_purpose(&place, FOR_SECOND, rows, others);
    for (int r = 0; r < rows; r++)
        for (int l = 0; l < LANES; l++) {
            int i = r * LANES + l;
            double normal = normal_of_three_f64(neg2log_u_f64(wide_word(others, 2 * r, l)), others[(4 * r + 2) * LANES + l]);
            values[i] = normal * sqrt(of.shape[i] / values[i]) * exp_f64(0.5 * exponents[i]);
        }
}

#endif

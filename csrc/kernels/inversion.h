/* Distributions that only generators draw from, by inversion: a value is a function of its own 64-bit word and of its
   parameters, which may differ from value to value. */
#ifndef FASTINIT_INVERSION_H
#define FASTINIT_INVERSION_H

#include "distributions.h"
#include "inversion_values.h"
#include "value_parameters.h"

/* Sets of_lanes[k][l] to parameter k of value `element` + l, for the first `known` parameters, and to 0 for the others. */
static ALWAYS_INLINE void load_parameters(const double *parameters, int known, uint64_t element,
                                          double of_lanes[MOST_PARAMETERS][LANES])
{
    for (int k = 0; k < MOST_PARAMETERS; k++)
        if (k < known)
            load_parameter(parameters, k, 1.0, element, LANES, of_lanes[k]);
        else
            for (int l = 0; l < LANES; l++)
                of_lanes[k][l] = 0.0;
}

/* A double as the value of a kernel: itself, or an integer, at most 2^63 - 1. */
static ALWAYS_INLINE double as_double(double x)
{
    return x;
}

static ALWAYS_INLINE uint64_t as_uint64_t(double x)
{
    return x < 0x1p63 ? (uint64_t)(int64_t)x : INT64_MAX;
}

/* The loop of a distribution with `known` parameters whose values are value_of(word, c). */
#define INVERSION(name, value_of, known, type)                                                       \
    static ALWAYS_INLINE void name(const union wide_word *words, int rows, const double *parameters, \
                                   const uint32_t *stream, uint64_t position, type *values)          \
    {                                                                                                \
        double of_lanes[MOST_PARAMETERS][LANES], drawn[LANES];                                       \
        (void)stream;                                                                                \
        for (int r = 0; r < rows; r++) {                                                             \
            if (r == 0 || (known > 0 && parameters[COUNT] > 0))                                      \
                load_parameters(parameters, known, position / 2 + (uint64_t)(r * LANES), of_lanes);  \
            for (int l = 0; l < LANES; l++) {                                                        \
                const double c[MOST_PARAMETERS] = {of_lanes[0][l], of_lanes[1][l], of_lanes[2][l]};  \
                drawn[l] = value_of(words[r * LANES + l].word, c);                                   \
            }                                                                                        \
            for (int l = 0; l < LANES; l++)                                                          \
                values[r * LANES + l] = as_##type(drawn[l]);                                         \
        }                                                                                            \
    }
INVERSION(laplace_values_f64, laplace_f64, 2, double)
INVERSION(logistic_values_f64, logistic_f64, 2, double)
INVERSION(gumbel_values_f64, gumbel_f64, 2, double)
INVERSION(rayleigh_values_f64, rayleigh_f64, 1, double)
INVERSION(weibull_values_f64, weibull_f64, 1, double)
INVERSION(pareto_values_f64, pareto_f64, 1, double)
INVERSION(power_values_f64, power_f64, 1, double)
INVERSION(cauchy_values_f64, cauchy_f64, 0, double)
INVERSION(triangular_values_f64, triangular_f64, 3, double)
INVERSION(geometric_values_uint64, geometric_f64, 1, uint64_t)

#endif

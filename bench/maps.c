/* The float32 maps from words to values, compared with double precision of libm over a range of words: for exhaustive.py. */
#include <math.h>
#include <stdint.h>

#include "../csrc/kernels/distributions.h"

enum { BLOCK = 1024 };

/* What exhaustive.py reads; it declares the same fields. */
struct figures {
    double error; /* the greatest, in the unit of the map */
    double least, greatest;
    double largest_step_back; /* between the values of neighbouring words that are ordered the wrong way */
    uint64_t steps_back, outside;
    uint32_t word; /* where the error is greatest */
};

/* A truncated normal: the kernel's parameters, and in double P(Z < low), P(Z > high) and the probability between. */
struct distribution {
    const double *parameters;
    double below, above, mass;
};

typedef void map_function(const uint32_t *words, const struct distribution *distribution, float *values);
typedef double error_function(uint32_t word, double value, const struct distribution *distribution);

/* `sign`: 1 if the map rises with the word, -1 if it falls, 0 if it does neither. */
static ALWAYS_INLINE void examine(map_function *map, error_function *error_of, const struct distribution *distribution,
                                  int sign, double least, double greatest, uint32_t first, uint64_t count,
                                  struct figures *figures)
{
    uint32_t words[BLOCK];
    float values[BLOCK];
    double previous;
    for (int i = 0; i < BLOCK; i++)
        words[i] = first - (first > 0);
    map(words, distribution, values);
    previous = values[0];
    struct figures found = {.least = INFINITY, .greatest = -INFINITY};
    for (uint64_t at = 0; at < count; at += BLOCK) {
        for (int i = 0; i < BLOCK; i++)
            words[i] = first + (uint32_t)at + (uint32_t)i;
        map(words, distribution, values);
        for (int i = 0; i < BLOCK; i++) {
            double value = values[i], step_back = sign * (previous - value), error = error_of(words[i], value, distribution);
            if (!(error <= found.error))
                found.error = error, found.word = words[i];
            found.steps_back += step_back > 0;
            found.largest_step_back = fmax(found.largest_step_back, step_back);
            found.outside += !(value >= least && value <= greatest);
            found.least = fmin(found.least, value);
            found.greatest = fmax(found.greatest, value);
            previous = value;
        }
    }
    *figures = found;
}

/* R = sqrt(-2 ln((a + 1/2) 2^-32)); |error| / max(1, R). */
static void map_radius(const uint32_t *words, const struct distribution *distribution, float *values)
{
    (void)distribution;
    for (int i = 0; i < BLOCK; i++)
        values[i] = sqrtf(neg2log_u_f32(words[i]));
}

static double error_of_radius(uint32_t word, double value, const struct distribution *distribution)
{
    (void)distribution;
    double exact = sqrt(-2.0 * log((word + 0.5) * 0x1p-32));
    return fabs(value - exact) / fmax(1.0, exact);
}

/* Cosine and sine of a / 2^32 turns; |error|. */
static const double PI = 3.14159265358979323846;

static void map_cosine(const uint32_t *words, const struct distribution *distribution, float *values)
{
    (void)distribution;
    for (int i = 0; i < BLOCK; i++)
        values[i] = polar_f32(1.0f, words[i]).first;
}

static double error_of_cosine(uint32_t word, double value, const struct distribution *distribution)
{
    (void)distribution;
    return fabs(value - cos(PI * 0x1p-31 * (int32_t)word));
}

static void map_sine(const uint32_t *words, const struct distribution *distribution, float *values)
{
    (void)distribution;
    for (int i = 0; i < BLOCK; i++)
        values[i] = polar_f32(1.0f, words[i]).second;
}

static double error_of_sine(uint32_t word, double value, const struct distribution *distribution)
{
    (void)distribution;
    return fabs(value - sin(PI * 0x1p-31 * (int32_t)word));
}

/* The quantile of a truncated normal with mean 0 and std 1. |error| is that of the probability, over the density: to
   first order what the value is off by, in sigmas, without an inverse function that would have errors of its own. */
static void map_quantile(const uint32_t *words, const struct distribution *distribution, float *values)
{
    truncated_values_f32(words, BLOCK / LANES, distribution->parameters, values);
}

static double below(double x)
{
    return 0.5 * erfc(-0.70710678118654752 * x);
}

static double error_of_quantile(uint32_t word, double value, const struct distribution *distribution)
{
    double density = 0.39894228040143268 * exp(-0.5 * value * value);
    if (word >> 31) /* from the nearer end, as the small probabilities need */
        return fabs(distribution->above + (0xffffffffu - word + 0.5) * 0x1p-32 * distribution->mass - below(-value)) /
               density;
    return fabs(distribution->below + (word + 0.5) * 0x1p-32 * distribution->mass - below(value)) / density;
}

/* `count` words from `first`, a multiple of 1024. */
void examine_radius(uint32_t first, uint64_t count, struct figures *figures)
{
    examine(map_radius, error_of_radius, NULL, -1, 0, 6.77, first, count, figures);
}

void examine_cosine(uint32_t first, uint64_t count, struct figures *figures)
{
    examine(map_cosine, error_of_cosine, NULL, 0, -1, 1, first, count, figures);
}

void examine_sine(uint32_t first, uint64_t count, struct figures *figures)
{
    examine(map_sine, error_of_sine, NULL, 0, -1, 1, first, count, figures);
}

void examine_quantile(const double *parameters, double low, double high, uint32_t first, uint64_t count,
                      struct figures *figures)
{
    double mass = low > 0 ? below(-low) - below(-high) : below(high) - below(low);
    struct distribution distribution = {parameters, below(low), below(-high), mass};
    examine(map_quantile, error_of_quantile, &distribution, 1, low, high, first, count, figures);
}

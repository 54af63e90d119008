/* Two values of each distribution that fills tensors, of the words of two rows of a lane: pair_<distribution>_<real>. The
   parameters `c` are those of values.h. */
#ifndef FASTINIT_PAIRS_H
#define FASTINIT_PAIRS_H

#include "values.h"

static ALWAYS_INLINE float uniform_from_f32(uint32_t word, const float *c)
{
    float step = c[1] * 0x1p-24f;
    return step * 0x1p24f == c[1] ? uniform_f32(word, 1.0f, step, c[0]) : uniform_f32(word, 0x1p-24f, c[1], c[0]);
}

static ALWAYS_INLINE double uniform_from_f64(uint64_t word, const double *c)
{
    double step = c[1] * 0x1p-53;
    int is_exact = step * 0x1p53 == c[1];
    return uniform_f64((uint32_t)(word >> 32), (uint32_t)word, is_exact ? 1.0 : 0x1p-53, is_exact ? step : c[1], c[0]);
}

static ALWAYS_INLINE float truncated_from_f32(uint32_t word, const float *c)
{
    struct probability_f32 p = probability_f32(word, c);
    if (tail_margin_f32(p.tail, c) < 0)
        return truncated_tail_f32(p, c);
    return truncated_centre_f32(p.v, centre_neg2log_f32(centre_product_f32(p.tail)), c);
}

static ALWAYS_INLINE double truncated_from_f64(uint64_t word, const double *c)
{
    double q = middle_probability_f64(word, c), margin = centre_margin_f64(q);
    if (margin >= 0.0)
        return truncated_centre_f64(q, margin, c);
    double radius = radius_f64(tail_probability_f64(word, c));
    return in_tail_f64(radius) ? truncated_tail_f64(q, radius, c) : truncated_middle_f64(q, radius, c);
}

/* Of distributions each of whose values is <name>_from_<real>(word, c) of its own word. */
#define PAIR_OF_VALUES(name, real, word)                                                                    \
    static ALWAYS_INLINE struct pair_##real pair_##name##_##real(word a, word b, const PARAMETER_##real *c) \
    {                                                                                                       \
        struct pair_##real pair = {name##_from_##real(a, c), name##_from_##real(b, c)};                     \
        return pair;                                                                                        \
    }
#define PARAMETER_f32 float
#define PARAMETER_f64 double
PAIR_OF_VALUES(uniform, f32, uint32_t)
PAIR_OF_VALUES(uniform, f64, uint64_t)
PAIR_OF_VALUES(truncated, f32, uint32_t)
PAIR_OF_VALUES(truncated, f64, uint64_t)

static ALWAYS_INLINE struct pair_f32 pair_normal_f32(uint32_t a, uint32_t b, const float *c)
{
    return normal_f32(neg2log_u_f32(a), b, c[0], c[1]);
}

static ALWAYS_INLINE struct pair_f64 pair_normal_f64(uint64_t a, uint64_t b, const double *c)
{
    return normal_f64(neg2log_u_f64(a), b, c[0], c[1]);
}

#endif

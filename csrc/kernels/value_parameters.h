/* Parameters of distributions that only generators draw from: the same for all values, or each value's own. */
#ifndef FASTINIT_VALUE_PARAMETERS_H
#define FASTINIT_VALUE_PARAMETERS_H

#include "portable.h"

/* The doubles of such a kernel: up to three parameters of all values, then COUNT. Where that is not 0, the values take turns:
   the bits of the first one's number in the stream follow, then COUNT first parameters, COUNT second ones, and so on, of the
   first value and those after it; then they begin anew. Those at the front serve none. */
enum { MOST_PARAMETERS = 3, COUNT = 3, FIRST_VALUE = 4, OF_VALUES = 5 };

/* Whose turn it is at value `element` of the stream; a value before the first has some turn, too. */
static ALWAYS_INLINE uint64_t turn_of(const double *parameters, uint64_t element)
{
    uint64_t count = (uint64_t)parameters[COUNT], past = element - bits_f64(parameters[FIRST_VALUE]);
    return past < count ? past : past % count;
}

/* Sets own[i] to `factor` times parameter k of value `element` + i, for n of them, which have parameters of their own. */
static ALWAYS_INLINE void load_own(const double *parameters, int k, double factor, uint64_t element, int n, double *own)
{
    const uint64_t count = (uint64_t)parameters[COUNT];
    const double *of_turns = parameters + OF_VALUES + (uint64_t)k * count;
    uint64_t turn = turn_of(parameters, element);
    if (turn + (uint64_t)n <= count)
        for (int i = 0; i < n; i++)
            own[i] = factor * of_turns[turn + (uint64_t)i];
    else
        for (int i = 0; i < n; i++) {
            own[i] = factor * of_turns[turn];
            turn = turn + 1 == count ? 0 : turn + 1;
        }
}

/* Sets own[i] to `factor` times parameter k of value `element` + i, for n of them. */
static ALWAYS_INLINE void load_parameter(const double *parameters, int k, double factor, uint64_t element, int n,
                                         double *own)
{
    if (parameters[COUNT] > 0)
        load_own(parameters, k, factor, element, n, own);
    else
        for (int i = 0; i < n; i++)
            own[i] = factor * parameters[k];
}

#endif

/* Parameters of distributions that only generators draw from: the same for all values, or each value's own. */
#ifndef FASTINIT_VALUE_PARAMETERS_H
#define FASTINIT_VALUE_PARAMETERS_H

#include "distributions.h"

/* The doubles of such a kernel: up to three parameters of all values, then COUNT. Where that is not 0, each of COUNT values
   has its own: the bits of the first one's number in the stream follow, then all values' first parameter, all values'
   second, and so on; those at the front serve none. */
enum { MOST_PARAMETERS = 3, COUNT = 3, FIRST_VALUE = 4, OF_VALUES = 5 };

/* Parameter k of value `element` of the stream; elements beyond the first and the last have what those have. */
static ALWAYS_INLINE double parameter_of(const double *parameters, int k, uint64_t element)
{
    int64_t count = (int64_t)parameters[COUNT], i = (int64_t)(element - bits_f64(parameters[FIRST_VALUE]));
    i = i < 0 ? 0 : i >= count ? count - 1 : i;
    return parameters[OF_VALUES + k * count + i];
}

/* Sets of_lanes[k][l] to parameter k of value `element` + l, for the first `known` parameters, and to 0 for the others. */
static ALWAYS_INLINE void load_parameters(const double *parameters, int known, uint64_t element,
                                          double of_lanes[MOST_PARAMETERS][LANES])
{
    for (int k = 0; k < MOST_PARAMETERS; k++)
        for (int l = 0; l < LANES; l++)
            if (k >= known)
                of_lanes[k][l] = 0.0;
            else if (parameters[COUNT] > 0)
                of_lanes[k][l] = parameter_of(parameters, k, element + (uint64_t)l);
            else
                of_lanes[k][l] = parameters[k];
}

#endif

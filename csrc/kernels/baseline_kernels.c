/* The kernels of the level that every CPU runs: on x86-64 also those of before 2013, which have no fused multiply-add. */
#if defined(__x86_64__) && !defined(__FMA__)
#define EMULATED_FMA
#endif
#include "level_kernels.h"

BASELINE(DEFINE_LEVEL)

/* The list of instruction-set levels, slowest first: name, target attribute, bytes of a vector, whether this CPU runs it. A
   new level is a line here, one in store.h and one in philox.h. */
#ifndef FASTINIT_LEVELS_H
#define FASTINIT_LEVELS_H

#include "portable.h"

#define TARGET_BASELINE
#define TARGET_AVX2 __attribute__((target("avx2,fma")))
#if defined(__clang__) /* uses the whole width by itself, and does not know the option */
#define WHOLE_WIDTH
#else
#define WHOLE_WIDTH ",prefer-vector-width=512"
#endif
#define TARGET_AVX512 __attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl" WHOLE_WIDTH)))

#if defined(__x86_64__)
#define HAS(feature) __builtin_cpu_supports(feature)
#define BASELINE(X) X(baseline, TARGET_BASELINE, 16, 1)
#define LEVELS_BEYOND(X)                                \
    X(avx2, TARGET_AVX2, 32, HAS("avx2") && HAS("fma")) \
    X(avx512, TARGET_AVX512, 64, HAS("avx512f") && HAS("avx512dq") && HAS("avx512bw") && HAS("avx512vl"))
#elif defined(__aarch64__)
#define BASELINE(X) X(neon, TARGET_BASELINE, 16, 1)
#define LEVELS_BEYOND(X)
#else
#define BASELINE(X) X(baseline, TARGET_BASELINE, 16, 1)
#define LEVELS_BEYOND(X)
#endif
#define LEVELS(X) BASELINE(X) LEVELS_BEYOND(X)

#endif

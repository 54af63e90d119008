/* What the arithmetic of values takes from the compiler and the C library. The headers that include no other (fused.h,
   elementary.h, values.h, integer_values.h, inversion_values.h, rejection_values.h, narrow.h, philox.h, xoshiro.h) are the
   arithmetic alone, without lanes, tiles and vectors, in C that is C++ too: compilers vectorise it in the CPU's loops, and
   NVRTC compiles it for GPUs, where --fmad=false --ftz=false --prec-sqrt=true --prec-div=true keep IEEE's operations
   (tests/cuda/test_compiling.py). */
#ifndef FASTINIT_PORTABLE_H
#define FASTINIT_PORTABLE_H

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define MAYBE_UNUSED __attribute__((unused)) /* of functions of a level: no file calls those of all */

#ifdef __CUDACC_RTC__ /* has no headers; fma, sqrt and memcpy are built in */
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#else
#include <math.h>
#include <stdint.h>
#include <string.h>
#endif

/* Of a loop, in which gcc else unrolls what is short, and vectorises nothing around what is not. */
#if defined(__CUDACC_RTC__)
#define UNROLLED
#define NOT_UNROLLED
#elif defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#define NOT_UNROLLED _Pragma("clang loop unroll(disable)")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#define NOT_UNROLLED _Pragma("GCC unroll 1")
#endif

/* The high half of the product. */
static ALWAYS_INLINE uint64_t multiply_high(uint64_t a, uint64_t b)
{
#ifdef __CUDACC_RTC__
    return __umul64hi(a, b);
#else
    return (uint64_t)((unsigned __int128)a * b >> 64);
#endif
}

/* bits_<real>: the bits of a number; from_bits_<real>: the number of these bits. */
#define REINTERPRET(name, from, to)         \
    static ALWAYS_INLINE to name(from x)    \
    {                                       \
        to result;                          \
        memcpy(&result, &x, sizeof result); \
        return result;                      \
    }
REINTERPRET(bits_f32, float, uint32_t)
REINTERPRET(from_bits_f32, uint32_t, float)
REINTERPRET(bits_f64, double, uint64_t)
REINTERPRET(from_bits_f64, uint64_t, double)

#endif

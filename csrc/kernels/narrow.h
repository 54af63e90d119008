/* Rounds float32 values once, to nearest even, to the 16-bit and 8-bit floating-point types: narrow_<element>. */
#ifndef FASTINIT_NARROW_H
#define FASTINIT_NARROW_H

#include "portable.h"

/* The bits of x in the type with `fraction` fraction bits and exponent bias `bias`; what is beyond the largest number becomes
   the bits that follow it, `overflow` (an infinity, or NaN where the type has none), as ml_dtypes and IEEE 754 round. Exact.
   Beside 2^dropped times the power of two in x, or in the least normal where that is larger, the last bit of a float is worth
   the last of those kept: so the addition rounds to it. */
static ALWAYS_INLINE uint32_t narrow_bits(float x, int fraction, int bias, int32_t overflow)
{
    const int dropped = 23 - fraction;
    const int32_t least_normal = (127 + 1 - bias) << 23, beyond = (overflow << dropped) + ((127 - bias) << 23);
    int32_t magnitude = (int32_t)(bits_f32(x) & 0x7fffffffu);
    magnitude = magnitude < beyond ? magnitude : beyond;
    int32_t power = magnitude & 0x7f800000;
    power = power > least_normal ? power : least_normal;
    uint32_t shift = (uint32_t)(power + (dropped << 23));
    uint32_t significand = bits_f32(from_bits_f32((uint32_t)magnitude) + from_bits_f32(shift)) - shift;
    return significand + (uint32_t)((power - least_normal) >> dropped);
}

static ALWAYS_INLINE uint32_t narrow_float16(float x)
{
    return (bits_f32(x) >> 16 & 0x8000u) | narrow_bits(x, 10, 15, 0x7c00);
}

/* bfloat16 has float32's exponent: the low half is rounded away, for subnormals and infinity too. */
static ALWAYS_INLINE uint32_t narrow_bfloat16(float x)
{
    uint32_t bits = bits_f32(x);
    return (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
}

static ALWAYS_INLINE uint32_t narrow_float8_e4m3fn(float x)
{
    return (bits_f32(x) >> 24 & 0x80u) | narrow_bits(x, 3, 7, 0x7f);
}

static ALWAYS_INLINE uint32_t narrow_float8_e5m2(float x)
{
    return (bits_f32(x) >> 24 & 0x80u) | narrow_bits(x, 2, 15, 0x7c);
}

/* The type has no negative zero (those bits are its NaN) and no infinity. */
static ALWAYS_INLINE uint32_t narrow_float8_e4m3fnuz(float x)
{
    uint32_t magnitude = narrow_bits(x, 3, 8, 0x80);
    return magnitude == 0 ? 0 : (bits_f32(x) >> 24 & 0x80u) | magnitude;
}

#endif

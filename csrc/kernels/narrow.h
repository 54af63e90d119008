/* Rounds float32 values once, to nearest even, to the 16-bit and 8-bit floating-point types: narrow_<element>. */
#ifndef FASTINIT_NARROW_H
#define FASTINIT_NARROW_H

#include "portable.h"

/* The bits of x in the type with `fraction` fraction bits and exponent bias `bias`; what is beyond `largest` becomes
   `overflow` (an infinity, or NaN where the type has none), as ml_dtypes and IEEE 754 round. Exact; x is not infinite. */
static ALWAYS_INLINE uint32_t narrow_bits(float x, int fraction, int bias, uint32_t largest, uint32_t overflow)
{
    int dropped = 23 - fraction;
    uint32_t magnitude = bits_f32(x) & 0x7fffffffu;
    uint32_t rounded = (magnitude + ((1u << (dropped - 1)) - 1) + (magnitude >> dropped & 1)) >> dropped;
    uint32_t normal = rounded - ((uint32_t)(127 - bias) << fraction);
    /* beside 2^23 least subnormals, the last bit of a float is worth one of them: so the addition rounds to it */
    uint32_t shift = (uint32_t)(127 + 1 - bias - fraction + 23) << 23;
    uint32_t subnormal = bits_f32(from_bits_f32(magnitude) + from_bits_f32(shift)) - shift;
    uint32_t bits = magnitude < (uint32_t)(127 + 1 - bias) << 23 ? subnormal : normal;
    return bits > largest ? overflow : bits;
}

static ALWAYS_INLINE uint16_t narrow_float16(float x)
{
    return (uint16_t)((bits_f32(x) >> 16 & 0x8000u) | narrow_bits(x, 10, 15, 0x7bff, 0x7c00));
}

/* bfloat16 has float32's exponent: the low half is rounded away, for subnormals and infinity too. */
static ALWAYS_INLINE uint16_t narrow_bfloat16(float x)
{
    uint32_t bits = bits_f32(x);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

static ALWAYS_INLINE uint8_t narrow_float8_e4m3fn(float x)
{
    return (uint8_t)((bits_f32(x) >> 24 & 0x80u) | narrow_bits(x, 3, 7, 0x7e, 0x7f));
}

static ALWAYS_INLINE uint8_t narrow_float8_e5m2(float x)
{
    return (uint8_t)((bits_f32(x) >> 24 & 0x80u) | narrow_bits(x, 2, 15, 0x7b, 0x7c));
}

/* The type has no negative zero (those bits are its NaN) and no infinity. */
static ALWAYS_INLINE uint8_t narrow_float8_e4m3fnuz(float x)
{
    uint32_t magnitude = narrow_bits(x, 3, 8, 0x7f, 0x80);
    return (uint8_t)(magnitude == 0 ? 0 : (bits_f32(x) >> 24 & 0x80u) | magnitude);
}

#endif

"""float32 values rounded once to the narrow types, as in csrc/kernels/narrow.h."""

from __future__ import annotations

from fastinit.backends.numba.operations import bits_f32, from_bits_f32
from fastinit.backends.numba.traced import Value, traced, uint8, uint16, uint32, where


@traced
def narrow_bits(x: Value, fraction: int, bias: int, largest: int, overflow: int) -> Value:
    """The bits of x, rounded to nearest even, in the type with `fraction` fraction bits and exponent bias `bias`."""
    dropped = uint32(23 - fraction)
    magnitude = uint32(bits_f32(x) & uint32(0x7FFFFFFF))
    odd = uint32(uint32(magnitude >> dropped) & uint32(1))
    half = uint32((1 << (23 - fraction - 1)) - 1)
    rounded = uint32(uint32(magnitude + half + odd) >> dropped)
    normal = uint32(rounded - uint32((127 - bias) << fraction))
    # beside 2^23 times the least subnormal, a float's last bit is worth the least subnormal: so the addition rounds to it
    shift = uint32((127 + 1 - bias - fraction + 23) << 23)
    subnormal = uint32(bits_f32(from_bits_f32(magnitude) + from_bits_f32(shift)) - shift)
    bits = where(magnitude < uint32((127 + 1 - bias) << 23), subnormal, normal)
    return where(bits > uint32(largest), uint32(overflow), bits)


@traced
def narrow_float16(x: Value) -> Value:
    sign = uint32(uint32(bits_f32(x) >> uint32(16)) & uint32(0x8000))
    return uint16(sign | narrow_bits(x, 10, 15, 0x7BFF, 0x7C00))


@traced
def narrow_bfloat16(x: Value) -> Value:
    """bfloat16 has float32's exponent: its low half is rounded away, and nothing else changes."""
    bits = bits_f32(x)
    odd = uint32(uint32(bits >> uint32(16)) & uint32(1))
    return uint16(uint32(bits + uint32(0x7FFF) + odd) >> uint32(16))


@traced
def narrow_float8_e4m3fn(x: Value) -> Value:
    sign = uint32(uint32(bits_f32(x) >> uint32(24)) & uint32(0x80))
    return uint8(sign | narrow_bits(x, 3, 7, 0x7E, 0x7F))


@traced
def narrow_float8_e5m2(x: Value) -> Value:
    sign = uint32(uint32(bits_f32(x) >> uint32(24)) & uint32(0x80))
    return uint8(sign | narrow_bits(x, 2, 15, 0x7B, 0x7C))


@traced
def narrow_float8_e4m3fnuz(x: Value) -> Value:
    """The type has no negative zero (those bits are its NaN) and no infinity."""
    magnitude = narrow_bits(x, 3, 8, 0x7F, 0x80)
    sign = uint32(uint32(bits_f32(x) >> uint32(24)) & uint32(0x80))
    return uint8(where(magnitude == uint32(0), uint32(0), sign | magnitude))

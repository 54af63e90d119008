"""Logarithm, sine, cosine and normal quantile, as in csrc/kernels/elementary.h, which states errors and ranges."""

from __future__ import annotations

from fastinit.backends import coefficients
from fastinit.backends.numba.operations import (
    bits_f32,
    bits_f64,
    fma,
    from_bits_f32,
    from_bits_f64,
    polynomial,
    two_chains,
)
from fastinit.backends.numba.traced import Value, float32, int32, int64, traced, uint32, uint64, where

NEG2LOG_F32 = polynomial(coefficients.NEG2LOG_F32)
NEG2LOG_F64 = two_chains(coefficients.NEG2LOG_F64)
SIN_F32 = polynomial(coefficients.SIN_F32)
SIN_F64 = polynomial(coefficients.SIN_F64)
COS_F32 = polynomial(coefficients.COS_F32)
COS_F64 = polynomial(coefficients.COS_F64)
EXP_F64 = polynomial(coefficients.EXP_F64)
EXPM1_OVER_R_F64 = polynomial(coefficients.EXP_F64[1:])  # (exp(r) - 1) / r: the first coefficient of EXP is 1
QUANTILE_CENTRE_F32 = polynomial(coefficients.QUANTILE_CENTRE_F32)
QUANTILE_TAIL_NUMERATOR_F32 = polynomial(coefficients.QUANTILE_TAIL_NUMERATOR_F32)
QUANTILE_TAIL_DENOMINATOR_F32 = polynomial(coefficients.QUANTILE_TAIL_DENOMINATOR_F32)
QUANTILE_CENTRE_NUMERATOR_F64 = polynomial(coefficients.QUANTILE_CENTRE_NUMERATOR_F64)
QUANTILE_CENTRE_DENOMINATOR_F64 = polynomial(coefficients.QUANTILE_CENTRE_DENOMINATOR_F64)
QUANTILE_MIDDLE_NUMERATOR_F64 = polynomial(coefficients.QUANTILE_MIDDLE_NUMERATOR_F64)
QUANTILE_MIDDLE_DENOMINATOR_F64 = polynomial(coefficients.QUANTILE_MIDDLE_DENOMINATOR_F64)
QUANTILE_TAIL_NUMERATOR_F64 = polynomial(coefficients.QUANTILE_TAIL_NUMERATOR_F64)
QUANTILE_TAIL_DENOMINATOR_F64 = polynomial(coefficients.QUANTILE_TAIL_DENOMINATOR_F64)

TWO_LN2_F32 = float32(float.fromhex("0x1.62e430p+0"))
LN2_F64 = float.fromhex("0x1.62e42fefa39efp-1")
NEG2LOG_OF_3_HALVES = float.fromhex("0x1.e27076e2af2e6p-4")  # ln 2 - 2 ln(4/3)
SQRT2_F64 = float.fromhex("0x1.6a09e667f3bcdp+0")
LN2_HIGH_F64 = float.fromhex("0x1.62e42fefa3800p-1")  # ln 2 to 42 bits, so that k times it is exact
LN2_LOW_F64 = float.fromhex("0x1.ef35793c76730p-45")  # the rest
INVERSE_LN2_F64 = float.fromhex("0x1.71547652b82fep+0")
INTEGERS_ONLY_F64 = 1.5 * 2.0**52  # a double of this size has no fraction bits
BITS_SQRT_HALF_F32 = uint32(0x3F3504F3)
ONE_LESS_SQRT_HALF_F32 = float32(float.fromhex("0x1.2bec3333018867p-2"))  # 1 - sqrt(1/2)
BITS_2_52 = uint64(0x4330000000000000)  # of 2^52: or-ing an integer below 2^52 in makes the double 2^52 + integer
BITS_HALF, BITS_1 = uint64(0x3FE0000000000000), uint64(0x3FF0000000000000)  # the same, times 2^-53 and 2^-52
FRACTION = uint64((1 << 52) - 1)  # the bits of a double's significand
SIGN = uint64(1 << 63)
BITS_2_84 = uint64(0x4530000000000000)  # the same with 2^84 and an integer times 2^32


@traced
def split_exponent_f32(x: Value) -> tuple[Value, Value]:
    """(e, f) with x = 2^e (1 + f) and 1 + f in [sqrt(1/2), sqrt(2)), for positive normal x."""
    e = int32(int32(uint32(bits_f32(x) - BITS_SQRT_HALF_F32)) >> int32(23))
    return float32(e), from_bits_f32(uint32(bits_f32(x) - uint32(e << int32(23)))) - float32(1)


@traced
def split_complement_f32(x: Value) -> tuple[Value, Value]:
    """(e, f) with 1 - x = 2^e (1 + f), for x in (0, 1/2], without rounding 1 - x when it is near 1."""
    low = x > ONE_LESS_SQRT_HALF_F32
    return where(low, float32(-1), float32(0)), where(low, fma(float32(-2), x, float32(1)), -x)


@traced
def scale_f64(x: Value) -> tuple[Value, Value]:
    """(s, -2 ln(1 / s)): s is a power of two or 3/4 of one, and s x is in [53/64, 159/128), for normal x in (0, 2^1023)."""
    biased = bits_f64(x) + uint64(11 << 47)
    halves = from_bits_f64(BITS_2_52 | biased >> uint64(51)) - (2.0**52 + 2046.0)
    s = from_bits_f64(uint64(2046 << 52) - (biased & ~uint64((1 << 51) - 1)))
    return s, fma(halves, -LN2_F64, where((biased & uint64(1 << 51)) != uint64(0), NEG2LOG_OF_3_HALVES, 0.0))


@traced
def split_f64(x: Value) -> tuple[Value, Value]:
    """(neg2log, f) with -2 ln x = neg2log - 2 ln(1 + f)."""
    s, neg2log = scale_f64(x)
    return neg2log, fma(x, s, -1.0)


@traced
def split_sum_f64(start: Value, y: Value) -> tuple[Value, Value]:
    """The same of start + y, without rounding the sum; start is 1/2 or 1."""
    s, neg2log = scale_f64(start + y)
    return neg2log, fma(y, s, fma(start, s, -1.0))


@traced
def neg2log_f32(e: Value, f: Value) -> Value:
    """-2 ln(2^e (1 + f))"""
    return fma(f * f, NEG2LOG_F32(f), fma(float32(-2), f, -e * TWO_LN2_F32))


@traced
def neg2log_f64(neg2log: Value, f: Value) -> Value:
    """-2 ln of what was split."""
    return fma(f, NEG2LOG_F64(f), neg2log)


@traced
def unit_below_half_f32(a: Value) -> Value:
    """The smaller of u and 1 - u, u = (a + 1/2) 2^-32 (double: ((a >> 11) + 1/2) 2^-53)."""
    count = int32(a ^ uint32(int32(a) >> int32(31)))  # a or its complement, below 2^31
    return fma(float32(count), float32(2.0**-32), float32(2.0**-33))


@traced
def unit_below_half_f64(a: Value) -> Value:
    count = (a ^ uint64(int64(a) >> int64(63))) >> uint64(11)
    return from_bits_f64(BITS_HALF | count) - (0.5 - 2.0**-54)


@traced
def from_middle_f64(a: Value) -> Value:
    """u - 1/2."""
    count = (a ^ uint64(int64(a) >> int64(63))) >> uint64(11)
    distance = from_bits_f64((BITS_HALF | FRACTION) ^ count) - (0.5 - 2.0**-54)
    return from_bits_f64(bits_f64(distance) ^ (~a & SIGN))


@traced
def neg2log_u_f32(a: Value) -> Value:
    """-2 ln((a + 1/2) 2^-32) of a word, at most 45.8."""
    near_one = int32(a) < int32(0)
    x = unit_below_half_f32(a)
    small_e, small_f = split_exponent_f32(x)
    near_e, near_f = split_complement_f32(x)
    return neg2log_f32(where(near_one, near_e, small_e), where(near_one, near_f, small_f))


@traced
def neg2log_u_f64(a: Value) -> Value:
    """-2 ln(((a >> 11) + 1/2) 2^-53), at most 74.9."""
    neg2log, f = split_sum_f64(0.5, from_middle_f64(a))
    return neg2log_f64(neg2log, f)


@traced
def ln_f64(x: Value) -> Value:
    """ln x of normal x in (0, 2^1023)."""
    neg2log, f = split_f64(x)
    return -0.5 * neg2log_f64(neg2log, f)


@traced
def powers_f64(x: Value) -> tuple[Value, Value, Value]:
    """r and 2^k in two factors, since results may be subnormal, with x = k ln 2 + r, for x in [-800, 800]."""
    shifted = fma(x, INVERSE_LN2_F64, INTEGERS_ONLY_F64)  # to the nearest integer
    k = shifted - INTEGERS_ONLY_F64
    r = fma(-k, LN2_LOW_F64, fma(-k, LN2_HIGH_F64, x))
    biased = bits_f64(shifted) - bits_f64(INTEGERS_ONLY_F64) + uint64(2048)
    half = biased >> uint64(1)
    first = from_bits_f64((half - uint64(1)) << uint64(52))
    return r, first, from_bits_f64((biased - half - uint64(1)) << uint64(52))


@traced
def clamp_exponent_f64(x: Value) -> Value:
    return where(x > 800.0, 800.0, where(x < -800.0, -800.0, x))


@traced
def exp_f64(x: Value) -> Value:
    """exp(x); infinity above 709.8, 0 below -745.2."""
    r, first, second = powers_f64(clamp_exponent_f64(x))
    return where(x == x, EXP_F64(r) * first * second, x)  # NaN stays as it is


@traced
def expm1_f64(x: Value) -> Value:
    """exp(x) - 1 for x >= 0, also near 0; infinity above 709.8."""
    r, first, second = powers_f64(clamp_exponent_f64(x))
    inverse = from_bits_f64(uint64(2046 << 52) - bits_f64(second))  # of a power of two
    return where(x == x, fma(r * EXPM1_OVER_R_F64(r), first, first - inverse) * second, x)


@traced
def sincos_f32(a: Value) -> tuple[Value, Value]:
    """Cosine and sine of 2 pi a / 2^32; the quadrant is removed in integers."""
    quadrant = uint32(uint32(a + uint32(0x20000000)) >> uint32(30))
    remainder = int32(uint32(a - uint32(quadrant << uint32(30))))
    y = float32(remainder) * float32(2.0**-30)  # [-1/2, 1/2) quadrants
    z = y * y
    s, c = y * SIN_F32(z), fma(z, COS_F32(z), float32(1))
    odd = (quadrant & uint32(1)) != uint32(0)
    cosine, sine = bits_f32(where(odd, s, c)), bits_f32(where(odd, c, s))
    cosine_sign = uint32(((quadrant + uint32(1)) & uint32(2)) << uint32(30))
    sine_sign = uint32((quadrant & uint32(2)) << uint32(30))
    return from_bits_f32(uint32(cosine ^ cosine_sign)), from_bits_f32(uint32(sine ^ sine_sign))


@traced
def sincos_f64(y: Value) -> tuple[Value, Value]:
    """sqrt(2) times cosine and sine of pi y / 2, for y in [-1/2, 1/2]."""
    z = y * y
    return fma(z, COS_F64(z), SQRT2_F64), y * SIN_F64(z)


@traced
def polar_f64(radius: Value, a: Value) -> tuple[Value, Value]:
    """Cosine and sine of 2 pi (a >> 11) / 2^53, times a radius, from the sine and cosine of half the angle to pi / 2."""
    turned = from_bits_f64(bits_f64(radius) ^ (a & SIGN))
    cosine, sine = sincos_f64(1.5 - from_bits_f64(BITS_1 | (a >> uint64(11) & FRACTION)))
    chord = turned * sine
    return chord * cosine, fma(-chord, sine, turned)


@traced
def quantile_centre_f32(v: Value, neg2log: Value) -> Value:
    """x with P(Z < x) = 1/2 + v, given neg2log = -2 ln(1 - 4 v^2); for P in [2^-10, 1 - 2^-10]."""
    return v * QUANTILE_CENTRE_F32(neg2log)


@traced
def quantile_tail_f32(r: Value) -> Value:
    """x with P(Z > x) = exp(-r^2 / 2), r in [3.7, 38]."""
    return QUANTILE_TAIL_NUMERATOR_F32(r) / QUANTILE_TAIL_DENOMINATOR_F32(r)


@traced
def centre_margin_f64(q: Value) -> Value:
    """Not negative in the centre, where quantile_centre_f64 is the quantile of 1/2 + q."""
    return fma(-q, q, 0.22800625)  # 0.4775^2


@traced
def quantile_centre_f64(q: Value, margin: Value) -> Value:
    return q * (QUANTILE_CENTRE_NUMERATOR_F64(margin) / QUANTILE_CENTRE_DENOMINATOR_F64(margin))


@traced
def quantile_middle_f64(r: Value) -> Value:
    """AS 241 in r = sqrt(-ln min(P, 1 - P)), up to 5; quantile_tail_f64 up to 27."""
    x = r - 1.6
    return QUANTILE_MIDDLE_NUMERATOR_F64(x) / QUANTILE_MIDDLE_DENOMINATOR_F64(x)


@traced
def quantile_tail_f64(r: Value) -> Value:
    x = r - 5.0
    return QUANTILE_TAIL_NUMERATOR_F64(x) / QUANTILE_TAIL_DENOMINATOR_F64(x)

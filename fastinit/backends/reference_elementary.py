"""The elementary functions of the reference: csrc/kernels/elementary.h in plain NumPy, on whole arrays.

NumPy has no fused multiply-add, so `fma` emulates it exactly.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from fastinit.backends import coefficients

TWO_LN2 = float.fromhex("0x1.62e42fefa39efp+0")
LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")  # ln 2 to 42 bits, so that k times it is exact
LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")  # the rest
INVERSE_LN2 = float.fromhex("0x1.71547652b82fep+0")
SQRT_HALF_BITS = {np.float32: np.uint32(0x3F3504F3), np.float64: np.uint64(0x3FE6A09E667F3BCD)}
ONE_LESS_SQRT_HALF = float.fromhex("0x1.2bec3333018867p-2")

# ---- exact arithmetic -----------------------------------------------------------------------------------------------


def fma(a: np.ndarray, b: ArrayLike, c: ArrayLike) -> np.ndarray:
    """a b + c rounded once, for float32 or float64 arrays (the type of `a`)."""
    a = np.asarray(a)
    b, c = np.asarray(b, a.dtype), np.asarray(c, a.dtype)
    return _fma_f32(a, b, c) if a.dtype == np.float32 else _fma_f64(*np.broadcast_arrays(a, b, c))


def _fma_f32(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """The product is exact in float64, and a sum rounded to odd there can be rounded to float32 without a second error."""
    return _sum_to_odd(a.astype(np.float64) * b, c.astype(np.float64)).astype(np.float32)


def _fma_f64(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Boldo and Melquiond 2008, "Emulation of a FMA and correctly rounded sums", section 5."""
    product, product_error = _two_product(a, b)
    inner, inner_error = _two_sum(c, product_error)
    outer, outer_error = _two_sum(product, inner)
    result = outer + _sum_to_odd(inner_error, outer_error)
    # the splitting above needs room at both ends of the exponent's range; outside it, rational numbers decide
    small = (np.abs(product) < 2.0**-960) & (a != 0) & (b != 0)
    large = np.maximum(np.abs(a), np.abs(b)) > 2.0**990
    large |= np.maximum(np.abs(product), np.abs(c)) > 2.0**1020
    finite = np.isfinite(a) & np.isfinite(b) & np.isfinite(c)
    for i in zip(*np.nonzero((small | large) & finite)):
        exact = Fraction(float(a[i])) * Fraction(float(b[i])) + Fraction(float(c[i]))
        result[i] = _nearest_f64(exact) if exact else a[i] * b[i] + c[i]
    return np.where(finite, result, a * b + c)


def _nearest_f64(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return np.inf if exact > 0 else -np.inf


def _two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a + b as its rounded value and the exact error (Knuth)."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def _two_product(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a b as its rounded value and the exact error (Dekker, Veltkamp)."""
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    product = a * b
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _halves(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scaled = a * (2.0**27 + 1)
    high = scaled - (scaled - a)
    return high, a - high


def _sum_to_odd(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a + b in float64, the neighbour with an odd last bit where the sum is inexact."""
    total, error = _two_sum(a, b)
    even = (total.view(np.uint64) & np.uint64(1)) == 0
    to_neighbour = np.isfinite(total) & (error != 0) & even
    return np.where(to_neighbour, np.nextafter(total, np.where(error > 0, np.inf, -np.inf)), total)


# ---- elementary functions -------------------------------------------------------------------------------------------


def polynomial(name: str, x: np.ndarray) -> np.ndarray:
    """The polynomial `name` of coefficients.py in the type of x, by Horner's rule."""
    table = getattr(coefficients, f"{name}_{'F32' if x.dtype == np.float32 else 'F64'}")
    total = np.full_like(x, table[-1])
    for c in table[-2::-1]:
        total = fma(total, x, c)
    return total


def split_exponent(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """e and f with x = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt(2))."""
    real = x.dtype.type
    unsigned, signed, shift = (np.uint32, np.int32, 23) if real is np.float32 else (np.uint64, np.int64, 52)
    bits = x.view(unsigned)
    e = (bits - SQRT_HALF_BITS[real]).view(signed) >> signed(shift)
    return e.astype(real), (bits - (e.view(unsigned) << unsigned(shift))).view(real) - real(1)


def split_complement(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """e and f with 1 - x = 2^e (1 + f), for x in (0, 1/2], without rounding 1 - x when it is near 1."""
    real = x.dtype.type
    low = x > real(ONE_LESS_SQRT_HALF)
    return np.where(low, real(-1), real(0)), np.where(low, fma(x, real(-2), real(1)), -x)


def neg2log(e: np.ndarray, f: np.ndarray) -> np.ndarray:
    """-2 ln(2^e (1 + f))."""
    real = f.dtype.type
    two_ln2 = real(TWO_LN2)
    if real is np.float32:
        return fma(f * f, polynomial("NEG2LOG", f), fma(f, real(-2), -e * two_ln2))
    s = f / (real(2) + f)
    z = s * s
    return fma(-e, two_ln2, fma(s * z, polynomial("NEG2LOG", z), real(-4) * s))


def unit_below_half(w: np.ndarray) -> np.ndarray:
    """The smaller of u and 1 - u: u = (w + 1/2) 2^-32 of 32-bit words, ((w >> 11) + 1/2) 2^-53 of 64-bit ones."""
    if w.dtype == np.uint32:
        count = np.where(is_upper_half(w), ~w, w).astype(np.float32)
        return fma(count, 2.0**-32, 2.0**-33)
    count = (np.where(is_upper_half(w), ~w, w) >> np.uint64(11)).astype(np.float64)
    return fma(count, 2.0**-53, 2.0**-54)


def is_upper_half(w: np.ndarray) -> np.ndarray:
    return w >> w.dtype.type(8 * w.itemsize - 1) == 1


def neg2log_u(a: np.ndarray) -> np.ndarray:
    """-2 ln u of words a."""
    x = unit_below_half(a)
    e, f = (np.where(is_upper_half(a), near, small) for near, small in zip(split_complement(x), split_exponent(x)))
    return neg2log(e, f)


def ln(x: np.ndarray) -> np.ndarray:
    """ln x of positive normal float64."""
    return -0.5 * neg2log(*split_exponent(x))


def powers(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """r and 2^k in two factors, since results may be subnormal, with x = k ln 2 + r."""
    x = np.where(x > 800.0, 800.0, np.where(x < -800.0, -800.0, x))
    integers_only = 1.5 * 2.0**52  # a float64 of this size has no fraction bits
    k = fma(x, INVERSE_LN2, integers_only) - integers_only
    r = fma(-k, LN2_LOW, fma(-k, LN2_HIGH, x))
    half = np.floor(k / 2)
    return r, _power_of_two(half), _power_of_two(k - half)


def exp(x: np.ndarray) -> np.ndarray:
    """exp(x) of float64: infinity above 709.8, 0 below -745.2."""
    r, first, second = powers(x)
    return np.where(np.isnan(x), x, polynomial("EXP", r) * first * second)


def expm1(x: np.ndarray) -> np.ndarray:
    """exp(x) - 1 of float64 x >= 0; the coefficients after the first are those of (exp(r) - 1) / r."""
    r, first, second = powers(x)
    total = np.full_like(r, coefficients.EXP_F64[-1])
    for c in coefficients.EXP_F64[-2:0:-1]:
        total = fma(total, r, c)
    return np.where(np.isnan(x), x, fma(r * total, first, first - 1.0 / second) * second)


def _power_of_two(k: np.ndarray) -> np.ndarray:
    return ((k.astype(np.int64) + 1023) << 52).view(np.float64)


def sincos(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of 2 pi a / 2^32 (of 64-bit words: 2 pi (a >> 11) / 2^53); the quadrant is removed in integers."""
    unsigned, signed, real = (np.uint32, np.int32, np.float32) if a.dtype == np.uint32 else (np.uint64, np.int64, np.float64)
    bits = 30 if real is np.float32 else 51
    turns = a if real is np.float32 else a >> unsigned(11)
    quadrant = (turns + unsigned(1 << bits - 1)) >> unsigned(bits)
    y = (turns - (quadrant << unsigned(bits))).view(signed).astype(real) * real(2.0**-bits)
    z = y * y
    s, c = y * polynomial("SIN", z), fma(z, polynomial("COS", z), real(1))
    odd = (quadrant & unsigned(1)) == 1
    cosine, sine = np.where(odd, s, c), np.where(odd, c, s)
    cosine = np.where(((quadrant + unsigned(1)) & unsigned(2)) != 0, -cosine, cosine)
    return cosine, np.where((quadrant & unsigned(2)) != 0, -sine, sine)

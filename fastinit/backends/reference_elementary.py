"""The elementary functions of the reference: csrc/kernels/elementary.h in plain NumPy, on whole arrays.

NumPy has no fused multiply-add, so `fma` emulates it exactly.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from fastinit.backends import coefficients

TWO_LN2_F32 = np.float32(float.fromhex("0x1.62e430p+0"))
LN2 = float.fromhex("0x1.62e42fefa39efp-1")
NEG2LOG_OF_3_HALVES = float.fromhex("0x1.e27076e2af2e6p-4")  # ln 2 - 2 ln(4/3)
SQRT2 = float.fromhex("0x1.6a09e667f3bcdp+0")
LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")  # ln 2 to 42 bits, so that k times it is exact
LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")  # the rest
INVERSE_LN2 = float.fromhex("0x1.71547652b82fep+0")
SQRT_HALF_BITS_F32 = np.uint32(0x3F3504F3)
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


def two_chains_f64(name: str, x: np.ndarray) -> np.ndarray:
    """The same in two chains, of the even and of the odd powers of x, for an even number of coefficients."""
    table, z = getattr(coefficients, f"{name}_F64"), x * x
    even, odd = np.full_like(x, table[-2]), np.full_like(x, table[-1])
    for i in range(len(table) - 4, -1, -2):
        even, odd = fma(even, z, table[i]), fma(odd, z, table[i + 1])
    return fma(odd, x, even)


def split_exponent_f32(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """e and f with x = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt(2))."""
    bits = x.view(np.uint32)
    e = (bits - SQRT_HALF_BITS_F32).view(np.int32) >> np.int32(23)
    return e.astype(np.float32), (bits - (e.view(np.uint32) << np.uint32(23))).view(np.float32) - np.float32(1)


def split_complement_f32(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """e and f with 1 - x = 2^e (1 + f), for x in (0, 1/2], without rounding 1 - x when it is near 1."""
    low = x > np.float32(ONE_LESS_SQRT_HALF)
    return np.where(low, np.float32(-1), np.float32(0)), np.where(low, fma(x, np.float32(-2), np.float32(1)), -x)


def scale_f64(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """s, a power of two or 3/4 of one with s x in [53/64, 159/128), and -2 ln(1 / s); for normal x in (0, 2^1023)."""
    biased = x.view(np.uint64) + np.uint64(11 << 47)
    halves = (biased >> np.uint64(51)).astype(np.float64) - 2046.0
    s = (np.uint64(2046 << 52) - (biased & ~np.uint64((1 << 51) - 1))).view(np.float64)
    return s, fma(halves, -LN2, np.where((biased & np.uint64(1 << 51)) != 0, NEG2LOG_OF_3_HALVES, 0.0))


def split_f64(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two numbers with -2 ln x = first - 2 ln(1 + second), the second being small."""
    s, of_scale = scale_f64(x)
    return of_scale, fma(x, s, -1.0)


def split_sum_f64(start: float, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of start + y, without rounding the sum; start is 1/2 or 1."""
    s, of_scale = scale_f64(start + y)
    return of_scale, fma(y, s, fma(s, start, -1.0))


def split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `neg2log` takes for -2 ln x."""
    return split_exponent_f32(x) if x.dtype == np.float32 else split_f64(x)


def neg2log(first: np.ndarray, f: np.ndarray) -> np.ndarray:
    """-2 ln of what was split: 2^first (1 + f) of float32, exp(-first / 2) (1 + f) of float64."""
    if f.dtype == np.float32:
        return fma(f * f, polynomial("NEG2LOG", f), fma(f, np.float32(-2), -first * TWO_LN2_F32))
    return fma(f, two_chains_f64("NEG2LOG", f), first)


def unit_below_half(w: np.ndarray) -> np.ndarray:
    """The smaller of u and 1 - u: u = (w + 1/2) 2^-32 of 32-bit words, ((w >> 11) + 1/2) 2^-53 of 64-bit ones."""
    if w.dtype == np.uint32:
        count = np.where(is_upper_half(w), ~w, w).astype(np.float32)
        return fma(count, 2.0**-32, 2.0**-33)
    count = (np.where(is_upper_half(w), ~w, w) >> np.uint64(11)).astype(np.float64)
    return fma(count, 2.0**-53, 2.0**-54)


def from_middle_f64(w: np.ndarray) -> np.ndarray:
    """u - 1/2 of 64-bit words, exact."""
    distance = 0.5 - unit_below_half(w)
    return np.where(is_upper_half(w), distance, -distance)


def is_upper_half(w: np.ndarray) -> np.ndarray:
    return w >> w.dtype.type(8 * w.itemsize - 1) == 1


def neg2log_u(a: np.ndarray) -> np.ndarray:
    """-2 ln u of words a."""
    if a.dtype == np.uint64:
        return neg2log(*split_sum_f64(0.5, from_middle_f64(a)))
    x = unit_below_half(a)
    pairs = zip(split_complement_f32(x), split_exponent_f32(x))
    e, f = (np.where(is_upper_half(a), near, small) for near, small in pairs)
    return neg2log(e, f)


def ln(x: np.ndarray) -> np.ndarray:
    """ln x of normal float64 in (0, 2^1023)."""
    return -0.5 * neg2log(*split_f64(x))


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


def polar(radius: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of 2 pi a / 2^32 (of 64-bit words: 2 pi (a >> 11) / 2^53), times a radius."""
    if a.dtype == np.uint32:
        cosine, sine = sincos_f32(a)
        return radius * cosine, radius * sine
    turned = np.where(is_upper_half(a), -radius, radius)  # by half a turn; what is left is the angle pi / 2 - pi y
    y = 0.5 - (a >> np.uint64(11) & np.uint64((1 << 52) - 1)).astype(np.float64) * 2.0**-52
    cosine, sine = sincos_f64(y)
    chord = turned * sine
    return chord * cosine, fma(-chord, sine, turned)


def sincos_f64(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """sqrt(2) times cosine and sine of pi y / 2, for y in [-1/2, 1/2]."""
    z = y * y
    return fma(z, polynomial("COS", z), SQRT2), y * polynomial("SIN", z)


def sincos_f32(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of 2 pi a / 2^32; the quadrant is removed in integers."""
    quadrant = (a + np.uint32(1 << 29)) >> np.uint32(30)
    y = (a - (quadrant << np.uint32(30))).view(np.int32).astype(np.float32) * np.float32(2.0**-30)
    z = y * y
    s, c = y * polynomial("SIN", z), fma(z, polynomial("COS", z), np.float32(1))
    odd = (quadrant & np.uint32(1)) == 1
    cosine, sine = np.where(odd, s, c), np.where(odd, c, s)
    cosine = np.where(((quadrant + np.uint32(1)) & np.uint32(2)) != 0, -cosine, cosine)
    return cosine, np.where((quadrant & np.uint32(2)) != 0, -sine, sine)

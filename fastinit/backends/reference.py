"""The values of every stream in plain NumPy, written to be read: the fast backends are tested against it.

The functions have the names of their C twins in csrc/kernels/ and take whole arrays. NumPy has no fused multiply-add,
so `fma` emulates it exactly. One tile at a time: a hundred times slower than C, and a few hundred KiB of memory.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from fastinit.backends import coefficients
from fastinit.backends.catalogue import KERNELS
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.backends.request import FillRequest, Parameters, Stream

LANES, TILE_ROWS = 16, 128
TILE_WORDS = LANES * TILE_ROWS
PHILOX_ROUNDS = 10
PHILOX_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
PHILOX_WEYL = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)  # golden ratio, sqrt(3) - 1
TWO_LN2 = float.fromhex("0x1.62e42fefa39efp+0")
LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")  # ln 2 to 42 bits, so that k times it is exact
LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")  # the rest
INVERSE_LN2 = float.fromhex("0x1.71547652b82fep+0")
SQRT_HALF_BITS = {np.float32: np.uint32(0x3F3504F3), np.float64: np.uint64(0x3FE6A09E667F3BCD)}
ONE_LESS_SQRT_HALF = float.fromhex("0x1.2bec3333018867p-2")

# ---- words ----------------------------------------------------------------------------------------------------------


def philox(counter: np.ndarray, k0: int, k1: int) -> np.ndarray:
    """Philox4x32-10 (Salmon et al. 2011) of uint32 counters (4, n) under the key (k0, k1)."""
    c0, c1, c2, c3 = counter
    key0, key1 = np.array([k0], np.uint32), np.array([k1], np.uint32)
    for _ in range(PHILOX_ROUNDS):
        product0 = PHILOX_MULTIPLIERS[0] * c0.astype(np.uint64)
        product1 = PHILOX_MULTIPLIERS[1] * c2.astype(np.uint64)
        c0, c1, c2, c3 = _high(product1) ^ c1 ^ key0, _low(product1), _high(product0) ^ c3 ^ key1, _low(product0)
        key0, key1 = key0 + PHILOX_WEYL[0], key1 + PHILOX_WEYL[1]
    return np.stack([c0, c1, c2, c3])


def tile_words(stream: Stream, tile: int) -> np.ndarray:
    """The (128, 16) uint32 words of a tile: 16 lanes of xoshiro128++ (Blackman and Vigna 2021) seeded by Philox."""
    k0, k1, s0, s1 = stream
    first = tile * LANES
    low = np.arange(LANES, dtype=np.uint32) + np.uint32(first & 0xFFFFFFFF)
    rest = [np.full(LANES, word, np.uint32) for word in (first >> 32, s0, s1)]
    a, b, c, d = philox(np.stack([low, *rest]), k0, k1)
    a = np.where((a | b | c | d) == 0, np.uint32(1), a)  # xoshiro never leaves the state of all zeros
    words = np.empty((TILE_ROWS, LANES), np.uint32)
    for row in range(TILE_ROWS):
        words[row] = _rotate_left(a + d, 7) + a
        shifted = b << np.uint32(9)
        c, d = c ^ a, d ^ b
        b, a = b ^ c, a ^ d
        c, d = c ^ shifted, _rotate_left(d, 11)
    return words


def _high(product: np.ndarray) -> np.ndarray:
    return (product >> np.uint64(32)).astype(np.uint32)


def _low(product: np.ndarray) -> np.ndarray:
    return product.astype(np.uint32)


def _rotate_left(x: np.ndarray, bits: int) -> np.ndarray:
    return x << np.uint32(bits) | x >> np.uint32(32 - bits)


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
        count = np.where(_upper(w), ~w, w).astype(np.float32)
        return fma(count, 2.0**-32, 2.0**-33)
    count = (np.where(_upper(w), ~w, w) >> np.uint64(11)).astype(np.float64)
    return fma(count, 2.0**-53, 2.0**-54)


def _upper(w: np.ndarray) -> np.ndarray:
    return w >> w.dtype.type(8 * w.itemsize - 1) == 1


def neg2log_u(a: np.ndarray) -> np.ndarray:
    """-2 ln u of words a."""
    x = unit_below_half(a)
    e, f = (np.where(_upper(a), near, small) for near, small in zip(split_complement(x), split_exponent(x)))
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


# ---- distributions: words (rows, 16) and parameters to values (rows, 16) --------------------------------------------


def wide_words(words: np.ndarray) -> np.ndarray:
    """(2 n, 16) uint32 words to (n, 16) uint64 ones; the even row is the high half."""
    return words[0::2].astype(np.uint64) << np.uint64(32) | words[1::2]


def uniform_values(words: np.ndarray, parameters: Parameters) -> np.ndarray:
    low, width = parameters
    if words.dtype == np.uint32:
        u = (words >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
    else:
        u = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return fma(u, width, low)


def normal_values(words: np.ndarray, parameters: Parameters) -> np.ndarray:
    mean, std = parameters
    radius = np.sqrt(neg2log_u(words[0::2]))
    cosine, sine = sincos(words[1::2])
    z = np.empty(words.shape, radius.dtype)
    z[0::2], z[1::2] = radius * cosine, radius * sine
    return fma(z, std, mean)


def exponential_values(words: np.ndarray, parameters: Parameters) -> np.ndarray:
    neg2logs = neg2log_u(words)
    real = neg2logs.dtype.type
    return real(0.5) * neg2logs * real(parameters[0])


def lognormal_values(words: np.ndarray, parameters: Parameters) -> np.ndarray:
    return exp(normal_values(words, parameters))


def truncated_values(words: np.ndarray, parameters: Parameters) -> np.ndarray:
    real = np.float32 if words.dtype == np.uint32 else np.float64
    (cdf_low, sf_low, cdf_high, sf_high, mass_scaled, mass, middle, tail_scaled, neg2log_of_scale, mean, std, least,
     greatest) = parameters.astype(real)  # fmt: skip
    upper, u = _upper(words), unit_below_half(words)
    signed_u = np.where(upper, -u, u)
    cdf = fma(signed_u, mass_scaled, np.where(upper, cdf_high, cdf_low))
    sf = fma(-signed_u, mass_scaled, np.where(upper, sf_high, sf_low))
    tail = np.where(cdf < sf, cdf, sf)
    if real is np.float32:
        from_middle = fma((words ^ np.uint32(1 << 31)).view(np.int32).astype(np.float32), 2.0**-32, 2.0**-33)
        v = fma(from_middle, mass, middle)
        x = _quantile_f32(tail, v, tail_scaled, neg2log_of_scale)
    else:
        x = _quantile_f64(tail, fma(np.where(upper, 0.5 - u, u - 0.5), mass, middle))
    x = fma(x, std, mean)
    x = np.where(x < least, least, x)
    return np.where(x > greatest, greatest, x)


def _quantile_f32(tail: np.ndarray, v: np.ndarray, tail_scaled: np.float32, neg2log_of_scale: np.float32) -> np.ndarray:
    centre = v * polynomial(
        "QUANTILE_CENTRE", neg2log(*split_exponent(fma(np.float32(-4) * tail, tail, np.float32(4) * tail)))
    )
    r = np.sqrt(neg2log(*split_exponent(tail)) + neg2log_of_scale)
    far = polynomial("QUANTILE_TAIL_NUMERATOR", r) / polynomial("QUANTILE_TAIL_DENOMINATOR", r)
    return np.where(tail < tail_scaled, np.where(v < 0, -far, far), centre)


def _quantile_f64(tail: np.ndarray, q: np.ndarray) -> np.ndarray:
    """AS 241 (Wichura 1988), PPND16: three rational functions."""
    r = np.sqrt(0.5 * neg2log(*split_exponent(tail)))

    def ratio(region: str, x: np.ndarray) -> np.ndarray:
        return polynomial(f"QUANTILE_{region}_NUMERATOR", x) / polynomial(f"QUANTILE_{region}_DENOMINATOR", x)

    centre = q * ratio("CENTRE", fma(-q, q, 0.180625))
    outside = np.where(r > 5.0, ratio("TAIL", r - 5.0), ratio("MIDDLE", r - 1.6))
    return np.where(np.abs(q) <= 0.425, centre, np.where(q < 0, -outside, outside))


# ---- integers: words (rows, 16), uint32 or uint64, to values as uint64, by products of Python's integers -------------

REDRAW_KEY = 0x5851F42D


def integers_values(words: np.ndarray, parameters: Parameters, stream: Stream, position: int) -> np.ndarray:
    """low + (word * range >> bits of a word), drawn again where the remainder is below a threshold (Lemire 2019).

    `parameters` are the bits of low, range and that threshold; `position` is that of the first word in the stream.
    """
    low, size, threshold = parameters.view(np.uint64).tolist()
    size = size or 2**64
    values, remainders = _product(words, size)
    rejected = remainders < threshold
    rows, lanes = np.nonzero(rejected)
    word = rows * (words.itemsize // 4) * LANES + lanes  # its number in the tile; the first of a value's two
    values[rejected] = redraw(stream, np.uint64(position) + word.astype(np.uint64), size)
    return ((values + low) % 2**64).astype(np.uint64)


def redraw(stream: Stream, positions: np.ndarray, size: int) -> np.ndarray:
    """The values whose own words, at `positions`, were rejected: Philox at the position, under another key for each try.

    Positions are those of words, so that values of one word and of two never ask Philox for the same.
    """
    k0, k1, s0, s1 = stream
    values = np.zeros(positions.size, object)
    left, attempt = np.arange(positions.size), 0
    while left.size:
        at = positions[left]
        rest = [np.full(at.size, word, np.uint32) for word in (s0, s1)]
        c = philox(np.stack([_low(at), _high(at), *rest]), k0 ^ REDRAW_KEY, (k1 + attempt) % 2**32)
        first, second = (_product(pair, size) for pair in wide_words(c))
        accepted = [remainders >= 2**64 % size for _, remainders in (first, second)]
        values[left] = np.where(accepted[0], first[0], second[0])
        left, attempt = left[~(accepted[0] | accepted[1])], attempt + 1
    return values


def _product(words: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The high half of word * size, which is the value, and the low half, the remainder; as Python's integers."""
    products, halfway = words.astype(object) * size, 2 ** (8 * words.itemsize)
    return products // halfway, products % halfway


# ---- the fill -------------------------------------------------------------------------------------------------------

VALUES: dict[str, Callable[..., np.ndarray]] = {
    "uniform": uniform_values,
    "normal": normal_values,
    "truncated": truncated_values,
    "exponential": exponential_values,
    "lognormal": lognormal_values,
}


def tile_values(kernel: str, stream: Stream, parameters: Parameters, tile: int) -> np.ndarray:
    """All values of a tile in element order."""
    distribution, element, words = KERNELS[kernel].distribution.name, KERNELS[kernel].element, tile_words(stream, tile)
    if KERNELS[kernel].words_per_value == 2:
        words = wide_words(words)
    if distribution == "words":
        return words.ravel()
    if distribution.endswith("integers"):
        return integers_values(words, parameters, stream, tile * TILE_WORDS).astype(element).ravel()
    with np.errstate(all="ignore"):  # branches not chosen may divide by zero; rounding may overflow
        if distribution in VALUES:
            return VALUES[distribution](words, parameters).astype(ELEMENT_TYPES[element].dtype).ravel()
        from fastinit.backends import reference_placed  # which is made of the functions above

        return reference_placed.values_of_tile(kernel, words, parameters, stream, tile).ravel()


def fill(request: FillRequest) -> None:
    kernel, stream, parameters, starts, count, step, out, *_ = request
    tile_elements = TILE_WORDS // KERNELS[kernel].words_per_value
    cached, values = -1, out[:0]
    at = 0
    for start in starts.tolist():
        position, left = start, count
        while left:
            tile, offset = divmod(position, tile_elements)
            if tile != cached:
                cached, values = tile, tile_values(kernel, stream, parameters, tile).view(out.dtype)
            ahead = tile_elements - 1 - offset if step > 0 else offset
            here = min(left, ahead // abs(step) + 1)
            out[at : at + here] = values[offset + step * np.arange(here)]
            at, left, position = at + here, left - here, position + here * step

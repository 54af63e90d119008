"""The values of every stream in plain NumPy, written to be read: the fast backends are tested against it.

The functions have the names of their C twins in csrc/kernels/ and take whole arrays. One tile at a time: a hundred times
slower than C, and a few hundred KiB of memory.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastinit.backends import reference_counts, reference_inversion, reference_rejection
from fastinit.backends.catalogue import KERNELS
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.backends.reference_elementary import (
    exp,
    fma,
    from_middle_f64,
    is_upper_half,
    neg2log,
    neg2log_u,
    polar,
    polynomial,
    split,
    unit_below_half,
)
from fastinit.backends.request import FillRequest, Parameters, Stream

LANES, TILE_ROWS = 16, 128
TILE_WORDS = LANES * TILE_ROWS
PHILOX_ROUNDS = 10
PHILOX_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
PHILOX_WEYL = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)  # golden ratio, sqrt(3) - 1

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
    z = np.empty(words.shape, radius.dtype)
    z[0::2], z[1::2] = polar(radius, words[1::2])
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
    upper, u = is_upper_half(words), unit_below_half(words)
    signed_u = np.where(upper, -u, u)
    cdf = fma(signed_u, mass_scaled, np.where(upper, cdf_high, cdf_low))
    sf = fma(-signed_u, mass_scaled, np.where(upper, sf_high, sf_low))
    tail = np.where(cdf < sf, cdf, sf)
    if real is np.float32:
        from_middle = fma((words ^ np.uint32(1 << 31)).view(np.int32).astype(np.float32), 2.0**-32, 2.0**-33)
        v = fma(from_middle, mass, middle)
        x = _quantile_f32(tail, v, tail_scaled, neg2log_of_scale)
    else:
        x = _quantile_f64(tail, fma(from_middle_f64(words), mass, middle))
    x = fma(x, std, mean)
    x = np.where(x < least, least, x)
    return np.where(x > greatest, greatest, x)


def _quantile_f32(tail: np.ndarray, v: np.ndarray, tail_scaled: np.float32, neg2log_of_scale: np.float32) -> np.ndarray:
    centre = v * polynomial("QUANTILE_CENTRE", neg2log(*split(fma(np.float32(-4) * tail, tail, np.float32(4) * tail))))
    r = np.sqrt(neg2log(*split(tail)) + neg2log_of_scale)
    far = polynomial("QUANTILE_TAIL_NUMERATOR", r) / polynomial("QUANTILE_TAIL_DENOMINATOR", r)
    return np.where(tail < tail_scaled, np.where(v < 0, -far, far), centre)


def _quantile_f64(tail: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Three quotients of polynomials; outside the centre AS 241 (Wichura 1988), PPND16."""
    r, margin = np.sqrt(0.5 * neg2log(*split(tail))), fma(-q, q, 0.22800625)  # 0.4775^2

    def ratio(region: str, x: np.ndarray) -> np.ndarray:
        return polynomial(f"QUANTILE_{region}_NUMERATOR", x) / polynomial(f"QUANTILE_{region}_DENOMINATOR", x)

    outside = np.where(r > 5.0, ratio("TAIL", r - 5.0), ratio("MIDDLE", r - 1.6))
    return np.where(margin >= 0.0, q * ratio("CENTRE", margin), np.where(q < 0, -outside, outside))


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
        for rejections in (reference_rejection.REJECTIONS, reference_counts.COUNTS):
            if distribution in rejections:
                values_of = rejections[distribution]
                return reference_rejection.values_of_tile(kernel, values_of, words, parameters, stream, tile, philox)
        return reference_inversion.values_of_tile(kernel, words, parameters, stream, tile).ravel()


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

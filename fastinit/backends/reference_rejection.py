"""The reference's values of distributions that generators draw from by rejection: csrc/kernels/rejection.h in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from fastinit.backends.catalogue import KERNELS
from fastinit.backends.reference_elementary import exp, fma, ln, neg2log, neg2log_u, polar, split_sum_f64
from fastinit.backends.reference_inversion import parameters_of_tile
from fastinit.backends.request import Parameters, Stream
from fastinit.runtime.types import Float64Array, UInt64Array

WORDS_OF_TRY, LANES = 4, 16
FOR_FIRST, FOR_SECOND, FOR_BOOST = 0x5851F42D, 0x14057B7E, 0x2545F491
"""What Philox's words are for: its key is changed by these."""

Words = Sequence[np.ndarray]  # four arrays of uint32, one of each word of a try


class Place(NamedTuple):
    """Where values' words are in the stream, and Philox, which makes others of that."""

    stream: Stream
    positions: UInt64Array
    philox: Callable[[np.ndarray, int, int], np.ndarray]

    def words(self, purpose: int, attempt: int, at: np.ndarray) -> Words:
        """The words of a purpose for the values of these numbers."""
        k0, k1, s0, s1 = self.stream
        positions = self.positions[at]
        rest = [np.full(positions.shape, word, np.uint32) for word in (s0, s1)]
        halves = (positions.astype(np.uint32), (positions >> np.uint64(32)).astype(np.uint32))
        a, b, c, d = self.philox(np.stack([*halves, *rest]), k0 ^ purpose, (k1 + attempt) % 2**32)
        return a, b, c, d


def values_of_tile(
    kernel: str,
    values_of: Callable[..., np.ndarray],
    words: np.ndarray,
    parameters: Parameters,
    stream: Stream,
    tile: int,
    philox: Callable[[np.ndarray, int, int], np.ndarray],
) -> np.ndarray:
    """All values of a tile, from its words: values_of(the words of the first try, their place, *parameters)."""
    distribution, n = KERNELS[kernel].distribution, words.size // WORDS_OF_TRY
    first = np.arange(words.size, dtype=np.uint64).reshape(-1, WORDS_OF_TRY, LANES)[:, 0].ravel()
    place = Place(stream, np.uint64(tile * words.size) + first, philox)
    own = parameters_of_tile(parameters, distribution.num_parameters, tile * n, (n,))
    tried = [words.reshape(-1, WORDS_OF_TRY, LANES)[:, w].ravel() for w in range(WORDS_OF_TRY)]
    return values_of(tried, place, *own)


def wide(high: np.ndarray, low: np.ndarray) -> UInt64Array:
    wide: UInt64Array = high.astype(np.uint64) << np.uint64(32) | low
    return wide


def _normal(words: Words) -> Float64Array:
    radius = np.sqrt(neg2log_u(wide(words[0], words[1])))
    return polar(radius, words[2].astype(np.uint64) << np.uint64(32))[0]


def ln1p(y: Float64Array) -> Float64Array:
    result: Float64Array = -0.5 * neg2log(*split_sum_f64(1.0, y))
    return result


def _gammas(words: Words, shapes: Float64Array, place: Place, purpose: int) -> Float64Array:
    """Marsaglia and Tsang (2000): gamma values of the shapes, or of 1 more where those are below 1."""
    d = np.where(shapes < 1.0, shapes + 1.0, shapes) - 1.0 / 3.0
    c = 1.0 / np.sqrt(9.0 * d)
    values = np.empty(shapes.shape)
    left, attempt = np.arange(shapes.size), 0
    while left.size:
        x, u = _normal(words), fma(words[3].astype(np.float64), 2.0**-32, 2.0**-33)
        root, y, square = fma(c[left], x, 1.0), c[left] * x, x * x
        is_surely_taken = u < fma(-0.0331 * square, square, 1.0)
        total = fma(-(y * y), 3.0 + y, 3.0 * (ln1p(y) - y))
        is_taken = (is_surely_taken | (ln(u) < fma(d[left], total, 0.5 * square))) & (root > 0.0)
        values[left] = np.where(is_taken, d[left] * (root * root * root), values[left])
        left, attempt = left[~is_taken], attempt + 1
        words = place.words(purpose, attempt, left)
    return values


def _exponents(shapes: Float64Array, high: np.ndarray, low: np.ndarray) -> Float64Array:
    """A value of `_gammas` times exp(-exponent) has the shape, also where that is below 1."""
    return np.where(shapes < 1.0, 0.5 * neg2log_u(wide(high, low)) / shapes, 0.0)


def gamma(words: Words, place: Place, shapes: Float64Array, scales: Float64Array) -> Float64Array:
    values = _gammas(words, shapes, place, FOR_FIRST)
    small = np.flatnonzero(shapes < 1.0)
    high, low, _, _ = place.words(FOR_BOOST, 0, small)
    values[small] = values[small] * exp(-_exponents(shapes[small], high, low))
    return values * scales


def _pairs(
    words: Words, place: Place, first: Float64Array, second: Float64Array
) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array]:
    """Gamma values of both shapes, and their exponents."""
    everywhere = np.arange(first.size)
    a, b, c, d = place.words(FOR_BOOST, 0, everywhere)
    return (
        _gammas(words, first, place, FOR_FIRST),
        _gammas(place.words(FOR_SECOND, 0, everywhere), second, place, FOR_SECOND),
        _exponents(first, a, b),
        _exponents(second, c, d),
    )


def beta(words: Words, place: Place, a: Float64Array, b: Float64Array) -> Float64Array:
    x, y, of_x, of_y = _pairs(words, place, a, b)
    ratio = of_x - of_y
    x, y = x * exp(np.where(ratio > 0.0, -ratio, 0.0)), y * exp(np.where(ratio < 0.0, ratio, 0.0))
    values: Float64Array = x / (x + y)
    return values


def fisher(words: Words, place: Place, first: Float64Array, second: Float64Array) -> Float64Array:
    x, y, of_x, of_y = _pairs(words, place, 0.5 * first, 0.5 * second)
    values: Float64Array = x / y * exp(of_y - of_x) * (second / first)
    return values


def student(words: Words, place: Place, freedom: Float64Array) -> Float64Array:
    everywhere, shapes = np.arange(freedom.size), 0.5 * freedom
    x = _gammas(words, shapes, place, FOR_FIRST)
    high, low, _, _ = place.words(FOR_BOOST, 0, everywhere)
    normal = _normal(place.words(FOR_SECOND, 0, everywhere))
    values: Float64Array = normal * np.sqrt(shapes / x) * exp(0.5 * _exponents(shapes, high, low))
    return values


REJECTIONS: dict[str, Callable[..., np.ndarray]] = {of.__name__: of for of in (gamma, beta, fisher, student)}

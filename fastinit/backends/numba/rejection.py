"""Distributions that generators draw from by rejection, as in csrc/kernels/rejection.h, which has their formulas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy import uint32, uint64

from fastinit.backends.numba.elementary import (
    BITS_2_52,
    exp_f64,
    ln_f64,
    neg2log_f64,
    neg2log_u_f64,
    polar_f64,
    split_sum_f64,
)
from fastinit.backends.numba.lanes import LANES, at, philox
from fastinit.backends.numba.operations import Untyped, Word, Words, called, fma, from_bits_f64, inlined, sqrt
from fastinit.backends.numba.store import Elements
from fastinit.backends.numba.traced import Value, traced
from fastinit.backends.numba.traced import uint64 as to_uint64
from fastinit.backends.numba.value_parameters import parameters_of
from fastinit.backends.request import Parameters

Own = tuple[float, float, float]  # a value's parameters
Try = tuple[Word, Word, Word, Word]  # the words of one
WORDS_OF_TRY = 4
FOR_FIRST, FOR_SECOND, FOR_BOOST = uint32(0x5851F42D), uint32(0x14057B7E), uint32(0x2545F491)


@called
def words_of_purpose(stream: Words, position: np.uint64, purpose: Word, attempt: Word) -> Try:
    low, high = uint32(position), uint32(position >> uint64(32))
    return philox(low, high, stream[2], stream[3], uint32(stream[0] ^ purpose), uint32(stream[1] + attempt))


@traced
def wide(high: Value, low: Value) -> Value:
    return to_uint64(high) << 32 | to_uint64(low)


@traced
def normal_of(words: Value) -> Value:
    radius = sqrt(neg2log_u_f64(wide(words[0], words[1])))
    first, _ = polar_f64(radius, to_uint64(words[2]) << 32)
    return first


@traced
def unit_f64(word: Value) -> Value:
    return fma(from_bits_f64(BITS_2_52 | to_uint64(word)) - 2.0**52, 2.0**-32, 2.0**-33)


@traced
def ln1p_f64(y: Value) -> Value:
    neg2log, f = split_sum_f64(1.0, y)
    return -0.5 * neg2log_f64(neg2log, f)


@called
def gamma_of(words: Try, shape: float, stream: Words, position: np.uint64, purpose: Word) -> float:
    """A gamma value of the shape, or of 1 more where that is below 1."""
    d = (shape + 1.0 if shape < 1.0 else shape) - 1.0 / 3.0
    c = 1.0 / sqrt(9.0 * d)
    attempt = uint32(0)
    while True:
        x, u = normal_of(words), unit_f64(words[3])
        root, y, square = fma(c, x, 1.0), c * x, x * x
        if root > 0.0:
            if u < fma(-0.0331 * square, square, 1.0):
                return d * (root * root * root)
            total = fma(-(y * y), 3.0 + y, 3.0 * (ln1p_f64(y) - y))
            if ln_f64(u) < fma(d, total, 0.5 * square):
                return d * (root * root * root)
        attempt = uint32(attempt + uint32(1))
        words = words_of_purpose(stream, position, purpose, attempt)


@inlined
def exponent_of(shape: float, high: Word, low: Word) -> float:
    return 0.5 * neg2log_u_f64(wide(high, low)) / shape if shape < 1.0 else 0.0


@called
def gamma_f64(words: Try, c: Own, stream: Words, position: np.uint64) -> float:
    value = gamma_of(words, c[0], stream, position, FOR_FIRST)
    if c[0] < 1.0:
        high, low, _, _ = words_of_purpose(stream, position, FOR_BOOST, uint32(0))
        value *= exp_f64(-exponent_of(c[0], high, low))
    return value * c[1]


@called
def pair_of(
    words: Try, first: float, second: float, stream: Words, position: np.uint64
) -> tuple[float, float, float, float]:
    """Gamma values of both shapes, and their exponents."""
    x = gamma_of(words, first, stream, position, FOR_FIRST)
    others = words_of_purpose(stream, position, FOR_SECOND, uint32(0))
    y = gamma_of(others, second, stream, position, FOR_SECOND)
    w = words_of_purpose(stream, position, FOR_BOOST, uint32(0))
    return x, y, exponent_of(first, w[0], w[1]), exponent_of(second, w[2], w[3])


@called
def beta_f64(words: Try, c: Own, stream: Words, position: np.uint64) -> float:
    x, y, of_x, of_y = pair_of(words, c[0], c[1], stream, position)
    ratio = of_x - of_y
    x, y = x * exp_f64(-ratio if ratio > 0.0 else 0.0), y * exp_f64(ratio if ratio < 0.0 else 0.0)
    return x / (x + y)


@called
def fisher_f64(words: Try, c: Own, stream: Words, position: np.uint64) -> float:
    x, y, of_x, of_y = pair_of(words, 0.5 * c[0], 0.5 * c[1], stream, position)
    return x / y * exp_f64(of_y - of_x) * (c[1] / c[0])


@called
def student_f64(words: Try, c: Own, stream: Words, position: np.uint64) -> float:
    shape = 0.5 * c[0]
    x = gamma_of(words, shape, stream, position, FOR_FIRST)
    high, low, _, _ = words_of_purpose(stream, position, FOR_BOOST, uint32(0))
    normal = normal_of(words_of_purpose(stream, position, FOR_SECOND, uint32(0)))
    return normal * sqrt(shape / x) * exp_f64(0.5 * exponent_of(shape, high, low))


def rejection(value_of: Untyped, known: int) -> Callable[[Words, int, Parameters, Words, np.uint64, Elements], None]:
    """The loop of a distribution with `known` parameters."""

    @inlined
    def values(
        words: Words, rows: int, parameters: Parameters, stream: Words, position: np.uint64, values: Elements
    ) -> None:
        for r in range(rows):
            for lane in range(LANES):
                first = WORDS_OF_TRY * r
                own = (
                    words[at(first, lane)],
                    words[at(first + 1, lane)],
                    words[at(first + 2, lane)],
                    words[at(first + 3, lane)],
                )
                c = parameters_of(parameters, known, position // uint64(WORDS_OF_TRY) + at(r, lane))
                values[at(r, lane)] = value_of(own, c, stream, position + at(first, lane))

    return values


gamma_values_f64 = rejection(gamma_f64, 2)
beta_values_f64 = rejection(beta_f64, 2)
fisher_values_f64 = rejection(fisher_f64, 2)
student_values_f64 = rejection(student_f64, 1)

"""Poisson and binomial counts, as in csrc/kernels/counts.h, which has their formulas."""

from __future__ import annotations

import numpy as np
from numpy import int64, uint32

from fastinit.backends.numba.elementary import exp_f64, ln_f64, unit_below_half_f64
from fastinit.backends.numba.operations import Words, called, floor, fma, inlined, sqrt
from fastinit.backends.numba.rejection import FOR_FIRST, Own, Try, ln1p_f64, rejection, unit_f64, wide, words_of_purpose
from fastinit.backends.numba.traced import Value, traced, where
from fastinit.backends.numba.traced import int64 as to_int64
from fastinit.backends.numba.traced import uint64 as to_uint64

LEAST_MEAN, MOST_STEPS, LEAST_FOR_SERIES, LEAST_MASS = 10.0, 128, 16, 2.0**-64
TWO_PI = float.fromhex("0x1.921fb54442d18p+2")
TWELFTH, OF_CUBES, OF_FIFTHS, OF_SEVENTHS = 1.0 / 12, 1.0 / 360, 1.0 / 1260, 1.0 / 1680


@called
def stirling_f64(k: float) -> float:
    """ln k! - k ln k + k"""
    if k >= LEAST_FOR_SERIES:
        inverse = 1.0 / k
        z = inverse * inverse
        return 0.5 * ln_f64(TWO_PI * k) + inverse * (TWELFTH - z * (OF_CUBES - z * (OF_FIFTHS - z * OF_SEVENTHS)))
    factorial = 1.0
    for i in range(2, LEAST_FOR_SERIES):
        factorial *= float(i) if i <= k else 1.0
    return ln_f64(factorial) - k * ln_f64(k if k > 1.0 else 1.0) + k


@traced
def deviance_f64(k: Value, mean: Value) -> Value:
    e = (k - mean) / mean
    return mean * fma(1.0 + e, ln1p_f64(e), -e)


@inlined
def terms_f64(k: float, mean: float) -> float:
    return stirling_f64(k) + deviance_f64(k, mean)


@inlined
def neg_ln_mass_f64(k: float, n: float, p: float, mean: float, is_binomial: bool) -> float:
    result = terms_f64(k, mean)
    return result + terms_f64(n - k, n * (1.0 - p)) if is_binomial else result


@called
def searched_f64(word: np.uint64, n: float, p: float, mean: float, is_binomial: bool) -> float:
    below = unit_below_half_f64(word)
    u = 1.0 - below if int64(word) < int64(0) else below
    mass = exp_f64(n * ln1p_f64(-p) if is_binomial else -mean)
    total, k = mass, 0.0
    for step in range(1, MOST_STEPS):
        if not (u > total and mass > LEAST_MASS):
            break
        k += 1.0
        ratio = (n - (float(step) - 1.0)) * (p / (1.0 - p)) if is_binomial else mean
        mass *= ratio * (1.0 / float(step))
        total += mass
    return k


@called
def rejected_f64(
    words: Try, n: float, p: float, mean: float, is_binomial: bool, stream: Words, position: np.uint64
) -> float:
    std = sqrt(mean * (1.0 - p) if is_binomial else mean)
    b = (1.15 if is_binomial else 0.931) + 2.53 * std
    a = -0.0873 + 0.0248 * b + 0.01 * p if is_binomial else -0.059 + 0.02483 * b
    scale = (2.83 + 5.1 / b) * std if is_binomial else 1.1239 + 1.1328 / (b - 3.4)
    height = neg_ln_mass_f64(floor((n + 1.0) * p), n, p, mean, True) if is_binomial else 0.0
    attempt = uint32(0)
    while True:
        word, v = wide(words[0], words[1]), unit_f64(words[2])
        below = unit_below_half_f64(word)
        u = 0.5 - below if int64(word) < int64(0) else below - 0.5
        k = floor((2.0 * a / below + b) * u + (mean + (0.5 if is_binomial else 0.43)))
        if k >= 0.0 and (not is_binomial or k <= n):
            bound = height - neg_ln_mass_f64(k, n, p, mean, is_binomial)
            if ln_f64(v * scale / (a / (below * below) + b)) <= bound:
                return k
        attempt = uint32(attempt + uint32(1))
        words = words_of_purpose(stream, position, FOR_FIRST, attempt)


@inlined
def count_of(words: Try, n: float, p: float, mean: float, is_binomial: bool, stream: Words, position: np.uint64) -> float:
    if mean < LEAST_MEAN:
        return searched_f64(wide(words[0], words[1]), n, p, mean, is_binomial)
    return rejected_f64(words, n, p, mean, is_binomial, stream, position)


@traced
def integer_of(drawn: Value) -> Value:
    within = where(drawn < 2.0**63, drawn, 0.0)
    return where(drawn < 2.0**63, to_uint64(to_int64(within)), np.uint64(2**63 - 1))


@called
def poisson_u64(words: Try, c: Own, stream: Words, position: np.uint64) -> np.uint64:
    return integer_of(count_of(words, 0.0, 0.0, c[0], False, stream, position))


@called
def binomial_u64(words: Try, c: Own, stream: Words, position: np.uint64) -> np.uint64:
    p = 1.0 - c[1] if c[1] > 0.5 else c[1]
    drawn = count_of(words, c[0], p, c[0] * p, True, stream, position)
    return integer_of(c[0] - drawn if c[1] > 0.5 else drawn)


poisson_values = rejection(poisson_u64, 1)
binomial_values = rejection(binomial_u64, 2)

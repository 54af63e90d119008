"""The reference's Poisson and binomial counts: csrc/kernels/counts.h in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastinit.backends.reference_elementary import exp, fma, is_upper_half, ln, unit_below_half
from fastinit.backends.reference_rejection import FOR_FIRST, Place, Words, ln1p, wide
from fastinit.runtime.types import Float64Array, UInt64Array

LEAST_MEAN, MOST_STEPS, LEAST_FOR_SERIES, LEAST_MASS = 10, 128, 16, 2.0**-64
TWO_PI = float.fromhex("0x1.921fb54442d18p+2")
LARGEST = np.uint64(2**63 - 1)


class Binomials:
    """n and p, at most 1/2, of binomial counts, and their means."""

    def __init__(self, n: Float64Array, p: Float64Array) -> None:
        self.n, self.p, self.mean = n, p, n * p

    def __getitem__(self, at: np.ndarray) -> Binomials:
        return Binomials(self.n[at], self.p[at])

    def first_mass(self) -> Float64Array:
        return exp(self.n * ln1p(-self.p))

    def ratio(self, k: float) -> Float64Array:
        """k P(k) / P(k - 1)"""
        return (self.n - (k - 1.0)) * (self.p / (1.0 - self.p))

    def neg_ln_mass(self, k: Float64Array) -> Float64Array:
        """-ln P(k), plus what does not depend on k."""
        return _terms(k, self.mean) + _terms(self.n - k, self.n * (1.0 - self.p))

    def tried(self, below: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array]:
        """a, b, the centre and the scale of an attempt."""
        std = np.sqrt(self.mean * (1.0 - self.p))
        b = 1.15 + 2.53 * std
        return -0.0873 + 0.0248 * b + 0.01 * self.p, b, np.full(below.shape, 0.5), (2.83 + 5.1 / b) * std

    def height(self) -> Float64Array:
        return self.neg_ln_mass(np.floor((self.n + 1.0) * self.p))

    def are_within(self, k: Float64Array) -> np.ndarray:
        return (k >= 0.0) & (k <= self.n)


class Poissons:
    """Means of Poisson counts."""

    def __init__(self, mean: Float64Array) -> None:
        self.mean = mean

    def __getitem__(self, at: np.ndarray) -> Poissons:
        return Poissons(self.mean[at])

    def first_mass(self) -> Float64Array:
        return exp(-self.mean)

    def ratio(self, k: float) -> Float64Array:
        return self.mean

    def neg_ln_mass(self, k: Float64Array) -> Float64Array:
        return _terms(k, self.mean)

    def tried(self, below: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array]:
        b = 0.931 + 2.53 * np.sqrt(self.mean)
        return -0.059 + 0.02483 * b, b, np.full(below.shape, 0.43), 1.1239 + 1.1328 / (b - 3.4)

    def height(self) -> Float64Array:
        return np.zeros(self.mean.shape)

    def are_within(self, k: Float64Array) -> np.ndarray:
        return k >= 0.0


def _stirling(k: Float64Array) -> Float64Array:
    """ln k! - k ln k + k"""
    factorial, inverse = np.ones(k.shape), 1.0 / k
    for i in range(2, LEAST_FOR_SERIES):
        factorial = factorial * np.where(i <= k, float(i), 1.0)
    z, is_small = inverse * inverse, k < LEAST_FOR_SERIES
    logarithm = ln(np.where(is_small, factorial, TWO_PI * k))
    series = inverse * (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680))))
    return np.where(is_small, logarithm - k * ln(np.where(k > 1.0, k, 1.0)) + k, 0.5 * logarithm + series)


def _deviance(k: Float64Array, mean: Float64Array) -> Float64Array:
    e = (k - mean) / mean
    deviance: Float64Array = mean * fma(1.0 + e, ln1p(e), -e)
    return deviance


def _terms(k: Float64Array, mean: Float64Array) -> Float64Array:
    return _stirling(k) + _deviance(k, mean)


def _searched(of: Poissons | Binomials, word: UInt64Array) -> Float64Array:
    below = unit_below_half(word)
    u, mass, k = np.where(is_upper_half(word), 1.0 - below, below), of.first_mass(), np.zeros(word.shape)
    total = mass
    for step in range(1, MOST_STEPS):
        is_further = (u > total) & (mass > LEAST_MASS)
        if not is_further.any():
            break
        k = k + is_further
        mass = mass * (of.ratio(float(step)) * (1.0 / step))
        total = total + mass
    return k


def _tried(of: Poissons | Binomials, word: UInt64Array, v: Float64Array) -> tuple[Float64Array, np.ndarray]:
    below = unit_below_half(word)
    u = np.where(is_upper_half(word), 0.5 - below, below - 0.5)
    a, b, more, scale = of.tried(below)
    k = np.floor((2.0 * a / below + b) * u + (of.mean + more))
    are_within = of.are_within(k)
    bound = of.height() - of.neg_ln_mass(np.where(are_within, k, 0.0))
    return k, are_within & (ln(v * scale / (a / (below * below) + b)) <= bound)


def _counts(words: Words, place: Place, of: Poissons | Binomials) -> Float64Array:
    drawn, is_small = np.empty(of.mean.shape), of.mean < LEAST_MEAN
    small, left, attempt = np.flatnonzero(is_small), np.flatnonzero(~is_small), 0
    drawn[small] = _searched(of[small], wide(words[0], words[1])[small])
    words = [of_try[left] for of_try in words]
    while left.size:
        v = fma(words[2].astype(np.float64), 2.0**-32, 2.0**-33)
        k, is_taken = _tried(of[left], wide(words[0], words[1]), v)
        drawn[left] = np.where(is_taken, k, 0.0)
        left, attempt = left[~is_taken], attempt + 1
        words = place.words(FOR_FIRST, attempt, left)
    return drawn


def _integers(drawn: Float64Array) -> UInt64Array:
    within = np.where(drawn < 2.0**63, drawn, 0.0).astype(np.int64).astype(np.uint64)
    integers: UInt64Array = np.where(drawn < 2.0**63, within, LARGEST)
    return integers


def poisson(words: Words, place: Place, mean: Float64Array) -> UInt64Array:
    return _integers(_counts(words, place, Poissons(mean)))


def binomial(words: Words, place: Place, n: Float64Array, p: Float64Array) -> UInt64Array:
    drawn = _counts(words, place, Binomials(n, np.where(p > 0.5, 1.0 - p, p)))
    return _integers(np.where(p > 0.5, n - drawn, drawn))


COUNTS: dict[str, Callable[..., np.ndarray]] = {of.__name__: of for of in (poisson, binomial)}

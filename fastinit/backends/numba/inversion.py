"""Distributions that only generators draw from, by inversion, as in csrc/kernels/inversion.h, which has their formulas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy import int64, uint64

from fastinit.backends.numba.distributions import wide_word
from fastinit.backends.numba.elementary import (
    exp_f64,
    expm1_f64,
    ln_f64,
    neg2log_f64,
    neg2log_u_f64,
    sincos_f64,
    split_sum_f64,
    unit_below_half_f64,
)
from fastinit.backends.numba.lanes import LANES, at
from fastinit.backends.numba.operations import Untyped, Words, fma, inlined, sqrt
from fastinit.backends.numba.store import Elements
from fastinit.backends.numba.value_parameters import parameters_of
from fastinit.backends.request import Parameters

Own = tuple[float, float, float]  # a value's parameters


@inlined
def on_both_sides(word: np.uint64, distance: float) -> float:
    return distance if int64(word) < int64(0) else -distance


@inlined
def exponential_of(word: np.uint64) -> float:
    return 0.5 * neg2log_u_f64(word)


@inlined
def laplace_f64(word: np.uint64, c: Own) -> float:
    return fma(on_both_sides(word, -ln_f64(2.0 * unit_below_half_f64(word))), c[1], c[0])


@inlined
def logistic_f64(word: np.uint64, c: Own) -> float:
    p = unit_below_half_f64(word)
    return fma(on_both_sides(word, ln_f64((1.0 - p) / p)), c[1], c[0])


@inlined
def gumbel_f64(word: np.uint64, c: Own) -> float:
    return fma(-ln_f64(exponential_of(word)), c[1], c[0])


@inlined
def rayleigh_f64(word: np.uint64, c: Own) -> float:
    return sqrt(neg2log_u_f64(word)) * c[0]


@inlined
def weibull_f64(word: np.uint64, c: Own) -> float:
    return exp_f64(ln_f64(exponential_of(word)) / c[0])


@inlined
def pareto_f64(word: np.uint64, c: Own) -> float:
    return expm1_f64(exponential_of(word) / c[0])


@inlined
def power_f64(word: np.uint64, c: Own) -> float:
    return exp_f64(-exponential_of(word) / c[0])


@inlined
def cauchy_f64(word: np.uint64, c: Own) -> float:
    p = unit_below_half_f64(word)
    y = 2.0 * p if p <= 0.25 else fma(-2.0, p, 1.0)  # the angle to the nearer axis in quadrants, at most 1/2
    cosine, sine = sincos_f64(y)
    return on_both_sides(word, (cosine if p <= 0.25 else sine) / (sine if p <= 0.25 else cosine))


@inlined
def triangular_f64(word: np.uint64, c: Own) -> float:
    p, width, upper = unit_below_half_f64(word), c[2] - c[0], int64(word) < int64(0)
    u, complement = 1.0 - p if upper else p, p if upper else 1.0 - p
    rise, fall = (c[1] - c[0]) / width, (c[2] - c[1]) / width
    rises = u <= rise
    root = sqrt(rise * u if rises else fall * complement)
    return fma(root if rises else -root, width, c[0] if rises else c[2])


@inlined
def geometric_u64(word: np.uint64, c: Own) -> np.uint64:
    neg2log, f = split_sum_f64(1.0, -c[0])
    trials = float(np.ceil(2.0 * exponential_of(word) / neg2log_f64(neg2log, f)))
    within = 1.0 if trials < 1.0 else trials if trials < 2.0**63 else 1.0
    return uint64(int64(within)) if trials < 2.0**63 else uint64(2**63 - 1)


def _inversion(value_of: Untyped, known: int) -> Callable[[Words, int, Parameters, Words, np.uint64, Elements], None]:
    """The loop of a distribution with `known` parameters."""

    @inlined
    def values(
        words: Words, rows: int, parameters: Parameters, stream: Words, position: np.uint64, values: Elements
    ) -> None:
        for r in range(rows):
            for lane in range(LANES):
                c = parameters_of(parameters, known, position // uint64(2) + at(r, lane))
                values[at(r, lane)] = value_of(wide_word(words, r, lane), c)

    return values


laplace_values_f64 = _inversion(laplace_f64, 2)
logistic_values_f64 = _inversion(logistic_f64, 2)
gumbel_values_f64 = _inversion(gumbel_f64, 2)
rayleigh_values_f64 = _inversion(rayleigh_f64, 1)
weibull_values_f64 = _inversion(weibull_f64, 1)
pareto_values_f64 = _inversion(pareto_f64, 1)
power_values_f64 = _inversion(power_f64, 1)
cauchy_values_f64 = _inversion(cauchy_f64, 0)
triangular_values_f64 = _inversion(triangular_f64, 3)
geometric_values = _inversion(geometric_u64, 1)

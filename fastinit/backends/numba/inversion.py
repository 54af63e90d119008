"""Distributions that only generators draw from, by inversion, as in csrc/kernels/inversion.h, which has their formulas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

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
from fastinit.backends.numba.lanes import LANES, at, wide_word
from fastinit.backends.numba.operations import Untyped, Words, ceil, fma, inlined, sqrt
from fastinit.backends.numba.store import Elements
from fastinit.backends.numba.traced import Value, int64, traced, uint64, where
from fastinit.backends.numba.value_parameters import parameters_of
from fastinit.backends.request import Parameters


@traced
def on_both_sides(word: Value, distance: Value) -> Value:
    return where(int64(word) < 0, distance, -distance)


@traced
def exponential_of(word: Value) -> Value:
    return 0.5 * neg2log_u_f64(word)


@traced
def laplace_f64(word: Value, c: Value) -> Value:
    return fma(on_both_sides(word, -ln_f64(2.0 * unit_below_half_f64(word))), c[1], c[0])


@traced
def logistic_f64(word: Value, c: Value) -> Value:
    p = unit_below_half_f64(word)
    return fma(on_both_sides(word, ln_f64((1.0 - p) / p)), c[1], c[0])


@traced
def gumbel_f64(word: Value, c: Value) -> Value:
    return fma(-ln_f64(exponential_of(word)), c[1], c[0])


@traced
def rayleigh_f64(word: Value, c: Value) -> Value:
    return sqrt(neg2log_u_f64(word)) * c[0]


@traced
def weibull_f64(word: Value, c: Value) -> Value:
    return exp_f64(ln_f64(exponential_of(word)) / c[0])


@traced
def pareto_f64(word: Value, c: Value) -> Value:
    return expm1_f64(exponential_of(word) / c[0])


@traced
def power_f64(word: Value, c: Value) -> Value:
    return exp_f64(-exponential_of(word) / c[0])


@traced
def cauchy_f64(word: Value, c: Value) -> Value:
    p = unit_below_half_f64(word)
    y = where(p <= 0.25, 2.0 * p, fma(-2.0, p, 1.0))  # the angle to the nearer axis in quadrants, at most 1/2
    cosine, sine = sincos_f64(y)
    return on_both_sides(word, where(p <= 0.25, cosine, sine) / where(p <= 0.25, sine, cosine))


@traced
def triangular_f64(word: Value, c: Value) -> Value:
    p, width, upper = unit_below_half_f64(word), c[2] - c[0], int64(word) < 0
    u, complement = where(upper, 1.0 - p, p), where(upper, p, 1.0 - p)
    rise, fall = (c[1] - c[0]) / width, (c[2] - c[1]) / width
    rises = u <= rise
    root = sqrt(where(rises, rise * u, fall * complement))
    return fma(where(rises, root, -root), width, where(rises, c[0], c[2]))


@traced
def geometric_u64(word: Value, c: Value) -> Value:
    neg2log, f = split_sum_f64(1.0, -c[0])
    trials = ceil(2.0 * exponential_of(word) / neg2log_f64(neg2log, f))
    within = where(trials < 1.0, 1.0, where(trials < 2.0**63, trials, 1.0))
    return where(trials < 2.0**63, uint64(int64(within)), uint64(2**63 - 1))


def _inversion(value_of: Untyped, known: int) -> Callable[[Words, int, Parameters, Words, np.uint64, Elements], None]:
    """The loop of a distribution with `known` parameters."""

    @inlined
    def values(
        words: Words, rows: int, parameters: Parameters, stream: Words, position: np.uint64, values: Elements
    ) -> None:
        for r in range(rows):
            for lane in range(LANES):
                c = parameters_of(parameters, known, position // np.uint64(2) + at(r, lane))
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

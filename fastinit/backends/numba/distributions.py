"""Turns random words into the values of a distribution, as in csrc/kernels/distributions.h; values.h describes `parameters`.

`rows` is the number of rows of 16 elements; it is even.
"""

from __future__ import annotations

import numpy as np
from numpy import float32, int32, uint32, uint64

from fastinit.backends.numba.elementary import (
    BITS_2_52,
    BITS_2_84,
    centre_margin_f64,
    exp_f64,
    neg2log_f32,
    neg2log_u_f32,
    neg2log_u_f64,
    polar_f64,
    quantile_centre_f32,
    quantile_centre_f64,
    quantile_middle_f64,
    quantile_tail_f32,
    quantile_tail_f64,
    sincos_f32,
    split_exponent_f32,
)
from fastinit.backends.numba.lanes import LANES, at, wide_word
from fastinit.backends.numba.operations import Words, fma, from_bits_f64, inlined, sqrt
from fastinit.backends.numba.truncated import (
    NEG2LOG_OF_SCALE,
    TAIL_SCALED,
    probability_f32,
    scaled_and_clipped,
    truncated_middle_f64,
    truncated_parameters_f32,
    truncated_parameters_f64,
    truncated_radius_f64,
)
from fastinit.backends.request import Parameters


@inlined
def words_values(words: Words, rows: int, parameters: Parameters, values: Words) -> None:
    for i in range(rows * LANES):
        values[i] = words[i]


@inlined
def uniform_values_f32(words: Words, rows: int, parameters: Parameters, values: Words) -> None:
    low, width = float32(parameters[0]), float32(parameters[1])
    for i in range(rows * LANES):
        u = float32(int32(words[i] >> uint32(8))) * float32(2.0**-24)
        values[i] = fma(u, width, low)


@inlined
def uniform_values_f64(words: Words, rows: int, parameters: Parameters, values: Words) -> None:
    low, width = parameters[0], parameters[1]
    for r in range(rows):
        for lane in range(LANES):
            count = wide_word(words, r, lane) >> uint64(11)
            high = from_bits_f64(BITS_2_84 | count >> uint64(32)) - 2.0**84
            u = (from_bits_f64(BITS_2_52 | count & uint64(0xFFFFFFFF)) - 2.0**52 + high) * 2.0**-53
            values[at(r, lane)] = fma(u, width, low)


@inlined
def normal_values_f32(words: Words, rows: int, parameters: Parameters, values: Words) -> None:
    mean, std = float32(parameters[0]), float32(parameters[1])
    for r in range(0, rows, 2):  # a separate loop, for short chains of dependent instructions
        for lane in range(LANES):
            values[at(r, lane)] = neg2log_u_f32(words[at(r, lane)])
    for r in range(0, rows, 2):
        for lane in range(LANES):
            radius = sqrt(values[at(r, lane)])
            cosine, sine = sincos_f32(words[at(r + 1, lane)])
            values[at(r, lane)] = fma(radius * cosine, std, mean)
            values[at(r + 1, lane)] = fma(radius * sine, std, mean)


@inlined
def normal_values_f64(words: Words, rows: int, parameters: Parameters, values: Words) -> None:
    mean, std = parameters[0], parameters[1]
    for r in range(0, rows, 2):
        for lane in range(LANES):
            values[at(r, lane)] = neg2log_u_f64(wide_word(words, r, lane))
    for r in range(0, rows, 2):
        for lane in range(LANES):
            first, second = polar_f64(sqrt(values[at(r, lane)]), wide_word(words, r + 1, lane))
            values[at(r, lane)] = fma(first, std, mean)
            values[at(r + 1, lane)] = fma(second, std, mean)


@inlined
def exponential_values_f32(words: Words, rows: int, parameters: Parameters, values: Words) -> None:
    scale = float32(parameters[0])
    for i in range(rows * LANES):
        values[i] = float32(0.5) * neg2log_u_f32(words[i]) * scale


@inlined
def exponential_values_f64(words: Words, rows: int, parameters: Parameters, values: Words) -> None:
    scale = parameters[0]
    for r in range(rows):
        for lane in range(LANES):
            values[at(r, lane)] = 0.5 * neg2log_u_f64(wide_word(words, r, lane)) * scale


@inlined
def lognormal_values_f64(words: Words, rows: int, parameters: Parameters, values: Words) -> None:
    normal_values_f64(words, rows, parameters, values)
    for i in range(rows * LANES):
        values[i] = exp_f64(values[i])


@inlined
def truncated_tails_f32(words: Words, first: int, rows: int, c: tuple[np.float32, ...], values: Words) -> None:
    """Write those values of `rows` rows from row `first` on that lie in the tails."""
    for i in range(first * LANES, (first + rows) * LANES):
        tail, v = probability_f32(words[uint64(i)], c)
        e, f = split_exponent_f32(tail)
        x = quantile_tail_f32(sqrt(neg2log_f32(e, f) + c[NEG2LOG_OF_SCALE]))
        x = -x if v < float32(0) else x
        value = scaled_and_clipped(x, c)
        values[uint64(i)] = value if tail < c[TAIL_SCALED] else values[uint64(i)]


SEARCHED = 4  # rows that are searched together for values in the tails


@inlined
def truncated_values_f32(words: Words, rows: int, parameters: Parameters, values: Words) -> None:
    c = truncated_parameters_f32(parameters)
    for i in range(rows * LANES):
        tail, v = probability_f32(words[i], c)
        values[i] = fma(float32(-4) * tail, tail, float32(4) * tail)
    for i in range(rows * LANES):
        e, f = split_exponent_f32(values[i])
        values[i] = neg2log_f32(e, f)
    for r in range(0, rows, SEARCHED):
        found = uint32(0)
        for i in range(r * LANES, (r + SEARCHED) * LANES):
            tail, v = probability_f32(words[uint64(i)], c)
            found |= uint32(tail < c[TAIL_SCALED])
            values[uint64(i)] = scaled_and_clipped(quantile_centre_f32(v, values[uint64(i)]), c)
        if found:
            truncated_tails_f32(words, r, SEARCHED, c, values)


@inlined
def truncated_values_f64(words: Words, rows: int, parameters: Parameters, values: Words) -> None:
    c = truncated_parameters_f64(parameters)
    for r in range(rows):
        outside = uint64(0)  # as wide as the values, so that the loop vectorises
        for lane in range(LANES):
            q = truncated_middle_f64(wide_word(words, r, lane), c)
            margin = centre_margin_f64(q)
            outside |= uint64(margin < 0.0)
            values[at(r, lane)] = scaled_and_clipped(quantile_centre_f64(q, margin), c)
        if outside:
            tails = uint64(0)
            for lane in range(LANES):
                q = truncated_middle_f64(wide_word(words, r, lane), c)
                radius = truncated_radius_f64(wide_word(words, r, lane), c)
                x = quantile_middle_f64(radius)
                x = -x if q < 0.0 else x
                value = scaled_and_clipped(x, c)
                tails |= uint64(radius > 5.0)
                values[at(r, lane)] = value if centre_margin_f64(q) < 0.0 else values[at(r, lane)]
            if tails:
                for lane in range(LANES):
                    q = truncated_middle_f64(wide_word(words, r, lane), c)
                    radius = truncated_radius_f64(wide_word(words, r, lane), c)
                    x = quantile_tail_f64(radius)
                    x = -x if q < 0.0 else x
                    value = scaled_and_clipped(x, c)
                    values[at(r, lane)] = value if radius > 5.0 else values[at(r, lane)]

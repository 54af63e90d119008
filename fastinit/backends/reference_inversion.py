"""The reference's values of distributions that only generators draw from: csrc/kernels/inversion.h in plain NumPy.

Parameters may be each value's own (csrc/kernels/value_parameters.h): functions take the words of a tile's values and one
array for each parameter, all of one shape.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastinit.backends.catalogue import KERNELS
from fastinit.backends.reference_elementary import (
    exp,
    expm1,
    fma,
    is_upper_half,
    ln,
    neg2log,
    neg2log_u,
    sincos_f64,
    split_sum_f64,
    unit_below_half,
)
from fastinit.backends.request import Parameters, Stream
from fastinit.runtime.types import Float64Array, UInt64Array

COUNT, FIRST_VALUE, OF_VALUES = 3, 4, 5


def values_of_tile(kernel: str, words: np.ndarray, parameters: Parameters, stream: Stream, tile: int) -> np.ndarray:
    """All values of a tile, from its words."""
    distribution = KERNELS[kernel].distribution
    own = parameters_of_tile(parameters, distribution.num_parameters, tile * words.size, words.shape)
    values: np.ndarray = INVERSIONS[distribution.name](words, *own)
    return values


def parameters_of_tile(parameters: Parameters, known: int, element: int, shape: tuple[int, ...]) -> list[Float64Array]:
    """The parameters of values `element`, `element` + 1, ..., which take turns."""
    count = int(parameters[COUNT])
    if count == 0:
        return [np.full(shape, parameter) for parameter in parameters[:known]]
    first = int(parameters[FIRST_VALUE : FIRST_VALUE + 1].view(np.uint64)[0])
    turns = ((element - first) % 2**64 % count + np.arange(np.prod(shape))).reshape(shape) % count
    return [parameters[OF_VALUES + k * count + turns] for k in range(known)]


def _on_both_sides(words: UInt64Array, distance: Float64Array) -> Float64Array:
    return np.where(is_upper_half(words), distance, -distance)


def _exponential(words: UInt64Array) -> Float64Array:
    exponential: Float64Array = 0.5 * neg2log_u(words)
    return exponential


def laplace(words: UInt64Array, loc: Float64Array, scale: Float64Array) -> Float64Array:
    return fma(_on_both_sides(words, -ln(2.0 * unit_below_half(words))), scale, loc)


def logistic(words: UInt64Array, loc: Float64Array, scale: Float64Array) -> Float64Array:
    p = unit_below_half(words)
    return fma(_on_both_sides(words, ln((1.0 - p) / p)), scale, loc)


def gumbel(words: UInt64Array, loc: Float64Array, scale: Float64Array) -> Float64Array:
    return fma(-ln(_exponential(words)), scale, loc)


def rayleigh(words: UInt64Array, scale: Float64Array) -> Float64Array:
    drawn: Float64Array = np.sqrt(neg2log_u(words)) * scale
    return drawn


def weibull(words: UInt64Array, a: Float64Array) -> Float64Array:
    return exp(ln(_exponential(words)) / a)


def pareto(words: UInt64Array, a: Float64Array) -> Float64Array:
    return expm1(_exponential(words) / a)


def power(words: UInt64Array, a: Float64Array) -> Float64Array:
    return exp(-_exponential(words) / a)


def cauchy(words: UInt64Array) -> Float64Array:
    p = unit_below_half(words)
    near_axis = p <= 0.25
    y = np.where(near_axis, 2.0 * p, fma(p, -2.0, 1.0))
    cosine, sine = sincos_f64(y)
    return _on_both_sides(words, np.where(near_axis, cosine, sine) / np.where(near_axis, sine, cosine))


def triangular(words: UInt64Array, left: Float64Array, mode: Float64Array, right: Float64Array) -> Float64Array:
    p, width, upper = unit_below_half(words), right - left, is_upper_half(words)
    u, complement = np.where(upper, 1.0 - p, p), np.where(upper, p, 1.0 - p)
    rise, fall = (mode - left) / width, (right - mode) / width
    rises = u <= rise
    root = np.sqrt(np.where(rises, rise * u, fall * complement))
    return fma(np.where(rises, root, -root), width, np.where(rises, left, right))


def geometric(words: UInt64Array, p: Float64Array) -> UInt64Array:
    trials = np.maximum(np.ceil(2.0 * _exponential(words) / neg2log(*split_sum_f64(1.0, -p))), 1.0)
    is_large = trials >= 2.0**63
    return np.where(is_large, np.uint64(2**63 - 1), np.where(is_large, 1.0, trials).astype(np.uint64))


INVERSIONS: dict[str, Callable[..., np.ndarray]] = {
    of.__name__: of for of in (laplace, logistic, gumbel, rayleigh, weibull, pareto, power, cauchy, triangular, geometric)
}

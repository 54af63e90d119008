"""Parameters of distributions that only generators draw from, as in csrc/kernels/value_parameters.h."""

from __future__ import annotations

import numpy as np
from numpy import int64, uint64

from fastinit.backends.numba.operations import bits_f64, inlined
from fastinit.backends.request import Parameters

COUNT, FIRST_VALUE, OF_VALUES = 3, 4, 5


@inlined
def parameter_of(parameters: Parameters, k: int, known: int, element: np.uint64) -> float:
    """Parameter k of value `element` of the stream; 0 where a value has fewer."""
    if k >= known:
        return 0.0
    count = int64(parameters[COUNT])
    if count == int64(0):
        return parameters[k]
    past = uint64(element - bits_f64(parameters[FIRST_VALUE]))
    turn = past if past < uint64(count) else past % uint64(count)
    at: np.uint64 = uint64(OF_VALUES + k * count) + turn
    return parameters[at]


@inlined
def parameters_of(parameters: Parameters, known: int, element: np.uint64) -> tuple[float, float, float]:
    """All parameters of value `element` of the stream."""
    return (
        parameter_of(parameters, 0, known, element),
        parameter_of(parameters, 1, known, element),
        parameter_of(parameters, 2, known, element),
    )

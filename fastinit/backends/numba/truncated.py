"""The values of truncated normals, as in csrc/kernels/distributions.h: what has no branches of it."""

from __future__ import annotations

from collections.abc import Callable

from fastinit.backends.numba.elementary import (
    from_middle_f64,
    neg2log_f64,
    split_f64,
    unit_below_half_f32,
    unit_below_half_f64,
)
from fastinit.backends.numba.operations import Untyped, fma, sqrt
from fastinit.backends.numba.traced import Value, float32, float64, int32, int64, traced, where

(CDF_LOW, SF_LOW, CDF_HIGH, SF_HIGH, MASS_SCALED, MASS, MIDDLE, TAIL_SCALED, NEG2LOG_OF_SCALE, MEAN, STD, LEAST,
 GREATEST) = range(13)  # fmt: skip


def _truncated_parameters(real: Callable[[Untyped], Untyped]) -> Untyped:
    """As a tuple, so that a choice between two of them compiles to a select, not to a branch."""

    @traced
    def truncated_parameters(c: Value) -> tuple[Value, ...]:
        return tuple(real(c[i]) for i in range(GREATEST + 1))

    return truncated_parameters


truncated_parameters_f32, truncated_parameters_f64 = map(_truncated_parameters, (float32, float64))


@traced
def scaled_and_clipped(x: Value, c: tuple[Value, ...]) -> Value:
    x = fma(x, c[STD], c[MEAN])
    x = where(x < c[LEAST], c[LEAST], x)
    return where(x > c[GREATEST], c[GREATEST], x)


@traced
def probability_f32(w: Value, c: tuple[Value, ...]) -> tuple[Value, Value]:
    """The probability beyond the value of a word in the nearer tail (scaled), and P - 1/2."""
    upper = int32(w) < 0  # u > 1/2: count from the high end
    u = unit_below_half_f32(w)
    signed_u = where(upper, -u, u)
    cdf = fma(signed_u, c[MASS_SCALED], where(upper, c[CDF_HIGH], c[CDF_LOW]))
    sf = fma(-signed_u, c[MASS_SCALED], where(upper, c[SF_HIGH], c[SF_LOW]))
    from_middle = float32(int32(w ^ 0x80000000))
    v = fma(fma(from_middle, 2.0**-32, 2.0**-33), c[MASS], c[MIDDLE])
    return where(cdf < sf, cdf, sf), v


@traced
def truncated_middle_f64(w: Value, c: tuple[Value, ...]) -> Value:
    """P - 1/2."""
    return fma(from_middle_f64(w), c[MASS], c[MIDDLE])


@traced
def truncated_radius_f64(w: Value, c: tuple[Value, ...]) -> Value:
    """sqrt(-ln of the probability beyond the value in the nearer tail)."""
    upper = int64(w) < 0
    u = unit_below_half_f64(w)
    signed_u = where(upper, -u, u)
    cdf = fma(signed_u, c[MASS], where(upper, c[CDF_HIGH], c[CDF_LOW]))
    sf = fma(-signed_u, c[MASS], where(upper, c[SF_HIGH], c[SF_LOW]))
    neg2log, f = split_f64(where(cdf < sf, cdf, sf))
    return sqrt(0.5 * neg2log_f64(neg2log, f))

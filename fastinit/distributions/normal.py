"""The normal distribution."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from fastinit.distributions.base import (
    Drawn,
    Quadrature,
    cached,
    check_reach,
    check_std,
    gauss_legendre,
    make_floats,
    rounded_to,
    with_factor,
)
from fastinit.runtime.types import Array, Float64Array, Real
from fastinit.runtime.values import value_class

REACH: dict[Real, float] = {np.float32: 6.77, np.float64: 8.66}
"""How many standard deviations from the mean values may be, by the type that they are computed in."""
NEGLIGIBLE = 80.0  # a normal's density beyond sqrt(mode^2 + 80) is less than e^-40 of that at its mode


@value_class
class Normal(Drawn):
    """Normal with this mean and standard deviation: density exp(-((x - mean) / std)^2 / 2) / (std sqrt(2 pi)).

    Values are made by the Box-Muller transform (1958): float32 ones end 6.76 standard deviations from the mean, float64 ones
    8.65. TypeError for parameters that are not numbers, ValueError where one is not finite and for a negative std.

    >>> import fastinit
    >>> fastinit.distributions.Normal(0.0, 2.0).cdf(2.0).round(4)
    np.float64(0.8413)
    """

    mean: float
    std: float
    kernel: ClassVar[str] = "normal"

    def __post_init__(self) -> None:
        make_floats(self)
        check_std(self.std)

    def parameters(self, real: Real) -> Float64Array:
        return _parameters(self, real)

    @property
    def constant_value(self) -> float | None:
        return self.mean if self.std == 0 else None

    def times(self, factor: float) -> Normal:
        return with_factor(self, factor, "mean", "std")

    def cdf(self, x: Array) -> Float64Array:
        return standard_cdf((x - self.mean) / self.std)

    @property
    def bounds(self) -> tuple[float, float]:
        return -math.inf, math.inf

    @property
    def centre(self) -> float:
        return self.mean

    def quadrature(self) -> Quadrature:
        return normal_quadrature(self.mean, self.std, -math.inf, math.inf)


def standard_cdf(z: Array | float) -> Float64Array:
    """The probability that a standard normal value is below z."""
    scaled = -np.asarray(z, np.float64) / math.sqrt(2)
    return 0.5 * np.array([math.erfc(t) for t in scaled.ravel().tolist()]).reshape(scaled.shape)


def normal_quadrature(mean: float, std: float, low: float, high: float) -> Quadrature:
    """The quadrature of a normal truncated at `low` and `high`, in standard deviations from the mean."""
    mode = min(max(0.0, low), high)
    far = math.sqrt(mode * mode + NEGLIGIBLE)
    z, widths = gauss_legendre(max(low, -far), min(high, far))
    density = np.exp((mode * mode - z * z) / 2)
    density /= widths @ density
    return Quadrature(mean + std * z, widths * density, density / std)


@cached
def _parameters(distribution: Normal, real: Real) -> Float64Array:
    parameters = rounded_to(real, {"mean": distribution.mean, "std": distribution.std})
    check_reach(distribution, real, distribution.mean, distribution.std, -REACH[real], REACH[real])
    return parameters

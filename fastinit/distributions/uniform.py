"""The uniform distribution."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from fastinit.distributions.base import Drawn, Quadrature, cached, gauss_legendre, make_floats, rounded_to, with_factor
from fastinit.runtime.types import Array, Float64Array, Real
from fastinit.runtime.values import value_class


@value_class
class Uniform(Drawn):
    """Uniform on [low, high): mean (low + high) / 2, variance (high - low)^2 / 12.

    A value is low + (high - low) u, u being a multiple of 2^-24 (2^-53 in float64) in [0, 1); rounding may give `high`
    itself, as in NumPy. TypeError for bounds that are not numbers, ValueError for infinity, NaN, and low above high.

    >>> import fastinit
    >>> round(fastinit.distributions.Uniform(-1.0, 3.0).moments().mean, 12)
    1.0
    """

    low: float
    high: float
    kernel: ClassVar[str] = "uniform"

    def __post_init__(self) -> None:
        make_floats(self)
        if not self.low <= self.high:
            raise ValueError(f"low must not be above high, got low={self.low!r}, high={self.high!r}")

    def parameters(self, real: Real) -> Float64Array:
        return _parameters(self, real)

    @property
    def constant_value(self) -> float | None:
        return self.low if self.low == self.high else None

    def times(self, factor: float) -> Uniform:
        return with_factor(self, factor, "low", "high")

    def cdf(self, x: Array) -> Float64Array:
        return np.clip((x - self.low) / (self.high - self.low), 0.0, 1.0)

    @property
    def bounds(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def centre(self) -> float:
        return (self.low + self.high) / 2

    def quadrature(self) -> Quadrature:
        u, weights = gauss_legendre(0.0, 1.0)
        width = self.high - self.low
        return Quadrature(self.low + width * u, weights / weights.sum(), np.full_like(u, 1 / (weights.sum() * width)))


@cached
def _parameters(distribution: Uniform, real: Real) -> Float64Array:
    if math.isinf(distribution.high - distribution.low):
        raise ValueError(f"high - low must be within the range of {real.__name__}, got {distribution}")
    return rounded_to(real, {"low": distribution.low, "high - low": distribution.high - distribution.low})

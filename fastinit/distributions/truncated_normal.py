"""The truncated normal distribution: exact in both tails, by inversion of its cdf."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fastinit.distributions.base import (
    Drawn,
    Quadrature,
    cached,
    check_reach,
    check_std,
    make_floats,
    rounded_to,
    with_factor,
)
from fastinit.distributions.normal import normal_quadrature, standard_cdf
from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import Array, Float64Array, Real
from fastinit.runtime.values import value_class

if TYPE_CHECKING:
    from fractions import Fraction

TWO_LN2 = 1.3862943611198906
FARTHEST = 36.0  # standard deviations: the probabilities farther out are too small for float64


@value_class
class TruncatedNormal(Drawn):
    """Normal with this mean and std, conditioned on lying between mean + low std and mean + high std.

    `low` and `high` are in standard deviations from the mean and may be infinite; `std` is that of the normal before it is
    truncated. A value is the inverse cdf of cdf(low) + u (cdf(high) - cdf(low)); no value is outside the bounds. The inverse
    for float64 is algorithm AS 241 (Wichura 1988) beyond 2.0046 standard deviations. Float32 values are off by up to 4.5
    units in the last place: far out, from 8 standard deviations on, where they are dense, some floats come up more often
    than their neighbours. TypeError for parameters that are not numbers, ValueError for NaN, a negative std, low not below
    high, and bounds that leave nothing within 36 standard deviations of the mean.

    >>> import fastinit
    >>> round(fastinit.distributions.TruncatedNormal(0.0, 1.0, -2.0, 2.0).moments().std, 12)
    0.879625661034
    """

    mean: float
    std: float
    low: float
    high: float
    kernel: ClassVar[str] = "truncated"

    def __post_init__(self) -> None:
        make_floats(self, infinite=("low", "high"))
        check_std(self.std)
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got low={self.low!r}, high={self.high!r}")
        if self.low > FARTHEST or self.high < -FARTHEST:
            raise ValueError(
                f"low and high must leave some of the normal within 36 standard deviations of the mean, "
                f"got low={self.low!r}, high={self.high!r}"
            )

    def parameters(self, real: Real) -> Float64Array:
        return _parameters(self, real)

    @property
    def constant_value(self) -> float | None:
        return self.mean if self.std == 0 else None

    def times(self, factor: float) -> TruncatedNormal:
        return with_factor(self, factor, "mean", "std")

    def cdf(self, x: Array) -> Float64Array:
        z = np.clip((np.asarray(x) - self.mean) / self.std, self.low, self.high)
        side = -1.0 if self.low > 0 else 1.0  # upper tails if low > 0: differences of small numbers lose no digits
        low, at, high = (standard_cdf(side * t) for t in (self.low, z, self.high))
        return (at - low) / (high - low)

    @property
    def bounds(self) -> tuple[float, float]:
        return self.mean + self.low * self.std, self.mean + self.high * self.std

    @property
    def centre(self) -> float:
        return self.mean

    def quadrature(self) -> Quadrature:
        return normal_quadrature(self.mean, self.std, self.low, self.high)


@cached
def _parameters(distribution: TruncatedNormal, real: Real) -> Float64Array:
    """In the order of csrc/kernels/values.h, which says what each one is."""
    with without_forks():
        from decimal import Context, Decimal, localcontext  # exact arithmetic, for the first of these distributions alone

        from fastinit.distributions.normal_tails import cdf_sf

    mean, std = rounded_to(real, {"mean": distribution.mean, "std": distribution.std}).tolist()
    check_reach(
        distribution,
        real,
        mean,
        std,
        *(min(max(bound, -FARTHEST), FARTHEST) for bound in (distribution.low, distribution.high)),
    )
    low, high = (min(max(float(bound), -38.0), 38.0) for bound in (distribution.low, distribution.high))
    with localcontext(Context(prec=400, Emax=10**6, Emin=-(10**6))):
        (cdf_low, sf_low), (cdf_high, sf_high) = cdf_sf(low), cdf_sf(high)
        mass = cdf_high - cdf_low
        largest_tail = min(sf_low, cdf_high)
        k = max(0, -math.frexp(largest_tail)[1]) if real is np.float32 and largest_tail < 2.0**-60 else 0
        scale = Decimal(2) ** k
        numbers = [float(x * scale) for x in (cdf_low, sf_low, cdf_high, sf_high, mass)]
        numbers += [float(mass), float((cdf_low + cdf_high - 1) / 2), math.ldexp(1.0, k - 10), k * TWO_LN2]
    least, greatest = _bounds_inside(distribution, mean, std, real)
    with np.errstate(over="ignore"):  # scaling overflows float32 only in the tail that is not used
        parameters = np.array([*numbers, mean, std, least, greatest]).astype(real).astype(np.float64)
    return parameters


def _bounds_inside(distribution: TruncatedNormal, mean: float, std: float, real: Real) -> tuple[float, float]:
    """The least and the greatest number of type `real` between the bounds; where none lies between, the one below."""
    least = _rounded(mean, std, distribution.low, real, towards=np.inf)
    greatest = _rounded(mean, std, distribution.high, real, towards=-np.inf)
    return (least, greatest) if least <= greatest else (greatest, greatest)


def _rounded(mean: float, std: float, bound: float, real: Real, towards: float) -> float:
    """mean + bound std, rounded towards the inside of the interval."""
    if std == 0 or math.isinf(bound):
        return mean if std == 0 else bound
    with without_forks():
        from fractions import Fraction

    exact: float | Fraction = bound if (mean, std) == (0, 1) else Fraction(mean) + Fraction(std) * Fraction(bound)
    largest = float(np.finfo(real).max)
    if not -largest <= exact <= largest:  # Python compares floats with fractions exactly
        return math.copysign(largest, exact)
    nearest = float(real(float(exact)))
    outside = nearest < exact if towards > 0 else nearest > exact
    return float(np.nextafter(real(nearest), real(towards))) if outside else float(nearest)

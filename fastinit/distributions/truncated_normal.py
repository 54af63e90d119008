"""The distributions that values are drawn from: their parameters, checked, and in the form that the kernels take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from fastinit.distributions.normal_tails import cdf_sf

TWO_LN2 = 1.3862943611198906


@dataclass(frozen=True)
class Constant:
    """Every value is `value`."""

    value: float

    def __post_init__(self) -> None:
        _make_floats(self, infinite=("value",))

    def parameters(self, real: type[np.floating]) -> np.ndarray:
        return _exact(real, {"value": self.value})


@dataclass(frozen=True)
class Uniform:
    """Uniform on [low, high); rounding may return `high` itself, as in NumPy."""

    low: float
    high: float
    kernel = "uniform"

    def __post_init__(self) -> None:
        _make_floats(self)
        if not self.low <= self.high:
            raise ValueError(f"low must not be above high, got low={self.low!r}, high={self.high!r}")

    def parameters(self, real: type[np.floating]) -> np.ndarray:
        return _uniform_parameters(self, real)


@dataclass(frozen=True)
class Normal:
    """Normal with this mean and standard deviation."""

    mean: float
    std: float
    kernel = "normal"

    def __post_init__(self) -> None:
        _make_floats(self)
        _check_std(self.std)

    def parameters(self, real: type[np.floating]) -> np.ndarray:
        return _normal_parameters(self, real)


@dataclass(frozen=True)
class TruncatedNormal:
    """Normal with this mean and std, conditioned on lying between mean + low std and mean + high std.

    `low` and `high` are in standard deviations from the mean and may be infinite; `std` is that of the normal before it is
    cut. No value is outside the bounds.
    """

    mean: float
    std: float
    low: float
    high: float
    kernel = "truncated"

    def __post_init__(self) -> None:
        _make_floats(self, infinite=("low", "high"))
        _check_std(self.std)
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got low={self.low!r}, high={self.high!r}")
        if self.low > 36 or self.high < -36:
            raise ValueError(
                f"low and high must leave some of the normal within 36 standard deviations of the mean, "
                f"got low={self.low!r}, high={self.high!r}"
            )

    def parameters(self, real: type[np.floating]) -> np.ndarray:
        return _truncated_parameters(self, real)


@dataclass(frozen=True)
class WholeTensor:
    """Values that are made together, for the whole tensor at once: `initializer.values(shape, layout, draws)`."""

    initializer: Any
    shape: tuple[int, ...]
    layout: Any

    def values(self, draws: Any) -> np.ndarray:
        """All of them, as `draws.real` (fastinit.core.fill.Draws): drawn from its stream and from nothing else."""
        values = self.initializer.values(self.shape, self.layout, draws)
        return np.asarray(values, draws.real, order="C")

    def __repr__(self) -> str:
        return repr(self.initializer)


Distribution = Constant | Uniform | Normal | TruncatedNormal | WholeTensor


@lru_cache(maxsize=256)
def _uniform_parameters(distribution: Uniform, real: type[np.floating]) -> np.ndarray:
    return _exact(real, {"low": distribution.low, "high - low": distribution.high - distribution.low})


@lru_cache(maxsize=256)
def _normal_parameters(distribution: Normal, real: type[np.floating]) -> np.ndarray:
    return _exact(real, {"mean": distribution.mean, "std": distribution.std})


@lru_cache(maxsize=256)
def _truncated_parameters(distribution: TruncatedNormal, real: type[np.floating]) -> np.ndarray:
    """In the order of csrc/distributions.h, which says what each one is."""
    mean, std = _exact(real, {"mean": distribution.mean, "std": distribution.std}).tolist()
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
    with np.errstate(over="ignore"):  # what is scaled out of float32's range belongs to the other tail
        parameters = np.array([*numbers, mean, std, least, greatest]).astype(real).astype(np.float64)
    return parameters


def _bounds_inside(distribution: TruncatedNormal, mean: float, std: float, real: type[np.floating]) -> tuple[float, float]:
    """The least and the greatest number of type `real` between the bounds; where none lies between, the one below."""
    least = _rounded(mean, std, distribution.low, real, towards=np.inf)
    greatest = _rounded(mean, std, distribution.high, real, towards=-np.inf)
    return (least, greatest) if least <= greatest else (greatest, greatest)


def _rounded(mean: float, std: float, bound: float, real: type[np.floating], towards: float) -> float:
    """mean + bound std, rounded towards the inside of the interval."""
    if std == 0 or math.isinf(bound):
        return mean if std == 0 else bound
    exact = Fraction(mean) + Fraction(std) * Fraction(bound)
    largest = Fraction(float(np.finfo(real).max))
    if abs(exact) > largest:
        return math.copysign(float(largest), exact)
    nearest = real(float(exact))
    outside = Fraction(float(nearest)) < exact if towards > 0 else Fraction(float(nearest)) > exact
    return float(np.nextafter(nearest, real(towards))) if outside else float(nearest)


def _exact(real: type[np.floating], numbers: dict[str, float]) -> np.ndarray:
    """The numbers rounded to `real`, as float64. ValueError for one beyond its range."""
    with np.errstate(over="ignore"):
        rounded = np.array([*numbers.values()]).astype(real)
    for name, number, value in zip(numbers, numbers.values(), rounded.tolist()):
        if math.isinf(value) and not math.isinf(number):
            raise ValueError(f"{name} must be within the range of {real.__name__}, got {number!r}")
    return rounded.astype(np.float64)


def _make_floats(distribution: Distribution, infinite: tuple[str, ...] = ()) -> None:
    """Turn the fields into floats. TypeError for what is no number, ValueError for NaN, and infinity if not allowed."""
    for name, value in vars(distribution).items():
        real = value if type(value) is float else number(name, value)
        if not math.isfinite(real) and (real != real or name not in infinite):
            raise ValueError(f"{name} must be {'a number' if name in infinite else 'finite'}, got {value!r}")
        vars(distribution)[name] = real  # past the frozen class's __setattr__


def number(name: str, value: Any) -> float:
    """The argument `name` as a float. TypeError for what is no number."""
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None


def _check_std(std: float) -> None:
    if std < 0:
        raise ValueError(f"std must not be negative, got {std!r}")

"""The distributions of values computed from other values: multiplied, shifted, clamped, passed through a function."""

from __future__ import annotations

import math
from statistics import NormalDist

from fastinit.distributions.base import Distribution
from fastinit.distributions.constant import Constant
from fastinit.distributions.normal import Normal
from fastinit.distributions.truncated_normal import TruncatedNormal
from fastinit.distributions.uniform import Uniform
from fastinit.runtime.values import replace

CLOSE = 1e-4
"""In standard deviations: how near to a bound code clamps that has computed the bound from a cdf in float32 or float64.
timm's `trunc_normal_` clamps at the bound itself, which its own arithmetic misses by 1e-7 to 1e-5."""
NEVER = 2.0**-64
"""A probability that no tensor is large enough to show."""


def affine(distribution: Distribution, factor: float, shift: float = 0.0) -> Distribution | None:
    """The distribution of factor * value + shift; None where it is none of ours.

    >>> from fastinit.distributions import Normal, Uniform
    >>> affine(Normal(0.0, 1.0), -0.02, 1.0), affine(Uniform(0.0, 1.0), -2.0, 1.0)
    (Normal(mean=1.0, std=0.02), Uniform(low=-1.0, high=1.0))
    """
    if factor == 1 and shift == 0:
        return distribution
    if factor == 0 or not (math.isfinite(factor) and math.isfinite(shift)):
        return None
    match distribution:
        case Constant(value):
            return Constant(factor * value + shift)
        case Normal(mean, std):
            return Normal(_tidy(factor * mean + shift), _tidy(abs(factor) * std))
        case Uniform(low, high):
            low, high = sorted((factor * low + shift, factor * high + shift))
            return Uniform(_tidy(low), _tidy(high))
        case TruncatedNormal(mean, std, low, high):
            low, high = (low, high) if factor > 0 else (-high, -low)
            return TruncatedNormal(_tidy(factor * mean + shift), _tidy(abs(factor) * std), low, high)
    return None


def clamped(distribution: Distribution, low: float = -math.inf, high: float = math.inf) -> Distribution | None:
    """The distribution of values of which those below `low` became `low`, and those above `high` became `high`.

    None where values at the bounds pile up, so that it is none of ours.

    >>> from fastinit.distributions import TruncatedNormal, Uniform
    >>> clamped(Uniform(-1.0, 1.0), low=-2.0), clamped(TruncatedNormal(0.0, 0.5, -2.0000001, 2.0), -1.0, 1.0)
    (Uniform(low=-1.0, high=1.0), TruncatedNormal(mean=0.0, std=0.5, low=-2.0, high=2.0))
    """
    match distribution:
        case Constant(value):
            return Constant(min(max(value, low), high))
        case Uniform(least, greatest):
            return distribution if low <= least and greatest <= high else None
        case Normal(mean, std) if std > 0:
            cdf = NormalDist().cdf
            outside = cdf((low - mean) / std) + cdf((mean - high) / std)
            bounds = _tidy((low - mean) / std), _tidy((high - mean) / std)
            return TruncatedNormal(mean, std, *bounds) if outside < NEVER else None
        case TruncatedNormal(mean, std) if std > 0:
            bounds = _tidy((low - mean) / std), _tidy((high - mean) / std)
            if all(map(_is_near_or_outside, bounds, (distribution.low, distribution.high), (-1.0, 1.0))):
                return replace(
                    distribution, low=_nearer(bounds[0], distribution.low), high=_nearer(bounds[1], distribution.high)
                )
    return None


def erfinv(distribution: Distribution) -> Distribution | None:
    """The distribution of erfinv(value): a truncated normal for a uniform one within [-1, 1], else None.

    >>> from fastinit.distributions import Uniform
    >>> erfinv(Uniform(-1.0, 1.0))
    Normal(mean=0.0, std=0.7071067811865476)
    """
    match distribution:
        case Uniform(low, high) if -1 <= low < high <= 1:
            z_low, z_high = _normal_quantile(low), _normal_quantile(high)
            std = math.sqrt(0.5)
            return Normal(0.0, std) if z_high == -z_low == math.inf else TruncatedNormal(0.0, std, z_low, z_high)
    return None


def _tidy(x: float) -> float:
    """The number of 15 digits next to x: what 0.02 * sqrt(2) * sqrt(1 / 2) was meant to be."""
    return float(f"{x:.15g}")


def _normal_quantile(u: float) -> float:
    """The z with cdf(z) = (1 + u) / 2."""
    return math.copysign(math.inf, u) if abs(u) == 1 else NormalDist().inv_cdf((1 + u) / 2)


def _is_near_or_outside(clamp: float, bound: float, side: float) -> bool:
    """Whether a clamp changes nothing but the rounding of values at the bound. `side`: -1 for low, 1 for high."""
    return side * clamp >= side * bound - CLOSE or (math.isinf(bound) and NormalDist().cdf(-side * clamp) < NEVER)


def _nearer(clamp: float, bound: float) -> float:
    """The clamp where it is the bound up to rounding, or where there was none; else the bound."""
    return clamp if abs(clamp - bound) <= CLOSE or math.isinf(bound) else bound

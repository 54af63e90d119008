"""What a distribution promises of a tensor of some dtype: moments, bounds and probabilities, the dtype's rounding included."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import ml_dtypes
import numpy as np

from fastinit.auditing.patterns import is_narrow, patterns, rounded
from fastinit.distributions import Constant, Normal, TruncatedNormal, Uniform

Cdf = Callable[[np.ndarray], np.ndarray]

NEGLIGIBLE = 80.0  # a normal's density beyond sqrt(mode^2 + 80) is less than e^-40 of that at its mode
ALL_BUT_ONE = 1 - 1e-9  # the share of one value from which on a narrow dtype is taken to hold nothing else
ROUNDINGS = 4  # units of the computing type by which a bound, computed from mean and std, may be off
NO_MEAN = 1e-12  # std: what rounding leaves of a mean of 0
PANELS, NODES = 64, 20  # of the Gauss-Legendre rule over the rest: exact to the last digits


@dataclass(frozen=True)
class Nominal:
    """`kurtosis` and `sixth` are the 4th and 6th central moments over std^4 and std^6: 3 and 15 for a normal.

    `low` and `high`: what rounding may turn the distribution's bounds into. `spacing`: of the dtype, where its values are largest.
    `coincidence`: the probability that two values are equal, rounding alone considered. `pmf`: of a narrow dtype, the
    probability of each of its `patterns(dtype).values`.
    """

    dtype: np.dtype
    mean: float
    std: float
    skewness: float
    kurtosis: float
    sixth: float
    low: float
    high: float
    cdf: Cdf
    spacing: float
    coincidence: float
    pmf: np.ndarray | None

    @property
    def skewness_of_squares(self) -> float:
        """The skewness of the squared deviation from the mean."""
        return (self.sixth - 3 * self.kurtosis + 2) / (self.kurtosis - 1) ** 1.5

    @property
    def share_of_zero(self) -> float:
        """By rounding alone."""
        return 0.0 if self.pmf is None else float(self.pmf[patterns(self.dtype).values == 0].sum())

    def probabilities(self, edges: np.ndarray) -> np.ndarray:
        """Of a value below the first edge, between each edge and the next (the left one included), and from the last on."""
        if self.pmf is not None:
            bins = np.searchsorted(edges, patterns(self.dtype).values, side="right")
            return np.bincount(bins, self.pmf, minlength=len(edges) + 1)
        return np.diff(self.cdf(edges), prepend=0.0, append=1.0)


def constant_of(distribution: object) -> float | None:
    """The one value of a distribution that has only one, else None."""
    if isinstance(distribution, Constant):
        return distribution.value
    if isinstance(distribution, Uniform) and distribution.low == distribution.high:
        return distribution.low
    if isinstance(distribution, Normal | TruncatedNormal) and distribution.std == 0:
        return distribution.mean
    return None


def nominal_of(distribution: object, dtype: np.dtype) -> Nominal | None:
    """None for a constant, for a distribution that the dtype rounds to one, and for a distribution whose density is not known here."""
    if not isinstance(distribution, Uniform | Normal | TruncatedNormal) or constant_of(distribution) is not None:
        return None
    return _nominal(distribution, dtype)


@lru_cache(maxsize=256)
def _nominal(distribution: Uniform | Normal | TruncatedNormal, dtype: np.dtype) -> Nominal | None:
    cdf, low, high = _cdf_and_bounds(distribution)
    reach = _reach(low, -1.0, distribution, dtype), _reach(high, 1.0, distribution, dtype)
    if is_narrow(dtype):
        pmf = _pmf(cdf, dtype)
        if pmf.max() > ALL_BUT_ONE:
            return None
        moments = _moments(patterns(dtype).values, pmf / pmf.sum())
        return Nominal(dtype, *moments, *reach, cdf, 0.0, float(pmf @ pmf), pmf)
    values, weights, density = _quadrature(distribution)
    spacing = np.spacing(np.abs(values).astype(dtype)).astype(np.float64)
    mean, std, *standardized = _moments(values, weights)
    widest = float(spacing[np.abs(values - mean) < 3 * std].max())
    if std < widest:
        return None
    std = math.hypot(std, widest / math.sqrt(12))  # rounding adds the variance of a uniform
    coincidence = float(weights @ (density * spacing))
    return Nominal(dtype, mean, std, *standardized, *reach, cdf, widest, coincidence, None)


def _cdf_and_bounds(distribution: Uniform | Normal | TruncatedNormal) -> tuple[Cdf, float, float]:
    if isinstance(distribution, Uniform):
        return (
            (lambda x: np.clip((x - distribution.low) / (distribution.high - distribution.low), 0.0, 1.0)),
            distribution.low,
            distribution.high,
        )
    if isinstance(distribution, Normal):
        return (lambda x: _normal_cdf((x - distribution.mean) / distribution.std)), -math.inf, math.inf
    return (
        partial(_truncated_cdf, distribution),
        distribution.mean + distribution.low * distribution.std,
        distribution.mean + distribution.high * distribution.std,
    )


def _truncated_cdf(distribution: TruncatedNormal, x: np.ndarray) -> np.ndarray:
    z = np.clip((np.asarray(x) - distribution.mean) / distribution.std, distribution.low, distribution.high)
    if distribution.low > 0:  # differences of upper tails, which are small numbers and so have all their digits
        low, at, high = (_normal_cdf(-np.asarray(t)) for t in (distribution.low, z, distribution.high))
        return (low - at) / (low - high)
    low, at, high = (_normal_cdf(np.asarray(t)) for t in (distribution.low, z, distribution.high))
    return (at - low) / (high - low)


def _normal_cdf(z: np.ndarray) -> np.ndarray:
    scaled = -np.asarray(z, np.float64) / math.sqrt(2)
    return 0.5 * np.array([math.erfc(t) for t in scaled.ravel().tolist()]).reshape(scaled.shape)


def _pmf(cdf: Cdf, dtype: np.dtype) -> np.ndarray:
    """Of each finite value of a narrow dtype, the mass that is nearest to it."""
    values = patterns(dtype).values
    return np.diff(cdf((values[1:] + values[:-1]) / 2), prepend=0.0, append=1.0)


def _quadrature(distribution: Uniform | Normal | TruncatedNormal) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, their weights, which sum to 1, and the density there: averages over them are averages over the distribution."""
    if isinstance(distribution, Uniform):
        centre, scale, mode, low, high = distribution.low, distribution.high - distribution.low, 0.0, 0.0, 1.0
    else:
        low, high = (
            (distribution.low, distribution.high) if isinstance(distribution, TruncatedNormal) else (-math.inf, math.inf)
        )
        mode = min(max(0.0, low), high)
        far = math.sqrt(mode * mode + NEGLIGIBLE)
        centre, scale, low, high = distribution.mean, distribution.std, max(low, -far), min(high, far)
    z, widths = _gauss_legendre(low, high)
    density = np.ones_like(z) if isinstance(distribution, Uniform) else np.exp((mode * mode - z * z) / 2)
    density /= widths @ density
    return centre + scale * z, widths * density, density / scale


def _gauss_legendre(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    half = (high - low) / PANELS / 2
    centres = low + half * np.arange(1, 2 * PANELS, 2)
    return (centres[:, None] + half * nodes).ravel(), half * np.tile(weights, PANELS)


def _moments(values: np.ndarray, weights: np.ndarray) -> tuple[float, float, float, float, float]:
    mean = float(weights @ values)
    deviation = values - mean
    std = math.sqrt(weights @ deviation**2)
    mean = 0.0 if abs(mean) < NO_MEAN * std else mean
    z = deviation / std
    return mean, std, *(float(weights @ z**k) for k in (3, 4, 6))


def _real(dtype: np.dtype) -> np.dtype:
    """The type that values of this dtype are computed in before they are rounded to it."""
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


def _reach(bound: float, side: float, distribution: Uniform | Normal | TruncatedNormal, dtype: np.dtype) -> float:
    """The farthest value, to that side, which a bound may be rounded onto: first some units of the computing type, then by
    the dtype."""
    if math.isinf(bound):
        return bound
    centre = (distribution.low + distribution.high) / 2 if isinstance(distribution, Uniform) else distribution.mean
    farthest = bound + side * ROUNDINGS * float(ml_dtypes.finfo(_real(dtype)).eps) * max(abs(bound), abs(centre))
    value = rounded(farthest, dtype)
    return side * max(side * farthest, side * value) if math.isfinite(value) else side * math.inf

"""Mean squares E[f(z)^2] of a standard normal z: in closed form for polynomials, for any f by quadrature.

The quadrature is that of Clenshaw and Curtis (1960) on panels of length 1. A panel is halved where its polynomial misses a
value at the nodes of its halves: two sums may agree by luck in spite of a kink, but not so many values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any, TypeAlias

import numpy as np

from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import Array

NODES = 16  # of a panel, its ends included: a kink beyond the last node would be missed
INSIDE = 2.0**-47  # the last bit of 38: the outer nodes are so far inside the panel that a jump at its end is not
CORE = 12  # |z| up to which all panels are evaluated
FARTHEST = 38  # |z| beyond which the normal density is subnormal
TOLERANCE = 1e-13  # of the integral, for a missed value times the panel's length; the sum is far more accurate
MOST_PANELS = 1 << 17  # at once
NOTHING = 1e-15  # of the integral: below it the outermost panels end the sum
DEEPEST = 100  # halvings of a panel
PROBE = np.array([-1.5, -0.5, 0.5, 1.5])

Values: TypeAlias = Callable[[Array], Array]


def polynomial_mean_square(low: float, high: float, coefficients: tuple[float, ...], derivative: bool = False) -> float:
    """E[p(z)^2; low < z < high] for the polynomial p of these coefficients, the constant first, or for its derivative."""
    with without_forks():
        from numpy.polynomial.polynomial import polyder  # which NumPy itself leaves out until it is used

    p = polyder(coefficients) if derivative else coefficients
    square = np.convolve(p, p)
    return float(square @ _partial_moments(low, high, len(square)))


def _partial_moments(low: float, high: float, n: int) -> list[float]:
    """E[z^k; low < z < high] for k < n. By parts: M_k = (k - 1) M_(k-2) + low^(k-1) pdf(low) - high^(k-1) pdf(high)."""
    moments = [(math.erfc(low / math.sqrt(2)) - math.erfc(high / math.sqrt(2))) / 2]
    for k in range(1, n):
        moments.append((k - 1) * moments[k - 2] + _power_times_pdf(low, k - 1) - _power_times_pdf(high, k - 1))
    return moments


def _power_times_pdf(z: float, power: int) -> float:
    return 0.0 if math.isinf(z) else z**power * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


@np.errstate(all="ignore")  # values that are not finite raise errors below
def normal_mean_square(f: Callable[[Any], Any], called: str = "activation") -> float:
    """E[f(z)^2] for z ~ N(0, 1), to 1e-12 of itself for an f that is smooth except at kinks and jumps.

    `f` takes an array, or else one number at a time; where its values are float32 or float16, the error is theirs. Peaks
    narrower than 1/20 may lie between the first nodes and be missed. ValueError, which calls f `called`, where a value is
    not finite or not one real number for each z, where halving does not end, and where E[f(z)^2] is infinite.
    """
    values = _on_arrays(f)
    tolerance = max(TOLERANCE, _precision(values(PROBE.copy())))

    def density(z: Array) -> Array:
        return _square_times_pdf(values, z.ravel(), called).reshape(z.shape)

    total = _integral(density, np.arange(-CORE, CORE), 0.0, tolerance, called)
    for reach in range(CORE, FARTHEST):  # the next panel on either side, until they add nothing
        ring = _integral(density, np.array([-reach - 1, reach]), total, tolerance, called)
        total += ring
        if ring <= NOTHING * total:
            return total
    raise ValueError(f"{called} grows too fast: E[f(z)^2] does not converge within |z| = {FARTHEST}")


def _integral(density: Values, low: Array, known: float, tolerance: float, called: str) -> float:
    """The integral over panels of length 1 from each `low` on, to `tolerance` of it plus `known`, that of other panels."""
    nodes, weights, to_halves = _clenshaw_curtis()
    width, done = 1.0, 0.0
    panels = density(low[:, None] + nodes)
    for _ in range(DEEPEST):
        if low.size > MOST_PANELS:
            break
        width /= 2
        low = np.stack([low, low + width])
        halves = density(low[..., None] + width * nodes)
        integrals = (halves @ weights).sum(axis=0) * width
        misses = np.abs(halves - panels @ to_halves).max(axis=(0, 2)) * 2 * width
        unsure = misses > tolerance * (known + done + integrals.sum())
        done += float(integrals[~unsure].sum())
        if not unsure.any():
            return done
        low, panels = low[:, unsure].ravel(), halves[:, unsure].reshape(-1, NODES)
    raise ValueError(
        f"{called} is too rough for {tolerance:.0e} near z = {low.flat[0]:.6g}: E[f(z)^2] does not converge; its values "
        f"may be unbounded, or computed in float32 and returned as float64"
    )


@cache
def _clenshaw_curtis() -> tuple[Array, Array, Array]:
    """On [0, 1]: nodes, weights, and for each half the matrix from values at the nodes to those of the half."""
    with without_forks():
        from numpy.polynomial.legendre import legvander

    nodes = np.sin(np.linspace(0, math.pi / 2, NODES)) ** 2
    legendre = partial(legvander, deg=NODES - 1)  # polynomials on [-1, 1], so at 2 nodes - 1
    coefficients = np.linalg.inv(legendre(2 * nodes - 1))  # the first of which is the polynomial's mean
    to_halves = np.stack([legendre(nodes - 1), legendre(nodes)]) @ coefficients
    return np.clip(nodes, INSIDE, 1 - INSIDE), coefficients[0], to_halves.transpose(0, 2, 1)


def _square_times_pdf(values: Values, z: Array, called: str) -> Array:
    """f(z)^2 pdf(z), with the density under the square, so that the product overflows last."""
    f = values(z.copy())
    if f.shape != z.shape or f.dtype.kind not in "biuf":
        raise ValueError(f"{called} must return one real number for each z: got {f.dtype} {f.shape} for {z.shape}")
    squares: Array = np.square(f * np.exp(-0.25 * z * z)) / math.sqrt(2 * math.pi)
    if not np.isfinite(squares).all():
        at = int(np.argmin(np.isfinite(squares)))
        raise ValueError(f"{called} must have finite values, and E[f(z)^2] be finite: got {f[at]!s} at z = {z[at]:.6g}")
    return squares


def _on_arrays(f: Callable[[Any], Any]) -> Values:
    """f with NumPy arrays as values; called number by number where it does not take arrays."""
    try:
        f(PROBE.copy())
    except (TypeError, ValueError):
        return lambda z: np.asarray([np.asarray(f(number)) for number in z.tolist()])
    return lambda z: np.asarray(f(z))


def _precision(values: Array) -> float:
    """How far the values' type rounds."""
    return float(np.finfo(values.dtype).eps) if values.dtype.kind == "f" else 0.0

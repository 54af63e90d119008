"""Whether two samples have one distribution, at a significance that holds for all tests of a sweep together.

Each test alone is wrong with the probability SIGNIFICANCE. Bonferroni: a sweep has some 10^5 tensors, with fewer than 10
ways each and at most 27 tests a way (KS, bounds, mean and spread of the whole and of 6 blocks along 2 axes), so fewer than
3 * 10^7 tests; all together raise a false alarm in fewer than one sweep of 30.
"""

from __future__ import annotations

from functools import cache
from math import log, prod, sqrt

import numpy as np
from scipy.special import stdtrit

SIGNIFICANCE = 1e-9
FEWEST = 16  # values that are tested for mean and spread: of fewer their sums are too far from normal at such a significance
BLOCKS = 6  # so that halves and thirds (fused q, k, v) are unions of blocks
MOST = 1 << 14  # values of a tensor that are tested


def sample(n: int) -> np.ndarray:
    """Indices of at most MOST of n values, spread evenly, with a step that shares no factor with usual sizes."""
    step = -(-n // MOST)
    while step > 1 and (step % 2 == 0 or step % 3 == 0 or step % 5 == 0 or step % 7 == 0):
        step += 1
    return np.arange(0, n, step)


def difference(ours: np.ndarray, stock: np.ndarray, blocks: list[np.ndarray]) -> str | None:
    """How `ours` differs from the rows of `stock`, the same tensor made with other seeds; None where nothing shows.

    `blocks`: for each axis the block of each value.
    """
    if not np.isfinite(ours).all():
        return "not finite"
    pooled = stock.ravel()
    if len(ours) >= FEWEST:
        if reason := _by_moments(ours, pooled):
            return reason
        for axis in blocks:
            order = np.bincount(axis, minlength=BLOCKS)
            for block in np.flatnonzero(order >= FEWEST):
                chosen = axis == block
                if reason := _by_moments(ours[chosen], stock[:, chosen].ravel()):
                    return f"in a part of it {reason}"
    return _by_bounds(ours, pooled) or _by_family(ours, pooled)


def _by_moments(ours: np.ndarray, stock: np.ndarray) -> str | None:
    """Welch's test on the values, and on their distances from the median (Brown and Forsythe's test of equal spread)."""
    if _welch(ours, stock):
        return f"mean {ours.mean():.3g} instead of {stock.mean():.3g}"
    center = np.median(stock)
    if _welch(abs(ours - center), abs(stock - center)):
        return f"std {ours.std():.3g} instead of {stock.std():.3g}"
    return None


def _welch(a: np.ndarray, b: np.ndarray) -> bool:
    u, v = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    distance = abs(a.mean() - b.mean())
    if u + v == 0:
        return bool(distance > 0)
    freedom = (u + v) ** 2 / (u * u / (len(a) - 1) + v * v / (len(b) - 1))
    return bool(distance > _threshold(round(freedom, 1)) * sqrt(u + v))


@cache
def _threshold(freedom: float) -> float:
    return -float(stdtrit(freedom, SIGNIFICANCE / 2))


def _by_bounds(ours: np.ndarray, stock: np.ndarray) -> str | None:
    """If the two are one sample, its k largest are all from one part with at most that part's share to the power k."""
    n = len(ours) + len(stock)
    for sign, name in ((1, "maximum"), (-1, "minimum")):
        a, b = sign * ours, sign * stock
        beyond, behind = np.count_nonzero(a > b.max()), np.count_nonzero(b > a.max())
        if min(beyond * log(len(a) / n), behind * log(len(b) / n)) < log(SIGNIFICANCE):
            return f"{name} {sign * a.max():.3g} instead of {sign * b.max():.3g}"
    return None


def _by_family(ours: np.ndarray, stock: np.ndarray) -> str | None:
    """Kolmogorov and Smirnov's test, by Massart's bound 2 exp(-2 D^2 nm / (n + m)), which holds for all n and m."""
    a, b = np.sort(ours), np.sort(stock)
    both = np.concatenate([a, b])
    cdfs = [np.searchsorted(x, both, side="right") / len(x) for x in (a, b)]
    distance = abs(cdfs[0] - cdfs[1]).max()
    if distance > sqrt(log(2 / SIGNIFICANCE) / 2 * (1 / len(a) + 1 / len(b))):
        return f"another family (KS distance {distance:.2f})"
    return None


def blocks_of(index: np.ndarray, shape: tuple[int, ...]) -> list[np.ndarray]:
    """For the first and the last axis, which of BLOCKS equal parts each flat index lies in."""
    if len(shape) == 0:
        return []
    found = [index // prod(shape[1:]) * BLOCKS // shape[0]]
    if len(shape) > 1:
        found.append(index % shape[-1] * BLOCKS // shape[-1])
    return found

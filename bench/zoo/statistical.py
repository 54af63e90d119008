"""Whether two samples have one distribution, at a significance that holds for all tests of a sweep together.

Each test alone is wrong with the probability SIGNIFICANCE. Bonferroni: a sweep has some 10^5 tensors, with fewer than 10
ways each and at most 27 tests a way (KS, bounds, mean and spread of the whole and of 6 blocks along 2 axes), so fewer than
3 * 10^7 tests; all together raise a false alarm in fewer than one sweep of 30.
"""

from __future__ import annotations

from math import log, prod, sqrt

import numpy as np
from scipy.special import stdtrit

SIGNIFICANCE = 1e-9
DOUBTFUL = 1e-4  # at which a further stock construction shows that stock is not one distribution with independent values
FEWEST = 16  # values that are tested for mean and spread: of fewer their sums are too far from normal at such a significance
BLOCKS = 6  # so that halves and thirds (fused q, k, v) are unions of blocks
MOST = 1 << 14  # values of a tensor that are tested


def sample(n: int) -> np.ndarray:
    """Indices of at most MOST of n values, spread evenly, with a step that shares no factor with usual sizes."""
    step = -(-n // MOST)
    while step > 1 and (step % 2 == 0 or step % 3 == 0 or step % 5 == 0 or step % 7 == 0):
        step += 1
    return np.arange(0, n, step)


class Reference:
    """Values of one tensor made with several seeds, a row each, that others are compared with."""

    def __init__(self, rows: np.ndarray, blocks: list[np.ndarray]) -> None:
        """`blocks`: for each axis the block of each column."""
        self._sorted, self._center = np.sort(rows, axis=None), float(np.median(rows))
        self._blocks = blocks
        self._moments = self._moments_of(rows)

    def difference(self, ours: np.ndarray, significance: float = SIGNIFICANCE) -> str | None:
        """How `ours` differs; None where nothing shows."""
        if not np.isfinite(ours).all():
            return "not finite"
        stock = self._sorted
        return (
            self._by_moments(ours, significance)
            or _by_bounds(ours, stock, significance)
            or _by_family(ours, stock, significance)
        )

    def _moments_of(self, rows: np.ndarray) -> np.ndarray:
        """For the whole and each block: n, and mean and variance of the values and of their distances from the median."""
        distances = abs(rows - self._center)
        found = []
        for groups in (np.zeros(rows.shape[1], int), *self._blocks):
            n = np.bincount(groups, minlength=1) * float(len(rows))
            n[n < FEWEST] = np.nan
            moments = [n]
            for x in (rows, distances):
                mean = np.bincount(groups, x.sum(0)) / n
                spread = ((x - mean[groups]) ** 2).sum(0)
                moments += [mean, np.bincount(groups, spread) / (n - 1)]
            found.append(np.stack(moments))
        return np.concatenate(found, axis=1)

    def _by_moments(self, ours: np.ndarray, significance: float) -> str | None:
        """Welch's test on the values, and on their distances from the median (Brown and Forsythe's of equal spread)."""
        n, *moments = self._moments_of(ours[None])
        m, *others = self._moments
        for place, name in ((0, "mean"), (2, "std")):
            u, v = moments[place + 1] / n, others[place + 1] / m
            with np.errstate(all="ignore"):
                freedom = (u + v) ** 2 / (u * u / (n - 1) + v * v / (m - 1))
                far = abs(moments[place] - others[place]) > -stdtrit(freedom, significance / 2) * np.sqrt(u + v)
            far |= (u + v == 0) & (moments[place] != others[place])
            if far.any():
                block = int(far.argmax())
                where = "" if block == 0 else "in a part of it "
                a, b = (x[0 if name == "mean" else 1][block] for x in (moments, others))
                return f"{where}{name} {_shown(a, name)} instead of {_shown(b, name)}"
        return None


def _shown(moment: float, name: str) -> str:
    return f"{moment if name == 'mean' else sqrt(moment):.3g}"


def _by_bounds(ours: np.ndarray, stock: np.ndarray, significance: float) -> str | None:
    """If the two are one sample, its k largest are all from one part with at most that part's share to the power k."""
    n = len(ours) + len(stock)
    for sign, name in ((1, "maximum"), (-1, "minimum")):
        a, b = sign * ours, sign * stock
        beyond, behind = np.count_nonzero(a > b.max()), np.count_nonzero(b > a.max())
        if min(beyond * log(len(a) / n), behind * log(len(b) / n)) < log(significance):
            return f"{name} {sign * a.max():.3g} instead of {sign * b.max():.3g}"
    return None


def _by_family(ours: np.ndarray, stock: np.ndarray, significance: float) -> str | None:
    """Kolmogorov and Smirnov's test, by Massart's bound 2 exp(-2 D^2 nm / (n + m)), which holds for all n and m."""
    a, b = np.sort(ours), np.sort(stock)
    both = np.concatenate([a, b])
    cdfs = [np.searchsorted(x, both, side="right") / len(x) for x in (a, b)]
    distance = abs(cdfs[0] - cdfs[1]).max()
    if distance > sqrt(log(2 / significance) / 2 * (1 / len(a) + 1 / len(b))):
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

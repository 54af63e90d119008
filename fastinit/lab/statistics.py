"""Which strategies differ, and by how much: paired tests with correction for many comparisons, effects with intervals.

The blocks are seeds (and folds): within one all strategies had the same data in the same order. As Demsar 2006 (JMLR 7)
advises: Friedman's test first for more than two, then Wilcoxon's signed-rank test of each pair with Holm's correction, or
Nemenyi's test of mean ranks where so few blocks cannot make Wilcoxon's significant. The tests are scipy's and
scikit-posthocs'.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import Float64Array

ALPHA = 0.04
"""The share of comparisons of equal strategies in which a difference may be claimed: less than 1 in 20, since of 200 with a
rate of just 1 in 20 (Wilcoxon's test of 10 blocks has 0.0488 as a level) more than 10 would have one in 2 of 5 cases."""
RESAMPLES = 2000  # of the bootstrap: its 95 % bounds are then known to some percent of the interval
LEAST_BLOCKS = 3


@dataclass(frozen=True)
class Difference:
    """Of two strategies' scores in the same blocks: the mean of first - second, its 95 % bootstrap interval, the p-value.

    `p`: corrected for the number of pairs. `rank_biserial`: the effect size of Wilcoxon's test, from -1 to 1. Without finite
    scores of both in a block there is no `mean`.
    """

    first: str
    second: str
    mean: float
    low: float
    high: float
    p: float
    rank_biserial: float
    significant: bool


@dataclass(frozen=True)
class Tests:
    """The outcome for all strategies. `omnibus_p`: Friedman's, 1 for two strategies. `method`: the tests, in words."""

    method: str
    blocks: int
    omnibus_p: float
    differences: tuple[Difference, ...]

    def between(self, first: str, second: str) -> Difference:
        """The difference of these two, whichever way round."""
        for one in self.differences:
            if (one.first, one.second) == (first, second):
                return one
            if (one.first, one.second) == (second, first):
                return Difference(first, second, -one.mean, -one.high, -one.low, one.p, -one.rank_biserial, one.significant)
        raise KeyError((first, second))


def tests_of(scores: Mapping[str, Sequence[float]], alpha: float = ALPHA) -> Tests:
    """Compare strategies by their scores, of which each has one a block, in the same order; minus infinity is a failed run.

    At most a share `alpha` of comparisons of equal strategies claims any difference: a pair differs where Friedman's test
    finds a difference at all, and the pair's corrected p is below alpha. Where it finds none, pairs are not tested, and
    their p is 1. ValueError for fewer than two strategies.

    >>> from fastinit.lab.statistics import tests_of
    >>> tests = tests_of({"a": [1, 2, 3, 4, 5, 6, 7, 8], "b": [0, 1, 1, 3, 3, 5, 6, 6]})
    >>> tests.differences[0].significant, tests.differences[0].mean
    (True, 1.375)
    """
    names = [*scores]
    if len(names) < 2:
        raise ValueError(f"strategies must be at least two to be compared, got {', '.join(names) or 'none'}")
    raw = np.array([scores[name] for name in names], dtype=np.float64)
    blocks = raw.shape[1]
    pairs = [*combinations(range(len(names)), 2)]
    if blocks < LEAST_BLOCKS:
        differences = tuple(_difference(names, raw, pair, 1.0, False) for pair in pairs)
        return Tests(f"no test of {blocks} blocks", blocks, 1.0, differences)
    ranked = _worst_last(raw)
    omnibus = _friedman(ranked) if len(names) > 2 else 1.0
    if len(names) > 2 and omnibus >= alpha:
        differences = tuple(_difference(names, raw, pair, 1.0, False) for pair in pairs)
        return Tests(f"Friedman's test, p = {omnibus:.2g}", blocks, omnibus, differences)
    least = 2.0 ** (1 - blocks) * len(pairs)  # the smallest p that Wilcoxon's test can give, corrected
    if len(names) == 2:
        method, p = "Wilcoxon's signed-rank test", _wilcoxon_of_two(ranked)
    elif least < alpha:
        method, p = "Friedman's test and Wilcoxon's signed-rank tests with Holm's correction", _wilcoxon(ranked)
    else:
        method, p = "Friedman's test and Nemenyi's", _nemenyi(ranked)
    differences = tuple(_difference(names, raw, pair, p[pair], p[pair] < alpha) for pair in pairs)
    return Tests(method, blocks, omnibus, differences)


def _worst_last(scores: Float64Array) -> Float64Array:
    """Failed runs as scores that are worse than all others by more than these differ, for tests that go by ranks."""
    finite = scores[np.isfinite(scores)]
    spread = float(np.ptp(finite)) if finite.size else 0.0
    worst = (float(finite.min()) if finite.size else 0.0) - 2 * spread - 1
    return np.where(np.isfinite(scores), scores, worst)


def _friedman(scores: Float64Array) -> float:
    with without_forks():
        from scipy.stats import friedmanchisquare

    if (scores == scores[:1]).all():
        return 1.0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        p = float(friedmanchisquare(*scores).pvalue)
    return p if math.isfinite(p) else 1.0


def _wilcoxon_of_two(scores: Float64Array) -> Float64Array:
    with without_forks():
        from scipy.stats import wilcoxon

    if (scores[0] == scores[1]).all():
        return np.ones((2, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ties, for which the normal approximation is used
        tested: Any = wilcoxon(scores[0], scores[1])  # pyright knows another result
        return np.full((2, 2), float(tested.pvalue))


def _wilcoxon(scores: Float64Array) -> Float64Array:
    """The p-values of all pairs, corrected by Holm's method; blocks without a difference are left out."""
    with without_forks():
        from scikit_posthocs import posthoc_wilcoxon

    equal = [pair for pair in combinations(range(len(scores)), 2) if (scores[pair[0]] == scores[pair[1]]).all()]
    moved = scores.copy()
    for _, second in equal:  # the test has no value for a pair without any difference; it is 1
        moved[second] = scores[second] + 1e-12 * np.resize([1, -1], scores.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ties, for which the normal approximation is used
        table = posthoc_wilcoxon([*moved], p_adjust="holm")
    p = np.array(table, dtype=np.float64)
    for first, second in equal:
        p[first, second] = p[second, first] = 1.0
    return np.where(np.isfinite(p), p, 1.0)


def _nemenyi(scores: Float64Array) -> Float64Array:
    with without_forks():
        from scikit_posthocs import posthoc_nemenyi_friedman

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p = np.array(posthoc_nemenyi_friedman(scores.T), dtype=np.float64)
    return np.where(np.isfinite(p), p, 1.0)


def _difference(
    names: Sequence[str], scores: Float64Array, pair: tuple[int, int], p: float, significant: bool
) -> Difference:
    first, second = scores[pair[0]], scores[pair[1]]
    both = np.isfinite(first) & np.isfinite(second)
    differences = first[both] - second[both]
    mean, low, high = _interval(differences)
    return Difference(
        names[pair[0]],
        names[pair[1]],
        mean,
        low,
        high,
        float(p),
        _rank_biserial(_worst_last(scores), pair),
        bool(significant),
    )


def _interval(differences: Float64Array) -> tuple[float, float, float]:
    """The mean and its 95 % interval, by the percentiles of a bootstrap with a fixed seed."""
    if differences.size == 0:
        return math.nan, math.nan, math.nan
    mean = float(differences.mean())
    if differences.size == 1 or np.ptp(differences) == 0:
        return mean, mean, mean
    drawn = np.random.default_rng(0).choice(differences, (RESAMPLES, differences.size))
    low, high = np.percentile(drawn.mean(axis=1), (2.5, 97.5))
    return mean, float(low), float(high)


def _rank_biserial(scores: Float64Array, pair: tuple[int, int]) -> float:
    """(sum of ranks where the first is better - where the second is) / sum of ranks (Kerby 2014)."""
    with without_forks():
        from scipy.stats import rankdata

    differences = scores[pair[0]] - scores[pair[1]]
    differences = differences[differences != 0]
    if differences.size == 0:
        return 0.0
    ranks = rankdata(np.abs(differences))
    return float((ranks * np.sign(differences)).sum() / ranks.sum())

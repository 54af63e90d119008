"""Tables of the distributions of counts, in which they are searched."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from fastinit.backends.table import Table
from fastinit.runtime.types import Float64Array

MOST_VARIANCE = 1e6  # to make a table of 20,000 numbers takes as long as to draw as many
DEVIATIONS, MORE = 10.0, 60.0  # of a table's ends from its mode: in standard deviations, and in the tail's own lengths
LEAST_WEIGHT = 2.0**-70  # of a number in a table, the mode's being 1: uniforms have 53 bits
MOST_TABLED_TRIALS = 2**50  # far below 2^53, so that float64 counts n + 1 - k exactly
MOST_NUMBERS = 2**17  # of a table
TABLES = 32  # that are kept


@lru_cache(maxsize=TABLES)
def poisson(lam: float) -> Table | None:
    if not 0.0 < lam <= MOST_VARIANCE:
        return None
    return _table(lam, math.sqrt(lam), MORE, math.inf, lambda k: lam / k)


@lru_cache(maxsize=TABLES)
def binomial(n: int, p: float) -> Table | None:
    if not (0.0 < p < 1.0 and 1 <= n <= MOST_TABLED_TRIALS and n * p * (1.0 - p) <= MOST_VARIANCE):
        return None
    odds = p / (1.0 - p)
    return _table((n + 1) * p, math.sqrt(n * p * (1.0 - p)), MORE, n, lambda k: (n + 1 - k) / k * odds)


@lru_cache(maxsize=TABLES)
def negative_binomial(n: float, p: float) -> Table | None:
    if not (n > 0.0 and 0.0 < p < 1.0 and n * (1.0 - p) <= MOST_VARIANCE * p * p):
        return None
    mode, std = max(n - 1.0, 0.0) * (1.0 - p) / p, math.sqrt(n * (1.0 - p)) / p
    return _table(mode, std, MORE / p, math.inf, lambda k: (n + k - 1.0) / k * (1.0 - p))


def _table(mode: float, std: float, tail: float, last: float, ratio: Callable[[Float64Array], Float64Array]) -> Table | None:
    """Of the numbers near the mode, of which `last` is the greatest; ratio(k) is P(k) / P(k - 1).

    `tail`: the length of the upper tail beyond its standard deviations. By products and sums in one order, so that it is the
    same on every machine; None where it would be too long, or not reach the numbers whose probability is negligible.
    """
    middle = int(min(math.floor(mode), last))
    low = max(middle - math.ceil(DEVIATIONS * std + MORE), 0)
    high = int(min(middle + math.ceil(DEVIATIONS * std + tail), last))
    if high - low >= MOST_NUMBERS:
        return None
    ratios = ratio(np.arange(low + 1, high + 1, dtype=np.float64))
    below, above = ratios[: middle - low][::-1], ratios[middle - low :]
    with np.errstate(under="ignore"):
        weights = np.concatenate([np.cumprod(1.0 / below)[::-1], [1.0], np.cumprod(above)])
    if (low > 0 and weights[0] > LEAST_WEIGHT) or (high < last and weights[-1] > LEAST_WEIGHT):
        return None
    kept = np.flatnonzero(weights > LEAST_WEIGHT)
    cdf = weights[kept].cumsum()
    return Table.of(cdf / cdf[-1], low + int(kept[0]))

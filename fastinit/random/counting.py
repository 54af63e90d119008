"""Methods of NumPy's Generator that count: arrays are made by a search in the table of the cumulative distribution.

A table is of one distribution, so parameters are plain numbers; of arrays, of tables that would be too long, and single
values NumPy's code draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from fastinit.backends.request import Table
from fastinit.random import requests
from fastinit.random.drawing import Drawing
from fastinit.random.typed import typed_as
from fastinit.runtime.types import Float64Array

_numpy = np.random.Generator

MOST_VARIANCE = 1e6  # to make a table of 20,000 numbers takes as long as to draw as many
DEVIATIONS, MORE = 10.0, 60.0  # of a table's ends from its mode: in standard deviations, and in the tail's own lengths
LEAST_WEIGHT = 2.0**-70  # of a number in a table, the mode's being 1: uniforms have 53 bits
MOST_TRIALS = 2**50
MOST_NUMBERS = 2**17  # of a table
TABLES = 32  # that are kept


class Counting(Drawing):
    """These methods, for the Generator."""

    @typed_as(_numpy.poisson)
    def poisson(self, lam: Any = 1.0, size: Any = None) -> Any:
        """Poisson: P(k) = lam^k exp(-lam) / k!. See `numpy.random.Generator.poisson`.

        Arrays come from kernels for a number lam of at most 10^6: by inversion, of 53 random bits a value.

        >>> fastinit.default_rng(0).poisson(4.0, 5)
        array([4, 1, 7, 1, 6])
        """
        shape = requests.plain_shape(size) if size is not None and requests.are_numbers(lam) else None
        table = None if shape is None else _poisson(float(lam))
        return _numpy.poisson(self, lam, size) if shape is None or table is None else self._tabled(table, shape)

    @typed_as(_numpy.binomial)
    def binomial(self, n: Any, p: Any, size: Any = None) -> Any:
        """Binomial: successes in n trials, each of probability p. See `numpy.random.Generator.binomial`.

        Arrays come from kernels for numbers n and p whose variance is at most 10^6, as of `poisson`.

        >>> fastinit.default_rng(0).binomial(10, 0.5, 5)
        array([5, 3, 8, 3, 7])
        """
        shape = (
            requests.plain_shape(size) if size is not None and requests.is_integer(n) and requests.are_numbers(p) else None
        )
        table = None if shape is None else _binomial(int(n), float(p))
        return _numpy.binomial(self, n, p, size) if shape is None or table is None else self._tabled(table, shape)

    @typed_as(_numpy.negative_binomial)
    def negative_binomial(self, n: Any, p: Any, size: Any = None) -> Any:
        """Failures before n successes of probability p. See `numpy.random.Generator.negative_binomial`.

        Arrays come from kernels for numbers n and p whose variance is at most 10^6, as of `poisson`.

        >>> fastinit.default_rng(0).negative_binomial(3, 0.5, 5)
        array([3, 0, 8, 0, 6])
        """
        shape = requests.plain_shape(size) if size is not None and requests.are_numbers(n, p) else None
        table = None if shape is None else _negative_binomial(float(n), float(p))
        if shape is None or table is None:
            return _numpy.negative_binomial(self, n, p, size)
        return self._tabled(table, shape)


@lru_cache(maxsize=TABLES)
def _poisson(lam: float) -> Table | None:
    if not 0.0 < lam <= MOST_VARIANCE:
        return None
    return _table(lam, math.sqrt(lam), MORE, math.inf, lambda k: lam / k)


@lru_cache(maxsize=TABLES)
def _binomial(n: int, p: float) -> Table | None:
    if not (0.0 < p < 1.0 and 1 <= n <= MOST_TRIALS and n * p * (1.0 - p) <= MOST_VARIANCE):
        return None
    odds = p / (1.0 - p)
    return _table((n + 1) * p, math.sqrt(n * p * (1.0 - p)), MORE, n, lambda k: (n + 1 - k) / k * odds)


@lru_cache(maxsize=TABLES)
def _negative_binomial(n: float, p: float) -> Table | None:
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

"""Methods of NumPy's Generator that count.

Arrays are made by a search in the table of the cumulative distribution where parameters are numbers. Where they are arrays,
or the table would be too long, kernels draw each value: csrc/kernels/counts.h. Single values, and what is not plainly valid,
come from NumPy's code.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from fastinit.random import count_tables, requests
from fastinit.random.drawing import Drawing
from fastinit.random.own_parameters import OwnParameters, Tests, checked, wanted
from fastinit.random.short_draws import Form, few_by_numpy, short_draw
from fastinit.random.typed import typed_as
from fastinit.runtime.types import Float64Array, Int64Array

_numpy = np.random.Generator


LARGEST_RATE = 2.0**63 - 10.0 * 2.0**31.5  # NumPy's: with more a count may have over 63 bits
LARGEST_MEAN = 1e18  # of the gamma distribution of rates
UNCOUNTED_TRIALS = 2.0**53  # from here on float64 does not count one by one
LEAST_VECTORS = 2048  # of a multinomial distribution, from which on kernels take less time than NumPy's code
LARGEST_SUM = 1.0 + 1e-12  # of all probabilities but the last one: NumPy's limit


def _are_rates(lam: Float64Array) -> Tests:
    return (lam >= 0.0) & (lam <= LARGEST_RATE)


def _are_counts(n: Float64Array) -> Tests:
    tests: Tests = np.asarray((n >= 0.0) & (n < UNCOUNTED_TRIALS))
    return tests


def _are_trials(n: Float64Array, p: Float64Array) -> Tests:
    tests: Tests = _are_counts(n) & (p >= 0.0) & (p <= 1.0)
    return tests


def _are_failures(n: Float64Array, p: Float64Array) -> Tests:
    are_moderate: Tests = np.asarray((1.0 - p) / p * (n + 10.0 * np.sqrt(n)) <= LARGEST_MEAN)
    return are_moderate & (n > 0.0) & (n <= LARGEST_MEAN) & (p > 0.0) & (p <= 1.0)


def _are_probabilities(p: Float64Array) -> Tests:
    if not p.ndim:
        return False
    tests: Tests = (p >= 0.0) & (p <= 1.0) & bool(np.all(p[..., :-1].sum(axis=-1) <= LARGEST_SUM))
    return tests


def _are_integers(n: Any) -> bool:
    """Whether these are integers of 64 bits, one or an array or a list of them, whose type NumPy takes."""
    try:
        dtype = np.asarray(n).dtype
    except (TypeError, ValueError):
        return False
    return dtype.kind in "iu" and (not isinstance(n, np.ndarray) or np.can_cast(dtype, np.int64))


class Counting(Drawing):
    """These methods, for the Generator."""

    @typed_as(_numpy.poisson)
    @short_draw(Form.RATE, "poisson", (1.0, 0.0), count_tables.poisson)
    def poisson(self, lam: Any = 1.0, size: Any = None) -> Any:
        """Poisson: P(k) = lam^k exp(-lam) / k!. See `numpy.random.Generator.poisson`.

        Arrays come from kernels: for a number lam of at most 10^6 by inversion, of 53 random bits a value, else, and where
        lam is an array, by transformed rejection (Hormann 1993).

        >>> fastinit.default_rng(0).poisson(4.0, 5)
        array([4, 1, 7, 1, 6])
        """
        shape = requests.plain_shape(size) if size is not None and requests.are_numbers(lam) else None
        table = None if shape is None else count_tables.poisson(float(lam))
        if shape is None or table is None:
            return self._counted("poisson", checked(_are_rates, lam), size, partial(_numpy.poisson, self, lam))
        return self._tabled(table, shape)

    @typed_as(_numpy.binomial)
    @short_draw(Form.TRIALS, "binomial", tables=count_tables.binomial)
    def binomial(self, n: Any, p: Any, size: Any = None) -> Any:
        """Binomial: successes in n trials, each of probability p. See `numpy.random.Generator.binomial`.

        Arrays come from kernels, as those of `poisson`; n of at most 2^53.

        >>> fastinit.default_rng(0).binomial(10, 0.5, 5)
        array([5, 3, 8, 3, 7])
        """
        shape = (
            requests.plain_shape(size) if size is not None and requests.is_integer(n) and requests.are_numbers(p) else None
        )
        table = None if shape is None else count_tables.binomial(int(n), float(p))
        if shape is None or table is None:
            parameters = checked(_are_trials, n, p) if _are_integers(n) else None
            return self._counted("binomial", parameters, size, partial(_numpy.binomial, self, n, p))
        return self._tabled(table, shape)

    @typed_as(_numpy.negative_binomial)
    @short_draw(Form.REAL_TRIALS, "poisson", tables=count_tables.negative_binomial)
    def negative_binomial(self, n: Any, p: Any, size: Any = None) -> Any:
        """Failures before n successes of probability p. See `numpy.random.Generator.negative_binomial`.

        Arrays come from kernels, for numbers n and p whose variance is at most 10^6 by inversion, else those of `poisson`
        whose means have a gamma distribution.

        >>> fastinit.default_rng(0).negative_binomial(3, 0.5, 5)
        array([3, 0, 8, 0, 6])
        """
        shape = requests.plain_shape(size) if size is not None and requests.are_numbers(n, p) else None
        table = None if shape is None else count_tables.negative_binomial(float(n), float(p))
        if shape is not None and table is not None:
            return self._tabled(table, shape)
        shape, numbers = wanted(checked(_are_failures, n, p), size)
        if shape is None:
            return _numpy.negative_binomial(self, n, p, size)
        means = self.gamma(numbers[0], (1.0 - numbers[1]) / numbers[1], shape)
        return self.poisson(np.minimum(means, LARGEST_RATE), shape)

    @typed_as(_numpy.multinomial)
    @few_by_numpy(Form.FEW_VECTORS, LEAST_VECTORS)
    def multinomial(self, n: Any, pvals: Any, size: Any = None) -> Any:
        """How often n trials give each outcome, of probabilities `pvals`. See `numpy.random.Generator.multinomial`.

        2048 vectors or more come from kernels: of each outcome a binomial count of the trials that are left.

        >>> fastinit.default_rng(0).multinomial(9, [0.2, 0.8])
        array([2, 7])
        """
        if type(n) is int and (size is None or (type(size) is int and size < LEAST_VECTORS)):
            return _numpy.multinomial(self, n, pvals, size)
        trials = checked(_are_counts, n) if _are_integers(n) else None
        outcomes = checked(_are_probabilities, pvals)
        if trials is not None and outcomes is not None and outcomes.arrays[0].ndim:
            (of_trials,), (p,) = trials.arrays, outcomes.arrays
            shape, _ = wanted(OwnParameters((of_trials, p[..., 0])), size) if p.size else (None, ())
            if shape is not None and math.prod(shape) >= LEAST_VECTORS:
                return self._outcomes(np.broadcast_to(of_trials, shape), p, shape)
        return _numpy.multinomial(self, n, pvals, size)

    def _outcomes(self, trials: Float64Array, p: Float64Array, shape: tuple[int, ...]) -> Int64Array:
        """Each outcome's count is binomial, of the trials that those before it left (Devroye 1986, XI.4.2)."""
        drawn = np.empty((*shape, p.shape[-1]), np.int64)
        left, chance = trials.astype(np.int64), np.ones(p.shape[:-1])
        for i in range(p.shape[-1] - 1):
            own = p[..., i]
            share = np.where(own < chance, own / np.where(chance > 0.0, chance, 1.0), np.where(own > 0.0, 1.0, 0.0))
            drawn[..., i] = self.binomial(left, share, shape)
            left -= drawn[..., i]
            chance = chance - own
        drawn[..., -1] = left
        return drawn

"""Methods of NumPy's Generator that count: arrays are made by a search in the table of the cumulative distribution.

A table is of one distribution, so parameters are plain numbers; of arrays, of tables that would be too long, and single
values NumPy's code draws.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastinit.random import count_tables, requests
from fastinit.random.drawing import Drawing
from fastinit.random.short_draws import Form, short_draw
from fastinit.random.typed import typed_as

_numpy = np.random.Generator


class Counting(Drawing):
    """These methods, for the Generator."""

    @typed_as(_numpy.poisson)
    @short_draw(Form.RATE, "uniform", (1.0, 0.0), count_tables.poisson)
    def poisson(self, lam: Any = 1.0, size: Any = None) -> Any:
        """Poisson: P(k) = lam^k exp(-lam) / k!. See `numpy.random.Generator.poisson`.

        Arrays come from kernels for a number lam of at most 10^6: by inversion, of 53 random bits a value.

        >>> fastinit.default_rng(0).poisson(4.0, 5)
        array([4, 1, 7, 1, 6])
        """
        shape = requests.plain_shape(size) if size is not None and requests.are_numbers(lam) else None
        table = None if shape is None else count_tables.poisson(float(lam))
        return _numpy.poisson(self, lam, size) if shape is None or table is None else self._tabled(table, shape)

    @typed_as(_numpy.binomial)
    @short_draw(Form.TRIALS, "uniform", tables=count_tables.binomial)
    def binomial(self, n: Any, p: Any, size: Any = None) -> Any:
        """Binomial: successes in n trials, each of probability p. See `numpy.random.Generator.binomial`.

        Arrays come from kernels for numbers n and p whose variance is at most 10^6, as of `poisson`.

        >>> fastinit.default_rng(0).binomial(10, 0.5, 5)
        array([5, 3, 8, 3, 7])
        """
        shape = (
            requests.plain_shape(size) if size is not None and requests.is_integer(n) and requests.are_numbers(p) else None
        )
        table = None if shape is None else count_tables.binomial(int(n), float(p))
        return _numpy.binomial(self, n, p, size) if shape is None or table is None else self._tabled(table, shape)

    @typed_as(_numpy.negative_binomial)
    @short_draw(Form.REAL_TRIALS, "uniform", tables=count_tables.negative_binomial)
    def negative_binomial(self, n: Any, p: Any, size: Any = None) -> Any:
        """Failures before n successes of probability p. See `numpy.random.Generator.negative_binomial`.

        Arrays come from kernels for numbers n and p whose variance is at most 10^6, as of `poisson`.

        >>> fastinit.default_rng(0).negative_binomial(3, 0.5, 5)
        array([3, 0, 8, 0, 6])
        """
        shape = requests.plain_shape(size) if size is not None and requests.are_numbers(n, p) else None
        table = None if shape is None else count_tables.negative_binomial(float(n), float(p))
        if shape is None or table is None:
            return _numpy.negative_binomial(self, n, p, size)
        return self._tabled(table, shape)

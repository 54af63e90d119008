"""Methods of NumPy's Generator whose arrays are made by inversion, one 64-bit word a value: csrc/kernels/inversion.h.

Parameters are numbers or arrays that broadcast together. Float32 values are the float64 ones, rounded. Single values, and
what is not plainly valid, come from NumPy's code.
"""

from __future__ import annotations

from functools import partial
from typing import Any, overload

import numpy as np

from fastinit.random.drawing import Drawing
from fastinit.random.own_parameters import Tests, checked
from fastinit.random.short_draws import Form, short_draw
from fastinit.random.typed import F32, F64, F32s, F64s, Number, Out32, Out64, Reals, Size, typed_as
from fastinit.runtime.types import Float64Array

_numpy = np.random.Generator


def _are_none() -> Tests:
    return True


def _are_scales(scale: Float64Array) -> Tests:
    return ~np.signbit(scale)


def _have_scales(loc: Float64Array, scale: Float64Array) -> Tests:
    return ~np.signbit(scale)


def _are_positive(a: Float64Array) -> Tests:
    return a > 0


def _are_triangles(left: Float64Array, mode: Float64Array, right: Float64Array) -> Tests:
    return (left <= mode) & (mode <= right) & (left < right) & np.isfinite(right - left)


def _are_probabilities(p: Float64Array) -> Tests:
    return (p > 0) & (p <= 1)


class Inversion(Drawing):
    """These methods, for the Generator."""

    # fmt: off
    @overload
    def laplace(self, loc: Number = ..., scale: Number = ..., size: None = ..., dtype: F32 | F64 = ...) -> float: ...
    @overload
    def laplace(self, loc: Reals = ..., scale: Reals = ..., size: Size = ...,
            dtype: F64 = ..., out: Out64 = ...) -> F64s: ...
    @overload
    def laplace(self, loc: Reals = ..., scale: Reals = ..., size: Size = ...,
            dtype: F32 = ..., out: Out32 = ...) -> F32s: ...
    # fmt: on
    @short_draw(Form.LOC_SCALE, "laplace", (0.0, 1.0))
    def laplace(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Laplace: density exp(-|x - loc| / scale) / (2 scale); see `numpy.random.Generator.laplace`.

        >>> fastinit.default_rng(0).laplace(0.0, 2.0, 3)
        array([ 0.10289312, -3.45594558,  4.51586344])
        """
        by_numpy = partial(_numpy.laplace, self, loc, scale)
        return self._sampled("laplace", checked(_have_scales, loc, scale), size, dtype, out, by_numpy)

    # fmt: off
    @overload
    def logistic(self, loc: Number = ..., scale: Number = ..., size: None = ..., dtype: F32 | F64 = ...) -> float: ...
    @overload
    def logistic(self, loc: Reals = ..., scale: Reals = ..., size: Size = ...,
            dtype: F64 = ..., out: Out64 = ...) -> F64s: ...
    @overload
    def logistic(self, loc: Reals = ..., scale: Reals = ..., size: Size = ...,
            dtype: F32 = ..., out: Out32 = ...) -> F32s: ...
    # fmt: on
    @short_draw(Form.LOC_SCALE, "logistic", (0.0, 1.0))
    def logistic(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Logistic: cdf 1 / (1 + exp(-(x - loc) / scale)); see `numpy.random.Generator.logistic`.

        >>> fastinit.default_rng(0).logistic(0.0, 2.0, 3)
        array([ 0.20075075, -4.65620574,  5.79475855])
        """
        by_numpy = partial(_numpy.logistic, self, loc, scale)
        return self._sampled("logistic", checked(_have_scales, loc, scale), size, dtype, out, by_numpy)

    # fmt: off
    @overload
    def gumbel(self, loc: Number = ..., scale: Number = ..., size: None = ..., dtype: F32 | F64 = ...) -> float: ...
    @overload
    def gumbel(self, loc: Reals = ..., scale: Reals = ..., size: Size = ...,
            dtype: F64 = ..., out: Out64 = ...) -> F64s: ...
    @overload
    def gumbel(self, loc: Reals = ..., scale: Reals = ..., size: Size = ...,
            dtype: F32 = ..., out: Out32 = ...) -> F32s: ...
    # fmt: on
    @short_draw(Form.LOC_SCALE, "gumbel", (0.0, 1.0))
    def gumbel(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Gumbel: cdf exp(-exp(-(x - loc) / scale)); see `numpy.random.Generator.gumbel`.

        >>> fastinit.default_rng(0).gumbel(0.0, 2.0, 3)
        array([ 0.87943506, -1.76846046,  5.84869847])
        """
        by_numpy = partial(_numpy.gumbel, self, loc, scale)
        return self._sampled("gumbel", checked(_have_scales, loc, scale), size, dtype, out, by_numpy)

    # fmt: off
    @overload
    def rayleigh(self, scale: Number = ..., size: None = ..., dtype: F32 | F64 = ...) -> float: ...
    @overload
    def rayleigh(self, scale: Reals = ..., size: Size = ..., dtype: F64 = ..., out: Out64 = ...) -> F64s: ...
    @overload
    def rayleigh(self, scale: Reals = ..., size: Size = ..., dtype: F32 = ..., out: Out32 = ...) -> F32s: ...
    # fmt: on
    @short_draw(Form.SCALE, "rayleigh", (1.0, 0.0))
    def rayleigh(self, scale: Any = 1.0, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Rayleigh: density x / scale^2 exp(-x^2 / (2 scale^2)) on x >= 0; see `numpy.random.Generator.rayleigh`.

        >>> fastinit.default_rng(0).rayleigh(2.0, 3)
        array([2.27018654, 4.40101804, 0.6554365 ])
        """
        by_numpy = partial(_numpy.rayleigh, self, scale)
        return self._sampled("rayleigh", checked(_are_scales, scale), size, dtype, out, by_numpy)

    # fmt: off
    @overload
    def weibull(self, a: Number, size: None = ..., dtype: F32 | F64 = ...) -> float: ...
    @overload
    def weibull(self, a: Reals, size: Size = ..., dtype: F64 = ..., out: Out64 = ...) -> F64s: ...
    @overload
    def weibull(self, a: Reals, size: Size = ..., dtype: F32 = ..., out: Out32 = ...) -> F32s: ...
    # fmt: on
    @short_draw(Form.POSITIVE, "weibull")
    def weibull(self, a: Any, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Weibull of scale 1: cdf 1 - exp(-x^a) on x >= 0; see `numpy.random.Generator.weibull`.

        >>> fastinit.default_rng(0).weibull(2.0, 3)
        array([0.80263215, 1.55599485, 0.2317318 ])
        """
        by_numpy = partial(_numpy.weibull, self, a)
        return self._sampled("weibull", checked(_are_positive, a), size, dtype, out, by_numpy)

    # fmt: off
    @overload
    def pareto(self, a: Number, size: None = ..., dtype: F32 | F64 = ...) -> float: ...
    @overload
    def pareto(self, a: Reals, size: Size = ..., dtype: F64 = ..., out: Out64 = ...) -> F64s: ...
    @overload
    def pareto(self, a: Reals, size: Size = ..., dtype: F32 = ..., out: Out32 = ...) -> F32s: ...
    # fmt: on
    @short_draw(Form.POSITIVE, "pareto")
    def pareto(self, a: Any, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Pareto II (Lomax): density a (1 + x)^(-a - 1) on x >= 0; see `numpy.random.Generator.pareto`.

        >>> fastinit.default_rng(0).pareto(3.0, 3)
        array([0.2395389 , 1.24126399, 0.01806104])
        """
        by_numpy = partial(_numpy.pareto, self, a)
        return self._sampled("pareto", checked(_are_positive, a), size, dtype, out, by_numpy)

    # fmt: off
    @overload
    def power(self, a: Number, size: None = ..., dtype: F32 | F64 = ...) -> float: ...
    @overload
    def power(self, a: Reals, size: Size = ..., dtype: F64 = ..., out: Out64 = ...) -> F64s: ...
    @overload
    def power(self, a: Reals, size: Size = ..., dtype: F32 = ..., out: Out32 = ...) -> F32s: ...
    # fmt: on
    @short_draw(Form.POSITIVE, "power")
    def power(self, a: Any, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Power: density a x^(a - 1) on [0, 1]; see `numpy.random.Generator.power`.

        >>> fastinit.default_rng(0).power(3.0, 3)
        array([0.80675161, 0.4461768 , 0.98225938])
        """
        by_numpy = partial(_numpy.power, self, a)
        return self._sampled("power", checked(_are_positive, a), size, dtype, out, by_numpy)

    # fmt: off
    @overload
    def standard_cauchy(self, size: None = ..., dtype: F32 | F64 = ...) -> float: ...
    @overload
    def standard_cauchy(self, size: Size = ..., dtype: F64 = ..., out: Out64 = ...) -> F64s: ...
    @overload
    def standard_cauchy(self, size: Size = ..., dtype: F32 = ..., out: Out32 = ...) -> F32s: ...
    # fmt: on
    @short_draw(Form.UNTYPED, "cauchy")
    def standard_cauchy(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Cauchy: density 1 / (pi (1 + x^2)); see `numpy.random.Generator.standard_cauchy`.

        >>> fastinit.default_rng(0).standard_cauchy(3)
        array([ 0.07893182, -3.49017885,  6.03332932])
        """
        by_numpy = partial(_numpy.standard_cauchy, self)
        return self._sampled("cauchy", checked(_are_none), size, dtype, out, by_numpy)

    # fmt: off
    @overload
    def triangular(self, left: Number, mode: Number, right: Number, size: None = ...,
            dtype: F32 | F64 = ...) -> float: ...
    @overload
    def triangular(self, left: Reals, mode: Reals, right: Reals, size: Size = ...,
            dtype: F64 = ..., out: Out64 = ...) -> F64s: ...
    @overload
    def triangular(self, left: Reals, mode: Reals, right: Reals, size: Size = ...,
            dtype: F32 = ..., out: Out32 = ...) -> F32s: ...
    # fmt: on
    @short_draw(Form.TRIANGLE, "triangular")
    def triangular(
        self, left: Any, mode: Any, right: Any, size: Any = None, dtype: Any = np.float64, out: Any = None
    ) -> Any:
        """Triangular: the density rises from left to mode and falls to right; see `numpy.random.Generator.triangular`.

        >>> fastinit.default_rng(0).triangular(0.0, 1.0, 4.0, 3)
        array([1.61271567, 0.59606068, 3.20791465])
        """
        by_numpy = partial(_numpy.triangular, self, left, mode, right)
        return self._sampled("triangular", checked(_are_triangles, left, mode, right), size, dtype, out, by_numpy)

    @typed_as(_numpy.geometric)
    @short_draw(Form.PROBABILITY, "geometric")
    def geometric(self, p: Any, size: Any = None) -> Any:
        """Geometric: how many trials of probability p it takes to succeed once; see `numpy.random.Generator.geometric`.

        >>> fastinit.default_rng(0).geometric(0.2, 3)
        array([ 3, 11,  1])
        """
        return self._counted("geometric", checked(_are_probabilities, p), size, partial(_numpy.geometric, self, p))

"""Methods of NumPy's Generator whose arrays are made by rejection from gamma values: csrc/kernels/rejection.h.

Parameters are numbers or arrays that broadcast together. Single values, and what is not plainly valid, come from NumPy's
code.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from fastinit.backends import current
from fastinit.backends.generator_requests import DirichletRequest, NoncentralRequest
from fastinit.core.pieces import native_threads
from fastinit.random.drawing import Drawing
from fastinit.random.own_parameters import OwnParameters, Tests, checked, wanted
from fastinit.random.short_draws import Form, few_by_numpy, short_draw
from fastinit.random.typed import typed_as
from fastinit.runtime.types import Float64Array

_numpy = np.random.Generator

LEAST, MOST = 1e-100, 1e100
"""Of shapes and degrees of freedom whose ratios kernels take: beyond them NumPy's code has cases of its own."""
LEAST_TOGETHER = (
    4096  # values or vectors that are made of several draws, from which on kernels take less time than NumPy's code
)
LARGEST_OF_STICKS = 0.1  # of all alphas of a Dirichlet distribution: up to here all gamma values may underflow


def _are_positive(a: Float64Array, *others: Float64Array) -> Tests:
    return (a > 0) & (a < np.inf)


def _have_scales(shape: Float64Array, scale: Float64Array) -> Tests:
    return (shape > 0) & (shape < np.inf) & ~np.signbit(scale)


def _are_moderate(*parameters: Float64Array) -> Tests:
    tests: Tests = True
    for parameter in parameters:
        tests = tests & (parameter >= LEAST) & (parameter <= MOST)
    return tests


def _have_more_than_one(freedom: Float64Array, noncentrality: Float64Array, *others: Float64Array) -> Tests:
    return (freedom > 1) & (noncentrality >= 0) & _are_moderate(freedom, *others) & (noncentrality <= MOST)


def _halved(parameters: OwnParameters | None) -> OwnParameters | None:
    """The shape and scale of gamma values for degrees of freedom, and 2."""
    return None if parameters is None else OwnParameters((np.asarray(parameters.arrays[0] * 0.5), parameters.arrays[1]))


class Rejection(Drawing):
    """These methods, for the Generator."""

    @typed_as(_numpy.standard_gamma)
    @short_draw(Form.POSITIVE, "gamma", (0.0, 1.0))
    def standard_gamma(self, shape: Any, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Gamma of this shape and of scale 1: density ~ x^(shape - 1) exp(-x). See `numpy.random.Generator.standard_gamma`.

        Arrays are made as Marsaglia and Tsang (2000, "A simple method for generating gamma variables") do it, float32
        values are the float64 ones, rounded. `out` may have any strides.

        >>> fastinit.default_rng(0).standard_gamma(2.0, 3)
        array([0.59054154, 0.16550301, 1.4407248 ])
        """
        by_numpy = partial(_numpy.standard_gamma, self, shape)
        return self._sampled("gamma", checked(_are_positive, shape, 1.0), size, dtype, out, by_numpy)

    @typed_as(_numpy.gamma)
    @short_draw(Form.SHAPE_SCALE, "gamma", (0.0, 1.0))
    def gamma(self, shape: Any, scale: Any = 1.0, size: Any = None) -> Any:
        """Gamma of this shape and scale: density ~ x^(shape - 1) exp(-x / scale). See `numpy.random.Generator.gamma`.

        >>> fastinit.default_rng(0).gamma(2.0, 3.0, 3)
        array([1.77162463, 0.49650902, 4.32217441])
        """
        by_numpy = partial(_numpy.gamma, self, shape, scale)
        return self._sampled("gamma", checked(_have_scales, shape, scale), size, np.float64, None, by_numpy)

    @typed_as(_numpy.chisquare)
    @short_draw(Form.FREEDOM, "gamma", (0.0, 2.0))
    def chisquare(self, df: Any, size: Any = None) -> Any:
        """Chi-squared, the sum of df squared normals, df not only an integer. See `numpy.random.Generator.chisquare`.

        >>> fastinit.default_rng(0).chisquare(3.0, 3)
        array([0.64238996, 0.10728699, 1.95880279])
        """
        by_numpy = partial(_numpy.chisquare, self, df)
        return self._sampled("gamma", _halved(checked(_are_positive, df, 2.0)), size, np.float64, None, by_numpy)

    @typed_as(_numpy.beta)
    @short_draw(Form.TWO_MODERATE, "beta")
    def beta(self, a: Any, b: Any, size: Any = None) -> Any:
        """Beta: density ~ x^(a - 1) (1 - x)^(b - 1) on [0, 1]. See `numpy.random.Generator.beta`.

        >>> fastinit.default_rng(0).beta(2.0, 3.0, 3)
        array([0.23314269, 0.07840156, 0.13777515])
        """
        by_numpy = partial(_numpy.beta, self, a, b)
        return self._sampled("beta", checked(_are_moderate, a, b), size, np.float64, None, by_numpy)

    @typed_as(_numpy.f)
    @short_draw(Form.TWO_MODERATE, "fisher")
    def f(self, dfnum: Any, dfden: Any, size: Any = None) -> Any:
        """Fisher's F: the ratio of two chi-squared values over their degrees of freedom. See `numpy.random.Generator.f`.

        >>> fastinit.default_rng(0).f(2.0, 5.0, 3)
        array([0.17033311, 1.82713067, 0.16172429])
        """
        by_numpy = partial(_numpy.f, self, dfnum, dfden)
        return self._sampled("fisher", checked(_are_moderate, dfnum, dfden), size, np.float64, None, by_numpy)

    @typed_as(_numpy.standard_t)
    @short_draw(Form.MODERATE, "student")
    def standard_t(self, df: Any, size: Any = None) -> Any:
        """Student's t with df degrees of freedom. See `numpy.random.Generator.standard_t`.

        >>> fastinit.default_rng(0).standard_t(4.0, 3)
        array([-0.90375997, -1.69916866,  2.89126432])
        """
        by_numpy = partial(_numpy.standard_t, self, df)
        return self._sampled("student", checked(_are_moderate, df), size, np.float64, None, by_numpy)

    @typed_as(_numpy.noncentral_chisquare)
    @few_by_numpy(Form.FEW_VALUES, LEAST_TOGETHER)
    def noncentral_chisquare(self, df: Any, nonc: Any, size: Any = None) -> Any:
        """Sum of df squared normals whose squared means sum to nonc. See `numpy.random.Generator.noncentral_chisquare`.

        4096 values or more are those of `chisquare` of df - 1 and of one normal with that mean, for df above 1; else
        NumPy's code's.

        >>> fastinit.default_rng(0).noncentral_chisquare(3.0, 1.0, 4096)[:3]
        array([0.42828278, 2.61666959, 7.37863367])
        """
        shape, arrays = wanted(None if _are_few(size) else checked(_have_more_than_one, df, nonc), size)
        if shape is None or math.prod(shape) < LEAST_TOGETHER:
            return _numpy.noncentral_chisquare(self, df, nonc, size)
        freedom, noncentrality = arrays
        gammas = OwnParameters((np.asarray((freedom - 1.0) * 0.5), np.asarray(2.0)))
        roots, drawn = OwnParameters((np.sqrt(noncentrality),)), np.empty(shape)
        stream, start = self._take("gamma_float64", drawn.size)
        _, first_normal = self._take("normal_float64", drawn.size)
        blocks = gammas.block(start, shape, False), start, first_normal, roots.block(first_normal, shape, False)
        request = NoncentralRequest(stream, *blocks, drawn.reshape(-1), native_threads(drawn.size))
        current().operations.noncentral_chisquare(request)
        return drawn

    @typed_as(_numpy.noncentral_f)
    @few_by_numpy(Form.FEW_VALUES, LEAST_TOGETHER)
    def noncentral_f(self, dfnum: Any, dfden: Any, nonc: Any, size: Any = None) -> Any:
        """Fisher's F whose numerator is a noncentral chi-squared value. See `numpy.random.Generator.noncentral_f`.

        4096 values or more come from kernels, for dfnum above 1; else they are NumPy's code's.

        >>> fastinit.default_rng(0).noncentral_f(2.0, 5.0, 1.0, 4096)[:3]
        array([0.12929826, 0.35840015, 1.4451407 ])
        """
        shape, arrays = wanted(None if _are_few(size) else checked(_have_more_than_one, dfnum, nonc, dfden), size)
        if shape is None or math.prod(shape) < LEAST_TOGETHER:
            return _numpy.noncentral_f(self, dfnum, dfden, nonc, size)
        freedom, noncentrality, of_denominator = arrays
        drawn = self.noncentral_chisquare(freedom, noncentrality, shape)
        with np.errstate(all="ignore"):  # as NumPy's loops in C
            drawn *= of_denominator / freedom
            drawn /= self.chisquare(of_denominator, shape)
        return drawn

    @typed_as(_numpy.dirichlet)
    @few_by_numpy(Form.FEW_VALUES, LEAST_TOGETHER)
    def dirichlet(self, alpha: Any, size: Any = None) -> Any:
        """Dirichlet: density ~ prod x_i^(alpha_i - 1) on the simplex. See `numpy.random.Generator.dirichlet`.

        Gamma values of the shapes alpha over their sum; where all alphas are below 0.1, beta values of what is left.
        NumPy's code makes fewer than 4096 vectors, so that those are no prefix of longer arrays.

        >>> fastinit.default_rng(0).dirichlet([1.0, 3.0], 4096)[:2]
        array([[0.16935672, 0.83064328],
               [0.12615529, 0.87384471]])
        """
        alphas = None if _are_few(size) else checked(_are_moderate, alpha)
        shape = None if alphas is None or size is None else OwnParameters((np.empty(()),)).shape_of(size)
        is_plain = alphas is not None and alphas.arrays[0].ndim == 1 and alphas.arrays[0].size > 0
        if alphas is None or not is_plain or shape is None or math.prod(shape) < LEAST_TOGETHER:
            return _numpy.dirichlet(self, alpha, size)
        (alpha,) = alphas.arrays
        if alpha.max() < LARGEST_OF_STICKS:
            return self._sticks(alpha, shape)
        drawn = np.empty((*shape, len(alpha)))
        if drawn.size:
            stream, start = self._take("gamma_float64", drawn.size)
            gammas = OwnParameters((alpha, np.asarray(1.0))).block(start, drawn.shape, False)
            rows = drawn.reshape(-1, len(alpha))
            current().operations.dirichlet(DirichletRequest(stream, gammas, start, rows, native_threads(drawn.size)))
        return drawn

    @np.errstate(all="ignore")
    def _sticks(self, alpha: Float64Array, shape: tuple[int, ...]) -> Float64Array:
        """Each takes a share of what those before it left, which has a beta distribution."""
        drawn, left = np.empty((*shape, len(alpha))), np.ones(shape)
        after = alpha[::-1].cumsum()[::-1]  # with its own
        for i in range(len(alpha) - 1):
            share = self.beta(alpha[i], after[i + 1], shape)
            drawn[..., i] = left * share
            left *= 1.0 - share
        drawn[..., -1] = left
        return drawn


def _are_few(size: Any) -> bool:
    """Whether the size says so few values that NumPy's code takes less time to make them of several draws."""
    if type(size) is tuple and all(type(n) is int for n in size):
        return math.prod(size) < LEAST_TOGETHER
    return type(size) is int and size < LEAST_TOGETHER

"""Normal vectors: standard normals of the kernels, times a factor of the covariance, plus the mean."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np

from fastinit.backends import current
from fastinit.core.pieces import native_threads
from fastinit.random import requests
from fastinit.random.drawing import Drawing
from fastinit.random.typed import typed_as
from fastinit.runtime.types import Float64Array

_numpy = np.random.Generator


class Vectors(Drawing):
    """This method, for the Generator."""

    @typed_as(_numpy.multivariate_normal)
    def multivariate_normal(
        self, mean: Any, cov: Any, size: Any = None, check_valid: Any = "warn", tol: Any = 1e-8, *, method: Any = "svd"
    ) -> Any:
        """Normal vectors of this mean and covariance. See `numpy.random.Generator.multivariate_normal`.

        A vector is mean + A z, z being standard normals and A A^T the covariance. The sums are made in one order, the same
        on every machine. A itself is what LAPACK makes of the covariance there: its last bits may differ between machines
        by any `method`, and by "svd" and "eigh" also the signs of its columns, or whole columns where variances along them
        are equal; by "cholesky" there is one A alone.

        >>> fastinit.default_rng(0).multivariate_normal([0.0, 1.0], [[2.0, 0.5], [0.5, 1.0]], method="cholesky").round(3)
        array([-1.601, -1.346])
        """
        by_numpy = partial(_numpy.multivariate_normal, self, mean, cov, size, check_valid, tol, method=method)
        shape = () if size is None else requests.plain_shape(size)
        means, covariance = _numbers(mean, 1), _numbers(cov, 2)
        is_known = type(method) is type(check_valid) is str and method in _FACTORS and check_valid in _CHECKS
        if shape is None or means is None or covariance is None or not is_known:
            return by_numpy()
        if not means.size or covariance.shape != 2 * means.shape:
            return by_numpy()
        factor, is_valid = _FACTORS[method](covariance, tol, check_valid != "ignore")
        if not is_valid and check_valid == "raise":
            return by_numpy()
        if not is_valid:
            warnings.warn("covariance is not symmetric positive-semidefinite.", RuntimeWarning, stacklevel=2)
        return self._transformed(factor, means, (*shape, len(means)))

    def _transformed(self, factor: Float64Array, mean: Float64Array, shape: tuple[int, ...]) -> Float64Array:
        normals: Float64Array = self.standard_normal(shape)
        if not normals.size:
            return normals
        rows = normals.reshape(-1, len(mean))
        return current().operations.product(rows, factor.T, mean, native_threads(rows.size)).reshape(shape)


def _numbers(array_like: Any, axes: int) -> Float64Array | None:
    """An array of so many axes of real numbers that float64 holds; None for anything else."""
    try:
        array = np.asarray(array_like)
    except (TypeError, ValueError):
        return None
    if array.ndim != axes:
        return None
    is_plain = array.dtype == np.float64 or (array.dtype.kind in "biuf" and np.can_cast(array.dtype, np.float64))
    return array.astype(np.float64) if is_plain else None


# Factors of a covariance, and whether that is positive semidefinite as NumPy's methods test it.


def _by_svd(covariance: Float64Array, tol: Any, is_tested: bool) -> tuple[Float64Array, bool]:
    u, s, vh = np.linalg.svd(covariance)
    return u * np.sqrt(s), not is_tested or bool(np.allclose(np.dot(vh.T * s, vh), covariance, rtol=tol, atol=tol))


def _by_eigh(covariance: Float64Array, tol: Any, is_tested: bool) -> tuple[Float64Array, bool]:
    s, u = np.linalg.eigh(covariance)
    return u * np.sqrt(abs(s)), not is_tested or not np.any(s < -tol)


def _by_cholesky(covariance: Float64Array, tol: Any, is_tested: bool) -> tuple[Float64Array, bool]:
    factor: Float64Array = np.asarray(np.linalg.cholesky(covariance), np.float64)  # LinAlgError where there is none
    return factor, True


_FACTORS = {"svd": _by_svd, "eigh": _by_eigh, "cholesky": _by_cholesky}
_CHECKS = "warn", "raise", "ignore"

"""A row of the report: what was measured of one tensor, beside what its distribution gives."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from fastinit.auditing.expected import Expected
from fastinit.auditing.goodness_of_fit import mean_off, std_limits, std_off
from fastinit.auditing.measured import Measured, beyond, edges_of
from fastinit.auditing.subject import Tensor
from fastinit.runtime.types import Float64Array

SIGMAS = (2, 3, 4, 5)


@dataclass(frozen=True)
class Row:
    """A tensor as it was measured, and its `distribution`, in words. A field that does not apply to it is None.

    `mean`, `std`, `min`, `max`, `skewness` and `excess_kurtosis` are of the finite values, in their unit (the last two have
    none). `distinct` values were counted among `distinct_of`: all, or a sample of 65,536. `expected_mean` and
    `expected_std` are the distribution's after rounding to the dtype; `mean_off` and `std_off` say how far the tensor's are
    from them, in standard errors. `std_limits`: between which multiples of `expected_std` the std is no error.

    `histogram`, int64 of shape (130,), counts the finite values below, between and above `centre + sigma * EDGES`, which are
    the distribution's mean and std where the tensor is near them, else its own; `expected_histogram` is what the
    distribution gives. `beyond` and `expected_beyond` have the same, by k, for the values more than k = 2, 3, 4, 5 sigma
    from the centre. `skipped` says why nothing was measured, as of integers.

    >>> import fastinit
    >>> from fastinit.auditing import EDGES
    >>> w = fastinit.normal((256, 256), std=0.02, seed=0)
    >>> row = fastinit.audit({"w": w}).tensors[0]
    >>> row.name, row.shape, row.dtype, round(row.std, 3)
    ('w', (256, 256), 'float32', 0.02)
    >>> int(row.histogram[64:66].sum()), EDGES[63:66].tolist()  # how many are within 1/8 sigma of the centre
    (6506, [-0.125, 0.0, 0.125])
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    n: int
    distribution: str | None = None
    skipped: str | None = None
    mean: float | None = None
    std: float | None = None
    min: float | None = None
    max: float | None = None
    skewness: float | None = None
    excess_kurtosis: float | None = None
    nan: int = 0
    inf: int = 0
    zeros: int = 0
    distinct: int | None = None
    distinct_of: int | None = None
    beyond: dict[int, int] | None = None
    expected_beyond: dict[int, float] | None = None
    expected_mean: float | None = None
    expected_std: float | None = None
    mean_off: float | None = None
    std_off: float | None = None
    std_limits: tuple[float, float] | None = None
    centre: float | None = None
    sigma: float | None = None
    histogram: npt.NDArray[np.int64] | None = field(default=None, repr=False, compare=False)
    expected_histogram: Float64Array | None = field(default=None, repr=False, compare=False)

    @property
    def share_of_zeros(self) -> float:
        return self.zeros / self.n if self.n else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them; the histograms, whose edges are `fastinit.auditing.EDGES`, are left out."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self) if f.compare}


def row_of(tensor: Tensor) -> Row:
    source, measured, distribution = tensor.source, tensor.measured, tensor.distribution
    (nan, inf, zeros, _), sample = measured.values.counts, measured.values.sample
    found: dict[str, Any] = {
        "distribution": None if distribution is None else repr(distribution),
        "nan": nan,
        "inf": inf,
        "zeros": zeros,
    }
    found |= {"distinct": sample.distinct, "distinct_of": sample.n, **_of_finite(measured)}
    if tensor.constant is not None:
        found |= {"expected_mean": tensor.constant, "expected_std": 0.0}
    if tensor.expected is not None:
        found |= _against(tensor.expected, measured)
    return Row(source.name, source.shape, source.dtype.name, measured.n, **found)


def _of_finite(measured: Measured) -> dict[str, Any]:
    moments, histogram = measured.values.moments, measured.histogram
    if not moments.n:
        return {}
    found: dict[str, Any] = {"min": measured.values.low, "max": measured.values.high}
    found |= {name: _finite(getattr(moments, name)) for name in ("mean", "std", "skewness", "excess_kurtosis")}
    if histogram is not None:
        found |= {"centre": measured.centre, "sigma": measured.sigma, "histogram": histogram}
        found["beyond"] = {k: int(beyond(histogram, k)) for k in SIGMAS}
    return found


def _against(expected: Expected, measured: Measured) -> dict[str, Any]:
    moments = measured.values.moments
    found: dict[str, Any] = {"expected_mean": expected.mean, "expected_std": expected.std}
    if moments.n:
        found["mean_off"] = mean_off(moments, expected)
    if moments.n > 1:
        found |= {"std_off": std_off(moments, expected), "std_limits": std_limits(expected, moments.n)}
    if measured.histogram is not None:
        in_own_units = (measured.centre, measured.sigma) == (expected.mean, expected.std)
        bins = expected.of_bins if in_own_units else expected.probabilities(edges_of(measured.centre, measured.sigma))
        histogram = moments.n * bins
        found["expected_histogram"] = histogram
        if measured.sigma == expected.std:
            found["expected_beyond"] = {k: beyond(histogram, k) for k in SIGMAS}
    return found


def _finite(x: float) -> float | None:
    return x if math.isfinite(x) else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return _finite(value) if isinstance(value, float) else value

"""The report of an audit: a row for each tensor, what was found, and both as text, JSON or a picture."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from fastinit.auditing.expected import Nominal, constant_of
from fastinit.auditing.findings import Finding
from fastinit.auditing.goodness_of_fit import mean_off, std_off
from fastinit.auditing.measured import EDGES, Measured, beyond
from fastinit.auditing.significance import FALSE_ALARM_RATE
from fastinit.auditing.subject import Tensor

SIGMAS = (2, 3, 4, 5)
FOOTNOTE = (
    "mean off, std off: from the distribution's, in standard errors. >3 std: values that far from the mean, of the number due. "
    f"A check raises a false alarm once in {1 / FALSE_ALARM_RATE:,.0f}."
)


@dataclass(frozen=True)
class Row:
    """A tensor as it was found, `distribution` being what it should be, in words. Values that mean nothing there are None.

    Mean, std, min, max, skewness and excess kurtosis are of the finite values. `beyond`: how many are more than 2, 3, 4, 5
    `sigma` from `centre`, which are the distribution's where it is near, else the tensor's own; `expected_beyond`: how many should
    be, where they are the distribution's. `mean_off` and `std_off` are in standard errors. `distinct` values were counted among
    `distinct_of`. `skipped` says why there is nothing else.
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
    nominal_mean: float | None = None
    nominal_std: float | None = None
    mean_off: float | None = None
    std_off: float | None = None
    centre: float | None = None
    sigma: float | None = None
    histogram: np.ndarray | None = field(default=None, repr=False, compare=False)
    due: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def share_of_zeros(self) -> float:
        return self.zeros / self.n if self.n else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them; the histogram, whose edges are `fastinit.auditing.EDGES`, is left out."""
        kept = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("histogram", "due")}
        return {name: _plain(value) for name, value in kept.items()}


@dataclass(frozen=True)
class Report:
    """What `fastinit.audit` found: `print` it, or take `tensors` and `findings`."""

    tensors: tuple[Row, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return all(finding.severity != "error" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "false_alarm_rate": FALSE_ALARM_RATE,
            "tensors": [row.as_dict() for row in self.tensors],
            "findings": [asdict(finding) for finding in self.findings],
        }

    def to_json(self, indent: int | None = None) -> str:
        return json.dumps(self.as_dict(), indent=indent)

    def plot(self, path: str | os.PathLike) -> None:
        """Draw histograms over the distributions' densities, and the std of every tensor, as PNG, SVG or PDF.

        ValueError for another suffix, OSError where the file cannot be, ImportError without matplotlib.
        """
        from fastinit.auditing.picture import draw

        draw(self, path)

    def summary(self) -> str:
        """One line: how many tensors, values, errors and warnings."""
        errors = sum(finding.severity == "error" for finding in self.findings)
        counts = (_count(errors, "error"), _count(len(self.findings) - errors, "warning"))
        return f"{_count(len(self.tensors), 'tensor')}, {sum(row.n for row in self.tensors):,} values: {', '.join(counts)}"

    def __str__(self) -> str:
        lines = [*_aligned([COLUMNS, *(cells(row) for row in self.tensors)]), "", *map(str, self.findings)]
        return "\n".join([*lines, *([""] if self.findings else []), self.summary(), FOOTNOTE])


COLUMNS = ("tensor", "shape", "dtype", "mean", "std", "std/distribution", "mean off", "std off", "min", "max", ">3 std", "zeros",
           "NaN, inf", "distinct")  # fmt: skip


def cells(row: Row) -> tuple[str, ...]:
    """The texts under COLUMNS."""
    start = (row.name, "x".join(map(str, row.shape)) or "scalar", row.dtype)
    if row.skipped:
        return (*start, row.skipped)
    numbers = [_number(x) for x in (row.mean, row.std)]
    against = [_fixed(row.std / row.nominal_std, 4) if row.nominal_std and row.std is not None else ""]
    against += [_fixed(x, 1, "+") for x in (row.mean_off, row.std_off)]
    tail = "" if row.beyond is None else f"{row.beyond[3]:,}"
    if row.expected_beyond is not None:
        tail += f" of {row.expected_beyond[3]:,.0f}"
    sampled = row.distinct is not None and row.distinct_of < row.n
    distinct = "" if row.distinct is None else f"{row.distinct:,}" + (f" of {row.distinct_of:,}" if sampled else "")
    zeros = f"{row.share_of_zeros:.1%}" if row.zeros else ""
    odd = f"{row.nan + row.inf:,}" if row.nan + row.inf else ""
    return (*start, *numbers, *against, _number(row.min), _number(row.max), tail, zeros, odd, distinct)


def row_of(tensor: Tensor) -> Row:
    measured, nominal = tensor.measured, tensor.nominal
    values, distribution = measured.values, None if tensor.distribution is None else repr(tensor.distribution)
    row: dict[str, Any] = {"name": tensor.name, "shape": tensor.shape, "dtype": tensor.dtype.name}
    row |= {"n": measured.n, "distribution": distribution}
    row |= {"nan": values.nan, "inf": values.inf, "zeros": values.zeros}
    row |= {"distinct": values.distinct, "distinct_of": values.distinct_of}
    if values.moments.n:
        row |= _of_finite(measured)
    if constant_of(tensor.distribution) is not None:
        row |= {"nominal_mean": constant_of(tensor.distribution), "nominal_std": 0.0}
    if nominal is not None:
        row |= _against(measured, nominal)
    return Row(**row)


def _of_finite(measured: Measured) -> dict[str, Any]:
    moments, values = measured.values.moments, measured.values
    found = {"mean": moments.mean, "std": moments.std, "min": values.low, "max": values.high}
    found |= {"skewness": _finite(moments.skewness), "excess_kurtosis": _finite(moments.excess_kurtosis)}
    if measured.histogram is None:
        return found
    tails = {k: measured.beyond(k) for k in SIGMAS}
    return found | {
        "beyond": tails, "centre": measured.centre, "sigma": measured.sigma, "histogram": measured.histogram,
    }  # fmt: skip


def _against(measured: Measured, nominal: Nominal) -> dict[str, Any]:
    n = measured.values.moments.n
    found: dict[str, Any] = {"nominal_mean": nominal.mean, "nominal_std": nominal.std}
    if n:
        found["mean_off"] = mean_off(measured, nominal)
    if n > 1:
        found["std_off"] = std_off(measured, nominal)
    if measured.histogram is not None:
        found["due"] = n * nominal.probabilities(measured.centre + measured.sigma * EDGES)
        if measured.sigma == nominal.std:
            found["expected_beyond"] = {k: float(beyond(found["due"], k)) for k in SIGMAS}
    return found


def _aligned(table: list[tuple[str, ...]]) -> list[str]:
    """Texts to the left, numbers to the right; a short row, which says why a tensor was skipped, takes no part in widths."""
    whole = [row for row in table if len(row) == len(COLUMNS)]
    widths = [max(len(row[i]) for row in (table if i < 3 else whole)) for i in range(len(COLUMNS))]
    return ["  ".join(_padded(row, widths)).rstrip() for row in table]


def _padded(row: tuple[str, ...], widths: list[int]) -> list[str]:
    skipped = len(row) < len(COLUMNS)
    return [text.ljust(w) if i < 3 or skipped else text.rjust(w) for i, (text, w) in enumerate(zip(row, widths))]


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _number(x: float | None) -> str:
    return "" if x is None else f"{x:.4g}"


def _fixed(x: float | None, digits: int, sign: str = "") -> str:
    return "" if x is None else f"{x:{sign}.{digits}f}"


def _finite(x: float) -> float | None:
    return x if math.isfinite(x) else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return _finite(value) if isinstance(value, float) else value

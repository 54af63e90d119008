"""What is wrong with one tensor, first of all by itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fastinit.auditing.expected import constant_of
from fastinit.auditing.goodness_of_fit import unlike_distribution
from fastinit.auditing.patterns import is_narrow, rounded, significand_bits
from fastinit.auditing.significance import TOO_RARE, score_of_count
from fastinit.auditing.subject import FREQUENT, GENERATOR, Found, Tensor, coincidence

FEW = 16  # distinct values: with no more than these a tensor is an identity, a mask or the like, not drawn
UNUSED_BITS = 8  # low bits of the significand that no value sets: less may come from the steps of a generator
SIGNIFICANDS = {2: "float8_e5m2", 3: "float8_e4m3fn", 7: "bfloat16", 10: "float16", 23: "float32"}  # bits stored
PAGE = 4096  # bytes of memory


@dataclass(frozen=True)
class Finding:
    """`severity` is "error" where the nominal distribution, or any distribution, cannot have given this; else "warning"."""

    name: str
    kind: str
    severity: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.name}: {self.kind}: {self.sentence}"


def findings_of(tensor: Tensor) -> list[Finding]:
    """One cause gives one finding where that can be told: what follows from it is not said as well."""
    by_distribution = tensor.nominal is not None or constant_of(tensor.distribution) is not None
    found = [*_never_drawn(tensor)]
    certain = len(found)
    if tensor.measured.n:
        found += _wrongly_drawn(tensor)
    return [
        Finding(tensor.name, kind, "error" if by_distribution or i < certain else "warning", sentence)
        for i, (kind, sentence) in enumerate(found)
    ]


def _never_drawn(tensor: Tensor) -> Iterator[Found]:
    values, constant = tensor.measured.values, constant_of(tensor.distribution)
    if values.nan:
        yield "NaN", f"{values.nan:,} of {tensor.measured.n:,} values are NaN"
    if values.inf and not (constant is not None and math.isinf(constant)):
        yield "infinite", f"{values.inf:,} of {tensor.measured.n:,} values are infinite"
    if values.wild > 1:
        text = f"{values.wild:,} values are subnormal or beyond 2^60, as in memory that was never written"
        yield "never filled", text


def _wrongly_drawn(tensor: Tensor) -> list[Found]:
    if constant_of(tensor.distribution) is not None:
        return [*_not_the_constant(tensor)]
    if tensor.measured.is_constant:
        return [*_constant(tensor)]
    return _unfilled_rest(tensor) or [*_out_of_order(tensor), *_few_bits(tensor), *_values(tensor)]


def _not_the_constant(tensor: Tensor) -> Iterator[Found]:
    values, wanted = tensor.measured.values, constant_of(tensor.distribution)
    stored = rounded(wanted, tensor.dtype)
    if math.isinf(stored):
        right = values.inf == tensor.measured.n
    elif not values.moments.n:
        return
    else:
        right = max(abs(values.low - stored), abs(values.high - stored)) <= 2 * abs(np.spacing(np.float32(stored)))
    if not right:
        yield "value", f"values from {values.low:.6g} to {values.high:.6g}, where all should be {wanted:.6g}"


def _constant(tensor: Tensor) -> Iterator[Found]:
    """A vector of one value is usual; that a distribution gives the same value n times is not."""
    value, nominal = tensor.measured.values.low, tensor.nominal
    if nominal is None:
        if tensor.is_matrix:
            yield "dead", f"every value is {value:.6g}"
        return
    share = GENERATOR if nominal.pmf is None else float(nominal.pmf.max())
    if score_of_count(1, share ** (tensor.measured.n - 1)) > TOO_RARE:
        yield "dead", f"every value is {value:.6g}, where the distribution has std {nominal.std:.4g}"


def _unfilled_rest(tensor: Tensor) -> list[Found]:
    """A run of zeros in a tensor that has few others: its end, or memory pages in it, were never written."""
    measured, run = tensor.measured, tensor.measured.order.zero_run
    at_end = run.start + run.length == measured.n
    least = 64 if at_end else max(PAGE // tensor.dtype.itemsize, 2 * measured.order.row_length)
    others = (measured.values.zeros - run.length) / max(1, measured.n - run.length)
    if run.length < least or others > 0.5 or measured.values.distinct <= FEW:
        return []
    where = "to the end" if at_end else f"to {run.start + run.length - 1:,}"
    return [("never filled", f"{run.length:,} zeros in a row, from position {run.start:,} {where}, among other values")]


def _out_of_order(tensor: Tensor) -> Iterator[Found]:
    """Rows and columns of one value are no sign of anything where most values are zero by design."""
    order, values = tensor.measured.order, tensor.measured.values
    if values.distinct <= FEW:
        return
    commonest, sparse = max(values.commonest, FREQUENT), values.zeros > tensor.measured.n / 2
    columns = tensor.shape[-1] if order.column_length else 0
    for kind, found, n, length in (
        ("constant rows", order.constant_rows, order.rows, order.row_length),
        ("constant columns", order.constant_columns, columns, order.column_length),
    ):
        if found and not sparse and score_of_count(len(found), n * commonest ** (length - 1)) > TOO_RARE:
            yield kind, f"{len(found):,} of {n:,} {kind.split()[1]} hold one value each, the first is {found[0]:,}"
    pairs = order.rows * (order.rows - 1) / 2
    repeated = order.repeated_rows
    if repeated and score_of_count(len(repeated), pairs * coincidence(tensor) ** order.row_length) > TOO_RARE:
        row, earlier = repeated[0]
        yield "repeated rows", f"{len(repeated):,} of {order.rows:,} rows repeat another, the first is {row:,} = {earlier:,}"


def _values(tensor: Tensor) -> list[Found]:
    return [*_few_values_around_0(tensor)] if tensor.nominal is None else unlike_distribution(tensor, tensor.nominal)


def _few_bits(tensor: Tensor) -> Iterator[Found]:
    """Values around 0 that are those of a narrower dtype."""
    values = tensor.measured.values
    used = significand_bits(tensor.dtype) - values.unused_bits
    if used in SIGNIFICANDS and values.unused_bits >= UNUSED_BITS and values.distinct > FEW and values.low < 0 < values.high:
        yield "few bits", f"no value uses more than {used} bits of the significand, which are those of {SIGNIFICANDS[used]}"


def _few_values_around_0(tensor: Tensor) -> Iterator[Found]:
    """Any distribution spread around 0 gives more values than one power of 2 has, which is what some generators stop at."""
    values, in_a_power_of_2 = tensor.measured.values, 2 ** significand_bits(tensor.dtype)
    around_0 = values.low < 0 < values.high and values.distinct_of > 8 * in_a_power_of_2
    if is_narrow(tensor.dtype) and around_0 and FEW < values.distinct <= in_a_power_of_2:
        yield "few values", f"only {values.distinct:,} distinct values among {values.distinct_of:,} of {tensor.dtype}"

"""Finds what is wrong with one tensor, by itself and against its distribution."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from fastinit.auditing.goodness_of_fit import unlike
from fastinit.auditing.measuring import measure
from fastinit.auditing.parts import repeated_parts
from fastinit.auditing.passes import HUGE, SMALL
from fastinit.auditing.patterns import is_narrow, rounded, significand_bits
from fastinit.auditing.significance import CRITICAL_SCORE, FALSE_ALARM_RATE, score_of_count
from fastinit.auditing.sources import ArraySource, Source
from fastinit.auditing.structure import PIECE, pieces
from fastinit.auditing.subject import FEW, FREQUENT, GENERATOR, Found, Tensor
from fastinit.core.fill import fill
from fastinit.distributions import Distribution
from fastinit.runtime.types import Array

UNUSED_BITS = 8  # low bits of the significand that no value sets: fewer may come from the steps of a generator
SIGNIFICANDS = {2: "float8_e5m2", 3: "float8_e4m3fn", 7: "bfloat16", 10: "float16", 23: "float32"}  # bits stored
PAGE = 4096  # bytes of memory
CAUSED_BY_REPEATS = ("few values", "tails", "shape")
GREATEST_SCORE = 16  # standard deviations: no distribution's values lie farther out
LEAST_END = 64  # zeros at the end of a tensor that look like a part never written

Severity: TypeAlias = Literal["note", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with one tensor: its `kind` in a word or two, and a sentence with the numbers.

    `severity` is "error" where the expected distribution, or any distribution, cannot have given this; "note" where it is
    meant to be so, as for copies; else "warning".

    >>> import fastinit
    >>> report = fastinit.audit({"w": [1.0, float("nan")]})
    >>> print(report.findings[0])
    error: w: NaN: 1 of 2 values are NaN
    """

    name: str
    kind: str
    severity: Severity
    sentence: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.name}: {self.kind}: {self.sentence}"


def findings_of(tensor: Tensor) -> list[Finding]:
    """What is wrong with the tensor. Where possible one cause gives one finding, and its consequences are not reported."""
    if tensor.is_computed:
        return [Finding(tensor.source.name, kind, "error", sentence) for kind, sentence in _not_a_number(tensor)]
    name, severity = tensor.source.name, severity_where(tensor.expected is not None or tensor.constant is not None)
    wrongly_drawn = _wrongly_drawn(tensor) if tensor.measured.n else []
    by_design = _kinds_by_design(tensor) if wrongly_drawn else set()
    return [
        *(Finding(name, kind, "error", sentence) for kind, sentence in _never_drawn(tensor)),
        *(Finding(name, kind, severity, sentence) for kind, sentence in wrongly_drawn if kind not in by_design),
    ]


def _kinds_by_design(tensor: Tensor) -> set[str]:
    """What is found of values that a whole-tensor distribution does give, as of rows that repeat each other by design."""
    distribution, source = tensor.distribution, tensor.source
    if distribution is None or distribution.only_shape != source.shape or tensor.constant is not None:
        return set()
    values = fill(distribution, source.shape, seed=0, dtype=source.dtype)
    right = ArraySource(source.name, source.shape, source.dtype, values)
    (measured,) = measure([(right, None)], lambda nbytes: None)
    return {kind for kind, _ in _wrongly_drawn(Tensor(right, measured, distribution, None))}


def not_the_integer(source: Source, distribution: Distribution) -> Iterator[Finding]:
    """What is wrong with a tensor of integers or booleans, where all of them should be one."""
    value = distribution.constant_value
    if value is None or not source.size:
        return
    bounds = [(int(piece.min()), int(piece.max())) for piece in _read(source)]
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    if not low == high == value:
        yield Finding(source.name, "value", "error", f"values from {low} to {high}, where all should be {value:.6g}")


def _read(source: Source) -> Iterator[Array]:
    return (source.read(first, n) for first, n in pieces(0, source.size, PIECE))


def severity_where(is_expected: bool) -> Severity:
    """Only against an expectation is it certain that something is wrong."""
    return "error" if is_expected else "warning"


def _never_drawn(tensor: Tensor) -> Iterator[Found]:
    """Findings about values that no distribution gives."""
    values, n = tensor.measured.values, tensor.measured.n
    yield from _not_a_number(tensor)
    if values.counts.inf and not (tensor.constant is not None and math.isinf(tensor.constant)):
        yield "infinite", f"{values.counts.inf:,} of {n:,} values are infinite"
    if values.counts.out_of_range > (values.sample.distinct <= FEW) and not _is_extreme(tensor):
        found = f"{values.counts.out_of_range:,} of {n:,} values"
        yield "never filled", f"{found} are subnormal or beyond 2^60, as in memory that was never written"


def _is_extreme(tensor: Tensor) -> bool:
    """Whether the distribution itself gives subnormal or huge values."""
    spread = tensor.constant if tensor.expected is None else tensor.expected.std
    return bool(spread) and not SMALL < abs(spread or 0.0) < HUGE / GREATEST_SCORE


def _not_a_number(tensor: Tensor) -> Iterator[Found]:
    if nan := tensor.measured.values.counts.nan:
        yield "NaN", f"{nan:,} of {tensor.measured.n:,} values are NaN"


def _wrongly_drawn(tensor: Tensor) -> list[Found]:
    if tensor.constant is not None:
        return [*_not_the_constant(tensor, tensor.constant)]
    if tensor.measured.is_constant and (found := [*_dead(tensor)]):
        return found
    if found := [*_unfilled_rest(tensor)]:
        return found
    by_values = unlike(tensor.expected, tensor) if tensor.expected else [*_few_values_around_0(tensor), *_outlier(tensor)]
    repeated = [*repeated_parts(tensor)] or [*_repeated_rows(tensor)]
    if repeated:
        by_values = [(kind, text) for kind, text in by_values if kind not in CAUSED_BY_REPEATS]
    return [*_constant_lines(tensor), *repeated, *_few_bits(tensor), *by_values]


def _not_the_constant(tensor: Tensor, constant: float) -> Iterator[Found]:
    values, stored = tensor.measured.values, rounded(constant, tensor.source.dtype)
    if math.isinf(stored):
        right = values.counts.inf == tensor.measured.n
    else:
        off = max(stored - values.low, values.high - stored)  # -inf where no value is finite
        right = off <= 2 * abs(np.spacing(np.float32(stored)))
    if not right:
        yield "value", f"values from {values.low:.6g} to {values.high:.6g}, where all should be {constant:.6g}"


def _dead(tensor: Tensor) -> Iterator[Found]:
    """A vector of one value is usual; a matrix of one value is not, nor n equal values of a distribution."""
    expected, text = tensor.expected, f"every value is {tensor.measured.values.low:.6g}"
    if expected is None:
        if tensor.is_matrix:
            yield "dead", text
        return
    share = max(GENERATOR, expected.share_of_commonest)
    if score_of_count(1, share ** (tensor.measured.n - 1)) > CRITICAL_SCORE:
        yield "dead", f"{text}, where the distribution has std {expected.std:.4g}"


def _unfilled_rest(tensor: Tensor) -> Iterator[Found]:
    """A run of zeros in a tensor that has few others: its end, or memory pages in it, were never written."""
    measured, run = tensor.measured, tensor.measured.order.zero_run
    at_end = run.start + run.length == measured.n
    least = LEAST_END if at_end else max(PAGE // tensor.source.dtype.itemsize, 2 * measured.order.rows.length)
    others = (measured.values.counts.zeros - run.length) / max(1, measured.n - run.length)
    if run.length >= least and others <= 0.5 and measured.values.sample.distinct > FEW:
        where = "to the end" if at_end else f"to {run.start + run.length - 1:,}"
        yield "never filled", f"{run.length:,} zeros in a row, from position {run.start:,} {where}, among other values"


def _constant_lines(tensor: Tensor) -> Iterator[Found]:
    """Rows and columns of one value; not reported where most values are zero, as by design."""
    order, values = tensor.measured.order, tensor.measured.values
    if values.sample.distinct <= FEW or values.counts.zeros > tensor.measured.n / 2:
        return
    commonest = max(values.sample.commonest, FREQUENT)
    for kind, lines in (("rows", order.rows), ("columns", order.columns)):
        found = lines.constant
        if found and score_of_count(len(found), lines.n * commonest ** (lines.length - 1)) > CRITICAL_SCORE:
            yield f"constant {kind}", f"{len(found):,} of {lines.n:,} {kind} hold one value each, the first is {found[0]:,}"


def _repeated_rows(tensor: Tensor) -> Iterator[Found]:
    order = tensor.measured.order
    repeated, rows = order.repeated_rows, order.rows.n
    usual = rows * (rows - 1) / 2 * tensor.coincidence**order.rows.length
    if repeated and tensor.measured.values.sample.distinct > FEW and score_of_count(len(repeated), usual) > CRITICAL_SCORE:
        row, earlier = repeated[0]
        yield "repeated rows", f"{len(repeated):,} of {rows:,} rows repeat another, the first is {row:,} = {earlier:,}"


def _few_bits(tensor: Tensor) -> Iterator[Found]:
    """Values around 0 that are those of a narrower dtype."""
    values = tensor.measured.values
    used = significand_bits(tensor.source.dtype) - values.unused_bits
    if (
        used in SIGNIFICANDS
        and values.unused_bits >= UNUSED_BITS
        and values.sample.distinct > FEW
        and values.low < 0 < values.high
    ):
        yield "few bits", f"no value uses more than {used} bits of the significand, which are those of {SIGNIFICANDS[used]}"


def _outlier(tensor: Tensor) -> Iterator[Found]:
    """A value so far out that one of n has it once in 1 / FALSE_ALARM_RATE tensors at most, whatever the distribution.

    By Chebyshev's inequality it is sqrt(n / FALSE_ALARM_RATE) of the others' standard deviations from their mean, so that
    the others have no more than FALSE_ALARM_RATE of all squared deviations.
    """
    values = tensor.measured.values
    moments = values.moments
    if values.sample.distinct <= FEW or not moments.m2 or values.counts.out_of_range:
        return
    far = max(values.low, values.high, key=lambda value: abs(value - moments.mean))
    deviation = (far - moments.mean) / moments.unit
    if 1 - moments.n / (moments.n - 1) * deviation * deviation / moments.m2 < FALSE_ALARM_RATE:
        yield "outlier", f"a value of {far:.6g} lies far out of all others"


def _few_values_around_0(tensor: Tensor) -> Iterator[Found]:
    """Too few distinct values: some generators give only as many as lie in one power of 2, a distribution around 0 more."""
    values, dtype = tensor.measured.values, tensor.source.dtype
    in_a_power_of_2 = 2 ** significand_bits(dtype)
    around_0 = values.low < 0 < values.high and values.sample.n > 8 * in_a_power_of_2
    if is_narrow(dtype) and around_0 and FEW < values.sample.distinct <= in_a_power_of_2:
        yield "few values", f"only {values.sample.distinct:,} distinct values among {values.sample.n:,} of {dtype}"

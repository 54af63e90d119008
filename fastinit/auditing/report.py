"""The report of an audit: a row for each tensor, what was found, and both as text, JSON or a picture."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from fastinit.auditing import picture
from fastinit.auditing.findings import Finding, Severity
from fastinit.auditing.numbers import errors_text, ratio_text
from fastinit.auditing.rows import Row
from fastinit.auditing.significance import FALSE_ALARM_RATE
from fastinit.recipes.grouping import Entry, grouped
from fastinit.runtime.printable import printable

FOOTNOTE = (
    "mean off, std off: how far from the distribution's, in standard errors. >3 std: values that far out, of the number "
    f"expected. A check raises a false alarm once in {1 / FALSE_ALARM_RATE:,.0f}."
)
COLUMNS = ("tensor", "shape", "dtype", "mean", "std", "std/distribution", "mean off", "std off",
           "min", "max", ">3 std", "zeros", "NaN, inf", "distinct")  # fmt: skip
TEXTS = 3  # of the columns, from the left, hold text; the others numbers


@dataclass(frozen=True)
class Report:
    """What `fastinit.audit` found: `print` it, or take its `tensors` (a `Row` each) and its `findings`.

    >>> import fastinit
    >>> w = fastinit.normal((256, 256), std=0.02, seed=0)
    >>> report = fastinit.audit({"w": w, "b": w[0]})
    >>> report.ok, report.summary()
    (True, '2 tensors, 65,792 values: 0 errors, 1 warning')
    """

    tensors: tuple[Row, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return all(finding.severity != "error" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """The report in plain values, as JSON has them."""
        return {
            "ok": self.ok,
            "false_alarm_rate": FALSE_ALARM_RATE,
            "tensors": [row.as_dict() for row in self.tensors],
            "findings": [asdict(finding) for finding in self.findings],
        }

    def to_json(self, indent: int | None = None) -> str:
        """`as_dict` as a JSON text."""
        return json.dumps(self.as_dict(), indent=indent)

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw histograms over the distributions' densities, and the std of every tensor, as PNG, SVG or PDF.

        ValueError for another suffix, OSError where the file cannot be written, ImportError without matplotlib.
        """
        picture.draw(self.tensors, self.findings, self.summary(), path)

    def summary(self) -> str:
        """One line: how many tensors, values, errors and warnings."""
        errors, warnings, notes = (self._count(severity) for severity in ("error", "warning", "note"))
        counts = [_count(errors, "error"), _count(warnings, "warning"), *([_count(notes, "note")] if notes else [])]
        return f"{_count(len(self.tensors), 'tensor')}, {sum(row.n for row in self.tensors):,} values: {', '.join(counts)}"

    def _count(self, severity: str) -> int:
        return sum(finding.severity == severity for finding in self.findings)

    def lines_of_findings(self) -> list[tuple[Severity, str]]:
        """The findings as lines with their severities; those that say the same of tensors of several layers are one line."""
        entries = [Entry(f.name, f.sentence, kind=(f.severity, f.kind)) for f in self.findings]
        by_name = {(f.name, f.sentence): f for f in self.findings}
        groups = [(group, by_name[group.members[0], group.text]) for group in grouped(entries)]
        return [(finding.severity, printable(str(replace(finding, name=group.name)))) for group, finding in groups]

    def __str__(self) -> str:
        findings = [line for _, line in self.lines_of_findings()]
        lines = [*_aligned([COLUMNS, *map(cells, self.tensors)]), "", *findings]
        return "\n".join([*lines, *([""] if self.findings else []), self.summary(), FOOTNOTE])


def cells(row: Row) -> tuple[str, ...]:
    """The texts under COLUMNS, or the first three and the reason why there are no others."""
    texts = (row.name, "x".join(map(str, row.shape)) or "scalar", row.dtype)
    if row.skipped:
        return (*texts, row.skipped)
    ratio = row.std / row.expected_std if row.expected_std and row.std is not None else None
    tail = "" if row.beyond is None else f"{row.beyond[3]:,}"
    if row.expected_beyond is not None:
        tail += f" of {row.expected_beyond[3]:,.0f}"
    distinct = "" if row.distinct is None else f"{row.distinct:,}"
    if row.distinct_of is not None and row.distinct_of < row.n:
        distinct += f" of {row.distinct_of:,}"
    return (
        *texts,
        *(_number(x, ".4g") for x in (row.mean, row.std)),
        "" if ratio is None else ratio_text(ratio),
        *("" if x is None else errors_text(x) for x in (row.mean_off, row.std_off)),
        *(_number(x, ".4g") for x in (row.min, row.max)),
        tail,
        f"{row.share_of_zeros:.1%}" if row.zeros else "",
        f"{row.nan + row.inf:,}" if row.nan + row.inf else "",
        distinct,
    )


def _aligned(table: Sequence[tuple[str, ...]]) -> list[str]:
    """Texts to the left, numbers to the right; the reason why a tensor was skipped may reach over several columns."""
    table = [tuple(map(printable, row)) for row in table]
    whole = [row for row in table if len(row) == len(COLUMNS)]
    widths = [max(len(row[i]) for row in (table if i < TEXTS else whole)) for i in range(len(COLUMNS))]
    return ["  ".join(_padded(row, widths)).rstrip() for row in table]


def _padded(row: tuple[str, ...], widths: list[int]) -> list[str]:
    texts = TEXTS if len(row) == len(COLUMNS) else len(row)
    return [text.ljust(w) if i < texts else text.rjust(w) for i, (text, w) in enumerate(zip(row, widths))]


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _number(x: float | None, form: str) -> str:
    return "" if x is None else format(x + 0.0, form)  # 0 also for -0.0

"""The report on a terminal: a table of the columns that there is room for, and colours where something was found."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fastinit.auditing.report import COLUMNS, FOOTNOTE, TEXTS, Report, cells
from fastinit.runtime.printable import printable

COLOURS = {"note": "", "warning": "yellow", "error": "red"}
LEAST_INFORMATIVE = ("distinct", "zeros", "NaN, inf", ">3 std", "min", "max", "mean", "mean off", "std off")
BORDER = 3  # characters that a column takes beside its texts


def show(report: Report, console: Console) -> None:
    rows = [_full(cells(row)) for row in report.tensors]
    used = [i for i in range(len(COLUMNS)) if any(row[i] for row in rows)]
    shown = _that_fit(used, [COLUMNS, *rows], console.width)
    table = Table()
    for i in shown:
        table.add_column(COLUMNS[i], overflow="fold", justify="left" if i < TEXTS else "right")
    worst_last = sorted(report.findings, key=lambda finding: [*COLOURS].index(finding.severity))
    colours = {finding.name: COLOURS[finding.severity] for finding in worst_last}
    for row in rows:
        table.add_row(*(Text(printable(row[i])) for i in shown), style=colours.get(row[0], ""))
    console.print(table)
    for severity, line in report.lines_of_findings():
        console.print(line, style=COLOURS[severity], markup=False)
    console.print(report.summary())
    console.print(FOOTNOTE, style="dim")
    if left_out := [COLUMNS[i] for i in used if i not in shown]:
        console.print(f"The terminal is too narrow for: {', '.join(left_out)}.", style="dim")


def _full(row: tuple[str, ...]) -> tuple[str, ...]:
    """The row with a cell for each column; a column has no room for the reason why a tensor was skipped."""
    return row if len(row) == len(COLUMNS) else (*row[:TEXTS], "skipped", *[""] * (len(COLUMNS) - TEXTS - 1))


def _that_fit(columns: Sequence[int], texts: Sequence[tuple[str, ...]], width: int) -> list[int]:
    """The columns without the least informative ones, as many of which are left out as the width demands."""
    widths = {i: max(len(row[i]) for row in texts) + BORDER for i in columns}
    for name in LEAST_INFORMATIVE:
        if sum(widths.values()) < width:
            break
        widths.pop(COLUMNS.index(name), None)
    return list(widths)

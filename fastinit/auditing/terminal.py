"""The report on a terminal: a table of the columns that there is room for, and colours where something was found."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fastinit.auditing.report import COLUMNS, FOOTNOTE, Report, cells

COLOURS = {"warning": "yellow", "error": "red"}
LEAST_TELLING = ("distinct", "zeros", "NaN, inf", ">3 std", "min", "max", "mean", "mean off", "std off")
BORDER = 3  # characters that a column takes beside its texts


def show(report: Report, console: Console) -> None:
    rows = [_whole(cells(row)) for row in report.tensors]
    telling = [i for i in range(len(COLUMNS)) if any(row[i] for row in rows)]
    shown = _that_fit(telling, [COLUMNS, *rows], console.width)
    table = Table()
    for i in shown:
        table.add_column(COLUMNS[i], overflow="fold", justify="left" if i < 3 else "right")
    colours = _colours(report)
    for row in rows:
        table.add_row(*(Text(row[i]) for i in shown), style=colours.get(row[0]))
    console.print(table)
    for finding in report.findings:
        console.print(str(finding), style=COLOURS[finding.severity], markup=False)
    console.print(report.summary())
    console.print(FOOTNOTE, style="dim")
    if left_out := [COLUMNS[i] for i in telling if i not in shown]:
        console.print(f"Left out for want of width: {', '.join(left_out)}.", style="dim")


def _whole(row: tuple[str, ...]) -> tuple[str, ...]:
    """A short row says why a tensor was skipped, in more words than a column has room for."""
    return row if len(row) == len(COLUMNS) else (*row[:3], "skipped", *[""] * (len(COLUMNS) - 4))


def _that_fit(columns: Sequence[int], texts: Sequence[tuple[str, ...]], width: int) -> list[int]:
    """Those of the columns that are left when the least telling are taken away until the rest fits, if it ever does."""
    widths = {i: max(len(row[i]) for row in texts) + BORDER for i in columns}
    for name in LEAST_TELLING:
        if sum(widths.values()) < width:
            break
        widths.pop(COLUMNS.index(name), None)
    return list(widths)


def _colours(report: Report) -> dict[str, str]:
    """By tensor, that of the worst finding."""
    worst_last = sorted(report.findings, key=lambda finding: finding.severity == "error")
    return {finding.name: COLOURS[finding.severity] for finding in worst_last}

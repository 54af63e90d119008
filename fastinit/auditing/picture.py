"""The picture of a report: histograms over their distributions' densities, of the tensors that something was found about and
of the largest; and the std of all tensors."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastinit.auditing.findings import Finding
from fastinit.auditing.measured import EDGES
from fastinit.auditing.rows import Row
from fastinit.files.partial import check_final, written_whole
from fastinit.recipes.grouping import Entry, grouped
from fastinit.runtime.forks import without_forks
from fastinit.runtime.installation import install_hint
from fastinit.runtime.printable import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

FORMATS = (".png", ".svg", ".pdf")
MOST_HISTOGRAMS, COLUMNS = 12, 4
MOST_NAMES = 40  # under the panel of all tensors: more could not be read
MOST_FLAT_NAMES = 12  # which leave room to lie nearly flat
LONGEST_NAME = 34
DRAWN, DISTRIBUTION, WRONG = "#9ecae1", "#08306b", "#cb181d"


def check_target(path: str | os.PathLike[str]) -> None:
    """Raise what `draw` would raise for this path; called before time is spent on a report.

    ValueError for another suffix than FORMATS, OSError where the file cannot be written, ImportError without matplotlib.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ValueError(f"a picture's path must end in {', '.join(FORMATS)}, got {str(path)!r}")
    check_final(path, overwrite=True)
    try:
        with without_forks():
            import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError(f"a picture needs matplotlib: {install_hint('plot')}") from error


def draw(rows: Sequence[Row], findings: Iterable[Finding], title: str, path: str | os.PathLike[str]) -> None:
    """Draw the picture. Nothing appears at `path` before it is complete; an existing file is then replaced."""
    check_target(path)
    figure, path = draw_figure(rows, findings, title), Path(path)
    with written_whole(path, overwrite=True) as file:
        figure.savefig(file, dpi=110, format=path.suffix[1:])


def draw_figure(rows: Sequence[Row], findings: Iterable[Finding], title: str) -> Figure:
    """The picture as matplotlib holds it."""
    with without_forks():
        from matplotlib.figure import Figure

    wrong: defaultdict[str, list[str]] = defaultdict(list)
    for finding in (finding for finding in findings if finding.severity != "note"):
        wrong[finding.name].append(finding.kind)
    panels = _panels(rows, wrong)
    chosen = panels[:MOST_HISTOGRAMS]
    lines = max(1, math.ceil(len(chosen) / COLUMNS))
    figure = Figure(figsize=(13, 2.2 * lines + 4.6), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[2.2 * lines + 0.6, 4]).ravel()
    if chosen:
        _draw_histograms(above, chosen, wrong)
    _draw_stds(below.subplots(), rows, wrong)
    which = f"{len(chosen)} of {len(panels)}, those with findings first, then the largest; "
    legend = "filled: the values, tensors of one distribution together; line: the distribution; red: something was found"
    above.suptitle(f"{title}\n{which if len(panels) > len(chosen) else ''}{legend}", fontsize=10)
    return figure


def _panels(rows: Sequence[Row], wrong: Mapping[str, Sequence[str]]) -> list[Row]:
    """The rows of measured values; those of one distribution and dtype that nothing was found about are one."""
    alike: defaultdict[object, list[Row]] = defaultdict(list)
    for row in rows:
        if row.mean is not None:
            of_one = row.distribution or row.name, row.dtype, row.histogram is None, row.expected_histogram is None
            alike[row.name if row.name in wrong else of_one].append(row)
    return sorted(map(_together, alike.values()), key=lambda row: (row.name not in wrong, row.histogram is None, -row.n))


def _together(rows: Sequence[Row]) -> Row:
    """The first row with the counts of all, which have one distribution."""
    first, names = rows[0], grouped([Entry(row.name, "") for row in rows])
    rest = len(rows) - len(names[0].members)
    drawn = [row.histogram for row in rows if row.histogram is not None]
    expected = [row.expected_histogram for row in rows if row.expected_histogram is not None]
    return replace(
        first,
        name=first.name if len(rows) == 1 else names[0].name + (f" and {rest} more" if rest else ""),
        n=sum(row.n for row in rows),
        nan=sum(row.nan for row in rows),
        inf=sum(row.inf for row in rows),
        histogram=np.sum(drawn, axis=0) if drawn else None,
        expected_histogram=np.sum(expected, axis=0) if expected else None,
    )


def _draw_histograms(figure: SubFigure, rows: Sequence[Row], wrong: Mapping[str, Sequence[str]]) -> None:
    lines = math.ceil(len(rows) / COLUMNS)
    axes = figure.subplots(lines, COLUMNS, sharex=True, squeeze=False).ravel()
    for ax, row in zip(axes, rows):
        _draw_histogram(ax, row, wrong.get(row.name, ()))
    for ax in axes[len(rows) :]:
        ax.axis("off")
    for ax in axes[max(0, len(rows) - COLUMNS) : len(rows)]:
        ax.set_xlabel("standard deviations", fontsize=8)
        ax.xaxis.set_tick_params(labelbottom=True)


def _draw_histogram(ax: Axes, row: Row, kinds: Sequence[str]) -> None:
    """Densities per sigma; what lies beyond 8 sigmas is left out. Equal values are a line at 0 with the value beside it."""
    total = np.diff(EDGES) * max(1, row.n - row.nan - row.inf)
    if row.histogram is not None:
        ax.stairs(row.histogram[1:-1] / total, EDGES, fill=True, color=WRONG if kinds else DRAWN, alpha=0.8)
    else:
        ax.axvline(0.0, color=WRONG if kinds else DRAWN, linewidth=3)
        text = f"all {row.min:.4g}" if row.min == row.max else ""
        ax.annotate(text, (0.0, 0.5), (4, 0), textcoords="offset points", fontsize=7)
    if row.expected_histogram is not None:
        ax.stairs(row.expected_histogram[1:-1] / total, EDGES, color=DISTRIBUTION, linewidth=1.1, baseline=None)
    ax.set_xlim(-5.5, 5.5)
    ax.set_yticks([])
    ax.tick_params(labelsize=7)
    ax.set_title(_short(row.name), fontsize=8, color=WRONG if kinds else "black", parse_math=False)
    distribution = (row.distribution or "no distribution").split("(")[0]
    ax.text(0.02, 0.95, f"{distribution}\n{row.dtype}\nn = {row.n:,}", transform=ax.transAxes, fontsize=6.5, va="top")
    ax.text(0.98, 0.95, "\n".join(kinds), transform=ax.transAxes, fontsize=6.5, va="top", ha="right", color=WRONG)
    ax.spines[["left", "right", "top"]].set_visible(False)


def _draw_stds(ax: Axes, rows: Sequence[Row], wrong: Mapping[str, Sequence[str]]) -> None:
    """Draw each std over its distribution's, where there are distributions; else the std itself, on a logarithmic axis, on
    which equal values stand at the bottom."""
    ratios = [(row, row.std / row.expected_std) for row in rows if row.std is not None and row.expected_std]
    shown = ratios or [(row, row.std) for row in rows if row.std is not None]
    least = min((std for _, std in shown if std > 0), default=1.0)
    places, heights = range(len(shown)), [std if ratios or std > 0 else least / 2 for _, std in shown]
    if ratios:
        ax.axhline(1.0, color="grey", linewidth=0.8, zorder=0)
        limits = [row.std_limits or (math.nan, math.nan) for row, _ in ratios]
        bottoms = [max(0.0, low) for low, _ in limits]
        ax.bar(places, [high - max(0.0, low) for low, high in limits], 0.8, bottoms, color="grey", alpha=0.25, zorder=1)
    else:
        ax.set_yscale("log")
    ax.scatter(places, heights, c=[WRONG if row.name in wrong else DISTRIBUTION for row, _ in shown], s=14, zorder=2)
    ax.set_ylabel("std / std of the distribution; grey: no error" if ratios else "std", fontsize=8)
    ax.tick_params(which="both", labelsize=7)
    ax.grid(axis="y", which="both", alpha=0.3)
    _name_tensors(ax, [row.name for row, _ in shown], wrong)


def _name_tensors(ax: Axes, names: Sequence[str], wrong: Mapping[str, Sequence[str]]) -> None:
    """Label all tensors if there is room, else those with findings, as far as the labels do not overlap."""
    places: list[int] = []
    for i, name in enumerate(names):
        apart = not places or i - places[-1] >= len(names) / MOST_NAMES
        if apart and (len(names) <= MOST_NAMES or name in wrong):
            places.append(i)
    rotation = 20 if len(places) <= MOST_FLAT_NAMES else 60
    texts = [_short(names[i]) for i in places]
    ax.set_xticks(places, texts, rotation=rotation, ha="right", fontsize=7, parse_math=False)
    for label, i in zip(ax.get_xticklabels(), places):
        label.set_color(WRONG if names[i] in wrong else "black")
    if len(names) > MOST_NAMES:
        ax.set_xlabel(f"{len(names)} tensors in the order of the report", fontsize=8)


def _short(name: str) -> str:
    name = printable(name)
    return name if len(name) <= LONGEST_NAME else "…" + name[1 - LONGEST_NAME :]

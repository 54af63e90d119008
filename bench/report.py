"""Writes a run as Markdown (what must be shown, the rates, the scaling), also into bench/README.md."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.peers import LIBRARIES
from bench.rates import WORKS
from bench.tables import table

Run = dict[str, Any]
BEGIN, END = "<!-- the last run: rewritten by `python -m bench` -->", "<!-- end of the last run -->"


def markdown(run: Run, charts: Iterable[str] = ()) -> str:
    parts = [machine_line(run), must_show(run), overview(run), *(f"![{name}]({name})" for name in charts)]
    parts += [scaling(run), pairs("At start and for small calls", run.get("startup")), pairs("Disk", run.get("disk"))]
    return "\n\n".join(filter(None, [*parts, not_measured(run)])) + "\n"


def details(run: Run) -> str:
    """Every row of every work, with the least and the most of its rounds."""
    parts = [limits_table(run), *(work_table(run, work) for work in WORKS)]
    return "\n\n".join(filter(None, parts)) + "\n"


def machine_line(run: Run) -> str:
    machine, settings = run["machine"], run["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    levels = f"levels {', '.join(machine['levels'])}" if machine["levels"] else "no C backend"
    in_use = " ".join(filter(None, (machine["backend"], machine["level"])))
    return (
        f"{machine['date']}, {machine['cpu']}, {machine['threads']} threads, {machine['memory']}, {machine['system']}; "
        f"{levels}; in use: {in_use}. Medians of {settings['rounds']} rounds, "
        f"{settings['nbytes'] / 2**20:.0f} MiB{' (--quick)' if settings['quick'] else ''}; load before the run "
        f"{machine['load before']}. Python {machine['python']}, {versions}."
    )


def must_show(run: Run) -> str:
    verdicts = {True: "yes", False: "**no**", None: ""}
    rows = [
        (row["what"], row["asked"], "not measured" if row["got"] is None else f"{row['got']:g}", verdicts[row["met"]])
        for row in run["must show"]
    ]
    level = run["machine"]["level"] or run["machine"]["backend"]
    return f"### Must show, on this machine's best level ({level})\n\n" + table(("must show", "asked", "got", "met"), rows)


def overview(run: Run) -> str:
    """GB/s of every library for every work, with the limits in the last rows."""
    works = [work for work in WORKS if any(row["work"] == work for row in run["rates"])]
    if not works:
        return ""
    rates = {(row["library"], row["work"]): row for row in run["rates"]}
    libraries = [name for name in LIBRARIES if any(library == name for library, _ in rates)]
    rows = [(name, *(_cell(rates.get((name, work))) for work in works)) for name in libraries]
    limits = [rates.get(("limit", "fresh" if WORKS[work].memory == "fresh" else "warm")) for work in works]
    rows.append(("*limit*", *(f"*{row['rate']:.3g}*" if row else "" for row in limits)))
    heading = "### GB/s, and the share of the limit"
    return f"{heading}\n\n{table(('', *(work.replace('_', ' ') for work in works)), rows)}\n\n{remarks(libraries)}"


def remarks(libraries: Iterable[str]) -> str:
    return "; ".join(f"{name}: {LIBRARIES[name].remark}" for name in libraries if LIBRARIES[name].remark) + "."


def limits_table(run: Run) -> str:
    what = {"warm": "streaming stores into warm memory", "fresh": "memset of fresh memory"}
    rows = [(what[row["work"]], *_rates(row)) for row in run["rates"] if row["library"] == "limit"]
    return "### Limits\n\n" + table(("limit", "GB/s", "least to most"), rows) if rows else ""


def work_table(run: Run, work: str) -> str:
    of_work = [row for row in run["rates"] if row["work"] == work]
    of_fastinit = next((row["rate"] for row in of_work if row["library"] == "fastinit"), math.nan)
    rows = [
        (
            row["library"],
            f"2^{math.log2(row['elements']):.4g}",
            *_rates(row),
            _number(row["share"]),
            _number(of_fastinit / row["rate"]),
        )
        for row in of_work
    ]
    header = ("library", "values", "GB/s", "least to most", "share of the limit", "fastinit is times as fast")
    return f"### {work.replace('_', ' ')}\n\n{table(header, rows)}" if rows else ""


def scaling(run: Run) -> str:
    parts = run.get("scaling", {})
    texts = [_size_text(parts.get("sizes"))]
    titles = {
        "threads": ("threads", "Against threads, GB/s"),
        "slices": ("width", "Against the width of a slice, columns of a matrix 16384 wide: GB/s, and share of contiguous"),
        "tensors": ("tensors", "Against the number of tensors, GB/s of the same number of values"),
    }
    texts += [_curves_text(parts[name], *title) for name, title in titles.items() if name in parts]
    return "\n\n".join(filter(None, texts))


def _size_text(sizes: dict[str, Any] | None) -> str:
    if not sizes:
        return ""
    skipped = "".join(f"\n- skipped: {line}" for line in sizes["skipped"])
    return _curves_text(sizes, "n", "Against size, GB/s") + (f"\n{skipped}" if skipped else "")


def _curves_text(part: dict[str, Any], axis: str, title: str) -> str:
    curves = {name: {point[axis]: point for point in points} for name, points in part["curves"].items()}
    places = sorted({place for points in curves.values() for place in points})
    names = [f"2^{math.log2(place):g}" if axis == "n" else str(place) for place in places]
    if axis == "n":  # many sizes, read downwards
        rows = [(name, *(_cell(points.get(place)) for points in curves.values())) for name, place in zip(names, places)]
        return f"### {title}\n\n{table(('values', *curves), rows)}"
    rows = [(name, *(_cell(points.get(place)) for place in places)) for name, points in curves.items()]
    return f"### {title}\n\n{table((axis, *names), rows)}"


def pairs(title: str, part: dict[str, float] | None) -> str:
    return f"### {title}\n\n" + table(("what", "got"), [(k, f"{v:.3g}") for k, v in part.items()]) if part else ""


def not_measured(run: Run) -> str:
    return "### Not measured\n\n" + "\n".join(f"- {line}" for line in run["failures"]) if run["failures"] else ""


def rewrite_readme(readme: Path, text: str) -> None:
    """Put the text between the two marks."""
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


def _cell(point: dict[str, Any] | None) -> str:
    if not point:
        return ""
    share = point.get("share")
    return _number(point["rate"]) + (f" ({_number(share)})" if share is not None else "")


def _rates(row: dict[str, Any]) -> tuple[str, str]:
    return _number(row["rate"]), f"{_number(min(row['rates']))} to {_number(max(row['rates']))}"


def _number(x: float | None) -> str:
    """The number in three digits, without an exponent."""
    if x is None or math.isnan(x):
        return ""
    digits = max(0, 2 - math.floor(math.log10(x))) if x > 0 else 0
    return f"{x:.{digits}f}"

"""Draws a run as charts, each a PNG and an SVG: rates against size, shares of the limit, and rates against threads and more.

Colours are Okabe and Ito's, which the colour-blind can tell apart; a curve is labelled where it ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

Run = dict[str, Any]

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#777777",
)  # fmt: skip
DOTTED = (0, (1, 1.2))  # the second of a colour
LIBRARIES = {
    "fastinit": (BLUE, "-"),
    "fastinit, fill_many": (VERMILION, "-"),
    "numpy": (ORANGE, "-"),
    "numpy recipe": (VERMILION, "-"),
    "torch": (GREEN, "-"),
    "jax": (PURPLE, "-"),
    "tensorflow": (SKY, "-"),
    "mkl_random": (BLACK, "-"),
    "randomgen": (ORANGE, DOTTED),
    "scipy": (GREY, "-"),
    "scipy ndtri": (GREY, DOTTED),
}
DISTRIBUTIONS = {
    "fastinit uniform float32": ("uniform", ORANGE),
    "fastinit normal float32": ("normal", BLUE),
    "fastinit truncated_normal float32": ("truncated at 2 std", GREEN),
    "fastinit normal float8_e4m3fn": ("normal, float8", PURPLE),
}
LEFT_OUT = ("fastinit reference",)  # plain NumPy, there to be read: a hundred times slower than all others
LINE_HEIGHT = 10.5  # points
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "svg.fonttype": "none",  # text stays text: small files, and readable by machines
    "svg.hashsalt": "fastinit",  # the same run, the same file
    "figure.facecolor": "white",
}
DPI = 100
WHITE_BOX = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # behind a text that may lie on a line


class Line(NamedTuple):
    """A curve: its points, and how it is drawn. Dashed ones are limits."""

    x: list[float]
    y: list[float]
    colour: str
    style: Any


def draw_charts(run: Run, directory: Path) -> list[str]:
    """Write those charts that the run has figures for; the names of the PNG files."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    written = []
    with matplotlib.rc_context(STYLE):
        for name, chart in CHARTS.items():
            figure = chart(run)
            if figure is None:
                continue
            figure.savefig(directory / f"{name}.png", dpi=DPI, bbox_inches="tight")
            _in_few_colours(directory / f"{name}.png")
            figure.savefig(directory / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
            pyplot.close(figure)
            written.append(f"{name}.png")
    return written


def _in_few_colours(file: Path) -> None:
    """Reduce a PNG to a palette: a quarter of the bytes, without a visible difference."""
    from PIL import Image  # matplotlib brings it

    with Image.open(file) as image:
        few = image.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    few.save(file, optimize=True)


def sizes(run: Run):
    """Rate against the number of values, with the limit: fastinit's distributions, and float32 normals of all libraries."""
    curves = run.get("scaling", {}).get("sizes", {}).get("curves")
    if not curves:
        return None
    limit = {"limit": _line(_best_limit(curves), "n", BLACK, "--")}
    of_fastinit = {label: _line(curves[key], "n", colour) for key, (label, colour) in DISTRIBUTIONS.items() if key in curves}
    normals = {
        key.removesuffix(" normal float32"): points for key, points in curves.items() if key.endswith(" normal float32")
    }
    of_all = {name: _line(points, "n", *LIBRARIES.get(name, (GREY, "-"))) for name, points in normals.items()}
    panels = {"fastinit's distributions": of_fastinit, "float32 normal, warm memory, beside other libraries": of_all}
    figure, grid = _subplots(1, 2, figsize=(11.5, 4.6), sharey=True, squeeze=False)
    for axes, (title, lines) in zip(grid.flat, panels.items()):
        _plot_lines(axes, limit | lines)
        axes.set(title=title, xlabel="values")
        _plain_numbers(axes.yaxis)
    for axes, lines in zip(grid.flat, panels.values()):  # which share their limits
        _label_ends(axes, limit | lines)
    grid[0, 0].set_ylabel("GB/s")
    return _titled(figure, run, "Rate against size")


def _best_limit(curves: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The higher of the two limits at each size."""
    points = [point for name in ("limit, plain", "limit, streaming") for point in curves.get(name, ())]
    best = {point["n"]: point for point in sorted(points, key=lambda point: point["rate"])}
    return [best[n] for n in sorted(best)]


def _line(points: list[dict[str, Any]], axis: str, colour: str, style: Any = "-", value: str = "rate") -> Line:
    return Line([point[axis] for point in points], [point[value] for point in points], colour, style)


def _plot_lines(axes, lines: dict[str, Line]) -> None:
    for line in lines.values():
        width = 1.2 if line.style == "--" else 1.8
        axes.plot(line.x, line.y, color=line.colour, ls=line.style, lw=width, marker="o", ms=3)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")


def _label_ends(axes, lines: dict[str, Line]) -> None:
    """Write names beside the lines' last points, moved apart where they would overlap; called when axes' limits are set."""
    low, high = map(math.log, axes.get_ylim())
    axes.figure.draw_without_rendering()  # lays the axes out
    height = axes.get_window_extent().height / axes.figure.dpi * 72
    ends = sorted(((line.y[-1], name) for name, line in lines.items() if line.x))
    heights = [(math.log(y) - low) / (high - low) * height for y, _ in ends]
    for (y, name), at, place in zip(ends, heights, _apart(heights, height)):
        line = lines[name]
        _annotate(axes, name, (line.x[-1], y), (7, place - at), color=line.colour, annotation_clip=False)


def _apart(heights: list[float], top: float) -> list[float]:
    """The ascending heights of lines of text, moved so that none overlap and none is above the top."""
    places = list(heights)
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + LINE_HEIGHT)
    for i in reversed(range(len(places))):
        places[i] = min(places[i], top if i + 1 == len(places) else places[i + 1] - LINE_HEIGHT)
    return places


def _annotate(axes, text: str, point: tuple[float, float], offset: tuple[float, float], **options: Any) -> None:
    axes.annotate(text, point, offset, textcoords="offset points", va="center", fontsize=8, **options)


def _plain_numbers(axis, subs: tuple[float, ...] = (1.0,)) -> None:
    """Ticks of a logarithmic axis at these multiples of powers of ten, written without powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(base=10, subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda x, place: f"{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def shares(run: Run):
    """For each work, every library's rate as a share of the limit, which is the line at 1."""
    works: dict[str, list[dict[str, Any]]] = {}
    for row in run["rates"]:
        if row.get("share") and row["library"] not in LEFT_OUT:
            works.setdefault(row["work"], []).append(row)
    if not works:
        return None
    columns = min(len(works), 2)
    lines = -(-len(works) // columns)
    most = max(map(len, works.values()))
    figsize = 5.6 * columns, 0.5 + (0.21 * most + 0.75) * lines
    figure, grid = _subplots(lines, columns, figsize=figsize, sharex=True, squeeze=False)
    least = min(row["share"] for rows in works.values() for row in rows)
    for axes, (work, rows) in zip(grid.flat, works.items()):
        _plot_shares(axes, sorted(rows, key=lambda row: row["share"]))
        axes.set_title(work.replace("_", " "), loc="left", fontsize=9.5)
        axes.set_xlim(least / 1.5, 6)
    for axes in grid.flat[len(works) :]:
        axes.axis("off")
    for axes in grid[-1]:
        axes.set_xlabel("share of the limit")
    return _titled(
        figure,
        run,
        "Rate as a share of the limit (the line), with GB/s beside it; circles are fastinit's backends and levels",
    )


def _plot_shares(axes, rows: list[dict[str, Any]]) -> None:
    for place, row in enumerate(rows):
        of_fastinit = row["library"].startswith("fastinit")
        axes.plot(
            row["share"], place, marker="o" if of_fastinit else "D", color=BLUE if of_fastinit else VERMILION, ms=5, ls=""
        )
        _annotate(axes, f"{row['rate']:.3g}", (row["share"], place), (6, 0), bbox=WHITE_BOX)
    axes.axvline(1, color=BLACK, lw=1.2, ls="--")
    axes.set(xscale="log", yticks=range(len(rows)), yticklabels=[row["library"] for row in rows])
    _plain_numbers(axes.xaxis)
    axes.minorticks_off()
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)


def growth(run: Run):
    """Rates against threads, the width of a slice and the number of tensors."""
    scaling = run.get("scaling", {})
    panels = {  # the axis, what is drawn, and their labels
        "threads": ("threads", "rate", "threads", "GB/s"),
        "slices": ("width", "share", "width of a column slice (of 16384)", "share of contiguous speed"),
        "tensors": ("tensors", "rate", "tensors (the same values in all)", "GB/s"),
    }
    there = {name: panel for name, panel in panels.items() if scaling.get(name, {}).get("curves")}
    if not there:
        return None
    figure, grid = _subplots(1, len(there), figsize=(4.4 * len(there), 3.9), squeeze=False)
    for axes, (name, (axis, value, *labels)) in zip(grid.flat, there.items()):
        _plot_growth(axes, scaling[name]["curves"], axis, value)
        axes.set(xlabel=labels[0], ylabel=labels[1])
    return _titled(figure, run, "Against threads, slices and the number of tensors")


def _plot_growth(axes, curves: dict[str, list[dict[str, Any]]], axis: str, value: str) -> None:
    taken = {LIBRARIES[name][0] for name in curves if name in LIBRARIES}
    colours = iter(colour for colour in (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY) if colour not in taken)
    lines = {}
    for name, points in curves.items():
        colour, style = (BLACK, "--") if name.startswith("limit") else LIBRARIES.get(name) or (next(colours), "-")
        lines[name.replace("_", " ")] = _line(points, axis, colour, style, value)
    _plot_lines(axes, lines)
    places = sorted({place for line in lines.values() for place in line.x})
    axes.set_xticks(places, map(str, places), rotation=0 if len(places) < 6 else 60)
    _plain_numbers(axes.yaxis, (1.0, 2.0, 5.0))
    _label_ends(axes, lines)


CHARTS: dict[str, Callable[[Run], Any]] = {"sizes": sizes, "shares": shares, "growth": growth}


def _subplots(*shape: int, **options: Any):
    from matplotlib import pyplot

    return pyplot.subplots(*shape, layout="constrained", **options)


def _titled(figure, run: Run, title: str):
    machine = run["machine"]
    level = machine["level"] or machine["backend"]
    where = f"{machine['cpu']}, {machine['threads']} threads, level {level}, {machine['date']}"
    figure.suptitle(f"{title}\n{where}", fontsize=10, ha="left", x=0.01)
    return figure

"""A run as charts, each a PNG and an SVG: rates against size, shares of the limit, and the other ways to grow.

Colours are Okabe and Ito's, which the colour-blind can tell apart; a curve is labelled where it ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = dict[str, Any]

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#777777",
)  # fmt: skip
COLOURS = {
    "fastinit": BLUE,
    "numpy": ORANGE,
    "numpy recipe": VERMILION,
    "torch": GREEN,
    "jax": PURPLE,
    "tensorflow": SKY,
    "mkl_random": BLACK,
    "randomgen": ORANGE,
    "scipy": GREY,
    "scipy ndtri": GREY,
}
SECOND_OF_THEIR_COLOUR = ("randomgen", "scipy ndtri")
LEFT_OUT = ("fastinit reference",)  # plain NumPy, there to be read: a hundred times slower than all others
DOTTED = (0, (1, 1.2))
LINE_HEIGHT = 10.5  # points
PART_OF_FIGURE = 0.74  # of a figure's height, that of its axes
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
    """A quarter of the bytes, no difference to the eye."""
    from PIL import Image  # matplotlib brings it

    with Image.open(file) as image:
        few = image.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    few.save(file, optimize=True)


def sizes(run: Run):
    """Rate against the number of values, with the limit; the distributions on the left, float32 normal beside the peers' right."""
    curves = run.get("scaling", {}).get("sizes", {}).get("curves")
    if not curves:
        return None
    distributions = {
        "fastinit uniform float32": ("uniform", ORANGE),
        "fastinit normal float32": ("normal", BLUE),
        "fastinit truncated_normal float32": ("cut at 2 sigmas", GREEN),
        "fastinit normal float8_e4m3fn": ("normal, float8", PURPLE),
    }
    figure, (left, right) = _subplots(1, 2, figsize=(11.5, 4.6), sharey=True)
    normals = {key.removesuffix(" normal float32"): key for key in curves if key.endswith(" normal float32")}
    panels = (
        (
            left,
            "fastinit's distributions",
            {label: (curves[key], colour) for key, (label, colour) in distributions.items() if key in curves},
        ),
        (
            right,
            "float32 normal, warm memory, beside other libraries",
            {name: (curves[key], COLOURS.get(name, GREY)) for name, key in normals.items()},
        ),
    )
    for axes, title, of_panel in panels:
        _plot_curves(axes, of_panel)
        _plot_limit(axes, curves)
        axes.set(title=title, xlabel="values", xscale="log", yscale="log")
        axes.set_xscale("log", base=2)
        _plain_numbers(axes.yaxis)
    for axes, _, of_panel in panels:  # the axes share their limits
        _label_ends(axes, _ends(of_panel))
    left.set_ylabel("GB/s")
    return _titled(figure, run, "Rate against size")


def _plot_curves(axes, curves: dict[str, tuple[list[dict[str, Any]], str]]) -> None:
    for name, (points, colour) in curves.items():
        style = DOTTED if name in SECOND_OF_THEIR_COLOUR else "-"
        axes.plot([p["n"] for p in points], [p["rate"] for p in points], color=colour, lw=1.8, ls=style, marker="o", ms=3)


def _label_ends(axes, ends: dict[str, tuple[float, float, str]]) -> None:
    """Names beside the curves' last points, moved apart where they would overlap; once the axes have their limits."""
    low, high = map(math.log, axes.get_ylim())
    height = axes.figure.get_figheight() * 72 * PART_OF_FIGURE
    lowest_free = -math.inf
    for name, (x, y, colour) in sorted(ends.items(), key=lambda item: item[1][1]):
        at = (math.log(y) - low) / (high - low) * height
        place = max(at, lowest_free)
        lowest_free = place + LINE_HEIGHT
        offset = 7, place - at
        axes.annotate(
            name, (x, y), offset, textcoords="offset points", color=colour, va="center", fontsize=8.5, annotation_clip=False
        )


def _ends(curves: dict[str, tuple[list[dict[str, Any]], str]]) -> dict[str, tuple[float, float, str]]:
    return {name: (points[-1]["n"], points[-1]["rate"], colour) for name, (points, colour) in curves.items()}


def _plain_numbers(axis, subs: tuple[float, ...] = (1.0,)) -> None:
    """Ticks of a logarithmic axis at these multiples of powers of ten, written without powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(base=10, subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda x, place: f"{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _plot_limit(axes, curves: dict[str, list[dict[str, Any]]]) -> None:
    best: dict[int, float] = {}
    for name in ("limit, plain", "limit, streaming"):
        for point in curves.get(name, ()):
            best[point["n"]] = max(best.get(point["n"], 0.0), point["rate"])
    if best:
        axes.plot(list(best), list(best.values()), color=BLACK, lw=1.2, ls="--")
        first = min(best)
        axes.annotate("limit: constant stores", (first, best[first]), (2, 5), textcoords="offset points", fontsize=8.5)


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
        ours = row["library"].startswith("fastinit")
        axes.plot(row["share"], place, marker="o" if ours else "D", color=BLUE if ours else VERMILION, ms=5, ls="")
        label = f"{row['rate']:.3g}"
        axes.annotate(
            label, (row["share"], place), (6, 0), textcoords="offset points", va="center", fontsize=8, bbox=WHITE_BOX
        )
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
    panels = {
        "threads": ("threads", "GB/s", "threads"),
        "slices": ("width", "share", "width of a column slice (of 16384)"),
        "tensors": ("tensors", "GB/s", "tensors (the same values in all)"),
    }
    there = {name: panel for name, panel in panels.items() if scaling.get(name, {}).get("curves")}
    if not there:
        return None
    figure, grid = _subplots(1, len(there), figsize=(4.4 * len(there), 3.9), squeeze=False)
    for axes, (name, (axis, unit, label)) in zip(grid.flat, there.items()):
        _plot_growth(axes, scaling[name]["curves"], axis, unit)
        axes.set_xlabel(label)
        axes.set_ylabel("GB/s" if unit == "GB/s" else "share of contiguous speed")
    return _titled(figure, run, "Against threads, slices and the number of tensors")


def _plot_growth(axes, curves: dict[str, list[dict[str, Any]]], axis: str, unit: str) -> None:
    colours = iter((BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY))
    ends = {}
    for name, points in curves.items():
        is_limit = name.startswith("limit")
        colour = BLACK if is_limit else COLOURS.get(name) or next(colours)
        x, y = [p[axis] for p in points], [p["share" if unit == "share" else "rate"] for p in points]
        axes.plot(x, y, color=colour, lw=1.2 if is_limit else 1.8, ls="--" if is_limit else "-", marker="o", ms=3)
        ends[name.replace("_", " ")] = (x[-1], y[-1], colour)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    places = sorted({p[axis] for points in curves.values() for p in points})
    axes.set_xticks(places, map(str, places), rotation=0 if len(places) < 6 else 60)
    _plain_numbers(axes.yaxis, (1.0, 2.0, 5.0))
    _label_ends(axes, ends)


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

"""The pictures of a report, signals by layer, curves with bands, who beats whom: SVG whose text has the page's colour."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastinit.lab.inspecting import Inspection
from fastinit.lab.result import Comparison, bands
from fastinit.runtime.forks import without_forks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which people of every colour vision tell apart; those that white and black both carry.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINES = ("-", "--", "-.", ":")
MOST_LOSS = 2.5  # that of chance, up to which curves are drawn
INK = "#777678"  # stands for the page's colour of text, which the SVG takes from the page


@dataclass(frozen=True)
class Picture:
    """An SVG element, and what it shows in words, for those who do not see it."""

    title: str
    svg: str
    alt: str


def of_signals(inspections: Mapping[str, Inspection]) -> Picture:
    """The rms of activations, and of gradients, by layer, a line for each initialization."""
    figure = new_figure(2)
    above, below = figure.subplots(2, 1, sharex=True)
    said = []
    for number, (name, inspection) in enumerate(inspections.items()):
        rows = [row for row in inspection.layers if row.weights is not None or row.kind in ("recurrent", "attention")]
        style = _style(number)
        above.plot(range(1, len(rows) + 1), [row.output.rms or math.nan for row in rows], label=name, **style)
        gradients = [row.gradient.rms if row.gradient is not None and row.gradient.rms else math.nan for row in rows]
        below.plot(range(1, len(rows) + 1), gradients, label=name, **style)
        if rows:
            said.append(f"{name}: {rows[0].output.rms:.3g} in the first layer, {rows[-1].output.rms:.3g} in the last")
    for axes, what in ((above, "activations (rms)"), (below, "gradients (rms)")):
        axes.set_yscale("log")
        axes.set_ylabel(what)
    below.set_xlabel("layer")
    below.xaxis.get_major_locator().set_params(integer=True)
    _shared_legend(figure, above)
    return drawn("The signal by layer", figure, "Size of activations: " + "; ".join(said))


def of_signals_by_panel(networks: Mapping[str, Mapping[str, Inspection]]) -> Picture:
    """The rms of activations by layer, a panel for each network, a line for each initialization."""
    figure, panels = _panels(len(networks))
    said = []
    for axes, (network, inspections) in zip(panels, networks.items()):
        for number, (name, inspection) in enumerate(inspections.items()):
            sizes = [row.output.rms or math.nan for row in inspection.layers if row.weights is not None]
            axes.plot(range(1, len(sizes) + 1), sizes, label=name, **_style(number))
            said.append(f"{network}, {name}: {sizes[-1]:.3g}")
        axes.set_title(network, fontsize=9, color=INK)
        axes.set_yscale("log")
        axes.set_xlabel("layer")
    _shared_legend(figure, panels[0])
    return drawn("Size of activations (rms) by layer", figure, "In the last layer: " + "; ".join(said))


def of_accuracies(networks: Mapping[str, Mapping[int, Comparison]]) -> Picture:
    """The mean of the metric by depth, with a band of one std, a panel for each activation, a line for each strategy."""
    figure, panels = _panels(len(networks))
    said = []
    for axes, (activation, by_depth) in zip(panels, networks.items()):
        depths = [*by_depth]
        for number, name in enumerate(by_depth[depths[0]].strategies):
            found = [comparison.summaries[name] for comparison in by_depth.values()]
            style = _style(number)
            axes.plot(depths, [s.mean for s in found], label=name, marker="o", markersize=3, **style)
            low, high = [s.mean - s.std for s in found], [s.mean + s.std for s in found]
            axes.fill_between(depths, low, high, color=style["color"], alpha=0.2, linewidth=0)
            said.append(f"{activation}, {name}: {found[-1].mean:.2f}")
        axes.set_title(activation, fontsize=9, color=INK)
        axes.set_xscale("log")
        axes.set_xticks(depths, [str(depth) for depth in depths])
        axes.minorticks_off()
        axes.set_ylim(0, 1)
        axes.set_xlabel("layers")
    _shared_legend(figure, panels[0])
    return drawn("Accuracy by depth", figure, "Mean accuracy of the deepest networks: " + "; ".join(said))


def of_curves(comparison: Comparison) -> Picture:
    """The median loss on what is held out after each epoch, with a band between the quartiles of the runs."""
    figure = new_figure(1)
    axes = figure.subplots()
    said = []
    for number, name in enumerate(comparison.strategies):
        middle, low, high = bands(comparison.curve(name))
        epochs = range(len(middle))
        style = _style(number)
        axes.plot(epochs, middle, label=name, **style)
        axes.fill_between(epochs, low, high, color=style["color"], alpha=0.2, linewidth=0)
        said.append(f"{name}: {middle[-1]:.3g}")
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss, median and quartiles")
    if math.isfinite(comparison.task.chance_loss):  # what explodes at first would leave no room for the rest
        axes.set_ylim(top=min(axes.get_ylim()[1], MOST_LOSS * comparison.task.chance_loss))
    _shared_legend(figure, axes)
    return drawn("Training", figure, "Median loss at the end: " + "; ".join(said))


def of_differences(comparison: Comparison) -> Picture:
    """A matrix: the mean difference of the metric of row minus column, with a star where it is significant."""
    names = [*comparison.strategies]
    figure = new_figure(2)
    axes = figure.subplots()
    values = [[0.0 if a == b else comparison.tests.between(a, b).mean for b in names] for a in names]
    finite = [abs(value) for row in values for value in row if math.isfinite(value)]
    most = max(finite, default=0.0) or 1.0
    axes.imshow(values, cmap="PuOr_r", vmin=-most, vmax=most, alpha=0.85, aspect="auto")
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            if i != j:
                star = " *" if comparison.tests.between(a, b).significant else ""
                light = abs(values[i][j]) < most * 0.6 or not math.isfinite(values[i][j])
                ink = "#111112" if light and math.isfinite(values[i][j]) else "#fefefd" if not light else INK
                text = f"{values[i][j]:+.3f}{star}" if math.isfinite(values[i][j]) else f"failed{star}"
                axes.text(j, i, text, ha="center", va="center", fontsize=7, color=ink)
    axes.set_xticks(range(len(names)), [_short(name) for name in names], rotation=25, ha="right")
    axes.set_yticks(range(len(names)), [_short(name) for name in names])
    wins = [f"{one.first} against {one.second}: {one.mean:+.3g}" for one in comparison.tests.differences if one.significant]
    alt = f"Difference in {comparison.task.metric}, row minus column. " + ("; ".join(wins) or "None is significant")
    return drawn("Who beats whom (row minus column, * significant)", figure, alt)


def _style(number: int) -> dict[str, Any]:
    """Colour and dashes both differ, so that neither alone is needed."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": LINES[number % len(LINES)], "linewidth": 1.8}


def _panels(number: int) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels, two in a row, and a line for the legend above them."""
    figure = new_figure(2 * -(-number // 2))
    found = figure.subplots(-(-number // 2), min(number, 2), squeeze=False).ravel()
    for axes in found[number:]:
        axes.set_visible(False)
    return figure, [*found[:number]]


def _shared_legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, fontsize=8, frameon=False, labelcolor=INK)


def _short(name: str) -> str:
    return name if len(name) <= 22 else name[:21] + "…"


def new_figure(panels: int) -> Figure:
    """A figure in the ink that stands for the page's, as high as so many panels need."""
    with without_forks():
        import matplotlib as mpl
        from matplotlib.figure import Figure

    with mpl.rc_context(
        {"text.color": INK, "axes.edgecolor": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK}
    ):
        return Figure(figsize=(4.8, 1.8 + 1.3 * panels), layout="constrained")


def drawn(title: str, figure: Figure, alt: str) -> Picture:
    """The figure as SVG that takes the colour of its text from the page."""
    with without_forks():
        import matplotlib as mpl

    for axes in figure.axes:
        _ink(axes)
    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": title + alt}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    return Picture(
        title,
        re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1), count=1),
        alt,
    )


def _ink(axes: Axes) -> None:
    axes.set_facecolor("none")
    axes.tick_params(colors=INK, which="both", labelsize=8)
    for spine in axes.spines.values():
        spine.set_edgecolor(INK)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.spines[["right", "top"]].set_visible(False)


def unique_ids(svgs: Sequence[str]) -> list[str]:
    """The SVGs with ids of their own each, since one page has them all."""
    made = []
    for number, svg in enumerate(svgs):
        svg = re.sub(r'id="([^"]+)"', rf'id="p{number}-\1"', svg)
        svg = re.sub(r'(xlink:href|href)="#([^"]+)"', rf'\1="#p{number}-\2"', svg)
        made.append(re.sub(r"url\(#([^)]+)\)", rf"url(#p{number}-\1)", svg))
    return made

"""The sections of the tour's report: of a scenario, of all depths, the verdicts in short, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastinit.lab.inspecting import Inspection
from fastinit.lab.pictures import of_accuracies, of_signals, of_signals_by_panel
from fastinit.lab.report import Section, Table, of_comparison
from fastinit.lab.result import Comparison
from fastinit.lab.scenarios import Scenario
from fastinit.lab.scenarios.depth import WORDS


@dataclass(frozen=True)
class Trained:
    """A scenario that was run: what it was before training, under each strategy, and the comparison."""

    scenario: Scenario
    comparison: Comparison
    inspections: Mapping[str, Inspection]


def of_scenario(trained: Trained) -> Section:
    """The signal before training, the curves, who beats whom, and the words of the scenario."""
    section = of_comparison(trained.scenario.title, trained.comparison, *trained.scenario.words)
    signals = {name: _signal(one) for name, one in trained.inspections.items()}
    return replace(
        section,
        pictures=(of_signals(trained.inspections), *section.pictures),
        tables=(*section.tables, _table_of_signals(signals, trained.inspections)),
        data=section.data | {"signals": signals},
    )


def of_depths(trained: Sequence[Trained]) -> Section:
    """How well it trains at each depth, with the signal through the deepest networks beside."""
    by_activation: dict[str, dict[int, Trained]] = {}
    for one in trained:
        _, activation, depth = one.scenario.name.split("-")
        by_activation.setdefault(activation, {})[int(depth)] = one
    deepest = [by_depth[max(by_depth)] for by_depth in by_activation.values()]
    drawn = {one.scenario.title: one.inspections for one in deepest if one.inspections}
    accuracies = {name: {d: one.comparison for d, one in by_depth.items()} for name, by_depth in by_activation.items()}
    rows = [
        (name, str(depth), s.strategy, f"{s.mean:.4f}", f"{s.std:.4f}", str(s.runs), str(s.trained))
        for name, by_depth in accuracies.items()
        for depth, comparison in by_depth.items()
        for s in comparison.summaries.values()
    ]
    head = ("activation", "layers", "strategy", "accuracy", "std", "runs", "trained")
    verdicts = [(one.scenario.title, one.comparison.verdict) for one in trained]
    return Section(
        "Depth: from few layers to many",
        (*(f"{one.scenario.title}: {one.comparison.verdict}" for one in deepest), *WORDS),
        (of_accuracies(accuracies), *([of_signals_by_panel(drawn)] if drawn else [])),
        (Table("Accuracy by depth", head, tuple(rows)), Table("Verdicts", ("network", "verdict"), tuple(verdicts))),
        {"comparisons": {one.scenario.title: one.comparison.as_dict() for one in trained}},
    )


def _signal(inspection: Inspection) -> list[dict[str, Any]]:
    """The rms of each layer's activations and gradients."""
    layers = inspection.as_dict()["layers"]
    sides = (("activations", "output"), ("gradients", "gradient"))
    return [{"layer": one["name"], **{what: (one[key] or {}).get("rms") for what, key in sides}} for one in layers]


def _table_of_signals(signals: Mapping[str, list[dict[str, Any]]], inspections: Mapping[str, Inspection]) -> Table:
    rows = []
    for name, layers in signals.items():
        ends = [layers[at][what] for what in ("activations", "gradients") for at in (0, -1)]
        found = [finding.text for finding in inspections[name].findings][:1] or ["nothing"]
        rows.append((name, *("" if end is None else f"{end:.4g}" for end in ends), *found))
    head = ("strategy", "activations, first layer", "last layer", "gradients, first layer", "last layer", "found first")
    return Table("The signal before training (rms)", head, tuple(rows))


def of_verdicts(trained: Sequence[Trained], quick: bool) -> Section:
    """The verdict of each part."""
    rows = [(one.scenario.title, one.comparison.best_strategy, one.comparison.verdict) for one in trained]
    words = (
        "What is right for one network is not for the next: where nothing holds the signal, in deep networks without norms, "
        "the initialization decides whether anything is learned; in shallow ones, and behind norms, less differs.",
        *(["This is the short tour: what did not train in so few epochs may need no more than longer."] if quick else []),
    )
    head = ("part", "best mean rank", "verdict")
    return Section(
        "In short", words, (), (Table("The parts", head, tuple(rows)),), {"parts": [dict(zip(head, row)) for row in rows]}
    )


def of_making(trained: Sequence[Trained], quick: bool, seconds: float, complete: bool) -> Section:
    """Seeds, epochs and times, by which all of it can be made again."""
    rows = []
    for one in trained:
        seeds, epochs = one.scenario.sized(quick)
        took = sum(run.seconds for run in one.comparison.runs)
        text = f"0 to {seeds - 1}" if seeds > 1 else "0"
        rows.append((one.scenario.title, text, str(epochs), str(len(one.comparison.runs)), f"{took:.1f}"))
    words = (
        f"It took {seconds:.0f} seconds{'' if complete else ', when it was interrupted: what is missing was not run'}. "
        "A seed decides what is drawn, what is held out, and the order of the data, and is the same for all strategies. One "
        "version of torch on one kind of machine gives the same numbers again. Nothing was downloaded.",
    )
    table = Table("Seeds and times", ("part", "seeds", "epochs", "runs", "seconds of training"), tuple(rows))
    return Section(
        "How it was made", words, (), (table,), {"seconds": round(seconds, 1), "quick": quick, "complete": complete}
    )

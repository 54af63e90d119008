"""`tour`: the tutorial's example, depth sweeps, and five scenarios with real data, as one report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from itertools import groupby

from fastinit.lab.report import Report, Section
from fastinit.lab.scenarios import SCENARIOS, Scenario, depth
from fastinit.lab.tour_sections import Trained, of_depths, of_making, of_scenario, of_verdicts
from fastinit.runtime import checks
from fastinit.runtime.installation import install_hint

TITLE = "Which initialization, and why"
PARTS = ("example", "depth", *(name for name in SCENARIOS if name != "example"))
"""The names of the parts, in their order."""

Advance = Callable[[str, int, int], None]
"""Called after each training with the title of the part, the number of trainings that are done, and of all."""


def tour(
    parts: Iterable[str] | None = None, *, quick: bool = False, jobs: int | None = None, progress: Advance | None = None
) -> Report:
    """Train the lab's own scenarios under several initializations, and report what differs, with pictures and reasons.

    The parts: "example" (the tutorial's two dense layers on y = 2x + noise), "depth" (5 to 100 layers by activation),
    "text", "vision-cnn", "vision-vit", "speech", "recommendation" and "reinforcement", each with data that a package ships.
    Nothing is downloaded. `parts`: some of them; None is all. `quick`: fewer seeds and epochs, a minute on two cores
    instead of ten. `jobs` as in `compare`; `progress` is called after each training. Ctrl-C ends the tour, and the report
    has what is done, with `complete` False.

    `report.write("tour.html")`, or .md or .json, writes it. ValueError for the name of no part; ImportError, with what to
    install, where a library is missing.

    >>> import fastinit.lab
    >>> report = fastinit.lab.tour(["example"], quick=True, jobs=1)
    >>> [section.title for section in report.sections]
    ['In short', "The tutorial's example: y = 2x + noise", 'How it was made']
    """
    chosen = _chosen(parts)
    check_libraries(chosen)
    began = time.perf_counter()
    steps = [step for name in chosen for step in _steps(name, quick)]
    counter = _Counter(progress, sum(step.runs(quick) for step in steps))
    trained = list[Trained]()
    complete = True
    try:
        for step in steps:
            trained.append(_trained(step, quick, jobs, counter))
            if trained[-1].comparison.interrupted:
                raise KeyboardInterrupt  # which `compare` has held back
    except KeyboardInterrupt:
        complete = False
    whole = [one for one in trained if one.comparison.blocks]
    sections = (
        of_verdicts(whole, quick),
        *_sections(whole),
        of_making(trained, quick, time.perf_counter() - began, complete),
    )
    return Report(TITLE, sections if whole else (), _call(parts, quick), complete)


def check_libraries(parts: Iterable[str]) -> None:
    """ImportError, with what to install, for what the parts need and is missing."""
    needed = ["sklearn", "scikit_posthocs", "matplotlib", "jinja2"]
    needed += [library for name in parts for step in _steps(name, True) for library in step.libraries]
    missing = [library for library in dict.fromkeys(needed) if find_spec(library) is None]
    if missing:
        raise ImportError(f"the tour needs {', '.join(missing)}: {install_hint('lab')}")


class _Counter:
    """Counts the trainings of all comparisons together."""

    def __init__(self, progress: Advance | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def of(self, title: str) -> Callable[[object, int, int], None]:
        """What `compare` calls after each run of this part."""

        def advance(run: object, done: int, total: int) -> None:
            self._done += 1
            if self._progress is not None:
                self._progress(title, self._done, self._total)

        return advance


def _chosen(parts: Iterable[str] | None) -> list[str]:
    """The parts in their order, each once."""
    if isinstance(parts, str):
        raise TypeError(f"parts must be a list of names, got the string {parts!r}")
    asked = [*PARTS] if parts is None else [checks.one_of("parts", name, PARTS) for name in parts]
    if not asked:
        raise ValueError(f"parts must have at least one of {', '.join(PARTS)}, got none")
    return [name for name in PARTS if name in asked]


def _steps(name: str, quick: bool) -> list[Scenario]:
    return depth.sweep(quick) if name == "depth" else [SCENARIOS[name]]


def _trained(step: Scenario, quick: bool, jobs: int | None, counter: _Counter) -> Trained:
    task = step.task()
    seen = step.inspections(task) if step.is_drawn else {}
    return Trained(step, step.compare(task, quick, jobs, counter.of(step.title)), seen)


def _sections(trained: list[Trained]) -> Iterator[Section]:
    """A section for each scenario, and one for all depths."""
    for of_depth, group in groupby(trained, lambda one: one.scenario.name.startswith("depth-")):
        ran = [*group]
        yield from [of_depths(ran)] if of_depth else map(of_scenario, ran)


def _call(parts: Iterable[str] | None, quick: bool) -> str:
    given = ([] if parts is None else [repr([*parts])]) + (["quick=True"] if quick else [])
    return f"fastinit.lab.tour({', '.join(given)})"

"""What a scenario is: data that a package ships, a network, and the initializations that are compared on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import nn

from fastinit.lab.comparison import Advance, compare, one_thread
from fastinit.lab.inspecting import Inspection, inspect
from fastinit.lab.result import Comparison
from fastinit.lab.strategies import MadeOf, constructed, strategies_of
from fastinit.lab.tasks import Task


class Size(NamedTuple):
    """How many seeds each strategy is trained with, and for how many epochs."""

    seeds: int
    epochs: int


@dataclass(frozen=True)
class Scenario:
    """One network on one task, under several strategies; `lab.compare` trains it.

    `task` loads the data and says how it is trained and scored, and `words` what is seen, and where the data is from.
    `size` is that of the whole tour, `quick` that of the short one.
    """

    name: str
    title: str
    words: tuple[str, ...]
    task: Callable[[], Task]
    make_model: Callable[[], nn.Module]
    strategies: Mapping[str, MadeOf]
    size: Size
    quick: Size
    libraries: tuple[str, ...] = ()
    is_drawn: bool = True  # whether the report shows its signal before training

    def sized(self, quick: bool) -> Size:
        return self.quick if quick else self.size

    def runs(self, quick: bool) -> int:
        """How many trainings it takes."""
        return self.sized(quick).seeds * len(self.strategies)

    def compare(self, task: Task, quick: bool, jobs: int | None, progress: Advance | None) -> Comparison:
        seeds, epochs = self.sized(quick)
        return compare(self.make_model, task, self.strategies, seeds=seeds, epochs=epochs, jobs=jobs, progress=progress)

    def inspections(self, task: Task) -> dict[str, Inspection]:
        """The network under each strategy with seed 0, before any training."""
        seen = {}
        with one_thread():  # the layers are too small for more
            for strategy in strategies_of(self.strategies):
                model = constructed(self.make_model, 0)
                strategy.fill(model, task.batch, 0)
                seen[strategy.label] = inspect(model, task.batch, spectra=False)
        return seen

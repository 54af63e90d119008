"""What a comparison has found: its runs by strategy, the tests, and the verdict in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from torch import nn

from fastinit.lab.runs import Run
from fastinit.lab.statistics import LEAST_BLOCKS, Tests, tests_of
from fastinit.lab.strategies import Strategy, constructed, recorded
from fastinit.lab.tasks import Task
from fastinit.lab.verdict import verdict_of
from fastinit.recipes import Recipe
from fastinit.recipes.grouping import aligned
from fastinit.runtime.forks import without_forks

TRAINED = 0.9  # of the loss of the best constant answer: a training loss above it has learned hardly anything


@dataclass(frozen=True)
class Summary:
    """One strategy's runs.

    `mean` and `std` of the last metric over the runs that ended well; `untrained`: those that learned hardly anything;
    `epochs_to_target`: the mean over the runs that came to the target loss, `reached` their number.
    """

    strategy: str
    runs: int
    mean: float
    std: float
    failed: int
    diverged: int
    untrained: int
    reached: int
    epochs_to_target: float
    error: str = ""

    @property
    def trained(self) -> int:
        """How many of its runs learned something."""
        return self.runs - self.failed - self.diverged - self.untrained

    @property
    def trains(self) -> bool:
        """Whether most of its runs did."""
        return 2 * self.trained > self.runs


@dataclass(frozen=True)
class Comparison:
    """The result of `compare`. Printed, it is the verdict and a table; `as_dict()` is all of it as plain data.

    >>> import torch, fastinit.lab
    >>> x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    >>> make = lambda: torch.nn.Linear(3, 1)
    >>> result = fastinit.lab.compare(make, (x, x.sum(1)), ["torch", "xavier_normal"], seeds=2, epochs=1, jobs=1)
    >>> len(result.runs), result.curve("torch").shape
    (4, (2, 2))
    """

    runs: tuple[Run, ...]
    strategies: tuple[str, ...]
    planned: int
    epochs: int
    folds: int | None
    task: Task = field(repr=False)
    make_model: Callable[[], nn.Module] = field(repr=False)
    specs: Mapping[str, Strategy] = field(repr=False)
    interrupted: bool = False

    @cached_property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """The seeds and folds in which each strategy has been run."""
        done = {run.key for run in self.runs}
        blocks = dict.fromkeys(run.block for run in self.runs)
        return tuple(block for block in blocks if all((name, block[0], block[1]) in done for name in self.strategies))

    @cached_property
    def scores(self) -> dict[str, list[float]]:
        """The last metric by strategy, a number a block; minus infinity for a run that failed or diverged."""
        by_key = {run.key: run.score for run in self.runs}
        return {name: [by_key[name, block[0], block[1]] for block in self.blocks] for name in self.strategies}

    @cached_property
    def tests(self) -> Tests:
        """Paired tests of the scores; with folds, of their means over the folds of a seed, which are not independent."""
        return tests_of(self.scores if self.folds is None else self._by_seed)

    @property
    def _by_seed(self) -> dict[str, list[float]]:
        whole = [s for s in dict.fromkeys(s for s, _ in self.blocks) if sum(b[0] == s for b in self.blocks) == self.folds]
        of = {name: dict(zip(self.blocks, scores)) for name, scores in self.scores.items()}
        return {
            name: [float(np.mean([score for block, score in by_block.items() if block[0] == seed])) for seed in whole]
            for name, by_block in of.items()
        }

    @cached_property
    def target(self) -> float:
        """The loss that the time to a target is measured to: halfway from chance to the best strategy's last."""
        ended = {name: [run.losses[-1] for run in self._of(name) if run.score > -math.inf] for name in self.strategies}
        if not any(ended.values()):
            return math.nan
        best = float(min(np.mean(losses) for losses in ended.values() if losses))
        return (self.task.chance_loss + best) / 2 if math.isfinite(self.task.chance_loss) else best * 1.1

    def _of(self, strategy: str) -> list[Run]:
        return [run for run in self.runs if run.strategy == strategy]

    @cached_property
    def summaries(self) -> dict[str, Summary]:
        """By strategy, in the order in which they were given."""
        return {name: self._summary(name) for name in self.strategies}

    def _summary(self, name: str) -> Summary:
        runs = self._of(name)
        scores = [run.score for run in runs if run.score > -math.inf]
        limit = TRAINED * self.task.chance_loss
        untrained = [run for run in runs if run.score > -math.inf and run.final_training_loss > limit]
        times = [epoch for run in runs if not run.error and (epoch := run.epochs_to(self.target)) is not None]
        return Summary(
            name,
            len(runs),
            float(np.mean(scores)) if scores else math.nan,
            float(np.std(scores)) if scores else math.nan,
            sum(bool(run.error) for run in runs),
            sum(run.diverged for run in runs),
            len(untrained),
            len(times),
            float(np.mean(times)) if times else math.nan,
            next((run.error for run in runs if run.error), ""),
        )

    @property
    def best_strategy(self) -> str:
        """The first of `ranking`."""
        return self.ranking[0]

    @property
    def ranking(self) -> list[str]:
        """The strategies by their mean rank in the blocks, the best first; where ranks are equal, by their mean."""
        with without_forks():
            from scipy.stats import rankdata

        scores = np.array([self.scores[name] for name in self.strategies])
        if scores.size == 0:
            raise ValueError("no block is done in which every strategy was run: nothing can be compared")
        ranks = rankdata(-scores, axis=0).mean(axis=1)
        means = [self.summaries[name].mean for name in self.strategies]
        order = sorted(range(len(ranks)), key=lambda i: (ranks[i], -means[i] if math.isfinite(means[i]) else math.inf))
        return [self.strategies[i] for i in order]

    def best(self) -> Recipe:
        """The Recipe of the best strategy; of "torch" what the constructor draws.

        ValueError for a strategy that no Recipe can say, as "lsuv": use it itself.
        """
        strategy = self.specs[self.best_strategy]
        if strategy.spec == "torch":
            return recorded(self.make_model)
        return strategy.recipe(constructed(self.make_model, 0), self.task.batch)

    def curve(self, strategy: str) -> Any:
        """The losses on what is held out, (runs, 1 + epochs); NaN after a run diverged."""
        curves = np.full((len(self._of(strategy)), 1 + self.epochs), np.nan)
        for row, run in zip(curves, self._of(strategy)):
            row[: len(run.losses)] = run.losses
        return curves

    @property
    def verdict(self) -> str:
        """Which strategies differ, in words, with the uncertainty of that."""
        begin = ""
        if self.interrupted:
            begin = f"Stopped after {len(self.runs)} of {self.planned} runs. "
        if not self.blocks:
            return f"{begin}No seed is done with every strategy: nothing can be compared."
        if self.tests.blocks < LEAST_BLOCKS:
            begin += f"{self.tests.blocks} seeds are too few to test anything. "
        return begin + verdict_of(self.summaries, self.tests, self.task.metric)

    def __str__(self) -> str:
        rows = [
            (s.strategy, f"{s.mean:.4f}", f"{s.std:.4f}", str(s.runs), str(s.failed + s.diverged), str(s.untrained))
            for s in self.summaries.values()
        ]
        head = ("strategy", self.task.metric, "std", "runs", "failed", "untrained")
        return "\n".join([self.verdict, "", *aligned([head, *rows])])

    def as_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold: what is not finite is None."""
        return {
            "verdict": self.verdict,
            "metric": self.task.metric,
            "chance_loss": _number(self.task.chance_loss),
            "target_loss": _number(self.target),
            "epochs": self.epochs,
            "folds": self.folds,
            "strategies": {name: _plain(vars(summary)) for name, summary in self.summaries.items()},
            "tests": {
                "method": self.tests.method,
                "blocks": self.tests.blocks,
                "omnibus_p": self.tests.omnibus_p,
                "differences": [_plain(vars(one)) for one in self.tests.differences],
            },
            "runs": [run.as_dict() for run in self.runs],
        }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _number(value) if isinstance(value, float) else value for key, value in entries.items()}


def bands(curves: Any) -> tuple[Sequence[float], Sequence[float], Sequence[float]]:
    """The median over runs after each epoch, and the quartiles around it."""
    with np.errstate(all="ignore"):
        quartiles = np.array(
            [
                np.nanpercentile(column[np.isfinite(column)], (25, 50, 75)) if np.isfinite(column).any() else [np.nan] * 3
                for column in curves.T
            ]
        )
    return quartiles[:, 1].tolist(), quartiles[:, 0].tolist(), quartiles[:, 2].tolist()

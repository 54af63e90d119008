"""Timings taken in rounds: every round runs each work once, so that a machine whose speed drifts slows all of them."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bench.limits import GB
from bench.worker import Child, ChildError


@dataclass
class Timing:
    """A work in a child that writes `nbytes`, and the seconds it took in each round; `calls` are timed together."""

    child: Child
    key: Hashable
    nbytes: int
    calls: int = 1
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def rate(self) -> float:
        """GB/s, the median."""
        return self.nbytes / self.median / GB

    @property
    def rates(self) -> list[float]:
        return [self.nbytes / seconds / GB for seconds in self.seconds]


class Failures(list):
    """What could not be measured, and why, a line each; said at once on standard error."""

    def note(self, line: str) -> None:
        if line not in self:
            self.append(line)
            say(line)


def say(line: str) -> None:
    print(f"# {line}", file=sys.stderr, flush=True)


def interleaved(timings: Iterable[Timing], rounds: int, failures: Failures) -> list[Timing]:
    """Run the rounds; those timings that went through all of them."""
    alive = list(timings)
    for _ in range(rounds):
        for timing in list(alive):
            try:
                timing.seconds.append(timing.child.time(timing.key, timing.calls))
            except ChildError as error:
                failures.note(str(error))
                alive.remove(timing)
    return alive


def prepared(
    child: Child, key: Hashable, nbytes: int, budget: float, failures: Failures, maker: Callable[..., Any], *arguments: Any
) -> Timing | None:
    """A work made and warm, repeated so often that a timing takes `budget` seconds; None where there is none."""
    try:
        if not child.make(key, maker, *arguments):
            return None
        return Timing(child, key, nbytes, child.calls_in(budget, key))
    except ChildError as error:
        failures.note(str(error))
        return None

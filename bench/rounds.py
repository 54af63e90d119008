"""Timings taken in rounds: every round runs each work once, so that a machine whose speed drifts slows all of them."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.limits import GB
from bench.worker import Child, ChildError


@dataclass(eq=False)
class Timing:
    """A work in a child that writes `nbytes`, and the seconds it took in each round; `calls` are timed together."""

    child: Child
    key: Hashable
    nbytes: int
    calls: int = 1
    seconds: list[float] = field(default_factory=list)

    def run(self, failures: Failures) -> bool:
        """Time the work once more; return whether that succeeded."""
        with failures.noted():
            self.seconds.append(self.child.time(self.key, self.calls))
            return True
        return False

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def rate(self) -> float:
        """The median rate in GB/s."""
        return self.nbytes / self.median / GB

    @property
    def rates(self) -> list[float]:
        return [self.nbytes / seconds / GB for seconds in self.seconds]


class Failures(list):
    """What could not be measured, and why, a line each; each is also printed at once on standard error."""

    def note(self, line: str) -> None:
        if line not in self:
            self.append(line)
            say(line)

    @contextmanager
    def noted(self, part: str = "", kind: type[Exception] = ChildError) -> Iterator[None]:
        """An error of this kind within the block ends the block and is noted, as one of `part` where that has a name."""
        try:
            yield
        except kind as error:
            self.note(f"{part}: {type(error).__name__}: {error}" if part else str(error))


def say(line: str) -> None:
    print(f"# {line}", file=sys.stderr, flush=True)


def interleaved(timings: Iterable[Timing], rounds: int, failures: Failures) -> list[Timing]:
    """Run the rounds; return the timings that succeeded in all of them."""
    alive = list(timings)
    for _ in range(rounds):
        alive = [timing for timing in alive if timing.run(failures)]
    return alive


def prepared(
    child: Child, key: Hashable, nbytes: int, budget: float, failures: Failures, maker: Callable[..., Any], *arguments: Any
) -> Timing | None:
    """The timing of a work that was built and run once, repeated until it takes `budget` seconds; None without a work."""
    with failures.noted():
        if child.make(key, maker, *arguments):
            return Timing(child, key, nbytes, child.calls_in(budget, key))
    return None

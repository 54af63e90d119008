"""Times works in turn within this process, for the suites that need no process for each library."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Name = TypeVar("Name")


def seconds(work: Callable[[], object]) -> float:
    """The seconds that the work takes. The clock is read before what it returns is freed."""
    began = time.perf_counter()
    made = work()
    taken = time.perf_counter() - began
    del made
    return taken


def medians(works: Mapping[Name, Callable[[], object]], rounds: int) -> dict[Name, float]:
    """The median seconds of each work. Every round runs each of them once and begins with another one."""
    names = list(works)
    taken: dict[Name, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            taken[name].append(seconds(works[name]))
    return {name: statistics.median(found) for name, found in taken.items()}

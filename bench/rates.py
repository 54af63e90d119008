"""Measures each library's rate for each work, beside the limits, in interleaved rounds, each library in its own process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from bench.limits import limit
from bench.peers import DISTRIBUTIONS, REAL, draw
from bench.rounds import Failures, Timing, interleaved, prepared, say
from bench.worker import Child, children

FIRST = 2**14  # values that a library draws to find out how many it can in the time it is given
GROWTH = 2**6  # how much further it is asked to go at a time, what it has shown being mostly the cost of a call


class Work(NamedTuple):
    """What is drawn: a distribution and a dtype, into memory that is warm, or fresh from the system."""

    distribution: str
    dtype: str
    memory: str = "warm"

    @property
    def name(self) -> str:
        return " ".join(self)

    @property
    def itemsize(self) -> int:
        return np.dtype(self.dtype).itemsize


WORKS = {
    work.name: work
    for work in (
        *(Work(distribution, dtype) for dtype in REAL for distribution in DISTRIBUTIONS),
        Work("normal", "bfloat16"),
        Work("truncated_normal", "bfloat16"),
        Work("normal", "float16"),
        Work("normal", "float32", "fresh"),
    )
}
FOR_FASTINIT = 1000.0  # seconds: it always fills the whole array
LIMIT_OF = {"warm": "streaming", "fresh": "fresh"}


class Settings(NamedTuple):
    """How much is done: bytes of the largest array, rounds, and seconds that a timing of a library takes in a round."""

    nbytes: int
    rounds: int
    seconds: float


def measured(
    libraries: Iterable[str], works: Sequence[Work], settings: Settings, failures: Failures
) -> list[dict[str, Any]]:
    """A row for each library and work, and the limits as library "limit"."""
    with children(("limit", *libraries), settings.nbytes) as (limits, *of_libraries):
        of_limits = {
            memory: _limit(limits, memory, settings, failures) for memory in dict.fromkeys(it.memory for it in works)
        }
        timings: dict[Work, list[Timing]] = {}
        for work in works:
            say(f"getting ready: {work.name}")
            ready = (_fitted(child, work, settings, failures) for child in of_libraries)
            timings[work] = [timing for timing in ready if timing]
        in_order = [timing for work in works for timing in (of_limits[work.memory], *timings[work]) if timing]
        for number in range(settings.rounds):
            say(f"round {number + 1} of {settings.rounds}")
            in_order = interleaved(in_order, 1, failures)
    return _rows(of_limits, timings, settings.rounds)


def _limit(child: Child, memory: str, settings: Settings, failures: Failures) -> Timing | None:
    seconds = settings.seconds if memory == "warm" else 0
    return prepared(child, memory, settings.nbytes, seconds, failures, limit, LIMIT_OF[memory], settings.nbytes)


def _fitted(child: Child, work: Work, settings: Settings, failures: Failures) -> Timing | None:
    """The work at its full size, or for all but fastinit the power of two of values drawn in `settings.seconds`.

    It is repeated to fill that time where memory is warm; a timing of fresh memory has one array alone.
    """
    most = settings.nbytes // work.itemsize
    seconds = FOR_FASTINIT if child.name == "fastinit" else settings.seconds
    n, wanted = 0, min(FIRST, most)
    with failures.noted():
        while wanted > n:
            n = wanted
            if not child.make(work, draw, child.name, work.distribution, work.dtype, n, work.memory == "fresh"):
                return None
            values_in_time = int(seconds * n / child.time(work))
            wanted = min(most, GROWTH * n, 1 << max(values_in_time, 1).bit_length() - 1)
        calls = child.calls_in(settings.seconds, work) if work.memory == "warm" else 1
        return Timing(child, work, n * work.itemsize, calls)
    return None


def _rows(limits: dict[str, Timing | None], timings: dict[Work, list[Timing]], rounds: int) -> list[dict[str, Any]]:
    rows = [_row("limit", memory, timing, 1) for memory, timing in limits.items() if timing]
    for work, of_libraries in timings.items():
        limit_timing = limits[work.memory]
        for timing in of_libraries:
            if len(timing.seconds) == rounds:
                row = _row(timing.child.name, work.name, timing, work.itemsize)
                rows.append(row | {"share": rounded(timing.rate / limit_timing.rate) if limit_timing else None})
    return rows


def _row(library: str, work: str, timing: Timing, itemsize: int) -> dict[str, Any]:
    return {
        "library": library,
        "work": work,
        "elements": timing.nbytes // itemsize,
        "itemsize": itemsize,
        "rate": rounded(timing.rate),
        "rates": [rounded(rate) for rate in timing.rates],
    }


def rounded(x: float) -> float:
    """The number rounded to four digits, more than any timing has."""
    return float(f"{x:.4g}")

"""Times a case with pytest-benchmark, and prints every result as a share of the machine's limit at the end."""

from __future__ import annotations

import statistics

import pytest

import fastinit
from bench import limits

shares: list[tuple[str, float, float]] = []


@pytest.fixture(scope="session")
def streaming_limit() -> float:
    """GB/s, with as many threads as fastinit uses."""
    num_threads = fastinit.get_num_threads()
    limits.streaming_rate(num_threads)
    return statistics.median(limits.streaming_rate(num_threads) for _ in range(limits.ROUNDS))


@pytest.fixture
def timed(benchmark, request, streaming_limit):
    """A function that times `work`, which writes `nbytes`."""

    def run(work, nbytes, iterations=1):
        benchmark.pedantic(work, rounds=limits.ROUNDS, iterations=iterations, warmup_rounds=1)
        if benchmark.stats:  # none under --benchmark-disable
            rate = nbytes / benchmark.stats.stats.median / limits.GB
            benchmark.extra_info.update(gigabytes_per_second=rate, share_of_streaming_limit=rate / streaming_limit)
            shares.append((request.node.name, rate, rate / streaming_limit))

    return run


def pytest_terminal_summary(terminalreporter):
    if shares:
        terminalreporter.section("share of the streaming-store limit")
        for name, rate, share in shares:
            terminalreporter.write_line(f"{name:75} {rate:8.3f} GB/s {share:8.3f}")

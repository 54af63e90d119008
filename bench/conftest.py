"""`ratio` times a case beside another in the same rounds, and all ratios are printed at the end."""

from __future__ import annotations

import statistics

import pytest

from bench import memory
from bench.timing import seconds

NBYTES = 2**26
ROUNDS = 9

seen: list[tuple[str, float, float]] = []


@pytest.fixture(scope="session", autouse=True)
def warm_memory():
    memory.reserve(2 * NBYTES)


@pytest.fixture
def ratio(benchmark, request):
    """A function that tells how many times as fast `work` is as `other`, by medians of rounds that run both in turn."""

    def of(work, other, at_least, work_amount=1, other_amount=1):
        """The amounts are what each of the two does in a call, in the same unit. pytest-benchmark keeps times and ratio."""
        seconds_of_other, seconds_of_work = [], []

        def other_first():
            seconds_of_other.append(seconds(other))

        def timed():
            seconds_of_work.append(seconds(work))

        work(), other()
        benchmark.pedantic(timed, setup=other_first, rounds=ROUNDS)
        speed = work_amount / statistics.median(seconds_of_work[-ROUNDS:])
        found = speed * statistics.median(seconds_of_other[-ROUNDS:]) / other_amount
        _note(benchmark, request, found, at_least)
        assert found >= at_least

    return of


@pytest.fixture
def count(benchmark, request):
    """A function that checks that a count is at most the allowed one."""

    def of(counted, at_most):
        found = benchmark.pedantic(counted, rounds=1)
        _note(benchmark, request, found, at_most)
        assert found <= at_most

    return of


def _note(benchmark, request, found, bound):
    benchmark.extra_info.update(found=found, bound=bound)
    seen.append((request.node.name, found, bound))


def pytest_terminal_summary(terminalreporter):
    if seen:
        terminalreporter.section("found, and the bound")
        for name, found, bound in seen:
            terminalreporter.write_line(f"{name:75} {found:9.3g} {bound:9.3g}")

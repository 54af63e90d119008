"""Runs a suite's parts, and its measurements in processes of their own, for their peak of memory and first calls."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from bench import memory
from bench.timing import seconds

Measures = dict[str, float]

CALLS = 4  # of one making: the first, and the median of those after it


def main(
    text: str,
    parts: Mapping[str, Callable[[], None]],
    measures: Mapping[str, Callable[..., Measures]] | None = None,
) -> None:
    """Run all parts, or the one whose name is an option; for `--measure NAME ARGUMENT...` print the measures as JSON."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_mutually_exclusive_group()
    for name in parts:
        group.add_argument(f"--{name}", dest="part", action="store_const", const=name, help=f"{name} only")
    group.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure and measures:
        name, *arguments = options.measure
        print(json.dumps(measures[name](*arguments)))
        return
    for i, name in enumerate([options.part] if options.part else parts):
        print(end="\n" if i else "")
        parts[name]()


def medians(module: str, commands: Iterable[Sequence[str]], rounds: int, room: int) -> list[Measures]:
    """The median of each measure for each command, which is the name and the arguments of a measure of `module`."""
    commands = list(commands)
    found = [[_measured(module, command, room) for command in commands] for _ in range(rounds)]
    return [{measure: statistics.median(run[measure] for run in runs) for measure in runs[0]} for runs in zip(*found)]


def _measured(module: str, command: Sequence[str], room: int) -> Measures:
    """Run where `room` bytes of memory have just been available."""
    memory.touch(room)
    arguments = [sys.executable, "-W", "ignore", "-m", module, "--measure", *command]
    done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def first_and_later(make: Callable[[], object], nbytes: int) -> Measures:
    """Seconds of the first call and of those after it, and the first one's peak of memory as a multiple of `nbytes`."""
    before = memory.peak_bytes()
    first = seconds(make)
    peak = (memory.peak_bytes() - before) / nbytes
    return {"first": first, "later": statistics.median(seconds(make) for _ in range(CALLS - 1)), "peak": peak}

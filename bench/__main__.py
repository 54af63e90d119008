"""fastinit's backends and every installed peer beside the machine's limits, in one run.

    python -m bench                     # twenty minutes, 12 GB of memory; needs a C compiler
    python -m bench --quick             # smaller arrays
    python -m bench --only torch --only 'normal*'   # fastinit and torch, the normal distributions
    python -m bench --disk DIRECTORY    # also gpt2-xl to that disk, beside dd; needs 7 GB there

bench/README.md says what is measured and how, and shows the last whole run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bench import memory, rates, required, scaling, startup
from bench.charts import draw_charts
from bench.machine import machine
from bench.peers import LIBRARIES, installed
from bench.report import details, markdown, rewrite_readme
from bench.rounds import Failures, say
from fastinit.backends import backend
from fastinit.runtime.settings import chosen_backend

HERE = Path(__file__).resolve().parent
RESULTS, README = HERE / "results", HERE / "README.md"
ROUNDS = 5
SIZES = {  # bytes of an array, seconds of a timing, the same in the scaling, powers of two between sizes
    True: (2**26, 0.05, 0.005, 6),
    False: (2**30, 0.25, 0.05, 2),
}


class Chosen(NamedTuple):
    """What the run measures: names of libraries, works and parts of the scaling, and whether startup is timed."""

    libraries: list[str]
    works: list[str]
    parts: list[str]
    startup: bool


def chosen(patterns: list[str]) -> Chosen:
    """Choose everything, or what the patterns match; fastinit's default always. ValueError for a pattern without a match."""
    kinds = [list(LIBRARIES), list(rates.WORKS), list(scaling.PARTS), ["startup"]]
    for pattern in patterns:
        if not any(_matching(names, [pattern]) for names in kinds):
            raise ValueError(f"--only {pattern} names nothing; there are {'; '.join(', '.join(names) for names in kinds)}")
    libraries, works, parts, start = (_matching(names, patterns) for names in kinds)
    no_part = not parts and not start
    return Chosen(
        [name for name in installed() if name == "fastinit" or name in libraries or not libraries],
        works or (kinds[1] if no_part else []),
        parts if patterns else kinds[2],
        bool(start) or not patterns,
    )


def _matching(names: Iterable[str], patterns: list[str]) -> list[str]:
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


def measured(what: Chosen, options: argparse.Namespace) -> dict[str, Any]:
    nbytes, seconds, seconds_of_part, step = SIZES[options.quick]
    failures = Failures()
    run: dict[str, Any] = {
        "machine": machine(),
        "settings": {"rounds": ROUNDS, "nbytes": nbytes, "quick": options.quick, "only": options.only},
        "rates": [],
        "scaling": {},
        "failures": failures,
    }
    for missing in sorted({LIBRARIES[name].module for name in set(LIBRARIES) - set(installed())}):
        failures.note(f"{missing} is not installed")
    memory.touch(min(memory.available_bytes() // 2, 8 * nbytes))
    if what.works:
        settings = rates.Settings(nbytes, ROUNDS, seconds)
        run["rates"] = rates.measured(what.libraries, [rates.WORKS[name] for name in what.works], settings, failures)
    most = max(nbytes, int(options.memory * 2**30))
    settings = scaling.Settings(nbytes, most, ROUNDS, seconds_of_part, step)
    for part in what.parts:
        say(part)
        with failures.noted(part, Exception):
            run["scaling"][part] = scaling.PARTS[part](what.libraries, settings, failures)
    for part, wanted, work in (
        ("startup", what.startup, partial(startup.startup, ROUNDS)),
        ("disk", options.disk, partial(startup.disk, options.disk)),
    ):
        if wanted:
            say(part)
            with failures.noted(part, Exception):
                run[part] = work()
    return run | {"must show": required.compared(run)}


def write(run: dict[str, Any], directory: Path) -> list[str]:
    """Write the JSON, the Markdown and the charts; return the names of the charts."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        charts = draw_charts(run, directory)
    except ImportError:
        run["failures"].note("no charts: matplotlib is not installed")
        charts = []
    (directory / "run.json").write_text(_as_json(run))
    (directory / "run.md").write_text(markdown(run, charts) + "\n" + details(run))
    return charts


def _as_json(run: dict[str, Any]) -> str:
    """The run as JSON text with a line for each row, so that two runs can be compared line by line."""
    text = json.dumps(run | {"rates": []}, indent=1)
    rows = ",\n".join(f"  {json.dumps(row)}" for row in run["rates"])
    return text.replace('"rates": []', f'"rates": [\n{rows}\n ]', 1) + "\n"


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, formatter_class=form)
    parser.add_argument("--quick", action="store_true", help="arrays of 64 MiB, not 1 GiB, and fewer sizes")
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN",
        help="libraries, works or parts of this name; a shell pattern, may be repeated",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="folder for the results; bench/results for a whole run, else a new one")
    parser.add_argument("--memory", type=float, default=0.0, metavar="GIB", help="let fastinit's largest array be so large")
    parser.add_argument("--disk", type=Path, help="a directory with 7 GB of room: time gpt2-xl beside dd there")
    options = parser.parse_args(arguments)
    try:
        options.chosen = chosen(options.only)
        if chosen_backend() is None:
            backend("c")  # what is called fastinit in the tables; ValueError where it was not built
    except ValueError as error:
        parser.error(str(error))
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parsed(arguments)
    whole = not options.quick and not options.only and not options.out
    run = measured(options.chosen, options)
    directory = options.out or (RESULTS if whole else Path(tempfile.mkdtemp(prefix="fastinit-bench-")))
    charts = write(run, directory)
    if whole:
        rewrite_readme(README, markdown(run, [f"results/{chart}" for chart in charts]))
    print(markdown(run), end="")
    say(f"results in {directory}")


if __name__ == "__main__":
    sys.exit(main())

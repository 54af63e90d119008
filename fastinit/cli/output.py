"""What sub-commands print with: results on standard output, errors and progress on standard error."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from fastinit.files import checkpoint
from fastinit.recipes import Plan
from fastinit.recipes.grouping import aligned
from fastinit.runtime import signals
from fastinit.runtime.printable import printable_lines


class _Console(Console):
    """Prints texts as they are: without markup, and with escapes for what a terminal would obey."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, soft_wrap=True, highlight=False, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Leave the error to the command's entry."""
        raise

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(printable_lines(one) if isinstance(one, str) else one for one in objects), **options)


errors, results = _Console(stderr=True), _Console()


def show_any_text() -> None:
    """Have standard output and error show what their encoding lacks, as emoji under LC_ALL=C, as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def progress(verb: str, total: int) -> Iterator[checkpoint.Progress]:
    """A bar with bytes, rate and time left on standard error, where that is a terminal; nothing elsewhere."""
    if not errors.is_terminal:
        yield lambda nbytes: None
        return
    columns = (TextColumn(verb), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    signals.steps.append(leave_the_bar)
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task(verb, total=total)
        yield lambda nbytes: bar.advance(task, nbytes)


def leave_the_bar() -> None:
    """What a signal that ends the process does while a bar is shown."""
    os.write(2, b"\r\x1b[2K\x1b[?25h")  # clear the line and show the cursor


def print_json(**entries: object) -> None:
    print(json.dumps(entries))


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their texts, which are never cut, into a terminal or a pipe."""
    results.print("\n".join(aligned(rows)))


def num_parameters(plan: Plan) -> int:
    return sum(math.prod(tensor.spec.shape) for tensor in plan)

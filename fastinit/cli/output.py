"""What sub-commands print with: results on standard output, errors and progress on standard error."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from fastinit.files import checkpoint
from fastinit.recipes import Plan
from fastinit.runtime import ending

errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)
results = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)


@contextmanager
def progress(verb: str, total: int) -> Iterator[checkpoint.Progress]:
    """A bar with bytes, rate and time left on standard error, where that is a terminal; nothing elsewhere."""
    if not errors.is_terminal:
        yield lambda nbytes: None
        return
    columns = (TextColumn(verb), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    ending.steps.append(_leave_the_bar)
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task(verb, total=total)
        yield lambda nbytes: bar.advance(task, nbytes)


def _leave_the_bar() -> None:
    os.write(2, b"\r\x1b[2K\x1b[?25h")  # clear the line and show the cursor


def print_json(**entries: object) -> None:
    print(json.dumps(entries))


def num_parameters(plan: Plan) -> int:
    return sum(math.prod(tensor.spec.shape) for tensor in plan)

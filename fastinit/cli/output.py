"""What sub-commands print with: results on standard output, errors and progress on standard error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from fastinit.files import checkpoint
from fastinit.recipes import Plan

errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)
results = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)


@contextmanager
def progress(verb: str, total: int) -> Iterator[checkpoint.Progress]:
    """A bar with bytes, rate and time left on standard error, where that is a terminal; nothing elsewhere."""
    if not errors.is_terminal:
        yield lambda nbytes: None
        return
    columns = (TextColumn(verb), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task(verb, total=total)
        yield lambda nbytes: bar.advance(task, nbytes)


def print_json(**entries: object) -> None:
    print(json.dumps(entries))


def num_parameters(plan: Plan) -> int:
    return sum(math.prod(tensor.spec.shape) for tensor in plan)

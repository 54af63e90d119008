"""What `fastinit lab` gives: reports, and a bar with the trainings that are done."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fastinit.cli.output import errors, leave_the_bar, results
from fastinit.files.partial import check_final
from fastinit.runtime import signals
from fastinit.runtime.installation import install_hint

Advance = Callable[[str, int, int], None]


def check_reports(paths: Sequence[Path] | None, overwrite: bool) -> None:
    """Raise, before time is spent, what writing reports would. ImportError, with what to install, for a missing library."""
    missing = [
        name for name in ("torch", "scipy", "sklearn", "scikit_posthocs", "matplotlib", "jinja2") if not find_spec(name)
    ]
    if missing:
        raise ImportError(f"fastinit lab needs {', '.join(missing)}: {install_hint('lab')}")
    from fastinit.lab.report import check_target

    for path in paths or ():
        check_target(path)
        check_final(path, overwrite)


def write_reports(report: Any, paths: Sequence[Path], overwrite: bool) -> None:
    for path in paths:
        report.write(path, overwrite=overwrite)
        results.print(f"wrote {path}")


def report_command() -> str:
    """The command line as it was given."""
    return shlex.join(["fastinit", *sys.argv[1:]])


@contextmanager
def training_bar() -> Iterator[Advance]:
    """A bar with trainings done and the time left on standard error, where that is a terminal; nothing elsewhere."""
    if not errors.is_terminal:
        yield lambda what, done, total: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    signals.steps.append(leave_the_bar)
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("preparing", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)

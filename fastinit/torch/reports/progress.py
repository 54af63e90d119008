"""The progress bar of an initialization, on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastinit.runtime.forks import without_forks
from fastinit.runtime.installation import install_hint

if TYPE_CHECKING:
    from rich.progress import Progress


def progress_bar() -> Progress:
    """A bar that counts bytes. ImportError where rich is not installed."""
    try:
        with without_forks():
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
    except ImportError:
        raise ImportError(f"progress=True needs rich: {install_hint('cli')}") from None
    columns = (TextColumn("initializing"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)

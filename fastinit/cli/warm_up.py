"""`fastinit warm-up`: compiles the kernels of the Numba backend ahead of their first use."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from typing import Annotated

import typer

from fastinit.backends.catalogue import KERNELS
from fastinit.cli.options import Json
from fastinit.cli.output import errors, print_json, print_table
from fastinit.runtime.checks import shown


def warm_up(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="A kernel, or a pattern as 'normal_*'; may be given again. The default is all of them."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compile the Numba backend's kernels into the user's cache folder, for machines without a C compiler."""
    chosen = _chosen(only or ["*"])
    errors.print(f"fastinit: {len(chosen)} kernels are compiled or loaded, some of a second or two")
    from fastinit.backends.numba.compiling import cache_folder
    from fastinit.backends.numba.kernels import compiled

    seconds: dict[str, float] = {}
    for kernel in chosen:
        began = time.perf_counter()
        compiled(kernel)
        seconds[kernel] = round(time.perf_counter() - began, 3)
        if errors.is_terminal:
            errors.print(f"{kernel}: {seconds[kernel]:.1f} s ({len(seconds)} of {len(chosen)})")
    if as_json:
        print_json(folder=cache_folder(), seconds=seconds)
    else:
        print_table([
            ("folder", cache_folder()),
            ("kernels", str(len(chosen))),
            ("time", f"{sum(seconds.values()):.1f} s"),
        ])  # fmt: skip


def _chosen(patterns: list[str]) -> list[str]:
    """The kernels that the patterns match. ValueError for a pattern without a match."""
    for pattern in patterns:
        if not any(fnmatchcase(kernel, pattern) for kernel in KERNELS):
            raise ValueError(f"--only {shown(pattern)} matches no kernel; there are {', '.join(KERNELS)}")
    return [kernel for kernel in KERNELS if any(fnmatchcase(kernel, pattern) for pattern in patterns)]

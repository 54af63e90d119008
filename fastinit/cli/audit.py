"""`fastinit audit`: says what is wrong with the values of a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fastinit import auditing
from fastinit.auditing import terminal
from fastinit.auditing.picture import check_target
from fastinit.cli.options import Json, PartOption, Threads
from fastinit.cli.output import print_json, progress, results
from fastinit.cli.plans import plan
from fastinit.files.parts import WHOLE
from fastinit.files.reading import read_files


def audit(
    file: Annotated[Path, typer.Argument(help="The .safetensors or .safetensors.index.json file to look at.")],
    spec: Annotated[
        str | None, typer.Option(help="What the tensors' distributions are taken from: a SPEC as for `fastinit init`.")
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw histograms and distributions into this .png, .svg or .pdf file, which is replaced."),
    ] = None,
    part: PartOption = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Measure the values of a file, of any origin, and say what is wrong with them; exit status 1 if there is an error."""
    if picture:
        check_target(picture)
    expected = None if spec is None else plan(spec)
    total = sum(tensor.nbytes for tensors in read_files(file, part or WHOLE).values() for tensor in tensors)
    with progress("auditing", total) as advance:
        report = auditing.audit(file, expected, part=part, progress=advance)
    if picture:
        report.plot(picture)
    if as_json:
        print_json(file=str(file), **report.as_dict())
    elif results.is_terminal:
        terminal.show(report, results)
    else:
        print(report)
    if not report.ok:
        sys.exit(1)

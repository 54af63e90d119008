"""The command: init, verify, audit, stream, models, config."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich import filesize
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from fastinit import auditing
from fastinit.auditing import terminal
from fastinit.auditing.picture import check_target
from fastinit.core.config import config, show_config
from fastinit.core.fill import fill_piece, stream_words
from fastinit.core.stream import stream_of
from fastinit.distributions import Uniform
from fastinit.files import checkpoint, specs
from fastinit.files.checkpoint import PlannedTensor
from fastinit.files.safetensors_format import read_files
from fastinit.recipes import families as models
from fastinit.runtime import threads

app = typer.Typer(
    help="Initial values for weight tensors, at the speed of memory.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
results = Console(soft_wrap=True, highlight=False)

STREAM_PIECE = 2**18  # words written to standard output at a time
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}

Spec = Annotated[str, typer.Argument(help="A built-in model (see `fastinit models`), a .safetensors or "
                                          ".safetensors.index.json file to imitate, or a .toml file.")]  # fmt: skip
Seed = Annotated[int, typer.Option(min=0, help="The seed: with a tensor's name and position it decides every value.")]
Dtype = Annotated[str | None, typer.Option(help=f"One of {', '.join(specs.FLOAT_DTYPES)}; the default is what SPEC says.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads to use; the values do not depend on it.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def run() -> None:
    """Run the command: exit status 2 and a line on standard error for bad input, 130 when interrupted."""
    app()


def command(name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a subcommand whose errors and interrupts end the program as `run` says."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def ends_cleanly(**arguments: object) -> None:
            try:
                function(**arguments)
            except (ValueError, OSError, ImportError) as error:
                errors.print(f"fastinit: {_one_line(error)}")
                sys.exit(2)
            except KeyboardInterrupt:
                errors.print("fastinit: interrupted")
                sys.exit(130)

        return app.command(name)(ends_cleanly)

    return register


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split())


@command()
def init(
    spec: Spec,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The .safetensors file to write.")] = None,
    seed: Seed = 0,
    dtype: Dtype = None,
    threads: Threads = None,
    shard_size: Annotated[
        str | None, typer.Option(help="Split into files of at most this size, as 5GB or 512MiB, with an index.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be written.")] = False,
    as_json: Json = False,
) -> None:
    """Write a model's initial weights as safetensors."""
    _use_threads(threads)
    plan = specs.plan(spec, dtype)
    most = None if shard_size is None else _nbytes(shard_size)
    if dry_run:
        _report_plan(plan, as_json)
        return
    if output is None or output.suffix != ".safetensors":
        raise ValueError(f"--output must name a .safetensors file, got {str(output or '')!r}")
    total = sum(tensor.nbytes for tensor in plan)
    metadata = {"format": "pt", "fastinit.spec": spec, "fastinit.seed": str(seed), "fastinit.stream": "1"}
    began = time.perf_counter()
    with _progress("writing", total) as progress:
        files = checkpoint.write(
            output, plan, seed, metadata=metadata, shard_size=most, overwrite=overwrite, progress=progress
        )
    _report_written(files, plan, seed, total, time.perf_counter() - began, as_json)


@command()
def verify(
    file: Annotated[Path, typer.Argument(help="The .safetensors or .safetensors.index.json file to check.")],
    spec: Spec,
    seed: Seed = 0,
    dtype: Dtype = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Recompute every value of a file and say which tensors differ; exit status 1 if any does."""
    _use_threads(threads)
    plan = specs.plan(spec, dtype)
    files = read_files(file)
    with _progress("verifying", sum(tensor.nbytes for tensor in plan)) as progress:
        differences = checkpoint.verify(files, plan, seed, progress=progress)
    if as_json:
        found = [{"name": d.name, "difference": str(d), "elements": d.elements, "first": d.first} for d in differences]
        print(json.dumps({"file": str(file), "seed": seed, "tensors": len(plan), "different": found}))
    elif differences:
        for difference in differences:
            results.print(f"{difference.name}: {difference}", markup=False)
        results.print(f"{len(differences)} of {len(plan)} tensors differ")
    else:
        results.print(f"{file}: all {len(plan)} tensors are as seed {seed} makes them", markup=False)
    if differences:
        sys.exit(1)


@command()
def audit(
    file: Annotated[Path, typer.Argument(help="The .safetensors or .safetensors.index.json file to look at.")],
    spec: Annotated[
        str | None, typer.Option(help="What the tensors' distributions are taken from: a SPEC as for `fastinit init`.")
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw histograms and distributions into this .png, .svg or .pdf file, which is replaced."),
    ] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Measure the values of a file, of any origin, and say what is wrong with them; exit status 1 if there is an error."""
    _use_threads(threads)
    if picture:
        check_target(picture)
    distributions = None if spec is None else {tensor.name: tensor.distribution for tensor in specs.plan(spec)}
    total = sum(tensor.nbytes for tensors in read_files(file).values() for tensor in tensors)
    with _progress("auditing", total) as progress:
        report = auditing.audit(file, distributions, progress=progress)
    if picture:
        report.plot(picture)
    if as_json:
        print(json.dumps({"file": str(file), **report.as_dict()}))
    elif results.is_terminal:
        terminal.show(report, results)
    else:
        print(report)
    if not report.ok:
        sys.exit(1)


@command()
def stream(
    seed: Seed,
    name: Annotated[str | None, typer.Option(help="The name of the stream, as a tensor's.")] = None,
    dtype: Annotated[str, typer.Option(help="uint32, the words, or float32, uniform on [0, 1).")] = "uint32",
) -> None:
    """Write the endless stream to standard output, in the machine's byte order: for a test battery."""
    if dtype not in ("uint32", "float32"):
        raise ValueError(f"dtype must be one of uint32, float32, got {dtype!r}")
    if sys.stdout.isatty():
        raise ValueError("standard output is a terminal: redirect it to a file or a program")
    words = stream_of(seed, name)
    piece = np.empty(STREAM_PIECE, dtype)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end quietly when the reader has had enough, as other programs do
    first = 0
    while True:
        if dtype == "uint32":
            stream_words(words, first, piece)
        else:
            fill_piece(Uniform(0.0, 1.0), words, first, piece)
        _write_out(memoryview(piece.view(np.uint8)))
        first += STREAM_PIECE


@command("models")
def list_models() -> None:
    """List the built-in models."""
    table = Table("model", "tensors", "parameters")
    for name in models.MODELS:
        plan = specs.plan(name)
        table.add_row(name, f"{len(plan):,}", f"{_parameters(plan):,}")
    results.print(table)


@command("config")
def print_config(as_json: Json = False) -> None:
    """Print the backend, the instruction-set level, the threads and the versions in use."""
    if as_json:
        print(json.dumps(config()))
    else:
        show_config()


def _use_threads(n: int | None) -> None:
    if n is not None:
        threads.set_num_threads(n)


def _nbytes(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?", text.strip().upper())
    if not match or match[2] not in UNITS or float(match[1]) == 0:
        raise ValueError(f"--shard-size must be a size as 5GB, 512MiB or 1000000, got {text!r}")
    return max(1, int(float(match[1]) * UNITS[match[2]]))


def _write_out(data: memoryview) -> None:
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


@contextmanager
def _progress(verb: str, total: int) -> Iterator[checkpoint.Progress]:
    """A bar with bytes, rate and time left on standard error, where that is a terminal; nothing elsewhere."""
    if not errors.is_terminal:
        yield lambda nbytes: None
        return
    columns = (TextColumn(verb), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task(verb, total=total)
        yield lambda nbytes: bar.advance(task, nbytes)


def _parameters(plan: Sequence[PlannedTensor]) -> int:
    return sum(int(np.prod(tensor.shape, dtype=object)) for tensor in plan)


def _report_plan(plan: Sequence[PlannedTensor], as_json: bool) -> None:
    if as_json:
        tensors = [{"name": t.name, "shape": t.shape, "dtype": t.dtype, "distribution": repr(t.distribution)} for t in plan]
        print(json.dumps({"tensors": tensors, "bytes": sum(tensor.nbytes for tensor in plan)}))
        return
    table = Table("tensor", "shape", "dtype", "distribution")
    for tensor in plan:
        table.add_row(tensor.name, str(tensor.shape), tensor.dtype, repr(tensor.distribution))
    results.print(table)
    total = filesize.decimal(sum(tensor.nbytes for tensor in plan))
    results.print(f"{len(plan)} tensors, {_parameters(plan):,} parameters, {total}")


def _report_written(
    files: Sequence[Path], plan: Sequence[PlannedTensor], seed: int, total: int, seconds: float, as_json: bool
) -> None:
    if as_json:
        summary = {"files": [str(f) for f in files], "tensors": len(plan), "parameters": _parameters(plan)}
        print(json.dumps({**summary, "bytes": total, "seed": seed, "seconds": round(seconds, 3)}))
        return
    table = Table(show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for row in (
        ("file", str(files[-1])),  # of several, the index
        *([("shards", str(len(files) - 1))] if len(files) > 1 else []),
        ("tensors", f"{len(plan):,}"),
        ("parameters", f"{_parameters(plan):,}"),
        ("size", filesize.decimal(total)),
        ("seed", str(seed)),
        ("time", f"{seconds:.2f} s"),
        ("rate", f"{filesize.decimal(int(total / seconds))}/s"),
    ):
        table.add_row(*row)
    results.print(table)

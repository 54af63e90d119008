"""`fastinit init`: writes a model's initial weights."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import filesize

from fastinit.cli.options import Dtype, Json, PartOption, Seed, Spec, Threads
from fastinit.cli.output import num_parameters, print_json, print_table, progress
from fastinit.cli.plans import plain_warnings, source_of
from fastinit.files import checkpoint
from fastinit.files.checkpoint import FilePlan, Share
from fastinit.files.parts import WHOLE
from fastinit.files.provenance import Origin
from fastinit.runtime.checks import shown

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


def init(
    spec: Spec,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The .safetensors file to write.")] = None,
    seed: Seed = 0,
    dtype: Dtype = None,
    threads: Threads = None,
    shard_size: Annotated[
        str | None, typer.Option(help="Split into files of at most this size, as 5GB or 512MiB, with an index.")
    ] = None,
    part: PartOption = None,
    index: Annotated[bool, typer.Option("--index", help="Write the index alone, which else part 0 writes.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep files that are complete; those written get their names one by one.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be written.")] = False,
    as_json: Json = False,
) -> None:
    """Write a model's initial weights as safetensors."""
    if output is None and not dry_run:
        raise ValueError("--output must name the .safetensors file to write: fastinit init SPEC -o FILE")
    if output is not None and output.suffix != ".safetensors":
        raise ValueError(f"--output must name a .safetensors file, got {str(output)!r}")
    most = None if shard_size is None else _nbytes(shard_size)
    if index and part is not None:
        raise ValueError("--index writes the index alone: it cannot be given with --part")
    shared = index or resume or part is not None
    share = Share(None if index else part or WHOLE, resume) if shared else None
    source = source_of(spec)
    plan = source.plan(dtype, seed)
    if output is None:
        _report_plan(plan, as_json)
        return
    metadata = {} if dry_run and not share else Origin(source.text(), seed, dtype, plan.digests_of_kept()).metadata()
    run = checkpoint.run_of(output, plan, metadata={"format": "pt", **metadata}, shard_size=most, share=share)
    with plain_warnings():
        run.check(overwrite)
    plan, kept = run.plan_to_write(), [file for file in run.own if file not in run.to_write]
    if dry_run:
        _report_plan(plan, as_json)
        return
    began = time.perf_counter()
    with plain_warnings(), progress("writing", plan.nbytes()) as advance:
        files = run.write(seed, overwrite, advance)
    _report_written(files, kept, plan, seed, time.perf_counter() - began, as_json)


def _nbytes(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*([KMGT]?I?)B?", text.strip().upper())
    if not match or match[2] not in UNITS or float(match[1]) == 0:
        raise ValueError(f"--shard-size must be a size as 5GB, 512MiB or 1000000, got {shown(text)}")
    return max(1, int(float(match[1]) * UNITS[match[2]]))


def _report_plan(plan: FilePlan, as_json: bool) -> None:
    if as_json:
        tensors = [
            {
                "name": tensor.name,
                "shape": tensor.spec.shape,
                "dtype": tensor.spec.dtype,
                "distribution": tensor.distribution and repr(tensor.distribution),
            }
            for tensor in plan
        ]
        print_json(tensors=tensors, bytes=plan.nbytes())
    else:
        print(f"{plan}\n{num_parameters(plan):,} parameters, {filesize.decimal(plan.nbytes())}")


def _report_written(
    files: Sequence[Path], kept: Sequence[Path], plan: FilePlan, seed: int, seconds: float, as_json: bool
) -> None:
    parameters, total = num_parameters(plan), plan.nbytes()
    if as_json:
        named = {"files": [str(file) for file in files], "kept": [str(file) for file in kept]}
        counts = {"tensors": len(plan), "parameters": parameters, "bytes": total}
        print_json(**named, **counts, seed=seed, seconds=round(seconds, 3))
        return
    shards = [file for file in files if file.suffix == ".safetensors"]
    print_table([
        ("file", str(files[-1]) if files else "none: there was nothing left to write"),  # of several, the index
        *([("shards", str(len(shards)))] if len(files) > 1 else []),
        *[("kept", str(file)) for file in kept],
        ("tensors", f"{len(plan):,}"),
        ("parameters", f"{parameters:,}"),
        ("size", filesize.decimal(total)),
        ("seed", str(seed)),
        ("time", f"{seconds:.2f} s"),
        ("rate", f"{filesize.decimal(int(total / seconds))}/s"),
    ])  # fmt: skip

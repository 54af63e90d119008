"""`fastinit verify`: says which tensors of a file differ from what SPEC and seed give."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fastinit.cli.options import Dtype, Json, Seed, Spec, Threads
from fastinit.cli.output import print_json, progress, results
from fastinit.cli.plans import plan as plan_of
from fastinit.files import checkpoint
from fastinit.files.reading import read_files


def verify(
    file: Annotated[Path, typer.Argument(help="The .safetensors or .safetensors.index.json file to check.")],
    spec: Spec,
    seed: Seed = 0,
    dtype: Dtype = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Recompute every value of a file and say which tensors differ; exit status 1 if any does."""
    plan = plan_of(spec, dtype, seed)
    files = read_files(file)
    with progress("verifying", plan.nbytes()) as advance:
        differences = checkpoint.verify(files, plan, seed, progress=advance)
    if as_json:
        found = [{"name": d.name, "difference": str(d), "elements": d.elements, "first": d.first} for d in differences]
        print_json(file=str(file), seed=seed, tensors=len(plan), different=found)
    elif differences:
        for difference in differences:
            results.print(f"{difference.name}: {difference}")
        results.print(f"{len(differences)} of {len(plan)} tensors differ")
    else:
        results.print(f"{file}: all {len(plan)} tensors are as seed {seed} makes them")
    if differences:
        sys.exit(1)

"""`fastinit verify`: says which tensors of a file differ from what SPEC and seed give."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from fastinit.cli.options import SPEC_HELP, Dtype, Json, PartOption, Threads
from fastinit.cli.output import print_json, progress, results
from fastinit.cli.plans import Source, source_of, source_of_text
from fastinit.files import checkpoint
from fastinit.files.checkpoint import Difference, FilePlan
from fastinit.files.parts import WHOLE, Part
from fastinit.files.provenance import Origin, origin_of
from fastinit.files.reading import names_of_index, read_headers
from fastinit.files.safetensors_format import StoredTensor
from fastinit.files.specs import FLOAT_DTYPES
from fastinit.recipes.grouping import Entry, grouped
from fastinit.runtime.printable import printable

MOST_LINES = 20
MISSING = "missing from the file"


def verify(
    file: Annotated[Path, typer.Argument(help="The .safetensors or .safetensors.index.json file to check.")],
    spec: Annotated[
        str | None, typer.Argument(help=f"Needed only for a file that does not say what it was made from. {SPEC_HELP}")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The default is what the file says, or 0.")] = None,
    dtype: Dtype = None,
    part: PartOption = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Recompute every value of a file and say which tensors differ; exit status 1 if any does."""
    headers = read_headers(file, part or WHOLE)
    origin = origin_of(header.metadata for header in headers.values())
    source = _source(file, spec, origin)
    asked_seed = seed if seed is not None else origin.seed if origin else 0
    asked_dtype = dtype or (origin.dtype if origin else None)
    plan = source.plan(asked_dtype, asked_seed)
    tensors = {path: header.tensors for path, header in headers.items()}
    if part is not None:
        plan = _of_part(plan, file, part, tensors)
    with progress("verifying", plan.nbytes()) as advance:
        differences = checkpoint.verify(tensors, plan, asked_seed, progress=advance)
    if as_json:
        found = [{"name": d.name, "difference": str(d), "elements": d.elements, "first": d.first} for d in differences]
        says = None if origin is None else asdict(origin)
        print_json(file=str(file), seed=asked_seed, dtype=asked_dtype, tensors=len(plan), different=found, says=says)
    elif differences:
        unlike = [] if origin is None else _disagreements(origin, seed, dtype, source if spec else None)
        total = {tensor.name for tensor in plan} | {tensor.name for all in tensors.values() for tensor in all}
        for line in _lines(file, differences, len(total), unlike):
            results.print(line)
    else:
        of_part = "" if part is None else f" of part {part}"
        results.print(f"{file}: all {len(plan)} tensors{of_part} are as seed {asked_seed} makes them")
    if differences:
        sys.exit(1)


def _of_part(plan: FilePlan, index: Path, part: Part, stored: Mapping[Path, Sequence[StoredTensor]]) -> FilePlan:
    """The tensors of the plan that are in these files; part 0 has those too that no file has."""
    names = {tensor.name for tensors in stored.values() for tensor in tensors}
    nowhere = {tensor.name for tensor in plan} - names_of_index(index) if part.number == 0 else set()
    return replace(plan, tensors=tuple(tensor for tensor in plan if tensor.name in names or tensor.name in nowhere))


def _source(file: Path, spec: str | None, origin: Origin | None) -> Source:
    if spec is not None:
        return source_of(spec)
    if origin is None or not origin.spec:
        raise ValueError(f"{file} does not say what it was made from: give SPEC, --seed and --dtype")
    try:
        return source_of_text(origin.spec, origin.kept)
    except ValueError as error:
        raise ValueError(f"{file} says what it was made from, but: {error}") from None


def _disagreements(origin: Origin, seed: int | None, dtype: str | None, source: Source | None) -> list[str]:
    """What the file says otherwise than it was asked for."""
    unlike = []
    if seed not in (None, origin.seed):
        unlike.append(f"seed {origin.seed}, not {seed}")
    if dtype not in (None, origin.dtype):
        unlike.append(f"dtype {origin.dtype or 'of its SPEC'}, not {dtype}")
    if source is not None and origin.spec not in ("", source.text()):
        unlike.append("another SPEC" if origin.spec.startswith("{") else f"SPEC {origin.spec!r}")
    return unlike


def _lines(file: Path, differences: Sequence[Difference], total: int, unlike: Sequence[str]) -> list[str]:
    """What to say of differences: one line where it has one reason."""
    count = f"{len(differences)} of {total} tensors differ"
    if unlike:
        return [f"{file} says that it was made with {' and '.join(unlike)}: {count}"]
    dtypes = {difference.dtypes for difference in differences}
    if len(dtypes) == 1 and (pair := dtypes.pop()):
        way = f"; --dtype {pair[0]} asks for that" if pair[0] in FLOAT_DTYPES else ""
        return [f"{count}: they are {pair[0]}, expected {pair[1]}{way}"]
    if all(str(difference) == MISSING for difference in differences):
        return [
            f"{file} lacks {len(differences)} of {total} tensors, the others are right: of several files, verify the index"
        ]
    groups = grouped(Entry(difference.name, str(difference)) for difference in differences)
    lines = [f"{printable(group.name)}: {group.text}" for group in groups[:MOST_LINES]]
    if len(groups) > MOST_LINES:
        lines.append(f"... and {sum(len(group.members) for group in groups[MOST_LINES:])} more; --json names all")
    return [*lines, count]

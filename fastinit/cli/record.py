"""`fastinit record`: writes the recipe of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastinit import recipes
from fastinit.cli.options import Model
from fastinit.cli.plans import recipe_of
from fastinit.files.partial import check_final, written_whole


def record(
    model: Model,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The .toml file to write, instead of printing.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Write, as TOML, the distributions that a model's construction gives its tensors."""
    if output is not None and output.suffix != ".toml":
        raise ValueError(f"--output must name a .toml file, got {str(output)!r}")
    if output is not None:
        check_final(output, overwrite)
    text = recipes.dumps(recipe_of(model))
    if output is None:
        print(text, end="")
    else:
        with written_whole(output, overwrite) as file:
            file.write(text.encode())

"""The arguments and options that several sub-commands have."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from fastinit.files.parts import Part, part_of
from fastinit.files.specs import FLOAT_DTYPES
from fastinit.runtime.threads import set_num_threads


def _use_threads(n: int | None) -> int | None:
    if n is not None:
        set_num_threads(n)
    return n


SPEC_HELP = (
    "A built-in model (see `fastinit models`); a .safetensors or .safetensors.index.json file to imitate; "
    "a .toml file; a Hugging Face directory or config.json; `timm:NAME` or `torchvision:NAME`; or `MODULE:FACTORY`, "
    "a function or class without arguments that builds a torch module: this imports MODULE and runs its code."
)
Spec: TypeAlias = Annotated[str, typer.Argument(help=SPEC_HELP)]
Model: TypeAlias = Annotated[
    str,
    typer.Argument(
        help="A built-in model; a Hugging Face directory or config.json; `timm:NAME` or `torchvision:NAME`; or "
        "`MODULE:FACTORY`: this imports MODULE and runs its code."
    ),
]
Seed: TypeAlias = Annotated[
    int, typer.Option(min=0, help="The seed: with a tensor's name and position it decides every value.")
]
Dtype: TypeAlias = Annotated[
    str | None, typer.Option(help=f"One of {', '.join(FLOAT_DTYPES)}; the default is what SPEC says.")
]
Threads: TypeAlias = Annotated[
    int | None, typer.Option(min=1, callback=_use_threads, help="Threads to use; the values do not depend on it.")
]


def _part(text: str) -> Part:
    try:
        return part_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


PartOption: TypeAlias = Annotated[
    Part | None,
    typer.Option(
        "--part", parser=_part, metavar="K/N", help="Only the files of part K of N, from 0/N on: a part for each machine."
    ),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

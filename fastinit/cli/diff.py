"""`fastinit diff`: says how the initializations of two models, or recipes, differ."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from fastinit.cli.options import Json
from fastinit.cli.output import print_json, results
from fastinit.cli.plans import side_of
from fastinit.recipes.comparison import Difference, compared
from fastinit.recipes.grouping import aligned, shortened

WHAT = "A .toml file with a recipe, as `fastinit record` writes it, or a SPEC as for `fastinit init`."


def diff(
    left: Annotated[str, typer.Argument(help=WHAT)],
    right: Annotated[str, typer.Argument(help=f"{WHAT} Beside a model a recipe is applied to its tensors.")],
    as_json: Json = False,
) -> None:
    """Compare two initializations: tensors of one alone, and distributions that differ; exit status 1 if there is any."""
    differences, total = compared(side_of(left), side_of(right))
    if as_json:
        found = [{"name": name, "left": d.left, "right": d.right} for d in differences for name in d.names]
        print_json(left=left, right=right, tensors=total, different=found)
    elif differences:
        results.print("\n".join(_table(differences, left, right)))
        results.print(f"{sum(len(d.names) for d in differences)} of {total} differ")
    else:
        results.print(f"{left} and {right}: all {total} are alike")
    if differences:
        sys.exit(1)


def _table(differences: tuple[Difference, ...], left: str, right: str) -> list[str]:
    rows = [("tensor", "tensors", left, right)]
    return aligned([*rows, *((d.pattern, str(len(d.names)), *_texts(d.left or "-", d.right or "-")) for d in differences)])


def _texts(left: str, right: str) -> tuple[str, str]:
    """With six digits, where these do not hide the difference."""
    short = shortened(left), shortened(right)
    return short if short[0] != short[1] else (left, right)

"""`fastinit models`: lists the built-in models."""

from __future__ import annotations

from rich.table import Table

from fastinit.cli.output import num_parameters, results
from fastinit.files import specs
from fastinit.recipes.families import MODELS


def models() -> None:
    """List the built-in models."""
    table = Table("model", "tensors", "parameters")
    for name in MODELS:
        plan = specs.plan(name)
        table.add_row(name, f"{len(plan):,}", f"{num_parameters(plan):,}")
    results.print(table)

"""`fastinit models`: lists the built-in models."""

from __future__ import annotations

from fastinit.cli.options import Json
from fastinit.cli.output import num_parameters, print_json, print_table
from fastinit.files import specs
from fastinit.recipes.families import MODELS


def models(as_json: Json = False) -> None:
    """List the built-in models."""
    plans = {name: specs.plan(name) for name in MODELS}
    counts = {name: {"tensors": len(plan), "parameters": num_parameters(plan)} for name, plan in plans.items()}
    if as_json:
        print_json(**counts)
    else:
        rows = [(name, *(f"{count:,}" for count in of.values())) for name, of in counts.items()]
        print_table([("model", "tensors", "parameters"), *rows])

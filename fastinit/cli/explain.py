"""`fastinit explain`: an initializer's formula, source and example, and what its values look like."""

from __future__ import annotations

import ast
import inspect
import math
from typing import Annotated

import numpy as np
import typer

from fastinit.cli.options import Seed
from fastinit.cli.output import print_table, results
from fastinit.initializers import INITIALIZERS, Initializer, get
from fastinit.initializers.names import resolved
from fastinit.runtime.types import Array

BINS = 15
BAR = 40  # columns of the longest bar
EIGHTHS = " ▏▎▍▌▋▊▉"
MOST_VALUES = 2**26  # a second of work


def explain(
    name: Annotated[str, typer.Argument(help="An initializer: fastinit's, torch's, JAX's, Keras', MXNet's or Paddle's.")],
    parameters: Annotated[
        list[str] | None, typer.Argument(metavar="[PARAMETER=VALUE]...", help="Its parameters, as negative_slope=0.1.")
    ] = None,
    shape: Annotated[str, typer.Option(help="The tensor to show, as 256,128; the last axis has the outputs.")] = "256,128",
    seed: Seed = 0,
) -> None:
    """Print an initializer's formula, its source and an example, its distribution for a shape, and a histogram."""
    function, sizes, given = INITIALIZERS[resolved(name)[0]], _sizes(shape), dict(map(_parameter, parameters or ()))
    results.print(inspect.cleandoc(function.__doc__ or ""))
    try:
        initializer = get(name, **given)
        values = initializer(sizes, seed=seed)
    except (TypeError, ValueError) as error:  # it needs a parameter, or another shape
        results.print(f"\nNo histogram for shape {sizes}: {error}")
        return
    results.print(f"\n{initializer!r} for shape {sizes}, seed {seed}:\n{_told(initializer, sizes)}\n")
    print_table(histogram(values))


def _sizes(text: str) -> tuple[int, ...]:
    sizes = [int(size) if size.strip().isdecimal() else 0 for size in text.split(",")]
    if not 0 < math.prod(sizes) <= MOST_VALUES:
        raise ValueError(f"--shape must be positive sizes as 256,128, of at most {MOST_VALUES} values, got {text!r}")
    return tuple(sizes)


def _parameter(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError(f"a parameter must be as negative_slope=0.1, got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):  # a word
        return name, value


def _told(initializer: Initializer, shape: tuple[int, ...]) -> str:
    distribution = initializer.distribution_for(shape)
    if not distribution.has_density:
        return str(distribution)
    moments = distribution.moments()
    return f"{distribution}, mean {moments.mean:.4g}, standard deviation {moments.std:.4g}"


def histogram(values: Array) -> list[tuple[str, str, str]]:
    """The rows of a table: where each bin begins, its bar, and the number of values in it; one row for equal values."""
    if values.min() == values.max():
        return [(f"{values.min():.4g}", _bar(1.0), f"{values.size:,}")]
    counts, edges = np.histogram(values.astype(np.float64), BINS)
    return [(f"{edge:.4g}", _bar(count / counts.max()), f"{count:,}") for edge, count in zip(edges, counts)]


def _bar(share: float) -> str:
    whole, part = divmod(round(share * BAR * 8), 8)
    return "█" * whole + EIGHTHS[part].strip()

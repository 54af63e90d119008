"""`fastinit lab`: the tour, inspections and comparisons of one's own networks. (What they take: lab_inputs.)"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from fastinit.cli.lab_inputs import Factory, batch_of, factory_of, recipes_of, strategies_of, task_of
from fastinit.cli.lab_output import check_reports, report_command, training_bar, write_reports
from fastinit.cli.options import Json, Seed
from fastinit.cli.output import errors, print_json, results
from fastinit.runtime import signals

lab = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See and compare initializations of networks of torch.")

Network: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="MODULE:FACTORY",
        help="A function or class without arguments that builds a torch module: this imports MODULE and runs its code. "
        "Or `timm:NAME`, `torchvision:NAME`, a Hugging Face directory or config.json.",
    ),
]
Output: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--output", "-o", help="A .html, .md or .json file to write; may be given again.")
]
Overwrite: TypeAlias = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
Jobs: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Processes, of one thread each; the default is one a CPU.")]
StrategyOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy",
        "-s",
        help="`torch` (as constructed), an initializer, `suggest`, `lsuv`, `data_dependent`, or a .toml file with a recipe; "
        "may be given again.",
    ),
]


@lab.command()
def tour(
    output: Output = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer seeds and epochs: a minute on two cores, not ten.")] = False,
    only: Annotated[list[str] | None, typer.Option("--only", help="A part, as depth or text; may be given again.")] = None,
    jobs: Jobs = None,
    overwrite: Overwrite = False,
) -> None:
    """Train small networks on data that packages ship, under many initializations, and write what differs as a report."""
    if not output:
        raise ValueError("--output must name the report to write: fastinit lab tour -o report.html")
    check_reports(output, overwrite)
    from fastinit.lab import tour as run_tour  # which needs torch

    with signals.interruptible(), training_bar() as advance:
        report = run_tour(only, quick=quick, jobs=jobs, progress=advance)
    if report.sections:
        write_reports(replace(report, command=report_command()), output, overwrite)
    _end(report.complete, bool(report.sections), output)


@lab.command("inspect")
def inspect_network(
    network: Network,
    data: Annotated[
        str,
        typer.Option(
            help="The batch: `normal:64,3,32,32` (N(0, 1) of that shape), a .npy, .npz or .safetensors file, or "
            "`MODULE:FUNCTION`, which is imported and called."
        ),
    ],
    strategy: StrategyOption = None,
    seed: Seed = 0,
    output: Output = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Show a network's signal layer by layer at its initialization, and what is wrong; exit status 1 for an error."""
    check_reports(output, overwrite)
    inspections = _inspections(factory_of(network), batch_of(data, seed), strategy or ["torch"], seed)
    if as_json:
        print_json(**{name: one.as_dict() for name, one in inspections.items()})
    else:
        results.print(
            "\n\n".join(f"{name}\n{one}" if len(inspections) > 1 else str(one) for name, one in inspections.items())
        )
    if output:
        from fastinit.lab.report import Report, of_inspections

        section = of_inspections(network, inspections)
        write_reports(Report(f"The signal of {network}", (section,), report_command()), output, overwrite)
    if not all(one.ok for one in inspections.values()):
        sys.exit(1)


def _inspections(make_model: Factory, batch: Any, names: list[str], seed: int) -> dict[str, Any]:
    from fastinit.lab import inspect
    from fastinit.lab.strategies import Strategy, constructed

    seen = {}
    for strategy in (Strategy(label, spec) for label, spec in recipes_of(names).items()):
        model = constructed(make_model, seed)
        strategy.fill(model, batch, seed)
        seen[strategy.label] = inspect(model, batch, seed=seed)
    return seen


@lab.command("compare")
def compare_strategies(
    network: Network,
    data: Annotated[
        str,
        typer.Option(
            help="A .npz or .safetensors file with `inputs` and `targets`, or `MODULE:FUNCTION`, which is imported and "
            "called, and gives these or a task as lab.Supervised."
        ),
    ],
    strategy: StrategyOption = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many trainings of each strategy.")] = 10,
    epochs: Annotated[int, typer.Option(min=1)] = 10,
    folds: Annotated[
        int | None, typer.Option(min=2, help="Cross-validation by so many folds; else a fifth is held out.")
    ] = None,
    optimizer: Annotated[str, typer.Option(help="sgd, with momentum 0.9, or adam.")] = "sgd",
    learning_rate: Annotated[float, typer.Option()] = 0.05,
    batch_size: Annotated[int, typer.Option(min=1)] = 64,
    jobs: Jobs = None,
    budget: Annotated[float | None, typer.Option(help="Seconds after which no training begins.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="A file of the trainings that are done, which are not run again.")
    ] = None,
    output: Output = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Train a network under several initializations, all else equal, and say which of them differ."""
    check_reports(output, overwrite)
    task = task_of(data, optimizer=optimizer, learning_rate=learning_rate, batch_size=batch_size)
    from fastinit.lab import compare

    make_model, chosen = factory_of(network), strategies_of(strategy)
    sizes: dict[str, Any] = {"seeds": seeds, "epochs": epochs, "folds": folds, "budget": budget, "jobs": jobs}
    with signals.interruptible(), training_bar() as advance:
        result = compare(
            make_model,
            task,
            chosen,
            resume=resume,
            progress=lambda run, done, total: advance("training", done, total),
            **sizes,
        )
    for name, summary in result.summaries.items():
        if summary.error:
            errors.print(f"fastinit: {name} failed in {summary.failed} of {summary.runs} runs: {summary.error}")
    if as_json:
        print_json(**result.as_dict())
    else:
        results.print(str(result))
    if output and result.blocks:
        from fastinit.lab.report import Report, of_comparison

        write_reports(
            Report(f"Initializations of {network}", (of_comparison(network, result),), report_command()), output, overwrite
        )
    _end(not result.interrupted, bool(result.blocks), output or [])


def _end(complete: bool, has_results: bool, output: list[Path]) -> None:
    """After Ctrl-C exit status 130, as any interrupted command has."""
    if complete:
        return
    kept = f"; what is done is in {', '.join(map(str, output))}" if has_results and output else ""
    errors.print(f"fastinit: interrupted{kept if has_results else ' before anything was compared'}")
    sys.exit(130)

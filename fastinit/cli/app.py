"""The command's entry: its sub-commands, and how errors end it. (Signals: fastinit.runtime.signals.)"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fastinit.__about__ import __version__
from fastinit.cli.audit import audit
from fastinit.cli.config import config
from fastinit.cli.diff import diff
from fastinit.cli.doctor import doctor
from fastinit.cli.explain import explain
from fastinit.cli.init import init
from fastinit.cli.lab import lab
from fastinit.cli.memory import return_freed_memory
from fastinit.cli.models import models
from fastinit.cli.output import errors, show_any_text
from fastinit.cli.record import record
from fastinit.cli.run import OPTIONS as OPTIONS_OF_RUN
from fastinit.cli.run import run as run_program
from fastinit.cli.stream import stream
from fastinit.cli.verify import verify
from fastinit.cli.warm_up import warm_up
from fastinit.runtime.printable import printable

READER_GONE = 128 + 13  # as a program has that SIGPIPE ended
UsageError: Any = typer.BadParameter.__base__  # Click's, of which some versions of Typer have a copy
LONGEST = 2000  # characters of an error: the names of a large model are more


class _EndsCleanly(TyperGroup):
    """Bad input is one line on standard error and exit status 2; who reads the output may stop reading."""

    def invoke(self, *context: Any, **named: Any) -> Any:
        try:
            try:
                super().invoke(*context, **named)
            finally:
                sys.stdout.flush()  # here, where an error is caught
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the end
            sys.exit(READER_GONE)
        except (ValueError, OSError, ImportError) as error:
            errors.print(f"fastinit: {printable(_one_line(error))}")
            sys.exit(2)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    text = "; ".join(line.strip() for line in str(error).split("\n"))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


app = typer.Typer(
    cls=_EndsCleanly,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(f"fastinit {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    """Initial values for weight tensors, at the speed of memory."""


for sub_command in (init, verify, audit, record, diff, explain, stream, models, config, doctor):
    app.command()(sub_command)
app.command("warm-up")(warm_up)
app.add_typer(lab, name="lab")
app.command("run", context_settings=OPTIONS_OF_RUN)(run_program)


def run() -> None:
    """Run the command with the arguments of the process, and end the process."""
    return_freed_memory()
    show_any_text()
    try:
        sys.exit(app(prog_name="fastinit", standalone_mode=False))
    except UsageError as error:
        _explain(error)
        sys.exit(2)


def _explain(error: Any) -> None:
    """Say what is wrong with the command line, in one line; without any arguments, show the help."""
    if not sys.argv[1:]:
        error.show()
        return
    command = error.ctx.command_path if error.ctx else "fastinit"
    text = " ".join(error.format_message().split()).rstrip(".")
    errors.print(f"fastinit: {printable(text)}; see {command} --help")

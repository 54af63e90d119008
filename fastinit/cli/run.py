"""`fastinit run`: runs a program written for NumPy, with numpy.random's functions replaced by fastinit's."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from types import TracebackType
from typing import Annotated

import typer

from fastinit.runtime import signals

OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
"""Whatever stands behind the script is the script's own."""


def run(
    context: typer.Context,
    script: Annotated[str, typer.Argument(help="A Python file; its own arguments follow.", metavar="SCRIPT [ARGS]...")],
    module: Annotated[bool, typer.Option("-m", help="SCRIPT is the name of a module, as in `python -m`.")] = False,
) -> None:
    """Run a Python program with numpy.random's functions drawing from fastinit, as under `fastinit.patch_numpy`.

    Child processes that start Python anew, as multiprocessing's "spawn", are not patched.
    """
    if not module and not os.path.exists(script):
        raise ValueError(f"SCRIPT must be a file that exists, got {script!r}")
    from fastinit.random.patch import patch_numpy  # here, where the command prints what a setting makes impossible

    signals.hand_back()
    sys.argv = [script, *context.args]
    sys.path[0] = os.getcwd() if module else os.path.dirname(os.path.realpath(script))
    patch_numpy().install()
    try:
        if module:
            runpy.run_module(script, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(script, run_name="__main__")
    except SystemExit:
        raise
    except BaseException as error:
        traceback.print_exception(type(error), error, _within_program(error.__traceback__))
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 1)


def _within_program(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of this file and of runpy, which are above the program's."""
    above = (__file__, runpy.__file__, "<frozen runpy>")
    while trace is not None and trace.tb_frame.f_code.co_filename in above:
        trace = trace.tb_next
    return trace

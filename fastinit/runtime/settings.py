"""Reads what the user chose through environment variables; no other module of the package reads them.

An invalid value raises an error that names the variable; an unknown variable named FASTINIT_... gives a warning.
"""

from __future__ import annotations

import os
import warnings

from fastinit.runtime.nearest import did_you_mean

BACKEND, LEVEL, NUM_THREADS = "FASTINIT_BACKEND", "FASTINIT_LEVEL", "FASTINIT_NUM_THREADS"
MOST_THREADS = 4096  # several for each CPU of the largest machines
OPENMP, LOCAL_PROCESSES, TORCHRUN = "OMP_NUM_THREADS", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID"  # set by others
RUN = TORCHRUN, "MASTER_ADDR", "MASTER_PORT"
KNOWN = BACKEND, LEVEL, NUM_THREADS


def chosen_backend() -> str | None:
    """The backend's name, not yet checked: `fastinit.backends` does that."""
    return _value(BACKEND)


def chosen_level() -> str | None:
    """The instruction-set level of the C backend, not yet checked."""
    return _value(LEVEL)


def chosen_num_threads() -> int | None:
    """The number of threads: ours, or OpenMP's. ValueError where our variable is not a positive integer."""
    text = _value(NUM_THREADS)
    if text is None:
        return _of_openmp()
    if not text.isdecimal() or not 1 <= int(text) <= MOST_THREADS:
        raise ValueError(f"{NUM_THREADS} must be a positive integer of at most {MOST_THREADS}, got {text!r}")
    return int(text)


def source_of_num_threads() -> str | None:
    """The variable that says the number of threads, if one does."""
    if os.environ.get(NUM_THREADS):
        return NUM_THREADS
    return OPENMP if _of_openmp() else None


def _of_openmp() -> int | None:
    """torchrun sets it to 1 where the user has not set it and there are several processes: that is no choice."""
    text, by_torchrun = os.environ.get(OPENMP, ""), TORCHRUN in os.environ and local_processes() > 1
    first = text.partition(",")[0].strip()  # a list has one for each level of nesting
    return int(first) if first.isdecimal() and int(first) > 0 and not (first == "1" and by_torchrun) else None


def local_processes() -> int:
    """How many processes of the same run share this machine, as torchrun and others say it; else 1."""
    text = os.environ.get(LOCAL_PROCESSES, "")
    return max(1, int(text)) if text.isdecimal() else 1


def local_run() -> tuple[str | None, ...]:
    """What tells the run that this process belongs to from others on this machine, as torchrun and others say it."""
    return tuple(os.environ.get(variable) for variable in RUN)


def unknown_variables() -> list[str]:
    """The variables of the environment that have our prefix, and that we do not know."""
    return [name for name in os.environ if name.startswith("FASTINIT_") and name not in KNOWN]


def unknown(variable: str) -> str:
    """What to say of an unknown variable."""
    hint = did_you_mean(variable, {known: known for known in KNOWN})
    return f"the environment variable {variable} is not known: {hint}there are {', '.join(KNOWN)}"


def _value(variable: str) -> str | None:
    for name in unknown_variables():
        warnings.warn(unknown(name), stacklevel=4)
    return os.environ.get(variable) or None

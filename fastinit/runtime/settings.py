"""Reads what the user chose through environment variables; no other module of the package reads them.

An invalid value raises an error that names the variable; an unknown variable named FASTINIT_... gives a warning.
"""

from __future__ import annotations

import os
import warnings

from fastinit.runtime.nearest import did_you_mean

BACKEND, LEVEL, NUM_THREADS = "FASTINIT_BACKEND", "FASTINIT_LEVEL", "FASTINIT_NUM_THREADS"
XLA_INCLUDE = "FASTINIT_XLA_INCLUDE"  # read by csrc/build.py alone, when the extension is built
KNOWN = BACKEND, LEVEL, NUM_THREADS, XLA_INCLUDE


def chosen_backend() -> str | None:
    """The backend's name, not yet checked: `fastinit.backends` does that."""
    return _value(BACKEND)


def chosen_level() -> str | None:
    """The instruction-set level of the C backend, not yet checked."""
    return _value(LEVEL)


def chosen_num_threads() -> int | None:
    """The number of threads. ValueError where the variable is not a positive integer."""
    text = _value(NUM_THREADS)
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{NUM_THREADS} must be a positive integer, got {text!r}")
    return int(text)


def _value(variable: str) -> str | None:
    for name in os.environ:
        if name.startswith("FASTINIT_") and name not in KNOWN:
            hint = did_you_mean(name, {known: known for known in KNOWN})
            warnings.warn(f"the environment variable {name} is not known: {hint}there are {', '.join(KNOWN)}", stacklevel=4)
    return os.environ.get(variable) or None

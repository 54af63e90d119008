"""The compiled extensions: which there are, and whether they are of the sources that stand beside them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastinit.backends import sources
from fastinit.runtime.forks import without_forks

CLONE = Path(__file__).parents[2]  # where the package is in one; an installation has the sources of its own extensions


def is_there(name: str) -> bool:
    return find_spec(f"fastinit.{name}") is not None


@cache
def extension(name: str) -> Any:
    """The module `fastinit.<name>`; None where it was not built, or was from other sources than the clone has by now.

    One of other sources may take other arguments than the code in Python gives, so that a call would end the process.
    ImportError where it cannot be loaded.
    """
    if not is_there(name):
        return None
    with without_forks():
        module = import_module(f"fastinit.{name}")
    if _is_current(name, module):
        return module
    if name != "_kernels":  # which `fastinit.backends` says where it chooses another backend
        warnings.warn(f"fastinit leaves out an extension: {why_stale(name)}", RuntimeWarning, stacklevel=2)
    return None


def bound(name: str, functions: Sequence[str], *numbers: int) -> Any:
    """The extension of this name, which has been given these functions of the kernels, and numbers; None where one of the
    two is not there, or this one cannot be loaded: the code in Python does the same."""
    kernels = extension("_kernels")
    try:
        native = None if kernels is None else extension(name)
    except ImportError:
        return None
    if kernels is not None and native is not None:
        ffi, lib = kernels.ffi, kernels.lib
        native.bind(*(int(ffi.cast("uintptr_t", ffi.addressof(lib, function))) for function in functions), *numbers)
    return native


def why_stale(name: str) -> str:
    """What to say of an extension that is there, but of other sources."""
    command = "python setup.py build_ext --inplace --force"
    return f"fastinit.{name} was built from other sources than {CLONE} has now, where `{command}` builds it again"


def _is_current(name: str, module: Any) -> bool:
    if not (CLONE / sources.COMPILED[name][0]).exists():
        return True
    return _stamp_of(module) == sources.stamp(name, CLONE)


def _stamp_of(module: Any) -> str:
    """What the build put into it; "" where that was before extensions had stamps."""
    if not hasattr(module, "lib"):
        return getattr(module, "stamp", "")
    text = getattr(module.lib, "fi_stamp", None)
    return "" if text is None else str(module.ffi.string(text).decode())

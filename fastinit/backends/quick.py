"""Common calls answered in C, without running Python code that would take longer than they do: csrc/bindings/quick.c."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from fastinit.runtime.forks import without_forks


@cache
def native() -> Any:
    """The extension, bound to the kernels; None where one of the two is not built, as for free-threaded interpreters."""
    try:
        with without_forks():
            from fastinit._kernels import ffi, lib

            extension = import_module("fastinit._quick")
    except ImportError:
        return None
    extension.bind(*(int(ffi.cast("uintptr_t", ffi.addressof(lib, name))) for name in ("fi_fill", "fi_fill_many")))
    return extension

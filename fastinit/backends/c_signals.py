"""Lets signals in while C computes, on the main thread, and raises what their handlers have raised."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

from fastinit._kernels import ffi as _ffi
from fastinit._kernels import lib as _lib

# What a signal's handler has raised during a fill. Handlers run on the main thread alone, so that one place is enough: of
# fills within each other, as where a handler fills, the inner one raises it first.
_raised: list[BaseException] = []


def _keep(kind: type[BaseException], error: BaseException, traceback: TracebackType) -> None:
    _raised.append(error.with_traceback(traceback))


@_ffi.def_extern(error=1, onerror=_keep)  # type: ignore[untyped-decorator]  # of cffi
def fi_check_signals() -> int:
    """Called by the main thread during long fills: the interpreter runs the handlers of signals as the function begins."""
    return 0


def _raise() -> None:
    """Raise what a handler has raised, now that the fill has ended."""
    if not _raised:  # of two handlers that raised at once the second came before `_keep`
        raise KeyboardInterrupt
    try:
        raise _raised.pop()
    finally:
        _raised.clear()


def interruptible(function: Any, *arguments: Any) -> None:
    """Call a C function whose last argument is `pause`; on the main thread signals are let in, and may end it."""
    on_main_thread = threading.get_ident() == threading.main_thread().ident
    result = function(*arguments, _lib.fi_check_signals if on_main_thread else _ffi.NULL)
    if result < 0:
        raise MemoryError("fastinit has no memory for its buffers")
    if result:
        _raise()

"""Compiles at first use: into the user's cache folder, with a line where it takes long, and with no fork meanwhile."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numba
from numba.misc.appdirs import AppDirs

from fastinit.backends.numba.operations import Untyped
from fastinit.runtime.forks import without_forks

PATIENCE = 2.0  # seconds after which a line says what is being waited for

_directories: Untyped = AppDirs
_config: Untyped = getattr(numba, "config")  # noqa: B009  # of which type checkers know nothing
_config_lock, _compile_lock = threading.Lock(), threading.Lock()


def compiled_at_first_call(function: Callable[..., None], is_cached: bool) -> Untyped:
    """Numba's dispatcher of the function.

    What it compiles is kept in NUMBA_CACHE_DIR, where that is set, or the user's cache folder. Of files beside the sources,
    where Numba would put them, pip does not know: an uninstallation would leave a folder `fastinit`, which Python finds.
    """
    njit: Untyped = numba.njit
    with without_forks(), _config_lock:
        before, folder = _config.CACHE_DIR, cache_folder()
        _config.CACHE_DIR = folder
        try:
            return njit(nogil=True, error_model="numpy", cache=is_cached and _is_writable(folder))(function)
        finally:
            _config.CACHE_DIR = before


def cache_folder() -> str:
    """Where compiled kernels are kept: NUMBA_CACHE_DIR, else the user's cache folder."""
    return _config.CACHE_DIR or _directories(appname="fastinit", appauthor=False).user_cache_dir


def _is_writable(folder: str) -> bool:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def compile_for(dispatcher: Untyped, arguments: tuple[object, ...], what: str) -> None:
    """Compile for arguments of these types, once, whichever of several threads comes first."""
    typeof: Untyped = numba.typeof
    with _compile_lock:
        if not dispatcher.overloads:
            with compiling(what):
                dispatcher.compile(tuple(map(typeof, arguments)))


@contextmanager
def compiling(what: str) -> Iterator[None]:
    """Around a compilation: no other thread forks meanwhile, and a line on standard error says what takes so long."""
    timer = threading.Timer(PATIENCE, _say, [what])
    timer.daemon = True
    timer.start()
    try:
        with without_forks():
            yield
    finally:
        timer.cancel()


def _say(what: str) -> None:
    if sys.stderr:
        reason = "which takes up to half a minute the first time (C kernels are compiled already)"
        print(f"fastinit: Numba compiles {what}, {reason}", file=sys.stderr, flush=True)

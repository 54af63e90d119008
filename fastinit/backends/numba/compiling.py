"""Compiles at first use: into the user's cache folder, with a line where it takes long, and with no fork meanwhile."""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core.ccallback import CFunc
from numba.misc.appdirs import AppDirs
from numpy.typing import NDArray

from fastinit.backends.numba.operations import Untyped
from fastinit.runtime.forks import without_forks

PACKAGE = Path(__file__).resolve().parent
SOURCES = [*(PACKAGE.parent / name for name in ("catalogue.py", "coefficients.py")), *sorted(PACKAGE.glob("*.py"))]
PATIENCE = 2.0  # seconds after which a line says what is being waited for

_directories: Untyped = AppDirs
_config: Untyped = getattr(numba, "config")  # noqa: B009  # of which type checkers know nothing
_config_lock, _compile_lock = threading.Lock(), threading.Lock()
_compiled: dict[str, Untyped] = {}


@cache
def digest() -> str:
    """A hash of the source files of the kernels; "" where they are not files, as within a zip archive."""
    try:
        return hashlib.blake2b(b"".join(source.read_bytes() for source in SOURCES), digest_size=4).hexdigest()
    except OSError:
        return ""


def compiled_for_python(function: Callable[..., None], name: str, arguments: tuple[Untyped, ...]) -> Untyped:
    """The function for Python to call with integers, and with addresses for pointers, without the interpreter's lock.

    Numba's own function for Python, which takes arrays, takes twice as long to compile. It must not raise.
    """
    compiled = compiled_for_c(function, name, arguments)
    called: Untyped = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(arguments))(compiled.address)
    called.compiled = compiled  # which owns the code
    return called


def address_of(array: NDArray[Any]) -> int:
    address: int = array.ctypes.data
    return address


def pointer_to(dtype: Any) -> Untyped:
    """Numba's type of a pointer to such elements, which it indexes like an array."""
    from_dtype: Untyped = numba.from_dtype
    pointer: Untyped = types.CPointer
    return pointer(from_dtype(np.dtype(dtype)))


def compiled_for_c(function: Callable[..., None], name: str, arguments: tuple[Untyped, ...]) -> Untyped:
    """Numba's CFunc of the function, for compiled code to call by its address. It must not raise."""
    compiled = CFunc(_named(function, name), (arguments, types.void), {}, {"error_model": "numpy"})
    with _caching() as is_cached:
        if is_cached:
            compiled.enable_caching()
    with compiling(name):
        compiled.compile()
    return compiled


def _named(function: Callable[..., None], name: str) -> Callable[..., None]:
    """A copy of the function, under a name of its own.

    Numba keeps one index of cached code for each qualified name, renewed when the function's file changes. The digest makes
    it notice the other files; with one index for all functions, processes compiling at once could mix them up.
    """
    own = f"{name}_{digest()}"
    named = FunctionType(function.__code__, function.__globals__, own, None, function.__closure__)
    named.__qualname__, named.__module__ = own, function.__module__
    return named


@contextmanager
def _caching() -> Iterator[bool]:
    """Within it, what is given a cache has it in NUMBA_CACHE_DIR, where that is set, or the user's cache folder. Whether
    there can be one.

    Of files beside the sources, where Numba would put them, pip does not know: an uninstallation would leave a folder
    `fastinit`, which Python finds.
    """
    with without_forks(), _config_lock:
        before, folder = _config.CACHE_DIR, cache_folder()
        _config.CACHE_DIR = folder
        try:
            yield bool(digest()) and _is_writable(folder)
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


def compiled_once(name: str, compile: Callable[[], Untyped]) -> Untyped:
    """What `compile` returns, which is called once, by whichever of several threads comes first."""
    if name not in _compiled:
        with _compile_lock:
            if name not in _compiled:
                _compiled[name] = compile()
    return _compiled[name]


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
        reason = "which takes some seconds the first time (C kernels are compiled already)"
        print(f"fastinit: Numba compiles {what}, {reason}", file=sys.stderr, flush=True)

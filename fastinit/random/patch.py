"""Makes code that knows nothing of fastinit use it: `numpy.random`'s functions replaced, and put back exactly."""

from __future__ import annotations

import threading
from contextlib import ContextDecorator
from typing import Any

import numpy as np

import fastinit.random

# What `numpy.random` and `fastinit.random` both have, apart from classes: isinstance tests go on meaning what they meant.
PATCHED = tuple(
    name
    for name in fastinit.random.__all__
    if hasattr(np.random, name) and not isinstance(getattr(np.random, name), type) and name != "get_bit_generator"
)

_lock = threading.Lock()
_count = 0
_originals: dict[str, Any] = {}


class _Patch(ContextDecorator):
    """In force within a `with` block or a decorated function; blocks nest and may overlap in several threads."""

    def __enter__(self) -> None:
        install()

    def __exit__(self, *error: object) -> None:
        uninstall()


def patch_numpy() -> _Patch:
    """`numpy.random.default_rng` and the module's functions are fastinit's: `with patch_numpy(): ...`, or `@patch_numpy()`.

    The patch is the process's, not the thread's, and counted: it ends with the last block that asked for it. Names that a
    program bound before (`from numpy.random import normal`) stay NumPy's, and so do RandomState and the bit generators.
    """
    return _Patch()


def install() -> None:
    """Patch until as many calls of `uninstall`."""
    global _count
    with _lock:
        if _count == 0:
            for name in PATCHED:
                _originals[name] = getattr(np.random, name)
                setattr(np.random, name, getattr(fastinit.random, name))
        _count += 1


def uninstall() -> None:
    """Take back one `install`; the last one puts NumPy's own functions back. RuntimeError where none is in force."""
    global _count
    with _lock:
        if _count == 0:
            raise RuntimeError("uninstall was called more often than install: numpy.random is not patched")
        _count -= 1
        if _count == 0:
            for name, original in _originals.items():
                setattr(np.random, name, original)
            _originals.clear()


def is_patched() -> bool:
    """Whether `numpy.random` is fastinit's now."""
    return _count > 0

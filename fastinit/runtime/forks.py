"""Holds off forks while a thread imports a module, or holds a lock, that a forked child would find held for ever.

A child has the one thread that forked. What another thread was importing stays half imported there, under a lock whose owner
is gone; so a first use that imports or compiles something is a block `without_forks`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_WAIT = 60.0  # seconds: longer than any compilation; a fork that waited for ever would be no better
PAUSE = 0.001  # seconds between two looks

_lock = threading.Lock()  # guards the next, and is held while the process forks
_within: dict[int, int] = {}  # by the number of a thread, how many blocks it is in


@contextmanager
def without_forks() -> Iterator[None]:
    """Within the block no other thread forks: it waits. Blocks of several threads run beside each other, and may nest.

    It is no lock of its own, which imports could not be taken under: another thread may hold the lock of the module to be
    imported, and need this one.
    """
    thread = threading.get_ident()
    with _lock:
        _within[thread] = _within.get(thread, 0) + 1
    try:
        yield
    finally:
        with _lock:
            _within[thread] -= 1
            if not _within[thread]:
                del _within[thread]


def free_in_child(lock: threading.Lock) -> threading.Lock:
    """The same lock, which a forked child finds free: for one that is held for moments, by steps that leave things whole."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lock._at_fork_reinit)  # type: ignore[attr-defined]  # as the standard library does
    return lock


def _wait_for_others() -> None:
    """Take the lock at a moment when no other thread is in a block."""
    deadline = time.monotonic() + LONGEST_WAIT
    _lock.acquire()
    while _within.keys() - {threading.get_ident()} and time.monotonic() < deadline:
        _lock.release()
        time.sleep(PAUSE)
        _lock.acquire()


def _continue_in_child() -> None:
    for thread in _within.keys() - {threading.get_ident()}:
        del _within[thread]
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait_for_others, after_in_parent=_lock.release, after_in_child=_continue_in_child)

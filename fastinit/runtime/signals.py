"""How signals end the command: it removes what it has under way, says so in a line, and exits with 128 + the number.

It ends where the signal finds it, without unwinding: an exception raised anywhere would be lost within callbacks, and
would print a traceback while modules are imported. The package imports this before all else, and it imports little itself.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

steps: list[Callable[[], None]] = []
"""What a signal that ends the process calls before. It must not wait for anything that the main thread may hold."""

_delays = 0
_pending: int | None = None


def _runs_the_command(argv: list[str], original: list[str]) -> bool:
    """Whether it was started as `fastinit`, or `python -m fastinit`, whose argv[0] is "-m" while the package is imported."""
    if not argv:
        return False
    by_name = os.path.splitext(os.path.basename(argv[0]))[0] == "fastinit"
    return by_name or (argv[0] == "-m" and ("-m", "fastinit") in pairwise(original))


@contextmanager
def delayed() -> Iterator[None]:
    """Within the block signals do not end the process; they do at its end."""
    global _delays
    _delays += 1
    try:
        yield
    finally:
        _delays -= 1
        if _pending is not None and _delays == 0:
            _end(_pending, None)


def _end(number: int, frame: FrameType | None) -> None:
    global _pending
    if _delays:
        _pending = number
        return
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    for step in steps:
        with suppress(Exception):
            step()
    reason = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    with suppress(OSError):  # standard error is closed
        os.write(2, f"fastinit: {reason}\n".encode())
    os._exit(128 + number)


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block Ctrl-C raises KeyboardInterrupt, as in any Python program, for what keeps what is done."""
    if signal.getsignal(signal.SIGINT) is not _end:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _end)


def hand_back() -> None:
    """Let signals do from now on what they do in any Python program: another program is about to run in this process."""
    for number in SIGNALS:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


if _runs_the_command(getattr(sys, "argv", []), sys.orig_argv):
    for number in SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):  # not ignored, as by nohup
            signal.signal(number, _end)

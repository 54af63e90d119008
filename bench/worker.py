"""Work in a process of its own: `Child` is the handle, `serve` what the process does until its parent is gone.

A maker is a function at a module's top level that returns the work as a callable, or None where it has none to offer. It
is called in the child, so that no other process imports the library.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from bench.timing import seconds

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PATIENCE = 300  # seconds that a single command may take
# Seconds of the work, and once at least, before the clock starts: the clocks of cores and memory rise with load (after two
# seconds of something else a limit of 45 GB/s is 25), and pages that a virtual machine's host took back return.
LEAD_IN = 0.05


class ChildError(Exception):
    """What went wrong in a child, in one line. The child itself may go on."""


class Repeated(NamedTuple):
    """A callable that does the work `times` times in a call."""

    call: Callable[[], object]
    times: int


class Child:
    """A process that makes and times work; `nbytes` is the largest array it is asked for."""

    def __init__(self, name: str, nbytes: int) -> None:
        self.name = name
        spawn = multiprocessing.get_context("spawn")
        self._pipe, pipe_of_child = spawn.Pipe()
        self._process = spawn.Process(target=serve, args=(pipe_of_child, nbytes), name=name, daemon=True)
        self._process.start()
        pipe_of_child.close()

    def make(self, key: Hashable, maker: Callable[..., Any], *arguments: Any) -> bool:
        """Have the work made and done once; whether there is any."""
        return self._ask("make", key, maker, *arguments)

    def time(self, key: Hashable, calls: int = 1) -> float:
        """Seconds that the work takes, the mean of `calls`."""
        return self._ask("time", key, calls)

    def calls_in(self, budget: float, key: Hashable) -> int:
        """How many calls of the work take about `budget` seconds; 1 at the least."""
        return self._ask("calls_in", budget, key)

    def release(self, key: Hashable) -> None:
        self._ask("release", key)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._pipe.close()
        self._process.terminate()
        self._process.join()

    def _ask(self, *command: Any) -> Any:
        try:
            self._pipe.send(command)
            if not self._pipe.poll(PATIENCE):
                self.close()
                raise ChildError(f"{self.name}: no answer in {PATIENCE} s")
            reply = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(10)
            raise ChildError(f"{self.name}: its process has ended, exit status {self._process.exitcode}") from None
        if isinstance(reply, ChildError):
            raise reply
        return reply


@contextmanager
def children(names: Iterable[str], nbytes: int) -> Iterator[list[Child]]:
    """A process for each name, within the block."""
    with ExitStack() as stack:
        yield [stack.enter_context(Child(name, nbytes)) for name in names]


def serve(pipe: Connection, nbytes: int) -> None:
    """Carry out commands until the pipe is closed."""
    from bench import memory

    _die_with_parent()
    _silence()
    memory.reserve(nbytes)
    gc.disable()  # no collection while the clock runs
    works = _Works()
    while True:
        try:
            command, *arguments = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            reply = getattr(works, command)(*arguments)
        except Exception as error:
            reply = ChildError(f"{multiprocessing.current_process().name}: {type(error).__name__}: {_first_line(error)}")
        pipe.send(reply)


class _Works:
    """The works of a child, by key."""

    def __init__(self) -> None:
        self._works: dict[Hashable, Repeated] = {}

    def make(self, key: Hashable, maker: Callable[..., Any], *arguments: Any) -> bool:
        work = maker(*arguments)
        if work is None:
            return False
        self._works[key] = work if isinstance(work, Repeated) else Repeated(work, 1)
        self._works[key].call()
        return True

    def time(self, key: Hashable, calls: int) -> float:
        call, times = self._works[key]
        _lead_in(call)
        if calls == 1:
            return seconds(call) / times

        def all_calls() -> None:
            for _ in range(calls):
                call()

        return seconds(all_calls) / calls / times

    def calls_in(self, budget: float, key: Hashable) -> int:
        of_a_call = self.time(key, 1) * self._works[key].times
        return max(1, int(budget / max(of_a_call, 1e-7)))

    def release(self, key: Hashable) -> None:
        self._works.pop(key, None)
        gc.collect()


def _lead_in(call: Callable[[], object]) -> None:
    taken = seconds(call)
    while taken < LEAD_IN:
        taken += seconds(call)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends its children


def _silence() -> None:
    """Libraries greet and warn; what matters comes through the pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)

"""The process's helpers: threads that take part in a fill wherever the work is done without the interpreter's lock."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from fastinit.runtime import settings as environment
from fastinit.runtime.cpus import usable_cpus

Task = Callable[[], None]

_jobs: SimpleQueue[_Job] = SimpleQueue()  # that helpers are asked to take part in
_num_helpers = 0
_start_lock = threading.Lock()
_num_threads: int | None = None
_calling = threading.local()


def get_num_threads() -> int:
    """The number of threads a fill may use: as set, else FASTINIT_NUM_THREADS, else the CPUs that this process may use."""
    global _num_threads
    if getattr(_calling, "alone", False):
        return 1
    if _num_threads is None:
        _num_threads = environment.chosen_num_threads() or usable_cpus()
    return _num_threads


def set_num_threads(n: int) -> None:
    """Fill with `n` threads from now on, the caller's included. The values do not depend on it.

    ValueError where n is not positive, TypeError where it is no int.
    """
    global _num_threads
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"n must be an int, got {n!r}")
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    _num_threads = n


@contextmanager
def alone() -> Iterator[None]:
    """Within the block the calling thread fills by itself: for one of many that a scheduler already keeps at work."""
    before = getattr(_calling, "alone", False)
    _calling.alone = True
    try:
        yield
    finally:
        _calling.alone = before


def run(tasks: Iterable[Task], num_threads: int) -> None:
    """Call every task, in any order, on the calling thread and up to `num_threads` - 1 helpers.

    Returns when all have ended. The first error, or an interrupt, stops the hand-out of tasks, and is raised once those
    under way have ended: no thread writes to the caller's memory after that. A helper that wakes up too late to take part is
    not waited for.
    """
    job = _Job(tasks)
    try:
        _ask_for_help(job, num_threads - 1)
        job.work()
    finally:
        job.end()
    error = job.error
    del job  # which holds the error, whose traceback holds this frame
    if error is not None:
        try:
            raise error
        finally:
            del error


class _Job:
    """Tasks to be handed out one by one, to the caller, who ends the job when it has none left, and to helpers.

    Helpers' tasks are counted. Nothing here may be upset by an interrupt between any two steps of the caller's: the lock is
    a plain one, which is taken and given back in C.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = iter(tasks)
        self._lock = threading.Lock()
        self._stopped = False
        self._helping = 0
        self._ended: SimpleQueue[None] = SimpleQueue()  # an entry for each task of a helper's that has ended
        self.error: BaseException | None = None  # the first of a helper

    def work(self) -> None:
        while (task := self._next()) is not None:
            task()

    def help(self) -> None:
        while (task := self._next_of_helper()) is not None:
            try:
                task()
            except BaseException as error:
                with self._lock:
                    self._fail(error)
            finally:
                with self._lock:
                    self._helping -= 1
                self._ended.put(None)

    def end(self) -> None:
        """Hand out no more, and wait until no helper has a task, also when interrupted: that is raised at the end."""
        interrupt: KeyboardInterrupt | None = None
        while True:
            try:
                self._stopped = True
                while self._is_helped():
                    self._ended.get()
                self._tasks = iter(())  # a helper that comes late keeps nothing alive
                break
            except KeyboardInterrupt as error:
                interrupt = error
        if interrupt:
            raise interrupt

    def _next(self) -> Task | None:
        with self._lock:
            return None if self._stopped else next(self._tasks, None)

    def _next_of_helper(self) -> Task | None:
        with self._lock:
            try:
                task = None if self._stopped else next(self._tasks, None)
            except BaseException as error:
                self._fail(error)
                return None
            self._helping += task is not None
            return task

    def _fail(self, error: BaseException) -> None:
        self._stopped = True
        if self.error is None:
            self.error = error

    def _is_helped(self) -> bool:
        with self._lock:
            return self._helping > 0


def _ask_for_help(job: _Job, n: int) -> None:
    """Ask n helpers, some of which may have to be started. (No pool of the standard library: an interrupt in the wrong place
    leaves its locks held.)"""
    global _num_helpers
    with _start_lock:
        try:
            while _num_helpers < n:
                threading.Thread(target=_help_for_good, args=(_jobs,), name="fastinit", daemon=True).start()
                _num_helpers += 1
        except RuntimeError:  # the interpreter is shutting down, or no more threads may be started: others do it all
            pass
    for _ in range(min(n, _num_helpers)):
        _jobs.put(job)


def _help_for_good(jobs: SimpleQueue[_Job]) -> None:
    while True:
        jobs.get().help()


def _forget_helpers() -> None:
    """A forked child has none of its parent's threads, and perhaps a lock that one of them held."""
    global _jobs, _num_helpers, _start_lock
    _jobs, _num_helpers, _start_lock = SimpleQueue(), 0, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_helpers)

"""One pool of threads for the process, which runs the pieces of a fill wherever the work is done without the GIL."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from fastinit import environment
from fastinit.cpus import usable_cpus

Task = Callable[[], None]

_pool: ThreadPoolExecutor | None = None
_pool_size = 0
_pool_lock = threading.Lock()
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
    """Call every task, in any order, on the calling thread and up to `num_threads` - 1 of the pool's.

    Returns when all have ended. The first error, or an interrupt, stops the hand-out of tasks, and is raised once those
    under way have ended: no thread writes to the caller's memory after that. A thread of the pool that wakes up too late to
    take part is not waited for.
    """
    job = _Job(tasks)
    try:
        _submit(job, num_threads - 1)
        job.work()
    finally:
        job.stop()
        job.wait()
    if job.error:
        raise job.error


class _Job:
    """Tasks to be handed out one by one: to the caller, who does not come to `wait` before its own has ended, and to
    helpers, whose tasks are counted (no interrupt is ever raised in those threads, which would upset the count)."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = iter(tasks)
        self._changed = threading.Condition()
        self._stopped = False
        self._helping = 0
        self.error: BaseException | None = None  # the first of a helper

    def work(self) -> None:
        while (task := self._next()) is not None:
            task()

    def help(self) -> None:
        while (task := self._next(by_helper=True)) is not None:
            try:
                task()
            except BaseException as error:
                self.error = self.error or error
                self.stop()
            finally:
                with self._changed:
                    self._helping -= 1
                    self._changed.notify_all()

    def stop(self) -> None:
        self._stopped = True

    def wait(self) -> None:
        """Wait until no helper has a task, also when interrupted meanwhile; the interrupt is raised at the end."""
        interrupt: KeyboardInterrupt | None = None
        while True:
            try:
                with self._changed:
                    self._changed.wait_for(lambda: self._helping == 0)
                break
            except KeyboardInterrupt as error:
                interrupt = error
        if interrupt:
            raise interrupt

    def _next(self, by_helper: bool = False) -> Task | None:
        with self._changed:
            task = None if self._stopped else next(self._tasks, None)
            if by_helper and task is not None:
                self._helping += 1
            return task


def _submit(job: _Job, n: int) -> None:
    """Ask n threads to help."""
    global _pool, _pool_size
    if n < 1:
        return
    with _pool_lock:
        if _pool is None or _pool_size < n:  # the threads of a smaller one end when their last fill does
            _pool, _pool_size = ThreadPoolExecutor(n, thread_name_prefix="fastinit"), n
        try:
            for _ in range(n):
                _pool.submit(job.help)
        except RuntimeError:  # the interpreter is shutting down, or no more threads may be started: the caller does it all
            pass


def _forget_pool() -> None:
    """A forked child has none of its parent's threads, and perhaps a lock that one of them held."""
    global _pool, _pool_lock
    _pool, _pool_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)

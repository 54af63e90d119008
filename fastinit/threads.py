"""One pool of threads for the process, which runs the pieces of a fill wherever the work is done without the GIL."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
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
    under way have ended: no thread writes to the caller's memory after that.
    """
    job = _Job(tasks)
    helpers: list[Future[None]] = []
    try:
        _submit(job.work, num_threads - 1, helpers)
        job.work()
    finally:
        job.stop()
        _wait_for(helpers)
    for helper in helpers:
        if not helper.cancelled():
            helper.result()


class _Job:
    """Tasks to be handed out one by one to the threads that ask."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = iter(tasks)
        self._lock = threading.Lock()
        self._stopped = False

    def work(self) -> None:
        while (task := self._next()) is not None:
            try:
                task()
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        self._stopped = True

    def _next(self) -> Task | None:
        with self._lock:
            return None if self._stopped else next(self._tasks, None)


def _submit(work: Task, n: int, helpers: list[Future[None]]) -> None:
    """Hand `work` to n threads, each noted in `helpers` at once: an interrupt between two of them loses none."""
    global _pool, _pool_size
    if n < 1:
        return
    with _pool_lock:
        if _pool is None or _pool_size < n:  # the threads of a smaller one end when their last fill does
            _pool, _pool_size = ThreadPoolExecutor(n, thread_name_prefix="fastinit"), n
        try:
            for _ in range(n):
                helpers.append(_pool.submit(work))
        except RuntimeError:  # the interpreter is shutting down, or no more threads may be started: the caller does it all
            pass


def _wait_for(helpers: list[Future[None]]) -> None:
    """Wait until no helper runs, also when interrupted again meanwhile; the interrupt is raised at the end."""
    interrupt: KeyboardInterrupt | None = None
    pending = [helper for helper in helpers if not helper.cancel()]
    while pending:
        try:
            pending = list(wait(pending).not_done)
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt:
        raise interrupt


def _forget_pool() -> None:
    """A forked child has none of its parent's threads, and perhaps a lock that one of them held."""
    global _pool, _pool_lock
    _pool, _pool_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)

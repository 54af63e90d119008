"""How many threads work; and threads of the interpreter's, for tasks in Python: backends release its lock meanwhile.

Fills by the C kernels have threads of their own: csrc/kernels/threads.c.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from queue import SimpleQueue

from fastinit.runtime import checks, limits, settings
from fastinit.runtime.cpus import usable_cpus

Task = Callable[[], None]

_jobs: SimpleQueue[_Job] = SimpleQueue()  # the jobs that workers are asked to take part in
_num_workers = 0
_start_lock = threading.Lock()
_num_threads: int | None = None
_chosen_in = 0  # the number of the process that called set_num_threads
_calling = threading.local()


def get_num_threads() -> int:
    """The number of threads a fill may use: as set, else FASTINIT_NUM_THREADS or OMP_NUM_THREADS, else this process's CPUs.

    Those are the CPUs of its affinity, or fewer where a container's quota allows less, shared among the processes that
    torchrun started on the machine (LOCAL_WORLD_SIZE). An OMP_NUM_THREADS of 1 that torchrun has set by itself is no choice.
    joblib's workers have theirs by that variable; a worker of torch's DataLoader has 1, unless it sets another itself.
    `threadpoolctl.threadpool_limits` sets it within its block; where threadpoolctl is imported after fastinit, from the
    first call of this function on.

    >>> import fastinit
    >>> fastinit.get_num_threads() >= 1
    True
    """
    global _num_threads
    if getattr(_calling, "single_threaded", False):
        return 1
    if limits.in_worker_of_torch() and _chosen_in != os.getpid():
        return 1
    limits.obey_threadpoolctl(get_num_threads, set_num_threads)
    if _num_threads is None:
        _num_threads = settings.chosen_num_threads() or max(1, usable_cpus() // settings.local_processes())
    return _num_threads


def set_num_threads(n: int) -> None:
    """Fill with `n` threads from now on, the calling one included, in the whole process. Values do not depend on it.

    TypeError where n is no int, ValueError where it is below 1 or above 4096.

    >>> import fastinit
    >>> before = fastinit.get_num_threads()
    >>> fastinit.set_num_threads(2)
    >>> fastinit.get_num_threads()
    2
    >>> fastinit.set_num_threads(before)
    """
    global _num_threads, _chosen_in
    _num_threads = checks.integer("n", n, least=1, most=settings.MOST_THREADS)
    _chosen_in = os.getpid()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Within the block the calling thread fills without workers: for a thread of a scheduler that keeps all CPUs busy."""
    before = getattr(_calling, "single_threaded", False)
    _calling.single_threaded = True
    try:
        yield
    finally:
        _calling.single_threaded = before


def run(tasks: Iterable[Task], num_threads: int) -> None:
    """Call every task, in any order, on the calling thread and up to `num_threads` - 1 workers.

    Returns when all tasks have ended. After the first error or interrupt no further task begins; the error is raised once
    the tasks under way have ended, so that no thread writes to the caller's memory afterwards. A worker that wakes up when
    no task is left is not waited for.
    """
    tasks = iter(tasks)
    first = [*islice(tasks, num_threads)]  # no more threads than tasks
    job = _Job(chain(first, tasks))
    try:
        try:
            _ask_workers(job, len(first) - 1)
            job.work()
        finally:
            job.end()
    finally:
        job.end()  # which a signal may have cut short as it began: the handler's error must not leave workers at work
    error = job.error
    del job  # which holds the error, whose traceback holds this frame
    if error is not None:
        try:
            raise error
        finally:
            del error


class _Job:
    """Tasks for the calling thread and the workers: each free thread takes the next. The calling thread ends the job.

    The tasks that workers have under way are counted. An interrupt may come between any two steps of the calling thread and
    must not leave the lock taken; so the lock is a plain `threading.Lock`, which `with` takes and releases in C.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = iter(tasks)
        self._lock = threading.Lock()
        self._stopped = False
        self._working = 0
        self._ended: SimpleQueue[None] = SimpleQueue()  # an entry for each task that a worker has ended
        self.error: BaseException | None = None  # the first one of a worker

    def work(self) -> None:
        while (task := self._next()) is not None:
            task()

    def work_of_worker(self) -> None:
        while (task := self._next_of_worker()) is not None:
            try:
                task()
            except BaseException as error:
                with self._lock:
                    self._fail(error)
            finally:
                with self._lock:
                    self._working -= 1
                self._ended.put(None)

    def end(self) -> None:
        """Let no further task begin, and wait until no worker has one; what a handler of signals raises comes at the end."""
        interrupt: BaseException | None = None
        while True:
            try:
                self._stopped = True
                while self._is_worked_on():
                    self._ended.get()
                self._tasks = iter(())  # so that a worker that wakes up late keeps no memory alive
                break
            except BaseException as error:
                interrupt = error
        if interrupt:
            raise interrupt

    def _next(self) -> Task | None:
        with self._lock:
            return None if self._stopped else next(self._tasks, None)

    def _next_of_worker(self) -> Task | None:
        with self._lock:
            try:
                task = None if self._stopped else next(self._tasks, None)
            except BaseException as error:
                self._fail(error)
                return None
            self._working += task is not None
            return task

    def _fail(self, error: BaseException) -> None:
        self._stopped = True
        if self.error is None:
            self.error = error

    def _is_worked_on(self) -> bool:
        with self._lock:
            return self._working > 0


def _ask_workers(job: _Job, n: int) -> None:
    """Ask n workers to take part in the job, starting those that are missing.

    The standard library's thread pools are no choice: an interrupt at the wrong moment leaves their locks taken.
    """
    global _num_workers
    with _start_lock:
        try:
            while _num_workers < n:
                threading.Thread(target=_work_for_ever, args=(_jobs,), name="fastinit", daemon=True).start()
                _num_workers += 1
        except RuntimeError:  # the interpreter is shutting down, or the system allows no more threads: fewer do the work
            pass
    for _ in range(min(n, _num_workers)):
        _jobs.put(job)


def _work_for_ever(jobs: SimpleQueue[_Job]) -> None:
    while True:
        jobs.get().work_of_worker()


def _forget_workers() -> None:
    """A forked child has none of its parent's threads, and perhaps a lock that one of them held."""
    global _jobs, _num_workers, _start_lock
    _jobs, _num_workers, _start_lock = SimpleQueue(), 0, threading.Lock()


limits.obey_threadpoolctl(get_num_threads, set_num_threads)  # where it was imported before

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)

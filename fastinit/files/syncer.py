"""Has a file synced while it is written."""

from __future__ import annotations

import os
import threading
from queue import Empty, SimpleQueue

from fastinit.runtime import disk

SYNC_BYTES = 2**26  # synced as it is written, so that neither the end nor an interrupt has much left to wait for


class Syncer:
    """Syncs a file from a thread of its own while it is written. Leaving the block waits until all is on the disk.

    Left by an error or an interrupt, it empties the file, so that there is nothing left to sync and to wait for.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._unsynced = 0
        # A plain lock and queues, which are written in C: an interrupt may leave a Condition or an Event locked.
        self._lock = threading.Lock()
        self._orders: SimpleQueue[bool] = SimpleQueue()  # each an order to sync; False is the last
        self._results: SimpleQueue[BaseException | None] = SimpleQueue()  # one, at the end
        self._is_late = False
        self._thread = threading.Thread(target=self._run, name="fastinit-sync", daemon=True)

    def written(self, nbytes: int) -> None:
        with self._lock:
            self._unsynced += nbytes
            due = self._unsynced >= SYNC_BYTES
            if due:
                self._unsynced = 0
        if due:
            self._orders.put(True)

    def _run(self) -> None:
        result: BaseException | None = None
        try:
            more = True
            while more:
                more = self._orders.get()
                disk.sync(self._descriptor)
        except BaseException as error:  # of any kind, since the end waits for a result
            result = error
        self._results.put(result)

    def __enter__(self) -> Syncer:
        try:
            self._thread.start()
        except RuntimeError:  # the system allows no more threads: the end does the work
            self._is_late = True
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind:
            os.ftruncate(self._descriptor, 0)
        self._orders.put(False)
        if self._is_late:
            self._run()
        error = self._result()
        if error and kind is None:
            raise error

    def _result(self) -> BaseException | None:
        while True:
            try:
                return self._results.get(timeout=0.1)  # in steps, so that an interrupt is noticed while the disk is busy
            except Empty:
                pass

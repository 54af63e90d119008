"""How many threads take part in a job."""

import threading
import time

import pytest

import fastinit
from fastinit.runtime import threads


@pytest.mark.parametrize("n", [4097, 10**21])
def test_more_threads_than_any_machine_has_use_for_are_refused(n):
    with pytest.raises(ValueError, match=f"n must be an int of at most 4,096, got {n}"):
        fastinit.set_num_threads(n)


@pytest.mark.parametrize("tasks", [0, 1, 5])
def test_no_more_threads_start_than_there_are_tasks(tasks, monkeypatch):
    asked = []
    monkeypatch.setattr(threads, "_ask_workers", lambda job, n: asked.append(n))
    done = []
    threads.run((lambda i=i: done.append(i) for i in range(tasks)), 3000)
    assert done == [*range(tasks)] and asked == [tasks - 1]


def test_every_thread_that_was_asked_takes_part_in_long_tasks():
    seen = set()

    def work():
        seen.add(threading.get_ident())
        time.sleep(0.05)

    threads.run((work for _ in range(20)), 4)
    assert len(seen) == 4

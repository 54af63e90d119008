"""Processes of one run that ask for a costly whole tensor at once have one maker, and its values, however that one ends."""

import multiprocessing
import os
import resource
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fastinit.core import host_sharing
from fastinit.core.draws import Draws
from fastinit.core.fill import fill
from fastinit.core.stream import stream_of
from fastinit.core.whole_tensors import LEAST_MULTIPLICATIONS
from fastinit.distributions import WholeTensor
from fastinit.initializers import get
from fastinit.runtime import disk
from fastinit.runtime.values import value_class

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="shares by Linux' shared memory alone")

needs_lock_list = pytest.mark.skipif(not Path("/proc/locks").exists(), reason="sees who waits by /proc/locks")

SEED, SHAPE = 7, (64, 33)
DEADLINE = 60.0  # seconds


@value_class
class Maker:
    """Normal values, each making of which is noted in a folder. The first one begins when `awaited` processes wait for it.

    `first`: what the first one does then.
    """

    folder: str
    awaited: int
    first: str = "make"
    cost: int = LEAST_MULTIPLICATIONS

    def multiplications(self, shape, layout):
        return self.cost

    def values(self, shape, layout, draws):
        makers = Path(self.folder, "makers")
        with makers.open("a") as file:
            file.write(f"{os.getpid()}\n")
        if len(makers.read_text().split()) == 1:
            wait_until(lambda: self.awaited == len(waiting(self.folder)))
            getattr(self, self.first)()
        elif self.first == "be_killed_with_a_child":  # the child lives yet, and has no lock
            os.kill(int(Path(self.folder, "child").read_text()), signal.SIGKILL)
        return draws.normal(shape)

    def make(self):
        pass

    def be_killed(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def be_killed_with_a_child(self):
        child = Path(self.folder, "child")
        if not os.fork():
            child.with_name("new").write_text(str(os.getpid()))
            child.with_name("new").rename(child)
            time.sleep(DEADLINE / 2)
            child.unlink()
            os._exit(0)
        wait_until(child.exists)
        self.be_killed()

    def be_interrupted(self):
        raise KeyboardInterrupt

    def time_out(self):
        raise TimeoutError

    def ask_itself(self):
        whole(self)

    def fork_a_child_that_goes_on(self):
        if child := os.fork():
            assert os.waitpid(child, 0)[1] == 0

    def fill_the_disk(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))


def wait_until(is_so):
    deadline = time.monotonic() + DEADLINE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def waiting(folder):
    """The numbers of the processes that wait for a lock of a file in the folder's shared memory."""
    files = {path.stat().st_ino for path in Path(folder, "shm").rglob("*")}
    waits = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
    return [words[5] for words in waits if int(words[6].rpartition(":")[2]) in files]


def ask(folder, of, rank, world, before=None):
    """A rank's part of the rows, saved in the folder."""
    os.environ.update(LOCAL_WORLD_SIZE=str(world), MASTER_PORT="29500")
    host_sharing.SHARED_MEMORY = folder / "shm"
    if before:
        before()
    part = fill(WholeTensor(of, SHAPE, None), SHAPE, seed=SEED, index=rows(rank, world))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    np.save(folder / f"{rank}.npy", part)


def whole(of):
    return fill(WholeTensor(of, SHAPE, None), SHAPE, seed=SEED)


def rows(rank, world):
    return slice(rank * SHAPE[0] // world, (rank + 1) * SHAPE[0] // world)


def ends_of_processes(folder, of, world, before=None):
    """The exit codes, sorted, of processes that ask at once. All that end well have the values of one process alone."""
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=ask, args=(folder, of, rank, world, before)) for rank in range(world)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(2 * DEADLINE)
    for rank, process in enumerate(processes):
        if process.exitcode == 0:
            assert np.array_equal(np.load(folder / f"{rank}.npy"), EXPECTED[rows(rank, world)])
    return sorted(process.exitcode for process in processes)


EXPECTED = Draws(stream_of(SEED), np.float32).normal(SHAPE)


def num_makers(folder):
    return len((folder / "makers").read_text().split())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shm").mkdir()
    return tmp_path


@pytest.fixture
def here(folder, monkeypatch):
    """This process as one of two."""
    monkeypatch.setattr(host_sharing, "SHARED_MEMORY", folder / "shm")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    return folder


def left(folder):
    return [*(folder / "shm").rglob("*")]


@needs_lock_list
@pytest.mark.parametrize("world", [2, 4])
def test_one_of_the_processes_makes_what_all_ask_for_at_once(folder, world):
    assert ends_of_processes(folder, Maker(str(folder), awaited=world - 1), world) == [0] * world
    assert num_makers(folder) == 1
    assert left(folder) == []


@needs_lock_list
@pytest.mark.parametrize("end", ["be_killed", "be_killed_with_a_child"])
def test_where_the_maker_is_killed_the_next_one_makes_it(folder, end):
    assert ends_of_processes(folder, Maker(str(folder), 2, end), 3) == [-signal.SIGKILL, 0, 0]
    assert num_makers(folder) == 2
    assert left(folder) == []


@needs_lock_list
@pytest.mark.parametrize(
    ("end", "codes"), [("be_interrupted", [0, 0, 1]), ("time_out", [0, 0, 1]), ("fill_the_disk", [0, 0, 0])]
)
def test_where_the_maker_fails_each_of_the_others_makes_its_own(folder, end, codes):
    assert ends_of_processes(folder, Maker(str(folder), 2, end), 3) == codes
    assert num_makers(folder) == 3
    assert left(folder) == []


@needs_lock_list
@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError, RuntimeError])
def test_what_a_signals_handler_raises_while_another_process_makes_it_is_raised(here, monkeypatch, error):
    def handler(signal, frame):
        raise error

    def interrupt_who_waits(waiter):
        wait_until(lambda: waiting(here))
        os.kill(waiter, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    monkeypatch.setattr(host_sharing, "_name", lambda key: "run-key")
    try:
        with host_sharing._locked("run-key", 1):
            other = multiprocessing.get_context("fork").Process(target=interrupt_who_waits, args=(os.getpid(),))
            other.start()
            with pytest.raises(error):
                whole(Maker(str(here), 0))
            other.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_maker_that_asks_for_the_same_itself_does_not_wait_for_itself(here):
    assert np.array_equal(whole(Maker(str(here), 0, "ask_itself")), EXPECTED)
    assert num_makers(here) == 2
    assert left(here) == []


@needs_lock_list
def test_a_child_that_is_forked_within_the_making_ends_as_its_parent(folder):
    assert ends_of_processes(folder, Maker(str(folder), 1, "fork_a_child_that_goes_on"), 2) == [0, 0]
    assert num_makers(folder) == 1
    assert left(folder) == []


def test_a_directory_that_is_removed_meanwhile_is_made_anew(here, monkeypatch):
    chmod = Path.chmod

    def chmod_and_remove(path, mode):
        chmod(path, mode)
        path.rmdir()
        monkeypatch.setattr(Path, "chmod", chmod)

    monkeypatch.setattr(Path, "chmod", chmod_and_remove)
    with host_sharing._locked("run-key", 1) as file:
        assert file.name == "run-key"


def test_the_directory_is_this_users_alone_whatever_the_mask(here):
    mask = os.umask(0o777)
    try:
        host_sharing._opened("run-key").close()
        assert host_sharing._directory().stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(mask)


def no_room():
    os.fstatvfs = lambda file: SimpleNamespace(f_blocks=8, f_bavail=1, f_frsize=4096)


def not_ours():
    host_sharing.os.geteuid = lambda: 2**31 - 2  # the directory that is made is then another user's


def no_memory():
    host_sharing.SHARED_MEMORY = Path("/dev/null/shm")


def no_locks():
    host_sharing.disk.fcntl = None


@pytest.mark.parametrize("lack", [no_room, not_ours, no_memory, no_locks])
def test_without_what_sharing_needs_each_process_makes_its_own(folder, lack):
    assert ends_of_processes(folder, Maker(str(folder), awaited=0), 2, before=lack) == [0, 0]
    assert num_makers(folder) == 2
    assert [path for path in left(folder) if path.is_file() and path.stat().st_size] == []


def open_to_all(directory):
    directory.mkdir()
    directory.chmod(0o777)


def a_link(directory):
    elsewhere = directory.with_name("elsewhere")
    elsewhere.mkdir(0o700)
    directory.symlink_to(elsewhere)


@pytest.mark.parametrize("hostile", [open_to_all, a_link, Path.touch])
def test_a_directory_that_others_may_write_to_is_not_used(here, hostile):
    hostile(host_sharing._directory())
    before = left(here)
    of = Maker(str(here), awaited=0)
    assert np.array_equal(whole(of), EXPECTED)
    assert left(here) == before


def test_what_lies_under_the_name_is_not_read(here, monkeypatch):
    name_of = host_sharing._name

    def name_with_a_file(key):
        host_sharing._directory().mkdir(0o700)
        (host_sharing._directory() / name_of(key)).write_bytes(bytes(4 * SHAPE[0] * SHAPE[1]) + host_sharing.COMPLETE)
        return name_of(key)

    monkeypatch.setattr(host_sharing, "_name", name_with_a_file)
    assert np.array_equal(whole(Maker(str(here), awaited=0)), EXPECTED)
    assert left(here) == []


def test_what_killed_processes_of_another_run_left_is_removed_and_what_is_locked_stays(here):
    directory = host_sharing._directory()
    directory.mkdir(0o700)
    (directory / "dead-run").touch()
    with (directory / "live-run").open("w") as live:
        assert disk.lock(live.fileno())
        whole(Maker(str(here), awaited=0))
        assert left(here) == [directory, directory / "live-run"]


@pytest.mark.parametrize(("cost", "world"), [(LEAST_MULTIPLICATIONS, "1"), (LEAST_MULTIPLICATIONS - 1, "2")])
def test_a_process_alone_and_a_cheap_tensor_need_no_shared_memory(here, monkeypatch, cost, world):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", world)
    monkeypatch.setattr(host_sharing, "made_once", None)  # an error where it is called
    whole(Maker(str(here), awaited=0, cost=cost))
    assert num_makers(here) == 1


def test_what_cannot_be_pickled_is_made_alone(here):
    class Local(Maker):
        pass

    whole(Local(str(here), awaited=0))
    assert num_makers(here) == 1
    assert left(here) == []


@pytest.mark.parametrize("key", [(1, 2.0), ("a", 1.0), ("a", -0.0)])
def test_other_values_and_other_runs_have_other_names(monkeypatch, key):
    assert host_sharing._name(key) != host_sharing._name(("a", 2.0)) == host_sharing._name(("a", 2.0))
    before = host_sharing._name(key)
    monkeypatch.setenv("MASTER_PORT", "1")
    assert host_sharing._name(key) != before


@pytest.mark.parametrize(
    ("of", "shape", "products"),
    [
        ("orthogonal", (64, 32), 64 * 32 * 32),
        ("delta_orthogonal", (64, 32, 3), 64 * 32 * 32),
        ({"class_name": "LooksLinear", "config": {"initializer": "orthogonal"}}, (64, 64), 32**3),
        ({"class_name": "ICNR", "config": {"initializer": "orthogonal"}}, (64, 64), 16 * 16 * 64),
        ({"class_name": "MimeticAttention", "config": {"part": "value"}}, (64, 64), 10 * 64**3),
        ("identity", (64, 64), 0),
        ("he_normal", (64, 64), 0),
    ],
    ids=str,
)
def test_the_multiplications_are_those_of_the_products(of, shape, products):
    assert get(of).distribution_for(shape, layout="oi").multiplications == products

"""Partial files: complete or not there, all of several or none, and the dead ones' removed."""

import errno
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from fastinit.files import partial
from fastinit.files.partial import PartialFile, publish, remove_abandoned, written_whole
from fastinit.runtime import disk


def names_in(directory):
    return sorted(path.name for path in directory.iterdir())


def partials_in(directory):
    return [path for path in directory.iterdir() if path.suffix == partial.SUFFIX]


def contents(directory):
    return {path.name: path.read_text() for path in directory.iterdir()}


def publish_texts(directory, texts, overwrite):
    """Publish a file for each name."""
    with ExitStack() as stack:
        files = [stack.enter_context(PartialFile(directory / name)) for name in texts]
        for file, text in zip(files, texts.values()):
            file.file.write(text.encode())
        publish(files, overwrite)


OLD = {"a": "old a", "b": "old b", "index": "old index"}
NEW = {"a": "new a", "b": "new b", "index": "new index"}


@pytest.fixture
def old(tmp_path):
    for name, text in OLD.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture(params=["links", "no links"])
def links(request, monkeypatch):
    """File systems with hard links, and without."""

    def link(*paths):
        raise OSError(errno.EPERM, "Operation not permitted")

    if request.param == "no links":
        monkeypatch.setattr(os, "link", link)


@pytest.fixture(params=["locks", "no locks"])
def locks(request, monkeypatch):
    """Platforms with locks on files, and without."""
    if request.param == "no locks":
        monkeypatch.setattr(disk, "fcntl", None)


@pytest.mark.parametrize("names", [["index"], ["a", "index"]])
def test_files_get_their_names(tmp_path, names, links, locks):
    publish_texts(tmp_path, {name: NEW[name] for name in names}, overwrite=False)
    assert contents(tmp_path) == {name: NEW[name] for name in names}


@pytest.mark.parametrize("names", [["index"], ["a", "b", "index"]])
def test_files_are_replaced(old, names, links, locks):
    publish_texts(old, {name: NEW[name] for name in names}, overwrite=True)
    assert contents(old) == {**OLD, **{name: NEW[name] for name in names}}


@pytest.mark.parametrize("taken", NEW)
def test_a_name_that_is_taken_leaves_all_as_it_was(tmp_path, taken, links):
    (tmp_path / taken).write_text("precious")
    with pytest.raises(FileExistsError, match=f"{taken} exists already; --overwrite replaces it"):
        publish_texts(tmp_path, NEW, overwrite=False)
    assert contents(tmp_path) == {taken: "precious"}


def test_of_two_writers_that_finish_together_the_second_fails(tmp_path, links):
    with PartialFile(tmp_path / "x") as first, PartialFile(tmp_path / "x") as second:
        first.file.write(b"first")
        second.file.write(b"second")
        publish([first], overwrite=False)
        with pytest.raises(FileExistsError, match="x exists already"):
            publish([second], overwrite=False)
    assert contents(tmp_path) == {"x": "first"}


def test_writers_of_one_process_number_do_not_remove_each_others_files(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: 7)  # as in two containers
    with PartialFile(tmp_path / "x") as first:
        with pytest.raises(ZeroDivisionError), PartialFile(tmp_path / "x"):
            raise ZeroDivisionError
        assert first.path.exists()
        publish([first], overwrite=False)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", range(7))
def test_an_error_while_several_are_replaced_leaves_the_old_ones(old, monkeypatch, step, error, when):
    """Three are set aside, three get their names, the directory is synced: the error comes before or after one of them."""
    steps = iter(range(7))

    def failing(function):
        def call(*arguments):
            fails = next(steps, None) == step
            if not (fails and when == "before"):
                function(*arguments)
            if fails:
                raise error

        return call

    for owner, name in ((os, "rename"), (partial, "_name_without_replacing"), (disk, "sync_directory")):
        monkeypatch.setattr(owner, name, failing(getattr(owner, name)))
    with pytest.raises(type(error)):
        publish_texts(old, NEW, overwrite=True)
    assert contents(old) == OLD


def test_an_index_is_not_there_while_its_shards_are_replaced(old, monkeypatch):
    seen = []
    monkeypatch.setattr(os, "link", lambda *paths, real=os.link: (seen.append((old / "index").exists()), real(*paths)))
    publish_texts(old, NEW, overwrite=True)
    assert seen == [False, False, False]


def test_a_name_of_any_length_that_the_file_system_takes_is_written(tmp_path):
    with written_whole(tmp_path / ("n" * 255), overwrite=False) as file:
        file.write(b"x")
    assert names_in(tmp_path) == ["n" * 255]


def test_an_error_names_the_final_file(tmp_path):
    with pytest.raises(OSError) as raised, PartialFile(tmp_path / "none" / "x"):
        pass
    assert raised.value.filename == str(tmp_path / "none" / "x")


# ---- what dead writers leave ----------------------------------------------------------------------------------------

LEAVE = """
import os, signal, sys
from pathlib import Path
from fastinit.files.partial import PartialFile
with PartialFile(Path(sys.argv[1])) as file:
    file.file.write(b"12345")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def left(tmp_path):
    """The partial file of a writer that was killed."""
    subprocess.run([sys.executable, "-c", LEAVE, str(tmp_path / "x")])
    (path,) = partials_in(tmp_path)
    return path


def test_a_dead_writers_file_is_removed_and_named(left):
    with pytest.warns(RuntimeWarning, match=rf"removed {left} \(5 bytes\), left by a writer that was killed"):
        remove_abandoned(left.parent)
    assert names_in(left.parent) == []


def test_a_living_writers_file_stays(tmp_path, recwarn):
    with PartialFile(tmp_path / "x") as file:
        remove_abandoned(tmp_path)
        assert file.path.exists()
    assert not recwarn


def test_another_hosts_file_stays_and_is_named(left, monkeypatch):
    monkeypatch.setattr(partial, "_marks_of_host", lambda: ("00000000",))
    with pytest.warns(RuntimeWarning, match=f"{left} is of a writer on another host: remove it where that has ended"):
        remove_abandoned(left.parent)
    assert left.exists()


def test_without_locks_a_file_that_cannot_be_removed_stays(left, monkeypatch, recwarn):
    def unlink(path):
        raise PermissionError(errno.EACCES, "the file is open in another process")

    monkeypatch.setattr(disk, "fcntl", None)
    monkeypatch.setattr(Path, "unlink", unlink)
    remove_abandoned(left.parent)
    assert left.exists() and not recwarn


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("elsewhere")])
def test_what_is_no_file_stays(tmp_path, make, recwarn):
    path = tmp_path / f"{partial.PREFIX}x{partial.SUFFIX}"
    make(path)
    remove_abandoned(tmp_path)
    assert os.path.lexists(path) and not recwarn


def test_a_file_that_was_removed_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    def lock(descriptor, wait, real=disk.lock):
        if not seen:
            seen.extend(partials_in(tmp_path))
            seen[0].unlink()
        return real(descriptor, wait)

    seen = []
    monkeypatch.setattr(disk, "lock", lock)
    with written_whole(tmp_path / "x", overwrite=False) as file:
        file.write(b"x")
    assert contents(tmp_path) == {"x": "x"} and len(seen) == 1

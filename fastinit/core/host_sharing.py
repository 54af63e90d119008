"""Arrays that the processes of a run on one machine, as torchrun's ranks, ask for at about the same time: one makes them.

They meet at an empty file in shared memory, whose name says what is asked for. The one that locks it makes the array, while
the others wait for the lock with the file open. It removes the name, and then writes the array to the file: those that wait
find it there, and one that comes later makes it anew. So

- what has a name is never read: nothing that is half written, left behind or another user's can be taken for values;
- the memory is free again when the last one that waited has what it needs, however the processes end;
- where a process is killed while it makes the array, the next one gets the lock, and makes it;
- where it fails, those that waited find nothing in a file without a name, and each makes its own.

Without shared memory, room in it, or a directory in it that is this user's alone, each process makes its own, too.
"""

from __future__ import annotations

import errno
import hashlib
import math
import mmap
import os
import pickle
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import FileIO
from pathlib import Path
from weakref import WeakSet

import numpy as np

from fastinit.__about__ import __version__
from fastinit.runtime import disk, settings
from fastinit.runtime.types import FloatArray, Real

SHARED_MEMORY = Path("/dev/shm")  # of Linux: files that are memory, and gone when the machine starts again
COMPLETE = b"\1"  # follows the array

_files: WeakSet[FileIO] = WeakSet()  # that this process may have locked
_thread = threading.local()  # `is_making`: whether it makes an array for others


def made_once(key: object, shape: tuple[int, ...], real: Real, make: Callable[[], FloatArray]) -> FloatArray:
    """What `make()` gives, an array of this shape and type; read-only where another process made it.

    `key`: what the values depend on. Processes that run the same program share them, where its pickles are equal.
    """
    if getattr(
        _thread, "is_making", False
    ):  # and `make` asks for an array itself: the lock it waits for might be this one's
        return make()
    nbytes = math.prod(shape) * np.dtype(real).itemsize
    name, file = _name((key, shape, np.dtype(real).str)), None
    if name:
        with disk.system_errors_suppressed():
            file = _locked(name, nbytes)
    if not name or not file:
        return make()
    with file:
        if _is_complete(file, nbytes):
            return _mapped(file, nbytes, real).reshape(shape)
        if not _has_room(file, nbytes):
            _remove(name)
            file.close()  # and unlock it: the others need not wait
            return make()
        try:
            _thread.is_making = True
            values = make()
        finally:
            _thread.is_making = False
            if not file.closed:  # as it is in a child that was forked meanwhile
                _remove(name)
        if not file.closed:
            _write(file, values, nbytes)
        return values


def _name(key: object) -> str | None:
    """What a file is called: by the run, whose processes have the same libraries, and by what is asked for.

    None for what cannot be pickled.
    """
    run = settings.local_run(), os.fspath(Path(__file__).parent), __version__, np.__version__
    try:
        return "-".join(hashlib.blake2b(pickle.dumps(part), digest_size=16).hexdigest() for part in (run, key))
    except Exception:  # whatever a class of the user's raises
        return None


def _locked(name: str, nbytes: int) -> FileIO | None:
    """The file, locked by this process: complete, or under its name. None where there are no locks, or its maker failed."""
    while True:
        file = _opened(name)
        if file is None:  # its directory has just been removed, since it was empty
            continue
        _files.add(file)
        try:
            has_waited = not disk.lock(file.fileno())
            if has_waited and not disk.lock(file.fileno(), wait=True):
                return None
            if os.fstat(file.fileno()).st_nlink or _is_complete(file, nbytes):
                return file
        except BaseException:  # whose traceback would keep the file open, and the others waiting
            file.close()
            raise
        file.close()
        if has_waited:
            return None


def _opened(name: str) -> FileIO | None:
    """The file, new or not; None where another process has just removed the directory, which was empty.

    OSError where there is none, or where it is another user's or open to others, who might put something under the name.
    """
    path = _directory()
    with suppress(FileExistsError):
        path.mkdir(0o700)
        path.chmod(0o700)  # whatever the mask
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(directory)
        if status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise PermissionError(errno.EACCES, "not this user's alone", path)
        with suppress(FileNotFoundError):
            return FileIO(name, "r+", opener=partial(_open, directory))
        return None
    finally:
        os.close(directory)


def _open(directory: int, name: str, flags: int) -> int:
    return os.open(name, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=directory)


def _directory() -> Path:
    return SHARED_MEMORY / f"fastinit-{os.geteuid()}"


def _is_complete(file: FileIO, nbytes: int) -> bool:
    status = os.fstat(file.fileno())
    return status.st_nlink == 0 and status.st_size == nbytes + len(COMPLETE)


def _has_room(file: FileIO, nbytes: int) -> bool:
    """Whether the values will probably find room. A file system without a limit says that it has 0 blocks."""
    status = os.fstatvfs(file.fileno())
    return not status.f_blocks or status.f_bavail * status.f_frsize > nbytes


def _write(file: FileIO, values: FloatArray, nbytes: int) -> None:
    """For those that wait. Where that fails, or where these are not the values they wait for, the file stays incomplete."""
    if values.nbytes == nbytes:
        with disk.system_errors_suppressed():
            disk.write_at(file.fileno(), values.reshape(-1).view(np.uint8).data, 0)
            disk.write_at(file.fileno(), COMPLETE, nbytes)


def _mapped(file: FileIO, nbytes: int, real: Real) -> FloatArray:
    disk.unlock(file.fileno())  # the mapping keeps the file open, and the next one waits
    values: FloatArray = np.frombuffer(mmap.mmap(file.fileno(), nbytes, access=mmap.ACCESS_READ), real)
    return values


def _remove(name: str) -> None:
    """Remove the name, what processes of other runs have left that were killed, and the directory if it is empty then."""
    directory, run = _directory(), name.partition("-")[0]
    with disk.system_errors_suppressed():
        (directory / name).unlink()
        for path in directory.iterdir():
            if not path.name.startswith(run):
                _remove_unlocked(path)
        directory.rmdir()


def _remove_unlocked(path: Path) -> None:
    with disk.system_errors_suppressed(), FileIO(path, "r+") as file:
        if disk.lock(file.fileno()):
            path.unlink()


def _close_in_child() -> None:
    """A child that is forked meanwhile would keep the lock if its parent were killed."""
    for file in _files:
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)

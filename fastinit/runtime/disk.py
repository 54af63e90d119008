"""Files at positions, syncing and locks, by what the platform has: macOS lacks fdatasync, Windows pwrite and locks too."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

fcntl: Any = import_module("fcntl") if os.name == "posix" else None

_position = threading.Lock()  # held where a file has one position, which threads share

NOT_FOR_DIRECTORIES = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES)
"""What file systems (of networks, mostly) and Windows answer that do not sync, or do not open, directories."""


@contextmanager
def system_errors_suppressed() -> Iterator[None]:
    """Suppress OSErrors of the system, which have a number, and not those of signals' handlers, as TimeoutError()."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise


def write_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of `data` from `offset` on."""
    while data:
        if hasattr(os, "pwrite"):
            written = os.pwrite(descriptor, data, offset)
        else:
            with _position:
                os.lseek(descriptor, offset, os.SEEK_SET)
                written = os.write(descriptor, data)
        data, offset = data[written:], offset + written


def read_at(descriptor: int, buffer: memoryview, offset: int) -> int:
    """Fill the buffer, of bytes, from `offset` on; return how many there were before the file's end."""
    filled = 0
    while filled < len(buffer):
        if hasattr(os, "preadv"):
            got = os.preadv(descriptor, [buffer[filled:]], offset + filled)
        else:
            with _position:
                os.lseek(descriptor, offset + filled, os.SEEK_SET)
                read = os.read(descriptor, len(buffer) - filled)
            got = len(read)
            buffer[filled : filled + got] = read
        if got == 0:
            break
        filled += got
    return filled


def sync(descriptor: int) -> None:
    """Wait until the file's content is on the disk."""
    if hasattr(fcntl, "F_FULLFSYNC"):  # macOS, whose fsync leaves it in the disk's own cache
        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
        except OSError:  # a file system that does not know it
            pass
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_directory(directory: Path) -> None:
    """Wait until the names in a directory are on the disk, where the file system can do that."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in NOT_FOR_DIRECTORIES:
            raise


def has_locks() -> bool:
    """Whether files have locks. Where they have none, Windows neither renames nor removes a file that is open."""
    return fcntl is not None


def lock(descriptor: int, wait: bool = False) -> bool:
    """Take the file's lock, which its holder has until the file is closed, however that comes about.

    False where another process has it and `wait` is false, and where the file system, or the platform, has no locks.
    """
    if not has_locks():
        return False
    is_locked = False
    with system_errors_suppressed():
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        is_locked = True
    return is_locked


def unlock(descriptor: int) -> None:
    """Give back a lock that `lock` took, before the file is closed."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)

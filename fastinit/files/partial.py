"""Files that get their final names only when all of them are complete.

Until then each has a random name beside its final one, and a lock that its writer's end gives back, however it ends. So a
partial file without a lock is a dead writer's, and the next writer in that directory removes it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from io import FileIO
from pathlib import Path

from fastinit.runtime import disk, signals

PREFIX, SUFFIX = ".fastinit-", ".partial"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # of the running system: containers have names of their own, but share it


class PartialFile:
    """A file under a random name, open for writing within the block, whose end removes that name.

    `publish` gives it the name `final` within the block.
    """

    def __init__(self, final: Path) -> None:
        self.final = final

    def __enter__(self) -> PartialFile:
        signals.steps.append(self._remove)
        while True:
            self.path = _random_name(self.final.parent)
            with _errors_of(self.final):
                self.file = self.path.open("x+b", buffering=0)
            disk.lock(self.file.fileno(), wait=True)  # until another run has removed it, which saw it before it was locked
            self.identity = os.fstat(self.file.fileno())
            if self.identity.st_nlink:
                return self
            self.file.close()

    def __exit__(self, *error: object) -> None:
        self.close_without_locks()
        self.path.unlink(missing_ok=True)
        self.file.close()
        signals.steps.remove(self._remove)

    def _remove(self) -> None:
        """What a signal that ends the process does, while other threads may write to the file."""
        os.truncate(self.path, 0)  # so that the end does not wait until the rest is synced
        self.path.unlink()

    def close_without_locks(self) -> None:
        """Close it before it is renamed or removed, where that must be; elsewhere it stays open, and so locked."""
        if not disk.has_locks():
            self.file.close()


@contextmanager
def written_whole(final: Path, overwrite: bool) -> Iterator[FileIO]:
    """An open file, which has the name `final` after the block; an error within it leaves nothing. Errors as `publish`."""
    with PartialFile(final) as file:
        yield file.file
        disk.sync(file.file.fileno())
        publish([file], overwrite)


def check_final(final: Path, overwrite: bool) -> None:
    """Raise what can be known before a file is written: OSError where it has no directory, or cannot be, or is there."""
    if not final.parent.is_dir():
        raise FileNotFoundError(f"no directory {final.parent}")
    if final.is_dir():
        raise IsADirectoryError(f"{final} is a directory")
    with suppress(FileNotFoundError):
        final.lstat()  # also a broken link is a file that is there; OSError where the name is too long
        if not overwrite:
            raise _exists_already(final)


@contextmanager
def _errors_of(final: Path) -> Iterator[None]:
    """Errors within the block name the final file, not the one with a random name."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise OSError(error.errno, error.strerror, str(final)) from None


def publish(files: Sequence[PartialFile], overwrite: bool) -> None:
    """Give complete files of one directory their final names, the last one's last, all or none.

    FileExistsError where a name is taken and `overwrite` is false, also where another process took it a moment ago. After an
    error all names are as they were. No system gives several files their names in one step, so a kill on the way leaves some
    of them; of files with an index, which goes first and comes last, none that it would name.
    """
    with signals.delayed(), ExitStack() as undo:
        for file in files:
            file.close_without_locks()
        if overwrite and len(files) == 1:
            with _errors_of(files[0].final):
                os.replace(files[0].path, files[0].final)
            disk.sync_directory(files[0].final.parent)
            return
        old = [_SetAside(file.final, undo) for file in reversed(files)] if overwrite else []
        for file in files:
            undo.callback(_remove_if_same, file.final, file.identity)
            with _errors_of(file.final):
                _name_without_replacing(file.path, file.final)
        disk.sync_directory(files[0].final.parent)
        undo.pop_all()
        for file in files:
            file.path.unlink(missing_ok=True)  # before a signal may empty it, under either name
        for one in old:
            one.remove()


class _SetAside:
    """A file that is to be replaced, under a random name; `undo` gets what puts it back."""

    def __init__(self, final: Path, undo: ExitStack) -> None:
        self._path = _random_name(final.parent)
        self._file: FileIO | None = None
        if disk.has_locks():
            with suppress(OSError):  # it is not there, or may not be read
                self._file = final.open("rb", buffering=0)
                disk.lock(self._file.fileno())
        undo.callback(_put_back, self._path, final)
        with suppress(FileNotFoundError), _errors_of(final):
            os.rename(final, self._path)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
        if self._file:
            self._file.close()


def _put_back(path: Path, final: Path) -> None:
    with suppress(FileNotFoundError):
        os.rename(path, final)


def _remove_if_same(path: Path, identity: os.stat_result) -> None:
    with suppress(FileNotFoundError):
        if os.path.samestat(path.lstat(), identity):
            path.unlink()


def _name_without_replacing(path: Path, final: Path) -> None:
    try:
        os.link(path, final)
    except FileExistsError:
        raise _exists_already(final) from None
    except OSError:  # a file system without links
        _take_name(final)
        try:
            os.replace(path, final)
        except BaseException:
            final.unlink()
            raise


def _take_name(final: Path) -> None:
    """Make an empty file, which of several writers only one can."""
    try:
        final.open("xb").close()
    except FileExistsError:
        raise _exists_already(final) from None


def _exists_already(final: Path) -> FileExistsError:
    return FileExistsError(f"{final} exists already; --overwrite replaces it")


def remove_abandoned(directory: Path) -> None:
    """Remove the partial files that dead writers left in a directory, and warn of each.

    Those of other hosts are only warned of: not every network tells of locks that another host has.
    """
    for path in sorted(directory.glob(f"{PREFIX}*{SUFFIX}")):
        with suppress(OSError):  # another's file, or gone meanwhile
            _remove_if_abandoned(path)


def _remove_if_abandoned(path: Path) -> None:
    if not stat.S_ISREG(path.lstat().st_mode):
        return
    if not disk.has_locks():
        path.unlink()  # PermissionError while its writer has it open
        warnings.warn(f"removed {path}, left by a writer that was killed", RuntimeWarning, stacklevel=4)
        return
    with path.open("r+b") as file:
        if not disk.lock(file.fileno()):
            return
        if any(mark in path.name for mark in _marks_of_host()):
            path.unlink()
            text = f"removed {path} ({os.fstat(file.fileno()).st_size:,} bytes), left by a writer that was killed"
        else:
            text = f"{path} is of a writer on another host: remove it where that has ended"
    warnings.warn(text, RuntimeWarning, stacklevel=4)


def _random_name(directory: Path) -> Path:
    return directory / f"{PREFIX}{'-'.join(_marks_of_host())}-{secrets.token_hex(8)}{SUFFIX}"


@cache
def _marks_of_host() -> tuple[str, ...]:
    """Short marks of its name and of its running system."""
    names = [platform.node()]
    with suppress(OSError):
        names.append(BOOT_ID.read_text())
    return tuple(hashlib.blake2b(name.encode(), digest_size=4).hexdigest() for name in names)

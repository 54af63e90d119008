"""Reads text files that others wrote, JSON and TOML: whatever is wrong with one is an error that says what."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

from fastinit.runtime.installation import install_hint

if sys.version_info >= (3, 11):
    import tomllib
else:
    try:
        import tomli as tomllib  # pyright: ignore[reportMissingImports]  # newer Pythons do not need it
    except ImportError:  # only the extra `cli` brings it
        tomllib = None

MOST_BYTES = 2**28  # the index of a million tensors has half of that
MOST_LEVELS = 32  # of tables and lists in one another; the code that takes them apart calls itself once or more a level


def check_is_file(path: Path) -> None:
    """OSError for a folder, and for what is no file on a disk, as a pipe, on which reading would wait for ever."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device, and no file", str(path))


def read_text(path: Path) -> str:
    """The text of a file in UTF-8. OSError where there is none, ValueError for one that is no text or is too long."""
    check_is_file(path)
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no text in UTF-8: byte 0x{data[error.start]:02x} at position {error.start}") from None


def json_of(text: str) -> Any:
    """What a JSON text holds. ValueError for another text, for a key that stands twice in a table, and for deep nesting."""
    try:
        return _not_deep(json.loads(text, object_pairs_hook=_unique))
    except RecursionError:
        raise _too_deep() from None


def toml_of(text: str) -> dict[str, Any]:
    """What a TOML text holds. ValueError for another text, and for deep nesting.

    ImportError on Python 3.10 without tomli (the extra `cli`).
    """
    if tomllib is None:
        raise ImportError(f"reading TOML on Python 3.10 needs tomli: {install_hint('cli')}")
    try:
        content: dict[str, Any] = _not_deep(tomllib.loads(text))
    except RecursionError:
        raise _too_deep() from None
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in found if keys.count(key) > 1)!r} stands twice in a table")
    return found


def _not_deep(content: Any) -> Any:
    level = [content]
    for _ in range(MOST_LEVELS):
        level = [item for value in level for item in _items(value)]
        if not level:
            return content
    raise _too_deep()


def _items(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _too_deep() -> ValueError:
    return ValueError(f"its tables and lists are nested more than {MOST_LEVELS} deep")

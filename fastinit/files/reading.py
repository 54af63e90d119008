"""Reads what lies where in safetensors files and in the index of several: the values themselves are read by others.

Whether a file is a right one the format's own library says, so that no file is taken here that it refuses, nor the reverse.
"""

from __future__ import annotations

from collections import Counter
from glob import escape
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

import numpy as np

from fastinit.files.parts import WHOLE, Part
from fastinit.files.safetensors_format import DTYPES, NAME_OF_CODE, StoredTensor, nbytes
from fastinit.runtime.forks import without_forks
from fastinit.runtime.schema import ANYTHING, STRING, Table, TableOf
from fastinit.runtime.text_files import check_is_file, json_of, read_text

INDEX = Table({"weight_map": TableOf(STRING, "the file of")}, required=("weight_map",), others=ANYTHING)
MOST_NAMES = 8  # of missing files in an error
MOST_AXES = 32  # of an array in every NumPy


class Header(NamedTuple):
    """What the header of a file says: its tensors, in the order of their bytes, and its metadata."""

    tensors: list[StoredTensor]
    metadata: dict[str, str]


def read_files(path: Path, part: Part = WHOLE) -> dict[Path, list[StoredTensor]]:
    """The tensors of the files that `read_headers` reads, by file."""
    return {file: header.tensors for file, header in read_headers(path, part).items()}


def read_headers(path: Path, part: Part = WHOLE) -> dict[Path, Header]:
    """The headers of a `.safetensors` file, or of the files that a `.safetensors.index.json` names, by file.

    `part`: only that part of the files of an index. OSError for what cannot be read, or is not there. ValueError for what
    the safetensors library does not open, and for an index of the wrong form, or that names files outside its own folder,
    tensors that a file lacks, or two files that have one tensor.
    """
    if path.suffix != ".json":
        if part != WHOLE:
            raise ValueError(f"{path} is one file: --part is for the files of a .safetensors.index.json")
        return {path: read_header(path)}
    weight_map = _weight_map(path)
    files = part.of([path.parent / name for name in sorted(set(weight_map.values()))])
    missing = [file.name for file in files if not file.exists()]
    if missing:
        shown_names = ", ".join(map(repr, missing[:MOST_NAMES])) + (", ..." if len(missing) > MOST_NAMES else "")
        raise FileNotFoundError(f"{path} names {len(missing)} of {len(files)} files that are not there: {shown_names}")
    headers = {file: read_header(file) for file in files}
    _check_index(path, {tensor: name for tensor, name in weight_map.items() if path.parent / name in headers}, headers)
    return headers


def names_of_index(path: Path) -> set[str]:
    """The names of all tensors that an index has; errors as of `read_headers`."""
    return {*_weight_map(path)}


def _weight_map(path: Path) -> dict[str, str]:
    """By tensor, the name of its file."""
    try:
        content = json_of(read_text(path))
        INDEX.check("", content)
        weight_map: dict[str, str] = content["weight_map"]
        for name in sorted(set(weight_map.values())):
            _check_is_inside(name)
    except FileNotFoundError:
        _check_is_not_lost(path)
        raise
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is no index of safetensors files: {error}") from None
    return weight_map


def read_header(path: Path) -> Header:
    """The header of one file; errors as of `read_headers`. ImportError without the library, or with one that is too old."""
    try:
        with without_forks():
            from safetensors import SafetensorError, safe_open

        safe_open.offset_keys  # noqa: B018 - those before 0.6 lack it
    except (ImportError, AttributeError):
        raise ImportError("reading safetensors files needs safetensors 0.8: pip install -U safetensors") from None
    check_is_file(path)
    with path.open("rb") as file:
        offset = 8 + int.from_bytes(file.read(8), "little")
    tensors = []
    try:
        with safe_open(path, "np") as opened:
            for name in opened.offset_keys():
                tensor = opened.get_slice(name)
                tensors.append(_stored(name, tuple(tensor.get_shape()), tensor.get_dtype(), path, offset))
                offset += tensors[-1].nbytes  # there is nothing between two tensors
            return Header(tensors, opened.metadata() or {})
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is no safetensors file that can be read: {error}") from None


def _stored(name: str, shape: tuple[int, ...], code: str, path: Path, offset: int) -> StoredTensor:
    if code not in NAME_OF_CODE:
        raise ValueError(f"tensor {name!r} has dtype {code!r}; known are {', '.join(NAME_OF_CODE)}")
    dtype = NAME_OF_CODE[code]
    if len(shape) > MOST_AXES or 0 in shape:
        _check_is_an_arrays(name, shape, DTYPES[dtype].unit)
    nbytes(shape, dtype)
    return StoredTensor(name, shape, dtype, path, offset)


def _check_is_an_arrays(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """A file may have a tensor without elements of any lengths, or of any number of axes; NumPy has no such arrays."""
    try:
        np.broadcast_to(np.empty((), dtype), shape)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"tensor {name!r} has shape {shape}, which no array can have: {error}") from None


def _check_is_not_lost(index: Path) -> None:
    """Say of an index that is not there whether its files are: a kill while they get their names leaves them so."""
    stem = index.name.removesuffix(".safetensors.index.json")
    shards = sorted(index.parent.glob(f"{escape(stem)}-?????-of-?????.safetensors"))
    if shards:
        raise FileNotFoundError(
            f"{index} is not there, though {shards[0].name} is: the run that writes it has not ended, or was killed while "
            f"its files got their names; then write them again (fastinit init with --overwrite)"
        )


def _check_is_inside(name: str) -> None:
    """Refuse what leads out of the index' folder, written as on any system."""
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        if path.anchor or ".." in path.parts or "\0" in name or not path.name:
            raise ValueError(f"it names {name!r}, which is no file in its own folder")


def _check_index(path: Path, weight_map: dict[str, str], headers: dict[Path, Header]) -> None:
    names_in = {file: {tensor.name for tensor in header.tensors} for file, header in headers.items()}
    for tensor, name in weight_map.items():
        if tensor not in names_in[path.parent / name]:
            raise ValueError(f"{path} says that tensor {tensor!r} is in {name}, which has no such tensor")
    twice = [name for name, n in Counter(name for names in names_in.values() for name in names).items() if n > 1]
    if twice:
        raise ValueError(f"{path} names two files that both have tensor {twice[0]!r}")

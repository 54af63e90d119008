"""Where the tensors come from: arrays in memory, or a safetensors file, of which no more than a piece is held."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastinit.distributions.boxes import Box
from fastinit.files.parts import WHOLE, Part
from fastinit.files.reading import read_files
from fastinit.files.safetensors_format import StoredTensor
from fastinit.runtime import disk
from fastinit.runtime.types import Array


@dataclass(frozen=True)
class Source(ABC):
    """A tensor whose elements can be read piece by piece; `dtype` is in the machine's byte order."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @abstractmethod
    def read(self, first: int, count: int, memory: Array | None = None) -> Array:
        """At most `count` elements in row-major order, contiguous; where they are to be copied, into `memory`, of bytes."""

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @abstractmethod
    def array_of(self) -> Array:
        """The tensor as an array; of a file, mapped into memory."""

    def part(self, box: Box) -> Source:
        """A box of the tensor, named as an index of it."""
        array = self.array_of()[box.slices]
        return ArraySource(self.name + box.text(self.shape), box.shape, self.dtype, array)

    def same_memory(self, other: Source) -> bool:
        """Whether it is the very same tensor under another name, as tied weights are."""
        return False


@dataclass(frozen=True)
class ArraySource(Source):
    array: Array

    def array_of(self) -> Array:
        return self.array

    def read(self, first: int, count: int, memory: Array | None = None) -> Array:
        flat = self.array.reshape(-1) if self.array.flags.c_contiguous else self.array.flat  # `flat` copies only that
        return np.ascontiguousarray(flat[first : first + count], self.dtype)

    def same_memory(self, other: Source) -> bool:
        return isinstance(other, ArraySource) and _memory(self.array) == _memory(other.array)


@dataclass(frozen=True)
class FileSource(Source):
    path: Path
    offset: int

    def read(self, first: int, count: int, memory: Array | None = None) -> Array:
        """ValueError where the file ends before these elements."""
        nbytes = min(count, self.size - first) * self.dtype.itemsize
        raw = np.empty(nbytes, np.uint8) if memory is None else memory[:nbytes]
        with self.path.open("rb", buffering=0) as file:
            got = disk.read_at(file.fileno(), raw.data, self.offset + first * self.dtype.itemsize)
        if got < nbytes:
            raise ValueError(f"{self.path} ends before all of tensor {self.name!r}")
        return raw.view(self.dtype)

    def array_of(self) -> Array:
        if self.path.stat().st_size < self.offset + self.nbytes:
            raise ValueError(f"{self.path} ends before all of tensor {self.name!r}")
        raw = np.memmap(self.path, np.uint8, "r", self.offset, (self.nbytes,)) if self.size else np.empty(0, np.uint8)
        return raw.view(self.dtype).reshape(self.shape)


def sources_of(tensors: object, part: tuple[int, int] | None = None) -> list[Source]:
    """The tensors as sources. TypeError for anything but a mapping or a path; OSError or ValueError for unreadable files.

    `part`: (k, n) for part k of n of the files of an index.
    """
    found: list[Source]
    if part is not None and not isinstance(tensors, str | os.PathLike):
        raise ValueError(f"part is for the files of an index, got part={part!r} with tensors in memory")
    if isinstance(tensors, str | os.PathLike):
        found = [_in_file(path, stored) for path, all in read_files(Path(tensors), _part(part)).items() for stored in all]
    elif isinstance(tensors, Mapping):
        by_name = flat(tensors, "tensors", lambda value: isinstance(value, Mapping))
        found = [_in_memory(name, value) for name, value in by_name.items()]
    else:
        raise TypeError(
            "tensors must be a mapping from names to arrays, or the path of a .safetensors or .safetensors.index.json file, "
            f"got {type(tensors).__name__}"
        )
    if not found:
        raise ValueError("tensors is empty: there is nothing to audit")
    return found


def _part(part: tuple[int, int] | None) -> Part:
    if part is None:
        return WHOLE
    is_pair = isinstance(part, tuple) and len(part) == 2 and all(type(n) is int for n in part)
    if not is_pair or not 0 <= part[0] < part[1]:
        raise ValueError(f"part must be (k, n) of integers, 0 <= k < n, got {part!r}")
    return Part(*part)


def flat(tree: Mapping[Any, Any], argument: str, is_tree: Callable[[Any], bool], prefix: str = "") -> dict[str, Any]:
    """The values by their paths with dots. TypeError for keys that are no str, ValueError for a path that is there twice."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if not isinstance(key, str):
            raise TypeError(f"names of {argument} must be str, got {key!r}{f' in {prefix[:-1]!r}' if prefix else ''}")
        inner = flat(value, argument, is_tree, f"{prefix}{key}.") if is_tree(value) else {prefix + key: value}
        if twice := found.keys() & inner.keys():
            raise ValueError(f"{argument} has the name {min(twice)!r} twice, with and without nesting")
        found |= inner
    return found


def by_path(expected: Mapping[Any, Any]) -> dict[str, Any]:
    """What is expected, by the tensors' names: a nested mapping's values but for configs, which are mappings too."""
    return flat(expected, "expected", lambda value: isinstance(value, Mapping) and "class_name" not in value)


def _memory(array: Array) -> tuple[object, ...]:
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype


def _in_file(path: Path, stored: StoredTensor) -> Source:
    return FileSource(stored.name, stored.shape, stored.unit, path, stored.offset)


def _in_memory(name: str, value: object) -> Source:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"tensor {name!r} is no array: {error}") from None
    if array.dtype.kind in "OSUMm":
        raise TypeError(f"tensor {name!r} must hold numbers, got dtype {array.dtype}")
    dtype: np.dtype[Any] = array.dtype.newbyteorder("=")
    return ArraySource(name, array.shape, dtype, array)

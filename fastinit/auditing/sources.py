"""Where the tensors come from: arrays in memory, or a safetensors file, of which no more than a piece is held."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastinit.files import safetensors_format as format


@dataclass(frozen=True)
class ArraySource:
    name: str
    array: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype.newbyteorder("=")

    def read(self, first: int, count: int) -> np.ndarray:
        flat = self.array.reshape(-1) if self.array.flags.c_contiguous else self.array.flat  # `flat` copies only that
        return np.ascontiguousarray(flat[first : first + count], self.dtype)

    def same_memory(self, other: Source) -> bool:
        """Whether it is the very same tensor under another name, as tied weights are."""
        return isinstance(other, ArraySource) and _memory(self.array) == _memory(other.array)


@dataclass(frozen=True)
class FileSource:
    name: str
    path: Path
    stored: format.StoredTensor

    @property
    def shape(self) -> tuple[int, ...]:
        return self.stored.shape

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(format.DTYPES[self.stored.dtype][1])

    def read(self, first: int, count: int) -> np.ndarray:
        """ValueError where the file ends before these elements."""
        count = min(count, self.stored.size - first)
        offset = self.stored.offset + first * self.dtype.itemsize
        raw = np.fromfile(self.path, np.uint8, count * self.dtype.itemsize, offset=offset)
        if raw.size < count * self.dtype.itemsize:
            raise ValueError(f"{self.path} ends before all of tensor {self.name!r}")
        return raw.view(self.dtype)

    def same_memory(self, other: Source) -> bool:
        return False


Source = ArraySource | FileSource


def sources_of(tensors: object) -> list[Source]:
    """TypeError for what is neither a mapping nor a path, OSError or ValueError for a file that cannot be read."""
    if isinstance(tensors, str | os.PathLike):
        files = format.read_files(Path(tensors))
        found: list[Source] = [FileSource(stored.name, path, stored) for path, all in files.items() for stored in all]
    elif isinstance(tensors, Mapping):
        found = [ArraySource(_checked_name(name), _as_array(name, value)) for name, value in tensors.items()]
    else:
        raise TypeError(
            "tensors must be a mapping from names to arrays, or the path of a .safetensors or .safetensors.index.json file, "
            f"got {type(tensors).__name__}"
        )
    if not found:
        raise ValueError("tensors is empty: there is nothing to audit")
    return found


def size_of(source: Source) -> int:
    return math.prod(source.shape)


def _memory(array: np.ndarray) -> tuple:
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype


def _checked_name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"names of tensors must be str, got {name!r}")
    return name


def _as_array(name: str, value: object) -> np.ndarray:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"tensor {name!r} is no array: {error}") from None
    if array.dtype.kind in "OSUMm":
        raise TypeError(f"tensor {name!r} must hold numbers, got dtype {array.dtype}")
    return array

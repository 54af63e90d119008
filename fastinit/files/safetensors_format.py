"""The safetensors file format: headers, sharded names and their index (github.com/huggingface/safetensors, "Format")."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastinit.backends.catalogue import ELEMENTS
from fastinit.backends.elements import ELEMENT_TYPES

DTYPES = {
    **{name: (element.safetensors, ELEMENT_TYPES[name].dtype) for name, element in ELEMENTS.items() if element.safetensors},
    "int64": ("I64", np.int64),
    "int32": ("I32", np.int32),
    "int16": ("I16", np.int16),
    "int8": ("I8", np.int8),
    "uint8": ("U8", np.uint8),
    "bool": ("BOOL", np.bool_),
}
"""By NumPy's name of the dtype: the format's code, and NumPy's type."""

NAME_OF_CODE = {code: name for name, (code, _) in DTYPES.items()}


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file: name, shape, dtype (a key of DTYPES) and the offset of its first byte in the file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    offset: int

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * itemsize(self.dtype)


def itemsize(dtype: str) -> int:
    return np.dtype(DTYPES[dtype][1]).itemsize


def layout(
    tensors: Iterable[tuple[str, tuple[int, ...], str]], metadata: Mapping[str, str]
) -> tuple[bytes, list[StoredTensor]]:
    """The header's bytes, and where each (name, shape, dtype) lies behind it.

    Wide dtypes come first, so that every tensor is aligned to its element, as the format's own library does.
    """
    ordered = sorted(tensors, key=lambda tensor: -itemsize(tensor[2]))
    entries: dict[str, object] = {"__metadata__": dict(metadata)}
    at = 0
    spans = []
    for name, shape, dtype in ordered:
        nbytes = math.prod(shape) * itemsize(dtype)
        entries[name] = {"dtype": DTYPES[dtype][0], "shape": list(shape), "data_offsets": [at, at + nbytes]}
        spans.append((name, shape, dtype, at))
        at += nbytes
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    header = len(text).to_bytes(8, "little") + text
    return header, [StoredTensor(name, shape, dtype, len(header) + at) for name, shape, dtype, at in spans]


def read_layout(path: Path) -> list[StoredTensor]:
    """The tensors of a file in the order of their bytes. ValueError where it is no safetensors file."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > path.stat().st_size:
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        tensors = [
            StoredTensor(name, tuple(entry["shape"]), NAME_OF_CODE[entry["dtype"]], 8 + length + entry["data_offsets"][0])
            for name, entry in header.items()
            if name != "__metadata__"
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no safetensors file that can be read: {error}") from None
    return sorted(tensors, key=lambda tensor: tensor.offset)


def read_files(path: Path) -> dict[Path, list[StoredTensor]]:
    """The tensors of a `.safetensors` file, or of every file that a `.safetensors.index.json` names, by file."""
    if path.suffix != ".json":
        return {path: read_layout(path)}
    try:
        weight_map = json.loads(path.read_text())["weight_map"]
        names = sorted(set(weight_map.values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no index of safetensors files: {error}") from None
    return {path.parent / name: read_layout(path.parent / name) for name in names}


def shard_names(file_name: str, n: int) -> list[str]:
    """The names of `n` files as Hugging Face gives them: model-00001-of-00002.safetensors, ..."""
    if n == 1:
        return [file_name]
    stem = file_name.removesuffix(".safetensors")
    return [f"{stem}-{i:05d}-of-{n:05d}.safetensors" for i in range(1, n + 1)]


def split_into_shards(nbytes: Sequence[int], shard_size: int | None) -> list[range]:
    """Runs of tensors that together take at most `shard_size` bytes, in order; a larger tensor stands alone."""
    shards, first, total = [], 0, 0
    for i, n in enumerate(nbytes):
        if shard_size is not None and i > first and total + n > shard_size:
            shards.append(range(first, i))
            first, total = i, 0
        total += n
    return [*shards, range(first, len(nbytes))]


def index_text(shards: Mapping[str, Sequence[StoredTensor]]) -> str:
    """The index of several files: which tensor lies in which."""
    total = sum(tensor.nbytes for tensors in shards.values() for tensor in tensors)
    weight_map = {tensor.name: name for name, tensors in shards.items() for tensor in tensors}
    return json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=2) + "\n"

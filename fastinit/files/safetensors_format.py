"""The safetensors file format: headers, sharded names and their index (github.com/huggingface/safetensors, "Format").

The format's own library takes and gives whole tensors, and does not say where in a file they lie; here they are written and
compared piece by piece.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from fastinit.backends.catalogue import ELEMENTS
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.recipes import TensorSpec
from fastinit.runtime.types import Array


class StoredDtype(NamedTuple):
    """A dtype of the format: its code, NumPy's type, and how many bits an element takes.

    NumPy's type is None where it has none, or where several elements share a byte: such tensors are copied as bytes.
    """

    code: str
    numpy: np.dtype[Any] | None
    bits: int

    @property
    def unit(self) -> np.dtype[Any]:
        """What its bytes are read and copied as."""
        return np.dtype(np.uint8) if self.numpy is None else self.numpy


CODES_OF_NUMPYS = {
    "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "bool": "BOOL",
    "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "complex64": "C64",
}  # fmt: skip
CODES_OF_BYTES = {"float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e8m0fnu": "F8_E8M0"}
BITS_OF_PACKED = {"F6_E2M3": 6, "F6_E3M2": 6, "F4": 4}


def _of_byte(name: str, code: str) -> StoredDtype:
    known = getattr(ml_dtypes, name, None)  # since ml_dtypes 0.5
    return StoredDtype(code, None if known is None else np.dtype(known), 8)


DTYPES: dict[str, StoredDtype] = {
    **{
        name: StoredDtype(of.safetensors, ELEMENT_TYPES[name].dtype, of.bits)
        for name, of in ELEMENTS.items()
        if of.safetensors
    },
    **{name: StoredDtype(code, np.dtype(name), 8 * np.dtype(name).itemsize) for name, code in CODES_OF_NUMPYS.items()},
    **{name: _of_byte(name, code) for name, code in CODES_OF_BYTES.items()},
    **{code.lower(): StoredDtype(code, None, bits) for code, bits in BITS_OF_PACKED.items()},
}
"""By NumPy's name of the dtype, and the format's where NumPy has none. Values are drawn in those of ELEMENTS alone."""

NAME_OF_CODE = {of.code: name for name, of in DTYPES.items()}


LONGEST_HEADER = 100_000_000  # bytes; MAX_HEADER_SIZE of the format's library


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file: name, shape, dtype (a key of DTYPES), the file, and the offset of its first byte there."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    path: Path
    offset: int

    @property
    def unit(self) -> np.dtype[Any]:
        """What its bytes are read and copied as: its elements, or bytes."""
        return DTYPES[self.dtype].unit

    @property
    def size(self) -> int:
        """How many units it has."""
        return self.nbytes // self.unit.itemsize

    @property
    def nbytes(self) -> int:
        return nbytes(self.shape, self.dtype)

    def values(self) -> Array:
        """All of it, flat, in a memory map: read from the file as it is used."""
        return np.memmap(self.path, self.unit, "r", self.offset, (self.size,)) if self.size else np.empty(0, self.unit)


def nbytes(shape: tuple[int, ...], dtype: str) -> int:
    """How many bytes a tensor takes. ValueError where elements of less than a byte do not fill the last one."""
    bits = math.prod(shape) * DTYPES[dtype].bits
    if bits % 8:
        raise ValueError(f"a tensor of dtype {dtype} and shape {shape} takes {bits} bits, which are no whole bytes")
    return bits // 8


def layout(path: Path, tensors: Iterable[TensorSpec], metadata: Mapping[str, str]) -> tuple[bytes, list[StoredTensor]]:
    """The header's bytes, and where each tensor lies behind it. ValueError where the format's library would not open it.

    Wide dtypes come first, so that every tensor is aligned to its element, as the format's own library does.
    """
    placed = [(tensor, tensor.dtype or "float32") for tensor in tensors]
    placed.sort(key=lambda entry: -DTYPES[entry[1]].bits)
    entries: dict[str, object] = {"__metadata__": dict(metadata)}
    starts, end = [], 0
    for tensor, dtype in placed:
        _check_name(tensor.name)
        starts.append(end)
        end += nbytes(tensor.shape, dtype)
        entries[tensor.name] = {"dtype": DTYPES[dtype].code, "shape": list(tensor.shape), "data_offsets": [starts[-1], end]}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > LONGEST_HEADER:
        raise ValueError(
            f"{len(placed):,} tensors take a header of {len(text):,} bytes, of which files may have {LONGEST_HEADER:,}: "
            f"split them into several files (--shard-size)"
        )
    header = len(text).to_bytes(8, "little") + text
    return header, [
        StoredTensor(tensor.name, tensor.shape, dtype, path, len(header) + start)
        for (tensor, dtype), start in zip(placed, starts, strict=True)
    ]


def _check_name(name: str) -> None:
    if name == "__metadata__":
        raise ValueError(f"no tensor in a file can be called {name!r}, under which files have their metadata")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"no tensor in a file can be called {name!r}, which is no text in UTF-8") from None


def shard_names(file_name: str, n: int) -> list[str]:
    """The names of `n` files as Hugging Face gives them: model-00001-of-00002.safetensors, ..."""
    if n == 1:
        return [file_name]
    stem = file_name.removesuffix(".safetensors")
    return [f"{stem}-{i:05d}-of-{n:05d}.safetensors" for i in range(1, n + 1)]


def split_into_shards(sizes: Sequence[int], shard_size: int | None) -> list[range]:
    """Runs of tensors that together take at most `shard_size` bytes, in order; a larger tensor stands alone."""
    shards: list[range] = []
    first = total = 0
    for i, n in enumerate(sizes):
        if shard_size is not None and i > first and total + n > shard_size:
            shards.append(range(first, i))
            first, total = i, 0
        total += n
    return [*shards, range(first, len(sizes))]


def index_text(tensors: Sequence[StoredTensor]) -> str:
    """The index of several files: which tensor lies in which."""
    total = sum(tensor.nbytes for tensor in tensors)
    weight_map = {tensor.name: tensor.path.name for tensor in tensors}
    return json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=2) + "\n"

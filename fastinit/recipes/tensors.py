"""The tensors a recipe is applied to: their names, shapes and, where they fix one, dtypes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastinit.backends.catalogue import ELEMENTS
from fastinit.runtime import checks


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of a model: its name, its whole shape, and its dtype where the model fixes it (else None)."""

    name: str
    shape: tuple[int, ...]
    dtype: str | None = None

    def dtype_where(self, chosen: str) -> str:
        """The dtype to make it in where `chosen` is asked for: its own where that is none of floating-point numbers."""
        return chosen if self.is_float() else self.dtype

    def is_float(self) -> bool:
        """Whether it is one of floating-point numbers, as it is where the model fixes no dtype."""
        return self.dtype is None or self.dtype in ELEMENTS

    def can_hold(self, value: int) -> bool:
        """Whether the integer is within the range of the dtype, as far as NumPy knows it."""
        try:
            limits = np.iinfo(np.dtype(self.dtype))
        except (TypeError, ValueError):  # of another library, or no integers
            return True
        return limits.min <= value <= limits.max


def tensor_specs(tensors: Mapping[str, Any] | Iterable[TensorSpec]) -> tuple[TensorSpec, ...]:
    """`tensors`: shapes by name, or by name what has a `shape` and perhaps a `dtype`, as arrays have; or TensorSpecs."""
    if isinstance(tensors, Mapping):
        return tuple(_spec(name, tensor) for name, tensor in tensors.items())
    if not isinstance(tensors, Iterable):
        raise TypeError(f"shapes must be a mapping from names to shapes, or TensorSpecs, got {tensors!r}")
    specs, names = tuple(tensors), set()
    for spec in specs:
        if not isinstance(spec, TensorSpec):
            raise TypeError(f"shapes must be a mapping from names to shapes, or TensorSpecs, got {spec!r} among them")
        if spec.name in names:
            raise ValueError(f"shapes must have each name once, got {spec.name!r} twice")
        names.add(spec.name)
    return specs


def _spec(name: str, tensor: Any) -> TensorSpec:
    if not isinstance(name, str):
        raise TypeError(f"shapes must have strings for names, got {name!r}")
    dtype = getattr(tensor, "dtype", None)
    try:
        shape = checks.shape(getattr(tensor, "shape", tensor))
    except (TypeError, ValueError) as error:
        raise type(error)(f"tensor {name!r}: {error}") from None
    return TensorSpec(name, shape, None if dtype is None else _dtype_name(dtype))


def _dtype_name(dtype: Any) -> str:
    try:
        return np.dtype(dtype).name
    except TypeError:  # torch's, whose text is torch.float32
        return str(dtype).rpartition(".")[2]

"""The tensors a recipe is applied to: their names, shapes and, where they fix one, dtypes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from fastinit.backends.catalogue import ELEMENTS
from fastinit.initializers.layouts import LayoutLike
from fastinit.runtime import checks
from fastinit.runtime.types import Shape


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of a model: its name, its whole shape, and its dtype and layout where the model fixes them (else None).

    `layout`: how its axes are to be read by rules that do not say it, as in a `fastinit.Layout` or its letters.

    >>> from fastinit.recipes import Recipe, TensorSpec
    >>> Recipe([("*", "zeros")]).materialize([TensorSpec("num_batches_tracked", (), "int64")])
    {'num_batches_tracked': array(0)}
    """

    name: str
    shape: tuple[int, ...]
    dtype: str | None = None
    layout: LayoutLike = None

    def is_float(self) -> bool:
        """Whether it holds floating-point numbers, as it does where the model fixes no dtype."""
        return self.dtype is None or self.dtype in ELEMENTS

    def can_hold(self, value: int) -> bool:
        """Whether the integer is within the range of the dtype, as far as NumPy knows it."""
        try:
            limits = np.iinfo(self.dtype or "")
        except (TypeError, ValueError):  # a dtype of another library, or not one of integers
            return True
        return limits.min <= value <= limits.max


class HasShape(Protocol):
    """What has a shape, and perhaps a dtype, as the arrays and tensors of all libraries have."""

    @property
    def shape(self) -> Shape: ...


Tensors: TypeAlias = Mapping[str, Shape | HasShape] | Iterable[TensorSpec]
"""By name, shapes or what has a `shape` and perhaps a `dtype`, as arrays have; or TensorSpecs."""


def tensor_specs(tensors: Tensors) -> tuple[TensorSpec, ...]:
    if isinstance(tensors, Mapping):
        return tuple(_spec(name, tensor) for name, tensor in tensors.items())
    if not isinstance(tensors, Iterable):
        raise TypeError(f"shapes must be a mapping from names to shapes, or TensorSpecs, got {tensors!r}")
    specs: dict[str, TensorSpec] = {}
    for spec in tensors:
        if not isinstance(spec, TensorSpec):
            raise TypeError(f"shapes must be a mapping from names to shapes, or TensorSpecs, got {spec!r} among them")
        if spec.name in specs:
            raise ValueError(f"shapes must have each name once, got {spec.name!r} twice")
        specs[spec.name] = spec
    return tuple(specs.values())


def _spec(name: object, tensor: object) -> TensorSpec:
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
        return str(np.dtype(dtype).name)
    except TypeError:  # torch's dtypes, whose text is "torch.float32"
        return str(dtype).rpartition(".")[2]

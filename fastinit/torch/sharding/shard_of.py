"""`shard_of`: the parts of larger tensors that a user says a module's tensors are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from torch import Tensor

from fastinit.core.indices import indexed
from fastinit.runtime import checks
from fastinit.runtime.nearest import did_you_mean
from fastinit.runtime.types import Array, Index, Shape
from fastinit.torch.sharding.indices import index_of
from fastinit.torch.sharding.parts import Part, is_dtensor

ShardOf: TypeAlias = Mapping[str, tuple[Shape, Index]]
"""By name, the shape of the whole tensor, and the index, as in whole[index], of the part that is here."""


class Shard(NamedTuple):
    """A part of a tensor, and its indices along each axis if it is of that kind."""

    part: Part
    by_axis: tuple[Array, ...] | None

    @classmethod
    def along_axes(cls, shape: tuple[int, ...], by_axis: tuple[Array, ...]) -> Shard:
        return cls(Part(shape, index_of(by_axis)), by_axis)


def shards_of(shard_of: ShardOf | None, tensors: Mapping[str, Tensor]) -> dict[str, Shard]:
    """The shards by name. ValueError, with everything that is wrong, for what does not fit the tensors."""
    if not isinstance(shard_of, Mapping | None):
        raise TypeError(f"shard_of must be a mapping from names to pairs of a shape and an index, got {shard_of!r}")
    shards, complaints = {}, []
    for name, given in (shard_of or {}).items():
        try:
            shards[name] = _shard(name, given, tensors)
        except (ValueError, IndexError) as error:
            complaints.append(f"shard_of has {name!r}, {error}")
    if complaints:
        raise ValueError("\n".join(complaints))
    return shards


def _shard(name: str, given: Any, tensors: Mapping[str, Tensor]) -> Shard:
    if name not in tensors:
        hint = did_you_mean(str(name), {known: known for known in tensors})
        raise ValueError(f"which the module does not have: {hint}".rstrip(": "))
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise TypeError(f"shard_of must have pairs (global_shape, index), got {given!r} for {name!r}")
    if is_dtensor(tensors[name]):
        raise ValueError("a DTensor, which itself says what its shards are: leave it out")
    shape, index, here = checks.shape(given[0]), given[1], tuple(tensors[name].shape)
    by_axis = _along_axes(shape, index)
    found = tuple(map(len, by_axis)) if by_axis is not None else indexed(shape, index).shape
    if found != here:
        raise ValueError(
            f"whose part of shape {found} by this index of {shape} is not the tensor's {here}; an index is one of NumPy's, "
            "with numpy.ix_ for several arrays"
        )
    return Shard(Part(shape, index), None) if by_axis is None else Shard.along_axes(shape, by_axis)


def _along_axes(shape: tuple[int, ...], index: Any) -> tuple[Array, ...] | None:
    """The indices along each axis, where the index is slices and one array, or `numpy.ix_` of one for each; else None."""
    entries = index if isinstance(index, tuple) else () if index is Ellipsis else (index,)
    arrays = [entry for entry in entries if isinstance(entry, np.ndarray)]
    if len(entries) > len(shape) or not all(isinstance(entry, (slice, np.ndarray)) for entry in entries):
        return None
    if len(arrays) > 1:
        meshed = [mesh.shape for mesh in np.ix_(*(array.ravel() for array in arrays))]
        if len(arrays) < len(shape) or [array.shape for array in arrays] != meshed:
            return None
    elif arrays and arrays[0].ndim > 1:
        return None
    every = [*entries, *[slice(None)] * (len(shape) - len(entries))]
    return tuple(np.arange(n)[e if isinstance(e, slice) else e.ravel()] for n, e in zip(shape, every))

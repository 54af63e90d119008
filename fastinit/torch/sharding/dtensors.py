"""Which elements of the global tensor a rank's shard of a DTensor holds; found without communication."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard
from torch.distributed.tensor.placement_types import Placement, _StridedShard

from fastinit.runtime.types import Array
from fastinit.torch.sharding.indices import index_of

Index: TypeAlias = tuple[slice, ...] | tuple[Array, ...]


def local_index(tensor: DTensor) -> Index | None:
    """The index, as in full[index], of this rank's shard; None on a rank that holds none of it, outside the mesh.

    ValueError for a Partial placement: its shards are terms of a sum, not parts.
    """
    by_axis = shard_indices(tensor)
    if by_axis is None or "is_placeholder" in vars(tensor):  # what `selected` gives for a slice on other ranks
        return None
    return index_of(by_axis)


def shard_indices(tensor: DTensor) -> list[Array] | None:
    """For each axis the indices that this rank's shard holds, in the order it holds them; None outside the mesh.

    The placements are walked in the order of the mesh's dimensions, each dividing what the ones before have left, as FSDP2,
    HSDP and tensor parallelism compose. A strided shard holds a part of each of several chunks, because a later dimension of
    the mesh has divided the axis first.
    """
    coordinate = tensor.device_mesh.get_coordinate()
    if coordinate is None:
        return None
    by_axis = [np.arange(n) for n in tensor.shape]
    for mesh_dim, placement in enumerate(tensor.placements):
        ranks, axis = tensor.device_mesh.size(mesh_dim), _sharded_axis(placement)
        if isinstance(placement, Partial) and ranks > 1:
            raise ValueError(f"a DTensor with placements {tensor.placements} cannot be filled: Partial shards are summed")
        if axis is not None:
            by_axis[axis] = by_axis[axis][_part_of_axis(placement, len(by_axis[axis]), ranks, coordinate[mesh_dim])]
    return by_axis


def is_sharded(tensor: DTensor, axis: int) -> bool:
    """Whether the axis is divided among ranks, so that none needs to hold all of it."""
    return any(_sharded_axis(placement) == axis % tensor.ndim for placement in tensor.placements)


def selected(tensor: DTensor, axis: int, indices: Iterable[int]) -> list[DTensor]:
    """`tensor.select(axis, index)` for each index along a sharded axis, for writing to it, without communication.

    A view on the ranks that hold it. On the others NaNs (0 for integers) are its placeholder, the same memory for all of the
    indices: what is written to them is lost. (DTensor's own `select` gathers a copy, where it is lost on all ranks.)
    """
    axis %= tensor.ndim
    by_axis, shard = shard_indices(tensor), tensor._local_tensor
    places = {} if by_axis is None else {int(index): place for place, index in enumerate(by_axis[axis])}
    shape = [n for i, n in enumerate(shard.shape) if i != axis]
    placeholder = shard.new_full(shape, torch.nan if shard.is_floating_point() else 0)
    held = (places.get(index % tensor.shape[axis]) for index in indices)
    return [_part(tensor, axis, placeholder if place is None else shard.select(axis, place)) for place in held]


def copy_whole_(tensor: DTensor, whole: Tensor) -> DTensor:
    """`tensor.copy_(whole)`, of a tensor that all ranks have: this rank's part to its shard."""
    index = local_index(tensor)
    if index is not None:
        tensor._local_tensor.copy_(whole.expand(tensor.shape)[index])
    return tensor


def _part(tensor: DTensor, axis: int, local: Tensor) -> DTensor:
    """The slice of the tensor whose shard, or placeholder, is `local`."""
    shape = torch.Size(n for i, n in enumerate(tensor.shape) if i != axis)
    placements = [_without(placement, axis) for placement in tensor.placements]
    stride = torch.empty(shape, device="meta").stride()
    part = DTensor.from_local(local, tensor.device_mesh, placements, run_check=False, shape=shape, stride=stride)
    if not _share_memory(local, tensor._local_tensor):
        vars(part)["is_placeholder"] = True
    return part


def _share_memory(a: Tensor, b: Tensor) -> bool:
    return bool(a.untyped_storage()._cdata == b.untyped_storage()._cdata)


def global_offset(view: DTensor, tensor: DTensor) -> int:
    """The row-major number, in the global tensor, of the element that a view of it begins with.

    A view begins at 0 on a sharded axis, if it is not `selected`. A placeholder's offset is 0.
    """
    local, by_axis = tensor._local_tensor, shard_indices(tensor)
    if by_axis is None or local.numel() == 0 or not _share_memory(view._local_tensor, local):
        return 0
    left = int(view._local_tensor.storage_offset() - local.storage_offset())
    start, strides = [0] * local.ndim, local.stride()
    for axis in sorted(range(local.ndim), key=lambda axis: -strides[axis]):
        if local.shape[axis] > 1:
            start[axis], left = divmod(left, strides[axis])
        was_and_is = zip(tensor.placements, view.placements)
        if any(_sharded_axis(was) == axis and _sharded_axis(now) is None for was, now in was_and_is):
            start[axis] = int(by_axis[axis][start[axis]])
    return int(np.ravel_multi_index(start, tensor.shape))


def _sharded_axis(placement: Placement) -> int | None:
    """The axis that a placement divides."""
    return placement.dim if isinstance(placement, (Shard, _StridedShard)) else None


def _without(placement: Placement, axis: int) -> Placement:
    """The placement of a slice that no longer has this axis."""
    divided = _sharded_axis(placement)
    if divided is None or divided == axis:
        return Replicate() if divided == axis else placement
    dim = divided - (divided > axis)
    return _StridedShard(dim, split_factor=placement.split_factor) if isinstance(placement, _StridedShard) else Shard(dim)


def _part_of_axis(placement: Placement, length: int, ranks: int, rank: int) -> slice | Array:
    """What one of the ranks holds of an axis of this length."""
    if not isinstance(placement, _StridedShard):
        return _chunk(length, ranks, rank)
    split = int(placement.split_factor)
    chunks = [np.arange(length)[_chunk(length, split, i)] for i in range(split)]
    return np.concatenate([chunk[_chunk(len(chunk), ranks, rank)] for chunk in chunks])


def _chunk(length: int, parts: int, part: int) -> slice:
    """As torch.chunk divides: the last parts may be shorter, or empty."""
    size = -(-length // parts)
    return slice(min(part * size, length), min((part + 1) * size, length))

"""Which elements of the global tensor a rank's shard of a DTensor holds; found without communication."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard
from torch.distributed.tensor.placement_types import Placement, _StridedShard

Index = tuple[slice, ...] | tuple[np.ndarray, ...]


def local_index(tensor: DTensor) -> Index | None:
    """The index, as in full[index], of this rank's shard; None on a rank that holds none of it, outside the mesh.

    ValueError for a Partial placement: its shards are terms of a sum, not parts.
    """
    held = held_indices(tensor)
    if held is None or getattr(tensor, "stands_in", False):  # what `selected` gives for a slice that is elsewhere
        return None
    if all(len(indices) == 0 or indices[-1] - indices[0] == len(indices) - 1 for indices in held):
        return tuple(slice(int(i[0]), int(i[-1]) + 1) if len(i) else slice(0, 0) for i in held)
    return np.ix_(*held)


def held_indices(tensor: DTensor) -> list[np.ndarray] | None:
    """For each axis the indices that this rank's shard holds, in the order it holds them; None outside the mesh.

    The placements are walked in the order of the mesh's dimensions, each cutting what the ones before have left, as FSDP2,
    HSDP and tensor parallelism compose. A strided shard holds a part of each of several chunks, for a later dimension of the
    mesh has cut the axis before it.
    """
    coordinate = tensor.device_mesh.get_coordinate()
    if coordinate is None:
        return None
    held = [np.arange(n) for n in tensor.shape]
    for mesh_dim, placement in enumerate(tensor.placements):
        parts = tensor.device_mesh.size(mesh_dim)
        if isinstance(placement, Partial) and parts > 1:
            raise ValueError(f"a DTensor with placements {tensor.placements} cannot be filled: Partial shards are summed")
        if _axis(placement) is not None:
            held[placement.dim] = held[placement.dim][_cut(placement, len(held[placement.dim]), parts, coordinate[mesh_dim])]
    return held


def is_cut(tensor: DTensor, axis: int) -> bool:
    """Whether no rank needs to hold all of this axis."""
    return any(_axis(placement) == axis % tensor.ndim for placement in tensor.placements)


def selected(tensor: DTensor, axis: int, *indices: int) -> list[DTensor]:
    """`tensor.select(axis, index)` for each index along an axis that is cut, for writing to it, without communication.

    A view on the ranks that hold it. On the others NaNs (0 for integers) stand for it, the same memory for all of the
    indices: what is written to them is lost. (DTensor's own `select` gathers a copy, where it is lost on all ranks.)
    """
    axis %= tensor.ndim
    held, local = held_indices(tensor), tensor._local_tensor
    places = {} if held is None else {int(index): place for place, index in enumerate(held[axis])}
    indices = [index % tensor.shape[axis] for index in indices]
    absent = None
    if any(index not in places for index in indices):
        shape = [n for i, n in enumerate(local.shape) if i != axis]
        absent = local.new_full(shape, torch.nan if local.is_floating_point() else 0)
    return [
        _part(tensor, axis, absent) if index not in places else _part(tensor, axis, local.select(axis, places[index]))
        for index in indices
    ]


def copy_whole_(tensor: DTensor, whole: Tensor) -> DTensor:
    """`tensor.copy_(whole)`, of a tensor that all ranks have: this rank's part to its shard."""
    index = local_index(tensor)
    if index is not None:
        tensor._local_tensor.copy_(whole.expand(tensor.shape)[index])
    return tensor


def _part(tensor: DTensor, axis: int, local: Tensor) -> DTensor:
    """What `local` is the shard of, one slice of the tensor."""
    shape = torch.Size(n for i, n in enumerate(tensor.shape) if i != axis)
    placements = [_without(placement, axis) for placement in tensor.placements]
    stride = torch.empty(shape, device="meta").stride()
    part = DTensor.from_local(local, tensor.device_mesh, placements, run_check=False, shape=shape, stride=stride)
    part.stands_in = not _share_memory(local, tensor._local_tensor)
    return part


def _share_memory(a: Tensor, b: Tensor) -> bool:
    return a.untyped_storage()._cdata == b.untyped_storage()._cdata


def global_offset(view: DTensor, tensor: DTensor) -> int:
    """The row-major number, in the global tensor, of the element that a view of it begins with.

    A view begins at 0 on an axis that is cut, where it is not `selected`. What stands for a view elsewhere has 0.
    """
    local, held = tensor._local_tensor, held_indices(tensor)
    if held is None or local.numel() == 0 or not _share_memory(view._local_tensor, local):
        return 0
    left = view._local_tensor.storage_offset() - local.storage_offset()
    start = [0] * local.ndim
    for axis in sorted(range(local.ndim), key=lambda axis: -local.stride(axis)):
        if local.shape[axis] > 1:
            start[axis], left = divmod(left, local.stride(axis))
        if any(_axis(was) == axis and _axis(now) is None for was, now in zip(tensor.placements, view.placements)):
            start[axis] = int(held[axis][start[axis]])
    return int(np.ravel_multi_index(start, tensor.shape))


def _axis(placement: Placement) -> int | None:
    """The axis that a placement cuts."""
    return placement.dim if isinstance(placement, (Shard, _StridedShard)) else None


def _without(placement: Placement, axis: int) -> Placement:
    """The placement of what is left when this axis is gone."""
    cut = _axis(placement)
    if cut is None or cut == axis:
        return Replicate() if cut == axis else placement
    dim = cut - (cut > axis)
    return _StridedShard(dim, split_factor=placement.split_factor) if isinstance(placement, _StridedShard) else Shard(dim)


def _cut(placement: Placement, length: int, parts: int, part: int) -> slice | np.ndarray:
    """What rank `part` of `parts` keeps of an axis of this length."""
    if not isinstance(placement, _StridedShard):
        return _chunk(length, parts, part)
    chunks = (np.arange(length)[_chunk(length, placement.split_factor, i)] for i in range(placement.split_factor))
    return np.concatenate([chunk[_chunk(len(chunk), parts, part)] for chunk in chunks])


def _chunk(length: int, parts: int, part: int) -> slice:
    """As torch.chunk cuts: the last parts may be shorter, or empty."""
    size = -(-length // parts)
    return slice(min(part * size, length), min((part + 1) * size, length))

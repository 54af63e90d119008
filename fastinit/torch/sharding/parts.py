"""Which part of a whole (global) tensor is here: of a DTensor, of a tensor that stands for a larger one, of a plain one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor
from torch.nn import Parameter

from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import Index

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor
    from typing_extensions import TypeIs

    from fastinit.torch.sharding.part_tensor import PartTensor


TORCHS_OWN = (Tensor, Parameter)
"""Types that are no parts, of which most tensors are: it takes long to ask them for an attribute that they do not have."""


class Part(NamedTuple):
    """The elements `whole[index]` of a tensor of this shape; for None all of them."""

    shape: tuple[int, ...]
    index: Index = None


def is_dtensor(tensor: Tensor) -> TypeIs[DTensor]:
    """Whether it is a DTensor; torch.distributed is not imported to find out."""
    return type(tensor) not in TORCHS_OWN and hasattr(tensor, "_local_tensor") and hasattr(tensor, "placements")


def is_part_tensor(tensor: object) -> TypeIs[PartTensor]:
    """Whether it stands for a larger tensor of which it has a part: see sharding/part_tensor.py."""
    return type(tensor) not in TORCHS_OWN and hasattr(tensor, "part_by_axis")


def local(tensor: Tensor) -> Tensor:
    """The memory that is here: of a DTensor, this rank's shard."""
    return tensor._local_tensor if is_dtensor(tensor) or is_part_tensor(tensor) else tensor


def part_of(tensor: Tensor) -> Part | None:
    """The part that `local(tensor)` is; None where that is none of it, on a rank outside a DTensor's mesh for instance."""
    if is_part_tensor(tensor):
        return tensor.part
    if not is_dtensor(tensor):
        return Part(tuple(tensor.shape))
    with without_forks():
        from fastinit.torch.sharding.dtensors import local_index

    index = local_index(tensor)
    return None if index is None else Part(tuple(tensor.shape), index)

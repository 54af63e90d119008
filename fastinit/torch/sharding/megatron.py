"""Which part of the whole a parameter of Megatron's tensor parallelism is, by the attributes that Megatron sets on it."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import numpy as np
from torch import Tensor, nn

from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import Array
from fastinit.torch.sharding.shard_of import Shard


def is_tensor_parallel(tensor: Tensor | None) -> bool:
    """Whether it is marked as a part of a tensor that Megatron divides among ranks."""
    return bool(getattr(tensor, "tensor_model_parallel", False))


def shard(tensor: Tensor, module: nn.Module) -> Shard | None:
    """The part that this parameter of the module is; None where its attributes and Megatron's state do not say it.

    Megatron cuts the axis `partition_dim` into `partition_stride` chunks for each rank, and deals them out: rank r of n has
    the chunks r, n + r, 2 n + r, ... (megatron.core.tensor_parallel.layers, _initialize_affine_weight_cpu).
    """
    place = _rank_and_size(tensor, module)
    axis, stride = getattr(tensor, "partition_dim", -1), getattr(tensor, "partition_stride", 1)
    if place is None or not 0 <= axis < tensor.ndim or stride < 1 or tensor.shape[axis] % stride:
        return None
    rank, size = place
    shape = tuple(n * size if i == axis else n for i, n in enumerate(tensor.shape))
    by_axis: list[Array] = [np.arange(n) for n in shape]
    by_axis[axis] = by_axis[axis].reshape(stride, size, -1)[:, rank].ravel()
    return Shard.along_axes(shape, tuple(by_axis))


def _rank_and_size(tensor: Tensor, module: nn.Module) -> tuple[int, int] | None:
    """Those of the process in the group that divides the tensor: the module's own group, or Megatron's global one."""
    group: Any = getattr(module, "tp_group", None)
    if group is not None:
        return group.rank(), group.size()
    state = _parallel_state()
    kind = "expert_tensor_parallel" if getattr(tensor, "expert_tp", False) else "tensor_model_parallel"
    try:
        return getattr(state, f"get_{kind}_rank")(), getattr(state, f"get_{kind}_world_size")()
    except (AttributeError, AssertionError, RuntimeError, ValueError):  # no Megatron, or it is not initialized
        return None


def _parallel_state() -> ModuleType | None:
    try:
        with without_forks():
            return importlib.import_module("megatron.core.parallel_state")
    except ImportError:
        return None

"""Gives a tensor on the meta device memory, so that everything that refers to it sees the memory."""

from __future__ import annotations

import weakref

import torch
from torch import Tensor, nn

from fastinit.torch.sharding.parts import is_dtensor
from fastinit.torch.tensors import PLAIN_TYPES

CPU = torch.device("cpu")


def materialized(module: nn.Module, tensor: Tensor, device: torch.device = CPU, memory: Tensor | None = None) -> Tensor:
    """The tensor with memory, whose values are undefined: the same object, unless weak references to it exist.

    `memory`: that memory, which nothing else refers to; else it is new, on this device or that of a DTensor's mesh. Weak
    references, which torch's recurrent modules keep, rule out the same object: a new one then takes its place in `module`.
    """
    is_plain = type(tensor) in PLAIN_TYPES
    if memory is not None:
        made = memory
    elif is_plain and tensor.nbytes == tensor.untyped_storage().nbytes():
        # empty_like imports sympy for it (2 s), and takes 70 us
        made = torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device=device)
    else:
        made = torch.empty_like(tensor, device=tensor.device_mesh.device_type if is_dtensor(tensor) else device)
    if is_plain and type(made) is Tensor and _is_alone(tensor):
        if tensor.requires_grad:
            made.requires_grad_()
        torch._C._swap_tensor_impl(tensor, made)
        return tensor
    if isinstance(tensor, nn.Parameter):
        made = nn.Parameter(made, tensor.requires_grad)
        if type(made) is not type(tensor):
            made.__class__ = type(tensor)
    vars(made).update(vars(tensor))  # marks that others have set, as Hugging Face does
    try:
        torch.utils.swap_tensors(tensor, made)
        return tensor
    except RuntimeError:
        _replace(module, tensor, made)
        return made


def _is_alone(tensor: Tensor) -> bool:
    """Whether nothing but the one object knows it, as `torch.utils.swap_tensors` asks, at more length."""
    return tensor._use_count() == 1 and not weakref.getweakrefcount(tensor)  # type: ignore[attr-defined]


def _replace(module: nn.Module, tensor: Tensor, made: Tensor) -> None:
    for part in module.modules():
        tables: list[dict[str, Tensor | None]] = [part._parameters, part._buffers]  # type: ignore[list-item]  # a parameter only replaces one
        for table in tables:
            table.update({name: made for name, found in table.items() if found is tensor})
        if isinstance(part, nn.RNNBase):  # keeps a list of its own
            part._flat_weights = [getattr(part, name, None) for name in part._flat_weights_names]
            part._init_flat_weights()

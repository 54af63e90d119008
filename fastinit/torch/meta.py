"""Gives a tensor on the meta device memory, so that everything that refers to it sees the memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastinit.torch.parts import is_dtensor


def materialized(module: nn.Module, tensor: Tensor) -> Tensor:
    """The tensor with memory, whose values are undefined: the same object, unless weak references to it exist.

    Weak references, which torch's recurrent modules keep, rule that out: a new object then takes its place in `module`.
    """
    made = torch.empty_like(tensor, device=tensor.device_mesh.device_type if is_dtensor(tensor) else "cpu")
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


def _replace(module: nn.Module, tensor: Tensor, made: Tensor) -> None:
    for part in module.modules():
        tables: list[dict[str, Tensor | None]] = [part._parameters, part._buffers]  # type: ignore[list-item]  # a parameter only replaces one
        for table in tables:
            table.update({name: made for name, found in table.items() if found is tensor})
        if isinstance(part, nn.RNNBase):  # keeps a list of its own
            part._flat_weights = [getattr(part, name, None) for name in part._flat_weights_names]
            part._init_flat_weights()

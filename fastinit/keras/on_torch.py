"""Torch tensors for Keras: the memory that was filled, on a CPU; on the meta device nothing is filled."""

from __future__ import annotations

from typing import cast

import keras
import torch

from fastinit.keras.tensors import Request
from fastinit.torch.tensors import fill_, from_array


def tensor(request: Request, layout: None) -> torch.Tensor:
    device = cast(torch.Tensor, keras.ops.convert_to_tensor(0.0)).device
    dtype = getattr(torch, request.dtype)
    if device.type == "cpu":
        return from_array(request.values(request.next_source().stream()), dtype)
    made = torch.empty(request.shape, dtype=dtype, device=device)
    return made if made.is_meta else fill_(made, request.distribution, request.next_source().stream())

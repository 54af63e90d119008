"""Torch tensors for Keras: the memory that was filled, on a CPU; on the meta device nothing is filled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import torch

from fastinit.core.fill import fill
from fastinit.distributions import Distribution
from fastinit.keras.seeds import Source
from fastinit.keras.tensors import check_no_layout
from fastinit.torch.tensors import DTYPES, fill_, from_array

TORCH_DTYPES = {element.name: dtype for dtype, (element, _) in DTYPES.items()}


def tensor(
    distribution: Distribution, shape: tuple[int, ...], dtype: str, next_source: Callable[[], Source], layout: Any
) -> torch.Tensor:
    check_no_layout(layout)
    device = keras.ops.convert_to_tensor(0.0).device
    torch_dtype = TORCH_DTYPES[dtype]
    if device.type != "cpu":
        made = torch.empty(shape, dtype=torch_dtype, device=device)
        return made if made.is_meta else fill_(made, distribution, next_source().stream())
    values = fill(distribution, shape, seed=next_source().stream(), dtype=dtype)
    return from_array(values, torch_dtype)


def placed(tensor: torch.Tensor, layout: Any) -> torch.Tensor:
    check_no_layout(layout)
    return tensor

"""A bounded sample of a tensor's values: what is measured of it where all of them would take too long."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from fastinit.runtime.types import Float64Array
from fastinit.torch.sharding.parts import local

Values: TypeAlias = Float64Array
BLOCKS, BLOCK = 64, 256
MOST = BLOCKS * BLOCK  # values: 128 KiB of them in float64, and a std to 0.6 %


def sample(tensor: Tensor, first: int = 0, stop: int | None = None) -> Values:
    """Some values of the rows from `first` up to `stop`: all, or 64 blocks of 256, evenly spread; of a DTensor its shard's.

    Tensors of the same shape give values at the same places.

    >>> sample(torch.arange(6.0).reshape(3, 2), 1)
    array([2., 3., 4., 5.])
    """
    tensor = local(tensor).detach()
    if tensor.ndim:
        tensor = tensor[first:stop]
    n = tensor.numel()
    if n <= MOST:
        return _array(tensor.reshape(-1))
    starts = np.linspace(0, n - BLOCK, BLOCKS).astype(np.int64)
    if tensor.is_contiguous():
        flat = tensor.view(-1)
        return np.concatenate([_array(flat[at : at + BLOCK]) for at in starts.tolist()])
    index = torch.from_numpy((starts[:, None] + np.arange(BLOCK)).reshape(-1))
    return _array(tensor[tuple(i.to(tensor.device) for i in torch.unravel_index(index, tensor.shape))])


def _array(tensor: Tensor) -> Values:
    return tensor.to("cpu", torch.float64).numpy()

"""Models of frameworks other than torch, as factories of their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

Values = Iterable[tuple[str, Any, bool]]
"""Of each weight the name, the array and whether it is trained."""


class Weights:
    """`build(ours)` makes a model with the framework's own initializers or, where `ours`, with fastinit's."""

    def __init__(self, build: Callable[[bool], Values]) -> None:
        self._build = build

    def __call__(self) -> dict[str, Tensor]:
        return self._tensors(False)

    def accelerated(self) -> dict[str, Tensor]:
        return self._tensors(True)

    def _tensors(self, ours: bool) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for name, array, trained in self._build(ours):
            if name in found:
                raise ValueError(f"two weights have the name {name}")
            found[name] = tensor_of(array).requires_grad_(trained)
        return found


def tensor_of(array: Any) -> Tensor:
    """A copy as a tensor of torch, bit for bit."""
    values = np.array(array)
    if values.dtype.name == "bfloat16":  # which NumPy has from ml_dtypes, and torch does not take
        return torch.from_numpy(values.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(values)

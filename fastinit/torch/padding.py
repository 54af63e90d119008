"""Finds the padding rows of a module's embeddings, which are 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn


def padded(module: nn.Module, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, int]]:
    """The names of embeddings' weights with the numbers of their padding rows."""
    names = {id(tensor): name for name, tensor in tensors.items()}
    for part in module.modules():
        if isinstance(part, (nn.Embedding, nn.EmbeddingBag)) and part.padding_idx is not None and id(part.weight) in names:
            yield names[id(part.weight)], part.padding_idx

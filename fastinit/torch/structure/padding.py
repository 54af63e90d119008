"""Finds the padding rows of a module's embeddings, which are 0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from torch import nn

from fastinit.torch.structure.module_tensors import ModuleTensors


class PaddingRow(NamedTuple):
    """A row of the tensor of this name. `is_shared`: the name is that which another module has for the tensor."""

    name: str
    row: int
    is_shared: bool = False


def padded(found: ModuleTensors) -> Iterator[PaddingRow]:
    """The padding rows of all embeddings."""
    for begin, part in found.parts:
        own = f"{begin}weight"
        if isinstance(part, (nn.Embedding, nn.EmbeddingBag)) and part.padding_idx is not None and own in found.first:
            name = found.first[own]
            yield PaddingRow(name, part.padding_idx, is_shared=name != own)

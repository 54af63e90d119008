"""Finds the padding rows of a module's embeddings, which are 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from torch import Tensor, nn

from fastinit.torch.names import modules_by_name


class PaddingRow(NamedTuple):
    """A row of the tensor of this name. `is_shared`: the name is that which another module has for the tensor."""

    name: str
    row: int
    is_shared: bool = False


def padded(module: nn.Module, tensors: Mapping[str, Tensor], prefix: str = "") -> Iterator[PaddingRow]:
    """The padding rows of all embeddings; `tensors`: by name, each once."""
    names = {id(tensor): name for name, tensor in tensors.items()}
    for own, part in modules_by_name(module):
        if isinstance(part, (nn.Embedding, nn.EmbeddingBag)) and part.padding_idx is not None and id(part.weight) in names:
            name = names[id(part.weight)]
            yield PaddingRow(name, part.padding_idx, name != prefix + (f"{own}." if own else "") + "weight")

"""Finds tensors on the meta device that are plain attributes of modules, which no module moves or fills."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from fastinit.torch.attributes import attributes
from fastinit.torch.names import modules_by_name


def left_on_meta(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The names of such tensors, those in lists and dictionaries too, with the modules that have them.

    >>> import torch
    >>> layer = nn.Linear(3, 3)
    >>> layer.scales = [torch.ones(3, device="meta")]
    >>> [name for name, _ in left_on_meta(layer)]
    ['scales[0]']
    """
    for name, part in modules_by_name(module):
        known = {id(tensor) for tensor in (*part._parameters.values(), *part._buffers.values())}
        for attribute in attributes(part):
            if attribute.tensor.is_meta and id(attribute.tensor) not in known:
                yield prefix + (f"{name}." if name else "") + attribute.name, part

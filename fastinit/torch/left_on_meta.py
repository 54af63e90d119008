"""Finds tensors on the meta device that are plain attributes of modules, which no module moves or fills."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from fastinit.torch.names import modules_by_name

TABLES = {"_parameters", "_buffers", "_modules"}


def left_on_meta(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The names of such tensors, those in lists and dictionaries too, with the modules that have them.

    >>> layer = nn.Linear(3, 3)
    >>> layer.scales = [torch.ones(3, device="meta")]
    >>> [name for name, _ in left_on_meta(layer)]
    ['scales[0]']
    """
    for name, part in modules_by_name(module):
        known = {id(tensor) for tensor in (*part._parameters.values(), *part._buffers.values())}
        for attribute, value in vars(part).items():
            if attribute in TABLES or not (isinstance(value, Tensor) or (isinstance(value, (list, tuple, dict)) and value)):
                continue
            for place, tensor in _tensors(value):
                if tensor.is_meta and id(tensor) not in known:
                    yield prefix + (f"{name}." if name else "") + f"{attribute}{place}", part


def _tensors(value: object) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield "", value
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{i}]", item) for i, item in enumerate(value) if isinstance(item, Tensor))
    elif isinstance(value, dict):
        yield from ((f"[{key!r}]", item) for key, item in value.items() if isinstance(item, Tensor))

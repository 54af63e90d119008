"""Tensors that are plain attributes of modules, neither parameters nor buffers, or lie in lists and dictionaries there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn

OF_EVERY_MODULE = frozenset(vars(nn.Module()))
"""Parameters, buffers, hooks and whatever else torch's own class has."""


class Attribute(NamedTuple):
    """A tensor, its name in the module ("scales[0]"), and what puts another tensor in its place."""

    name: str
    tensor: Tensor
    put: Callable[[Tensor], None]


def attributes(module: nn.Module) -> Iterator[Attribute]:
    """The tensors among a module's own attributes, and in those of them that are lists, tuples and dictionaries.

    >>> import torch
    >>> layer = nn.Linear(3, 3)
    >>> layer.scales = [torch.ones(3)]
    >>> [attribute.name for attribute in attributes(layer)]
    ['scales[0]']
    """
    own = vars(module)
    for name, value in [item for item in own.items() if item[0] not in OF_EVERY_MODULE]:
        if isinstance(value, Tensor):
            yield Attribute(name, value, partial(own.__setitem__, name))
        elif isinstance(value, (list, tuple, dict)) and value:
            yield from _items(name, value, partial(own.__setitem__, name))


def _items(
    name: str, value: list[object] | tuple[object, ...] | dict[object, object], put: Callable[[object], None]
) -> Iterator[Attribute]:
    items: list[tuple[Any, object]] = [*(value.items() if isinstance(value, dict) else enumerate(value))]
    for key, item in items:
        if isinstance(item, Tensor):
            replace = (
                partial(_replace_in_tuple, value, key, put) if isinstance(value, tuple) else partial(value.__setitem__, key)
            )
            yield Attribute(f"{name}[{key!r}]", item, replace)


def _replace_in_tuple(value: tuple[object, ...], at: int, put: Callable[[object], None], tensor: Tensor) -> None:
    items = [*value]
    items[at] = tensor
    kind: Any = type(value)
    put(kind(*items) if hasattr(value, "_fields") else tuple(items))


def left_on_meta(parts: Iterable[tuple[str, nn.Module]]) -> Iterator[tuple[str, nn.Module]]:
    """The names of attributes on the meta device, which no module moves or fills, with the modules that have them.

    `parts`: modules, each with what the names of its tensors begin with.

    >>> import torch
    >>> layer = nn.Linear(3, 3)
    >>> layer.scales = [torch.ones(3, device="meta")]
    >>> [name for name, _ in left_on_meta([("", layer)])]
    ['scales[0]']
    """
    for begin, part in parts:
        known = {id(tensor) for tensor in (*part._parameters.values(), *part._buffers.values())}
        for attribute in attributes(part):
            if attribute.tensor.is_meta and id(attribute.tensor) not in known:
                yield begin + attribute.name, part

"""Tensors that are plain attributes of modules, neither parameters nor buffers, or lie in lists and dictionaries there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn

OF_EVERY_MODULE = (*vars(nn.Module()),)
"""Parameters, buffers, hooks and whatever else torch's own class has, in the order in which its constructor makes them."""

NUMBERS = (int, float, bool)


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
    names, n = (*own,), len(OF_EVERY_MODULE)
    is_usual = names[:n] == OF_EVERY_MODULE
    for name in names[n:] if is_usual else [name for name in names if name not in OF_EVERY_MODULE]:
        value = own[name]
        if type(value) in NUMBERS:  # most are
            continue
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

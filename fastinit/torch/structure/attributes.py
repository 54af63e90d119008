"""Tensors that are plain attributes of modules, neither parameters nor buffers, or lie in lists and dictionaries there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn

from fastinit.backends import c_calls

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
    for name in _to_search(own, OF_EVERY_MODULE):
        value = own[name]
        if isinstance(value, Tensor):
            yield Attribute(name, value, partial(own.__setitem__, name))
        elif isinstance(value, (list, tuple, dict)) and value:
            yield from _items(name, value, partial(own.__setitem__, name))


def _all_but(attributes: dict[str, Any], others: frozenset[str]) -> list[str]:
    return [name for name in attributes if name not in others]


_to_search: Callable[[dict[str, Any], frozenset[str]], list[str]] = getattr(
    c_calls.native(), "attributes_to_search", _all_but
)
"""The names of attributes, without those of `others`, and without what plainly holds no tensor where C is built."""


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

"""The steps of a construction: operations on storages, in the order in which they ran, without any values.

A tensor is a storage and a geometry: parameters, views, detached aliases and `nn.Parameter(t)` all lead to the same storage.
So a step's operands are `Ref`s, and a view is no step at all: the `Ref` of what is read or written says where it lies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from fastinit.distributions import Distribution
from fastinit.runtime.forks import without_forks
from fastinit.torch.drawing.replacements import METHODS, STOCK, STOCK_INIT, STOCK_TRUNC_NORMAL

T = TypeVar("T")

ORIGINALS: dict[str, Callable[..., Any]] = {**METHODS, **STOCK, "_no_grad_trunc_normal_": STOCK_TRUNC_NORMAL}
"""By name, what fastinit replaces of torch: methods of tensors, and functions of torch.nn.init."""

GIVEN = "given"
"""The operation of a step whose one argument is a tensor that construction made from lists, arrays or a generator."""


class Ref(NamedTuple):
    """A tensor of the construction: the number of its storage, and its geometry there."""

    storage: int
    dtype: torch.dtype
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int

    @property
    def numel(self) -> int:
        return math.prod(self.size)


class Step(NamedTuple):
    """One operation that made or wrote storages; `distribution`, if fastinit's kernels can draw what it writes.

    `operation` is a name ("aten.mul.Tensor"), so that steps can be pickled, compared and read. `default_dtype` is torch's
    when it ran, which `arange` or a quotient of integers has.
    """

    operation: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[Ref, ...]
    written: tuple[Ref, ...]
    draws: bool = False
    distribution: Distribution | None = None
    default_dtype: torch.dtype = torch.float32

    def call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the operation on real tensors in place of its own."""
        operation, default = callable_of(self.operation), torch.get_default_dtype()
        if kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": torch.device("cpu")}
        if default is self.default_dtype:
            return operation(*args, **kwargs)
        torch.set_default_dtype(self.default_dtype)
        try:
            return operation(*args, **kwargs)
        finally:
            torch.set_default_dtype(default)

    def reads(self) -> Iterator[Ref]:
        """The tensors among its arguments, also those that it writes to."""
        return refs((*self.args, *self.kwargs.values()))


def refs(values: Any) -> Iterator[Ref]:
    """The recorded tensors in arguments, which may be lists of tensors."""
    return each(values, Ref)


def each(values: Any, kind: type[T]) -> Iterator[T]:
    """What is of this kind among arguments or results, also in lists."""
    for value in values:
        if isinstance(value, kind):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from each(value, kind)


def with_refs(value: Any, of: Callable[[Any], Any], kind: type) -> Any:
    """The arguments, by place or by name, with each `kind` replaced by `of(it)`."""
    if isinstance(value, kind):
        return of(value)
    if isinstance(value, dict):
        return {key: with_refs(item, of, kind) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and not isinstance(value, (torch.Size, Ref)):
        return type(value)(with_refs(item, of, kind) for item in value)
    return value


@cache
def callable_of(operation: str) -> Callable[..., Any]:
    """The function that has this name: an operation of torch.ops, or one of torch's functions that fastinit replaces."""
    module, of_module, name = operation.partition(":")
    if of_module:
        with without_forks():
            found: Any = getattr(import_module(module), name)
        return getattr(found, "__wrapped__", found)  # type: ignore[no-any-return]  # while it is replaced
    library, _, name = operation.partition(".")
    if library == "init":
        return ORIGINALS.get(name) or STOCK_INIT.get(name) or getattr(torch.nn.init, name)
    found = getattr(torch.ops, library)
    for part in name.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def name_of(function: Callable[..., Any]) -> str:
    """The name by which `callable_of` finds a function that initializes a tensor."""
    for name, found in ORIGINALS.items():
        if found is function:
            return f"init.{name}"
    of_torch = function.__module__ == "torch.nn.init"
    return f"init.{function.__name__}" if of_torch else f"{function.__module__}:{function.__name__}"


def base_name(operation: str) -> str:
    """The name of an operation without library and overload: "mul_" for aten.mul_.Tensor."""
    if ":" in operation:
        return operation.partition(":")[2]
    return operation.split(".")[1] if "." in operation else operation


def real_tensor(storage: torch.UntypedStorage, ref: Ref) -> Tensor:
    """The tensor of this geometry in a storage with memory."""
    return torch.empty(0, dtype=ref.dtype, device=storage.device).set_(storage, ref.offset, ref.size, ref.stride)

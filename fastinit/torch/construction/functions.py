"""Replaces, within a recording, functions of torch that the dispatcher does not see, or sees slowly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn
from torch._C import _DisableTorchDispatch

from fastinit.runtime.scoped_patch import Replacement, ScopedPatch
from fastinit.torch.construction import devices, nn_functions, resets
from fastinit.torch.construction.tape import CPU, FILL, META, NATIVE, current_tape, is_meta, undispatched
from fastinit.torch.tensors import PLAIN_TYPES

FACTORIES = {"zeros": 0.0, "ones": 1.0}
"""Functions that make many parameters, and the value of what they make."""

OF_DATA = ("tensor", "as_tensor", "asarray")
"""Functions that make tensors of lists and arrays."""

STOCK_EMPTY = torch.empty

STOCK_NEW_TENSOR = torch.Tensor.new_tensor

STOCK_ZERO, STOCK_FILL = torch.Tensor.zero_, torch.Tensor.fill_

READERS = ("numpy", "tolist")
"""Methods that give Python a tensor's values, past the dispatcher."""


def _factory(stock: Callable[..., Tensor], value: float | None) -> Callable[..., Tensor]:
    @wraps(stock)
    def make(*args: Any, **kwargs: Any) -> Tensor:
        tape = current_tape()
        if tape is None or "out" in kwargs or "names" in kwargs or not tape.is_innermost():
            return stock(*args, **kwargs)
        on_meta = {**kwargs, "device": META}
        on_meta.pop("pin_memory", None)
        try:
            tensor = undispatched(STOCK_EMPTY, args, on_meta)
        except (TypeError, RuntimeError):
            return stock(*args, **kwargs)  # for its message
        tape.made(tensor)
        if value is not None:
            tape.fill(tensor, value)
        return tensor

    return make


def _empty() -> Callable[..., Tensor]:
    """torch.empty, in C where that is built."""
    make = _factory(STOCK_EMPTY, None)
    if NATIVE is None:
        return make
    NATIVE.bind_empty(STOCK_EMPTY, META, _DisableTorchDispatch, make)
    return NATIVE.recorded_empty  # type: ignore[no-any-return]


EMPTY = _empty()


def _of_data(stock: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that makes a tensor of lists or arrays: a real one, whose values on the meta device would be lost."""

    @wraps(stock)
    def make(*args: Any, **kwargs: Any) -> Tensor:
        tape = current_tape()
        if tape is None or any(isinstance(data, Tensor) and is_meta(data) for data in args[:1]):
            return stock(*args, **kwargs)
        kwargs = {**kwargs, "device": CPU}
        if tape.is_innermost() and args and type(args[0]) in (bool, int, float):  # as the counters of batch norms
            return undispatched(stock, args, kwargs)
        return stock(*args, **kwargs)

    return make


def _new_tensor(self: Tensor, data: Any, *, dtype: torch.dtype | None = None, **kwargs: Any) -> Tensor:
    if current_tape() is None or not is_meta(self):
        return STOCK_NEW_TENSOR(self, data, dtype=dtype, **kwargs)
    return torch.tensor(data, dtype=dtype or self.dtype, device=CPU)


def _indexed(stock: Callable[..., Any]) -> Callable[..., Any]:
    """`tensor[[3, 5]]`: torch makes the list a tensor on the device of the indexed one, where its values would be lost."""

    @wraps(stock)
    def access(self: Tensor, index: Any, *value: Any) -> Any:
        return stock(self, index if current_tape() is None or not is_meta(self) else _without_lists(index), *value)

    return access


def _without_lists(index: Any) -> Any:
    return tuple(map(_of_list, index)) if isinstance(index, tuple) else _of_list(index)


def _of_list(index: Any) -> Any:
    if isinstance(index, (list, tuple, range)) and all(isinstance(item, (int, list, tuple)) for item in index):
        return torch.tensor(index, dtype=None if index else torch.int64, device=CPU)
    return index


def _zero_(self: Tensor) -> Tensor:
    tape = current_tape()
    if tape is None:
        return STOCK_ZERO(self)
    if tape.takes_fill(self):
        return tape.wrote(self, FILL, (0,))
    if type(self) in PLAIN_TYPES and not is_meta(self) and tape.is_innermost():  # as the counters of batch norms
        return undispatched(STOCK_ZERO, (self,), {})
    return STOCK_ZERO(self)


def _fill_(self: Tensor, value: Any) -> Tensor:
    tape = current_tape()
    if tape is None or not isinstance(value, (bool, int, float)) or not tape.takes_fill(self):
        return STOCK_FILL(self, value)
    return tape.wrote(self, FILL, (value,))


def _reader(stock: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(stock)
    def read(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        tape = current_tape()
        return stock(self if tape is None else tape.computed(self), *args, **kwargs)

    return read


def _noting(stock: Callable[..., None]) -> Callable[..., None]:
    @wraps(stock)
    def begin(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        tape = current_tape()
        if tape is not None:
            tape.modules.append(self)
        stock(self, *args, **kwargs)

    return begin


def _replacements() -> Iterator[Replacement]:
    yield from devices.replacements()
    yield torch, "empty", EMPTY
    for name, value in FACTORIES.items():
        yield torch, name, _factory(getattr(torch, name), value)
    for name in OF_DATA:
        yield torch, name, _of_data(getattr(torch, name))
    for name, method in (("new_tensor", _new_tensor), ("zero_", _zero_), ("fill_", _fill_)):
        yield torch.Tensor, name, method
    for name in READERS:
        yield torch.Tensor, name, _reader(getattr(torch.Tensor, name))
    for name in ("__getitem__", "__setitem__"):
        yield torch.Tensor, name, _indexed(getattr(torch.Tensor, name))
    yield from nn_functions.replacements()
    yield from resets.replacements()
    for name in ("__init__", "__setstate__"):  # __setstate__: of modules that are copied or unpickled
        yield nn.Module, name, _noting(getattr(nn.Module, name))


PATCH = ScopedPatch(_replacements)
"""In force while a construction is recorded in any thread; in the others the functions do what they did before."""

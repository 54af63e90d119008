"""Shows recorded tensors to code outside torch as what they are going to be, tensors on the CPU.

Libraries leave the initialization of a weight out where it is on the meta device: its values come with a checkpoint then. So
code outside torch is told that a recorded tensor is on the CPU. torch's own code, which chooses kernels, copies and pickles
by the device, is told the truth, and so is this package: the module of the function that asks says whose code it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]
from torch.utils._device import _device_constructors

from fastinit.runtime.scoped_patch import Replacement
from fastinit.torch.construction.tape import CPU, current_tape, is_meta

STOCK_DEVICE = vars(torch._C.TensorBase)["device"].__get__
STOCK_IS_CPU = vars(torch._C.TensorBase)["is_cpu"].__get__
STOCK_DATA = vars(torch._C.TensorBase)["data"]
STOCK_TO, STOCK_CPU = torch.Tensor.to, torch.Tensor.cpu
INSIDERS = ("torch", "fastinit")
"""The packages whose code is told where tensors are."""


def _seen_on_cpu(tensor: Tensor) -> bool:
    """Whether who asks for a property of a tensor on the meta device is to see one on the CPU."""
    tape = current_tape()
    if tape is None:
        return False
    asking = sys._getframe(2).f_globals.get("__name__", "")
    return asking.partition(".")[0] not in INSIDERS and tape.has_made(tensor)


def _is_meta(self: Tensor) -> bool:
    return is_meta(self) and not _seen_on_cpu(self)


def _is_cpu(self: Tensor) -> bool:
    return STOCK_IS_CPU(self) or (is_meta(self) and _seen_on_cpu(self))


def _device(self: Tensor) -> torch.device:
    return CPU if is_meta(self) and _seen_on_cpu(self) else STOCK_DEVICE(self)


def _to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """`Tensor.to`, by which a tensor on the CPU that goes to the CPU is itself, where it is recorded too."""
    if current_tape() is None or not _is_here(self):
        return STOCK_TO(self, *args, **kwargs)
    if args and isinstance(args[0], Tensor) and _is_here(args[0]):
        args = (args[0].dtype, *args[1:])
    elif args and isinstance(args[0], (str, torch.device)) and _is_here_by_name(args[0]):
        args = (None, *args[1:])
    if isinstance(kwargs.get("device"), (str, torch.device)) and _is_here_by_name(kwargs["device"]):
        kwargs = {**kwargs, "device": None}
    return STOCK_TO(self, *args, **kwargs)


def _cpu(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if current_tape() is None or not is_meta(self):
        return STOCK_CPU(self, *args, **kwargs)
    return STOCK_TO(self, None, *args, **kwargs)


def _get_data(self: Tensor) -> Tensor:
    return STOCK_DATA.__get__(self)  # type: ignore[no-any-return]


def _set_data(self: Tensor, value: Tensor) -> None:
    """`tensor.data = value`, which torch refuses where one is on the meta device and the other is real."""
    tape = current_tape()
    if tape is not None and isinstance(value, Tensor) and is_meta(self) and STOCK_IS_CPU(value):
        value = tape.recorded(value)
    STOCK_DATA.__set__(self, value)


def _is_here(tensor: Tensor) -> bool:
    return is_meta(tensor) or STOCK_IS_CPU(tensor)


def _is_here_by_name(device: str | torch.device) -> bool:
    return torch.device(device).type in ("cpu", "meta")


def replacements() -> Iterator[Replacement]:
    """What to replace in torch."""
    _device_constructors()  # `with torch.device(...)` keeps the functions that it finds first, which are to be torch's own
    for name, shown in (("is_meta", _is_meta), ("is_cpu", _is_cpu), ("device", _device)):
        yield torch.Tensor, name, property(shown)
    yield torch.Tensor, "data", property(_get_data, _set_data)
    methods: dict[str, Callable[..., Tensor]] = {"to": wraps(STOCK_TO)(_to), "cpu": wraps(STOCK_CPU)(_cpu)}
    for name, method in methods.items():
        yield torch.Tensor, name, method
    allowed = [*UninitializedTensorMixin._allowed_methods, *methods.values()]
    yield UninitializedTensorMixin, "_allowed_methods", allowed

"""Notes every operation that writes to a module's tensors, and leaves out those on tensors to be skipped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from fastinit.distributions import Constant
from fastinit.runtime.forks import without_forks
from fastinit.torch.drawing.by_memory import NamesByMemory
from fastinit.torch.drawing.filling import AllowsFills
from fastinit.torch.reports.report import Write
from fastinit.torch.sharding.parts import is_dtensor, is_part_tensor

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor

REPLACING = {"fill_", "zero_", "copy_", "_foreach_copy_", "_foreach_zero_"}
REPLACING |= {"normal_", "uniform_", "bernoulli_", "random_", "exponential_", "log_normal_", "cauchy_", "geometric_"}

TEXTS = {"copy_": "copied from another tensor", "_foreach_copy_": "copied from another tensor"}
"""What a report says of operations whose names do not say it."""

SLICES: dict[OpOverload, Callable[..., Iterable[int]]] = {
    torch.ops.aten.select.int: lambda tensor, axis, index: [index],
    torch.ops.aten.unbind.int: lambda tensor, axis=0: range(tensor.shape[axis]),
}
"""For each operation that gives slices of a tensor along an axis, the function that gives the slices' numbers."""


class Watch(TorchDispatchMode, AllowsFills):
    """Within it, writes to tensors that `names` knows are noted, or left out where the tensor is to be skipped.

    A view of a DTensor stays a view: NotImplementedError where DTensor makes a copy of it, gathered from all ranks. A whole
    tensor may be copied to a DTensor: each rank takes its part.
    """

    def __init__(self, names: NamesByMemory) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no annotations here
        self._names = names

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        written = [*written_by(func, args, kwargs)] if func._schema.is_mutable else []
        if any(map(self._names.is_skipped, written)):
            if len(written) > 1:
                raise NotImplementedError(f"{func} writes to several tensors at once, of which some are to be skipped")
            return written[0]
        for tensor in written:
            self._names.note(tensor, write_of(func, args))
        if args and is_dtensor(args[0]):
            return self._of_dtensor(func, args[0], args, kwargs)
        made = func(*args, **kwargs)
        name = self._names.name(args[0]) if args and is_part_tensor(args[0]) else None
        if name is not None:
            for view in made if isinstance(made, (list, tuple)) else [made]:
                if is_part_tensor(view):
                    self._names.adopted(name, view)
        return made

    def _of_dtensor(self, func: OpOverload, tensor: DTensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with without_forks():
            from fastinit.torch.sharding.dtensors import copy_whole_, is_sharded, selected

        if func is torch.ops.aten.copy_.default and not is_dtensor(args[1]):
            return copy_whole_(tensor, args[1])
        name, (axis, *_) = self._names.name(tensor), (*args[1:], 0)
        if name is not None and func in SLICES and is_sharded(tensor, axis):
            parts = selected(tensor, axis, SLICES[func](tensor, *args[1:]))
            parts = [self._names.adopted(name, part) for part in parts]
            return parts[0] if func is torch.ops.aten.select.int else parts
        made = func(*args, **kwargs)
        aliases = any(result.alias_info for result in func._schema.returns)
        for view in made if isinstance(made, (list, tuple)) else [made]:
            if name is not None and aliases and is_dtensor(view) and self._names.name(view) != name:
                raise NotImplementedError(
                    f"{func} of {name}, a DTensor with placements {tensor.placements}, is a copy gathered from all ranks, "
                    f"and what is written to it would be lost: skip {name}, or initialize it by a Recipe"
                )
        return made


def write_of(func: OpOverload, args: tuple[Any, ...]) -> Write:
    """What an operation of torch writes, as a report says it."""
    numbers = [a for a in args[1:] if isinstance(a, (bool, int, float))]
    name, out = func._opname, any(a.kwarg_only and a.alias_info and a.alias_info.is_write for a in func._schema.arguments)
    value = 0 if name == "zero_" else numbers[0] if name == "fill_" and numbers else math.nan
    if not math.isnan(value):
        return Write.of(Constant(float(value)))
    return Write(TEXTS.get(name) or f"{name}({', '.join(map(str, numbers))})", None, out or name in REPLACING)


def written_by(func: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    """The tensors that an operation writes to, in place or as `out`."""
    for i, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            found = args[i] if i < len(args) else kwargs.get(argument.name)
            yield from (t for t in (found if isinstance(found, (list, tuple)) else [found]) if isinstance(t, Tensor))

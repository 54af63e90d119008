"""Sees what is written to the tensors of a module: by our fills, and by any other operation."""

from __future__ import annotations

import math
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from fastinit.core.stream import Stream, stream_of
from fastinit.distributions import Constant, Distribution
from fastinit.torch import replacements as intercept
from fastinit.torch.report import Write
from fastinit.torch.tensors import is_dtensor, local

MOST_FILLS = 1000  # of one tensor in one run; no module does it more than a few times
SETTING = {"fill_", "zero_", "copy_", "_foreach_copy_", "_foreach_zero_"}
DRAWING = {"normal_", "uniform_", "bernoulli_", "random_", "exponential_", "log_normal_", "cauchy_", "geometric_"}
SOMEWHERE = (-1, -1)  # rows of a part that is not made of whole rows

Note = Callable[[str, Write, int, tuple[int, int] | None], None]
"""Takes what was written to a tensor: see `InitReport.note`."""


class NamesOf:
    """Knows a module's tensors by the memory they lie in, and so also views of them (fastinit.torch.streams.Names)."""

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        is_kept: Callable[[str | None], bool],
        seed: int,
        note: Note,
    ) -> None:
        self._tensors, self._is_kept, self._seed, self._note = tensors, is_kept, seed, note
        self._fills: Counter[Stream] = Counter()
        self._by_storage: dict[int, list[tuple[int, str]]] = {}
        for name, tensor in tensors.items():
            storage, offset = _memory(tensor)
            self._by_storage.setdefault(storage, []).append((offset, name))

    def name(self, tensor: Tensor) -> str | None:
        """The tensor's name, or that of the one it is a view of."""
        storage, offset = _memory(tensor)
        before = [found for found in self._by_storage.get(storage, ()) if found[0] <= offset]
        return max(before)[1] if before else None

    def adopted(self, name: str, part: Tensor) -> Tensor:
        """The part, known by this name for as long as it lives where it has memory of its own (fastinit.torch.sharded)."""
        storage, offset = _memory(part)
        if storage not in self._by_storage:
            self._by_storage[storage] = [(offset, name)]
            weakref.finalize(part._local_tensor, self._by_storage.pop, storage)
        return part

    def is_kept(self, tensor: Tensor) -> bool:
        return self._is_kept(self.name(tensor))

    def stream(self, tensor: Tensor) -> Stream | None:
        name = self.name(tensor)
        if name is None:
            return None
        whole = self._tensors[name]
        if is_dtensor(whole) and not is_dtensor(tensor):
            raise ValueError(f"{name} is a DTensor, and its local shard was to be filled: fill the DTensor, as a whole")
        part = "" if tensor.shape == whole.shape else f"[{_offset(tensor, whole)}:{tuple(tensor.shape)}]"
        stream = stream_of(self._seed, name + part)
        self._fills[stream] += 1
        if self._fills[stream] > MOST_FILLS:
            raise RuntimeError(
                f"{name + part} was filled {MOST_FILLS} times, with the same values each time: a loop that draws until they "
                "fit does not end; let it draw into another tensor"
            )
        return stream

    def note(self, tensor: Tensor, got: Distribution | Write) -> None:
        name = self.name(tensor)
        if name is None:
            return
        write, whole = got if isinstance(got, Write) else Write(str(got), got), self._tensors[name]
        n, part = len(local(whole)) if whole.ndim else 1, None
        if tensor.numel() != whole.numel():
            part = _rows(local(tensor), local(whole))
        if part == SOMEWHERE:
            write, part = replace(write, distribution=None), (0, n)
        self._note(name, write, n, part)


def _rows(view: Tensor, whole: Tensor) -> tuple[int, int]:
    """The rows of the whole tensor that a view of it consists of; none where it is elsewhere, as what stands for a shard."""
    if _memory(view)[0] != _memory(whole)[0]:
        return 0, 0
    length = math.prod(whole.shape[1:])
    if not (length and view.is_contiguous() and whole.is_contiguous()):
        return SOMEWHERE
    first, before = divmod(view.storage_offset() - whole.storage_offset(), length)
    count, more = divmod(view.numel(), length)
    return SOMEWHERE if before or more else (first, first + count)


def _memory(tensor: Tensor) -> tuple[int, int]:
    """The storage and the place in it."""
    here = local(tensor)
    try:
        return here.untyped_storage()._cdata, here.storage_offset()
    except (NotImplementedError, RuntimeError):  # a wrapper without memory
        return 0, 0


def _offset(view: Tensor, whole: Tensor) -> int:
    """The number of the element of `whole` that a view of it begins with."""
    if not is_dtensor(whole):
        return view.storage_offset() - whole.storage_offset()
    from fastinit.torch.sharded import global_offset

    return global_offset(view, whole)


class Watch(TorchDispatchMode, intercept.Watching):
    """Notes each operation that writes to a named tensor, and holds back those on tensors to be kept.

    A view of a DTensor stays a view: NotImplementedError where DTensor makes a copy of it, gathered from all ranks. A whole
    tensor may be copied to a DTensor: each rank takes its part.
    """

    def __init__(self, names: NamesOf) -> None:
        super().__init__()
        self._names = names

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        written = list(_written(func, args, kwargs or {})) if func._schema.is_mutable else []
        if any(self._names.is_kept(tensor) for tensor in written):
            if len(written) > 1:
                raise NotImplementedError(f"{func} writes to several tensors at once, of which some are to be kept")
            return written[0]
        for tensor in written:
            self._names.note(tensor, _write_of(func, args))
        if args and is_dtensor(args[0]):
            return self._of_dtensor(func, args, kwargs or {})
        return func(*args, **(kwargs or {}))

    def _of_dtensor(self, func, args, kwargs):
        from fastinit.torch.sharded import copy_whole_, is_cut, selected

        if func is torch.ops.aten.copy_.default and not is_dtensor(args[1]):
            return copy_whole_(args[0], args[1])
        tensor, axis = args[0], args[1] if len(args) > 1 else 0
        name, slices = self._names.name(tensor), _SLICES.get(func)
        if name is not None and slices and is_cut(tensor, axis):
            parts = selected(tensor, axis, *slices(tensor, *args[1:]))
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


def _write_of(func, args: tuple[Any, ...]) -> Write:
    numbers = [a for a in args[1:] if isinstance(a, (bool, int, float))]
    name, out = func._opname, any(a.kwarg_only and a.alias_info and a.alias_info.is_write for a in func._schema.arguments)
    value = 0 if name == "zero_" else numbers[0] if name == "fill_" and numbers else math.nan
    distribution = Constant(float(value)) if math.isfinite(value) else None
    return Write(f"{name}({', '.join(map(str, numbers))})", distribution, out or name in SETTING | DRAWING)


def _written(func, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    """The tensors that an operation writes to, in place or as `out`."""
    for i, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            found = args[i] if i < len(args) else kwargs.get(argument.name)
            yield from (t for t in (found if isinstance(found, (list, tuple)) else [found]) if isinstance(t, Tensor))


# Operations that give slices of a tensor along an axis -> which ones.
_SLICES = {
    torch.ops.aten.select.int: lambda tensor, axis, index: [index],
    torch.ops.aten.unbind.int: lambda tensor, axis=0: range(tensor.shape[axis]),
}

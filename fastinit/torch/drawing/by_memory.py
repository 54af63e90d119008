"""Finds the name of a tensor by the memory that it lies in, so that views of a module's tensors are known too."""

from __future__ import annotations

import math
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from torch import Tensor

from fastinit.core.stream import Stream, child_stream, stream_of
from fastinit.distributions.boxes import longer_axes
from fastinit.runtime.forks import without_forks
from fastinit.torch.reports.report import Write
from fastinit.torch.sharding.parts import is_dtensor, is_part_tensor, local

if TYPE_CHECKING:
    from fastinit.distributions import Distribution
    from fastinit.initializers import Initializer

MOST_FILLS = 1000  # fills of one tensor in one run; modules need no more than a few
SOMEWHERE = (-1, -1)  # the rows of a part that does not consist of whole rows

P = TypeVar("P", bound=Tensor)

Make: TypeAlias = Callable[[], "Initializer | Distribution"]
Note: TypeAlias = Callable[[str, Write, "tuple[int, int] | None"], None]
"""Takes a tensor's name, what was written to it, and the rows that were, as `InitReport.note` does."""


class NamesByMemory:
    """The names of a module's tensors, for `streams.named`."""

    def __init__(self, tensors: Mapping[str, Tensor], skips: Callable[[str | None], bool], seed: int, note: Note) -> None:
        self._tensors, self._skips, self._seed, self._note = tensors, skips, seed, note
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

    def adopted(self, name: str, part: P) -> P:
        """`part`, which while it exists is known as a part of the tensor of this name, also if its memory is its own."""
        storage, offset = _memory(part)
        if storage not in self._by_storage:
            self._by_storage[storage] = [(offset, name)]
            weakref.finalize(local(part), self._by_storage.pop, storage)
        return part

    def is_skipped(self, tensor: Tensor) -> bool:
        return self._skips(self.name(tensor))

    def stream(self, tensor: Tensor) -> Stream | None:
        name = self.name(tensor)
        if name is None:
            return None
        whole = self._tensors[name]
        if is_dtensor(whole) and not is_dtensor(tensor):
            raise ValueError(f"{name} is a DTensor, and its local shard was to be filled: fill the DTensor, as a whole")
        if is_part_tensor(whole) and not is_part_tensor(tensor):
            raise ValueError(
                f"{name} is a part of a larger tensor, and was to be filled by itself: fill what the module has as {name} "
                "within the block, which stands for the whole"
            )
        part, stream = "", stream_of(self._seed, name)
        if tensor.numel() != whole.numel():  # the key of `Box.key`
            part = f"[{_offset(tensor, whole)}:{longer_axes(tuple(tensor.shape))}]"
            stream = child_stream(stream, part)
        self._fills[stream] += 1
        if self._fills[stream] > MOST_FILLS:
            raise RuntimeError(
                f"{name + part} was filled {MOST_FILLS} times, with the same values each time: a loop that draws until they "
                "fit does not end; let it draw into another tensor"
            )
        return stream

    def note(self, tensor: Tensor, write: Write) -> None:
        name = self.name(tensor)
        if name is None:
            return
        part = self.part(name, tensor)
        if part == SOMEWHERE:
            write, part = replace(write, distribution=None), (0, len(local(self._tensors[name])))
        self._note(name, write, part)

    def part(self, name: str, view: Tensor) -> tuple[int, int] | None:
        """The rows that the view of the tensor of this name consists of: None for all, SOMEWHERE for no whole rows."""
        whole = self._tensors[name]
        return None if view.numel() == whole.numel() else _rows(local(view), local(whole))

    def foresee(self, tensor: Tensor, make: Make, stock: Callable[[], Tensor]) -> Tensor | None:
        """In a rehearsal (unrecorded/rehearsal.py) the tensor, after its fill was noted. Else None: it is to be done."""
        return None


def _rows(view: Tensor, whole: Tensor) -> tuple[int, int]:
    """The rows of the whole tensor that its view consists of; (0, 0) for a placeholder of a part on another rank."""
    if _memory(view)[0] != _memory(whole)[0]:
        return 0, 0
    length = math.prod(whole.shape[1:])
    if not (length and view.is_contiguous() and whole.is_contiguous()):
        return SOMEWHERE
    first, before = divmod(int(view.storage_offset() - whole.storage_offset()), length)
    count, more = divmod(view.numel(), length)
    return SOMEWHERE if before or more else (first, first + count)


def _memory(tensor: Tensor) -> tuple[int, int]:
    """The storage and the offset in it."""
    here = local(tensor)
    try:
        return here.untyped_storage()._cdata, int(here.storage_offset())
    except (NotImplementedError, RuntimeError):  # a wrapper without memory
        return 0, 0


def _offset(view: Tensor, whole: Tensor) -> int:
    """The number of the element of `whole` that its view begins with."""
    if not (is_dtensor(whole) and is_dtensor(view)):
        return int(view.storage_offset() - whole.storage_offset())
    with without_forks():
        from fastinit.torch.sharding.dtensors import global_offset

    return global_offset(view, whole)

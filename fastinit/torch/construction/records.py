"""Ties a recording to the modules that were constructed: each keeps, by the names of its own tensors, where they lie in it.

The record is an attribute of the module and not of the tensor, so that it stays where sharding, `to(dtype)`, copying or
pickling put other tensors in place of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from fastinit.torch.attributes import attributes
from fastinit.torch.construction.recording import Recording
from fastinit.torch.construction.steps import Ref
from fastinit.torch.construction.tape import Tape
from fastinit.torch.names import tensors_by_name
from fastinit.torch.sharding.parts import is_dtensor

ATTRIBUTE = "_fastinit_construction"


class TensorRecord(NamedTuple):
    """One tensor at the end of construction: where it lies, None if it is real; its `id`, shape and version then.

    `watched`: an alias with its version counter, which shows what is written to it even where another tensor, as a shard,
    takes its place later; None in copies, for which `was_written` says whether it had been when they were made.
    """

    recording: Recording
    ref: Ref | None
    identity: int
    shape: tuple[int, ...]
    version: int
    watched: Tensor | None
    was_written: bool = False

    def changed_since(self, tensor: Tensor, shape: tuple[int, ...]) -> str | None:
        """What has happened to the tensor, as a whole of this shape now, in words, if it shows."""
        if shape != self.shape:
            return f"has the shape {shape}, which was {self.shape}"
        return "was written to" if self._is_written() or self._is_other_and_written(tensor) else None

    def _is_written(self) -> bool:
        return self.was_written or (self.watched is not None and self.watched._version > self.version)

    def _is_other_and_written(self, tensor: Tensor) -> bool:
        if self.ref is None or not tensor.is_meta or tensor.is_inference():
            return False
        return tensor._version > (self.version if self._is_watched(tensor) else 0)

    def _is_watched(self, tensor: Tensor) -> bool:
        if self.watched is None or is_dtensor(tensor):
            return False
        if id(tensor) == self.identity:  # also after `to(dtype)`, which gives it another storage
            return True
        return self._is_in_place(tensor)

    def _is_in_place(self, tensor: Tensor) -> bool:
        return bool(tensor.untyped_storage()._cdata == self.watched.untyped_storage()._cdata)  # type: ignore[union-attr]

    def is_of(self, tensor: Tensor) -> bool:
        """Whether the tensor is the very one that was recorded, under whatever name."""
        if id(tensor) != self.identity or self.watched is None or not tensor.is_meta or is_dtensor(tensor):
            return False
        return self._is_in_place(tensor)

    def of_copy(self) -> TensorRecord:
        """The record of a copy that is made now."""
        return self._replace(watched=None, was_written=self._is_written())


class ModuleRecord:
    """The records of a module's own tensors: parameters, buffers, and other tensors that are attributes."""

    def __init__(self, tensors: dict[str, TensorRecord]) -> None:
        self.tensors = tensors

    def __deepcopy__(self, memo: object) -> ModuleRecord:
        return ModuleRecord({name: record.of_copy() for name, record in self.tensors.items()})

    def __getstate__(self) -> dict[str, Any]:
        return {"tensors": {name: record.of_copy() for name, record in self.tensors.items()}}


def attach(tape: Tape) -> None:
    """Give every module that was constructed its record, and the recording the names of each model's tensors."""
    refs: dict[int, Ref] = {}
    for module in tape.modules:
        tensors = {}
        for name, tensor in own_tensors(module):
            if not is_lazy(tensor):
                record = tensors[name] = _record(tape, tensor)
                if record.ref is not None:
                    refs[id(tensor)] = record.ref
        if tensors:
            vars(module)[ATTRIBUTE] = ModuleRecord(tensors)
    children = {id(child) for module in tape.modules for child in module._modules.values()}
    for module in {id(module): module for module in tape.modules if id(module) not in children}.values():
        names = tensors_by_name(module, remove_duplicate=False)
        tape.recording.models.append({name: refs[id(t)] for name, t in names if id(t) in refs})


def _record(tape: Tape, tensor: Tensor) -> TensorRecord:
    ref = tape.ref(tensor) if tensor.is_meta else None
    version, watched = (0, None) if ref is None or tensor.is_inference() else (tensor._version, tensor.detach())
    return TensorRecord(tape.recording, ref, id(tensor), tuple(tensor.shape), version, watched)


def own_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """A module's own parameters, buffers, and other attributes that are tensors or have some in lists or dictionaries."""
    for table in (module._parameters, module._buffers):
        yield from ((name, tensor) for name, tensor in table.items() if tensor is not None)
    yield from ((attribute.name, attribute.tensor) for attribute in attributes(module))


def records_of(module: nn.Module) -> dict[str, TensorRecord]:
    """The records of a module's own tensors, by their names in it; empty where it was not recorded."""
    record = vars(module).get(ATTRIBUTE)
    return record.tensors if isinstance(record, ModuleRecord) else {}


def records_by_tensor(modules: Iterable[nn.Module]) -> dict[int, TensorRecord]:
    """The records of the modules' tensors as they are now, by the `id` of the tensor.

    Of a tensor that was tied to another name after construction, the record is its own and not that of the name.
    """
    found: dict[int, TensorRecord] = {}
    for module in modules:
        records = records_of(module)
        if records:
            for name, tensor in own_tensors(module):
                if name in records and not (id(tensor) in found and found[id(tensor)].is_of(tensor)):
                    found[id(tensor)] = records[name]
    return found

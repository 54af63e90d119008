"""Ties a recording to the modules that were constructed: each keeps, by the names of its own tensors, where they lie in it.

The record is an attribute of the module and not of the tensor, so that it stays where sharding, `to(dtype)`, copying or
pickling put other tensors in place of the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from fastinit.torch.construction.recording import Recording
from fastinit.torch.construction.steps import Ref
from fastinit.torch.construction.tape import NATIVE, Tape
from fastinit.torch.sharding.parts import is_dtensor
from fastinit.torch.structure.attributes import attributes
from fastinit.torch.structure.module_tensors import ModuleTensors
from fastinit.torch.structure.names import parts_by_name
from fastinit.torch.structure.own_methods import is_of_hugging_face

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
            return f"has the shape {tuple(shape)}, which was {self.shape}"
        return "was written to" if self._is_written() or self._is_other_and_written(tensor) else None

    def is_as_it_was(self, tensor: Tensor) -> bool:
        """Whether it shows that nothing has happened to it, as is usual, but perhaps to its shape."""
        if self.watched is None or id(tensor) != self.identity:
            return False
        return self.watched._version == self.version == tensor._version and not self.was_written

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
    """The records of a module's own tensors: parameters, buffers, and other tensors that are attributes.

    `has_family`: whether it was constructed in a Hugging Face model, whose `_init_weights` is in the record then.
    """

    def __init__(self, tensors: dict[str, TensorRecord], has_family: bool = False) -> None:
        self.tensors, self.has_family = tensors, has_family

    def __deepcopy__(self, memo: object) -> ModuleRecord:
        return ModuleRecord(**self.__getstate__())

    def __getstate__(self) -> dict[str, Any]:
        tensors = {name: record.of_copy() for name, record in self.tensors.items()}
        return {"tensors": tensors, "has_family": self.has_family}


def attach(tape: Tape) -> None:
    """Give every module that was constructed its record, and the recording the names of each model's tensors."""
    refs: dict[int, Ref] = {}
    modules = {id(module): module for module in tape.modules}
    for module in modules.values():
        records = _records(tape, module._parameters)
        if module._buffers:
            records |= _records(tape, module._buffers)
        for own in attributes(module):
            records |= _records(tape, {own.name: own.tensor})
        if records:
            vars(module)[ATTRIBUTE] = ModuleRecord(records)
            refs |= {record.identity: record.ref for record in records.values() if record.ref is not None}
    families = {kind for kind in {*map(type, modules.values())} if is_of_hugging_face(kind)}
    for model in (module for module in modules.values() if type(module) in families):
        for of_part in filter(None, map(_record_of, model.modules())):
            of_part.has_family = True
    children = {id(child) for module in modules.values() for child in module._modules.values()}
    for root in (module for number, module in modules.items() if number not in children):
        tape.recording.models.append(_refs_by_name(root, refs))


def _refs_by_name(root: nn.Module, refs: Mapping[int, Ref]) -> dict[str, Ref]:
    """The `Ref`s of a module's parameters and then buffers, which `refs` has by `id`, by all of their names."""
    parts = [(f"{name}." if name else "", part) for _, name, part in parts_by_name(root)]
    tables = [(begin, vars(part)[table]) for table in ("_parameters", "_buffers") for begin, part in parts]
    return {begin + own: refs[id(tensor)] for begin, table in tables for own, tensor in table.items() if id(tensor) in refs}


def _records(tape: Tape, tensors: Mapping[str, Tensor | None]) -> dict[str, TensorRecord]:
    """The records of tensors as they are now, without those that have no shape yet."""
    if NATIVE is None or not isinstance(tensors, dict):
        found: dict[str, TensorRecord | None] = dict.fromkeys(name for name, tensor in tensors.items() if tensor is not None)
    else:
        found = NATIVE.recorded_tensors(TensorRecord, tape, tensors)
    for name in [name for name, record in found.items() if record is None]:
        tensor = tensors[name]
        if tensor is None or is_lazy(tensor):
            del found[name]
        else:
            found[name] = _record(tape, tensor)
    return found  # type: ignore[return-value]  # none is None


def _record(tape: Tape, tensor: Tensor) -> TensorRecord:
    if not tensor.is_meta:
        return TensorRecord(tape.recording, None, id(tensor), tuple(tensor.shape), 0, None)
    ref = tape.ref(tensor)
    if tensor.is_inference():
        return TensorRecord(tape.recording, ref, id(tensor), ref.size, 0, None)
    return TensorRecord(tape.recording, ref, id(tensor), ref.size, tensor._version, tensor.detach())


def records_of(module: nn.Module) -> dict[str, TensorRecord]:
    """The records of a module's own tensors, by their names in it; empty where it was not recorded."""
    record = _record_of(module)
    return record.tensors if record else {}


def has_recorded_family(module: nn.Module) -> bool:
    """Whether it, or a module in it, was constructed in a Hugging Face model, with a record."""
    return any(record.has_family for record in filter(None, map(_record_of, module.modules())))


def _record_of(module: nn.Module) -> ModuleRecord | None:
    record = vars(module).get(ATTRIBUTE)
    return record if isinstance(record, ModuleRecord) else None


def records_by_tensor(found: ModuleTensors) -> dict[int, TensorRecord]:
    """The records of a module's tensors as they are now, by the `id` of the tensor.

    Of a tensor that was tied to another name after construction, the record is its own and not that of the name.
    """
    by_tensor: dict[int, TensorRecord] = {}
    tables: list[tuple[dict[str, TensorRecord], Mapping[str, Tensor | None]]] = [
        (records, table)
        for _, part in found.parts
        if (records := records_of(part))
        for table in (part._parameters, part._buffers)
    ]
    tables += [(records_of(part), {attribute.name: attribute.tensor}) for _, part, attribute in found.attributes]
    for records, table in tables:
        for name, tensor in table.items():
            own = records.get(name)
            if own is not None and tensor is not None:
                known = by_tensor.setdefault(id(tensor), own)
                if known is not own and not known.is_of(tensor):
                    by_tensor[id(tensor)] = own
    return by_tensor

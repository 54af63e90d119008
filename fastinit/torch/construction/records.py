"""Ties a recording to the modules that were constructed: each keeps, by the names of its own tensors, where they lie in it.

The record is an attribute of the module and not of the tensor, so that it stays where sharding, `to(dtype)`, copying or
pickling put other tensors in place of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from torch import Tensor, nn

from fastinit.torch.attributes import attributes
from fastinit.torch.construction.steps import Ref
from fastinit.torch.construction.tape import Recording, Tape

ATTRIBUTE = "_fastinit_construction"


class TensorRecord(NamedTuple):
    """One tensor at the end of construction: where it lies, None if it is real; its `id`, shape and version then."""

    recording: Recording
    ref: Ref | None
    identity: int
    shape: tuple[int, ...]
    version: int

    def changed_since(self, tensor: Tensor, shape: tuple[int, ...]) -> str | None:
        """What has happened to the tensor, as a whole of this shape now, in words, if it shows."""
        if shape != self.shape:
            return f"has the shape {shape}, which was {self.shape}"
        version = self.version if id(tensor) == self.identity else 0
        if self.ref is not None and tensor.is_meta and not tensor.is_inference() and tensor._version > version:
            return "was written to"
        return None


class ModuleRecord:
    """The records of a module's own tensors: parameters, buffers, and other tensors that are attributes."""

    def __init__(self, tensors: dict[str, TensorRecord]) -> None:
        self.tensors = tensors

    def __deepcopy__(self, memo: object) -> ModuleRecord:
        return self  # nothing changes it


def attach(tape: Tape) -> None:
    """Give every module that was constructed its record."""
    for module in tape.modules:
        tensors = {name: _record(tape, tensor) for name, tensor in own_tensors(module)}
        if tensors:
            vars(module)[ATTRIBUTE] = ModuleRecord(tensors)


def _record(tape: Tape, tensor: Tensor) -> TensorRecord:
    ref = tape.ref(tensor) if tensor.is_meta else None
    return TensorRecord(
        tape.recording, ref, id(tensor), tuple(tensor.shape), 0 if tensor.is_inference() else tensor._version
    )


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
    """The records of the modules' tensors as they are now, by the `id` of the tensor."""
    found: dict[int, TensorRecord] = {}
    for module in modules:
        records = records_of(module)
        if records:
            found |= {id(tensor): records[name] for name, tensor in own_tensors(module) if name in records}
    return found

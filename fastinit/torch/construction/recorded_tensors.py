"""The recorded tensors of a module as it is now, checked against what has happened to it since its construction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

import torch
from torch import Tensor

from fastinit.torch.construction.forms import Form, form_of
from fastinit.torch.construction.records import TensorRecord, records_by_tensor, records_of
from fastinit.torch.construction.steps import real_tensor
from fastinit.torch.sharding.parts import is_dtensor
from fastinit.torch.structure.module_tensors import ModuleTensors


class RecordedTensors:
    """Of a module's tensors those with a record: `forms` by name, and the names of those `given` as real tensors.

    `plain`: by name, the attributes still on the meta device that are neither parameters nor buffers, and their forms.
    """

    def __init__(self, found: ModuleTensors) -> None:
        self._tensors = found.tensors
        self._records: dict[str, TensorRecord] = {}
        self.forms: dict[str, Form] = {}
        self.given = set[str]()
        by_tensor = records_by_tensor(found)
        for name, tensor in found.tensors.items():
            record = by_tensor.get(id(tensor))
            if record is not None:
                self._records[name] = record
                if record.ref is None:
                    self.given.add(name)
                else:
                    self.forms[name] = form_of(record.recording, record.ref)
        by_id = {*map(id, found.tensors.values())} if found.attributes else set[int]()
        self.plain = {
            begin + own.name: (own, form_of(record.recording, record.ref))
            for begin, part, own in found.attributes
            if id(own.tensor) not in by_id
            and own.tensor.is_meta
            and (record := records_of(part).get(own.name)) is not None
            and record.ref is not None
        }

    @cached_property
    def _by_storage(self) -> dict[tuple[int, int], list[str]]:
        """The names of the tensors on the meta device by the storage that they lie in."""
        names: dict[tuple[int, int], list[str]] = {}
        if len({(id(form.recording), form.ref.storage) for form in self.forms.values()}) == len(self.forms):
            return names  # the usual case
        for name, form in self.forms.items():
            tensor = self._tensors[name]
            if tensor.is_meta and tensor.dtype is form.ref.dtype and not is_dtensor(tensor):
                names.setdefault((id(form.recording), form.ref.storage), []).append(name)
        return {storage: shared for storage, shared in names.items() if len(shared) > 1}

    def aliases(self) -> dict[str, str]:
        """By the name of a tensor that is a view of another one, the name of that one."""
        found: dict[str, str] = {}
        for shared in self._by_storage.values():
            whole = next((name for name in shared if self._is_whole(self.forms[name])), None)
            if whole is not None:
                found |= {name: whole for name in shared if name != whole}
        return found

    def _is_whole(self, form: Form) -> bool:
        return form.ref.numel * form.ref.dtype.itemsize == form.recording.sizes[form.ref.storage]

    def shared_memory(self, device: torch.device) -> dict[str, Tensor]:
        """By name, memory for tensors on the meta device that share theirs with others of another name, as views of one."""
        found: dict[str, Tensor] = {}
        for shared in self._by_storage.values():
            form = self.forms[shared[0]]
            storage = torch.UntypedStorage(form.recording.sizes[form.ref.storage], device=device)
            found |= {name: real_tensor(storage, self.forms[name].ref) for name in shared}
        return found

    def check(self, seed: int, kept: Collection[str], shapes: Mapping[str, tuple[int, ...]]) -> None:
        """ValueError for tensors that were changed after construction, and for a seed that is not that of construction.

        `shapes`: by name, the whole shapes of those tensors that are parts.
        """
        parts = [name for name, whole in shapes.items() if name not in kept and self._is_constructed_part(name, whole)]
        if parts:
            raise ValueError(
                f"constructed as parts, so that what was drawn may not be what the whole has: {', '.join(parts)}; construct "
                "the whole ones in the deferred() block and put the parts in their place after it, or do without deferred()"
            )
        changed = []
        for name, record in self._records.items():
            tensor = self._tensors[name]
            shape = shapes.get(name, tensor.shape)
            if not (shape == record.shape and record.is_as_it_was(tensor)) and name not in kept:
                change = record.changed_since(tensor, shape)
                changed += [f"{name} {change}"] if change else []
        if changed:
            raise ValueError(
                f"changed after construction: {', '.join(changed)}; move what changes them into the deferred() block, "
                "or leave them out with `skip`"
            )
        recordings = {id(record.recording): record.recording for record in self._records.values()}
        fixed = {recording.seed for recording in recordings.values() if recording.depends_on_seed}
        if fixed - {seed}:
            raise ValueError(
                f"seed must be {fixed.pop()}, that of deferred(), got {seed!r}: construction looked at random values that "
                "it drew by this seed; pass the same seed to deferred()"
            )

    def _is_constructed_part(self, name: str, whole: tuple[int, ...]) -> bool:
        record = self._records.get(name)
        return record is not None and record.shape == tuple(self._tensors[name].shape) != whole

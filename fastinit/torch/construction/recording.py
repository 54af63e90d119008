"""What a construction did, and which of its steps a tensor's values depend on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastinit.core.stream import Stream
from fastinit.torch.construction.steps import GIVEN, Ref, Step, base_name, refs


class Recording:
    """What a construction did: its steps, and the sizes of its storages in bytes. A value: it can be copied and pickled."""

    def __init__(self, seed: int, independent_copies: bool) -> None:
        self.seed, self.independent_copies = seed, independent_copies
        self.steps: list[Step] = []
        self.sizes: list[int] = []
        self.fixed: dict[int, Stream] = {}
        """By the number of the step, the streams of draws that construction looked at."""
        self.drawn_outside = False
        """Whether something was drawn, from the construction's own stream, that is no step."""

        self.models: list[dict[str, Ref]] = []
        """Of each module that was in no other one at the end, its parameters and buffers by all of their names."""

        self.recognition: Any = None
        """What it was recognized as, once that was asked for (recognition.py)."""

    def __deepcopy__(self, memo: object) -> Recording:
        return self  # nothing changes it after construction

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "recognition": None}

    @property
    def depends_on_seed(self) -> bool:
        """Whether construction looked at random values, which it drew by its own seed."""
        return self.drawn_outside or bool(self.fixed)


def steps_to(recording: Recording, targets: list[Ref]) -> list[int]:
    """The numbers of the steps that the values of these tensors depend on, in order."""
    needed, found = {ref.storage for ref in targets}, []
    for number in range(len(recording.steps) - 1, -1, -1):
        step = recording.steps[number]
        touched = [ref for ref in (*step.written, *step.outputs) if ref.storage in needed]
        if not touched:
            continue
        found.append(number)
        reads = {ref.storage for ref in step.reads()}
        for ref in touched:
            if overwrites(recording, step, ref):
                needed.discard(ref.storage)
        needed |= reads - {ref.storage for ref in step.written if overwrites(recording, step, ref)}
    return found[::-1]


OVERWRITING = {"fill_", "zero_", "copy_", "normal_", "uniform_", GIVEN}
"""Operations that write all of their first argument, as functions that initialize do."""


def overwrites(recording: Recording, step: Step, ref: Ref) -> bool:
    """Whether the step gives the whole storage new values that do not depend on those before."""
    whole = ref.numel * ref.dtype.itemsize == recording.sizes[ref.storage]
    if not whole or len(step.outputs) > 1:
        return False
    if step.written:
        initializes = step.operation.startswith("init.") or ":" in step.operation
        writes_all = initializes or base_name(step.operation) in OVERWRITING
        return writes_all and all(r.storage != ref.storage for r in _sources(step))
    return all(r.storage != ref.storage for r in step.reads())


def _sources(step: Step) -> Iterator[Ref]:
    """What the step reads, its first argument, which it overwrites, left out."""
    return refs((*step.args[1:], *step.kwargs.values()))

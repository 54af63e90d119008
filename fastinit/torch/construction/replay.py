"""Runs steps of a construction again, on real tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from fastinit.core.stream import Stream
from fastinit.torch.construction.steps import GIVEN, Ref, Step, each, real_tensor, with_refs
from fastinit.torch.tensors import fill_, is_fillable

if TYPE_CHECKING:
    from fastinit.torch.construction.recording import Recording


class DrawsOf(Protocol):
    """Runs a step that draws, with its real arguments; `run()` is torch's own way."""

    def __call__(self, number: int, step: Step, args: tuple[Any, ...], run: Callable[[], Any]) -> Any: ...


class ByStream:
    """Draws by fastinit, each step from the stream that `stream_of_step(number)` gives.

    What no kernel draws (`randperm`, ...) is drawn by torch, whose generator is seeded by that stream.
    """

    def __init__(self, stream_of_step: Callable[[int], Stream]) -> None:
        self._stream_of_step = stream_of_step

    def __call__(self, number: int, step: Step, args: tuple[Any, ...], run: Callable[[], Any]) -> Any:
        stream = self._stream_of_step(number)
        if step.distribution is not None:
            ref = step.outputs[0]
            tensor = args[0] if step.written else torch.empty_strided(ref.size, ref.stride, dtype=ref.dtype)
            if is_fillable(tensor):
                return fill_(tensor, step.distribution, stream)
        torch.default_generator.manual_seed(stream.k0)
        return run()


def by_torch(number: int, step: Step, args: tuple[Any, ...], run: Callable[[], Any]) -> Any:
    """Draws by torch's own functions, from its default generator."""
    return run()


class Values:
    """The storages with memory of a replay, by their numbers."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.storages: dict[int, torch.UntypedStorage] = {}

    def tensor(self, ref: Ref) -> Tensor:
        """The tensor; one that no step has written is NaN, or 0 where it holds no floats."""
        storage = self.storages.get(ref.storage)
        if storage is None:
            storage = torch.UntypedStorage(self._recording.sizes[ref.storage])
            self.storages[ref.storage] = storage
            _write_off(storage, ref.dtype)
        return real_tensor(storage, ref)

    def keep(self, made: Any, outputs: tuple[Ref, ...]) -> None:
        """Take what an operation returned for the storages that it is the first to write."""
        for tensor, ref in zip(each([made], Tensor), outputs, strict=True):
            if ref.storage not in self.storages and tensor.shape == ref.size:  # batch norm's statistics are empty on the CPU
                storage = tensor.untyped_storage()
                fits = tensor.stride() == ref.stride and tensor.storage_offset() == ref.offset
                if not fits or storage.nbytes() < self._recording.sizes[ref.storage]:
                    self.storages[ref.storage] = torch.UntypedStorage(self._recording.sizes[ref.storage])
                    self.tensor(ref).copy_(tensor)
                else:
                    self.storages[ref.storage] = storage


def replay(recording: Recording, numbers: Iterable[int], draw: DrawsOf) -> Values:
    """Run the steps with these numbers, in this order; `draw` runs those that draw."""
    values = Values(recording)
    for number in numbers:
        step = recording.steps[number]
        if step.operation == GIVEN:
            values.tensor(step.outputs[0]).copy_(step.args[0])
            continue
        args = with_refs(step.args, values.tensor, Ref)
        kwargs = with_refs(step.kwargs, values.tensor, Ref)
        run = partial(step.call, args, kwargs)
        made = draw(number, step, args, run) if step.draws else run()
        values.keep(made, step.outputs)
    return values


def _write_off(storage: torch.UntypedStorage, dtype: torch.dtype) -> None:
    if dtype.is_floating_point or dtype.is_complex:
        whole = torch.empty(0, dtype=dtype).set_(storage, 0, (storage.nbytes() // dtype.itemsize,))  # type: ignore[call-overload]
        whole.fill_(float("nan"))
    else:
        torch.empty(0, dtype=torch.uint8).set_(storage, 0, (storage.nbytes(),)).fill_(0)  # type: ignore[call-overload]

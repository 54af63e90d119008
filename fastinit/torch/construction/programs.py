"""What construction computes, as an initializer: the steps of one tensor, run again wherever its values are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from fastinit.core.draws import Draws as StreamDraws
from fastinit.core.stream import child_stream
from fastinit.distributions.base import Draws
from fastinit.initializers import WholeTensorInitializer
from fastinit.initializers.layouts import Layout
from fastinit.runtime.types import Array
from fastinit.torch.construction.forms import Form
from fastinit.torch.construction.recording import Recording
from fastinit.torch.construction.replay import ByStream, replay
from fastinit.torch.construction.steps import Ref, Step, base_name, with_refs


class Program:
    """The steps that compute one tensor. Two are equal where these are, whatever else their constructions did."""

    def __init__(self, form: Form) -> None:
        old = form.recording
        numbers: dict[int, int] = {}

        def renumbered(ref: Ref) -> Ref:
            return ref._replace(storage=numbers.setdefault(ref.storage, len(numbers)))

        self.recording = Recording(old.seed, old.independent_copies)
        self.recording.steps = [_mapped(old.steps[number], renumbered) for number in form.steps]
        self.ref = renumbered(form.ref)
        self.recording.sizes = [old.sizes[storage] for storage in numbers]
        places = {number: place for place, number in enumerate(form.steps)}
        self.recording.fixed = {places[number]: old.fixed[number] for number in form.steps if number in old.fixed}
        self.draws = [places[source.step] for source in form.sources]
        self._key = (tuple(map(_comparable, self.recording.steps)), self.ref, tuple(self.recording.fixed.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        return f"computed by {', '.join(operations(self.recording.steps)) or 'nothing'}"


@dataclass(frozen=True, repr=False, eq=False)
class Computed(WholeTensorInitializer):
    """The values that a program computes, for tensors of its shape only. Needs torch."""

    program: Program

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        if shape != self.program.ref.size:
            raise ValueError(f"{self!r} is for shape {self.program.ref.size} only, got shape {shape}")

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> Array:
        program, own = self.program, cast(StreamDraws, draws).stream
        keys = {step: f"draw {number}" for number, step in enumerate(program.draws)} if len(program.draws) > 1 else {}
        streams = {step: child_stream(own, keys[step]) if keys else own for step in program.draws}
        streams |= program.recording.fixed
        with torch.no_grad(), torch.random.fork_rng(devices=()):
            made = replay(program.recording, range(len(program.recording.steps)), ByStream(streams.__getitem__))
            tensor = made.tensor(program.ref)
            return tensor.to(torch.float64 if draws.real is np.float64 else torch.float32).contiguous().numpy()

    def __repr__(self) -> str:
        return f"Computed({str(self.program).removeprefix('computed ')})"

    def get_config(self) -> dict[str, Any]:
        raise TypeError(f"{self!r} has no config: it is what the code of a model does")


MOST_SHOWN = 6
"""Operations in the text of what is computed."""


def operations(steps: list[Step]) -> list[str]:
    """The names of the operations, each once; of many the first ones."""
    names = (base_name(step.operation) for step in steps)
    found = list(dict.fromkeys(names))
    return found if len(found) <= MOST_SHOWN else [*found[: MOST_SHOWN - 1], "..."]


def _mapped(step: Step, of: Any) -> Step:
    return step._replace(
        args=with_refs(step.args, of, Ref),
        kwargs=with_refs(step.kwargs, of, Ref),
        outputs=tuple(map(of, step.outputs)),
        written=tuple(map(of, step.written)),
    )


def _comparable(value: Any) -> Any:
    """The same value in a form that can be compared and hashed."""
    if isinstance(value, Tensor):
        flat = value.detach().contiguous().view(-1).view(torch.uint8) if value.numel() else value.view(-1)
        return value.dtype, tuple(value.shape), bytes(flat.numpy()) if value.numel() else b""
    if isinstance(value, dict):
        return tuple((key, _comparable(item)) for key, item in sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return type(value).__name__, tuple(map(_comparable, value))
    return value

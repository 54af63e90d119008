"""What a recorded tensor is filled with: one distribution, which may differ by slabs, or the steps that compute it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch

from fastinit.distributions import Constant, Distribution, Slab, Slabs
from fastinit.distributions.boxes import Grid
from fastinit.torch.construction.recognition import Draw, Recognition, Seen, Value
from fastinit.torch.construction.steps import Ref
from fastinit.torch.construction.tape import Recording, steps_to


class Source(NamedTuple):
    """Which values a draw is: those of a step, as seen through views. Two tensors with the same source are equal."""

    step: int
    seen_as: tuple[Ref, ...]


@dataclass(frozen=True)
class Form:
    """What a tensor of a recording is filled with.

    - `distribution`: what it is drawn from, or None where `steps` have to be run;
    - `sources`: the draws in it, each once, in the order in which they were made;
    - `keys`: for each source, the key of its slab; None for a draw of the whole tensor;
    - `steps`: the numbers of the steps that compute it.
    """

    recording: Recording
    ref: Ref
    distribution: Distribution | None
    sources: tuple[Source, ...]
    keys: tuple[str | None, ...]
    steps: tuple[int, ...] = ()

    @property
    def is_computed(self) -> bool:
        """Whether its steps have to be run."""
        return self.distribution is None

    @property
    def is_empty(self) -> bool:
        """Whether construction never wrote to it."""
        return self.distribution is None and not self.steps


def form_of(recording: Recording, ref: Ref) -> Form:
    """The form of a tensor at the end of the recording."""
    if recording.recognition is None:
        recording.recognition = Recognition(recording)
    seen = recording.recognition.seen(ref)
    form = None if seen is None else _recognized(recording, ref, seen)
    return computed_form(recording, ref) if form is None else form


def computed_form(recording: Recording, ref: Ref) -> Form:
    """The form of a tensor whose steps are run; its draws have keys of their own where they are several."""
    steps = tuple(steps_to(recording, [ref]))
    sources = tuple(
        Source(number, ()) for number in steps if recording.steps[number].draws and number not in recording.fixed
    )
    keys = tuple(f"draw {number}" if len(sources) > 1 else None for number in range(len(sources)))
    return Form(recording, ref, None, sources, keys, steps)


def _recognized(recording: Recording, ref: Ref, seen: tuple[Seen, ...]) -> Form | None:
    """The form of a tensor that holds this; None where no distribution says it."""
    visible = Grid(ref.size, [part.box for part in seen]).visible() if len(seen) > 1 else {0}
    slabs = [_slab(part, ref) for number, part in enumerate(seen) if number in visible]
    known = tuple(slab for slab in slabs if slab is not None)
    contents = [part.content for number, part in enumerate(seen) if number in visible]
    drawn = [(c, slab.key) for c, slab in zip(contents, known) if isinstance(c, Draw)]
    sources, keys = tuple(Source(c.step, c.seen_as) for c, _ in drawn), tuple(key for _, key in drawn)
    if len(known) < len(slabs) or len(set(sources)) < len(sources):  # the second: parts that are copies of each other
        return None
    distribution = known[0].distribution if len(known) == 1 else Slabs(ref.size, known)
    return Form(recording, ref, distribution, sources, keys)


def _slab(part: Seen, ref: Ref) -> Slab | None:
    distribution = _distribution(part.content, ref.dtype)
    if distribution is None:
        return None
    key = None if part.box.shape == ref.size else part.box.key(ref.size)
    return Slab(part.box.start, part.box.shape, distribution, key)


def _distribution(content: Draw | Value, dtype: torch.dtype) -> Distribution | None:
    if isinstance(content, Draw):
        return content.distribution
    value = content.value
    if not content.is_written or isinstance(value, complex) or value != value:
        return None
    return Constant(float(value)) if dtype.is_floating_point or abs(value) < EXACT else None


EXACT = 2**53
"""Integers below it are floats without rounding."""

"""What a recorded tensor is filled with: one distribution, which may differ by slabs, or the steps that compute it."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import torch

from fastinit.distributions import Constant, Distribution, Slab, Slabs
from fastinit.distributions.boxes import Box, Grid
from fastinit.torch.construction.geometry import are_apart
from fastinit.torch.construction.recognition import Draw, Recognition, Seen, Value
from fastinit.torch.construction.recording import Recording, steps_to
from fastinit.torch.construction.steps import Ref


class Source(NamedTuple):
    """Which values a draw is: those of a step, as seen through views. Two tensors with the same source are equal."""

    step: int
    seen_as: tuple[Ref | str, ...]

    def overlaps(self, other: Source, recording: Recording) -> bool:
        """Whether some drawn value may be in both, at whatever place or with another sign."""
        if self.step != other.step:
            return False
        drawn = recording.steps[self.step].outputs[0]
        for one, two in zip(self.seen_as, other.seen_as, strict=False):
            if one != two:
                return isinstance(one, str) or isinstance(two, str) or not are_apart(one, two, drawn)
        return True


class Form(NamedTuple):
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
    content = recording.recognition.content(ref)
    distribution = None if content is None else _distribution(content, ref.dtype)
    if isinstance(content, Draw):
        return Form(recording, ref, distribution, (Source(content.step, content.seen_as),), (None,))
    if distribution is not None:
        return Form(recording, ref, distribution, (), ())
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
    parts = seen
    if len(seen) > 1:
        visible = Grid(ref.size, [part.box for part in seen]).visible()
        parts = tuple(part for number, part in enumerate(seen) if number in visible)
    if len(parts) == 1:
        distribution, sources = _distribution(parts[0].content, ref.dtype), _sources(parts)
        return None if distribution is None else Form(recording, ref, distribution, sources, (None,) * len(sources))
    distributions, sources = [_distribution(part.content, ref.dtype) for part in parts], _sources(parts)
    several = len({source.step for source in sources}) < len(sources)
    if None in distributions or (several and any(a.overlaps(b, recording) for a, b in combinations(sources, 2))):
        return None
    slabs = tuple(_slab(part.box, of, ref) for part, of in zip(parts, distributions, strict=True) if of is not None)
    keys = tuple(slab.key for slab, part in zip(slabs, parts, strict=True) if isinstance(part.content, Draw))
    return Form(recording, ref, Slabs(ref.size, slabs), sources, keys)


def _sources(parts: tuple[Seen, ...]) -> tuple[Source, ...]:
    return tuple(Source(part.content.step, part.content.seen_as) for part in parts if isinstance(part.content, Draw))


def _slab(box: Box, distribution: Distribution, ref: Ref) -> Slab:
    return Slab(box.start, box.shape, distribution, None if box.shape == ref.size else box.key(ref.size))


def _distribution(content: Draw | Value, dtype: torch.dtype) -> Distribution | None:
    if isinstance(content, Draw):
        return content.distribution
    value = content.value
    if not content.is_written or isinstance(value, complex) or value != value:
        return None
    return _constant(value, math.copysign(1, value)) if dtype.is_floating_point or abs(value) < EXACT else None


@lru_cache(maxsize=1024)
def _constant(value: float, sign: float) -> Constant:
    """The same object each time, since most tensors are of few values; the sign tells -0.0."""
    return Constant(float(value))


EXACT = 2**53
"""Integers below it are floats without rounding."""

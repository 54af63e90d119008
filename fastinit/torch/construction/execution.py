"""Fills tensors as their construction was recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from fastinit.core.batch import fill_batch
from fastinit.core.dtypes import element_type
from fastinit.core.stream import stream_of
from fastinit.distributions import Constant, Distribution
from fastinit.runtime import huge_pages
from fastinit.runtime.types import Array
from fastinit.torch.construction.programs import operations
from fastinit.torch.construction.recorded_tensors import RecordedTensors
from fastinit.torch.construction.replay import ByStream, Values, by_torch, replay
from fastinit.torch.construction.steps import real_tensor
from fastinit.torch.construction.streams import Named
from fastinit.torch.drawing.tensor_methods import plain_address
from fastinit.torch.reports.report import Write
from fastinit.torch.sharding.parts import local, part_of
from fastinit.torch.structure.module_tensors import ModuleTensors
from fastinit.torch.tensors import DTYPES, as_array, fill_, is_fillable, is_plain

if TYPE_CHECKING:
    from typing_extensions import TypeIs

NoteAll = Callable[[Mapping[str, Write]], None]
"""Takes, by the names of tensors, what was written to all of each."""


class Target(NamedTuple):
    """A tensor with memory, and what it is to be filled with."""

    tensor: Tensor
    named: Named


class _Batch(NamedTuple):
    """Tensors of one dtype that are filled together, by name. `addresses`: of those that are one block of memory."""

    tensors: dict[str, Tensor]
    distributions: dict[str, Distribution]
    shapes: dict[str, tuple[int, ...]]
    addresses: dict[str, int]

    def add(self, name: str, tensor: Tensor, distribution: Distribution, shape: tuple[int, ...]) -> None:
        self.tensors[name], self.distributions[name], self.shapes[name] = tensor, distribution, shape


def fill_recorded(
    targets: Mapping[str, Target],
    seed: int,
    note_all: NoteAll,
    silent: Mapping[str, Target] | None = None,
    fresh: Collection[str] = (),
) -> None:
    """Fill each tensor by its name: small ones together, what is computed by running the steps again.

    `silent`: more tensors to fill, which are not noted. `fresh`: the names of those to whose memory nothing was written yet.
    """
    with torch.no_grad(), _disable_current_modes(), torch.random.fork_rng(devices=()):
        batches: dict[tuple[torch.dtype, bool], _Batch] = defaultdict(lambda: _Batch({}, {}, {}, {}))
        computed: dict[str, Target] = {}
        for name, target in {**targets, **silent}.items() if silent else targets.items():
            tensor, (form, like, _) = target
            distribution, dtype = form.distribution, tensor.dtype
            if distribution is None:
                computed[name] = target
                continue
            address = plain_address(tensor) if dtype in DTYPES else None
            if like != name or (address is None and not (tensor.is_cpu and is_plain(tensor))):
                _fill(name, target, seed, name in fresh)
            elif address is not None and _is_quick_constant(distribution, tensor):
                tensor.fill_(distribution.value)
            else:
                batch = batches[dtype, name in fresh]
                batch.add(name, tensor, distribution, form.ref.size)
                if address is not None:
                    batch.addresses[name] = address
        for (dtype, is_fresh), batch in batches.items():
            _fill_together(dtype, batch, seed, is_fresh)
        for group in _groups(computed):
            _compute(group, seed)
        note_all(_writes(targets))


def _is_quick_constant(distribution: Distribution, tensor: Tensor) -> TypeIs[Constant]:
    """Whether torch writes the value fastest, and as every dtype has it: 0 or 1 in a small tensor."""
    is_exact = type(distribution) is Constant and distribution.value in (0.0, 1.0) and tensor.itemsize > 1
    return is_exact and tensor.nbytes < huge_pages.LEAST_BYTES


def set_plain(records: RecordedTensors, tensors: Mapping[str, Tensor], named: Mapping[str, Named]) -> dict[str, Target]:
    """Give memory to attributes on the meta device that are neither parameters nor buffers; those that are to be filled.

    `tensors`: the module's, with memory: an attribute that is a view of one still is.
    """
    targets = {}
    wholes = {(id(form.recording), form.ref.storage): tensors[name] for name, form in records.forms.items()}
    for name, (attribute, form) in records.plain.items():
        whole = wholes.get((id(form.recording), form.ref.storage))
        if whole is not None and is_plain(whole) and whole.dtype is form.ref.dtype:
            attribute.put(real_tensor(whole.untyped_storage(), form.ref))
        else:
            tensor = torch.empty_strided(form.ref.size, form.ref.stride, dtype=form.ref.dtype)
            attribute.put(tensor)
            targets[name] = Target(tensor, named[name])
    return targets


def _fill_together(dtype: torch.dtype, batch: _Batch, seed: int, is_fresh: bool) -> None:
    element, arrays = element_type(DTYPES[dtype][0]), _Arrays(batch.tensors)
    fill_batch(batch.distributions, batch.shapes, seed, element, arrays, addresses=batch.addresses, is_fresh=is_fresh)
    torch.autograd.graph.increment_version([*batch.tensors.values()])


class _Arrays(Mapping[str, Array]):
    """The memory of tensors as arrays, by name."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = tensors

    def __getitem__(self, name: str) -> Array:
        array = as_array(self._tensors[name])
        huge_pages.advise(array)  # torch does not, and the tensors are often filled here for the first time
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


def _fill(name: str, target: Target, seed: int, is_fresh: bool) -> None:
    tensor, distribution = target.tensor, _distribution(target)
    if is_fillable(tensor):
        fill_(tensor, distribution, stream_of(seed, target.named.like), is_fresh=is_fresh)
    elif tensor.is_floating_point() or tensor.is_complex():
        raise ValueError(
            f"{name}, a {type(tensor).__name__} of {tensor.dtype} on {tensor.device}, cannot be filled in place"
        )
    else:
        tensor.fill_(distribution.integer_value())


def _distribution(target: Target) -> Distribution:
    distribution = target.named.form.distribution
    assert distribution is not None  # else it is computed
    return distribution


def _compute(group: Mapping[str, Target], seed: int) -> None:
    """Run the steps that these tensors depend on, once, and copy what they give."""
    named = [target.named for target in group.values()]
    recording, numbers = named[0].form.recording, sorted({n for one in named for n in one.form.steps})
    streams = {n: one.stream_of_step(seed, n) for one in named for n in one.form.steps if recording.steps[n].draws}
    values = replay(recording, numbers, ByStream(streams.__getitem__))
    for target in group.values():
        _copy(target, values)


def _copy(target: Target, values: Values) -> None:
    source, part = values.tensor(target.named.form.ref), part_of(target.tensor)
    if part is not None:
        local(target.tensor).copy_(source if part.index is None else source[part.index])


class _Group(NamedTuple):
    """Computed tensors that share steps, and these: each a recording's id and the number of the step."""

    targets: dict[str, Target]
    steps: list[tuple[int, int]]


def _groups(computed: Mapping[str, Target]) -> Iterable[Mapping[str, Target]]:
    """The tensors in groups, those together that share steps."""
    group_of: dict[tuple[int, int], _Group] = {}
    groups: dict[int, _Group] = {}
    for name, target in computed.items():
        form = target.named.form
        steps = [(id(form.recording), number) for number in form.steps]
        met = {id(group_of[step]): group_of[step] for step in steps if step in group_of}.values()
        group = max(met, key=lambda found: len(found.steps), default=_Group({}, []))
        groups[id(group)] = group
        for smaller in met:
            if smaller is not group:
                del groups[id(smaller)]
                group.targets.update(smaller.targets)
                group.steps.extend(smaller.steps)
                group_of.update(dict.fromkeys(smaller.steps, group))
        group.targets[name] = target
        group.steps.extend(step for step in steps if step not in group_of)
        group_of.update(dict.fromkeys(steps, group))
    return [group.targets for group in groups.values()]


def _writes(targets: Mapping[str, Target]) -> dict[str, Write]:
    """What the report says of each tensor."""
    writes: dict[str, Write] = {}
    of_distribution: dict[int, Write] = {}
    for name, (_, named) in targets.items():
        distribution = named.form.distribution
        if distribution is not None and named.like == name:  # the usual case: many have the same one
            write = of_distribution.get(id(distribution))
            if write is None:
                write = of_distribution[id(distribution)] = Write.of(distribution)
            writes[name] = write
        elif not named.form.is_empty:
            writes[name] = _write_of(name, named, targets.get(named.like))
    return writes


def _write_of(name: str, named: Named, like: Target | None) -> Write:
    """What the report says. `like`: the tensor whose draws it has; where that is computed from them, it is no copy of it."""
    form = named.form
    if form.distribution is None:
        steps = [form.recording.steps[number] for number in form.steps]
        return Write(f"computed by {', '.join(operations(steps))}", is_computed=True)
    if named.like != name and not (like and like.named.form.is_computed):
        return Write.copy(named.like, form.distribution)
    return Write.of(form.distribution)


def replayed_by_torch(module: nn.Module) -> dict[str, Tensor]:
    """The values that construction would have given a deferred module with torch's own generator, in its state of now.

    Every step is run in its order, and draws as torch does: after `torch.manual_seed` they are the bits of the same
    construction without `deferred()`. Memory is that of all that construction made.

    >>> import torch, fastinit.torch
    >>> with fastinit.torch.deferred():
    ...     model = torch.nn.Linear(3, 2)
    >>> _ = torch.manual_seed(0)
    >>> weight = fastinit.torch.construction.replayed_by_torch(model)["weight"]
    >>> _ = torch.manual_seed(0)
    >>> torch.equal(weight, torch.nn.Linear(3, 2).weight)
    True
    """
    found = ModuleTensors(module)
    records = RecordedTensors(found)
    replays: dict[int, Values] = {}
    with torch.no_grad(), _disable_current_modes():
        for form in records.forms.values():
            recording = form.recording
            if id(recording) not in replays:
                replays[id(recording)] = replay(recording, range(len(recording.steps)), by_torch)
        values = {name: replays[id(form.recording)].tensor(form.ref) for name, form in records.forms.items()}
    return {**values, **{name: found.tensors[name] for name in records.given}}

"""Doubts about an initialization by the modules' own methods: what construction did to a tensor is not what they do."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fastinit.torch.sharding.parts import is_dtensor, local
from fastinit.torch.structure.module_tensors import ModuleTensors
from fastinit.torch.structure.names import joined
from fastinit.torch.structure.own_methods import is_hugging_face
from fastinit.torch.tensors import DTYPES
from fastinit.torch.unrecorded.construction_code import writes_of, writes_unseen
from fastinit.torch.unrecorded.fitting import Critical, described, misfit, unlike_each_other
from fastinit.torch.unrecorded.rehearsal import Rehearsal
from fastinit.torch.unrecorded.samples import sample

WAYS_OUT = (
    "build the model within fastinit.torch.deferred(), which records what construction does; or run the model's own method "
    "within fastinit.torch.by_name; or pass a Recipe. strict=False makes this a warning"
)
WHERE_VALUES_ARE = (
    "; overwrite=True says that the values which are there do not count: a trained model's, or none, as after to_empty"
)
SHOWN = 12  # lines of a message; `doubts` has the rest


class UncertainInitialization(ValueError):
    """`init_` would not do what construction does. `doubts` has the tensors and reasons, the message a line for each kind.

    >>> import torch, fastinit.torch
    >>> layer = torch.nn.Linear(9, 9)
    >>> _ = torch.nn.init.zeros_(layer.weight)
    >>> try:
    ...     fastinit.torch.init_(layer)
    ... except fastinit.torch.UncertainInitialization as error:
    ...     print(error.doubts[0])
    weight of Linear: all are 0, which does not fit Uniform(low=-0.333..., high=0.333...)
    """

    def __init__(self, doubts: Iterable[Doubt]) -> None:
        self.doubts = tuple(doubts)
        super().__init__(message(self.doubts))


@dataclass(frozen=True)
class Doubt:
    """A tensor, the class of the module that has it, and why it is uncertain what it is to be filled with.

    `by_value`: whether it comes from the values that are there.
    """

    name: str
    owner: str
    reason: str
    by_value: bool = False

    def __str__(self) -> str:
        return f"{self.name} of {self.owner}: {self.reason}"


def message(doubts: Collection[Doubt], hint: str = "") -> str:
    """All of the doubts, those that differ in numbers alone on one line; the ways out, and a hint."""
    groups: dict[tuple[str, str], list[Doubt]] = {}
    for doubt in doubts:
        groups.setdefault((re.sub(r"\d+", "#", doubt.name), doubt.owner), []).append(doubt)
    lines = [_line(group) for group in groups.values()]
    if len(lines) > SHOWN:
        rest = sum(len(group) for group in [*groups.values()][SHOWN:])
        lines[SHOWN:] = [f"and {rest} other tensors: see the error's `doubts`"]
    values = f"; {hint}" if hint else WHERE_VALUES_ARE if any(doubt.by_value for doubt in doubts) else ""
    n = f"{len(doubts)} tensors" if len(doubts) > 1 else "1 tensor"
    head = f"init_ would not initialize {n} as construction does, which the modules' reset_parameters do not tell"
    return "\n  ".join([f"{head}:", *lines]) + f"\n{WAYS_OUT}{values}"


def _line(group: list[Doubt]) -> str:
    more = f" (and {len(group) - 1} alike: {', '.join(doubt.name for doubt in group[1:])})" if len(group) > 1 else ""
    return f"{group[0]}{more}"


def doubts_by_value(tensors: Mapping[str, Tensor], owners: Mapping[str, nn.Module], rehearsal: Rehearsal) -> list[Doubt]:
    """The parameters with values that cannot come from what is about to be drawn.

    `tensors`: those with memory, by name. Only parameters: what a pass changes in buffers is not what they begin with.
    """
    found = {name: t for name, t in tensors.items() if isinstance(t, nn.Parameter) and local(t).numel()}
    critical, doubts = Critical(len(found)), list[Doubt]()
    for name, tensor in found.items():
        reason = _misfit(name, tensor, rehearsal, critical)
        if reason is not None:
            doubts.append(Doubt(name, class_name(owners[name]), reason, by_value=True))
    return doubts


def _misfit(name: str, tensor: Tensor, rehearsal: Rehearsal, critical: Critical) -> str | None:
    here = local(tensor)
    if tensor.dtype not in DTYPES or here.layout is not torch.strided:
        return None
    dtype: np.dtype[np.generic] = DTYPES[tensor.dtype][0]
    if name in rehearsal.copied:
        reason = unlike_each_other(sample(tensor), rehearsal.copied[name], critical)
        return (
            f"{reason}; of what {_writer(rehearsal, name)} copies to it {described(rehearsal.copied[name])}"
            if reason
            else None
        )
    for rows in rehearsal.report.rows.get(name, []):
        if rows.distribution is not None:
            reason = misfit(sample(tensor, rows.first, rows.stop), rows.distribution, dtype, critical)
            if reason is not None:
                return f"{reason}, which does not fit {rows.distribution}"
    return None


def _writer(rehearsal: Rehearsal, name: str) -> str:
    return f"{class_name(rehearsal.writers[name])}'s own method"


def doubts_by_absence(tensors: Mapping[str, Tensor], owners: Mapping[str, nn.Module], rehearsal: Rehearsal) -> list[Doubt]:
    """The tensors on the meta device that would get no values."""
    lost = [name for name, t in tensors.items() if t.is_meta and name not in rehearsal.report.filled and t.numel()]
    return [Doubt(name, class_name(owners[name]), "nothing writes to it, and it has no values") for name in lost]


def doubts_by_construction(
    found: ModuleTensors, tensors: Mapping[str, Tensor], rehearsal: Rehearsal, *, is_counted: bool = True
) -> list[Doubt]:
    """The tensors without values that construction wrote to in other ways than the methods that would run.

    `tensors`: by name, those without values. Torch counts the writes to a tensor, on the meta device as well: they are
    those that the methods do, or others were there before or after. What it does not count (by way of `.data`, in a module
    that was copied or sharded since; everything, unless `is_counted`) is sought in the code of the classes that are neither
    torch's nor transformers'.
    """
    module, prefix, owners = found.module, found.prefix, found.owners(tensors.keys())
    tied = {*found.tied, *found.tied.values()}
    doubts = {doubt.name: doubt for doubt in doubts_by_absence(tensors, owners, rehearsal)}
    uncounted = set[str]() if is_counted else {name for name in tensors if name in rehearsal.report.filled}
    for name, tensor in tensors.items():
        made, own = written(tensor), rehearsal.writes[name]
        if not is_counted or name in doubts or is_of_hugging_face(name[len(prefix) :], module):
            continue
        if made > own:
            reason = f"construction wrote {made} times to it, of which its modules' own methods account for {own}"
            doubts[name] = Doubt(name, class_name(owners[name]), reason)
        elif made < own and name not in tied and isinstance(tensor, nn.Parameter):  # conversions replace buffers
            uncounted.add(name)
    for name in uncounted if is_counted else ():
        siblings = [other for other in tensors if owners[other] is owners[name] and other not in uncounted]
        if any(rehearsal.writes[other] for other in siblings):
            doubts[name] = Doubt(name, class_name(owners[name]), "it was given, or replaced, after its module was made")
    for name in uncounted:  # from_pretrained leaves no other trace
        if (
            isinstance(owners[name], (nn.Embedding, nn.EmbeddingBag))
            and not is_of_hugging_face(name[len(prefix) :], module)  # whose `_init_weights` fills it: Whisper's positions
            and not tensors[name].requires_grad
            and not written(tensors[name])
        ):
            doubts.setdefault(name, Doubt(name, class_name(owners[name]), "it was given, and does not require gradients"))
    for part_name, part, methods in _own_ways(module, tensors, uncounted, prefix):
        inside = [name for name in tensors if name.startswith(part_name)] if part_name else [*tensors]
        reason = f"{class_name(part)} has a way of its own to initialize: {', '.join(methods)}"
        for name in inside:
            doubts.setdefault(name, Doubt(name, class_name(owners[name]), reason))
    return [doubts[name] for name in tensors if name in doubts]


def _own_ways(
    module: nn.Module, tensors: Mapping[str, Tensor], uncounted: Collection[str], begin: str
) -> Iterator[tuple[str, nn.Module, list[str]]]:
    for name, part, parent in _outside_hugging_face(module):
        prefix = begin + (f"{name}." if name else "")
        inside = [other for other in tensors if other.startswith(prefix)]
        if not inside:
            continue
        blind = any(other in uncounted for other in inside)
        kind: type = type(part)
        model: type | None = parent
        methods = writes_of(kind, model) if blind or parent is not None else writes_unseen(kind)
        if methods:
            yield prefix, part, methods


def _outside_hugging_face(
    module: nn.Module, name: str = "", model: type[nn.Module] | None = None
) -> Iterator[tuple[str, nn.Module, type[nn.Module] | None]]:
    """The modules with their names and the class of the Hugging Face model around them, whose method covers its own."""
    if is_hugging_face(module):
        model = type(module)
    else:
        yield name, module, model
    for child_name, child in module.named_children():
        yield from _outside_hugging_face(child, joined(module, name, child_name), model)


def is_of_hugging_face(name: str, module: nn.Module) -> bool:
    """Whether the tensor of this name is within a model of transformers."""
    for part in name.split("."):
        if is_hugging_face(module):
            return True
        child = module._modules.get(part)
        if child is None:
            return False
        module = child
    return False


def written(tensor: Tensor) -> int:
    """How many operations have written to the tensor."""
    return 0 if tensor.is_inference() or is_dtensor(tensor) else tensor._version


def class_name(module: nn.Module) -> str:
    return type(module).__name__

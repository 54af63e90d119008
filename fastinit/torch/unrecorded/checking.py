"""Checks, before anything is written, that the modules' own methods do what construction did."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import NamedTuple

from torch import Tensor, nn

from fastinit.torch.attributes import left_on_meta
from fastinit.torch.names import modules_by_name
from fastinit.torch.unrecorded.doubts import (
    WAYS_OUT,
    Doubt,
    UncertainInitialization,
    class_name,
    doubts_by_absence,
    doubts_by_construction,
    doubts_by_value,
    message,
    written,
)
from fastinit.torch.unrecorded.rehearsal import Rehearsal, rehearse


class Options(NamedTuple):
    """Of a call of `init_`."""

    seed: int = 0
    prefix: str = ""
    strict: bool = True
    overwrite: bool = False


def check(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    tied: Mapping[str, str],
    kept: Collection[str],
    options: Options,
    attributes: Collection[str] = (),
) -> Rehearsal:
    """UncertainInitialization where the methods would not do what construction did; a UserWarning where that is unknown.

    `tensors`: by name, each once; `tied`: by other names, the first; `kept`: names of those that stay as they are.
    Tensors with memory are told by their values, unless these do not count (`overwrite`), those without by the record that
    torch keeps of writes. Parameters of which none was ever written to have no values either (`to_empty`): for those, what
    does not fit is a warning. `attributes`: names of plain attributes that are taken care of.
    """
    rehearsal = rehearse(module, tensors, tied, kept, options.seed, options.prefix)
    todo = {name: tensor for name, tensor in tensors.items() if name not in kept}
    owners = owners_of(module, tensors)
    empty = {name: tensor for name, tensor in todo.items() if tensor.is_meta}
    real = {name: tensor for name, tensor in todo.items() if name not in empty}
    doubts = doubts_by_construction(module, empty, owners, rehearsal, options.prefix)
    by_value = doubts_by_value(real, owners, rehearsal)
    unwritten = _is_unwritten(real)
    if options.overwrite or unwritten:
        doubts += doubts_by_construction(module, real, owners, rehearsal, options.prefix, is_counted=False)
        if options.overwrite:
            by_value = []
    if by_value and unwritten:
        _warn(message(by_value, "if these values are none, as after to_empty: leave to_empty out, init_ needs none"))
    else:
        doubts += by_value
    doubts += [
        Doubt(name, class_name(part), "it is a plain attribute on the meta device, which nothing moves or fills")
        for name, part in left_on_meta(module, options.prefix)
        if name not in attributes
    ]
    _complain(doubts, options.strict)
    for text in _unknown(rehearsal, real):
        _warn(text)
    return rehearsal


def check_computed(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    tied: Mapping[str, str],
    computed: Collection[str],
    options: Options,
) -> None:
    """UncertainInitialization where the modules' own methods give no values to all these buffers on the meta device."""
    rehearsal = rehearse(module, tensors, tied, tensors.keys() - {*computed}, options.seed, options.prefix)
    without = {name: tensors[name] for name in computed}
    _complain(doubts_by_absence(without, owners_of(module, tensors), rehearsal), options.strict)


def _complain(doubts: list[Doubt], strict: bool) -> None:
    if doubts and strict:
        raise UncertainInitialization(doubts)
    if doubts:
        _warn(message(doubts), frames=2)


def _is_unwritten(tensors: Mapping[str, Tensor]) -> bool:
    """Whether no operation has written to any of the parameters since they got their memory."""
    return not any(written(tensor) for tensor in tensors.values() if isinstance(tensor, nn.Parameter))


def owners_of(module: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, nn.Module]:
    """By the name of a tensor, the first module that has it."""
    owners: dict[int, nn.Module] = {}
    for _, part in modules_by_name(module):
        for tensor in (*part._parameters.values(), *part._buffers.values()):
            if tensor is not None:
                owners.setdefault(id(tensor), part)
    return {name: owners[id(tensor)] for name, tensor in tensors.items()}


def _unknown(rehearsal: Rehearsal, real: Mapping[str, Tensor]) -> list[str]:
    """What can't be known before the methods run: a sentence for each class."""
    by_class: dict[str, list[str]] = {}
    for name, tensor in real.items():
        rows = rehearsal.report.rows.get(name, [])
        if isinstance(tensor, nn.Parameter) and name not in rehearsal.copied and any(r.distribution is None for r in rows):
            by_class.setdefault(class_name(rehearsal.writers[name]), []).append(name)
    for name, (part, error) in rehearsal.failed.items():
        by_class.setdefault(class_name(part), []).append(f"{name or 'the module'} ({type(error).__name__})")
    return [
        f"{kind}'s own method computes what it writes, which can't be compared with what construction did: "
        f"{', '.join(names)}; {WAYS_OUT.split(';')[0]}"
        for kind, names in by_class.items()
    ]


def _warn(text: str, frames: int = 1) -> None:
    """A UserWarning at the call of `init_`; `frames`: between this function and `Initialization.run`."""
    warnings.warn(text, stacklevel=frames + 5)

"""Checks, before anything is written, that the modules' own methods do what construction did."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping

from torch import Tensor, nn

from fastinit.torch.structure.module_tensors import ModuleTensors
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


def check(
    found: ModuleTensors,
    kept: Collection[str],
    seed: int,
    attributes: Collection[str] = (),
    strict: bool = True,
    overwrite: bool = False,
) -> Rehearsal:
    """UncertainInitialization where the methods would not do what construction did; a UserWarning where that is unknown.

    `kept`: the names of tensors that stay as they are; `attributes`: those of plain attributes that are taken care of.
    Tensors with memory are told by their values, unless these do not count (`overwrite`), those without by the record that
    torch keeps of writes. Parameters of which none was ever written to have no values either (`to_empty`): for those, what
    does not fit is a warning. `strict`: False makes the error a warning.
    """
    rehearsal = rehearse(found, kept, seed)
    todo = {name: tensor for name, tensor in found.tensors.items() if name not in kept}
    empty = {name: tensor for name, tensor in todo.items() if tensor.is_meta}
    real = {name: tensor for name, tensor in todo.items() if name not in empty}
    doubts = doubts_by_construction(found, empty, rehearsal)
    by_value = doubts_by_value(real, found.owners(real.keys()), rehearsal)
    unwritten = _is_unwritten(real)
    if overwrite or unwritten:
        doubts += doubts_by_construction(found, real, rehearsal, is_counted=False)
        if overwrite:
            by_value = []
    if by_value and unwritten:
        _warn(message(by_value, "if these values are none, as after to_empty: leave to_empty out, init_ needs none"))
    else:
        doubts += by_value
    doubts += [
        Doubt(name, class_name(part), "it is a plain attribute on the meta device, which nothing moves or fills")
        for name, part in found.left_on_meta()
        if name not in attributes
    ]
    _complain(doubts, strict)
    for text in _unknown(rehearsal, real):
        _warn(text)
    return rehearsal


def check_computed(found: ModuleTensors, computed: Collection[str], seed: int, *, strict: bool = True) -> None:
    """UncertainInitialization where the modules' own methods give no values to all these buffers on the meta device."""
    rehearsal = rehearse(found, found.tensors.keys() - {*computed}, seed)
    without = {name: found.tensors[name] for name in computed}
    _complain(doubts_by_absence(without, found.owners(computed), rehearsal), strict)


def _complain(doubts: list[Doubt], strict: bool) -> None:
    if doubts and strict:
        raise UncertainInitialization(doubts)
    if doubts:
        _warn(message(doubts), frames=2)


def _is_unwritten(tensors: Mapping[str, Tensor]) -> bool:
    """Whether no operation has written to any of the parameters since they got their memory."""
    return not any(written(tensor) for tensor in tensors.values() if isinstance(tensor, nn.Parameter))


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

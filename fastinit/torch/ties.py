"""Ties the parameters of Hugging Face's models again that became two when they were given memory one by one."""

from __future__ import annotations

import warnings
from collections.abc import Collection

from torch import nn

from fastinit.torch.sharding.parts import is_dtensor
from fastinit.torch.structure.module_tensors import ModuleTensors
from fastinit.torch.structure.own_methods import is_hugging_face


def tie_again(found: ModuleTensors, loaded: Collection[str] = ()) -> None:
    """Make parameters one that the model's configuration ties, but for `loaded` ones. A UserWarning names sharded ones.

    `to_empty` gives each name a tensor of its own. Sharded parameters belong to their modules' groups, and stay two.
    """
    were_tied = False
    for begin, part in found.parts:
        ties = getattr(part, "all_tied_weights_keys", None) if is_hugging_face(part) else None
        if not isinstance(ties, dict):  # before version 5 of transformers
            continue
        sharded = []
        for alias, first in ties.items():
            tied = None if begin + alias in loaded else _tie(part, alias, first)
            were_tied |= tied is True
            if tied is False:
                sharded.append(begin + alias)
        if sharded:
            warnings.warn(
                f"{', '.join(sharded)}, which the model ties to {', '.join(dict.fromkeys(ties.values()))}, is a sharded "
                "tensor of its own: without a record (deferred()) it gets values of its own; tie before sharding, and leave "
                "to_empty out, which unties",
                stacklevel=4,
            )
    if were_tied:
        found.read()


def _tie(model: nn.Module, alias: str, first: str) -> bool | None:
    """True where the parameters of these names were made one, False where they can't be; None: there is nothing to do."""
    (alias_module, alias), (first_module, first) = _place(model, alias), _place(model, first)
    if alias_module is None or first_module is None:
        return None
    one, other = first_module._parameters.get(first), alias_module._parameters.get(alias)
    if one is None or other is None or one is other:
        return None
    if is_dtensor(one) or is_dtensor(other):
        return False
    if one.shape != other.shape:
        return None
    alias_module._parameters[alias] = one
    return True


def _place(model: nn.Module, name: str) -> tuple[nn.Module | None, str]:
    """The module that has the parameter of this name, and its name there."""
    parent, _, own = name.rpartition(".")
    try:
        return model.get_submodule(parent), own
    except AttributeError:
        return None, own

"""A module's parts and tensors by their names, found in one walk."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from torch import Tensor, nn

from fastinit.torch.names import checked_prefix, matching, parts_by_name


class ModuleTensors:
    """The tensors of a module as they are now, and where they are.

    - `tensors`: parameters and then buffers by name, each once, in torch's order;
    - `parts`: all modules, each once, with what the names of their own tensors begin with, as "layers.7.";
    - `first`: by every name of a tensor, the one that it has in `tensors`;
    - `tied`: those of `first` that are not the same.

    `prefix` begins all names. TypeError or ValueError for one that is not names with a dot after each.

    >>> import torch
    >>> layer = torch.nn.Linear(3, 2)
    >>> found = ModuleTensors(torch.nn.Sequential(layer, layer), prefix="head.")
    >>> [*found.tensors], found.tied
    (['head.0.weight', 'head.0.bias'], {'head.1.weight': 'head.0.weight', 'head.1.bias': 'head.0.bias'})
    """

    def __init__(self, module: nn.Module, prefix: str = "") -> None:
        self.module, self.prefix = module, checked_prefix(prefix)
        self._every_part = [(f"{prefix}{name}." if name else prefix, part) for name, part in parts_by_name(module)]
        self.parts = [*{id(part): (begin, part) for begin, part in self._every_part[::-1]}.values()][::-1]
        self.tensors: dict[str, Tensor] = {}
        self.first: dict[str, str] = {}
        self.read()

    def read(self) -> None:
        """Take the tensors that the module has now, as after a conversion."""
        names: dict[int, str] = {}
        self.tensors.clear()
        for table in ("_parameters", "_buffers"):
            for begin, part in self._every_part:
                for own, tensor in getattr(part, table).items():
                    if tensor is not None:
                        self.first[begin + own] = names.setdefault(id(tensor), begin + own)
                        self.tensors.setdefault(names[id(tensor)], tensor)
        self.tied = {name: first for name, first in self.first.items() if first != name}

    def matching(self, globs: Iterable[str], option: str) -> set[str]:
        """The first names of the tensors one of whose names matches. ValueError for a glob that matches none."""
        return {self.first[name] for name in matching(self.first, globs, option)}

    @property
    def non_persistent(self) -> set[str]:
        """The names of buffers that no checkpoint has."""
        return {begin + own for begin, part in self.parts for own in part._non_persistent_buffers_set}

    def shared_with_others(self, name: str) -> set[str]:
        """Of the tensors in the module of this name, those that have their first name outside of it."""
        own = f"{name}." if name else ""
        return {first for alias, first in self.tied.items() if alias.startswith(own) and not first.startswith(own)}

    def owners(self, names: Collection[str]) -> dict[str, nn.Module]:
        """By the name of a tensor, the first module that has it."""
        owners: dict[int, nn.Module] = {}
        for _, part in self.parts:
            for tensor in (*part._parameters.values(), *part._buffers.values()):
                if tensor is not None:
                    owners.setdefault(id(tensor), part)
        return {name: owners[id(self.tensors[name])] for name in names}

"""A module's parts and tensors by their names, found in one walk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from torch import Tensor, nn

from fastinit.torch.structure.attributes import Attribute, attributes
from fastinit.torch.structure.names import checked_prefix, matching, parts_by_name


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
        self._every_part, parts = list[tuple[str, str, nn.Module]](), dict[int, tuple[str, nn.Module]]()
        for torchs, name, part in parts_by_name(module):
            begin = f"{prefix}{name}." if name else prefix
            self._every_part.append((begin if torchs == name else f"{prefix}{torchs}.", begin, part))
            parts.setdefault(id(part), (begin, part))
        self.parts = [*parts.values()]
        self.tensors: dict[str, Tensor] = {}
        self.first: dict[str, str] = {}
        self.read()

    def read(self) -> None:
        """Take the tensors that the module has now, as after a conversion."""
        names: dict[int, str] = {}
        self.tensors.clear()
        self.tied: dict[str, str] = {}
        for is_buffer in (False, True):
            for _, begin, part in self._every_part:
                for own, tensor in (part._buffers if is_buffer else part._parameters).items():
                    if tensor is not None:
                        name = begin + own
                        self.first[name] = first = names.setdefault(id(tensor), name)
                        if first == name:
                            self.tensors.setdefault(name, tensor)
                        else:
                            self.tied[name] = first

    @cached_property
    def attributes(self) -> list[tuple[str, nn.Module, Attribute]]:
        """The tensors that are plain attributes of modules: what their names begin with, the module, the attribute."""
        return [(begin, part, attribute) for begin, part in self.parts for attribute in attributes(part)]

    def left_on_meta(self) -> Iterator[tuple[str, nn.Module]]:
        """The names of attributes on the meta device, which no module moves or fills, with the modules that have them.

        >>> import torch
        >>> layer = nn.Linear(3, 3)
        >>> layer.scales = [torch.ones(3, device="meta")]
        >>> [name for name, _ in ModuleTensors(layer).left_on_meta()]
        ['scales[0]']
        """
        for begin, part, attribute in self.attributes:
            own = (*part._parameters.values(), *part._buffers.values())
            if attribute.tensor.is_meta and not any(attribute.tensor is tensor for tensor in own):
                yield begin + attribute.name, part

    def names_by_key(self) -> dict[str, str]:
        """The name of each tensor by what a checkpoint may call it: that name, or torch's, with the prefix."""
        return {
            of + own: begin + own
            for torchs, begin, part in self._every_part
            for own, tensor in (*part._parameters.items(), *part._buffers.items())
            if tensor is not None
            for of in (torchs, begin)
        }

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

"""Lets a module's own methods, or the caller's code, draw into the module's tensors by their names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from fastinit.core.stream import stream_of
from fastinit.runtime.scoped_patch import Replacement, ScopedPatch
from fastinit.torch.drawing import streams
from fastinit.torch.drawing.by_memory import NamesByMemory, Note
from fastinit.torch.drawing.replacements import PATCH
from fastinit.torch.drawing.watch import Watch
from fastinit.torch.sharding.parts import is_part_tensor
from fastinit.torch.structure.module_tensors import ModuleTensors
from fastinit.torch.structure.own_methods import reset


@contextmanager
def drawn_by_name(found: ModuleTensors, seed: int, skips: Callable[[str | None], bool], note: Note) -> Iterator[None]:
    """Within the block what torch's functions draw into the module's tensors is drawn by their names, and noted.

    `skips`: whether the tensor of this name is to stay as it is.
    """
    names = NamesByMemory(found.tensors, skips, seed, note)
    wholes = _standing_for_wholes(found.module, found.tensors.values())
    with wholes, PATCH, streams.named(names), Watch(names), _looking_contiguous(found.module):
        yield


def run_methods(found: ModuleTensors, seed: int, kept: Collection[str], note: Note) -> None:
    """Have the modules initialize themselves by their own methods, children first. `kept`: tensors that stay as they are."""
    _MethodsRun(found, seed, kept).run(note)


class _MethodsRun:
    """Runs the methods one by one.

    Tensors that a module shares with one before it were filled there, and are skipped. Torch's generator, for what a method
    draws into other tensors, to copy it or to compute with it, is seeded by the module's name.
    """

    def __init__(self, found: ModuleTensors, seed: int, kept: Collection[str]) -> None:
        self._found, self._seed, self._kept = found, seed, kept
        self._filled_before: set[str] = set()
        self._devices = sorted({tensor.device.index for tensor in found.tensors.values() if tensor.device.type == "cuda"})
        # that of the CPU alone is faster than that of all devices
        self._seed_torch = torch.manual_seed if self._devices else torch.default_generator.manual_seed

    def run(self, note: Note) -> None:
        tensors = [tensor for name, tensor in self._found.tensors.items() if name not in self._kept]
        by_name = drawn_by_name(self._found, self._seed, self._skips, note)
        with by_name, torch.random.fork_rng(devices=self._devices):
            reset(self._found.module, tensors, self._run_one, self._found.prefix[:-1])

    def _run_one(self, name: str, part: nn.Module, method: Callable[[], object]) -> None:
        self._filled_before = self._found.shared_with_others(name)
        self._seed_torch(stream_of(self._seed, name).k0)
        method()

    def _skips(self, name: str | None) -> bool:
        return name in self._kept or name in self._filled_before


def _standing_for_wholes(module: nn.Module, tensors: Iterable[Tensor]) -> ScopedPatch:
    """Within the block the module has, for each of its tensors that is a part of a larger one, what stands for that."""
    wholes = {id(tensor._local_tensor): tensor for tensor in tensors if is_part_tensor(tensor)}

    def replacements() -> Iterator[Replacement]:
        for part in module.modules() if wholes else ():
            for table in (part._parameters, part._buffers):
                yield from ((table, name, wholes[id(t)]) for name, t in [*table.items()] if id(t) in wholes)

    return ScopedPatch(replacements)


def _looking_contiguous(module: nn.Module) -> ScopedPatch:
    """Within the block weights of convolutions claim to be contiguous, since fastinit fills any: torch would draw others, as
    channels-last ones, into a temporary tensor that has no name.
    """
    weights = [part._parameters.get("weight") for part in module.modules() if isinstance(part, _ConvNd)]
    others = [weight for weight in weights if weight is not None and not weight.is_contiguous()]
    return ScopedPatch(lambda: [(weight, "is_contiguous", lambda **_: True) for weight in others])

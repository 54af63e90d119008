"""Passes of a batch through a module that visit each layer at its first call and change nothing but the layers' weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._pytree import tree_leaves

from fastinit.core.stream import stream_of
from fastinit.initializers import Initializer
from fastinit.runtime import checks
from fastinit.torch.layers import Layer, check_memory, layers_by_name, parameter_name, weight_layout
from fastinit.torch.reports.report import InitReport, Size
from fastinit.torch.seeds import check_seed
from fastinit.torch.structure.names import tensors_by_name
from fastinit.torch.tensors import fill_

Batch: TypeAlias = Tensor | tuple[Any, ...] | list[Any] | Mapping[str, Any]
"""The arguments of a module's call: one tensor, positional arguments, or keyword arguments by name."""

Visit: TypeAlias = Callable[[str, Layer, Tensor, Callable[[], Tensor]], Tensor]
"""Called at a layer with its name, itself, its input, and a function that calls it again; gives the output to go on with."""


def arguments_of(batch: Batch) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The batch as positional and keyword arguments."""
    if isinstance(batch, Mapping):
        return (), dict(batch)
    return (tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)), {}


def finite_arguments_of(batch: Batch) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The same. TypeError for a batch without a tensor, ValueError for one that is not finite."""
    arguments = arguments_of(batch)
    tensors = [leaf for leaf in tree_leaves(arguments) if isinstance(leaf, Tensor)]
    if not tensors:
        raise TypeError(f"batch must hold a tensor, got {checks.shown(batch)}")
    for tensor in tensors:
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ValueError("batch must have finite values, got NaN or infinity among them")
    return arguments


@dataclass(frozen=True)
class Passes:
    """A module, its layers by name, and the batch that goes through it: see `passes`."""

    module: nn.Module
    layers: dict[str, Layer]
    batch: Batch
    seed: int

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The batch as positional and keyword arguments."""
        return arguments_of(self.batch)

    def walk(self, visit: Visit) -> list[str]:
        """Call the module, and visit each layer at its first call. Gives the names of the visited layers, in that order.

        When a layer is visited, those before it have their final weights; the pass goes on with the output that the visit
        gives. A layer that is called several times is visited at its first call.
        """
        names, visited = {layer: name for name, layer in self.layers.items()}, list[str]()

        def hook(layer: Layer, positional: tuple[Any, ...], named: dict[str, Any], output: Tensor) -> Tensor | None:
            name = names.pop(layer, None)
            if name is None:
                return None
            visited.append(name)
            given = positional[0] if positional else next(iter(named.values()))
            return visit(name, layer, given, lambda: layer.forward(*positional, **named))

        positional, named = self.arguments()
        with ExitStack() as hooks:
            for layer in self.layers.values():
                hooks.enter_context(layer.register_forward_hook(hook, with_kwargs=True))
            self.module(*positional, **named)
        if not visited:
            raise ValueError("batch reaches no nn.Linear and no convolution of the module")
        return visited

    def initialize(self, name: str, initializer: Initializer) -> None:
        """Fill the layer's weight by its name, and its bias with zeros."""
        layer = self.layers[name]
        fill_(layer.weight, initializer, stream_of(self.seed, parameter_name(name, "weight")), weight_layout(layer))
        if layer.bias is not None:
            layer.bias.zero_()

    def report(self, weights: Mapping[str, str], biases: str) -> InitReport:
        """`weights`: by layer, what its weight was filled with; `biases`: what the biases were."""
        filled = {parameter_name(layer, "weight"): text for layer, text in weights.items()}
        filled |= {parameter_name(layer, "bias"): biases for layer in weights}
        sizes = {name: Size.of(tensor) for name, tensor in tensors_by_name(self.module)}
        filled = {name: filled[name] for name in sizes if name in filled}
        return InitReport(filled, untouched=[name for name in sizes if name not in filled], sizes=sizes)


@contextmanager
def passes(module: nn.Module, batch: Batch, seed: int) -> Iterator[Passes]:
    """Within the block the module is in evaluation mode, but its BatchNorm layers as in training.

    Afterwards modes, buffers and torch's generator are as before; after an error the layers' weights and biases are too.
    """
    check_seed(seed)
    layers = layers_by_name(module)
    for name, layer in layers.items():
        check_memory(parameter_name(name, "weight"), layer.weight)
    of_layers = [t for layer in layers.values() for t in (layer.weight, layer.bias) if t is not None]
    parameters = [(t, t.detach().clone()) for t in of_layers]
    buffers = [(t, t.detach().clone()) for t in module.buffers()]
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            part.train()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_of(seed).k0)
            yield Passes(module, layers, batch, seed)
    except BaseException:
        _restore(parameters)
        raise
    finally:
        _restore(buffers)
        for part, mode in modes:
            part.training = mode


@torch.no_grad()
def _restore(values: list[tuple[Tensor, Tensor]]) -> None:
    for tensor, before in values:
        tensor.copy_(before)


def check_variance(what: str, variance: float) -> None:
    """ValueError for a variance that cannot be scaled to 1."""
    if not 0 < variance < math.inf:
        raise ValueError(
            f"the output of {what or 'the module'} has variance {variance} with this batch: it must be positive"
        )

"""Layers of torch with a weight norm or spectral norm, on the meta device and without a record: these are derived again.

What such a layer stores is computed from a weight that its own `reset_parameters` draws, which no method does once it is
parametrized. So a layer of the same kind is constructed again, with a record, and its record serves.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import _SpectralNorm, _WeightNorm

from fastinit.torch.construction.deferral import deferred
from fastinit.torch.construction.forms import Form
from fastinit.torch.construction.recorded_tensors import RecordedTensors
from fastinit.torch.structure.module_tensors import ModuleTensors

LAYERS = (nn.Linear, nn.Bilinear, nn.Embedding, _ConvNd)
"""Layers whose `reset_parameters` needs nothing but their attributes and parameters."""


def forms_of_parametrized(found: ModuleTensors, recorded: Collection[str]) -> dict[str, Form]:
    """By name, the forms of the tensors on the meta device that such norms store, where they were written to as often as in
    the layer that is constructed again: otherwise something else was done to them. `recorded`: those with a record.
    """
    forms: dict[str, Form] = {}
    for begin, layer in found.parts:
        if not isinstance(layer, LAYERS) or not parametrize.is_parametrized(layer):
            continue
        stored = {name: t for name, t in found.tensors.items() if name.startswith(f"{begin}parametrizations.")}
        if stored and all(t.is_meta and name not in recorded for name, t in stored.items()) and _has_known_norms(layer):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the layer's own construction warned
                again = ModuleTensors(_constructed_again(layer), begin)
            if all(name in again.tensors and _is_alike(tensor, again.tensors[name]) for name, tensor in stored.items()):
                forms |= {name: form for name, form in RecordedTensors(again).forms.items() if name in stored}
    return forms


def _is_alike(tensor: Tensor, again: Tensor) -> bool:
    return not tensor.is_inference() and (tensor.shape, tensor._version) == (again.shape, again._version)


def _parametrizations(layer: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    parametrizations: nn.ModuleDict = layer.parametrizations  # type: ignore[assignment]
    for name, of_tensor in parametrizations.items():
        yield from ((name, part) for part in of_tensor.children())


def _whole_shaped(layer: nn.Module) -> dict[str, Tensor]:
    """By name, a stored tensor that has the shape of the whole. (To look at the whole changes spectral norms.)"""
    parametrizations: nn.ModuleDict = layer.parametrizations  # type: ignore[assignment]
    stored: dict[str, dict[str, Tensor]] = {name: dict(of.named_parameters()) for name, of in parametrizations.items()}
    return {name: tensors["original1" if "original1" in tensors else "original"] for name, tensors in stored.items()}


def _has_known_norms(layer: nn.Module) -> bool:
    return all(type(part) in (_WeightNorm, _SpectralNorm) for _, part in _parametrizations(layer))


def _constructed_again(layer: nn.Module) -> nn.Module:
    """A layer of the kind that this one was before it was parametrized, with the same norms, recorded."""
    kind: type[nn.Module] = type(layer).__mro__[1]
    with deferred():
        made: nn.Module = kind.__new__(kind)
        nn.Module.__init__(made)
        tables = vars(made).copy()
        vars(made).update({name: value for name, value in vars(layer).items() if name not in tables})
        for name, tensor in {**_whole_shaped(layer), **layer._parameters}.items():
            empty = None if tensor is None else nn.Parameter(torch.empty(tensor.shape, dtype=tensor.dtype))
            made.register_parameter(name, empty)
        made.reset_parameters()  # type: ignore[operator]
        for name, norm in _parametrizations(layer):
            parametrize.register_parametrization(made, name, _new_norm(norm, getattr(made, name)))
    return made


def _new_norm(norm: nn.Module, weight: Tensor) -> nn.Module:
    if isinstance(norm, _SpectralNorm):
        return _SpectralNorm(weight, norm.n_power_iterations, norm.dim, norm.eps)
    assert isinstance(norm, _WeightNorm)
    return _WeightNorm(norm.dim)

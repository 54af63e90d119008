"""Net2Net: wider and deeper networks that compute what the smaller one does."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from fastinit.core.stream import stream_of
from fastinit.distributions import Normal
from fastinit.growing.units import widened_units
from fastinit.initializers import Dirac, Identity
from fastinit.runtime import checks
from fastinit.runtime.types import Int64Array
from fastinit.torch.growing.units import POOLS, Part, Structure, Units, is_transposed
from fastinit.torch.layers import Layer, check_memory, parameter_name, weight_layout
from fastinit.torch.seeds import check_seed
from fastinit.torch.tensors import fill_

CLAMPS = (nn.ReLU, nn.ReLU6, nn.Hardtanh)  # f(f(x)) = f(x)
PASSED = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.Identity)
"""What keeps the number of units, and of axes."""
CONVOLUTIONS = {3: nn.Conv1d, 4: nn.Conv2d, 5: nn.Conv3d}  # by the axes of their weights


@torch.no_grad()
def widen_(module: nn.Module, layer: str, width: int, *, seed: int = 0, noise: float = 0.0) -> Int64Array:
    """Give the layer of this name `width` units, and those that take them as many inputs; the module's function stays.

    New units are copies of old ones g, drawn uniformly by the seed and the name of the layer's weight. Layers that take them
    get V[:, g] / c[g], c_j how often g has j; BatchNorm on the way gets the copies' parameters and statistics. Outputs agree
    up to the rounding of the sums. Gives g, of shape (width,).

    `layer`: an `nn.Linear` or a convolution, whose units go to others through activations, dropout, BatchNorm, pooling and
    flattening, as torch.fx traces them; of a larger model pass the block. BatchNorm1d after `nn.Linear` is taken to
    normalize units. `noise`: copies get N(0, (noise rms)^2) more, rms that of the weights, so that training tells them
    apart, as it otherwise does by dropout alone; the function then stays but for the noise.

    New parameters take the place of the old: make the optimizer then. ValueError, with the module as it was, for units that
    go elsewhere: to a sum, LayerNorm, the outputs; for groups, shared weights, code of the module that reads how many units
    there are (`self.fc.out_features`), and `width` not above what there is.

    Chen, Goodfellow and Shlens 2016, "Net2Net: Accelerating Learning via Knowledge Transfer", arXiv 1511.05641, algorithm 1.

    >>> import torch, fastinit.torch
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> before = model(torch.ones(1, 3))
    >>> copied = fastinit.torch.widen_(model, "0", 12)
    >>> model[0], torch.allclose(model(torch.ones(1, 3)), before, atol=1e-6)
    (Linear(in_features=3, out_features=12, bias=True), True)
    """
    check_seed(seed)
    structure, weight_name = _structure(module), parameter_name(layer, "weight")
    units = structure.units_of(layer)
    noise = checks.not_negative("noise", noise)
    if checks.integer("width", width, least=1) <= units.count:
        raise ValueError(f"width must be above the {units.count} units of {layer}, got {width}")
    structure.check_width(layer, units, width)
    for name, part in ((layer, units.layer), *((taker.name, taker.module) for taker in units.takers)):
        check_memory(parameter_name(name, "weight"), part.weight)
    copied = widened_units(units.count, width, seed=seed, name=weight_name)
    _copy_units(units, copied, seed, weight_name, noise)
    shares = torch.from_numpy(1.0 / np.bincount(copied, minlength=units.count)[copied])
    for norm in units.norms:
        _copy_statistics(norm, copied)
    for taker in units.takers:
        _share_inputs(taker, copied, shares)
    return copied


@torch.no_grad()
def deepen_(module: nn.Module, activation: str, *, kernel: int = 3) -> None:
    """Put a layer that is the identity, and the activation again, behind the activation of this name; the function stays.

    The activation becomes `nn.Sequential(activation, layer, activation)`: after linear layers an `nn.Linear`, after
    convolutions one with a kernel of odd length `kernel`, padded to keep the size; each with biases of 0.

    `activation`: an `nn.ReLU`, `nn.ReLU6` or `nn.Hardtanh`, which change nothing that they have given before, called once,
    after a layer or after BatchNorm, pooling or dropout behind one. ValueError, with the module as it was, for others: tanh
    of tanh is another function.

    Chen, Goodfellow and Shlens 2016, "Net2Net", arXiv 1511.05641, section 2.4 and equation 2.

    >>> import torch, fastinit.torch
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> before = model(torch.ones(1, 3))
    >>> fastinit.torch.deepen_(model, "1")
    >>> len(model[1]), torch.equal(model(torch.ones(1, 3)), before)
    (3, True)
    """
    structure = _structure(module)
    node = structure.call_of(activation)
    given = structure.parts[activation]
    if not isinstance(given, CLAMPS):
        kinds, got = ", ".join(kind.__name__ for kind in CLAMPS), type(given).__name__
        raise ValueError(f"{activation} must be one of {kinds}, got {got}: applied twice it is another function")
    if checks.integer("kernel", kernel, least=1) % 2 == 0:
        raise ValueError(f"kernel must be odd, so that a tap is in the middle, got {kernel}")
    before = structure.part_before(node)
    while isinstance(before, (*POOLS, *PASSED)):
        node = node.all_input_nodes[0]
        before = structure.part_before(node)
    if not isinstance(before, (nn.Linear, _ConvNd)):
        raise ValueError(f"{activation} must come after a layer: how many units {node.args[0]} has is not known")
    added = _identity(before, kernel)
    parent, _, own = activation.rpartition(".")
    deeper = nn.Sequential(given, added, _again(given)).train(given.training)
    setattr(module.get_submodule(parent), own, deeper)


def _structure(module: nn.Module) -> Structure:
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, got {checks.shown(module)}")
    return Structure(module)


def _copy_units(units: Units, copied: Int64Array, seed: int, name: str, noise: float) -> None:
    layer, index = units.layer, torch.from_numpy(copied).to(units.layer.weight.device)
    axis = 1 if is_transposed(layer) else 0
    weight = layer.weight.index_select(axis, index)
    if noise:
        rms = float(layer.weight.float().square().mean().sqrt())
        drawn = fill_(torch.empty_like(weight), Normal(0.0, noise * rms), stream_of(seed, f"{name}.noise"))
        drawn.narrow(axis, 0, units.count).zero_()
        weight = weight + drawn
    _replace(layer, "weight", weight)
    if layer.bias is not None:
        _replace(layer, "bias", layer.bias[index])
    setattr(layer, "out_features" if isinstance(layer, nn.Linear) else "out_channels", len(copied))


def _copy_statistics(norm: Part, copied: Int64Array) -> None:
    index = _flat(copied, norm.block)
    for tensors in (norm.module._parameters, norm.module._buffers):
        for own, tensor in [*tensors.items()]:
            if tensor is not None and tensor.ndim == 1:
                _replace(norm.module, own, tensor[index.to(tensor.device)])
    norm.module.num_features = len(index)


def _share_inputs(taker: Part, copied: Int64Array, shares: Tensor) -> None:
    layer, weight = taker.module, taker.module.weight
    axis = 0 if is_transposed(layer) else 1
    index = _flat(copied, taker.block).to(weight.device)
    each = shares.repeat_interleave(taker.block).to(weight.device)
    wide = weight.index_select(axis, index).double() * each.view([-1 if i == axis else 1 for i in range(weight.ndim)])
    _replace(layer, "weight", wide.to(weight.dtype))
    setattr(layer, "in_features" if isinstance(layer, nn.Linear) else "in_channels", len(index))


def _flat(copied: Int64Array, block: int) -> Tensor:
    """The places of each unit's block, in the order of the copies."""
    return torch.from_numpy((copied[:, None] * block + np.arange(block)).reshape(-1))


def _replace(module: nn.Module, own: str, values: Tensor) -> None:
    before = getattr(module, own)
    is_parameter = isinstance(before, nn.Parameter)
    setattr(module, own, nn.Parameter(values, before.requires_grad) if is_parameter else values)


def _identity(layer: Layer, kernel: int) -> Layer:
    """A layer from the units of this one to as many, that gives what it takes."""
    where: dict[str, Any] = {"device": "meta", "dtype": layer.weight.dtype}  # there construction draws nothing
    made: Layer
    if isinstance(layer, nn.Linear):
        made = nn.Linear(layer.out_features, layer.out_features, **where)
    else:
        kind = CONVOLUTIONS[layer.weight.ndim]
        made = kind(layer.out_channels, layer.out_channels, kernel, padding=kernel // 2, **where)
    made.to_empty(device=layer.weight.device)
    fill_(made.weight, Identity() if isinstance(made, nn.Linear) else Dirac(), stream_of(0), weight_layout(made))
    assert made.bias is not None
    made.bias.zero_()
    return made


def _again(activation: nn.Module) -> nn.Module:
    if isinstance(activation, nn.ReLU):
        return nn.ReLU(activation.inplace)
    if isinstance(activation, nn.ReLU6):
        return nn.ReLU6(activation.inplace)
    assert isinstance(activation, nn.Hardtanh)
    return nn.Hardtanh(activation.min_val, activation.max_val, activation.inplace)

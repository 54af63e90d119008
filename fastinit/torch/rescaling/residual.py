"""Fixup and T-Fixup: residual networks and Transformers that train without normalization, by the scale of their branches."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from fastinit.initializers import HeNormal, Initializer, Normal, Ones, Parts, VarianceScaling, XavierUniform, Zeros
from fastinit.initializers.layouts import Layout
from fastinit.torch.initialization import drawing_by_name
from fastinit.torch.layers import layers_by_name, weight_layout
from fastinit.torch.parameters import ParamInit
from fastinit.torch.reports.report import InitReport
from fastinit.torch.structure.module_tensors import ModuleTensors
from fastinit.torch.structure.names import matching, modules_by_name, tensors_by_name
from fastinit.torch.tensors import TORCH

Globs: TypeAlias = str | Iterable[str]
ENCODER_GAIN = 0.67  # T-Fixup, section 3.2: of N^(-1/4)
SCALED = re.compile(r"linear[12]|(self_attn|multihead_attn)(\.out_proj)?")  # of a layer's modules


class Fill(NamedTuple):
    """A tensor, what it is to be filled by, and its layout."""

    tensor: Tensor
    initializer: Initializer
    layout: Layout = TORCH


def fixup_(
    module: nn.Module,
    branches: Globs,
    *,
    seed: int = 0,
    last: Globs = (),
    classifier: Globs = (),
    shortcuts: Globs = (),
    multipliers: Globs = (),
    biases: Globs = (),
) -> InitReport:
    """Fixup: in L residual branches of m layers each, He's normal times L^(-1/(2m-2)), and the last layer zero.

    All patterns are globs over names in the module, as "layers.*.conv2":

    - `branches`: of modules, each of which is one branch. Its layers are the `nn.Linear` and convolutions in it, in the
      order of construction.
    - `last`: of the layers that end a branch, by default the last one of each.
    - `shortcuts`: of layers in a branch's module that are no part of the branch, as a downsampling convolution.
    - `classifier`: of layers outside the branches that become zero.
    - `multipliers`, `biases`: of the parameters that the method adds to a network, usually scalars; they become 1 and 0.

    Layers outside the branches and shortcuts get He's normal, and all layers zero biases; everything else stays. Values
    depend on `seed` and names, as in `init_`, sharded tensors too. Gives a report. ValueError for a pattern that matches
    nothing, a tensor on the meta device, and for two branches that share a layer, before anything is written.

    Zhang, Dauphin and Ma 2019, "Fixup Initialization", arXiv 1901.09321, section 4.

    >>> import torch, fastinit.torch
    >>> from torch import nn
    >>> branches = [nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32)) for _ in range(4)]
    >>> report = fastinit.torch.fixup_(nn.ModuleList(branches), branches="?", seed=0)
    >>> report.filled["0.0.weight"], report.filled["0.2.weight"]
    ('Normal(mean=0.0, std=0.125)', 'Constant(value=0.0)')
    """
    layers = layers_by_name(module)
    parameters = {name: tensor for name, tensor in tensors_by_name(module) if isinstance(tensor, nn.Parameter)}
    parts = _matching(dict(modules_by_name(module)), branches, "branches")
    if not parts:
        raise ValueError("branches must be patterns that name at least one residual branch, got none")
    initializers: dict[str, Initializer] = dict.fromkeys(layers, HeNormal())
    ends, outside = _matching(layers, last, "last"), _matching(layers, shortcuts, "shortcuts")
    for branch in _split(parts, [name for name in layers if name not in outside]):
        scale = 2.0 * len(parts) ** (-1 / (len(branch) - 1)) if len(branch) > 1 else 2.0
        zero = [name for name in branch if name in ends] or branch[-1:]
        initializers.update({name: Zeros() if name in zero else VarianceScaling(scale) for name in branch})
    initializers.update(dict.fromkeys(_matching(layers, classifier, "classifier"), Zeros()))
    fills = [Fill(layers[name].weight, of, weight_layout(layers[name])) for name, of in initializers.items()]
    fills += [Fill(layer.bias, Zeros()) for layer in layers.values() if layer.bias is not None]
    fills += [Fill(parameters[name], Ones()) for name in _matching(parameters, multipliers, "multipliers")]
    fills += [Fill(parameters[name], Zeros()) for name in _matching(parameters, biases, "biases")]
    return _filled(module, fills, seed)


def _matching(names: Iterable[str], globs: Globs, option: str) -> list[str]:
    return matching(names, [globs] if isinstance(globs, str) else globs, option)


def _split(branches: list[str], layers: list[str]) -> list[list[str]]:
    """The layers of each branch. ValueError for two branches with a layer in common."""
    branch_of: dict[str, str] = {}
    for branch in branches:
        for layer in layers:
            if layer == branch or layer.startswith(f"{branch}."):
                if layer in branch_of:
                    both = f"{branch_of[layer]!r} and {branch!r}"
                    raise ValueError(f"branches has {both}, which share the layer {layer!r}")
                branch_of[layer] = branch
    return [[layer for layer in layers if branch_of.get(layer) == branch] for branch in branches]


def tfixup_(module: nn.Module, *, seed: int = 0) -> InitReport:
    """T-Fixup of a module's Transformer layers, and of the `nn.Linear`, `nn.Embedding` and normalizations beside them.

    - Weights of layers and projections: Xavier's uniform, query, key and value each with its own fans; biases 0.
    - In each of N `nn.TransformerEncoderLayer`s value and output projections and both linear layers times 0.67 N^(-1/4); in
      each of N `nn.TransformerDecoderLayer`s, in both of its attentions, times (9 N)^(-1/4).
    - `nn.Embedding`: normal, std d^(-1/2) (9 N)^(-1/4), N counting the decoder's layers, or the encoder's where there is no
      decoder; the padding row 0. (The paper's N(0, d^(-1/2)) gives the std.)
    - Normalizations, which the method does without: 1 and 0.

    Values depend on `seed` and names, as in `init_`, sharded tensors too. Gives a report. ValueError, before anything is
    written, for a module without such layers and for tensors on the meta device.

    Huang, Perez, Ba and Volkovs 2020, "Improving Transformer Optimization Through Better Initialization", section 3.2.

    >>> import torch, fastinit.torch
    >>> layer = torch.nn.TransformerEncoderLayer(64, 4, 256, batch_first=True)
    >>> report = fastinit.torch.tfixup_(layer, seed=0)
    >>> report.filled["norm1.weight"], report.filled["linear1.bias"]
    ('Constant(value=1.0)', 'Constant(value=0.0)')
    """
    encoders = [part for part in module.modules() if isinstance(part, nn.TransformerEncoderLayer)]
    decoders = [part for part in module.modules() if isinstance(part, nn.TransformerDecoderLayer)]
    if not encoders and not decoders:
        raise ValueError("module has no nn.TransformerEncoderLayer or nn.TransformerDecoderLayer: for others use a Recipe")
    gains: dict[nn.Module, float] = {}
    for layer in [*encoders, *decoders]:
        gain = ENCODER_GAIN * len(encoders) ** -0.25 if layer in encoders else (9 * len(decoders)) ** -0.25
        gains.update({part: gain for name, part in layer.named_modules() if SCALED.fullmatch(name)})
    embedding_gain = (9 * (len(decoders) or len(encoders))) ** -0.25
    fills = [fill for part in module.modules() for fill in _of_transformer(part, gains.get(part, 1.0), embedding_gain)]
    return _filled(module, fills, seed)


def _of_transformer(part: nn.Module, gain: float, embedding_gain: float) -> list[Fill]:
    """The fills of the part's own parameters."""
    own = dict(part.named_parameters(recurse=False))
    xavier, scaled = XavierUniform(), XavierUniform(gain=gain)
    of: dict[str, Initializer] = {}
    if isinstance(part, nn.MultiheadAttention):
        thirds = Parts(0, ((1 / 3, xavier), (1 / 3, xavier), (1 / 3, scaled)))
        of = {"in_proj_weight": thirds, "q_proj_weight": xavier, "k_proj_weight": xavier, "v_proj_weight": scaled}
        of["in_proj_bias"] = Zeros()
    elif isinstance(part, nn.Linear):
        of = {"weight": scaled, "bias": Zeros()}
    elif isinstance(part, nn.Embedding):
        of = {"weight": Normal(0.0, part.embedding_dim**-0.5 * embedding_gain)}
    elif isinstance(part, (nn.LayerNorm, nn.RMSNorm)):
        of = {"weight": Ones(), "bias": Zeros()}
    return [Fill(own[name], initializer) for name, initializer in of.items() if name in own]


def _filled(module: nn.Module, fills: list[Fill], seed: int) -> InitReport:
    for fill in fills:
        # for its errors, before anything is written
        fill.initializer.distribution_for(tuple(fill.tensor.shape), layout=fill.layout)
    with torch.no_grad(), drawing_by_name(ModuleTensors(module), seed, warns=False) as report:
        for fill in fills:
            ParamInit(fill.initializer, fill.layout)(fill.tensor)
        filled = {id(fill.tensor) for fill in fills}
        for part in module.modules():
            if isinstance(part, nn.Embedding) and part.padding_idx is not None and id(part.weight) in filled:
                part.weight[part.padding_idx].fill_(0.0)
    return report

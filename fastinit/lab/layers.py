"""A module of a model as the theory sees it: its kind, the inputs and outputs of a unit, how its weights were drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from fastinit.torch.layers import TRANSPOSED

KINDS = ("linear", "conv", "recurrent", "attention", "embedding", "norm", "other")
WEIGHTED = ("linear", "conv")


def kind_of(module: nn.Module) -> str | None:
    """The kind of a module that owns parameters; None for one that has none of its own, and for learned activations."""
    if isinstance(module, nn.PReLU) or not any(tensor is not None for tensor in module._parameters.values()):
        return None
    if isinstance(module, _ConvNd):
        return "conv"
    if isinstance(module, nn.Linear) or is_transposed_linear(module):
        return "linear"
    if isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        return "recurrent"
    if isinstance(module, nn.MultiheadAttention):
        return "attention"
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        return "embedding"
    return "norm" if isinstance(module, _NormBase) or "norm" in type(module).__name__.lower() else "other"


def is_transposed_linear(module: nn.Module) -> bool:
    """Hugging Face's Conv1D: a linear layer whose weight is (in, out)."""
    return type(module).__name__ == "Conv1D" and hasattr(module, "nf")


@dataclass(frozen=True)
class Weights:
    """The weight of a linear layer or a convolution: its fans, its mean square, its bias's.

    `fan_in` is the number of terms in the sum that an output is, `fan_out` that of the sum that an input's gradient is, of a
    convolution inside its borders.
    """

    fan_in: float
    fan_out: float
    mean_square: float
    bias_mean_square: float
    units: int
    drawn_as: str

    @property
    def forward_factor(self) -> float:
        """What the mean square of inputs is multiplied by: fan_in E[w^2] (He et al. 2015, section 2.2)."""
        return self.fan_in * self.mean_square

    @property
    def backward_factor(self) -> float:
        return self.fan_out * self.mean_square


def weights_of(module: nn.Module) -> Weights | None:
    """Those of a linear layer or convolution; None for other modules."""
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim < 2 or kind_of(module) not in WEIGHTED:
        return None
    fan_in, fan_out = fans(module, weight)
    bias = getattr(module, "bias", None)
    wide = weight.detach().float()
    mean_square = float(wide.square().mean())
    return Weights(
        fan_in,
        fan_out,
        mean_square,
        float(bias.detach().float().square().mean()) if isinstance(bias, Tensor) else 0.0,
        _outputs(module, weight),
        drawn_as(fan_in, fan_out, mean_square, weight.numel()),
    )


def fans(module: nn.Module, weight: Tensor) -> tuple[float, float]:
    if is_transposed_linear(module):
        return float(weight.shape[0]), float(weight.shape[1])
    if not isinstance(module, _ConvNd):
        return float(weight.shape[1]), float(weight.shape[0])
    field, strides = math.prod(module.kernel_size), math.prod(module.stride)
    fan_in = module.in_channels // module.groups * field
    fan_out = module.out_channels // module.groups * field
    if isinstance(module, TRANSPOSED):
        return fan_in / strides, float(fan_out)
    return float(fan_in), fan_out / strides


def _outputs(module: nn.Module, weight: Tensor) -> int:
    if isinstance(module, _ConvNd):
        return module.out_channels
    return int(weight.shape[1] if is_transposed_linear(module) else weight.shape[0])


def drawn_as(fan_in: float, fan_out: float, mean_square: float, n: int) -> str:
    """The variance that a well-known initialization would have given these weights, in words.

    A variance is one's if they agree within 5 standard errors of a mean square of n uniform or normal values, the larger of
    which is sqrt(2 / n) relatively.
    """
    if mean_square == 0:
        return "all 0"
    known = {
        "Xavier's 2 / (fan_in + fan_out)": 2 / (fan_in + fan_out),
        "He's 2 / fan_in": 2 / fan_in,
        "LeCun's 1 / fan_in": 1 / fan_in,
        "torch's default 1 / (3 fan_in)": 1 / (3 * fan_in),
    }
    for name, variance in known.items():
        if abs(mean_square / variance - 1) <= 5 * math.sqrt(2 / n):
            return name
    return f"{mean_square * fan_in:.3g} / fan_in (std {math.sqrt(mean_square):.3g})"


def unit_axis(module: nn.Module, output: Tensor) -> int:
    """The axis of the module's output that its units are on."""
    return output.ndim - module.weight.ndim + 1 if isinstance(module, _ConvNd) else output.ndim - 1


def is_symmetric(module: nn.Module) -> bool:
    """Whether all units of a layer have the same weights, which they then keep: training moves them alike."""
    weight = getattr(module, "weight", None)
    if kind_of(module) not in WEIGHTED or isinstance(module, TRANSPOSED) or is_transposed_linear(module):
        return False
    if not isinstance(weight, Tensor) or len(weight) < 2:
        return False
    with torch.no_grad():
        return bool((weight[1] == weight[0]).all()) and bool((weight == weight[:1]).all()) and bool((weight != 0).any())

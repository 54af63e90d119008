"""The layers of a module that multiply by a weight: linear ones and convolutions, with their layouts and channels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from fastinit.initializers.layouts import KERNEL_LETTERS, Layout
from fastinit.torch.structure.names import modules_by_name
from fastinit.torch.tensors import is_plain

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED)

Layer: TypeAlias = nn.Linear | _ConvNd


def layers_by_name(module: nn.Module) -> dict[str, Layer]:
    """The layers in the order of construction, but those whose weight is computed or also belongs to another module."""
    uses = Counter(id(tensor) for part in module.modules() for tensor in part._parameters.values())
    return {
        name: part
        for name, part in modules_by_name(module)
        if isinstance(part, LAYERS) and part._parameters.get("weight") is not None and uses[id(part.weight)] == 1
    }


def parameter_name(layer: str, parameter: str) -> str:
    """The name of the parameter of a layer with this name."""
    return f"{layer}.{parameter}" if layer else parameter


def weight_layout(layer: Layer) -> Layout:
    """(out, in, *kernel), or (in, out, *kernel) of a transposed convolution; groups as they are."""
    if isinstance(layer, TRANSPOSED):
        return Layout("io" + KERNEL_LETTERS[: layer.weight.ndim - 2], groups=layer.groups, transposed=True)
    return Layout("oi", groups=getattr(layer, "groups", 1))


def layouts_by_name(parts: Iterable[tuple[str, nn.Module]]) -> dict[str, Layout]:
    """The layouts of weights whose modules say more than that torch's are (out, in, *kernel).

    Those of convolutions, for their groups and since transposed ones have inputs first, and of Hugging Face's `Conv1D`, a
    linear layer with inputs first. `parts`: modules, each with what the names of its tensors begin with.
    """
    layouts = {}
    for begin, part in parts:
        if isinstance(part, _ConvNd) and part._parameters.get("weight") is not None:
            layouts[f"{begin}weight"] = weight_layout(part)
        elif type(part).__name__ == "Conv1D" and hasattr(part, "nf"):
            layouts[f"{begin}weight"] = Layout("io")
    return layouts


def check_memory(name: str, tensor: Tensor) -> None:
    """ValueError for a tensor whose values cannot be worked with where they are: on the meta device, sharded."""
    if not is_plain(tensor):
        raise ValueError(
            f"{name} must be a whole tensor of floats with memory, got a {type(tensor).__name__} of {tensor.dtype} on "
            f"{tensor.device}: initialize before sharding, and after to_empty"
        )


def channel_axis(layer: Layer, output: Tensor) -> int:
    """The axis of the layer's output that its output channels are on."""
    return output.ndim - 1 if isinstance(layer, nn.Linear) else output.ndim - layer.weight.ndim + 1


def scale_channels_(layer: Layer, factors: Tensor) -> None:
    """Multiply the weights of each output channel by its factor."""
    weight = layer.weight
    if isinstance(layer, TRANSPOSED):  # (in, out / groups, *kernel), the groups along the inputs
        by_group = weight.view(layer.groups, -1, *weight.shape[1:])
        by_group.mul_(factors.view(layer.groups, 1, weight.shape[1], *[1] * (weight.ndim - 2)))
    else:
        weight.mul_(factors.view(-1, *[1] * (weight.ndim - 1)))

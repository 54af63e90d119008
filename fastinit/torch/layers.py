"""The layers of a module that multiply by a weight: linear ones and convolutions, with their layouts and channels."""

from __future__ import annotations

from torch import Tensor, nn

from fastinit.initializers.layouts import KERNEL_LETTERS, Layout
from fastinit.torch.names import modules_by_name
from fastinit.torch.tensors import is_plain

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
AFFINE = (nn.Linear, *CONVOLUTIONS, *TRANSPOSED)


def affine_layers(module: nn.Module) -> dict[str, nn.Module]:
    """By name, in the order of construction: those with a weight of their own, that no other layer shares or computes."""
    owners: dict[int, int] = {}
    for part in module.modules():
        for tensor in part._parameters.values():
            owners[id(tensor)] = owners.get(id(tensor), 0) + 1
    return {
        name: part
        for name, part in modules_by_name(module)
        if isinstance(part, AFFINE) and part._parameters.get("weight") is not None and owners[id(part.weight)] == 1
    }


def of(layer: str, parameter: str) -> str:
    """The name of a layer's parameter."""
    return f"{layer}.{parameter}" if layer else parameter


def weight_layout(layer: nn.Module) -> Layout:
    """(out, in, *kernel), or (in, out, *kernel) of a transposed convolution; groups as they are."""
    if isinstance(layer, TRANSPOSED):
        return Layout("io" + KERNEL_LETTERS[: layer.weight.ndim - 2], groups=layer.groups, transposed=True)
    return Layout("oi", groups=getattr(layer, "groups", 1))


def check_memory(name: str, tensor: Tensor) -> None:
    """ValueError for a tensor whose values cannot be worked with where they are: on the meta device, sharded."""
    if not is_plain(tensor):
        raise ValueError(
            f"{name} must be a whole tensor of floats with memory, got a {type(tensor).__name__} of {tensor.dtype} on "
            f"{tensor.device}: initialize before sharding, and after to_empty"
        )


def channel_axis(layer: nn.Module, output: Tensor) -> int:
    """The axis of the layer's output that its output channels are on."""
    return output.ndim - 1 if isinstance(layer, nn.Linear) else output.ndim - layer.weight.ndim + 1


def scale_channels_(layer: nn.Module, factors: Tensor) -> None:
    """Multiply the weights of each output channel by its factor."""
    weight = layer.weight
    if isinstance(layer, TRANSPOSED):  # (in, out / groups, *kernel), the groups along the inputs
        by_group = weight.view(layer.groups, -1, *weight.shape[1:])
        by_group.mul_(factors.view(layer.groups, 1, weight.shape[1], *[1] * (weight.ndim - 2)))
    else:
        weight.mul_(factors.view(-1, *[1] * (weight.ndim - 1)))

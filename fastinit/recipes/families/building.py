"""What a model is, and the tensors of the layers that several families share, named and shaped as PyTorch does."""

from __future__ import annotations

from dataclasses import dataclass

from fastinit.recipes import Recipe, TensorSpec


@dataclass(frozen=True)
class Model:
    """The tensors of a model in the order of its state dict, and the recipe that initializes them."""

    tensors: tuple[TensorSpec, ...]
    recipe: Recipe


def linear(name: str, fan_in: int, fan_out: int) -> tuple[TensorSpec, ...]:
    """`torch.nn.Linear` with a bias."""
    return TensorSpec(f"{name}.weight", (fan_out, fan_in)), TensorSpec(f"{name}.bias", (fan_out,))


def norm(name: str, width: int) -> tuple[TensorSpec, ...]:
    """The gain and the shift of a normalization over `width` features."""
    return TensorSpec(f"{name}.weight", (width,)), TensorSpec(f"{name}.bias", (width,))

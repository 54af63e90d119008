"""ViT, with the names of transformers' `ViTForImageClassification` in its checkpoints."""

from __future__ import annotations

from fastinit import recipes
from fastinit.recipes import TensorSpec
from fastinit.recipes.families.layers import Model, linear, norm


def model(
    width: int, depth: int, intermediate: int, patch: int, image: int = 224, channels: int = 3, labels: int = 1000
) -> Model:
    """By `recipes.vit`.

    The names are those of published checkpoints, which `save_pretrained` writes; version 5 of transformers has other
    ones in memory (`vit.layers.0.attention.q_proj`) and translates.
    """
    tokens = (image // patch) ** 2 + 1  # the patches and the class token
    tensors = (
        TensorSpec("vit.embeddings.cls_token", (1, 1, width)),
        TensorSpec("vit.embeddings.position_embeddings", (1, tokens, width)),
        TensorSpec("vit.embeddings.patch_embeddings.projection.weight", (width, channels, patch, patch)),
        TensorSpec("vit.embeddings.patch_embeddings.projection.bias", (width,)),
        *(tensor for i in range(depth) for tensor in _layer(f"vit.encoder.layer.{i}", width, intermediate)),
        *norm("vit.layernorm", width),
        *linear("classifier", width, labels),
    )
    return Model(tensors, recipes.vit())


def _layer(name: str, width: int, intermediate: int) -> tuple[TensorSpec, ...]:
    return (
        *linear(f"{name}.attention.attention.query", width, width),
        *linear(f"{name}.attention.attention.key", width, width),
        *linear(f"{name}.attention.attention.value", width, width),
        *linear(f"{name}.attention.output.dense", width, width),
        *norm(f"{name}.layernorm_before", width),
        *norm(f"{name}.layernorm_after", width),
        *linear(f"{name}.intermediate.dense", width, intermediate),
        *linear(f"{name}.output.dense", intermediate, width),
    )

"""ViT, with the names of transformers' `ViTForImageClassification` in its checkpoints."""

from __future__ import annotations

from fastinit.models.layers import linear, norm
from fastinit.recipes import Model, Rule, TensorSpec

# transformers draws the class token and the positions with trunc_normal_(std=0.02), whose cut is at +-2 absolute: 100
# std out, where no value ever falls (and up to version 4 every other weight too). So the law is the plain normal.
NORMAL = {"std": 0.02}  # initializer_range of ViTConfig


def model(
    width: int, depth: int, intermediate: int, patch: int, image: int = 224, channels: int = 3, labels: int = 1000
) -> Model:
    """N(0, 0.02) as in transformers, class token, positions and classifier included.

    The model is that of Dosovitskiy et al. 2020, the law is not: their JAX code draws linear layers Xavier uniform,
    and zeroes the class token and the classifier.
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
    rules = (
        Rule("*.cls_token", "normal", NORMAL),
        Rule("*.position_embeddings", "normal", NORMAL),
        Rule("*.layernorm*.weight", "ones"),
        Rule("*.bias", "zeros"),
        Rule("*.weight", "normal", NORMAL),
    )
    return Model(tensors, rules)


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

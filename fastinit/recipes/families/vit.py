"""ViT: what its tensors are drawn from, and their names and shapes in transformers' checkpoints."""

from __future__ import annotations

from functools import partial

from fastinit.initializers import Normal, Ones, Zeros
from fastinit.recipes.families.building import Model, Recipe, TensorSpec, family, linear, norm


def vit(std: float = 0.02) -> Recipe:
    """ViT, by the names of transformers' checkpoints.

    - weights, class token, positions, patches and classifier: N(0, std);
    - mask token 0, norms 1, biases 0.

    transformers draws class token and positions with trunc_normal_(std=0.02), whose bounds of +-2 are absolute: 100 std out,
    where no value ever falls (and up to version 4 every other weight too). So the distribution is the plain normal.
    Source: transformers, `ViTPreTrainedModel`. The model is that of Dosovitskiy et al. 2020; `timm` has the distribution of
    their JAX code.

    >>> from fastinit import recipes
    >>> print(recipes.vit().plan({"vit.embeddings.cls_token": (1, 1, 768), "classifier.bias": (1000,)}))
    tensor                    shape        action  values
    vit.embeddings.cls_token  (1, 1, 768)  draw    Normal(std=0.02)
    classifier.bias           (1000,)      draw    Constant(0.0)
    2 tensors: 2 draw
    """
    return family(
        ("*cls_token", Normal(0.0, std)),
        ("*position_embeddings", Normal(0.0, std)),
        ("*mask_token", Zeros()),
        ("*layernorm*.weight", Ones()),
        ("*.bias", Zeros()),
        ("*.weight", Normal(0.0, std)),
    )


def model(
    width: int, depth: int, intermediate: int, patch: int, image: int = 224, channels: int = 3, labels: int = 1000
) -> Model:
    """The names are those of published checkpoints, which `save_pretrained` writes.

    Version 5 of transformers has other ones in memory (`vit.layers.0.attention.q_proj`) and translates.
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
    return Model(tensors, vit())


MODELS = {"vit-b-16": partial(model, width=768, depth=12, intermediate=3072, patch=16)}  # Dosovitskiy et al. 2020, table 1


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

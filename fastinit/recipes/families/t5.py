"""T5: what its tensors are drawn from."""

from __future__ import annotations

import math

from fastinit.initializers import Constant, Normal, VarianceScaling, Zeros
from fastinit.recipes.families.building import Recipe, family
from fastinit.runtime.checks import integer, positive


def t5(width: int, head_width: int = 64, factor: float = 1.0) -> Recipe:
    """T5, by transformers' names; `width` is d_model, `head_width` d_kv.

    - weights: N(0, factor / sqrt(fan_in));
    - queries: N(0, factor / sqrt(fan_in head_width)), so that attention need not scale its products;
    - embeddings and head: N(0, factor); relative positions: N(0, factor / sqrt(width));
    - norms `factor`, biases 0; encoder and decoder have the shared embedding.

    Source: Raffel et al. 2020, by Mesh TensorFlow's code and transformers' `T5PreTrainedModel`.

    >>> from fastinit import recipes
    >>> shapes = {"shared.weight": (50, 64), "encoder.block.0.layer.0.SelfAttention.k.weight": (64, 64)}
    >>> print(recipes.t5(width=64).plan(shapes))
    tensor                                          shape     action  values
    shared.weight                                   (50, 64)  draw    Normal(std=1.0)
    encoder.block.0.layer.0.SelfAttention.k.weight  (64, 64)  draw    Normal(std=0.125)
    2 tensors: 2 draw
    """
    positive("factor", factor)
    integer("width", width, 1)
    integer("head_width", head_width, 1)
    return family(
        ("*layer_norm.weight", Constant(factor)),
        ("*.bias", Zeros()),
        ("*.relative_attention_bias.weight", Normal(0.0, factor / math.sqrt(width))),
        ("*Attention.q.weight", VarianceScaling(factor * factor / head_width, "fan_in", "normal", convention="torch")),
        ("*shared.weight", Normal(0.0, factor)),
        ("lm_head.weight", Normal(0.0, factor)),
        ("*.weight", VarianceScaling(factor * factor, "fan_in", "normal", convention="torch")),
        tied={f"{part}.embed_tokens.weight": "shared.weight" for part in ("encoder", "decoder")},
    )

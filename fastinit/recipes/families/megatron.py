"""Megatron-LM's GPT: what its tensors are drawn from."""

from __future__ import annotations

import math

from fastinit.initializers import Normal, Ones, Zeros
from fastinit.recipes.families.building import Recipe, by_depth, family
from fastinit.runtime.checks import not_negative, positive


def megatron(depth: int, std: float = 0.02, width_multiplier: float = 1.0) -> Recipe:
    """Megatron-LM's GPT of `depth` layers, by the names of `megatron.core`.

    - embeddings and head: N(0, std);
    - weights: N(0, std / sqrt(m)); `width_multiplier` m, for muP, is the width over that of the model `std` was tuned on;
    - `linear_proj` and `linear_fc2`, the projections onto the residual: N(0, std / sqrt(2 depth m));
    - norms 1, those fused with a layer (`*.layer_norm_weight`) too; biases 0.

    Source: Shoeybi et al. 2019, section 4.2; `megatron.core.utils`: `init_method_normal`, `scaled_init_method_normal`,
    `mup_scaled_init_method_normal`.

    >>> from fastinit import recipes
    >>> print(recipes.megatron(depth=8).plan({"decoder.layers.0.mlp.linear_fc2.weight": (64, 256)}))
    tensor                                  shape      action  values
    decoder.layers.0.mlp.linear_fc2.weight  (64, 256)  draw    Normal(std=0.005)
    1 tensor: 1 draw
    """
    positive("width_multiplier", width_multiplier)
    hidden = not_negative("std", std) / math.sqrt(width_multiplier)
    onto_residual = Normal(0.0, by_depth(hidden, depth))
    return family(
        ("*norm*weight", Ones()),  # layernorm.weight, and layer_norm_weight of a layer fused with its norm
        ("*bias*", Zeros()),  # and bias0, bias1, ... of grouped experts
        ("*embeddings.weight", Normal(0.0, std)),
        ("*output_layer.weight", Normal(0.0, std)),
        ("*.linear_proj.weight*", onto_residual),
        ("*.linear_fc2.weight*", onto_residual),
        ("*.weight*", Normal(0.0, hidden)),
    )

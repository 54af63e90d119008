"""torchtitan's Llama 3 and DeepSeek-V3: what their tensors are drawn from."""

from __future__ import annotations

import math

from fastinit.initializers import Normal, Ones, Zeros
from fastinit.recipes.families.building import MOST_LAYERS, Recipe, by_depth, family, within_3_std
from fastinit.runtime.checks import integer


def torchtitan(depth: int, width: int) -> Recipe:
    """torchtitan's Llama 3 and DeepSeek-V3 of `depth` layers, by its names.

    - `wo`, `w2` and `w3` of layer i = 0, 1, ..., experts' too: N(0, 0.02 / sqrt(2 (i + 1))), by the layer's own depth;
    - other weights: N(0, 0.02); torchtitan's bounds of -2 and 2 are 100 std out, so nothing is truncated;
    - embedding: N(0, 1); head: N(0, 1 / sqrt(width)) truncated at 3 std;
    - norms 1, biases 0.

    Source: torchtitan, `models/llama3` and `models/deepseek_v3`, `init_weights`.

    >>> from fastinit import recipes
    >>> print(recipes.torchtitan(depth=8, width=64).plan({f"layers.{i}.attention.wo.weight": (64, 64) for i in (1, 7)}))
    tensor                        shape     action  values
    layers.1.attention.wo.weight  (64, 64)  draw    Normal(std=0.01)
    layers.7.attention.wo.weight  (64, 64)  draw    Normal(std=0.005)
    2 tensors: 2 draw
    """
    head = within_3_std(1 / math.sqrt(integer("width", width, 1)))
    layers = ((i, Normal(0.0, by_depth(0.02, i + 1))) for i in range(integer("depth", depth, 1, MOST_LAYERS)))
    return family(
        ("*norm.weight", Ones()),
        ("*.bias", Zeros()),
        ("tok_embeddings.weight", Normal()),
        *((f"*layers.{i}.*.w[23o]{end}", normal) for i, normal in layers for end in (".weight", "")),
        ("output.weight", head),
        ("lm_head.weight", head),
        ("*.weight", Normal(0.0, 0.02)),
        ("*.experts.w1", Normal(0.0, 0.02)),
    )

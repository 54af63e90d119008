"""OLMo-core: what its tensors are drawn from, by each of its methods."""

from __future__ import annotations

import math

from fastinit.initializers import Initializer, Normal, Ones, Zeros
from fastinit.recipes.families.building import MOST_LAYERS, Recipe, by_depth, family, within_3_std
from fastinit.runtime.checks import integer, not_negative, one_of

METHODS = ("normal", "llama", "llama_depth", "normalized")


def olmo(depth: int, width: int, method: str = "normal", std: float = 0.02) -> Recipe:
    """OLMo-core's transformers of `depth` blocks, by its names; normals are truncated at 3 std where nothing else is said.

    - "normal": weights, embeddings and head N(0, std);
    - "llama": weights N(0, std), but `w_out`, `w2` and `w3` N(0, std / sqrt(2 depth)); embeddings N(0, 1), not truncated;
      head N(0, 1 / sqrt(width));
    - "llama_depth": as "llama", with sqrt(2 (i + 1)) in block i = 0, 1, ... for sqrt(2 depth);
    - "normalized", nGPT's (Loshchilov et al. 2024): weights, embeddings (not truncated) and head N(0, 1 / sqrt(width)), but
      `w_out` and `w2` over sqrt(2 depth).
    Norms are 1, biases 0. In blocks with experts, "llama" and "llama_depth" divide the std of all the experts' tensors.

    Source: OLMo-core, `olmo_core.nn.transformer.init.InitMethod`.

    >>> from fastinit import recipes
    >>> shapes = {"blocks.0.attention.w_out.weight": (64, 64), "lm_head.w_out.weight": (50, 64)}
    >>> print(recipes.olmo(depth=8, width=64, method="llama").plan(shapes))
    tensor                           shape     action  values
    blocks.0.attention.w_out.weight  (64, 64)  draw    TruncatedNormal(std=0.005, low=-3.0, high=3.0)
    lm_head.w_out.weight             (50, 64)  draw    TruncatedNormal(std=0.125, low=-3.0, high=3.0)
    2 tensors: 2 draw
    """
    one_of("method", method, METHODS)
    not_negative("std", std)
    narrow = 1 / math.sqrt(integer("width", width, 1))
    hidden = narrow if method == "normalized" else std
    embedding: Initializer = {"normal": within_3_std(std), "normalized": Normal(0.0, narrow)}.get(method, Normal())
    return family(
        ("*norm.weight", Ones()),
        ("*.bias", Zeros()),
        ("embeddings.weight", embedding),
        ("lm_head.w_out.weight", within_3_std(std if method == "normal" else narrow)),
        *_by_depth(method, hidden, integer("depth", depth, 1, MOST_LAYERS)),
        ("*.weight", within_3_std(hidden)),
        ("*_moe.*", within_3_std(hidden)),
    )


def _by_depth(method: str, std: float, depth: int) -> list[tuple[str, Initializer]]:
    """The rules of the tensors that the depth makes narrower."""
    both = ("feed_forward.w2.weight", "attention.w_out.weight")
    scaled = (*both, "feed_forward.w3.weight", "feed_forward_moe.*")
    if method == "normal":
        return []
    if method == "normalized":
        return [(f"*.{name}", within_3_std(by_depth(std, depth))) for name in both]
    blocks = [("*", depth)] if method == "llama" else [(str(i), i + 1) for i in range(depth)]
    return [(f"*blocks.{i}.{name}", within_3_std(by_depth(std, n))) for i, n in blocks for name in scaled]

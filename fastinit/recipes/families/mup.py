"""Transformers in the maximal update parametrization: what their tensors are drawn from."""

from __future__ import annotations

import math

from fastinit.initializers import Normal, Ones, Zeros
from fastinit.recipes.families.building import Recipe, by_depth, family
from fastinit.runtime.checks import integer, not_negative, one_of

READOUTS = ("zeros", "normal")


def mup(
    width: int, base_width: int, std: float = 0.02, depth: int | None = None, readout: str = "zeros", tied: bool = False
) -> Recipe:
    """Transformers in the maximal update parametrization, by the names of GPT-2, Llama and their like.

    With m = width / base_width:
    - embeddings: N(0, std), whatever the width;
    - hidden weights: N(0, std / sqrt(m)); with `depth`, projections onto the residual N(0, std / sqrt(2 depth m));
    - head: 0, or with `readout="normal"` N(0, std), whose outputs the model must divide by m;
    - norms 1, biases 0; with `tied` the head is the embedding.
    With Adam the learning rates of hidden weights must be divided by m.

    Source: Yang et al. 2021, arXiv 2203.03466, table 8, and section D.2 for the head of zeros.

    >>> from fastinit import recipes
    >>> print(recipes.mup(width=256, base_width=64).plan({"wte.weight": (50, 256), "h.0.mlp.c_fc.weight": (256, 1024)}))
    tensor               shape        action  values
    wte.weight           (50, 256)    draw    Normal(std=0.02)
    h.0.mlp.c_fc.weight  (256, 1024)  draw    Normal(std=0.01)
    2 tensors: 2 draw
    """
    integer("width", width, 1)
    integer("base_width", base_width, 1)
    one_of("readout", readout, READOUTS)
    hidden = not_negative("std", std) / math.sqrt(width / base_width)
    onto_residual = Normal(0.0, hidden if depth is None else by_depth(hidden, depth))
    head = Zeros() if readout == "zeros" else Normal(0.0, std)
    return family(
        ("*norm*.weight", Ones()),
        ("*ln_*.weight", Ones()),
        ("*.bias", Zeros()),
        *((pattern, Normal(0.0, std)) for pattern in ("*embed*.weight", "*wte.weight", "*wpe.weight")),
        *((pattern, head) for pattern in ("*lm_head.weight", "output.weight", "*readout.weight")),
        *((f"*.{name}.weight", onto_residual) for name in ("c_proj", "o_proj", "out_proj", "down_proj", "wo", "w2")),
        ("*.weight", Normal(0.0, hidden)),
        tied={"lm_head.weight": "model.embed_tokens.weight"} if tied else {},
    )

"""GPT-2, with the names of transformers' `GPT2LMHeadModel`."""

from __future__ import annotations

import math

from fastinit.models.layers import norm
from fastinit.recipes import Model, Rule, TensorSpec

STD = 0.02  # initializer_range of GPT2Config


def model(width: int, depth: int, context: int = 1024, vocabulary: int = 50257) -> Model:
    """N(0, 0.02), and 0.02 / sqrt(2 depth) for the two projections of each layer onto the residual path.

    The 0.02 is of Radford et al. 2018 (GPT), section 4.1, the depth scaling of Radford et al. 2019 (GPT-2),
    section 2.3; as in transformers, which draws the position embedding with 0.02 where OpenAI's code has 0.01.
    `lm_head.weight` is tied to `transformer.wte.weight` and is left out, as `save_pretrained` leaves it out.
    """
    tensors = (
        TensorSpec("transformer.wte.weight", (vocabulary, width)),
        TensorSpec("transformer.wpe.weight", (context, width)),
        *(tensor for i in range(depth) for tensor in _layer(f"transformer.h.{i}", width)),
        *norm("transformer.ln_f", width),
    )
    rules = (
        Rule("*.c_proj.weight", "normal", {"std": STD / math.sqrt(2 * depth)}),
        Rule("*.ln_*.weight", "ones"),
        Rule("*.bias", "zeros"),
        Rule("*.weight", "normal", {"std": STD}),
    )
    return Model(tensors, rules)


def _layer(name: str, width: int) -> tuple[TensorSpec, ...]:
    return (
        *norm(f"{name}.ln_1", width),
        *_conv1d(f"{name}.attn.c_attn", width, 3 * width),
        *_conv1d(f"{name}.attn.c_proj", width, width),
        *norm(f"{name}.ln_2", width),
        *_conv1d(f"{name}.mlp.c_fc", width, 4 * width),
        *_conv1d(f"{name}.mlp.c_proj", 4 * width, width),
    )


def _conv1d(name: str, fan_in: int, fan_out: int) -> tuple[TensorSpec, ...]:
    """transformers' `Conv1D`: a linear layer whose weight is (in, out)."""
    return TensorSpec(f"{name}.weight", (fan_in, fan_out)), TensorSpec(f"{name}.bias", (fan_out,))

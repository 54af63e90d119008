"""GPT-2, with the names of transformers' `GPT2LMHeadModel`."""

from __future__ import annotations

from fastinit import recipes
from fastinit.recipes import TensorSpec
from fastinit.recipes.families.layers import Model, norm


def model(width: int, depth: int, context: int = 1024, vocabulary: int = 50257) -> Model:
    """By `recipes.gpt2`. `lm_head.weight`, tied to `transformer.wte.weight`, is left out, as `save_pretrained` leaves it."""
    tensors = (
        TensorSpec("transformer.wte.weight", (vocabulary, width)),
        TensorSpec("transformer.wpe.weight", (context, width)),
        *(tensor for i in range(depth) for tensor in _layer(f"transformer.h.{i}", width)),
        *norm("transformer.ln_f", width),
    )
    return Model(tensors, recipes.gpt2(depth))


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

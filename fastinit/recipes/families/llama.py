"""Llama 2 and 3, with the names of transformers' `LlamaForCausalLM`."""

from __future__ import annotations

from fastinit import recipes
from fastinit.recipes import TensorSpec
from fastinit.recipes.families.layers import Model


def model(width: int, depth: int, heads: int, kv_heads: int, intermediate: int, vocabulary: int) -> Model:
    """By `recipes.llama`.

    With fewer `kv_heads` than `heads`, several query heads share a key and a value (grouped-query attention).
    """
    kv_width = kv_heads * (width // heads)
    layers = (tensor for i in range(depth) for tensor in _layer(f"model.layers.{i}", width, kv_width, intermediate))
    tensors = (
        TensorSpec("model.embed_tokens.weight", (vocabulary, width)),
        *layers,
        TensorSpec("model.norm.weight", (width,)),
        TensorSpec("lm_head.weight", (vocabulary, width)),
    )
    return Model(tensors, recipes.llama())


def _layer(name: str, width: int, kv_width: int, intermediate: int) -> tuple[TensorSpec, ...]:
    # no biases: every weight is (out, in)
    return (
        TensorSpec(f"{name}.self_attn.q_proj.weight", (width, width)),
        TensorSpec(f"{name}.self_attn.k_proj.weight", (kv_width, width)),
        TensorSpec(f"{name}.self_attn.v_proj.weight", (kv_width, width)),
        TensorSpec(f"{name}.self_attn.o_proj.weight", (width, width)),
        TensorSpec(f"{name}.mlp.gate_proj.weight", (intermediate, width)),
        TensorSpec(f"{name}.mlp.up_proj.weight", (intermediate, width)),
        TensorSpec(f"{name}.mlp.down_proj.weight", (width, intermediate)),
        TensorSpec(f"{name}.input_layernorm.weight", (width,)),
        TensorSpec(f"{name}.post_attention_layernorm.weight", (width,)),
    )

"""Llama and models like it: what tensors are drawn from, and names and shapes in transformers' `LlamaForCausalLM`."""

from __future__ import annotations

from functools import partial

from fastinit.initializers import Normal, Ones, Zeros
from fastinit.recipes.families.building import Model, Recipe, TensorSpec, family


def llama(std: float = 0.02, tied: bool = False) -> Recipe:
    """Llama, Mistral, Qwen and their mixtures of experts, by transformers' names.

    - weights, embeddings and stacks of experts: N(0, std);
    - norms 1, biases 0; with `tied` the head is the embedding.

    Source: transformers, `LlamaPreTrainedModel`. The papers (Touvron et al. 2023, Grattafiori et al. 2024) do not state what
    Meta trained from.

    >>> from fastinit import recipes
    >>> print(recipes.llama().plan({"model.layers.0.mlp.up_proj.weight": (11008, 4096), "model.norm.weight": (4096,)}))
    tensor                             shape          action  values
    model.layers.0.mlp.up_proj.weight  (11008, 4096)  draw    Normal(std=0.02)
    model.norm.weight                  (4096,)        draw    Constant(1.0)
    2 tensors: 2 draw
    """
    return family(
        ("*norm.weight", Ones()),
        ("*.bias", Zeros()),
        ("*.weight", Normal(0.0, std)),
        ("*.experts.*_proj", Normal(0.0, std)),  # stacks of experts, which have no ".weight"
        tied={"lm_head.weight": "model.embed_tokens.weight"} if tied else {},
    )


def model(width: int, depth: int, heads: int, kv_heads: int, intermediate: int, vocabulary: int) -> Model:
    """With fewer `kv_heads` than `heads`, several query heads share a key and a value (grouped-query attention)."""
    kv_width = kv_heads * (width // heads)
    layers = (tensor for i in range(depth) for tensor in _layer(f"model.layers.{i}", width, kv_width, intermediate))
    tensors = (
        TensorSpec("model.embed_tokens.weight", (vocabulary, width)),
        *layers,
        TensorSpec("model.norm.weight", (width,)),
        TensorSpec("lm_head.weight", (vocabulary, width)),
    )
    return Model(tensors, llama())


MODELS = {  # Touvron et al. 2023 (LLaMA), table 2; Grattafiori et al. 2024 (Llama 3), table 3
    "llama-2-7b": partial(model, width=4096, depth=32, heads=32, kv_heads=32, intermediate=11008, vocabulary=32000),
    "llama-3-8b": partial(model, width=4096, depth=32, heads=32, kv_heads=8, intermediate=14336, vocabulary=128256),
}


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

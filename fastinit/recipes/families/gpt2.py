"""GPT-2: what its tensors are drawn from, and their names and shapes in transformers' `GPT2LMHeadModel`."""

from __future__ import annotations

from functools import partial

from fastinit.initializers import Normal, Ones, Zeros
from fastinit.recipes.families.building import Model, Recipe, TensorSpec, by_depth, family, norm


def gpt2(depth: int, std: float = 0.02, tied: bool = True) -> Recipe:
    """GPT-2 of `depth` layers, by transformers' names.

    - weights and both embeddings: N(0, std), as in transformers; OpenAI's code has 0.01 for the position embedding;
    - `c_proj`, the two projections of each layer onto the residual: N(0, std / sqrt(2 depth));
    - norms 1, biases 0; with `tied` the head is the token embedding.

    Source: Radford et al. 2018 (GPT), section 4.1, for 0.02; Radford et al. 2019 (GPT-2), section 2.3, for the depth.

    >>> from fastinit import recipes
    >>> print(recipes.gpt2(depth=8).plan({"h.0.mlp.c_proj.weight": (3072, 768), "h.0.mlp.c_proj.bias": (768,)}))
    tensor                 shape        action  values
    h.0.mlp.c_proj.weight  (3072, 768)  draw    Normal(std=0.005)
    h.0.mlp.c_proj.bias    (768,)       draw    Constant(0.0)
    2 tensors: 2 draw
    """
    return family(
        ("*.c_proj.weight", Normal(0.0, by_depth(std, depth))),
        ("*ln_*.weight", Ones()),
        ("*.bias", Zeros()),
        ("*.weight", Normal(0.0, std)),
        tied={"lm_head.weight": "transformer.wte.weight"} if tied else {},
    )


def model(width: int, depth: int, context: int = 1024, vocabulary: int = 50257) -> Model:
    """`lm_head.weight`, tied to `transformer.wte.weight`, is left out, as `save_pretrained` leaves it out."""
    tensors = (
        TensorSpec("transformer.wte.weight", (vocabulary, width)),
        TensorSpec("transformer.wpe.weight", (context, width)),
        *(tensor for i in range(depth) for tensor in _layer(f"transformer.h.{i}", width)),
        *norm("transformer.ln_f", width),
    )
    return Model(tensors, gpt2(depth))


MODELS = {  # Radford et al. 2019, table 2
    "gpt2": partial(model, width=768, depth=12),
    "gpt2-medium": partial(model, width=1024, depth=24),
    "gpt2-large": partial(model, width=1280, depth=36),
    "gpt2-xl": partial(model, width=1600, depth=48),
}


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

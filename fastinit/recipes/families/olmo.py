"""Ready recipes of language models. Every rule is optional: variants of a family have some of these tensors."""

from __future__ import annotations

import math

from fastinit.initializers import (
    Constant,
    Initializer,
    MambaALog,
    MambaDtBias,
    MambaDtWeight,
    Normal,
    Ones,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)
from fastinit.initializers.mamba import SCHEMES
from fastinit.recipes.checks import at_least_one, not_negative, one_of, positive
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rules import Rule

NORM = "*norm.weight"


def recipe_of(*rules: tuple[str, Initializer], **options) -> Recipe:
    return Recipe(tuple(Rule(pattern, initializer, optional=True) for pattern, initializer in rules), **options)


def gpt2(depth: int, std: float = 0.02, tied: bool = True) -> Recipe:
    """GPT-2, by transformers' names: N(0, std), and std / sqrt(2 depth) for each layer's two projections onto the residual.

    The 0.02 is of Radford et al. 2018 (GPT), section 4.1, the depth scaling of Radford et al. 2019 (GPT-2), section 2.3; as
    in transformers, which draws the position embedding with 0.02 where OpenAI's code has 0.01. `tied`: the head is the
    embedding.
    """
    return recipe_of(
        ("*.c_proj.weight", Normal(0.0, _by_depth(std, depth))),
        ("*ln_*.weight", Ones()),
        ("*.bias", Zeros()),
        ("*.weight", Normal(0.0, std)),
        tied={"lm_head.weight": "transformer.wte.weight"} if tied else {},
    )


def bert(std: float = 0.02, truncated: bool = False) -> Recipe:
    """BERT, by transformers' names: N(0, std), norms 1, biases 0.

    With `truncated` the normal is cut at 2 std, as in Google's code for Devlin et al. 2018; transformers does not cut it. It
    then zeroes the padding token's row of `word_embeddings`, which a rule, being about whole tensors, does not.
    """
    return recipe_of(
        ("*LayerNorm.weight", Ones()),
        ("*bias", Zeros()),
        ("*.weight", TruncatedNormal(0.0, std) if truncated else Normal(0.0, std)),
        tied={
            "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
            "cls.predictions.decoder.bias": "cls.predictions.bias",
        },
    )


def llama(std: float = 0.02, tied: bool = False) -> Recipe:
    """Llama, Mistral, Qwen and their mixtures of experts, by transformers' names: N(0, std), norms 1, biases 0.

    As transformers has it; the papers (Touvron et al. 2023, Grattafiori et al. 2024) do not state the distribution that Meta trained
    from. `tied`: the head is the embedding.
    """
    return recipe_of(
        (NORM, Ones()),
        ("*.bias", Zeros()),
        ("*.weight", Normal(0.0, std)),
        ("*.experts.*_proj", Normal(0.0, std)),  # stacks of experts, which have no ".weight"
        tied={"lm_head.weight": "model.embed_tokens.weight"} if tied else {},
    )


def t5(width: int, head_width: int = 64, factor: float = 1.0) -> Recipe:
    """T5, by transformers' names: every weight N(0, factor^2 / inputs), but queries by 1 / sqrt(head_width) narrower.

    So attention needs no scaling of its products. Embeddings N(0, factor), the relative positions' N(0, factor^2 / width),
    norms `factor`. `width` is d_model, `head_width` d_kv. Raffel et al. 2020, by Mesh TensorFlow's code and transformers'.
    """
    positive("factor", factor)
    at_least_one("width", width), at_least_one("head_width", head_width)
    weights = VarianceScaling(factor**2, "fan_in", "normal", convention="torch")
    return recipe_of(
        ("*layer_norm.weight", Constant(factor)),
        ("*.bias", Zeros()),
        ("*.relative_attention_bias.weight", Normal(0.0, factor / math.sqrt(width))),
        ("*Attention.q.weight", VarianceScaling(factor**2 / head_width, "fan_in", "normal", convention="torch")),
        ("*shared.weight", Normal(0.0, factor)),
        ("lm_head.weight", Normal(0.0, factor)),
        ("*.weight", weights),
        tied={f"{part}.embed_tokens.weight": "shared.weight" for part in ("encoder", "decoder")},
    )


def megatron(depth: int, std: float = 0.02, width_multiplier: float = 1.0) -> Recipe:
    """Megatron-LM's GPT, by the names of its core: N(0, std), and std / sqrt(2 depth) for projections onto the residual.

    `width_multiplier` m, the width over that of the model the std was found for, divides those of all but embeddings and
    head by sqrt(m), as its muP does. Shoeybi et al. 2019, section 4.2; `megatron.core.utils`: `init_method_normal`,
    `scaled_init_method_normal`, `mup_scaled_init_method_normal`. Weights fused with a norm (`*.layer_norm_weight`) are 1.
    """
    positive("width_multiplier", width_multiplier)
    not_negative("std", std)
    hidden = std / math.sqrt(width_multiplier)
    return recipe_of(
        ("*norm*weight", Ones()),  # layernorm.weight, and layer_norm_weight of a layer fused with its norm
        ("*bias*", Zeros()),  # and bias0, bias1, ... of grouped experts
        ("*embeddings.weight", Normal(0.0, std)),
        ("*output_layer.weight", Normal(0.0, std)),
        ("*.linear_proj.weight*", Normal(0.0, _by_depth(hidden, depth))),
        ("*.linear_fc2.weight*", Normal(0.0, _by_depth(hidden, depth))),
        ("*.weight*", Normal(0.0, hidden)),
    )


def torchtitan(depth: int, width: int) -> Recipe:
    """torchtitan's Llama 3 and DeepSeek-V3, by its names: by the layer's own depth, that of layer i being i + 1.

    Embedding N(0, 1); `wo`, `w2` and `w3`, experts' too, N(0, 0.02 / sqrt(2 (i + 1))); head N(0, 1 / width), cut at 3 std;
    all else N(0, 0.02). Its bounds of -2 and 2 are 100 std out, where no value ever falls, so that none is cut.
    """
    at_least_one("width", width)
    layers = ((i, Normal(0.0, _by_depth(0.02, i + 1))) for i in range(at_least_one("depth", depth)))
    return recipe_of(
        (NORM, Ones()),
        ("*.bias", Zeros()),
        ("tok_embeddings.weight", Normal()),
        *((f"*layers.{i}.*.w[23o]{end}", distribution) for i, distribution in layers for end in (".weight", "")),
        ("output.weight", _cut(1 / math.sqrt(width))),
        ("lm_head.weight", _cut(1 / math.sqrt(width))),
        ("*.weight", Normal(0.0, 0.02)),
        ("*.experts.w1", Normal(0.0, 0.02)),
    )


OLMO_METHODS = ("normal", "llama", "llama_depth", "normalized")


def olmo(depth: int, width: int, method: str = "normal", std: float = 0.02) -> Recipe:
    """OLMo-core, by its names: N(0, std) cut at 3 std, norms 1, biases 0.

    `method`: "normal" has nothing else. "llama" divides the std of `w_out`, `w2` and `w3` by sqrt(2 depth), "llama_depth" by
    sqrt(2 (i + 1)) in block i; both have embeddings N(0, 1), and a head of std 1 / sqrt(width). "normalized", nGPT's
    (Loshchilov et al. 2024), has 1 / sqrt(width) for all, and that over sqrt(2 depth) for `w_out` and `w2`. With experts,
    the depth divides all of a block's. `olmo_core.nn.transformer.init.InitMethod`.
    """
    one_of("method", method, OLMO_METHODS)
    not_negative("std", std)
    at_least_one("width", width), at_least_one("depth", depth)
    narrow = 1 / math.sqrt(width)
    hidden = narrow if method == "normalized" else std
    embedding = {"normal": _cut(std), "normalized": Normal(0.0, narrow)}.get(method, Normal())
    return recipe_of(
        (NORM, Ones()),
        ("*.bias", Zeros()),
        ("embeddings.weight", embedding),
        ("lm_head.w_out.weight", _cut(std if method == "normal" else narrow)),
        *_olmo_outputs(method, hidden, depth),
        ("*.weight", _cut(hidden)),
        ("*_moe.*", _cut(hidden)),
    )


def _olmo_outputs(method: str, std: float, depth: int) -> list[tuple[str, Initializer]]:
    """The rules of the tensors that the depth makes narrower."""
    both = ("feed_forward.w2.weight", "attention.w_out.weight")
    scaled = (*both, "feed_forward.w3.weight", "feed_forward_moe.*")
    if method == "normal":
        return []
    if method == "normalized":
        return [(f"*.{name}", _cut(_by_depth(std, depth))) for name in both]
    blocks = [("*", depth)] if method == "llama" else [(str(i), i + 1) for i in range(depth)]
    return [(f"*blocks.{i}.{name}", _cut(_by_depth(std, n))) for i, n in blocks for name in scaled]


def mamba(
    depth: int,
    std: float = 0.1,
    rescale: bool = False,
    dt_scale: float = 1.0,
    dt_scheme: str = "random",
    tied: bool = True,
) -> Recipe:
    """Mamba and Mamba-2, by transformers' names.

    A = -1, -2, ..., -N; D = 1; time steps log-uniform between 0.001 and 0.1 (`MambaDtBias`), their projection within
    `dt_scale` / sqrt(rank); the convolution and `out_proj` as torch's own layers, U(+-1 / sqrt(fan_in)), and with `rescale`
    the latter over sqrt(depth); the other weights N(0, std), norms 1. Gu and Dao 2023 and its code; `std` and
    `rescale` are transformers' `initializer_range` and `rescale_prenorm_residual`.
    """
    at_least_one("depth", depth)
    one_of("dt_scheme", dt_scheme, SCHEMES)
    not_negative("dt_scale", dt_scale)
    as_torch = VarianceScaling(1 / 3, "fan_in", "uniform", convention="torch")
    out = VarianceScaling(1 / 3 / depth, "fan_in", "uniform", convention="torch") if rescale else as_torch
    return recipe_of(
        ("*.A_log", MambaALog()),
        ("*.D", Ones()),
        ("*.dt_bias", MambaDtBias()),
        ("*.dt_proj.bias", MambaDtBias()),
        ("*.dt_proj.weight", MambaDtWeight(dt_scale, dt_scheme, convention="torch")),
        ("*.conv1d.weight", as_torch),
        ("*.out_proj.weight", out),
        ("*norm*.weight", Ones()),
        ("*.bias", Zeros()),
        ("*.weight", Normal(0.0, std)),
        tied={"lm_head.weight": "backbone.embeddings.weight"} if tied else {},
    )


READOUTS = ("zeros", "normal")


def mup(
    width: int, base_width: int, std: float = 0.02, depth: int | None = None, readout: str = "zeros", tied: bool = False
) -> Recipe:
    """Transformers in the maximal update parametrization, by the names of GPT-2, Llama and their like.

    Embeddings N(0, std) whatever the width; hidden weights N(0, std / sqrt(m)), m = width / base_width; with `depth`, the
    projections onto the residual over sqrt(2 depth) besides. `readout`: the head is "zeros" (Yang et al. 2021, arXiv
    2203.03466, section D.2) or "normal", N(0, std), whose outputs the model must divide by m (table 8). With Adam the
    learning rates of hidden weights must be divided by m (ibid.).
    """
    at_least_one("width", width), at_least_one("base_width", base_width)
    one_of("readout", readout, READOUTS)
    not_negative("std", std)
    hidden = std / math.sqrt(width / base_width)
    residual = hidden if depth is None else _by_depth(hidden, depth)
    head = Zeros() if readout == "zeros" else Normal(0.0, std)
    onto_residual = ("c_proj", "o_proj", "out_proj", "down_proj", "wo", "w2")
    embeddings = ("*embed*.weight", "*wte.weight", "*wpe.weight")
    return recipe_of(
        ("*norm*.weight", Ones()),
        ("*ln_*.weight", Ones()),
        ("*.bias", Zeros()),
        *((pattern, Normal(0.0, std)) for pattern in embeddings),
        *((pattern, head) for pattern in ("*lm_head.weight", "output.weight", "*readout.weight")),
        *((f"*.{name}.weight", Normal(0.0, residual)) for name in onto_residual),
        ("*.weight", Normal(0.0, hidden)),
        tied={"lm_head.weight": "model.embed_tokens.weight"} if tied else {},
    )


def _by_depth(std: float, depth: int) -> float:
    not_negative("std", std)
    return std / math.sqrt(2 * at_least_one("depth", depth))


def _cut(std: float) -> TruncatedNormal:
    return TruncatedNormal(0.0, std, -3.0, 3.0)

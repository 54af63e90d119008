"""Ready recipes have the distributions of their families: by the formulas of their sources."""

import math

import numpy as np
import pytest

from fastinit import recipes
from fastinit.distributions import Slabs, WholeTensor
from fastinit.initializers import (
    Constant,
    MambaALog,
    MambaDtBias,
    Ones,
    Parts,
    TruncatedNormal,
    Uniform,
    XavierUniform,
    Zeros,
)
from fastinit.initializers import Normal as NormalOf
from fastinit.recipes import READY

ONES, ZEROS = Ones(), Zeros()


def normal(std):
    return NormalOf(0.0, std)


def cut(std, at):
    return TruncatedNormal(0.0, std, -at, at)


def uniform(bound):
    return Uniform(-bound, bound)


# recipe, [(name, shape, distribution)]; the numbers are worked out by hand from the source that the comment names
DISTRIBUTIONS = {
    # Radford et al. 2019, section 2.3; transformers, GPT2PreTrainedModel._init_weights
    "gpt2": (recipes.gpt2(depth=8), [
        ("transformer.wte.weight", (50, 16), normal(0.02)),
        ("transformer.wpe.weight", (50, 16), normal(0.02)),
        ("transformer.h.0.attn.c_attn.weight", (16, 48), normal(0.02)),
        ("transformer.h.7.attn.c_proj.weight", (16, 16), normal(0.005)),  # 0.02 / sqrt(2 * 8)
        ("transformer.h.0.mlp.c_proj.weight", (64, 16), normal(0.005)),
        ("transformer.h.0.mlp.c_proj.bias", (16,), ZEROS),
        ("transformer.h.0.ln_1.weight", (16,), ONES),
    ]),
    # transformers, BertPreTrainedModel._init_weights
    "bert": (recipes.bert(), [
        ("bert.embeddings.word_embeddings.weight", (50, 16), normal(0.02)),
        ("bert.encoder.layer.0.attention.self.query.weight", (16, 16), normal(0.02)),
        ("bert.encoder.layer.0.attention.self.query.bias", (16,), ZEROS),
        ("bert.embeddings.LayerNorm.weight", (16,), ONES),
        ("cls.predictions.bias", (50,), ZEROS),
    ]),
    # google-research/bert, modeling.py: tf.truncated_normal_initializer(stddev=0.02)
    "bert of Google": (recipes.bert(truncated=True), [
        ("bert.pooler.dense.weight", (16, 16), cut(0.02, 2)),
        ("bert.embeddings.LayerNorm.bias", (16,), ZEROS),
    ]),
    # transformers, LlamaPreTrainedModel and MixtralPreTrainedModel
    "llama": (recipes.llama(0.01), [
        ("model.embed_tokens.weight", (50, 16), normal(0.01)),
        ("lm_head.weight", (50, 16), normal(0.01)),
        ("model.layers.0.mlp.down_proj.weight", (16, 40), normal(0.01)),
        ("model.layers.0.self_attn.q_norm.weight", (4,), ONES),
        ("model.layers.0.mlp.experts.gate_up_proj", (4, 80, 16), normal(0.01)),
        ("model.layers.0.self_attn.q_proj.bias", (16,), ZEROS),
    ]),
    # transformers, T5PreTrainedModel._init_weights, factor f: embeddings f, wi d^-1/2, wo d_ff^-1/2, q (d d_kv)^-1/2,
    # k and v d^-1/2, o (heads d_kv)^-1/2, relative positions d^-1/2; here d = 64, d_kv = 16, 2 heads, d_ff = 100, f = 2
    "t5": (recipes.t5(width=64, head_width=16, factor=2.0), [
        ("shared.weight", (50, 64), normal(2.0)),
        ("lm_head.weight", (50, 64), normal(2.0)),
        ("encoder.block.0.layer.0.SelfAttention.q.weight", (32, 64), normal(2 / 32)),
        ("decoder.block.0.layer.1.EncDecAttention.q.weight", (32, 64), normal(2 / 32)),
        ("encoder.block.0.layer.0.SelfAttention.k.weight", (32, 64), normal(2 / 8)),
        ("encoder.block.0.layer.0.SelfAttention.o.weight", (64, 32), normal(2 / math.sqrt(32))),
        ("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", (32, 2), normal(2 / 8)),
        ("encoder.block.0.layer.1.DenseReluDense.wi_0.weight", (100, 64), normal(2 / 8)),
        ("encoder.block.0.layer.1.DenseReluDense.wo.weight", (64, 100), normal(2 / 10)),
        ("encoder.final_layer_norm.weight", (64,), Constant(2.0)),
    ]),
    # transformers, ViTPreTrainedModel._init_weights
    "vit": (recipes.vit(), [
        ("vit.embeddings.cls_token", (1, 1, 16), normal(0.02)),
        ("vit.embeddings.position_embeddings", (1, 5, 16), normal(0.02)),
        ("vit.embeddings.mask_token", (1, 1, 16), ZEROS),
        ("vit.embeddings.patch_embeddings.projection.weight", (16, 3, 4, 4), normal(0.02)),
        ("vit.layernorm.weight", (16,), ONES),
        ("classifier.bias", (10,), ZEROS),
    ]),
    # timm, vision_transformer.py: init_weights_vit_timm, trunc_normal_(std=.02), cut nowhere; patches as nn.Conv2d
    "timm": (recipes.timm(patch_inputs=48), [
        ("cls_token", (1, 1, 16), normal(1e-6)),
        ("pos_embed", (1, 5, 16), normal(0.02)),
        ("patch_embed.proj.weight", (16, 3, 4, 4), uniform(1 / math.sqrt(48))),
        ("patch_embed.proj.bias", (16,), uniform(1 / math.sqrt(48))),
        ("blocks.0.attn.qkv.weight", (48, 16), normal(0.02)),
        ("blocks.0.ls1.gamma", (16,), Constant(1e-5)),
        ("blocks.0.norm1.weight", (16,), ONES),
        ("head.weight", (10, 16), normal(0.02)),
    ]),
    # timm, init_weights_vit_jax and lecun_normal_
    "timm as in JAX": (recipes.timm(48, "jax", num_classes=1000), [
        ("patch_embed.proj.weight", (16, 3, 4, 4), cut(1 / math.sqrt(48) / 0.87962566103423978, 2)),
        ("blocks.0.attn.qkv.weight", (48, 16), uniform(math.sqrt(6 / 64))),
        ("blocks.0.mlp.fc1.bias", (64,), normal(1e-6)),
        ("blocks.0.attn.qkv.bias", (48,), ZEROS),
        ("head.weight", (10, 16), ZEROS),
        ("head.bias", (10,), Constant(-math.log(1000))),
    ]),
    # timm, init_weights_vit_moco: qkv "weights of Q, K, V separately"
    "timm as in MoCo": (recipes.timm(48, "moco"), [
        ("blocks.0.mlp.fc1.weight", (64, 16), uniform(math.sqrt(6 / 80))),
        ("blocks.0.attn.qkv.weight", (48, 16), Parts(0, ((1 / 3, XavierUniform(convention="torch")),) * 3)),
    ]),
    # torchvision, resnet.py: kaiming_normal_(mode="fan_out", nonlinearity="relu"), zero_init_residual
    "resnet": (recipes.resnet(512, "bn2"), [
        ("conv1.weight", (64, 3, 7, 7), normal(math.sqrt(2 / (64 * 49)))),
        ("layer1.0.downsample.0.weight", (64, 32, 1, 1), normal(math.sqrt(2 / 64))),
        ("layer1.0.downsample.1.weight", (64,), ONES),  # torchvision's: a norm
        ("layer2.0.downsample.1.weight", (64, 32, 1, 1), normal(math.sqrt(2 / 64))),  # timm's resnet50d: a convolution
        ("layer1.0.bn1.weight", (64,), ONES),
        ("layer1.0.bn2.weight", (64,), ZEROS),
        ("bn1.running_var", (64,), ONES),
        ("bn1.running_mean", (64,), ZEROS),
        ("bn1.num_batches_tracked", (), ZEROS),
        ("fc.weight", (10, 512), uniform(1 / math.sqrt(512))),
        ("fc.bias", (10,), uniform(1 / math.sqrt(512))),
    ]),
    # Megatron-LM, core/utils.py: init_method_normal, scaled_init_method_normal: sigma / sqrt(2 L)
    "megatron": (recipes.megatron(depth=8), [
        ("embedding.word_embeddings.weight", (50, 16), normal(0.02)),
        ("decoder.layers.0.self_attention.linear_qkv.weight", (48, 16), normal(0.02)),
        ("decoder.layers.0.self_attention.linear_proj.weight", (16, 16), normal(0.005)),
        ("decoder.layers.0.mlp.linear_fc2.weight", (16, 64), normal(0.005)),
        ("decoder.layers.0.mlp.experts.linear_fc2.weight3", (16, 64), normal(0.005)),
        ("decoder.layers.0.mlp.linear_fc1.layer_norm_weight", (16,), ONES),
        ("decoder.layers.0.mlp.experts.linear_fc1.bias3", (64,), ZEROS),
        ("output_layer.weight", (50, 16), normal(0.02)),
    ]),
    # Megatron-LM, mup_scaled_init_method_normal: sigma / (sqrt(2 L) sqrt(m))
    "megatron with muP": (recipes.megatron(depth=8, width_multiplier=4.0), [
        ("embedding.word_embeddings.weight", (50, 16), normal(0.02)),
        ("decoder.layers.0.self_attention.linear_qkv.weight", (48, 16), normal(0.01)),
        ("decoder.layers.0.mlp.linear_fc2.weight", (16, 64), normal(0.0025)),
    ]),
    # torchtitan, models/llama3 and deepseek_v3: trunc_normal_(std=.02 / sqrt(2 (layer_id + 1))), head cut at 3 std
    "torchtitan": (recipes.torchtitan(depth=8, width=16), [
        ("tok_embeddings.weight", (50, 16), normal(1.0)),
        ("layers.0.attention.wq.weight", (16, 16), normal(0.02)),
        ("layers.1.attention.wo.weight", (16, 16), normal(0.01)),  # 0.02 / sqrt(2 * 2)
        ("layers.7.feed_forward.w2.weight", (16, 64), normal(0.005)),  # 0.02 / sqrt(2 * 8)
        ("layers.7.moe.experts.w3", (4, 64, 16), normal(0.005)),
        ("layers.7.feed_forward.w1.weight", (64, 16), normal(0.02)),
        ("layers.0.attention_norm.weight", (16,), ONES),
        ("output.weight", (50, 16), cut(0.25, 3)),
    ]),
    # OLMo-core, nn/transformer/init.py, InitMethod: all cut at 3 std
    "olmo, normal": (recipes.olmo(8, 16), [
        ("embeddings.weight", (50, 16), cut(0.02, 3)),
        ("blocks.3.attention.w_out.weight", (16, 16), cut(0.02, 3)),
        ("blocks.3.feed_forward_norm.weight", (16,), ONES),
        ("lm_head.w_out.weight", (50, 16), cut(0.02, 3)),
    ]),
    "olmo, llama": (recipes.olmo(8, 16, "llama"), [
        ("embeddings.weight", (50, 16), normal(1.0)),
        ("blocks.3.attention.w_out.weight", (16, 16), cut(0.005, 3)),
        ("blocks.3.attention.w_q.weight", (16, 16), cut(0.02, 3)),
        ("blocks.3.feed_forward.w3.weight", (64, 16), cut(0.005, 3)),
        ("lm_head.w_out.weight", (50, 16), cut(0.25, 3)),
    ]),
    "olmo, llama_depth": (recipes.olmo(8, 16, "llama_depth"), [
        ("blocks.1.feed_forward.w2.weight", (16, 64), cut(0.01, 3)),
        ("blocks.7.feed_forward.w2.weight", (16, 64), cut(0.005, 3)),
    ]),
    "olmo, normalized": (recipes.olmo(8, 16, "normalized"), [
        ("embeddings.weight", (50, 16), normal(0.25)),
        ("blocks.0.attention.w_q.weight", (16, 16), cut(0.25, 3)),
        ("blocks.0.feed_forward.w2.weight", (16, 64), cut(0.0625, 3)),
    ]),
    # Gu and Dao 2023 and their code; transformers, MambaPreTrainedModel._init_weights
    "mamba": (recipes.mamba(depth=9, rescale=True), [
        ("backbone.layers.0.mixer.A_log", (32, 8), MambaALog()),
        ("backbone.layers.0.mixer.D", (32,), ONES),
        ("backbone.layers.0.mixer.dt_proj.weight", (32, 4), uniform(0.5)),  # rank^-1/2
        ("backbone.layers.0.mixer.dt_proj.bias", (32,), MambaDtBias()),
        ("backbone.layers.0.mixer.dt_bias", (8,), MambaDtBias()),
        ("backbone.layers.0.mixer.conv1d.weight", (32, 1, 4), uniform(0.5)),
        ("backbone.layers.0.mixer.out_proj.weight", (16, 32), uniform(1 / math.sqrt(32) / 3)),
        ("backbone.layers.0.mixer.in_proj.weight", (64, 16), normal(0.1)),
        ("backbone.layers.0.norm.weight", (16,), ONES),
    ]),
    "mamba, constant time steps": (recipes.mamba(depth=9, dt_scheme="constant", dt_scale=2.0), [
        ("backbone.layers.0.mixer.dt_proj.weight", (32, 4), Constant(1.0)),
        ("backbone.layers.0.mixer.out_proj.weight", (16, 32), uniform(1 / math.sqrt(32))),
    ]),
    # Yang et al. 2021, arXiv 2203.03466, table 8 and section D.2: hidden std / sqrt(m), m = 4
    "mup": (recipes.mup(width=64, base_width=16, depth=8), [
        ("model.embed_tokens.weight", (50, 64), normal(0.02)),
        ("model.layers.0.self_attn.q_proj.weight", (64, 64), normal(0.01)),
        ("model.layers.0.mlp.down_proj.weight", (64, 64), normal(0.0025)),
        ("model.layers.0.input_layernorm.weight", (64,), ONES),
        ("lm_head.weight", (50, 64), ZEROS),
    ]),
    "mup, a normal readout": (recipes.mup(width=64, base_width=16, readout="normal"), [
        ("lm_head.weight", (50, 64), normal(0.02)),
        ("model.layers.0.mlp.down_proj.weight", (64, 64), normal(0.01)),
    ]),
    # transformers, PreTrainedModel._init_weights
    "generic": (recipes.generic(0.01), [
        ("w", (4, 8), normal(0.01)),
        ("norm.weight", (8,), ONES),
        ("norm.bias", (8,), ZEROS),
    ]),
}  # fmt: skip


def close(distribution, expected):
    """Equal, but for the last digits of what is worked out in another order."""
    if isinstance(distribution, WholeTensor):
        return distribution.initializer == expected.initializer
    if isinstance(distribution, Slabs):
        pairs = zip(distribution.slabs, expected.slabs, strict=True)
        return all(slab.box == other.box and close(slab.distribution, other.distribution) for slab, other in pairs)
    numbers, others = vars(distribution), vars(expected)
    return type(distribution) is type(expected) and all(
        math.isclose(numbers[key], others[key], rel_tol=1e-14) for key in numbers
    )


@pytest.mark.parametrize(
    ("recipe", "name", "shape", "initializer"),
    [
        pytest.param(recipe, *row, id=f"{family}-{row[0]}")
        for family, (recipe, rows) in DISTRIBUTIONS.items()
        for row in rows
    ],
)
def test_a_tensor_has_the_distribution_of_its_family(recipe, name, shape, initializer):
    distribution, expected = recipe.plan({name: shape}).distributions[name], initializer.distribution_for(shape, layout="oi")
    assert close(distribution, expected)


def test_every_ready_recipe_is_in_these_tests():
    assert {family.split()[0].rstrip(",") for family in DISTRIBUTIONS} == set(READY)


@pytest.mark.parametrize("name", READY)
def test_a_ready_recipe_says_its_distribution_and_fits_any_model_of_its_family(name):
    """It has a docstring, and every rule is optional: variants of a family have some of its tensors only."""
    recipe, _ = DISTRIBUTIONS[name if name in DISTRIBUTIONS else f"{name}, normal"]
    assert READY[name].__doc__ and all(rule.optional for rule in recipe)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: recipes.ready("gpt3"), ValueError, "unknown recipe 'gpt3': did you mean 'gpt2'? known: bert, generic"),
        (lambda: recipes.ready("gpt2"), TypeError, "recipe 'gpt2': missing a required argument: 'depth'; its parameters"),
        (lambda: recipes.gpt2(0), ValueError, "depth must be an int of at least 1, got 0"),
        (lambda: recipes.gpt2("12"), TypeError, "depth must be an int, got '12'"),
        (lambda: recipes.gpt2(12, std=-1), ValueError, "std must be a finite number that is not negative, got -1"),
        (lambda: recipes.gpt2(12, std="x"), TypeError, "std must be a number, got 'x'"),
        (lambda: recipes.bert(std=-1.0), ValueError, "std must not be negative, got -1.0"),
        (lambda: recipes.t5(512, factor=0), ValueError, "factor must be a positive finite number, got 0"),
        (lambda: recipes.t5(True), TypeError, "width must be an int, got True"),
        (lambda: recipes.megatron(4, width_multiplier=0), ValueError, "width_multiplier must be a positive finite number"),
        (lambda: recipes.olmo(4, 64, "x"), ValueError, "method must be one of 'normal', 'llama', 'llama_depth'"),
        (lambda: recipes.mamba(2, dt_scheme="x"), ValueError, "dt_scheme must be one of 'random', 'constant', got 'x'"),
        (lambda: recipes.mup(64, 32, readout="x"), ValueError, "readout must be one of 'zeros', 'normal', got 'x'"),
        (lambda: recipes.timm(mode="x"), ValueError, "mode must be one of '', 'jax', 'moco', got 'x'"),
        (lambda: recipes.timm(layer_scale="x"), TypeError, "layer_scale must be a number, got 'x'"),
        (lambda: recipes.resnet(zero_last="bn9"), ValueError, "zero_last must be one of '', 'bn2', 'bn3', got 'bn9'"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused_and_says_what_is_allowed(call, error, message):
    with pytest.raises(error) as refusal:
        call()
    assert str(refusal.value).startswith(message)


def test_a_depth_may_be_numpys():
    assert recipes.gpt2(np.int64(8)) == recipes.gpt2(8)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("torchtitan", {"width": 64, "depth": 10**9}, "depth must be an int of at most 10,000, got 1000000000"),
        ("olmo", {"width": 64, "depth": 10**9}, "depth must be an int of at most 10,000, got 1000000000"),
        ("mup", {"width": 10**400, "base_width": 8}, "width must be an int of at most 64 bits, got an int of 1329 bits"),
        ("t5", {"width": 64, "factor": 1e308}, "scale must be a finite number that is not negative, got inf"),
    ],
)
def test_a_number_of_which_no_recipe_can_be_made_is_refused(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        recipes.ready(name, **parameters)

"""The families' recipes draw as transformers draws its models, and leave no tensor of the published ones without a rule."""

import math
from fnmatch import fnmatchcase

import numpy as np
import pytest
from scipy.stats import ks_2samp

from fastinit import recipes
from tests.thresholds import FALSE_ALARM_RATE

# class, small config, recipe for it; all widths apart, so that a wrong fan shows
SMALL = {
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", dict(n_embd=96, n_layer=2, n_head=4, vocab_size=500), recipes.gpt2(2)),
    "bert": (
        "BertForPreTraining",
        "BertConfig",
        dict(hidden_size=96, num_hidden_layers=2, intermediate_size=200, num_attention_heads=4, vocab_size=500),
        recipes.bert(),
    ),
    "llama": (
        "LlamaForCausalLM",
        "LlamaConfig",
        dict(hidden_size=96, num_hidden_layers=2, intermediate_size=200, num_attention_heads=4, vocab_size=500),
        recipes.llama(),
    ),
    "mixtral": (
        "MixtralForCausalLM",
        "MixtralConfig",
        dict(hidden_size=96, num_hidden_layers=2, intermediate_size=200, num_attention_heads=4, num_key_value_heads=2,
             num_local_experts=4, vocab_size=500),
        recipes.llama(),
    ),
    "t5": (
        "T5ForConditionalGeneration",
        "T5Config",
        dict(d_model=96, d_ff=200, d_kv=16, num_layers=2, num_heads=4, vocab_size=500),
        recipes.t5(width=96, head_width=16),
    ),
    "vit": (
        "ViTForImageClassification",
        "ViTConfig",
        dict(hidden_size=96, num_hidden_layers=2, intermediate_size=200, num_attention_heads=4),
        recipes.vit(),
    ),
    "mamba": (
        "MambaForCausalLM",
        "MambaConfig",
        dict(hidden_size=96, num_hidden_layers=2, vocab_size=500),
        recipes.mamba(2),
    ),
    "mamba, rescaled": (
        "MambaForCausalLM",
        "MambaConfig",
        dict(hidden_size=96, num_hidden_layers=8, vocab_size=500, rescale_prenorm_residual=True),
        recipes.mamba(8, rescale=True),
    ),
}  # fmt: skip
LARGE = {  # of the published sizes, on the meta device
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", {}, recipes.gpt2(12)),
    "bert": ("BertForPreTraining", "BertConfig", {}, recipes.bert()),
    "llama": ("LlamaForCausalLM", "LlamaConfig", {}, recipes.llama()),
    "mixtral": ("MixtralForCausalLM", "MixtralConfig", {}, recipes.llama()),
    "qwen3 moe": ("Qwen3MoeForCausalLM", "Qwen3MoeConfig", dict(num_hidden_layers=4), recipes.llama()),
    "t5": ("T5ForConditionalGeneration", "T5Config", {}, recipes.t5(512)),
    "vit": ("ViTForImageClassification", "ViTConfig", {}, recipes.vit()),
    "mamba": ("MambaForCausalLM", "MambaConfig", {}, recipes.mamba(32)),
    "mamba-2": ("Mamba2ForCausalLM", "Mamba2Config", dict(num_hidden_layers=4), recipes.mamba(4)),
}
# Not the distribution of transformers: what is said of it in the recipe's docstring.
APART = {"bert": ["*.word_embeddings.weight"]}  # whose padding row transformers zeroes


def model_of(family, device="cpu"):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    cls, config, options, _ = family
    with torch.device(device):
        torch.manual_seed(0)
        return getattr(transformers, cls)(getattr(transformers, config)(**options))


def tied(model):
    """The names of tensors that are one with an earlier one."""
    seen, names = set(), []
    for name, tensor in model.state_dict(keep_vars=True).items():
        names += [name] if id(tensor) in seen else []
        seen.add(id(tensor))
    return names


@pytest.mark.parametrize("name", SMALL)
def test_each_tensor_is_distributed_as_transformers_draws_it(name):
    """Two samples, Kolmogorov-Smirnov, for each tensor; constant ones are equal."""
    model, recipe = model_of(SMALL[name]), SMALL[name][-1]
    theirs = {tensor: value.numpy() for tensor, value in model.state_dict().items()}
    ours = recipe.materialize(theirs, seed=1)
    assert ours.keys() == theirs.keys()
    for tensor, value in theirs.items():
        if any(fnmatchcase(tensor, pattern) for pattern in APART.get(name, ())):
            assert ours[tensor].std() == pytest.approx(value[1:].std(), rel=0.02), tensor  # 48 000 values: 6 standard errors
        elif np.ptp(value) == 0 or "A_log" in tensor:
            np.testing.assert_array_max_ulp(ours[tensor], value, 1)
        else:
            assert ks_2samp(ours[tensor].ravel(), value.ravel()).pvalue > FALSE_ALARM_RATE / len(theirs), tensor


@pytest.mark.parametrize("name", LARGE)
def test_every_tensor_of_a_whole_model_on_the_meta_device_has_a_distribution(name):
    model, recipe = model_of(LARGE[name], "meta"), LARGE[name][-1]
    distributions = recipe.plan(model.state_dict()).distributions
    assert all(distribution is not None or tensor in dict(recipe.tied) for tensor, distribution in distributions.items())


@pytest.mark.parametrize("name", ["gpt2", "bert", "t5", "mamba"])
def test_the_tensors_that_are_tied_are_those_of_transformers(name):
    model, recipe = model_of(LARGE[name], "meta"), LARGE[name][-1]
    names = {alias for alias, _ in recipe.tied}
    assert set(tied(model)) == names | ({"lm_head.weight"} if name == "t5" else set())


@pytest.mark.parametrize(("name", "std"), [("gpt2", 0.02 / 2), ("llama", 0.02), ("t5", 1 / math.sqrt(200))])
def test_the_projection_onto_the_residual_has_the_std_that_transformers_draws(name, std):
    end = {"gpt2": "mlp.c_proj.weight", "llama": "mlp.down_proj.weight", "t5": "DenseReluDense.wo.weight"}[name]
    drawn = [tensor for key, tensor in model_of(SMALL[name]).state_dict().items() if key.endswith(end)]
    assert drawn
    for tensor in drawn:
        assert tensor.std().item() == pytest.approx(std, rel=0.04)  # at least 19 200 values: 7 standard errors

"""Every method of peft that needs no data, on a small Llama: each tuner with its defaults, then LoRA's many ways."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import peft
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

TARGETS = ["q_proj", "v_proj", "down_proj"]
OPTIONS: dict[str, dict[str, Any]] = {  # what a method asks for, or what makes it small
    "ADALORA": {"total_step": 10},
    "BOFT": {"boft_block_size": 8},
    "IA3": {"target_modules": TARGETS, "feedforward_modules": ["down_proj"]},
    "FOURIERFT": {"n_frequency": 100},
    "LN_TUNING": {"target_modules": ["input_layernorm"]},
    "TRAINABLE_TOKENS": {"target_modules": ["embed_tokens"], "token_indices": [3, 5]},
    "ADAPTION_PROMPT": {"adapter_len": 4, "adapter_layers": 2, "target_modules": None},
    "VBLORA": {"num_vectors": 32, "vector_length": 16},
    "C3A": {"block_size": 16},
    "RANDLORA": {"r": 8},
    "SHIRA": {"r": 4},
    "ROAD": {"group_size": 16},
    "WAVEFT": {"n_frequency": 100},
    "XLORA": {"hidden_size": 64, "adapters": {}},
    "CPT": {"cpt_token_ids": [3, 5], "cpt_mask": [1, 1], "cpt_tokens_type_mask": [1, 1]},
    "MULTITASK_PROMPT_TUNING": {"num_tasks": 2},
}
PROMPTS = ("PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING", "MULTITASK_PROMPT_TUNING", "CARTRIDGE")
LORA: dict[str, dict[str, Any]] = {
    "gaussian": {"init_lora_weights": "gaussian"},
    "random": {"init_lora_weights": False},
    "olora": {"init_lora_weights": "olora"},
    "pissa": {"init_lora_weights": "pissa"},
    "pissa_niter": {"init_lora_weights": "pissa_niter_4"},
    "orthogonal": {"init_lora_weights": "orthogonal"},
    "mica": {"init_lora_weights": "mica"},
    "dora": {"use_dora": True},
    "rslora": {"use_rslora": True},
    "bias": {"lora_bias": True},
    "embedding": {"target_modules": ["embed_tokens", "q_proj"]},
    "head": {"target_modules": ["lm_head", "q_proj"]},
    "all": {"target_modules": "all-linear"},
    "modules_to_save": {"modules_to_save": ["lm_head"]},
    "trainable_tokens": {"trainable_token_indices": [3, 5]},
    "replication": {"layer_replication": [[0, 2], [1, 2]]},
    "parameters": {"target_parameters": ["self_attn.k_proj.weight"]},
}


def base() -> nn.Module:
    small: dict[str, Any] = {"num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=96, hidden_size=64, intermediate_size=128, use_cache=False, **small))


def factories() -> dict[str, Callable[[], nn.Module]]:
    kinds = {getattr(kind, "name", kind): config for kind, config in PEFT_TYPE_TO_CONFIG_MAPPING.items()}
    found: dict[str, Callable[[], nn.Module]] = {name: partial(_tuned, name, config) for name, config in kinds.items()}
    return found | {f"LORA.{name}": partial(_tuned, "LORA", peft.LoraConfig, **more) for name, more in LORA.items()}


def _tuned(name: str, config: Any, **more: Any) -> nn.Module:
    options = {"num_virtual_tokens": 4} if name in PROMPTS else {"target_modules": TARGETS}
    options |= {"task_type": "CAUSAL_LM"} | OPTIONS.get(name, {}) | more
    known = config.__dataclass_fields__
    return peft.get_peft_model(base(), config(**{key: value for key, value in options.items() if key in known}))

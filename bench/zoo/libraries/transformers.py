"""Every architecture of transformers, from a small config: for each the model with most heads, without a download."""

from __future__ import annotations

import copy
import importlib
import inspect
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import transformers
from torch import nn
from transformers import PreTrainedModel  # the import that takes seconds
from transformers.models.auto import modeling_auto as auto

from bench.zoo.libraries.configs import first_built, sizes

LAYER_TYPES = ("full_attention", "sliding_attention")
EXPERTS = {"num_experts": 4, "top_k_experts": 2, "moe_intermediate_size": 32}
SPARSE: dict[str, Any] = {"mlp_layer_types": ["dense", "sparse"], "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2}
ROTARY = {"rope_parameters": {kind: {"rope_type": "default", "rope_theta": 1e4} for kind in LAYER_TYPES}}
GIVEN: dict[str, dict[str, Any]] = {  # what configs ask for
    "autoformer": {"prediction_length": 8},
    "informer": {"prediction_length": 8},
    "time_series_transformer": {"prediction_length": 8},
    "esm": {"vocab_size": 33, "pad_token_id": 1},
    "nemotron": {"num_key_value_heads": 2},
    "hunyuan_vl": {"text_config": {"head_dim": 16, "num_key_value_heads": 2}},
    "chameleon": {"vocabulary_map": {"<image>": 5}},
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2},
    "deepseek_ocr2_text": SPARSE,
    "deepseek_ocr2": {"text_config": SPARSE},
    "cohere_compass_text": ROTARY,
    "cohere_compass": {"text_config": ROTARY},
    "dbrx": {"attn_config": {"rope_theta": 1e4}},
    "diffusion_gemma": {"text_config": EXPERTS},
    "diffusion_gemma_text": EXPERTS,
}
MAPPINGS = [  # the first that knows the config says which class is built
    "MODEL_FOR_PRETRAINING_MAPPING",
    "MODEL_FOR_CAUSAL_LM_MAPPING",
    "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING",
    "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING",
    "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING",
    "MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING",
    "MODEL_FOR_OBJECT_DETECTION_MAPPING",
    "MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING",
    "MODEL_FOR_DEPTH_ESTIMATION_MAPPING",
    "MODEL_FOR_MASK_GENERATION_MAPPING",
    "MODEL_FOR_KEYPOINT_DETECTION_MAPPING",
    "MODEL_FOR_MASKED_LM_MAPPING",
    "MODEL_FOR_CTC_MAPPING",
    "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING",
    "MODEL_MAPPING",
]


def factories() -> dict[str, Callable[[], nn.Module]]:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    return {name: Architecture(name) for name in transformers.CONFIG_MAPPING}


class Architecture:
    """Builds a model of this type, of a class and a config that are sought once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: tuple[Any, Any] | None = None

    def __call__(self) -> nn.Module:
        if self.found is None:
            self.found = self._first_found()
        return _build(*self.found)

    def _first_found(self) -> tuple[Any, Any]:
        """The first class of which a model can be built, with its config."""
        kind = transformers.CONFIG_MAPPING[self.name]
        errors: list[Exception] = []
        for model in dict.fromkeys(_classes_of(kind)):
            try:
                return model, first_built(partial(_build, model), _configs(kind))
            except ValueError as error:
                errors.append(error)
        raise errors[0] if errors else LookupError("transformers has no model of this config")


def _build(model: Any, config: Any) -> nn.Module:
    return model._from_config(copy.deepcopy(config))


def _configs(kind: type) -> Iterator[Any]:
    for size in sizes():
        for lists in (False, True):
            try:
                yield small(kind, size, lists, kind(**GIVEN.get(kind.model_type, {})))
            except Exception as error:
                yield error


def small(kind: Any, size: Callable[[str, Any], Any], lists: bool, given: Any = None) -> Any:
    """A config of this class with its numbers changed, and its lists too, or as they follow from the numbers.

    `given`: the config that it is to be instead of the default one, as part of another.
    """
    default = kind()
    changed = {}
    for name, value in vars(default if given is None else given).items():
        if isinstance(value, transformers.PreTrainedConfig):
            changed[name] = small(type(value), size, lists, value)
        elif not name.startswith("_") and (lists or not isinstance(value, (list, tuple))):
            new = size(name, value)
            if new != vars(default).get(name):
                changed[name] = new
    return kind(**changed)


def _classes_of(config: type) -> Iterator[Any]:
    for mapping in MAPPINGS:
        found = getattr(auto, mapping, {}).get(config, None)
        if found is not None:
            yield found[0] if isinstance(found, tuple) else found
    yield from _within_the_modeling_file(config)


def _within_the_modeling_file(config: type) -> Iterator[Any]:
    """Parts of a larger model, which no mapping has; not what all models of the file are derived from."""
    module = importlib.import_module(config.__module__.replace("configuration_", "modeling_"))
    kinds = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, PreTrainedModel)]
    kinds = [kind for kind in kinds if "PreTrainedModel" not in kind.__name__]
    yield from (kind for kind in kinds if kind.__dict__.get("config_class") is config or _annotated(kind) is config)


def _annotated(kind: type) -> Any:
    own = inspect.get_annotations(kind).get("config")
    return getattr(inspect.getmodule(kind), own, None) if isinstance(own, str) else own

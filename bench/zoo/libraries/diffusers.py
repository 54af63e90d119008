"""Every model of diffusers, from the defaults of its constructor made small."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from typing import Any

import diffusers.models
from diffusers import ModelMixin
from torch import nn

from bench.zoo.libraries.configs import first_built, sizes

GIVEN: dict[str, dict[str, Any]] = {  # what the constructors ask for, or take as None only to fail
    "AutoencoderKLHunyuanImage": {
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": 16,
        "block_out_channels": (32, 64),
        "layers_per_block": 1,
        "spatial_compression_ratio": 2,
        "sample_size": 32,
    },
    "DreamLiteTransformer2DModel": {"in_channels": 64},
    "EasyAnimateTransformer3DModel": {"in_channels": 16},
    "HunyuanDiT2DControlNetModel": {"in_channels": 4, "patch_size": 2, "sample_size": 16},
    "HunyuanDiT2DModel": {"in_channels": 4, "patch_size": 2, "sample_size": 16},
    "LatteTransformer3DModel": {"in_channels": 4, "patch_size": 2, "sample_size": 16},
    "Transformer2DModel": {"in_channels": 64},
    "TransformerTemporalModel": {"in_channels": 64},
    "ControlNetUnionModel": {"transformer_layers_per_block": 1},
    "LuminaNextDiT2DModel": {"num_kv_heads": 2},
}


def factories() -> dict[str, Callable[[], nn.Module]]:
    logging.getLogger("diffusers").setLevel(logging.ERROR)
    kinds = {name: getattr(diffusers.models, name) for name in dir(diffusers.models)}
    models = {name: kind for name, kind in kinds.items() if inspect.isclass(kind) and issubclass(kind, ModelMixin)}
    return {name: Architecture(kind) for name, kind in sorted(models.items()) if kind is not ModelMixin}


class Architecture:
    """Builds a model of this class, with arguments that are sought once."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.arguments: dict[str, Any] | None = None

    def __call__(self) -> nn.Module:
        if self.arguments is None:
            self.arguments = first_built(lambda arguments: self.kind(**arguments), self._attempts())
        return self.kind(**self.arguments)

    def _attempts(self) -> Iterator[dict[str, Any]]:
        parameters = inspect.signature(self.kind.__init__).parameters
        defaults = {name: p.default for name, p in parameters.items() if p.default is not p.empty}
        defaults |= GIVEN.get(self.kind.__name__, {})
        for size in sizes():
            arguments = {name: size(name, value) for name, value in defaults.items()}
            yield {name: value for name, value in arguments.items() if value != parameters[name].default}

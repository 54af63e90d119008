"""The built-in models: the names and shapes of their tensors, and the distribution each family starts from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fastinit.recipes.families import bert, gpt2, llama, mlp, resnet, vit
from fastinit.recipes.families.layers import Model
from fastinit.runtime.nearest import did_you_mean

MODELS: dict[str, Callable[[], Model]] = {
    "gpt2": partial(gpt2.model, width=768, depth=12),
    "gpt2-medium": partial(gpt2.model, width=1024, depth=24),
    "gpt2-large": partial(gpt2.model, width=1280, depth=36),
    "gpt2-xl": partial(gpt2.model, width=1600, depth=48),
    "bert-base": partial(bert.model, width=768, depth=12, intermediate=3072),
    "llama-2-7b": partial(llama.model, width=4096, depth=32, heads=32, kv_heads=32, intermediate=11008, vocabulary=32000),
    "llama-3-8b": partial(llama.model, width=4096, depth=32, heads=32, kv_heads=8, intermediate=14336, vocabulary=128256),
    "vit-b-16": partial(vit.model, width=768, depth=12, intermediate=3072, patch=16),
    "resnet50": partial(resnet.model, blocks=(3, 4, 6, 3)),
    "mlp": partial(mlp.model, widths=(784, 512, 256, 10)),
}


def build(name: str) -> Model:
    """The built-in model called `name`, one of `MODELS`."""
    if name not in MODELS:
        hint = did_you_mean(name.lower(), {known: known for known in MODELS}, cutoff=0.5)
        raise ValueError(f"unknown model {name!r}: {hint}known: {', '.join(sorted(MODELS))}")
    return MODELS[name]()

"""Of every module of timm the smallest model, as far as the names tell."""

from __future__ import annotations

import re
from collections.abc import Callable

import timm
from torch import nn

from bench.zoo.libraries.configs import first_built

SIZES = ("test", "atto", "femto", "pico", "zepto", "nano", "xxt", "xxs", "_xs", "tiny", "_t", "mini", "small", "_s")


def factories() -> dict[str, Callable[[], nn.Module]]:
    found = {}
    for module in timm.list_modules():
        models = timm.list_models(module=module)
        if models:
            name = min(models, key=_size)
            found[f"{module}.{name}"] = Model(name)
    return found


class Model:
    """Builds a model of timm; a large one with 2 layers, if it takes a number of layers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.options: dict[str, int] | None = None

    def __call__(self) -> nn.Module:
        if self.options is None:
            self.options = first_built(self._build, [{}, {"depth": 2}])
        return self._build(self.options)

    def _build(self, options: dict[str, int]) -> nn.Module:
        return timm.create_model(self.name, pretrained=False, **options)


def _size(name: str) -> tuple[int, int, int, str]:
    rank = next((i for i, size in enumerate(SIZES) if size in name), len(SIZES))
    numbers = [int(number) for number in re.findall(r"\d+", name)] or [0]
    return rank, numbers[0], len(name), name

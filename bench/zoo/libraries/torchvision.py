"""Every model of torchvision, without its weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from torch import nn
from torchvision import models

import fastinit.torch

MOST = 150_000_000  # elements of a model
NO_BACKBONE = {"weights_backbone": None}


def factories() -> dict[str, Callable[[], nn.Module]]:
    return {name: partial(build, name) for name in models.list_models()}


def build(name: str) -> nn.Module:
    n = elements(name)
    if n > MOST:
        raise ValueError(f"{n / 1e6:.0f} M elements, of a family whose smaller models are there")
    return made(name)


@cache
def elements(name: str) -> int:
    """How many parameters it has; found once, before any construction that is compared. RegNets look at values."""
    with fastinit.torch.deferred():
        return sum(parameter.numel() for parameter in made(name).parameters())


def made(name: str) -> nn.Module:
    builder = models.get_model_builder(name)
    options = NO_BACKBONE if any(part in builder.__module__ for part in ("detection", "segmentation")) else {}
    options = options | ({"init_weights": True} if name in ("googlenet", "inception_v3") else {})
    return builder(weights=None, **options)

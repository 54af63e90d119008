"""The ways of building a model that are compared with stock; each takes a factory and returns the tensors by name."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

import fastinit.torch
from bench.zoo.compare import Tensors, tensors_of
from bench.zoo.weights import Weights
from fastinit.torch import construction

Factory = Callable[[], nn.Module | Tensors]  # tensors: of a framework other than torch, `Weights`
Way = Callable[[Factory], Tensors]


def seed(number: int) -> None:
    torch.manual_seed(number)
    np.random.seed(number)
    random.seed(number)


def stock(factory: Factory, number: int) -> Tensors:
    """As the library builds it; memory that nothing writes is NaN, or the largest integer."""
    seed(number)
    torch.use_deterministic_algorithms(True, warn_only=True)  # by which torch fills uninitialized memory
    try:
        return tensors_of(factory())
    finally:
        torch.use_deterministic_algorithms(False)


def plain(factory: Factory) -> Tensors:
    """Stock once more: what the comparison says of it are false alarms."""
    return stock(factory, 3)


def accelerate(factory: Factory) -> Tensors:
    if isinstance(factory, Weights):
        return factory.accelerated()
    with fastinit.torch.accelerate(seed=0):
        return tensors_of(factory())


def init_cpu(factory: Factory) -> Tensors:
    model = factory()
    fastinit.torch.init_(model, seed=0)
    return tensors_of(model)


def init_meta(factory: Factory) -> Tensors:
    with torch.device("meta"):
        model = factory()
    fastinit.torch.init_(model, seed=0)
    return tensors_of(model)


def deferred(factory: Factory) -> Tensors:
    with fastinit.torch.deferred():
        model = factory()
    fastinit.torch.init_(model, seed=0)
    return tensors_of(model)


def replay(factory: Factory) -> Tensors:
    """The record of the construction, replayed with the draws of torch's own generator: stock, bit for bit."""
    with fastinit.torch.deferred():
        model = factory()
    seed(1)
    return construction.replayed_by_torch(model)


WAYS: dict[str, Way] = {"stock": plain, "accelerate": accelerate, "init_cpu": init_cpu, "init_meta": init_meta}
WAYS |= {"deferred": deferred, "replay": replay}
WITHOUT_RECORD = ("init_cpu", "init_meta")
FOR_WEIGHTS = ("stock", "accelerate")  # of models that are no modules of torch

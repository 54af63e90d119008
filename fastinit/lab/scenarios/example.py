"""The tutorial's own example: two dense layers, as Keras' Sequential has them, learn y = 2x + noise."""

from __future__ import annotations

import numpy as np
from torch import nn

from fastinit.initializers import Normal, Orthogonal, Uniform, XavierUniform
from fastinit.lab.scenarios.scenario import Scenario, Size
from fastinit.lab.strategies import MadeOf
from fastinit.lab.tasks import Supervised
from fastinit.recipes import Recipe

SAMPLES = 200
NOISE = 0.1  # std; x is uniform on [0, 1)
RANDOM_UNIFORM = Uniform(-0.05, 0.05)  # what Keras draws for "random_uniform"
RANDOM_NORMAL = Normal(0.0, 0.05)  # and for "random_normal"


def task() -> Supervised:
    rng = np.random.default_rng(0)
    x = rng.random((SAMPLES, 1), np.float32)
    y = 2 * x + NOISE * rng.standard_normal((SAMPLES, 1), np.float32)
    return Supervised(x, y, learning_rate=0.01, batch_size=32)


def make_model() -> nn.Module:
    """Sequential([Dense(10, relu), Dense(1)])"""
    return nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))


STRATEGIES: dict[str, MadeOf] = {
    "random_uniform, orthogonal": Recipe([("0.weight", RANDOM_UNIFORM), ("2.weight", Orthogonal()), ("*.bias", "zeros")]),
    "glorot_uniform": XavierUniform(),
    "random_normal": RANDOM_NORMAL,
    "he_normal": "he_normal",
    "torch": "torch",
    "zeros": "zeros",
}

EXAMPLE = Scenario(
    "example",
    "The tutorial's example: y = 2x + noise",
    (
        f"A network of Dense(10, relu) and Dense(1) learns y = 2x + noise from {SAMPLES} points. The first strategy is the "
        "tutorial's: Keras' random_uniform, U(-0.05, 0.05), in the first layer and an orthogonal second one.",
        "A network so small forgives much: hardly any signal is lost in two layers, and small weights grow in some epochs. "
        "Zeros never train: the gradient of each layer is 0 as long as the other layer is.",
    ),
    task,
    make_model,
    STRATEGIES,
    size=Size(10, 20),
    quick=Size(6, 12),
)
SCENARIOS = (EXAMPLE,)

"""Depth: the same dense network from 5 to 100 layers, by activation and strategy, on handwritten digits."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

from torch import nn

from fastinit.initializers import Orthogonal, gain
from fastinit.lab.scenarios.scenario import Scenario, Size
from fastinit.lab.scenarios.vision import IMAGES
from fastinit.lab.tasks import Supervised
from fastinit.runtime.forks import without_forks

ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU, "gelu": nn.GELU, "selu": nn.SELU}
DEPTHS, QUICK_DEPTHS = (5, 10, 20, 50, 100), (5, 20)
WIDTH = 48
GAINS = {"tanh": 1.0, "relu": 2**0.5, "gelu": gain("gelu"), "selu": 1.0}
"""Of the orthogonal strategy: tanh and SELU are critical at 1 (Schoenholz et al. 2017; Klambauer et al. 2017)."""
SIZE, QUICK = Size(4, 4), Size(3, 2)
WORDS = (
    f"Dense networks of {WIDTH} units a layer learn from digits. {IMAGES} The orthogonal strategy has gain 1 for tanh and "
    f"selu, sqrt(2) for relu and {GAINS['gelu']:.3f} for gelu; suggest is what lab.suggest advises for each network.",
    "A layer multiplies the signal by the root of its weights' variance times fan_in times what the activation keeps of the "
    "second moment. Where that is not 1, the signal and its gradient are lost, or explode, as a power of the depth.",
)


def task() -> Supervised:
    with without_forks():
        from sklearn.datasets import load_digits

    digits: Any = load_digits()
    pixels = (digits.data - digits.data.mean()) / digits.data.std()
    return Supervised(pixels.astype("float32"), digits.target, optimizer="adam", learning_rate=1e-3, batch_size=64)


def make_model(activation: str, depth: int) -> nn.Module:
    """`depth` linear layers, each but the last followed by the activation."""
    widths = [64] + [WIDTH] * (depth - 1)
    parts = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), ACTIVATIONS[activation]())]
    return nn.Sequential(*parts, nn.Linear(WIDTH, 10))


def scenario(activation: str, depth: int, is_drawn: bool) -> Scenario:
    """One of the comparisons that the sweep consists of."""
    return Scenario(
        f"depth-{activation}-{depth}",
        f"{activation}, {depth} layers",
        WORDS,
        task,
        partial(make_model, activation, depth),
        {
            "torch": "torch",
            "xavier_normal": "xavier_normal",
            "he_normal": "he_normal",
            "orthogonal": Orthogonal(GAINS[activation]),
            "suggest": "suggest",
        },
        SIZE,
        QUICK,
        ("sklearn",),
        is_drawn,
    )


def sweep(quick: bool) -> list[Scenario]:
    """All activations at all depths; the signal is looked at in the deepest networks."""
    chosen = QUICK_DEPTHS if quick else DEPTHS
    return [scenario(activation, depth, depth == max(chosen)) for activation in ACTIVATIONS for depth in chosen]

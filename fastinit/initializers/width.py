"""Distributions by which networks of all widths learn alike, and the learning rates that belong to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastinit import distributions
from fastinit.initializers.base import Initializer, function
from fastinit.initializers.layouts import Layout


class Scales(NamedTuple):
    """What the width decides for a weight: its std, and factors on the learning rate and on what it computes."""

    std: float
    adam: float
    sgd: float
    multiplier: float = 1.0


class _ByWidth(Initializer):
    def scales(self, shape: tuple[int, ...], layout: Any = None) -> Scales:
        """The std of a weight of this shape, its factors on the learning rate of Adam and SGD, and on its output."""
        return self.scales_of(*self.layout(layout).fans(tuple(shape), self.called))

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Normal(0.0, self.scales_of(*layout.fans(shape, self.called)).std)


ROLES = ("input", "hidden", "output")
TABLES = (3, 8)


@dataclass(frozen=True, repr=False)
class MuP(_ByWidth):
    """Maximal update parametrization: normal, std gain / sqrt(fan_in), of an output gain sqrt(base_width) / fan_in.

    `role`: "input" where only fan_out grows with the width, "output" where only fan_in does, "hidden" where both do.
    `base_width`: what the axis that grows has in the model that was tuned (fan_in; of an input fan_out), where the distribution is
    the usual one; with 1 the formulas are the paper's own. `scales(shape)` also has the factors on the learning rate:
    Adam's 1, base / fan_in, base / fan_in and SGD's fan_out / base, 1, base / fan_in for input, hidden, output.
    `table` 8 instead of 3, for outputs tied to the embedding: std gain / sqrt(base_width), what they compute multiplied by
    base / fan_in, and learning rates of 1 for Adam and fan_in / base for SGD.
    An embedding is an input whose fan_in counts as one: `normal`, with the input's learning rates. Biases are zeros;
    attention's logits are divided by the width of a head, not by its root. Yang et al. 2021, "Tensor Programs V", arXiv
    2203.03466, tables 3 and 8; the base width as in `mup`, the authors' package.
    """

    role: str = "hidden"
    base_width: float = 1.0
    gain: float = 1.0
    table: int = 3
    called = "mup"

    def check(self) -> None:
        self.check_one_of("role", ROLES)
        self.check_one_of("table", TABLES)
        if not 0 < self.base_width < math.inf:
            raise ValueError(f"base_width must be a positive finite number, got {self.base_width!r}")
        if not 0 <= self.gain < math.inf:
            raise ValueError(f"gain must be a finite number that is not negative, got {self.gain!r}")

    def scales_of(self, fan_in: float, fan_out: float) -> Scales:
        usual, wider = self.gain / math.sqrt(fan_in), fan_in / self.base_width
        if self.role == "input":
            return Scales(usual, 1.0, fan_out / self.base_width)
        if self.role == "hidden":
            return Scales(usual, 1 / wider, 1.0)
        if self.table == 3:
            return Scales(usual / math.sqrt(wider), 1 / wider, 1 / wider)
        return Scales(self.gain / math.sqrt(self.base_width), 1.0, wider, 1 / wider)


@dataclass(frozen=True, repr=False)
class Spectral(_ByWidth):
    """Normal, std gain min(1, sqrt(fan_out / fan_in)) / sqrt(fan_in): a spectral norm of the order sqrt(fan_out / fan_in).

    `scales(shape)` also has the factors on the learning rate: fan_out / fan_in for SGD, 1 / fan_in for Adam.
    Yang, Simon and Bernstein 2023, "A Spectral Condition for Feature Learning", arXiv 2310.17813, parametrization 1; Adam's
    by the same condition on updates whose elements are of the order of the learning rate.
    """

    gain: float = 1.0
    called = "spectral"

    def check(self) -> None:
        if not 0 <= self.gain < math.inf:
            raise ValueError(f"gain must be a finite number that is not negative, got {self.gain!r}")

    def scales_of(self, fan_in: float, fan_out: float) -> Scales:
        std = self.gain / math.sqrt(fan_in) * min(1.0, math.sqrt(fan_out / fan_in))
        return Scales(std, 1.0 / fan_in, fan_out / fan_in)


mup = function(MuP, "mup")
spectral = function(Spectral)

"""Weights of networks whose activation is a sine."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fastinit import distributions
from fastinit.initializers.base import Initializer, function
from fastinit.initializers.layouts import Layout


@dataclass(frozen=True, repr=False)
class Siren(Initializer):
    """Uniform on +-sqrt(6 / fan_in) / omega; of the `first` layer on +-1 / fan_in: for layers sin(omega (W x + b)).

    `omega` is the same number as in the layers; 30 is the paper's. The pre-activations omega W x of the layers after the
    first have variance 1 where x is spread as the sine of a uniform angle. The first layer's inputs are coordinates in
    [-1, 1], which it spreads over several periods. Sitzmann et al. 2020, "Implicit Neural Representations with Periodic
    Activation Functions", arXiv 2006.09661, section 3.2 and its supplement, 1.5; the first layer as in the authors' code.
    """

    omega: float = 30.0
    first: bool = False

    def check(self) -> None:
        if not 0 < self.omega < math.inf:
            raise ValueError(f"omega must be a positive finite number, got {self.omega!r}")
        if not isinstance(self.first, bool):
            raise TypeError(f"first must be True or False, got {self.first!r}")

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        fan_in, _ = layout.fans(shape, "siren")
        bound = 1.0 / fan_in if self.first else math.sqrt(6.0 / fan_in) / self.omega
        return distributions.Uniform(-bound, bound)


siren = function(Siren)

"""Weights of networks whose activation is a sine."""

from __future__ import annotations

import math

from fastinit import distributions
from fastinit.distributions import Distribution
from fastinit.initializers.base import Initializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.layouts import Layout, Lengths
from fastinit.runtime import checks


@initializer
class Siren(Initializer):
    """Uniform on +-sqrt(6 / fan_in) / omega; for the `first` layer on +-1 / fan_in: for layers sin(omega (W x + b)).

    `omega` is the same number as in the layers; 30 is the paper's. The pre-activations omega W x of the layers after the
    first have variance 1 where x is distributed as the sine of a uniform angle. The first layer's inputs are coordinates in
    [-1, 1], which it maps onto several periods. Weights of at least 2 axes. ValueError for an omega that is not positive and
    finite, and for shapes without fans.
    Source: Sitzmann et al. 2020, "Implicit Neural Representations with Periodic Activation Functions", arXiv 2006.09661,
    section 3.2 and its supplement, 1.5; the first layer as in the authors' code.

        >>> from fastinit.initializers import siren
        >>> siren.distribution_for((2, 256), first=True)
        Uniform(low=-0.5, high=0.5)
    """

    omega: float = 30.0
    first: bool = False

    def check(self) -> None:
        checks.positive("omega", self.omega)

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        fan_in, _ = layout.fans(shape, self.function_name)
        bound = 1.0 / fan_in if self.first else math.sqrt(6.0 / fan_in) / self.omega
        return distributions.Uniform(-bound, bound)

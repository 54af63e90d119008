"""Biases of outputs that say from the start how rare a class is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fastinit import distributions
from fastinit.initializers.base import Initializer, function
from fastinit.initializers.layouts import Layout


@dataclass(frozen=True, repr=False)
class PriorBias(Initializer):
    """The constant -log((1 - prior) / prior), whose sigmoid is `prior`: for classifiers of rare classes.

    With it the many negatives do not swamp the loss of the first steps. Lin et al. 2017, "Focal Loss for Dense Object
    Detection", arXiv 1708.02002, section 4.1, with prior=0.01 beside weights N(0, 0.01).
    """

    prior: float = 0.01

    def check(self) -> None:
        if not 0 < self.prior < 1:
            raise ValueError(f"prior must be a probability between 0 and 1, got {self.prior!r}")

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Constant(math.log(self.prior) - math.log1p(-self.prior))


prior_bias = function(PriorBias)

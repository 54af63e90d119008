"""Distributions with which networks of all widths train alike, and the factors on learning rates that go with them."""

from __future__ import annotations

import math
from typing import NamedTuple

from fastinit.distributions import Distribution, Normal
from fastinit.initializers.base import Initializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.layouts import Layout, LayoutLike, Lengths
from fastinit.runtime import checks
from fastinit.runtime.types import Shape


class Scales(NamedTuple):
    """What the width decides for a weight: its std, and factors on its learning rates and on its output."""

    std: float
    adam: float
    sgd: float
    multiplier: float = 1.0


class _ByWidth(Initializer):
    def scales(self, shape: Shape, layout: LayoutLike = None) -> Scales:
        """The std of a weight of this shape, its factors on the learning rates of Adam and SGD, and on its output."""
        return self._scales(*self.layout(layout).fans(checks.shape(shape), self.function_name))

    def _scales(self, fan_in: float, fan_out: float) -> Scales:
        raise NotImplementedError

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        return Normal(0.0, self._scales(*layout.fans(shape, self.function_name)).std)


@initializer
class MuP(_ByWidth):
    """Normal by the maximal update parametrization: std gain / sqrt(fan_in), for an output gain sqrt(base_width) / fan_in.

    `role`: "input" where only fan_out grows with the width, "output" where only fan_in does, "hidden" where both do.
    `base_width`: the length that the growing axis has in the model that was tuned (fan_in; for an input fan_out), whose
    distribution is the usual one, std gain / sqrt(fan_in); with 1 the formulas are the paper's own. `scales(shape)` also has
    the factors on the learning rates: Adam's 1, base / fan_in, base / fan_in and SGD's fan_out / base, 1, base / fan_in for
    input, hidden, output. `table` 8 instead of 3, for outputs tied to the embedding: std gain / sqrt(base_width), the output
    multiplied by base / fan_in, and learning rates of 1 for Adam and fan_in / base for SGD.
    An embedding is an input whose fan_in counts as one: `normal`, with the input's learning rates. Biases are zeros;
    attention's logits are divided by the width of a head, not by its root. Weights of at least 2 axes. ValueError for
    another role or table, for a negative gain, for a base width that is not positive, and for shapes without fans.
    Source: Yang et al. 2021, "Tensor Programs V", arXiv 2203.03466, tables 3 and 8; the base width as in `mup`, the authors'
    package.

        >>> from fastinit.initializers import MuP, mup
        >>> mup.distribution_for((1024, 10), role="output", base_width=256)
        Normal(mean=0.0, std=0.015625)
        >>> MuP("hidden", base_width=256).scales((1024, 1024))
        Scales(std=0.03125, adam=0.25, sgd=1.0, multiplier=1.0)
    """

    role: str = "hidden"
    base_width: float = 1.0
    gain: float = 1.0
    table: int = 3
    function_name = "mup"

    def check(self) -> None:
        checks.one_of("role", self.role, ("input", "hidden", "output"))
        checks.one_of("table", self.table, (3, 8))
        checks.positive("base_width", self.base_width)
        checks.not_negative("gain", self.gain)

    def _scales(self, fan_in: float, fan_out: float) -> Scales:
        usual, wider = self.gain / math.sqrt(fan_in), fan_in / self.base_width
        if self.role == "input":
            return Scales(usual, 1.0, fan_out / self.base_width)
        if self.role == "hidden":
            return Scales(usual, 1 / wider, 1.0)
        if self.table == 3:
            return Scales(usual / math.sqrt(wider), 1 / wider, 1 / wider)
        return Scales(self.gain / math.sqrt(self.base_width), 1.0, wider, 1 / wider)


@initializer
class Spectral(_ByWidth):
    """Normal with std gain min(1, sqrt(fan_out / fan_in)) / sqrt(fan_in): a spectral norm of order sqrt(fan_out / fan_in).

    `scales(shape)` also has the factors on the learning rates: fan_out / fan_in for SGD, 1 / fan_in for Adam (by the same
    condition on updates whose elements are of the order of the learning rate). Weights of at least 2 axes. ValueError for a
    negative gain, and for shapes without fans.
    Source: Yang, Simon and Bernstein 2023, "A Spectral Condition for Feature Learning", arXiv 2310.17813, parametrization 1.

        >>> from fastinit.initializers import spectral
        >>> spectral.distribution_for((1024, 256))
        Normal(mean=0.0, std=0.015625)
    """

    gain: float = 1.0

    def check(self) -> None:
        checks.not_negative("gain", self.gain)

    def _scales(self, fan_in: float, fan_out: float) -> Scales:
        std = self.gain / math.sqrt(fan_in) * min(1.0, math.sqrt(fan_out / fan_in))
        return Scales(std, 1.0 / fan_in, fan_out / fan_in)

"""Distributions that the depth of a network makes narrower, layer by layer or all alike."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

from fastinit import distributions
from fastinit.initializers.base import Initializer, Structured, function
from fastinit.initializers.layouts import Layout
from fastinit.initializers.plain import Normal
from fastinit.initializers.scaled import scaled_distribution
from fastinit.initializers.weights import check_int_at_least, made_initializer

SCALED = {
    distributions.Normal: ("mean", "std"),
    distributions.TruncatedNormal: ("mean", "std"),
    distributions.Uniform: ("low", "high"),
    distributions.Constant: ("value",),
}
"""The parameters of each distribution that a factor on the values multiplies."""


def times(distribution: distributions.Distribution, factor: float) -> distributions.Distribution:
    """The distribution of `factor` times what `distribution` draws, for a positive factor."""
    return replace(distribution, **{field: factor * getattr(distribution, field) for field in SCALED[type(distribution)]})


@dataclass(frozen=True, repr=False)
class _OfWidth(Initializer):
    """Base of the distributions whose std comes from the width of a Transformer: `width`, or fan_in where it is None."""

    def check_width(self) -> None:
        if self.width is not None:
            check_int_at_least(self, "width", 1)

    def width_of(self, shape: tuple[int, ...], layout: Layout, wanted_by: str) -> float:
        return layout.fans(shape, wanted_by)[0] if self.width is None else self.width


@dataclass(frozen=True, repr=False)
class SmallInit(_OfWidth):
    """Normal, std sqrt(2 / (5 width)): Xavier's of a Transformer's first feed-forward matrix, (d, 4 d), for all of them.

    `width` is d, the length of the residual stream; None means fan_in, which is d but in the second feed-forward matrix.
    Nguyen and Salazar 2019, "Transformers without Tears", arXiv 1910.05895, section 2.2.
    """

    width: int | None = None

    def check(self) -> None:
        self.check_width()

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Normal(0.0, math.sqrt(2.0 / (5.0 * self.width_of(shape, layout, "small_init"))))


@dataclass(frozen=True, repr=False)
class WangInit(_OfWidth):
    """Normal, std 2 / (depth sqrt(width)): for the projections onto the residual stream of a Transformer of `depth` layers.

    `width` as in `small_init`, which the other matrices have. Wang and Komatsuzaki 2021 (GPT-J), as told by Black et al.
    2022, "GPT-NeoX-20B", arXiv 2204.06745, section "Initialization".
    """

    depth: int
    width: int | None = None

    def check(self) -> None:
        check_int_at_least(self, "depth", 1)
        self.check_width()

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Normal(0.0, 2.0 / (self.depth * math.sqrt(self.width_of(shape, layout, "wang_init"))))


NORMAL_OF_GPT2 = Normal(std=0.02)


@dataclass(frozen=True, repr=False)
class DepthScaled(Initializer):
    """The values of `base` over sqrt(branches depth): for the last layer of each residual branch.

    The branches then add, to a stream of variance 1, no more than one of them would. `base`: an initializer that draws value
    by value, its name, or the std of a normal. `branches`: those of a layer, 2 in a Transformer (attention, feed-forward).
    Radford et al. 2019 (GPT-2), section 2.3, with base=0.02; Megatron's `scaled_init_method_normal`.
    With `layer`, from 0 to depth - 1, it is over sqrt(branches (layer + 1)), by the layer's own depth, as in OLMo
    ("llama_depth" and "mitchell") and torchtitan; `ds_init` is the same idea without the branches.
    """

    depth: int
    base: Initializer = NORMAL_OF_GPT2
    branches: int = 2
    layer: int | None = None

    def check(self) -> None:
        check_int_at_least(self, "depth", 1)
        check_int_at_least(self, "branches", 1)
        if self.layer is not None:
            check_int_at_least(self, "layer", 0)
            if self.layer >= self.depth:
                raise ValueError(f"layer must be below depth={self.depth}, got {self.layer!r}")
        self._set("base", _base(self.base))

    def layout(self, layout: Any) -> Layout:
        return self.base.layout(layout)

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        layers = self.depth if self.layer is None else self.layer + 1
        return times(self.base._distribution(shape, layout), 1.0 / math.sqrt(self.branches * layers))


def _base(base: Any) -> Initializer:
    if isinstance(base, Real) and not isinstance(base, bool):
        return Normal(std=base)
    made = made_initializer("base", base)
    if isinstance(made, Structured):
        raise ValueError(f"base must draw value by value, but {made!r} makes the tensor as a whole: scale its own gain")
    return made


@dataclass(frozen=True, repr=False)
class DSInit(Initializer):
    """Uniform on +-alpha sqrt(6 / (fan_in + fan_out)) / sqrt(layer): Xavier's, narrower the higher the layer.

    `layer` counts from 1, in the encoder and in the decoder each; `alpha` is in (0, 1], 1 in the paper's experiments.
    For all weights of a layer. Zhang, Titov and Sennrich 2019, "Improving Deep Transformer with Depth-Scaled Initialization
    and Merged Attention", arXiv 1908.11365, section "Depth-Scaled Initialization".
    """

    layer: int
    alpha: float = 1.0

    def check(self) -> None:
        check_int_at_least(self, "layer", 1)
        if not 0 < self.alpha <= 1:
            raise ValueError(f"alpha must be above 0 and at most 1, got {self.alpha!r}")

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return scaled_distribution(shape, layout, self.alpha**2 / self.layer, "fan_avg", "uniform", "ds_init")


@dataclass(frozen=True, repr=False)
class LayerScale(Initializer):
    """The constant on each channel of a residual branch: 0.1 to depth 18, 1e-5 to depth 24, 1e-6 above.

    Touvron et al. 2021, "Going deeper with Image Transformers" (CaiT), arXiv 2103.17239, section 2.
    """

    depth: int

    def check(self) -> None:
        check_int_at_least(self, "depth", 1)

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Constant(0.1 if self.depth <= 18 else 1e-5 if self.depth <= 24 else 1e-6)


small_init = function(SmallInit)
wang_init = function(WangInit)
depth_scaled = function(DepthScaled)
ds_init = function(DSInit)
layer_scale = function(LayerScale)

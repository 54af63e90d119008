"""Distributions whose std falls with the depth of the network, or of the layer in it."""

from __future__ import annotations

import math
from numbers import Real

from fastinit import distributions
from fastinit.distributions import Distribution
from fastinit.initializers.base import Initializer, WholeTensorInitializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.layouts import Layout, LayoutLike, Lengths
from fastinit.initializers.names import InitializerLike, named
from fastinit.initializers.plain import Normal
from fastinit.initializers.scaled import std_of
from fastinit.runtime import checks


class _OfWidth(Initializer):
    """Base of the distributions whose std comes from the width of a Transformer: `width`, or fan_in where it is None."""

    width: int | None

    def check(self) -> None:
        if self.width is not None:
            self.check_parameter(checks.integer, "width", least=1)

    def _width(self, shape: Lengths, layout: Layout) -> float:
        return layout.fans(shape, self.function_name)[0] if self.width is None else self.width


@initializer
class SmallInit(_OfWidth):
    """Normal with std sqrt(2 / (5 width)): what Xavier's is for a (d, 4 d) matrix, for all matrices of a Transformer.

    `width` is d, the length of the residual stream, in units; None means fan_in, which is d except in the second
    feed-forward matrix. Any shape where `width` is given, else weights of at least 2 axes. ValueError for a width below 1.
    Source: Nguyen and Salazar 2019, "Transformers without Tears", arXiv 1910.05895, section 2.2.

        >>> from fastinit.initializers import small_init
        >>> small_init.distribution_for((64, 256))
        Normal(mean=0.0, std=0.07905694150420949)
    """

    width: int | None = None

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        return distributions.Normal(0.0, math.sqrt(2.0 / (5.0 * self._width(shape, layout))))


@initializer
class WangInit(_OfWidth):
    """Normal with std 2 / (depth sqrt(width)): for the projections onto the residual stream of a Transformer.

    `depth`: the number of layers; `width` as in `small_init`, which is for the other matrices. Any shape where `width` is
    given, else weights of at least 2 axes. ValueError for a depth or a width below 1.
    Source: Wang and Komatsuzaki 2021 (GPT-J), described by Black et al. 2022, "GPT-NeoX-20B", arXiv 2204.06745, section
    "Initialization".

        >>> from fastinit.initializers import wang_init
        >>> wang_init.distribution_for((256, 64), depth=12, width=64)
        Normal(mean=0.0, std=0.020833333333333332)
    """

    depth: int
    width: int | None = None

    def check(self) -> None:
        self.check_parameter(checks.integer, "depth", least=1)
        super().check()

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        return distributions.Normal(0.0, 2.0 / (self.depth * math.sqrt(self._width(shape, layout))))


NORMAL_OF_GPT2 = Normal(std=0.02)


@initializer
class DepthScaled(Initializer):
    """The values of `base` divided by sqrt(branches depth): for the last layer of each residual branch.

    All branches together then add no more to a stream of variance 1 than one of them would alone. `depth`: the number of
    layers; `branches`: those of a layer, 2 in a Transformer (attention, feed-forward). `base`: an elementwise initializer,
    as `fastinit.get` takes it, or the std of a normal. With `layer`, from 0 to depth - 1, the divisor is
    sqrt(branches (layer + 1)), by the layer's own depth, as in OLMo ("llama_depth" and "mitchell") and torchtitan; `ds_init`
    is the same idea without the branches. The shapes that `base` takes. ValueError for numbers below 1, for a layer that is
    not below the depth, and for a base that needs the whole tensor.
    Source: Radford et al. 2019 (GPT-2), section 2.3, with base=0.02; Megatron's `scaled_init_method_normal`.

        >>> from fastinit.initializers import depth_scaled
        >>> depth_scaled.distribution_for((64, 64), depth=8, base="he_normal")
        Normal(mean=0.0, std=0.04419417382415922)
    """

    depth: int
    base: InitializerLike | float = NORMAL_OF_GPT2
    branches: int = 2
    layer: int | None = None

    def check(self) -> None:
        self.check_parameter(checks.integer, "depth", "branches", least=1)
        if self.layer is not None:
            self.check_parameter(checks.integer, "layer", least=0)
            if self.layer >= self.depth:
                raise ValueError(f"layer must be below depth={self.depth}, got {self.layer!r}")
        base: object = self.base
        is_std = isinstance(base, Real) and not isinstance(base, bool)
        self._set("base", Normal(std=checks.number("base", base)) if is_std else named("base", base))
        if isinstance(self.base, WholeTensorInitializer):
            raise ValueError(f"base must be elementwise, but {self.base!r} needs the whole tensor: scale its own gain")

    @property
    def _base(self) -> Initializer:
        assert isinstance(self.base, Initializer)  # `check` makes it one
        return self.base

    def layout(self, layout: LayoutLike) -> Layout:
        return self._base.layout(layout)

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        layers = self.depth if self.layer is None else self.layer + 1
        return self._base.distribution_for(shape, layout=layout).times(1.0 / math.sqrt(self.branches * layers))


@initializer
class DSInit(Initializer):
    """Uniform on +-alpha sqrt(6 / (fan_in + fan_out)) / sqrt(layer + 1): Xavier's, narrower the higher the layer.

    For all weights of a layer. `layer` counts from 0, in the encoder and in the decoder each; `alpha` is in (0, 1], 1 in the
    paper's experiments. Weights of at least 2 axes. ValueError for a negative layer, and for shapes without fans.
    Source: Zhang, Titov and Sennrich 2019, "Improving Deep Transformer with Depth-Scaled Initialization and Merged
    Attention", arXiv 1908.11365, section "Depth-Scaled Initialization", whose layers count from 1.

        >>> from fastinit.initializers import ds_init
        >>> ds_init.distribution_for((64, 64), layer=3)
        Uniform(low=-0.10825317547305482, high=0.10825317547305482)
    """

    layer: int
    alpha: float = 1.0

    def check(self) -> None:
        self.check_parameter(checks.integer, "layer", least=0)
        if not 0 < self.alpha <= 1:
            raise ValueError(f"alpha must be above 0 and at most 1, got {self.alpha!r}")

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        scale = self.alpha**2 / (self.layer + 1)
        bound = math.sqrt(3.0) * std_of(shape, layout, scale, "fan_avg", self.function_name)
        return distributions.Uniform(-bound, bound)


@initializer
class LayerScale(Initializer):
    """The constant on each channel of a residual branch: 0.1 to depth 18, 1e-5 to depth 24, 1e-6 above; of any shape.

    `depth`: the number of layers; ValueError for one below 1.
    Source: Touvron et al. 2021, "Going deeper with Image Transformers" (CaiT), arXiv 2103.17239, section 2.

        >>> from fastinit.initializers import layer_scale
        >>> layer_scale(3, depth=24)
        array([1.e-05, 1.e-05, 1.e-05], dtype=float32)
    """

    depth: int

    def check(self) -> None:
        self.check_parameter(checks.integer, "depth", least=1)

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        return distributions.Constant(0.1 if self.depth <= 18 else 1e-5 if self.depth <= 24 else 1e-6)

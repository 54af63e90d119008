"""Residual networks and Transformers whose depth decides the gain: DeepNorm, Fixup and T-Fixup."""

from __future__ import annotations

import math

from fastinit.distributions import Constant, Distribution, Normal, Uniform
from fastinit.initializers.base import Initializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.gains import second_moment, second_moment_of_weights
from fastinit.initializers.layouts import Layout, Lengths
from fastinit.initializers.scaled import std_of
from fastinit.initializers.weights import check_nonlinearity
from fastinit.runtime import checks


@initializer
class DeepNorm(Initializer):
    """Normal with variance 2 beta^2 / (fan_in + fan_out), beta by the numbers of layers: for post-norm Transformers.

    For the feed-forward matrices and attention's value and output; query and key are for `xavier_normal`. The network must
    multiply the residual by `alpha` before the sum: LN(alpha x + branch(x)). `encoder`, `decoder`: numbers of layers, 0
    where there is none; where there are both, `part` says to which the weight belongs: "encoder" or "decoder".
    `deepnorm_constants` has the formulas. Weights of at least 2 axes. ValueError where both numbers are 0, and for another
    part. Source: Wang et al. 2022, "DeepNet: Scaling Transformers to 1,000 Layers", arXiv 2203.00555, figure 2.

        >>> from fastinit.initializers import deep_norm
        >>> deep_norm.distribution_for((64, 64), decoder=12)
        Normal(mean=0.0, std=0.03993394401539203)
    """

    encoder: int = 0
    decoder: int = 0
    part: str | None = None

    def check(self) -> None:
        self.check_parameter(checks.integer, "encoder", "decoder", least=0)
        there = [part for part in ("encoder", "decoder") if getattr(self, part)]
        if not there:
            raise ValueError("encoder or decoder must be at least 1, the number of its layers, got 0 for both")
        if self.part is None and len(there) == 1:
            self._set("part", there[0])
        checks.one_of("part", self.part, there)

    @property
    def alpha(self) -> float:
        """The factor on the residual."""
        if not (self.encoder and self.decoder):
            return float((2 * (self.encoder + self.decoder)) ** 0.25)
        return float((3 * self.decoder) ** 0.25 if self.part == "decoder" else 0.81 * self._both ** (1 / 16))

    @property
    def beta(self) -> float:
        """The gain."""
        if not (self.encoder and self.decoder):
            return float((8 * (self.encoder + self.decoder)) ** -0.25)
        return float((12 * self.decoder) ** -0.25 if self.part == "decoder" else 0.87 * self._both ** (-1 / 16))

    @property
    def _both(self) -> int:
        return int(self.encoder**4) * self.decoder

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        return Normal(0.0, std_of(shape, layout, self.beta**2, "fan_avg", self.function_name))


def deepnorm_constants(*, encoder: int = 0, decoder: int = 0, part: str | None = None) -> tuple[float, float]:
    """(alpha, beta) of a Transformer of `encoder` and `decoder` layers: LN(alpha x + branch(x)), Xavier's with gain beta.

    With one of them, n layers: ((2 n)^1/4, (8 n)^-1/4). With both, in the `part` "encoder" (0.81 (N^4 M)^1/16,
    0.87 (N^4 M)^-1/16), in "decoder" ((3 M)^1/4, (12 M)^-1/4), for N encoder and M decoder layers. Errors: `deep_norm`.
    Source: Wang et al. 2022, "DeepNet: Scaling Transformers to 1,000 Layers", arXiv 2203.00555, figure 2.

        >>> from fastinit.initializers import deepnorm_constants
        >>> deepnorm_constants(decoder=8)
        (2.0, 0.3535533905932738)
    """
    constants = DeepNorm(encoder, decoder, part)
    return constants.alpha, constants.beta


@initializer
class Fixup(Initializer):
    """He's normal with a std times branches^(-1 / (2 layers - 2)), or 0 for the `last` layer of a residual branch.

    std = branches^(-1 / (2 layers - 2)) gain / sqrt(fan_in): for networks without normalization. `branches`: the residual
    branches of the network; `layers`: weight layers in a branch, at least 2 (or 1, which is the last); `nonlinearity`: a
    name that `fastinit.gain` knows. Layers outside the branches are for `he_normal`, the classifier for zeros; the network
    adds a scalar bias (0) before each layer and activation and a scalar factor (1) to each branch. Weights of at least 2
    axes. ValueError for numbers below 1, and for layers=1 without last=True.
    Source: Zhang, Dauphin and Ma 2019, "Fixup Initialization: Residual Learning Without Normalization", arXiv 1901.09321,
    section 3, rules 1 to 3.

        >>> from fastinit.initializers import fixup
        >>> fixup.distribution_for((200, 64), branches=16)
        Normal(mean=0.0, std=0.025)
    """

    branches: int
    layers: int = 2
    last: bool = False
    nonlinearity: str = "relu"

    def check(self) -> None:
        self.check_parameter(checks.integer, "branches", "layers", least=1)
        if self.layers == 1 and not self.last:
            raise ValueError("layers must be at least 2 unless last=True: the only layer of a branch is its last one, got 1")
        check_nonlinearity(self.nonlinearity, second_moment)

    @property
    def factor(self) -> float:
        """The factor on He's std; 0 for the last layer of a branch."""
        return 0.0 if self.last else float(self.branches ** (-1 / (2 * self.layers - 2)))

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        if self.last:
            return Constant(0.0)
        scale = self.factor**2 / second_moment_of_weights(self.nonlinearity)
        return Normal(0.0, std_of(shape, layout, scale, "fan_in", self.function_name))


@initializer
class TFixup(Initializer):
    """Xavier's uniform times 0.67 depth^-1/4 in an encoder and (9 depth)^-1/4 in a decoder: Transformers without warm-up.

    For attention's value and output and the feed-forward matrices; query and key are for `xavier_uniform`. `part`:
    "encoder", "decoder", or "embedding", of shape (vocabulary, width): normal, std width^-1/2 (9 depth)^-1/4. `depth`: the
    layers of the encoder for its own weights, otherwise those of the decoder. The network has no layer norms. ValueError for
    another part, for a depth below 1, and for an embedding of other than 2 axes.
    Source: Huang et al. 2020, "Improving Transformer Optimization Through Better Initialization", ICML, "T-Fixup
    initialization" (the embedding's d^-1/2 as a std, as in the authors' code).

        >>> from fastinit.initializers import t_fixup
        >>> t_fixup.distribution_for((1000, 64), part="embedding", depth=6)
        Normal(mean=0.0, std=0.046111746654180066)
    """

    part: str
    depth: int

    def check(self) -> None:
        checks.one_of("part", self.part, ("encoder", "decoder", "embedding"))
        self.check_parameter(checks.integer, "depth", least=1)

    @property
    def gain(self) -> float:
        """The factor on the values."""
        return float(0.67 * self.depth**-0.25 if self.part == "encoder" else (9 * self.depth) ** -0.25)

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        if self.part != "embedding":
            bound = math.sqrt(3.0) * std_of(shape, layout, self.gain**2, "fan_avg", self.function_name)
            return Uniform(-bound, bound)
        if len(shape) != 2 or not shape[1]:
            raise ValueError(f"shape {shape} is no embedding's: t_fixup needs (vocabulary, width)")
        return Normal(0.0, self.gain / math.sqrt(shape[1]))

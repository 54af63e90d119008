"""Fixup and T-Fixup: residual networks and Transformers that train without normalization."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fastinit import distributions
from fastinit.initializers.base import Initializer, function
from fastinit.initializers.gains import second_moment
from fastinit.initializers.layouts import Layout
from fastinit.initializers.scaled import scaled_distribution
from fastinit.initializers.weights import check_int_at_least, check_nonlinearity


@dataclass(frozen=True, repr=False)
class Fixup(Initializer):
    """Normal, std branches^(-1 / (2 layers - 2)) gain / sqrt(fan_in), He's scaled down; 0 for the `last` layer of a branch.

    `branches`: residual branches in the network; `layers`: weight layers in a branch, at least 2 (or 1, which is the last);
    `nonlinearity`: a name that `fastinit.gain` knows. Layers outside the branches have He's, the classifier 0; the network
    adds a scalar bias (0) before each layer and activation and a scalar factor (1) to each branch. Zhang, Dauphin and Ma
    2019, "Fixup Initialization: Residual Learning Without Normalization", arXiv 1901.09321, section 3, rules 1 to 3.
    """

    branches: int
    layers: int = 2
    last: bool = False
    nonlinearity: str = "relu"

    def check(self) -> None:
        check_int_at_least(self, "branches", 1)
        check_int_at_least(self, "layers", 1)
        if not isinstance(self.last, bool):
            raise TypeError(f"last must be True or False, got {self.last!r}")
        if self.layers == 1 and not self.last:
            raise ValueError("layers must be at least 2 unless last=True: the only layer of a branch is its last one, got 1")
        check_nonlinearity(self, second_moment)

    @property
    def factor(self) -> float:
        """That on He's std: 0 for the last layer of a branch."""
        return 0.0 if self.last else self.branches ** (-1 / (2 * self.layers - 2))

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        if self.last:
            return distributions.Constant(0.0)
        scale = self.factor**2 / second_moment(self.nonlinearity)
        return scaled_distribution(shape, layout, scale, "fan_in", "normal", "fixup")


PARTS = ("encoder", "decoder", "embedding")


@dataclass(frozen=True, repr=False)
class TFixup(Initializer):
    """Xavier's uniform, narrower by 0.67 depth^-1/4 in the encoder and (9 depth)^-1/4 in the decoder.

    For attention's value and output and the feed-forward matrices; query and key have `xavier_uniform`. `part` "embedding",
    of shape (vocabulary, width): normal, std width^-1/2 (9 depth)^-1/4. `depth`: the layers of the encoder for its own
    weights, otherwise those of the decoder. Without layer norms and warm-up. Huang et al. 2020, "Improving Transformer
    Optimization Through Better Initialization", ICML, "T-Fixup initialization" (the embedding's d^-1/2 as a std, as in the
    authors' code).
    """

    part: str
    depth: int

    def check(self) -> None:
        self.check_one_of("part", PARTS)
        check_int_at_least(self, "depth", 1)

    @property
    def gain(self) -> float:
        """The factor on the values."""
        return 0.67 * self.depth**-0.25 if self.part == "encoder" else (9 * self.depth) ** -0.25

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        if self.part != "embedding":
            return scaled_distribution(shape, layout, self.gain**2, "fan_avg", "uniform", "t_fixup")
        if len(shape) != 2 or not shape[1]:
            raise ValueError(f"shape {shape} is no embedding's: t_fixup needs (vocabulary, width)")
        return distributions.Normal(0.0, self.gain / math.sqrt(shape[1]))


fixup = function(Fixup)
t_fixup = function(TFixup)

"""Biases that encode prior knowledge: how long the gates of recurrent networks remember, how rare a class is."""

from __future__ import annotations

import math

import numpy as np

from fastinit.distributions import Constant, Distribution
from fastinit.distributions.base import Draws
from fastinit.initializers.base import Initializer, WholeTensorInitializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.layouts import Layout, Lengths
from fastinit.initializers.weights import UNIT_UNIFORM, finite, rounded
from fastinit.runtime.types import Array, Real


@initializer
class PriorBias(Initializer):
    """The constant -log((1 - prior) / prior), whose sigmoid is `prior`: for classifiers of rare classes; of any shape.

    The many negatives then do not dominate the loss of the first steps. ValueError for a prior that is not above 0 and
    below 1. Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", arXiv 1708.02002, section 4.1, with
    prior=0.01 beside weights N(0, 0.01).

        >>> from fastinit.initializers import prior_bias
        >>> prior_bias(3, prior=0.01)
        array([-4.59512, -4.59512, -4.59512], dtype=float32)
    """

    prior: float = 0.01

    def check(self) -> None:
        if not 0 < self.prior < 1:
            raise ValueError(f"prior must be a probability between 0 and 1, got {self.prior!r}")

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        return Constant(math.log(self.prior) - math.log1p(-self.prior))


class _GateBias(WholeTensorInitializer):
    """Base of the biases of gates: the last axis holds one gate after the other, in the order of the letters of `gates`."""

    gates: str
    needed = "f"

    def check(self) -> None:
        letters = self.gates if isinstance(self.gates, str) else ""
        if not letters.isalpha() or len(set(letters)) < len(letters) or not set(self.needed) <= set(letters):
            needed = " and ".join(self.needed)
            raise ValueError(f"gates must be letters, each once, with {needed} among them, as 'ifgo', got {self.gates!r}")

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        if not shape or shape[-1] % len(self.gates):
            raise ValueError(f"gates={self.gates!r} needs a last axis in multiples of {len(self.gates)}, got shape {shape}")

    def by_gate(self, shape: Lengths, real: Real) -> Array:
        """Zeros; axis -2 is the gate."""
        return np.zeros((*shape[:-1], len(self.gates), shape[-1] // len(self.gates)), real)


@initializer
class LSTMBias(_GateBias):
    """`forget` for the forget gate and 0 for the others, so that a new LSTM remembers.

    Shape (..., gates * hidden). `gates` is their order: "ifgo" in torch and Flax, "ifco" in Keras and MXNet, "igfo" in
    Haiku, "ijfo" in TensorFlow 1. Torch adds two biases: give one of them this, and zeros to the other. ValueError for
    gates without f and for a last axis that they do not divide.
    Source: Jozefowicz et al. 2015, "An Empirical Exploration of Recurrent Network Architectures", ICML, section 2.2.

        >>> from fastinit.initializers import lstm_bias
        >>> lstm_bias(8)
        array([0., 0., 1., 1., 0., 0., 0., 0.], dtype=float32)
    """

    forget: float = 1.0
    gates: str = "ifgo"

    def check(self) -> None:
        super().check()
        self.check_parameter(finite, "forget")

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        values = self.by_gate(shape, draws.real)
        values[..., self.gates.index("f"), :] = rounded(draws.real, "forget", self.forget)
        return values.reshape(shape)


@initializer
class ChronoBias(_GateBias):
    """Forget gates log U(1, longest - 1), input gates minus that, others 0: units remember 1 to `longest` steps.

    Shape (..., gates * hidden); `gates` as in `lstm_bias`, `longest` the longest dependency in steps, above 2. Torch adds
    two biases: the other should be zeros. NumPy's logarithm may differ in a float64's last bit between machines; float32
    values are that rounded. ValueError for gates without f and i and for a last axis that they do not divide.
    Source: Tallec and Ollivier 2018, "Can recurrent neural networks warp time?", arXiv 1804.11188, eq. 16.

        >>> from fastinit.initializers import chrono_bias
        >>> chrono_bias(8, longest=100.0, seed=0)
        array([-3.9599962, -2.2725961,  3.9599962,  2.2725961,  0.       ,
                0.       ,  0.       ,  0.       ], dtype=float32)
    """

    longest: float
    gates: str = "ifgo"
    needed = "fi"

    def check(self) -> None:
        super().check()
        if not 2 < self.longest < math.inf:
            raise ValueError(f"longest must be a finite number of steps above 2, got {self.longest!r}")

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        values = self.by_gate(shape, np.float64)
        remembered = draws.of(UNIT_UNIFORM, (*values.shape[:-2], values.shape[-1])).astype(np.float64)
        forget = np.log(1.0 + (self.longest - 2.0) * remembered)
        values[..., self.gates.index("f"), :] = forget
        values[..., self.gates.index("i"), :] = -forget
        return values.reshape(shape)

"""Biases of the gates of recurrent networks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fastinit.core.fill import Draws
from fastinit.initializers.base import Structured, function
from fastinit.initializers.layouts import Layout
from fastinit.initializers.weights import check_finite, rounded


class _GateBias(Structured):
    """Base of the biases of gates: the last axis holds them one after the other, a letter of `gates` each."""

    needed = "f"

    def check(self) -> None:
        letters = self.gates if isinstance(self.gates, str) else ""
        if not letters.isalpha() or len(set(letters)) < len(letters) or not set(self.needed) <= set(letters):
            needed = " and ".join(self.needed)
            raise ValueError(f"gates must be letters, each once, with {needed} among them, as 'ifgo', got {self.gates!r}")

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        if not shape or shape[-1] % len(self.gates):
            raise ValueError(f"gates={self.gates!r} needs a last axis in multiples of {len(self.gates)}, got shape {shape}")

    def by_gate(self, shape: tuple[int, ...], real: type[np.floating]) -> np.ndarray:
        """Zeros; axis -2 is the gate."""
        return np.zeros((*shape[:-1], len(self.gates), shape[-1] // len(self.gates)), real)


@dataclass(frozen=True, repr=False)
class LSTMBias(_GateBias):
    """`forget` for the forget gate, 0 for the others, so that a new LSTM remembers (Jozefowicz et al. 2015).

    Of shape (..., gates * hidden). `gates` is their order: "ifgo" in torch and Flax, "ifco" in Keras and MXNet, "igfo" in
    Haiku, "ijfo" in TensorFlow 1. Torch adds two biases, of which one should have it and the other be zeros.
    "An Empirical Exploration of Recurrent Network Architectures", ICML 2015, section 2.2.
    """

    forget: float = 1.0
    gates: str = "ifgo"

    def check(self) -> None:
        super().check()
        check_finite(self, "forget")

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        values = self.by_gate(shape, draws.real)
        values[..., self.gates.index("f"), :] = rounded(draws.real, "forget", self.forget)
        return values.reshape(shape)


@dataclass(frozen=True, repr=False)
class ChronoBias(_GateBias):
    """Forget gates log U(1, longest - 1), input gates minus that, others 0: units remember 1 to `longest` steps.

    Of shape (..., gates * hidden); `gates` as in `lstm_bias`, `longest` the longest dependency in steps. Torch adds two
    biases: the other should be zeros. Tallec and Ollivier 2018, "Can recurrent neural networks warp time?", arXiv
    1804.11188, eq. 16.
    NumPy's logarithm may differ in a float64's last bit between machines; float32 values are that rounded.
    """

    longest: float
    gates: str = "ifgo"
    needed = "fi"

    def check(self) -> None:
        super().check()
        if not 2 < self.longest < math.inf:
            raise ValueError(f"longest must be a finite number of steps above 2, got {self.longest!r}")

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        values = self.by_gate(shape, np.float64)
        remembered = draws.uniform((*values.shape[:-2], values.shape[-1])).astype(np.float64)
        forget = np.log(1.0 + (self.longest - 2.0) * remembered)
        values[..., self.gates.index("f"), :] = forget
        values[..., self.gates.index("i"), :] = -forget
        return values.reshape(shape)


lstm_bias = function(LSTMBias)
chrono_bias = function(ChronoBias)

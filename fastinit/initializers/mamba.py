"""Parameters of state space models: Mamba's time steps and decays."""

from __future__ import annotations

import math

import numpy as np

from fastinit.distributions import Constant, Distribution, Uniform
from fastinit.distributions.base import Draws
from fastinit.initializers.base import Initializer, WholeTensorInitializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.layouts import Layout, Lengths
from fastinit.initializers.weights import UNIT_UNIFORM
from fastinit.runtime import checks
from fastinit.runtime.types import Array

SCHEMES = ("random", "constant")


@initializer
class MambaDtWeight(Initializer):
    """The projection to the time steps: uniform within +-scale / sqrt(rank), rank = fan_in, or all `scale` / sqrt(rank).

    `scheme`: "random" or "constant". Weights of at least 2 axes. ValueError for a negative scale, and for another scheme.
    Source: Gu and Dao 2023, "Mamba", arXiv 2312.00752, and its code's `dt_init`.

        >>> from fastinit.initializers import mamba_dt_weight
        >>> mamba_dt_weight.distribution_for((16, 128))
        Uniform(low=-0.25, high=0.25)
    """

    scale: float = 1.0
    scheme: str = "random"
    convention: str = "math"

    def check(self) -> None:
        checks.not_negative("scale", self.scale)
        checks.one_of("scheme", self.scheme, SCHEMES)

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        bound = self.scale / math.sqrt(layout.fans(shape, self.function_name)[0])
        return Uniform(-bound, bound) if self.scheme == "random" else Constant(bound)


@initializer
class MambaDtBias(WholeTensorInitializer):
    """The bias whose softplus is a time step dt: log-uniform from dt_min to dt_max, no less than `floor`; of any shape.

    dt = max(floor, exp(u (log dt_max - log dt_min) + log dt_min)), u uniform on [0, 1); the value is dt + log(-expm1(-dt)).
    NumPy's exponential and logarithm may differ in a float64's last bit between machines; float32 values are that rounded.
    ValueError for bounds out of order or not positive, and for a negative floor.
    Source: Mamba and Mamba-2, Gu and Dao 2023, arXiv 2312.00752, by its code (section 3.6 has dt uniform).

        >>> from fastinit.initializers import mamba_dt_bias
        >>> mamba_dt_bias(4, seed=0)
        array([-4.484089 , -6.497962 , -2.5038002, -6.5784054], dtype=float32)
    """

    dt_min: float = 1e-3
    dt_max: float = 0.1
    floor: float = 1e-4

    def check(self) -> None:
        if not 0 < self.dt_min <= self.dt_max < math.inf:
            given = f"dt_min={self.dt_min!r}, dt_max={self.dt_max!r}"
            raise ValueError(f"dt_min must be above 0 and not above dt_max, both finite, got {given}")
        checks.not_negative("floor", self.floor)

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        low, high = math.log(self.dt_min), math.log(self.dt_max)
        dt = np.exp(draws.of(UNIT_UNIFORM, shape).astype(np.float64) * (high - low) + low)
        dt = np.maximum(dt, self.floor)
        return dt + np.log(-np.expm1(-dt))


@initializer
class MambaALog(WholeTensorInitializer):
    """log(1), log(2), ..., log(N) along the last axis: A = -exp(value) is S4D-Real's -1, -2, ..., -N.

    Shape (channels, N) for Mamba, (heads,) for Mamba-2 as in transformers; nothing is random. NumPy's logarithm may differ
    in a float64's last bit between machines. ValueError for a shape without axes.
    Source: Gu et al. 2022, arXiv 2206.11893; Gu and Dao 2023, "Mamba", arXiv 2312.00752, section 3.6.

        >>> from fastinit.initializers import mamba_a_log
        >>> mamba_a_log((2, 4))
        array([[0.       , 0.6931472, 1.0986123, 1.3862944],
               [0.       , 0.6931472, 1.0986123, 1.3862944]], dtype=float32)
    """

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        if not shape:
            raise ValueError("shape () has no axis: mamba_a_log needs at least 1")

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        return np.array(np.broadcast_to(np.log(np.arange(1.0, shape[-1] + 1)), shape))


@initializer
class Mamba2ALog(WholeTensorInitializer):
    """The logarithm of a uniform value on (low, high]: A = -exp(value) of each head of Mamba-2; of any shape.

    NumPy's logarithm may differ in a float64's last bit between machines; float32 values are that rounded. ValueError for
    bounds out of order, negative or not finite.
    Source: Dao and Gu 2024, arXiv 2405.21060, and its code's `A_init_range`; Gated DeltaNet has low = 0.

        >>> from fastinit.initializers import mamba2_a_log
        >>> mamba2_a_log(4, seed=0)
        array([2.0948114, 2.6856456, 0.5789978, 2.703339 ], dtype=float32)
    """

    low: float = 1.0
    high: float = 16.0

    def check(self) -> None:
        if not 0 <= self.low < self.high < math.inf:
            given = f"low={self.low!r}, high={self.high!r}"
            raise ValueError(f"low must not be negative and be below high, both finite, got {given}")

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        below = draws.of(UNIT_UNIFORM, shape).astype(np.float64)  # on [0, 1): what is subtracted from high never reaches low
        values: Array = np.log(self.high - (self.high - self.low) * below)
        return values

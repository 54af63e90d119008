"""Parameters of state space models: Mamba's time steps and decays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fastinit import distributions
from fastinit.core.fill import Draws
from fastinit.initializers.base import Initializer, Structured, function
from fastinit.initializers.layouts import Layout

SCHEMES = ("random", "constant")


@dataclass(frozen=True, repr=False)
class MambaDtWeight(Initializer):
    """The projection to the time steps: uniform within +-scale / sqrt(rank), rank = fan_in, or all `scale` / sqrt(rank).

    `scheme`: "random" or "constant". Gu and Dao 2023, arXiv 2312.00752, and its code's `dt_init`.
    """

    scale: float = 1.0
    scheme: str = "random"
    convention: str = "math"

    def check(self) -> None:
        if not 0 <= self.scale < math.inf:
            raise ValueError(f"scale must be a finite number that is not negative, got {self.scale!r}")
        self.check_one_of("scheme", SCHEMES)

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        bound = self.scale / math.sqrt(layout.fans(shape, "mamba_dt_weight")[0])
        return distributions.Uniform(-bound, bound) if self.scheme == "random" else distributions.Constant(bound)


@dataclass(frozen=True, repr=False)
class MambaDtBias(Structured):
    """The bias whose softplus is a time step dt: log-uniform from dt_min to dt_max, no less than `floor`.

    dt = max(floor, exp(u (log dt_max - log dt_min) + log dt_min)), u uniform on [0, 1); the value is dt + log(-expm1(-dt)).
    Of any shape. Mamba and Mamba-2: Gu and Dao 2023, arXiv 2312.00752, by its code (section 3.6 has dt uniform). NumPy's
    exponential and logarithm may differ in a float64's last bit between machines; float32 values are that rounded.
    """

    dt_min: float = 1e-3
    dt_max: float = 0.1
    floor: float = 1e-4

    def check(self) -> None:
        if not 0 < self.dt_min <= self.dt_max < math.inf:
            given = f"dt_min={self.dt_min!r}, dt_max={self.dt_max!r}"
            raise ValueError(f"dt_min must be above 0 and not above dt_max, both finite, got {given}")
        if not 0 <= self.floor < math.inf:
            raise ValueError(f"floor must be a finite number that is not negative, got {self.floor!r}")

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        low, high = math.log(self.dt_min), math.log(self.dt_max)
        dt = np.exp(draws.uniform(shape).astype(np.float64) * (high - low) + low)
        dt = np.maximum(dt, self.floor)
        return dt + np.log(-np.expm1(-dt))


@dataclass(frozen=True, repr=False)
class MambaALog(Structured):
    """log(1), log(2), ..., log(N) along the last axis: A = -exp(value) is S4D-Real's -1, -2, ..., -N.

    (channels, N) for Mamba, (heads,) for Mamba-2 as in transformers. Gu et al. 2022, arXiv 2206.11893; Gu and Dao, arXiv
    2312.00752, section 3.6. NumPy's logarithm may differ in a float64's last bit between machines.
    """

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        _check_has_axis(shape, "mamba_a_log")

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        return np.broadcast_to(np.log(np.arange(1.0, shape[-1] + 1)), shape).copy()


@dataclass(frozen=True, repr=False)
class Mamba2ALog(Structured):
    """The log of a uniform value on (low, high]: A = -exp(value) of each head of Mamba-2.

    Dao and Gu 2024, arXiv 2405.21060, and its code's `A_init_range`; Gated DeltaNet has low = 0. Of any shape. NumPy's
    logarithm may differ in a float64's last bit between machines; float32 values are that rounded.
    """

    low: float = 1.0
    high: float = 16.0

    def check(self) -> None:
        if not 0 <= self.low < self.high < math.inf:
            given = f"low={self.low!r}, high={self.high!r}"
            raise ValueError(f"low must not be negative and be below high, both finite, got {given}")

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        below = draws.uniform(shape).astype(np.float64)  # on [0, 1): what is taken from high never reaches low
        return np.log(self.high - (self.high - self.low) * below)


def _check_has_axis(shape: tuple[int, ...], wanted_by: str) -> None:
    if not shape:
        raise ValueError(f"shape () has no axis: {wanted_by} needs at least 1")


mamba_dt_weight = function(MambaDtWeight)
mamba_dt_bias = function(MambaDtBias)
mamba_a_log = function(MambaALog)
mamba2_a_log = function(Mamba2ALog)

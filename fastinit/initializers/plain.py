"""Distributions given outright: constants, and distributions with parameters of their own."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fastinit import distributions
from fastinit.initializers.base import Initializer, function
from fastinit.initializers.layouts import Layout


@dataclass(frozen=True, repr=False)
class Zeros(Initializer):
    """All zeros: for biases."""

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Constant(0.0)


@dataclass(frozen=True, repr=False)
class Ones(Initializer):
    """All ones: for the scales of norms."""

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Constant(1.0)


@dataclass(frozen=True, repr=False, eq=False)
class Constant(Initializer):
    """Every element is `value`."""

    value: float

    def check(self) -> None:
        distributions.Constant(self.value)

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Constant(self.value)

    def __eq__(self, other: object) -> bool:
        """Also by the sign of a zero, which the values have."""
        return type(other) is Constant and repr(self.value) == repr(other.value)

    def __hash__(self) -> int:
        return hash(repr(self.value))


@dataclass(frozen=True, repr=False)
class Uniform(Initializer):
    """Uniform on [low, high). With nothing known but the number n of inputs, a = 1 / sqrt(n) and (-a, a) serve.

    Where neither is given the convention says: "math" and "keras" [-0.05, 0.05), "torch" [0, 1), "jax" [0, 0.01).
    """

    low: float | None = None
    high: float | None = None
    convention: str = "math"

    def check(self) -> None:
        low, high = {"torch": (0.0, 1.0), "jax": (0.0, 0.01)}.get(self.convention, (-0.05, 0.05))
        self._set("low", distributions.number("low", low if self.low is None else self.low))
        self._set("high", distributions.number("high", high if self.high is None else self.high))
        distributions.Uniform(self.low, self.high)

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Uniform(self.low, self.high)


STDS = {"math": 1.0, "torch": 1.0, "keras": 0.05, "jax": 0.01}
"""The std of normals where none is given, by convention."""


@dataclass(frozen=True, repr=False)
class Normal(Initializer):
    """Normal with this mean and std. With nothing known but the number n of inputs, std = 1 / sqrt(n) serves.

    Where `std` is not given the convention says: "math" and "torch" 1, "keras" 0.05, "jax" 0.01.
    """

    mean: float = 0.0
    std: float | None = None
    convention: str = "math"

    def check(self) -> None:
        self._set("std", distributions.number("std", STDS[self.convention] if self.std is None else self.std))
        distributions.Normal(self.mean, self.std)

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Normal(self.mean, self.std)


@dataclass(frozen=True, repr=False)
class TruncatedNormal(Initializer):
    """Normal with this mean and std, cut at mean + low std and mean + high std: the bounds are in sigmas from the mean.

    `std` is that before the cut; cut at +-2 sigmas, what is left has 0.8796 of it. With bounds="absolute", `low` and `high`
    are the least and the greatest value themselves, as in torch's `trunc_normal_`, whose convention has them so; of std=0.02
    torch's defaults of -2 and 2 cut nothing. Where `std` is not given: 1, in the conventions of Keras 0.05 and of JAX 0.01.
    """

    mean: float = 0.0
    std: float | None = None
    low: float = -2.0
    high: float = 2.0
    bounds: str | None = None
    convention: str = "math"

    def check(self) -> None:
        self._set("std", distributions.number("std", STDS[self.convention] if self.std is None else self.std))
        if self.bounds is None:
            self._set("bounds", "absolute" if self.convention == "torch" else "sigmas")
        self.check_one_of("bounds", ("sigmas", "absolute"))
        self._distribution((), None)

    def _distribution(self, shape: tuple[int, ...], layout: Layout | None) -> distributions.Distribution:
        if self.bounds == "sigmas":
            return distributions.TruncatedNormal(self.mean, self.std, self.low, self.high)
        if self.std == 0 or not math.isfinite(self.std):
            raise ValueError(f"std must be positive and finite where bounds='absolute', got {self.std!r}")
        low, high = ((bound - self.mean) / self.std for bound in (self.low, self.high))
        return distributions.TruncatedNormal(self.mean, self.std, low, high)


zeros = function(Zeros)
ones = function(Ones)
constant = function(Constant)
uniform = function(Uniform)
normal = function(Normal)
truncated_normal = function(TruncatedNormal)

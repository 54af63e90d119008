"""The tutorial's four functions, with its signatures and their mathematics set right."""

from __future__ import annotations

from dataclasses import dataclass

from fastinit import distributions
from fastinit.initializers.base import Initializer, function
from fastinit.initializers.layouts import Layout
from fastinit.initializers.scaled import scaled_distribution
from fastinit.initializers.weights import check_finite


@dataclass(frozen=True, repr=False)
class RandomInit(Initializer):
    """Uniform on [lower_bound, upper_bound): the tutorial's random initialization."""

    lower_bound: float = -1.0
    upper_bound: float = 1.0

    def check(self) -> None:
        check_finite(self, "lower_bound"), check_finite(self, "upper_bound")
        if self.lower_bound > self.upper_bound:
            given = f"lower_bound={self.lower_bound!r}, upper_bound={self.upper_bound!r}"
            raise ValueError(f"lower_bound must not be above upper_bound, got {given}")

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Uniform(self.lower_bound, self.upper_bound)


@dataclass(frozen=True, repr=False)
class GaussianInit(Initializer):
    """Normal with this mean and standard deviation: the tutorial's Gaussian initialization."""

    mean: float = 0.0
    std: float = 0.01

    def check(self) -> None:
        distributions.Normal(self.mean, self.std)

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Normal(self.mean, self.std)


@dataclass(frozen=True, repr=False)
class _About(Initializer):
    bias: float = 0.0

    def check(self) -> None:
        check_finite(self, "bias")


class XavierInit(_About):
    """Normal about `bias`, the variance being 2 / (fan_in + fan_out) and sigma its root: the tutorial's Xavier.

    The tutorial in places passes the variance where the standard deviation belongs; here it never is.
    """

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Normal(
            self.bias, scaled_distribution(shape, layout, 1.0, "fan_avg", "normal", "xavier_init").std
        )


class HeInit(_About):
    """Normal about `bias`, the variance being 2 / fan_in and sigma its root: the tutorial's He.

    The tutorial in places passes the variance where the standard deviation belongs, and draws with sigma 1.41 in one place
    and 1.0 in another for two inputs; here sigma is sqrt(2 / fan_in), 1.0 for two inputs.
    """

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return distributions.Normal(self.bias, scaled_distribution(shape, layout, 2.0, "fan_in", "normal", "he_init").std)


random_init = function(RandomInit)
gaussian_init = function(GaussianInit)
xavier_init = function(XavierInit)
he_init = function(HeInit)

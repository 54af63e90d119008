"""The four functions of a tutorial on weight initialization, with its signatures and corrected formulas."""

from __future__ import annotations

from fastinit.distributions import Distribution, Normal, Uniform
from fastinit.initializers.base import Initializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.layouts import Layout, Lengths
from fastinit.initializers.scaled import std_of
from fastinit.initializers.weights import finite
from fastinit.runtime.values import value_class


@initializer
class RandomInit(Initializer):
    """Uniform on [lower_bound, upper_bound), of any shape: the tutorial's random initialization.

    ValueError for bounds out of order or not finite.

        >>> from fastinit.initializers import random_init
        >>> random_init((2, 3), -0.5, 0.5, seed=0)
        array([[ 0.02507275, -0.41117793,  0.4477167 ],
               [-0.4286334 ,  0.36005926,  0.24003708]], dtype=float32)
    """

    lower_bound: float = -1.0
    upper_bound: float = 1.0
    positional = 2

    def check(self) -> None:
        self.check_parameter(finite, "lower_bound", "upper_bound")
        if self.lower_bound > self.upper_bound:
            given = f"lower_bound={self.lower_bound!r}, upper_bound={self.upper_bound!r}"
            raise ValueError(f"lower_bound must not be above upper_bound, got {given}")

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        return Uniform(self.lower_bound, self.upper_bound)


@initializer
class GaussianInit(Initializer):
    """Normal with this mean and standard deviation, of any shape: the tutorial's Gaussian initialization.

    ValueError for a negative std, and for parameters that are not finite.

        >>> from fastinit.initializers import gaussian_init
        >>> gaussian_init((2, 3), 0.0, 0.1, seed=0)
        array([[ 0.02826682, -0.05517031,  0.03277053],
               [ 0.21025918, -0.0504447 ,  0.02666704]], dtype=float32)
    """

    mean: float = 0.0
    std: float = 0.01
    positional = 2

    def check(self) -> None:
        Normal(self.mean, self.std)

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        return Normal(self.mean, self.std)


@value_class
class _AboutBias(Initializer):
    """Base of the normals about a bias, of variance `scale` / n, n being the fan of `mode`."""

    bias: float = 0.0
    positional = 1
    scale = 1.0
    mode = "fan_avg"

    def check(self) -> None:
        self.check_parameter(finite, "bias")

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        return Normal(self.bias, std_of(shape, layout, self.scale, self.mode, self.function_name))


@initializer
class XavierInit(_AboutBias):
    """Normal about `bias` with variance 2 / (fan_in + fan_out): the tutorial's Xavier initialization.

    The tutorial in places passes the variance as the standard deviation; here the standard deviation is its root.
    Weights of at least 2 axes; ValueError for shapes without fans. Source: Glorot and Bengio 2010, eq. 12.

        >>> from fastinit.initializers import xavier_init
        >>> xavier_init.distribution_for((20, 30))
        Normal(mean=0.0, std=0.2)
    """


@initializer
class HeInit(_AboutBias):
    """Normal about `bias` with variance 2 / fan_in: the tutorial's He initialization.

    The tutorial in places passes the variance as the standard deviation, and for two inputs draws with 1.41 in one place
    and 1.0 in another; here the standard deviation is sqrt(2 / fan_in), 1.0 for two inputs.
    Weights of at least 2 axes; ValueError for shapes without fans. Source: He et al. 2015, arXiv 1502.01852, eq. 10.

        >>> from fastinit.initializers import he_init
        >>> he_init.distribution_for((2, 30))
        Normal(mean=0.0, std=1.0)
    """

    scale = 2.0
    mode = "fan_in"

"""Mean 0 and a variance that the fans decide: variance scaling, and its presets by Xavier Glorot, He and LeCun."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fastinit import distributions
from fastinit.initializers.base import Initializer, function
from fastinit.initializers.gains import gain as gain_of
from fastinit.initializers.gains import second_moment
from fastinit.initializers.layouts import Layout
from fastinit.initializers.weights import check_nonlinearity

STD_OF_NORMAL_CUT_AT_2 = 0.87962566103423978  # sqrt(1 - 4 pdf(2) / (2 cdf(2) - 1))

MODES = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
    "fan_geo_avg": lambda fan_in, fan_out: math.sqrt(fan_in * fan_out),
}
DISTRIBUTIONS = {
    "normal": lambda std: distributions.Normal(0.0, std),
    "truncated_normal": lambda std: distributions.TruncatedNormal(0.0, std / STD_OF_NORMAL_CUT_AT_2, -2.0, 2.0),
    "uniform": lambda std: distributions.Uniform(-math.sqrt(3.0) * std, math.sqrt(3.0) * std),
    "untruncated_normal": lambda std: distributions.Normal(0.0, std),
}


def scaled_distribution(
    shape: tuple[int, ...], layout: Layout, scale: float, mode: str, distribution: str, wanted_by: str
) -> distributions.Distribution:
    """Mean 0 and variance scale / n, n being the fan of `mode`."""
    return DISTRIBUTIONS[distribution](math.sqrt(scale / MODES[mode](*layout.fans(shape, wanted_by))))


def check_scale(scale: float) -> None:
    if not 0 <= scale < math.inf:
        raise ValueError(f"scale must be a finite number that is not negative, got {scale!r}")


@dataclass(frozen=True, repr=False)
class VarianceScaling(Initializer):
    """Mean 0 and variance scale / n, n being `mode`: "fan_in", "fan_out", "fan_avg" or "fan_geo_avg", their means.

    `distribution`: "normal"; "truncated_normal", cut at +-2 sigmas and widened to keep the variance; "uniform"; or
    "untruncated_normal". In the convention of Keras "normal" means the truncated one.
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "normal"
    convention: str = "math"

    def check(self) -> None:
        self.check_one_of("mode", MODES)
        self.check_one_of("distribution", DISTRIBUTIONS)
        check_scale(self.scale)

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        cut = self.convention == "keras" and self.distribution == "normal"
        distribution = "truncated_normal" if cut else self.distribution
        return scaled_distribution(shape, layout, self.scale, self.mode, distribution, "variance_scaling")


def _normal_of(convention: str) -> str:
    """What a framework's presets called normal draw from."""
    return "truncated_normal" if convention in ("keras", "jax") else "normal"


@dataclass(frozen=True, repr=False)
class _Xavier(Initializer):
    gain: float = 1.0
    convention: str = "math"

    def check(self) -> None:
        if not 0 <= self.gain < math.inf:
            raise ValueError(f"gain must be a finite number that is not negative, got {self.gain!r}")


class XavierUniform(_Xavier):
    """Uniform, variance 2 gain^2 / (fan_in + fan_out): for tanh and linear units (Glorot and Bengio 2010, eq. 16)."""

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return scaled_distribution(shape, layout, self.gain**2, "fan_avg", "uniform", "xavier_uniform")


class XavierNormal(_Xavier):
    """Normal, variance 2 gain^2 / (fan_in + fan_out): for tanh and linear units (Glorot and Bengio 2010, eq. 12).

    In the conventions of Keras and JAX the normal is cut at +-2 sigmas and widened to keep the variance.
    """

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return scaled_distribution(shape, layout, self.gain**2, "fan_avg", _normal_of(self.convention), "xavier_normal")


@dataclass(frozen=True, repr=False)
class _He(Initializer):
    negative_slope: float = 0.0
    mode: str = "fan_in"
    nonlinearity: str = "leaky_relu"
    convention: str = "math"

    def check(self) -> None:
        self.check_one_of("mode", MODES)
        if not math.isfinite(self.negative_slope):
            raise ValueError(f"negative_slope must be finite, got {self.negative_slope!r}")
        check_nonlinearity(self, lambda name: self._scale())

    def _scale(self) -> float:
        """The square of the nonlinearity's gain."""
        if self.nonlinearity == "leaky_relu":
            return 2.0 / (1.0 + self.negative_slope**2)
        if self.convention == "torch":
            return gain_of(self.nonlinearity, convention="torch") ** 2
        return 1.0 / second_moment(self.nonlinearity)


class HeUniform(_He):
    """Uniform, variance gain^2 / fan_in; gain^2 = 2 / (1 + negative_slope^2), 2 for ReLU (He et al. 2015, eq. 10 and 15).

    `mode` as in `variance_scaling`. `nonlinearity`: a name that `fastinit.gain` knows, whose gain takes the place of the
    leaky ReLU's; in the convention of torch it is that of `calculate_gain`.
    """

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return scaled_distribution(shape, layout, self._scale(), self.mode, "uniform", "he_uniform")


class HeNormal(_He):
    """Normal, variance gain^2 / fan_in; gain^2 = 2 / (1 + negative_slope^2), 2 for ReLU (He et al. 2015, eq. 10 and 15).

    `mode` as in `variance_scaling`. `nonlinearity`: a name that `fastinit.gain` knows, whose gain takes the place of the
    leaky ReLU's; in the convention of torch it is that of `calculate_gain`. In the conventions of Keras and JAX the normal is cut
    at +-2 sigmas and widened to keep the variance.
    """

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return scaled_distribution(shape, layout, self._scale(), self.mode, _normal_of(self.convention), "he_normal")


@dataclass(frozen=True, repr=False)
class _Lecun(Initializer):
    convention: str = "math"


class LecunUniform(_Lecun):
    """Uniform, variance 1 / fan_in: for SELU and linear units (LeCun et al. 1998, "Efficient BackProp", section 4.6)."""

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return scaled_distribution(shape, layout, 1.0, "fan_in", "uniform", "lecun_uniform")


class LecunNormal(_Lecun):
    """Normal, variance 1 / fan_in: for SELU and linear units (LeCun et al. 1998, "Efficient BackProp", section 4.6).

    In the conventions of Keras and JAX the normal is cut at +-2 sigmas and widened to keep the variance.
    """

    def _distribution(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        return scaled_distribution(shape, layout, 1.0, "fan_in", _normal_of(self.convention), "lecun_normal")


variance_scaling = function(VarianceScaling)
xavier_uniform = function(XavierUniform)
xavier_normal = function(XavierNormal)
he_uniform = function(HeUniform)
he_normal = function(HeNormal)
lecun_uniform = function(LecunUniform)
lecun_normal = function(LecunNormal)
glorot_uniform, glorot_normal = xavier_uniform, xavier_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal

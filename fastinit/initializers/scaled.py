"""Mean 0 and a variance that the fans decide: variance scaling, its presets by Glorot, He and LeCun, and SIREN's."""

from __future__ import annotations

import math
from collections.abc import Callable

from fastinit.distributions import Distribution, Normal, TruncatedNormal, Uniform
from fastinit.initializers.base import Initializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.gains import gain as gain_of
from fastinit.initializers.gains import second_moment_of_weights
from fastinit.initializers.layouts import Layout, Lengths
from fastinit.initializers.weights import check_nonlinearity
from fastinit.runtime import checks
from fastinit.runtime.values import value_class

STD_OF_NORMAL_TRUNCATED_AT_2 = 0.87962566103423978  # sqrt(1 - 4 pdf(2) / (2 cdf(2) - 1))

MODES: dict[str, Callable[[float, float], float]] = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
    "fan_geo_avg": lambda fan_in, fan_out: math.sqrt(fan_in * fan_out),
}
DISTRIBUTIONS: dict[str, Callable[[float], Distribution]] = {
    "normal": lambda std: Normal(0.0, std),
    "truncated_normal": lambda std: TruncatedNormal(0.0, std / STD_OF_NORMAL_TRUNCATED_AT_2, -2.0, 2.0),
    "uniform": lambda std: Uniform(-math.sqrt(3.0) * std, math.sqrt(3.0) * std),
    "untruncated_normal": lambda std: Normal(0.0, std),
}


def std_of(shape: Lengths, layout: Layout, scale: float, mode: str, wanted_by: str) -> float:
    """sqrt(scale / n), n being the fan of `mode`."""
    return math.sqrt(scale / MODES[mode](*layout.fans(shape, wanted_by)))


@initializer
class VarianceScaling(Initializer):
    """Mean 0 and variance scale / n, n being `mode`: "fan_in", "fan_out", or their mean, "fan_avg" or "fan_geo_avg".

    `distribution`: "normal"; "truncated_normal", truncated at 2 standard deviations and widened to keep the variance;
    "uniform"; or "untruncated_normal". Under Keras's convention "normal" means "truncated_normal".
    Weights of at least 2 axes. ValueError for a negative scale, and for shapes that have no fans.
    Source: the common form of the presets below, as in JAX's and Keras's `variance_scaling`.

        >>> import fastinit
        >>> fastinit.variance_scaling.distribution_for((256, 128), scale=2.0, mode="fan_out")
        Normal(mean=0.0, std=0.125)
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "normal"
    convention: str = "math"

    def check(self) -> None:
        checks.one_of("mode", self.mode, MODES)
        checks.one_of("distribution", self.distribution, DISTRIBUTIONS)
        checks.not_negative("scale", self.scale)

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        is_truncated = self.convention == "keras" and self.distribution == "normal"
        distribution = DISTRIBUTIONS["truncated_normal" if is_truncated else self.distribution]
        return distribution(std_of(shape, layout, self.scale, self.mode, self.function_name))


class _Preset(Initializer):
    """Base of the presets: variance `_scale()` / n, n being the fan of `mode`; `form` is "uniform" or "normal"."""

    form: str
    mode = "fan_in"
    convention: str

    def _scale(self) -> float:
        raise NotImplementedError

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        is_truncated = self.form == "normal" and self.convention in ("keras", "jax")
        distribution = DISTRIBUTIONS["truncated_normal" if is_truncated else self.form]
        return distribution(std_of(shape, layout, self._scale(), self.mode, self.function_name))


@value_class(kw_only=True)  # by position they would be taken for seeds, which the namesakes in Keras have there
class _Xavier(_Preset):
    gain: float = 1.0
    convention: str = "math"
    mode = "fan_avg"

    def check(self) -> None:
        checks.not_negative("gain", self.gain)

    def _scale(self) -> float:
        return self.gain**2


@initializer
class XavierUniform(_Xavier):
    """Uniform with variance 2 gain^2 / (fan_in + fan_out): for tanh and linear units.

    Weights of at least 2 axes. ValueError for a negative gain, and for shapes that have no fans.
    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", eq. 16.

        >>> import fastinit
        >>> fastinit.xavier_uniform((2, 3), seed=0)
        array([[ 0.05493165, -0.90084577,  0.9808982 ],
               [-0.93908876,  0.78885037,  0.52589494]], dtype=float32)
    """

    form = "uniform"
    aliases = ("glorot_uniform",)


@initializer
class XavierNormal(_Xavier):
    """Normal with variance 2 gain^2 / (fan_in + fan_out): for tanh and linear units.

    Under the conventions of Keras and JAX it is truncated at 2 standard deviations and widened to keep the variance.
    Weights of at least 2 axes. ValueError for a negative gain, and for shapes that have no fans.
    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", eq. 12.

        >>> import fastinit
        >>> fastinit.xavier_normal((2, 3), seed=0)
        array([[ 0.17877509, -0.34892768,  0.20725904],
               [ 1.3297957 , -0.31904033,  0.16865715]], dtype=float32)
    """

    form = "normal"
    aliases = ("glorot_normal",)


@value_class(kw_only=True)  # by position they would be taken for seeds, which the namesakes in Keras have there
class _He(_Preset):
    negative_slope: float = 0.0
    mode: str = "fan_in"
    nonlinearity: str = "leaky_relu"
    convention: str = "math"

    def check(self) -> None:
        checks.one_of("mode", self.mode, MODES)
        checks.finite("negative_slope", self.negative_slope)
        check_nonlinearity(self.nonlinearity, lambda name: self._scale())

    def _scale(self) -> float:
        """The square of the nonlinearity's gain."""
        if self.nonlinearity == "leaky_relu":
            return 2.0 / (1.0 + self.negative_slope**2)
        if self.convention == "torch":
            return gain_of(self.nonlinearity, convention="torch") ** 2
        return 1.0 / second_moment_of_weights(self.nonlinearity)


@initializer
class HeUniform(_He):
    """Uniform with variance gain^2 / fan_in: for ReLU and similar activations.

    gain^2 = 2 / (1 + negative_slope^2), 2 for ReLU. `mode`: the fan it is divided by, as in `variance_scaling`.
    `nonlinearity`: a name that `fastinit.gain` knows, whose gain replaces the leaky ReLU's; under torch's convention that of
    `torch.nn.init.calculate_gain`. Weights of at least 2 axes. ValueError for unknown names, and for shapes without fans.
    Source: He et al. 2015, "Delving Deep into Rectifiers", arXiv 1502.01852, eq. 10 and 15.

        >>> import fastinit
        >>> fastinit.he_uniform((2, 3), seed=0)
        array([[ 0.08685456, -1.4243621 ,  1.5509361 ],
               [-1.4848295 ,  1.2472818 ,  0.8315128 ]], dtype=float32)
    """

    form = "uniform"
    aliases = ("kaiming_uniform",)


@initializer
class HeNormal(_He):
    """Normal with variance gain^2 / fan_in: for ReLU and similar activations.

    gain^2 = 2 / (1 + negative_slope^2), 2 for ReLU. `mode`: the fan it is divided by, as in `variance_scaling`.
    `nonlinearity`: a name that `fastinit.gain` knows, whose gain replaces the leaky ReLU's; under torch's convention that of
    `torch.nn.init.calculate_gain`. Under the conventions of Keras and JAX it is truncated at 2 standard deviations and
    widened to keep the variance. Weights of at least 2 axes. ValueError for unknown names, and for shapes without fans.
    Source: He et al. 2015, "Delving Deep into Rectifiers", arXiv 1502.01852, eq. 10 and 15.

        >>> import fastinit
        >>> fastinit.he_normal((2, 3), seed=0)
        array([[ 0.28266823, -0.5517031 ,  0.32770532],
               [ 2.1025918 , -0.50444704,  0.26667038]], dtype=float32)
    """

    form = "normal"
    aliases = ("kaiming_normal",)


@value_class(kw_only=True)  # by position they would be taken for seeds, which the namesakes in Keras have there
class _Lecun(_Preset):
    convention: str = "math"

    def _scale(self) -> float:
        return 1.0


@initializer
class LecunUniform(_Lecun):
    """Uniform with variance 1 / fan_in: for SELU and linear units.

    Weights of at least 2 axes; ValueError for shapes without fans.
    Source: LeCun et al. 1998, "Efficient BackProp", section 4.6; SELU: Klambauer et al. 2017, arXiv 1706.02515.

        >>> import fastinit
        >>> fastinit.lecun_uniform((2, 3), seed=0)
        array([[ 0.06141546, -1.0071762 ,  1.0966775 ],
               [-1.0499331 ,  0.8819615 ,  0.5879684 ]], dtype=float32)
    """

    form = "uniform"


@initializer
class LecunNormal(_Lecun):
    """Normal with variance 1 / fan_in: for SELU and linear units.

    Under the conventions of Keras and JAX it is truncated at 2 standard deviations and widened to keep the variance.
    Weights of at least 2 axes; ValueError for shapes without fans.
    Source: LeCun et al. 1998, "Efficient BackProp", section 4.6; SELU: Klambauer et al. 2017, arXiv 1706.02515.

        >>> import fastinit
        >>> fastinit.lecun_normal((2, 3), seed=0)
        array([[ 0.19987662, -0.390113  ,  0.23172265],
               [ 1.4867568 , -0.35669792,  0.18856443]], dtype=float32)
    """

    form = "normal"


@initializer
class Siren(Initializer):
    """Uniform on +-sqrt(6 / fan_in) / omega; for the `first` layer on +-1 / fan_in: for layers sin(omega (W x + b)).

    `omega` is the same number as in the layers; 30 is the paper's. The pre-activations omega W x of the layers after the
    first have variance 1 where x is distributed as the sine of a uniform angle. The first layer's inputs are coordinates in
    [-1, 1], which it maps onto several periods. Weights of at least 2 axes. ValueError for an omega that is not positive and
    finite, and for shapes without fans.
    Source: Sitzmann et al. 2020, "Implicit Neural Representations with Periodic Activation Functions", arXiv 2006.09661,
    section 3.2 and its supplement, 1.5; the first layer as in the authors' code.

        >>> from fastinit.initializers import siren
        >>> siren.distribution_for((2, 256), first=True)
        Uniform(low=-0.5, high=0.5)
    """

    omega: float = 30.0
    first: bool = False

    def check(self) -> None:
        checks.positive("omega", self.omega)

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        fan_in, _ = layout.fans(shape, self.function_name)
        bound = 1.0 / fan_in if self.first else math.sqrt(6.0 / fan_in) / self.omega
        return Uniform(-bound, bound)

"""The classes of `keras.initializers`: their names, arguments, configs and distributions, fastinit's values."""

from __future__ import annotations

import keras

from fastinit import initializers as ours
from fastinit.distributions import Distribution
from fastinit.initializers.convolution import COSINES
from fastinit.keras.base import Drawn, Filled, Filling, Scaled

theirs = keras.initializers


class Zeros(Filling, theirs.Zeros):
    """All zeros: for biases."""

    def equivalent(self) -> ours.Initializer:
        return ours.Zeros()


class Ones(Filling, theirs.Ones):
    """All ones: for the scales of norms."""

    def equivalent(self) -> ours.Initializer:
        return ours.Ones()


class Constant(Filling, theirs.Constant):
    """Every element is `value`, a number."""

    def equivalent(self) -> ours.Initializer:
        return ours.Constant(self.value)


class Identity(Filled, theirs.Identity):
    """`gain` on the diagonal of a matrix, 0 elsewhere. Its config has the gain, which that of Keras lacks."""

    def equivalent(self) -> ours.Initializer:
        return ours.Identity(self.gain)

    def get_config(self) -> dict[str, float]:
        return {**super().get_config(), "gain": self.gain}


class STFT(Filled, theirs.STFT):
    """The short-time Fourier transform as a convolution (frames, 1, frequencies), for `keras.layers.STFTSpectrogram`.

    Windows as in Keras: the name of any of SciPy's, as many numbers as frames, or None.
    """

    def equivalent(self) -> ours.Initializer:
        return ours.STFT(self.side, self.window, self.scaling, self.periodic)

    def distribution_for(self, shape: int | tuple[int, ...]) -> Distribution:
        if not isinstance(self.window, str) or self.window in COSINES:
            return super().distribution_for(shape)
        import scipy.signal

        frames = ours.STFT(self.side, None).distribution_for(shape).shape[0]
        window = scipy.signal.get_window(self.window, frames, self.periodic).tolist()
        return ours.STFT(self.side, tuple(window), self.scaling).distribution_for(shape)


class RandomNormal(Drawn, theirs.RandomNormal):
    """Normal with this mean and standard deviation."""

    def equivalent(self) -> ours.Initializer:
        return ours.Normal(self.mean, self.stddev)


class TruncatedNormal(Drawn, theirs.TruncatedNormal):
    """Normal, cut at mean +- 2 stddev; `stddev` is that before the cut, which leaves 0.8796 of it."""

    def equivalent(self) -> ours.Initializer:
        return ours.TruncatedNormal(self.mean, self.stddev)


class RandomUniform(Drawn, theirs.RandomUniform):
    """Uniform on [minval, maxval)."""

    def equivalent(self) -> ours.Initializer:
        return ours.Uniform(self.minval, self.maxval)


class Orthogonal(Drawn, theirs.Orthogonal):
    """`gain` times a random orthogonal matrix (Haar), which the weight is of shape (product of all axes but the last, last).

    The kernel of an einsum, as attention has it, is read so as well, as Keras does; `Initializer("orthogonal")` reads it
    by its axes of inputs and outputs.
    """

    def equivalent(self) -> ours.Initializer:
        return ours.Orthogonal(self.gain, convention="keras")


class VarianceScaling(Scaled, theirs.VarianceScaling):
    """Mean 0 and variance scale / n, n being `mode`: "fan_in", "fan_out" or "fan_avg", their mean.

    `distribution`: "truncated_normal", which "normal" also means, cut at +-2 sigmas and widened to keep the variance;
    "untruncated_normal"; or "uniform". A fan is the product of the lengths of `input_axes` or `output_axes`; where those are
    None, of the last axis but one or the last, and the axes before both.
    """


class GlorotUniform(Scaled, theirs.GlorotUniform):
    """Uniform, variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 16)."""


class GlorotNormal(Scaled, theirs.GlorotNormal):
    """Truncated normal, variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 12)."""


class LecunUniform(Scaled, theirs.LecunUniform):
    """Uniform, variance 1 / fan_in (LeCun et al. 1998, "Efficient BackProp", section 4.6)."""


class LecunNormal(Scaled, theirs.LecunNormal):
    """Truncated normal, variance 1 / fan_in (LeCun et al. 1998, "Efficient BackProp", section 4.6)."""


class HeUniform(Scaled, theirs.HeUniform):
    """Uniform, variance 2 / fan_in (He et al. 2015, eq. 10)."""


class HeNormal(Scaled, theirs.HeNormal):
    """Truncated normal, variance 2 / fan_in (He et al. 2015, eq. 10)."""

"""The classes of `keras.initializers`: their names, arguments, configs and distributions, with fastinit's values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from fastinit import initializers
from fastinit.initializers.convolution import COSINES
from fastinit.keras.base import Drawn, Filled, Filling, Preset, Scaled
from fastinit.runtime import checks
from fastinit.runtime.forks import without_forks

if TYPE_CHECKING:
    from fastinit.distributions import Distribution
    from fastinit.keras.base import Axes
    from fastinit.runtime.types import Shape

__all__ = [
    "STFT", "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "LecunNormal", "LecunUniform",
    "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Zeros",
]  # fmt: skip


class Zeros(Filling, keras.initializers.Zeros):
    """All zeros: for biases.

    >>> import fastinit.keras
    >>> fastinit.keras.Zeros().distribution_for((3,))
    Constant(value=0.0)
    """

    def equivalent(self) -> initializers.Initializer:
        return initializers.Zeros()


class Ones(Filling, keras.initializers.Ones):
    """All ones: for the scales of norms.

    >>> import fastinit.keras
    >>> fastinit.keras.Ones().distribution_for((3,))
    Constant(value=1.0)
    """

    def equivalent(self) -> initializers.Initializer:
        return initializers.Ones()


class Constant(Filling, keras.initializers.Constant):
    """Every element is `value`, a number; or an array, which Keras' own class broadcasts to the shape.

    >>> import fastinit.keras, keras
    >>> keras.ops.convert_to_numpy(fastinit.keras.Constant(0.5)((2,)))
    array([0.5, 0.5], dtype=float32)
    """

    def equivalent(self) -> initializers.Initializer:
        if self.is_array:
            raise ValueError(f"value is an array of shape {np.shape(self.value)}, which has no distribution: Keras fills it")
        return initializers.Constant(self.value)

    @property
    def is_array(self) -> bool:  # type: ignore[override]  # of the value that is set
        return np.ndim(self.value) > 0


class Identity(Filled, keras.initializers.Identity):
    """`gain` on the diagonal of a matrix, 0 elsewhere. Its config has the gain, which that of Keras lacks.

    >>> import fastinit.keras, keras
    >>> keras.ops.convert_to_numpy(fastinit.keras.Identity(2.0)((2, 3)))
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    def equivalent(self) -> initializers.Initializer:
        return initializers.Identity(self.gain)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}


class STFT(Filled, keras.initializers.STFT):
    """The short-time Fourier transform as a convolution (frames, 1, frequencies), for `keras.layers.STFTSpectrogram`.

    Windows as in Keras: the name of any of SciPy's, as many numbers as frames, or None.

    >>> import fastinit.keras, keras
    >>> keras.ops.convert_to_numpy(fastinit.keras.STFT("real", window=None)((4, 1, 3)))[:, 0, 1].round(3)
    array([ 1.,  0., -1.,  0.], dtype=float32)
    """

    def equivalent(self) -> initializers.Initializer:
        return initializers.STFT(self.side, self.window, self.scaling, self.periodic)

    def distribution_for(self, shape: Shape) -> Distribution:
        if not isinstance(self.window, str) or self.window in COSINES:
            return super().distribution_for(shape)
        with without_forks():
            import scipy.signal

        lengths = checks.shape(shape)
        initializers.STFT(self.side, None).distribution_for(lengths)  # refuses other shapes
        window = np.asarray(scipy.signal.get_window(self.window, lengths[0], self.periodic)).tolist()
        return initializers.STFT(self.side, tuple(window), self.scaling).distribution_for(lengths)


class RandomNormal(Drawn, keras.initializers.RandomNormal):
    """Normal with this mean and standard deviation.

    >>> import fastinit.keras
    >>> fastinit.keras.RandomNormal(stddev=0.02).distribution_for((256, 128))
    Normal(mean=0.0, std=0.02)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None, *, name: str | None = None) -> None:
        super().__init__(mean, stddev, seed, name=name)

    def equivalent(self) -> initializers.Initializer:
        return initializers.Normal(self.mean, self.stddev)


class TruncatedNormal(Drawn, keras.initializers.TruncatedNormal):
    """Normal, truncated to mean +- 2 stddev; `stddev` is that before truncation, of which 0.8796 are left.

    >>> import fastinit.keras
    >>> fastinit.keras.TruncatedNormal(stddev=0.02).distribution_for((256, 128))
    TruncatedNormal(mean=0.0, std=0.02, low=-2.0, high=2.0)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None, *, name: str | None = None) -> None:
        super().__init__(mean, stddev, seed, name=name)

    def equivalent(self) -> initializers.Initializer:
        return initializers.TruncatedNormal(self.mean, self.stddev)


class RandomUniform(Drawn, keras.initializers.RandomUniform):
    """Uniform on [minval, maxval).

    >>> import fastinit.keras
    >>> fastinit.keras.RandomUniform(-0.1, 0.1).distribution_for((256, 128))
    Uniform(low=-0.1, high=0.1)
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None, *, name: str | None = None) -> None:
        super().__init__(minval, maxval, seed, name=name)

    def equivalent(self) -> initializers.Initializer:
        return initializers.Uniform(self.minval, self.maxval)


class Orthogonal(Drawn, keras.initializers.Orthogonal):
    """`gain` times a random orthogonal matrix (Haar) of shape (product of all axes but the last, last).

    The kernel of an einsum, as attention has it, is read in the same way, as in Keras; `Initializer("orthogonal")` reads it
    by its axes of inputs and outputs. Saxe et al. 2014, arXiv 1312.6120.

    >>> import fastinit.keras, keras
    >>> matrix = keras.ops.convert_to_numpy(fastinit.keras.Orthogonal(seed=0)((4, 2)))
    >>> abs(matrix.T @ matrix).round(3)
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0, seed: Any = None, *, name: str | None = None) -> None:
        super().__init__(gain, seed, name=name)

    def equivalent(self) -> initializers.Initializer:
        return initializers.Orthogonal(self.gain, convention="keras")


class VarianceScaling(Scaled, keras.initializers.VarianceScaling):
    """Mean 0 and variance scale / n, where n is `mode`: "fan_in", "fan_out" or "fan_avg", their mean.

    `distribution`: "truncated_normal", which "normal" also means, truncated at 2 standard deviations and widened to keep the
    variance; "untruncated_normal"; or "uniform". A fan is the product of the lengths of `input_axes` or `output_axes`; where
    those are None, of the last axis but one or the last, and the axes before both.

    >>> import fastinit.keras
    >>> fastinit.keras.VarianceScaling(3.0, "fan_avg", "uniform").distribution_for((100, 200))
    Uniform(low=-0.2449489742783178, high=0.2449489742783178)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
        *,
        name: str | None = None,
    ) -> None:
        super().__init__(scale, mode, distribution, seed, input_axes, output_axes, name=name)


class GlorotUniform(Preset, keras.initializers.GlorotUniform):
    """Uniform, variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 16).

    >>> import fastinit.keras
    >>> fastinit.keras.GlorotUniform().distribution_for((100, 400))
    Uniform(low=-0.10954451150103321, high=0.10954451150103321)
    """


class GlorotNormal(Preset, keras.initializers.GlorotNormal):
    """Truncated normal, variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 12).

    >>> import fastinit.keras
    >>> fastinit.keras.GlorotNormal().distribution_for((100, 400))
    TruncatedNormal(mean=0.0, std=0.07190053224346046, low=-2.0, high=2.0)
    """


class LecunUniform(Preset, keras.initializers.LecunUniform):
    """Uniform, variance 1 / fan_in (LeCun et al. 1998, "Efficient BackProp", section 4.6).

    >>> import fastinit.keras
    >>> fastinit.keras.LecunUniform().distribution_for((100, 400))
    Uniform(low=-0.17320508075688773, high=0.17320508075688773)
    """


class LecunNormal(Preset, keras.initializers.LecunNormal):
    """Truncated normal, variance 1 / fan_in (LeCun et al. 1998, "Efficient BackProp", section 4.6).

    >>> import fastinit.keras
    >>> fastinit.keras.LecunNormal().distribution_for((100, 400))
    TruncatedNormal(mean=0.0, std=0.11368472343385565, low=-2.0, high=2.0)
    """


class HeUniform(Preset, keras.initializers.HeUniform):
    """Uniform, variance 2 / fan_in (He et al. 2015, eq. 10).

    >>> import fastinit.keras
    >>> fastinit.keras.HeUniform().distribution_for((100, 400))
    Uniform(low=-0.2449489742783178, high=0.2449489742783178)
    """


class HeNormal(Preset, keras.initializers.HeNormal):
    """Truncated normal, variance 2 / fan_in (He et al. 2015, eq. 10).

    >>> import fastinit.keras
    >>> fastinit.keras.HeNormal().distribution_for((100, 400))
    TruncatedNormal(mean=0.0, std=0.16077447771479306, low=-2.0, high=2.0)
    """

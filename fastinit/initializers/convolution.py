"""Kernels of convolutions with a task: upsampling, sub-pixel upsampling, the short-time Fourier transform."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fastinit import distributions
from fastinit.core.fill import Draws
from fastinit.initializers.base import Initializer, Structured, function
from fastinit.initializers.layouts import Layout
from fastinit.initializers.weights import Weight, check_int_at_least, convolution_of, made_initializer, weight_of


@dataclass(frozen=True, repr=False)
class Bilinear(Structured):
    """Linear interpolation along each axis of the kernel: a (transposed) convolution that upsamples (Long et al. 2015).

    Tap x of k has 1 - |x - (k - 1) / 2| / f, f = ceil(k / 2); over several axes, the product. To upsample by a factor s:
    stride s and k = 2 s - s % 2. With as many outputs as inputs, output c is made of input c; with one of either in each
    group, as in a depthwise convolution, of all. "Fully Convolutional Networks for Semantic Segmentation", section 3.3.
    MXNet and Paddle fill all pairs of channels, so that other than depthwise ones add up the channels.
    """

    convention: str = "math"

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        weight = convolution_of(shape, layout, "bilinear", "identity")
        if weight.out != weight.into and 1 not in (weight.out, weight.into):
            raise ValueError(
                f"shape {shape} has {weight.out} outputs of {weight.into} inputs: bilinear needs as many, or one of either"
            )

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        weight = weight_of(shape, layout, "bilinear")
        values = weight.zeros(draws.real)
        channels = np.arange(min(weight.out, weight.into)) if weight.out == weight.into else slice(None)
        values[:, channels, channels] = _triangles(weight)
        return weight.restored(values)


def _triangles(weight: Weight) -> np.ndarray:
    kernel = np.ones(())
    for k in weight.kernel:
        kernel = kernel[..., None] * (1 - np.abs(np.arange(k) - (k - 1) / 2) / math.ceil(k / 2))
    return kernel


SHUFFLES = ("pixel_shuffle", "depth_to_space")


@dataclass(frozen=True, repr=False)
class ICNR(Structured):
    """A convolution before a sub-pixel shuffle that starts as nearest-neighbour upsampling by `scale` (Aitken et al. 2017).

    The outputs that a shuffle puts side by side, scale^d of them for a kernel of d axes (scale^2 without one), have equal
    kernels; the different ones are those of `initializer` for a weight of so many outputs fewer. `shuffle` says which are
    put together: "pixel_shuffle", consecutive ones as in torch; "depth_to_space", every (out / scale^d)-th as in TensorFlow.
    "Checkerboard artifact free sub-pixel convolution", arXiv 1707.02937.
    """

    initializer: Initializer
    scale: int = 2
    shuffle: str = "pixel_shuffle"

    def check(self) -> None:
        self._set("initializer", made_initializer("initializer", self.initializer))
        check_int_at_least(self, "scale", 1)
        self.check_one_of("shuffle", SHUFFLES)

    def layout(self, layout: Layout | None) -> Layout:
        return self.initializer.layout(layout)

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        self._different(shape, layout)

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        distribution, fewer, axis, repeats = self._different(shape, layout)
        values = draws.of(distribution, fewer)
        if self.shuffle == "pixel_shuffle":
            return np.repeat(values, repeats, axis)
        return np.concatenate([values] * repeats, axis)

    def _different(
        self, shape: tuple[int, ...], layout: Layout
    ) -> tuple[distributions.Distribution, tuple[int, ...], int, int]:
        """The distribution of the kernels that differ, their tensor's shape, the axis of outputs and how often each is there."""
        weight = weight_of(shape, layout, "icnr")
        axes = layout.axes(shape).out_of
        if len(axes) != 1 or layout.groups != 1:
            raise ValueError(f"icnr needs one axis of outputs and no groups, got {layout} for shape {shape}")
        axis, repeats = axes[0], self.scale ** (len(weight.kernel) or 2)
        if shape[axis] % repeats:
            raise ValueError(f"icnr needs outputs in multiples of {repeats}, got {shape[axis]} of shape {shape}")
        fewer = (*shape[:axis], shape[axis] // repeats, *shape[axis + 1 :])
        return self.initializer.distribution_for(fewer, layout=layout), fewer, axis, repeats


COSINES = {
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "boxcar": (1.0,),
}
"""Windows as in scipy.signal.windows, a0 - a1 cos x + a2 cos 2x - ..., x being once around."""

SCALINGS = {
    "density": lambda window: np.sqrt(np.sum(window**2)),
    "spectrum": lambda window: np.sum(np.abs(window)),
    None: lambda window: 1.0,
}


@dataclass(frozen=True, repr=False)
class STFT(Structured):
    """The short-time Fourier transform as a convolution (frames, 1, frequencies), as Keras's `STFTInitializer`.

    Tap t of frequency f has cos(2 pi t f / n) for `side` "real", -sin(2 pi t f / n) for "imag", n = 2 (frequencies - 1),
    times the window over its `scaling`: "density", the root of the sum of its squares; "spectrum", the sum of its absolute
    values; or None. `window`: "hann", "hamming", "blackman", "nuttall", "blackmanharris", "boxcar", as many numbers as
    frames, or None for neither window nor scaling; `periodic` as in SciPy. Angles are reduced in integers, before they are
    rounded. NumPy's cosine may differ in a float64's last bit between machines.
    """

    side: str = "real"
    window: str | tuple[float, ...] | None = "hann"
    scaling: str | None = "density"
    periodic: bool = False

    def check(self) -> None:
        self.check_one_of("side", ("real", "imag"))
        self.check_one_of("scaling", SCALINGS)
        if not isinstance(self.periodic, (bool, np.bool_)):
            raise TypeError(f"periodic must be True or False, got {self.periodic!r}")
        self._set("periodic", bool(self.periodic))
        if isinstance(self.window, str):
            self.check_one_of("window", COSINES)
        elif self.window is not None:
            self._set("window", _numbers(self.window))

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        if len(shape) != 3 or shape[1] != 1 or shape[0] < 1 or shape[2] < 2:
            raise ValueError(f"stft needs a shape of (frames, 1, frequencies of at least 2), got {shape}")
        if isinstance(self.window, tuple) and len(self.window) != shape[0]:
            raise ValueError(f"window has {len(self.window)} numbers, but shape {shape} has {shape[0]} frames")
        if not np.all(np.isfinite(self._scaled_window(shape[0]))):
            raise ValueError(f"window {self.window!r} of {shape[0]} frames is 0 all over: it cannot be scaled")

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        frames, _, frequencies = shape
        n = 2 * (frequencies - 1)
        angles = 2 * np.pi / n * np.arange(n)
        circle = np.cos(angles) if self.side == "real" else -np.sin(angles)
        circle[np.abs(circle) < 1e-15] = 0.0  # quarter turns, rounded; n would be above 10^15 for another
        turns = np.outer(np.arange(frames), np.arange(frequencies)) % n
        return (circle[turns] * self._scaled_window(frames)[:, None])[:, None, :]

    def _scaled_window(self, frames: int) -> np.ndarray:
        if self.window is None:
            return np.ones(frames)
        by_name = isinstance(self.window, str)
        window = _cosines(COSINES[self.window], frames, self.periodic) if by_name else np.array(self.window)
        with np.errstate(all="ignore"):
            return window / SCALINGS[self.scaling](window)


def _cosines(weights: tuple[float, ...], frames: int, periodic: bool) -> np.ndarray:
    if frames == 1:
        return np.ones(1)
    once_around = 2 * np.pi / (frames if periodic else frames - 1) * np.arange(frames)
    return sum((-1) ** k * weight * np.cos(k * once_around) for k, weight in enumerate(weights))


def _numbers(window: object) -> tuple[float, ...]:
    try:
        values = tuple(window)
    except TypeError:
        raise TypeError(f"window must be a name, numbers or None, got {window!r}") from None
    numbers = tuple(distributions.number("window", value) for value in values)
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"window must be finite, got {window!r}")
    return numbers


bilinear = function(Bilinear)
icnr = function(ICNR)
stft = function(STFT)

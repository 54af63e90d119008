"""Kernels that make a convolution an upsampling, a sub-pixel upsampling or a short-time Fourier transform."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastinit.distributions import Distribution
from fastinit.distributions.base import Draws
from fastinit.initializers.base import WholeTensorInitializer
from fastinit.initializers.composed import OfAnother
from fastinit.initializers.definition import initializer
from fastinit.initializers.layouts import Layout, Lengths
from fastinit.initializers.names import InitializerLike, distribution_of
from fastinit.initializers.weights import Weight, convolution_of, weight_of
from fastinit.runtime import checks
from fastinit.runtime.types import Array, Float64Array


@initializer
class Bilinear(WholeTensorInitializer):
    """Linear interpolation along each axis of the kernel: a (transposed) convolution that upsamples; nothing is random.

    Tap x of k is 1 - |x - (k - 1) / 2| / f, f = ceil(k / 2); over several axes, the product. To upsample by a factor s:
    stride s and k = 2 s - s % 2. With as many outputs as inputs, output c takes input c alone; with one output or one input
    in each group, as in a depthwise convolution, all are connected. (MXNet and Paddle always connect all, which adds up the
    channels of convolutions that are not depthwise.) Weights with at least one kernel axis. ValueError for other numbers of
    channels.
    Source: Long et al. 2015, "Fully Convolutional Networks for Semantic Segmentation", section 3.3.

        >>> from fastinit.initializers import bilinear
        >>> bilinear((1, 1, 4), layout="oi")
        array([[[0.25, 0.75, 0.75, 0.25]]], dtype=float32)
    """

    convention: str = "math"

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        weight = convolution_of(shape, layout, "bilinear", "identity")
        if weight.outputs != weight.inputs and 1 not in (weight.outputs, weight.inputs):
            given = f"shape {shape} has {weight.outputs} outputs of {weight.inputs} inputs"
            raise ValueError(f"{given}: bilinear needs as many, or one of either")

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        weight = weight_of(shape, layout, "bilinear")
        values = weight.zeros(draws.real)
        channels = np.arange(weight.inputs) if weight.outputs == weight.inputs else slice(None)
        values[:, channels, channels] = _triangles(weight)
        return weight.restored(values)


def _triangles(weight: Weight) -> Array:
    kernel = np.ones(())
    for k in weight.kernel:
        kernel = kernel[..., None] * (1 - np.abs(np.arange(k) - (k - 1) / 2) / math.ceil(k / 2))
    return kernel


@initializer
class ICNR(OfAnother, WholeTensorInitializer):
    """A convolution before a sub-pixel shuffle that starts as nearest-neighbour upsampling by `scale`.

    The outputs that the shuffle puts side by side, scale^d of them for a kernel of d axes (scale^2 without one), have equal
    kernels. `initializer`, all that `fastinit.get` takes, fills the kernels that differ, a weight with 1 / scale^d of the
    outputs. `shuffle` says which outputs the shuffle puts side by side: "pixel_shuffle", consecutive ones as in torch;
    "depth_to_space", every (out / scale^d)-th as in TensorFlow. Weights of at least 2 axes. ValueError for groups, and where
    scale^d does not divide the outputs.
    Source: Aitken et al. 2017, "Checkerboard artifact free sub-pixel convolution", arXiv 1707.02937.

        >>> from fastinit.initializers import icnr
        >>> icnr((4, 1, 1, 1), initializer="he_normal", layout="oi", seed=0).ravel()
        array([0.39975324, 0.39975324, 0.39975324, 0.39975324], dtype=float32)
    """

    initializer: InitializerLike
    scale: int = 2
    shuffle: str = "pixel_shuffle"

    def check(self) -> None:
        super().check()
        self.check_parameter(checks.integer, "scale", least=1)
        checks.one_of("shuffle", self.shuffle, ("pixel_shuffle", "depth_to_space"))

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        self._different(shape, layout)

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        distribution, fewer, axis, repeats = self._different(shape, layout)
        values = draws.of(distribution, fewer)
        if self.shuffle == "pixel_shuffle":
            return np.repeat(values, repeats, axis)
        return np.concatenate([values] * repeats, axis)

    def multiplications(self, shape: Lengths, layout: Layout) -> int:
        return self._different(shape, layout)[0].multiplications

    def _different(self, shape: Lengths, layout: Layout) -> tuple[Distribution, Lengths, int, int]:
        """The distribution and shape of the kernels that differ, the axis of outputs, and how often each is repeated."""
        weight = weight_of(shape, layout, "icnr")
        axes = layout.axes(shape).out_axes
        if len(axes) != 1 or layout.groups != 1:
            raise ValueError(f"icnr needs one axis of outputs and no groups, got {layout} for shape {shape}")
        axis, repeats = axes[0], self.scale ** (len(weight.kernel) or 2)
        if shape[axis] % repeats:
            raise ValueError(f"icnr needs outputs in multiples of {repeats}, got {shape[axis]} of shape {shape}")
        fewer = (*shape[:axis], shape[axis] // repeats, *shape[axis + 1 :])
        return distribution_of(self.initializer, fewer, layout), fewer, axis, repeats


COSINES = {
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "boxcar": (1.0,),
}
"""Windows as in scipy.signal.windows: a0 - a1 cos x + a2 cos 2x - ..., x from 0 to 2 pi."""

SCALINGS: dict[str | None, Callable[[Float64Array], Any]] = {
    "density": lambda window: np.sqrt(np.sum(window**2)),
    "spectrum": lambda window: np.sum(np.abs(window)),
    None: lambda window: 1.0,
}


@initializer
class STFT(WholeTensorInitializer):
    """The short-time Fourier transform as a convolution, as Keras's `STFTInitializer`; nothing is random.

    Shape (frames, 1, frequencies), in this order whatever the layout.
    Tap t of frequency f is cos(2 pi t f / n) for `side` "real", -sin(2 pi t f / n) for "imag", n = 2 (frequencies - 1),
    times the window, divided by its `scaling`: "density", the root of the sum of its squares; "spectrum", the sum of its
    absolute values; or None. `window`: "hann", "hamming", "blackman", "nuttall", "blackmanharris", "boxcar", as many numbers
    as frames, or None for neither window nor scaling; `periodic` as in SciPy. Angles are reduced in integers, before
    rounding. NumPy's cosine may differ in a float64's last bit between machines. ValueError for another shape, for unknown
    names, and for a window that does not fit.

        >>> from fastinit.initializers import stft
        >>> stft((4, 1, 3), window=None)[:, 0, 1]
        array([ 1.,  0., -1.,  0.], dtype=float32)
    """

    side: str = "real"
    window: str | tuple[float, ...] | None = "hann"
    scaling: str | None = "density"
    periodic: bool = False

    def check(self) -> None:
        checks.one_of("side", self.side, ("real", "imag"))
        checks.one_of("scaling", self.scaling, SCALINGS)
        if isinstance(self.window, str):
            checks.one_of("window", self.window, COSINES)
        elif self.window is not None:
            self._set("window", _numbers(self.window))

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        if len(shape) != 3 or shape[1] != 1 or shape[0] < 1 or shape[2] < 2:
            raise ValueError(f"stft needs a shape of (frames, 1, frequencies of at least 2), got {shape}")
        if isinstance(self.window, tuple) and len(self.window) != shape[0]:
            raise ValueError(f"window has {len(self.window)} numbers, but shape {shape} has {shape[0]} frames")
        if not np.all(np.isfinite(self._scaled_window(shape[0]))):
            raise ValueError(f"window {self.window!r} of {shape[0]} frames is 0 all over: it cannot be scaled")

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        frames, _, frequencies = shape
        n = 2 * (frequencies - 1)
        angles = 2 * np.pi / n * np.arange(n)
        circle = np.cos(angles) if self.side == "real" else -np.sin(angles)
        circle[np.abs(circle) < 1e-15] = 0.0  # quarter turns, up to rounding (others: n > 10^15)
        turns = np.outer(np.arange(frames), np.arange(frequencies)) % n
        values: Array = circle[turns] * self._scaled_window(frames)[:, None]
        return values[:, None, :]

    def _scaled_window(self, frames: int) -> Float64Array:
        if self.window is None:
            return np.ones(frames)
        if isinstance(self.window, str):
            window = _cosines(COSINES[self.window], frames, self.periodic)
        else:
            window = np.array(self.window)
        with np.errstate(all="ignore"):
            scaled: Float64Array = window / SCALINGS[self.scaling](window)
        return scaled


def _cosines(weights: tuple[float, ...], frames: int, periodic: bool) -> Float64Array:
    if frames == 1:
        return np.ones(1)
    once_around = 2 * np.pi / (frames if periodic else frames - 1) * np.arange(frames)
    window = np.zeros(frames)
    for k, weight in enumerate(weights):
        window += (-1) ** k * weight * np.cos(k * once_around)
    return window


def _numbers(window: Any) -> tuple[float, ...]:
    try:
        values = tuple(window)
    except TypeError:
        raise TypeError(f"window must be a name, numbers or None, got {window!r}") from None
    return tuple(checks.finite("window", value) for value in values)

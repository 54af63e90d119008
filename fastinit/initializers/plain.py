"""Initializers whose distribution does not depend on the shape: constants, uniforms and normals."""

from __future__ import annotations

import math

from fastinit import distributions
from fastinit.distributions import Distribution
from fastinit.initializers.base import Initializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.layouts import Layout, Lengths
from fastinit.runtime import checks


@initializer
class Zeros(Initializer):
    """All zeros: for biases. Any shape; nothing is random.

    >>> import fastinit
    >>> fastinit.zeros((2, 3))
    array([[0., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    """

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        return distributions.Constant(0.0)


@initializer
class Ones(Initializer):
    """All ones: for the scales of normalization layers. Any shape; nothing is random.

    >>> import fastinit
    >>> fastinit.ones(3, dtype="float16")
    array([1., 1., 1.], dtype=float16)
    """

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        return distributions.Constant(1.0)


@initializer
class Constant(Initializer):
    """Every element is `value`, which may be infinite. Any shape; nothing is random.

    ValueError for NaN, and for a value beyond the range of the dtype.

        >>> import fastinit
        >>> fastinit.constant((2, 3), 0.5)
        array([[0.5, 0.5, 0.5],
               [0.5, 0.5, 0.5]], dtype=float32)
    """

    value: float
    positional = 1

    def check(self) -> None:
        distributions.Constant(self.value)

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        return distributions.Constant(self.value)

    def __eq__(self, other: object) -> bool:
        """0.0 and -0.0 differ, since the values have the sign."""
        return type(other) is Constant and repr(self.value) == repr(other.value)

    def __hash__(self) -> int:
        return hash(repr(self.value))


@initializer
class Uniform(Initializer):
    """Uniform on [low, high), of any shape.

    Where neither bound is given the convention decides: "math" and "keras" [-0.05, 0.05), "torch" [0, 1), "jax" [0, 0.01).
    For a layer of which only the number n of inputs is known, low = -1 / sqrt(n) and high = 1 / sqrt(n) serve.
    ValueError for low above high, and for bounds that are not finite.

        >>> import fastinit
        >>> fastinit.uniform(4, low=-1.0, high=1.0, seed=0)
        array([ 0.05014551, -0.82235587,  0.8954334 , -0.8572668 ], dtype=float32)
    """

    low: float | None = None
    high: float | None = None
    convention: str = "math"

    def check(self) -> None:
        low, high = {"torch": (0.0, 1.0), "jax": (0.0, 0.01)}.get(self.convention, (-0.05, 0.05))
        self._set("low", checks.number("low", low if self.low is None else self.low))
        self._set("high", checks.number("high", high if self.high is None else self.high))
        self._distribution((), Layout())

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        assert self.low is not None and self.high is not None  # `check` sets them
        return distributions.Uniform(self.low, self.high)


STDS = {"math": 1.0, "torch": 1.0, "keras": 0.05, "jax": 0.01}
"""For each convention, the std of normals where none is given."""


class _WithStd(Initializer):
    """Base of the normals, whose std is the convention's where none is given."""

    std: float | None
    convention: str

    def check(self) -> None:
        self._set("std", checks.number("std", STDS[self.convention] if self.std is None else self.std))
        self._distribution((), Layout())

    def _std(self) -> float:
        assert self.std is not None  # `check` sets it
        return self.std


@initializer
class Normal(_WithStd):
    """Normal with this mean and standard deviation, of any shape.

    Where `std` is not given the convention decides: "math" and "torch" 1, "keras" 0.05, "jax" 0.01.
    For a layer of which only the number n of inputs is known, std = 1 / sqrt(n) serves.
    ValueError for a negative std, and for parameters that are not finite.

        >>> import fastinit
        >>> fastinit.normal((2, 3), std=0.02, seed=0)
        array([[ 0.00565336, -0.01103406,  0.00655411],
               [ 0.04205183, -0.01008894,  0.00533341]], dtype=float32)
    """

    mean: float = 0.0
    std: float | None = None
    convention: str = "math"

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        return distributions.Normal(self.mean, self._std())


@initializer
class TruncatedNormal(_WithStd):
    """Normal with this mean and std, conditioned on lying between mean + low std and mean + high std; of any shape.

    `low` and `high` are in standard deviations from the mean, and may be infinite. `std` is that of the normal before it is
    truncated: within -2 and 2 the values have 0.8796 of it. With bounds="absolute", `low` and `high` are the least and the
    greatest value themselves, as in torch's `trunc_normal_`; that is the default under torch's convention. With std=0.02,
    torch's defaults of -2 and 2 truncate nothing. `std` is by default 1, under the conventions of Keras 0.05 and JAX 0.01.
    Float32 values beyond 8 standard deviations are uneven among neighbouring floats, up to 4.5 units in the last place off.
    ValueError for a negative std, for bounds out of order, and for bounds more than 36 standard deviations from the mean.

        >>> import fastinit
        >>> fastinit.truncated_normal((2, 3), std=0.02, seed=0)
        array([[ 0.00120049, -0.02479533,  0.02912605],
               [-0.02670839,  0.02019366,  0.0122028 ]], dtype=float32)
    """

    mean: float = 0.0
    std: float | None = None
    low: float = -2.0
    high: float = 2.0
    bounds: str | None = None
    convention: str = "math"

    def check(self) -> None:
        if self.bounds is None:
            self._set("bounds", "absolute" if self.convention == "torch" else "sigmas")
        checks.one_of("bounds", self.bounds, ("sigmas", "absolute"))
        super().check()

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        mean, std, low, high = self.mean, self._std(), self.low, self.high
        if self.bounds == "absolute":
            if std == 0 or not math.isfinite(std):
                raise ValueError(f"std must be positive and finite where bounds='absolute', got {std!r}")
            low, high = (low - mean) / std, (high - mean) / std
        return distributions.TruncatedNormal(mean, std, low, high)

"""The base class of the distributions, and the interfaces through which they write values to memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeVar, cast

import numpy as np

from fastinit.distributions.boxes import Box
from fastinit.runtime import checks
from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import Array, Float64Array, FloatArray, Real
from fastinit.runtime.values import replace, value_class

if TYPE_CHECKING:
    from fastinit.distributions.slabs import Slabs
    from fastinit.distributions.whole_tensor import WholeTensor

PANELS, NODES = 64, 20  # of the Gauss-Legendre rule: averages of smooth functions are exact to the last digits
FAR = 2.0**100  # the 4th powers of 2^32 deviations of such values, and of their last bits, are within float64's range
NO_MEAN = 1e-12  # in standard deviations: a computed mean smaller than this is 0, up to rounding

D = TypeVar("D", bound="Distribution")
F = TypeVar("F", bound=Callable[..., Any])


class Draws(Protocol):
    """Random arrays, one after the other from one stream (`fastinit.core.draws`)."""

    real: Real

    def of(self, distribution: Distribution, shape: int | tuple[int, ...], out: FloatArray | None = None) -> FloatArray:
        """An array of a distribution's values, in `real`: a new one, or `out`."""
        ...

    def of_matrices(self, distribution: WholeTensor[Any]) -> FloatArray | None:
        """An array of a distribution that has `orthogonal_matrices`, by C; None where Python has to make it."""
        ...

    def child(self, key: str) -> Draws:
        """Draws from another stream, which this one's stream and the key determine."""
        ...


class Request(Protocol):
    """Which values of a tensor to write, and where to. A distribution's `write` calls exactly one of the methods."""

    real: Real

    def draw(self, kernel: str, parameters: Float64Array) -> None:
        """Write the values that a kernel draws at the positions asked for."""

    def repeat(self, value: float) -> None:
        """Write the same value everywhere."""

    def select(self, distribution: WholeTensor[Any]) -> None:
        """Compute the whole tensor's values by `distribution.values(draws)`, and write those that are asked for."""

    def compose(self, slabs: Slabs) -> None:
        """Write the values of each slab to where it lies, as far as they are asked for."""


class Region(NamedTuple):
    """A box of a tensor, and the distribution of all values in it."""

    box: Box
    distribution: Distribution


class Quadrature(NamedTuple):
    """Values, weights that sum to 1, and the density at the values: weighted averages are those over the distribution."""

    values: Float64Array
    weights: Float64Array
    density: Float64Array


class Moments(NamedTuple):
    """Mean, standard deviation, and the 3rd, 4th and 6th central moments in units of its powers: 0, 3, 15 for a normal.

    >>> import fastinit
    >>> round(fastinit.distributions.Normal(0.0, 0.02).moments().kurtosis, 9)
    3.0
    """

    mean: float
    std: float
    skewness: float
    kurtosis: float
    sixth: float


@value_class
class Distribution:
    """Base of the distributions; two are equal where their class and parameters are.

    >>> import fastinit
    >>> isinstance(fastinit.distributions.Normal(0.0, 0.02), fastinit.distributions.Distribution)
    True
    """

    kernel: ClassVar[str | None] = None
    """The kernels' name without the dtype ("normal" for normal_float32); None where no kernel draws it."""

    @property
    def is_elementwise(self) -> bool:
        """Whether a value depends on its own position only, so that any part of a tensor can be computed alone."""
        return True

    @property
    def has_density(self) -> bool:
        """Whether `cdf`, `bounds`, `centre`, `quadrature` and `moments` are known."""
        return False

    @property
    def multiplications(self) -> int:
        """About how many multiplications the values of a whole tensor take; 0 where they are few for each value."""
        return 0

    @property
    def only_shape(self) -> tuple[int, ...] | None:
        """The shape of the tensors that it is for; None: of any."""
        return None

    def whole_boxes(self, shape: tuple[int, ...]) -> Iterator[Box]:
        """The boxes of a tensor of this shape whose values are made all together: what cuts none can be computed alone."""
        return iter(())

    def regions(self, shape: tuple[int, ...]) -> tuple[Region, ...]:
        """Boxes that together are a tensor of this shape, each with the distribution of all its values.

        >>> import fastinit
        >>> fastinit.distributions.Normal(0.0, 1.0).regions((2, 3))
        (Region(box=Box(start=(0, 0), shape=(2, 3)), distribution=Normal(mean=0.0, std=1.0)),)
        """
        return (Region(Box.whole(shape), self),)

    def parameters(self, real: Real) -> Float64Array:
        """The kernel's parameters, rounded to the type that values are computed in. ValueError beyond its range."""
        raise NotImplementedError

    def write(self, request: Request) -> None:
        """Write the values that are asked for, by the one method of `request` that fits."""
        raise NotImplementedError

    @property
    def constant_value(self) -> float | None:
        """The one value that all elements have, else None."""
        return None

    def integer_value(self) -> int:
        """The value of every element of a tensor of integers or booleans. ValueError where values are drawn."""
        raise ValueError(f"integer tensors need one constant value, but {self} is random")

    def times(self, factor: float) -> Distribution:
        """The distribution of `factor` times the values, for a positive factor. ValueError for whole-tensor ones."""
        raise ValueError(f"the scale of {self} cannot be changed")

    def cdf(self, x: Array) -> Float64Array:
        """The probability of a value below each x."""
        raise NotImplementedError

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value, or infinity."""
        raise NotImplementedError

    @property
    def centre(self) -> float:
        """The location parameter: the mean, or that of the normal before it is truncated."""
        raise NotImplementedError

    def quadrature(self) -> Quadrature:
        """Values and weights to average functions over the distribution with."""
        raise NotImplementedError

    def moments(self) -> Moments:
        """The moments of the values before they are rounded to a dtype.

        >>> import fastinit
        >>> round(fastinit.distributions.Uniform(-1.0, 1.0).moments().std, 12)  # 1 / sqrt(3)
        0.57735026919
        """
        values, weights, _ = self.quadrature()
        return moments_of(values, weights)


class Drawn(Distribution):
    """Base of the distributions that a kernel draws."""

    kernel: ClassVar[str]

    @property
    def has_density(self) -> bool:
        return True

    def write(self, request: Request) -> None:
        request.draw(self.kernel, self.parameters(request.real))


def moments_of(values: Float64Array, weights: Float64Array) -> Moments:
    """The moments of values that have these probabilities."""
    unit = unit_of(float(np.abs(values).max()))
    values = values / unit
    mean = float(weights @ values)
    deviation = values - mean
    std = math.sqrt(weights @ deviation**2)
    mean = 0.0 if abs(mean) < NO_MEAN * std else mean
    z = deviation / std
    third, fourth, sixth = (float(weights @ z**k) for k in (3, 4, 6))
    return Moments(mean * unit, std * unit, third, fourth, sixth)


def unit_of(largest: float) -> float:
    """The power of 2 in which values of this size are taken, so that float64 has their powers: 1 but for extreme ones."""
    if largest == 0 or 1 / FAR < largest < FAR:
        return 1.0
    return math.ldexp(1.0, math.frexp(largest)[1] - 1)


def gauss_legendre(low: float, high: float) -> tuple[Float64Array, Float64Array]:
    """The nodes and weights of a Gauss-Legendre rule of `PANELS` equal panels with `NODES` nodes each."""
    with without_forks():
        from numpy.polynomial.legendre import leggauss  # which NumPy itself leaves out until it is used

    nodes, weights = leggauss(NODES)
    half = (high - low) / PANELS / 2
    centres = low + half * np.arange(1, 2 * PANELS, 2)
    return (centres[:, None] + half * nodes).ravel(), half * np.tile(weights, PANELS)


def with_factor(distribution: D, factor: float, *fields: str) -> D:
    """The distribution with the parameters called `fields` multiplied by `factor`."""
    return replace(distribution, **{field: factor * getattr(distribution, field) for field in fields})


def make_floats(distribution: Distribution, infinite: tuple[str, ...] = (), signed_zero: bool = False) -> None:
    """Turn the parameters into floats, and -0.0 into 0.0 where the sign of zero means nothing.

    TypeError for what is no number, ValueError for NaN, or infinity if not allowed.
    """
    for name, value in vars(distribution).items():
        real = checks.number(name, value)
        if not math.isfinite(real) and (real != real or name not in infinite):
            raise ValueError(f"{name} must be {'a number' if name in infinite else 'finite'}, got {value!r}")
        vars(distribution)[name] = real if signed_zero else real + 0.0  # the class is frozen: its __setattr__ raises


def check_std(std: float) -> None:
    if std < 0:
        raise ValueError(f"std must not be negative, got {std!r}")


def check_reach(distribution: Distribution, real: Real, mean: float, std: float, low: float, high: float) -> None:
    """ValueError where values from `low` to `high` standard deviations from the mean leave the range of `real`."""
    largest = float(np.finfo(real).max)
    for values in (mean + low * std, mean + high * std):
        if not -largest <= values <= largest:
            raise ValueError(
                f"mean and std must be such that all values are within the range of {real.__name__}, got {distribution}"
            )


def cached(function: F) -> F:
    """`functools.lru_cache`, also for arguments that type checkers do not know to be hashable, as NumPy's scalar types."""
    return cast(F, lru_cache(maxsize=256)(function))


def rounded_to(real: Real, numbers: dict[str, float]) -> Float64Array:
    """The numbers rounded to `real`, as float64. ValueError for one beyond its range."""
    with np.errstate(over="ignore"):
        rounded = np.array([*numbers.values()]).astype(real)
    for name, number, value in zip(numbers, numbers.values(), rounded.tolist()):
        if math.isinf(value) and not math.isinf(number):
            raise ValueError(f"{name} must be within the range of {real.__name__}, got {number!r}")
    return rounded.astype(np.float64)

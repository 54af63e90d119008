"""The factories of `jax.nn.initializers`: their names, arguments and distributions, with fastinit's values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import jax
from jax.nn.initializers import constant, ones, zeros

from fastinit import initializers
from fastinit.initializers.layouts import Layout, layout_of
from fastinit.jax.arrays import drawn, element_dtype
from fastinit.runtime import checks

__all__ = [
    "JaxInitializer", "constant", "delta_orthogonal", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform",
    "initializer", "kaiming_normal", "kaiming_uniform", "lecun_normal", "lecun_uniform", "normal", "ones", "ones_init",
    "orthogonal", "truncated_normal", "uniform", "variance_scaling", "xavier_normal", "xavier_uniform", "zeros",
    "zeros_init",
]  # fmt: skip

IO = Layout("io")

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jax.sharding import NamedSharding, PartitionSpec
    from jax.typing import DTypeLike

    from fastinit.runtime.types import Shape

    Axes: TypeAlias = int | Sequence[int]
    OutSharding: TypeAlias = NamedSharding | PartitionSpec | None

    class Preset(Protocol):
        """How the factories with a variance by fan are called."""

        def __call__(
            self, in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: DTypeLike | None = None
        ) -> JaxInitializer: ...


STOCK = {
    name: getattr(jax.nn.initializers, name) for name in ("delta_orthogonal", "normal", "orthogonal", "variance_scaling")
}
"""JAX's own factories, looked up now: those that have these names later may be fastinit's."""


class OfJax(NamedTuple):
    """The call of one of JAX's own factories."""

    factory: str
    parameters: tuple[Any, ...]

    def __call__(self) -> jax.nn.initializers.Initializer:
        made: jax.nn.initializers.Initializer = STOCK[self.factory](*self.parameters)
        return made


@dataclass(frozen=True)
class JaxInitializer:
    """One of fastinit's initializers as JAX and Flax call them. Two are equal where their fields are, and can be hashed.

    - `initializer`: says the distribution of a tensor by its shape.
    - `layout`: which axes of the weights are inputs and outputs; (*kernel, in, out) by default, as in JAX.
    - `dtype`: of the arrays where a call gives none; None is JAX's default float.

    >>> import jax, fastinit.jax
    >>> init = fastinit.jax.JaxInitializer(fastinit.initializers.HeNormal(negative_slope=0.2))
    >>> init(jax.random.key(0), (2, 3)).shape
    (2, 3)
    """

    initializer: initializers.Initializer
    layout: Layout = IO
    dtype: DTypeLike | None = None
    of_jax: OfJax | None = field(default=None, repr=False, kw_only=True)

    def __call__(
        self, key: jax.Array, shape: Shape, dtype: DTypeLike | None = None, out_sharding: OutSharding = None
    ) -> jax.Array:
        """An array of this shape whose values the words of the key decide (`seed_of`), traced or not.

        `dtype`: a dtype that `fastinit.show_config()` lists, as JAX canonicalizes it. Eagerly on a CPU
        the array is the memory that was filled, with no copy; with `out_sharding` each device gets its shard of the values.
        In traced code the host fills when the computation runs; with `out_sharding` it fills the whole array, which is then
        distributed. Complex numbers, of factories for which JAX has them, are drawn by JAX's own, and have its values.
        TypeError or ValueError for other dtypes, shapes that the initializer cannot fill, and no key.
        """
        lengths, chosen = checks.shape(shape), self.dtype if dtype is None else dtype
        if self.of_jax is not None and _is_complex(chosen):
            return self.of_jax()(key, lengths, chosen, out_sharding)
        element = element_dtype(chosen)
        distribution = self.initializer.distribution_for(lengths, layout=self.layout_for(lengths))
        return drawn(distribution, key, lengths, element, out_sharding)

    def layout_for(self, shape: tuple[int, ...]) -> Layout:
        """How a tensor of this shape is read."""
        return self.layout


def _is_complex(dtype: DTypeLike | None) -> bool:
    return dtype is not None and jax.dtypes.canonicalize_dtype(dtype).kind == "c"


@dataclass(frozen=True)
class _ByAxes(JaxInitializer):
    """The fans are those that JAX computes, also of vectors and scalars whose axes are given, and where an axis is named
    twice, as Flax's embeddings do (in_axis=-2, out_axis=0).
    """

    has_default_axis: bool = False

    def layout_for(self, shape: tuple[int, ...]) -> Layout:
        n, layout = len(shape), self.layout
        if n < 2 and self.has_default_axis:
            raise ValueError(
                f"shape {shape} has no fan_in: Can't compute input and output sizes of a {n}-dimensional weights tensor "
                "with default in_axis. Must be at least 2D or specify in_axis explicitly."
            )
        parts = [axes if isinstance(axes, tuple) else () for axes in (layout.in_axis, layout.out_axis, layout.batch_axis)]
        named = [axis for axes in parts for axis in axes]
        if (wrong := [axis for axis in named if not -n <= axis < n]) and n < 2:
            raise ValueError(f"axis {wrong[0]} is out of range for shape {shape}")
        are_apart = len({axis % n for axis in named if n}) == len(named)
        if 0 in shape or wrong or (n > 1 and are_apart and parts[0] and parts[1]):
            return layout
        inputs, outputs, stack = (math.prod(shape[axis] for axis in axes) for axes in parts)
        return Layout(fan=(math.prod(shape) / (outputs * stack), math.prod(shape) / (inputs * stack)))


@dataclass(frozen=True)
class _ByColumns(JaxInitializer):
    """`column_axis` is that of the outputs; of the others, the last one counts as inputs and the rest as the kernel's."""

    column_axis: int = -1

    def layout_for(self, shape: tuple[int, ...]) -> Layout:
        n = len(shape)
        if n < 2:
            return self.layout
        if not -n <= self.column_axis < n:
            raise ValueError(f"column_axis={self.column_axis} is out of range for shape {shape}")
        columns = self.column_axis % n
        return Layout(in_axis=n - 2 if columns == n - 1 else n - 1, out_axis=columns)


def initializer(
    identifier: Any, layout: str | Layout | Mapping[str, Any] = "io", dtype: DTypeLike | None = None, **parameters: Any
) -> JaxInitializer:
    """Any initializer of fastinit for JAX, by its name or as a value.

    - `identifier` and `parameters`: as for `fastinit.get`, whose errors are raised.
    - `layout`: which axes are inputs and outputs, as in `fastinit.initializers`.
    - `dtype`: of the arrays where a call gives none; None is JAX's default float.

    >>> import fastinit.jax
    >>> init = fastinit.jax.initializer("he_normal", layout="oi", negative_slope=0.2)
    >>> init.initializer
    HeNormal(negative_slope=0.2)
    """
    return JaxInitializer(initializers.get(identifier, **parameters), layout_of(layout), dtype)


def uniform(scale: float = 1e-2, dtype: DTypeLike | None = None) -> JaxInitializer:
    """Uniform on [0, scale), for tensors of any shape. ValueError for a negative scale.

    >>> import jax, fastinit.jax
    >>> fastinit.jax.uniform(0.5)(jax.random.key(0), (3,))
    Array([0.4477402 , 0.49326146, 0.11436701], dtype=float32)
    """
    return JaxInitializer(initializers.Uniform(0.0, scale), dtype=dtype)


def normal(stddev: float = 1e-2, dtype: DTypeLike | None = None) -> JaxInitializer:
    """Normal with mean 0 and this standard deviation, for tensors of any shape. ValueError for a negative one.

    >>> import jax, fastinit.jax
    >>> fastinit.jax.normal(0.02)(jax.random.key(0), (3,))
    Array([-0.0088104 ,  0.00101541, -0.03340154], dtype=float32)
    """
    made = initializers.Normal(0.0, stddev)
    return JaxInitializer(made, dtype=dtype, of_jax=OfJax("normal", (made.std,)))


def truncated_normal(
    stddev: float = 1e-2, dtype: DTypeLike | None = None, lower: float = -2.0, upper: float = 2.0
) -> JaxInitializer:
    """Normal with mean 0, truncated to [lower * stddev, upper * stddev], for tensors of any shape.

    `stddev` is that of the normal before truncation; at +-2 the values keep 0.8796 of it. ValueError for a negative
    `stddev` and for bounds in the wrong order.

    >>> import jax, fastinit.jax
    >>> fastinit.jax.truncated_normal(0.02)(jax.random.key(0), (3,))
    Array([ 0.02325021,  0.03608043, -0.01405687], dtype=float32)
    """
    return JaxInitializer(initializers.TruncatedNormal(0.0, stddev, lower, upper), dtype=dtype)


def variance_scaling(
    scale: float,
    mode: str,
    distribution: str,
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    dtype: DTypeLike | None = None,
) -> JaxInitializer:
    """Mean 0 and variance scale / n, where n is a fan of the tensor or a mean of both.

    - `mode`: n is "fan_in", "fan_out", "fan_avg", (fan_in + fan_out) / 2, or "fan_geo_avg", sqrt(fan_in * fan_out).
    - `distribution`: "normal"; "uniform"; or "truncated_normal", truncated at 2 standard deviations and widened to keep the
      variance.
    - `in_axis`, `out_axis`, `batch_axis`: ints or sequences of them. The other axes are the kernel's, and count in both
      fans. An axis that is named twice has the fans that JAX computes: an embedding's (vocabulary, width) with out_axis=0
      has the width as fan_in.

    Shapes have at least 2 axes, unless `in_axis` is given. ValueError for a `mode` or `distribution` that is none of these.

    >>> import jax, fastinit.jax
    >>> init = fastinit.jax.variance_scaling(1.0, "fan_geo_avg", "normal")
    >>> f"{init(jax.random.key(0), (100, 400)).std():.3f}"  # sqrt(1 / 200) = 0.0707
    '0.071'
    """
    axes = _axes(in_axis), _axes(out_axis), _axes(batch_axis)
    made = initializers.VarianceScaling(scale, mode, distribution, "jax")
    of_jax = OfJax("variance_scaling", (made.scale, mode, distribution, *axes))
    return _ByAxes(made, Layout(None, *axes), dtype, of_jax=of_jax, has_default_axis=axes[0] == -2)


def _axes(axes: Axes) -> int | tuple[int, ...]:
    return axes if isinstance(axes, int) else tuple(axes)


def _preset(name: str, scale: float, mode: str, distribution: str, variance: str, std: str) -> Preset:
    """`variance_scaling` with these numbers; `variance` and `std`, what the example prints, are for its docstring."""

    def factory(
        in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: DTypeLike | None = None
    ) -> JaxInitializer:
        return variance_scaling(scale, mode, distribution, in_axis, out_axis, batch_axis, dtype)

    factory.__name__ = factory.__qualname__ = name
    factory.__doc__ = f"""{distribution.replace("_", " ").capitalize()} with mean 0 and variance {variance}.

    It is `variance_scaling({scale}, "{mode}", "{distribution}")`, which describes axes, shapes and errors.

    >>> import jax, fastinit.jax
    >>> weight = fastinit.jax.{name}()(jax.random.key(0), (100, 400))
    >>> f"{{weight.std():.2f}}"
    '{std}'
    """
    return factory


_GLOROT = "2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. {})"
_LECUN = '1 / fan_in (LeCun et al. 1998, "Efficient BackProp", section 4.6)'
_HE = "2 / fan_in, for layers before a ReLU (He et al. 2015, eq. 10)"
glorot_uniform = xavier_uniform = _preset("glorot_uniform", 1.0, "fan_avg", "uniform", _GLOROT.format(16), "0.06")
glorot_normal = xavier_normal = _preset("glorot_normal", 1.0, "fan_avg", "truncated_normal", _GLOROT.format(12), "0.06")
lecun_uniform = _preset("lecun_uniform", 1.0, "fan_in", "uniform", _LECUN, "0.10")
lecun_normal = _preset("lecun_normal", 1.0, "fan_in", "truncated_normal", _LECUN, "0.10")
he_uniform = kaiming_uniform = _preset("he_uniform", 2.0, "fan_in", "uniform", _HE, "0.14")
he_normal = kaiming_normal = _preset("he_normal", 2.0, "fan_in", "truncated_normal", _HE, "0.14")


def orthogonal(scale: float = 1.0, column_axis: int = -1, dtype: DTypeLike | None = None) -> JaxInitializer:
    """`scale` times a random matrix with orthonormal columns (Haar), or rows where those are fewer.

    The tensor is read as the matrix (product of all axes but `column_axis`, `column_axis`), and needs at least 2 axes.
    ValueError where `column_axis` is out of range. Saxe et al. 2014, arXiv 1312.6120.

    >>> import jax, jax.numpy as jnp, fastinit.jax
    >>> matrix = fastinit.jax.orthogonal()(jax.random.key(0), (3, 2))
    >>> jnp.allclose(matrix.T @ matrix, jnp.eye(2), atol=1e-6)
    Array(True, dtype=bool)
    """
    made = initializers.Orthogonal(scale)
    of_jax = OfJax("orthogonal", (made.gain, column_axis))
    return _ByColumns(made, dtype=dtype, of_jax=of_jax, column_axis=column_axis)


def delta_orthogonal(scale: float = 1.0, column_axis: int = -1, dtype: DTypeLike | None = None) -> JaxInitializer:
    """A convolution's kernel whose middle tap is `scale` times a matrix with orthonormal rows; the other taps are 0.

    Shapes are (*kernel, in, out) with in <= out, so that `column_axis`, one of the last two, makes no difference to the
    distribution. ValueError for other axes and shapes. Xiao et al. 2018, arXiv 1806.05393.

    >>> import jax, jax.numpy as jnp, fastinit.jax
    >>> kernel = fastinit.jax.delta_orthogonal()(jax.random.key(0), (3, 2, 4))
    >>> jnp.allclose(kernel[1] @ kernel[1].T, jnp.eye(2), atol=1e-6), bool(kernel[0].any())
    (Array(True, dtype=bool), False)
    """
    if column_axis not in (-2, -1, 0, 1):
        raise ValueError(f"column_axis must be an axis of the matrix (in, out), got {column_axis!r}")
    made = initializers.DeltaOrthogonal(scale)
    return JaxInitializer(made, dtype=dtype, of_jax=OfJax("delta_orthogonal", (made.gain, column_axis)))


def zeros_init() -> jax.nn.initializers.Initializer:
    """`jax.nn.initializers.zeros`, for Flax's name of it.

    >>> import jax, fastinit.jax
    >>> fastinit.jax.zeros_init()(jax.random.key(0), (2,))
    Array([0., 0.], dtype=float32)
    """
    return zeros


def ones_init() -> jax.nn.initializers.Initializer:
    """`jax.nn.initializers.ones`, for Flax's name of it.

    >>> import jax, fastinit.jax
    >>> fastinit.jax.ones_init()(jax.random.key(0), (2,))
    Array([1., 1.], dtype=float32)
    """
    return ones

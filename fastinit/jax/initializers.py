"""The factories of `jax.nn.initializers`: their names, arguments and distributions, fastinit's values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax

from fastinit import initializers as ours
from fastinit.core.fill import checked_shape
from fastinit.initializers import Initializer, get
from fastinit.initializers.layouts import Layout, layout_of
from fastinit.jax.arrays import drawn, element_dtype

IO = Layout("io")


@dataclass(frozen=True)
class JaxInitializer:
    """An initializer of fastinit's as JAX and Flax call them. Two are equal where their fields are, and can be hashed.

    `layout`: of the weights it fills. `dtype`: where a call gives none; None is JAX's default float.
    """

    initializer: Initializer
    layout: Layout = IO
    dtype: Any = None

    def __call__(self, key: jax.Array, shape: Any, dtype: Any = None, out_sharding: Any = None) -> jax.Array:
        """An array of this shape whose values the words of the key decide (`seed_of`), traced or not.

        `dtype`: float32, float64, float16, bfloat16, float8_e4m3fn or float8_e5m2, as JAX canonicalizes it. Eagerly on a CPU
        the array is the memory that was filled, with no copy; with `out_sharding` each device gets its shard of the values.
        In traced code the host fills when the computation runs; with `out_sharding` the whole is made, then distributed.
        TypeError or ValueError for other dtypes, shapes that the initializer cannot fill, and what is no key.
        """
        lengths = checked_shape(shape)
        distribution = self.initializer.distribution_for(lengths, layout=self.layout_for(lengths))
        return drawn(distribution, key, lengths, element_dtype(self.dtype if dtype is None else dtype), out_sharding)

    def layout_for(self, shape: tuple[int, ...]) -> Layout:
        return self.layout


@dataclass(frozen=True)
class _ByColumns(JaxInitializer):
    """Of the axes but `column_axis`, that of the outputs, the last one counts as inputs and the others as the kernel's."""

    column_axis: int = -1

    def layout_for(self, shape: tuple[int, ...]) -> Layout:
        n = len(shape)
        if n < 2:
            return self.layout
        if not -n <= self.column_axis < n:
            raise ValueError(f"column_axis={self.column_axis} is out of range for shape {shape}")
        columns = self.column_axis % n
        return Layout(in_axis=n - 2 if columns == n - 1 else n - 1, out_axis=columns)


def initializer(identifier: Any, layout: Any = "io", dtype: Any = None, **parameters: Any) -> JaxInitializer:
    """Any initializer of fastinit's for JAX: `initializer("mamba_dt_bias")`, `initializer(HeNormal(negative_slope=0.2))`.

    `identifier` and `parameters` as for `fastinit.initializers.get`, `layout` as there.
    """
    return JaxInitializer(get(identifier, **parameters), layout_of(layout), dtype)


def uniform(scale=1e-2, dtype=None) -> JaxInitializer:
    """Uniform on [0, scale)."""
    return JaxInitializer(ours.Uniform(0.0, scale), dtype=dtype)


def normal(stddev=1e-2, dtype=None) -> JaxInitializer:
    """Normal of mean 0 and this standard deviation."""
    return JaxInitializer(ours.Normal(0.0, stddev), dtype=dtype)


def truncated_normal(stddev=1e-2, dtype=None, lower=-2.0, upper=2.0) -> JaxInitializer:
    """Normal of mean 0, cut at lower and upper stddevs; `stddev` is that before the cut."""
    return JaxInitializer(ours.TruncatedNormal(0.0, stddev, lower, upper), dtype=dtype)


def variance_scaling(scale, mode, distribution, in_axis=-2, out_axis=-1, batch_axis=(), dtype=None) -> JaxInitializer:
    """Mean 0 and variance scale / n, n being `mode`: "fan_in", "fan_out", "fan_avg" or "fan_geo_avg", their means.

    `distribution`: "truncated_normal", cut at +-2 sigmas and widened to keep the variance, "normal" or "uniform". The axes
    that are not inputs, outputs or of a batch are the kernel's, and count in both fans.
    """
    layout = Layout(in_axis=_axes(in_axis), out_axis=_axes(out_axis), batch_axis=_axes(batch_axis))
    return JaxInitializer(ours.VarianceScaling(scale, mode, distribution, "jax"), layout, dtype)


def _axes(axes: Any) -> Any:
    return axes if isinstance(axes, int) else tuple(axes)


def glorot_uniform(in_axis=-2, out_axis=-1, batch_axis=(), dtype=None) -> JaxInitializer:
    """Uniform, variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 16)."""
    return variance_scaling(1.0, "fan_avg", "uniform", in_axis, out_axis, batch_axis, dtype)


def glorot_normal(in_axis=-2, out_axis=-1, batch_axis=(), dtype=None) -> JaxInitializer:
    """Truncated normal, variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, eq. 12)."""
    return variance_scaling(1.0, "fan_avg", "truncated_normal", in_axis, out_axis, batch_axis, dtype)


def lecun_uniform(in_axis=-2, out_axis=-1, batch_axis=(), dtype=None) -> JaxInitializer:
    """Uniform, variance 1 / fan_in (LeCun et al. 1998, "Efficient BackProp", section 4.6)."""
    return variance_scaling(1.0, "fan_in", "uniform", in_axis, out_axis, batch_axis, dtype)


def lecun_normal(in_axis=-2, out_axis=-1, batch_axis=(), dtype=None) -> JaxInitializer:
    """Truncated normal, variance 1 / fan_in (LeCun et al. 1998, "Efficient BackProp", section 4.6)."""
    return variance_scaling(1.0, "fan_in", "truncated_normal", in_axis, out_axis, batch_axis, dtype)


def he_uniform(in_axis=-2, out_axis=-1, batch_axis=(), dtype=None) -> JaxInitializer:
    """Uniform, variance 2 / fan_in (He et al. 2015, eq. 10)."""
    return variance_scaling(2.0, "fan_in", "uniform", in_axis, out_axis, batch_axis, dtype)


def he_normal(in_axis=-2, out_axis=-1, batch_axis=(), dtype=None) -> JaxInitializer:
    """Truncated normal, variance 2 / fan_in (He et al. 2015, eq. 10)."""
    return variance_scaling(2.0, "fan_in", "truncated_normal", in_axis, out_axis, batch_axis, dtype)


def orthogonal(scale=1.0, column_axis=-1, dtype=None) -> JaxInitializer:
    """`scale` times a random matrix of orthonormal columns, or rows where those are fewer; columns lie on `column_axis`."""
    return _ByColumns(ours.Orthogonal(scale), dtype=dtype, column_axis=column_axis)


def delta_orthogonal(scale=1.0, column_axis=-1, dtype=None) -> JaxInitializer:
    """A convolution, (*kernel, in, out), whose middle tap is `scale` times a matrix with orthonormal rows; 0 elsewhere.

    in <= out, so that `column_axis`, one of the two, makes no difference to the distribution. Xiao et al. 2018, arXiv 1806.05393.
    """
    if column_axis not in (-2, -1, 0, 1):
        raise ValueError(f"column_axis must be an axis of the matrix (in, out), got {column_axis!r}")
    return JaxInitializer(ours.DeltaOrthogonal(scale), dtype=dtype)


def zeros_init():
    """JAX's `zeros`, as Flax has it."""
    return jax.nn.initializers.zeros


def ones_init():
    """JAX's `ones`, as Flax has it."""
    return jax.nn.initializers.ones


xavier_uniform, xavier_normal = glorot_uniform, glorot_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal

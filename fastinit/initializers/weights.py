"""Reads a weight of any layout as a stack of (out, in, *kernel) arrays, and back; checks that initializers share."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from fastinit.distributions import Uniform
from fastinit.initializers.layouts import Layout
from fastinit.runtime import checks
from fastinit.runtime.types import Array, Index, Real
from fastinit.runtime.values import value_class


def _inverse(order: tuple[int, ...]) -> list[int]:
    """The order of axes that undoes `order`."""
    return sorted(range(len(order)), key=order.__getitem__)


@value_class
class Weight:
    """A tensor read as `n` weights of `outputs` units with `inputs` each, one for each place on the stack and each group."""

    n: int
    outputs: int
    inputs: int
    kernel: tuple[int, ...]
    order: tuple[int, ...]  # the tensor's axes: stack, out, in, kernel
    ordered_shape: tuple[int, ...]
    groups: int
    groups_in_inputs: bool  # as in a transposed convolution: the axis of the inputs has those of all groups

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.n, self.outputs, self.inputs, *self.kernel)

    @property
    def connections(self) -> int:
        """The connections of one unit: its inputs times the elements of the kernel."""
        return self.inputs * math.prod(self.kernel)

    def zeros(self, dtype: npt.DTypeLike) -> Array:
        """Zeros of shape `self.shape`, in the tensor's order in memory if no axes are merged: `restored` is then free."""
        in_memory = [self.ordered_shape[axis] for axis in _inverse(self.order)]
        ordered: Array = np.zeros(in_memory, dtype).transpose(self.order)
        if self.groups_in_inputs:
            by_group = (self.n // self.groups, self.outputs, self.groups, self.inputs, *self.kernel)
            ordered = ordered.reshape(by_group).swapaxes(1, 2)
        values: Array = ordered.reshape(self.shape)
        return values

    def restored(self, values: Array) -> Array:
        """`values` of shape `self.shape` in the tensor's shape and order of axes, without a copy where possible."""
        if self.groups_in_inputs:
            by_group = (self.n // self.groups, self.groups, self.outputs, self.inputs, *self.kernel)
            values = values.reshape(by_group).swapaxes(1, 2)
        restored: Array = values.reshape(self.ordered_shape).transpose(_inverse(self.order))
        return restored


@lru_cache  # a model has few shapes, and a small weight's values take little longer than this
def weight_of(shape: tuple[int, ...], layout: Layout, wanted_by: str) -> Weight:
    """The weight of this shape. ValueError where the layout is missing or does not fit, or groups do not divide channels."""
    axes = layout.axes(shape, wanted_by)
    stack, outputs, inputs = (math.prod(shape[axis] for axis in part) for part in (axes.stack, axes.out_axes, axes.in_axes))
    inputs, outputs = layout.of_one_group(inputs, outputs, shape)
    order = (*axes.stack, *axes.out_axes, *axes.in_axes, *axes.kernel)
    return Weight(
        n=stack * layout.groups,
        outputs=outputs,
        inputs=inputs,
        kernel=tuple(shape[axis] for axis in axes.kernel),
        order=order,
        ordered_shape=tuple(shape[axis] for axis in order),
        groups=layout.groups,
        groups_in_inputs=layout.transposed and layout.groups > 1,
    )


def convolution_of(shape: tuple[int, ...], layout: Layout, wanted_by: str, otherwise: str) -> Weight:
    """As `weight_of`. ValueError where there is no kernel, which recommends `otherwise`."""
    weight = weight_of(shape, layout, wanted_by)
    if not weight.kernel:
        raise ValueError(f"shape {shape} has no axes of a kernel: {wanted_by} needs at least one; otherwise use {otherwise}")
    return weight


def tap_of(values: Array, tap: tuple[int, ...]) -> Array:
    """The matrices at one place of the kernel of a weight (n, out, in, *kernel), as a view."""
    at: Index = (..., *tap)
    matrices: Array = values[at]
    return matrices


def at_tap(weight: Weight, matrices: Array, tap: tuple[int, ...]) -> Array:
    """The weight that is `matrices`, (out, in) or (n, out, in), at one place of the kernel, and 0 elsewhere."""
    values = weight.zeros(matrices.dtype)
    if values.size:
        tap_of(values, tap)[...] = matrices
    return weight.restored(values)


def on_diagonal(weight: Weight, value: np.floating[Any], tap: tuple[int, ...]) -> Array:
    """The weight that is `value` from input c to output c at one place of the kernel, and 0 elsewhere."""
    values = weight.zeros(value.dtype)
    if values.size:
        channels = np.arange(min(weight.outputs, weight.inputs))
        at: Index = (slice(None), channels, channels, *tap)
        values[at] = value
    return weight.restored(values)


def rounded(real: Real, name: str, value: float) -> np.floating[Any]:
    """The parameter in the type that values are computed in. ValueError for one beyond its range."""
    with np.errstate(over="ignore"):
        inside: np.floating[Any] = real(value)
    if not math.isfinite(inside):
        raise ValueError(f"{name} must be within the range of {real.__name__}, got {value!r}")
    return inside


UNIT_UNIFORM = Uniform(0.0, 1.0)
"""The uniform values that values of other distributions are computed from."""


def finite(name: str, value: object) -> float:
    """A finite number; -0.0 becomes 0.0, so that initializers that compare equal give equal values."""
    return checks.finite(name, value) + 0.0


def check_nonlinearity(name: object, moment: Callable[[str], float]) -> None:
    """Raise an error that names the parameter where `moment` does not know this nonlinearity."""
    if not isinstance(name, str):
        raise TypeError(f"nonlinearity must be a name that fastinit.gain knows, got {name!r}")
    try:
        moment(name)
    except ValueError as error:
        raise ValueError(f"nonlinearity must be a name that fastinit.gain knows: {error}") from None

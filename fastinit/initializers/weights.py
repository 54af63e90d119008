"""A weight of any layout as a stack of (out, in, *kernel) arrays, and back; checks that several initializers share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastinit.initializers.base import Initializer
from fastinit.initializers.layouts import Layout
from fastinit.initializers.names import get


@dataclass(frozen=True)
class Weight:
    """A tensor read as `n` weights of `out` units with `into` inputs, one for each place on the stack and each group."""

    n: int
    out: int
    into: int
    kernel: tuple[int, ...]
    order: tuple[int, ...]  # the tensor's axes: stack, out, in, kernel
    ordered_shape: tuple[int, ...]
    groups: int
    split_into: bool  # the groups are on the axis of the inputs, as in a transposed convolution

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.n, self.out, self.into, *self.kernel)

    @property
    def connections(self) -> int:
        """Of one unit: its inputs times the length of the kernel."""
        return self.into * math.prod(self.kernel)

    def zeros(self, dtype: np.dtype) -> np.ndarray:
        """Zeros of shape `self.shape` that lie in memory as the tensor's, where axes need no merging: `restored` is free."""
        back = np.argsort(self.order)
        ordered = np.zeros([self.ordered_shape[axis] for axis in back], dtype).transpose(self.order)
        if self.split_into:
            by_group = (self.n // self.groups, self.out, self.groups, self.into, *self.kernel)
            ordered = ordered.reshape(by_group).swapaxes(1, 2)
        return ordered.reshape(self.shape)

    def restored(self, values: np.ndarray) -> np.ndarray:
        """`values` of shape `self.shape` in the tensor's shape and order of axes, without a copy where that can be."""
        if self.split_into:
            by_group = (self.n // self.groups, self.groups, self.out, self.into, *self.kernel)
            values = values.reshape(by_group).swapaxes(1, 2)
        return values.reshape(self.ordered_shape).transpose(np.argsort(self.order))


def weight_of(shape: tuple[int, ...], layout: Layout, wanted_by: str) -> Weight:
    """ValueError where the layout does not fit the shape or is not said, or its groups do not divide the channels."""
    axes = layout.axes(shape, wanted_by)
    stack, out, into, *kernel = (
        math.prod(shape[axis] for axis in part)
        for part in (axes.stack, axes.out_of, axes.into, *((axis,) for axis in axes.kernel))
    )
    order = (*axes.stack, *axes.out_of, *axes.into, *axes.kernel)
    groups, transposed = layout.groups, layout.transposed
    split = into if transposed else out
    if split % groups:
        raise ValueError(f"groups={groups} does not divide the {split} channels of shape {shape}")
    out, into = (out, into // groups) if transposed else (out // groups, into)
    ordered_shape = tuple(shape[axis] for axis in order)
    return Weight(stack * groups, out, into, tuple(kernel), order, ordered_shape, groups, transposed and groups > 1)


def convolution_of(shape: tuple[int, ...], layout: Layout, wanted_by: str, otherwise: str) -> Weight:
    """As `weight_of`. ValueError where there is no kernel, for which `otherwise` serves."""
    weight = weight_of(shape, layout, wanted_by)
    if not weight.kernel:
        raise ValueError(f"shape {shape} has no axes of a kernel: {wanted_by} needs at least one; otherwise use {otherwise}")
    return weight


def at_tap(weight: Weight, matrices: np.ndarray, tap: tuple[int, ...]) -> np.ndarray:
    """The weight that is `matrices`, (out, in) or (n, out, in), at one place of the kernel, and 0 elsewhere."""
    values = weight.zeros(matrices.dtype)
    if values.size:
        values[(..., *tap)] = matrices
    return weight.restored(values)


def on_diagonal(weight: Weight, value: np.floating, tap: tuple[int, ...]) -> np.ndarray:
    """The weight that is `value` from input c to output c at one place of the kernel, and 0 elsewhere."""
    values = weight.zeros(value.dtype)
    if values.size:
        channels = np.arange(min(weight.out, weight.into))
        values[(slice(None), channels, channels, *tap)] = value
    return weight.restored(values)


def rounded(real: type[np.floating], name: str, value: float) -> np.floating:
    """The parameter in the type that values are computed in. ValueError for one beyond its range."""
    with np.errstate(over="ignore"):
        inside = real(value)
    if not np.isfinite(inside):
        raise ValueError(f"{name} must be within the range of {real.__name__}, got {value!r}")
    return inside


def check_finite(initializer: Initializer, field: str) -> None:
    """ValueError for infinity and NaN. A zero becomes the positive one: equal initializers give equal values."""
    value = getattr(initializer, field)
    if not math.isfinite(value):
        raise ValueError(f"{field} must be finite, got {value!r}")
    initializer._set(field, value + 0.0)


def check_nonlinearity(initializer: Initializer, moment: Callable[[str], float]) -> None:
    """Errors that name the parameter, where `moment` has none of its nonlinearity."""
    name = initializer.nonlinearity
    if not isinstance(name, str):
        raise TypeError(f"nonlinearity must be a name that fastinit.gain knows, got {name!r}")
    try:
        moment(name)
    except ValueError as error:
        raise ValueError(f"nonlinearity must be a name that fastinit.gain knows: {error}") from None


def check_int_at_least(initializer: Initializer, field: str, least: int) -> None:
    value = getattr(initializer, field)
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{field} must be an int, got {value!r}")
    if value < least:
        raise ValueError(f"{field} must be an int of at least {least}, got {value!r}")
    initializer._set(field, int(value))


def made_initializer(name: str, value: Any) -> Initializer:
    """An initializer from itself or from what names it (`fastinit.get`). TypeError naming the parameter for what is none."""
    if isinstance(value, (str, Mapping, Initializer)) or hasattr(getattr(value, "initializer", value), "_distribution"):
        return get(value)
    raise TypeError(f"{name} must be an initializer or what fastinit.get makes one of, got {value!r}")

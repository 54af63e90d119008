"""Which axes of a weight are inputs, outputs, kernel and stack, and how many inputs and outputs a unit has."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from fastinit.runtime import checks
from fastinit.runtime.values import fields, value_class

KERNEL_LETTERS = "dhwxyzt"
STACK_LETTERS = "begln"
NAMED = {"io": "inputs before outputs", "oi": "outputs before inputs", "embedding": "(vocabulary, width)"}

Lengths: TypeAlias = tuple[int, ...]
"""A shape, checked."""

Axes: TypeAlias = int | tuple[int, ...]


class AxesOfWeight(NamedTuple):
    """The axes of a weight by what they are, each counted from the front."""

    in_axes: tuple[int, ...]
    out_axes: tuple[int, ...]
    kernel: tuple[int, ...]
    stack: tuple[int, ...]


@value_class
class Layout:
    """How to read a weight's shape. Give `letters`, or `in_axis` and `out_axis`, or nothing but `fan`.

    - `letters`: "io" is (*kernel, in, out) as in Keras and JAX, "oi" is (out, in, *kernel) as in torch, "embedding" is
      (vocabulary, width), fan_in being the width. Or one letter per axis: i input, o output; d h w x y z t kernel; b e g l n
      stacks of separate weights (batch, experts, groups, layers), which count in neither fan. "hwio" and "oihw" are
      convolutions, "iohw" torch's transposed one, "hwoi" Keras's, "hwgo" Keras's depthwise, where each group has one input
      and so no axis of them, "eio" experts, "ioo" attention's (width, heads, head width), "iio" its output projection.
    - `in_axis`, `out_axis`, `batch_axis`: axes as in JAX, ints or tuples of them; the other axes are the kernel's.
    - `groups`: of a grouped convolution, whose weight has all outputs and the inputs of one group; if `transposed`, all
      inputs and the outputs of one group. The longer of the two is divided by `groups`.
    - `fan`: the fans themselves, one number or (fan_in, fan_out), whatever the shape.

    TypeError and ValueError for fields that are invalid or contradict each other.

        >>> import fastinit
        >>> fastinit.Layout("oihw").fans((16, 8, 3, 3))
        (72, 144)
        >>> fastinit.he_normal.distribution_for((16, 8, 3, 3), layout=fastinit.Layout("oihw", groups=4))
        Normal(mean=0.0, std=0.16666666666666666)
    """

    letters: str | None = None
    in_axis: Axes | None = None
    out_axis: Axes | None = None
    batch_axis: Axes = ()
    groups: int = 1
    transposed: bool = False
    fan: float | tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name in ("in_axis", "out_axis", "batch_axis"):
            self._set(name, _axes(name, getattr(self, name)))
        self._set("fan", _plain(tuple(self.fan) if isinstance(self.fan, list) else self.fan))
        self._set("groups", checks.integer("groups", self.groups, least=1))
        self._set("transposed", checks.boolean("transposed", self.transposed))
        if self.letters is not None:
            _check_letters(self.letters)
            if self.in_axis is not None or self.out_axis is not None or self.batch_axis:
                raise ValueError(
                    f"letters={self.letters!r} says which axes are which: leave out in_axis, out_axis and batch_axis"
                )
        elif (self.in_axis is None) != (self.out_axis is None):
            raise ValueError("in_axis and out_axis go together: pass both")
        for number in self._fan_pair() or ():
            if not 0 < number < math.inf:
                raise ValueError(f"fan must be a positive number or a pair of them, got {self.fan!r}")

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)  # only while the layout is constructed

    def _fan_pair(self) -> tuple[float, float] | None:
        if self.fan is None:
            return None
        pair = self.fan if isinstance(self.fan, tuple) else (self.fan, self.fan)
        if len(pair) != 2 or not all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in pair):
            raise TypeError(f"fan must be a number or a pair (fan_in, fan_out), got {self.fan!r}")
        return pair

    def axes(self, shape: tuple[int, ...], wanted_by: str = "fans") -> AxesOfWeight:
        """The axes of a weight of this shape. ValueError where the shape does not fit, or there is no layout."""
        if len(shape) < 2:
            raise ValueError(f"shape {shape} has no fan_in: {wanted_by} needs at least 2 axes; for a bias use zeros")
        if self.in_axis is not None:
            given = [_axes("axis", axes) or () for axes in (self.in_axis, self.out_axis, self.batch_axis)]
            return _axes_by_number(shape, *given)
        if self.letters is None and len(shape) > 2:
            raise ValueError(
                f"shape {shape} has {len(shape)} axes, which may be a convolution's or a stack's: {wanted_by} needs "
                f"layout='io' for (*kernel, in, out), 'oi' for (out, in, *kernel), a letter per axis as 'hwio' or 'eio' "
                f"(experts), or a fastinit.Layout"
            )
        return _axes_by_letters(shape, self.letters or "io")

    def fans(self, shape: tuple[int, ...], wanted_by: str = "fans") -> tuple[float, float]:
        """(fan_in, fan_out): inputs (outputs) times the elements of the kernel (He et al. 2015, section 2.2).

        With groups, only what one unit is connected to counts. ValueError where the shape does not say, or a fan would be 0.
        """
        pair = self._fan_pair()
        if pair is not None:
            return pair
        axes = self.axes(shape, wanted_by)
        if 0 in shape:
            raise ValueError(f"shape {shape} has a fan of zero: {wanted_by} needs axes of length at least 1")
        kernel = math.prod(shape[axis] for axis in axes.kernel)
        inputs, outputs = (math.prod(shape[axis] for axis in part) for part in (axes.in_axes, axes.out_axes))
        inputs, outputs = self.of_one_group(inputs, outputs, shape)
        return inputs * kernel, outputs * kernel

    def of_one_group(self, inputs: int, outputs: int, shape: tuple[int, ...]) -> tuple[int, int]:
        """The inputs and outputs that are connected. ValueError where the groups do not divide the channels."""
        divided = inputs if self.transposed else outputs
        if divided % self.groups:
            raise ValueError(f"groups={self.groups} does not divide the {divided} channels of shape {shape}")
        return (inputs // self.groups, outputs) if self.transposed else (inputs, outputs // self.groups)


LayoutLike: TypeAlias = str | Layout | Mapping[str, Any] | None
"""What a `layout` argument takes: letters, a Layout, its fields in a mapping, or None for what the convention says."""


def layout_of(layout: LayoutLike) -> Layout:
    """A Layout from its letters or its fields in a mapping; for None the default one, which fits matrices alone.

    TypeError or ValueError for anything else.
    """
    if layout is None:
        return UNSPECIFIED
    if isinstance(layout, Layout):
        return layout
    if isinstance(layout, str):
        return _of_letters(layout)
    if isinstance(layout, Mapping):
        known = [field.name for field in fields(Layout)]
        for key in layout:
            if key not in known:
                raise ValueError(f"layout has no field {key!r}: it takes {', '.join(known)}")
        return Layout(**layout)
    raise TypeError(f"layout must be a string as 'io' or 'oihw', a fastinit.Layout or None, got {layout!r}")


@lru_cache(maxsize=256)
def _of_letters(letters: str) -> Layout:
    return Layout(letters)


def _check_letters(letters: Any) -> None:
    if isinstance(letters, str) and letters in NAMED:
        return
    known = set("io" + KERNEL_LETTERS + STACK_LETTERS)
    if not isinstance(letters, str) or not set(letters) <= known or "o" not in letters or not set("ig") & set(letters):
        raise ValueError(
            f"layout must be one of {', '.join(map(repr, NAMED))}, or a letter per axis with o (output) and i (input) or, "
            f"of depthwise convolutions, g among them, {' '.join(KERNEL_LETTERS)} for a kernel's axes and "
            f"{' '.join(STACK_LETTERS)} for stacks, got {letters!r}"
        )


def _axes(name: str, axes: Any) -> tuple[int, ...] | None:
    if axes is None:
        return None
    numbers = _plain(tuple(axes) if isinstance(axes, (tuple, list)) else (axes,))
    if not all(isinstance(axis, int) and not isinstance(axis, bool) for axis in numbers):
        raise TypeError(f"{name} must be an int or a tuple of ints, got {axes!r}")
    return tuple(numbers)


def _plain(value: Any) -> Any:
    """NumPy's numbers, also those in tuples, as Python's."""
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value


def _axes_by_number(shape: tuple[int, ...], *given: tuple[int, ...]) -> AxesOfWeight:
    """`given`: the axes of inputs, of outputs and of the stack, which may be counted from the end."""
    n = len(shape)
    for axis in itertools.chain(*given):
        if not -n <= axis < n:
            raise ValueError(f"axis {axis} is out of range for shape {shape}")
    in_axes, out_axes, stack = (tuple(axis % n for axis in axes) for axes in given)
    used = (*in_axes, *out_axes, *stack)
    if len(set(used)) < len(used):
        raise ValueError(f"in_axis, out_axis and batch_axis must name each axis once, got {in_axes}, {out_axes}, {stack}")
    return AxesOfWeight(in_axes, out_axes, tuple(axis for axis in range(n) if axis not in used), stack)


def _axes_by_letters(shape: tuple[int, ...], letters: str) -> AxesOfWeight:
    n = len(shape)
    if letters == "io":
        return AxesOfWeight((n - 2,), (n - 1,), tuple(range(n - 2)), ())
    if letters == "oi":
        return AxesOfWeight((1,), (0,), tuple(range(2, n)), ())
    named, letters = letters, "oi" if letters == "embedding" else letters
    if len(letters) != n:
        raise ValueError(f"layout {named!r} names {len(letters)} axes, but shape {shape} has {n}")

    def having(group: str) -> tuple[int, ...]:
        return tuple(axis for axis, letter in enumerate(letters) if letter in group)

    return AxesOfWeight(having("i"), having("o"), having(KERNEL_LETTERS), having(STACK_LETTERS))


UNSPECIFIED = Layout()
"""No layout: enough for a matrix, which is then (in, out)."""

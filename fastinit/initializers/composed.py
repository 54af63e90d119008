"""Initializers that compose a tensor of others: parts along an axis, stacks, mirrored blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fastinit.distributions import Distribution
from fastinit.distributions.base import Draws
from fastinit.initializers.base import CONVENTIONS, Initializer, WholeTensorInitializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.layouts import NAMED, STACK_LETTERS, Layout, LayoutLike, Lengths
from fastinit.initializers.names import InitializerLike, distribution_of, get, named
from fastinit.initializers.weights import weight_of
from fastinit.runtime import checks
from fastinit.runtime.types import Array


@initializer
class Parts(WholeTensorInitializer):
    """Several weights joined along `axis`, each filled like a tensor of its own, with its own fans: fused qkv, gate_up.

    `parts`: pairs of a size and an initializer; the size is a length (an int) or a share (a float, 1 / 3 for each of three),
    the initializer all that `fastinit.get` takes, as in Parts(0, ((4096, "orthogonal"), (1024, "orthogonal"),
    (1024, "he_normal"))). The parts draw one after the other: a part's values depend on the shapes before it. `layout` is
    that of every part. ValueError for lengths that do not add up to that of the axis, and where an initializer refuses the
    shape of its part.

        >>> from fastinit.initializers import parts
        >>> parts((4, 2), axis=0, parts=((0.5, "identity"), (0.5, "zeros")))
        array([[1., 0.],
               [0., 1.],
               [0., 0.],
               [0., 0.]], dtype=float32)
    """

    axis: int
    parts: tuple[tuple[int | float, InitializerLike], ...]

    def check(self) -> None:
        given: Any = self.parts
        if isinstance(given, (str, dict)) or not hasattr(given, "__iter__") or not list(given):
            raise TypeError(f"parts must be pairs of a length or share and an initializer, got {given!r}")
        self._set("parts", tuple(_part(part) for part in given))

    def layout(self, layout: LayoutLike) -> Layout:
        """The layout of a call: if `layout` is None, that of the parts' conventions where they agree."""
        of_parts = {get(part).layout(layout) for _, part in self.parts}
        return of_parts.pop() if len(of_parts) == 1 else CONVENTIONS["math"]

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        self._split(shape, layout)

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        values, first = np.empty(shape, draws.real), 0
        along = np.moveaxis(values, self.axis, 0)
        for distribution, part in self._split(shape, layout):
            length = part[self.axis]
            along[first : first + length] = np.moveaxis(draws.of(distribution, part), self.axis, 0)
            first += length
        return values

    def _split(self, shape: Lengths, layout: Layout) -> list[tuple[Distribution, Lengths]]:
        """The distribution and the shape of each part."""
        if not -len(shape) <= self.axis < len(shape):
            raise ValueError(f"axis {self.axis} is out of range for shape {shape}")
        axis, n = self.axis % len(shape), shape[self.axis]
        lengths = [_length(size, n) for size, _ in self.parts]
        if sum(lengths) != n:
            given = ", ".join(map(str, lengths))
            raise ValueError(f"parts have the lengths {given}, but axis {axis} of shape {shape} has {n}")
        shapes = [(*shape[:axis], length, *shape[axis + 1 :]) for length in lengths]
        return [(distribution_of(of, part, layout), part) for (_, of), part in zip(self.parts, shapes)]


def _part(part: Any) -> tuple[int | float, Initializer]:
    if not isinstance(part, (tuple, list)) or len(part) != 2:
        raise TypeError(f"parts must be pairs of a length or share and an initializer, got {part!r}")
    size, of = part
    if isinstance(size, bool) or not isinstance(size, (int, float, np.integer, np.floating)):
        raise TypeError(f"parts must have an int length or a float share, got {size!r}")
    is_share = isinstance(size, (float, np.floating))
    if not (0 < size < 1 if is_share else size > 0):
        raise ValueError(f"parts must have lengths of at least 1 or shares between 0 and 1, got {size!r}")
    return float(size) if is_share else int(size), named("parts", of)


def _length(size: int | float, n: int) -> int:
    if isinstance(size, int):
        return size
    length = round(size * n)
    if abs(size * n - length) > 1e-9 * n:
        raise ValueError(f"parts have a share of {size!r}, but {size!r} of the length {n} is not an integer")
    return length


class OfAnother(WholeTensorInitializer):
    """Base of the initializers that arrange the values of another one, which also decides the default layout."""

    initializer: InitializerLike

    def check(self) -> None:
        self._set("initializer", named("initializer", self.initializer))

    def layout(self, layout: LayoutLike) -> Layout:
        return get(self.initializer).layout(layout)


@initializer
class Stacked(OfAnother):
    """A stack of experts or layers: `initializer` fills every slice along axis 0 like a tensor of its own.

    Slice e has the same values whatever the number of slices. `layout` is that of a slice; one that has a letter for axis 0
    too, as "eio", also serves. `initializer`: all that `fastinit.get` takes. ValueError for shape (), and where
    `initializer` refuses the shape of a slice.

        >>> from fastinit.initializers import stacked
        >>> stacked((2, 2, 3), initializer="he_normal", seed=0)[:, 0]
        array([[ 0.08587392,  1.4932868 , -0.4112331 ],
               [ 0.26991743,  1.1045095 , -1.068889  ]], dtype=float32)
    """

    initializer: InitializerLike

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        if not shape:
            raise ValueError("shape () has no axis 0: stacked needs at least 1 axis")
        self._distribution_of_slice(shape, layout)

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        distribution, values = self._distribution_of_slice(shape, layout), np.empty(shape, draws.real)
        for number in range(shape[0]):
            draws.child(str(number)).of(distribution, shape[1:], out=values[number : number + 1].reshape(shape[1:]))
        return values

    def _distribution_of_slice(self, shape: Lengths, layout: Layout) -> Distribution:
        letters = layout.letters
        if letters and letters not in NAMED and len(letters) == len(shape) and letters[0] in STACK_LETTERS:
            layout = replace(layout, letters=letters[1:])
        return distribution_of(self.initializer, shape[1:], layout)


MIRRORED = {"first": ("out",), "hidden": ("in", "out"), "last": ("in",)}
"""For each position of a layer, the axes along which its units are in pairs of opposite sign."""


@initializer
class LooksLinear(OfAnother):
    """A ReLU network that starts as a linear one: units in pairs of opposite sign.

    By the `position` of the layer, rows being outputs: "hidden" is [[W, -W], [-W, W]]; "first" is W above -W, for inputs
    that are not in pairs; "last" is W beside -W. `initializer`, all that `fastinit.get` takes, fills W with W's own fans (in
    the paper it is orthogonal). The network then applies the linear maps W1, W2, ... one after the other. Convolutions
    likewise. ValueError for odd numbers of units, another position, and layouts with groups or several axes of units.
    Source: Balduzzi et al. 2017, "The Shattered Gradients Problem", arXiv 1702.08591.

        >>> from fastinit.initializers import looks_linear
        >>> looks_linear((4, 4), initializer="identity")
        array([[ 1.,  0., -1., -0.],
               [ 0.,  1., -0., -1.],
               [-1., -0.,  1.,  0.],
               [-0., -1.,  0.,  1.]], dtype=float32)
    """

    initializer: InitializerLike
    position: str = "hidden"

    def check(self) -> None:
        super().check()
        checks.one_of("position", self.position, MIRRORED)

    def check_shape(self, shape: Lengths, layout: Layout) -> None:
        self._block(shape, layout)

    def values(self, shape: Lengths, layout: Layout, draws: Draws) -> Array:
        distribution, block, axes = self._block(shape, layout)
        values = draws.of(distribution, block)
        for axis in axes:
            values = np.concatenate([values, -values], axis)
        return values

    def _block(self, shape: Lengths, layout: Layout) -> tuple[Distribution, Lengths, list[int]]:
        """The distribution and shape of W, and the axes along which it is mirrored."""
        weight_of(shape, layout, self.function_name)
        known = layout.axes(shape)
        if layout.groups != 1 or len(known.in_axes) != 1 or len(known.out_axes) != 1:
            raise ValueError(f"looks_linear needs one axis of inputs, one of outputs and no groups, got {layout}")
        axes = [{"in": known.in_axes[0], "out": known.out_axes[0]}[side] for side in MIRRORED[self.position]]
        if any(shape[axis] % 2 for axis in axes):
            raise ValueError(f"looks_linear needs even lengths of axes {', '.join(map(str, axes))}, got shape {shape}")
        block = tuple(n // 2 if axis in axes else n for axis, n in enumerate(shape))
        return distribution_of(self.initializer, block, layout), block, axes

"""Tensors made of others: parts along an axis, stacks, mirrored blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastinit import distributions
from fastinit.core.fill import Draws
from fastinit.initializers.base import CONVENTIONS, Initializer, Structured, function
from fastinit.initializers.layouts import NAMED, STACK_LETTERS, Layout
from fastinit.initializers.weights import made_initializer, weight_of


@dataclass(frozen=True, repr=False)
class Parts(Structured):
    """A tensor of several along `axis`, each as if it were a tensor of its own, with its own fans: fused qkv, gate_up.

    `parts`: pairs of a length (an int) or a share (a float, 1 / 3 for each of three) and an initializer or its name, as in
    Parts(0, ((4096, "orthogonal"), (1024, "orthogonal"), (1024, "he_normal"))). The lengths must add up to that of the axis.
    The parts draw one after the other: a part's values depend on the shapes before it. `layout` is that of every part.
    """

    axis: int
    parts: tuple[tuple[int | float, Initializer], ...]

    def check(self) -> None:
        if isinstance(self.parts, (str, dict)) or not hasattr(self.parts, "__iter__") or not list(self.parts):
            raise TypeError(f"parts must be pairs of a length or share and an initializer, got {self.parts!r}")
        self._set("parts", tuple(_part(part) for part in self.parts))

    def layout(self, layout: Any) -> Layout:
        """Where nothing is said, that of the parts' conventions, if they agree."""
        of_parts = {initializer.layout(layout) for _, initializer in self.parts}
        return of_parts.pop() if len(of_parts) == 1 else CONVENTIONS["math"]

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        self._split(shape, layout)

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        values, first = np.empty(shape, draws.real), 0
        along = np.moveaxis(values, self.axis, 0)
        for distribution, part in self._split(shape, layout):
            length = part[self.axis]
            along[first : first + length] = np.moveaxis(draws.of(distribution, part), self.axis, 0)
            first += length
        return values

    def _split(self, shape: tuple[int, ...], layout: Layout) -> list[tuple[distributions.Distribution, tuple[int, ...]]]:
        """The distribution and the shape of each part."""
        if not -len(shape) <= self.axis < len(shape):
            raise ValueError(f"axis {self.axis} is out of range for shape {shape}")
        axis, n = self.axis % len(shape), shape[self.axis]
        lengths = [_length(size, n) for size, _ in self.parts]
        if sum(lengths) != n:
            given = ", ".join(map(str, lengths))
            raise ValueError(f"parts have the lengths {given}, but axis {axis} of shape {shape} has {n}")
        shapes = [(*shape[:axis], length, *shape[axis + 1 :]) for length in lengths]
        return [
            (initializer.distribution_for(part, layout=layout), part) for (_, initializer), part in zip(self.parts, shapes)
        ]


def _part(part: Any) -> tuple[int | float, Initializer]:
    if not isinstance(part, (tuple, list)) or len(part) != 2:
        raise TypeError(f"parts must be pairs of a length or share and an initializer, got {part!r}")
    size, initializer = part
    if isinstance(size, bool) or not isinstance(size, (int, float, np.integer, np.floating)):
        raise TypeError(f"parts must have an int length or a float share, got {size!r}")
    is_share = isinstance(size, (float, np.floating))
    if not (0 < size < 1 if is_share else size > 0):
        raise ValueError(f"parts must have lengths of at least 1 or shares between 0 and 1, got {size!r}")
    return float(size) if is_share else int(size), made_initializer("parts", initializer)


def _length(size: int | float, n: int) -> int:
    if isinstance(size, int):
        return size
    length = round(size * n)
    if abs(size * n - length) > 1e-9 * n:
        raise ValueError(f"parts have a share of {size!r}, which of a length of {n} is no whole number")
    return length


@dataclass(frozen=True, repr=False)
class Stacked(Structured):
    """Every slice along axis 0 is a tensor of its own, made by `initializer`: experts, layers.

    Slice e has the same values whatever the number of slices. `layout` is that of a slice; where it has a letter for each
    axis of the stack, as "eio", the first one, of the stack, is left out.
    """

    initializer: Initializer

    def check(self) -> None:
        self._set("initializer", made_initializer("initializer", self.initializer))

    def layout(self, layout: Any) -> Layout:
        return self.initializer.layout(layout)

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        if not shape:
            raise ValueError("shape () has no axis 0: stacked needs at least 1 axis")
        self._distribution_of_slice(shape, layout)

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        distribution, values = self._distribution_of_slice(shape, layout), np.empty(shape, draws.real)
        for number in range(shape[0]):
            draws.child(str(number)).of(distribution, shape[1:], out=values[number : number + 1].reshape(shape[1:]))
        return values

    def _distribution_of_slice(self, shape: tuple[int, ...], layout: Layout) -> distributions.Distribution:
        letters = layout.letters
        if letters and letters not in NAMED and len(letters) == len(shape) and letters[0] in STACK_LETTERS:
            layout = replace(layout, letters=letters[1:])
        return self.initializer.distribution_for(shape[1:], layout=layout)


LAYERS = {"first": ("out",), "hidden": ("in", "out"), "last": ("in",)}


@dataclass(frozen=True, repr=False)
class LooksLinear(Structured):
    """A ReLU network that starts as a linear one: units in pairs of opposite sign (Balduzzi et al. 2017).

    `layer`: "hidden" is [[W, -W], [-W, W]], rows being outputs; "first" [W, -W] over each other, for inputs that are not in
    pairs; "last" [W, -W] side by side. W is made by `initializer` (the paper's is orthogonal), with its own fans: the layers
    compute W1, W2, ... one after the other. Convolutions likewise. "The Shattered Gradients Problem", arXiv 1702.08591.
    """

    initializer: Initializer
    layer: str = "hidden"

    def check(self) -> None:
        self._set("initializer", made_initializer("initializer", self.initializer))
        self.check_one_of("layer", LAYERS)

    def layout(self, layout: Any) -> Layout:
        return self.initializer.layout(layout)

    def check_shape(self, shape: tuple[int, ...], layout: Layout) -> None:
        self._distribution_of_block(shape, layout)

    def values(self, shape: tuple[int, ...], layout: Layout, draws: Draws) -> np.ndarray:
        distribution, block, axes = self._distribution_of_block(shape, layout)
        values = draws.of(distribution, block)
        for axis in axes:
            values = np.concatenate([values, -values], axis)
        return values

    def _distribution_of_block(
        self, shape: tuple[int, ...], layout: Layout
    ) -> tuple[distributions.Distribution, tuple[int, ...], list[int]]:
        weight_of(shape, layout, "looks_linear")
        known = layout.axes(shape)
        if layout.groups != 1 or len(known.into) != 1 or len(known.out_of) != 1:
            raise ValueError(f"looks_linear needs one axis of inputs, one of outputs and no groups, got {layout}")
        axes = [{"in": known.into[0], "out": known.out_of[0]}[side] for side in LAYERS[self.layer]]
        if any(shape[axis] % 2 for axis in axes):
            raise ValueError(f"looks_linear needs even lengths of axes {', '.join(map(str, axes))}, got shape {shape}")
        block = tuple(n // 2 if axis in axes else n for axis, n in enumerate(shape))
        return self.initializer.distribution_for(block, layout=layout), block, axes


parts = function(Parts)
stacked = function(Stacked)
looks_linear = function(LooksLinear)

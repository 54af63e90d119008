"""Initializers that compose a tensor of others: parts along an axis, stacks, mirrored blocks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from fastinit.distributions import Distribution, Slab, Slabs
from fastinit.distributions.base import Draws
from fastinit.distributions.boxes import Box
from fastinit.distributions.slabs import Slices
from fastinit.initializers.base import CONVENTIONS, Initializer, WholeTensorInitializer
from fastinit.initializers.definition import initializer
from fastinit.initializers.layouts import NAMED, STACK_LETTERS, Layout, LayoutLike, Lengths, layout_of
from fastinit.initializers.names import InitializerLike, distribution_of, get, named
from fastinit.initializers.weights import weight_of
from fastinit.runtime import checks
from fastinit.runtime.types import Array
from fastinit.runtime.values import replace


def _agreed(initializers: Iterable[Initializer], layout: LayoutLike) -> Layout:
    """The layout of a call: if `layout` is None, that of the initializers' conventions where those that have one agree."""
    found = {of.layout(layout) for of in initializers if hasattr(of, "convention") or isinstance(of, Composed)}
    return found.pop() if len(found) == 1 else CONVENTIONS["math"] if layout is None else layout_of(layout)


class Composed(Initializer):
    """Base of the initializers that are composed of others."""


@initializer
class Parts(Composed):
    """Several weights joined along `axis`, each filled like a tensor of its own, with its own fans: fused qkv, gate_up.

    `parts`: pairs of a size and an initializer; the size is a length (an int) or a share (a float, 1 / 3 for each of three),
    the initializer all that `fastinit.get` takes, as in Parts(0, ((4096, "orthogonal"), (1024, "orthogonal"),
    (1024, "he_normal"))). A part's values depend on where it begins and on its shape, not on the other parts. `layout` is
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
        return _agreed((get(of) for _, of in self.parts), layout)

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        if not -len(shape) <= self.axis < len(shape):
            raise ValueError(f"axis {self.axis} is out of range for shape {shape}")
        axis, n = self.axis % len(shape), shape[self.axis]
        lengths = [_length(size, n) for size, _ in self.parts]
        if sum(lengths) != n:
            given = ", ".join(map(str, lengths))
            raise ValueError(f"parts have the lengths {given}, but axis {axis} of shape {shape} has {n}")
        slabs, first = [], 0
        for length, (_, of) in zip(lengths, self.parts):
            start = tuple(first if i == axis else 0 for i in range(len(shape)))
            box = Box(start, (*shape[:axis], length, *shape[axis + 1 :]))
            key = None if get(of).shares_stream else box.key(shape)
            slabs.append(Slab(*box, distribution_of(of, box.shape, layout), key))
            first += length
        return Slabs(shape, tuple(slabs))


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


class OfAnother(Composed):
    """Base of the initializers that arrange the values of another one, which also decides the default layout."""

    initializer: InitializerLike

    def check(self) -> None:
        self._set("initializer", named("initializer", self.initializer))

    def layout(self, layout: LayoutLike) -> Layout:
        return get(self.initializer).layout(layout)

    @property
    def shares_stream(self) -> bool:
        return get(self.initializer).shares_stream


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

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        if not shape:
            raise ValueError("shape () has no axis 0: stacked needs at least 1 axis")
        letters = layout.letters
        if letters and letters not in NAMED and len(letters) == len(shape) and letters[0] in STACK_LETTERS:
            layout = replace(layout, letters=letters[1:])
        return Slabs(shape, Slices(shape, distribution_of(self.initializer, shape[1:], layout)))


@initializer
class WithSlabs(Composed):
    """A tensor of which some boxes are filled in ways of their own: padding rows, an expert that differs, fused weights.

    `slabs`: triples (start, shape, initializer) of the first index and the length along each axis and all that
    `fastinit.get` takes; where two overlap, the later one counts. `initializer` fills the rest; it may be missing where the
    slabs are the whole tensor. Each slab is filled like a tensor of its own shape, with its own fans, and its values depend
    on where it begins and on its shape; the rest has the values that it has without slabs. ValueError for slabs that reach
    beyond the tensor, and where an initializer refuses the shape of its slab.

        >>> from fastinit.initializers import with_slabs
        >>> with_slabs((3, 2), slabs=[((0, 0), (1, 2), "zeros")], initializer="normal", seed=0)
        array([[ 0.        ,  0.        ],
               [ 0.32770532,  2.1025918 ],
               [-0.50444704,  0.26667038]], dtype=float32)
    """

    slabs: tuple[tuple[tuple[int, ...], tuple[int, ...], InitializerLike], ...]
    initializer: InitializerLike | None = None

    def check(self) -> None:
        given: Any = self.slabs
        if isinstance(given, (str, dict)) or not hasattr(given, "__iter__"):
            raise TypeError(f"slabs must be triples of a start, a shape and an initializer, got {given!r}")
        self._set("slabs", tuple(_slab(slab) for slab in given))
        if self.initializer is not None:
            self._set("initializer", named("initializer", self.initializer))

    @classmethod
    def of(cls, slabs: Slabs) -> WithSlabs:
        """The initializer of this distribution: the first slab, if it is the whole tensor, is the rest's initializer.

        ValueError where a slab's stream is not the one that the initializer would give it.

            >>> from fastinit.distributions import Constant, Slab, Slabs
            >>> from fastinit.initializers import WithSlabs
            >>> WithSlabs.of(Slabs((3,), (Slab((0,), (3,), Constant(1.0)), Slab((0,), (1,), Constant(0.0), "[0:()]"))))
            WithSlabs(slabs=(((0,), (1,), Constant(value=0.0)),), initializer=Constant(value=1.0))
        """
        own, *others = slabs.slabs
        rest = get(own.distribution) if own.key is None and own.shape == slabs.shape else None
        boxes = others if rest else slabs.slabs
        for slab in boxes:
            if slab.key != slab.box.key(slabs.shape):
                key = slab.box.key(slabs.shape)
                raise ValueError(f"the slab at {slab.start} must have the key {key!r}, got {slab.key!r}")
        return cls(tuple((slab.start, slab.shape, get(slab.distribution)) for slab in boxes), rest)

    def layout(self, layout: LayoutLike) -> Layout:
        rest = () if self.initializer is None else (self.initializer,)
        return _agreed((get(of) for of in (*rest, *(of for _, _, of in self.slabs))), layout)

    def _distribution(self, shape: Lengths, layout: Layout) -> Distribution:
        boxes = [(Box(start, lengths), of) for start, lengths, of in self.slabs]
        slabs = [Slab(*box, distribution_of(of, box.shape, layout), box.key(shape)) for box, of in boxes]
        if self.initializer is not None:
            slabs.insert(0, Slab(*Box.whole(shape), distribution_of(self.initializer, shape, layout)))
        return Slabs(shape, tuple(slabs))


def _slab(slab: Any) -> tuple[tuple[int, ...], tuple[int, ...], Initializer]:
    if not isinstance(slab, (tuple, list)) or len(slab) != 3:
        raise TypeError(f"slabs must be triples of a start, a shape and an initializer, got {slab!r}")
    start, shape, of = slab
    return checks.shape(start, "start"), checks.shape(shape), named("slabs", of)


MIRRORED = {"first": ("out",), "hidden": ("in", "out"), "last": ("in",)}
"""For each position of a layer, the axes along which its units are in pairs of opposite sign."""


@initializer
class LooksLinear(OfAnother, WholeTensorInitializer):
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

    def multiplications(self, shape: Lengths, layout: Layout) -> int:
        return self._block(shape, layout)[0].multiplications

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
